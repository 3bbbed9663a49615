/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/bell.h"

#define RINGS 100

struct heard {
	struct orch_bell bell;
	struct orch_lane *lane;
	unsigned times;
	bool goes; /* takes the bell away */
};

static void hear(void *arg)
{
	struct heard *heard = arg;

	heard->times++;
	if (heard->goes)
		orch_bell_fini(&heard->bell);
	orch_lane_quit(heard->lane);
}

static void init(struct heard *heard)
{
	struct orch_err err = { "" };

	(void)alarm(60);
	*heard = (struct heard){ .times = 0 };
	assert_int_equal(orch_lane_create("test", &heard->lane, &err), ORCH_OK);
	assert_int_equal(orch_bell_init(&heard->bell, heard->lane, hear, heard, &err), ORCH_OK);
}

static void fini(struct heard *heard)
{
	orch_bell_fini(&heard->bell);
	orch_lane_destroy(heard->lane);
}

static void *ring_often(void *arg)
{
	struct heard *heard = arg;

	for (unsigned i = 0; i < RINGS; i++)
		orch_bell_ring(&heard->bell);
	return NULL;
}

static void test_a_ring_of_another_thread_is_heard(void **state)
{
	struct heard heard;
	pthread_t thread;

	(void)state;
	init(&heard);
	assert_int_equal(pthread_create(&thread, NULL, ring_often, &heard), 0);
	orch_lane_run(heard.lane);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_in_range(heard.times, 1, RINGS);
	fini(&heard);
}

static void test_rings_before_the_lane_runs_are_heard_as_one(void **state)
{
	struct heard heard;

	(void)state;
	init(&heard);
	(void)ring_often(&heard);
	orch_lane_run(heard.lane);
	assert_int_equal(heard.times, 1);
	fini(&heard);
}

struct end {
	struct orch_job job;
	struct orch_lane *lane;
};

static void quit(struct orch_job *job)
{
	orch_lane_quit(((struct end *)job)->lane);
}

static void test_a_bell_that_was_taken_away_is_not_heard(void **state)
{
	struct heard heard;
	struct end end;

	(void)state;
	init(&heard);
	orch_bell_ring(&heard.bell);
	orch_bell_fini(&heard.bell);
	end = (struct end){ .job.run = quit, .lane = heard.lane };
	orch_lane_post(heard.lane, &end.job);
	orch_lane_run(heard.lane);
	assert_int_equal(heard.times, 0);
	fini(&heard);
}

static void test_who_hears_it_may_take_it_away(void **state)
{
	struct heard heard;

	(void)state;
	init(&heard);
	heard.goes = true;
	orch_bell_ring(&heard.bell);
	orch_lane_run(heard.lane);
	assert_int_equal(heard.times, 1);
	assert_null(heard.bell.event);
	fini(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ring_of_another_thread_is_heard),
		cmocka_unit_test(test_rings_before_the_lane_runs_are_heard_as_one),
		cmocka_unit_test(test_a_bell_that_was_taken_away_is_not_heard),
		cmocka_unit_test(test_who_hears_it_may_take_it_away),
	};

	return cmocka_run_group_tests_name("bell", tests, NULL, NULL);
}
