/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "pipeline/keep.h"
#include "pipeline/rulecheck.h"
#include "pipeline/rulefile.h"

static struct orch_plan_instance *find_tool(struct orch_plan *plan, struct orch_text name)
{
	int tool = orch_plan_find_tool(plan, name);

	return tool < 0 ? NULL : &plan->tools[tool];
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
	return !a->removed && !b->removed && !b->damaged && a->state == b->state &&
		a->rule.severity == b->rule.severity &&
		orch_text_equal(a->rule.name, b->rule.name) &&
		orch_text_equal(a->rule.expression, b->rule.expression) &&
		orch_text_equal(a->rule.options, b->rule.options) &&
		orch_text_equal(a->tool, b->tool) &&
		orch_text_equal(a->description, b->description) &&
		same_list(a->matches, b->matches) && same_list(a->no_matches, b->no_matches);
}

/* A rule without an id is known by its tool and its name. */
static struct orch_text key_of(struct orch_arena *arena, const struct orch_stored_rule *rule)
{
	if (rule->rule.id.len > 0)
		return rule->rule.id;
	return orch_arena_printf(
		arena, "\n%.*s\n%.*s", ORCH_TEXT_ARG(rule->tool), ORCH_TEXT_ARG(rule->rule.name));
}

static int note(
	struct orch_map *known, struct orch_text key, const char *twice, struct orch_err *err)
{
	if (orch_map_get(known, key) != NULL)
		return orch_fail(err, ORCH_E_INVALID, "%s", twice);
	if (orch_map_set(known, key, known) != ORCH_OK)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return ORCH_OK;
}

/* Where nothing is kept yet every rule would be a new one: what the store will not take is said before. */
static int check_new(const struct orch_plan *plan, const struct orch_stored_rule *rule,
	struct orch_map *known, struct orch_arena *arena, struct orch_err *err)
{
	struct orch_stored_rule nameless = *rule;
	int rc;

	if (rule->rule.id.len == 0 || orch_keep_is_there(plan->config, arena))
		return ORCH_OK;
	nameless.rule.id = ORCH_TEXT_NONE;
	rc = orch_store_check_rule_id(rule->rule.id, err);
	return rc != ORCH_OK ? rc
			     : note(known, key_of(arena, &nameless),
				       "another one of its tool has the same name", err);
}

static int check_rule_alone(struct orch_plan *plan, const struct orch_stored_rule *rule,
	struct orch_map *known, struct orch_arena *arena, struct orch_err *err)
{
	struct orch_plan_instance *tool = find_tool(plan, rule->tool);
	int rc;

	if (tool == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"there is no tool %.*s; must be the name of one of tools",
			ORCH_TEXT_ARG(rule->tool));
	rc = note(known, key_of(arena, rule), "it is there twice; must be there once", err);
	if (rc == ORCH_OK)
		rc = check_new(plan, rule, known, arena, err);
	return rc == ORCH_OK ? orch_rulecheck(tool, rule, err) : rc;
}

int orch_rulefile_check_rule(struct orch_plan *plan, const struct orch_stored_rule *rule,
	struct orch_map *known, struct orch_arena *arena, struct orch_err *err)
{
	int rc = check_rule_alone(plan, rule, known, arena, err);

	if (rc != ORCH_OK)
		orch_err_prefix(err, "rule %.*s",
			ORCH_TEXT_ARG(rule->rule.id.len > 0 ? rule->rule.id : rule->rule.name));
	return rc;
}

int orch_rulefile_check(struct orch_plan *plan, const struct orch_stored_rule *rules, size_t count,
	struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_map *known = orch_map_create();
	int rc = arena == NULL || known == NULL ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
						: ORCH_OK;

	for (size_t i = 0; rc == ORCH_OK && i < count; i++)
		rc = orch_rulefile_check_rule(plan, &rules[i], known, arena, err);
	orch_map_destroy(known, NULL);
	orch_arena_destroy(arena);
	return rc;
}

/* The map holds plain pointers; what it gives back is const again. */
static int index_rule(
	struct orch_map *map, struct orch_text key, const struct orch_stored_rule *rule)
{
	union {
		const struct orch_stored_rule *in;
		void *out;
	} value = { .in = rule };

	if (orch_map_get(map, key) != NULL)
		return ORCH_OK;
	return orch_map_set(map, key, value.out);
}

