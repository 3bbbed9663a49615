/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of leases.  One that was lost undoes its group: who has lost it must
 * not store or put anything.  Where an order key loses its head, the next one
 * takes its place, and is to be sent.
 */
#include "base/text.h"
#include "queue/pg.h"

#define LOST "queue: the lease was lost meanwhile"
#define HELD " i.row = g.row AND i.token = g.token AND i.state = 2"
#define OR_LOST                                                                    \
	" SELECT orch_require((SELECT count(*) FROM gone) = (SELECT count(*) FROM" \
	" given), -4, '" LOST "')"

/* What is said of the ops, an array for each parameter. */
struct columns {
	int64_t *rows, *tokens, *whats;
	struct orch_text *reasons;
};

static const struct orch_queue_op *op_at(struct orch_pg_op *const *ops, size_t i)
{
	return orch_queue_pg_state(ops[i])->op;
}

static bool make_columns(struct orch_arena *arena, size_t count, struct columns *columns)
{
	columns->rows = orch_arena_alloc_array(arena, count, sizeof(*columns->rows));
	columns->tokens = orch_arena_alloc_array(arena, count, sizeof(*columns->tokens));
	columns->whats = orch_arena_alloc_array(arena, count, sizeof(*columns->whats));
	columns->reasons = orch_arena_alloc_array(arena, count, sizeof(*columns->reasons));
	return !orch_arena_failed(arena);
}

static void fill(struct columns *columns, size_t i, const struct orch_queue_op *op)
{
	bool dropped = op->end == ORCH_END_DROPPED;

	columns->rows[i] = (int64_t)op->lease->row;
	columns->tokens[i] = (int64_t)op->lease->token;
	columns->whats[i] = dropped ? ORCH_TALLY_DROPPED : ORCH_TALLY_DONE;
	columns->reasons[i] =
		dropped ? orch_message_cut(op->reason, ORCH_QUEUE_REASON_BYTES) : ORCH_TEXT_NONE;
}

static int send_ends(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	struct columns columns;

	if (!orch_queue_pg_ready(ops, count) ||
		!make_columns(orch_queue_pg_arena(ops), count, &columns))
		return orch_queue_pg_no_memory(err);
	for (size_t i = 0; i < count; i++)
		fill(&columns, i, op_at(ops, i));
	orch_pg_begin(sender,
		"WITH given AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[],"
		" $4::text[]) AS g (row, token, what, reason)),"
		" gone AS (DELETE FROM item AS i USING given AS g WHERE" HELD
		" RETURNING i.queue, g.what, g.reason),"
		" bodies AS (DELETE FROM body AS b USING given AS g WHERE b.row = g.row),"
		" counted AS (INSERT INTO tally (queue, what, reason, number)"
		" SELECT queue, what, reason, count(*) FROM gone GROUP BY 1, 2, 3)" OR_LOST);
	orch_pg_ints(sender, columns.rows, count);
	orch_pg_ints(sender, columns.tokens, count);
	orch_pg_ints(sender, columns.whats, count);
	orch_pg_texts(sender, columns.reasons, count);
	return orch_pg_end(sender, err);
}

static int send_promotions(struct orch_pg_op *const *ops, size_t count,
	struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_arena *arena = orch_queue_pg_arena(ops);
	struct orch_text *queues = orch_arena_alloc_array(arena, count, sizeof(*queues));
	struct orch_text *orders = orch_arena_alloc_array(arena, count, sizeof(*orders));
	size_t ordered = 0;

	if (queues == NULL || orders == NULL)
		return orch_queue_pg_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const struct orch_message *message = &op_at(ops, i)->lease->message;

		if (message->order.len == 0)
			continue;
		queues[ordered] = message->queue;
		orders[ordered++] = message->order;
	}
	if (ordered == 0)
		return ORCH_OK;
	orch_pg_begin(sender,
		"WITH keys AS (SELECT DISTINCT * FROM unnest($1::text[], $2::bytea[])"
		" AS k (queue, sequence)), next AS (UPDATE item SET"
		" state = CASE WHEN at > orch_ms() THEN 1 ELSE 0 END, sent = -orch_ms()"
		" WHERE row IN (SELECT (SELECT b.row FROM item AS b WHERE b.queue = k.queue"
		" AND b.sequence = k.sequence AND b.state = 3 ORDER BY b.row LIMIT 1)"
		" FROM keys AS k) RETURNING *)"
		" SELECT " ORCH_PG_ITEM_COLUMNS("next") ", body.sealed"
							" FROM next JOIN body USING (row)");
	orch_pg_texts(sender, queues, ordered);
	orch_pg_byteses(sender, orders, ordered);
	return orch_pg_end(sender, err);
}

