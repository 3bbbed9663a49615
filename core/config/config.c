/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/reader.h"

#define ARENA_BYTES (256 * 1024 * 1024)
#define AT(member) offsetof(struct orch_config, member)

static const struct orch_key root_keys[] = {
	{ .name = "state_dir", .type = ORCH_KEY_PATH, .offset = AT(state_dir), .fallback = "var" },
	{ .name = "drain",
		.type = ORCH_KEY_MS,
		.offset = AT(drain_ms),
		.fallback = "25s",
		.max = 3600000 },
	{ .name = "rules", .type = ORCH_KEY_PATHS, .offset = AT(rules) },
	{ .name = "http", .type = ORCH_KEY_OTHER },
	{ .name = "console", .type = ORCH_KEY_OTHER },
	{ .name = "threads", .type = ORCH_KEY_OTHER },
	{ .name = "egress", .type = ORCH_KEY_OTHER },
	{ .name = "queue", .type = ORCH_KEY_OTHER },
	{ .name = "store", .type = ORCH_KEY_OTHER },
	{ .name = "plugins", .type = ORCH_KEY_OTHER },
	{ .name = "credentials", .type = ORCH_KEY_OTHER },
	{ .name = "accounts", .type = ORCH_KEY_OTHER },
	{ .name = "inputs", .type = ORCH_KEY_OTHER },
	{ .name = "tools", .type = ORCH_KEY_OTHER },
	{ .name = "actions", .type = ORCH_KEY_OTHER },
	{ .name = "pipelines", .type = ORCH_KEY_OTHER },
	{ .name = "log", .type = ORCH_KEY_OTHER },
	{ .name = "limits", .type = ORCH_KEY_OTHER },
	{ .name = NULL },
};

static const struct orch_key thread_keys[] = {
	{ .name = "intake",
		.type = ORCH_KEY_COUNT,
		.offset = AT(threads_intake),
		.fallback = "1",
		.min = 1,
		.max = 64 },
	{ .name = "scan",
		.type = ORCH_KEY_COUNT,
		.offset = AT(threads_scan),
		.fallback = "2",
		.min = 1,
		.max = 256 },
	{ .name = "act",
		.type = ORCH_KEY_COUNT,
		.offset = AT(threads_act),
		.fallback = "1",
		.min = 1,
		.max = 64 },
	{ .name = NULL },
};

static const struct orch_key log_keys[] = {
	{ .name = "level",
		.type = ORCH_KEY_CHOICE,
		.offset = AT(log_level),
		.fallback = "info",
		.choices = "debug|info|warn|error|alert" },
	{ .name = "format", .type = ORCH_KEY_OTHER },
	{ .name = NULL },
};

static const struct orch_key limit_keys[] = {
	{ .name = "body_bytes",
		.type = ORCH_KEY_BYTES,
		.offset = AT(body_bytes),
		.fallback = "1M",
		.min = 1024,
		.max = 1u << 30 },
	{ .name = "bodies_bytes",
		.type = ORCH_KEY_BYTES,
		.offset = AT(bodies_bytes),
		.fallback = "64M",
		.min = 1024,
		.max = 1ull << 40 },
	{ .name = "part_bytes",
		.type = ORCH_KEY_BYTES,
		.offset = AT(part_bytes),
		.fallback = "64M",
		.min = 1024,
		.max = 1ull << 40 },
	{ .name = "gather_bytes",
		.type = ORCH_KEY_BYTES,
		.offset = AT(gather_bytes),
		.fallback = "256M",
		.min = 1024,
		.max = 1ull << 40 },
	{ .name = "events",
		.type = ORCH_KEY_COUNT,
		.offset = AT(events),
		.fallback = "100",
		.min = 1,
		.max = 100000 },
	{ .name = "parts",
		.type = ORCH_KEY_COUNT,
		.offset = AT(parts),
		.fallback = "200",
		.min = 1,
		.max = 10000 },
	{ .name = "fields",
		.type = ORCH_KEY_COUNT,
		.offset = AT(fields),
		.fallback = "200",
		.min = 1,
		.max = 10000 },
	{ .name = "findings",
		.type = ORCH_KEY_COUNT,
		.offset = AT(findings),
		.fallback = "1000",
		.min = 1,
		.max = 100000 },
	{ .name = "records",
		.type = ORCH_KEY_COUNT,
		.offset = AT(records),
		.fallback = "1000",
		.min = 1,
		.max = 100000 },
	{ .name = "requests",
		.type = ORCH_KEY_COUNT,
		.offset = AT(requests),
		.fallback = "50",
		.min = 1,
		.max = 10000 },
	{ .name = "hook_ms",
		.type = ORCH_KEY_MS,
		.offset = AT(hook_ms),
		.fallback = "2s",
		.min = 1,
		.max = 3600000 },
	{ .name = "scans",
		.type = ORCH_KEY_COUNT,
		.offset = AT(scans),
		.fallback = "64",
		.min = 1,
		.max = 10000 },
	{ .name = NULL },
};

static void read_block(struct orch_reader *reader, struct orch_value *root, const char *name,
	const char *example, const struct orch_key *keys)
{
	struct orch_value *group = orch_reader_group(reader, root, ORCH_TEXT_NONE, name, example);

	orch_reader_keys(reader, group, orch_text_from(name), keys, reader->config);
	orch_reader_refuse_unknown(reader, group, orch_text_from(name), keys);
}

