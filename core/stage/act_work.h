/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks being carried out together.  Internal to stage/act*.c. */
#ifndef ORCH_ACT_WORK_H
#define ORCH_ACT_WORK_H
#include "stage/act.h"
#include "stage/handover.h"
#include "stage/leases.h"

struct orch_act;

/* One action's queue on one lane. */
struct orch_act_desk {
	TAILQ_ENTRY(orch_act_desk) link;
	struct orch_act *act;
	struct orch_text name; /* of the action */
	char queue[ORCH_QUEUE_NAME_BYTES];
	char name_buf[ORCH_QUEUE_NAME_BYTES];
	struct orch_queue_watch watch;
	struct orch_queue_op receive;
	struct orch_arena *batch_arena;
	size_t in_flight; /* tasks */
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
	struct orch_held held;
	struct orch_handover handover;
	struct orch_stored_result result;
	struct orch_db_group *release_group;
	struct orch_queue_op checkpoint, release;
	bool is_ended;
};

struct orch_act_work {
	TAILQ_ENTRY(orch_act_work) link;
	struct orch_act *act;
	struct orch_act_desk *desk;
	struct orch_crew *crew;
	struct orch_arena *arena;
	size_t action; /* index in the crew's plan */
	struct orch_act_item *items;
	struct orch_task *tasks;
	int *codes;
	size_t count, open; /* OPEN: items not yet freed */
	struct orch_run run;
	struct orch_sink sink;
	struct orch_db_group *checkpoint_group;
	bool is_ending;
};

/* act_work.c: takes ARENA, in which the leases are. */
void orch_act_work_begin(struct orch_act_desk *desk, size_t action, struct orch_arena *arena,
	struct orch_lease *leases, size_t count);
void orch_act_work_release(struct orch_act_work *work);

/* act_end.c: the end of each item by its code. */
void orch_act_work_finish(struct orch_act_work *work, int code);
void orch_act_item_release(struct orch_act_item *item, uint64_t delay_ms, bool failed);

/* act.c */
void orch_act_pull(struct orch_act_desk *desk);

#endif
