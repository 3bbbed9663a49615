/* SPDX-License-Identifier: Apache-2.0 */
/* A command needs of the configuration only what it uses; what is wrong elsewhere is not its matter. */
#ifndef ORCH_ELSEWHERE_H
#define ORCH_ELSEWHERE_H
#include "config/config.h"

enum orch_use {
	ORCH_USE_STORE = 0, /* what is kept: queues, rules, findings */
	ORCH_USE_TOOLS,     /* that and the tools */
	ORCH_USE_PLUGINS,   /* where plugins lie */
};

/* Takes from ERRORS those in blocks that are not used so.  How many they were. */
size_t orch_elsewhere_take(
	struct orch_config_errors *errors, const struct orch_config *config, enum orch_use use);

#endif
