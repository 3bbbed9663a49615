/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of queues as operations of the database's groups. */
#include <assert.h>

#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

static_assert(sizeof(struct orch_queue_pg_op) <= sizeof(((struct orch_queue_op *)0)->backend),
	"an op has room for its statements");

int orch_queue_pg_no_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
}

bool orch_queue_pg_ready(struct orch_pg_op *const *ops, size_t count)
{
	bool have = true;

	for (size_t i = 0; i < count; i++) {
		struct orch_queue_pg_op *state = orch_queue_pg_state(ops[i]);

		if (state->arena == NULL)
			state->arena = orch_arena_create(0);
		have = have && state->arena != NULL;
	}
	return have;
}

static int send_op(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	return orch_queue_pg_state(op)->kind->many.send(&op, 1, sender, err);
}

static int take_op(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	const struct orch_queue_pg_kind *kind = orch_queue_pg_state(op)->kind;

	return kind->many.take == NULL ? ORCH_OK : kind->many.take(&op, 1, number, rows, err);
}

static const struct orch_queue_pg_kind *kind_of(const struct orch_queue_op *op)
{
	static const struct orch_queue_pg_kind *const kinds[] = {
		[ORCH_QUEUE_PUT] = &orch_queue_pg_put,
		[ORCH_QUEUE_RENEW] = &orch_queue_pg_renew,
		[ORCH_QUEUE_RELEASE] = &orch_queue_pg_release,
		[ORCH_QUEUE_CHECKPOINT] = &orch_queue_pg_checkpoint,
		[ORCH_QUEUE_SETTLE] = &orch_queue_pg_settle,
		[ORCH_QUEUE_BURY] = &orch_queue_pg_bury,
		[ORCH_QUEUE_REMEMBER] = &orch_queue_pg_remember,
		[ORCH_QUEUE_RECALL] = &orch_queue_pg_recall,
	};

	if (op->kind == ORCH_QUEUE_PUT && op->is_accepted)
		return &orch_queue_pg_put_unseen;
	if (op->kind == ORCH_QUEUE_SETTLE && op->end == ORCH_END_DEAD)
		return &orch_queue_pg_bury;
	return kinds[op->kind];
}

static size_t size_of(const struct orch_queue_op *op)
{
	size_t bytes = 0;

	for (size_t i = 0; op->kind == ORCH_QUEUE_PUT && i < op->message_count; i++)
		bytes += op->messages[i].body.len + sizeof(op->messages[i]);
	return bytes;
}

struct orch_db_op *orch_queue_pg_op(const struct orch_secret *key, struct orch_queue_op *op)
{
	const struct orch_queue_pg_kind *kind = kind_of(op);
	struct orch_queue_pg_op *state = orch_queue_pg_of(op);

	*state = (struct orch_queue_pg_op){
		.pg_op = { .send = send_op,
			.take = take_op,
			.kind = kind->is_alone ? NULL : &kind->many,
			.turn = kind->turn,
			.bytes = size_of(op) },
		.kind = kind,
		.op = op,
		.key = key,
	};
	return &state->pg_op.base;
}

struct orch_queue_op *orch_queue_pg_op_of(struct orch_db_op *db_op)
{
	struct orch_queue_pg_op *state = (struct orch_queue_pg_op *)(void *)db_op;

	return state->pg_op.send == send_op ? state->op : NULL;
}

void orch_queue_pg_op_fini(struct orch_queue_op *op)
{
	struct orch_queue_pg_op *state = orch_queue_pg_of(op);

	orch_arena_destroy(state->arena);
	state->arena = NULL;
	state->items = NULL;
	state->item_count = 0;
}

static struct orch_text copy(
	const struct orch_pg_rows *rows, size_t row, int column, struct orch_arena *arena)
{
	return orch_pg_is_null(rows, row, column)
		? ORCH_TEXT_NONE
		: orch_arena_text(arena, orch_pg_get(rows, row, column));
}

void orch_pg_take_item(const struct orch_pg_rows *rows, size_t row, struct orch_arena *arena,
	struct orch_pg_item *ret_item)
{
	*ret_item = (struct orch_pg_item){
		.row = orch_pg_get_int(rows, row, 0),
		.message = { .queue = copy(rows, row, 1, arena),
			.id = copy(rows, row, 2, arena),
			.alias = ORCH_TEXT_NONE,
			.pipeline = copy(rows, row, 3, arena),
			.tenant = copy(rows, row, 4, arena),
			.trace = copy(rows, row, 5, arena),
			.order = copy(rows, row, 6, arena),
			.priority = (uint32_t)orch_pg_get_int(rows, row, 7),
			.time_ms = (uint64_t)orch_pg_get_int(rows, row, 8),
			.body = ORCH_TEXT_NONE },
		.put_ms = (uint64_t)orch_pg_get_int(rows, row, 9),
		.delay_ms = orch_pg_get_int(rows, row, 10),
		.sealed = ORCH_TEXT_NONE,
	};
}

int orch_pg_take_items(const struct orch_pg_rows *rows, struct orch_arena *arena,
	struct orch_pg_item **ret_items, size_t *ret_count, struct orch_err *err)
{
	size_t count = orch_pg_count(rows);
	struct orch_pg_item *items = orch_arena_alloc_array(arena, count + 1, sizeof(*items));

	for (size_t i = 0; items != NULL && i < count; i++) {
		orch_pg_take_item(rows, i, arena, &items[i]);
		items[i].sealed = copy(rows, i, ORCH_PG_ITEM_COLUMN_COUNT, arena);
	}
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	*ret_items = items;
	*ret_count = count;
	return ORCH_OK;
}
