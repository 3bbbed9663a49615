/* SPDX-License-Identifier: Apache-2.0 */
/* The orchestrator as a child process with a configuration of its own, for benches. */
#ifndef ORCH_TEST_PROGRAM_H
#define ORCH_TEST_PROGRAM_H
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_SIGNING_SECRET "bench-signing-secret"

struct program {
	pid_t pid;
	uint16_t port; /* of http.listen */
	char dir[64];  /* its folder, with orchestrator.cfg and var */
};

struct program_options {
	const char *binary;   /* of the orchestrator */
	const char *stages;   /* "intake,scan,act" */
	uint16_t api_port;    /* of what stands in for Slack */
	const char *rules;    /* a file */
	const char *settings; /* more lines of configuration; may be "" */
};

/* Starts it and waits until it is ready.  Ends the program if that fails. */
void program_start(const struct program_options *options, struct program *ret_program);
/* SIGTERM, waits, removes the folder. */
void program_stop(struct program *program);

double process_cpu_seconds(pid_t pid);
double program_cpu_seconds(const struct program *program);
double program_peak_mib(const struct program *program);
/* A number that /metrics shows; 0 if it is not there. */
double program_metric(const struct program *program, const char *series);

#endif
