/* SPDX-License-Identifier: Apache-2.0 */
/* Names that others are to recall within a day. */
#include "base/text.h"
#include "queue/pg.h"

static int make_keys(
	struct orch_queue_pg_op *state, struct orch_text **ret_keys, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;
	struct orch_text *keys =
		orch_arena_alloc_array(state->arena, op->name_count + 1, sizeof(*keys));
	int code = orch_message_check_names(op, err);

	for (size_t i = 0; keys != NULL && code == ORCH_OK && i < op->name_count; i++) {
		char *key = orch_arena_alloc(state->arena, ORCH_QUEUE_SEEN_BYTES);

		if (key != NULL)
			keys[i] = orch_message_seen_key(op->name, op->names[i], 0, key);
	}
	if (code == ORCH_OK && orch_arena_failed(state->arena))
		code = orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	*ret_keys = keys;
	return code;
}

static int send_names(struct orch_queue_pg_op *state, struct orch_pg_sender *sender,
	const char *sql, struct orch_err *err)
{
	struct orch_text *keys;
	int code = make_keys(state, &keys, err);

	if (code < 0)
		return code;
	orch_pg_begin(sender, sql);
	orch_pg_byteses(sender, keys, state->op->name_count);
	return orch_pg_end(sender, err);
}

/* The day counts from the last time. */
static int send_remember(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	return send_names(state, sender,
		"INSERT INTO seen (key, at) SELECT DISTINCT unnest($1::bytea[]), orch_ms()"
		" ORDER BY 1 ON CONFLICT (key) DO UPDATE SET at = excluded.at",
		err);
}

const struct orch_queue_pg_kind orch_queue_pg_remember = { send_remember, NULL };

static int send_recall(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	return send_names(state, sender,
		"SELECT n FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, n)"
		" JOIN seen USING (key) WHERE at >= orch_ms() - " ORCH_QUEUE_DAY_SQL,
		err);
}

static int take_recall(struct orch_queue_pg_op *state, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	struct orch_queue_op *op = state->op;

	(void)number;
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

const struct orch_queue_pg_kind orch_queue_pg_recall = { send_recall, take_recall };
