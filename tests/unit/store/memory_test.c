/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once: a call says so and does nothing by halves, and the next one goes well. */
#include "unit/store/world.h"

#define TRIES_MAX 3000 /* more than any call allocates */

static struct orch_stored_finding findings[2];

static int write_event(struct world *w)
{
	struct orch_stored_event event = { .id = ORCH_TEXT("e1"),
		.pipeline = ORCH_TEXT("p"),
		.content = ORCH_TEXT("{}"),
		.findings = findings,
		.finding_count = 2 };
	struct orch_stored_result result = {
		.event_id = ORCH_TEXT("e1"), .key = ORCH_TEXT("k"), .state = ORCH_TEXT("pending")
	};
	struct orch_store_op op = {
		.kind = ORCH_STORE_EVENT, .event = &event, .results = &result, .result_count = 1
	};

	for (size_t i = 0; i < 2; i++)
		findings[i].finding = (struct orch_finding){ .size = sizeof(struct orch_finding),
			.rule = ORCH_TEXT("visa"),
			.detail = ORCH_TEXT("{}") };
	return do_op(w, &op);
}

static int read_events(struct world *w)
{
	struct orch_event_filter filter = {
		.id = ORCH_TEXT("e"), .verdict = -1, .with_content = true
	};
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_stored_event *events;
	struct orch_err err = { "" };
	size_t count = 0;
	int code = arena ? orch_store_events(w->store, &filter, arena, &events, &count, &err)
			 : ORCH_E_NOMEM;

	if (code == ORCH_OK) {
		assert_int_equal(count, 1);
		assert_false(events->damaged);
		assert_int_equal(events->finding_count, 2);
		assert_false(events->findings[1].damaged);
		assert_true(text_is(events->findings[1].finding.detail, "{}"));
	}
	orch_arena_destroy(arena);
	return code;
}

static int read_results(struct world *w)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_stored_result *results;
	struct orch_err err = { "" };
	size_t count = 0;
	int code = arena
		? orch_store_results(w->store, ORCH_TEXT("e1"), arena, &results, &count, &err)
		: ORCH_E_NOMEM;

	if (code == ORCH_OK) {
		assert_int_equal(count, 1);
		assert_false(results->damaged);
	}
	orch_arena_destroy(arena);
	return code;
}

/* As if it were the first one. */
static int save_rule(struct world *w)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_stored_rule rule = new_rule("one"), saved;
	struct orch_err err = { "" };
	int code;

	poke_store(w, "DELETE FROM rule; DELETE FROM rule_history");
	code = arena ? orch_store_rule_save(w->store, &rule, BY, arena, &saved, &err)
		     : ORCH_E_NOMEM;
	if (code == ORCH_OK)
		assert_true(text_is(saved.rule.id, "one"));
	assert_int_equal(ask_store(w, "SELECT count(*) FROM rule"), code == ORCH_OK);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM rule_history"), code == ORCH_OK);
	orch_arena_destroy(arena);
	return code;
}

static int read_rules(struct world *w)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count = 0;
	int code = arena
		? orch_store_rules(w->store, ORCH_TEXT_NONE, true, arena, &rules, &count, &err)
		: ORCH_E_NOMEM;

	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		assert_false(rules[i].damaged);
	orch_arena_destroy(arena);
	return code;
}

/* Until it goes well because there was not so much to be allocated. */
static void fail_each(struct world *w, int (*call)(struct world *w))
{
	for (uint64_t i = 1; i < TRIES_MAX; i++) {
		bool was_reached;
		uint64_t before = orch_alloc_count();
		int code;

		orch_alloc_fail_at(i, 0);
		code = call(w);
		was_reached = orch_alloc_count() - before >= i;
		orch_alloc_fail_at(0, 0);
		if (code == ORCH_OK && !was_reached)
			return;
		if (code != ORCH_OK && code != ORCH_E_NOMEM && code != ORCH_E_AGAIN)
			fail_msg("allocation %d: %d", (int)i, code);
	}
	fail_msg("no end of allocations");
}

static void test_an_event_is_written_whole_or_not(void **state)
{
	struct world *w = *state;

	fail_each(w, write_event);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM event"), 1);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM result"), 1);
	fail_each(w, read_events);
	fail_each(w, read_results);
}

static void test_a_rule_is_written_whole_or_not(void **state)
{
	struct world *w = *state;

	fail_each(w, save_rule);
	fail_each(w, read_rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_an_event_is_written_whole_or_not),
		ON_BOTH(test_a_rule_is_written_whole_or_not),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
