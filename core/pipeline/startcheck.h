/* SPDX-License-Identifier: Apache-2.0 */
/* What the start or the first request would stumble over, found without touching anything. */
#ifndef ORCH_STARTCHECK_H
#define ORCH_STARTCHECK_H
#include "stage/plan.h"

/* Is state_dir a folder that can be written to, or can it become one? */
void orch_startcheck_state_dir(const struct orch_config *config, struct orch_config_errors *errors);

/* Can each plugin's service be reached, and may its credentials go there? */
void orch_startcheck_services(const struct orch_plan *plan, struct orch_config_errors *errors);

#endif
