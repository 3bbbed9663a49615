/* SPDX-License-Identifier: Apache-2.0 */
/* What became of events: written once, found again, sealed at rest. */
#include "unit/store/world.h"

#define CONTENT "{\"text\":\"my card is 6759649826438453\"}"

static const struct orch_field fields[] = {
	{ { "slack.channel", 13 }, { "C0123", 5 } },
	{ { "user", 4 }, { "Grace \"Hopper\"", 14 } },
	{ { "user", 4 }, { "", 0 } },
};

static struct orch_stored_finding finding(const char *rule, const char *name)
{
	return (struct orch_stored_finding){ .finding = { .size = sizeof(struct orch_finding),
						     .severity = ORCH_HIGH,
						     .confidence = 90,
						     .rule = orch_text_from(rule),
						     .rule_name = orch_text_from(name),
						     .title = ORCH_TEXT("a card"),
						     .advice = ORCH_TEXT("remove it"),
						     .part = UINT32_MAX,
						     .start = 11,
						     .length = 16,
						     .detail = ORCH_TEXT("{\"found\":\"6759\"}"),
						     .tool = ORCH_TEXT("dlp") },
		.rule_version = 3,
		.expression = ORCH_TEXT("6759\\d+"),
		.part_name = ORCH_TEXT("text"),
		.excerpt = ORCH_TEXT("6759\xe2\x80\xa6"
				     "53"),
		.shadow = true };
}

static struct orch_stored_event event(const char *id)
{
	return (struct orch_stored_event){ .id = orch_text_from(id),
		.trace = ORCH_TEXT("trace"),
		.source = ORCH_TEXT("slack"),
		.pipeline = ORCH_TEXT("slack-dlp"),
		.type = ORCH_TEXT("slack.message"),
		.tenant = ORCH_TEXT("T1"),
		.actor = ORCH_TEXT("U1"),
		.time_ms = 1700000000000,
		.stored_ms = 1700000001000,
		.verdict = ORCH_BLOCK,
		.inspection = ORCH_INSPECTED_PARTLY,
		.inspection_note = ORCH_TEXT("file:F1: too large"),
		.enforced = true,
		.content = ORCH_TEXT(CONTENT),
		.fields = fields,
		.field_count = 3 };
}

static struct orch_stored_result result(const char *key, const char *state)
{
	return (struct orch_stored_result){ .event_id = ORCH_TEXT("e1"),
		.pipeline = ORCH_TEXT("slack-dlp"),
		.action = ORCH_TEXT("block"),
		.key = orch_text_from(key),
		.record_id = ORCH_TEXT_NONE,
		.state = orch_text_from(state),
		.outcome = orch_text_from(state),
		.detail = ORCH_TEXT("in a sentence"),
		.attempts = 2,
		.at_ms = 1700000002000 };
}

static int write_event(struct world *w, const struct orch_stored_event *e)
{
	struct orch_store_op op = { .kind = ORCH_STORE_EVENT, .event = e };

	return do_op(w, &op);
}

static void write_result(struct world *w, const char *key, const char *state)
{
	struct orch_stored_result r = result(key, state);
	struct orch_store_op op = { .kind = ORCH_STORE_RESULT, .results = &r, .result_count = 1 };

	assert_int_equal(do_op(w, &op), ORCH_OK);
}

#define ANY                                                                              \
	{                                                                                \
		.id = { "", 0 }, .rule = { "", 0 }, .pipeline = { "", 0 }, .verdict = -1 \
	}

static int find(struct world *w, const struct orch_event_filter *filter,
	struct orch_stored_event **ret_events, size_t *ret_count)
{
	struct orch_err err = { "" };

	return check(w,
		orch_store_events(w->store, filter, w->f.arena, ret_events, ret_count, &err), &err);
}

/* The ids found, one behind the other. */
static void assert_found(struct world *w, struct orch_event_filter filter, const char *ids)
{
	struct orch_stored_event *events;
	char found[256] = "";
	size_t len = 0;
	size_t count = 0;

	if (find(w, &filter, &events, &count) < 0)
		fail_msg("%s", w->problem);
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(
			found + len, sizeof(found) - len, "%s%s", i ? " " : "", events[i].id.ptr);
	assert_string_equal(found, ids);
}

