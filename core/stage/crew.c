/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/crew.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"

static int call_create(const struct orch_plan_instance *instance, const struct orch_host *host,
	void **ret_self, struct orch_err *err)
{
	const struct orch_plugin *plugin = instance->plugin;

	if (plugin->input != NULL)
		return plugin->input->create(host, instance->settings, ret_self, err);
	if (plugin->tool != NULL)
		return plugin->tool->create(host, instance->settings, ret_self, err);
	return plugin->action->create(host, instance->settings, ret_self, err);
}

static int create_instance(const struct orch_plan_instance *instance, struct orch_plugin_host *host,
	void **ret_self, struct orch_err *err)
{
	err->text[0] = '\0';
	return orch_code_settle(
		call_create(instance, orch_plugin_host_services(host), ret_self, err), "create",
		err);
}

static void destroy_instance(const struct orch_plan_instance *instance, void *self)
{
	const struct orch_plugin *plugin = instance->plugin;

	if (plugin->input != NULL)
		plugin->input->destroy(self);
	else if (plugin->tool != NULL)
		plugin->tool->destroy(self);
	else
		plugin->action->destroy(self);
}

static int create_member(struct orch_plan *plan, const struct orch_plan_instance *instance,
	struct orch_crew_member *member, struct orch_err *err)
{
	int rc = ORCH_E_NOMEM;

	member->host = orch_plugin_host_create(instance->config->name, &plan->config->egress);
	if (member->host == NULL)
		(void)orch_fail(err, rc, "no memory for an instance");
	else
		rc = create_instance(instance, member->host, &member->self, err);
	if (rc != ORCH_OK)
		orch_err_prefix(err, "%ss.%.*s", orch_kind_name(instance->config->kind),
			ORCH_TEXT_ARG(instance->config->name));
	return rc;
}

static int create_kind(struct orch_plan *plan, const struct orch_plan_instance *instances,
	size_t count, struct orch_crew_member **ret_members, struct orch_err *err)
{
	struct orch_crew_member *members = orch_alloc_array(count + 1, sizeof(*members));
	int rc = ORCH_OK;

	if (members == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the plugins' instances");
	*ret_members = members;
	for (size_t i = 0; i < count && rc == ORCH_OK; i++)
		rc = create_member(plan, &instances[i], &members[i], err);
	return rc;
}

static void destroy_kind(
	const struct orch_plan_instance *instances, size_t count, struct orch_crew_member *members)
{
	for (size_t i = 0; members != NULL && i < count; i++) {
		if (members[i].self != NULL)
			destroy_instance(&instances[i], members[i].self);
		orch_plugin_host_destroy(members[i].host);
	}
	orch_free(members);
}

int orch_crew_create(struct orch_plan *plan, enum orch_stage stage, struct orch_crew **ret_crew,
	struct orch_err *err)
{
	struct orch_crew *crew = orch_alloc(sizeof(*crew));
	const struct orch_config *config = plan->config;
	int rc = ORCH_OK;

	if (crew == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a lane's instances");
	crew->refs = 1;
	crew->plan = orch_plan_ref(plan);
	crew->callers.accounts = plan->accounts;
	crew->stage = stage;
	if (stage != ORCH_STAGE_ACT)
		rc = create_kind(plan, plan->inputs, config->input_count, &crew->inputs, err);
	if (rc == ORCH_OK && stage == ORCH_STAGE_SCAN)
		rc = create_kind(plan, plan->tools, config->tool_count, &crew->tools, err);
	if (rc == ORCH_OK && stage == ORCH_STAGE_ACT)
		rc = create_kind(plan, plan->actions, config->action_count, &crew->actions, err);
	if (rc != ORCH_OK) {
		orch_crew_unref(crew);
		return rc;
	}
	*ret_crew = crew;
	return ORCH_OK;
}

struct orch_crew *orch_crew_ref(struct orch_crew *crew)
{
	crew->refs++;
	return crew;
}

void orch_crew_unref(struct orch_crew *crew)
{
	struct orch_plan *plan;

	if (crew == NULL || --crew->refs > 0)
		return;
	plan = crew->plan;
	orch_callers_fini(&crew->callers);
	destroy_kind(plan->inputs, plan->config->input_count, crew->inputs);
	destroy_kind(plan->tools, plan->config->tool_count, crew->tools);
	destroy_kind(plan->actions, plan->config->action_count, crew->actions);
	orch_free(crew);
	orch_plan_unref(plan);
}

int orch_plan_try_instance(const struct orch_plan_instance *instance, struct orch_err *err)
{
	void *self = NULL;
	int rc = create_instance(instance, instance->host, &self, err);

	if (rc == ORCH_OK)
		destroy_instance(instance, self);
	return rc;
}

const char *orch_stage_name(enum orch_stage stage)
{
	static const char *const names[] = { "intake", "scan", "act" };

	return stage < ORCH_STAGE_COUNT ? names[stage] : "?";
}
