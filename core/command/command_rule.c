/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as they stand: list, show, export. */
#include <string.h>

#include "base/text.h"
#include "command/commands.h"
#include "command/rules.h"
#include "model/event.h"
#include "pipeline/rulefile.h"

#define OUTPUT_BYTES (64 * 1024 * 1024)

int orch_rules_open(struct orch_cli *cli, struct orch_rules *ret_rules)
{
	struct orch_rules rules = { 0 };
	struct orch_err err = { "" };
	int rc;

	rules.plan = orch_cli_plan(cli);
	if (rules.plan == NULL)
		return ORCH_EXIT_CONFIG;
	rc = orch_cli_keep(cli, rules.plan->config, &rules.keep);
	if (rc == ORCH_EXIT_OK &&
		orch_rulefile_first_import(rules.plan, rules.keep.store, &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_CONFIG, "%s", err.text);
	if (rc != ORCH_EXIT_OK) {
		orch_rules_close(&rules);
		return rc;
	}
	*ret_rules = rules;
	return ORCH_EXIT_OK;
}

void orch_rules_close(struct orch_rules *rules)
{
	if (rules->keep.store != NULL)
		orch_keep_close(&rules->keep);
	orch_plan_unref(rules->plan);
}

int orch_rules_find(struct orch_cli *cli, const struct orch_rules *rules, const char *word,
	struct orch_stored_rule *ret_rule)
{
	struct orch_err err = { "" };

	if (orch_store_rule(rules->keep.store, orch_text_from(word), cli->arena, ret_rule, &err) !=
		ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_NOT_THERE, "%s", err.text);
	return ORCH_EXIT_OK;
}

struct orch_plan_instance *orch_rules_tool(const struct orch_rules *rules, struct orch_text name)
{
	int tool = orch_plan_find_tool(rules->plan, name);

	return tool < 0 ? NULL : &rules->plan->tools[tool];
}

static void add_row(
	const struct orch_cli *cli, struct orch_buf *cells, const struct orch_stored_rule *rule)
{
	const char *style = rule->damaged       ? ORCH_CLI_RED
		: rule->state == ORCH_RULE_LIVE ? ORCH_CLI_GREEN
						: ORCH_CLI_DIM;

	orch_cli_add_styled(cli, cells, NULL, rule->rule.id);
	orch_buf_printf(cells, "\t%u\t", rule->rule.version);
	orch_cli_add_styled(cli, cells, NULL, rule->tool);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, style, orch_text_from(orch_rule_standing(rule)));
	orch_buf_printf(cells, "\t%s\t", orch_severity_name(rule->rule.severity));
	orch_cli_add_styled(cli, cells, NULL, rule->rule.name);
	orch_buf_add_char(cells, '\n');
}

static void print_rules(struct orch_cli *cli, const struct orch_stored_rule *rules, size_t count)
{
	struct orch_buf cells, out;

	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "ID\tVERSION\tTOOL\tSTATE\tSEVERITY\tNAME\n");
	for (size_t i = 0; i < count; i++) {
		if (cli->json) {
			orch_rulefile_write_rule(&out, &rules[i], true);
			orch_buf_add_char(&out, '\n');
		} else {
			add_row(cli, &cells, &rules[i]);
		}
	}
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
}

