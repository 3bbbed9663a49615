/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: their versions, their history, their names, and who is told. */
#include "unit/store/world.h"

static int save(struct world *w, const struct orch_stored_rule *rule, struct orch_stored_rule *ret)
{
	struct orch_err err = { "" };

	return check(w, orch_store_rule_save(w->store, rule, BY, w->f.arena, ret, &err), &err);
}

static struct orch_stored_rule add(struct world *w, const char *name)
{
	struct orch_stored_rule rule = new_rule(name);
	struct orch_stored_rule saved;

	if (save(w, &rule, &saved) < 0)
		fail_msg("%s", w->problem);
	return saved;
}

static int find(struct world *w, const char *name, struct orch_stored_rule *ret)
{
	struct orch_err err = { "" };

	return check(
		w, orch_store_rule(w->store, orch_text_from(name), w->f.arena, ret, &err), &err);
}

static size_t count_rules(struct world *w, const char *tool, bool with_removed)
{
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count = 0;

	assert_int_equal(orch_store_rules(w->store, orch_text_from(tool), with_removed, w->f.arena,
				 &rules, &count, &err),
		ORCH_OK);
	return count;
}

static size_t history(struct world *w, const char *id, struct orch_stored_rule **ret_rules)
{
	struct orch_err err = { "" };
	size_t count = 0;

	assert_int_equal(orch_store_rule_history(
				 w->store, orch_text_from(id), w->f.arena, ret_rules, &count, &err),
		ORCH_OK);
	return count;
}

static uint64_t revision(struct world *w)
{
	struct orch_err err = { "" };
	uint64_t number = 0;

	assert_int_equal(orch_store_rules_revision(w->store, &number, &err), ORCH_OK);
	return number;
}

static void test_a_rule_is_kept_whole(void **state)
{
	struct world *w = *state;
	const struct orch_text matches[] = { ORCH_TEXT("6759649826438453"),
		ORCH_TEXT("a \"b\"\n") };
	const struct orch_text no_matches[] = { ORCH_TEXT("1234") };
	struct orch_stored_rule rule = new_rule("Maestro");
	struct orch_stored_rule saved;

	rule.matches = (struct orch_list){ matches, 2 };
	rule.no_matches = (struct orch_list){ no_matches, 1 };
	assert_int_equal(save(w, &rule, &saved), ORCH_OK);
	reopen_store(w);
	assert_int_equal(find(w, "maestro", &saved), ORCH_OK);
	assert_true(text_is(saved.rule.id, "maestro"));
	assert_true(text_is(saved.rule.name, "Maestro"));
	assert_true(text_is(saved.rule.expression, "6759\\d+"));
	assert_true(text_is(saved.rule.options, "{\"check\":\"luhn\"}"));
	assert_int_equal(saved.rule.severity, ORCH_HIGH);
	assert_int_equal(saved.rule.version, 1);
	assert_int_equal(saved.rule.size, sizeof(struct orch_rule));
	assert_true(text_is(saved.tool, "dlp"));
	assert_true(text_is(saved.description, "To match cards"));
	assert_int_equal(saved.state, ORCH_RULE_SHADOW);
	assert_int_equal(saved.matches.count, 2);
	assert_true(orch_text_equal(saved.matches.items[1], matches[1]));
	assert_int_equal(saved.no_matches.count, 1);
	assert_true(text_is(saved.no_matches.items[0], "1234"));
	assert_true(text_is(saved.created_by, "alice"));
	assert_true(saved.created_ms > 0 && saved.created_ms == saved.changed_ms);
	assert_false(saved.removed);
}

static void test_ids_are_derived_from_names_and_unique(void **state)
{
	struct world *w = *state;

	assert_true(text_is(add(w, "Maestro").rule.id, "maestro"));
	assert_true(text_is(add(w, "maestro").rule.id, "maestro-2"));
	assert_true(text_is(add(w, "MAESTRO!").rule.id, "maestro-3"));
	assert_true(text_is(add(w, " AWS  secret key (v2) ").rule.id, "aws-secret-key-v2"));
	assert_true(text_is(add(w, "日本").rule.id, "rule"));
	assert_true(text_is(add(w, "!").rule.id, "rule-2"));
	assert_true(add(w, "a name of a rule that goes on and on and on and on and on and on")
			    .rule.id.len < 64);
	/* And with a number behind it it is still one that could be given. */
	assert_true(add(w, "a name of a rule that goes on and on and on and on and on and on!")
			    .rule.id.len < 64);
}

