/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running program: stations for the wanted stages, signals, reloads, the
 * drain, and what is watched meanwhile.
 *
 *   SIGTERM, SIGINT   drain within the configured time; a second one ends at once
 *   SIGHUP            read the configuration again, open log files again;
 *                     passed over until the program runs
 */
#ifndef ORCH_SERVICE_H
#define ORCH_SERVICE_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_service_options {
	const char *file;
	bool stages[3]; /* by enum orch_stage */
	/* This program, which tries a new configuration before a reload; NULL: it is taken untried. */
	const char *program;
	bool json; /* what is logged is JSON, whatever the configuration says; what is wrong with it, too */
};

/* What a shell is told: 0, EX_CONFIG (78) for a bad configuration, 1 for anything else. */
int orch_service_run(const struct orch_service_options *options);

#endif
