/* SPDX-License-Identifier: Apache-2.0 */
/* credentials: which there are, how they are sent and where they may go.  Their values are read elsewhere. */
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/reader.h"

#define HEADER_BYTES 64
#define AT(member) offsetof(struct block, member)

/* A block as it is written. */
struct block {
	struct orch_text name, env, file, systemd, header;
	uint32_t scheme;
	struct orch_list hosts;
};

static const struct orch_key keys[] = {
	{ .name = "name",
		.type = ORCH_KEY_TEXT,
		.offset = AT(name),
		.example = "name = \"slack-bot\"" },
	{ .name = "env", .type = ORCH_KEY_TEXT, .offset = AT(env) },
	{ .name = "file", .type = ORCH_KEY_PATH, .offset = AT(file) },
	{ .name = "systemd", .type = ORCH_KEY_TEXT, .offset = AT(systemd) },
	{ .name = "scheme", .type = ORCH_KEY_OTHER },
	{ .name = "header", .type = ORCH_KEY_TEXT, .offset = AT(header) },
	{ .name = "hosts", .type = ORCH_KEY_TEXTS, .offset = AT(hosts) },
	{ .name = NULL },
};

static void read_scheme(struct orch_reader *reader, struct orch_value *value, struct orch_text path,
	struct block *block)
{
	struct orch_value *scheme = orch_value_get(value, "scheme");
	struct orch_err err;
	uint32_t index;

	/* What has hosts is sent to them, and nearly all ask for a bearer. */
	if (scheme == NULL && block->hosts.count > 0)
		block->scheme = ORCH_SCHEME_BEARER;
	if (scheme == NULL)
		return;
	path = orch_reader_path(reader, path, "scheme");
	if (orch_value_to_choice(scheme, "bearer|basic|header", &index, &err) != ORCH_OK)
		orch_reader_error(reader, scheme->where, path, "%s", err.text);
	else
		block->scheme = index + ORCH_SCHEME_BEARER;
	if (block->hosts.count == 0 && orch_value_get(value, "hosts") == NULL)
		orch_reader_error(reader, scheme->where, path,
			"it says how the secret is sent, but not where to; add hosts = [ \"…\" ]");
}

static bool is_header_name(struct orch_text name)
{
	if (name.len > HEADER_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_'))
			return false;
	}
	return true;
}

static void check_header(struct orch_reader *reader, const struct orch_value *value,
	struct orch_text path, const struct block *block)
{
	struct orch_where where = orch_reader_where(value, "header");

	if (block->scheme == ORCH_SCHEME_HEADER && block->header.len == 0)
		orch_reader_error(reader, orch_reader_where(value, "scheme"), path,
			"scheme \"header\" does not say which; add header = \"X-Api-Key\"");
	if (block->header.len == 0)
		return;
	path = orch_reader_path(reader, path, "header");
	if (block->scheme != ORCH_SCHEME_HEADER)
		orch_reader_error(reader, where, path,
			"has no meaning without scheme = \"header\"; add that or leave this out");
	if (!is_header_name(block->header))
		orch_reader_error(reader, where, path,
			"\"%.*s\" is not the name of a header; must be such as \"X-Api-Key\"",
			ORCH_TEXT_ARG(block->header));
}

static bool is_env_name(struct orch_text name)
{
	return name.len > 0 && memchr(name.ptr, '=', name.len) == NULL;
}

/* True if there is one source, and it can be one. */
static bool check_source(struct orch_reader *reader, struct orch_value *value,
	struct orch_text path, const struct block *block)
{
	size_t count =
		(size_t)(block->env.len > 0) + (block->file.len > 0) + (block->systemd.len > 0);
	bool named = orch_value_get(value, "env") != NULL ||
		orch_value_get(value, "file") != NULL || orch_value_get(value, "systemd") != NULL;

