/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/plan.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/map.h"
#include "base/text.h"

static struct orch_list copy_list(struct orch_arena *arena, struct orch_list list)
{
	struct orch_text *items = orch_arena_alloc_array(arena, list.count, sizeof(*items));

	for (size_t i = 0; items != NULL && i < list.count; i++)
		items[i] = orch_arena_text(arena, list.items[i]);
	return (struct orch_list){ items, items == NULL ? 0 : list.count };
}

static void copy_rule(
	struct orch_arena *arena, const struct orch_stored_rule *from, struct orch_stored_rule *to)
{
	*to = *from;
	to->rule.id = orch_arena_text(arena, from->rule.id);
	to->rule.name = orch_arena_text(arena, from->rule.name);
	to->rule.expression = orch_arena_text(arena, from->rule.expression);
	to->rule.options = orch_arena_text(arena, from->rule.options);
	to->tool = orch_arena_text(arena, from->tool);
	to->description = orch_arena_text(arena, from->description);
	to->matches = copy_list(arena, from->matches);
	to->no_matches = copy_list(arena, from->no_matches);
	to->created_by = orch_arena_text(arena, from->created_by);
	to->changed_by = orch_arena_text(arena, from->changed_by);
}

/* The rules that a tool is to apply, and for each its index among all that were given. */
static struct orch_stored_rule *keep_active(struct orch_ruleset *set,
	const struct orch_stored_rule *rules, size_t count, size_t *origins)
{
	struct orch_stored_rule *kept =
		orch_arena_alloc_array(set->arena, count + 1, sizeof(*kept));

	for (size_t i = 0; kept != NULL && i < count; i++) {
		if (rules[i].removed || rules[i].damaged || rules[i].state == ORCH_RULE_OFF)
			continue;
		origins[set->count] = i;
		set->live += rules[i].state == ORCH_RULE_LIVE;
		copy_rule(set->arena, &rules[i], &kept[set->count++]);
	}
	return kept;
}

static int index_rules(struct orch_ruleset *set)
{
	set->by_id = orch_map_create();
	if (set->by_id == NULL)
		return ORCH_E_NOMEM;
	for (size_t i = 0; i < set->count; i++) {
		/* The map holds plain pointers; what it gives back is const again. */
		union {
			const struct orch_stored_rule *in;
			void *out;
		} rule = { .in = &set->rules[i] };

		if (orch_map_set(set->by_id, set->rules[i].rule.id, rule.out) != ORCH_OK)
			return ORCH_E_NOMEM;
	}
	return ORCH_OK;
}

static int compile(struct orch_ruleset *set, const struct orch_plugin *plugin,
	const struct orch_host *host, const void *settings, const size_t *origins, size_t *ret_bad,
	struct orch_err *err)
{
	struct orch_rule *plain =
		orch_arena_alloc_array(set->arena, set->count + 1, sizeof(*plain));
	size_t bad = 0;
	int rc;

	if (plain == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the rules");
	for (size_t i = 0; i < set->count; i++) {
		plain[i] = set->rules[i].rule;
		plain[i].size = sizeof(plain[i]);
	}
	err->text[0] = '\0';
	rc = orch_code_settle(
		plugin->tool->compile(host, settings, plain, set->count, &set->set, &bad, err),
		"compile", err);
	if (rc != ORCH_OK && ret_bad != NULL)
		*ret_bad = bad < set->count ? origins[bad] : ORCH_RULESET_NO_RULE;
	return rc;
}

int orch_ruleset_create(const struct orch_plugin *plugin, const struct orch_host *host,
	const void *settings, const struct orch_stored_rule *rules, size_t count,
	struct orch_ruleset **ret_set, size_t *ret_bad, struct orch_err *err)
{
	struct orch_ruleset *set = orch_alloc(sizeof(*set));
	size_t *origins;
	int rc = ORCH_E_NOMEM;

	if (set == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the rules");
	set->refs = 1;
	set->ops = plugin->tool;
	set->arena = orch_arena_create(0);
	if (set->arena == NULL)
		goto fail;
	origins = orch_arena_alloc_array(set->arena, count + 1, sizeof(*origins));
	if (origins == NULL)
		goto fail;
	set->rules = keep_active(set, rules, count, origins);
	if (set->rules == NULL || index_rules(set) != ORCH_OK || orch_arena_failed(set->arena))
		goto fail;
	rc = compile(set, plugin, host, settings, origins, ret_bad, err);
	if (rc != ORCH_OK) {
		orch_ruleset_unref(set);
		return rc;
	}
	*ret_set = set;
	return ORCH_OK;
fail:
	orch_ruleset_unref(set);
	return orch_fail(err, rc, "no memory for the rules");
}

struct orch_ruleset *orch_ruleset_ref(struct orch_ruleset *set)
{
	if (set != NULL)
		set->refs++;
	return set;
}

void orch_ruleset_unref(struct orch_ruleset *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	if (set->set != NULL && set->ops->release != NULL)
		set->ops->release(set->set);
	orch_map_destroy(set->by_id, NULL);
	orch_arena_destroy(set->arena);
	orch_free(set);
}

const struct orch_stored_rule *orch_ruleset_rule(
	const struct orch_ruleset *set, struct orch_text id)
{
	return set == NULL ? NULL : orch_map_get(set->by_id, id);
}
