/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that come with it: each compiles, finds its examples, and leaves the others alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "fake_host.h"

#define RULES TEST_SOURCE_DIR "/config/rules.json"

static const char *text_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value))
		fail_msg("%s is missing", name);
	return json_object_get_string(value);
}

static void compile(struct fake *fake, struct json_object *object)
{
	struct json_object *options = json_object_object_get(object, "options");
	const struct orch_rule rule = { .size = sizeof(rule),
		.severity = ORCH_HIGH,
		.id = fake_text(text_of(object, "id")),
		.name = fake_text(text_of(object, "name")),
		.expression = fake_text(text_of(object, "expression")),
		.options = fake_text(options == NULL ? "" : json_object_to_json_string(options)),
		.version = 1 };
	size_t bad;

	if (fake_compile(fake, &rule, 1, &bad) != ORCH_OK)
		fail_msg("%s: %s", rule.id.ptr, fake->err.text);
}

static void check_examples(struct fake *fake, struct json_object *rule, const char *list, bool must)
{
	struct json_object *examples = json_object_object_get(rule, list);
	size_t count = json_object_array_length(examples);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(examples, i));

		fake_clear(fake);
		assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
		assert_int_equal(fake->sink.mark_count, 0);
		if ((fake->sink.finding_count > 0) != must)
			fail_msg("%s: %s: %s", text_of(rule, "id"), list, text);
	}
}

static void test_every_rule_keeps_to_its_examples(void **state)
{
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	struct json_object *rules = json_object_object_get(root, "rules");
	size_t count;

	(void)state;
	assert_non_null(rules);
	count = json_object_array_length(rules);
	assert_true(count >= 20);
	for (size_t i = 0; i < count; i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		assert_string_equal(text_of(rule, "tool"), "dlp");
		assert_true(strlen(text_of(rule, "description")) > 0);
		compile(fake, rule);
		check_examples(fake, rule, "matches", true);
		check_examples(fake, rule, "no_matches", false);
	}
	json_object_put(root);
	fake_close(fake);
}

/* Every hundredth number that begins like the milliseconds of these years. */
static void test_no_live_rule_takes_a_time_stamp_for_a_card(void **state)
{
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	struct json_object *rules = json_object_object_get(root, "rules");
	char text[16 * 1024];
	size_t len = 0;

	(void)state;
	for (long long ms = 1763700000000; len + 20 < sizeof(text); ms += 100)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "at %lld\n", ms);
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (strcmp(text_of(rule, "state"), "live") != 0)
			continue;
		compile(fake, rule);
		fake_clear(fake);
		assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
		assert_int_equal(fake->sink.finding_count, 0);
	}
	json_object_put(root);
	fake_close(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rule_keeps_to_its_examples),
		cmocka_unit_test(test_no_live_rule_takes_a_time_stamp_for_a_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
