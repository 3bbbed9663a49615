/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One listening socket.  Whom we cannot serve now waits in the kernel's
 * backlog: at the cap, and when descriptors run out, we just stop accepting.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "net/http_server_impl.h"

/* "HOST:PORT", "[IPv6]:PORT", "*:PORT" (HOST becomes ""). */
static bool split_listen(const char *listen, char *ret_host, size_t host_size, char *ret_port)
{
	const char *colon = strrchr(listen, ':');
	struct orch_text host;
	uint64_t port;

	if (!colon || orch_text_to_uint(orch_text_from(colon + 1), 0, UINT16_MAX, &port) < 0)
		return false;
	host = (struct orch_text){ listen, (size_t)(colon - listen) };
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = (struct orch_text){ listen + 1, host.len - 2 };
	else if (memchr(host.ptr, ':', host.len))
		return false;
	if (host.len == 0 || host.len >= host_size)
		return false;
	(void)snprintf(ret_host, host_size, "%.*s", ORCH_TEXT_ARG(host));
	if (strcmp(ret_host, "*") == 0)
		ret_host[0] = '\0';
	(void)snprintf(ret_port, sizeof("65535"), "%u", (unsigned)port);
	return true;
}

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

struct manner {
	const char *port; /* in place of the one that is named; NULL: that one */
	bool shares_port;
	bool listens;
	uint32_t backlog;
};

/* A socket that has the address, or -1 with errno. */
static int open_socket(const struct addrinfo *address, const struct manner *manner)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, manner->shares_port) == 0 &&
		(address->ai_family != AF_INET6 ||
			set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) == 0) &&
		bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
		(!manner->listens || listen(fd, (int)manner->backlog) == 0))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int open_host(const char *host, const char *port, const struct manner *manner, int *ret_fd)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *address;
	int fd, error;

	if (getaddrinfo(host, port, &hints, &address) != 0)
		return EADDRNOTAVAIL;
	fd = open_socket(address, manner);
	error = errno;
	freeaddrinfo(address);
	if (fd < 0)
		return error;
	*ret_fd = fd;
	return 0;
}

static uint16_t local_port(int fd)
{
	/* The port lies at the same place for both families. */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .v6 = { .sin6_port = 0 } };
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len) < 0)
		return 0;
	return ntohs(address.v4.sin_port);
}

static void pause_listening(struct orch_http_server *server)
{
	(void)event_del(server->accepting);
	server->is_paused = true;
	orch_timer_set(&server->resume, ORCH_HTTP_ACCEPT_PAUSE_MS);
}

/* A connection of another lane may be the one that goes: it is looked again before long. */
static void wait_for_a_place(struct orch_http_server *server)
{
	if (!server->is_full)
		orch_http_server_count_refusal(server, ORCH_HTTP_REFUSAL_CONNECTIONS);
	server->is_full = true;
	pause_listening(server);
}

void orch_http_listen_resume(struct orch_http_server *server)
{
	if (!server->is_paused || server->is_draining)
		return;
	server->is_paused = false;
	orch_timer_clear(&server->resume);
	if (event_add(server->accepting, NULL) < 0) {
		server->is_paused = true;
		orch_timer_set(&server->resume, ORCH_HTTP_ACCEPT_PAUSE_MS);
	}
}

static void on_resume(void *arg)
{
	orch_http_listen_resume(arg);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False: nobody waits, or nobody can be let in now. */
static bool accept_one(struct orch_http_server *server)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd, error;

	if (!orch_http_gate_take_place(server->gate)) {
		wait_for_a_place(server);
		return false;
	}
	fd = accept4(server->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		server->is_full = false;
		(void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		(void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		orch_http_connection_open(server, fd, (struct sockaddr *)&address);
		return true;
	}
	error = errno;
	orch_http_gate_give_place(server->gate);
	if (is_shortage(error)) {
		orch_http_server_count_refusal(server, ORCH_HTTP_REFUSAL_DESCRIPTORS);
		pause_listening(server);
		return false;
	}
	/* Anything else is the lost connection's trouble, not the listener's. */
	return error != EAGAIN;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int left = ORCH_HTTP_ACCEPT_BATCH;

	(void)fd;
	(void)what;
	while (left-- > 0 && accept_one(arg))
		;
}

static int start_accepting(struct orch_http_server *server)
{
	struct event_base *base = orch_lane_base(server->lane);

	server->accepting = event_new(base, server->fd, EV_READ | EV_PERSIST, on_accept, server);
	if (!server->accepting || event_add(server->accepting, NULL) < 0)
		return ORCH_E_NOMEM;
	return orch_timer_init(&server->resume, server->lane, on_resume, server);
}

static int open_address(
	const char *listen, const struct manner *manner, int *ret_fd, struct orch_err *err)
{
	char host[INET6_ADDRSTRLEN], named[sizeof("65535")];
	const char *port = manner->port != NULL ? manner->port : named;
	int error;

	if (!split_listen(listen, host, sizeof(host), named))
		return orch_fail(err, ORCH_E_INVALID,
			"%s: not an address; write it as \"127.0.0.1:8080\", \"[::1]:8080\" or "
			"\"*:8080\"",
			listen);
	error = open_host(host[0] ? host : "::", port, manner, ret_fd);
	if (error != 0 && error != EADDRINUSE && !host[0])
		error = open_host("0.0.0.0", port, manner, ret_fd);
	if (error == EADDRINUSE)
		return orch_fail(err, ORCH_E_INVALID,
			"cannot listen on %s: another program listens there (%s)", listen,
			orch_errno_text(error));
	if (error != 0)
		return orch_fail(err, ORCH_E_INVALID, "cannot listen on %s: %s", listen,
			orch_errno_text(error));
	return ORCH_OK;
}

static int try_address(const char *listen, const char *port, struct orch_err *err)
{
	const struct manner alone = { .port = port };
	int fd = -1;
	int rc = open_address(listen, &alone, &fd, err);

	if (rc == ORCH_OK)
		close(fd);
	return rc;
}

int orch_http_server_probe(const char *listen, struct orch_err *err)
{
	return try_address(listen, NULL, err);
}

int orch_http_listen_check(const char *listen, struct orch_err *err)
{
	return try_address(listen, "0", err);
}

int orch_http_listen_open(struct orch_http_server *server,
	const struct orch_http_server_options *options, struct orch_err *err)
{
	const struct manner manner = {
		.shares_port = options->shares_port,
		.listens = true,
		.backlog = server->limits.backlog,
	};
	int rc = ORCH_OK;

	server->fd = orch_http_sockets_take(options->sockets, options->listen);
	if (server->fd < 0)
		rc = open_address(options->listen, &manner, &server->fd, err);
	if (rc != ORCH_OK)
		return rc;
	server->port = local_port(server->fd);
	if (start_accepting(server) < 0)
		return orch_fail(
			err, ORCH_E_NOMEM, "cannot listen on %s: out of memory", options->listen);
	return ORCH_OK;
}

void orch_http_listen_close(struct orch_http_server *server)
{
	if (server->accepting)
		event_free(server->accepting);
	server->accepting = NULL;
	orch_timer_fini(&server->resume);
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
}
