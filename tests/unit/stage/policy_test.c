/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/policy.h"

#include "../../support/text_assert.h"
#include "base/text.h"

#define ANY                    \
	{                      \
		.severity = -1 \
	}

static struct orch_arena *arena;
static uint32_t block[] = { 0 };
static uint32_t both[] = { 0, 1 };
static uint32_t tell[] = { 1 };

static int open_arena(void **state)
{
	(void)state;
	arena = orch_arena_create(0);
	return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
	(void)state;
	orch_arena_destroy(arena);
	return 0;
}

static const struct orch_field fields[] = {
	{ ORCH_TEXT("slack.channel"), ORCH_TEXT("C1") },
};

static const struct orch_event event = {
	.size = sizeof(event),
	.id = ORCH_TEXT("e1"),
	.type = ORCH_TEXT("slack.message"),
	.fields = fields,
	.field_count = 1,
};

static struct orch_stored_finding finding(const char *tool, const char *rule, uint32_t severity)
{
	return (struct orch_stored_finding){
		.finding = { .size = sizeof(struct orch_finding),
			.severity = severity,
			.rule = orch_text_from(rule),
			.rule_name = ORCH_TEXT("Name of it"),
			.tool = orch_text_from(tool) },
	};
}

static struct orch_config_policy rule(
	struct orch_config_when when, enum orch_verdict verdict, uint32_t *actions, size_t count)
{
	return (struct orch_config_policy){
		.when = when, .verdict = verdict, .actions = actions, .action_count = count
	};
}

static struct orch_decision decide_all(const struct orch_config_policy *rules, size_t rule_count,
	const struct orch_stored_finding *findings, size_t finding_count,
	const struct orch_record *records, size_t record_count, enum orch_inspection inspection)
{
	union {
		const struct orch_config_policy *in;
		struct orch_config_policy *out;
	} policy = { .in = rules };
	struct orch_config_pipeline pipeline = { .policy = policy.out, .policy_count = rule_count };
	struct orch_decision decision;

	assert_int_equal(orch_policy_decide(&pipeline, &event, findings, finding_count, records,
				 record_count, inspection, arena, &decision),
		ORCH_OK);
	return decision;
}

static struct orch_decision decide(const struct orch_config_policy *rules, size_t rule_count,
	const struct orch_stored_finding *findings, size_t finding_count)
{
	return decide_all(rules, rule_count, findings, finding_count, NULL, 0, ORCH_INSPECTED);
}

static void test_without_a_rule_that_fits_an_event_passes(void **state)
{
	struct orch_config_policy rules[] = {
		rule((struct orch_config_when){ .severity = ORCH_HIGH }, ORCH_BLOCK, block, 1),
	};
	struct orch_stored_finding findings[] = { finding("dlp", "visa", ORCH_MEDIUM) };

	(void)state;
	assert_int_equal(decide(rules, 1, findings, 1).verdict, ORCH_PASS);
	assert_int_equal(decide(rules, 1, findings, 1).task_count, 0);
	assert_int_equal(decide(rules, 0, findings, 1).verdict, ORCH_PASS);
}

static void test_the_first_rule_that_fits_decides(void **state)
{
	struct orch_config_policy rules[] = {
		rule((struct orch_config_when){ .severity = ORCH_HIGH }, ORCH_BLOCK, both, 2),
		rule((struct orch_config_when){ .severity = -1, .findings = 1 }, ORCH_FLAG, tell,
			1),
	};
	struct orch_stored_finding grave[] = { finding("dlp", "visa", ORCH_CRITICAL) };
	struct orch_stored_finding light[] = { finding("dlp", "visa", ORCH_LOW) };
	struct orch_decision decision = decide(rules, 2, grave, 1);

	(void)state;
	assert_int_equal(decision.verdict, ORCH_BLOCK);
	assert_int_equal(decision.task_count, 2);
	assert_int_equal(decision.tasks[0].action, 0);
	assert_int_equal(decision.tasks[1].action, 1);
	decision = decide(rules, 2, light, 1);
	assert_int_equal(decision.verdict, ORCH_FLAG);
	assert_int_equal(decision.task_count, 1);
	assert_int_equal(decision.tasks[0].action, 1);
}

