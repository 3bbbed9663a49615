/* SPDX-License-Identifier: Apache-2.0 */
/* inputs, tools, actions: the core's own keys of their blocks.  The rest is the plugin's. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config_instance, member)
#define PATH_BYTES 255
#define TIMEOUT_MAX (3600u * 1000)

#define KEY_NAME                                                           \
	{                                                                  \
		.name = "name", .type = ORCH_KEY_TEXT, .offset = AT(name), \
		.example = "name = \"…\""                                \
	}
#define KEY_PLUGIN                                                             \
	{                                                                      \
		.name = "plugin", .type = ORCH_KEY_TEXT, .offset = AT(plugin), \
		.example = "plugin = \"…\""                                  \
	}
#define KEY_TIMEOUT                                                               \
	{                                                                         \
		.name = "timeout", .type = ORCH_KEY_MS, .offset = AT(timeout_ms), \
		.fallback = "30s", .min = 1, .max = TIMEOUT_MAX                   \
	}
#define KEY_ATTEMPTS                                                                \
	{                                                                           \
		.name = "attempts", .type = ORCH_KEY_COUNT, .offset = AT(attempts), \
		.fallback = "10", .min = 1, .max = 1000                             \
	}

static const struct orch_key input_keys[] = {
	KEY_NAME,
	KEY_PLUGIN,
	KEY_TIMEOUT,
	{ .name = "transport", .type = ORCH_KEY_OTHER },
	{ .name = "path", .type = ORCH_KEY_TEXT, .offset = AT(path) },
	{ .name = NULL },
};

static const struct orch_key tool_keys[] = {
	KEY_NAME,
	KEY_PLUGIN,
	KEY_TIMEOUT,
	KEY_ATTEMPTS,
	{ .name = "on_error",
		.type = ORCH_KEY_CHOICE,
		.offset = AT(on_error),
		.fallback = "hold",
		.choices = "hold|pass|retry" },
	{ .name = NULL },
};

static const struct orch_key action_keys[] = {
	KEY_NAME,
	KEY_PLUGIN,
	KEY_TIMEOUT,
	KEY_ATTEMPTS,
	{ .name = "in_flight",
		.type = ORCH_KEY_COUNT,
		.offset = AT(in_flight),
		.fallback = "256",
		.min = 1,
		.max = 10000 },
	{ .name = NULL },
};

#undef KEY_NAME
#undef KEY_PLUGIN
#undef KEY_TIMEOUT
#undef KEY_ATTEMPTS

static const struct {
	const char *list;
	const struct orch_key *keys;
} kinds[] = {
	[ORCH_KIND_INPUT] = { "inputs", input_keys },
	[ORCH_KIND_TOOL] = { "tools", tool_keys },
	[ORCH_KIND_ACTION] = { "actions", action_keys },
};

static void read_transport(struct orch_reader *reader, struct orch_value *block,
	struct orch_text path, struct orch_config_instance *input)
{
	static const uint32_t transports[] = { ORCH_HTTP, ORCH_QUEUE, ORCH_LINES, ORCH_WEBSOCKET };
	struct orch_value *value = orch_value_get(block, "transport");
	struct orch_err err;
	uint32_t index = 0;

	if (value != NULL &&
		orch_value_to_choice(value, "http|queue|lines|websocket", &index, &err) != ORCH_OK)
		orch_reader_error(reader, value->where, orch_reader_path(reader, path, "transport"),
			"%s", err.text);
	input->transport = transports[index];
}

static bool is_url_path(struct orch_text path)
{
	if (path.len == 0 || path.len > PATH_BYTES || path.ptr[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] <= ' ' || path.ptr[i] > '~' ||
			strchr("?#*\\\"%", path.ptr[i]) != NULL)
			return false;
	return true;
}

static void check_path(struct orch_reader *reader, struct orch_value *block, struct orch_text path,
	const struct orch_config_instance *input)
{
	static const char *const own[] = { "/metrics", "/livez", "/readyz" };
	struct orch_where where = orch_reader_where(block, "path");

	if (input->transport != ORCH_HTTP)
		return;
	if (input->path.len == 0) {
		if (orch_value_get(block, "path") == NULL)
			orch_reader_error(reader, where, path,
				"an input by http needs a path; add path = \"/%.*s/events\"",
				ORCH_TEXT_ARG(input->name));
		return;
	}
	path = orch_reader_path(reader, path, "path");
	if (!is_url_path(input->path))
		orch_reader_error(reader, where, path,
			"\"%.*s\" is not a path of ours; must begin with \"/\" and have no space, "
			"query, \"%%\" or \"*\", such as \"/slack/events\"",
			(int)(input->path.len > PATH_BYTES ? PATH_BYTES : input->path.len),
			input->path.ptr);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (orch_text_is(input->path, own[i]))
			orch_reader_error(reader, where, path,
				"%s is the program's own; must be another path", own[i]);
}

static void read_instance(struct orch_reader *reader, struct orch_value *block, size_t index,
	enum orch_kind kind, struct orch_config_instance *instance)
{
	struct orch_text path = orch_reader_block_path(reader, kinds[kind].list, block, index);
	size_t before = orch_config_errors_total(reader->errors), named;

	*instance = (struct orch_config_instance){ .kind = kind,
		.where = block->where,
		.block = block,
		.path = ORCH_TEXT_NONE,
		.attempts = 10,
		.in_flight = 256 };
	orch_reader_keys(reader, block, path, kinds[kind].keys, instance);
	orch_reader_check_name(reader, orch_reader_where(block, "name"),
		orch_reader_path(reader, path, "name"), instance->name);
	named = orch_config_errors_total(reader->errors);
	orch_reader_check_name(reader, orch_reader_where(block, "plugin"),
		orch_reader_path(reader, path, "plugin"), instance->plugin);
	if (orch_config_errors_total(reader->errors) != named)
		instance->plugin = ORCH_TEXT_NONE;
	if (kind == ORCH_KIND_INPUT) {
		read_transport(reader, block, path, instance);
		check_path(reader, block, path, instance);
	}
	instance->failed = orch_config_errors_total(reader->errors) != before;
}

static void check_double(struct orch_reader *reader, const struct orch_config_instance *instances,
	size_t index, const char *list)
{
	const struct orch_config_instance *one = &instances[index];
	struct orch_text path = orch_reader_block_path(reader, list, one->block, index);

	for (size_t i = 0; i < index; i++) {
		const struct orch_config_instance *other = &instances[i];

		if (one->name.len > 0 && orch_text_equal(one->name, other->name))
			orch_reader_error(reader, orch_reader_where(one->block, "name"), path,
				"there is one of this name already, on line %u; must be another "
				"name",
				other->where.line);
		else if (one->transport == ORCH_HTTP && other->transport == ORCH_HTTP &&
			one->path.len > 0 && orch_text_equal(one->path, other->path))
			orch_reader_error(reader, orch_reader_where(one->block, "path"),
				orch_reader_path(reader, path, "path"),
				"\"%.*s\" is taken by the input on line %u; must be another path",
				ORCH_TEXT_ARG(one->path), other->where.line);
	}
}

static void read_list(struct orch_reader *reader, struct orch_value *root, enum orch_kind kind,
	struct orch_config_instance **ret_instances, size_t *ret_count, bool *ret_failed)
{
	const char *list_name = kinds[kind].list;
	struct orch_value *list =
		orch_reader_blocks(reader, root, ORCH_TEXT_NONE, list_name, ret_failed);
	struct orch_config_instance *instances;

	if (list == NULL)
		return;
	instances = orch_arena_alloc_array(reader->arena, list->count + 1, sizeof(*instances));
	if (instances == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		read_instance(reader, &list->items[i], i, kind, &instances[i]);
		check_double(reader, instances, i, list_name);
		if (instances[i].name.len == 0)
			*ret_failed = true;
	}
	*ret_instances = instances;
	*ret_count = list->count;
}

void orch_config_read_instances(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_config *config = reader->config;

	read_list(reader, root, ORCH_KIND_INPUT, &config->inputs, &config->input_count,
		&config->failed.inputs);
	read_list(reader, root, ORCH_KIND_TOOL, &config->tools, &config->tool_count,
		&config->failed.tools);
	read_list(reader, root, ORCH_KIND_ACTION, &config->actions, &config->action_count,
		&config->failed.actions);
}
