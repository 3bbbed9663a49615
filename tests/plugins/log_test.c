/* SPDX-License-Identifier: Apache-2.0 */
/* log: one line a task, which tells where something was found and never what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "fake_task.h"

static const struct fake_reply written[] = { { .url = "log:", .status = 200 }, { .url = NULL } };

static void test_a_line_is_one_json_object(void **state)
{
	static const char *const options[] = { "tags", "dlp [ALERT]", NULL };
	struct fake_task world;
	struct json_object *line;

	(void)state;
	fake_task_begin(&world, "log", options);
	assert_true(world.fake->plugin->action->passive);
	assert_int_equal(fake_task_act(&world, written), ORCH_OK);
	assert_string_equal(world.fake->requests[0].method, "LOG");
	assert_string_equal(world.fake->requests[0].url, "log:stderr");
	assert_string_equal(world.fake->requests[0].body,
		"{\"time\":\"2023-11-14T22:13:20.000Z\",\"event\":\"verdict\",\"trace\":\"trace-"
		"1\","
		"\"id\":\"slack:T1:Ev1\",\"pipeline\":\"p1\",\"type\":\"slack.message\","
		"\"tenant\":\"T1\",\"actor\":\"U1\",\"verdict\":\"block\",\"finding_count\":1,"
		"\"findings\":[{\"rule\":\"visa\",\"name\":\"Visa card\",\"severity\":\"high\","
		"\"part\":\"file:F1\",\"start\":3,\"length\":16}],\"tags\":[\"dlp\",\"[ALERT]\"]}");
	line = json_tokener_parse(world.fake->requests[0].body);
	assert_non_null(line);
	json_object_put(line);
	fake_task_end(&world);
}

static void test_odd_bytes_stay_on_their_line(void **state)
{
	struct fake_task world;
	struct json_object *line;

	(void)state;
	fake_task_begin(&world, "log", NULL);
	world.event.actor = fake_text("a\"b\\c\nd\x01\xff\xc3\xa9");
	assert_int_equal(fake_task_act(&world, written), ORCH_OK);
	assert_null(strchr(world.fake->requests[0].body, '\n'));
	line = json_tokener_parse(world.fake->requests[0].body);
	assert_string_equal(json_object_get_string(json_object_object_get(line, "actor")),
		"a\"b\\c\nd\x01\xef\xbf\xbd\xc3\xa9");
	json_object_put(line);
	fake_task_end(&world);
}

static void test_a_line_can_be_text(void **state)
{
	static const char *const options[] = { "format", "text", "template",
		"found {finding.name} by {event.actor}", "tags", "[INTERNAL x", "to",
		"/var/log/x.log", NULL };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "log", options);
	world.event.actor = fake_text("U1\nforged line");
	assert_int_equal(fake_task_act(&world, written), ORCH_OK);
	assert_string_equal(world.fake->requests[0].url, "log:file//var/log/x.log");
	assert_string_equal(
		world.fake->requests[0].body, "[[INTERNAL] [x] found Visa card by U1 forged line");
	fake_task_end(&world);
}

static void test_syslog_is_a_place_too(void **state)
{
	static const char *const options[] = { "to", "syslog", NULL };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "log", options);
	assert_int_equal(fake_task_act(&world, written), ORCH_OK);
	assert_string_equal(world.fake->requests[0].url, "log:syslog");
	fake_task_end(&world);
}

static void test_a_line_that_is_not_written_is_tried_again(void **state)
{
	static const struct fake_reply failed[] = {
		{ .url = "log:", .status = 0, .problem = "/var/x.log: disk full" }, { .url = NULL }
	};
	static const struct fake_reply never[] = {
		{ .url = "log:", .status = -1, .problem = "too many log files" }, { .url = NULL }
	};
	static const struct fake_reply full[] = { { .url = "log:", .status = 503 },
		{ .url = NULL } };
	static const struct fake_reply refused[] = { { .url = "log:", .status = 403 },
		{ .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "log", NULL);
	assert_int_equal(fake_task_act(&world, failed), ORCH_E_AGAIN);
	assert_non_null(strstr(world.fake->err.text, "/var/x.log: disk full"));
	assert_int_equal(fake_task_act(&world, never), ORCH_E_AGAIN);
	assert_non_null(strstr(world.fake->err.text, "too many log files"));
	assert_int_equal(fake_task_act(&world, full), ORCH_E_AGAIN);
	assert_int_equal(fake_task_act(&world, refused), ORCH_E_DENIED);
	fake_task_end(&world);
}

static void test_many_findings_make_no_endless_line(void **state)
{
	struct fake_task world;
	struct orch_finding findings[150];
	struct json_object *line;

	(void)state;
	fake_task_begin(&world, "log", NULL);
	for (size_t i = 0; i < 150; i++)
		findings[i] = world.finding;
	findings[149].part = 99; /* no such part */
	world.task.findings = findings;
	world.task.finding_count = 150;
	assert_int_equal(fake_task_act(&world, written), ORCH_OK);
	line = json_tokener_parse(world.fake->requests[0].body);
	assert_int_equal(json_object_get_int(json_object_object_get(line, "finding_count")), 150);
	assert_int_equal(json_object_array_length(json_object_object_get(line, "findings")), 100);
	json_object_put(line);
	fake_task_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_is_one_json_object),
		cmocka_unit_test(test_odd_bytes_stay_on_their_line),
		cmocka_unit_test(test_a_line_can_be_text),
		cmocka_unit_test(test_syslog_is_a_place_too),
		cmocka_unit_test(test_a_line_that_is_not_written_is_tried_again),
		cmocka_unit_test(test_many_findings_make_no_endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
