/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops: first the books, in one transaction; once that is on the disk they are
 * done, and SQS is told: what was put is sent, then what was settled is deleted.
 * Should we die in between, the sweep sends, and what is delivered again has no
 * row any more.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "queue/sqs.h"

/* Deletes what was settled, once all that it led to is in SQS. */
struct settle {
	struct orch_sqs_after after;
	struct orch_sqs_lane *lane;
	struct orch_text queue, receipt;
};

static void run_settle(struct orch_sqs_after *after)
{
	struct settle *settle = (struct settle *)(void *)after;

	orch_sqs_delete(settle->lane, settle->queue, settle->receipt);
	orch_free(settle);
}

/* NULL: no memory; the message is deleted when it is delivered once more. */
static struct settle *make_settle(struct orch_sqs_lane *lane, const struct orch_lease *lease)
{
	struct orch_text queue = lease->message.queue;
	struct settle *settle = orch_alloc(sizeof(*settle) + queue.len + lease->receipt.len);
	char *at;

	if (settle == NULL)
		return NULL;
	at = (char *)(settle + 1);
	memcpy(at, queue.ptr, queue.len);
	memcpy(at + queue.len, lease->receipt.ptr, lease->receipt.len);
	settle->after = (struct orch_sqs_after){ .waits = 1, .run = run_settle };
	settle->lane = lane;
	settle->queue = (struct orch_text){ at, queue.len };
	settle->receipt = (struct orch_text){ at + queue.len, lease->receipt.len };
	return settle;
}

static bool is_end(const struct orch_queue_op *op)
{
	return op->kind == ORCH_QUEUE_SETTLE || op->kind == ORCH_QUEUE_BURY;
}

static void send_items(
	struct orch_sqs_lane *lane, struct orch_queue_op *op, struct orch_sqs_after *after)
{
	const struct orch_queue_pg_op *state = orch_queue_pg_of(op);

	for (size_t i = 0; i < state->item_count; i++)
		if (op->kind != ORCH_QUEUE_PUT || state->is_new[i])
			orch_sqs_send(lane, &state->items[i], after);
}

/* The body as SQS would carry it, sealed anew: a redrive by AWS's own tools brings it back. */
static void set_aside(
	struct orch_sqs_lane *lane, struct orch_queue_op *op, struct orch_sqs_after *after)
{
	const struct orch_message *message = &op->lease->message;
	struct orch_pg_item item = {
		.message = *message, .row = (int64_t)op->lease->row, .put_ms = op->lease->put_ms
	};
	struct orch_buf body;

	orch_buf_init(&body, ORCH_SQS_BATCH_BYTES);
	orch_sqs_body_write(&body, &item, false);
	orch_sqs_set_aside(lane,
		&(struct orch_sqs_aside){ .queue = message->queue,
			.id = message->id,
			.pipeline = message->pipeline,
			.reason = op->reason,
			.detail = op->detail,
			.body = orch_buf_text(&body) },
		after);
	orch_buf_fini(&body);
}

static void tell(struct orch_sqs_lane *lane, struct orch_queue_op *op, struct orch_sqs_after *after)
{
	bool dead = op->kind == ORCH_QUEUE_BURY || op->end == ORCH_END_DEAD;

	if (op->kind == ORCH_QUEUE_RELEASE)
		orch_sqs_change(lane, op->lease->message.queue, op->lease->receipt, op->delay_ms,
			NULL, NULL);
	if (is_end(op) && dead)
		set_aside(lane, op, after);
	send_items(lane, op, after);
}

static struct orch_queue_op *find_end(struct orch_db_op *first)
{
	for (struct orch_db_op *db_op = first; db_op != NULL; db_op = db_op->next) {
		struct orch_queue_op *op = orch_queue_pg_op_of(db_op);

		if (op != NULL && is_end(op))
			return op;
	}
	return NULL;
}

/* A message that is deleted and has left nothing behind needs no waiting. */
static void tell_all(struct orch_sqs_lane *lane, struct orch_db_op *first)
{
	struct orch_queue_op *end = find_end(first);
	struct settle *settle = end == NULL ? NULL : make_settle(lane, end->lease);
	struct orch_sqs_after *after = settle == NULL ? NULL : &settle->after;

	for (struct orch_db_op *db_op = first; db_op != NULL; db_op = db_op->next) {
		struct orch_queue_op *op = orch_queue_pg_op_of(db_op);

		if (op != NULL)
			tell(lane, op, after);
	}
	orch_sqs_after_end(after);
}