static void test_an_event_is_kept_whole(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding findings[] = { finding("maestro", "Maestro"),
		finding("iban", "IBAN") };
	struct orch_stored_event e = event("e1");
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0;

	e.findings = findings;
	e.finding_count = 2;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	reopen_store(w);
	filter.with_content = true;
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	assert_int_equal(count, 1);
	assert_true(text_is(events[0].id, "e1"));
	assert_true(text_is(events[0].trace, "trace"));
	assert_true(text_is(events[0].source, "slack"));
	assert_true(text_is(events[0].pipeline, "slack-dlp"));
	assert_true(text_is(events[0].type, "slack.message"));
	assert_true(text_is(events[0].tenant, "T1"));
	assert_true(text_is(events[0].actor, "U1"));
	assert_int_equal(events[0].time_ms, 1700000000000);
	assert_int_equal(events[0].stored_ms, 1700000001000);
	assert_int_equal(events[0].verdict, ORCH_BLOCK);
	assert_int_equal(events[0].inspection, ORCH_INSPECTED_PARTLY);
	assert_true(text_is(events[0].inspection_note, "file:F1: too large"));
	assert_true(events[0].enforced);
	assert_true(text_is(events[0].content, CONTENT));
	assert_int_equal(events[0].field_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(orch_text_equal(events[0].fields[i].name, fields[i].name));
		assert_true(orch_text_equal(events[0].fields[i].value, fields[i].value));
	}
	assert_int_equal(events[0].finding_count, 2);
	assert_true(text_is(events[0].findings[1].finding.rule, "iban"));
}

static void test_a_finding_is_kept_as_its_rule_stood(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding one = finding("maestro", "Maestro");
	struct orch_stored_event e = event("e1");
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	const struct orch_stored_finding *is;
	size_t count = 0;

	e.findings = &one;
	e.finding_count = 1;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	filter.with_content = true;
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	is = &events[0].findings[0];
	assert_int_equal(is->finding.severity, ORCH_HIGH);
	assert_int_equal(is->finding.confidence, 90);
	assert_true(text_is(is->finding.rule, "maestro"));
	assert_true(text_is(is->finding.rule_name, "Maestro"));
	assert_true(text_is(is->finding.title, "a card"));
	assert_true(text_is(is->finding.advice, "remove it"));
	assert_true(text_is(is->finding.tool, "dlp"));
	assert_true(text_is(is->finding.detail, "{\"found\":\"6759\"}"));
	assert_true(is->finding.part == UINT32_MAX);
	assert_int_equal(is->finding.start, 11);
	assert_int_equal(is->finding.length, 16);
	assert_int_equal(is->rule_version, 3);
	assert_true(text_is(is->expression, "6759\\d+"));
	assert_true(text_is(is->part_name, "text"));
	assert_true(orch_text_equal(is->excerpt, one.excerpt));
	assert_true(is->shadow);
}

static void test_content_is_given_only_on_request(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding one = finding("maestro", "Maestro");
	struct orch_stored_event e = event("e1");
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0;

	e.findings = &one;
	e.finding_count = 1;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	assert_int_equal(events[0].content.len, 0);
	assert_int_equal(events[0].findings[0].finding.detail.len, 0);
	assert_int_equal(events[0].field_count, 3);
}

static void test_what_was_said_is_not_readable_at_rest(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding one = finding("maestro", "Maestro");
	struct orch_stored_event e = event("e1");

	e.findings = &one;
	e.finding_count = 1;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	assert_true(w->engine->has_in_files(w, "slack-dlp"));
	assert_false(w->engine->has_in_files(w, "6759649826438453"));
	assert_false(w->engine->has_in_files(w, "my card"));
	assert_false(w->engine->has_in_files(w, "Hopper"));
	assert_false(w->engine->has_in_files(w, "{\"found\""));
}

static void test_a_repeat_of_an_event_changes_nothing(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding findings[] = { finding("a", "A"), finding("b", "B") };
	struct orch_stored_event e = event("e1");
	struct orch_event_filter filter = ANY;

	e.findings = findings;
	e.finding_count = 1;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	e.finding_count = 2;
	e.verdict = ORCH_PASS;
	assert_int_equal(write_event(w, &e), ORCH_OK);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM finding"), 1);
	assert_int_equal(ask_store(w, "SELECT verdict FROM event"), ORCH_BLOCK);
	e.pipeline = ORCH_TEXT("other");
	assert_int_equal(write_event(w, &e), ORCH_OK);
	filter.id = ORCH_TEXT("e1");
	assert_found(w, filter, "e1 e1");
}

