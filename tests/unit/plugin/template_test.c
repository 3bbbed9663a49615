/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "plugin/template.h"

static const struct orch_field fields[] = {
	{ { "slack.channel", 13 }, { "C1 <b>\"x\"\n&", 11 } },
};
static const struct orch_finding findings[] = {
	{ .size = sizeof(struct orch_finding),
		.severity = ORCH_LOW,
		.rule = { "r-1", 3 },
		.title = { "", 0 },
		.advice = { "", 0 },
		.detail = { "", 0 },
		.rule_name = { "phone", 5 } },
	{ .size = sizeof(struct orch_finding),
		.severity = ORCH_HIGH,
		.rule = { "r-2", 3 },
		.title = { "", 0 },
		.advice = { "rotate it", 9 },
		.detail = { "{}", 2 },
		.rule_name = { "visa", 4 } },
};
static const struct orch_event event = {
	.size = sizeof(event),
	.time_ms = 1767323045006,
	.id = { "E1", 2 },
	.source = { "slack", 5 },
	.type = { "slack.message", 13 },
	.tenant = { "T1", 2 },
	.actor = { "U1", 2 },
	.order = { "", 0 },
	.data = { "{\"a\":1}", 7 },
	.fields = fields,
	.field_count = 1,
	.trace = { "trace-1", 7 },
};
static const struct orch_record record = { sizeof(record), { "R1", 2 }, { "stat", 4 }, { "", 0 },
	{ "{}", 2 } };
static const struct orch_task full = {
	.size = sizeof(full),
	.verdict = ORCH_BLOCK,
	.key = { "K1", 2 },
	.event = &event,
	.record = &record,
	.findings = findings,
	.finding_count = 2,
	.pipeline = { "leaks", 5 },
};

static int setup(void **state)
{
	*state = orch_arena_create(0);
	return *state == NULL;
}

static int teardown(void **state)
{
	orch_arena_destroy(*state);
	return 0;
}

static const char *render(
	void **state, const char *source, const char *target, const struct orch_task *task)
{
	const struct orch_template *form;
	struct orch_text text;
	struct orch_err err;

	assert_int_equal(orch_template_parse(orch_text_from(source), *state, &form, &err), ORCH_OK);
	assert_int_equal(orch_template_render(form, task, target, *state, &text), ORCH_OK);
	assert_int_equal(strlen(text.ptr), text.len);
	return text.ptr;
}

static void test_every_placeholder_is_filled(void **state)
{
	static const struct {
		const char *source, *text;
	} cases[] = {
		{ "plain } text", "plain } text" },
		{ "", "" },
		{ "{{x}", "{x}" },
		{ "{event.id}{event.type}", "E1slack.message" },
		{ "{event.actor} {event.tenant} {event.source}", "U1 T1 slack" },
		{ "{event.time}", "2026-01-02T03:04:05.006Z" },
		{ "{event.trace} {event.data}", "trace-1 {\"a\":1}" },
		{ "[{field.nothing}]", "[]" },
		{ "{verdict} {pipeline} {task.key}", "block leaks K1" },
		{ "{finding.rule} {finding.name} {finding.severity}", "r-2 visa high" },
		{ "{finding.title} {finding.advice} {finding.detail}", "visa rotate it {}" },
		{ "{findings.count}: {findings}", "2: phone (low)\nvisa (high)" },
		{ "{record.id} {record.type} {record.data}", "R1 stat {}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(render(state, cases[i].source, "text", &full), cases[i].text);
}

static void test_values_are_escaped_for_their_target(void **state)
{
	assert_string_equal(
		render(state, "<{field.slack.channel}>", "text", &full), "<C1 <b>\"x\" &>");
	assert_string_equal(render(state, "<{field.slack.channel}>", "mrkdwn", &full),
		"<C1 &lt;b&gt;\"x\" &amp;>");
	assert_string_equal(render(state, "\"{field.slack.channel}\"", "json", &full),
		"\"C1 <b>\\\"x\\\"\\n&\"");
	assert_string_equal(
		render(state, "{findings}", "json", &full), "phone (low)\\nvisa (high)");
}

static void test_what_a_task_lacks_is_empty(void **state)
{
	const struct orch_task bare = {
		.size = sizeof(bare), .event = &event, .key = { NULL, 0 }, .pipeline = { NULL, 0 }
	};

	assert_string_equal(
		render(state, "[{finding.name}{findings}{record.id}{task.key}{pipeline}]", "text",
			&bare),
		"[]");
	assert_string_equal(render(state, "{verdict} {findings.count}", "text", &bare), "pass 0");
}

static void test_no_template_renders_as_nothing(void **state)
{
	struct orch_text text;

	assert_int_equal(orch_template_render(NULL, &full, "text", *state, &text), ORCH_OK);
	assert_string_equal(text.ptr, "");
}

static void test_an_unknown_target_is_refused(void **state)
{
	struct orch_text text;

	assert_int_equal(orch_template_render(NULL, &full, "html", *state, &text), ORCH_E_INVALID);
}

static void test_malformed_templates_are_refused_with_what_would_be_right(void **state)
{
	static const struct {
		const char *source, *beginning, *end;
	} cases[] = {
		{ "a {event.id", "a \"{\" is never closed; close it", "" },
		{ "{", "a \"{\" is never closed", "" },
		{ "{}", "unknown placeholder {}; must be one such as", "\"{{\"" },
		{ "{event.idd}", "unknown placeholder {event.idd}",
			"(did you mean \"event.id\"?)" },
		{ "{field.}", "unknown placeholder {field.}", "" },
		{ "{\"a\": 1}", "unknown placeholder {\"a\": 1}", "" },
	};
	const struct orch_template *form = NULL;
	struct orch_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
			orch_template_parse(orch_text_from(cases[i].source), *state, &form, &err),
			ORCH_E_INVALID);
		assert_true(orch_text_starts_with(
			orch_text_from(err.text), orch_text_from(cases[i].beginning)));
		assert_true(orch_text_ends_with(
			orch_text_from(err.text), orch_text_from(cases[i].end)));
		assert_null(form);
	}
}

