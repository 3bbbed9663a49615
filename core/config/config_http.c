/* SPDX-License-Identifier: Apache-2.0 */
/* http, console, egress: what listens, and what may be called. */
#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "config/reader.h"

#define LISTEN(member) offsetof(struct orch_config_listen, member)
#define CONFIG(member) offsetof(struct orch_config, member)
#define CONNECTIONS_MAX 1000000

/* The same for both listeners. */
static const struct orch_key listen_keys[] = {
	{ .name = "listen", .type = ORCH_KEY_TEXT, .offset = LISTEN(address) },
	{ .name = "proxies", .type = ORCH_KEY_TEXTS, .offset = LISTEN(proxies) },
	{ .name = "connections",
		.type = ORCH_KEY_COUNT,
		.offset = LISTEN(connections),
		.fallback = "4096",
		.min = 1,
		.max = CONNECTIONS_MAX },
	{ .name = "connections_per_address",
		.type = ORCH_KEY_COUNT,
		.offset = LISTEN(connections_per_address),
		.fallback = "1024",
		.min = 1,
		.max = CONNECTIONS_MAX },
	{ .name = NULL },
};

static const char *const http_names[] = { "listen", "health", "tls", "proxies", "connections",
	"connections_per_address" };
static const char *const console_names[] = { "listen", "tls", "proxies", "connections",
	"connections_per_address" };

static const struct orch_key health_keys[] = {
	{ .name = "health", .type = ORCH_KEY_TEXT, .offset = CONFIG(health_listen) },
	{ .name = NULL },
};

static const struct orch_key tls_keys[] = {
	{ .name = "certificate",
		.type = ORCH_KEY_PATH,
		.offset = LISTEN(certificate),
		.example = "certificate = \"server.pem\"" },
	{ .name = "key",
		.type = ORCH_KEY_PATH,
		.offset = LISTEN(key),
		.example = "key = \"server.key\"" },
	{ .name = NULL },
};

static const struct orch_key egress_keys[] = {
	{ .name = "allow", .type = ORCH_KEY_OTHER },
	{ .name = "ca_file", .type = ORCH_KEY_PATH, .offset = CONFIG(ca_file) },
	{ .name = NULL },
};

static bool is_address(struct orch_text host, bool in_brackets)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (orch_text_is(host, "*") && !in_brackets)
		return true;
	if (host.len == 0 || host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return inet_pton(in_brackets ? AF_INET6 : AF_INET, text, bytes) == 1;
}

int orch_config_parse_listen(struct orch_text text, struct orch_text *ret_address,
	uint16_t *ret_port, struct orch_err *err)
{
	const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
	struct orch_text host = text, port;
	uint64_t number = 0;
	bool in_brackets;

	if (colon == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" has no port; must be such as \"127.0.0.1:8080\"",
			ORCH_TEXT_ARG(text));
	host.len = (size_t)(colon - text.ptr);
	port = (struct orch_text){ colon + 1, text.len - host.len - 1 };
	in_brackets = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (in_brackets)
		host = (struct orch_text){ host.ptr + 1, host.len - 2 };
	if (!is_address(host, in_brackets))
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" is not an address; must be such as \"127.0.0.1:8080\", "
			"\"[::1]:8080\" or \"*:8080\"",
			ORCH_TEXT_ARG(text));
	if (orch_text_to_uint(port, 0, UINT16_MAX, &number) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" is not a port; must be 1 to 65535, or 0 for any free one",
			ORCH_TEXT_ARG(port));
	*ret_address = host;
	*ret_port = (uint16_t)number;
	return ORCH_OK;
}

static void check_address(struct orch_reader *reader, const struct orch_value *group,
	struct orch_text path, const char *name, struct orch_text text)
{
	struct orch_text address;
	struct orch_err err;
	uint16_t port;

	if (text.len > 0 && orch_config_parse_listen(text, &address, &port, &err) != ORCH_OK)
		orch_reader_error(reader, orch_reader_where(group, name),
			orch_reader_path(reader, path, name), "%s", err.text);
}

/* A file that the start will read: better said now, with its place. */
static void check_readable(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const char *name, struct orch_text file)
{
	const struct orch_value *value = orch_value_get(group, name);

	if (value != NULL && file.len > 0 && orch_path_access(file.ptr, R_OK) != 0)
		orch_reader_error(reader, value->where, orch_reader_path(reader, path, name),
			"\"%.*s\" cannot be read; must be a file that is there and readable",
			ORCH_TEXT_ARG(value->text));
}

static void read_tls(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	struct orch_config_listen *listen)
{
	struct orch_value *tls = orch_reader_group(reader, group, path, "tls",
		"{ certificate = \"server.pem\"; key = \"server.key\"; }");

	listen->certificate = listen->key = ORCH_TEXT_NONE;
	if (tls == NULL)
		return;
	path = orch_reader_path(reader, path, "tls");
	orch_reader_keys(reader, tls, path, tls_keys, listen);
	orch_reader_refuse_unknown(reader, tls, path, tls_keys);
	check_readable(reader, tls, path, "certificate", listen->certificate);
	check_readable(reader, tls, path, "key", listen->key);
}

static void check_networks(struct orch_reader *reader, const struct orch_value *group,
	struct orch_text path, const char *name, struct orch_list list,
	struct orch_network *networks)
{
	struct orch_network network;
	struct orch_err err;

