/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that nobody would write, and as long as they may be: kept as they came, or refused. */
#include "base/hash.h"
#include "unit/store/world.h"

/* NUL, what is not UTF-8, half a surrogate pair, and what means something to somebody. */
#define HOSTILE "a\0b\xff\xc3(\xed\xa0\x80\033[2J'; DROP TABLE event; --\\x41\\000%s$1{NULL}\""
static const struct orch_text hostile = { HOSTILE, sizeof(HOSTILE) - 1 };

static struct orch_stored_finding hostile_finding(void)
{
	return (struct orch_stored_finding){ .finding = { .size = sizeof(struct orch_finding),
						     .severity = UINT32_MAX,
						     .confidence = UINT32_MAX,
						     .rule = hostile,
						     .rule_name = hostile,
						     .title = hostile,
						     .advice = hostile,
						     .part = UINT32_MAX,
						     .start = UINT64_MAX,
						     .length = UINT64_MAX - 1,
						     .detail = hostile,
						     .tool = hostile },
		.rule_version = UINT32_MAX,
		.expression = hostile,
		.part_name = hostile,
		.excerpt = hostile };
}

static struct orch_stored_event hostile_event(void)
{
	return (struct orch_stored_event){ .id = hostile,
		.trace = hostile,
		.source = hostile,
		.pipeline = hostile,
		.type = hostile,
		.tenant = hostile,
		.actor = hostile,
		.time_ms = UINT64_MAX,
		.stored_ms = 1,
		.inspection_note = hostile,
		.content = hostile };
}

static int write_event(struct world *w, const struct orch_stored_event *event)
{
	struct orch_store_op op = { .kind = ORCH_STORE_EVENT, .event = event };

	return do_op(w, &op);
}

static int write_result(struct world *w, const struct orch_stored_result *result)
{
	struct orch_store_op op = {
		.kind = ORCH_STORE_RESULT, .results = result, .result_count = 1
	};

	return do_op(w, &op);
}

/* How many there are; the first of them. */
static size_t find(struct world *w, struct orch_text id, struct orch_text rule,
	const struct orch_stored_event **ret_first)
{
	struct orch_event_filter filter = { .id = id,
		.rule = rule,
		.pipeline = ORCH_TEXT_NONE,
		.verdict = -1,
		.with_content = true };
	struct orch_stored_event *events;
	struct orch_err err = { "" };
	size_t count = 0;

	if (orch_store_events(w->store, &filter, w->f.arena, &events, &count, &err) < 0)
		fail_msg("%s", err.text);
	*ret_first = events;
	return count;
}

static void test_an_event_comes_back_byte_for_byte(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding finding = hostile_finding();
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;
	const struct orch_stored_finding *found;

	event.findings = &finding;
	event.finding_count = 1;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, ORCH_TEXT_NONE, ORCH_TEXT_NONE, &is), 1);
	assert_false(is->damaged);
	assert_true(orch_text_equal(is->id, hostile));
	assert_true(orch_text_equal(is->trace, hostile));
	assert_true(orch_text_equal(is->source, hostile));
	assert_true(orch_text_equal(is->pipeline, hostile));
	assert_true(orch_text_equal(is->type, hostile));
	assert_true(orch_text_equal(is->tenant, hostile));
	assert_true(orch_text_equal(is->actor, hostile));
	assert_true(orch_text_equal(is->inspection_note, hostile));
	assert_true(orch_text_equal(is->content, hostile));
	assert_true(is->time_ms == UINT64_MAX);
	assert_int_equal(is->finding_count, 1);
	found = &is->findings[0];
	assert_false(found->damaged);
	assert_true(orch_text_equal(found->finding.rule, hostile));
	assert_true(orch_text_equal(found->finding.rule_name, hostile));
	assert_true(orch_text_equal(found->finding.title, hostile));
	assert_true(orch_text_equal(found->finding.advice, hostile));
	assert_true(orch_text_equal(found->finding.detail, hostile));
	assert_true(orch_text_equal(found->finding.tool, hostile));
	assert_true(orch_text_equal(found->expression, hostile));
	assert_true(orch_text_equal(found->part_name, hostile));
	assert_true(orch_text_equal(found->excerpt, hostile));
	assert_true(found->finding.severity == UINT32_MAX);
	assert_true(found->finding.confidence == UINT32_MAX);
	assert_true(found->finding.part == UINT32_MAX);
	assert_true(found->finding.start == UINT64_MAX);
	assert_true(found->finding.length == UINT64_MAX - 1);
	assert_true(found->rule_version == UINT32_MAX);
}

