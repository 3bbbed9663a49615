/* SPDX-License-Identifier: Apache-2.0 */
/* Policy: findings and records in, verdict and tasks out.  Pure: same input, same output. */
#ifndef ORCH_POLICY_H
#define ORCH_POLICY_H
#include "config/config.h"
#include "store/store.h"

struct orch_policy_task {
	uint32_t action;                  /* index into the configuration's actions */
	const struct orch_record *record; /* NULL: about the event */
	enum orch_verdict verdict;
};

struct orch_decision {
	enum orch_verdict verdict;
	struct orch_policy_task
		*tasks; /* each action once for the event and once for each record */
	size_t task_count;
};

/*
 * Rules are tried in order, for the event and for each record by itself; the
 * first that fits decides, unless it says "continue": then later ones are
 * tried too, the gravest verdict stands and the actions add up.  Findings of
 * rules in shadow count for nothing.  Without a rule that fits: pass.
 */
ORCH_MUST_USE int orch_policy_decide(const struct orch_config_pipeline *pipeline,
	const struct orch_event *event, const struct orch_stored_finding *findings,
	size_t finding_count, const struct orch_record *records, size_t record_count,
	enum orch_inspection inspection, struct orch_arena *arena,
	struct orch_decision *ret_decision);

#endif