/* As a line: each event with the rules of its findings. */
static void describe(struct world *w, char *text, size_t size)
{
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0, len = 0;

	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	for (size_t i = count; i-- > 0;) {
		len += (size_t)snprintf(
			text + len, size - len, "%s%s:", len ? " " : "", events[i].id.ptr);
		for (size_t k = 0; k < events[i].finding_count; k++)
			len += (size_t)snprintf(text + len, size - len, "%s",
				events[i].findings[k].finding.rule.ptr);
	}
}

static struct orch_stored_event event_with(
	const char *id, struct orch_stored_finding *findings, size_t count)
{
	struct orch_stored_event e = event(id);

	e.findings = findings;
	e.finding_count = count;
	return e;
}

static void test_events_written_together_keep_their_own(void **state)
{
	static char large[200 * 1000];
	struct world *w = *state;
	struct orch_stored_finding a = finding("a", "A"), b = finding("b", "B");
	struct orch_stored_finding both[] = { a, b };
	struct orch_stored_event events[] = { event("e1"), event_with("e2", &b, 1),
		event_with("e3", both, 2), event_with("e2", &a, 1), event_with("e4", &a, 1) };
	struct orch_store_op ops[5] = { { .kind = ORCH_STORE_EVENT } };
	struct counter counter = COUNTER_INIT;
	char text[256] = "";

	events[4].content = (struct orch_text){ large, sizeof(large) };
	for (size_t i = 0; i < 5; i++)
		ops[i] = (struct orch_store_op){ .kind = ORCH_STORE_EVENT, .event = &events[i] };
	begin_ops(w, ops, 5, &counter);
	counter_await(&counter, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ops[i].code, ORCH_OK);
	describe(w, text, sizeof(text));
	assert_string_equal(text, "e1: e2:b e3:ab e4:a");
	assert_int_equal(ask_store(w, "SELECT count(*) FROM finding"), 4);
}

static void test_events_and_results_written_together_agree(void **state)
{
	struct world *w = *state;
	struct orch_stored_event e = event("e1"), other = event("e2");
	struct orch_stored_result open = result("k1", "pending"), done = result("k1", "done");
	struct orch_store_op ops[] = {
		{ .kind = ORCH_STORE_EVENT, .event = &e, .results = &open, .result_count = 1 },
		{ .kind = ORCH_STORE_RESULT, .results = &done, .result_count = 1 },
		{ .kind = ORCH_STORE_EVENT, .event = &other, .results = &open, .result_count = 1 },
	};
	struct counter counter = COUNTER_INIT;

	begin_ops(w, ops, 3, &counter);
	counter_await(&counter, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ops[i].code, ORCH_OK);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM event"), 2);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM result"), 1);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM result WHERE state <> 'pending'"), 1);
}

static void make_events(struct world *w)
{
	static const char *const ids[] = { "aa1", "aa2", "aa22", "b1", "b2" };
	struct orch_stored_finding maestro = finding("maestro", "Card");
	struct orch_stored_finding iban = finding("iban", "IBAN");

	for (size_t i = 0; i < 5; i++) {
		struct orch_stored_event e = event(ids[i]);

		e.stored_ms = 1000 + i;
		e.verdict = i % 2 ? ORCH_FLAG : ORCH_BLOCK;
		e.pipeline = i < 3 ? ORCH_TEXT("one") : ORCH_TEXT("two");
		e.findings = i < 2 ? &maestro : &iban;
		e.finding_count = i < 4;
		assert_int_equal(write_event(w, &e), ORCH_OK);
	}
}

static void test_filters_narrow_what_is_found(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = ANY;

	make_events(w);
	assert_found(w, filter, "b2 b1 aa22 aa2 aa1");
	filter.pipeline = ORCH_TEXT("two");
	assert_found(w, filter, "b2 b1");
	filter.verdict = ORCH_FLAG;
	assert_found(w, filter, "b1");
	filter.pipeline = ORCH_TEXT_NONE;
	assert_found(w, filter, "b1 aa2");
	filter.verdict = -1;
	filter.rule = ORCH_TEXT("maestro");
	assert_found(w, filter, "aa2 aa1");
	filter.rule = ORCH_TEXT("IBAN");
	assert_found(w, filter, "b1 aa22");
	filter.since_ms = 1003;
	assert_found(w, filter, "b1");
	filter.rule = ORCH_TEXT("unknown");
	assert_found(w, filter, "");
}

