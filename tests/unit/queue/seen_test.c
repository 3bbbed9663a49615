/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals and the time of what arrived: it names them, and nothing depends on its being right. */
#include "unit/queue/world.h"

#define DAY_MS (24 * 3600 * 1000)
#define ARRIVALS 300

static struct orch_message arrival(const char *id, uint64_t time_ms)
{
	struct orch_message m = message("scan", id);

	m.time_ms = time_ms;
	return m;
}

static void test_time_and_id_together_name_an_arrival(void **state)
{
	struct world *w = *state;
	struct orch_message first = arrival("a", 1700000000123);
	struct orch_message later = arrival("a", 1700000000124);

	assert_int_equal(put_message(w, &first, true), ORCH_OK);
	assert_int_equal(put_message(w, &first, true), ORCH_OK);
	assert_int_equal(w->duplicates, 1);
	assert_int_equal(put_message(w, &later, true), ORCH_OK);
	assert_int_equal(w->duplicates, 0);
	assert_int_equal(receive(w, "scan", 10), 2);
	assert_true(w->leases[0].message.time_ms == 1700000000123);
}

static void test_any_time_is_remembered(void **state)
{
	static const uint64_t times[] = { 0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
	struct world *w = *state;

	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			struct orch_message m = arrival("a", times[i]);

			assert_int_equal(put_message(w, &m, true), ORCH_OK);
			assert_int_equal(w->duplicates, round);
		}
	}
	assert_int_equal(receive(w, "scan", 10), 5);
}

static void put_arrivals(struct world *w, unsigned day, uint64_t first_ms, uint64_t step_ms)
{
	char id[32];

	for (unsigned i = 0; i < ARRIVALS; i++) {
		struct orch_message m;

		(void)snprintf(id, sizeof(id), "%u.%u", day, i);
		m = arrival(id, first_ms + i * step_ms);
		assert_int_equal(put_message(w, &m, true), ORCH_OK);
	}
}

/* Clocks that are wrong by years must not keep an arrival for ever, nor have it forgotten. */
static void test_the_day_counts_from_the_arrival(void **state)
{
	struct world *w = *state;
	const uint64_t far = 4000000000000;
	struct orch_message last;

	put_arrivals(w, 0, far, 1);
	put_arrivals(w, 0, 5, 0);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM seen"), 2 * ARRIVALS);
	orch_clock_shift_ms(DAY_MS + 1000);
	put_arrivals(w, 1, 1700000000000, 1);
	put_arrivals(w, 2, 6, 0);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM seen"), 2 * ARRIVALS);
	last = arrival("2.299", 6);
	assert_int_equal(put_message(w, &last, true), ORCH_OK);
	assert_int_equal(w->duplicates, 1);
}

static void test_a_redriven_message_keeps_its_time(void **state)
{
	struct world *w = *state;
	struct orch_queue_filter all = { .queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE };
	struct orch_message m = arrival("a", 1700000000123);
	struct orch_lease lease;
	struct orch_err err;
	uint64_t count;

	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(bury(w, &lease, "failed", ""), ORCH_OK);
	assert_int_equal(orch_queue_redrive(w->queue, &all, &count, &err), ORCH_OK);
	assert_int_equal(count, 1);
	lease = receive_one(w, "scan", "a");
	assert_true(lease.message.time_ms == 1700000000123);
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	assert_int_equal(ledger(w, "scan").accepted, 1);
}

static void test_a_time_changed_at_rest_is_damage(void **state)
{
	struct world *w = *state;
	struct orch_message m = arrival("a", 1700000000123);

	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	poke(w->f.path, "UPDATE item SET time = time + 1");
	assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(ledger(w, "scan").damaged, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_time_and_id_together_name_an_arrival, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_any_time_is_remembered, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_the_day_counts_from_the_arrival, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_redriven_message_keeps_its_time, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_time_changed_at_rest_is_damage, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
