/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: each id once, the ledger with them. */
#include "base/clock.h"
#include "base/text.h"
#include "queue/sqlite.h"

/* What was put to one queue, to be counted at once. */
struct tally {
	struct orch_text name;
	int64_t queue;
	int64_t accepted, duplicates;
};

static int choose_state(struct orch_db *db, const struct orch_message *message, int64_t queue,
	enum item_state *ret_state, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code;

	*ret_state = message->delay_ms ? ITEM_DELAYED : ITEM_READY;
	if (message->order.len == 0)
		return ORCH_OK;
	code = orch_db_statement(db,
		"SELECT 1 FROM item WHERE queue = ?1 AND sequence = ?2 LIMIT 1", &statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	orch_db_bind_text(statement, 2, message->order);
	code = orch_db_step(statement, &row, err);
	if (row)
		*ret_state = ITEM_BLOCKED;
	return code;
}

static int insert_body(
	struct orch_db *db, int64_t row, struct orch_text sealed, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(
		db, "INSERT INTO body (row, sealed) VALUES (?1, ?2)", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, row);
	orch_db_bind_blob(statement, 2, sealed);
	return orch_db_step_done(statement, err);
}

static int insert_item(struct orch_db *db, const struct orch_message *message, int64_t queue,
	uint64_t put_ms, enum item_state state, int64_t *ret_row, struct orch_err *err)
{
	int64_t visible = (int64_t)(orch_db_now_ms(db) + message->delay_ms);
	int64_t lead = (int64_t)message->priority * ORCH_QUEUE_GRADE_MS;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO item (queue, state, at, visible, id, sequence, pipeline, tenant,"
		" trace, priority, put, time)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
		" ON CONFLICT (queue, time, id) DO NOTHING",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	orch_db_bind_int(statement, 2, (int64_t)state);
	orch_db_bind_int(statement, 3, state == ITEM_READY ? visible - lead : visible);
	orch_db_bind_int(statement, 4, visible);
	orch_db_bind_text(statement, 5, message->id);
	if (message->order.len)
		orch_db_bind_text(statement, 6, message->order);
	orch_db_bind_text(statement, 7, message->pipeline);
	orch_db_bind_text(statement, 8, message->tenant);
	orch_db_bind_text(statement, 9, message->trace);
	orch_db_bind_int(statement, 10, message->priority);
	orch_db_bind_int(statement, 11, (int64_t)put_ms);
	orch_db_bind_int(statement, 12, (int64_t)message->time_ms);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK)
		*ret_row = orch_db_changes(db) == 0
			? 0
			: sqlite3_last_insert_rowid(sqlite3_db_handle(statement));
	return code;
}

static int insert(struct orch_queue_sqlite *queue, struct orch_db *db,
	const struct orch_message *message, struct tally *tally, bool *ret_inserted,
	struct orch_err *err)
{
	uint64_t put_ms = orch_clock_now_ms();
	enum item_state state;
	struct orch_text sealed;
	int64_t row = 0;
	int code = choose_state(db, message, tally->queue, &state, err);

	if (code == ORCH_OK)
		code = insert_item(db, message, tally->queue, put_ms, state, &row, err);
	if (code < 0)
		return code;
	*ret_inserted = row != 0;
	if (row == 0)
		return ORCH_OK;
	code = orch_queue_sqlite_seal(queue, message->body,
		orch_message_about(&queue->about, message, put_ms), &sealed, err);
	return code < 0 ? code : insert_body(db, row, sealed, err);
}

static int count_put(struct orch_db *db, const struct tally *tally, struct orch_err *err)
{
	int code = ORCH_OK;

	if (tally->accepted) {
		orch_queue_sqlite_note(db, tally->name);
		code = orch_queue_sqlite_count(
			db, ORCH_QUEUE_ACCEPTED, tally->name, tally->accepted, err);
	}
	if (tally->duplicates && code == ORCH_OK)
		code = orch_queue_sqlite_count(
			db, ORCH_QUEUE_DUPLICATES, tally->name, tally->duplicates, err);
	return code;
}

static int put_one(struct orch_queue_sqlite *queue, struct orch_db *db,
	const struct orch_message *message, struct orch_queue_op *op, struct tally *tally,
	struct orch_err *err)
{
	bool inserted = false;
	bool seen = false;
	int code = orch_message_check(message, err);

	if (code == ORCH_OK && op->is_accepted)
		code = orch_queue_sqlite_look_back(
			queue, db, message->queue, message->id, 0, &seen, err);
	if (code == ORCH_OK && op->is_accepted && !seen && message->alias.len > 0)
		code = orch_queue_sqlite_look_back(queue, db, message->queue, message->alias,
			message->alias_time_ms, &seen, err);
	if (code == ORCH_OK && !seen)
		code = insert(queue, db, message, tally, &inserted, err);
	if (code < 0)
		return code;
	if (inserted)
		tally->accepted++;
	else if (op->is_accepted) {
		tally->duplicates++;
		op->duplicates++;
	}
	return ORCH_OK;
}

int orch_queue_sqlite_put(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	struct tally tally = { .name = ORCH_TEXT_NONE };
	int code = ORCH_OK;

	op->duplicates = 0;
	for (size_t i = 0; i < op->message_count && code == ORCH_OK; i++) {
		const struct orch_message *message = &op->messages[i];

		if (i == 0 || !orch_text_equal(message->queue, tally.name)) {
			code = count_put(db, &tally, err);
			tally = (struct tally){ .name = message->queue,
				.queue = orch_queue_sqlite_number(message->queue) };
		}
		if (code == ORCH_OK)
			code = put_one(queue, db, message, op, &tally, err);
	}
	return code < 0 ? code : count_put(db, &tally, err);
}