static void test_an_event_is_found_by_any_bytes(void **state)
{
	struct world *w = *state;
	struct orch_stored_finding finding = hostile_finding();
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;

	event.findings = &finding;
	event.finding_count = 1;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	event.id = ORCH_TEXT("\xff");
	event.finding_count = 0;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	event.id = ORCH_TEXT("\xff\xff");
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, ORCH_TEXT("a\0b"), ORCH_TEXT_NONE, &is), 1);
	assert_int_equal(find(w, ORCH_TEXT("a\0b\xff"), ORCH_TEXT_NONE, &is), 1);
	assert_int_equal(find(w, ORCH_TEXT("a\0c"), ORCH_TEXT_NONE, &is), 0);
	assert_int_equal(find(w, ORCH_TEXT("\xff"), ORCH_TEXT_NONE, &is), 1);
	assert_int_equal(is->id.len, 1);
	assert_int_equal(find(w, ORCH_TEXT_NONE, hostile, &is), 1);
	assert_int_equal(find(w, hostile, hostile, &is), 1);
	assert_int_equal(find(w, hostile, ORCH_TEXT("a"), &is), 0);
}

static void test_a_result_comes_back_byte_for_byte(void **state)
{
	struct world *w = *state;
	const struct orch_stored_result result = { .event_id = hostile,
		.pipeline = hostile,
		.action = hostile,
		.key = hostile,
		.time_ms = UINT64_MAX,
		.record_id = hostile,
		.state = hostile,
		.outcome = hostile,
		.detail = hostile,
		.attempts = UINT32_MAX,
		.at_ms = UINT64_MAX };
	struct orch_stored_result *is;
	struct orch_err err = { "" };
	size_t count = 0;

	assert_int_equal(write_result(w, &result), ORCH_OK);
	assert_int_equal(
		orch_store_results(w->store, hostile, w->f.arena, &is, &count, &err), ORCH_OK);
	assert_int_equal(count, 1);
	assert_false(is->damaged);
	assert_true(orch_text_equal(is->event_id, hostile));
	assert_true(orch_text_equal(is->pipeline, hostile));
	assert_true(orch_text_equal(is->action, hostile));
	assert_true(orch_text_equal(is->key, hostile));
	assert_true(orch_text_equal(is->record_id, hostile));
	assert_true(orch_text_equal(is->state, hostile));
	assert_true(orch_text_equal(is->outcome, hostile));
	assert_true(orch_text_equal(is->detail, hostile));
	assert_true(is->attempts == UINT32_MAX);
	assert_true(is->time_ms == UINT64_MAX);
	assert_true(is->at_ms == UINT64_MAX);
}

static void test_a_rule_comes_back_byte_for_byte(void **state)
{
	struct world *w = *state;
	struct orch_stored_rule rule = new_rule("x"), is;
	struct orch_err err = { "" };

	rule.rule.name = rule.rule.expression = rule.rule.options = hostile;
	rule.tool = rule.description = hostile;
	rule.rule.severity = UINT32_MAX;
	if (orch_store_rule_save(w->store, &rule, hostile, w->f.arena, &is, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(orch_store_rule(w->store, hostile, w->f.arena, &is, &err), ORCH_OK);
	assert_false(is.damaged);
	assert_true(orch_text_equal(is.rule.name, hostile));
	assert_true(orch_text_equal(is.rule.expression, hostile));
	assert_true(orch_text_equal(is.rule.options, hostile));
	assert_true(orch_text_equal(is.tool, hostile));
	assert_true(orch_text_equal(is.description, hostile));
	assert_true(orch_text_equal(is.created_by, hostile));
	assert_true(is.rule.severity == UINT32_MAX);
}

/* Bytes that no compression makes shorter. */
static struct orch_text random_text(struct world *w, size_t len)
{
	char *bytes = orch_arena_alloc(w->f.arena, len);

	assert_non_null(bytes);
	orch_random_bytes(bytes, len);
	return (struct orch_text){ bytes, len };
}

static struct orch_text cut(struct orch_text text, size_t len)
{
	return (struct orch_text){ text.ptr, len };
}

static void test_names_of_an_event_may_be_so_long_and_no_longer(void **state)
{
	struct world *w = *state;
	struct orch_text name = random_text(w, ORCH_STORE_KEY_BYTES + 1);
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;

	event.id = event.pipeline = cut(name, ORCH_STORE_KEY_BYTES);
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, event.id, ORCH_TEXT_NONE, &is), 1);
	event.id = name;
	assert_int_equal(write_event(w, &event), ORCH_E_LIMIT);
	assert_non_null(strstr(w->problem, "more than 1024 bytes"));
	event.id = ORCH_TEXT("e2");
	event.pipeline = name;
	assert_int_equal(write_event(w, &event), ORCH_E_LIMIT);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM event"), 1);
}

