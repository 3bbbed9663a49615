/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is prepared on a connection.
 *
 * The types of its parameters are part of a statement: the server is told
 * them, so that it does not guess from the text.  A NULL has no type; should
 * it come first, the same text is prepared once more when a value comes, and
 * then with all types that were seen in the places of its NULLs.
 */
#include <stdio.h>
#include <string.h>

#include "pg/internal.h"

static size_t bucket_of(const char *sql)
{
	return ((uintptr_t)sql >> 3) & (ORCH_PG_STATEMENT_BUCKETS - 1);
}

/* A NULL of now had a type before, perhaps. */
static Oid known_type(const struct orch_pg_statement *statement, const char *sql, unsigned i)
{
	for (; statement; statement = statement->next) {
		if (statement->sql == sql && i < statement->count && statement->types[i] != 0)
			return statement->types[i];
	}
	return 0;
}

static bool fits(const struct orch_pg_statement *statement, const struct orch_pg_sender *sender)
{
	if (statement->sql != sender->sql || statement->count != sender->count)
		return false;
	for (unsigned i = 0; i < sender->count; i++) {
		Oid type = sender->parameters[i].type;

		if (type != 0 && type != statement->types[i])
			return false;
	}
	return true;
}

struct orch_pg_statement *orch_pg_statement_find(
	struct orch_pg_link *link, const struct orch_pg_sender *sender)
{
	struct orch_pg_statement **bucket = &link->buckets[bucket_of(sender->sql)];
	struct orch_pg_statement *statement;

	for (statement = *bucket; statement; statement = statement->next) {
		if (fits(statement, sender))
			return statement;
	}
	if (link->statement_count == ORCH_PG_STATEMENTS)
		return NULL;
	statement = &link->statements[link->statement_count++];
	*statement = (struct orch_pg_statement){
		.sql = sender->sql, .next = *bucket, .count = sender->count
	};
	(void)snprintf(statement->name, sizeof(statement->name), "s%zu", link->statement_count);
	for (unsigned i = 0; i < sender->count; i++)
		statement->types[i] = sender->parameters[i].type
			? sender->parameters[i].type
			: known_type(*bucket, sender->sql, i);
	*bucket = statement;
	return statement;
}

void orch_pg_statements_forget(struct orch_pg_link *link)
{
	memset(link->buckets, 0, sizeof(link->buckets));
	link->statement_count = 0;
}
