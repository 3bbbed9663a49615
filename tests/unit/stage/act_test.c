/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/stage/act_world.h"

static struct orch_queue_entry only_waiting(struct world *w)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "act.act", false, &count);

	assert_int_equal(count, 1);
	return entries[0];
}

static void test_a_task_is_done_and_told(void **state)
{
	struct world *w = *state;
	struct orch_stored_result result;

	world_act(w, ACT(""));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	result = only_result(w, "t1");
	assert_text(result.state, "done");
	assert_text(result.outcome, "done");
	assert_int_equal(result.attempts, 1);
	assert_int_equal(world_ledger(w, "act.act").done, 1);
}

static void test_steps_are_taken_one_after_the_other(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_act(w, ACT("script = \"steps:3\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	assert_int_equal(script_sent(&w->script), 3);
	assert_string_equal(script_body(&w->script, 0), "0 1 0 t1");
	assert_string_equal(script_body(&w->script, 2), "2 1 0 t1");
	assert_text(only_result(w, "t1").outcome, "stepped");
	assert_text(only_result(w, "t1").detail, "memo of step 3");
}

static void test_a_retry_goes_on_at_its_step(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL }, { "503 Busy", NULL, NULL },
		{ "200 OK", NULL, NULL });
	world_act(w, ACT("script = \"steps:2\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	assert_int_equal(script_sent(&w->script), 3);
	assert_string_equal(script_body(&w->script, 1), "1 1 0 t1");
	assert_string_equal(script_body(&w->script, 2), "1 2 0 t1"); /* answered: not resumed */
	assert_int_equal(only_result(w, "t1").attempts, 2);
}

static void test_a_try_whose_answer_was_lost_is_resumed(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL }, { NULL, NULL, NULL },
		{ "200 OK", NULL, NULL });
	world_act(w, ACT("script = \"steps:2\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	assert_string_equal(script_body(&w->script, 2), "1 2 1 t1");
}

/* As a crash would leave it: received, and never heard of again. */
static void receive_and_crash(struct world *w)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.lane = w->lane,
		.name = ORCH_TEXT("act.act"),
		.max = 1,
		.visibility_ms = 1,
		.arena = w->arena,
		.done = world_put_done,
		.user = w };
	struct orch_err err = { "" };

	w->puts++;
	assert_int_equal(orch_queue_submit(w->queue, &op, &err), ORCH_OK);
	world_until(w, world_has_put);
	assert_int_equal(op.lease_count, 1);
	(void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void test_a_try_after_a_crash_is_resumed(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	receive_and_crash(w);
	world_act(w, ACT("script = \"steps:1\";"));
	world_until(w, has_settled);
	assert_string_equal(script_body(&w->script, 0), "0 1 1 t1");
}

static void test_what_is_refused_is_dead_with_the_answer(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry dead;

	SCRIPT_START(&w->script,
		{ "403 No", NULL, "{\"error\":\"not_allowed\",\"text\":\"my card 4111\"}" });
	world_act(w, ACT("script = \"steps:1\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	dead = world_dead(w, "act.act");
	assert_text(dead.reason, "denied");
	assert_text(dead.detail, "it refused (the last answer was HTTP 403: error=not_allowed)");
	assert_text(only_result(w, "t1").state, "dead");
}

static void test_after_its_tries_a_task_is_dead_and_can_go_on(void **state)
{
	struct world *w = *state;
	struct orch_queue_filter all = { .queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE };
	struct orch_err err = { "" };
	struct orch_queue_swept swept;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL }, { NULL, NULL, NULL },
		{ "200 OK", NULL, NULL });
	world_act(w, ACT("script = \"steps:2\"; attempts = 1;"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	assert_text(world_dead(w, "act.act").reason, "attempts");
	assert_int_equal(orch_queue_redrive(w->queue, &all, &swept, &err), ORCH_OK);
	assert_int_equal(swept.changed, 1);
	world_until(w, has_settled);
	/* At its step, and it says that the answer to that was lost. */
	assert_string_equal(script_body(&w->script, 2), "1 1 1 t1");
	assert_text(only_result(w, "t1").state, "done");
}

static bool is_delayed(struct world *w)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "act.act", false, &count);

	return count == 1 && orch_text_is(entries[0].state, "delayed");
}

static void test_a_pause_is_no_failure_and_no_delivery(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry entry;

	SCRIPT_START(&w->script, { "429 Slow", "Retry-After: 100\r\n", NULL });
	world_act(w, ACT("script = \"steps:1\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, is_delayed);
	entry = only_waiting(w);
	assert_int_equal(entry.receives, 0);
	assert_int_equal(entry.attempts, 0);
}

static void test_more_pauses_than_receives_bury_nothing(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "429 Slow", "Retry-After: 1\r\n", NULL },
		{ "429 Slow", "Retry-After: 1\r\n", NULL }, { "200 OK", NULL, NULL });
	world_act(w, "queue = { receives = 1; };" ACT("script = \"steps:1\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "act.act").done, 1);
}

static void test_a_task_that_kills_us_again_and_again_is_set_aside(void **state)
{
	struct world *w = *state;

	world_open_db(w);
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	receive_and_crash(w);
	receive_and_crash(w);
	world_act(w, "queue = { receives = 2; };" ACT(""));
	world_until(w, has_settled);
	assert_text(world_dead(w, "act.act").reason, "receives");
}

static void test_a_body_that_is_no_task_is_set_aside(void **state)
{
	struct world *w = *state;

	world_act(w, ACT(""));
	world_put_body(w, "act.act", "[]");
	world_until(w, has_settled);
	assert_text(world_dead(w, "act.act").reason, "bad_body");
}

/* Batches. */

static size_t sent_with(struct world *w, const char *body)
{
	size_t found = 0;

	for (size_t i = 0; i < script_sent(&w->script); i++)
		found += strcmp(script_body(&w->script, i), body) == 0;
	return found;
}

static void test_a_batch_is_cut_by_the_number_of_tasks(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	put_tasks(w, 7, "x");
	world_act(w, BATCH(""));
	world_until(w, has_settled);
	assert_int_equal(sent_with(w, "3 tasks"), 2);
	assert_int_equal(sent_with(w, "1 tasks"), 1);
	assert_int_equal(world_ledger(w, "act.act").done, 7);
}

/* Tasks do not carry the bytes of parts, so it is the field that is long. */
static void test_a_batch_is_cut_by_its_bytes(void **state)
{
	struct world *w = *state;
	static char value[9001];

	memset(value, 'v', sizeof(value) - 1);
	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	for (int i = 0; i < 4; i++)
		PUT_TASK(w, "act", .id = orch_arena_printf(w->arena, "t%d", i).ptr, .text = "x",
			.field = "long", .value = value);
	world_act(w, BATCH(""));
	world_until(w, has_settled);
	assert_int_equal(script_sent(&w->script), 2);
	assert_int_equal(sent_with(w, "2 tasks"), 2);
}

/* The detail of dead letter ID. */
static const char *detail_of(struct world *w, const char *id)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "act.act", true, &count);

	for (size_t i = 0; i < count; i++)
		if (orch_text_is(entries[i].id, id))
			return entries[i].detail.ptr;
	fail_msg("%s is not dead", id);
	return NULL;
}

static void put_batch(struct world *w, const char *const words[3])
{
	static const char *const ids[] = { "t0", "t1", "t2" };

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	for (size_t i = 0; i < 3; i++)
		PUT_TASK(w, "act", .id = ids[i], .text = "x", .field = "action", .value = words[i]);
	world_act(w, BATCH(""));
	world_until(w, has_settled);
}

static void test_the_only_failure_of_a_batch_has_the_hooks_words(void **state)
{
	put_batch(*state, (const char *const[]){ "ok", "told", "ok" });
	assert_string_equal(
		detail_of(*state, "t1"), "this one is not welcome (the last answer was HTTP 200)");
	assert_int_equal(world_ledger(*state, "act.act").done, 2);
}

static void test_failures_of_a_batch_are_not_without_words(void **state)
{
	put_batch(*state, (const char *const[]){ "told", "denied", "invalid" });
	for (int i = 0; i < 2; i++)
		assert_string_equal(detail_of(*state, i == 0 ? "t0" : "t1"),
			"not authentic, or refused by the remote side "
			"(the last answer was HTTP 200)");
	assert_contains(detail_of(*state, "t2"), "is not valid");
}

static void test_each_task_of_a_batch_fares_as_it_does(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	PUT_TASK(w, "act", .id = "good", .text = "x");
	PUT_TASK(w, "act", .id = "bad", .text = "x", .field = "action", .value = "denied");
	PUT_TASK(w, "act", .id = "late", .text = "x", .field = "action", .value = "again");
	world_act(w, BATCH("attempts = 2;"));
	world_until(w, has_settled);
	assert_text(only_result(w, "good").state, "done");
	assert_text(only_result(w, "bad").state, "dead");
	assert_text(only_result(w, "late").state, "dead");
	assert_int_equal(only_result(w, "late").attempts, 2);
	assert_int_equal(script_sent(&w->script), 2);
	assert_string_equal(script_body(&w->script, 1), "1 tasks");
}

static void test_an_unreadable_task_does_not_shift_its_fellows(void **state)
{
	struct world *w = *state;
	const struct orch_message broken = { .queue = ORCH_TEXT("act.act"),
		.id = ORCH_TEXT("broken"),
		.pipeline = ORCH_TEXT("p"),
		.tenant = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT_NONE,
		.body = ORCH_TEXT("{") };

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	world_put(w, &broken);
	PUT_TASK(w, "act", .id = "bad", .text = "x", .field = "action", .value = "denied");
	PUT_TASK(w, "act", .id = "good", .text = "x");
	world_act(w, BATCH(""));
	world_until(w, has_settled);
	assert_string_equal(script_body(&w->script, 0), "2 tasks");
	assert_text(only_result(w, "good").state, "done");
	assert_text(only_result(w, "bad").state, "dead");
	assert_int_equal(world_ledger(w, "act.act").dead, 2);
}

/* The ways out. */

static bool has_sent(struct world *w)
{
	return script_sent(&w->script) > 0;
}

static void test_a_released_task_says_that_it_may_have_been_sent(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "", NULL, NULL }, { "200 OK", NULL, NULL });
	world_act(w, ACT("script = \"steps:1\";"));
	PUT_TASK(w, "act", .id = "t1", .text = "x");
	world_until(w, has_sent);
	world_end_stage(w);
	assert_text(only_waiting(w).state, "waiting");
	assert_int_equal(only_waiting(w).receives, 0);
	world_act(w, ACT("script = \"steps:1\";"));
	world_until(w, has_settled);
	assert_string_equal(script_body(&w->script, 1), "0 1 1 t1");
}

