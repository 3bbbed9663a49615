/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that are gone: inspected if their bytes were, with another event; else never clean. */
#include "stage/scan_work.h"

#include "unit/stage/scan_world.h"

#define FETCHED                                                                  \
	{                                                                        \
		.name = ORCH_TEXT("file:1/a.txt"), .state = ORCH_PART_ANNOUNCED, \
		.alias = ORCH_TEXT("T1/file/1")                                  \
	}
#define GONE                                                                               \
	{                                                                                  \
		.name = ORCH_TEXT("file:1/other"), .state = ORCH_PART_GONE,                \
		.note = ORCH_TEXT("the file was deleted"), .alias = ORCH_TEXT("T1/file/1") \
	}
#define NOT_CLEAN "file:1: the file was deleted"
#define TWO_PIPELINES                                                                           \
	ACTIONS TOOLS(                                                                          \
		"") "pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; " \
		    "policy = ( " BLOCK " ); }, { name = \"q\"; inputs = [ \"in\" ]; "          \
		    "tools = [ \"tool\" ]; policy = ( " BLOCK " ); } );"

static const struct orch_part fetched[] = { FETCHED };
static const struct orch_part gone[] = { { .name = ORCH_TEXT("text"), .bytes = ORCH_TEXT("hi") },
	GONE };

static void put(struct world *w, struct put_event event)
{
	world_put_event(w, event);
	world_until(w, has_settled);
}

/* An event whose one file is fetched by CONFIG; to its tool VALUE is said. */
static void inspect(struct world *w, const char *config, const char *value)
{
	SCRIPT_START(&w->script, { "200 OK", NULL, "of the file" });
	SCAN(w, config, .parts = fetched, .part_count = 1, .field = value == NULL ? NULL : "tool",
		.value = value);
}

/* Another, for which that file is gone; to its tool VALUE is said. */
static void miss_with(struct world *w, const char *value)
{
	put(w,
		(struct put_event){ .id = "e2",
			.parts = gone,
			.part_count = 2,
			.field = value == NULL ? NULL : "tool",
			.value = value });
}

static void miss(struct world *w)
{
	miss_with(w, NULL);
}

static size_t stored_count(struct world *w)
{
	size_t count;

	(void)world_events(w, &count);
	return count;
}

static struct orch_stored_event stored(struct world *w, const char *id)
{
	size_t count;
	struct orch_stored_event *events = world_events(w, &count);

	for (size_t i = 0; i < count; i++)
		if (orch_text_is(events[i].id, id))
			return events[i];
	fail_msg("%s is not stored", id);
	return events[0];
}

static void assert_not_clean(struct world *w)
{
	assert_int_equal(stored(w, "e2").inspection, ORCH_INSPECTED_PARTLY);
	assert_text(stored(w, "e2").inspection_note, NOT_CLEAN);
}

static void test_what_was_inspected_with_another_event_is_clean(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	miss(w);
	assert_int_equal(stored_count(w), 0);
	assert_int_equal(world_ledger(w, "scan").done, 2);
}

static void test_what_nobody_inspected_is_never_clean(void **state)
{
	struct world *w = *state;

	world_scan(w, PLAIN(""));
	miss(w);
	assert_not_clean(w);
	assert_contains(stored(w, "e2").content.ptr, "\"state\":\"unavailable\"");
	assert_int_equal(world_ledger(w, "scan").done, 1);
}

static void test_an_event_of_gone_parts_alone_is_uninspected(void **state)
{
	struct world *w = *state;
	static const struct orch_part part = GONE;

	SCAN(w, PLAIN(""), .parts = &part, .part_count = 1);
	assert_int_equal(world_stored(w).inspection, ORCH_UNINSPECTED);
}

/* A second gone one does not count as the first. */
static void test_each_gone_part_is_judged_by_its_own_alias(void **state)
{
	struct world *w = *state;
	static const struct orch_part parts[] = { { .name = ORCH_TEXT("file:3"),
							  .state = ORCH_PART_GONE,
							  .note = ORCH_TEXT("no alias") },
		{ .name = ORCH_TEXT("file:2"),
			.state = ORCH_PART_GONE,
			.note = ORCH_TEXT("another"),
			.alias = ORCH_TEXT("T1/file/2") },
		GONE };

	inspect(w, PLAIN(""), NULL);
	put(w, (struct put_event){ .id = "e2", .parts = parts, .part_count = 3 });
	assert_text(stored(w, "e2").inspection_note, "file:3: no alias; file:2: another");
	assert_contains(stored(w, "e2").content.ptr, "inspected with another event; gone since");
}

