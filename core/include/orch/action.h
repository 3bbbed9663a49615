/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_ACTION_H
#define ORCH_ACTION_H
#include <orch/event.h>

enum orch_verdict { ORCH_PASS = 0, ORCH_FLAG, ORCH_BLOCK };

/* One thing to be done. */
struct orch_task {
	uint32_t size;
	uint32_t verdict;     /* enum orch_verdict */
	struct orch_text key; /* the same whenever it is tried again: recognise repeats by it */
	const struct orch_event *event;   /* without the bytes of its parts */
	const struct orch_record *record; /* NULL: the task is about the event itself */
	const struct orch_finding *findings;
	size_t finding_count;
	struct orch_text pipeline;
};

struct orch_action_ops {
	uint32_t size;

	/* How many tasks one request can carry; 0 and 1: one.  Two tasks with one order key are never in flight together. */
	uint32_t max_batch;
	uint64_t max_batch_bytes;

	/* It only tells people (a log, a notice).  Actions that are not passive are only recorded under enforce = false. */
	bool passive;

	int (*create)(const struct orch_host *host, const void *settings, void **ret_self,
		struct orch_err *err);

	/*
	 * Takes one step of carrying out TASKS.  Fill REQUEST and return ORCH_SEND,
	 * or return ORCH_OK when all is done.  Of a batch, set ret_codes[i] for each
	 * task that fared differently (ORCH_OK, ORCH_E_AGAIN, …).
	 *
	 * ORCH_E_AGAIN is tried again with back-off; a 429 pauses the request's
	 * limit key first.  Any other error is permanent: the task goes to the
	 * dead letters with ERR as its reason (of a batch, if it is the only task
	 * that failed).  Tasks are delivered at least once.
	 */
	int (*act)(void *self, const struct orch_task *tasks, size_t count,
		struct orch_progress *progress, const struct orch_reply *reply,
		struct orch_request *request, struct orch_sink *sink, int *ret_codes,
		struct orch_err *err);

	/* Optional: takes back what act() did.  The same shape. */
	int (*undo)(void *self, const struct orch_task *task, struct orch_progress *progress,
		const struct orch_reply *reply, struct orch_request *request,
		struct orch_sink *sink, struct orch_err *err);

	void (*destroy)(void *self); /* accepts NULL */
};
#endif
