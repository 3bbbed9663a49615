/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that somebody else than us has changed, one column at a time: told as damaged, never as true. */
#include "unit/store/world.h"

static struct orch_stored_rule live_rule(const char *name)
{
	struct orch_stored_rule rule = new_rule(name);

	rule.state = ORCH_RULE_LIVE;
	return rule;
}

static struct orch_stored_rule save(struct world *w, struct orch_stored_rule rule)
{
	struct orch_err err = { "" };

	if (orch_store_rule_save(w->store, &rule, BY, w->f.arena, &rule, &err) < 0)
		fail_msg("%s", err.text);
	return rule;
}

static struct orch_stored_rule *rules(struct world *w, const char *tool, size_t *ret_count)
{
	struct orch_stored_rule *found;
	struct orch_err err = { "" };

	if (orch_store_rules(
		    w->store, orch_text_from(tool), false, w->f.arena, &found, ret_count, &err) < 0)
		fail_msg("%s", err.text);
	return found;
}

static struct orch_stored_rule *versions(struct world *w, size_t *ret_count)
{
	struct orch_stored_rule *found;
	struct orch_err err = { "" };

	if (orch_store_rule_history(
		    w->store, ORCH_TEXT("one"), w->f.arena, &found, ret_count, &err) < 0)
		fail_msg("%s", err.text);
	return found;
}

static const char *const rule_changes[] = {
	"state = 1",
	"state = 9",
	"state = -1",
	"expression = '5[0-9]{15}'",
	"tool = 'elp'",
	"removed = 4",
	"severity = 2",
	"severity = 11",
	"options = 'z}'",
	"name = 'uno'",
	"description = 'x'",
	"version = 3",
	"matches = '[\"x\"]'",
	"no_matches = '[\"x\"]'",
	"created_by = 'mallory'",
	"changed_by = 'mallory'",
	"created = 5",
	"changed = 5",
	"seal = NULL",
	"seal = zeroblob(40)",
	"id = 'oneone'",
};

static void test_a_rule_with_any_column_changed_is_damaged_and_no_other(void **state)
{
	struct world *w = *state;
	char sql[160];

	(void)save(w, live_rule("one"));
	(void)save(w, live_rule("two"));
	poke_store(w, "CREATE TABLE kept AS SELECT * FROM rule");
	for (size_t i = 0; i < sizeof(rule_changes) / sizeof(rule_changes[0]); i++) {
		struct orch_stored_rule *found;
		size_t count;

		(void)snprintf(
			sql, sizeof(sql), "UPDATE rule SET %s WHERE id = 'one'", rule_changes[i]);
		poke_store(w, sql);
		found = rules(w, "dlp", &count);
		assert_int_equal(count, 2);
		if (!found[0].damaged || found[0].state != ORCH_RULE_OFF)
			fail_msg("not told: %s", rule_changes[i]);
		assert_false(found[1].damaged);
		poke_store(w, "DELETE FROM rule; INSERT INTO rule SELECT * FROM kept");
		assert_false(rules(w, "dlp", &count)[0].damaged);
	}
}

static void test_a_damaged_version_is_told_in_the_history(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule *found;
	size_t count;

	(void)save(w, save(w, live_rule("one")));
	poke_store(w, "UPDATE rule_history SET expression = 'x' WHERE version = 1");
	found = versions(w, &count);
	assert_int_equal(count, 2);
	assert_false(found[0].damaged);
	assert_true(found[1].damaged);
}

static void test_a_seal_fits_its_own_row_only(void **state)
{
	struct world *w = *state;
	size_t count;

	(void)save(w, live_rule("one"));
	(void)save(w, live_rule("two"));
	poke_store(w, "UPDATE rule SET seal = (SELECT seal FROM rule WHERE id = 'two')");
	assert_true(rules(w, "", &count)[0].damaged);
	assert_false(rules(w, "", &count)[1].damaged);
}

static void test_a_damaged_rule_is_written_anew_whatever_its_version_is(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = save(w, live_rule("one"));
	struct orch_stored_rule *found;
	size_t count;

	poke_store(w, "UPDATE rule SET version = 70000000000, created_by = 'mallory'");
	rule = save(w, rule);
	assert_int_equal(rule.rule.version, 2);
	found = rules(w, "dlp", &count);
	assert_int_equal(count, 1);
	assert_false(found[0].damaged);
	assert_true(text_is(found[0].created_by, "alice"));
	assert_int_equal(save(w, rule).rule.version, 3);
	(void)versions(w, &count);
	assert_int_equal(count, 3);
}

