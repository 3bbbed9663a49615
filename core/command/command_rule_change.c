/* SPDX-License-Identifier: Apache-2.0 */
/* Changing rules: add, edit, remove, test, import.  Nothing is saved that was not checked. */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "command/commands.h"
#include "command/rules.h"
#include "model/event.h"
#include "pipeline/rulecheck.h"
#include "pipeline/rulefile.h"

#define STANDARD_INPUT "/dev/stdin"
#define EXAMPLES_MAX 64
#define OUTPUT_BYTES (16 * 1024 * 1024)
#define TEXT_BYTES (64 * 1024 * 1024)

/* Who is at the keyboard, for the history. */
static struct orch_text who(struct orch_cli *cli)
{
	struct passwd entry, *found = NULL;
	char space[4096];

	if (getpwuid_r(getuid(), &entry, space, sizeof(space), &found) == 0 && found != NULL)
		return orch_arena_text(cli->arena, orch_text_from(found->pw_name));
	return orch_arena_printf(cli->arena, "uid %u", (unsigned)getuid());
}

static int take_examples(struct orch_cli *cli, const char *option, struct orch_list *list)
{
	struct orch_text *items =
		orch_arena_alloc_array(cli->arena, list->count + EXAMPLES_MAX, sizeof(*items));
	size_t cursor = 0, count = list->count;
	const char *value;

	if (items == NULL)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "out of memory");
	if (count > 0)
		memcpy(items, list->items, count * sizeof(*items));
	while (orch_cli_next(cli, option, &cursor, &value))
		items[count++] = orch_text_from(value);
	*list = (struct orch_list){ items, count };
	return ORCH_EXIT_OK;
}

static int take_grades(struct orch_cli *cli, struct orch_stored_rule *rule)
{
	const char *severity = orch_cli_get(cli, "severity");
	const char *state = orch_cli_get(cli, "state");
	int grade = orch_severity_from(orch_text_from(severity));
	int stands = orch_rule_state_from(orch_text_from(state));

	if (severity != NULL && grade < 0)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"\"%s\" is no severity; info, low, medium, high and critical are",
			severity);
	if (state != NULL && stands < 0)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"\"%s\" is no state; live, shadow and off are", state);
	if (severity != NULL)
		rule->rule.severity = (uint32_t)grade;
	if (state != NULL)
		rule->state = (enum orch_rule_state)stands;
	return ORCH_EXIT_OK;
}

static int take_options(struct orch_cli *cli, struct orch_stored_rule *rule)
{
	const char *options = orch_cli_get(cli, "options");
	struct json_object *object = NULL;
	struct orch_err err = { "" };
	int rc = ORCH_EXIT_OK;

	if (options == NULL)
		return ORCH_EXIT_OK;
	if (orch_json_parse(orch_text_from(options), &object, &err) != ORCH_OK ||
		!json_object_is_type(object, json_type_object))
		rc = orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"--options wants a JSON object such as '{\"check\":\"luhn\"}'");
	else
		rule->rule.options = orch_arena_text(cli->arena, orch_json_print(object));
	json_object_put(object);
	return rc;
}

static void take_text(const struct orch_cli *cli, const char *option, struct orch_text *text)
{
	const char *value = orch_cli_get(cli, option);

	if (value != NULL)
		*text = orch_text_from(value);
}

static int take_all(struct orch_cli *cli, struct orch_stored_rule *rule)
{
	int rc = take_grades(cli, rule);

	take_text(cli, "name", &rule->rule.name);
	take_text(cli, "description", &rule->description);
	if (rc == ORCH_EXIT_OK)
		rc = take_options(cli, rule);
	if (rc == ORCH_EXIT_OK)
		rc = take_examples(cli, "match", &rule->matches);
	if (rc == ORCH_EXIT_OK)
		rc = take_examples(cli, "no-match", &rule->no_matches);
	return rc;
}

static int check_and_save(
	struct orch_cli *cli, struct orch_rules *rules, const struct orch_stored_rule *rule)
{
	struct orch_plan_instance *tool = orch_rules_tool(rules, rule->tool);
	struct orch_stored_rule saved;
	struct orch_err err = { "" };
	struct orch_buf out;
	int rc;

