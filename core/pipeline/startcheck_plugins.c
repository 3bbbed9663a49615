/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "net/address.h"
#include "pipeline/keep.h"
#include "pipeline/startcheck.h"
#include "plugin/trial.h"

struct service {
	const struct orch_plan *plan;
	const struct orch_plan_instance *instance;
	struct orch_config_errors *errors;
};

static const void *place_of(const struct service *service, const struct orch_option *option)
{
	return (const char *)service->instance->settings + option->offset;
}

static void add_error(const struct service *service, const char *key, const char *text)
{
	struct orch_config *config = service->plan->config;
	const struct orch_config_instance *block = service->instance->config;
	const struct orch_value *value = orch_value_get(block->block, key);

	orch_config_errors_add(service->errors, value != NULL ? value->where : block->where,
		orch_arena_printf(config->arena, "%ss.%.*s.%s", orch_kind_name(block->kind),
			ORCH_TEXT_ARG(block->name), key),
		"%s", text);
}

static void check_address(
	const struct service *service, const struct orch_option *option, const struct orch_url *url)
{
	const struct orch_egress *egress = &service->plan->config->egress;
	struct sockaddr_storage address;
	char text[400];

	if (service->plan->config->failed.egress ||
		!orch_address_parse(url->host.ptr, url->port, &address) ||
		orch_egress_allows(egress, (const struct sockaddr *)&address))
		return;
	(void)snprintf(text, sizeof(text),
		"%.*s is a %s address; add it to egress.allow, else nothing is sent there",
		ORCH_TEXT_ARG(url->host),
		orch_egress_refusal(egress, (const struct sockaddr *)&address));
	add_error(service, option->name, text);
}

static void check_credential(
	const struct service *service, const struct orch_option *option, const struct orch_url *url)
{
	const struct orch_egress *egress = &service->plan->config->egress;
	const struct orch_credential_entry *entry;
	orch_credential credential;
	struct orch_err err;
	char text[600];

	memcpy(&credential, place_of(service, option), sizeof(credential));
	entry = orch_egress_credential(egress, credential);
	/* What an input only verifies with is never sent; tools and actions have nothing to verify. */
	if (entry != NULL && entry->hosts == NULL &&
		service->instance->config->kind != ORCH_KIND_INPUT) {
		(void)snprintf(text, sizeof(text),
			"credentials.%.*s has no hosts, so it would never be sent; add hosts = [ "
			"\"%.*s\" ] to it",
			ORCH_TEXT_ARG(entry->name), ORCH_TEXT_ARG(url->host));
		add_error(service, option->name, text);
		return;
	}
	if (entry == NULL || entry->scheme == ORCH_SCHEME_NONE ||
		orch_egress_check_credential(egress, credential, url, &err) == ORCH_OK)
		return;
	(void)snprintf(text, sizeof(text),
		"credentials.%.*s may not go to %.*s://%.*s:%u; add its host to hosts",
		ORCH_TEXT_ARG(entry->name), ORCH_TEXT_ARG(url->scheme), ORCH_TEXT_ARG(url->host),
		(unsigned)url->port);
	add_error(service, option->name, text);
}

/* With several URLs it is the plugin that knows which credential goes where. */
static void check_service(const struct service *service)
{
	const struct orch_option *options = service->instance->plugin->options;
	struct orch_url url;
	struct orch_err err;
	size_t urls = 0;

	for (const struct orch_option *at = options; at != NULL && at->name != NULL; at++) {
		const char *text;

		if (at->type != ORCH_OPT_URL)
			continue;
		urls++;
		memcpy(&text, place_of(service, at), sizeof(text));
		if (text == NULL || text[0] == '\0' ||
			orch_url_parse(orch_text_from(text), &url, &err) != ORCH_OK)
			return;
		check_address(service, at, &url);
	}
	for (const struct orch_option *at = options; urls == 1 && at->name != NULL; at++)
		if (at->type == ORCH_OPT_CREDENTIAL)
			check_credential(service, at, &url);
}

/* NULL: a line can be appended to PATH. */
static const char *refuse_path(const char *path)
{
	char folder[PATH_MAX];
	struct stat info;

	if (orch_path_stat(path, &info) == 0) {
		if (S_ISDIR(info.st_mode))
			return orch_errno_text(EISDIR);
		if (!S_ISREG(info.st_mode))
			return "it is a pipe, a socket or a device";
		return orch_path_access(path, W_OK) == 0 ? NULL : orch_errno_text(errno);
	}
	if (errno != ENOENT)
		return orch_errno_text(errno);
	(void)snprintf(folder, sizeof(folder), "%s", path);
	orch_startcheck_cut_name(folder);
	return orch_path_access(folder, W_OK | X_OK) == 0 ? NULL : orch_errno_text(errno);
}

/* What an action names is written to by the core; a word ("stderr") is no path, and not absolute. */
static void check_paths(const struct service *service)
{
	const struct orch_option *at = service->instance->plugin->options;
	char text[PATH_MAX + 200];

	for (; at != NULL && at->name != NULL; at++) {
		const char *path, *why;

		if (at->type != ORCH_OPT_PATH)
			continue;
		memcpy(&path, place_of(service, at), sizeof(path));
		why = path == NULL || path[0] != '/' ? NULL : refuse_path(path);
		if (why == NULL)
			continue;
		(void)snprintf(text, sizeof(text),
			"%s cannot be written to: %s; must be a file in a folder that is there and "
			"that this user can write to",
			path, why);
		add_error(service, at->name, text);
	}
}

