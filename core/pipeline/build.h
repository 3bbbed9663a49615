/* SPDX-License-Identifier: Apache-2.0 */
/* From a file to a plan: what the start, a reload and `orchestrator check` all do. */
#ifndef ORCH_BUILD_H
#define ORCH_BUILD_H
#include "pipeline/elsewhere.h"
#include "stage/plan.h"

enum orch_build_depth {
	ORCH_BUILD_TOOLS = 0, /* for commands: the tools and their settings, without secrets */
	ORCH_BUILD_WHOLE,     /* as the start: secrets are loaded, instances and rule files tried */
	ORCH_BUILD_TRIAL, /* whether a plugin crashes: ORCH_E_INVALID if so, or if it cannot be read */
	ORCH_BUILD_AGAIN, /* the same for a process that runs: another one has tried the plugins */
};

/*
 * Everything that is wrong goes to REPORT, one line an error, as
 * "file:line: where: what; what would be right".  ORCH_E_INVALID then.
 *
 * What is wrong with blocks that ORCH_BUILD_TOOLS has no use for is no error;
 * one line says how many of that there are.
 */
ORCH_MUST_USE int orch_build(const char *file, enum orch_build_depth depth, struct orch_buf *report,
	struct orch_plan **ret_plan);

/* The configuration alone, as far as it is used so, unknown plugins and all. */
ORCH_MUST_USE int orch_build_config(const char *file, enum orch_use use, struct orch_buf *report,
	struct orch_config **ret_config);

/* What a running program cannot change; ERR names the first such key that differs. */
ORCH_MUST_USE int orch_build_can_follow(
	const struct orch_config *now, const struct orch_config *next, struct orch_err *err);

#endif
