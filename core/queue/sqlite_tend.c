/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State, time, token and place of a row change all the time and so are not
 * sealed.  A bit that flips in one of them, or in an index, may leave a row
 * where no receive ever finds it.  Such rows are looked for beside the writer;
 * what is found is ready again, which at worst repeats work, and a row of a
 * queue that nobody knows is set aside.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "queue/sqlite.h"

#define ORCH_QUEUE_AHEAD_MS (36 * 3600 * 1000) /* no lease or delay ends later */

/* What is not a number is greater than any. */
#define IS_LOST "(queue IS NULL OR queue NOT IN (SELECT queue FROM ledger))"
#define IS_STUCK                                          \
	"(state IS NULL OR state NOT BETWEEN 0 AND 3 OR " \
	"(state IN (1, 2) AND (at IS NULL OR at > ?1)))"
/* Without the index, which may be what is wrong. */
#define IS_HEADLESS                                                              \
	"(state = 3 AND (sequence IS NULL OR row IN (SELECT min(row) FROM item " \
	"NOT INDEXED WHERE sequence IS NOT NULL GROUP BY queue, sequence)))"
#define SUM "sum(row % 65521 * (at % 1000003 + state % 5 * 7 + queue % 1000003))"

struct tend {
	struct orch_db_op op;
	bool is_needed;
	uint64_t count; /* rows that were put right */
};

static int64_t ahead(const struct orch_db *db)
{
	return (int64_t)orch_db_now_ms(db) + ORCH_QUEUE_AHEAD_MS;
}

static int look(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct tend *tend = (struct tend *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT EXISTS (SELECT 1 FROM item NOT INDEXED WHERE " IS_LOST " OR " IS_STUCK
		" OR " IS_HEADLESS ") OR (SELECT " SUM " FROM item NOT INDEXED) IS NOT"
		" (SELECT " SUM " FROM item INDEXED BY item_at)",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, ahead(db));
	code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK)
		tend->is_needed = row && sqlite3_column_int64(statement, 0) != 0;
	return code;
}

/* A ledger whose number is not that of its name any more hides all rows of its queue. */
static int find_wrong_ledger(
	struct orch_db *db, char name[ORCH_QUEUE_NAME_BYTES], bool *ret_found, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT queue, name FROM ledger", &statement, err);

	*ret_found = false;
	while (code == ORCH_OK && !*ret_found &&
		(code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		struct orch_text found = orch_db_column_text(statement, 1);

		if (found.len >= ORCH_QUEUE_NAME_BYTES ||
			sqlite3_column_int64(statement, 0) == orch_queue_sqlite_number(found))
			continue;
		(void)snprintf(name, ORCH_QUEUE_NAME_BYTES, "%s", found.ptr);
		*ret_found = true;
	}
	return code;
}

static int mend_ledgers(struct orch_db *db, uint64_t *count, struct orch_err *err)
{
	char name[ORCH_QUEUE_NAME_BYTES];
	bool found = true;
	int code = ORCH_OK;

	while (code == ORCH_OK && found) {
		sqlite3_stmt *statement = NULL;

		code = find_wrong_ledger(db, name, &found, err);
		if (code == ORCH_OK && found)
			code = orch_db_statement(db, "UPDATE ledger SET queue = ?1 WHERE name = ?2",
				&statement, err);
		if (code < 0 || !found)
			return code;
		orch_db_bind_int(statement, 1, orch_queue_sqlite_number(orch_text_from(name)));
		orch_db_bind_text(statement, 2, orch_text_from(name));
		code = orch_db_step_done(statement, err);
		(*count)++;
	}
	return code;
}

static int look_around(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct tend *tend = (struct tend *)(void *)op;
	char name[ORCH_QUEUE_NAME_BYTES];
	bool found = false;
	int code = look(op, db, err);

	if (code == ORCH_OK)
		code = find_wrong_ledger(db, name, &found, err);
	if (found)
		tend->is_needed = true;
	return code;
}

/* Counts the rows that SQL changes; ?1 is the time ahead, ?2 is now, ?3 is now for people. */
static int change(struct orch_db *db, const char *sql, uint64_t *ret_count, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, sql, &statement, err);
	int used;

	if (code < 0)
		return code;
	used = sqlite3_bind_parameter_count(statement);
	if (used >= 1)
		orch_db_bind_int(statement, 1, ahead(db));
	if (used >= 2)
		orch_db_bind_int(statement, 2, (int64_t)orch_db_now_ms(db));
	if (used >= 3)
		orch_db_bind_int(statement, 3, (int64_t)orch_clock_now_ms());
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && ret_count != NULL)
		*ret_count += (uint64_t)orch_db_changes(db);
	return code;
}

static int note_queues(struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT name FROM ledger", &statement, err);

	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		orch_queue_sqlite_note(db, orch_db_column_text(statement, 0));
	return code;
}

static int set_lost_aside(struct orch_db *db, uint64_t *count, struct orch_err *err)
{
	int code = change(db,
		"INSERT INTO dead (queue, time, id, sequence, pipeline, tenant, trace,"
		" priority, put, ended, receives, attempts, step, step_sent, memo, reason,"
		" detail, damaged, sealed) SELECT queue, time, id, sequence, pipeline,"
		" tenant, trace, priority, put, ?3, receives, attempts, step, step_sent,"
		" memo, 'damaged', 'the row names no queue', ?1 > ?2, sealed"
		" FROM item LEFT JOIN body USING (row) WHERE " IS_LOST,
		count, err);

	return code < 0 ? code : change(db, "DELETE FROM item WHERE " IS_LOST, NULL, err);
}

static int mend(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct tend *tend = (struct tend *)(void *)op;
	int code = change(db, "REINDEX item", NULL, err);

	tend->count = 0;
	if (code == ORCH_OK)
		code = mend_ledgers(db, &tend->count, err);
	if (code == ORCH_OK)
		code = set_lost_aside(db, &tend->count, err);
	if (code == ORCH_OK)
		code = change(
			db, "DELETE FROM body WHERE row NOT IN (SELECT row FROM item)", NULL, err);
	if (code == ORCH_OK)
		code = change(db,
			"UPDATE item SET state = 0, at = ?2, visible = ?2, token = 0 "
			"WHERE " IS_STUCK " OR " IS_HEADLESS,
			&tend->count, err);
	return code < 0 ? code : note_queues(db, err);
}

int orch_queue_sqlite_tend(struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err)
{
	struct tend tend = { .op = { .run = look_around } };
	struct orch_db_group group = { .first = &tend.op };
	int code = orch_db_read(queue->db, &tend.op, err);

	/* An index that cannot be read is built anew. */
	if (code == ORCH_E_INTERNAL || (code == ORCH_OK && tend.is_needed)) {
		tend.op.run = mend;
		code = orch_db_run(queue->db, &group, err);
	}
	if (code == ORCH_OK)
		*ret_count = tend.count;
	return code;
}
