/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/stage/scan_world.h"

static void test_a_clean_event_is_done_and_leaves_nothing(void **state)
{
	struct world *w = *state;
	size_t count;

	SCAN(w, PLAIN(""), .text = "nothing");
	(void)world_events(w, &count);
	assert_int_equal(count, 0);
	assert_int_equal(world_ledger(w, "scan").done, 1);
	assert_int_equal(world_ledger(w, "").in_flight, 0);
}

static void test_a_finding_is_stored_with_the_tasks_that_follow(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;
	struct orch_stored_result *results;
	size_t count;

	SCAN(w, PLAIN(""), .text = "card 4111", .field = "tool", .value = "find:3:5:4");
	stored = world_stored(w);
	assert_int_equal(stored.verdict, ORCH_BLOCK);
	assert_int_equal(stored.inspection, ORCH_INSPECTED);
	assert_int_equal(stored.finding_count, 1);
	assert_text(stored.findings[0].finding.tool, "tool");
	assert_text(stored.findings[0].part_name, "text");
	assert_contains(stored.content.ptr, "card 4111");
	assert_int_equal(world_ledger(w, "act.act").in_flight, 1);
	assert_int_equal(world_ledger(w, "act.tell").in_flight, 1);
	results = world_results(w, "e1", &count);
	assert_int_equal(count, 2);
	assert_text(results[0].state, "pending");
}

static void test_monitoring_only_notes_what_it_would_do(void **state)
{
	struct world *w = *state;
	struct orch_stored_result *results;
	size_t count, would = 0;

	SCAN(w, ACTIONS TOOLS("") PIPELINE("\"tool\"", "enforce = false; policy = ( " BLOCK " );"),
		.field = "tool", .value = "find:3:0:1");
	results = world_results(w, "e1", &count);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		would += orch_text_is(results[i].state, "would");
	assert_int_equal(would, 1);
	assert_int_equal(world_ledger(w, "act.act").accepted, 0);
	assert_int_equal(world_ledger(w, "act.tell").in_flight, 1);
}

static void test_a_tool_that_fails_holds_the_event(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry dead;

	SCAN(w, PLAIN(""), .field = "tool", .value = "find:3:0:1 denied");
	dead = world_dead(w, "scan");
	assert_text(dead.reason, "held");
	assert_text(dead.detail, "tool: as the script wants it");
	assert_int_equal(world_ledger(w, "act.act").accepted, 0);
}

static void test_a_tool_writes_to_the_file_of_its_options_and_to_no_other(void **state)
{
	struct world *w = *state;
	char config[2048], words[160], path[96];

	(void)snprintf(path, sizeof(path), "%s/own", w->dir);
	(void)snprintf(config, sizeof(config),
		ACTIONS "tools = ( { name = \"tool\"; plugin = \"script_tool\"; file = \"%s\"; } "
			");" PIPELINE("\"tool\"", "policy = ( " BLOCK " );"),
		path);
	(void)snprintf(words, sizeof(words), "log:%s", path);
	SCAN(w, config, .field = "tool", .value = words);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(world_ledger(w, "scan").dead, 0);
	(void)snprintf(path, sizeof(path), "%s/foreign", w->dir);
	(void)snprintf(words, sizeof(words), "log:%s", path);
	PUT_EVENT(w, .id = "e2", .text = "x", .field = "tool", .value = words);
	world_until(w, has_settled);
	assert_contains(world_dead(w, "scan").detail.ptr, "tool: -1: ");
	assert_contains(world_dead(w, "scan").detail.ptr, "no option of tool names this file");
	assert_int_equal(access(path, F_OK), -1);
}

static void test_a_finding_beyond_its_part_fails_the_tool(void **state)
{
	struct world *w = *state;

	SCAN(w, PLAIN(""), .text = "12345", .field = "tool", .value = "find:3:1:4");
	assert_int_equal(world_ledger(w, "scan").dead, 0);
	PUT_EVENT(w, .id = "e2", .text = "12345", .field = "tool", .value = "find:3:1:5");
	world_until(w, has_settled);
	assert_text(world_dead(w, "scan").reason, "held");
	assert_contains(world_dead(w, "scan").detail.ptr, "tool: ");
}