int orch_command_rule_list(struct orch_cli *cli)
{
	struct orch_stored_rule *list;
	struct orch_err err = { "" };
	struct orch_rules rules;
	size_t count;
	int rc = orch_rules_open(cli, &rules);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_store_rules(rules.keep.store, orch_text_from(orch_cli_get(cli, "tool")), false,
		    cli->arena, &list, &count, &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	else
		print_rules(cli, list, count);
	orch_rules_close(&rules);
	return rc;
}

static void add_examples(
	const struct orch_cli *cli, struct orch_buf *out, const char *name, struct orch_list list)
{
	for (size_t i = 0; i < list.count; i++)
		orch_cli_add_line(cli, out, i == 0 ? name : "", list.items[i]);
}

static void add_rule(
	struct orch_cli *cli, struct orch_buf *out, const struct orch_stored_rule *rule)
{
	orch_cli_add_line(cli, out, "id", rule->rule.id);
	orch_cli_add_line(cli, out, "name", rule->rule.name);
	orch_cli_add_filled_line(cli, out, "description", rule->description);
	orch_cli_add_line(cli, out, "tool", rule->tool);
	orch_cli_add_line(cli, out, "expression", rule->rule.expression);
	orch_cli_add_filled_line(cli, out, "options", rule->rule.options);
	orch_cli_add_line(
		cli, out, "severity", orch_text_from(orch_severity_name(rule->rule.severity)));
	orch_cli_add_line(cli, out, "state", orch_text_from(orch_rule_standing(rule)));
	add_examples(cli, out, "matches", rule->matches);
	add_examples(cli, out, "no matches", rule->no_matches);
	orch_buf_add_string(out, "\n");
}

static void add_history(struct orch_cli *cli, struct orch_buf *out,
	const struct orch_stored_rule *versions, size_t count)
{
	struct orch_buf cells;

	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "VERSION\tCHANGED\tBY\tSTATE\tEXPRESSION\n");
	for (size_t i = 0; i < count; i++) {
		orch_buf_printf(&cells, "%u\t%.*s\t", versions[i].rule.version,
			ORCH_TEXT_ARG(orch_cli_time(cli, versions[i].changed_ms)));
		orch_cli_add_styled(cli, &cells, NULL, versions[i].changed_by);
		orch_buf_printf(&cells, "\t%s\t", orch_rule_standing(&versions[i]));
		orch_cli_add_styled(cli, &cells, ORCH_CLI_DIM, versions[i].rule.expression);
		orch_buf_add_char(&cells, '\n');
	}
	orch_cli_add_table(cli, out, orch_buf_text(&cells));
	orch_buf_fini(&cells);
}

static int show(struct orch_cli *cli, const struct orch_rules *rules)
{
	struct orch_stored_rule rule, *versions;
	struct orch_err err = { "" };
	struct orch_buf out;
	size_t count;
	int rc = orch_rules_find(cli, rules, cli->words[0], &rule);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_store_rule_history(rules->keep.store, rule.rule.id, cli->arena, &versions, &count,
		    &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (cli->json) {
		print_rules(cli, versions, count);
		return ORCH_EXIT_OK;
	}
	orch_buf_init(&out, OUTPUT_BYTES);
	add_rule(cli, &out, &rule);
	add_history(cli, &out, versions, count);
	orch_cli_print(&out);
	orch_buf_fini(&out);
	return ORCH_EXIT_OK;
}

int orch_command_rule_show(struct orch_cli *cli)
{
	struct orch_rules rules;
	int rc = orch_rules_open(cli, &rules);

	if (rc != ORCH_EXIT_OK)
		return rc;
	rc = show(cli, &rules);
	orch_rules_close(&rules);
	return rc;
}

/* Without those of which nobody knows what they were. */
static int print_file(struct orch_cli *cli, struct orch_stored_rule *list, size_t all)
{
	struct orch_buf out;
	size_t count = 0;

	for (size_t i = 0; i < all; i++)
		if (!list[i].damaged)
			list[count++] = list[i];
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&out, "{ \"rules\": [\n");
	for (size_t i = 0; i < count; i++) {
		orch_buf_add_string(&out, "  ");
		orch_rulefile_write_rule(&out, &list[i], false);
		orch_buf_add_string(&out, i + 1 < count ? ",\n" : "\n");
	}
	orch_buf_add_string(&out, "] }\n");
	orch_cli_print(&out);
	orch_buf_fini(&out);
	return count == all
		? ORCH_EXIT_OK
		: orch_cli_fail(cli, ORCH_EXIT_FAILED,
			  "%zu rules are damaged and left out; see rule list", all - count);
}

int orch_command_rule_export(struct orch_cli *cli)
{
	struct orch_stored_rule *list;
	struct orch_err err = { "" };
	struct orch_rules rules;
	size_t count;
	int rc = orch_rules_open(cli, &rules);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_store_rules(rules.keep.store, orch_text_from(orch_cli_get(cli, "tool")), false,
		    cli->arena, &list, &count, &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	else
		rc = print_file(cli, list, count);
	orch_rules_close(&rules);
	return rc;
}
