/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of a lease may do.  Each statement names the token: with a lost lease it finds no row. */
#include "base/text.h"
#include "queue/pg.h"

#define HELD " WHERE row = $1::bigint AND token = $2::bigint AND state = 2"
#define LOST "queue: the lease was lost meanwhile"

static void begin_held(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, const char *sql)
{
	orch_pg_begin(sender, sql);
	orch_pg_int(sender, (int64_t)state->op->lease->row);
	orch_pg_int(sender, (int64_t)state->op->lease->token);
}

static int take_held(struct orch_queue_pg_op *state, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	(void)state, (void)number;
	return orch_pg_changed(rows) > 0 ? ORCH_OK : orch_fail(err, ORCH_E_DENIED, LOST);
}

static int send_renew(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	begin_held(state, sender, "UPDATE item SET at = orch_ms() + $3::bigint" HELD);
	orch_pg_int(sender, (int64_t)state->op->visibility_ms);
	return orch_pg_end(sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_renew = { send_renew, take_held };

static int send_release(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;

	begin_held(state, sender,
		"UPDATE item SET state = CASE WHEN $3::bigint > 0 THEN 1 ELSE 0 END,"
		" at = orch_ms() + $3::bigint, attempts = attempts + $4::bigint,"
		" receives = receives - $5::bigint, token = 0" HELD);
	orch_pg_int(sender, (int64_t)op->delay_ms);
	orch_pg_int(sender, op->failed ? 1 : 0);
	orch_pg_int(sender, op->uncounted ? 1 : 0);
	return orch_pg_end(sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_release = { send_release, take_held };

static int send_checkpoint(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;
	size_t len = op->memo.len + ORCH_SEAL_OVERHEAD;
	char *sealed = orch_arena_alloc(state->arena, len);
	struct orch_text about;
	struct orch_buf buf;

	if (op->memo.len > ORCH_QUEUE_MEMO_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "queue: a memo of more than %d bytes",
			ORCH_QUEUE_MEMO_BYTES);
	orch_buf_init(&buf, ORCH_QUEUE_ABOUT_BYTES);
	about = orch_message_about_progress(
		&buf, &op->lease->message, op->lease->put_ms, op->step, op->step_sent);
	if (sealed == NULL || buf.failed) {
		orch_buf_fini(&buf);
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	}
	orch_seal(state->key, op->memo, about, sealed);
	orch_buf_fini(&buf);
	begin_held(state, sender,
		"UPDATE item SET step = $3::bigint, step_sent = $4::boolean, memo = "
		"$5::bytea" HELD);
	orch_pg_int(sender, op->step);
	orch_pg_bool(sender, op->step_sent);
	orch_pg_bytes(sender, (struct orch_text){ sealed, len });
	return orch_pg_end(sender, err);
}

const struct orch_queue_pg_kind orch_queue_pg_checkpoint = { send_checkpoint, take_held };

#define GONE                                                   \
	"WITH gone AS (DELETE FROM item" HELD " RETURNING *)," \
	" bodies AS (DELETE FROM body WHERE row = $1::bigint RETURNING sealed), "
#define OR_LOST " SELECT orch_require(EXISTS (SELECT 1 FROM gone), -4, '" LOST "')"

static int send_settle(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;
	bool dropped = op->end == ORCH_END_DROPPED;

	begin_held(state, sender,
		GONE "counted AS (INSERT INTO tally (queue, what, reason, number)"
		     " SELECT queue, $3::bigint, $4::text, 1 FROM gone)" OR_LOST);
	orch_pg_int(sender, dropped ? ORCH_TALLY_DROPPED : ORCH_TALLY_DONE);
	orch_pg_text(sender,
		dropped ? orch_message_cut(op->reason, ORCH_QUEUE_REASON_BYTES) : ORCH_TEXT_NONE);
	return orch_pg_end(sender, err);
}

static int send_bury(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;

	begin_held(state, sender,
		GONE "buried AS (INSERT INTO dead (row, queue, alien, step_sent, priority,"
		     " receives, attempts, step, ended, time, put, id, pipeline, tenant, trace,"
		     " sequence, memo, reason, detail, sealed)"
		     " SELECT row, queue, false, step_sent, priority, receives, attempts, step,"
		     " orch_ms(), time, put, id, pipeline, tenant, trace, sequence, memo,"
		     " $3::text, $4::text, bodies.sealed FROM gone LEFT JOIN bodies ON true"
		     ")" OR_LOST);
	orch_pg_text(sender, orch_message_cut(op->reason, ORCH_QUEUE_REASON_BYTES));
	orch_pg_text(sender, orch_message_cut(op->detail, ORCH_QUEUE_DETAIL_BYTES));
	return orch_pg_end(sender, err);
}

/* The next of its order key becomes the head, and is to be sent. */
static int send_promote(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_message *message = &state->op->lease->message;

	orch_pg_begin(sender,
		"WITH next AS (UPDATE item SET"
		" state = CASE WHEN at > orch_ms() THEN 1 ELSE 0 END, sent = -orch_ms()"
		" WHERE row = (SELECT row FROM item WHERE queue = $1::text"
		" AND sequence = $2::bytea AND state = 3 ORDER BY row LIMIT 1) RETURNING *)"
		" SELECT " ORCH_PG_ITEM_COLUMNS(
			"next") ", body.sealed FROM next JOIN body USING (row)");
	orch_pg_text(sender, message->queue);
	orch_pg_bytes(sender, message->order);
	return orch_pg_end(sender, err);
}

static int send_end(
	struct orch_queue_pg_op *state, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;
	bool dead = op->kind == ORCH_QUEUE_BURY || op->end == ORCH_END_DEAD;
	int code = dead ? send_bury(state, sender, err) : send_settle(state, sender, err);

	if (code == ORCH_OK && op->lease->message.order.len > 0)
		code = send_promote(state, sender, err);
	return code;
}

static int take_end(struct orch_queue_pg_op *state, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	state->item_count = 0;
	return number == 0
		? ORCH_OK
		: orch_pg_take_items(rows, state->arena, &state->items, &state->item_count, err);
}

const struct orch_queue_pg_kind orch_queue_pg_end = { send_end, take_end };
