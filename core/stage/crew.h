/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crew: one lane's own instances of a plan's plugins.
 *
 * Work in flight holds its crew, so that after a reload it ends with the
 * instances with which it began.  Counted by its lane alone.
 */
#ifndef ORCH_CREW_H
#define ORCH_CREW_H
#include "stage/account.h"
#include "stage/plan.h"

enum orch_stage { ORCH_STAGE_INTAKE = 0, ORCH_STAGE_SCAN, ORCH_STAGE_ACT, ORCH_STAGE_COUNT };

struct orch_crew_member {
	void *self;
	struct orch_plugin_host
		*host; /* this lane's, so that what is logged names the event at hand */
};

struct orch_crew {
	int refs;
	struct orch_plan *plan;
	enum orch_stage stage;
	/* Instances; NULL for kinds that the stage has no use for. */
	struct orch_crew_member *inputs, *tools, *actions;
	struct orch_callers callers;
};

ORCH_MUST_USE int orch_crew_create(struct orch_plan *plan, enum orch_stage stage,
	struct orch_crew **ret_crew, struct orch_err *err);
struct orch_crew *orch_crew_ref(struct orch_crew *crew);
void orch_crew_unref(struct orch_crew *crew); /* accepts NULL */

const char *orch_stage_name(enum orch_stage stage);

#endif
