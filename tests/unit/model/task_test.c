/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/text.h"
#include "model/event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct orch_part parts[] = {
	{ .name = ORCH_TEXT("text"), .bytes = ORCH_TEXT("the message itself") },
};

static const struct orch_event event = {
	.size = sizeof(event),
	.id = ORCH_TEXT("Ev1"),
	.parts = parts,
	.part_count = COUNT(parts),
};

static const struct orch_record record = {
	.size = sizeof(record),
	.id = ORCH_TEXT("R1"),
	.type = ORCH_TEXT("telemetry"),
	.order = ORCH_TEXT("device-1"),
	.data = ORCH_TEXT("{\"n\":1}"),
};

static const struct orch_finding findings[] = {
	{ .size = sizeof(findings[0]),
		.severity = ORCH_CRITICAL,
		.confidence = 90,
		.rule = ORCH_TEXT("r-1"),
		.title = ORCH_TEXT("A title"),
		.advice = ORCH_TEXT("Look at it"),
		.part = 0,
		.start = UINT64_C(1) << 40,
		.length = 16,
		.detail = ORCH_TEXT("{}"),
		.tool = ORCH_TEXT("dlp"),
		.rule_name = ORCH_TEXT("maestro\xff") },
	{ .size = sizeof(findings[0]), .part = UINT32_MAX, .rule = ORCH_TEXT("whole") },
};

static const struct orch_task full = {
	.size = sizeof(full),
	.verdict = ORCH_BLOCK,
	.key = ORCH_TEXT("K1"),
	.event = &event,
	.record = &record,
	.findings = findings,
	.finding_count = COUNT(findings),
	.pipeline = ORCH_TEXT("slack-dlp"),
};

static struct orch_task *there_and_back(struct orch_arena *arena, const struct orch_task *task)
{
	struct orch_task *back = NULL;
	struct orch_err err = { "" };
	struct orch_buf buf;

	orch_buf_init(&buf, 10000);
	orch_task_write(&buf, task);
	assert_false(buf.failed);
	assert_lacks(buf.ptr, "the message itself");
	if (orch_task_read(orch_buf_text(&buf), arena, &back, &err) != ORCH_OK)
		fail_msg("%s: %s", err.text, buf.ptr);
	orch_buf_fini(&buf);
	return back;
}

static void test_a_task_comes_back(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_task *back = there_and_back(arena, &full);

	(void)state;
	assert_int_equal(back->size, sizeof(*back));
	assert_int_equal(back->verdict, ORCH_BLOCK);
	assert_text(back->key, "K1");
	assert_text(back->pipeline, "slack-dlp");
	assert_text(back->event->id, "Ev1");
	assert_text(back->event->parts[0].name, "text");
	assert_text(back->event->parts[0].bytes, "");
	assert_int_equal(back->record->size, sizeof(record));
	assert_text(back->record->id, "R1");
	assert_text(back->record->type, "telemetry");
	assert_text(back->record->order, "device-1");
	assert_text(back->record->data, "{\"n\":1}");
	orch_arena_destroy(arena);
}

static void test_its_findings_come_back(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_task *back = there_and_back(arena, &full);
	const struct orch_finding *finding = &back->findings[0];

	(void)state;
	assert_int_equal(back->finding_count, 2);
	assert_int_equal(finding->size, sizeof(*finding));
	assert_int_equal(finding->severity, ORCH_CRITICAL);
	assert_int_equal(finding->confidence, 90);
	assert_text(finding->rule, "r-1");
	assert_text(finding->title, "A title");
	assert_text(finding->advice, "Look at it");
	assert_int_equal(finding->part, 0);
	assert_true(finding->start == UINT64_C(1) << 40);
	assert_int_equal(finding->length, 16);
	assert_text(finding->detail, "{}");
	assert_text(finding->tool, "dlp");
	assert_text(finding->rule_name, "maestro\xff");
	assert_int_equal(back->findings[1].part, UINT32_MAX);
	assert_int_equal(back->findings[1].severity, ORCH_INFO);
	orch_arena_destroy(arena);
}

static void test_a_task_about_the_event_itself_has_no_record(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_event bare = { .id = ORCH_TEXT("Ev2") };
	const struct orch_task task = { .event = &bare };
	const struct orch_task *back = there_and_back(arena, &task);

	(void)state;
	assert_null(back->record);
	assert_int_equal(back->finding_count, 0);
	assert_int_equal(back->verdict, ORCH_PASS);
	assert_text(back->key, "");
	assert_text(back->event->id, "Ev2");
	orch_arena_destroy(arena);
}

