/* SPDX-License-Identifier: Apache-2.0 */
/* store, plugins: where results are kept, and where plugins are found. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config, member)

static const struct orch_key store_keys[] = {
	{ .name = "driver", .type = ORCH_KEY_OTHER },
	{ .name = "dsn", .type = ORCH_KEY_TEXT, .offset = AT(postgres.dsn) },
	{ .name = "password", .type = ORCH_KEY_TEXT, .offset = AT(postgres.password) },
	{ .name = "migrate",
		.type = ORCH_KEY_BOOL,
		.offset = AT(postgres.migrate),
		.fallback = "false" },
	{ .name = "reserve",
		.type = ORCH_KEY_BYTES,
		.offset = AT(reserve_bytes),
		.fallback = "64M",
		.max = 1ull << 50 },
	{ .name = "key", .type = ORCH_KEY_TEXT, .offset = AT(store_key) },
	{ .name = NULL },
};

static const char *const postgres_keys[] = { "dsn", "password", "migrate" };
static const char *const sqlite_keys[] = { "reserve" };

static const struct orch_key plugin_keys[] = {
	{ .name = "path", .type = ORCH_KEY_PATHS, .offset = AT(plugin_path) },
	{ .name = NULL },
};

struct orch_text orch_reader_driver(
	struct orch_reader *reader, struct orch_value *group, const char *path, const char *choices)
{
	struct orch_text rest = orch_text_from(choices), name = ORCH_TEXT_NONE;
	struct orch_value *value = orch_value_get(group, "driver");
	struct orch_err err;
	uint32_t index = 0;

	if (value != NULL && orch_value_to_choice(value, choices, &index, &err) != ORCH_OK) {
		orch_reader_error(reader, value->where,
			orch_reader_path(reader, orch_text_from(path), "driver"), "%s", err.text);
		return ORCH_TEXT_NONE;
	}
	for (uint32_t i = 0; i <= index; i++)
		if (!orch_text_split(&rest, '|', &name))
			break;
	return orch_arena_text(reader->arena, name);
}

void orch_reader_refuse_without(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const char *const *keys, size_t count, const char *driver)
{
	for (size_t i = 0; i < count; i++)
		if (orch_value_get(group, keys[i]) != NULL)
			orch_reader_error(reader, orch_reader_where(group, keys[i]),
				orch_reader_path(reader, path, keys[i]),
				"has no meaning with driver \"%s\"; leave it out", driver);
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

void orch_reader_check_credential(struct orch_reader *reader, const struct orch_value *group,
	struct orch_text path, const char *key, struct orch_text name)
{
	const struct orch_config *config = reader->config;
	struct orch_text nearest;
	const char *const *names;
	size_t count;

	if (name.len == 0 || config->failed.credentials ||
		orch_config_credential(config, name) != 0)
		return;
	names = credential_names(reader, &count);
	nearest = orch_config_did_you_mean(reader->arena, name, names, count);
	orch_reader_error(reader, orch_reader_where(group, key),
		orch_reader_path(reader, path, key),
		"there is no credential \"%.*s\"; must be the name of one of credentials%.*s",
		ORCH_TEXT_ARG(name), ORCH_TEXT_ARG(nearest));
}

/* What the hosts share, all of them have to be told. */
static void check_postgres(struct orch_reader *reader, struct orch_value *group)
{
	if (orch_value_get(group, "dsn") == NULL)
		orch_reader_error(reader, orch_reader_where(group, "dsn"), ORCH_TEXT("store.dsn"),
			"is missing; must say where the database is, such as "
			"\"host=db.example.com dbname=orchestrator user=orchestrator "
			"sslmode=verify-full\"");
	if (orch_value_get(group, "key") == NULL)
		orch_reader_error(reader, orch_reader_where(group, "key"), ORCH_TEXT("store.key"),
			"is missing; with \"postgres\" every host needs the same key, so it must "
			"be the name of one of credentials, of 64 hex digits");
}

/* Either both on this machine or both beyond it: docs/decisions/0012. */
static void check_pair(struct orch_reader *reader, const struct orch_value *group)
{
	bool sqs = orch_text_is(reader->config->queue_driver, "sqs");

	if (reader->config->queue_driver.len == 0 || reader->config->store_driver.len == 0)
		return;
	if (sqs != orch_text_is(reader->config->store_driver, "postgres"))
		orch_reader_error(reader, orch_reader_where(group, "driver"),
			ORCH_TEXT("store.driver"),
			"queue.driver \"%s\" does not go with it; must be \"%s\"",
			sqs ? "sqs" : "sqlite", sqs ? "postgres" : "sqlite");
}

static void check_store(struct orch_reader *reader, struct orch_value *group)
{
	const struct orch_text path = ORCH_TEXT("store");
	const struct orch_config *config = reader->config;

	orch_reader_check_credential(reader, group, path, "key", config->store_key);
	orch_reader_check_credential(reader, group, path, "password", config->postgres.password);
	if (orch_text_is(config->store_driver, "postgres")) {
		check_postgres(reader, group);
		orch_reader_refuse_without(reader, group, path, sqlite_keys,
			sizeof(sqlite_keys) / sizeof(sqlite_keys[0]), "postgres");
	} else if (orch_text_is(config->store_driver, "sqlite")) {
		orch_reader_refuse_without(reader, group, path, postgres_keys,
			sizeof(postgres_keys) / sizeof(postgres_keys[0]), "sqlite");
	}
}

static void read_store(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_text path = ORCH_TEXT("store");
	size_t before = orch_config_errors_total(reader->errors);
	struct orch_config *config = reader->config;
	struct orch_value *group = orch_reader_group(
		reader, root, ORCH_TEXT_NONE, "store", "{ driver = \"sqlite\"; }");

	orch_reader_keys(reader, group, path, store_keys, config);
	orch_reader_refuse_unknown(reader, group, path, store_keys);
	if (group != NULL || orch_config_errors_total(reader->errors) == before)
		config->store_driver =
			orch_reader_driver(reader, group, "store", "sqlite|postgres");
	check_pair(reader, group != NULL ? group : root);
	if (group != NULL)
		check_store(reader, group);
	config->failed.store = orch_config_errors_total(reader->errors) != before;
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
	read_store(reader, root);
	read_plugins(reader, root);
}
