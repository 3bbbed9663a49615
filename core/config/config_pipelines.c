/* SPDX-License-Identifier: Apache-2.0 */
/* pipelines: which inputs lead to which tools, policy and actions. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/reader.h"

#define LISTED_BYTES 200 /* of the names that could have been meant */
#define AT(member) offsetof(struct orch_config_pipeline, member)

static const struct orch_key keys[] = {
	{ .name = "name", .type = ORCH_KEY_TEXT, .offset = AT(name), .example = "name = \"…\"" },
	{ .name = "inputs", .type = ORCH_KEY_OTHER },
	{ .name = "tools", .type = ORCH_KEY_OTHER },
	{ .name = "policy", .type = ORCH_KEY_OTHER },
	{ .name = "mode",
		.type = ORCH_KEY_CHOICE,
		.offset = AT(mode),
		.fallback = "queued",
		.choices = "queued|direct" },
	{ .name = "enforce", .type = ORCH_KEY_BOOL, .offset = AT(enforce), .fallback = "true" },
	{ .name = NULL },
};

static struct orch_text nearest_instance(struct orch_reader *reader, struct orch_text name,
	const struct orch_config_instance *instances, size_t count)
{
	const char **names = orch_arena_alloc_array(reader->arena, count + 1, sizeof(*names));

	if (names == NULL)
		return ORCH_TEXT_NONE;
	for (size_t i = 0; i < count; i++)
		names[i] = instances[i].name.ptr;
	return orch_config_did_you_mean(reader->arena, name, names, count);
}

/* ": a, b" of those that there are. */
static struct orch_text list_names(
	struct orch_reader *reader, const struct orch_config_instance *instances, size_t count)
{
	char all[LISTED_BYTES] = "";
	size_t at = 0;

	for (size_t i = 0; i < count && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%.*s", i == 0 ? ": " : ", ",
			ORCH_TEXT_ARG(instances[i].name));
	return orch_arena_text(reader->arena, orch_text_from(all));
}

static bool is_named_before(struct orch_list names, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (orch_text_equal(names.items[i], names.items[index]))
			return true;
	return false;
}

/* The count if there is none of that name. */
static size_t find_instance(const struct orch_reference *reference, struct orch_text name)
{
	size_t index = 0;

	while (index < reference->count && !orch_text_equal(reference->instances[index].name, name))
		index++;
	return index;
}

static void refuse_reference(struct orch_reader *reader, struct orch_where where,
	struct orch_text path, const struct orch_reference *reference, struct orch_text name)
{
	struct orch_text listed, nearest;

	if (reference->count == 0) {
		orch_reader_error(reader, where, path,
			"there is no %s \"%.*s\", for no %ss are configured; add it to %ss",
			reference->kind, ORCH_TEXT_ARG(name), reference->kind, reference->kind);
		return;
	}
	listed = list_names(reader, reference->instances, reference->count);
	nearest = nearest_instance(reader, name, reference->instances, reference->count);

	orch_reader_error(reader, where, path,
		"there is no %s \"%.*s\"; must be one of %ss%.*s%.*s", reference->kind,
		ORCH_TEXT_ARG(name), reference->kind, ORCH_TEXT_ARG(listed),
		ORCH_TEXT_ARG(nearest));
}

bool orch_reader_references(struct orch_reader *reader, struct orch_value *block,
	struct orch_text path, const struct orch_reference *reference, uint32_t **ret_indexes,
	size_t *ret_count)
{
	struct orch_value *value = orch_value_get(block, reference->key);
	struct orch_list names = { NULL, 0 };
	uint32_t *indexes;
	struct orch_err err;
	size_t used = 0;
	bool all = true;

	if (value == NULL)
		return true;
	path = orch_reader_path(reader, path, reference->key);
	if (orch_value_to_texts(value, reader->arena, &names, &err) != ORCH_OK) {
		orch_reader_error(reader, value->where, path, "%s", err.text);
		return false;
	}
	indexes = orch_arena_alloc_array(reader->arena, names.count + 1, sizeof(*indexes));
	for (size_t i = 0; indexes != NULL && i < names.count; i++) {
		size_t found = find_instance(reference, names.items[i]);

		if (found == reference->count) {
			all = false;
			if (!reference->is_unread)
				refuse_reference(
					reader, value->where, path, reference, names.items[i]);
		} else if (is_named_before(names, i)) {
			orch_reader_error(reader, value->where, path,
				"\"%.*s\" stands twice; must stand once",
				ORCH_TEXT_ARG(names.items[i]));
		} else {
			indexes[used++] = (uint32_t)found;
		}
	}
	*ret_indexes = indexes;
	*ret_count = used;
	return all;
}

