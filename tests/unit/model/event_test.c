/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/text.h"
#include "model/event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct orch_field fields[] = {
	{ ORCH_TEXT("slack.channel"), ORCH_TEXT("C0123") },
	{ ORCH_TEXT("empty"), ORCH_TEXT("") },
	{ ORCH_TEXT("quote\"\n"), ORCH_TEXT("a\0b") },
};

static const struct orch_part parts[] = {
	{ .name = ORCH_TEXT("text"),
		.media_type = ORCH_TEXT("text/plain"),
		.bytes = ORCH_TEXT("Gr\xc3\xbc\xc3\x9f"
				   "e\0\x01") },
	{ .name = ORCH_TEXT("file:F1/\xff"),
		.bytes = ORCH_TEXT("\xff\xfe\0\x80"),
		.state = ORCH_PART_TRUNCATED,
		.note = ORCH_TEXT("larger than 4 bytes") },
	{ .name = ORCH_TEXT("file:F2"), .state = ORCH_PART_UNAVAILABLE },
	{ .name = ORCH_TEXT("file:F3"), .state = ORCH_PART_ANNOUNCED },
	{ .name = ORCH_TEXT("file:F4"),
		.state = ORCH_PART_GONE,
		.alias = ORCH_TEXT("T1/\xff\0/4") },
};

static const struct orch_event full = {
	.size = sizeof(full),
	.attempt = 3,
	.time_ms = 1767323045006,
	.id = ORCH_TEXT("Ev1"),
	.source = ORCH_TEXT("slack"),
	.type = ORCH_TEXT("slack.message"),
	.tenant = ORCH_TEXT("T1"),
	.actor = ORCH_TEXT("U1"),
	.order = ORCH_TEXT("C1"),
	.data = ORCH_TEXT("{\"a\": [1,  2]}"),
	.trace = ORCH_TEXT("trace-1"),
	.fields = fields,
	.field_count = COUNT(fields),
	.parts = parts,
	.part_count = COUNT(parts),
};

static void assert_same(struct orch_text a, struct orch_text b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.ptr, b.ptr, b.len);
	assert_int_equal(a.ptr[a.len], '\0');
}

static void assert_same_lists(
	const struct orch_event *a, const struct orch_event *b, bool with_bytes)
{
	assert_int_equal(a->field_count, b->field_count);
	for (size_t i = 0; i < b->field_count; i++) {
		assert_same(a->fields[i].name, b->fields[i].name);
		assert_same(a->fields[i].value, b->fields[i].value);
	}
	assert_int_equal(a->part_count, b->part_count);
	for (size_t i = 0; i < b->part_count; i++) {
		assert_same(a->parts[i].name, b->parts[i].name);
		assert_same(a->parts[i].media_type, b->parts[i].media_type);
		assert_same(a->parts[i].bytes,
			with_bytes && b->parts[i].bytes.ptr ? b->parts[i].bytes : ORCH_TEXT_NONE);
		assert_int_equal(a->parts[i].state, b->parts[i].state);
		assert_same(
			a->parts[i].note, b->parts[i].note.ptr ? b->parts[i].note : ORCH_TEXT_NONE);
		assert_same(a->parts[i].alias,
			b->parts[i].alias.ptr ? b->parts[i].alias : ORCH_TEXT_NONE);
	}
}

static struct orch_event *there_and_back(
	struct orch_arena *arena, const struct orch_event *event, bool with_bytes)
{
	struct orch_event *back = NULL;
	struct orch_err err = { "" };
	struct orch_buf buf;

	orch_buf_init(&buf, 1 << 20);
	orch_event_write(&buf, event, with_bytes);
	assert_false(buf.failed);
	if (orch_event_read(orch_buf_text(&buf), arena, &back, &err) != ORCH_OK)
		fail_msg("%s: %s", err.text, buf.ptr);
	orch_buf_fini(&buf);
	return back;
}

static void test_an_event_comes_back_byte_for_byte(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_event *back = there_and_back(arena, &full, true);

	(void)state;
	assert_int_equal(back->size, sizeof(*back));
	assert_int_equal(back->attempt, 3);
	assert_int_equal(back->time_ms, 1767323045006);
	assert_same(back->id, full.id);
	assert_same(back->source, full.source);
	assert_same(back->type, full.type);
	assert_same(back->tenant, full.tenant);
	assert_same(back->actor, full.actor);
	assert_same(back->order, full.order);
	assert_same(back->data, full.data);
	assert_same(back->trace, full.trace);
	assert_same_lists(back, &full, true);
	orch_arena_destroy(arena);
}

