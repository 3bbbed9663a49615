/* SPDX-License-Identifier: Apache-2.0 */
/* "orchestrator-sim aws": the sub-command. */
#ifndef AWS_RUN_H
#define AWS_RUN_H
#include "sim/aws/options.h"

/* The program's exit status. */
int aws_run(int argc, char **argv);

#endif