static bool is_checkpointing(struct world *w)
{
	const struct orch_act_work *work = TAILQ_FIRST(&w->act->works);

	return work != NULL && work->is_checkpointing;
}

/* A first request has come; what follows its answer waits for the database. */
static void hold_while_sending(struct world *w, const char *config, int tasks)
{
	world_open_db(w);
	script_hold(&w->script, true);
	put_tasks(w, tasks, "x");
	world_act(w, config);
	world_until(w, has_sent);
	world_hold_db(w);
	script_hold(&w->script, false);
}

static void test_a_release_waits_for_the_checkpoint_under_way(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	hold_while_sending(w, ACT("script = \"steps:2\";"), 1);
	world_until(w, is_checkpointing);
	orch_act_drain(w->act);
	orch_act_release(w->act);
	assert_int_equal(w->act->in_flight, 1);
	world_let_db_go(w);
	world_until(w, world_is_idle);
	assert_int_equal(script_sent(&w->script), 1);
	assert_text(only_waiting(w).state, "waiting");
	orch_act_destroy(w->act);
	orch_plan_unref(w->plan);
	w->act = NULL;
	world_act(w, ACT("script = \"steps:2\";"));
	world_until(w, has_settled);
	assert_string_equal(script_body(&w->script, 1), "1 1 0 t0"); /* step 1 was never sent */
}