static void test_bytes_of_parts_stay_behind_when_told_so(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_event *back = there_and_back(arena, &full, false);

	(void)state;
	assert_same_lists(back, &full, false);
	orch_arena_destroy(arena);
}

static void test_an_empty_event_comes_back(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_event empty = { .size = sizeof(empty), .time_ms = UINT64_MAX };
	const struct orch_event *back = there_and_back(arena, &empty, true);

	(void)state;
	assert_text(back->id, "");
	assert_text(back->data, "");
	assert_text(back->trace, "");
	assert_true(back->time_ms == UINT64_MAX);
	assert_int_equal(back->field_count, 0);
	assert_int_equal(back->part_count, 0);
	orch_arena_destroy(arena);
}

static void test_every_byte_comes_back(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	char bytes[70000];
	struct orch_part part = { .name = ORCH_TEXT("p") };
	struct orch_event event = { .parts = &part, .part_count = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 257);
	for (size_t len = 1; len < 600; len += 7) {
		part.bytes = (struct orch_text){ bytes, len };
		assert_same(there_and_back(arena, &event, true)->parts[0].bytes, part.bytes);
	}
	part.bytes = (struct orch_text){ bytes, sizeof(bytes) };
	assert_same(there_and_back(arena, &event, true)->parts[0].bytes, part.bytes);
	orch_arena_destroy(arena);
}

static void test_the_form_is_the_documented_one(void **state)
{
	const struct orch_event event = {
		.attempt = 1,
		.time_ms = 5,
		.id = ORCH_TEXT("Ev1"),
		.type = ORCH_TEXT("t\xff"),
		.fields = fields,
		.field_count = 1,
		.parts = parts + 1,
		.part_count = 1,
	};
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 1000);
	orch_event_write(&buf, &event, true);
	assert_text(orch_buf_text(&buf),
		"{\"id\":\"Ev1\",\"type\":{\"base64\":\"dP8=\"},\"time_ms\":5,\"attempt\":1,"
		"\"fields\":[{\"name\":\"slack.channel\",\"value\":\"C0123\"}],"
		"\"parts\":[{\"name\":{\"base64\":\"ZmlsZTpGMS//\"},"
		"\"bytes\":{\"base64\":\"//4AgA==\"},\"state\":\"truncated\","
		"\"note\":\"larger than 4 bytes\"}]}");
	orch_buf_fini(&buf);
}

static void test_what_is_not_an_event_is_refused_by_name(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "", "JSON ends too early" },
		{ "[]", "not a JSON object" },
		{ "null", "not a JSON object" },
		{ "{\"id\":5}", "id: not a text" },
		{ "{\"id\":[\"x\"]}", "id: not a text" },
		{ "{\"id\":{}}", "id: not a text" },
		{ "{\"id\":{\"base64\":5}}", "id: not a text" },
		{ "{\"data\":{\"base64\":\"x\"}}", "data: not base64" },
		{ "{\"time_ms\":\"5\"}", "time_ms: not a whole number" },
		{ "{\"time_ms\":-1}", "time_ms: not a whole number" },
		{ "{\"time_ms\":1.5}", "time_ms: not a whole number" },
		{ "{\"attempt\":4294967296}", "attempt: too large a number" },
		{ "{\"fields\":{}}", "fields: not an array" },
		{ "{\"fields\":\"\"}", "fields: not an array" },
		{ "{\"fields\":[[]]}", "fields: not an array of objects" },
		{ "{\"fields\":[null]}", "fields: not an array of objects" },
		{ "{\"fields\":[{\"name\":5}]}", "name: not a text" },
		{ "{\"parts\":[5]}", "parts: not an array of objects" },
		{ "{\"parts\":[{\"state\":\"lost\"}]}", "state: not a known name" },
		{ "{\"parts\":[{\"state\":3}]}", "state: not a known name" },
		{ "{\"parts\":[{\"bytes\":true}]}", "bytes: not a text" },
		{ "{\"parts\":[{\"alias\":1}]}", "alias: not a text" },
	};
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_event *event = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct orch_err err = { "" };

		assert_int_equal(
			orch_event_read(orch_text_from(cases[i].json), arena, &event, &err),
			ORCH_E_INVALID);
		assert_contains(err.text, cases[i].why);
		assert_null(event);
	}
	orch_arena_destroy(arena);
}

