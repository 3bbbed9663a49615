/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/startcheck.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "net/address.h"

static struct orch_where where_of(const struct orch_config *config, const char *name)
{
	const struct orch_value *key = orch_value_get(config->root, name);

	return key != NULL ? key->where : (struct orch_where){ config->file, 0 };
}

/* Cuts PATH down to what is there. */
static int find_existing(char *path, struct stat *ret_info)
{
	while (stat(path, ret_info) != 0) {
		char *slash = strrchr(path, '/');

		if ((errno != ENOENT && errno != ENOTDIR) || slash == NULL || path[1] == '\0')
			return errno;
		slash[slash == path ? 1 : 0] = '\0';
	}
	return 0;
}

void orch_startcheck_state_dir(const struct orch_config *config, struct orch_config_errors *errors)
{
	struct orch_where where = where_of(config, "state_dir");
	char path[PATH_MAX];
	struct stat info;
	int code;

	(void)snprintf(path, sizeof(path), "%.*s", ORCH_TEXT_ARG(config->state_dir));
	code = find_existing(path, &info);
	if (code == 0 && !S_ISDIR(info.st_mode))
		code = ENOTDIR;
	else if (code == 0 && access(path, W_OK | X_OK) != 0)
		code = errno;
	if (code != 0)
		orch_config_errors_add(errors, where, ORCH_TEXT("state_dir"),
			"%.200s cannot be used: %s; must be a folder that this user can write to",
			path, orch_errno_text(code));
}

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

	if (!orch_address_parse(url->host.ptr, url->port, &address) ||
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

static void check_kind(const struct orch_plan *plan, const struct orch_plan_instance *instances,
	size_t count, struct orch_config_errors *errors)
{
	for (size_t i = 0; i < count; i++) {
		const struct service service = { plan, &instances[i], errors };

		check_service(&service);
	}
}

void orch_startcheck_services(const struct orch_plan *plan, struct orch_config_errors *errors)
{
	const struct orch_config *config = plan->config;

	check_kind(plan, plan->inputs, config->input_count, errors);
	check_kind(plan, plan->tools, config->tool_count, errors);
	check_kind(plan, plan->actions, config->action_count, errors);
}
