/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of a lease may do.  Each statement names the token: with a lost lease it finds no row. */
#include "base/text.h"
#include "queue/pg.h"

#define LOST "queue: the lease was lost meanwhile"
#define HELD " i.row = g.row AND i.token = g.token AND i.state = 2"

static const struct orch_queue_op *op_at(struct orch_pg_op *const *ops, size_t i)
{
	return orch_queue_pg_state(ops[i])->op;
}

/* Rows and tokens, the first two parameters of all these statements. */
static int begin_held(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	const char *sql, struct orch_err *err)
{
	struct orch_arena *arena;
	int64_t *rows, *tokens;

	if (!orch_queue_pg_ready(ops, count))
		return orch_queue_pg_no_memory(err);
	arena = orch_queue_pg_arena(ops);
	rows = orch_arena_alloc_array(arena, count, sizeof(*rows));
	tokens = orch_arena_alloc_array(arena, count, sizeof(*tokens));
	if (rows == NULL || tokens == NULL)
		return orch_queue_pg_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		rows[i] = (int64_t)op_at(ops, i)->lease->row;
		tokens[i] = (int64_t)op_at(ops, i)->lease->token;
	}
	orch_pg_begin(sender, sql);
	orch_pg_ints(sender, rows, count);
	orch_pg_ints(sender, tokens, count);
	return ORCH_OK;
}

/* One number of each. */
static void add_numbers(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	int64_t (*number_of)(const struct orch_queue_op *op))
{
	int64_t *numbers =
		orch_arena_alloc_array(orch_queue_pg_arena(ops), count, sizeof(*numbers));

	for (size_t i = 0; numbers != NULL && i < count; i++)
		numbers[i] = number_of(op_at(ops, i));
	orch_pg_ints(sender, numbers, numbers == NULL ? 0 : count);
}

static int end(struct orch_pg_op *const *ops, struct orch_pg_sender *sender, struct orch_err *err)
{
	return orch_arena_failed(orch_queue_pg_arena(ops)) ? orch_queue_pg_no_memory(err)
							   : orch_pg_end(sender, err);
}

/* The numbers of those that were held are given; the others have lost their lease. */
static int take_held(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	bool *held = orch_arena_alloc_array(orch_queue_pg_arena(ops), count, sizeof(*held));

	(void)number;
	if (held == NULL)
		return orch_queue_pg_no_memory(err);
	for (size_t r = 0; r < orch_pg_count(rows); r++) {
		size_t n = (size_t)orch_pg_get_int(rows, r, 0) - 1;

		if (n < count)
			held[n] = true;
	}
	for (size_t i = 0; i < count; i++)
		if (!held[i])
			orch_pg_op_fail(ops[i], ORCH_E_DENIED, LOST);
	return ORCH_OK;
}

static int64_t visibility_of(const struct orch_queue_op *op)
{
	return (int64_t)op->visibility_ms;
}

static int send_renew(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	int code = begin_held(ops, count, sender,
		"UPDATE item AS i SET at = orch_ms() + g.ms FROM unnest($1::bigint[], $2::bigint[],"
		" $3::bigint[]) WITH ORDINALITY AS g (row, token, ms, n) WHERE" HELD " RETURNING n",
		err);

	if (code < 0)
		return code;
	add_numbers(ops, count, sender, visibility_of);
	return end(ops, sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_renew = { .many = { send_renew, take_held },
	.turn = ORCH_PG_SOON };

static int64_t delay_of(const struct orch_queue_op *op)
{
	return (int64_t)op->delay_ms;
}

static int64_t failed_of(const struct orch_queue_op *op)
{
	return op->failed ? 1 : 0;
}

static int64_t uncounted_of(const struct orch_queue_op *op)
{
	return op->uncounted ? 1 : 0;
}

static int send_release(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	int code = begin_held(ops, count, sender,
		"UPDATE item AS i SET state = CASE WHEN g.ms > 0 THEN 1 ELSE 0 END,"
		" at = orch_ms() + g.ms, attempts = attempts + g.failed,"
		" receives = receives - g.uncounted, token = 0"
		" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
		" $5::bigint[]) WITH ORDINALITY AS g (row, token, ms, failed, uncounted, n)"
		" WHERE" HELD " RETURNING n",
		err);

	if (code < 0)
		return code;
	add_numbers(ops, count, sender, delay_of);
	add_numbers(ops, count, sender, failed_of);
	add_numbers(ops, count, sender, uncounted_of);
	return end(ops, sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_release = { .many = { send_release, take_held },
	.turn = ORCH_PG_SOON };

static int64_t step_of(const struct orch_queue_op *op)
{
	return op->step;
}

static int64_t step_sent_of(const struct orch_queue_op *op)
{
	return op->step_sent ? 1 : 0;
}

static int seal_memo(struct orch_queue_pg_op *state, struct orch_arena *arena,
	struct orch_text *ret_sealed, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;
	size_t len = op->memo.len + ORCH_SEAL_OVERHEAD;
	char *sealed = orch_arena_alloc(arena, len);
	struct orch_text about;
	struct orch_buf buf;
	bool failed;

	if (op->memo.len > ORCH_QUEUE_MEMO_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "queue: a memo of more than %d bytes",
			ORCH_QUEUE_MEMO_BYTES);
	orch_buf_init(&buf, ORCH_QUEUE_ABOUT_BYTES);
	about = orch_message_about_progress(
		&buf, &op->lease->message, op->lease->put_ms, op->step, op->step_sent);
	failed = sealed == NULL || buf.failed;
	if (!failed)
		orch_seal(state->key, op->memo, about, sealed);
	orch_buf_fini(&buf);
	*ret_sealed = (struct orch_text){ sealed, len };
	return failed ? orch_queue_pg_no_memory(err) : ORCH_OK;
}

static int send_checkpoint(struct orch_pg_op *const *ops, size_t count,
	struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_text *memos;
	int code = begin_held(ops, count, sender,
		"UPDATE item AS i SET step = g.step, step_sent = g.sent > 0, memo = g.memo"
		" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
		" $5::bytea[]) WITH ORDINALITY AS g (row, token, step, sent, memo, n)"
		" WHERE" HELD " RETURNING n",
		err);

	if (code < 0)
		return code;
	memos = orch_arena_alloc_array(orch_queue_pg_arena(ops), count, sizeof(*memos));
	for (size_t i = 0; memos != NULL && code == ORCH_OK && i < count; i++)
		code = seal_memo(
			orch_queue_pg_state(ops[i]), orch_queue_pg_arena(ops), &memos[i], err);
	if (code < 0)
		return code;
	add_numbers(ops, count, sender, step_of);
	add_numbers(ops, count, sender, step_sent_of);
	orch_pg_byteses(sender, memos, memos == NULL ? 0 : count);
	return end(ops, sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_checkpoint = { .many = { send_checkpoint, take_held },
	.turn = ORCH_PG_FIRST };