static void test_unknown_members_and_nulls_are_passed_over(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_event *event = NULL;
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_event_read(ORCH_TEXT("{\"id\":\"x\",\"later\":{\"a\":[1]},"
						   "\"actor\":null,\"fields\":null,\"parts\":[]}"),
				 arena, &event, &err),
		ORCH_OK);
	assert_text(event->id, "x");
	assert_text(event->actor, "");
	assert_int_equal(event->part_count, 0);
	orch_arena_destroy(arena);
}

/* As rows were written before parts had any. */
static void test_a_part_without_an_alias_has_an_empty_one(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_event *event = NULL;
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_event_read(ORCH_TEXT("{\"id\":\"x\",\"parts\":[{\"name\":\"file:F1\","
						   "\"state\":\"announced\"}]}"),
				 arena, &event, &err),
		ORCH_OK);
	assert_int_equal(event->parts[0].state, ORCH_PART_ANNOUNCED);
	assert_text(event->parts[0].alias, "");
	orch_arena_destroy(arena);
}

static void test_reading_copes_without_memory(void **state)
{
	struct orch_err err = { "" };
	struct orch_event *event = NULL;
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 10000);
	orch_event_write(&buf, &full, true);
	for (size_t limit = 16; limit < 2000; limit += 16) {
		struct orch_arena *arena = orch_arena_create(limit);
		int code = orch_event_read(orch_buf_text(&buf), arena, &event, &err);

		assert_int_equal(code, orch_arena_failed(arena) ? ORCH_E_NOMEM : ORCH_OK);
		orch_arena_destroy(arena);
	}
	orch_buf_fini(&buf);
}

static void test_names_go_there_and_back(void **state)
{
	(void)state;
	for (uint32_t i = ORCH_INFO; i <= ORCH_CRITICAL; i++)
		assert_int_equal(orch_severity_from(orch_text_from(orch_severity_name(i))), i);
	for (uint32_t i = ORCH_PASS; i <= ORCH_BLOCK; i++)
		assert_int_equal(orch_verdict_from(orch_text_from(orch_verdict_name(i))), i);
	assert_string_equal(orch_severity_name(ORCH_INFO), "info");
	assert_string_equal(orch_severity_name(ORCH_CRITICAL), "critical");
	assert_string_equal(orch_severity_name(99), "unknown");
	assert_string_equal(orch_verdict_name(ORCH_BLOCK), "block");
	assert_string_equal(orch_verdict_name(99), "unknown");
	assert_string_equal(orch_part_state_name(ORCH_PART_UNAVAILABLE), "unavailable");
	assert_string_equal(orch_part_state_name(ORCH_PART_GONE), "gone");
	assert_string_equal(orch_part_state_name(99), "unknown");
	assert_int_equal(orch_severity_from(ORCH_TEXT("High")), -1);
	assert_int_equal(orch_severity_from(ORCH_TEXT("")), -1);
	assert_int_equal(orch_verdict_from(ORCH_TEXT("unknown")), -1);
}

static void test_fields_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(orch_event_field(&full, ORCH_TEXT("empty")), &fields[1]);
	assert_null(orch_event_field(&full, ORCH_TEXT("slack")));
	assert_null(orch_event_field(&full, ORCH_TEXT("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_comes_back_byte_for_byte),
		cmocka_unit_test(test_bytes_of_parts_stay_behind_when_told_so),
		cmocka_unit_test(test_an_empty_event_comes_back),
		cmocka_unit_test(test_every_byte_comes_back),
		cmocka_unit_test(test_the_form_is_the_documented_one),
		cmocka_unit_test(test_what_is_not_an_event_is_refused_by_name),
		cmocka_unit_test(test_unknown_members_and_nulls_are_passed_over),
		cmocka_unit_test(test_a_part_without_an_alias_has_an_empty_one),
		cmocka_unit_test(test_reading_copes_without_memory),
		cmocka_unit_test(test_names_go_there_and_back),
		cmocka_unit_test(test_fields_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
