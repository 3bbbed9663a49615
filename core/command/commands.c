/* SPDX-License-Identifier: Apache-2.0 */
#include "command/commands.h"

static const struct orch_cli_option run_options[] = {
	{ .name = "stages", .takes_value = true },
	{ 0 },
};

/* Not in its help: it is for the program itself. */
static const struct orch_cli_option check_options[] = {
	{ .name = "trial" },
	{ 0 },
};

static const struct orch_cli_option tool_option[] = {
	{ .name = "tool", .takes_value = true },
	{ 0 },
};
static const struct orch_cli_option add_options[] = {
	{ .name = "id", .takes_value = true },
	{ .name = "tool", .takes_value = true },
	{ .name = "name", .takes_value = true },
	{ .name = "description", .takes_value = true },
	{ .name = "severity", .takes_value = true },
	{ .name = "state", .takes_value = true },
	{ .name = "options", .takes_value = true },
	{ .name = "match", .takes_value = true },
	{ .name = "no-match", .takes_value = true },
	{ 0 },
};
static const struct orch_cli_option edit_options[] = {
	{ .name = "expression", .takes_value = true },
	{ .name = "name", .takes_value = true },
	{ .name = "description", .takes_value = true },
	{ .name = "severity", .takes_value = true },
	{ .name = "state", .takes_value = true },
	{ .name = "options", .takes_value = true },
	{ .name = "match", .takes_value = true },
	{ .name = "no-match", .takes_value = true },
	{ .name = "clear-examples" },
	{ 0 },
};
static const struct orch_cli_option finding_options[] = {
	{ .name = "rule", .takes_value = true },
	{ .name = "pipeline", .takes_value = true },
	{ .name = "verdict", .takes_value = true },
	{ .name = "limit", .takes_value = true },
	{ 0 },
};
static const struct orch_cli_option reveal_option[] = {
	{ .name = "reveal" },
	{ 0 },
};
static const struct orch_cli_option migrate_options[] = {
	{ .name = "dry-run" },
	{ 0 },
};
static const struct orch_cli_option peek_options[] = {
	{ .name = "dead" },
	{ .name = "id", .takes_value = true },
	{ .name = "limit", .takes_value = true },
	{ .name = "reveal" },
	{ 0 },
};
static const struct orch_cli_option dead_options[] = {
	{ .name = "id", .takes_value = true },
	{ .name = "limit", .takes_value = true },
	{ .name = "all" },
	{ 0 },
};

#define EXAMPLE_HELP                                                       \
	"  --match TEXT     an example that must match; may be repeated\n" \
	"  --no-match TEXT  one that must not match; may be repeated\n"
#define GRADE_HELP                                                                 \
	"  --severity info|low|medium|high|critical     --state live|shadow|off\n" \
	"  --options JSON   in the tool's own words, '{\"check\":\"luhn\"}'\n"