static void test_a_tool_that_may_fail_makes_the_event_partly_inspected(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCAN(w, PLAIN("on_error = \"pass\";"), .field = "tool", .value = "denied");
	stored = world_stored(w);
	assert_int_equal(stored.inspection, ORCH_INSPECTED_PARTLY);
	assert_text(stored.inspection_note, "tool: as the script wants it");
	assert_int_equal(stored.verdict, ORCH_PASS);
}

static void test_what_a_failing_tool_had_found_counts(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCAN(w, PLAIN("on_error = \"pass\";"), .field = "tool", .value = "find:3:0:1 denied");
	stored = world_stored(w);
	assert_int_equal(stored.verdict, ORCH_BLOCK);
	assert_int_equal(stored.inspection, ORCH_INSPECTED_PARTLY);
	assert_int_equal(world_ledger(w, "act.act").in_flight, 1);
}

static void test_every_failing_tool_is_named(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCAN(w,
		ACTIONS
		"tools = ( { name = \"one\"; plugin = \"script_tool\"; on_error = \"pass\"; }, "
		"{ name = \"two\"; plugin = \"script_tool\"; on_error = \"pass\"; } );" PIPELINE(
			"\"one\", \"two\"", "policy = ( " BLOCK " );"),
		.field = "tool", .value = "denied");
	stored = world_stored(w);
	assert_text(
		stored.inspection_note, "one: as the script wants it; two: as the script wants it");
}

static bool is_waiting_again(struct world *w)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "scan", false, &count);

	return count == 1 && entries[0].attempts == 1 && !orch_text_is(entries[0].state, "leased");
}

static void test_again_is_tried_again_and_counted(void **state)
{
	struct world *w = *state;

	world_scan(w, PLAIN("attempts = 3;"));
	PUT_EVENT(w, .id = "e1", .text = "x", .field = "tool", .value = "again");
	world_until(w, is_waiting_again);
	world_until(w, has_settled);
	assert_text(world_dead(w, "scan").reason, "held");
	assert_int_equal(world_dead(w, "scan").attempts, 2);
}

static void test_a_rejected_event_is_dropped_with_its_reason(void **state)
{
	struct world *w = *state;
	size_t count;

	SCAN(w, PLAIN(""), .field = "tool", .value = "find:3:0:1 reject:bad_json");
	(void)world_events(w, &count);
	assert_int_equal(count, 0);
	assert_int_equal(world_ledger(w, "scan").dropped, 1);
	assert_int_equal(world_ledger(w, "act.act").accepted, 0);
}

static void test_findings_at_the_limit_are_all_there(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCAN(w, "limits = { findings = 5; };" PLAIN(""), .field = "tool", .value = "many:5");
	stored = world_stored(w);
	assert_int_equal(stored.finding_count, 5);
	assert_int_equal(stored.inspection, ORCH_INSPECTED);
}

static void test_an_event_whose_findings_were_left_out_was_not_seen_whole(void **state)
{
	struct world *w = *state;
	uint64_t before = world_metric("orchestrator_limits_reached_total", "limit", "findings");
	struct orch_stored_event stored;

	SCAN(w, "limits = { findings = 5; };" PLAIN(""), .field = "tool", .value = "many:6");
	stored = world_stored(w);
	assert_int_equal(stored.finding_count, 5);
	assert_int_equal(stored.inspection, ORCH_INSPECTED_PARTLY);
	assert_text(stored.inspection_note, "tool: 1 findings were left out (limits.findings)");
	assert_int_equal(
		world_metric("orchestrator_limits_reached_total", "limit", "findings"), before + 1);
}

static void test_a_tool_that_minds_no_limit_is_seen_through(void **state)
{
	struct world *w = *state;

	SCAN(w, "limits = { findings = 5; };" PLAIN(""), .field = "tool", .value = "all:9");
	assert_contains(world_stored(w).inspection_note.ptr, "4 findings were left out");
}

static void test_records_beyond_the_limit_make_the_tool_fail(void **state)
{
	struct world *w = *state;

	SCAN(w, "limits = { records = 2; };" PLAIN(""), .field = "tool", .value = "derive:3");
	assert_text(world_dead(w, "scan").detail,
		"tool: it derived more than 2 records (limits.records)");
}

#define ABOUT_RECORDS                                                                       \
	ACTIONS TOOLS("") PIPELINE("\"tool\"",                                              \
		"policy = ( { when = { record = \"*\"; }; verdict = \"pass\"; actions = [ " \
		"\"act\" ]; } );")

