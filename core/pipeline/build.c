/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/build.h"

#include "base/err.h"
#include "base/text.h"
#include "pipeline/startcheck.h"

static void print_errors(
	struct orch_config_errors *errors, struct orch_arena *arena, struct orch_buf *report)
{
	orch_buf_add_text(report, orch_config_errors_print(errors, arena));
}

static bool has_errors(const struct orch_config_errors *errors)
{
	return orch_config_errors_total(errors) > 0;
}

static void try_plan(struct orch_plan *plan, enum orch_plan_trust trust,
	struct orch_config_errors *errors, struct orch_arena *arena)
{
	struct orch_startcheck_rules *rules;
	struct orch_list ruled;

	rules = orch_startcheck_read_rules(plan->config, arena, errors);
	if (rules == NULL) {
		orch_config_errors_add(errors, (struct orch_where){ plan->config->file, 0 },
			ORCH_TEXT("rules"), "no memory to read them");
		return;
	}
	ruled = orch_startcheck_ruled(rules, arena);
	orch_startcheck_instances(plan, trust, &ruled, errors);
	orch_startcheck_try_rules(plan, trust, rules, errors);
}

/* Each check minds what is sound, so that all that is wrong is said at once and nothing twice. */
static void check_config(
	struct orch_config *config, enum orch_build_depth depth, struct orch_config_errors *errors)
{
	bool has_folder;

	orch_config_check_run(config, errors);
	orch_config_load_credentials(config, errors);
	has_folder = orch_startcheck_state_dir(config, errors);
	if (depth == ORCH_BUILD_WHOLE)
		orch_startcheck_keep(config, has_folder, errors);
}

/* A command that has use for the tools alone does not ask for what belongs to the rest. */
static void keep_tools(struct orch_config *config)
{
	config->input_count = config->action_count = config->pipeline_count = 0;
}

static void print_elsewhere(const char *file, size_t count, struct orch_buf *report)
{
	if (count > 0)
		orch_buf_printf(report,
			"%s: %zu error%s elsewhere, which this command can do without; see "
			"orchestrator check\n",
			file, count, count == 1 ? "" : "s");
}

static struct orch_config *read_config(
	const char *file, struct orch_config_errors *errors, struct orch_arena *arena)
{
	orch_config_errors_init(errors, arena);
	return orch_config_read(file, errors);
}

static int build_plan(struct orch_config *config, enum orch_build_depth depth,
	struct orch_config_errors *errors, struct orch_arena *arena, struct orch_plan **ret_plan)
{
	bool is_run = depth == ORCH_BUILD_WHOLE || depth == ORCH_BUILD_AGAIN;
	enum orch_plan_trust trust = depth == ORCH_BUILD_AGAIN ? ORCH_PLAN_TRUSTS : ORCH_PLAN_TRIES;
	struct orch_plan *plan;
	int rc;

	if (depth == ORCH_BUILD_TOOLS)
		keep_tools(config);
	if (is_run)
		check_config(config, depth, errors);
	rc = orch_plan_create(config, trust, errors, &plan);
	if (plan == NULL)
		return rc;
	if (is_run) {
		orch_startcheck_net(plan, errors);
		orch_startcheck_services(plan, errors);
	}
	if (depth != ORCH_BUILD_TOOLS)
		try_plan(plan, trust, errors, arena);
	if (depth == ORCH_BUILD_TRIAL ? plan->has_crashed : has_errors(errors)) {
		orch_plan_unref(plan);
		return ORCH_E_INVALID;
	}
	*ret_plan = plan;
	return ORCH_OK;
}

int orch_build(const char *file, enum orch_build_depth depth, struct orch_buf *report,
	struct orch_plan **ret_plan)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_config_errors errors;
	struct orch_config *config;
	size_t elsewhere = 0;
	int rc = ORCH_E_INVALID;

	if (arena == NULL)
		return ORCH_E_NOMEM;
	config = read_config(file, &errors, arena);
	if (config != NULL && depth == ORCH_BUILD_TOOLS)
		elsewhere = orch_elsewhere_take(&errors, config, ORCH_USE_TOOLS);
	if (config != NULL)
		rc = build_plan(config, depth, &errors, arena, ret_plan);
	if (rc != ORCH_OK) {
		print_errors(&errors, arena, report);
		if (!has_errors(&errors))
			orch_buf_printf(report, "%s: out of memory\n", file);
	}
	print_elsewhere(file, elsewhere, report);
	orch_arena_destroy(arena);
	return rc;
}

int orch_build_config(const char *file, enum orch_use use, struct orch_buf *report,
	struct orch_config **ret_config)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_config_errors errors;
	struct orch_config *config;
	size_t elsewhere = 0;
	int rc = ORCH_OK;

	if (arena == NULL)
		return ORCH_E_NOMEM;
	config = read_config(file, &errors, arena);
	if (config != NULL)
		elsewhere = orch_elsewhere_take(&errors, config, use);
	if (config == NULL || has_errors(&errors)) {
		print_errors(&errors, arena, report);
		orch_config_destroy(config);
		rc = ORCH_E_INVALID;
	} else {
		*ret_config = config;
	}
	print_elsewhere(file, elsewhere, report);
	orch_arena_destroy(arena);
	return rc;
}
