/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy rules that can never match: asked for what cannot be, or behind one
 * that takes all.  Those that could not be read are passed over.
 */
#include "base/text.h"
#include "config/reader.h"

static bool asks_findings(const struct orch_config_when *when)
{
	return when->tool.len > 0 || when->rule.len > 0 || when->severity >= 0 ||
		when->findings > 0;
}

static uint32_t least_findings(const struct orch_config_when *when)
{
	return when->findings > 0 ? when->findings : 1;
}

static bool covers_text(struct orch_text wide, struct orch_text narrow)
{
	return wide.len == 0 || orch_text_equal(wide, narrow);
}

static bool covers_findings(
	const struct orch_config_when *wide, const struct orch_config_when *narrow)
{
	if (!asks_findings(wide))
		return true;
	return asks_findings(narrow) && covers_text(wide->tool, narrow->tool) &&
		covers_text(wide->rule, narrow->rule) && wide->severity <= narrow->severity &&
		least_findings(wide) <= least_findings(narrow);
}

static bool has_text(struct orch_list list, struct orch_text text)
{
	for (size_t i = 0; i < list.count; i++)
		if (orch_text_equal(list.items[i], text))
			return true;
	return false;
}

static bool covers_field(const struct orch_config_when *wide, const struct orch_config_when *narrow)
{
	if (wide->field.len == 0)
		return true;
	if (!orch_text_equal(wide->field, narrow->field) || narrow->equals.count == 0)
		return false;
	for (size_t i = 0; i < narrow->equals.count; i++)
		if (!has_text(wide->equals, narrow->equals.items[i]))
			return false;
	return true;
}

/* Rules about events and rules about records do not stand in each other's way. */
static bool covers_record(
	const struct orch_config_when *wide, const struct orch_config_when *narrow)
{
	return orch_text_equal(wide->record, narrow->record) ||
		(orch_text_is(wide->record, "*") && narrow->record.len > 0);
}

/* Does WIDE match whenever NARROW does? */
static bool covers(const struct orch_config_when *wide, const struct orch_config_when *narrow)
{
	return covers_record(wide, narrow) && covers_findings(wide, narrow) &&
		covers_field(wide, narrow) && covers_text(wide->type, narrow->type) &&
		(!wide->uninspected || narrow->uninspected);
}

static void check_reached(struct orch_reader *reader, struct orch_text path,
	const struct orch_config_pipeline *pipeline, size_t index)
{
	const struct orch_config_policy *rule = &pipeline->policy[index];

	for (size_t i = 0; i < index; i++) {
		const struct orch_config_policy *before = &pipeline->policy[i];

		if (before->failed || before->go_on || !covers(&before->when, &rule->when))
			continue;
		orch_reader_error(reader, rule->where, path,
			"can never match: the rule on line %u takes all that this one would; put "
			"this one before it, or give that one continue = true",
			before->where.line);
		return;
	}
}

static bool is_tool_of(const struct orch_reader *reader,
	const struct orch_config_pipeline *pipeline, struct orch_text name)
{
	for (size_t i = 0; i < pipeline->tool_count; i++)
		if (orch_text_equal(reader->config->tools[pipeline->tools[i]].name, name))
			return true;
	return false;
}

static struct orch_text nearest_tool(const struct orch_reader *reader,
	const struct orch_config_pipeline *pipeline, struct orch_text name)
{
	const char **names =
		orch_arena_alloc_array(reader->arena, pipeline->tool_count + 1, sizeof(*names));

	if (names == NULL)
		return ORCH_TEXT_NONE;
	for (size_t i = 0; i < pipeline->tool_count; i++)
		names[i] = reader->config->tools[pipeline->tools[i]].name.ptr;
	return orch_config_did_you_mean(reader->arena, name, names, pipeline->tool_count);
}

/* Of tools that could not be read it is not known whether they would do. */
static void check_tools(struct orch_reader *reader, struct orch_text path,
	const struct orch_config_pipeline *pipeline, const struct orch_config_policy *rule)
{
	const struct orch_config_when *when = &rule->when;

	if (pipeline->tools_failed)
		return;
	if (pipeline->tool_count == 0 && asks_findings(when))
		orch_reader_error(reader, rule->where, path,
			"can never match: it asks for findings, but the pipeline has no tools; add "
			"tools = [ \"…\" ]");
	else if (when->tool.len > 0 && !is_tool_of(reader, pipeline, when->tool))
		orch_reader_error(reader, rule->where, path,
			"can never match: \"%.*s\" is not among the pipeline's tools; must be one "
			"of them%.*s",
			ORCH_TEXT_ARG(when->tool),
			ORCH_TEXT_ARG(nearest_tool(reader, pipeline, when->tool)));
	if (pipeline->tool_count == 0 && when->record.len > 0)
		orch_reader_error(reader, rule->where, path,
			"can never match: it asks for records, but the pipeline has no tools; add "
			"tools = [ \"…\" ]");
}

static void check_findings(
	struct orch_reader *reader, struct orch_text path, const struct orch_config_policy *rule)
{
	const struct orch_config_when *when = &rule->when;

	if (when->findings > reader->config->findings)
		orch_reader_error(reader, rule->where, path,
			"can never match: it asks for %u findings, but of one event at most %u are "
			"kept; must be at most limits.findings",
			when->findings, reader->config->findings);
}

void orch_config_check_policy(struct orch_reader *reader, struct orch_text path,
	const struct orch_config_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->policy_count; i++) {
		struct orch_text rule_path =
			orch_arena_printf(reader->arena, "%.*s[%zu]", ORCH_TEXT_ARG(path), i);

		if (pipeline->policy[i].failed)
			continue;
		check_tools(reader, rule_path, pipeline, &pipeline->policy[i]);
		check_findings(reader, rule_path, &pipeline->policy[i]);
		check_reached(reader, rule_path, pipeline, i);
	}
}