static void test_after_continue_the_gravest_verdict_stands_and_actions_add_up_once(void **state)
{
	struct orch_config_policy rules[] = {
		rule((struct orch_config_when)ANY, ORCH_BLOCK, tell, 1),
		rule((struct orch_config_when)ANY, ORCH_FLAG, both, 2),
		rule((struct orch_config_when)ANY, ORCH_FLAG, block, 1),
	};
	struct orch_decision decision;

	(void)state;
	rules[0].go_on = true;
	decision = decide(rules, 3, NULL, 0);
	assert_int_equal(decision.verdict, ORCH_BLOCK);
	assert_int_equal(decision.task_count, 2);
	assert_int_equal(decision.tasks[0].action, 1);
	assert_int_equal(decision.tasks[0].verdict, ORCH_BLOCK);
	assert_int_equal(decision.tasks[1].action, 0);
	assert_int_equal(decision.tasks[1].verdict, ORCH_FLAG);
}

static void test_conditions_on_findings_count_only_those_that_fit_all(void **state)
{
	struct orch_stored_finding findings[] = {
		finding("dlp", "visa", ORCH_HIGH),
		finding("dlp", "iban", ORCH_LOW),
		finding("other", "visa", ORCH_HIGH),
	};
	struct orch_config_policy by_tool = rule(
		(struct orch_config_when){
			.severity = -1, .tool = ORCH_TEXT("dlp"), .findings = 2 },
		ORCH_FLAG, tell, 1);
	struct orch_config_policy by_rule = rule((struct orch_config_when){ .severity = ORCH_HIGH,
							 .tool = ORCH_TEXT("dlp"),
							 .rule = ORCH_TEXT("iban") },
		ORCH_FLAG, tell, 1);
	struct orch_config_policy by_name =
		rule((struct orch_config_when){ .severity = -1, .rule = ORCH_TEXT("Name of it") },
			ORCH_FLAG, tell, 1);
	struct orch_config_policy many = rule(
		(struct orch_config_when){ .severity = -1, .findings = 4 }, ORCH_FLAG, tell, 1);

	(void)state;
	assert_int_equal(decide(&by_tool, 1, findings, 3).verdict, ORCH_FLAG);
	assert_int_equal(decide(&by_tool, 1, findings, 1).verdict, ORCH_PASS);
	assert_int_equal(decide(&by_rule, 1, findings, 3).verdict, ORCH_PASS);
	assert_int_equal(decide(&by_name, 1, findings, 3).verdict, ORCH_FLAG);
	assert_int_equal(decide(&many, 1, findings, 3).verdict, ORCH_PASS);
}

static void test_rules_in_shadow_count_for_nothing(void **state)
{
	struct orch_stored_finding findings[] = { finding("dlp", "visa", ORCH_CRITICAL) };
	struct orch_config_policy rules[] = { rule(
		(struct orch_config_when){ .severity = -1, .findings = 1 }, ORCH_BLOCK, block, 1) };

	(void)state;
	findings[0].shadow = true;
	assert_int_equal(decide(rules, 1, findings, 1).verdict, ORCH_PASS);
}

static void test_field_and_type_are_compared_whole(void **state)
{
	static const struct orch_text channels[] = { ORCH_TEXT("C0"), ORCH_TEXT("C1") };
	struct orch_config_when when = {
		.severity = -1, .field = ORCH_TEXT("slack.channel"), .equals = { channels, 2 }
	};
	struct orch_config_policy policy = rule(when, ORCH_FLAG, tell, 1);

	(void)state;
	assert_int_equal(decide(&policy, 1, NULL, 0).verdict, ORCH_FLAG);
	policy.when.equals.count = 1;
	assert_int_equal(decide(&policy, 1, NULL, 0).verdict, ORCH_PASS);
	policy.when.equals.count = 2;
	policy.when.field = ORCH_TEXT("slack.chan");
	assert_int_equal(decide(&policy, 1, NULL, 0).verdict, ORCH_PASS);
	policy = rule((struct orch_config_when){ .severity = -1, .type = ORCH_TEXT("slack.file") },
		ORCH_FLAG, tell, 1);
	assert_int_equal(decide(&policy, 1, NULL, 0).verdict, ORCH_PASS);
	policy.when.type = ORCH_TEXT("slack.message");
	assert_int_equal(decide(&policy, 1, NULL, 0).verdict, ORCH_FLAG);
}

