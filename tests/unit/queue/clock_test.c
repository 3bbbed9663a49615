/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clock is set while work is under way: leases and delays go on as if it had not been. */
#include <sys/syscall.h>

#include "unit/queue/world.h"

#define DAY_S 86400

static time_t wall_step_s;

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	int code = (int)syscall(SYS_clock_gettime, id, ret_time);

	if (id == CLOCK_REALTIME)
		ret_time->tv_sec += wall_step_s;
	return code;
}

static int forget_step(void **state)
{
	wall_step_s = 0;
	return remove_world(state);
}

static void test_a_lease_outlasts_a_clock_that_is_set_forward(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "act", "a");
	lease = receive_one(w, "act", "a");
	wall_step_s = DAY_S;
	assert_int_equal(receive(w, "act", 1), 0);
	assert_int_equal(renew(w, &lease), ORCH_OK);
	assert_int_equal(settle(w, &lease), ORCH_OK);
}

static void test_a_delay_ends_though_the_clock_is_set_back(void **state)
{
	struct world *w = *state;
	struct counter nothing = COUNTER_INIT;
	struct orch_lease lease;

	put(w, "act", "a");
	lease = receive_one(w, "act", "a");
	assert_int_equal(release(w, &lease, 20, true), ORCH_OK);
	wall_step_s = -DAY_S;
	for (int i = 0; receive(w, "act", 1) == 0; i++) {
		assert_true(i < 1000);
		assert_false(counter_reaches(&nothing, 1, 5));
	}
}

static void test_who_opens_it_later_goes_by_the_same_time(void **state)
{
	struct world *w = *state;
	uint64_t before = orch_db_now_ms(w->f.db);

	wall_step_s = DAY_S;
	reopen_queue(w, 0);
	assert_in_range(orch_db_now_ms(w->f.db), before, before + FIXTURE_WAIT_S * 1000);
}

static void test_after_a_boot_the_wall_clock_counts(void **state)
{
	struct world *w = *state;
	uint64_t now;

	poke(w->f.path, "UPDATE boot SET id = 'another boot'");
	wall_step_s = DAY_S;
	reopen_queue(w, 0);
	now = orch_clock_now_ms();
	assert_in_range(orch_db_now_ms(w->f.db), now - 1000, now + FIXTURE_WAIT_S * 1000);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM boot"), 1);
}

static void test_a_day_is_a_day_for_repeats(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "a");

	assert_int_equal(put_message(w, &m, true), ORCH_OK);
	wall_step_s = 2 * DAY_S;
	assert_int_equal(put_message(w, &m, true), ORCH_OK);
	assert_int_equal(w->duplicates, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, forget_step)
		TEST(test_a_lease_outlasts_a_clock_that_is_set_forward),
		TEST(test_a_delay_ends_though_the_clock_is_set_back),
		TEST(test_who_opens_it_later_goes_by_the_same_time),
		TEST(test_after_a_boot_the_wall_clock_counts),
		TEST(test_a_day_is_a_day_for_repeats),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