static void test_a_rule_whose_id_was_changed_can_be_added_again(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = live_rule("one");
	struct orch_err err = { "" };
	size_t count;

	(void)save(w, rule);
	poke_store(w, "UPDATE rule SET id = 'ooo'");
	rule.rule.id = ORCH_TEXT("one");
	assert_int_equal(save(w, rule).rule.version, 2);
	assert_int_equal(orch_store_rule_remove(w->store, ORCH_TEXT("ooo"), BY, &err), ORCH_OK);
	assert_false(rules(w, "", &count)[0].damaged);
	assert_int_equal(count, 1);
	assert_int_equal(
		orch_store_rule_remove(w->store, ORCH_TEXT("ooo"), BY, &err), ORCH_E_INVALID);
}

static void test_a_version_that_has_rotted_is_no_obstacle(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = save(w, live_rule("one"));
	struct orch_stored_rule *found;
	size_t count;

	poke_store(w, "UPDATE rule_history SET version = 2");
	rule = save(w, rule);
	assert_int_equal(rule.rule.version, 2);
	found = versions(w, &count);
	assert_int_equal(count, 1);
	assert_false(found[0].damaged);
}

/* Events. */

static void write_event(struct world *w, const char *id)
{
	struct orch_stored_finding findings[2] = {
		{ .finding = { .size = sizeof(struct orch_finding),
			  .severity = ORCH_HIGH,
			  .confidence = 90,
			  .rule = ORCH_TEXT("visa"),
			  .rule_name = ORCH_TEXT("Visa"),
			  .title = ORCH_TEXT("a card"),
			  .advice = ORCH_TEXT_NONE,
			  .length = 16,
			  .detail = ORCH_TEXT("{}"),
			  .tool = ORCH_TEXT("dlp") },
			.expression = ORCH_TEXT("4"),
			.part_name = ORCH_TEXT("text"),
			.excerpt = ORCH_TEXT("47") },
	};
	struct orch_stored_event event = { .id = orch_text_from(id),
		.pipeline = ORCH_TEXT("p"),
		.trace = ORCH_TEXT("t"),
		.source = ORCH_TEXT("slack"),
		.type = ORCH_TEXT("message"),
		.tenant = ORCH_TEXT("T1"),
		.actor = ORCH_TEXT("U1"),
		.time_ms = 1700000000000,
		.verdict = ORCH_BLOCK,
		.inspection_note = ORCH_TEXT_NONE,
		.enforced = true,
		.content = ORCH_TEXT("{}"),
		.findings = findings,
		.finding_count = 2 };
	struct orch_store_op op = { .kind = ORCH_STORE_EVENT, .event = &event };

	findings[1] = findings[0];
	if (do_op(w, &op) < 0)
		fail_msg("%s", w->problem);
}

/* Oldest last. */
static struct orch_stored_event *events(struct world *w, size_t count)
{
	struct orch_event_filter filter = { .id = ORCH_TEXT_NONE,
		.rule = ORCH_TEXT_NONE,
		.pipeline = ORCH_TEXT_NONE,
		.verdict = -1 };
	struct orch_stored_event *found;
	struct orch_err err = { "" };
	size_t seen = 0;

