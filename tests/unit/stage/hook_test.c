/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/stage/hook_table.h"

static void test_a_local_hook_ends_at_once(void **state)
{
	struct table *t = *state;

	t->wanted = 0;
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(t->entered, 1);
	assert_false(t->run.is_unanswered);
}

static void test_a_reply_comes_back_to_the_hook(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, "hello" });
	set_url(t);
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(t->statuses[0], 200);
	assert_string_equal(t->bodies[0], "hello");
	assert_string_equal(script_body(&t->script, 0), "the body");
	assert_false(t->run.is_unanswered);
}

/* The option names NAME, and the hook writes to it. */
static void log_to(struct table *t, const char *name)
{
	t->method = "LOG";
	(void)snprintf(t->file, sizeof(t->file), "%s/%s", t->dir, name);
	(void)snprintf(t->url, sizeof(t->url), "log:file/%s", t->file);
}

static void test_a_line_is_written_by_the_method_log(void **state)
{
	struct table *t = *state;
	char text[64] = "";
	int fd;

	log_to(t, "out.log");
	run(t);
	assert_int_equal(t->statuses[0], 200);
	fd = open(t->file, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 9);
	assert_string_equal(text, "the body\n");
	(void)close(fd);
	(void)unlink(t->file);
}

static void test_a_line_that_cannot_be_written_is_no_answer(void **state)
{
	struct table *t = *state;

	log_to(t, "no/such/folder");
	run(t);
	assert_int_equal(t->statuses[0], 0);
	assert_contains(t->problem, "No such file");
}

static void expect_refused_for_good(struct table *t, const char *file)
{
	run(t);
	assert_int_equal(t->statuses[0], -1);
	assert_contains(t->problem, "no option of one names this file");
	assert_int_equal(access(file, F_OK), -1);
}

static void test_a_file_that_no_option_names_is_not_written_to(void **state)
{
	struct table *t = *state;
	char other[96];

	log_to(t, "out.log");
	(void)snprintf(other, sizeof(other), "%s/other.log", t->dir);
	(void)snprintf(t->url, sizeof(t->url), "log:file/%s", other);
	expect_refused_for_good(t, other);
}

/* "stderr" as the option's word is not ./stderr. */
static void test_a_word_of_an_option_is_no_file(void **state)
{
	struct table *t = *state;

	t->method = "LOG";
	(void)snprintf(t->file, sizeof(t->file), "stderr-of-a-test");
	(void)snprintf(t->url, sizeof(t->url), "log:file/stderr-of-a-test");
	expect_refused_for_good(t, "stderr-of-a-test");
}

static void test_a_refused_request_is_answered_by_minus_one(void **state)
{
	struct table *t = *state;

	(void)snprintf(t->url, sizeof(t->url), "file:///etc/passwd");
	t->end = ORCH_E_DENIED;
	run(t);
	assert_int_equal(t->statuses[0], -1);
	assert_true(t->problem[0] != '\0');
	assert_int_equal(t->code, ORCH_E_DENIED);
	assert_int_equal(t->run.last_status, -1);
	assert_string_equal(t->run.last_answer, t->problem);
	assert_false(t->run.is_unanswered);
}

static void test_the_last_of_the_requests_is_sent_and_one_more_is_not(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->run.requests_max = 3;
	t->wanted = 3;
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(script_sent(&t->script), 3);
}

static void test_a_request_beyond_the_limit_ends_the_run(void **state)
{
	struct table *t = *state;
	struct orch_metric *reached = orch_metric(ORCH_METRIC_COUNTER,
		"orchestrator_limits_reached_total", "", { "limit", ORCH_TEXT("requests") });
	int64_t before = orch_metric_value(reached);

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->run.requests_max = 3;
	t->wanted = 4;
	run(t);
	assert_int_equal(t->code, ORCH_E_LIMIT);
	assert_contains(t->run.err.text, "limits.requests");
	assert_int_equal(script_sent(&t->script), 3);
	assert_int_equal(orch_metric_value(reached), before + 1);
}

static void test_a_short_pause_is_sat_out(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->limit_key = "key";
	orch_pauses_set(t->bench.pauses, ORCH_TEXT("key"), 30);
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(t->statuses[0], 200);
	assert_int_equal(t->entered, 3); /* asked, asked again, answered */
	assert_int_equal(t->run.requests, 1);
	assert_int_equal(orch_pauses_left_ms(t->bench.pauses, ORCH_TEXT("key")), 0);
}

