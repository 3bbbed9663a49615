/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals are told by their ids; the time of what arrived is only kept. */
#include "unit/queue/world.h"

#define DAY_MS (24 * 3600 * 1000)
#define ARRIVALS 300

static struct orch_message arrival(const char *id, uint64_t time_ms)
{
	struct orch_message m = message("scan", id);

	m.time_ms = time_ms;
	return m;
}

static void test_an_id_alone_tells_a_repeat_whatever_its_time(void **state)
{
	static const uint64_t times[] = { 1700000000123, 1700000000124, 0, UINT64_MAX };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct orch_message m = arrival("a", times[i]);

		assert_int_equal(put_message(w, &m, true), ORCH_OK);
		assert_int_equal(w->duplicates, i == 0 ? 0 : 1);
	}
	assert_int_equal(receive(w, "scan", 10), 1);
	assert_true(w->leases[0].message.time_ms == 1700000000123);
}

static void test_an_alias_tells_a_repeat_under_another_id(void **state)
{
	static const struct {
		const char *id, *alias;
		bool is_repeat;
	} arrivals[] = { { "a", "x", false }, { "b", "x", true }, { "b", "y", true },
		{ "c", "y", false }, { "a", "z", true }, { "d", "", false }, { "e", "", false } };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
		struct orch_message m = arrival(arrivals[i].id, i);

		m.alias = orch_text_from(arrivals[i].alias);
		assert_int_equal(put_message(w, &m, true), ORCH_OK);
		assert_int_equal(w->duplicates, arrivals[i].is_repeat);
	}
	assert_int_equal(ledger(w, "scan").accepted, 4);
}

static void test_any_time_is_kept(void **state)
{
	static const uint64_t times[] = { 0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
	struct world *w = *state;
	char id[8];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct orch_message m;

		(void)snprintf(id, sizeof(id), "%zu", i);
		m = arrival(id, times[i]);
		assert_int_equal(put_message(w, &m, true), ORCH_OK);
	}
	assert_int_equal(receive(w, "scan", 10), 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(w->leases[i].message.time_ms == times[i]);
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
	put_arrivals(w, 3, 5, 0);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM seen"), 2 * ARRIVALS);
	orch_clock_shift_ms(DAY_MS + 1000);
	put_arrivals(w, 1, 1700000000000, 1);
	put_arrivals(w, 2, 6, 0);
	/* They are forgotten round by round, in the order of their hashes. */
	assert_in_range(ask(w->f.path, "SELECT count(*) FROM seen"), 2 * ARRIVALS, 3 * ARRIVALS);
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
		cmocka_unit_test_setup_teardown(test_an_id_alone_tells_a_repeat_whatever_its_time,
			make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_an_alias_tells_a_repeat_under_another_id, make_world, remove_world),
		cmocka_unit_test_setup_teardown(test_any_time_is_kept, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_the_day_counts_from_the_arrival, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_redriven_message_keeps_its_time, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_time_changed_at_rest_is_damage, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
