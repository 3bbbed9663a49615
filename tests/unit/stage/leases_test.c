/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/leases.h"

#include "unit/stage/world.h"

#define VISIBILITY_MS 600

struct holding {
	struct orch_leases leases;
	struct orch_held held;
	struct orch_queue_op receive;
	const struct orch_lease *lease;
	int freed;
};

static void on_freed(void *owner)
{
	struct holding *h = owner;

	h->freed++;
}

/* Holds the one message of the queue "q" as a stage does. */
static void hold(struct world *w, struct holding *h)
{
	static const struct orch_message message = { .queue = ORCH_TEXT("q"),
		.id = ORCH_TEXT("m"),
		.pipeline = ORCH_TEXT_NONE,
		.tenant = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE };
	struct orch_err err = { "" };

	*h = (struct holding){ .freed = 0 };
	world_open_db(w);
	world_put(w, &message);
	assert_int_equal(orch_leases_init(&h->leases, w->queue, w->lane, VISIBILITY_MS), ORCH_OK);
	h->receive = (struct orch_queue_op){ .kind = ORCH_QUEUE_RECEIVE,
		.lane = w->lane,
		.name = ORCH_TEXT("q"),
		.max = 1,
		.visibility_ms = VISIBILITY_MS,
		.arena = w->arena,
		.done = world_put_done,
		.user = w };
	w->puts++;
	assert_int_equal(orch_queue_submit(w->queue, &h->receive, &err), ORCH_OK);
	world_until(w, world_has_put);
	h->lease = &h->receive.leases[0];
	orch_leases_hold(&h->leases, &h->held, h->lease, on_freed, h);
}

static void turn_for(struct world *w, uint64_t ms)
{
	uint64_t until = orch_clock_mono_ms() + ms;

	while (orch_clock_mono_ms() < until)
		world_turn(w);
}

/* Is there something to be received, now? */
static size_t receivable(struct world *w)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.lane = w->lane,
		.name = ORCH_TEXT("q"),
		.max = 1,
		.visibility_ms = 60000,
		.arena = w->arena,
		.done = world_put_done,
		.user = w };
	struct orch_err err = { "" };

	w->puts++;
	assert_int_equal(orch_queue_submit(w->queue, &op, &err), ORCH_OK);
	world_until(w, world_has_put);
	return op.lease_count;
}

static void test_a_lease_is_renewed_as_long_as_it_is_held(void **state)
{
	struct world *w = *state;
	struct holding h;

	hold(w, &h);
	turn_for(w, 2 * VISIBILITY_MS);
	assert_int_equal(receivable(w), 0);
	assert_false(h.held.is_lost);
	orch_leases_let_go(&h.held);
	while (h.freed == 0)
		world_turn(w);
	orch_leases_fini(&h.leases);
}

static void test_a_lost_lease_is_counted_once_and_left_alone(void **state)
{
	struct world *w = *state;
	struct holding h;
	struct orch_metric *lost =
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_leases_lost_total", "");
	int64_t before = orch_metric_value(lost);

	hold(w, &h);
	orch_clock_shift_ms(VISIBILITY_MS * 2); /* as a machine that slept */
	assert_int_equal(receivable(w), 1);
	turn_for(w, 2 * VISIBILITY_MS);
	assert_true(h.held.is_lost);
	assert_int_equal(orch_metric_value(lost), before + 1);
	orch_leases_let_go(&h.held);
	assert_int_equal(h.freed, 1);
	orch_leases_fini(&h.leases);
}

static void test_what_is_let_go_while_it_is_renewed_stays_until_that_is_over(void **state)
{
	struct world *w = *state;
	struct holding h;

	hold(w, &h);
	world_hold_db(w);
	while (!h.held.is_busy)
		world_turn(w);
	orch_leases_let_go(&h.held);
	assert_int_equal(h.freed, 0);
	assert_false(orch_timer_is_set(&h.leases.timer));
	world_let_db_go(w);
	while (h.freed == 0)
		world_turn(w);
	assert_int_equal(h.freed, 1);
	orch_leases_fini(&h.leases);
}

static void test_what_is_let_go_at_rest_goes_at_once(void **state)
{
	struct world *w = *state;
	struct holding h;

	hold(w, &h);
	orch_leases_let_go(&h.held);
	assert_int_equal(h.freed, 1);
	assert_int_equal(h.leases.count, 0);
	orch_leases_fini(&h.leases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_a_lease_is_renewed_as_long_as_it_is_held),
		TEST(test_a_lost_lease_is_counted_once_and_left_alone),
		TEST(test_what_is_let_go_while_it_is_renewed_stays_until_that_is_over),
		TEST(test_what_is_let_go_at_rest_goes_at_once),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
