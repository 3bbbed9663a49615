/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks being carried out together.  Internal to stage/act*.c. */
#ifndef ORCH_ACT_WORK_H
#define ORCH_ACT_WORK_H
#include "stage/act.h"
#include "stage/batch.h"
#include "stage/handover.h"
#include "stage/leases.h"

/*
 * Of one action and lane.  Tasks are taken by the dozen, and no more once
 * their bodies are so many bytes: in_flight counts tasks, which may be large.
 */
#define ORCH_ACT_TAKEN_AT_ONCE 64
#define ORCH_ACT_BODY_BYTES ((size_t)32 * 1024 * 1024)

struct orch_act;

#define ORCH_ACT_NO_ACTION SIZE_MAX /* in place of its index */
#define ORCH_ACT_GRACE_MS 15000     /* for a task whose action is not configured here */

/* One action's queue on one lane. */
struct orch_act_desk {
	TAILQ_ENTRY(orch_act_desk) link;
	struct orch_act *act;
	struct orch_text name; /* of the action */
	char queue[ORCH_QUEUE_NAME_BYTES];
	char name_buf[ORCH_QUEUE_NAME_BYTES];
	struct orch_queue_watch watch;
	struct orch_queue_op receive;
	struct orch_batch *batch; /* of the receive under way */
	struct orch_timer retry;  /* of a receive that failed */
	size_t in_flight;         /* tasks */
	size_t body_bytes;        /* of them */
	uint64_t stray_ms;        /* monotonic: since when its action is missed; 0: it is not */
	bool is_receiving, is_watching, has_more;
};

struct orch_act {
	struct orch_act_options options;
	struct orch_crew *crew;
	struct orch_leases leases;
	TAILQ_HEAD(, orch_act_desk) desks;
	TAILQ_HEAD(, orch_act_work) works;
	size_t in_flight;
	bool is_draining;
};

/* One task of a work. */
struct orch_act_item {
	struct orch_act_work *work;
	struct orch_lease *lease;
	struct orch_task *task; /* NULL: its body could not be read */
	struct orch_held held;
	struct orch_handover handover;
	struct orch_stored_result result;
	struct orch_db_group *group; /* for a release with its checkpoint */
	struct orch_queue_op checkpoint, release;
	const char *outcome; /* for the metrics */
	const char *why;     /* it failed; NULL: it has not come so far */
	bool is_ended;
};

struct orch_act_work {
	TAILQ_ENTRY(orch_act_work) link;
	struct orch_act *act;
	struct orch_act_desk *desk;
	struct orch_crew *crew;
	struct orch_batch *batch;
	struct orch_arena *arena;
	size_t action; /* index in the crew's plan, or ORCH_ACT_NO_ACTION */
	struct orch_act_item *items;
	struct orch_task *tasks; /* of the items that could be read, in their order */
	int *codes;
	size_t count, task_count;
	size_t refs; /* items that have not ended, and whoever is walking over them */
	struct orch_run run;
	struct orch_sink sink;
	bool is_checkpointing;
	bool is_released; /* as soon as the checkpoint under way is back */
};

/* A request of its step, by a try that kept note of it or ended without a word. */
static inline bool orch_act_may_have_been_sent(const struct orch_lease *lease)
{
	return lease->step_sent || lease->receives > lease->attempts + 1;
}

/* act_work.c */
void orch_act_work_begin(struct orch_act_desk *desk, size_t action, struct orch_batch *batch,
	struct orch_lease *leases, size_t count);
void orch_act_work_release(struct orch_act_work *work);

/* The work goes with the last reference. */
void orch_act_work_unref(struct orch_act_work *work);

/* act_end.c: each item ends by its own code; WHY it is no better, in words that stay. */
void orch_act_item_finish(struct orch_act_item *item, int code, const char *why);
/* A release that is no failure does not count as a delivery either. */
void orch_act_item_release(struct orch_act_item *item, uint64_t delay_ms, bool failed);
void orch_act_item_bury(struct orch_act_item *item, const char *reason, const char *detail);

/* act.c */
/* Its action is missed for longer than the grace. */
bool orch_act_is_given_up(const struct orch_act_desk *desk);
void orch_act_pull(struct orch_act_desk *desk);

#endif
