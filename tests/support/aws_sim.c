/* SPDX-License-Identifier: Apache-2.0 */
#include "support/aws_sim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define READY "listening on "

static void fail(const char *what)
{
	fprintf(stderr, "orchestrator-sim aws: %s\n", what);
	exit(1);
}

static void run(int output, const char *program, const char *const *arguments)
{
	char *argv[ARGUMENTS_MAX + 3] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "aws" };
	size_t count = 2;

	for (size_t i = 0; arguments != NULL && arguments[i] != NULL && i < ARGUMENTS_MAX; i++)
		argv[count++] = (char *)(uintptr_t)arguments[i];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(output, STDOUT_FILENO) >= 0)
		(void)execv(program, argv);
	_exit(127);
}

void aws_sim_start(struct aws_sim *ret_sim, const char *program, const char *const *arguments)
{
	char line[128];
	FILE *output;
	int from[2];

	if (pipe2(from, O_CLOEXEC) != 0)
		fail("no pipe");
	ret_sim->pid = fork();
	if (ret_sim->pid == 0)
		run(from[1], program, arguments);
	(void)close(from[1]);
	output = fdopen(from[0], "r");
	if (ret_sim->pid < 0 || output == NULL || fgets(line, sizeof(line), output) == NULL ||
		strncmp(line, READY, sizeof(READY) - 1) != 0)
		fail("it does not start");
	line[strcspn(line, "\n")] = '\0';
	(void)snprintf(ret_sim->url, sizeof(ret_sim->url), "%s", line + sizeof(READY) - 1);
	if (ret_sim->url[strlen(ret_sim->url) - 1] == '/')
		ret_sim->url[strlen(ret_sim->url) - 1] = '\0';
	(void)fclose(output);
}

void aws_sim_stop(struct aws_sim *sim)
{
	(void)kill(sim->pid, SIGTERM);
	(void)waitpid(sim->pid, NULL, 0);
}
