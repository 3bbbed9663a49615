/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/handover.h"

#include "base/err.h"
#include "queue/backend.h"
#include "store/backend.h"

#define PARTS 5

static void on_group_done(struct orch_db_group *group)
{
	struct orch_handover *handover = *(struct orch_handover **)(void *)(group + 1);

	handover->done(handover, group->code, &group->err);
}

static struct orch_db_op *store_part(struct orch_handover *handover)
{
	struct orch_store_op *op = &handover->store_op;

	if (handover->event == NULL && handover->result_count == 0)
		return NULL;
	*op = (struct orch_store_op){
		.kind = handover->event != NULL ? ORCH_STORE_EVENT : ORCH_STORE_RESULT,
		.store = handover->store,
		.event = handover->event,
		.results = handover->results,
		.result_count = handover->result_count,
	};
	return handover->store->backend->as_db_op(handover->store, op);
}

static struct orch_db_op *put_part(struct orch_handover *handover)
{
	struct orch_queue_op *op = &handover->put_op;

	if (handover->message_count == 0)
		return NULL;
	*op = (struct orch_queue_op){
		.kind = ORCH_QUEUE_PUT,
		.queue = handover->queue,
		.messages = handover->messages,
		.message_count = handover->message_count,
	};
	return handover->queue->backend->as_db_op(handover->queue, op);
}

static struct orch_db_op *remember_part(struct orch_handover *handover)
{
	struct orch_queue_op *op = &handover->remember_op;

	if (handover->name_count == 0)
		return NULL;
	*op = (struct orch_queue_op){
		.kind = ORCH_QUEUE_REMEMBER,
		.queue = handover->queue,
		.name = handover->lease->message.queue,
		.names = handover->names,
		.name_count = handover->name_count,
	};
	return handover->queue->backend->as_db_op(handover->queue, op);
}

static struct orch_db_op *keep_part(struct orch_handover *handover)
{
	struct orch_queue_op *op = &handover->keep_op;

	if (!handover->keeps_progress)
		return NULL;
	*op = (struct orch_queue_op){
		.kind = ORCH_QUEUE_CHECKPOINT,
		.queue = handover->queue,
		.lease = handover->lease,
		.step = handover->step,
		.step_sent = handover->step_sent,
		.memo = handover->memo,
	};
	return handover->queue->backend->as_db_op(handover->queue, op);
}

static struct orch_db_op *end_part(struct orch_handover *handover)
{
	struct orch_queue_op *op = &handover->end_op;

	*op = (struct orch_queue_op){
		.kind = handover->end == ORCH_END_DEAD ? ORCH_QUEUE_BURY : ORCH_QUEUE_SETTLE,
		.queue = handover->queue,
		.lease = handover->lease,
		.end = handover->end,
		.reason = handover->reason,
		.detail = handover->detail,
	};
	return handover->queue->backend->as_db_op(handover->queue, op);
}

void orch_handover_submit(struct orch_handover *handover, struct orch_arena *arena)
{
	struct orch_db_op *parts[PARTS];
	struct orch_db_op **tail;
	struct orch_err err = { "" };
	int rc;

	handover->group =
		orch_arena_alloc(arena, sizeof(*handover->group) + sizeof(struct orch_handover *));
	if (handover->group == NULL) {
		(void)orch_fail(&err, ORCH_E_NOMEM, "no memory for a hand-over");
		handover->done(handover, ORCH_E_NOMEM, &err);
		return;
	}
	*(struct orch_handover **)(void *)(handover->group + 1) = handover;
	handover->group->lane = handover->lane;
	handover->group->done = on_group_done;
	tail = &handover->group->first;
	/* The lease is checked first: who has lost it must not store anything. */
	parts[0] = keep_part(handover);
	parts[1] = end_part(handover);
	parts[2] = store_part(handover);
	parts[3] = put_part(handover);
	parts[4] = remember_part(handover);
	for (size_t i = 0; i < PARTS; i++)
		if (parts[i] != NULL) {
			*tail = parts[i];
			tail = &parts[i]->next;
		}
	*tail = NULL;
	rc = handover->queue->backend->submit_group(handover->queue, handover->group, &err);
	if (rc != ORCH_OK)
		handover->done(handover, rc, &err);
}
