/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "pipeline/rulecheck.h"
#include "pipeline/rulefile.h"

static struct orch_plan_instance *find_tool(struct orch_plan *plan, struct orch_text name)
{
	for (size_t i = 0; i < plan->config->tool_count; i++)
		if (orch_text_equal(plan->config->tools[i].name, name))
			return &plan->tools[i];
	return NULL;
}

static bool same_list(struct orch_list a, struct orch_list b)
{
	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++)
		if (!orch_text_equal(a.items[i], b.items[i]))
			return false;
	return true;
}

static bool same_rule(const struct orch_stored_rule *a, const struct orch_stored_rule *b)
{
	return !a->removed && !b->removed && a->state == b->state &&
		a->rule.severity == b->rule.severity &&
		orch_text_equal(a->rule.name, b->rule.name) &&
		orch_text_equal(a->rule.expression, b->rule.expression) &&
		orch_text_equal(a->rule.options, b->rule.options) &&
		orch_text_equal(a->tool, b->tool) &&
		orch_text_equal(a->description, b->description) &&
		same_list(a->matches, b->matches) && same_list(a->no_matches, b->no_matches);
}

static int check_all(struct orch_plan *plan, const struct orch_stored_rule *rules, size_t count,
	struct orch_err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct orch_plan_instance *tool = find_tool(plan, rules[i].tool);
		int rc = tool == NULL ? orch_fail(err, ORCH_E_INVALID, "there is no tool %.*s",
						ORCH_TEXT_ARG(rules[i].tool))
				      : orch_rulecheck(tool, &rules[i], err);

		if (rc != ORCH_OK) {
			orch_err_prefix(err, "rule %.*s",
				ORCH_TEXT_ARG(rules[i].rule.id.len > 0 ? rules[i].rule.id
								       : rules[i].rule.name));
			return rc;
		}
	}
	return ORCH_OK;
}

static const struct orch_stored_rule *find_rule(
	const struct orch_stored_rule *rules, size_t count, struct orch_text id)
{
	for (size_t i = 0; id.len > 0 && i < count; i++)
		if (orch_text_equal(rules[i].rule.id, id))
			return &rules[i];
	return NULL;
}

/* The rules that are new or differ, each with the version that it replaces. */
static struct orch_stored_rule *choose(const struct orch_stored_rule *rules, size_t count,
	const struct orch_stored_rule *old, size_t old_count, struct orch_arena *arena,
	struct orch_rulefile_outcome *outcome)
{
	struct orch_stored_rule *chosen = orch_arena_alloc_array(arena, count + 1, sizeof(*chosen));
	size_t at = 0;

	for (size_t i = 0; chosen != NULL && i < count; i++) {
		const struct orch_stored_rule *before = find_rule(old, old_count, rules[i].rule.id);

		if (before != NULL && same_rule(&rules[i], before)) {
			outcome->unchanged++;
			continue;
		}
		chosen[at] = rules[i];
		chosen[at++].rule.version = before == NULL ? 0 : before->rule.version;
		if (before == NULL)
			outcome->added++;
		else
			outcome->changed++;
	}
	return chosen;
}

int orch_rulefile_import(struct orch_plan *plan, struct orch_store *store,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_rulefile_outcome *ret_outcome, struct orch_err *err)
{
	struct orch_rulefile_outcome outcome = { 0 };
	struct orch_stored_rule *old = NULL, *chosen = NULL;
	size_t old_count = 0;
	struct orch_arena *arena = orch_arena_create(0);
	int rc = arena == NULL ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
			       : check_all(plan, rules, count, err);

	if (rc == ORCH_OK)
		rc = orch_store_rules(store, ORCH_TEXT_NONE, true, arena, &old, &old_count, err);
	if (rc == ORCH_OK) {
		chosen = choose(rules, count, old, old_count, arena, &outcome);
		rc = chosen == NULL
			? orch_fail(err, ORCH_E_NOMEM, "out of memory")
			: orch_store_rules_save(store, chosen, outcome.added + outcome.changed, by,
				  arena, chosen, err);
	}
	orch_arena_destroy(arena);
	if (rc == ORCH_OK)
		*ret_outcome = outcome;
	return rc;
}

/* Every file's rules, in the order of the files. */
static int read_files(const struct orch_list *files, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	struct orch_stored_rule *all = NULL;
	size_t all_count = 0;

	for (size_t i = 0; i < files->count; i++) {
		struct orch_stored_rule *rules, *joined;
		size_t count;
		int rc = orch_rulefile_read(files->items[i].ptr, arena, &rules, &count, err);

		if (rc != ORCH_OK)
			return rc;
		joined = orch_arena_alloc_array(arena, all_count + count + 1, sizeof(*joined));
		if (joined == NULL)
			return orch_fail(err, ORCH_E_NOMEM, "out of memory");
		if (all_count > 0)
			memcpy(joined, all, all_count * sizeof(*joined));
		memcpy(joined + all_count, rules, count * sizeof(*joined));
		all = joined;
		all_count += count;
	}
	*ret_rules = all;
	*ret_count = all_count;
	return ORCH_OK;
}

int orch_rulefile_first_import(
	struct orch_plan *plan, struct orch_store *store, struct orch_err *err)
{
	struct orch_rulefile_outcome outcome = { 0 };
	struct orch_stored_rule *rules;
	struct orch_arena *arena;
	uint64_t revision;
	size_t count;
	int rc = orch_store_rules_revision(store, &revision, err);

	if (rc != ORCH_OK || revision > 0)
		return rc;
	arena = orch_arena_create(0);
	if (arena == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	rc = read_files(&plan->config->rules, arena, &rules, &count, err);
	if (rc == ORCH_OK)
		rc = orch_rulefile_import(
			plan, store, rules, count, ORCH_TEXT("import"), &outcome, err);
	orch_arena_destroy(arena);
	if (rc == ORCH_OK && outcome.added > 0)
		orch_log(ORCH_LOG_INFO, "rules.imported", ORCH_LOG_INT("added", outcome.added));
	return rc;
}