static void test_names_of_a_result_may_be_so_long_and_no_longer(void **state)
{
	struct world *w = *state;
	struct orch_text name = random_text(w, ORCH_STORE_KEY_BYTES + 1);
	struct orch_stored_result result = { .event_id = cut(name, ORCH_STORE_KEY_BYTES),
		.pipeline = cut(name, ORCH_STORE_KEY_BYTES),
		.key = cut(name, ORCH_STORE_KEY_BYTES) };
	struct orch_text *const texts[] = { &result.event_id, &result.pipeline, &result.key };

	assert_int_equal(write_result(w, &result), ORCH_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = name;
		assert_int_equal(write_result(w, &result), ORCH_E_LIMIT);
		*texts[i] = cut(name, ORCH_STORE_KEY_BYTES);
	}
	assert_int_equal(ask_store(w, "SELECT count(*) FROM result"), 1);
}

static void test_content_may_be_so_long_and_no_longer(void **state)
{
	enum { MAX = 32 * 1024 * 1024 };
	struct world *w = *state;
	struct orch_text content = random_text(w, MAX + 1);
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;

	event.content = content;
	assert_int_equal(write_event(w, &event), ORCH_E_LIMIT);
	event.content = cut(content, MAX);
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, hostile, ORCH_TEXT_NONE, &is), 1);
	assert_true(orch_text_equal(is->content, event.content));
}

static void test_fields_may_be_so_long_and_no_longer(void **state)
{
	/* With two names of no length, brackets, quotes and commas. */
	enum { MAX = 4 * 1024 * 1024 - sizeof("[\"\",\"\"]") + 1 };
	struct world *w = *state;
	char *value = memset(calloc(1, MAX + 1), 'x', MAX + 1);
	struct orch_field field = { ORCH_TEXT_NONE, { value, MAX + 1 } };
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;

	event.fields = &field;
	event.field_count = 1;
	assert_int_equal(write_event(w, &event), ORCH_E_LIMIT);
	field.value.len = MAX;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, hostile, ORCH_TEXT_NONE, &is), 1);
	assert_int_equal(is->field_count, 1);
	assert_int_equal(is->fields[0].value.len, MAX);
	free(value);
}

static void test_a_rule_may_be_called_anything(void **state)
{
	struct world *w = *state;
	static const size_t lengths[] = { 64, 65, 64 * 1024 };
	struct orch_text name = random_text(w, 64 * 1024);
	struct orch_stored_finding finding = hostile_finding();
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;
	char id[16];

	event.findings = &finding;
	event.finding_count = 1;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		(void)snprintf(id, sizeof(id), "e%zu", i);
		event.id = orch_text_from(id);
		finding = hostile_finding();
		*(i % 2 ? &finding.finding.rule : &finding.finding.rule_name) =
			cut(name, lengths[i / 2]);
		assert_int_equal(write_event(w, &event), ORCH_OK);
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_int_equal(find(w, ORCH_TEXT_NONE, cut(name, lengths[i]), &is), 2);
	assert_int_equal(find(w, ORCH_TEXT_NONE, cut(name, 63), &is), 0);
	assert_int_equal(find(w, ORCH_TEXT_NONE, cut(name, 66), &is), 0);
}

static void test_a_text_of_a_rule_may_be_so_long_and_no_longer(void **state)
{
	enum { MAX = 64 * 1024 };
	struct world *w = *state;
	struct orch_text text = random_text(w, MAX + 1);
	struct orch_stored_rule rule = new_rule("x"), is;
	struct orch_err err = { "" };

	rule.rule.name = cut(text, MAX);
	rule.rule.expression = text;
	assert_int_equal(
		orch_store_rule_save(w->store, &rule, BY, w->f.arena, &is, &err), ORCH_E_LIMIT);
	rule.rule.expression = cut(text, MAX);
	assert_int_equal(orch_store_rule_save(w->store, &rule, BY, w->f.arena, &is, &err), ORCH_OK);
	assert_int_equal(orch_store_rule(w->store, rule.rule.name, w->f.arena, &is, &err), ORCH_OK);
	assert_true(orch_text_equal(is.rule.expression, rule.rule.expression));
}

