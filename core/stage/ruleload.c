/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the store's rules to the sets that tools apply.  What is wrong with one
 * rule is that rule's matter: the others are in force all the same, and
 * somebody is told.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "stage/plan.h"

struct loading {
	struct orch_plan *plan;
	struct orch_arena *arena;
	const struct orch_stored_rule *rules; /* of all tools */
	size_t count;
	struct orch_ruleset **sets; /* by tool */
	struct orch_rule_gaps gaps;
};

static int create_set(struct orch_plan_instance *tool, const struct orch_stored_rule *rules,
	size_t count, struct orch_ruleset **ret_set, size_t *ret_bad, struct orch_err *err)
{
	return orch_ruleset_create(tool->plugin, orch_plugin_host_services(tool->host),
		tool->settings, rules, count, ret_set, ret_bad, err);
}

/* Takes the rule at INDEX out of RULES. */
static void leave_out(struct loading *loading, const struct orch_plan_instance *tool,
	struct orch_stored_rule *rules, size_t *count, size_t index, const struct orch_err *err)
{
	orch_log(ORCH_LOG_ALERT, "rule.refused", ORCH_LOG_TEXT("instance", tool->config->name),
		ORCH_LOG_TEXT("rule", rules[index].rule.id), ORCH_LOG_STRING("error", err->text));
	loading->gaps.refused++;
	(*count)--;
	for (size_t i = index; i < *count; i++)
		rules[i] = rules[i + 1];
}

/* Each rule by itself, so that many that are wrong cost no more than one.  How many were left out. */
static size_t sift(struct loading *loading, struct orch_plan_instance *tool,
	struct orch_stored_rule *rules, size_t *count)
{
	size_t before = *count;

	for (size_t i = 0; i < *count;) {
		struct orch_ruleset *set = NULL;
		struct orch_err err = { "" };
		int rc = create_set(tool, &rules[i], 1, &set, NULL, &err);

		orch_ruleset_unref(set);
		if (rc == ORCH_OK || rc == ORCH_E_NOMEM)
			i++;
		else
			leave_out(loading, tool, rules, count, i, &err);
	}
	return before - *count;
}

static int compile_most(struct loading *loading, struct orch_plan_instance *tool,
	struct orch_stored_rule *rules, size_t count, struct orch_ruleset **ret_set,
	struct orch_err *err)
{
	for (;;) {
		size_t bad = ORCH_RULESET_NO_RULE;
		int rc = create_set(tool, rules, count, ret_set, &bad, err);

		if (rc == ORCH_OK || rc == ORCH_E_NOMEM || bad >= count)
			return rc;
		if (sift(loading, tool, rules, &count) == 0)
			leave_out(loading, tool, rules, &count, bad, err);
	}
}

/* It would call everything clean. */
static void report_bare(struct loading *loading, const struct orch_plan_instance *tool)
{
	loading->gaps.bare++;
	orch_log(ORCH_LOG_ALERT, "tool.no_rules", ORCH_LOG_TEXT("instance", tool->config->name),
		ORCH_LOG_STRING("why", "it works by rules, and none of its rules is live"));
}

static int load_tool(struct loading *loading, size_t index, struct orch_err *err)
{
	struct orch_plan_instance *tool = &loading->plan->tools[index];
	struct orch_stored_rule *own =
		orch_arena_alloc_array(loading->arena, loading->count + 1, sizeof(*own));
	size_t count = 0;
	int rc;

	if (own == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the rules");
	for (size_t i = 0; i < loading->count; i++)
		if (!loading->rules[i].damaged &&
			orch_text_equal(loading->rules[i].tool, tool->config->name))
			own[count++] = loading->rules[i];
	rc = compile_most(loading, tool, own, count, &loading->sets[index], err);
	if (rc != ORCH_OK)
		orch_err_prefix(err, "tools.%.*s", ORCH_TEXT_ARG(tool->config->name));
	else if (loading->sets[index]->live == 0)
		report_bare(loading, tool);
	return rc;
}

/* The live rules from FIRST on that are of its tool; 0 if one before it is, too. */
static size_t count_fellows(const struct loading *loading, size_t first)
{
	size_t count = 0;

	for (size_t i = 0; i < loading->count; i++) {
		const struct orch_stored_rule *rule = &loading->rules[i];

		if (rule->damaged || rule->state != ORCH_RULE_LIVE ||
			!orch_text_equal(rule->tool, loading->rules[first].tool))
			continue;
		if (i < first)
			return 0;
		count++;
	}
	return count;
}

/* After a tool was renamed, say. */
static void report_unused(struct loading *loading)
{
	for (size_t i = 0; i < loading->count; i++) {
		struct orch_text tool = loading->rules[i].tool;
		size_t count =
			loading->rules[i].damaged || orch_plan_find_tool(loading->plan, tool) >= 0
			? 0
			: count_fellows(loading, i);

		loading->gaps.unused += count;
		if (count > 0)
			orch_log(ORCH_LOG_WARN, "rules.unused", ORCH_LOG_TEXT("tool", tool),
				ORCH_LOG_INT("rules", count),
				ORCH_LOG_STRING("why", "the configuration has no such tool"));
	}
}

static void report_damaged(struct loading *loading)
{
	for (size_t i = 0; i < loading->count; i++) {
		if (!loading->rules[i].damaged)
			continue;
		loading->gaps.damaged++;
		orch_log(ORCH_LOG_ALERT, "store.damaged", ORCH_LOG_STRING("table", "rule"),
			ORCH_LOG_TEXT("rule", loading->rules[i].rule.id),
			ORCH_LOG_STRING("see", "orchestrator rule list"));
	}
}

static int load_all(struct loading *loading, struct orch_store *store, struct orch_err *err)
{
	struct orch_stored_rule *rules;
	int rc = orch_store_rules(
		store, ORCH_TEXT_NONE, false, loading->arena, &rules, &loading->count, err);

	loading->rules = rules;
	if (rc == ORCH_OK) {
		report_damaged(loading);
		report_unused(loading);
	}
	for (size_t i = 0; rc == ORCH_OK && i < loading->plan->config->tool_count; i++)
		if (orch_plan_uses_rules(&loading->plan->tools[i]))
			rc = load_tool(loading, i, err);
	return rc;
}

int orch_plan_load_rules(struct orch_plan *plan, struct orch_store *store,
	struct orch_rule_gaps *ret_gaps, struct orch_err *err)
{
	size_t count = plan->config->tool_count;
	struct loading loading = { .plan = plan,
		.arena = orch_arena_create(0),
		.sets = orch_alloc_array(count + 1, sizeof(struct orch_ruleset *)) };
	int rc = loading.arena == NULL || loading.sets == NULL
		? orch_fail(err, ORCH_E_NOMEM, "no memory for the rules")
		: load_all(&loading, store, err);

	for (size_t i = 0; loading.sets != NULL && i < count; i++) {
		if (rc == ORCH_OK && loading.sets[i] != NULL)
			orch_plan_set_rules(&plan->tools[i], loading.sets[i]);
		else
			orch_ruleset_unref(loading.sets[i]);
	}
	if (rc == ORCH_OK)
		*ret_gaps = loading.gaps;
	orch_free(loading.sets);
	orch_arena_destroy(loading.arena);
	return rc;
}