static void forget_all(struct orch_db_op *first)
{
	for (struct orch_db_op *db_op = first; db_op != NULL; db_op = db_op->next) {
		struct orch_queue_op *op = orch_queue_pg_op_of(db_op);

		if (op != NULL)
			orch_queue_pg_op_fini(op);
	}
}

/* A group of others, which has ours among its ops. */
struct joined {
	struct orch_db_group group;
	struct orch_db_group *outer;
	struct orch_queue_sqs *queue;
};

static void on_joined(struct orch_db_group *group)
{
	struct joined *joined = (struct joined *)(void *)group;
	struct orch_db_group *outer = joined->outer;
	struct orch_sqs_lane *lane = orch_sqs_find_lane(joined->queue, outer->lane);

	outer->code = group->code;
	outer->err = group->err;
	if (lane != NULL)
		lane->under_way--;
	if (group->code == ORCH_OK && lane != NULL)
		tell_all(lane, outer->first);
	forget_all(outer->first);
	orch_free(joined);
	outer->done(outer);
}

int orch_sqs_submit_group(
	struct orch_queue *base, struct orch_db_group *group, struct orch_err *err)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);
	struct orch_sqs_lane *lane = orch_sqs_find_lane(queue, group->lane);
	struct joined *joined = orch_alloc(sizeof(*joined));
	int code;

	if (joined == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	joined->group = *group;
	joined->group.done = on_joined;
	joined->outer = group;
	joined->queue = queue;
	code = orch_pg_submit(queue->pg, &joined->group, err);
	if (code != ORCH_OK) {
		forget_all(group->first);
		orch_free(joined);
	} else if (lane != NULL) {
		lane->under_way++;
	}
	return code;
}

struct orch_db_op *orch_sqs_as_db_op(struct orch_queue *queue, struct orch_queue_op *op)
{
	op->queue = queue;
	return orch_queue_pg_op(orch_queue_sqs_of(queue)->key, op);
}

static void finish(struct orch_queue_op *op, int code)
{
	op->code = code;
	op->done(op);
}

/* The books have the lease already; SQS may still refuse, then the copy is another's. */
static void on_extended(void *user, enum orch_aws_failure failure)
{
	struct orch_queue_op *op = user;

	if (failure == ORCH_AWS_FINE)
		finish(op, ORCH_OK);
	else if (failure == ORCH_AWS_LEASE)
		finish(op, orch_fail(&op->err, ORCH_E_DENIED, "queue: SQS refused the lease"));
	else
		finish(op,
			orch_fail(&op->err, ORCH_E_AGAIN,
				"queue: SQS could not be told of the lease"));
}

static void on_done(struct orch_db_group *group)
{
	struct orch_queue_pg_op *state = (struct orch_queue_pg_op *)(void *)((char *)group -
		offsetof(struct orch_queue_pg_op, group));
	struct orch_queue_op *op = state->op;
	struct orch_queue_sqs *queue = orch_queue_sqs_of(op->queue);
	struct orch_sqs_lane *lane = orch_sqs_find_lane(queue, op->lane);
	int code = group->code;

	if (code < 0)
		op->err = group->err;
	if (lane != NULL)
		lane->under_way--;
	if (code == ORCH_OK && lane != NULL && op->kind == ORCH_QUEUE_RENEW) {
		orch_queue_pg_op_fini(op);
		orch_sqs_change(lane, op->lease->message.queue, op->lease->receipt,
			op->visibility_ms, on_extended, op);
		return;
	}
	if (code == ORCH_OK && lane != NULL)
		tell_all(lane, &state->pg_op.base);
	orch_queue_pg_op_fini(op);
	finish(op, code);
}

int orch_sqs_submit(struct orch_queue *base, struct orch_queue_op *op, struct orch_err *err)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);
	struct orch_sqs_lane *lane = orch_sqs_find_lane(queue, op->lane);
	struct orch_queue_pg_op *state = orch_queue_pg_of(op);
	bool brings = op->kind == ORCH_QUEUE_PUT && op->is_accepted;
	int code;

	if (lane == NULL)
		return orch_fail(err, ORCH_E_INTERNAL, "queue: a lane that is not attached");
	if (op->kind == ORCH_QUEUE_RECEIVE)
		return orch_sqs_receive(lane, op, err);
	state->group.first = orch_sqs_as_db_op(base, op);
	state->group.adds = brings;
	state->group.patience_ms = brings ? ORCH_QUEUE_PATIENCE_MS : 0;
	state->group.lane = op->lane;
	state->group.done = on_done;
	code = orch_pg_submit(queue->pg, &state->group, err);
	if (code == ORCH_OK)
		lane->under_way++;
	else
		orch_queue_pg_op_fini(op);
	return code;
}