static void test_long_templates_are_refused(void **state)
{
	const struct orch_template *form = NULL;
	char source[20000];
	struct orch_err err;

	memset(source, 'x', sizeof(source));
	assert_int_equal(orch_template_parse(
				 (struct orch_text){ source, sizeof(source) }, *state, &form, &err),
		ORCH_E_LIMIT);
	for (size_t i = 0; i + 4 <= sizeof(source); i += 2)
		memcpy(source + i, "{{", 2);
	assert_int_equal(
		orch_template_parse((struct orch_text){ source, 4000 }, *state, &form, &err),
		ORCH_E_LIMIT);
	assert_null(form);
}

static void test_what_is_rendered_is_bounded(void **state)
{
	const struct orch_template *form;
	struct orch_event large = event;
	struct orch_task task = full;
	char data[ORCH_TEMPLATE_BYTES];
	struct orch_text text;
	struct orch_err err;

	memset(data, 'x', sizeof(data));
	large.data = (struct orch_text){ data, sizeof(data) };
	task.event = &large;
	assert_int_equal(
		orch_template_parse(ORCH_TEXT("{event.data}"), *state, &form, &err), ORCH_OK);
	assert_int_equal(orch_template_render(form, &task, "text", *state, &text), ORCH_OK);
	assert_int_equal(text.len, ORCH_TEMPLATE_BYTES);
	assert_int_equal(
		orch_template_parse(ORCH_TEXT("{event.data}."), *state, &form, &err), ORCH_OK);
	assert_int_equal(orch_template_render(form, &task, "text", *state, &text), ORCH_E_LIMIT);
	assert_int_equal(orch_template_render(form, &task, "mrkdwn", *state, &text), ORCH_E_LIMIT);
	assert_int_equal(orch_template_render(form, &task, "json", *state, &text), ORCH_E_LIMIT);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(test_every_placeholder_is_filled),
		WITH_ARENA(test_values_are_escaped_for_their_target),
		WITH_ARENA(test_what_a_task_lacks_is_empty),
		WITH_ARENA(test_no_template_renders_as_nothing),
		WITH_ARENA(test_an_unknown_target_is_refused),
		WITH_ARENA(test_malformed_templates_are_refused_with_what_would_be_right),
		WITH_ARENA(test_long_templates_are_refused),
		WITH_ARENA(test_what_is_rendered_is_bounded),
	};

	return cmocka_run_group_tests_name("plugin/template", tests, NULL, NULL);
}
