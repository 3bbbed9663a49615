/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rulefile.h"

#include "base/json.h"
#include "model/event.h"
#include "pipeline/rulecheck.h"
#include "unit/pipeline/house.h"

#define RULE(more)                                                                  \
	"{ \"rules\": [ { \"tool\": \"dlp\", \"name\": \"badge\", \"expression\": " \
	"\"B-[0-9]{4}\"" more " } ] }"

static struct orch_stored_rule *read_file(struct house *h, const char *bytes, size_t *ret_count)
{
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };

	if (orch_rulefile_read(house_write(h, "rules.json", bytes), h->arena, &rules, ret_count,
		    &err) != ORCH_OK)
		fail_msg("%s", err.text);
	return rules;
}

static void assert_refused(struct house *h, const char *bytes, const char *why)
{
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count;

	assert_true(orch_rulefile_read(house_write(h, "rules.json", bytes), h->arena, &rules,
			    &count, &err) < 0);
	assert_contains(err.text, why);
	assert_contains(err.text, "rules.json");
}

static void test_a_rule_is_read_with_its_defaults(void **state)
{
	size_t count;
	struct orch_stored_rule *rules = read_file(*state, RULE(""), &count);

	assert_int_equal(count, 1);
	assert_text(rules[0].rule.name, "badge");
	assert_int_equal(rules[0].rule.severity, ORCH_MEDIUM);
	assert_int_equal(rules[0].state, ORCH_RULE_LIVE);
	assert_int_equal(rules[0].rule.id.len, 0);
}

static void test_a_rule_is_written_as_it_is_read(void **state)
{
	struct house *h = *state;
	size_t count;
	struct orch_stored_rule *rules = read_file(h,
		RULE(", \"id\": \"b\", \"severity\": \"high\", \"state\": \"shadow\", "
		     "\"description\": \"of \\\"staff\\\"\", \"options\": { \"check\": \"luhn\" }, "
		     "\"matches\": [ \"B-1234\" ], \"no_matches\": [ \"B-1\", \"C\" ]"),
		&count);
	struct orch_stored_rule again;
	struct json_object *object;
	struct orch_err err = { "" };
	struct orch_buf buf;

	orch_buf_init(&buf, 100000);
	orch_rulefile_write_rule(&buf, &rules[0], false);
	assert_int_equal(orch_json_parse(orch_buf_text(&buf), &object, &err), ORCH_OK);
	assert_int_equal(orch_rulefile_parse_rule(object, h->arena, &again, &err), ORCH_OK);
	assert_int_equal(again.rule.severity, ORCH_HIGH);
	assert_int_equal(again.state, ORCH_RULE_SHADOW);
	assert_text(again.description, "of \"staff\"");
	assert_text(again.rule.options, "{\"check\":\"luhn\"}");
	assert_int_equal(again.no_matches.count, 2);
	assert_text(again.matches.items[0], "B-1234");
	json_object_put(object);
	orch_buf_fini(&buf);
}

static void test_what_is_wrong_is_named(void **state)
{
	struct house *h = *state;

	assert_refused(h, "", "rules.json");
	assert_refused(h, "{}", "there is no list \"rules\"");
	assert_refused(h, "{ \"rules\": {} }", "there is no list \"rules\"");
	assert_refused(h, "{ \"rules\": [ 1 ] }", "rule 1 (): a rule must be an object");
	assert_refused(h, "{ \"rules\": [ {} ] }", "tool, name and expression must be there");
	assert_refused(h, RULE(", \"colour\": 1"), "the key \"colour\" is not known");
	assert_refused(h, RULE(", \"severity\": \"bad\""), "severity must be info");
	assert_refused(h, RULE(", \"state\": \"on\""), "state must be live");
	assert_refused(h, RULE(", \"matches\": \"x\""), "matches must be a list of texts");
	assert_refused(h, RULE(", \"no_matches\": [ 1 ]"), "no_matches must be a list of texts");
}