static int send_settle(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	int code = send_ends(ops, count, sender, err);

	return code < 0 ? code : send_promotions(ops, count, sender, err);
}

/* The op that was the head before; the first, if none is found. */
static struct orch_queue_pg_op *successor_of(
	struct orch_pg_op *const *ops, size_t count, const struct orch_pg_item *item)
{
	for (size_t i = 0; i < count; i++) {
		const struct orch_message *message = &op_at(ops, i)->lease->message;

		if (orch_text_equal(message->order, item->message.order) &&
			orch_text_equal(message->queue, item->message.queue))
			return orch_queue_pg_state(ops[i]);
	}
	return orch_queue_pg_state(ops[0]);
}

/* An op may be followed by one at most: its key has one head. */
static int give_next(struct orch_pg_op *const *ops, size_t count, const struct orch_pg_rows *rows,
	size_t row, struct orch_err *err)
{
	struct orch_pg_item item;
	struct orch_queue_pg_op *state;

	orch_pg_take_item(rows, row, orch_queue_pg_arena(ops), &item);
	state = successor_of(ops, count, &item);
	state->items = orch_arena_alloc(state->arena, sizeof(*state->items));
	if (state->items == NULL)
		return orch_queue_pg_no_memory(err);
	orch_pg_take_item(rows, row, state->arena, state->items);
	state->items->sealed =
		orch_arena_text(state->arena, orch_pg_get(rows, row, ORCH_PG_ITEM_COLUMN_COUNT));
	state->item_count = 1;
	return orch_arena_failed(state->arena) ? orch_queue_pg_no_memory(err) : ORCH_OK;
}

static int take_end(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; number == 0 && i < count; i++)
		orch_queue_pg_state(ops[i])->item_count = 0;
	for (size_t r = 0; number == 1 && code == ORCH_OK && r < orch_pg_count(rows); r++)
		code = give_next(ops, count, rows, r, err);
	return code;
}

const struct orch_queue_pg_kind orch_queue_pg_settle = { .many = { send_settle, take_end },
	.turn = ORCH_PG_SOON };

static int send_bury(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	const struct orch_queue_op *op = op_at(ops, 0);
	int code;

	if (!orch_queue_pg_ready(ops, count))
		return orch_queue_pg_no_memory(err);
	orch_pg_begin(sender,
		"WITH given AS (SELECT $1::bigint AS row, $2::bigint AS token),"
		" gone AS (DELETE FROM item AS i USING given AS g WHERE" HELD " RETURNING i.*),"
		" bodies AS (DELETE FROM body WHERE row = $1::bigint RETURNING sealed),"
		" buried AS (INSERT INTO dead (row, queue, alien, step_sent, priority,"
		" receives, attempts, step, ended, time, put, id, pipeline, tenant, trace,"
		" sequence, memo, reason, detail, sealed)"
		" SELECT row, queue, false, step_sent, priority, receives, attempts, step,"
		" orch_ms(), time, put, id, pipeline, tenant, trace, sequence, memo,"
		" $3::text, $4::text, bodies.sealed FROM gone LEFT JOIN bodies ON true)" OR_LOST);
	orch_pg_int(sender, (int64_t)op->lease->row);
	orch_pg_int(sender, (int64_t)op->lease->token);
	orch_pg_text(sender, orch_message_cut(op->reason, ORCH_QUEUE_REASON_BYTES));
	orch_pg_text(sender, orch_message_cut(op->detail, ORCH_QUEUE_DETAIL_BYTES));
	code = orch_pg_end(sender, err);
	return code < 0 ? code : send_promotions(ops, count, sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_bury = {
	.many = { send_bury, take_end }, .turn = ORCH_PG_SOON, .is_alone = true
};