	for (size_t i = 0; i < list.count; i++) {
		if (orch_network_parse(list.items[i], &network, &err) != ORCH_OK)
			orch_reader_error(reader, orch_reader_where(group, name),
				orch_reader_path(reader, path, name), "\"%.*s\": %s",
				ORCH_TEXT_ARG(list.items[i]), err.text);
		else if (networks != NULL)
			networks[i] = network;
	}
}

static void read_listen(struct orch_reader *reader, struct orch_value *group, const char *name,
	struct orch_config_listen *listen)
{
	struct orch_text path = orch_text_from(name);

	orch_reader_keys(reader, group, path, listen_keys, listen);
	listen->certificate = listen->key = ORCH_TEXT_NONE;
	if (group == NULL)
		return;
	read_tls(reader, group, path, listen);
	check_address(reader, group, path, "listen", listen->address);
	check_networks(reader, group, path, "proxies", listen->proxies, NULL);
	if (listen->connections_per_address > listen->connections &&
		orch_value_get(group, "connections_per_address") != NULL)
		orch_reader_error(reader, orch_reader_where(group, "connections_per_address"),
			orch_reader_path(reader, path, "connections_per_address"),
			"is more than %s.connections; must be at most %u", name,
			listen->connections);
}

static bool clashes(struct orch_text a, struct orch_text b)
{
	struct orch_text host_a, host_b;
	uint16_t port_a, port_b;
	struct orch_err err;

	if (a.len == 0 || b.len == 0 ||
		orch_config_parse_listen(a, &host_a, &port_a, &err) != ORCH_OK ||
		orch_config_parse_listen(b, &host_b, &port_b, &err) != ORCH_OK)
		return false;
	return port_a != 0 && port_a == port_b &&
		(orch_text_equal(host_a, host_b) || orch_text_is(host_a, "*") ||
			orch_text_is(host_b, "*"));
}

static void check_clash(struct orch_reader *reader, struct orch_where where, const char *path,
	struct orch_text text, const char *other_path, struct orch_text other)
{
	if (clashes(text, other))
		orch_reader_error(reader, where, orch_text_from(path),
			"\"%.*s\" is taken by %s (\"%.*s\"); must be another port",
			ORCH_TEXT_ARG(text), other_path, ORCH_TEXT_ARG(other));
}

static void read_egress(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_config *config = reader->config;
	const struct orch_text path = ORCH_TEXT("egress");
	struct orch_value *group = orch_reader_group(
		reader, root, ORCH_TEXT_NONE, "egress", "{ allow = [ \"10.0.0.0/8\" ]; }");
	struct orch_value *allow = orch_value_get(group, "allow");
	struct orch_list list = { NULL, 0 };
	struct orch_network *networks;
	struct orch_err err;

	orch_reader_keys(reader, group, path, egress_keys, config);
	orch_reader_refuse_unknown(reader, group, path, egress_keys);
	if (group != NULL)
		check_readable(reader, group, path, "ca_file", config->ca_file);
	if (allow == NULL)
		return;
	if (orch_value_to_texts(allow, reader->arena, &list, &err) != ORCH_OK) {
		orch_reader_error(reader, allow->where, ORCH_TEXT("egress.allow"), "%s", err.text);
		return;
	}
	networks = orch_arena_alloc_array(reader->arena, list.count + 1, sizeof(*networks));
	if (networks == NULL)
		return;
	check_networks(reader, group, path, "allow", list, networks);
	config->egress.allowed = networks;
	config->egress.allowed_count = list.count;
}

static void read_http(struct orch_reader *reader, struct orch_value *http)
{
	struct orch_config *config = reader->config;

	read_listen(reader, http, "http", &config->http);
	orch_reader_keys(reader, http, ORCH_TEXT("http"), health_keys, config);
	if (config->http.address.len == 0)
		config->http.address = ORCH_TEXT("127.0.0.1:8080");
	if (http == NULL)
		return;
	orch_config_refuse_unknown(http, ORCH_TEXT("http"), http_names,
		sizeof(http_names) / sizeof(*http_names), reader->errors);
	check_address(reader, http, ORCH_TEXT("http"), "health", config->health_listen);
	check_clash(reader, orch_reader_where(http, "health"), "http.health", config->health_listen,
		"http.listen", config->http.address);
}

static void read_console(struct orch_reader *reader, struct orch_value *console)
{
	struct orch_config *config = reader->config;
	struct orch_where where;

	read_listen(reader, console, "console", &config->console);
	if (console == NULL)
		return;
	where = orch_reader_where(console, "listen");
	orch_config_refuse_unknown(console, ORCH_TEXT("console"), console_names,
		sizeof(console_names) / sizeof(*console_names), reader->errors);
	if (orch_value_get(console, "listen") == NULL)
		orch_reader_error(reader, where, ORCH_TEXT("console"),
			"listen is missing; add listen = \"127.0.0.1:8081\"");
	check_clash(reader, where, "console.listen", config->console.address, "http.listen",
		config->http.address);
	check_clash(reader, where, "console.listen", config->console.address, "http.health",
		config->health_listen);
}

void orch_config_read_http(struct orch_reader *reader, struct orch_value *root)
{
	size_t before;

	read_http(reader,
		orch_reader_group(
			reader, root, ORCH_TEXT_NONE, "http", "{ listen = \"127.0.0.1:8080\"; }"));
	read_console(reader,
		orch_reader_group(reader, root, ORCH_TEXT_NONE, "console",
			"{ listen = \"127.0.0.1:8081\"; }"));
	before = orch_config_errors_total(reader->errors);
	read_egress(reader, root);
	reader->config->failed.egress = orch_config_errors_total(reader->errors) != before;
}
