/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/plan.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "net/tls.h"
#include "plugin/settings.h"
#include "plugin/trial.h"

struct orch_text orch_plan_path(struct orch_plan *plan, const struct orch_config_instance *block)
{
	return orch_arena_printf(plan->config->arena, "%ss.%.*s", orch_kind_name(block->kind),
		ORCH_TEXT_ARG(block->name));
}

void orch_plan_refuse_plugin(struct orch_plan *plan, const struct orch_config_instance *block,
	struct orch_config_errors *errors, const struct orch_err *err)
{
	const struct orch_value *value = orch_value_get(block->block, "plugin");
	struct orch_text path = orch_plan_path(plan, block);

	plan->has_crashed = true;
	orch_config_errors_add(errors, value == NULL ? block->where : value->where,
		orch_arena_printf(plan->config->arena, "%.*s.plugin", ORCH_TEXT_ARG(path)),
		"%.*s: %s", ORCH_TEXT_ARG(block->plugin), err->text);
}

static int check_plugin(const struct orch_plugin *plugin, const struct orch_config_instance *block,
	struct orch_err *err)
{
	if (orch_plugin_kind(plugin) != block->kind)
		return orch_fail(err, ORCH_E_INVALID,
			"%s is a plugin for %ss, and this block wants one for %ss", plugin->name,
			orch_kind_name(orch_plugin_kind(plugin)), orch_kind_name(block->kind));
	if (block->kind == ORCH_KIND_TOOL && ORCH_OPS(plugin->tool, single))
		return orch_fail(err, ORCH_E_INVALID,
			"%s wants one instance for the whole program, which this version does not "
			"offer",
			plugin->name);
	return ORCH_OK;
}

static const struct orch_plugin *load_plugin(struct orch_plan *plan,
	const struct orch_config_instance *block, enum orch_plan_trust trust,
	struct orch_config_errors *errors)
{
	struct orch_config *config = plan->config;
	const struct orch_plugin *plugin = NULL;
	struct orch_err err;
	const char *file;
	int rc = orch_plugin_find(config->plugin_path, block->plugin, config->arena, &file, &err);

	if (rc == ORCH_OK && trust == ORCH_PLAN_TRIES && orch_trial_load(file, &err) != ORCH_OK) {
		orch_plan_refuse_plugin(plan, block, errors, &err);
		return NULL;
	}
	if (rc == ORCH_OK)
		rc = orch_plugin_load(file, &plugin, &err);
	if (rc == ORCH_OK)
		rc = check_plugin(plugin, block, &err);
	if (rc == ORCH_OK)
		return plugin;
	orch_config_errors_add(errors, block->where, orch_plan_path(plan, block), "%s", err.text);
	return NULL;
}

static struct orch_metric *duration_of(const struct orch_config_instance *block, const char *hook)
{
	return orch_metric(ORCH_METRIC_SECONDS, "orchestrator_plugin_hook_duration_seconds",
		"Time spent in hooks of plugins.", { "plugin", block->name },
		{ "hook", orch_text_from(hook) });
}

static void make_metrics(struct orch_plan_instance *instance)
{
	const struct orch_config_instance *block = instance->config;

	if (block->kind == ORCH_KIND_INPUT) {
		instance->received = duration_of(block, "receive");
		instance->gathered = duration_of(block, "gather");
	} else if (block->kind == ORCH_KIND_TOOL) {
		instance->scanned = duration_of(block, "scan");
	} else {
		instance->acted = duration_of(block, "act");
	}
}

static void fill_instance(struct orch_plan *plan, struct orch_plan_instance *instance,
	struct orch_config_instance *block, enum orch_plan_trust trust,
	struct orch_config_errors *errors)
{
	struct orch_config *config = plan->config;
	size_t before = orch_config_errors_total(errors);

	instance->config = block;
	(void)pthread_mutex_init(&instance->lock, NULL);
	/* What is missing for this was said. */
	if (block->plugin.len == 0 || config->failed.plugins)
		return;
	instance->plugin = load_plugin(plan, block, trust, errors);
	if (instance->plugin == NULL)
		return;
	if (block->kind == ORCH_KIND_INPUT && block->transport != ORCH_HTTP)
		orch_config_errors_add(errors, block->where, orch_plan_path(plan, block),
			"transports other than \"http\" are not in this version yet");
	if (orch_settings_read(config, block, instance->plugin, errors, &instance->settings) !=
		ORCH_OK)
		return;
	instance->host = orch_plugin_host_create(block->name, &config->egress);
	make_metrics(instance);
	if (instance->host == NULL)
		orch_config_errors_add(
			errors, block->where, orch_plan_path(plan, block), "out of memory");
	instance->is_sound = !block->failed && orch_config_errors_total(errors) == before;
}