	if (orch_store_events(w->store, &filter, w->f.arena, &found, &seen, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(seen, count);
	return found;
}

static const char *const event_changes[] = {
	"id = 'e9'",
	"pipeline = 'q'",
	"trace = 'x'",
	"source = 'x'",
	"type = 'x'",
	"tenant = 'x'",
	"actor = 'Uother'",
	"time = 5",
	"stored = 5",
	"verdict = 0",
	"verdict = 77",
	"verdict = -1",
	"inspection = 1",
	"inspection = 1000",
	"inspection_note = 'all is well'",
	"enforced = 0",
	"findings = 1",
	"seal = NULL",
};

static void test_an_event_with_any_column_changed_is_damaged_and_no_other(void **state)
{
	struct world *w = *state;
	char sql[160];

	write_event(w, "e1");
	write_event(w, "e2");
	poke_store(w, "CREATE TABLE kept AS SELECT * FROM event");
	for (size_t i = 0; i < sizeof(event_changes) / sizeof(event_changes[0]); i++) {
		struct orch_stored_event *found;

		(void)snprintf(
			sql, sizeof(sql), "UPDATE event SET %s WHERE id = 'e1'", event_changes[i]);
		poke_store(w, sql);
		found = events(w, 2);
		if (!found[1].damaged)
			fail_msg("not told: %s", event_changes[i]);
		assert_non_null(strstr(found[1].inspection_note.ptr, "damaged"));
		assert_in_range(found[1].verdict, ORCH_PASS, ORCH_BLOCK);
		assert_in_range(found[1].inspection, ORCH_INSPECTED, ORCH_UNINSPECTED);
		assert_false(found[0].damaged);
		poke_store(w, "DELETE FROM event; INSERT INTO event SELECT * FROM kept");
		assert_false(events(w, 2)[1].damaged);
	}
}

static const char *const finding_changes[] = {
	"number = 1",
	"tool = 'x'",
	"rule = 'iban'",
	"rule_name = 'x'",
	"rule_version = 9",
	"expression = 'x'",
	"severity = 1",
	"confidence = 1",
	"title = 'x'",
	"advice = 'x'",
	"part = 7",
	"part_name = 'x'",
	"start = 1",
	"length = 1",
	"excerpt = 'x'",
	"shadow = 1",
	"seal = NULL",
};

static void test_a_finding_with_any_column_changed_is_damaged_and_no_other(void **state)
{
	struct world *w = *state;
	char sql[160];

	write_event(w, "e1");
	poke_store(w, "CREATE TABLE kept AS SELECT * FROM finding");
	for (size_t i = 0; i < sizeof(finding_changes) / sizeof(finding_changes[0]); i++) {
		struct orch_stored_event *found;
		size_t damaged = 0;

		(void)snprintf(sql, sizeof(sql), "UPDATE finding SET %s WHERE number = 0",
			finding_changes[i]);
		poke_store(w, sql);
		found = events(w, 1);
		assert_int_equal(found->finding_count, 2);
		for (size_t f = 0; f < 2; f++)
			damaged += found->findings[f].damaged;
		if (damaged != 1)
			fail_msg("not told: %s", finding_changes[i]);
		assert_false(found->damaged);
		poke_store(w, "DELETE FROM finding; INSERT INTO finding SELECT * FROM kept");
	}
}

static void test_a_finding_that_moved_is_missed_here_and_damaged_there(void **state)
{
	struct world *w = *state;
	struct orch_stored_event *found;

	write_event(w, "e1");
	write_event(w, "e2");
	poke_store(w, "UPDATE finding SET event = 2 WHERE event = 1 AND number = 1");
	found = events(w, 2);
	assert_true(found[1].damaged);
	assert_int_equal(found[1].finding_count, 1);
	assert_true(found[0].damaged);
	assert_int_equal(found[0].finding_count, 3);
}

static void write_result(struct world *w, const char *key, const char *outcome)
{
	struct orch_stored_result r = { .event_id = ORCH_TEXT("e1"),
		.pipeline = ORCH_TEXT("p"),
		.action = ORCH_TEXT("block"),
		.key = orch_text_from(key),
		.record_id = ORCH_TEXT_NONE,
		.state = ORCH_TEXT("done"),
		.outcome = orch_text_from(outcome),
		.detail = ORCH_TEXT("in a sentence"),
		.attempts = 2,
		.at_ms = 1700000002000,
		.time_ms = 1700000000000 };
	struct orch_store_op op = { .kind = ORCH_STORE_RESULT, .results = &r, .result_count = 1 };

	assert_int_equal(do_op(w, &op), ORCH_OK);
}

/* Those of e1: two. */
static const struct orch_stored_result *results(struct world *w)
{
	struct orch_stored_result *found;
	struct orch_err err = { "" };
	size_t count;

	assert_int_equal(
		orch_store_results(w->store, ORCH_TEXT("e1"), w->f.arena, &found, &count, &err),
		ORCH_OK);
	assert_int_equal(count, 2);
	return found;
}

static const char *const result_changes[] = {
	"key = 'k0'",
	"pipeline = 'a'",
	"action = 'a'",
	"record_id = 'x'",
	"state = 'would'",
	"outcome = 'cannot_block'",
	"detail = 'forged'",
	"attempts = 1",
	"at = 5",
	"time = 5",
	"seal = NULL",
	"seal = (SELECT seal FROM result WHERE key = 'k2')",
};

static void test_a_result_with_any_column_changed_is_damaged_and_no_other(void **state)
{
	struct world *w = *state;
	const struct orch_stored_result *found;
	char sql[160];

	write_result(w, "k1", "deleted");
	write_result(w, "k2", "deleted");
	assert_false(results(w)[0].damaged || results(w)[1].damaged);
	poke_store(w, "CREATE TABLE kept AS SELECT * FROM result");
	for (size_t i = 0; i < sizeof(result_changes) / sizeof(result_changes[0]); i++) {
		(void)snprintf(sql, sizeof(sql), "UPDATE result SET %s WHERE key = 'k1'",
			result_changes[i]);
		poke_store(w, sql);
		found = results(w);
		for (size_t k = 0; k < 2; k++)
			if (found[k].damaged == text_is(found[k].key, "k2"))
				fail_msg("not told: %s", result_changes[i]);
		poke_store(w, "DELETE FROM result; INSERT INTO result SELECT * FROM kept");
	}
	poke_store(w, "UPDATE result SET outcome = 'forged' WHERE key = 'k1'");
	write_result(w, "k1", "updated");
	assert_false(results(w)[0].damaged);
	assert_true(text_is(results(w)[0].outcome, "updated"));
}

static void test_results_that_are_older_than_seals_get_theirs_and_nothing_else(void **state)
{
	struct world *w = *state;
	size_t count;

	(void)save(w, live_rule("one"));
	write_result(w, "k1", "deleted");
	write_result(w, "k2", "deleted");
	poke_store(w,
		"UPDATE rule SET seal = NULL; UPDATE result SET seal = NULL;"
		"INSERT INTO to_seal VALUES (2)");
	reopen_store(w);
	assert_false(results(w)[0].damaged || results(w)[1].damaged);
	assert_true(rules(w, "", &count)[0].damaged);
	poke_store(w, "UPDATE result SET seal = NULL WHERE key = 'k1'");
	reopen_store(w);
	assert_true(results(w)[0].damaged);
}

static void test_rows_that_are_older_than_seals_get_theirs_once(void **state)
{
	struct world *w = *state;
	size_t count;

	(void)save(w, live_rule("one"));
	write_event(w, "e1");
	poke_store(w,
		"UPDATE rule SET seal = NULL; UPDATE rule_history SET seal = NULL;"
		"UPDATE event SET seal = NULL; UPDATE finding SET seal = NULL;"
		"INSERT INTO to_seal VALUES (1)");
	reopen_store(w);
	assert_false(rules(w, "", &count)[0].damaged);
	assert_false(versions(w, &count)[0].damaged);
	assert_false(events(w, 1)->damaged);
	assert_false(events(w, 1)->findings[1].damaged);
	poke_store(w, "UPDATE rule SET seal = NULL");
	reopen_store(w);
	assert_true(rules(w, "", &count)[0].damaged);
}

static void test_without_its_key_it_reads_what_it_is_told_and_writes_nothing(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = save(w, live_rule("one"));
	struct orch_secret *key = w->f.key;
	struct orch_err err = { "" };
	size_t count;

	w->f.key = NULL;
	reopen_store(w);
	assert_false(rules(w, "", &count)[0].damaged);
	assert_true(orch_store_rule_save(w->store, &rule, BY, w->f.arena, &rule, &err) < 0);
	assert_non_null(strstr(err.text, "without its key"));
	w->f.key = key;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_a_rule_with_any_column_changed_is_damaged_and_no_other),
		ON_BOTH(test_a_damaged_version_is_told_in_the_history),
		ON_BOTH(test_a_seal_fits_its_own_row_only),
		ON_BOTH(test_a_damaged_rule_is_written_anew_whatever_its_version_is),
		ON_BOTH(test_a_rule_whose_id_was_changed_can_be_added_again),
		ON_BOTH(test_a_version_that_has_rotted_is_no_obstacle),
		ON_BOTH(test_an_event_with_any_column_changed_is_damaged_and_no_other),
		ON_BOTH(test_a_finding_with_any_column_changed_is_damaged_and_no_other),
		ON_BOTH(test_a_finding_that_moved_is_missed_here_and_damaged_there),
		ON_BOTH(test_a_result_with_any_column_changed_is_damaged_and_no_other),
		ON_SQLITE(test_results_that_are_older_than_seals_get_theirs_and_nothing_else),
		ON_SQLITE(test_rows_that_are_older_than_seals_get_theirs_once),
		ON_BOTH(test_without_its_key_it_reads_what_it_is_told_and_writes_nothing),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