static void test_the_form_is_the_documented_one(void **state)
{
	const struct orch_task task = {
		.verdict = ORCH_FLAG,
		.event = &event,
		.record = &record,
		.findings = findings + 1,
		.finding_count = 1,
		.pipeline = ORCH_TEXT("p"),
	};
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 1000);
	orch_task_write(&buf, &task);
	assert_text(orch_buf_text(&buf),
		"{\"verdict\":\"flag\",\"pipeline\":\"p\","
		"\"event\":{\"id\":\"Ev1\",\"time_ms\":0,\"attempt\":0,\"parts\":[{\"name\":"
		"\"text\"}]},"
		"\"record\":{\"id\":\"R1\",\"type\":\"telemetry\",\"order\":\"device-1\","
		"\"data\":\"{\\\"n\\\":1}\"},"
		"\"findings\":[{\"severity\":\"info\",\"confidence\":0,\"rule\":\"whole\","
		"\"start\":0,\"length\":0}]}");
	orch_buf_fini(&buf);
}

static void test_what_is_not_a_task_is_refused_by_name(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "[]", "not a JSON object" },
		{ "{}", "event: not there" },
		{ "{\"event\":null}", "event: not there" },
		{ "{\"event\":[]}", "event: not an object" },
		{ "{\"event\":{\"id\":1}}", "id: not a text" },
		{ "{\"event\":{},\"verdict\":\"maybe\"}", "verdict: not a known name" },
		{ "{\"event\":{},\"record\":\"x\"}", "record: not an object" },
		{ "{\"event\":{},\"record\":{\"data\":{}}}", "data: not a text" },
		{ "{\"event\":{},\"findings\":{}}", "findings: not an array" },
		{ "{\"event\":{},\"findings\":[{\"severity\":\"bad\"}]}",
			"severity: not a known name" },
		{ "{\"event\":{},\"findings\":[{\"part\":0}]}", "a part that is not there" },
		{ "{\"event\":{\"parts\":[{}]},\"findings\":[{\"part\":1}]}",
			"a part that is not there" },
		{ "{\"event\":{},\"findings\":[{\"part\":4294967296}]}", "part: too large" },
		{ "{\"event\":{},\"findings\":[{\"start\":-1}]}", "start: not a whole number" },
	};
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_task *task = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct orch_err err = { "" };

		assert_int_equal(orch_task_read(orch_text_from(cases[i].json), arena, &task, &err),
			ORCH_E_INVALID);
		assert_contains(err.text, cases[i].why);
		assert_null(task);
	}
	orch_arena_destroy(arena);
}

static void test_reading_copes_without_memory(void **state)
{
	struct orch_err err = { "" };
	struct orch_task *task = NULL;
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 10000);
	orch_task_write(&buf, &full);
	for (size_t limit = 16; limit < 2000; limit += 16) {
		struct orch_arena *arena = orch_arena_create(limit);
		int code = orch_task_read(orch_buf_text(&buf), arena, &task, &err);

		assert_int_equal(code, orch_arena_failed(arena) ? ORCH_E_NOMEM : ORCH_OK);
		orch_arena_destroy(arena);
	}
	orch_buf_fini(&buf);
}

static void test_a_key_is_the_same_again_and_another_for_anything_else(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	const struct orch_text a = ORCH_TEXT("a");
	const struct orch_text b = ORCH_TEXT("b");
	const struct orch_text none = ORCH_TEXT("");
	struct orch_text keys[] = {
		orch_task_key(arena, a, a, a, a),
		orch_task_key(arena, b, a, a, a),
		orch_task_key(arena, a, b, a, a),
		orch_task_key(arena, a, a, b, a),
		orch_task_key(arena, a, a, a, b),
		orch_task_key(arena, a, a, a, none),
		orch_task_key(arena, ORCH_TEXT("aa"), none, a, a),
	};

	(void)state;
	assert_int_equal(keys[0].len, 36);
	assert_true(orch_text_equal(keys[0], orch_task_key(arena, a, a, a, a)));
	for (size_t i = 0; i < COUNT(keys); i++) {
		for (size_t k = 0; k < i; k++)
			assert_false(orch_text_equal(keys[i], keys[k]));
	}
	orch_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_comes_back),
		cmocka_unit_test(test_its_findings_come_back),
		cmocka_unit_test(test_a_task_about_the_event_itself_has_no_record),
		cmocka_unit_test(test_the_form_is_the_documented_one),
		cmocka_unit_test(test_what_is_not_a_task_is_refused_by_name),
		cmocka_unit_test(test_reading_copes_without_memory),
		cmocka_unit_test(test_a_key_is_the_same_again_and_another_for_anything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