	if (tool == NULL)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "%s has no tool \"%.*s\"", cli->file,
			ORCH_TEXT_ARG(rule->tool));
	if (orch_rulecheck(tool, rule, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	rc = orch_store_rule_save(rules->keep.store, rule, who(cli), cli->arena, &saved, &err);
	if (rc == ORCH_E_AGAIN)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED,
			"somebody else has changed the rule meanwhile; look at it and try again");
	if (rc != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	orch_buf_init(&out, OUTPUT_BYTES);
	if (cli->json) {
		orch_rulefile_write_rule(&out, &saved, true);
	} else {
		orch_cli_add_styled(cli, &out, NULL, saved.rule.id);
		orch_buf_printf(&out, " is saved as version %u, %s", saved.rule.version,
			orch_rule_state_name(saved.state));
	}
	orch_buf_add_char(&out, '\n');
	orch_cli_print(&out);
	orch_buf_fini(&out);
	return ORCH_EXIT_OK;
}

static int add(struct orch_cli *cli, struct orch_rules *rules)
{
	struct orch_stored_rule rule = {
		.rule = { .size = sizeof(rule.rule),
			.severity = ORCH_MEDIUM,
			.id = ORCH_TEXT_NONE,
			.name = ORCH_TEXT_NONE,
			.options = ORCH_TEXT_NONE,
			.expression = orch_text_from(cli->words[0]) },
		.tool = orch_text_from(orch_cli_get(cli, "tool")),
		.description = ORCH_TEXT_NONE,
		.created_by = ORCH_TEXT_NONE,
		.changed_by = ORCH_TEXT_NONE,
	};
	int rc = take_all(cli, &rule);

	take_text(cli, "id", &rule.rule.id);
	if (rc == ORCH_EXIT_OK && (rule.tool.len == 0 || rule.rule.name.len == 0))
		rc = orch_cli_fail(cli, ORCH_EXIT_USAGE, "--tool and --name must be given");
	return rc == ORCH_EXIT_OK ? check_and_save(cli, rules, &rule) : rc;
}

/* An option of the command itself, not one that all commands take. */
static bool wants_change(const struct orch_cli *cli)
{
	const struct orch_cli_option *option = cli->command->options;

	for (; option->name != NULL; option++)
		if (orch_cli_get(cli, option->name) != NULL)
			return true;
	return false;
}

/* One that was removed is not there any more, though its id still finds its history. */
static int find_standing(
	struct orch_cli *cli, const struct orch_rules *rules, struct orch_stored_rule *ret_rule)
{
	int rc = orch_rules_find(cli, rules, cli->words[0], ret_rule);

	if (rc == ORCH_EXIT_OK && ret_rule->removed && !ret_rule->damaged)
		return orch_cli_fail(cli, ORCH_EXIT_NOT_THERE,
			"there is no rule \"%s\": it was removed; see orchestrator rule show %s",
			cli->words[0], cli->words[0]);
	return rc;
}

static int refuse_damaged(struct orch_cli *cli, const struct orch_stored_rule *rule)
{
	if (!rule->damaged)
		return ORCH_EXIT_OK;
	return orch_cli_fail(cli, ORCH_EXIT_FAILED,
		"the row of %.*s was changed on the disk, and nobody knows what it was; import it "
		"anew, or remove it",
		ORCH_TEXT_ARG(rule->rule.id));
}

static int edit(struct orch_cli *cli, struct orch_rules *rules)
{
	struct orch_stored_rule rule;
	int rc = find_standing(cli, rules, &rule);

	if (rc == ORCH_EXIT_OK)
		rc = refuse_damaged(cli, &rule);
	if (rc != ORCH_EXIT_OK)
		return rc;
	if (!wants_change(cli))
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "say what to change; see --help");
	if (orch_cli_get(cli, "clear-examples") != NULL)
		rule.matches.count = rule.no_matches.count = 0;
	take_text(cli, "expression", &rule.rule.expression);
	rc = take_all(cli, &rule);
	return rc == ORCH_EXIT_OK ? check_and_save(cli, rules, &rule) : rc;
}