static void read_log(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_value *group;
	struct orch_value *format;
	uint32_t index = 0;
	struct orch_err err;

	read_block(reader, root, "log", "{ level = \"info\"; format = \"json\"; }", log_keys);
	group = orch_value_get(root, "log");
	format = orch_value_get(group, "format");
	if (format != NULL && orch_value_to_choice(format, "logfmt|json", &index, &err) != ORCH_OK)
		orch_reader_error(reader, format->where, ORCH_TEXT("log.format"), "%s", err.text);
	reader->config->log_json = index == 1;
}

static void check_limits(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_config *config = reader->config;
	struct orch_value *group = orch_value_get(root, "limits");

	if (group != NULL && config->body_bytes > config->bodies_bytes)
		orch_reader_error(reader, orch_reader_where(group, "body_bytes"),
			ORCH_TEXT("limits.body_bytes"),
			"one arrival may be larger than all together; must be at most "
			"limits.bodies_bytes");
	if (group != NULL && config->part_bytes > config->gather_bytes)
		orch_reader_error(reader, orch_reader_where(group, "part_bytes"),
			ORCH_TEXT("limits.part_bytes"),
			"one part may be larger than all parts of an event together; must be at "
			"most limits.gather_bytes");
}

static void read_blocks(struct orch_reader *reader, struct orch_value *root)
{
	orch_reader_keys(reader, root, ORCH_TEXT_NONE, root_keys, reader->config);
	orch_reader_refuse_unknown(reader, root, ORCH_TEXT_NONE, root_keys);
	read_block(reader, root, "threads", "{ intake = 1; scan = 2; act = 1; }", thread_keys);
	read_log(reader, root);
	read_block(reader, root, "limits", "{ body_bytes = \"1M\"; }", limit_keys);
	check_limits(reader, root);
	orch_config_read_http(reader, root);
	orch_config_read_credentials(reader, root);
	orch_config_read_accounts(reader, root);
	orch_config_read_queue(reader, root);
	orch_config_read_store(reader, root);
	orch_config_read_instances(reader, root);
	orch_config_read_pipelines(reader, root);
}

static struct orch_config *create(const char *file)
{
	struct orch_arena *arena = orch_arena_create(ARENA_BYTES);
	struct orch_config *config;

	if (arena == NULL)
		return NULL;
	config = orch_arena_alloc(arena, sizeof(*config));
	if (config == NULL) {
		orch_arena_destroy(arena);
		return NULL;
	}
	config->arena = arena;
	config->file = orch_arena_string(arena, orch_text_from(file));
	return config;
}

struct orch_config *orch_config_read(const char *file, struct orch_config_errors *errors)
{
	const struct orch_where where = { file, 0 };
	struct orch_config *config = create(file);
	struct orch_reader reader;

	if (config == NULL) {
		orch_config_errors_add(errors, where, ORCH_TEXT_NONE, "no memory to read it");
		return NULL;
	}
	reader = (struct orch_reader){ config, config->arena, errors };
	if (orch_value_read(file, config->arena, errors, &config->root, config->digest) !=
		ORCH_OK) {
		orch_config_destroy(config);
		return NULL;
	}
	read_blocks(&reader, config->root);
	if (orch_arena_failed(config->arena)) {
		orch_config_errors_add(errors, where, ORCH_TEXT_NONE, "no memory to read it");
		orch_config_destroy(config);
		return NULL;
	}
	return config;
}

void orch_config_check_run(const struct orch_config *config, struct orch_config_errors *errors)
{
	const struct orch_where where = { config->file, 0 };

	if (config->pipeline_count == 0)
		orch_config_errors_add(errors, where, ORCH_TEXT("pipelines"),
			"there is none, so nothing would be done; add a pipeline such as "
			"( { name = \"…\"; inputs = [ … ]; tools = [ … ]; policy = ( … ); } )");
}

orch_credential orch_config_credential(const struct orch_config *config, struct orch_text name)
{
	for (size_t i = 0; i < config->credential_count; i++)
		if (orch_text_equal(config->credentials[i].name, name))
			return (orch_credential)(i + 1);
	return 0;
}

const struct orch_secret *orch_config_secret(
	const struct orch_config *config, struct orch_text name)
{
	orch_credential credential = name.len == 0 ? 0 : orch_config_credential(config, name);

	return credential == 0 ? NULL : config->egress.credentials[credential - 1].secret;
}

static bool has_origin(const struct orch_egress *egress, const struct orch_url *url)
{
	for (size_t i = 0; i < egress->origin_count; i++) {
		const struct orch_origin *origin = &egress->origins[i];

		if (origin->port == url->port && orch_text_equal(origin->host, url->host) &&
			orch_text_equal(origin->scheme, url->scheme))
			return true;
	}
	return false;
}

int orch_config_add_origin(struct orch_config *config, const struct orch_url *url)
{
	struct orch_egress *egress = &config->egress;
	struct orch_origin *origins;

	if (has_origin(egress, url))
		return ORCH_OK;
	origins = orch_arena_alloc_array(config->arena, egress->origin_count + 1, sizeof(*origins));
	if (origins == NULL)
		return ORCH_E_NOMEM;
	if (egress->origin_count > 0)
		memcpy(origins, egress->origins, egress->origin_count * sizeof(*origins));
	origins[egress->origin_count] = (struct orch_origin){
		.scheme = orch_arena_text(config->arena, url->scheme),
		.host = orch_arena_text(config->arena, url->host),
		.port = url->port,
	};
	if (orch_arena_failed(config->arena))
		return ORCH_E_NOMEM;
	egress->origins = origins;
	egress->origin_count++;
	return ORCH_OK;
}
