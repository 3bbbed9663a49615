/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: the configuration put to work.
 *
 * Plugins are loaded, settings converted, rules compiled.  A plan is shared by
 * all lanes and counted; it changes in one way only: a tool's rules are
 * swapped for newer ones while it is in force.
 */
#ifndef ORCH_PLAN_H
#define ORCH_PLAN_H
#include <pthread.h>
#include "base/metric.h"
#include "config/config.h"
#include "plugin/host.h"
#include "plugin/loader.h"
#include "stage/account.h"
#include "store/store.h"

struct ssl_ctx_st; /* net/tls.h */

/* A tool's compiled rules with what people call them.  Immutable and counted. */
struct orch_ruleset {
	_Atomic int refs;
	const struct orch_tool_ops *ops;
	void *set; /* the tool's; NULL if it works without rules */
	struct orch_arena *arena;
	const struct orch_stored_rule *rules; /* live and shadow */
	size_t count, live;
	struct orch_map *by_id;
	uint64_t revision;
};

#define ORCH_RULESET_NO_RULE SIZE_MAX

/*
 * Compiles the live and shadow ones of RULES.  On failure *ret_bad, which may
 * be NULL, is the index in RULES of the one at fault, or ORCH_RULESET_NO_RULE.
 */
ORCH_MUST_USE int orch_ruleset_create(const struct orch_plugin *plugin,
	const struct orch_host *host, const void *settings, const struct orch_stored_rule *rules,
	size_t count, struct orch_ruleset **ret_set, size_t *ret_bad, struct orch_err *err);
struct orch_ruleset *orch_ruleset_ref(struct orch_ruleset *set);
void orch_ruleset_unref(struct orch_ruleset *set); /* accepts NULL */
const struct orch_stored_rule *orch_ruleset_rule(
	const struct orch_ruleset *set, struct orch_text id); /* NULL: not there */

struct orch_plan_instance {
	const struct orch_config_instance *config;
	const struct orch_plugin *plugin; /* NULL: it could not be loaded */
	bool is_sound;                    /* nothing was found to be wrong with it */
	void *settings;
	struct orch_plugin_host *host;
	pthread_mutex_t lock;       /* for RULES */
	struct orch_ruleset *rules; /* tools only; NULL until loaded */
	struct orch_metric *received, *gathered, *scanned, *acted; /* durations of its hooks */
};

struct orch_plan {
	_Atomic int refs;
	struct orch_config *config;
	struct orch_plan_instance *inputs, *tools, *actions; /* in the configuration's order */
	struct orch_sink_limits limits;
	bool has_crashed;               /* a plugin of it, when it was tried */
	struct orch_accounts *accounts; /* NULL: not opened, only who runs has use for them */
	struct ssl_ctx_st
		*tls; /* of http.tls, loaded when it was checked; NULL: none, or not checked */
};

/* Whether the plugins' code runs in a child first (plugin/trial.h). */
enum orch_plan_trust {
	ORCH_PLAN_TRIES = 0, /* so that a crash is an error; only without threads */
	ORCH_PLAN_TRUSTS,    /* somebody has tried */
};

/*
 * Loads the plugins of CONFIG and converts their settings.  What is wrong goes
 * to ERRORS, all of it, and ORCH_E_INVALID is given: the plan is there then
 * as well, so that what is sound in it can be checked further.  The plan owns
 * CONFIG, also if there is no memory for a plan (*ret_plan is NULL then).
 */
ORCH_MUST_USE int orch_plan_create(struct orch_config *config, enum orch_plan_trust trust,
	struct orch_config_errors *errors, struct orch_plan **ret_plan);
struct orch_plan *orch_plan_ref(struct orch_plan *plan);
void orch_plan_unref(struct orch_plan *plan); /* accepts NULL */

/* Makes an instance and destroys it again, so that create() has its say. */
ORCH_MUST_USE int orch_plan_try_instance(
	const struct orch_plan_instance *instance, struct orch_err *err);

/* "tools.dlp.plugin: dlp: it crashed …" */
void orch_plan_refuse_plugin(struct orch_plan *plan, const struct orch_config_instance *block,
	struct orch_config_errors *errors, const struct orch_err *err);

/* "tools.dlp" */
struct orch_text orch_plan_path(struct orch_plan *plan, const struct orch_config_instance *block);

struct orch_ruleset *orch_plan_rules(
	struct orch_plan_instance *tool); /* a reference; may be NULL */
void orch_plan_set_rules(
	struct orch_plan_instance *tool, struct orch_ruleset *rules); /* takes RULES */
bool orch_plan_uses_rules(const struct orch_plan_instance *tool);
/* It works by rules, and there are none in SET, which may be NULL: whatever it says, it has examined nothing. */
bool orch_plan_is_blind(const struct orch_plan_instance *tool, const struct orch_ruleset *set);

/* What the rules in force lack. */
struct orch_rule_gaps {
	size_t damaged; /* rules whose rows were changed by other than us */
	size_t refused; /* that do not compile (any more) */
	size_t unused;  /* live ones of tools that the configuration does not have */
	size_t bare;    /* tools that work by rules and have no live one */
};

/*
 * ruleload.c: compiles the store's rules for every tool that works by rules.
 * A rule that is damaged or does not compile is left out and logged; it keeps
 * none of the others from being in force.  On failure all stays as it was.
 */
ORCH_MUST_USE int orch_plan_load_rules(struct orch_plan *plan, struct orch_store *store,
	struct orch_rule_gaps *ret_gaps, struct orch_err *err);

/* -1: not there. */
int orch_plan_find_pipeline(const struct orch_plan *plan, struct orch_text name);
int orch_plan_find_input(const struct orch_plan *plan, struct orch_text name);
int orch_plan_find_tool(const struct orch_plan *plan, struct orch_text name);
int orch_plan_find_action(const struct orch_plan *plan, struct orch_text name);

#endif