static void test_what_could_not_be_inspected_can_be_asked_for(void **state)
{
	struct orch_config_policy policy =
		rule((struct orch_config_when){ .severity = -1, .uninspected = true }, ORCH_FLAG,
			tell, 1);

	(void)state;
	assert_int_equal(
		decide_all(&policy, 1, NULL, 0, NULL, 0, ORCH_INSPECTED).verdict, ORCH_PASS);
	assert_int_equal(
		decide_all(&policy, 1, NULL, 0, NULL, 0, ORCH_INSPECTED_PARTLY).verdict, ORCH_FLAG);
	assert_int_equal(
		decide_all(&policy, 1, NULL, 0, NULL, 0, ORCH_UNINSPECTED).verdict, ORCH_FLAG);
}

static void test_records_are_judged_one_by_one_by_rules_about_records(void **state)
{
	struct orch_record records[] = {
		{ .size = sizeof(records[0]),
			.id = ORCH_TEXT("r1"),
			.type = ORCH_TEXT("telemetry") },
		{ .size = sizeof(records[0]),
			.id = ORCH_TEXT("r2"),
			.type = ORCH_TEXT("statistic") },
	};
	struct orch_config_policy rules[] = {
		rule((struct orch_config_when){ .severity = -1, .record = ORCH_TEXT("telemetry") },
			ORCH_PASS, block, 1),
		rule((struct orch_config_when){ .severity = -1, .record = ORCH_TEXT("*") },
			ORCH_PASS, tell, 1),
	};
	struct orch_decision decision = decide_all(rules, 2, NULL, 0, records, 2, ORCH_INSPECTED);

	(void)state;
	assert_int_equal(decision.task_count, 2);
	assert_ptr_equal(decision.tasks[0].record, &records[0]);
	assert_int_equal(decision.tasks[0].action, 0);
	assert_ptr_equal(decision.tasks[1].record, &records[1]);
	assert_int_equal(decision.tasks[1].action, 1);
}

/* Else each record would set off what the event has set off already. */
static void test_a_record_without_a_type_is_no_event(void **state)
{
	struct orch_record record = {
		.size = sizeof(record), .id = ORCH_TEXT("r1"), .type = ORCH_TEXT_NONE
	};
	struct orch_config_policy about_events =
		rule((struct orch_config_when){ .severity = -1, .record = ORCH_TEXT_NONE },
			ORCH_FLAG, both, 2);
	struct orch_decision decision =
		decide_all(&about_events, 1, NULL, 0, &record, 1, ORCH_INSPECTED);

	(void)state;
	assert_int_equal(decision.task_count, 2);
	assert_null(decision.tasks[0].record);
	assert_null(decision.tasks[1].record);
}

#define policy_test(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		policy_test(test_without_a_rule_that_fits_an_event_passes),
		policy_test(test_the_first_rule_that_fits_decides),
		policy_test(test_after_continue_the_gravest_verdict_stands_and_actions_add_up_once),
		policy_test(test_conditions_on_findings_count_only_those_that_fit_all),
		policy_test(test_rules_in_shadow_count_for_nothing),
		policy_test(test_field_and_type_are_compared_whole),
		policy_test(test_what_could_not_be_inspected_can_be_asked_for),
		policy_test(test_records_are_judged_one_by_one_by_rules_about_records),
		policy_test(test_a_record_without_a_type_is_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
