/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals are told by their ids; the time of what arrived is only kept.  Names are recalled for a day. */
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

static void test_an_alias_with_a_time_is_one_with_it(void **state)
{
	static const struct {
		const char *id;
		uint64_t time_ms;
		bool is_repeat;
	} arrivals[] = { { "a", 0, false }, { "b", 1, false }, { "c", 1, true },
		{ "d", 256, false }, { "e", UINT64_MAX, false }, { "f", UINT64_MAX, true },
		{ "g", 0, true } };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
		struct orch_message m = arrival(arrivals[i].id, i);

		m.alias = ORCH_TEXT("x");
		m.alias_time_ms = arrivals[i].time_ms;
		assert_int_equal(put_message(w, &m, true), ORCH_OK);
		assert_int_equal(w->duplicates, arrivals[i].is_repeat);
	}
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
		m.alias = m.id;
		m.alias_time_ms = m.time_ms;
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
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM seen"), 4 * ARRIVALS);
	orch_clock_shift_ms(DAY_MS + 1000);
	put_arrivals(w, 1, 1700000000000, 1);
	put_arrivals(w, 2, 6, 0);
	/* They are forgotten round by round, in the order of their keys. */
	assert_in_range(ask(w->f.path, "SELECT count(*) FROM seen"), 4 * ARRIVALS, 6 * ARRIVALS);
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
	struct orch_queue_swept swept;
	struct orch_err err;

	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(bury(w, &lease, "failed", ""), ORCH_OK);
	assert_int_equal(orch_queue_redrive(w->queue, &all, &swept, &err), ORCH_OK);
	assert_int_equal(swept.changed, 1);
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

static int ask_names(struct world *w, enum orch_queue_kind kind, const char *queue,
	const struct orch_text *names, size_t count, bool *ret_known)
{
	struct orch_queue_op op = { .kind = kind,
		.name = orch_text_from(queue),
		.names = names,
		.name_count = count,
		.known = ret_known };

	return do_op(w, &op);
}

static void remember(struct world *w, const char *name)
{
	const struct orch_text names[] = { orch_text_from(name) };

	assert_int_equal(ask_names(w, ORCH_QUEUE_REMEMBER, "scan", names, 1, NULL), ORCH_OK);
}

static bool recalls(struct world *w, const char *queue, const char *name)
{
	const struct orch_text names[] = { orch_text_from(name) };
	bool known = false;

	assert_int_equal(ask_names(w, ORCH_QUEUE_RECALL, queue, names, 1, &known), ORCH_OK);
	return known;
}

static void test_what_is_remembered_is_recalled_and_nothing_else(void **state)
{
	static const struct orch_text names[] = { ORCH_TEXT("other"), ORCH_TEXT("a"),
		ORCH_TEXT("b"), ORCH_TEXT("") };
	bool known[] = { true, false, false, true };
	struct world *w = *state;

	assert_int_equal(ask_names(w, ORCH_QUEUE_REMEMBER, "scan", &names[1], 2, NULL), ORCH_OK);
	assert_int_equal(ask_names(w, ORCH_QUEUE_RECALL, "scan", names, 4, known), ORCH_OK);
	assert_false(known[0]);
	assert_true(known[1]);
	assert_true(known[2]);
	assert_false(known[3]);
	assert_false(recalls(w, "act.a", "a"));
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM seen"), 2);
}

static void test_a_name_is_recalled_for_a_day_from_the_last_time(void **state)
{
	struct world *w = *state;

	remember(w, "once");
	remember(w, "twice");
	orch_clock_shift_ms(DAY_MS - 1000);
	remember(w, "twice");
	assert_true(recalls(w, "scan", "once"));
	orch_clock_shift_ms(DAY_MS + 60000);
	assert_false(recalls(w, "scan", "once"));
	assert_true(recalls(w, "scan", "twice"));
	orch_clock_shift_ms(2 * DAY_MS + 60000);
	assert_false(recalls(w, "scan", "twice"));
}

static void test_a_recalled_name_outlives_a_restart(void **state)
{
	struct world *w = *state;

	remember(w, "a");
	reopen_queue(w, 0);
	assert_true(recalls(w, "scan", "a"));
}

static void test_names_are_as_long_as_those_of_messages(void **state)
{
	struct world *w = *state;
	char long_name[ORCH_QUEUE_NAME_BYTES + 1], longer_name[1025];
	const struct orch_text name = { longer_name, sizeof(longer_name) };
	const struct orch_text most = { longer_name, sizeof(longer_name) - 1 };
	bool known = false;

	memset(longer_name, 'n', sizeof(longer_name));
	memset(long_name, 'q', sizeof(long_name));
	long_name[ORCH_QUEUE_NAME_BYTES] = '\0';
	assert_int_equal(ask_names(w, ORCH_QUEUE_REMEMBER, "scan", &name, 1, NULL), ORCH_E_LIMIT);
	assert_int_equal(ask_names(w, ORCH_QUEUE_RECALL, "scan", &name, 1, &known), ORCH_E_LIMIT);
	assert_int_equal(
		ask_names(w, ORCH_QUEUE_RECALL, long_name, &most, 1, &known), ORCH_E_INVALID);
	assert_int_equal(ask_names(w, ORCH_QUEUE_REMEMBER, "scan", &most, 1, NULL), ORCH_OK);
	assert_int_equal(ask_names(w, ORCH_QUEUE_RECALL, "scan", &most, 1, &known), ORCH_OK);
	assert_true(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_id_alone_tells_a_repeat_whatever_its_time,
			make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_an_alias_tells_a_repeat_under_another_id, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_an_alias_with_a_time_is_one_with_it, make_world, remove_world),
		cmocka_unit_test_setup_teardown(test_any_time_is_kept, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_the_day_counts_from_the_arrival, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_redriven_message_keeps_its_time, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_time_changed_at_rest_is_damage, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_what_is_remembered_is_recalled_and_nothing_else, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_name_is_recalled_for_a_day_from_the_last_time, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_recalled_name_outlives_a_restart, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_names_are_as_long_as_those_of_messages, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