/* What is of another type must not pass for what is not there. */
static void test_wrong_types_are_no_defaults(void **state)
{
	struct house *h = *state;

	assert_refused(h, RULE(", \"severity\": 4"), "severity must be a text");
	assert_refused(h, RULE(", \"state\": false"), "state must be a text");
	assert_refused(h, RULE(", \"id\": 7"), "id must be a text");
	assert_refused(h, RULE(", \"description\": []"), "description must be a text");
	assert_refused(h, RULE(", \"options\": \"luhn\""), "options must be an object");
}

static void test_a_missing_file_is_said(void **state)
{
	struct house *h = *state;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count;

	assert_true(orch_rulefile_read("/no/such/file.json", h->arena, &rules, &count, &err) < 0);
	assert_contains(err.text, "/no/such/file.json");
}

/* Importing. */

static int import(struct house *h, const char *bytes, struct orch_rulefile_outcome *outcome,
	struct orch_err *err)
{
	size_t count;
	struct orch_stored_rule *rules = read_file(h, bytes, &count);

	return orch_rulefile_import(
		h->plan, h->keep.store, rules, count, ORCH_TEXT("test"), outcome, err);
}

static void open_store(struct house *h)
{
	house_tools(h, HOUSE_TOOL);
	house_keep(h);
}

static size_t stored(struct house *h, struct orch_stored_rule **ret_rules)
{
	struct orch_err err = { "" };
	size_t count;

	assert_int_equal(orch_store_rules(h->keep.store, ORCH_TEXT_NONE, false, h->arena, ret_rules,
				 &count, &err),
		ORCH_OK);
	return count;
}

static void test_an_import_adds_changes_and_leaves(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };

	open_store(h);
	assert_int_equal(import(h, RULE(", \"id\": \"b\""), &outcome, &err), ORCH_OK);
	assert_int_equal(outcome.added, 1);
	assert_int_equal(import(h, RULE(", \"id\": \"b\""), &outcome, &err), ORCH_OK);
	assert_int_equal(outcome.unchanged, 1);
	assert_int_equal(
		import(h, RULE(", \"id\": \"b\", \"severity\": \"low\""), &outcome, &err), ORCH_OK);
	assert_int_equal(outcome.changed, 1);
	assert_int_equal(stored(h, &rules), 1);
	assert_int_equal(rules[0].rule.version, 2);
}

static void test_a_rule_without_an_id_is_known_by_its_name(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };

	open_store(h);
	assert_int_equal(import(h, RULE(""), &outcome, &err), ORCH_OK);
	assert_int_equal(import(h, RULE(""), &outcome, &err), ORCH_OK);
	assert_int_equal(outcome.unchanged, 1);
	assert_int_equal(import(h, RULE(", \"severity\": \"low\""), &outcome, &err), ORCH_OK);
	assert_int_equal(outcome.changed, 1);
	assert_int_equal(stored(h, &rules), 1);
	assert_text(rules[0].rule.id, "badge");
	assert_int_equal(rules[0].rule.version, 2);
}

static void test_an_import_is_all_or_nothing(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };

	open_store(h);
	assert_int_equal(import(h,
				 "{ \"rules\": [ { \"tool\": \"dlp\", \"name\": \"good\", "
				 "\"expression\": \"a\" }, { \"tool\": \"dlp\", \"name\": \"bad\", "
				 "\"expression\": \"(\" } ] }",
				 &outcome, &err),
		ORCH_E_INVALID);
	assert_contains(err.text, "rule bad");
	assert_int_equal(stored(h, &rules), 0);
}

static void test_a_rule_that_is_there_twice_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_err err = { "" };

	open_store(h);
	assert_int_equal(import(h,
				 "{ \"rules\": [ { \"tool\": \"dlp\", \"name\": \"one\", "
				 "\"expression\": \"a\" }, { \"tool\": \"dlp\", \"name\": \"one\", "
				 "\"expression\": \"b\" } ] }",
				 &outcome, &err),
		ORCH_E_INVALID);
	assert_contains(err.text, "rule one: it is there twice");
}

