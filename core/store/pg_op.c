/* SPDX-License-Identifier: Apache-2.0 */
/* What is written, of one op or of many: their events, then the results of all. */
#include "store/pg.h"
#include "store/shared.h"

static const struct orch_store_op *op_of(const struct orch_pg_op *pg_op)
{
	return ((const struct orch_store_pg_op *)(const void *)pg_op)->op;
}

static int check_ops(struct orch_pg_op *const *ops, size_t count, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		code = orch_store_check_op(op_of(ops[i]), err);
	return code;
}

static int send_events(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_arena *arena, struct orch_err *err)
{
	const struct orch_secret *key = orch_store_pg_of(op_of(ops[0])->store)->key;
	const struct orch_stored_event **events =
		orch_arena_alloc_array(arena, count, sizeof(*events));
	size_t event_count = 0;

	if (!events)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	for (size_t i = 0; i < count; i++)
		if (op_of(ops[i])->kind == ORCH_STORE_EVENT)
			events[event_count++] = op_of(ops[i])->event;
	if (event_count == 0)
		return ORCH_OK;
	return orch_store_pg_send_events(sender, key, events, event_count, arena, err);
}

static int send_results(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_arena *arena, struct orch_err *err)
{
	const struct orch_secret *key = orch_store_pg_of(op_of(ops[0])->store)->key;
	struct orch_store_value *rows;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		total += op_of(ops[i])->result_count;
	if (total == 0)
		return ORCH_OK;
	rows = orch_arena_alloc_array(arena, total, ORCH_STORE_RESULT_COUNT * sizeof(*rows));
	if (!rows)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	for (size_t o = 0; o < count; o++)
		for (size_t i = 0; i < op_of(ops[o])->result_count; i++)
			orch_store_result_to_row(
				&op_of(ops[o])->results[i], rows + at++ * ORCH_STORE_RESULT_COUNT);
	return orch_store_pg_send_results(sender, key, rows, total, arena, err);
}

static int send_ops(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	int code = arena ? check_ops(ops, count, err)
			 : orch_fail(err, ORCH_E_NOMEM, "store: out of memory");

	if (code == ORCH_OK)
		code = send_events(ops, count, sender, arena, err);
	if (code == ORCH_OK)
		code = send_results(ops, count, sender, arena, err);
	orch_arena_destroy(arena);
	return code;
}

static int send_op(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	return send_ops(&op, 1, sender, err);
}

static const struct orch_pg_kind kind = { send_ops, NULL };

/* Sealed, and in a list of such, it is copied twice: it had better go by itself. */
#define LARGE_BYTES (64 * 1024)
#define FINDING_BYTES 512 /* about */

static size_t size_of(const struct orch_store_op *op)
{
	if (op->kind != ORCH_STORE_EVENT)
		return 0;
	return op->event->content.len + op->event->finding_count * FINDING_BYTES;
}

void orch_store_pg_op_init(struct orch_store_pg_op *state, struct orch_store_op *op)
{
	size_t bytes = size_of(op);

	*state =
		(struct orch_store_pg_op){ .pg_op = { .send = send_op, .bytes = bytes }, .op = op };
	if (bytes <= LARGE_BYTES)
		state->pg_op.kind = &kind;
}
