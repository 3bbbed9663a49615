/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the store put in force: what is wrong with one is not the others' matter. */
#include <sqlite3.h>

#include "pipeline/rulefile.h"
#include "unit/pipeline/house.h"

static void open_store(struct house *h, const char *config)
{
	house_tools(h, config);
	house_keep(h);
}

/* Saved as it is, without the checks that commands make. */
static void save(
	struct house *h, const char *id, const char *expression, enum orch_rule_state state)
{
	struct orch_stored_rule rule = { .rule = { .size = sizeof(struct orch_rule),
						 .id = orch_text_from(id),
						 .name = orch_text_from(id),
						 .expression = orch_text_from(expression),
						 .options = ORCH_TEXT_NONE,
						 .severity = ORCH_HIGH },
		.tool = ORCH_TEXT("dlp"),
		.description = ORCH_TEXT_NONE,
		.state = state };
	struct orch_err err = { "" };

	if (orch_store_rule_save(h->keep.store, &rule, ORCH_TEXT("test"), h->arena, &rule, &err) !=
		ORCH_OK)
		fail_msg("%s", err.text);
}

static void poke(struct house *h, const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(
		sqlite3_open(
			orch_arena_printf(h->arena, "%s/var/orchestrator.db", h->dir).ptr, &handle),
		SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static struct orch_rule_gaps load(struct house *h)
{
	struct orch_rule_gaps gaps = { .damaged = 99 };
	struct orch_err err = { "" };

	if (orch_plan_load_rules(h->plan, h->keep.store, &gaps, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	return gaps;
}

/* The ids of the rules in force. */
static void assert_in_force(struct house *h, const char *ids)
{
	struct orch_ruleset *set = orch_plan_rules(&h->plan->tools[0]);
	char found[256] = "";

	for (size_t i = 0; i < set->count; i++)
		(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s",
			i > 0 ? " " : "", set->rules[i].rule.id.ptr);
	orch_ruleset_unref(set);
	assert_string_equal(found, ids);
}

static void test_all_that_is_sound_is_in_force(void **state)
{
	struct house *h = *state;
	struct orch_rule_gaps gaps;

	open_store(h, HOUSE_TOOL);
	save(h, "a", "a+", ORCH_RULE_LIVE);
	save(h, "b", "b+", ORCH_RULE_SHADOW);
	save(h, "c", "c+", ORCH_RULE_OFF);
	gaps = load(h);
	assert_int_equal(gaps.damaged, 0);
	assert_int_equal(gaps.refused, 0);
	assert_in_force(h, "a b");
}

static void test_a_damaged_rule_is_left_out_and_the_others_are_in_force(void **state)
{
	struct house *h = *state;

	open_store(h, HOUSE_TOOL);
	save(h, "a", "a+", ORCH_RULE_LIVE);
	save(h, "b", "b+", ORCH_RULE_LIVE);
	save(h, "c", "c+", ORCH_RULE_LIVE);
	poke(h, "UPDATE rule SET state = 1 WHERE id = 'a'");
	poke(h, "UPDATE rule SET tool = 'elp' WHERE id = 'b'");
	assert_int_equal(load(h).damaged, 2);
	assert_in_force(h, "c");
}

static void test_a_rule_that_does_not_compile_is_left_out(void **state)
{
	struct house *h = *state;
	struct orch_rule_gaps gaps;

	open_store(h, HOUSE_TOOL);
	save(h, "a", "a+", ORCH_RULE_LIVE);
	save(h, "b", "(", ORCH_RULE_LIVE);
	save(h, "c", "c+", ORCH_RULE_LIVE);
	save(h, "d", "[", ORCH_RULE_SHADOW);
	save(h, "e", "[", ORCH_RULE_OFF);
	gaps = load(h);
	assert_int_equal(gaps.refused, 2);
	assert_int_equal(gaps.damaged, 0);
	assert_in_force(h, "a c");
}

static void test_a_later_load_follows_although_a_rule_is_damaged(void **state)
{
	struct house *h = *state;

	open_store(h, HOUSE_TOOL);
	save(h, "a", "a+", ORCH_RULE_LIVE);
	save(h, "b", "b+", ORCH_RULE_LIVE);
	(void)load(h);
	poke(h, "UPDATE rule SET options = 'z}' WHERE id = 'a'");
	save(h, "c", "c+", ORCH_RULE_LIVE);
	assert_int_equal(load(h).damaged, 1);
	assert_in_force(h, "b c");
}

static void test_a_tool_without_a_live_rule_is_told(void **state)
{
	struct house *h = *state;

	open_store(h, HOUSE_TOOL);
	assert_int_equal(load(h).bare, 1);
	save(h, "a", "a+", ORCH_RULE_SHADOW);
	save(h, "b", "b+", ORCH_RULE_OFF);
	assert_int_equal(load(h).bare, 1);
	save(h, "c", "c+", ORCH_RULE_LIVE);
	assert_int_equal(load(h).bare, 0);
	poke(h, "UPDATE rule SET severity = 11 WHERE id = 'c'");
	assert_int_equal(load(h).bare, 1);
}

static void test_rules_of_a_tool_that_was_renamed_are_told(void **state)
{
	struct house *h = *state;
	struct orch_rule_gaps gaps;

	open_store(h, HOUSE_PATH "tools = ( { name = \"leaks\"; plugin = \"dlp\"; } );");
	save(h, "a", "a+", ORCH_RULE_LIVE);
	save(h, "b", "b+", ORCH_RULE_LIVE);
	save(h, "c", "c+", ORCH_RULE_OFF);
	gaps = load(h);
	assert_int_equal(gaps.unused, 2);
	assert_int_equal(gaps.bare, 1);
}

static void test_an_import_heals_what_is_damaged(void **state)
{
	struct house *h = *state;
	struct orch_rulefile_outcome outcome;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count;

	open_store(h, HOUSE_TOOL);
	assert_int_equal(orch_rulefile_read(house_write(h, "rules.json",
						    "{ \"rules\": [ { \"id\": \"a\", \"tool\": "
						    "\"dlp\", \"name\": \"a\", \"expression\": "
						    "\"a+\" } ] }"),
				 h->arena, &rules, &count, &err),
		ORCH_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(orch_rulefile_import(h->plan, h->keep.store, rules, count,
					 ORCH_TEXT("test"), &outcome, &err),
			ORCH_OK);
		assert_int_equal(i == 0 ? outcome.added : outcome.changed, 1);
		assert_int_equal(load(h).damaged, 0);
		poke(h, "UPDATE rule SET removed = 4");
		assert_int_equal(load(h).damaged, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_all_that_is_sound_is_in_force),
		TEST(test_a_damaged_rule_is_left_out_and_the_others_are_in_force),
		TEST(test_a_rule_that_does_not_compile_is_left_out),
		TEST(test_a_later_load_follows_although_a_rule_is_damaged),
		TEST(test_a_tool_without_a_live_rule_is_told),
		TEST(test_rules_of_a_tool_that_was_renamed_are_told),
		TEST(test_an_import_heals_what_is_damaged),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
