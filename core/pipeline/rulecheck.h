/* SPDX-License-Identifier: Apache-2.0 */
/* May a rule be saved as it is?  It compiles, and its examples come out as they must. */
#ifndef ORCH_RULECHECK_H
#define ORCH_RULECHECK_H
#include "stage/plan.h"

/*
 * RULE alone, by TOOL: its expression must compile, and, unless its state is
 * off, each of its "matches" must be found and none of its "no_matches"; one
 * that could not be examined whole is neither.
 */
ORCH_MUST_USE int orch_rulecheck(
	struct orch_plan_instance *tool, const struct orch_stored_rule *rule, struct orch_err *err);

/* What the rule finds in TEXT, all in ARENA; *ret_unseen: why it is not all, else empty. */
ORCH_MUST_USE int orch_rulecheck_try(struct orch_plan_instance *tool,
	const struct orch_stored_rule *rule, struct orch_text text, struct orch_arena *arena,
	struct orch_finding **ret_findings, size_t *ret_count, struct orch_text *ret_unseen,
	struct orch_err *err);

/* Scans TEXT as one part called NAME with a compiled set and an instance of TOOL; local tools only. */
ORCH_MUST_USE int orch_rulecheck_scan(const struct orch_plan_instance *tool, void *self,
	const struct orch_ruleset *set, struct orch_text name, struct orch_text text,
	const struct orch_sink_limits *limits, struct orch_arena *arena,
	struct orch_finding **ret_findings, size_t *ret_count, struct orch_text *ret_unseen,
	struct orch_err *err);

#endif