static void test_a_finding_says_that_all_was_inspected(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	miss_with(w, "find:3:0:1");
	assert_int_equal(stored(w, "e2").inspection, ORCH_INSPECTED);
	assert_int_equal(stored(w, "e2").verdict, ORCH_BLOCK);
}

/* As tools do of whatever is not all there. */
static void test_a_tools_mark_of_a_gone_part_means_nothing(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	miss_with(w, "mark:file:1/other");
	assert_int_equal(stored_count(w), 0);
}

static void test_no_result_is_kept_because_of_what_was_inspected(void **state)
{
	struct world *w = *state;
	size_t count;

	inspect(w,
		ACTIONS TOOLS("") PIPELINE("\"tool\"",
			"policy = ( { when = { type = \"test\"; }; "
			"verdict = \"pass\"; actions = [ \"act\" ]; } );"),
		NULL);
	miss_with(w, "mark:archive");
	assert_int_equal(world_ledger(w, "act.act").in_flight, 2);
	(void)world_results(w, "e2", &count);
	assert_int_equal(count, 0);
}

static void test_the_day_counts_from_the_inspection(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	orch_clock_shift_ms((uint64_t)25 * 3600 * 1000);
	miss(w);
	assert_not_clean(w);
}

static void test_an_inspection_counts_in_its_pipeline_only(void **state)
{
	struct world *w = *state;

	inspect(w, TWO_PIPELINES, NULL);
	put(w, (struct put_event){ .id = "e2", .parts = gone, .part_count = 2, .pipeline = "q" });
	assert_not_clean(w);
}

static void test_an_inspection_counts_for_its_input_only(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	put(w, (struct put_event){ .id = "e2", .parts = gone, .part_count = 2, .source = "in2" });
	assert_not_clean(w);
}

static void test_what_was_inspected_in_part_does_not_count(void **state)
{
	struct world *w = *state;
	char file[1026] = "";

	memset(file, 'f', sizeof(file) - 1);
	SCRIPT_START(&w->script, { "200 OK", NULL, file });
	SCAN(w, "limits = { part_bytes = 1024; };" PLAIN(""), .parts = fetched, .part_count = 1);
	miss(w);
	assert_not_clean(w);
}

static void test_what_a_tool_marked_does_not_count(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), "mark:file:1/a.txt");
	miss(w);
	assert_not_clean(w);
}

static void test_what_a_tool_failed_at_does_not_count(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN("on_error = \"pass\";"), "denied");
	miss(w);
	assert_not_clean(w);
}

static void test_what_has_more_findings_than_are_kept_does_not_count(void **state)
{
	struct world *w = *state;

	inspect(w, "limits = { findings = 1; };" PLAIN(""), "all:2");
	miss(w);
	assert_not_clean(w);
}

static void test_a_file_that_was_not_had_beside_it_does_no_harm(void **state)
{
	struct world *w = *state;
	static const struct orch_part parts[] = { FETCHED,
		{ .name = ORCH_TEXT("file:2"), .state = ORCH_PART_ANNOUNCED } };

	SCRIPT_START(
		&w->script, { "200 OK", NULL, "of the file" }, { "404 Not Found", NULL, NULL });
	SCAN(w, PLAIN(""), .parts = parts, .part_count = 2);
	assert_text(stored(w, "e1").inspection_note, "file:2: not found");
	miss(w);
	assert_int_equal(stored_count(w), 1);
}

/* What gather hands over as it was shown it has the alias that it had. */
static void test_an_event_that_is_told_anew_keeps_its_aliases(void **state)
{
	struct world *w = *state;

	w->input_keys = "gather = \"anew\";";
	inspect(w, PLAIN(""), NULL);
	miss(w);
	assert_int_equal(stored_count(w), 0);
}