static void test_a_new_id_is_safe_everywhere(void **state)
{
	static const struct orch_text bad[] = { ORCH_TEXT("a b"), ORCH_TEXT("a\033[2J"),
		ORCH_TEXT("a\"b\\"), ORCH_TEXT("\xc3\xa4"), ORCH_TEXT("a/b"), ORCH_TEXT("a\0b"),
		ORCH_TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") };
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("Visa");
	struct orch_stored_rule saved;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rule.rule.id = bad[i];
		assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
		assert_non_null(strstr(w->problem, "cannot be the id of a rule"));
	}
	rule.rule.id =
		ORCH_TEXT("aZ09._-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(rule.rule.id.len, 64);
	assert_int_equal(save(w, &rule, &saved), ORCH_OK);
}

static void test_a_name_is_taken_once_of_a_tool(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("Maestro");
	struct orch_stored_rule saved, other;

	(void)add(w, "Maestro");
	assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
	assert_non_null(strstr(w->problem, "the name \"Maestro\" is taken by the rule maestro;"));
	rule.rule.id = ORCH_TEXT("given");
	assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
	assert_int_equal(count_rules(w, "", true), 1);
	rule.tool = ORCH_TEXT("keyword");
	assert_int_equal(save(w, &rule, &saved), ORCH_OK);
	other = add(w, "Visa");
	other.rule.name = ORCH_TEXT("Maestro");
	assert_int_equal(save(w, &other, &saved), ORCH_E_INVALID);
	assert_int_equal(find(w, "visa", &saved), ORCH_OK);
	assert_true(text_is(saved.rule.name, "Visa"));
}

static void test_two_rules_can_change_names_with_each_other(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rules[] = { add(w, "one"), add(w, "two") };
	struct orch_text name = rules[0].rule.name;
	struct orch_err err = { "" };

	rules[0].rule.name = rules[1].rule.name;
	rules[1].rule.name = name;
	assert_int_equal(
		orch_store_rules_save(w->store, rules, 2, BY, w->f.arena, rules, &err), ORCH_OK);
	assert_true(text_is(rules[0].rule.name, "two"));
	rules[0].rule.name = name;
	assert_int_equal(orch_store_rules_save(w->store, rules, 2, BY, w->f.arena, rules, &err),
		ORCH_E_INVALID);
}

static void test_of_many_rules_all_are_saved_or_none(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rules[] = { add(w, "one"), new_rule("two"), new_rule("one") };
	struct orch_err err = { "" };
	uint64_t before = revision(w);

	rules[0].rule.severity = ORCH_LOW;
	assert_int_equal(orch_store_rules_save(w->store, rules, 3, BY, w->f.arena, rules, &err),
		ORCH_E_INVALID);
	assert_int_equal(count_rules(w, "", true), 1);
	assert_int_equal(find(w, "one", &rules[0]), ORCH_OK);
	assert_int_equal(rules[0].rule.severity, ORCH_HIGH);
	assert_int_equal(revision(w), before);
	rules[2] = new_rule("three");
	assert_int_equal(
		orch_store_rules_save(w->store, rules, 3, BY, w->f.arena, rules, &err), ORCH_OK);
	assert_int_equal(count_rules(w, "", true), 3);
	assert_int_equal(rules[0].rule.version, 2);
	assert_true(revision(w) > before);
}

static void test_a_rule_that_is_changed_twice_at_once_has_both_versions(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rules[2], *versions;
	struct orch_err err = { "" };

	rules[0] = rules[1] = add(w, "one");
	rules[0].rule.expression = ORCH_TEXT("second");
	rules[1].rule.expression = ORCH_TEXT("third");
	assert_int_equal(orch_store_rules_save(w->store, rules, 2, BY, w->f.arena, rules, &err),
		ORCH_E_AGAIN);
	rules[1].rule.version = 2;
	assert_int_equal(
		orch_store_rules_save(w->store, rules, 2, BY, w->f.arena, rules, &err), ORCH_OK);
	assert_int_equal(history(w, "one", &versions), 3);
	assert_true(text_is(versions[0].rule.expression, "third"));
	assert_true(text_is(versions[1].rule.expression, "second"));
	assert_int_equal(find(w, "one", &rules[0]), ORCH_OK);
	assert_true(text_is(rules[0].rule.expression, "third"));
	assert_int_equal(rules[0].rule.version, 3);
	assert_false(rules[0].damaged || versions[0].damaged || versions[1].damaged);
}

/* From a time when that was not looked at. */
static void test_rules_that_had_one_name_already_can_be_changed(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = add(w, "Maestro"), other = add(w, "Visa");
	struct orch_err err = { "" };

	/* From before names were taken once, and rows had seals. */
	poke_store(w,
		"UPDATE rule SET name = 'Maestro' WHERE id = 'visa';"
		"INSERT INTO to_seal VALUES (1)");
	reopen_store(w);
	other.rule.name = ORCH_TEXT("Maestro");
	other.rule.severity = ORCH_LOW;
	assert_int_equal(save(w, &other, &other), ORCH_OK);
	assert_int_equal(save(w, &rule, &rule), ORCH_OK);
	assert_int_equal(orch_store_rule_remove(w->store, rule.rule.id, BY, &err), ORCH_OK);
	assert_int_equal(find(w, "maestro", &rule), ORCH_OK);
	assert_int_equal(save(w, &rule, &rule), ORCH_E_INVALID); /* back again */
}

static void test_a_given_id_is_kept_and_taken_once(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("Visa");
	struct orch_stored_rule saved;

	rule.rule.id = ORCH_TEXT("card.visa");
	assert_int_equal(save(w, &rule, &saved), ORCH_OK);
	assert_true(text_is(saved.rule.id, "card.visa"));
	assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
	assert_non_null(strstr(w->problem, "card.visa"));
}

static void test_a_change_needs_the_latest_version(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule first = add(w, "Maestro");
	struct orch_stored_rule mine = first;
	struct orch_stored_rule theirs = first;
	struct orch_stored_rule saved;

	mine.rule.expression = ORCH_TEXT("mine");
	theirs.rule.expression = ORCH_TEXT("theirs");
	assert_int_equal(save(w, &mine, &saved), ORCH_OK);
	assert_int_equal(saved.rule.version, 2);
	assert_int_equal(save(w, &theirs, &saved), ORCH_E_AGAIN);
	assert_int_equal(find(w, "maestro", &saved), ORCH_OK);
	assert_true(text_is(saved.rule.expression, "mine"));
	theirs.rule.version = 2;
	assert_int_equal(save(w, &theirs, &saved), ORCH_OK);
	assert_int_equal(saved.rule.version, 3);
	theirs.rule.id = ORCH_TEXT("unknown");
	assert_int_equal(save(w, &theirs, &saved), ORCH_E_INVALID);
}

static void test_every_version_stays_in_the_history(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = add(w, "Maestro");
	struct orch_stored_rule *versions;
	struct orch_err err;

	rule.rule.expression = ORCH_TEXT("second");
	assert_int_equal(
		orch_store_rule_save(w->store, &rule, ORCH_TEXT("bob"), w->f.arena, &rule, &err),
		ORCH_OK);
	assert_int_equal(
		orch_store_rule_remove(w->store, rule.rule.id, ORCH_TEXT("carol"), &err), ORCH_OK);
	assert_int_equal(history(w, "maestro", &versions), 3);
	assert_int_equal(versions[0].rule.version, 3);
	assert_true(versions[0].removed);
	assert_true(text_is(versions[0].changed_by, "carol"));
	assert_true(text_is(versions[1].rule.expression, "second"));
	assert_true(text_is(versions[1].changed_by, "bob"));
	assert_true(text_is(versions[2].rule.expression, "6759\\d+"));
	assert_true(text_is(versions[2].created_by, "alice"));
	assert_int_equal(history(w, "unknown", &versions), 0);
}

static void test_a_removed_rule_is_out_of_the_way_and_can_come_back(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = add(w, "Maestro");
	struct orch_err err;

	assert_int_equal(orch_store_rule_remove(w->store, rule.rule.id, BY, &err), ORCH_OK);
	assert_int_equal(orch_store_rule_remove(w->store, rule.rule.id, BY, &err), ORCH_E_INVALID);
	assert_int_equal(count_rules(w, "", false), 0);
	assert_int_equal(count_rules(w, "", true), 1);
	assert_int_equal(find(w, "Maestro", &rule), ORCH_E_INVALID);
	assert_true(text_is(add(w, "Maestro").rule.id, "maestro-2"));
	assert_int_equal(find(w, "maestro", &rule), ORCH_OK);
	assert_true(rule.removed);
	assert_int_equal(save(w, &rule, &rule), ORCH_E_INVALID); /* its name has gone to another */
	rule.rule.name = ORCH_TEXT("Maestro EU");
	assert_int_equal(save(w, &rule, &rule), ORCH_OK);
	assert_false(rule.removed);
	assert_int_equal(count_rules(w, "", false), 2);
}

static void test_a_name_finds_a_rule_if_it_is_the_only_one(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule other = new_rule("Maestro"), rule;

	(void)add(w, "Maestro");
	assert_int_equal(find(w, "Maestro", &rule), ORCH_OK);
	other.tool = ORCH_TEXT("keyword");
	assert_int_equal(save(w, &other, &rule), ORCH_OK);
	assert_int_equal(find(w, "Maestro", &rule), ORCH_E_INVALID);
	assert_non_null(strstr(w->problem, "2 rules"));
	assert_int_equal(find(w, "maestro-2", &rule), ORCH_OK);
	assert_int_equal(find(w, "nothing", &rule), ORCH_E_INVALID);
	assert_non_null(strstr(w->problem, "there is no rule \"nothing\""));
}

static void test_rules_come_in_the_order_of_creation_by_tool(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("zzz");
	struct orch_stored_rule *rules;
	struct orch_err err;
	size_t count = 0;
	char name[16];

	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(name, sizeof(name), "r%u", 999 - i);
		(void)add(w, name);
	}
	rule.tool = ORCH_TEXT("keyword");
	assert_int_equal(save(w, &rule, &rule), ORCH_OK);
	assert_int_equal(count_rules(w, "keyword", false), 1);
	assert_int_equal(count_rules(w, "dlp", false), 150);
	assert_int_equal(
		orch_store_rules(w->store, ORCH_TEXT_NONE, false, w->f.arena, &rules, &count, &err),
		ORCH_OK);
	assert_int_equal(count, 151);
	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(name, sizeof(name), "r%u", 999 - i);
		assert_true(text_is(rules[i].rule.name, name));
	}
}