static struct orch_plan_instance *fill_kind(struct orch_plan *plan,
	struct orch_config_instance *blocks, size_t count, enum orch_plan_trust trust,
	struct orch_config_errors *errors)
{
	struct orch_plan_instance *instances = orch_alloc_array(count + 1, sizeof(*instances));

	for (size_t i = 0; instances != NULL && i < count; i++)
		fill_instance(plan, &instances[i], &blocks[i], trust, errors);
	return instances;
}

static void fini_kind(struct orch_plan_instance *instances, size_t count)
{
	for (size_t i = 0; instances != NULL && i < count; i++) {
		orch_ruleset_unref(instances[i].rules);
		orch_plugin_host_destroy(instances[i].host);
		(void)pthread_mutex_destroy(&instances[i].lock);
	}
	orch_free(instances);
}

static void destroy(struct orch_plan *plan)
{
	fini_kind(plan->inputs, plan->config->input_count);
	fini_kind(plan->tools, plan->config->tool_count);
	fini_kind(plan->actions, plan->config->action_count);
	orch_accounts_end(plan->accounts);
	orch_config_destroy(plan->config);
	orch_tls_unref(plan->tls);
	orch_free(plan);
}

static void fill_limits(struct orch_sink_limits *limits, const struct orch_config *config)
{
	limits->events = config->events;
	limits->parts = config->parts;
	limits->fields = config->fields;
	limits->findings = config->findings;
	limits->records = config->records;
	limits->event_bytes = 4 * config->body_bytes;
}

int orch_plan_create(struct orch_config *config, enum orch_plan_trust trust,
	struct orch_config_errors *errors, struct orch_plan **ret_plan)
{
	struct orch_plan *plan = orch_alloc(sizeof(*plan));
	size_t before = orch_config_errors_total(errors);

	*ret_plan = NULL;
	if (plan == NULL) {
		orch_config_destroy(config);
		return ORCH_E_NOMEM;
	}
	plan->refs = 1;
	plan->config = config;
	fill_limits(&plan->limits, config);
	plan->inputs = fill_kind(plan, config->inputs, config->input_count, trust, errors);
	plan->tools = fill_kind(plan, config->tools, config->tool_count, trust, errors);
	plan->actions = fill_kind(plan, config->actions, config->action_count, trust, errors);
	if (plan->inputs == NULL || plan->tools == NULL || plan->actions == NULL) {
		destroy(plan);
		return ORCH_E_NOMEM;
	}
	*ret_plan = plan;
	return orch_config_errors_total(errors) == before ? ORCH_OK : ORCH_E_INVALID;
}

struct orch_plan *orch_plan_ref(struct orch_plan *plan)
{
	plan->refs++;
	return plan;
}

void orch_plan_unref(struct orch_plan *plan)
{
	if (plan != NULL && --plan->refs == 0)
		destroy(plan);
}

struct orch_ruleset *orch_plan_rules(struct orch_plan_instance *tool)
{
	struct orch_ruleset *rules;

	pthread_mutex_lock(&tool->lock);
	rules = orch_ruleset_ref(tool->rules);
	pthread_mutex_unlock(&tool->lock);
	return rules;
}

void orch_plan_set_rules(struct orch_plan_instance *tool, struct orch_ruleset *rules)
{
	struct orch_ruleset *old;

	pthread_mutex_lock(&tool->lock);
	old = tool->rules;
	tool->rules = rules;
	pthread_mutex_unlock(&tool->lock);
	orch_ruleset_unref(old);
}

bool orch_plan_uses_rules(const struct orch_plan_instance *tool)
{
	return ORCH_OPS(tool->plugin->tool, compile) != NULL;
}

bool orch_plan_is_blind(const struct orch_plan_instance *tool, const struct orch_ruleset *set)
{
	return orch_plan_uses_rules(tool) && (set == NULL || set->count == 0);
}

int orch_plan_find_pipeline(const struct orch_plan *plan, struct orch_text name)
{
	for (size_t i = 0; i < plan->config->pipeline_count; i++)
		if (orch_text_equal(plan->config->pipelines[i].name, name))
			return (int)i;
	return -1;
}

static int find_instance(
	const struct orch_config_instance *instances, size_t count, struct orch_text name)
{
	for (size_t i = 0; i < count; i++)
		if (orch_text_equal(instances[i].name, name))
			return (int)i;
	return -1;
}

int orch_plan_find_input(const struct orch_plan *plan, struct orch_text name)
{
	return find_instance(plan->config->inputs, plan->config->input_count, name);
}

int orch_plan_find_tool(const struct orch_plan *plan, struct orch_text name)
{
	return find_instance(plan->config->tools, plan->config->tool_count, name);
}

int orch_plan_find_action(const struct orch_plan *plan, struct orch_text name)
{
	return find_instance(plan->config->actions, plan->config->action_count, name);
}
