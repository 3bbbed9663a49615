/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing over: what a stage made of a message is stored, passed on and the
 * message settled, as one.  On the embedded database that is one transaction.
 */
#ifndef ORCH_HANDOVER_H
#define ORCH_HANDOVER_H
#include "queue/queue.h"
#include "store/store.h"

struct orch_db_group;

struct orch_handover {
	struct orch_queue *queue;
	struct orch_store *store;
	struct orch_lane *lane;
	void (*done)(struct orch_handover *handover, int code, const struct orch_err *err);
	void *user;

	/* each may be absent */
	const struct orch_stored_event *event;
	const struct orch_stored_result *results;
	size_t result_count;
	const struct orch_message *messages;
	size_t message_count;
	const struct orch_text *names; /* remembered beside the lease's queue */
	size_t name_count;

	const struct orch_lease *lease;
	enum orch_end end; /* DEAD: buried */
	struct orch_text reason, detail;

	/* The progress of a task that is buried, for its redrive. */
	bool keeps_progress;
	uint32_t step;
	bool step_sent;
	struct orch_text memo;

	/* the hand-over's own */
	struct orch_store_op store_op;
	struct orch_queue_op put_op, keep_op, end_op, remember_op;
	struct orch_db_group *group;
};

/* The hand-over and all that it points to must stay until DONE; ARENA likewise. */
void orch_handover_submit(struct orch_handover *handover, struct orch_arena *arena);

#endif