static void test_a_rule_of_an_unknown_tool_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_err err = { "" };

	open_store(h);
	assert_int_equal(import(h,
				 "{ \"rules\": [ { \"tool\": \"other\", \"name\": \"one\", "
				 "\"expression\": \"a\" } ] }",
				 &outcome, &err),
		ORCH_E_INVALID);
	assert_contains(err.text, "there is no tool other");
}

static void test_files_are_imported_once(void **state)
{
	struct house *h = *state;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };

	(void)house_write(h, "one.json", RULE(""));
	house_tools(h, HOUSE_TOOL "rules = [ \"one.json\" ];");
	house_keep(h);
	assert_int_equal(orch_rulefile_first_import(h->plan, h->keep.store, &err), ORCH_OK);
	assert_int_equal(stored(h, &rules), 1);
	assert_int_equal(
		orch_store_rule_remove(h->keep.store, rules[0].rule.id, ORCH_TEXT("me"), &err),
		ORCH_OK);
	assert_int_equal(orch_rulefile_first_import(h->plan, h->keep.store, &err), ORCH_OK);
	assert_int_equal(stored(h, &rules), 0);
}

/* Checking. */

static struct orch_stored_rule rule_with(const char *expression)
{
	return (struct orch_stored_rule){
		.rule = { .size = sizeof(struct orch_rule),
			.severity = ORCH_HIGH,
			.id = ORCH_TEXT("r"),
			.name = ORCH_TEXT("r"),
			.expression = orch_text_from(expression),
			.options = ORCH_TEXT_NONE },
		.tool = ORCH_TEXT("dlp"),
		.description = ORCH_TEXT_NONE,
	};
}

static void test_a_rule_must_compile(void **state)
{
	struct house *h = *state;
	struct orch_stored_rule rule = rule_with("(unclosed");
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	assert_true(orch_rulecheck(&h->plan->tools[0], &rule, &err) < 0);
	assert_contains(err.text, "parenthesis");
	rule.state = ORCH_RULE_OFF; /* even then */
	assert_true(orch_rulecheck(&h->plan->tools[0], &rule, &err) < 0);
}

static void test_examples_must_come_out_right(void **state)
{
	struct house *h = *state;
	struct orch_text yes = ORCH_TEXT("a secret of mine"), no = ORCH_TEXT("nothing");
	struct orch_stored_rule rule = rule_with("secret");
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	rule.matches = (struct orch_list){ &yes, 1 };
	rule.no_matches = (struct orch_list){ &no, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_OK);
	rule.matches = (struct orch_list){ &no, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "its example 1 under \"matches\" is not found");
	rule.matches = (struct orch_list){ NULL, 0 };
	rule.no_matches = (struct orch_list){ &yes, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_lacks(err.text, "of mine");
	rule.state = ORCH_RULE_OFF;
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_OK);
}

/* The number behind it would be found, but the search does not get so far. */
#define ENDLESS "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab 676100041090"

static void test_an_example_that_cannot_be_judged_is_not_right(void **state)
{
	struct house *h = *state;
	struct orch_text text = ORCH_TEXT(ENDLESS), unseen = ORCH_TEXT_NONE;
	struct orch_stored_rule rule = rule_with("(a+)+$|676100041090");
	struct orch_finding *findings;
	struct orch_err err = { "" };
	size_t count;

	house_tools(h, HOUSE_TOOL);
	rule.no_matches = (struct orch_list){ &text, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_contains(err.text, "its example 1 under \"no_matches\" cannot be judged: ");
	assert_contains(err.text, "limit");
	assert_lacks(err.text, "6761");
	rule.matches = rule.no_matches;
	rule.no_matches.count = 0;
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_contains(err.text, "its example 1 under \"matches\" cannot be judged: ");
	assert_int_equal(orch_rulecheck_try(&h->plan->tools[0], &rule, text, h->arena, &findings,
				 &count, &unseen, &err),
		ORCH_OK);
	assert_int_equal(count, 0);
	assert_contains(unseen.ptr, "limit");
}

static void test_more_findings_than_there_is_room_for_are_a_match(void **state)
{
	struct house *h = *state;
	char many[3001];
	struct orch_text text = { many, sizeof(many) - 1 };
	struct orch_stored_rule rule = rule_with("x");
	struct orch_err err = { "" };

	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	house_tools(h, HOUSE_TOOL);
	rule.matches = (struct orch_list){ &text, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_OK);
	rule.no_matches = (struct orch_list){ &text, 1 };
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "its example 1 under \"no_matches\" is found");
}