static void test_each_record_has_a_task_of_its_own(void **state)
{
	struct world *w = *state;
	size_t count;

	SCAN(w, ABOUT_RECORDS, .field = "tool", .value = "derive:3");
	assert_int_equal(world_ledger(w, "act.act").in_flight, 3);
	(void)world_results(w, "e1", &count);
	assert_int_equal(count, 0);
}

static void test_records_without_ids_are_not_taken_for_one(void **state)
{
	struct world *w = *state;

	SCAN(w, ABOUT_RECORDS, .field = "tool", .value = "blank:3");
	assert_int_equal(world_ledger(w, "act.act").in_flight, 3);
}

static void test_a_record_that_no_queue_would_take_makes_the_tool_fail(void **state)
{
	struct world *w = *state;

	SCAN(w, ABOUT_RECORDS, .field = "tool", .value = "wide:1");
	assert_contains(world_dead(w, "scan").detail.ptr, "512 bytes");
}

#define TWO_TOOLS                                                                                \
	ACTIONS "tools = ( { name = \"one\"; plugin = \"script_tool\"; script = \"mark:text\"; " \
		"}, "                                                                            \
		"{ name = \"two\"; plugin = \"script_tool\"; script = \"see\"; } );" PIPELINE(   \
			"\"one\", \"two\"", "policy = ( " BLOCK " );")

static void test_what_one_tool_cannot_read_the_next_one_still_sees(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCAN(w, TWO_TOOLS, .text = "some text");
	stored = world_stored(w);
	assert_int_equal(stored.finding_count, 1);
	assert_int_equal(stored.findings[0].finding.length, 9);
	assert_int_equal(stored.inspection, ORCH_UNINSPECTED);
	assert_text(stored.inspection_note, "text: too odd");
	assert_contains(stored.content.ptr, "some text");
}

static void test_a_mark_without_words_counts_too(void **state)
{
	struct world *w = *state;

	SCAN(w, PLAIN(""), .field = "tool", .value = "bare:text");
	assert_text(world_stored(w).inspection_note, "text: a tool could not examine it whole");
}

static void test_a_mark_of_a_part_that_is_not_there_counts_too(void **state)
{
	struct world *w = *state;

	SCAN(w, PLAIN(""), .field = "tool", .value = "mark:archive/secret-name");
	assert_int_equal(world_stored(w).inspection, ORCH_INSPECTED_PARTLY);
	assert_text(world_stored(w).inspection_note, "archive: too odd");
}