static void test_a_long_pause_ends_the_run_and_is_no_failure(void **state)
{
	struct table *t = *state;

	t->limit_key = "key";
	orch_pauses_set(t->bench.pauses, ORCH_TEXT("key"), 60000);
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_in_range(t->run.pause_ms, 50000, 60000);
	assert_contains(t->run.err.text, "key");
	assert_int_equal(t->run.requests, 0);
}

static void test_pauses_are_short_as_a_sum(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "429 Too Many", "Retry-After: 1\r\n", NULL });
	set_url(t);
	t->limit_key = "key";
	t->run.wait_max_ms = 1500;
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_int_equal(t->run.pause_ms, 1000);
	assert_int_equal(script_sent(&t->script), 2);
	assert_int_equal(t->replied, 0);
}

static void test_a_429_pauses_its_key_for_everybody(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "429 Too Many", "Retry-After: 40\r\n", NULL });
	set_url(t);
	t->limit_key = "key";
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_int_equal(t->run.pause_ms, 40000);
	assert_in_range(orch_pauses_left_ms(t->bench.pauses, ORCH_TEXT("key")), 30000, 40000);
	assert_int_equal(orch_pauses_left_ms(t->bench.pauses, ORCH_TEXT("other")), 0);
	assert_false(t->run.is_unanswered); /* it was refused, not lost */
}

static void test_a_429_without_a_key_is_the_hooks_own_matter(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "429 Too Many", "Retry-After: 40\r\n", NULL });
	set_url(t);
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(t->statuses[0], 429);
}

static void test_progress_is_kept_only_when_it_moved(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->keeps = true;
	t->wanted = 3;
	run(t);
	assert_int_equal(t->kept, 0);
	assert_int_equal(script_sent(&t->script), 3);
}

static void test_progress_is_kept_before_each_request_of_a_new_step(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->keeps = true;
	t->moves = true;
	t->wanted = 3;
	run(t);
	assert_int_equal(t->kept, 2);
	assert_int_equal(t->run.progress.step, 3);
	assert_string_equal(t->run.progress.memo, "step 3");
}

static void test_nothing_is_sent_when_progress_cannot_be_kept(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->keeps = true;
	t->moves = true;
	t->keep_code = ORCH_E_AGAIN;
	t->wanted = 3;
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_int_equal(script_sent(&t->script), 1);
}

static void test_nothing_is_sent_once_the_lease_is_lost(void **state)
{
	struct table *t = *state;
	bool is_lost = true;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->run.is_lost = &is_lost;
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_int_equal(script_sent(&t->script), 0);
}

static void test_resumed_holds_until_there_is_an_answer(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	t->run.progress.resumed = true;
	t->wanted = 2;
	run(t);
	assert_true(t->resumed[0]);
	assert_true(t->resumed[1]);
	assert_false(t->resumed[2]);
}

static void test_a_request_whose_answer_is_lost_is_remembered(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { NULL, NULL, NULL });
	set_url(t);
	t->end = ORCH_E_AGAIN;
	run(t);
	assert_int_equal(t->statuses[0], 0);
	assert_true(t->run.is_unanswered);
}

static void test_a_request_that_was_never_sent_is_not(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	script_stop(&t->script); /* nobody listens any more */
	t->script.stand_in = NULL;
	t->end = ORCH_E_AGAIN;
	run(t);
	assert_int_equal(t->statuses[0], 0);
	assert_false(t->run.is_unanswered);
}

static void test_what_an_earlier_try_has_sent_is_not_forgotten(void **state)
{
	struct table *t = *state;

	t->limit_key = "key";
	t->run.progress.resumed = true;
	orch_pauses_set(t->bench.pauses, ORCH_TEXT("key"), 60000);
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_true(t->run.is_unanswered);
}

static void test_a_cancelled_run_is_not_done(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "", NULL, NULL });
	set_url(t);
	t->part = "file:1";
	orch_run_start(&t->run);
	while (script_sent(&t->script) == 0)
		(void)event_base_loop(orch_lane_base(t->http.lane), EVLOOP_ONCE);
	orch_run_cancel(&t->run);
	assert_int_equal(t->ended, 0);
	assert_true(t->run.is_unanswered);
	assert_int_equal(orch_http_client_in_flight(t->http.client), 0);
}

