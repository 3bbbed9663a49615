/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receives: what is due becomes ready, the first by rank are leased, their
 * bodies opened.  A row that does not open is set aside and the rest goes on.
 * Nothing is written when there is nothing to lease, so it costs no flush.
 */
#include <stdlib.h>

#include "base/text.h"
#include "queue/sqlite.h"

struct claim {
	struct orch_lease lease;
	int64_t rank;
	struct orch_text memo; /* sealed */
	bool is_damaged;
};

static int expire(struct orch_db *db, int64_t queue, int64_t now, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"UPDATE item SET state = 0, visible = at, at = at - priority * ?3, token = 0"
		" WHERE row IN (SELECT row FROM item WHERE queue = ?1 AND state IN (1, 2)"
		" AND at <= ?2 LIMIT ?4)",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	orch_db_bind_int(statement, 2, now);
	orch_db_bind_int(statement, 3, ORCH_QUEUE_GRADE_MS);
	orch_db_bind_int(statement, 4, ORCH_QUEUE_EXPIRE_MAX);
	return orch_db_step_done(statement, err);
}

/* So that the watches are told when the next delay or lease ends. */
static int wake_at_next(
	struct orch_db *db, struct orch_text name, int64_t queue, struct orch_err *err)
{
	char topic[ORCH_DB_TOPIC_BYTES];
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT min(at) FROM (SELECT min(at) AS at FROM item WHERE queue = ?1 AND state = 1"
		" UNION ALL SELECT min(at) FROM item WHERE queue = ?1 AND state = 2)",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	code = orch_db_step(statement, &row, err);
	if (code < 0)
		return code;
	if (row && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		orch_queue_sqlite_topic(name, topic);
		orch_db_wake_at(db, topic, (uint64_t)sqlite3_column_int64(statement, 0));
	}
	return ORCH_OK;
}

static struct orch_text copy(struct orch_arena *arena, sqlite3_stmt *statement, int column)
{
	return orch_arena_text(arena, orch_db_column_blob(statement, column));
}

static void take_row(sqlite3_stmt *statement, const struct orch_queue_op *op, struct claim *claim)
{
	struct orch_lease *lease = &claim->lease;
	struct orch_message *message = &lease->message;

	lease->row = (uint64_t)sqlite3_column_int64(statement, 0);
	message->queue = op->name;
	message->id = copy(op->arena, statement, 1);
	message->order = copy(op->arena, statement, 2);
	message->pipeline = copy(op->arena, statement, 3);
	message->tenant = copy(op->arena, statement, 4);
	message->trace = copy(op->arena, statement, 5);
	message->priority = (uint32_t)sqlite3_column_int64(statement, 6);
	lease->put_ms = (uint64_t)sqlite3_column_int64(statement, 7);
	lease->receives = (uint32_t)sqlite3_column_int64(statement, 8);
	lease->attempts = (uint32_t)sqlite3_column_int64(statement, 9);
	lease->step = (uint32_t)sqlite3_column_int64(statement, 10);
	lease->step_sent = sqlite3_column_int64(statement, 11) != 0;
	claim->memo = copy(op->arena, statement, 12);
	claim->rank = sqlite3_column_int64(statement, 13);
	message->time_ms = (uint64_t)sqlite3_column_int64(statement, 14);
}

static int bind_claim(struct orch_db *db, const struct orch_queue_op *op, int64_t queue,
	int64_t now, uint64_t token, sqlite3_stmt **ret_statement, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"UPDATE item SET state = 2, at = ?2, token = ?3, receives = receives + 1"
		" WHERE row IN (SELECT row FROM item WHERE queue = ?1 AND state = 0"
		" ORDER BY at, row LIMIT ?4)"
		" RETURNING row, id, sequence, pipeline, tenant, trace, priority, put, receives,"
		" attempts, step, step_sent, memo, visible - priority * ?5, time",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, queue);
	orch_db_bind_int(statement, 2, now + (int64_t)op->visibility_ms);
	orch_db_bind_int(statement, 3, (int64_t)token);
	orch_db_bind_int(statement, 4,
		op->max < ORCH_QUEUE_RECEIVE_MAX ? (int64_t)op->max : ORCH_QUEUE_RECEIVE_MAX);
	orch_db_bind_int(statement, 5, ORCH_QUEUE_GRADE_MS);
	*ret_statement = statement;
	return ORCH_OK;
}

