/* SPDX-License-Identifier: Apache-2.0 */
/* orchestrator-sim aws as a child process that ends with us. */
#ifndef ORCH_TEST_AWS_SIM_H
#define ORCH_TEST_AWS_SIM_H
#include <sys/types.h>

#define AWS_SIM_ACCESS_KEY "AKIDEXAMPLE"
#define AWS_SIM_SECRET_KEY "example-secret-for-tests-only"

struct aws_sim {
	pid_t pid;
	char url[128]; /* "http://127.0.0.1:PORT" */
};

/* PROGRAM is orchestrator-sim.  Ends this one if it cannot be started.  ARGUMENTS end with NULL; may be NULL. */
void aws_sim_start(struct aws_sim *ret_sim, const char *program, const char *const *arguments);
void aws_sim_stop(struct aws_sim *sim);

#endif
