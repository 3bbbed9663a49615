/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements are prepared once for each connection.  SQL is nearly always a
 * literal, so its address finds it; the text is compared all the same, since
 * composed SQL may stand where other SQL stood before.
 */
#include "db/internal.h"

#include <string.h>

#include "base/alloc.h"

#define ORCH_DB_STATEMENTS_KEPT (ORCH_DB_STATEMENTS * 3 / 4) /* so that a search always ends */

static size_t slot_of(const char *sql)
{
	uint64_t address = (uint64_t)(uintptr_t)sql;

	return (size_t)((address * 0x9e3779b97f4a7c15u) >> 32) % ORCH_DB_STATEMENTS;
}

/* The slot that holds SQL, else the free one where it belongs. */
static size_t find_by_address(const struct orch_db_connection *connection, const char *sql)
{
	size_t at = slot_of(sql);

	while (connection->slots[at].sql &&
		(connection->slots[at].key != sql || strcmp(connection->slots[at].sql, sql) != 0))
		at = (at + 1) % ORCH_DB_STATEMENTS;
	return at;
}

static bool find_by_text(
	const struct orch_db_connection *connection, const char *sql, size_t *ret_at)
{
	for (size_t at = 0; at < ORCH_DB_STATEMENTS; at++) {
		if (connection->slots[at].sql && strcmp(connection->slots[at].sql, sql) == 0) {
			*ret_at = at;
			return true;
		}
	}
	return false;
}

static int prepare(
	struct orch_db_connection *connection, size_t at, const char *sql, struct orch_err *err)
{
	struct orch_db_statement_slot *slot = &connection->slots[at];
	sqlite3_stmt *statement = NULL;
	char *copy;
	int code;

	if (connection->slot_count >= ORCH_DB_STATEMENTS_KEPT)
		return orch_fail(err, ORCH_E_INTERNAL, "database: too many different statements");
	code = sqlite3_prepare_v3(
		connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
	if (code != SQLITE_OK)
		return orch_db_fail(connection->handle, code, err);
	copy = orch_strdup(sql);
	if (!copy) {
		(void)sqlite3_finalize(statement);
		return orch_fail(err, ORCH_E_NOMEM, "database: out of memory");
	}
	*slot = (struct orch_db_statement_slot){ .key = sql, .sql = copy, .statement = statement };
	connection->slot_count++;
	return ORCH_OK;
}

int orch_db_statement(
	struct orch_db *db, const char *sql, sqlite3_stmt **ret_statement, struct orch_err *err)
{
	struct orch_db_connection *connection = &db->connection;
	size_t at = find_by_address(connection, sql);
	struct orch_db_statement_slot *slot;

	if (!connection->slots[at].sql && !find_by_text(connection, sql, &at)) {
		int code = prepare(connection, at, sql, err);

		if (code < 0)
			return code;
	}
	slot = &connection->slots[at];
	if (slot->in_use) {
		(void)sqlite3_reset(slot->statement);
		(void)sqlite3_clear_bindings(slot->statement);
	} else {
		slot->in_use = true;
		connection->used[connection->used_count++] = (uint16_t)at;
	}
	*ret_statement = slot->statement;
	return ORCH_OK;
}

void orch_db_release_statements(struct orch_db_connection *connection)
{
	for (size_t i = 0; i < connection->used_count; i++) {
		struct orch_db_statement_slot *slot = &connection->slots[connection->used[i]];

		(void)sqlite3_reset(slot->statement);
		(void)sqlite3_clear_bindings(slot->statement);
		slot->in_use = false;
	}
	connection->used_count = 0;
}

int orch_db_step(sqlite3_stmt *statement, bool *ret_row, struct orch_err *err)
{
	int code = sqlite3_step(statement);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return orch_db_fail(sqlite3_db_handle(statement), code, err);
	*ret_row = code == SQLITE_ROW;
	return ORCH_OK;
}

int orch_db_step_done(sqlite3_stmt *statement, struct orch_err *err)
{
	bool row = false;
	int code = orch_db_step(statement, &row, err);

	orch_assert(code < 0 || !row);
	return code;
}

int orch_db_changes(struct orch_db *db)
{
	return sqlite3_changes(db->connection.handle);
}

/* A value that SQLite does not take (too long) stays NULL, which no column of ours accepts. */
void orch_db_bind_text(sqlite3_stmt *statement, int index, struct orch_text text)
{
	(void)sqlite3_bind_text64(
		statement, index, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void orch_db_bind_blob(sqlite3_stmt *statement, int index, struct orch_text bytes)
{
	(void)sqlite3_bind_blob64(
		statement, index, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
}

void orch_db_bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
	(void)sqlite3_bind_int64(statement, index, value);
}

struct orch_text orch_db_column_text(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_text(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return (struct orch_text){ bytes ? bytes : "", bytes ? (size_t)len : 0 };
}

struct orch_text orch_db_column_blob(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return (struct orch_text){ bytes ? bytes : "", bytes ? (size_t)len : 0 };
}