static struct orch_stored_finding *make_findings(size_t count)
{
	struct orch_stored_finding *findings = calloc(count, sizeof(*findings));

	for (size_t i = 0; i < count; i++)
		findings[i] = hostile_finding();
	return findings;
}

/* A rule that is as long as it may be, and whose hits are as many as are taken by default. */
static void test_a_long_rule_can_be_hit_often(void **state)
{
	enum { COUNT = 1000 };
	struct world *w = *state;
	struct orch_text expressions[] = { random_text(w, 64 * 1024), random_text(w, 64 * 1024) };
	struct orch_stored_finding *findings = make_findings(COUNT);
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;

	for (size_t i = 0; i < COUNT; i++)
		findings[i].expression = expressions[i % 2];
	event.findings = findings;
	event.finding_count = COUNT;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, hostile, ORCH_TEXT_NONE, &is), 1);
	assert_int_equal(is->finding_count, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_false(is->findings[i].damaged);
		assert_true(orch_text_equal(is->findings[i].expression, expressions[i % 2]));
	}
	free(findings);
}

static void test_findings_of_many_rules_keep_what_they_looked_for(void **state)
{
	enum { COUNT = 200 };
	struct world *w = *state;
	struct orch_stored_finding *findings = make_findings(COUNT);
	struct orch_stored_event event = hostile_event();
	const struct orch_stored_event *is;
	char expressions[COUNT / 2][8];

	for (size_t i = 0; i < COUNT; i++) {
		char *expression = expressions[i % (COUNT / 2)];

		(void)snprintf(expression, sizeof(expressions[0]), "x%zu", i % (COUNT / 2));
		findings[i].expression = orch_text_from(expression);
	}
	event.findings = findings;
	event.finding_count = COUNT;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(find(w, hostile, ORCH_TEXT_NONE, &is), 1);
	for (size_t i = 0; i < COUNT; i++) {
		assert_false(is->findings[i].damaged);
		assert_true(text_is(is->findings[i].expression, expressions[i % (COUNT / 2)]));
	}
	free(findings);
}

static void test_findings_that_are_too_much_are_refused_with_their_event(void **state)
{
	enum { DETAIL = 64 * 1024, COUNT = ORCH_PG_VALUE_BYTES / DETAIL };
	struct world *w = *state;
	struct orch_text detail = random_text(w, DETAIL);
	struct orch_stored_finding *findings = make_findings(COUNT);
	struct orch_stored_event event = hostile_event();

	for (size_t i = 0; i < COUNT; i++)
		findings[i].finding.detail = detail;
	event.findings = findings;
	event.finding_count = COUNT;
	assert_int_equal(write_event(w, &event), ORCH_E_LIMIT);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM event"), 0);
	/* With room for their other texts. */
	event.finding_count = COUNT - 8;
	assert_int_equal(write_event(w, &event), ORCH_OK);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM finding"), COUNT - 8);
	free(findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_an_event_comes_back_byte_for_byte),
		ON_BOTH(test_an_event_is_found_by_any_bytes),
		ON_BOTH(test_a_result_comes_back_byte_for_byte),
		ON_BOTH(test_a_rule_comes_back_byte_for_byte),
		ON_BOTH(test_names_of_an_event_may_be_so_long_and_no_longer),
		ON_BOTH(test_names_of_a_result_may_be_so_long_and_no_longer),
		ON_BOTH(test_content_may_be_so_long_and_no_longer),
		ON_BOTH(test_fields_may_be_so_long_and_no_longer),
		ON_BOTH(test_a_rule_may_be_called_anything),
		ON_BOTH(test_a_text_of_a_rule_may_be_so_long_and_no_longer),
		ON_BOTH(test_a_long_rule_can_be_hit_often),
		ON_BOTH(test_findings_of_many_rules_keep_what_they_looked_for),
		ON_PG(test_findings_that_are_too_much_are_refused_with_their_event),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
