/* SPDX-License-Identifier: Apache-2.0 */
#include "command/commands.h"

static const struct orch_cli_option run_options[] = {
	{ .name = "stages", .takes_value = true },
	{ 0 },
};

const struct orch_command orch_commands[] = {
	{
		.name = "run",
		.synopsis = "[--stages intake,scan,act]",
		.summary = "runs the pipelines until it is told to stop",
		.examples = "  orchestrator run -c orchestrator.cfg\n"
			    "  orchestrator run -c orchestrator.cfg --stages intake,scan\n",
		.details = "SIGTERM drains, a second one ends at once; SIGHUP loads the "
			   "configuration anew,\n"
			   "whole or not at all, and opens log files again.\n"
			   "Exit: 0 stopped, 1 could not start, 78 the configuration is wrong.\n",
		.options = run_options,
		.run = orch_command_run,
	},
	{
		.name = "check",
		.synopsis = "",
		.summary = "checks a configuration as the start does",
		.examples = "  orchestrator check -c orchestrator.cfg\n",
		.details = "Exit: 0 right, 78 wrong; every error is listed as file:line: where: "
			   "what; remedy.\n",
		.run = orch_command_check,
	},
	{
		.name = "scan",
		.synopsis = "PATH...",
		.summary = "scans files, folders or standard input (-) with the configured tools",
		.examples = "  orchestrator scan -c orchestrator.cfg report.txt\n"
			    "  git diff | orchestrator scan -c orchestrator.cfg -\n"
			    "  orchestrator scan --json src/ | jq .rule\n",
		.details = "A line a finding: path, rule, start, length, masked excerpt; tabs "
			   "between them.\n"
			   "Exit: 0 nothing found, 1 something found, 2 something could not be "
			   "examined,\n"
			   "78 the configuration is wrong.\n",
		.least = 1,
		.most = SIZE_MAX,
		.run = orch_command_scan,
	},
	{
		.name = "version",
		.synopsis = "",
		.summary = "prints the version and the plugin ABI's",
		.examples = "  orchestrator version\n",
		.run = orch_command_version,
	},
};

const size_t orch_command_count = sizeof(orch_commands) / sizeof(orch_commands[0]);
