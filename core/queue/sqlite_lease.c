/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of a lease may do.  Each statement names the token: with a lost lease it finds no row. */
#include "base/clock.h"
#include "base/text.h"
#include "queue/sqlite.h"

static int lost(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_DENIED, "queue: the lease was lost meanwhile");
}

/* Runs a statement of which ?1 and ?2 are row and token, which must find the row. */
static int bind_lease(struct orch_db *db, const char *sql, const struct orch_lease *lease,
	sqlite3_stmt **ret_statement, struct orch_err *err)
{
	int code = orch_db_statement(db, sql, ret_statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(*ret_statement, 1, (int64_t)lease->row);
	orch_db_bind_int(*ret_statement, 2, (int64_t)lease->token);
	return lease->token ? ORCH_OK : lost(err);
}

static int step_held(struct orch_db *db, sqlite3_stmt *statement, struct orch_err *err)
{
	int code = orch_db_step_done(statement, err);

	if (code < 0)
		return code;
	return orch_db_changes(db) ? ORCH_OK : lost(err);
}

int orch_queue_sqlite_renew(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = bind_lease(db,
		"UPDATE item SET at = ?3 WHERE row = ?1 AND token = ?2 AND state = 2", op->lease,
		&statement, err);

	(void)queue;
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 3, (int64_t)(orch_db_now_ms(db) + op->visibility_ms));
	return step_held(db, statement, err);
}

int orch_queue_sqlite_release(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = bind_lease(db,
		"UPDATE item SET state = ?3, visible = ?4, at = ?4 - priority * ?5,"
		" attempts = attempts + ?6, receives = receives - ?7, token = 0"
		" WHERE row = ?1 AND token = ?2 AND state = 2",
		op->lease, &statement, err);

	(void)queue;
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 3, op->delay_ms ? ITEM_DELAYED : ITEM_READY);
	orch_db_bind_int(statement, 4, (int64_t)(orch_db_now_ms(db) + op->delay_ms));
	orch_db_bind_int(statement, 5, op->delay_ms ? 0 : ORCH_QUEUE_GRADE_MS);
	orch_db_bind_int(statement, 6, op->failed ? 1 : 0);
	orch_db_bind_int(statement, 7, op->uncounted ? 1 : 0);
	code = step_held(db, statement, err);
	if (code == ORCH_OK)
		orch_queue_sqlite_note(db, op->lease->message.queue);
	return code;
}

int orch_queue_sqlite_checkpoint(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	struct orch_text sealed;
	sqlite3_stmt *statement = NULL;
	int code;

	if (op->memo.len > ORCH_QUEUE_MEMO_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "queue: a memo of more than %d bytes",
			ORCH_QUEUE_MEMO_BYTES);
	code = orch_queue_sqlite_seal(queue, op->memo,
		orch_message_about_progress(&queue->about, &op->lease->message, op->lease->put_ms,
			op->step, op->step_sent),
		&sealed, err);
	if (code == ORCH_OK)
		code = bind_lease(db,
			"UPDATE item SET step = ?3, step_sent = ?4, memo = ?5"
			" WHERE row = ?1 AND token = ?2 AND state = 2",
			op->lease, &statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 3, op->step);
	orch_db_bind_int(statement, 4, op->step_sent);
	orch_db_bind_blob(statement, 5, sealed);
	return step_held(db, statement, err);
}

static int delete_body(struct orch_db *db, uint64_t row, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "DELETE FROM body WHERE row = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)row);
	return orch_db_step_done(statement, err);
}

/* The row and its body go; the next of its key comes. */
static int delete_item(struct orch_db *db, const struct orch_lease *lease, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = bind_lease(db, "DELETE FROM item WHERE row = ?1 AND token = ?2 AND state = 2",
		lease, &statement, err);

	if (code == ORCH_OK)
		code = step_held(db, statement, err);
	if (code == ORCH_OK)
		code = delete_body(db, lease->row, err);
	if (code == ORCH_OK)
		code = orch_queue_sqlite_promote(
			db, lease->message.queue, lease->message.order, err);
	return code;
}