static void test_a_finding_in_no_part_still_leads_to_a_task(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry *entries;
	struct orch_task *task;
	struct orch_err err = { "" };
	size_t count;

	SCAN(w, PLAIN(""), .field = "tool", .value = "find9:3:0:1");
	entries = world_peek(w, "act.act", false, &count);
	assert_int_equal(count, 1);
	if (orch_task_read(entries[0].body, w->arena, &task, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	assert_int_equal(task->finding_count, 1);
	assert_int_equal(task->findings[0].part, UINT32_MAX);
}

static void test_a_result_is_kept_only_where_its_end_will_be(void **state)
{
	struct world *w = *state;
	size_t count;

	SCAN(w,
		ACTIONS TOOLS("") PIPELINE("\"tool\"",
			"policy = ( { when = { type = \"test\"; }; "
			"verdict = \"pass\"; actions = [ \"act\" ]; } );"),
		.field = "tool", .value = "mark:archive");
	assert_int_equal(world_stored(w).verdict, ORCH_PASS);
	assert_int_equal(world_ledger(w, "act.act").in_flight, 1);
	(void)world_results(w, "e1", &count);
	assert_int_equal(count, 0);
}

static sqlite3 *open_file(struct world *w)
{
	char path[96];
	sqlite3 *handle = NULL;

	(void)snprintf(path, sizeof(path), "%s/orchestrator.db", w->dir);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(handle, WORLD_WAIT_MS), SQLITE_OK);
	return handle;
}

static bool has_failed_once(struct world *w)
{
	sqlite3 *handle = open_file(w);
	sqlite3_stmt *statement = NULL;
	bool is_so;

	assert_int_equal(
		sqlite3_prepare_v2(handle, "SELECT 1 FROM item WHERE state = 1 AND attempts = 1",
			-1, &statement, NULL),
		SQLITE_OK);
	is_so = sqlite3_step(statement) == SQLITE_ROW;
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(handle);
	return is_so;
}

static void exhaust_tries(struct world *w)
{
	sqlite3 *handle = open_file(w);

	assert_int_equal(
		sqlite3_exec(handle, "UPDATE item SET attempts = 5", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(handle);
}

/* A lane that has the new configuration already may have accepted it: there is some time to follow. */
static void test_an_event_of_a_pipeline_that_is_gone_is_set_aside(void **state)
{
	struct world *w = *state;

	world_scan(w, PLAIN(""));
	world_put_event(
		w, (struct put_event){ .id = "e1", .text = "some text", .pipeline = "another" });
	world_until(w, has_failed_once);
	assert_int_equal(world_ledger(w, "scan").dead, 0);
	exhaust_tries(w);
	world_until(w, has_settled);
	assert_text(world_dead(w, "scan").reason, "no_pipeline");
}

static void test_a_body_that_cannot_be_read_is_set_aside(void **state)
{
	struct world *w = *state;

	world_scan(w, PLAIN(""));
	world_put_body(w, "scan", "{\"id\":");
	world_until(w, has_settled);
	assert_text(world_dead(w, "scan").reason, "bad_body");
}

/* Receives what is in QUEUE and lets the lease run out, as a crash would. */
static void receive_and_crash(struct world *w, const char *queue)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.lane = w->lane,
		.name = orch_text_from(queue),
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

static void test_an_event_that_kills_us_again_and_again_is_set_aside(void **state)
{
	struct world *w = *state;

	world_begin(w, "queue = { receives = 2; };" PLAIN(""));
	PUT_EVENT(w, .id = "e1", .text = "x");
	receive_and_crash(w, "scan");
	receive_and_crash(w, "scan");
	orch_plan_unref(w->plan);
	world_scan(w, "queue = { receives = 2; };" PLAIN(""));
	world_until(w, has_settled);
	assert_text(world_dead(w, "scan").reason, "receives");
}

/* Remote tools. */

static void test_a_remote_tool_is_asked(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "202 Yes", NULL, NULL });
	SCAN(w, PLAIN(""), .field = "tool", .value = "ask");
	assert_string_equal(script_body(&w->script, 0), "e1");
	assert_int_equal(world_stored(w).findings[0].finding.length, 202);
	assert_int_equal(world_stored(w).verdict, ORCH_BLOCK);
}

static bool has_paused(struct world *w)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, "scan", false, &count);

	return script_sent(&w->script) > 0 && count == 1 &&
		orch_text_is(entries[0].state, "delayed");
}

static void test_a_long_pause_gives_the_event_back_uncounted(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry *entries;
	size_t count;

	SCRIPT_START(&w->script, { "429 Slow", "Retry-After: 100\r\n", NULL });
	world_scan(w, "queue = { visibility = \"10s\"; };" PLAIN(""));
	PUT_EVENT(w, .id = "e1", .text = "x", .field = "tool", .value = "ask");
	world_until(w, has_paused);
	entries = world_peek(w, "scan", false, &count);
	assert_int_equal(entries[0].receives, 0);
	assert_int_equal(entries[0].attempts, 0);
	assert_int_equal(world_ledger(w, "scan").in_flight, 1);
}

static bool has_asked(struct world *w)
{
	return script_sent(&w->script) > 0;
}

static bool is_alone(struct world *w)
{
	return world_is_idle(w);
}

static void test_a_release_gives_back_what_is_in_flight(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry *entries;
	size_t count;

	SCRIPT_START(&w->script, { "", NULL, NULL });
	world_scan(w, PLAIN(""));
	PUT_EVENT(w, .id = "e1", .text = "x", .field = "tool", .value = "ask");
	world_until(w, has_asked);
	orch_scan_drain(w->scan);
	assert_false(orch_scan_is_idle(w->scan));
	orch_scan_release(w->scan);
	orch_scan_release(w->scan); /* is not done twice */
	world_until(w, is_alone);
	entries = world_peek(w, "scan", false, &count);
	assert_int_equal(count, 1);
	assert_text(entries[0].state, "waiting");
	assert_int_equal(entries[0].receives, 0);
}

static void test_no_more_events_are_taken_than_there_are_places(void **state)
{
	struct world *w = *state;
	char id[16];

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_begin(w, "limits = { scans = 2; };" PLAIN(""));
	for (int i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "e%d", i);
		PUT_EVENT(w, .id = orch_arena_printf(w->arena, "%s", id).ptr, .text = "x",
			.field = "tool", .value = "ask");
	}
	orch_plan_unref(w->plan);
	world_scan(w, "limits = { scans = 2; };" PLAIN(""));
	world_until(w, has_settled);
	assert_int_equal(world_ledger(w, "scan").done, 20);
	assert_in_range(stand_in_open_max(w->script.stand_in), 1, 2);
}

