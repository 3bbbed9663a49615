/* SPDX-License-Identifier: Apache-2.0 */
/* Every sub-command, one function each; the table is in commands.c. */
#ifndef ORCH_COMMANDS_H
#define ORCH_COMMANDS_H
#include "command/cli.h"

extern const struct orch_command orch_commands[];
extern const size_t orch_command_count;

int orch_command_run(struct orch_cli *cli);
int orch_command_check(struct orch_cli *cli);
int orch_command_scan(struct orch_cli *cli);
int orch_command_version(struct orch_cli *cli);

int orch_command_rule_list(struct orch_cli *cli);
int orch_command_rule_show(struct orch_cli *cli);
int orch_command_rule_add(struct orch_cli *cli);
int orch_command_rule_edit(struct orch_cli *cli);
int orch_command_rule_remove(struct orch_cli *cli);
int orch_command_rule_test(struct orch_cli *cli);
int orch_command_rule_import(struct orch_cli *cli);
int orch_command_rule_export(struct orch_cli *cli);

int orch_command_finding_list(struct orch_cli *cli);
int orch_command_finding_show(struct orch_cli *cli);

int orch_command_queue_list(struct orch_cli *cli);
int orch_command_queue_peek(struct orch_cli *cli);
int orch_command_queue_redrive(struct orch_cli *cli);
int orch_command_queue_discard(struct orch_cli *cli);

int orch_command_store_migrate(struct orch_cli *cli);

int orch_command_plugin_list(struct orch_cli *cli);
int orch_command_plugin_show(struct orch_cli *cli);
int orch_command_plugin_verify(struct orch_cli *cli);

#endif
