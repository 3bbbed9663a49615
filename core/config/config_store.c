/* SPDX-License-Identifier: Apache-2.0 */
/* queue, store, plugins: where work and results are kept, and where plugins are found. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config, member)
#define BLOCK(member) offsetof(struct block, member)
#define HOUR_MS (3600u * 1000)

/* What is checked and then not kept. */
struct block {
	struct orch_text text, region, prefix, endpoint, dsn;
	uint32_t batch;
	uint64_t wait_ms;
	bool create;
};

static const struct orch_key queue_keys[] = {
	{ .name = "driver", .type = ORCH_KEY_OTHER },
	{ .name = "visibility",
		.type = ORCH_KEY_MS,
		.offset = AT(lease_ms),
		.fallback = "60s",
		.min = 1000,
		.max = 12 * HOUR_MS },
	{ .name = "receives",
		.type = ORCH_KEY_COUNT,
		.offset = AT(receives),
		.fallback = "20",
		.min = 1,
		.max = 1000000 },
	{ .name = "region", .type = ORCH_KEY_OTHER },
	{ .name = "prefix", .type = ORCH_KEY_OTHER },
	{ .name = "endpoint", .type = ORCH_KEY_OTHER },
	{ .name = "batch", .type = ORCH_KEY_OTHER },
	{ .name = "wait", .type = ORCH_KEY_OTHER },
	{ .name = "create", .type = ORCH_KEY_OTHER },
	{ .name = NULL },
};

static const struct orch_key sqs_keys[] = {
	{ .name = "region", .type = ORCH_KEY_TEXT, .offset = BLOCK(region) },
	{ .name = "prefix", .type = ORCH_KEY_TEXT, .offset = BLOCK(prefix) },
	{ .name = "endpoint", .type = ORCH_KEY_TEXT, .offset = BLOCK(endpoint) },
	{ .name = "batch",
		.type = ORCH_KEY_COUNT,
		.offset = BLOCK(batch),
		.fallback = "10",
		.min = 1,
		.max = 10 },
	{ .name = "wait",
		.type = ORCH_KEY_MS,
		.offset = BLOCK(wait_ms),
		.fallback = "20s",
		.max = 20000 },
	{ .name = "create", .type = ORCH_KEY_BOOL, .offset = BLOCK(create), .fallback = "false" },
	{ .name = NULL },
};

static const struct orch_key store_keys[] = {
	{ .name = "driver", .type = ORCH_KEY_OTHER },
	{ .name = "dsn", .type = ORCH_KEY_OTHER },
	{ .name = "reserve",
		.type = ORCH_KEY_BYTES,
		.offset = AT(reserve_bytes),
		.fallback = "64M",
		.max = 1ull << 50 },
	{ .name = "key", .type = ORCH_KEY_TEXT, .offset = AT(store_key) },
	{ .name = NULL },
};

static const struct orch_key dsn_keys[] = {
	{ .name = "dsn", .type = ORCH_KEY_TEXT, .offset = BLOCK(dsn) },
	{ .name = NULL },
};

static const struct orch_key plugin_keys[] = {
	{ .name = "path", .type = ORCH_KEY_PATHS, .offset = AT(plugin_path) },
	{ .name = NULL },
};

/* The chosen driver's name; the first one if none is chosen, or no known one. */
static struct orch_text read_driver(
	struct orch_reader *reader, struct orch_value *group, const char *path, const char *choices)
{
	struct orch_text rest = orch_text_from(choices), name = ORCH_TEXT_NONE;
	struct orch_value *value = orch_value_get(group, "driver");
	struct orch_err err;
	uint32_t index = 0;

	if (value != NULL && orch_value_to_choice(value, choices, &index, &err) != ORCH_OK)
		orch_reader_error(reader, value->where,
			orch_reader_path(reader, orch_text_from(path), "driver"), "%s", err.text);
	for (uint32_t i = 0; i <= index; i++)
		if (!orch_text_split(&rest, '|', &name))
			break;
	return orch_arena_text(reader->arena, name);
}

static void check_prefix(
	struct orch_reader *reader, const struct orch_value *group, struct orch_text prefix)
{
	for (size_t i = 0; i < prefix.len; i++) {
		char c = prefix.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_')
			continue;
		orch_reader_error(reader, orch_reader_where(group, "prefix"),
			ORCH_TEXT("queue.prefix"),
			"\"%.*s\" cannot begin the name of a queue; must be letters, digits, \"-\" "
			"and \"_\"",
			ORCH_TEXT_ARG(prefix));
		return;
	}
}

static void check_endpoint(
	struct orch_reader *reader, const struct orch_value *group, struct orch_text endpoint)
{
	struct orch_url url;
	struct orch_err err;

	if (endpoint.len > 0 && orch_url_parse(endpoint, &url, &err) != ORCH_OK)
		orch_reader_error(reader, orch_reader_where(group, "endpoint"),
			ORCH_TEXT("queue.endpoint"), "%s", err.text);
}

