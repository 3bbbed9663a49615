/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that many groups of a transaction raise: added up in memory and
 * written once, just before the commit.  What a group has added goes with it
 * when it is undone.
 */
#include "db/internal.h"

#include <string.h>

#include "base/text.h"

static int write_sum(struct orch_db *db, const char *sql, int64_t number, struct orch_text name,
	int64_t by, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, sql, &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, number);
	orch_db_bind_text(statement, 2, name);
	orch_db_bind_int(statement, 3, by);
	return orch_db_step_done(statement, err);
}

static struct orch_db_sum *find_sum(struct orch_db *db, const char *sql, int64_t number)
{
	for (size_t i = 0; i < db->sum_count; i++) {
		if (db->sums[i].number == number && db->sums[i].sql == sql)
			return &db->sums[i];
	}
	return NULL;
}

int orch_db_add_up(struct orch_db *db, const char *sql, int64_t number, struct orch_text name,
	int64_t by, struct orch_err *err)
{
	struct orch_db_sum *sum = find_sum(db, sql, number);

	if (!sum && (db->sum_count == ORCH_DB_SUMS || name.len > sizeof(sum->name)))
		return write_sum(db, sql, number, name, by, err);
	if (!sum) {
		sum = &db->sums[db->sum_count++];
		*sum = (struct orch_db_sum){ .sql = sql, .number = number, .name_len = name.len };
		memcpy(sum->name, name.ptr, name.len);
	}
	if (sum->group != db->group_number) {
		sum->group = db->group_number;
		sum->before = sum->by;
	}
	sum->by += by;
	return ORCH_OK;
}

void orch_db_undo_sums(struct orch_db *db)
{
	for (size_t i = 0; i < db->sum_count; i++) {
		if (db->sums[i].group == db->group_number)
			db->sums[i].by = db->sums[i].before;
	}
}

void orch_db_forget_sums(struct orch_db *db)
{
	db->sum_count = 0;
}

int orch_db_write_sums(struct orch_db *db, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < db->sum_count && code == ORCH_OK; i++) {
		const struct orch_db_sum *sum = &db->sums[i];

		if (sum->by != 0)
			code = write_sum(db, sum->sql, sum->number,
				(struct orch_text){ sum->name, sum->name_len }, sum->by, err);
	}
	orch_db_forget_sums(db);
	return code;
}
