/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline's policy: its rules in order. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config_policy, member)
#define WHEN(member) offsetof(struct orch_config_when, member)
#define FINDINGS_MAX 1000000

static const struct orch_key rule_keys[] = {
	{ .name = "when", .type = ORCH_KEY_OTHER },
	{ .name = "verdict",
		.type = ORCH_KEY_CHOICE,
		.offset = AT(verdict),
		.fallback = "pass",
		.choices = "pass|flag|block" },
	{ .name = "actions", .type = ORCH_KEY_OTHER },
	{ .name = "continue", .type = ORCH_KEY_BOOL, .offset = AT(go_on), .fallback = "false" },
	{ .name = NULL },
};

static const struct orch_key when_keys[] = {
	{ .name = "tool", .type = ORCH_KEY_TEXT, .offset = WHEN(tool) },
	{ .name = "rule", .type = ORCH_KEY_TEXT, .offset = WHEN(rule) },
	{ .name = "severity", .type = ORCH_KEY_OTHER },
	{ .name = "findings",
		.type = ORCH_KEY_COUNT,
		.offset = WHEN(findings),
		.min = 1,
		.max = FINDINGS_MAX },
	{ .name = "field", .type = ORCH_KEY_TEXT, .offset = WHEN(field) },
	{ .name = "equals", .type = ORCH_KEY_OTHER },
	{ .name = "type", .type = ORCH_KEY_TEXT, .offset = WHEN(type) },
	{ .name = "record", .type = ORCH_KEY_TEXT, .offset = WHEN(record) },
	{ .name = "uninspected", .type = ORCH_KEY_BOOL, .offset = WHEN(uninspected) },
	{ .name = NULL },
};

static void read_severity(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, struct orch_config_when *when)
{
	struct orch_value *value = orch_value_get(group, "severity");
	struct orch_err err;
	uint32_t index;

	when->severity = -1;
	if (value == NULL)
		return;
	if (orch_value_to_choice(value, "info|low|medium|high|critical", &index, &err) == ORCH_OK)
		when->severity = (int)index;
	else
		orch_reader_error(reader, value->where, orch_reader_path(reader, path, "severity"),
			"%s", err.text);
}

/* One string, or a list of them. */
static void read_equals(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	struct orch_config_when *when)
{
	struct orch_value *value = orch_value_get(group, "equals");
	struct orch_err err;

	path = orch_reader_path(reader, path, "equals");
	if (value == NULL) {
		if (when->field.len > 0)
			orch_reader_error(reader, orch_reader_where(group, "field"), path,
				"missing, so the field is compared with nothing; add equals = "
				"\"…\"");
		return;
	}
	if (orch_value_get(group, "field") == NULL)
		orch_reader_error(reader, value->where, path,
			"does not say what is compared; add field = \"…\"");
	if (value->kind == ORCH_VALUE_TEXT) {
		when->equals = (struct orch_list){ &value->text, 1 };
		return;
	}
	if (orch_value_to_texts(value, reader->arena, &when->equals, &err) != ORCH_OK)
		orch_reader_error(reader, value->where, path, "%s", err.text);
	else if (value->count == 0)
		orch_reader_error(reader, value->where, path,
			"is empty, so the rule can never match; name at least one value");
}

/* A condition that is false would be one that nobody asked: the opposite cannot be asked for. */
static void read_uninspected(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const struct orch_config_when *when)
{
	const struct orch_value *value = orch_value_get(group, "uninspected");

	if (value != NULL && value->kind == ORCH_VALUE_BOOL && !when->uninspected)
		orch_reader_error(reader, value->where,
			orch_reader_path(reader, path, "uninspected"),
			"false asks for nothing; must be true, or leave it out and put a rule with "
			"uninspected = true before this one");
}

static void read_when(struct orch_reader *reader, struct orch_value *block, struct orch_text path,
	struct orch_config_when *when)
{
	struct orch_value *group =
		orch_reader_group(reader, block, path, "when", "{ severity = \"high\"; }");

	path = orch_reader_path(reader, path, "when");
	orch_reader_keys(reader, group, path, when_keys, when);
	orch_reader_refuse_unknown(reader, group, path, when_keys);
	read_severity(reader, group, path, when);
	read_uninspected(reader, group, path, when);
	if (group != NULL)
		read_equals(reader, group, path, when);
}

static void read_rule(struct orch_reader *reader, struct orch_value *block, struct orch_text path,
	struct orch_config_policy *rule)
{
	const struct orch_config *config = reader->config;
	const struct orch_reference actions = { "actions", "action", config->actions,
		config->action_count, config->failed.actions };
	const struct orch_value *go_on = orch_value_get(block, "continue");
	size_t before;

	rule->where = block->where;
	orch_reader_keys(reader, block, path, rule_keys, rule);
	orch_reader_refuse_unknown(reader, block, path, rule_keys);
	before = orch_config_errors_total(reader->errors);
	read_when(reader, block, path, &rule->when);
	rule->failed = orch_config_errors_total(reader->errors) != before ||
		(go_on != NULL && go_on->kind != ORCH_VALUE_BOOL);
	(void)orch_reader_references(
		reader, block, path, &actions, &rule->actions, &rule->action_count);
}

/* Does any rule name an action, be it a wrong one? */
static bool names_action(const struct orch_value *list)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->items[i].count; k++)
			if (orch_text_is(list->items[i].items[k].name, "actions") &&
				(list->items[i].items[k].kind != ORCH_VALUE_LIST ||
					list->items[i].items[k].count > 0))
				return true;
	return false;
}

void orch_config_read_policy(struct orch_reader *reader, struct orch_value *block,
	struct orch_text path, struct orch_config_pipeline *pipeline)
{
	struct orch_value *list = orch_reader_blocks(reader, block, path, "policy", NULL);
	struct orch_value *named = orch_value_get(block, "policy");

	if (named == NULL || (list != NULL && list->count == 0)) {
		orch_reader_error(reader, named == NULL ? block->where : named->where, path,
			"has no policy, so nothing would ever be done; add policy = ( { verdict = "
			"\"…\"; actions = [ … ]; } )");
		return;
	}
	if (list == NULL)
		return;
	path = orch_reader_path(reader, path, "policy");
	if (!names_action(list))
		orch_reader_error(reader, list->where, path,
			"no rule has an action, so nothing would ever be done; add actions = [ "
			"\"…\" ] to one");
	pipeline->policy =
		orch_arena_alloc_array(reader->arena, list->count, sizeof(*pipeline->policy));
	if (pipeline->policy == NULL)
		return;
	pipeline->policy_count = list->count;
	for (size_t i = 0; i < list->count; i++)
		read_rule(reader, &list->items[i],
			orch_arena_printf(reader->arena, "%.*s[%zu]", ORCH_TEXT_ARG(path), i),
			&pipeline->policy[i]);
	orch_config_check_policy(reader, path, pipeline);
}