int orch_queue_sqlite_count_dropped(
	struct orch_db *db, int64_t queue, struct orch_text reason, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO dropped (queue, reason, count) VALUES (?1, ?2, 1)"
		" ON CONFLICT (queue, reason) DO UPDATE SET count = count + 1",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	orch_db_bind_text(statement, 2, orch_message_cut(reason, ORCH_QUEUE_REASON_BYTES));
	return orch_db_step_done(statement, err);
}

int orch_queue_sqlite_settle(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	int64_t number = orch_queue_sqlite_number(op->lease->message.queue);
	int code;

	if (op->end == ORCH_END_DEAD)
		return orch_queue_sqlite_bury(queue, db, op, err);
	code = delete_item(db, op->lease, err);
	if (code < 0)
		return code;
	return op->end == ORCH_END_DROPPED
		? orch_queue_sqlite_count_dropped(db, number, op->reason, err)
		: orch_queue_sqlite_count(db, ORCH_QUEUE_DONE, op->lease->message.queue, 1, err);
}

static int set_aside(struct orch_db *db, const struct orch_lease *lease, struct orch_text reason,
	struct orch_text detail, bool damaged, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = bind_lease(db,
		"INSERT INTO dead (queue, time, id, sequence, pipeline, tenant, trace, priority, "
		"put,"
		" ended, receives, attempts, step, step_sent, memo, reason, detail, damaged, "
		"sealed)"
		" SELECT queue, time, id, sequence, pipeline, tenant, trace, priority, put, ?3, "
		"receives,"
		" attempts, step, step_sent, memo, ?4, ?5, ?6, sealed"
		" FROM item LEFT JOIN body USING (row)"
		" WHERE row = ?1 AND token = ?2 AND state = 2",
		lease, &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 3, (int64_t)orch_clock_now_ms());
	orch_db_bind_text(statement, 4, orch_message_cut(reason, ORCH_QUEUE_REASON_BYTES));
	orch_db_bind_text(statement, 5, orch_message_cut(detail, ORCH_QUEUE_DETAIL_BYTES));
	orch_db_bind_int(statement, 6, damaged);
	code = step_held(db, statement, err);
	return code < 0 ? code : delete_item(db, lease, err);
}

int orch_queue_sqlite_bury(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	(void)queue;
	return set_aside(db, op->lease, op->reason, op->detail, false, err);
}

int orch_queue_sqlite_bury_damaged(
	struct orch_db *db, const struct orch_lease *lease, struct orch_err *err)
{
	return set_aside(db, lease, ORCH_TEXT("damaged"),
		ORCH_TEXT("the row was changed or damaged at rest"), true, err);
}

int orch_queue_sqlite_promote(
	struct orch_db *db, struct orch_text name, struct orch_text order, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code;

	if (order.len == 0)
		return ORCH_OK;
	code = orch_db_statement(db,
		"UPDATE item SET state = visible > ?3, at = CASE WHEN visible > ?3 THEN visible"
		" ELSE visible - priority * ?4 END WHERE state = 3 AND row ="
		" (SELECT min(row) FROM item WHERE queue = ?1 AND sequence = ?2)",
		&statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, orch_queue_sqlite_number(name));
	orch_db_bind_text(statement, 2, order);
	orch_db_bind_int(statement, 3, (int64_t)orch_db_now_ms(db));
	orch_db_bind_int(statement, 4, ORCH_QUEUE_GRADE_MS);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && orch_db_changes(db))
		orch_queue_sqlite_note(db, name);
	return code;
}

int orch_queue_sqlite_promote_all(struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"UPDATE item SET state = visible > ?2, at = CASE WHEN visible > ?2 THEN visible"
		" ELSE visible - priority * ?1 END WHERE state = 3"
		" AND NOT EXISTS (SELECT 1 FROM item AS head WHERE head.queue = item.queue"
		" AND head.sequence = item.sequence AND head.row < item.row)",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, ORCH_QUEUE_GRADE_MS);
	orch_db_bind_int(statement, 2, (int64_t)orch_db_now_ms(db));
	return orch_db_step_done(statement, err);
}
