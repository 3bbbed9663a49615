/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/text.h"
#include "command/commands.h"
#include "pipeline/service.h"
#include "stage/crew.h"

#define REPORT_BYTES (1024 * 1024)

static int choose_stages(const struct orch_cli *cli, bool stages[ORCH_STAGE_COUNT])
{
	const char *given = orch_cli_get(cli, "stages");
	struct orch_text rest = orch_text_from(given), word;

	for (int i = 0; i < ORCH_STAGE_COUNT; i++)
		stages[i] = given == NULL;
	if (given != NULL && rest.len == 0)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "--stages wants intake, scan or act");
	while (given != NULL && orch_text_split(&rest, ',', &word)) {
		bool known = false;

		for (int i = 0; i < ORCH_STAGE_COUNT; i++)
			if (orch_text_is(word, orch_stage_name((enum orch_stage)i)))
				stages[i] = known = true;
		if (!known)
			return orch_cli_fail(cli, ORCH_EXIT_USAGE,
				"\"%.*s\" is not a stage; intake, scan and act are",
				ORCH_TEXT_ARG(word));
	}
	return ORCH_EXIT_OK;
}

int orch_command_run(struct orch_cli *cli)
{
	struct orch_service_options options = {
		.file = cli->file, .program = "/proc/self/exe", .json = cli->json
	};
	int rc = choose_stages(cli, options.stages);

	return rc == ORCH_EXIT_OK ? orch_service_run(&options) : rc;
}

static void print_report_json(struct orch_buf *report)
{
	struct orch_text rest = orch_buf_text(report), line;
	struct orch_buf out;

	orch_buf_init(&out, REPORT_BYTES);
	while (orch_text_split(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		orch_buf_add_string(&out, "{\"error\":");
		orch_buf_add_json(&out, line);
		orch_buf_add_string(&out, "}\n");
	}
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

static void print_right(const struct orch_cli *cli, const struct orch_config *config)
{
	if (cli->json)
		printf("{\"ok\":true,\"digest\":\"%s\",\"inputs\":%zu,\"tools\":%zu,\"actions\":%"
		       "zu,"
		       "\"pipelines\":%zu}\n",
			config->digest, config->input_count, config->tool_count,
			config->action_count, config->pipeline_count);
	else
		printf("%s is right: %zu inputs, %zu tools, %zu actions, %zu pipelines (%s)\n",
			cli->file, config->input_count, config->tool_count, config->action_count,
			config->pipeline_count, config->digest);
}

int orch_command_check(struct orch_cli *cli)
{
	/* How a reload asks, see pipeline/service_trial.c. */
	enum orch_build_depth depth =
		orch_cli_get(cli, "trial") != NULL ? ORCH_BUILD_TRIAL : ORCH_BUILD_WHOLE;
	struct orch_plan *plan = NULL;
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, REPORT_BYTES);
	rc = orch_build(cli->file, depth, &report, &plan);
	if (rc == ORCH_OK)
		print_right(cli, plan->config);
	else if (cli->json)
		print_report_json(&report);
	else if (report.len > 0)
		(void)fwrite(report.ptr, 1, report.len, stderr);
	if (rc != ORCH_OK)
		orch_cli_hint_file(cli);
	orch_buf_fini(&report);
	orch_plan_unref(plan);
	return rc == ORCH_OK ? ORCH_EXIT_OK : ORCH_EXIT_CONFIG;
}

int orch_command_version(struct orch_cli *cli)
{
	if (cli->json)
		printf("{\"version\":\"%s\",\"abi\":\"%u.%u\"}\n", ORCH_VERSION, ORCH_ABI_MAJOR,
			ORCH_ABI_MINOR);
	else
		printf("orchestrator %s, plugin ABI %u.%u\n", ORCH_VERSION, ORCH_ABI_MAJOR,
			ORCH_ABI_MINOR);
	return ORCH_EXIT_OK;
}
