/* SPDX-License-Identifier: Apache-2.0 */
/* What the rule commands share: the plan (for the tools that compile) and the store. */
#ifndef ORCH_COMMAND_RULES_H
#define ORCH_COMMAND_RULES_H
#include "command/cli.h"

struct orch_rules {
	struct orch_plan *plan;
	struct orch_keep keep;
};

int orch_rules_open(struct orch_cli *cli, struct orch_rules *ret_rules); /* 0 or an exit code */
void orch_rules_close(struct orch_rules *rules);

int orch_rules_find(struct orch_cli *cli, const struct orch_rules *rules, const char *word,
	struct orch_stored_rule *ret_rule); /* 0 or an exit code */
struct orch_plan_instance *orch_rules_tool(
	const struct orch_rules *rules, struct orch_text name); /* NULL: not there */

#endif
