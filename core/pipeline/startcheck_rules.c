/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files, as the first start would import them: what is wrong would only be missed then. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/map.h"
#include "base/path.h"
#include "base/text.h"
#include "pipeline/rulefile.h"
#include "pipeline/startcheck.h"
#include "plugin/trial.h"

struct placed {
	struct orch_stored_rule rule;
	struct orch_where where;
};

struct orch_startcheck_rules {
	struct orch_arena *arena;
	struct placed *items;
	size_t count, size;
};

static struct placed *make_room(struct orch_startcheck_rules *rules)
{
	size_t size = rules->size == 0 ? 64 : rules->size * 2;
	struct placed *items;

	if (rules->count < rules->size)
		return &rules->items[rules->count];
	items = orch_arena_alloc_array(rules->arena, size, sizeof(*items));
	if (items == NULL)
		return NULL;
	if (rules->count > 0)
		memcpy(items, rules->items, rules->count * sizeof(*items));
	rules->items = items;
	rules->size = size;
	return &rules->items[rules->count];
}

static void take_rules(struct orch_startcheck_rules *rules, const char *path,
	const struct orch_rulefile *file, struct orch_config_errors *errors)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct orch_where where = { path, file->lines[i] };
		struct placed *placed = make_room(rules);
		struct orch_err err;

		if (placed == NULL)
			return;
		placed->where = where;
		if (orch_rulefile_take(file, i, rules->arena, &placed->rule, &err) == ORCH_OK)
			rules->count++;
		else
			orch_config_errors_add(errors, where, ORCH_TEXT("rules"), "%s", err.text);
	}
}

static void read_file(struct orch_startcheck_rules *rules, const char *path,
	struct orch_where named, struct orch_config_errors *errors)
{
	struct orch_rulefile file;
	struct stat found;
	struct orch_err err;
	unsigned line;

	/* A pipe of that name must not hold us up. */
	if (orch_path_stat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
		orch_config_errors_add(errors, named, ORCH_TEXT("rules"),
			"%s is not a regular file; must be a JSON file of rules", path);
		return;
	}
	if (orch_rulefile_open(path, rules->arena, &file, &line, &err) == ORCH_OK) {
		take_rules(rules, path, &file, errors);
		orch_rulefile_close(&file);
	} else if (line > 0) {
		orch_config_errors_add(errors, (struct orch_where){ path, line },
			ORCH_TEXT("rules"), "%s", err.text);
	} else {
		orch_config_errors_add(errors, named, ORCH_TEXT("rules"),
			"%s; must be a JSON file of rules that is there and readable, of at most "
			"%d bytes",
			err.text, ORCH_RULEFILE_BYTES);
	}
}

struct orch_startcheck_rules *orch_startcheck_read_rules(const struct orch_config *config,
	struct orch_arena *arena, struct orch_config_errors *errors)
{
	const struct orch_value *key = orch_value_get(config->root, "rules");
	struct orch_startcheck_rules *rules = orch_arena_alloc(arena, sizeof(*rules));

	if (rules == NULL)
		return NULL;
	rules->arena = arena;
	for (size_t i = 0; i < config->rules.count; i++)
		read_file(rules, config->rules.items[i].ptr,
			key != NULL ? key->where : (struct orch_where){ config->file, 0 }, errors);
	return orch_arena_failed(arena) ? NULL : rules;
}

struct orch_list orch_startcheck_ruled(
	const struct orch_startcheck_rules *rules, struct orch_arena *arena)
{
	struct orch_text *names = orch_arena_alloc_array(arena, rules->count + 1, sizeof(*names));

	for (size_t i = 0; names != NULL && i < rules->count; i++)
		names[i] = rules->items[i].rule.tool;
	return (struct orch_list){ names, names == NULL ? 0 : rules->count };
}

/* Its tool may be among those that could not be read, or be wrong itself. */
static bool is_checkable(const struct orch_plan *plan, const struct orch_stored_rule *rule)
{
	int tool = orch_plan_find_tool(plan, rule->tool);

	return tool >= 0 ? plan->tools[tool].is_sound : !plan->config->failed.tools;
}

struct check {
	struct orch_plan *plan;
	const struct orch_startcheck_rules *rules;
	size_t *at;                        /* the rule under way, shared with a child */
	struct orch_config_errors *errors; /* NULL: only whether it comes back is asked */
};

static void check_rules(void *arg)
{
	const struct check *check = arg;
	struct orch_map *known = orch_map_create();
	struct orch_err err;

	for (*check->at = 0; known != NULL && *check->at < check->rules->count; ++*check->at) {
		const struct placed *placed = &check->rules->items[*check->at];

		if (!is_checkable(check->plan, &placed->rule))
			continue;
		if (check->errors == NULL)
			orch_trial_begin_anew();
		if (orch_rulefile_check_rule(check->plan, &placed->rule, known, check->rules->arena,
			    &err) != ORCH_OK &&
			check->errors != NULL)
			orch_config_errors_add(
				check->errors, placed->where, ORCH_TEXT("rules"), "%s", err.text);
	}
	orch_map_destroy(known, NULL);
}

static void refuse_crash(
	const struct check *check, const char *why, struct orch_config_errors *errors)
{
	/* A child that crashed may have left anything there; behind the end it is the last one's doing. */
	size_t last = check->rules->count - 1, at = *check->at;
	const struct placed *placed = &check->rules->items[at < last ? at : last];

	check->plan->has_crashed = true;
	orch_config_errors_add(errors, placed->where, ORCH_TEXT("rules"),
		"rule %.*s: its tool %.*s fails: %s",
		ORCH_TEXT_ARG(placed->rule.rule.id.len > 0 ? placed->rule.rule.id
							   : placed->rule.rule.name),
		ORCH_TEXT_ARG(placed->rule.tool), why);
}

void orch_startcheck_try_rules(struct orch_plan *plan, enum orch_plan_trust trust,
	struct orch_startcheck_rules *rules, struct orch_config_errors *errors)
{
	size_t *at = orch_trial_share(sizeof(*at));
	struct check check = { plan, rules, at, NULL };
	const char *doing = "the rule was tried";
	struct orch_err err;

	if (at == NULL)
		orch_config_errors_add(errors, (struct orch_where){ plan->config->file, 0 },
			ORCH_TEXT("rules"), "no memory to try them");
	else if (rules->count > 0 && trust == ORCH_PLAN_TRIES &&
		orch_trial_run(check_rules, &check, &doing, &err) != ORCH_OK)
		refuse_crash(&check, err.text, errors);
	else {
		check.errors = errors;
		check_rules(&check);
	}
	orch_trial_unshare(at, sizeof(*at));
}