static void test_what_is_no_rule_is_refused(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("");
	struct orch_stored_rule saved;
	char *large = calloc(1, 70000);

	assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
	rule = new_rule("x");
	rule.tool = ORCH_TEXT_NONE;
	assert_int_equal(save(w, &rule, &saved), ORCH_E_INVALID);
	rule = new_rule("x");
	rule.rule.expression = (struct orch_text){ large, 70000 };
	assert_int_equal(save(w, &rule, &saved), ORCH_E_LIMIT);
	assert_int_equal(count_rules(w, "", true), 0);
	free(large);
}

static void on_change(void *arg)
{
	counter_add(arg);
}

struct watching {
	struct orch_store *store;
	struct orch_store_watch *watch;
};

static void begin_watch(void *arg)
{
	const struct watching *watching = arg;

	assert_int_equal(orch_store_watch_add(watching->store, watching->watch), ORCH_OK);
}

static void end_watch(void *arg)
{
	const struct watching *watching = arg;

	orch_store_watch_remove(watching->store, watching->watch);
}

static void test_a_change_of_rules_is_told_wherever_it_was_made(void **state)
{
	struct world *w = *state;
	struct counter changed = COUNTER_INIT;
	struct orch_store_watch watch = {
		.lane = w->f.lane, .changed = on_change, .arg = &changed
	};
	struct world other = *w;
	struct orch_stored_rule rule;
	uint64_t before = revision(w);

	struct watching watching = { w->store, &watch };

	on_lane(w->f.lane, begin_watch, &watching);
	counter_await(&changed, 1);
	rule = add(w, "Maestro");
	counter_await(&changed, 2);
	w->engine->open(&other);
	assert_int_equal(save(&other, &rule, &rule), ORCH_OK);
	counter_await(&changed, 3);
	w->engine->close(&other);
	assert_int_equal(revision(w), before + 2);
	on_lane(w->f.lane, end_watch, &watching);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_a_rule_is_kept_whole),
		ON_BOTH(test_ids_are_derived_from_names_and_unique),
		ON_BOTH(test_a_given_id_is_kept_and_taken_once),
		ON_BOTH(test_a_new_id_is_safe_everywhere),
		ON_BOTH(test_a_name_is_taken_once_of_a_tool),
		ON_BOTH(test_of_many_rules_all_are_saved_or_none),
		ON_BOTH(test_a_rule_that_is_changed_twice_at_once_has_both_versions),
		ON_BOTH(test_two_rules_can_change_names_with_each_other),
		ON_SQLITE(test_rules_that_had_one_name_already_can_be_changed),
		ON_BOTH(test_a_change_needs_the_latest_version),
		ON_BOTH(test_every_version_stays_in_the_history),
		ON_BOTH(test_a_removed_rule_is_out_of_the_way_and_can_come_back),
		ON_BOTH(test_a_name_finds_a_rule_if_it_is_the_only_one),
		ON_BOTH(test_rules_come_in_the_order_of_creation_by_tool),
		ON_BOTH(test_what_is_no_rule_is_refused),
		ON_BOTH(test_a_change_of_rules_is_told_wherever_it_was_made),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
