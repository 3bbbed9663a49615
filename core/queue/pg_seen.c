/* SPDX-License-Identifier: Apache-2.0 */
/* Names that others are to recall within a day. */
#include "base/text.h"
#include "queue/pg.h"

static int add_keys(const struct orch_queue_op *op, struct orch_arena *arena,
	struct orch_text *keys, struct orch_err *err)
{
	int code = orch_message_check_names(op, err);

	for (size_t i = 0; code == ORCH_OK && i < op->name_count; i++) {
		char *key = orch_arena_alloc(arena, ORCH_QUEUE_SEEN_BYTES);

		keys[i] = key == NULL ? ORCH_TEXT_NONE
				      : orch_message_seen_key(op->name, op->names[i], 0, key);
	}
	return code;
}

/* The names of all, one behind the other. */
static int send_names(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	const char *sql, struct orch_err *err)
{
	struct orch_arena *arena;
	struct orch_text *keys;
	size_t total = 0, at = 0;
	int code = ORCH_OK;

	if (!orch_queue_pg_ready(ops, count))
		return orch_queue_pg_no_memory(err);
	arena = orch_queue_pg_arena(ops);
	for (size_t i = 0; i < count; i++)
		total += orch_queue_pg_state(ops[i])->op->name_count;
	keys = orch_arena_alloc_array(arena, total + 1, sizeof(*keys));
	for (size_t i = 0; keys != NULL && code == ORCH_OK && i < count; i++) {
		const struct orch_queue_op *op = orch_queue_pg_state(ops[i])->op;

		code = add_keys(op, arena, keys + at, err);
		at += op->name_count;
	}
	if (code == ORCH_OK && orch_arena_failed(arena))
		code = orch_queue_pg_no_memory(err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, sql);
	orch_pg_byteses(sender, keys, total);
	return orch_pg_end(sender, err);
}

/* The day counts from the last time. */
static int send_remember(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	return send_names(ops, count, sender,
		"INSERT INTO seen (key, at) SELECT DISTINCT unnest($1::bytea[]), orch_ms()"
		" ORDER BY 1 ON CONFLICT (key) DO UPDATE SET at = excluded.at",
		err);
}

const struct orch_queue_pg_kind orch_queue_pg_remember = { .many = { send_remember, NULL },
	.turn = ORCH_PG_LAST };

static int send_recall(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	return send_names(ops, count, sender,
		"SELECT n FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, n)"
		" JOIN seen USING (key) WHERE at >= orch_ms() - " ORCH_QUEUE_DAY_SQL,
		err);
}

static int take_recall(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	struct orch_queue_op *op = orch_queue_pg_state(ops[0])->op;

	(void)number, (void)count;
	for (size_t i = 0; i < op->name_count; i++)
		op->known[i] = false;
	for (size_t r = 0; r < orch_pg_count(rows); r++) {
		size_t n = (size_t)orch_pg_get_int(rows, r, 0) - 1;

		if (n >= op->name_count)
			return orch_fail(err, ORCH_E_INTERNAL, "queue: a name of another's");
		op->known[n] = true;
	}
	return ORCH_OK;
}

const struct orch_queue_pg_kind orch_queue_pg_recall = { .many = { send_recall, take_recall },
	.is_alone = true };