static void test_a_unique_beginning_of_an_id_will_do(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0;

	make_events(w);
	filter.id = ORCH_TEXT("aa1");
	assert_found(w, filter, "aa1");
	filter.id = ORCH_TEXT("aa2");
	filter.limit = 1;
	assert_found(w, filter, "aa2");
	filter.id = ORCH_TEXT("aa22");
	assert_found(w, filter, "aa22");
	filter.id = ORCH_TEXT("b1x");
	assert_found(w, filter, "");
	filter.id = ORCH_TEXT("a");
	assert_int_equal(find(w, &filter, &events, &count), ORCH_E_INVALID);
	assert_non_null(strstr(w->problem, "several events begin with \"a\""));
}

static void test_pages_follow_one_another(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0;

	make_events(w);
	filter.limit = 2;
	assert_found(w, filter, "b2 b1");
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	filter.before_row = events[1].row;
	assert_found(w, filter, "aa22 aa2");
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	filter.before_row = events[1].row;
	assert_found(w, filter, "aa1");
}

static void test_damaged_content_holds_up_nothing_else(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = ANY;
	struct orch_stored_event *events;
	size_t count = 0;

	make_events(w);
	poke_store(w,
		"UPDATE event SET content = zeroblob(1) WHERE id = 'aa1';"
		"UPDATE event SET actor = 'somebody', id = 'aa3' WHERE id = 'aa2'");
	filter.with_content = true;
	assert_int_equal(find(w, &filter, &events, &count), ORCH_OK);
	assert_int_equal(count, 5);
	assert_true(text_is(events[2].content, CONTENT));
	for (size_t i = 3; i < 5; i++) {
		assert_int_equal(events[i].content.len, 0);
		assert_non_null(strstr(events[i].inspection_note.ptr, "damaged"));
	}
}

static void test_a_damaged_proof_of_the_key_locks_nobody_out(void **state)
{
	struct world *w = *state;
	struct orch_err err = { "" };

	poke_store(w, "UPDATE key_proof SET sealed = zeroblob(1) WHERE number = 1");
	reopen_store(w);
	poke_store(w, "UPDATE key_proof SET sealed = zeroblob(1) WHERE number = 2");
	assert_int_equal(w->engine->open_store(w, w->f.key, &err), ORCH_E_DENIED);
}

static struct orch_stored_result *read_results(struct world *w, size_t count)
{
	struct orch_stored_result *results;
	struct orch_err err = { "" };
	size_t found = 0;

	assert_int_equal(
		orch_store_results(w->store, ORCH_TEXT("e1"), w->f.arena, &results, &found, &err),
		ORCH_OK);
	assert_int_equal(found, count);
	return results;
}

static void test_the_latest_result_of_a_task_is_kept(void **state)
{
	struct world *w = *state;
	struct orch_stored_result r = result("k1", "pending");
	struct orch_stored_event e = event("e1");
	struct orch_store_op op = {
		.kind = ORCH_STORE_EVENT, .event = &e, .results = &r, .result_count = 1
	};
	const struct orch_stored_result *results;

	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_true(text_is(read_results(w, 1)[0].state, "pending"));
	write_result(w, "k1", "dead");
	assert_true(text_is(read_results(w, 1)[0].state, "dead"));
	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_true(text_is(read_results(w, 1)[0].state, "dead"));
	write_result(w, "k1", "done");
	write_result(w, "k1", "pending");
	write_result(w, "k2", "would");
	write_result(w, "k2", "pending");
	results = read_results(w, 2);
	assert_true(text_is(results[0].state, "done"));
	assert_true(text_is(results[1].state, "would"));
	assert_true(text_is(results[0].event_id, "e1"));
	assert_true(text_is(results[0].pipeline, "slack-dlp"));
	assert_true(text_is(results[0].action, "block"));
	assert_true(text_is(results[0].key, "k1"));
	assert_true(text_is(results[0].outcome, "done"));
	assert_true(text_is(results[0].detail, "in a sentence"));
	assert_int_equal(results[0].attempts, 2);
	assert_int_equal(results[0].at_ms, 1700000002000);
}

