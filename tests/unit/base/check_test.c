/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/check.h"

static void test_a_true_condition_costs_nothing(void **state)
{
	int evaluated = 0;

	(void)state;
	orch_assert(++evaluated == 1);
	assert_int_equal(evaluated, 1);
}

/* Runs the failing check in a child with its standard error in a pipe. */
static int fail_in_child(char *said, size_t size)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int pipe_fds[2];
	int status = 0;
	ssize_t len;
	pid_t child;

	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	if (child == 0) {
		(void)sigaction(SIGABRT, &by_default, NULL);
		(void)dup2(pipe_fds[1], STDERR_FILENO);
		orch_assert(1 + 1 == 3);
		_exit(0);
	}
	(void)close(pipe_fds[1]);
	len = read(pipe_fds[0], said, size - 1);
	said[len < 0 ? 0 : len] = '\0';
	(void)close(pipe_fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_a_false_condition_says_so_and_aborts(void **state)
{
	char said[1024];
	int status = fail_in_child(said, sizeof(said));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_contains(said, "check_test.c:");
	assert_contains(said, "fail_in_child");
	assert_contains(said, "1 + 1 == 3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_true_condition_costs_nothing),
		cmocka_unit_test(test_a_false_condition_says_so_and_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