static void test_a_file_that_gather_finds_gone_is_looked_back_for(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, "of the file" }, { "410 Gone", NULL, NULL });
	SCAN(w, PLAIN(""), .parts = fetched, .part_count = 1);
	put(w, (struct put_event){ .id = "e2", .parts = fetched, .part_count = 1 });
	assert_int_equal(stored_count(w), 0);
	assert_int_equal(script_sent(&w->script), 2);
}

static void test_a_file_that_gather_finds_gone_first_is_never_clean(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "410 Gone", NULL, NULL });
	SCAN(w, PLAIN(""), .parts = fetched, .part_count = 1);
	assert_int_equal(world_stored(w).inspection, ORCH_UNINSPECTED);
	assert_text(world_stored(w).inspection_note, "file:1: it is gone");
}

static void test_parts_without_an_alias_leave_nothing_behind(void **state)
{
	struct world *w = *state;
	static const struct orch_part part = { .name = ORCH_TEXT("file:1/a.txt"),
		.state = ORCH_PART_ANNOUNCED };

	SCRIPT_START(&w->script, { "200 OK", NULL, "of the file" });
	SCAN(w, PLAIN(""), .parts = &part, .part_count = 1);
	miss(w);
	assert_not_clean(w);
}

static void drop_seen(struct world *w)
{
	char path[96];
	sqlite3 *handle = NULL;

	(void)snprintf(path, sizeof(path), "%s/orchestrator.db", w->dir);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(handle, WORLD_WAIT_MS), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "DROP TABLE seen", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static void test_who_cannot_ask_does_not_believe(void **state)
{
	struct world *w = *state;

	inspect(w, PLAIN(""), NULL);
	drop_seen(w);
	miss(w);
	assert_not_clean(w);
}

static bool has_asked(struct world *w)
{
	return script_sent(&w->script) == 1;
}

static bool is_recalling(struct world *w)
{
	const struct orch_scan_work *work = TAILQ_FIRST(&w->scan->works);

	return work != NULL && work->recall.user != NULL;
}

static void test_a_release_waits_for_the_answer(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, NULL });
	script_hold(&w->script, true);
	world_scan(w, PLAIN(""));
	PUT_EVENT(w, .id = "e2", .parts = gone, .part_count = 2, .field = "tool", .value = "ask");
	world_until(w, has_asked);
	world_hold_db(w);
	script_hold(&w->script, false);
	world_until(w, is_recalling);
	orch_scan_drain(w->scan);
	orch_scan_release(w->scan);
	assert_int_equal(w->scan->in_flight, 1);
	world_let_db_go(w);
	world_until(w, world_is_idle);
	assert_not_clean(w);
	assert_int_equal(world_ledger(w, "scan").done, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_what_was_inspected_with_another_event_is_clean),
		TEST(test_what_nobody_inspected_is_never_clean),
		TEST(test_an_event_of_gone_parts_alone_is_uninspected),
		TEST(test_each_gone_part_is_judged_by_its_own_alias),
		TEST(test_a_finding_says_that_all_was_inspected),
		TEST(test_a_tools_mark_of_a_gone_part_means_nothing),
		TEST(test_no_result_is_kept_because_of_what_was_inspected),
		TEST(test_the_day_counts_from_the_inspection),
		TEST(test_an_inspection_counts_in_its_pipeline_only),
		TEST(test_an_inspection_counts_for_its_input_only),
		TEST(test_what_was_inspected_in_part_does_not_count),
		TEST(test_what_a_tool_marked_does_not_count),
		TEST(test_what_a_tool_failed_at_does_not_count),
		TEST(test_what_has_more_findings_than_are_kept_does_not_count),
		TEST(test_a_file_that_was_not_had_beside_it_does_no_harm),
		TEST(test_an_event_that_is_told_anew_keeps_its_aliases),
		TEST(test_a_file_that_gather_finds_gone_is_looked_back_for),
		TEST(test_a_file_that_gather_finds_gone_first_is_never_clean),
		TEST(test_parts_without_an_alias_leave_nothing_behind),
		TEST(test_who_cannot_ask_does_not_believe),
		TEST(test_a_release_waits_for_the_answer),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
