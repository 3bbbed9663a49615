/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose action has left the configuration. */
#include "unit/stage/act_world.h"

/* Beside "act" there is an action NAME, and no other. */
static void reload_with(struct world *w, const char *name)
{
	orch_plan_unref(w->plan);
	w->plan = world_plan(w,
		orch_arena_printf(w->arena,
			REST "actions = ( { name = \"act\"; plugin = \"script_action\"; }, "
			     "{ name = \"%s\"; plugin = \"script_action\"; } );",
			name)
			.ptr);
	orch_act_set_crew(w->act, world_crew(w->plan, ORCH_STAGE_ACT));
}

static void test_an_action_that_is_gone_waits_for_its_return(void **state)
{
	struct world *w = *state;

	world_act(w, ACT(""));
	reload_with(w, "other");
	PUT_TASK(w, "other", .id = "t1", .text = "x");
	PUT_TASK(w, "act", .id = "t2", .text = "x");
	world_until(w, has_settled);
	while (world_ledger(w, "act.other").in_flight > 0)
		world_turn(w);
	assert_int_equal(world_ledger(w, "act.other").done, 1);
}

/* Of an action that the configuration does not have, missed for as long as the grace. */
static void give_up(struct world *w, const char *name)
{
	struct orch_act_desk *desk;

	orch_act_note_stray(w->act, orch_text_from(name));
	TAILQ_FOREACH(desk, &w->act->desks, link)
	if (orch_text_is(desk->name, name))
		desk->stray_ms -= ORCH_ACT_GRACE_MS;
	orch_act_note_stray(w->act, orch_text_from(name));
}

static bool gone_has_settled(struct world *w)
{
	return world_ledger(w, "act.gone").in_flight == 0;
}

static bool gone_is_delayed(struct world *w)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "act.gone", false, &count);

	return count == 1 && orch_text_is(entries[0].state, "delayed");
}

static void test_tasks_whose_action_stays_away_are_set_aside_and_can_come_back(void **state)
{
	struct world *w = *state;
	struct orch_queue_filter all = { .queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE };
	struct orch_err err = { "" };
	struct orch_queue_swept swept;

	world_act(w, ACT(""));
	PUT_TASK(w, "gone", .id = "t1", .text = "x");
	PUT_TASK(w, "act", .id = "t2", .text = "x");
	orch_clock_shift_ms(ORCH_ACT_GRACE_MS);
	orch_act_note_stray(w->act, ORCH_TEXT("gone"));
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "act.gone").in_flight, 1);
	give_up(w, "gone");
	world_until(w, gone_has_settled);
	assert_text(world_dead(w, "act.gone").reason, "no_action");
	assert_text(only_result(w, "t1").state, "dead");
	assert_text(only_result(w, "t1").action, "gone");
	reload_with(w, "gone");
	assert_int_equal(orch_queue_redrive(w->queue, &all, &swept, &err), ORCH_OK);
	world_until(w, gone_has_settled);
	assert_text(only_result(w, "t1").state, "done");
}

static void test_a_new_task_waits_for_its_action_whatever_befell_the_others(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry *entries;
	size_t count;

	world_act(w, ACT(""));
	PUT_TASK(w, "gone", .id = "t1", .text = "x");
	give_up(w, "gone");
	world_until(w, gone_is_delayed);
	entries = world_peek(w, "act.gone", false, &count);
	assert_int_equal(entries[0].receives, 0);
	assert_int_equal(entries[0].attempts, 0);
}

static void test_a_body_that_is_no_task_is_set_aside_without_its_action_too(void **state)
{
	struct world *w = *state;

	world_act(w, ACT(""));
	world_put_body(w, "act.gone", "[]");
	orch_clock_shift_ms(ORCH_ACT_GRACE_MS);
	give_up(w, "gone");
	world_until(w, gone_has_settled);
	assert_text(world_dead(w, "act.gone").reason, "no_action");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_an_action_that_is_gone_waits_for_its_return),
		TEST(test_tasks_whose_action_stays_away_are_set_aside_and_can_come_back),
		TEST(test_a_new_task_waits_for_its_action_whatever_befell_the_others),
		TEST(test_a_body_that_is_no_task_is_set_aside_without_its_action_too),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
