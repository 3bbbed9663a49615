/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/settings.h"

#include <string.h>

#include "base/text.h"
#include "plugin/loader.h"
#include "plugin/option.h"

#define NAMES_MAX (ORCH_OPTIONS_MAX + 8)

static const char *const input_keys[] = { "name", "plugin", "timeout", "transport", "path" };
static const char *const tool_keys[] = { "name", "plugin", "timeout", "attempts", "on_error" };
static const char *const action_keys[] = { "name", "plugin", "timeout", "attempts", "in_flight" };

const char *const *orch_settings_core_keys(enum orch_kind kind, size_t *ret_count)
{
	*ret_count = sizeof(input_keys) / sizeof(*input_keys);
	if (kind == ORCH_KIND_INPUT)
		return input_keys;
	return kind == ORCH_KIND_TOOL ? tool_keys : action_keys;
}

bool orch_settings_name_file(
	const struct orch_plugin *plugin, const void *settings, struct orch_text file)
{
	const struct orch_option *option = plugin->options;
	const char *path;

	if (file.len == 0 || file.ptr[0] != '/')
		return false;
	for (; option != NULL && option->name != NULL; option++) {
		if (option->type != ORCH_OPT_PATH)
			continue;
		memcpy(&path, (const char *)settings + option->offset, sizeof(path));
		if (orch_text_is(file, path))
			return true;
	}
	return false;
}

struct block {
	struct orch_config *config;
	struct orch_config_instance *instance;
	const struct orch_plugin *plugin;
	struct orch_config_errors *errors;
	struct orch_text path; /* "tools.dlp" */
	bool failed;
};

static void add_error(struct block *block, struct orch_where where, const char *key,
	const char *text, const char *help)
{
	struct orch_text path = block->path;

	if (key != NULL)
		path = orch_arena_printf(block->config->arena, "%.*s.%s", ORCH_TEXT_ARG(path), key);
	orch_config_errors_add(block->errors, where, path, help == NULL ? "%s" : "%s (%s: %s)",
		text, key == NULL ? "" : key, help == NULL ? "" : help);
	block->failed = true;
}

static void read_option(struct block *block, const struct orch_option *option, void *settings)
{
	const struct orch_value *value = orch_value_get(block->instance->block, option->name);
	void *place = (char *)settings + option->offset;
	struct orch_where where = block->instance->where;
	struct orch_err err;
	char text[128];
	int rc;

	if (value == NULL && option->fallback == NULL) {
		(void)snprintf(text, sizeof(text), "%.60s is missing; add it", option->name);
		if (option->help != NULL)
			orch_config_errors_add(
				block->errors, where, block->path, "%s (%s)", text, option->help);
		else
			orch_config_errors_add(block->errors, where, block->path, "%s", text);
		block->failed = true;
		return;
	}
	if (value != NULL) {
		where = value->where;
		rc = orch_option_convert(block->config, option, value, place, &err);
	} else {
		rc = orch_option_fallback(block->config, block->config->arena, option, place, &err);
	}
	if (rc != ORCH_OK)
		add_error(block, where, option->name, err.text, option->help);
}

static void refuse_unknown(struct block *block)
{
	enum orch_kind kind = orch_plugin_kind(block->plugin);
	const struct orch_option *option = block->plugin->options;
	const char *names[NAMES_MAX];
	size_t count, before = block->errors->count + block->errors->left_out;
	const char *const *core = orch_settings_core_keys(kind, &count);

	memcpy(names, core, count * sizeof(*names));
	for (; option != NULL && option->name != NULL && count < NAMES_MAX; option++)
		names[count++] = option->name;
	orch_config_refuse_unknown(
		block->instance->block, block->path, names, count, block->errors);
	if (block->errors->count + block->errors->left_out != before)
		block->failed = true;
}

static void check_kind(struct block *block)
{
	const char *has = orch_kind_name(orch_plugin_kind(block->plugin));
	const char *wanted = orch_kind_name(block->instance->kind);
	char text[256];

	if (orch_plugin_kind(block->plugin) == block->instance->kind)
		return;
	(void)snprintf(text, sizeof(text),
		"\"%.48s\" is a plugin of kind %s; must be one of kind %s, or stand among the %ss",
		block->plugin->name, has, wanted, has);
	add_error(block, block->instance->where, "plugin", text, NULL);
}

static void check_transport(struct block *block)
{
	static const char *const names[] = { "http", "queue", "lines", "websocket" };
	const struct orch_input_ops *ops = block->plugin->input;
	char offered[64] = "", text[256];
	size_t at = 0;

	if (ops == NULL || block->instance->kind != ORCH_KIND_INPUT ||
		(ops->transports & block->instance->transport) != 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((ops->transports & 1u << i) != 0)
			at += (size_t)snprintf(offered + at, sizeof(offered) - at, "%s\"%s\"",
				at == 0 ? "" : " or ", names[i]);
	(void)snprintf(text, sizeof(text), "plugin \"%.48s\" does not understand it; must be %s",
		block->plugin->name, offered);
	add_error(block, block->instance->where, "transport", text, NULL);
}

int orch_settings_read(struct orch_config *config, struct orch_config_instance *instance,
	const struct orch_plugin *plugin, struct orch_config_errors *errors, void **ret_settings)
{
	static const char *const lists[] = { "inputs", "tools", "actions" };
	const struct orch_option *option = plugin->options;
	struct block block = {
		.config = config, .instance = instance, .plugin = plugin, .errors = errors
	};
	void *settings = orch_arena_alloc(config->arena, plugin->settings_size);

	block.path = orch_arena_printf(
		config->arena, "%s.%.*s", lists[instance->kind], ORCH_TEXT_ARG(instance->name));
	if (settings == NULL) {
		add_error(&block, instance->where, NULL, "no memory for the settings", NULL);
		return ORCH_E_NOMEM;
	}
	check_kind(&block);
	if (block.failed)
		return ORCH_E_INVALID;
	check_transport(&block);
	for (; option != NULL && option->name != NULL; option++)
		read_option(&block, option, settings);
	refuse_unknown(&block);
	if (block.failed)
		return ORCH_E_INVALID;
	if (orch_arena_failed(config->arena))
		return ORCH_E_NOMEM;
	*ret_settings = settings;
	return ORCH_OK;
}