static void test_a_rule_can_be_tried(void **state)
{
	struct house *h = *state;
	struct orch_stored_rule rule = rule_with("[0-9]{4}");
	struct orch_text unseen = ORCH_TEXT("unset");
	struct orch_finding *findings;
	struct orch_err err = { "" };
	size_t count;

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(orch_rulecheck_try(&h->plan->tools[0], &rule, ORCH_TEXT("a 1234 b 5678"),
				 h->arena, &findings, &count, &unseen, &err),
		ORCH_OK);
	assert_int_equal(unseen.len, 0);
	assert_int_equal(count, 2);
	assert_int_equal(findings[1].start, 9);
}

static void test_a_tool_without_rules_takes_none(void **state)
{
	struct house *h = *state;
	struct orch_stored_rule rule = rule_with("x");
	struct orch_err err = { "" };

	house_tools(h,
		HOUSE_PATH "tools = ( { name = \"kw\"; plugin = \"keyword\"; word = \"x\"; } );");
	assert_int_equal(orch_rulecheck(&h->plan->tools[0], &rule, &err), ORCH_E_INVALID);
	assert_contains(err.text, "the tool kw works without rules");
}

static struct orch_text unseen(struct house *h, const char *script, size_t *ret_count)
{
	const struct orch_sink_limits limits = { .parts = 1, .findings = 3, .records = 1 };
	struct orch_finding *findings;
	struct orch_text why = ORCH_TEXT_NONE;
	struct orch_err err = { "" };
	void *self;

	house_tools(h,
		orch_arena_printf(h->arena,
			HOUSE_PATH "tools = ( { name = \"t\"; plugin = \"script_tool\"; "
				   "script = \"%s\"; } );",
			script)
			.ptr);
	assert_int_equal(h->plan->tools[0].plugin->tool->create(
				 orch_plugin_host_services(h->plan->tools[0].host),
				 h->plan->tools[0].settings, &self, &err),
		ORCH_OK);
	if (orch_rulecheck_scan(&h->plan->tools[0], self, NULL, ORCH_TEXT("text"), ORCH_TEXT("abc"),
		    &limits, h->arena, &findings, ret_count, &why, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	h->plan->tools[0].plugin->tool->destroy(self);
	return why;
}

static void test_what_was_not_examined_whole_is_said(void **state)
{
	struct house *h = *state;
	size_t count;

	assert_text(unseen(h, "mark:text", &count), "too odd");
	orch_plan_unref(h->plan);
	assert_text(unseen(h, "bare:text", &count), "it could not be examined whole");
	orch_plan_unref(h->plan);
	assert_text(unseen(h, "many:4", &count), "it has more findings than limits.findings");
	assert_int_equal(count, 3);
	orch_plan_unref(h->plan);
	assert_text(unseen(h, "many:3", &count), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_a_rule_is_read_with_its_defaults),
		TEST(test_a_rule_is_written_as_it_is_read),
		TEST(test_what_is_wrong_is_named),
		TEST(test_wrong_types_are_no_defaults),
		TEST(test_a_missing_file_is_said),
		TEST(test_an_import_adds_changes_and_leaves),
		TEST(test_a_rule_without_an_id_is_known_by_its_name),
		TEST(test_an_import_is_all_or_nothing),
		TEST(test_a_rule_that_is_there_twice_is_refused),
		TEST(test_a_rule_of_an_unknown_tool_is_refused),
		TEST(test_files_are_imported_once),
		TEST(test_a_rule_must_compile),
		TEST(test_examples_must_come_out_right),
		TEST(test_an_example_that_cannot_be_judged_is_not_right),
		TEST(test_more_findings_than_there_is_room_for_are_a_match),
		TEST(test_a_rule_can_be_tried),
		TEST(test_a_tool_without_rules_takes_none),
		TEST(test_what_was_not_examined_whole_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
