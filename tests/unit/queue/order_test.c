/* SPDX-License-Identifier: Apache-2.0 */
/* Which message comes first: order keys, priorities. */
#include "unit/queue/world.h"

static void test_messages_of_one_key_come_one_at_a_time_in_order(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put_in_order(w, "act", "a1", "a");
	put_in_order(w, "act", "a2", "a");
	put_in_order(w, "act", "b1", "b");
	put_in_order(w, "act", "a3", "a");
	assert_int_equal(receive(w, "act", 10), 2);
	assert_true(text_is(w->leases[0].message.id, "a1"));
	assert_true(text_is(w->leases[1].message.id, "b1"));
	lease = w->leases[0];
	assert_int_equal(receive(w, "act", 10), 0);
	assert_int_equal(settle(w, &lease), ORCH_OK);
	lease = receive_one(w, "act", "a2");
	assert_int_equal(receive(w, "act", 10), 0);
	assert_int_equal(bury(w, &lease, "refused", "it will not be done"), ORCH_OK);
	lease = receive_one(w, "act", "a3");
	assert_int_equal(settle(w, &lease), ORCH_OK);
}

static void test_a_key_counts_in_its_own_queue_alone(void **state)
{
	struct world *w = *state;

	put_in_order(w, "act.one", "a", "key");
	put_in_order(w, "act.two", "b", "key");
	(void)receive_one(w, "act.one", "a");
	(void)receive_one(w, "act.two", "b");
}

static void test_a_released_head_keeps_its_place(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put_in_order(w, "act", "a1", "a");
	put_in_order(w, "act", "a2", "a");
	put(w, "act", "free");
	assert_int_equal(receive(w, "act", 10), 2);
	lease = w->leases[0];
	assert_true(text_is(lease.message.id, "a1"));
	assert_int_equal(release(w, &lease, 60000, true), ORCH_OK);
	assert_int_equal(receive(w, "act", 10), 0);
	orch_clock_shift_ms(60000);
	lease = receive_one(w, "act", "a1");
	assert_int_equal(receive(w, "act", 10), 0);
	assert_int_equal(settle(w, &lease), ORCH_OK);
	(void)receive_one(w, "act", "a2");
}

static void test_a_head_whose_lease_ended_comes_again_before_the_rest(void **state)
{
	struct world *w = *state;

	put_in_order(w, "act", "a1", "a");
	put_in_order(w, "act", "a2", "a");
	(void)receive_one(w, "act", "a1");
	orch_clock_shift_ms(VISIBILITY_MS + 1);
	assert_int_equal(receive(w, "act", 10), 1);
	assert_true(text_is(w->leases[0].message.id, "a1"));
}

static void test_the_delay_of_one_behind_counts_from_its_put(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("act", "a2");
	struct orch_lease lease;

	put_in_order(w, "act", "a1", "a");
	m.order = ORCH_TEXT("a");
	m.delay_ms = 50000;
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	lease = receive_one(w, "act", "a1");
	assert_int_equal(settle(w, &lease), ORCH_OK);
	assert_int_equal(receive(w, "act", 1), 0);
	orch_clock_shift_ms(50000);
	(void)receive_one(w, "act", "a2");
}

static void test_without_keys_the_oldest_comes_first(void **state)
{
	struct world *w = *state;
	char id[16];

	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(id, sizeof(id), "%02u", i);
		put(w, "scan", id);
	}
	for (unsigned i = 0; i < 30; i += 10) {
		assert_int_equal(receive(w, "scan", 10), 10);
		for (unsigned k = 0; k < 10; k++) {
			(void)snprintf(id, sizeof(id), "%02u", i + k);
			assert_true(text_is(w->leases[k].message.id, id));
		}
	}
}

static void put_grave(struct world *w, const char *id, uint32_t severity)
{
	struct orch_message m = message("act", id);

	m.priority = severity;
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
}

static void test_each_grade_counts_as_a_minute_of_waiting(void **state)
{
	struct world *w = *state;
	static const char *const expected[] = { "critical", "old", "high", "low", "info" };

	orch_clock_shift_ms(-210000);
	put_grave(w, "old", ORCH_INFO);
	orch_clock_shift_ms(0);
	put_grave(w, "info", ORCH_INFO);
	put_grave(w, "low", ORCH_LOW);
	put_grave(w, "critical", ORCH_CRITICAL);
	put_grave(w, "high", ORCH_HIGH);
	(void)receive_one(w, "act", expected[0]);
	assert_int_equal(receive(w, "act", 3), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(text_is(w->leases[i].message.id, expected[i + 1]));
	(void)receive_one(w, "act", expected[4]);
}

static void test_a_grave_message_waits_out_its_delay(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put_grave(w, "a", ORCH_CRITICAL);
	lease = receive_one(w, "act", "a");
	assert_int_equal(release(w, &lease, 100000, true), ORCH_OK);
	assert_int_equal(receive(w, "act", 1), 0);
	orch_clock_shift_ms(100000);
	(void)receive_one(w, "act", "a");
	orch_clock_shift_ms(100000 + VISIBILITY_MS - 1000);
	assert_int_equal(receive(w, "act", 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_messages_of_one_key_come_one_at_a_time_in_order, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_key_counts_in_its_own_queue_alone, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_released_head_keeps_its_place, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_head_whose_lease_ended_comes_again_before_the_rest, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_the_delay_of_one_behind_counts_from_its_put, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_without_keys_the_oldest_comes_first, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_each_grade_counts_as_a_minute_of_waiting, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_grave_message_waits_out_its_delay, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