static void test_work_ends_with_the_plan_it_began_with(void **state)
{
	struct world *w = *state;
	struct orch_plan *next;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	world_scan(w, PLAIN(""));
	PUT_EVENT(w, .id = "e1", .text = "x", .field = "tool", .value = "ask");
	world_until(w, has_asked);
	next = world_plan(w,
		ACTIONS TOOLS("") PIPELINE("\"tool\"",
			"policy = ( { when = { type = \"other\"; }; "
			"verdict = \"flag\"; actions = [ \"act\" ]; } );"));
	orch_plan_unref(w->plan);
	w->plan = next;
	orch_scan_set_crew(w->scan, world_crew(next, ORCH_STAGE_SCAN));
	world_until(w, has_settled);
	assert_int_equal(world_stored(w).verdict, ORCH_BLOCK);
}

/* A lease that is shorter from now on is renewed in time. */
static void test_a_shorter_lease_is_kept(void **state)
{
	struct world *w = *state;
	struct orch_plan *next;
	uint64_t until;

	SCRIPT_START(&w->script, { "", NULL, NULL });
	world_scan(w, PLAIN(""));
	next = world_plan(w, "queue = { visibility = \"1s\"; };" PLAIN(""));
	orch_plan_unref(w->plan);
	w->plan = next;
	orch_scan_set_crew(w->scan, world_crew(next, ORCH_STAGE_SCAN));
	PUT_EVENT(w, .id = "e1", .text = "x", .field = "tool", .value = "ask");
	world_until(w, has_asked);
	until = orch_clock_mono_ms() + 1500;
	while (orch_clock_mono_ms() < until)
		world_turn(w);
	assert_int_equal(script_sent(&w->script), 1);
	orch_scan_drain(w->scan);
	orch_scan_release(w->scan);
	world_until(w, is_alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_a_clean_event_is_done_and_leaves_nothing),
		TEST(test_a_finding_is_stored_with_the_tasks_that_follow),
		TEST(test_monitoring_only_notes_what_it_would_do),
		TEST(test_a_tool_that_fails_holds_the_event),
		TEST(test_a_tool_writes_to_the_file_of_its_options_and_to_no_other),
		TEST(test_a_finding_beyond_its_part_fails_the_tool),
		TEST(test_a_tool_that_may_fail_makes_the_event_partly_inspected),
		TEST(test_what_a_failing_tool_had_found_counts),
		TEST(test_every_failing_tool_is_named),
		TEST(test_again_is_tried_again_and_counted),
		TEST(test_a_rejected_event_is_dropped_with_its_reason),
		TEST(test_findings_at_the_limit_are_all_there),
		TEST(test_an_event_whose_findings_were_left_out_was_not_seen_whole),
		TEST(test_a_tool_that_minds_no_limit_is_seen_through),
		TEST(test_records_beyond_the_limit_make_the_tool_fail),
		TEST(test_each_record_has_a_task_of_its_own),
		TEST(test_records_without_ids_are_not_taken_for_one),
		TEST(test_a_record_that_no_queue_would_take_makes_the_tool_fail),
		TEST(test_what_one_tool_cannot_read_the_next_one_still_sees),
		TEST(test_a_mark_without_words_counts_too),
		TEST(test_a_mark_of_a_part_that_is_not_there_counts_too),
		TEST(test_a_finding_in_no_part_still_leads_to_a_task),
		TEST(test_a_result_is_kept_only_where_its_end_will_be),
		TEST(test_an_event_of_a_pipeline_that_is_gone_is_set_aside),
		TEST(test_a_body_that_cannot_be_read_is_set_aside),
		TEST(test_an_event_that_kills_us_again_and_again_is_set_aside),
		TEST(test_a_remote_tool_is_asked),
		TEST(test_a_long_pause_gives_the_event_back_uncounted),
		TEST(test_a_release_gives_back_what_is_in_flight),
		TEST(test_no_more_events_are_taken_than_there_are_places),
		TEST(test_work_ends_with_the_plan_it_began_with),
		TEST(test_a_shorter_lease_is_kept),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
