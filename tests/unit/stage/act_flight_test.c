/* SPDX-License-Identifier: Apache-2.0 */
/* How many tasks are under way at once. */
#include "unit/stage/act_world.h"

static void test_no_more_tasks_are_taken_than_may_be_in_flight(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	put_tasks(w, 30, "x");
	world_act(w, ACT("script = \"steps:1\"; in_flight = 3;"));
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "act.act").done, 30);
	assert_in_range(stand_in_open_max(w->script.stand_in), 1, 3);
}

static bool all_are_asking(struct world *w)
{
	return script_sent(&w->script) == 200;
}

static void test_hundreds_are_in_flight_unless_something_else_is_said(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	script_hold(&w->script, true);
	world_open_db(w);
	put_tasks(w, 200, "x");
	world_act(w, ACT("script = \"steps:1\";"));
	world_until(w, all_are_asking);
	assert_int_equal(stand_in_open_max(w->script.stand_in), 200);
	script_hold(&w->script, false);
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "act.act").done, 200);
}

static bool has_taken_large_ones(struct world *w)
{
	return w->act->in_flight >= ORCH_ACT_TAKEN_AT_ONCE &&
		script_sent(&w->script) >= ORCH_ACT_TAKEN_AT_ONCE &&
		!TAILQ_FIRST(&w->act->desks)->is_receiving;
}

static void test_large_tasks_are_fewer_at_once(void **state)
{
	const size_t each = ORCH_ACT_BODY_BYTES / ORCH_ACT_TAKEN_AT_ONCE;
	struct world *w = *state;
	char *text = orch_arena_alloc(w->arena, each + 1);

	memset(text, 'x', each);
	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	script_hold(&w->script, true);
	world_open_db(w);
	for (unsigned i = 0; i < ORCH_ACT_TAKEN_AT_ONCE + 3; i++)
		PUT_TASK(w, "act", .id = orch_arena_printf(w->arena, "t%u", i).ptr, .text = "x",
			.field = "large", .value = text);
	world_act(w, ACT("script = \"steps:1\";"));
	world_until(w, has_taken_large_ones);
	assert_int_equal(w->act->in_flight, ORCH_ACT_TAKEN_AT_ONCE);
	assert_int_equal(script_sent(&w->script), ORCH_ACT_TAKEN_AT_ONCE);
	script_hold(&w->script, false);
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "act.act").done, ORCH_ACT_TAKEN_AT_ONCE + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_no_more_tasks_are_taken_than_may_be_in_flight),
		TEST(test_hundreds_are_in_flight_unless_something_else_is_said),
		TEST(test_large_tasks_are_fewer_at_once),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