/* One statement leases them all; the array is made only if there is a row. */
static int claim_rows(struct orch_db *db, const struct orch_queue_op *op, int64_t queue,
	int64_t now, struct claim **ret_claims, size_t *ret_count, struct orch_err *err)
{
	size_t max = op->max < ORCH_QUEUE_RECEIVE_MAX ? op->max : ORCH_QUEUE_RECEIVE_MAX;
	uint64_t token = orch_message_draw_token();
	struct claim *claims = NULL;
	sqlite3_stmt *statement;
	size_t count = 0;
	bool row = false;
	int code = bind_claim(db, op, queue, now, token, &statement, err);

	if (code < 0)
		return code;
	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row && count < max) {
		if (!claims)
			claims = orch_arena_alloc_array(op->arena, max, sizeof(*claims));
		if (!claims)
			return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
		take_row(statement, op, &claims[count]);
		claims[count++].lease.token = token;
	}
	if (code < 0)
		return code;
	*ret_claims = claims;
	*ret_count = count;
	return ORCH_OK;
}

static int open_claim(struct orch_queue_sqlite *queue, struct orch_db *db,
	const struct orch_queue_op *op, struct claim *claim, struct orch_err *err)
{
	struct orch_lease *lease = &claim->lease;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT sealed FROM body WHERE row = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)lease->row);
	code = orch_db_step(statement, &row, err);
	if (code < 0)
		return code;
	code = orch_message_open(queue->key, &queue->about, orch_db_column_blob(statement, 0),
		claim->memo, op->arena, lease);
	if (code == ORCH_E_NOMEM || orch_arena_failed(op->arena))
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	claim->is_damaged = code < 0;
	return claim->is_damaged ? orch_queue_sqlite_bury_damaged(db, lease, err) : ORCH_OK;
}

static int by_rank(const void *a, const void *b)
{
	const struct claim *first = a;
	const struct claim *second = b;

	if (first->rank != second->rank)
		return first->rank < second->rank ? -1 : 1;
	return first->lease.row < second->lease.row ? -1 : first->lease.row > second->lease.row;
}

static int open_claims(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct claim *claims, size_t count, struct orch_err *err)
{
	bool any_damaged = false;

	op->leases = orch_arena_alloc_array(op->arena, count, sizeof(*op->leases));
	if (!op->leases)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	qsort(claims, count, sizeof(*claims), by_rank);
	for (size_t i = 0; i < count; i++) {
		int code = open_claim(queue, db, op, &claims[i], err);

		if (code < 0)
			return code;
		if (claims[i].is_damaged)
			any_damaged = true;
		else
			op->leases[op->lease_count++] = claims[i].lease;
	}
	/* Its order key may be what is damaged: those behind must not wait for ever. */
	if (!any_damaged)
		return ORCH_OK;
	orch_queue_sqlite_note(db, op->name);
	return orch_queue_sqlite_promote_all(db, err);
}

int orch_queue_sqlite_receive(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	int64_t number = orch_queue_sqlite_number(op->name);
	int64_t now = (int64_t)orch_db_now_ms(db);
	struct claim *claims = NULL;
	size_t count = 0;
	int code;

	op->leases = NULL;
	op->lease_count = 0;
	if (!queue->key)
		return orch_fail(err, ORCH_E_DENIED, "queue: opened without its key");
	code = expire(db, number, now, err);
	if (code == ORCH_OK)
		code = claim_rows(db, op, number, now, &claims, &count, err);
	if (code == ORCH_OK && count < op->max)
		code = wake_at_next(db, op->name, number, err);
	if (code == ORCH_OK && count > 0)
		code = open_claims(queue, db, op, claims, count, err);
	return code;
}