const struct orch_command orch_commands[] = {
	{
		.name = "run",
		.synopsis = "[--stages intake,scan,act]",
		.summary = "runs the pipelines until it is told to stop",
		.examples = "  orchestrator run -c orchestrator.cfg\n"
			    "  orchestrator run -c orchestrator.cfg --stages intake,scan\n",
		.details =
			"SIGTERM drains, a second one ends at once; SIGHUP loads the "
			"configuration anew,\n"
			"whole or not at all, and opens log files again.  With --json the log is\n"
			"JSON lines whatever the configuration says, what is wrong with that too.\n"
			"Exit: 0 stopped, 1 could not start, 78 the configuration is wrong.\n",
		.options = run_options,
		.run = orch_command_run,
	},
	{
		.name = "check",
		.synopsis = "",
		.summary = "checks a configuration as the start does",
		.examples = "  orchestrator check -c orchestrator.cfg\n",
		.details = "Every error is listed as file:line: where: what; remedy.\n"
			   "Exit: 0 right, 78 wrong.\n",
		.options = check_options,
		.run = orch_command_check,
	},
	{
		.name = "scan",
		.synopsis = "PATH...",
		.summary = "scans files, folders or standard input (-) with the tools",
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
		.name = "rule",
		.verb = "list",
		.synopsis = "[--tool TOOL]",
		.summary = "lists the rules",
		.examples = "  orchestrator rule list\n"
			    "  orchestrator rule list --json | jq -r .id\n",
		.details = "Exit: 0 listed, 1 the store cannot be read, 78 the configuration is "
			   "wrong.\n",
		.options = tool_option,
		.run = orch_command_rule_list,
	},
	{
		.name = "rule",
		.verb = "show",
		.synopsis = "RULE",
		.summary = "shows a rule (by id or name) and its history",
		.examples = "  orchestrator rule show maestro\n",
		.details = "Exit: 0 shown, 66 there is no such rule.\n",
		.least = 1,
		.most = 1,
		.run = orch_command_rule_show,
	},
	{
		.name = "rule",
		.verb = "add",
		.synopsis = "--tool TOOL --name NAME [OPTIONS] EXPRESSION",
		.summary = "adds a rule; it is live within a second",
		.examples = "  orchestrator rule add --tool dlp --name maestro \\\n"
			    "      --description \"To match Maestro cards\" --severity high "
			    "--state live \\\n"
			    "      '.*(5018|5020|5038|6304|6759|6761|6763)[0-9]{8,15}.*'\n"
			    "  orchestrator rule add --tool dlp --name badge \\\n"
			    "      --match 'B-1234' --no-match 'B-12' 'B-[0-9]{4}'\n",
		.details = "  --id ID          letters, digits, dots, dashes and underscores; "
			   "derived\n"
			   "                   from the name if not given\n"
			   "  --description D\n" EXAMPLE_HELP GRADE_HELP
			   "Exit: 0 saved, 1 it does not compile, an example fails, or the name or "
			   "id\n"
			   "is taken, 78 the configuration is wrong.\n",
		.options = add_options,
		.least = 1,
		.most = 1,
		.run = orch_command_rule_add,
	},
	{
		.name = "rule",
		.verb = "edit",
		.synopsis = "[OPTIONS] RULE",
		.summary = "changes a rule; the old version stays",
		.examples = "  orchestrator rule edit --state shadow maestro\n"
			    "  orchestrator rule edit --expression 'B-[0-9]{5}' --clear-examples "
			    "badge\n",
		.details = "  --expression E, --name N, --description D, "
			   "--clear-examples\n" EXAMPLE_HELP GRADE_HELP
			   "Exit: 0 saved, 1 it does not compile, an example fails or the name is "
			   "taken,\n66 no such rule, 78 the configuration is wrong.\n",
		.options = edit_options,
		.least = 1,
		.most = 1,
		.run = orch_command_rule_edit,
	},
	{
		.name = "rule",
		.verb = "remove",
		.synopsis = "RULE",
		.summary = "removes a rule; its history stays",
		.examples = "  orchestrator rule remove maestro\n",
		.details = "Exit: 0 removed, 1 it could not be saved, 66 there is no such rule,\n"
			   "78 the configuration is wrong.\n",
		.least = 1,
		.most = 1,
		.run = orch_command_rule_remove,
	},
	{
		.name = "rule",
		.verb = "test",
		.synopsis = "RULE [TEXT|-]",
		.summary = "runs a rule's own examples, or tries it on a text",
		.examples = "  orchestrator rule test maestro\n"
			    "  orchestrator rule test maestro 'my card is 6759649826438453'\n",
		.details = "A line a match: start, length, text.\n"
			   "Exit: 0 matched (or examples right), 1 not, 2 the text could not be\n"
			   "examined whole, 66 no such rule, 78 the configuration is wrong.\n",
		.least = 1,
		.most = 2,
		.run = orch_command_rule_test,
	},
	{
		.name = "rule",
		.verb = "import",
		.synopsis = "FILE|-",
		.summary = "adds and changes rules from a JSON file",
		.examples = "  orchestrator rule import rules.json\n"
			    "  ssh other orchestrator rule export | orchestrator rule import -\n",
		.details = "All of them or none; - is standard input.  A rule is known by its id,\n"
			   "without one by its tool and name.\n"
			   "Exit: 0 imported, 1 a rule is wrong (nothing was saved), 78 the\n"
			   "configuration is wrong.\n",
		.least = 1,
		.most = 1,
		.run = orch_command_rule_import,
	},
	{
		.name = "rule",
		.verb = "export",
		.synopsis = "[--tool TOOL]",
		.summary = "writes the rules as a JSON file that import reads",
		.examples = "  orchestrator rule export > rules.json\n",
		.details = "Exit: 0 written, 1 the store cannot be read, 78 the configuration is "
			   "wrong.\n",
		.options = tool_option,
		.run = orch_command_rule_export,
	},
	{
		.name = "finding",
		.verb = "list",
		.synopsis = "[--rule RULE] [--pipeline P] [--verdict V] [--limit N]",
		.summary = "lists the events with findings, newest first",
		.examples = "  orchestrator finding list\n"
			    "  orchestrator finding list --rule maestro --limit 10 --json\n",
		.details = "Exit: 0 listed, 1 the store cannot be read, 78 the configuration is "
			   "wrong.\n",
		.options = finding_options,
		.run = orch_command_finding_list,
	},
	{
		.name = "finding",
		.verb = "show",
		.synopsis = "[--reveal] EVENT",
		.summary = "shows an event, by its id or how that begins",
		.examples = "  orchestrator finding show slack:T1:Ev123\n"
			    "  orchestrator finding show --reveal slack:T1:Ev123\n",
		.details =
			"  --reveal   opens what is sealed: the content, the details of findings\n"
			"Exit: 0 shown, 66 there is no such event, 78 the configuration is "
			"wrong.\n",
		.options = reveal_option,
		.least = 1,
		.most = 1,
		.run = orch_command_finding_show,
	},
	{
		.name = "queue",
		.verb = "list",
		.synopsis = "",
		.summary = "shows the queues and the ledger",
		.examples = "  orchestrator queue list\n",
		.details = "Exit: 0 listed, 1 the store cannot be read, 78 the configuration is "
			   "wrong.\n",
		.run = orch_command_queue_list,
	},
	{
		.name = "queue",
		.verb = "peek",
		.synopsis = "[--dead] [--id ID] [--limit N] [--reveal] [QUEUE]",
		.summary = "shows what waits, or what died and why",
		.examples = "  orchestrator queue peek --dead\n"
			    "  orchestrator queue peek act.block\n",
		.details = "  --reveal   opens the sealed bodies\n"
			   "Exit: 0 shown, 1 the store cannot be read, 66 no such queue, 78 the\n"
			   "configuration is wrong.\n",
		.options = peek_options,
		.most = 1,
		.run = orch_command_queue_peek,
	},
	{
		.name = "queue",
		.verb = "redrive",
		.synopsis = "QUEUE | --id ID | --all",
		.summary = "puts dead letters back into their queue",
		.examples = "  orchestrator queue redrive act.block\n"
			    "  orchestrator queue redrive --all\n",
		.details =
			"Exit: 0 put back, 1 some cannot go back or the store cannot be changed,\n"
			"66 no such queue or id, 78 the configuration is wrong.\n",
		.options = dead_options,
		.most = 1,
		.run = orch_command_queue_redrive,
	},
	{
		.name = "queue",
		.verb = "discard",
		.synopsis = "QUEUE | --id ID | --all",
		.summary = "drops dead letters for good",
		.examples = "  orchestrator queue discard --id 0d6b1d9e-…\n",
		.details =
			"The ledger counts them as dropped.\n"
			"Exit: 0 dropped, 1 the store cannot be changed, 66 no such queue or id,\n"
			"78 the configuration is wrong.\n",
		.options = dead_options,
		.most = 1,
		.run = orch_command_queue_discard,
	},
	{
		.name = "store",
		.verb = "migrate",
		.synopsis = "[--dry-run]",
		.summary = "brings the database's schema up to date",
		.examples = "  orchestrator store migrate --dry-run\n"
			    "  orchestrator store migrate\n",
		.details = "  --dry-run   only says what would be done\n"
			   "For store.driver = \"postgres\".  Steps go forward only, one at a time "
			   "over all\n"
			   "hosts; programs of the version before go on working meanwhile.\n"
			   "Exit: 0 up to date, 1 the database cannot be reached or changed,\n"
			   "64 another driver, 78 the configuration is wrong.\n",
		.options = migrate_options,
		.run = orch_command_store_migrate,
	},
	{
		.name = "plugin",
		.verb = "list",
		.synopsis = "",
		.summary = "lists the plugins that can be found",
		.examples = "  orchestrator plugin list\n",
		.details = "Exit: 0 all are sound, 1 one of them is refused.\n",
		.run = orch_command_plugin_list,
	},
	{
		.name = "plugin",
		.verb = "show",
		.synopsis = "NAME",
		.summary = "shows a plugin and its options",
		.examples = "  orchestrator plugin show slack\n",
		.details = "Exit: 0 shown, 1 it is refused, 66 there is no such plugin,\n"
			   "78 the configuration is wrong.\n",
		.least = 1,
		.most = 1,
		.run = orch_command_plugin_show,
	},
	{
		.name = "plugin",
		.verb = "verify",
		.synopsis = "FILE.so",
		.summary = "loads a shared object and says what is wrong",
		.examples = "  orchestrator plugin verify build/mytool.so\n",
		.details = "Exit: 0 sound, 1 refused.\n",
		.least = 1,
		.most = 1,
		.run = orch_command_plugin_verify,
	},
	{
		.name = "version",
		.synopsis = "",
		.summary = "prints the version and the plugin ABI's",
		.examples = "  orchestrator version\n",
		.details = "Exit: 0.\n",
		.run = orch_command_version,
	},
};

const size_t orch_command_count = sizeof(orch_commands) / sizeof(orch_commands[0]);