	if (!named)
		orch_reader_error(reader, value->where, path,
			"does not say where the secret is; add env = \"VARIABLE\", file = \"PATH\" "
			"or systemd = \"NAME\"");
	if (count > 1)
		orch_reader_error(reader, value->where, path,
			"names %zu sources; must name one of env, file and systemd", count);
	if (count != 1)
		return false;
	if (block->env.len > 0 && !is_env_name(block->env)) {
		orch_reader_error(reader, orch_reader_where(value, "env"),
			orch_reader_path(reader, path, "env"),
			"\"%.*s\" is not the name of a variable; must be such as "
			"\"SLACK_BOT_TOKEN\"",
			ORCH_TEXT_ARG(block->env));
		return false;
	}
	if (block->systemd.len > 0 && memchr(block->systemd.ptr, '/', block->systemd.len) != NULL) {
		orch_reader_error(reader, orch_reader_where(value, "systemd"),
			orch_reader_path(reader, path, "systemd"),
			"\"%.*s\" is not the name of a credential; must be as in LoadCredential=, "
			"without \"/\"",
			ORCH_TEXT_ARG(block->systemd));
		return false;
	}
	return true;
}

static void read_hosts(struct orch_reader *reader, const struct orch_value *value,
	struct orch_text path, const struct block *block, struct orch_credential_entry *entry)
{
	struct orch_where where = orch_reader_where(value, "hosts");
	struct orch_err err;

	path = orch_reader_path(reader, path, "hosts");
	if (block->hosts.count == 0) {
		if (orch_text_is(block->name, "") || block->hosts.items == NULL)
			return;
		orch_reader_error(reader, where, path,
			"is empty, so the secret could be sent nowhere; name the hosts, such as [ "
			"\"slack.com\" ]");
		return;
	}
	entry->hosts =
		orch_arena_alloc_array(reader->arena, block->hosts.count, sizeof(*entry->hosts));
	if (entry->hosts == NULL)
		return;
	for (size_t i = 0; i < block->hosts.count; i++) {
		if (orch_host_pattern_parse(reader->arena, block->hosts.items[i],
			    &entry->hosts[entry->host_count], &err) == ORCH_OK)
			entry->host_count++;
		else
			orch_reader_error(reader, where, path, "\"%.*s\": %s",
				ORCH_TEXT_ARG(block->hosts.items[i]), err.text);
	}
}

static void keep_source(const struct block *block, struct orch_config_credential *credential)
{
	if (block->file.len > 0) {
		credential->source = ORCH_SOURCE_FILE;
		credential->from = block->file;
	} else if (block->systemd.len > 0) {
		credential->source = ORCH_SOURCE_SYSTEMD;
		credential->from = block->systemd;
	} else {
		credential->source = ORCH_SOURCE_ENV;
		credential->from = block->env;
	}
}

static void read_credential(struct orch_reader *reader, struct orch_value *value, size_t index,
	struct orch_config_credential *credential, struct orch_credential_entry *entry)
{
	struct orch_text path = orch_reader_block_path(reader, "credentials", value, index);
	struct block block = { .scheme = ORCH_SCHEME_NONE };

	orch_reader_keys(reader, value, path, keys, &block);
	orch_reader_refuse_unknown(reader, value, path, keys);
	orch_reader_check_name(reader, orch_reader_where(value, "name"),
		orch_reader_path(reader, path, "name"), block.name);
	read_scheme(reader, value, path, &block);
	check_header(reader, value, path, &block);
	credential->from = ORCH_TEXT_NONE;
	if (check_source(reader, value, path, &block))
		keep_source(&block, credential);
	read_hosts(reader, value, path, &block, entry);

	credential->where = value->where;
	credential->name = block.name;
	entry->name = block.name;
	entry->scheme = (enum orch_scheme)block.scheme;
	entry->header = block.header;
}

void orch_config_read_credentials(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_config *config = reader->config;
	struct orch_value *list = orch_reader_blocks(
		reader, root, ORCH_TEXT_NONE, "credentials", &config->failed.credentials);
	struct orch_config_credential *credentials;
	struct orch_credential_entry *entries;

	if (list == NULL)
		return;
	credentials = orch_arena_alloc_array(reader->arena, list->count + 1, sizeof(*credentials));
	entries = orch_arena_alloc_array(reader->arena, list->count + 1, sizeof(*entries));
	if (credentials == NULL || entries == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		read_credential(reader, &list->items[i], i, &credentials[i], &entries[i]);
		orch_reader_check_double(reader, list, "credentials", i);
		if (credentials[i].name.len == 0)
			config->failed.credentials = true;
	}
	config->credentials = credentials;
	config->credential_count = list->count;
	config->egress.credentials = entries;
	config->egress.credential_count = list->count;
}