static void test_a_pause_can_be_cancelled(void **state)
{
	struct table *t = *state;

	t->limit_key = "key";
	orch_pauses_set(t->bench.pauses, ORCH_TEXT("key"), 5000);
	orch_run_start(&t->run);
	assert_true(orch_timer_is_set(&t->run.timer));
	orch_run_cancel(&t->run);
	assert_false(orch_timer_is_set(&t->run.timer));
	assert_int_equal(t->ended, 0);
}

static void test_a_code_that_means_nothing_is_a_bug(void **state)
{
	struct table *t = *state;

	t->wanted = 0;
	t->end = 7;
	run(t);
	assert_int_equal(t->code, ORCH_E_INTERNAL);
	assert_contains(t->run.err.text, "7");
}

static void test_a_slow_hook_is_counted(void **state)
{
	struct table *t = *state;
	struct orch_metric *reached = orch_metric(ORCH_METRIC_COUNTER,
		"orchestrator_limits_reached_total", "", { "limit", ORCH_TEXT("hook_ms") });
	int64_t before = orch_metric_value(reached);

	SCRIPT_START(&t->script, { "200 OK", NULL, NULL });
	set_url(t);
	run(t);
	assert_int_equal(orch_metric_value(reached), before);
}

/* What the hook failed on, as dead letters tell it. */
static void assert_told(struct table *t, const char *body, const char *told)
{
	const struct scripted_answer answer = { "400 Bad", NULL, body };

	t->script.stand_in == NULL ? (void)0 : script_stop(&t->script);
	script_start(&t->script, &answer, 1);
	set_url(t);
	t->end = ORCH_E_DENIED;
	t->ended = t->replied = 0;
	t->run.requests = 0;
	run(t);
	assert_int_equal(t->run.last_status, 400);
	assert_string_equal(t->run.last_answer, told);
}

static void test_an_answer_is_told_by_its_codes(void **state)
{
	struct table *t = *state;

	assert_told(t, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"chat:write\"}",
		"error=missing_scope needed=chat:write");
	assert_told(
		t, "{\"error\":{\"code\":404,\"type\":\"not_found\"}}", "code=404 type=not_found");
}

static void test_what_an_answer_repeats_of_a_message_is_not_told(void **state)
{
	struct table *t = *state;

	assert_told(t, "{\"error\":\"my card 6759649826438453\",\"message\":{\"text\":\"secret\"}}",
		"64 bytes");
	assert_told(t, "{\"error\":\"6759649826438453\",\"code\":6759649826438453}", "52 bytes");
	assert_told(t, "invalid text: my card 6759649826438453", "38 bytes");
	assert_told(t, "[\"secret\"]", "10 bytes");
	assert_told(t, "", "0 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, lay_table, clear_table)
		TEST(test_a_local_hook_ends_at_once),
		TEST(test_a_reply_comes_back_to_the_hook),
		TEST(test_a_line_is_written_by_the_method_log),
		TEST(test_a_line_that_cannot_be_written_is_no_answer),
		TEST(test_a_file_that_no_option_names_is_not_written_to),
		TEST(test_a_word_of_an_option_is_no_file),
		TEST(test_a_refused_request_is_answered_by_minus_one),
		TEST(test_the_last_of_the_requests_is_sent_and_one_more_is_not),
		TEST(test_a_request_beyond_the_limit_ends_the_run),
		TEST(test_a_short_pause_is_sat_out),
		TEST(test_a_long_pause_ends_the_run_and_is_no_failure),
		TEST(test_pauses_are_short_as_a_sum),
		TEST(test_a_429_pauses_its_key_for_everybody),
		TEST(test_a_429_without_a_key_is_the_hooks_own_matter),
		TEST(test_progress_is_kept_only_when_it_moved),
		TEST(test_progress_is_kept_before_each_request_of_a_new_step),
		TEST(test_nothing_is_sent_when_progress_cannot_be_kept),
		TEST(test_nothing_is_sent_once_the_lease_is_lost),
		TEST(test_resumed_holds_until_there_is_an_answer),
		TEST(test_a_request_whose_answer_is_lost_is_remembered),
		TEST(test_a_request_that_was_never_sent_is_not),
		TEST(test_what_an_earlier_try_has_sent_is_not_forgotten),
		TEST(test_a_cancelled_run_is_not_done),
		TEST(test_a_pause_can_be_cancelled),
		TEST(test_a_code_that_means_nothing_is_a_bug),
		TEST(test_a_slow_hook_is_counted),
		TEST(test_an_answer_is_told_by_its_codes),
		TEST(test_what_an_answer_repeats_of_a_message_is_not_told),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
