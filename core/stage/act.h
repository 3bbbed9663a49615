/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Act: tasks are carried out, one queue an action, so that a slow target
 * delays only itself.
 */
#ifndef ORCH_ACT_H
#define ORCH_ACT_H
#include "queue/queue.h"
#include "stage/crew.h"
#include "stage/hook.h"

struct orch_act;

struct orch_act_options {
	struct orch_bench bench;
	struct orch_queue *queue;
	struct orch_store *store;
};

ORCH_MUST_USE int orch_act_create(const struct orch_act_options *options, struct orch_crew *crew,
	struct orch_act **ret_act, struct orch_err *err);
/* On the lane. */
void orch_act_set_crew(struct orch_act *act, struct orch_crew *crew); /* takes CREW */
void orch_act_start(struct orch_act *act);
/*
 * Likewise: tasks wait for NAME, and the configuration has no such action.
 * Told again and again, it sets them aside once they have waited for a while:
 * whoever made them may have a newer configuration than this process.
 */
void orch_act_note_stray(struct orch_act *act, struct orch_text name);
void orch_act_drain(struct orch_act *act);
void orch_act_release(struct orch_act *act);
bool orch_act_is_idle(const struct orch_act *act);
void orch_act_destroy(struct orch_act *act);

#endif
