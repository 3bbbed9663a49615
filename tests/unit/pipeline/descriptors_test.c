/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/descriptors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/http_client.h"

static const struct orch_descriptors_need usual = { .connections = 4096, .lanes = 4, .workers = 3 };

static void test_with_plenty_everybody_gets_what_he_wants(void **state)
{
	struct orch_descriptors_share share =
		orch_descriptors_divide(orch_descriptors_wanted(&usual), &usual);

	(void)state;
	assert_int_equal(share.connections, 4096);
	assert_int_equal(share.outbound, ORCH_HTTP_CLIENT_CONNECTIONS);
}

static void test_one_too_few_is_felt(void **state)
{
	struct orch_descriptors_share share =
		orch_descriptors_divide(orch_descriptors_wanted(&usual) - 1, &usual);

	(void)state;
	assert_int_equal(share.connections, 4096);
	assert_int_equal(share.outbound, ORCH_HTTP_CLIENT_CONNECTIONS - 1);
}

/* However few there are: the shares leave something over, and nobody goes without. */
static void test_the_shares_never_add_up_to_more_than_there_is(void **state)
{
	static const uint64_t limits[] = { 64, 256, 1024, 4096, 10000, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct orch_descriptors_share share = orch_descriptors_divide(limits[i], &usual);

		assert_in_range(share.connections, 1, usual.connections);
		assert_in_range(share.outbound, 1, ORCH_HTTP_CLIENT_CONNECTIONS);
		assert_true(share.connections + (uint64_t)share.outbound * usual.workers <
			limits[i] - limits[i] / 5);
	}
}

static void test_who_takes_no_events_leaves_all_to_the_calls(void **state)
{
	const struct orch_descriptors_need need = { .lanes = 1, .workers = 1 };

	(void)state;
	assert_true(orch_descriptors_divide(1024, &need).outbound > 256);
}

static const bool all[3] = { true, true, true };

/* In a process of its own: the soft limit afterwards, as thousands, and the cap, as hundreds. */
static int claim_with(rlim_t soft, rlim_t hard)
{
	const struct orch_config config = { .http = { .connections = 1000 },
		.threads_intake = 2,
		.threads_scan = 1,
		.threads_act = 1 };
	struct rlimit limit = { soft, hard };
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		uint32_t connections;

		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			_exit(255);
		connections = orch_descriptors_claim(&config, all).connections;
		if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
			_exit(255);
		_exit((int)(limit.rlim_cur / 1000 * 16 + connections / 100));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_the_soft_limit_is_raised_as_far_as_it_helps(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_max >= 10000);
	/* Two workers with 1024 calls of three descriptors each, 1000 connections, and the rest. */
	assert_int_equal(claim_with(256, 10000), 7 * 16 + 10);
}

static void test_below_the_hard_limit_the_cap_is_lower(void **state)
{
	(void)state;
	assert_int_equal(claim_with(256, 1024), 1 * 16 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_plenty_everybody_gets_what_he_wants),
		cmocka_unit_test(test_one_too_few_is_felt),
		cmocka_unit_test(test_the_shares_never_add_up_to_more_than_there_is),
		cmocka_unit_test(test_who_takes_no_events_leaves_all_to_the_calls),
		cmocka_unit_test(test_the_soft_limit_is_raised_as_far_as_it_helps),
		cmocka_unit_test(test_below_the_hard_limit_the_cap_is_lower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
