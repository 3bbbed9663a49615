/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the start or the first request would stumble over, found without touching
 * anything.  Of what was found to be wrong already no more is said.
 */
#ifndef ORCH_STARTCHECK_H
#define ORCH_STARTCHECK_H
#include "stage/plan.h"

/* startcheck.c */
/* What is left of PATH is the folder that it lies in. */
void orch_startcheck_cut_name(char *path);
/* Is state_dir a folder that can be written to, or can it become one? */
bool orch_startcheck_state_dir(const struct orch_config *config, struct orch_config_errors *errors);
/* Can what is kept be opened, in the folder if that HAS_FOLDER?  Not while this process has it open. */
void orch_startcheck_keep(
	const struct orch_config *config, bool has_folder, struct orch_config_errors *errors);
/* Addresses and certificates.  What was loaded of http.tls is the plan's. */
void orch_startcheck_net(struct orch_plan *plan, struct orch_config_errors *errors);

/* startcheck_plugins.c */
/*
 * Are the accounts to be found, and credentials for them?  Can each plugin's service be
 * reached, may its credentials go there, can its files be written?
 */
void orch_startcheck_services(const struct orch_plan *plan, struct orch_config_errors *errors);
/* Does each plugin have its instance, and its rules?  What does not is not sound any more. */
void orch_startcheck_instances(struct orch_plan *plan, enum orch_plan_trust trust,
	const struct orch_list *with_rules, struct orch_config_errors *errors);

/* startcheck_rules.c */
struct orch_startcheck_rules;
/* Reads all rule files; NULL: no memory. */
struct orch_startcheck_rules *orch_startcheck_read_rules(const struct orch_config *config,
	struct orch_arena *arena, struct orch_config_errors *errors);
/* The tools for which there are rules, each as often as it has some. */
struct orch_list orch_startcheck_ruled(
	const struct orch_startcheck_rules *rules, struct orch_arena *arena);
/* Each by its tool, if that is sound. */
void orch_startcheck_try_rules(struct orch_plan *plan, enum orch_plan_trust trust,
	struct orch_startcheck_rules *rules, struct orch_config_errors *errors);

#endif
