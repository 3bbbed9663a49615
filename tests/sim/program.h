/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands share: the loop that ends by a signal, and what goes wrong before. */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H
#include "net/lane.h"

#define SIM_EXIT_USAGE 64
#define SIM_EXIT_UNAVAILABLE 69

/* Runs LANE until SIGINT or SIGTERM. */
void sim_serve(struct orch_lane *lane);
/* Says why on standard error, and gives STATUS. */
int sim_fail(const struct orch_err *err, int status);
void sim_ignore_broken_pipes(void);

#endif