static void check_kind(const struct orch_plan *plan, const struct orch_plan_instance *instances,
	size_t count, struct orch_config_errors *errors)
{
	for (size_t i = 0; i < count; i++) {
		const struct service service = { plan, &instances[i], errors };

		if (!instances[i].is_sound)
			continue;
		check_service(&service);
		if (instances[i].config->kind == ORCH_KIND_ACTION)
			check_paths(&service);
	}
}

static void check_accounts(const struct orch_config *config, struct orch_config_errors *errors)
{
	struct orch_err err;

	for (size_t i = 0; i < config->account_count; i++) {
		const struct orch_config_account *account = &config->accounts[i];

		if (account->failed ||
			orch_config_check_aws(config, &account->aws, ORCH_ACCOUNT_SERVICE, &err) ==
				ORCH_OK)
			continue;
		orch_config_errors_add(errors, account->where,
			orch_arena_printf(
				config->arena, "accounts.%.*s", ORCH_TEXT_ARG(account->name)),
			"%s", err.text);
	}
}

void orch_startcheck_services(const struct orch_plan *plan, struct orch_config_errors *errors)
{
	const struct orch_config *config = plan->config;

	check_accounts(config, errors);
	check_kind(plan, plan->inputs, config->input_count, errors);
	check_kind(plan, plan->tools, config->tool_count, errors);
	check_kind(plan, plan->actions, config->action_count, errors);
}

/* One plugin at its first work, in memory that is shared with the child that does it. */
struct first_work {
	const struct orch_plan_instance *instance;
	bool compiles;
	bool has_rules; /* or may have, so that it may refuse to work without one */
	const char *doing;
	int rc;
	struct orch_err err;
};

static int compile_none(const struct orch_plan_instance *instance, struct orch_err *err)
{
	struct orch_ruleset *set;
	int rc = orch_ruleset_create(instance->plugin, orch_plugin_host_services(instance->host),
		instance->settings, NULL, 0, &set, NULL, err);

	if (rc == ORCH_OK)
		orch_ruleset_unref(set);
	else
		orch_err_prefix(err, "it does not start without a rule");
	return rc;
}

static void do_first_work(void *arg)
{
	struct first_work *work = arg;

	work->doing = "an instance was made";
	work->rc = orch_plan_try_instance(work->instance, &work->err);
	work->doing = "its rules were compiled";
	if (work->rc == ORCH_OK && work->compiles) {
		int rc = compile_none(work->instance, &work->err);

		work->rc = work->has_rules ? ORCH_OK : rc;
	}
}

static void try_instance(struct orch_plan *plan, struct orch_plan_instance *instance,
	struct first_work *work, enum orch_plan_trust trust, struct orch_config_errors *errors)
{
	struct orch_err err;

	if (trust == ORCH_PLAN_TRUSTS) {
		do_first_work(work);
	} else if (orch_trial_run(do_first_work, work, &work->doing, &err) != ORCH_OK) {
		instance->is_sound = false;
		orch_plan_refuse_plugin(plan, instance->config, errors, &err);
		return;
	}
	if (work->rc == ORCH_OK)
		return;
	instance->is_sound = false;
	orch_config_errors_add(errors, instance->config->where,
		orch_plan_path(plan, instance->config), "%s", work->err.text);
}

static bool has_name(const struct orch_list *names, struct orch_text name)
{
	for (size_t i = 0; i < names->count; i++)
		if (orch_text_equal(names->items[i], name))
			return true;
	return false;
}

static void try_kind(struct orch_plan *plan, struct orch_plan_instance *instances, size_t count,
	enum orch_plan_trust trust, const struct orch_list *with_rules,
	struct orch_config_errors *errors)
{
	/* In a database there may be rules that we do not see. */
	bool has_database = orch_keep_is_there(plan->config, plan->config->arena);
	struct first_work *work = orch_trial_share(sizeof(*work));

	for (size_t i = 0; work != NULL && i < count; i++) {
		const struct orch_plan_instance *instance = &instances[i];

		if (!instance->is_sound)
			continue;
		*work = (struct first_work){
			.instance = instance,
			.doing = "it was tried",
			.compiles = instance->config->kind == ORCH_KIND_TOOL &&
				orch_plan_uses_rules(instance),
			.has_rules = has_database || has_name(with_rules, instance->config->name),
		};
		try_instance(plan, &instances[i], work, trust, errors);
	}
	if (work == NULL)
		orch_config_errors_add(errors, (struct orch_where){ plan->config->file, 0 },
			ORCH_TEXT_NONE, "no memory to try the plugins");
	orch_trial_unshare(work, sizeof(*work));
}

void orch_startcheck_instances(struct orch_plan *plan, enum orch_plan_trust trust,
	const struct orch_list *with_rules, struct orch_config_errors *errors)
{
	const struct orch_config *config = plan->config;

	try_kind(plan, plan->inputs, config->input_count, trust, with_rules, errors);
	try_kind(plan, plan->tools, config->tool_count, trust, with_rules, errors);
	try_kind(plan, plan->actions, config->action_count, trust, with_rules, errors);
}