/* By id, and those that are not removed by tool and name as well. */
static struct orch_map *index_rules(
	const struct orch_stored_rule *rules, size_t count, struct orch_arena *arena)
{
	struct orch_map *map = orch_map_create();
	int rc = map == NULL ? ORCH_E_NOMEM : ORCH_OK;

	for (size_t i = 0; rc == ORCH_OK && i < count; i++) {
		struct orch_stored_rule nameless = rules[i];

		nameless.rule.id = ORCH_TEXT_NONE;
		rc = index_rule(map, rules[i].rule.id, &rules[i]);
		if (rc == ORCH_OK && !rules[i].removed)
			rc = index_rule(map, key_of(arena, &nameless), &rules[i]);
	}
	if (rc != ORCH_OK || orch_arena_failed(arena)) {
		orch_map_destroy(map, NULL);
		return NULL;
	}
	return map;
}

/* The rules that are new or differ, each with the version that it replaces. */
static struct orch_stored_rule *choose(const struct orch_stored_rule *rules, size_t count,
	const struct orch_map *old, struct orch_arena *arena, struct orch_rulefile_outcome *outcome)
{
	struct orch_stored_rule *chosen = orch_arena_alloc_array(arena, count + 1, sizeof(*chosen));
	size_t at = 0;

	for (size_t i = 0; chosen != NULL && i < count; i++) {
		const struct orch_stored_rule *before = orch_map_get(old, key_of(arena, &rules[i]));

		if (before != NULL && same_rule(&rules[i], before)) {
			outcome->unchanged++;
			continue;
		}
		chosen[at] = rules[i];
		if (before != NULL) {
			chosen[at].rule.id = before->rule.id;
			chosen[at].rule.version = before->rule.version;
			outcome->changed++;
		} else {
			chosen[at].rule.version = 0;
			outcome->added++;
		}
		at++;
	}
	return chosen;
}

static int save(struct orch_store *store, const struct orch_stored_rule *rules, size_t count,
	struct orch_text by, struct orch_arena *arena, struct orch_rulefile_outcome *outcome,
	struct orch_err *err)
{
	struct orch_stored_rule *old, *chosen;
	struct orch_map *map;
	size_t old_count;
	int rc = orch_store_rules(store, ORCH_TEXT_NONE, true, arena, &old, &old_count, err);

	if (rc != ORCH_OK)
		return rc;
	map = index_rules(old, old_count, arena);
	chosen = map == NULL ? NULL : choose(rules, count, map, arena, outcome);
	orch_map_destroy(map, NULL);
	if (chosen == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return orch_store_rules_save(
		store, chosen, outcome->added + outcome->changed, by, arena, chosen, err);
}

int orch_rulefile_import(struct orch_plan *plan, struct orch_store *store,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_rulefile_outcome *ret_outcome, struct orch_err *err)
{
	struct orch_rulefile_outcome outcome = { 0 };
	struct orch_arena *arena;
	int rc = orch_rulefile_check(plan, rules, count, err);

	if (rc != ORCH_OK)
		return rc;
	arena = orch_arena_create(0);
	rc = arena == NULL ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
			   : save(store, rules, count, by, arena, &outcome, err);
	orch_arena_destroy(arena);
	if (rc == ORCH_OK)
		*ret_outcome = outcome;
	return rc;
}

int orch_rulefile_read_all(const struct orch_list *files, struct orch_arena *arena,
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

/* Another host may have been first, with a store that was empty for both. */
static bool is_imported(struct orch_store *store)
{
	uint64_t revision = 0;
	struct orch_err ignored;

	return orch_store_rules_revision(store, &revision, &ignored) == ORCH_OK && revision > 0;
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
	rc = orch_rulefile_read_all(&plan->config->rules, arena, &rules, &count, err);
	if (rc == ORCH_OK)
		rc = orch_rulefile_import(
			plan, store, rules, count, ORCH_TEXT("import"), &outcome, err);
	orch_arena_destroy(arena);
	if (rc != ORCH_OK && is_imported(store))
		return ORCH_OK;
	if (rc == ORCH_OK && outcome.added > 0)
		orch_log(ORCH_LOG_INFO, "rules.imported", ORCH_LOG_INT("added", outcome.added));
	return rc;
}