static bool has_answered(struct world *w)
{
	return orch_http_client_in_flight(w->bench.client) == 0;
}

static bool has_no_work(struct world *w)
{
	return w->act->in_flight == 0;
}

static bool is_handing_over(struct world *w)
{
	const struct orch_act_work *work = TAILQ_FIRST(&w->act->works);

	return work != NULL && work->items[0].is_ended;
}

static void test_a_release_leaves_a_hand_over_alone(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	hold_while_sending(w, BATCH(""), 1);
	world_until(w, is_handing_over);
	orch_act_drain(w->act);
	orch_act_release(w->act);
	world_let_db_go(w);
	world_until(w, world_is_idle);
	assert_int_equal(world_ledger(w, "act.act").done, 1);
}

/* Fills the database's queue, so that it takes no more. */
static void fill_db(struct world *w)
{
	struct orch_db_group *filler;
	struct orch_err err = { "" };

	do {
		filler = orch_arena_alloc(w->arena, sizeof(*filler));
		*filler = (struct orch_db_group){ .lane = w->lane, .done = world_gate_done };
	} while (orch_db_submit(w->db, filler, &err) == ORCH_OK);
}

static void test_works_that_cannot_be_handed_over_go_without_a_trace(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	w->queued_groups = 4;
	world_open_db(w);
	script_hold(&w->script, true);
	put_tasks(w, 3, "x");
	world_act(w, BATCH(""));
	world_until(w, has_sent);
	world_hold_db(w);
	fill_db(w);
	script_hold(&w->script, false);
	world_until(w, has_answered);
	world_until(w, has_no_work); /* all three ended at once, one after the other */
	assert_true(TAILQ_EMPTY(&w->act->works));
	world_let_db_go(w);
	orch_act_drain(w->act);
}