static int remove_rule(struct orch_cli *cli, struct orch_rules *rules)
{
	struct orch_stored_rule rule;
	struct orch_err err = { "" };
	struct orch_buf out;
	int rc = find_standing(cli, rules, &rule);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_store_rule_remove(rules->keep.store, rule.rule.id, who(cli), &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	orch_buf_init(&out, OUTPUT_BYTES);
	if (cli->json) {
		orch_buf_add_string(&out, "{\"removed\":");
		orch_buf_add_json(&out, rule.rule.id);
		orch_buf_add_string(&out, "}\n");
	} else {
		orch_cli_add_styled(cli, &out, NULL, rule.rule.id);
		orch_buf_add_string(&out, " is removed; its history stays\n");
	}
	orch_cli_print(&out);
	orch_buf_fini(&out);
	return ORCH_EXIT_OK;
}

static void print_hits(struct orch_cli *cli, struct orch_text text,
	const struct orch_finding *findings, size_t count)
{
	struct orch_buf out;

	orch_buf_init(&out, OUTPUT_BYTES);
	for (size_t i = 0; i < count; i++) {
		struct orch_text hit = ORCH_TEXT_NONE;

		if (findings[i].start <= text.len &&
			findings[i].length <= text.len - findings[i].start)
			hit = (struct orch_text){ text.ptr + findings[i].start,
				(size_t)findings[i].length };
		if (cli->json) {
			orch_buf_printf(&out, "{\"start\":%llu,\"length\":%llu,\"text\":",
				(unsigned long long)findings[i].start,
				(unsigned long long)findings[i].length);
			orch_buf_add_json(&out, hit);
			orch_buf_add_string(&out, "}\n");
			continue;
		}
		orch_buf_printf(&out, "%llu\t%llu\t", (unsigned long long)findings[i].start,
			(unsigned long long)findings[i].length);
		orch_cli_add_styled(cli, &out, ORCH_CLI_RED, hit);
		orch_buf_add_char(&out, '\n');
	}
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

static int test_examples(
	struct orch_cli *cli, struct orch_plan_instance *tool, const struct orch_stored_rule *rule)
{
	struct orch_err err = { "" };

	if (orch_rulecheck(tool, rule, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	printf(cli->json ? "{\"ok\":true}\n"
			 : "its expression compiles, its examples come out right\n");
	return ORCH_EXIT_OK;
}

static int test_text(struct orch_cli *cli, struct orch_plan_instance *tool,
	const struct orch_stored_rule *rule, struct orch_text text)
{
	struct orch_text unseen = ORCH_TEXT_NONE;
	struct orch_finding *findings;
	struct orch_err err = { "" };
	size_t count;

	if (orch_rulecheck_try(tool, rule, text, cli->arena, &findings, &count, &unseen, &err) !=
		ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	print_hits(cli, text, findings, count);
	if (unseen.len > 0)
		return orch_cli_fail(cli, ORCH_EXIT_PARTLY, "the text is not examined whole: %.*s",
			ORCH_TEXT_ARG(unseen));
	return count > 0 ? ORCH_EXIT_OK : ORCH_EXIT_FAILED;
}

static int test(struct orch_cli *cli, struct orch_rules *rules)
{
	struct orch_plan_instance *tool;
	struct orch_stored_rule rule;
	struct orch_text text;
	struct orch_err err = { "" };
	int rc = orch_rules_find(cli, rules, cli->words[0], &rule);

	if (rc == ORCH_EXIT_OK)
		rc = refuse_damaged(cli, &rule);
	if (rc != ORCH_EXIT_OK)
		return rc;
	tool = orch_rules_tool(rules, rule.tool);
	if (tool == NULL)
		return orch_cli_fail(cli, ORCH_EXIT_CONFIG, "%s has no tool \"%.*s\"", cli->file,
			ORCH_TEXT_ARG(rule.tool));
	if (cli->word_count == 1)
		return test_examples(cli, tool, &rule);
	text = orch_text_from(cli->words[1]);
	if (strcmp(cli->words[1], "-") == 0 &&
		orch_file_read(STANDARD_INPUT, TEXT_BYTES, cli->arena, &text, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	return test_text(cli, tool, &rule, text);
}

static int read_rules(struct orch_cli *cli, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	struct orch_text bytes;
	int rc;

	if (strcmp(cli->words[0], "-") != 0)
		return orch_rulefile_read(cli->words[0], cli->arena, ret_rules, ret_count, err);
	rc = orch_file_read(STANDARD_INPUT, ORCH_RULEFILE_BYTES, cli->arena, &bytes, err);
	return rc == ORCH_OK ? orch_rulefile_parse(bytes, "standard input", cli->arena, ret_rules,
				       ret_count, err)
			     : rc;
}

static int import(struct orch_cli *cli, struct orch_rules *rules)
{
	struct orch_rulefile_outcome outcome = { 0 };
	struct orch_stored_rule *list;
	struct orch_err err = { "" };
	size_t count;

	if (read_rules(cli, &list, &count, &err) != ORCH_OK ||
		orch_rulefile_import(rules->plan, rules->keep.store, list, count, who(cli),
			&outcome, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	printf(cli->json ? "{\"added\":%zu,\"changed\":%zu,\"unchanged\":%zu}\n"
			 : "%zu rules added, %zu changed, %zu unchanged\n",
		outcome.added, outcome.changed, outcome.unchanged);
	return ORCH_EXIT_OK;
}

static int with_rules(struct orch_cli *cli, int (*work)(struct orch_cli *, struct orch_rules *))
{
	struct orch_rules rules;
	int rc = orch_rules_open(cli, &rules);

	if (rc != ORCH_EXIT_OK)
		return rc;
	rc = work(cli, &rules);
	orch_rules_close(&rules);
	return rc;
}

int orch_command_rule_add(struct orch_cli *cli)
{
	return with_rules(cli, add);
}

int orch_command_rule_edit(struct orch_cli *cli)
{
	return with_rules(cli, edit);
}

int orch_command_rule_remove(struct orch_cli *cli)
{
	return with_rules(cli, remove_rule);
}

int orch_command_rule_test(struct orch_cli *cli)
{
	return with_rules(cli, test);
}

int orch_command_rule_import(struct orch_cli *cli)
{
	return with_rules(cli, import);
}