static void check_direct(struct orch_reader *reader, const struct orch_value *block,
	struct orch_text path, const struct orch_config_pipeline *pipeline)
{
	if (pipeline->mode != ORCH_MODE_DIRECT)
		return;
	for (size_t i = 0; i < pipeline->input_count; i++) {
		const struct orch_config_instance *input =
			&reader->config->inputs[pipeline->inputs[i]];

		if (input->transport != ORCH_HTTP && input->transport != ORCH_WEBSOCKET)
			continue;
		orch_reader_error(reader, orch_reader_where(block, "mode"),
			orch_reader_path(reader, path, "mode"),
			"\"direct\" makes the source wait, which input \"%.*s\" by %s cannot; must "
			"be \"queued\"",
			ORCH_TEXT_ARG(input->name),
			input->transport == ORCH_HTTP ? "http" : "websocket");
	}
}

static void read_ends(struct orch_reader *reader, struct orch_value *block, struct orch_text path,
	struct orch_config_pipeline *pipeline)
{
	const struct orch_config *config = reader->config;
	const struct orch_reference inputs = { "inputs", "input", config->inputs,
		config->input_count, config->failed.inputs };
	const struct orch_reference tools = { "tools", "tool", config->tools, config->tool_count,
		config->failed.tools };
	struct orch_value *named;

	pipeline->inputs_failed = !orch_reader_references(
		reader, block, path, &inputs, &pipeline->inputs, &pipeline->input_count);
	pipeline->tools_failed = !orch_reader_references(
		reader, block, path, &tools, &pipeline->tools, &pipeline->tool_count);
	named = orch_value_get(block, "inputs");
	if (named != NULL && (named->kind != ORCH_VALUE_LIST || named->count > 0))
		return;
	pipeline->inputs_failed = true;
	orch_reader_error(reader, named == NULL ? block->where : named->where, path,
		"has no inputs, so nothing would ever come in; add inputs = [ \"…\" ]");
}

static void read_pipeline(struct orch_reader *reader, struct orch_value *block, size_t index,
	struct orch_config_pipeline *pipeline)
{
	struct orch_text path = orch_reader_block_path(reader, "pipelines", block, index);

	pipeline->where = block->where;
	orch_reader_keys(reader, block, path, keys, pipeline);
	orch_reader_refuse_unknown(reader, block, path, keys);
	orch_reader_check_name(reader, orch_reader_where(block, "name"),
		orch_reader_path(reader, path, "name"), pipeline->name);
	read_ends(reader, block, path, pipeline);
	check_direct(reader, block, path, pipeline);
	orch_config_read_policy(reader, block, path, pipeline);
}

static bool is_used(const struct orch_config *config, size_t input)
{
	for (size_t i = 0; i < config->pipeline_count; i++)
		for (size_t k = 0; k < config->pipelines[i].input_count; k++)
			if (config->pipelines[i].inputs[k] == input)
				return true;
	return false;
}

/* Whom nobody listens to would be told that all is well.  Without pipelines that is another error. */
static void check_unused(struct orch_reader *reader)
{
	const struct orch_config *config = reader->config;

	for (size_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].inputs_failed)
			return;
	for (size_t i = 0; config->pipeline_count > 0 && i < config->input_count; i++)
		if (config->inputs[i].name.len > 0 && !is_used(config, i))
			orch_reader_error(reader, config->inputs[i].where,
				orch_reader_block_path(
					reader, "inputs", config->inputs[i].block, i),
				"no pipeline uses it, so its events would be lost; name it in a "
				"pipeline's inputs or take it out");
}

void orch_config_read_pipelines(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_config *config = reader->config;
	struct orch_value *list = orch_reader_blocks(
		reader, root, ORCH_TEXT_NONE, "pipelines", &config->failed.pipelines);
	struct orch_config_pipeline *pipelines;

	if (list == NULL)
		return;
	pipelines = orch_arena_alloc_array(reader->arena, list->count + 1, sizeof(*pipelines));
	if (pipelines == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		read_pipeline(reader, &list->items[i], i, &pipelines[i]);
		orch_reader_check_double(reader, list, "pipelines", i);
	}
	config->pipelines = pipelines;
	config->pipeline_count = list->count;
	check_unused(reader);
}
