/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are completed before they are scanned. */
#include "unit/stage/scan_world.h"

static void gather_one(struct world *w, const char *config)
{
	SCAN(w, config, .announced = "file:1", .field = "tool", .value = "see");
}

static void test_an_announced_part_is_fetched_and_scanned(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCRIPT_START(&w->script, { "200 OK", NULL, "of the file" });
	gather_one(w, PLAIN(""));
	stored = world_stored(w);
	assert_int_equal(stored.inspection, ORCH_INSPECTED);
	assert_int_equal(stored.finding_count, 2);
	assert_int_equal(stored.findings[1].finding.length, 11);
	assert_text(stored.findings[1].part_name, "file:1");
	assert_contains(stored.content.ptr, "of the file");
}

static void test_a_part_that_cannot_be_had_is_never_clean(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "404 Gone", NULL, NULL });
	gather_one(w, PLAIN(""));
	assert_int_equal(world_stored(w).inspection, ORCH_INSPECTED_PARTLY);
	assert_text(world_stored(w).inspection_note, "file:1: not found");
}

/* A file of 2,000 bytes. */
static const char *file(void)
{
	static char bytes[2001];

	memset(bytes, 'f', sizeof(bytes) - 1);
	return bytes;
}

static void test_a_part_is_fetched_up_to_its_limit(void **state)
{
	struct world *w = *state;
	uint64_t before = world_metric("orchestrator_limits_reached_total", "limit", "part_bytes");
	struct orch_stored_event stored;

	SCRIPT_START(&w->script, { "200 OK", NULL, file() });
	gather_one(w, "limits = { part_bytes = 1999; };" PLAIN(""));
	stored = world_stored(w);
	assert_int_equal(stored.findings[1].finding.length, 1999);
	assert_int_equal(stored.inspection, ORCH_INSPECTED_PARTLY);
	assert_int_equal(world_metric("orchestrator_limits_reached_total", "limit", "part_bytes"),
		before + 1);
}

static void test_a_part_as_long_as_its_limit_is_whole(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, file() });
	gather_one(w, "limits = { part_bytes = 2000; };" PLAIN(""));
	assert_int_equal(world_stored(w).inspection, ORCH_INSPECTED);
}

static void test_all_parts_together_have_a_limit(void **state)
{
	struct world *w = *state;
	static const struct orch_part parts[] = {
		{ .name = ORCH_TEXT("file:1"), .state = ORCH_PART_ANNOUNCED },
		{ .name = ORCH_TEXT("file:2"), .state = ORCH_PART_ANNOUNCED },
		{ .name = ORCH_TEXT("file:3"), .state = ORCH_PART_ANNOUNCED },
	};
	uint64_t before =
		world_metric("orchestrator_limits_reached_total", "limit", "gather_bytes");
	struct orch_stored_event stored;

	SCRIPT_START(&w->script, { "200 OK", NULL, file() });
	SCAN(w, "limits = { gather_bytes = 3000; part_bytes = 2000; };" PLAIN(""), .parts = parts,
		.part_count = 3, .field = "tool", .value = "see");
	stored = world_stored(w);
	assert_int_equal(stored.findings[0].finding.length, 2000);
	assert_int_equal(stored.findings[1].finding.length, 1000);
	assert_int_equal(stored.findings[2].finding.length, 1);
	assert_contains(stored.inspection_note.ptr, "limits.gather_bytes");
	assert_int_equal(world_metric("orchestrator_limits_reached_total", "limit", "gather_bytes"),
		before + 2);
}

static void test_a_part_without_room_is_never_clean(void **state)
{
	struct world *w = *state;
	struct orch_stored_event stored;

	SCRIPT_START(&w->script, { "200 OK", NULL, "x" });
	w->input_keys = "gather = \"more\";";
	gather_one(w, "limits = { parts = 2; };" PLAIN(""));
	stored = world_stored(w);
	assert_int_equal(stored.inspection, ORCH_INSPECTED_PARTLY);
	assert_text(stored.inspection_note, "more: the event has too many parts (limits.parts)");
}

static void test_gather_may_add_a_part(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, "x" });
	w->input_keys = "gather = \"more\";";
	gather_one(w, PLAIN(""));
	assert_int_equal(world_stored(w).finding_count, 3);
	assert_int_equal(world_stored(w).inspection, ORCH_INSPECTED);
}

static void test_a_look_up_that_fails_is_never_clean(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, "x" });
	w->input_keys = "gather = \"fail\";";
	gather_one(w, PLAIN(""));
	assert_text(world_stored(w).inspection_note, "in: no look at it");
}

static void test_gather_may_reject_the_event(void **state)
{
	struct world *w = *state;

	SCRIPT_START(&w->script, { "200 OK", NULL, "x" });
	w->input_keys = "gather = \"reject\";";
	gather_one(w, PLAIN(""));
	assert_int_equal(world_ledger(w, "scan").dropped, 1);
}

static void test_what_nobody_can_fetch_is_unavailable(void **state)
{
	struct world *w = *state;
	struct orch_part part = { .name = ORCH_TEXT("file:1"), .state = ORCH_PART_ANNOUNCED };

	SCAN(w, PLAIN(""), .parts = &part, .part_count = 1);
	assert_int_equal(world_stored(w).inspection, ORCH_UNINSPECTED);
}

static void test_what_an_event_came_with_is_kept_whole(void **state)
{
	struct world *w = *state;
	struct orch_event *event;
	struct orch_err err = { "" };
	static char text[100001], file[100001];

	memset(text, 't', sizeof(text) - 1);
	memset(file, 'f', sizeof(file) - 1);
	SCRIPT_START(&w->script, { "200 OK", NULL, file });
	SCAN(w, PLAIN(""), .text = text, .announced = "file:1", .field = "tool", .value = "see");
	if (orch_event_read(world_stored(w).content, w->arena, &event, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	assert_int_equal(event->parts[0].bytes.len, 100000);
	assert_int_equal(event->parts[1].bytes.len, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_an_announced_part_is_fetched_and_scanned),
		TEST(test_a_part_that_cannot_be_had_is_never_clean),
		TEST(test_a_part_is_fetched_up_to_its_limit),
		TEST(test_a_part_as_long_as_its_limit_is_whole),
		TEST(test_all_parts_together_have_a_limit),
		TEST(test_a_part_without_room_is_never_clean),
		TEST(test_gather_may_add_a_part),
		TEST(test_a_look_up_that_fails_is_never_clean),
		TEST(test_gather_may_reject_the_event),
		TEST(test_what_nobody_can_fetch_is_unavailable),
		TEST(test_what_an_event_came_with_is_kept_whole),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
