/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_server.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http_server_impl.h"
#include "net/tls.h"

void orch_http_limits_default(struct orch_http_limits *ret_limits)
{
	*ret_limits = (struct orch_http_limits){
		.head_ms = 5000,
		.body_ms = 10000,
		.idle_ms = 60000,
		.answer_ms = 30000,
		.body_rate = 65536,
		.connections = 4096,
		.connections_per_address = 1024,
		.backlog = 4096,
	};
}

static uint64_t or_default(uint64_t wanted, uint64_t fallback)
{
	return wanted > 0 ? wanted : fallback;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is 0 is not limited to nothing: it was not given. */
static void set_limits(struct orch_http_server *server, const struct orch_http_limits *wanted)
{
	struct orch_http_limits limits;

	orch_http_limits_default(&limits);
	limits = (struct orch_http_limits){
		.head_ms = or_default(wanted->head_ms, limits.head_ms),
		.body_ms = or_default(wanted->body_ms, limits.body_ms),
		.idle_ms = or_default(wanted->idle_ms, limits.idle_ms),
		.answer_ms = or_default(wanted->answer_ms, limits.answer_ms),
		.body_rate = or_default(wanted->body_rate, limits.body_rate),
		.connections = (uint32_t)or_default(wanted->connections, limits.connections),
		.connections_per_address = (uint32_t)or_default(
			wanted->connections_per_address, limits.connections_per_address),
		.backlog = (uint32_t)or_default(wanted->backlog, limits.backlog),
	};
	server->limits = limits;
	server->tick_ms = smaller(
		smaller(limits.head_ms, limits.body_ms), smaller(limits.idle_ms, limits.answer_ms));
}

static int copy_proxies(
	struct orch_http_server *server, const struct orch_http_server_options *options)
{
	if (options->proxy_count == 0)
		return ORCH_OK;
	server->proxies = orch_alloc_array(options->proxy_count, sizeof(*server->proxies));
	if (!server->proxies)
		return ORCH_E_NOMEM;
	memcpy(server->proxies, options->proxies, options->proxy_count * sizeof(*server->proxies));
	server->proxy_count = options->proxy_count;
	return ORCH_OK;
}

static int init(struct orch_http_server *server, const struct orch_http_server_options *options,
	struct orch_err *err)
{
	set_limits(server, &options->limits);
	server->name = orch_strdup(options->metric_listener ? options->metric_listener : "http");
	if (!options->gate)
		server->own_gate = orch_http_gate_create(server->limits.connections,
			options->proxy_count == 0 ? server->limits.connections_per_address : 0);
	server->gate = options->gate ? options->gate : server->own_gate;
	if (!server->name || !server->gate || copy_proxies(server, options) < 0)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	server->connections = orch_metric(ORCH_METRIC_GAUGE, "orchestrator_http_connections",
		"Open HTTP connections.", { "listener", orch_text_from(server->name) });
	return ORCH_OK;
}

int orch_http_server_create(struct orch_lane *lane, const struct orch_http_server_options *options,
	struct orch_http_server **ret_server, struct orch_err *err)
{
	struct orch_http_server *server = orch_alloc(sizeof(*server));
	int code;

	if (!server)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	server->lane = lane;
	server->fd = -1;
	server->bodies = options->bodies;
	server->routes = options->routes;
	server->route_count = options->route_count;
	code = init(server, options, err);
	if (code == ORCH_OK && options->certificate)
		code = orch_tls_load(options->certificate, options->key, &server->tls, err);
	if (code == ORCH_OK)
		code = orch_http_listen_open(server, options, err);
	if (code < 0) {
		orch_http_server_destroy(server);
		return code;
	}
	*ret_server = server;
	return ORCH_OK;
}

uint16_t orch_http_server_port(const struct orch_http_server *server)
{
	return server->port;
}

void orch_http_server_set_routes(
	struct orch_http_server *server, const struct orch_http_route *routes, size_t count)
{
	server->routes = routes;
	server->route_count = count;
	server->route_version++;
}

void orch_http_server_set_tls(struct orch_http_server *server, struct ssl_ctx_st *tls)
{
	orch_assert(server->tls && tls);
	(void)SSL_CTX_up_ref(tls);
	SSL_CTX_free(server->tls);
	server->tls = tls;
}

size_t orch_http_server_connections(const struct orch_http_server *server)
{
	return server->connection_count;
}

int orch_http_server_socket(const struct orch_http_server *server)
{
	return server->fd;
}

void orch_http_server_drain(struct orch_http_server *server, bool serves_on)
{
	struct orch_http_connection *connection;

	server->is_draining = true;
	orch_http_listen_close(server);
	for (connection = server->first; connection; connection = connection->next) {
		bool is_idle = connection->phase == ORCH_HTTP_CONNECTION_IDLE ||
			connection->phase == ORCH_HTTP_CONNECTION_HANDSHAKE;

		if (is_idle && serves_on)
			orch_http_connection_set_deadline(connection, ORCH_HTTP_LAST_CHANCE_MS);
		else if (is_idle)
			orch_http_connection_close(connection);
	}
}

void orch_http_server_destroy(struct orch_http_server *server)
{
	if (!server)
		return;
	server->is_draining = true;
	orch_http_listen_close(server);
	while (server->first)
		orch_http_connection_detach(server->first);
	orch_http_gate_destroy(server->own_gate);
	SSL_CTX_free(server->tls);
	orch_free(server->proxies);
	orch_free(server->name);
	orch_free(server);
}

bool orch_http_server_admit(
	struct orch_http_server *server, struct orch_http_connection *connection)
{
	int code = orch_http_gate_enter(server->gate, connection->address);

	if (code < 0) {
		orch_http_server_count_refusal(server,
			code == ORCH_E_LIMIT ? ORCH_HTTP_REFUSAL_ADDRESS
					     : ORCH_HTTP_REFUSAL_MEMORY);
		return false;
	}
	connection->next = server->first;
	if (server->first)
		server->first->prev = connection;
	server->first = connection;
	server->connection_count++;
	orch_metric_add(server->connections, 1);
	return true;
}

void orch_http_server_forget(
	struct orch_http_server *server, struct orch_http_connection *connection)
{
	if (connection->prev)
		connection->prev->next = connection->next;
	else
		server->first = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
	server->connection_count--;
	orch_metric_add(server->connections, -1);
	orch_http_gate_leave(server->gate, connection->address);
	orch_http_gate_give_place(server->gate);
	orch_http_listen_resume(server);
}

static bool path_matches(const char *pattern, struct orch_text path)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return path.len >= len - 1 && memcmp(path.ptr, pattern, len - 1) == 0;
	return path.len == len && memcmp(path.ptr, pattern, len) == 0;
}

static bool method_matches(const char *method, struct orch_text wanted)
{
	return orch_text_is(wanted, method) ||
		(orch_text_is(wanted, "HEAD") && strcmp(method, "GET") == 0);
}

/* "GET, HEAD, POST"; what does not fit is left out. */
static void allow_method(char *allow, size_t size, const char *method)
{
	size_t len = strlen(allow);
	bool is_get = strcmp(method, "GET") == 0;
	int added = snprintf(allow + len, size - len, "%s%s%s", len > 0 ? ", " : "", method,
		is_get ? ", HEAD" : "");

	if (added < 0 || (size_t)added >= size - len)
		allow[len] = '\0';
}

const struct orch_http_route *orch_http_server_route(const struct orch_http_server *server,
	const struct orch_http_head *head, int *ret_status, char *ret_allow, size_t allow_size)
{
	ret_allow[0] = '\0';
	*ret_status = 404;
	for (size_t i = 0; i < server->route_count; i++) {
		const struct orch_http_route *route = &server->routes[i];

		if (!path_matches(route->path, head->path))
			continue;
		if (method_matches(route->method, head->method))
			return route;
		*ret_status = 405;
		allow_method(ret_allow, allow_size, route->method);
	}
	return NULL;
}