static void read_queue(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_text path = ORCH_TEXT("queue");
	struct orch_config *config = reader->config;
	struct orch_value *group = orch_reader_group(
		reader, root, ORCH_TEXT_NONE, "queue", "{ driver = \"sqlite\"; }");
	struct block block = { .batch = 0 };

	orch_reader_keys(reader, group, path, queue_keys, config);
	orch_reader_keys(reader, group, path, sqs_keys, &block);
	orch_reader_refuse_unknown(reader, group, path, queue_keys);
	config->queue_driver = read_driver(reader, group, "queue", "sqlite|sqs");
	if (group == NULL)
		return;
	check_prefix(reader, group, block.prefix);
	check_endpoint(reader, group, block.endpoint);
	if (orch_text_is(config->queue_driver, "sqs"))
		orch_reader_error(reader, orch_reader_where(group, "driver"),
			ORCH_TEXT("queue.driver"),
			"\"sqs\" is not in this version yet; must be \"sqlite\"");
}

static const char *const *credential_names(struct orch_reader *reader, size_t *ret_count)
{
	const struct orch_config *config = reader->config;
	const char **names =
		orch_arena_alloc_array(reader->arena, config->credential_count + 1, sizeof(*names));

	*ret_count = names == NULL ? 0 : config->credential_count;
	for (size_t i = 0; i < *ret_count; i++)
		names[i] = config->credentials[i].name.ptr;
	return names;
}

static void check_key(struct orch_reader *reader, const struct orch_value *group)
{
	const struct orch_config *config = reader->config;
	struct orch_text nearest;
	const char *const *names;
	size_t count;

	if (config->store_key.len == 0 || config->failed.credentials ||
		orch_config_credential(config, config->store_key) != 0)
		return;
	names = credential_names(reader, &count);
	nearest = orch_config_did_you_mean(reader->arena, config->store_key, names, count);
	orch_reader_error(reader, orch_reader_where(group, "key"), ORCH_TEXT("store.key"),
		"there is no credential \"%.*s\"; must be the name of one of credentials%.*s",
		ORCH_TEXT_ARG(config->store_key), ORCH_TEXT_ARG(nearest));
}

static void read_store(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_text path = ORCH_TEXT("store");
	struct orch_config *config = reader->config;
	struct orch_value *group = orch_reader_group(
		reader, root, ORCH_TEXT_NONE, "store", "{ driver = \"sqlite\"; }");
	struct block block = { .batch = 0 };
	bool postgres;

	orch_reader_keys(reader, group, path, store_keys, config);
	orch_reader_keys(reader, group, path, dsn_keys, &block);
	orch_reader_refuse_unknown(reader, group, path, store_keys);
	config->store_driver = read_driver(reader, group, "store", "sqlite|postgres");
	if (group == NULL)
		return;
	check_key(reader, group);
	postgres = orch_text_is(config->store_driver, "postgres");
	if (postgres)
		orch_reader_error(reader, orch_reader_where(group, "driver"),
			ORCH_TEXT("store.driver"),
			"\"postgres\" is not in this version yet; must be \"sqlite\"");
	if (!postgres && block.dsn.len > 0)
		orch_reader_error(reader, orch_reader_where(group, "dsn"), ORCH_TEXT("store.dsn"),
			"has no meaning with driver \"sqlite\"; leave it out");
}

struct orch_list orch_config_plugin_path(struct orch_arena *arena)
{
	static const char *const beside[] = { "../plugins", "../lib/orchestrator/plugins" };
	const size_t count = sizeof(beside) / sizeof(*beside);
	struct orch_text folder = orch_file_program_folder(arena);
	struct orch_text *items = orch_arena_alloc_array(arena, count + 1, sizeof(*items));
	size_t used = 0;

	if (items == NULL)
		return (struct orch_list){ NULL, 0 };
	for (size_t i = 0; folder.len > 0 && i < count; i++)
		items[used++] =
			orch_arena_printf(arena, "%.*s/%s", ORCH_TEXT_ARG(folder), beside[i]);
	items[used++] = ORCH_TEXT("/usr/lib/orchestrator/plugins");
	return (struct orch_list){ items, used };
}

static void read_plugins(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_text path = ORCH_TEXT("plugins");
	size_t before = orch_config_errors_total(reader->errors);
	struct orch_value *group = orch_reader_group(reader, root, ORCH_TEXT_NONE, "plugins",
		"{ path = [ \"/usr/lib/orchestrator/plugins\" ]; }");

	orch_reader_keys(reader, group, path, plugin_keys, reader->config);
	orch_reader_refuse_unknown(reader, group, path, plugin_keys);
	reader->config->failed.plugins = orch_config_errors_total(reader->errors) != before;
	if (reader->config->plugin_path.count == 0)
		reader->config->plugin_path = orch_config_plugin_path(reader->arena);
}

void orch_config_read_store(struct orch_reader *reader, struct orch_value *root)
{
	read_queue(reader, root);
	read_store(reader, root);
	read_plugins(reader, root);
}