static void test_of_two_results_of_a_task_in_one_write_the_later_decision_counts(void **state)
{
	static const char *const states[][3] = {
		{ "pending", "done", "done" },
		{ "done", "pending", "done" },
		{ "done", "dead", "dead" },
		{ "dead", "done", "done" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct orch_stored_result r[] = { result("k", states[i][0]),
			result("k", states[i][1]) };
		struct orch_store_op op = {
			.kind = ORCH_STORE_RESULT, .results = r, .result_count = 2
		};
		const struct orch_stored_result *is;

		assert_int_equal(do_op(w, &op), ORCH_OK);
		is = read_results(w, 1);
		assert_true(text_is(is->state, states[i][2]));
		assert_false(is->damaged);
		poke_store(w, "DELETE FROM result");
	}
}

static void test_of_two_open_results_in_one_write_the_later_counts(void **state)
{
	struct world *w = *state;
	struct orch_stored_result r[] = { result("k", "pending"), result("k", "pending") };
	struct orch_store_op op = { .kind = ORCH_STORE_RESULT, .results = r, .result_count = 2 };

	r[1].attempts = 7;
	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_int_equal(read_results(w, 1)->attempts, 7);
}

static void test_many_results_are_all_given(void **state)
{
	struct world *w = *state;
	struct orch_stored_result r[100];
	struct orch_store_op op = { .kind = ORCH_STORE_RESULT, .results = r, .result_count = 100 };
	char keys[100][8];

	for (size_t i = 0; i < 100; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k%02zu", i);
		r[i] = result(keys[i], "pending");
	}
	assert_int_equal(do_op(w, &op), ORCH_OK);
	(void)read_results(w, 100);
}

static void test_a_write_joins_a_group_and_falls_with_it(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding one = finding("a", "A");
	struct orch_stored_event e = event("e1");
	struct orch_stored_result r = result("k1", "pending");
	struct orch_store_op op = {
		.kind = ORCH_STORE_EVENT, .event = &e, .results = &r, .result_count = 1
	};
	struct orch_db_group group;
	struct orch_err err;

	e.findings = &one;
	e.finding_count = 1;
	group = (struct orch_db_group){ .first = w->store->backend->as_db_op(w->store, &op) };
	group.first->next = w->engine->failing_op(w);
	assert_int_equal(w->engine->run(w, &group, &err), ORCH_E_DENIED);
	assert_int_equal(ask_store(w,
				 "SELECT (SELECT count(*) FROM event) +"
				 " (SELECT count(*) FROM finding) +"
				 " (SELECT count(*) FROM result)"),
		0);
	group.first->next = NULL;
	assert_int_equal(w->engine->run(w, &group, &err), ORCH_OK);
	assert_int_equal(ask_store(w,
				 "SELECT (SELECT count(*) FROM event) +"
				 " (SELECT count(*) FROM finding) +"
				 " (SELECT count(*) FROM result)"),
		3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_a_damaged_proof_of_the_key_locks_nobody_out),
		ON_BOTH(test_an_event_is_kept_whole),
		ON_BOTH(test_a_finding_is_kept_as_its_rule_stood),
		ON_BOTH(test_content_is_given_only_on_request),
		ON_BOTH(test_what_was_said_is_not_readable_at_rest),
		ON_BOTH(test_a_repeat_of_an_event_changes_nothing),
		ON_BOTH(test_events_written_together_keep_their_own),
		ON_BOTH(test_events_and_results_written_together_agree),
		ON_BOTH(test_filters_narrow_what_is_found),
		ON_BOTH(test_a_unique_beginning_of_an_id_will_do),
		ON_BOTH(test_pages_follow_one_another),
		ON_BOTH(test_damaged_content_holds_up_nothing_else),
		ON_BOTH(test_the_latest_result_of_a_task_is_kept),
		ON_BOTH(test_of_two_results_of_a_task_in_one_write_the_later_decision_counts),
		ON_BOTH(test_of_two_open_results_in_one_write_the_later_counts),
		ON_BOTH(test_many_results_are_all_given),
		ON_BOTH(test_a_write_joins_a_group_and_falls_with_it),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