static void test_a_release_that_cannot_be_said_ends_the_work_all_the_same(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "", NULL, NULL });
	w->queued_groups = 4;
	world_open_db(w);
	put_tasks(w, 3, "x");
	world_act(w, BATCH(""));
	world_until(w, has_sent);
	world_hold_db(w);
	fill_db(w);
	orch_act_drain(w->act);
	orch_act_release(w->act);
	assert_true(has_no_work(w));
	world_let_db_go(w);
}

static void test_tasks_of_one_key_go_one_at_a_time(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_open_db(w);
	for (int i = 0; i < 5; i++)
		PUT_TASK(w, "act", .id = orch_arena_printf(w->arena, "t%d", i).ptr, .text = "x",
			.order = "key");
	world_act(w, ACT("script = \"steps:2\";"));
	world_until(w, has_settled);
	assert_int_equal(stand_in_open_max(w->script.stand_in), 1);
	for (size_t i = 0; i < 10; i++) {
		char expected[16];

		(void)snprintf(expected, sizeof(expected), "%zu 1 0 t%zu", i % 2, i / 2);
		assert_string_equal(script_body(&w->script, i), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_a_task_is_done_and_told),
		TEST(test_steps_are_taken_one_after_the_other),
		TEST(test_a_retry_goes_on_at_its_step),
		TEST(test_a_try_whose_answer_was_lost_is_resumed),
		TEST(test_a_try_after_a_crash_is_resumed),
		TEST(test_what_is_refused_is_dead_with_the_answer),
		TEST(test_after_its_tries_a_task_is_dead_and_can_go_on),
		TEST(test_a_pause_is_no_failure_and_no_delivery),
		TEST(test_more_pauses_than_receives_bury_nothing),
		TEST(test_a_task_that_kills_us_again_and_again_is_set_aside),
		TEST(test_a_body_that_is_no_task_is_set_aside),
		TEST(test_a_batch_is_cut_by_the_number_of_tasks),
		TEST(test_a_batch_is_cut_by_its_bytes),
		TEST(test_the_only_failure_of_a_batch_has_the_hooks_words),
		TEST(test_failures_of_a_batch_are_not_without_words),
		TEST(test_each_task_of_a_batch_fares_as_it_does),
		TEST(test_an_unreadable_task_does_not_shift_its_fellows),
		TEST(test_a_released_task_says_that_it_may_have_been_sent),
		TEST(test_a_release_waits_for_the_checkpoint_under_way),
		TEST(test_a_release_leaves_a_hand_over_alone),
		TEST(test_works_that_cannot_be_handed_over_go_without_a_trace),
		TEST(test_a_release_that_cannot_be_said_ends_the_work_all_the_same),
		TEST(test_tasks_of_one_key_go_one_at_a_time),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
