/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "support/text_assert.h"

#define PATIENCE_MS 20000

static void handle_hello(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->handled, 1);
	orch_http_answer(exchange, 200, "text/plain", NULL, ORCH_TEXT("hello"));
}

static void handle_echo(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->handled, 1);
	orch_http_answer(exchange, 200, "application/octet-stream", "X-Echo: yes\r\n",
		orch_http_exchange_body(exchange));
}

static void handle_late(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->handled, 1);
	served->waiting = exchange;
	sem_post(&served->is_waiting);
}

static void handle_big(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->handled, 1);
	orch_http_answer(exchange, 200, "application/octet-stream", NULL,
		(struct orch_text){ served->big, PEER_BIG_BYTES });
}

static void on_closed(void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->closed, 1);
	sem_post(&served->is_closed);
}

static void handle_stream(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	atomic_fetch_add(&served->handled, 1);
	orch_http_stream_begin(exchange, 200, "text/event-stream", "Cache-Control: no-store\r\n");
	orch_http_stream_on_close(exchange, on_closed, served);
	served->waiting = exchange;
	sem_post(&served->is_waiting);
}

static void handle_peer(struct orch_http_exchange *exchange, void *arg)
{
	(void)arg;
	orch_http_answer(exchange, 200, "text/plain", NULL, orch_http_exchange_peer(exchange));
}

static const struct orch_http_route routes[] = {
	{ .method = "GET", .path = "/hello", .handle = handle_hello },
	{ .method = "POST", .path = "/echo", .body_limit = PEER_BODY_LIMIT, .handle = handle_echo },
	{ .method = "POST",
		.path = "/large",
		.body_limit = PEER_LARGE_LIMIT,
		.handle = handle_echo },
	{ .method = "POST", .path = "/small", .body_limit = 10, .handle = handle_echo },
	{ .method = "GET", .path = "/late*", .handle = handle_late },
	{ .method = "GET", .path = "/big", .handle = handle_big },
	{ .method = "GET", .path = "/stream", .handle = handle_stream },
	{ .method = "GET", .path = "/peer", .handle = handle_peer },
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

static struct orch_http_route *own_routes(struct served *served)
{
	struct orch_http_route *own = malloc(sizeof(routes));

	assert_non_null(own);
	memcpy(own, routes, sizeof(routes));
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		own[i].arg = served;
	return own;
}

void served_start(struct served *served, const struct orch_http_server_options *options)
{
	struct orch_http_server_options used = { 0 };
	struct orch_err err;

	memset(served, 0, sizeof(*served));
	served->big = malloc(PEER_BIG_BYTES + 1);
	assert_non_null(served->big);
	memset(served->big, 'b', PEER_BIG_BYTES);
	served->big[PEER_BIG_BYTES] = '\0';
	assert_int_equal(sem_init(&served->is_waiting, 0, 0), 0);
	assert_int_equal(sem_init(&served->is_closed, 0, 0), 0);
	if (options)
		used = *options;
	if (!used.listen)
		used.listen = "127.0.0.1:0";
	served->routes = own_routes(served);
	used.routes = served->routes;
	used.route_count = ROUTE_COUNT;
	assert_int_equal(orch_lane_create("served", &served->lane, &err), ORCH_OK);
	if (orch_http_server_create(served->lane, &used, &served->server, &err) < 0)
		fail_msg("%s", err.text);
	served->port = orch_http_server_port(served->server);
	assert_int_equal(orch_lane_start(served->lane, &err), ORCH_OK);
}

void served_stop(struct served *served)
{
	orch_lane_stop(served->lane);
	orch_http_server_destroy(served->server);
	if (served->waiting)
		orch_http_stream_end(served->waiting);
	orch_lane_destroy(served->lane);
	sem_destroy(&served->is_waiting);
	sem_destroy(&served->is_closed);
	free(served->routes);
	free(served->big);
}

struct errand {
	struct orch_job job;
	struct served *served;
	void (*what)(struct served *served);
	sem_t is_done;
};

static void run_errand(struct orch_job *job)
{
	struct errand *errand = (struct errand *)job; /* its first member */

	errand->what(errand->served);
	sem_post(&errand->is_done);
}

static void wait_for(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	while (sem_timedwait(sem, &until) < 0)
		assert_int_equal(errno, EINTR);
}

void served_do(struct served *served, void (*what)(struct served *served))
{
	struct errand errand = { .job.run = run_errand, .served = served, .what = what };

	assert_int_equal(sem_init(&errand.is_done, 0, 0), 0);
	orch_lane_post(served->lane, &errand.job);
	wait_for(&errand.is_done);
	sem_destroy(&errand.is_done);
}

void served_wait_for_exchange(struct served *served)
{
	wait_for(&served->is_waiting);
}

void served_wait_for_close(struct served *served)
{
	wait_for(&served->is_closed);
}

static void answer_waiting(struct served *served)
{
	struct orch_http_exchange *exchange = served->waiting;

	/* The next request of the connection may come to wait before this returns. */
	served->waiting = NULL;
	orch_http_answer(exchange, 200, "text/plain", NULL, ORCH_TEXT("late"));
}

void served_answer(struct served *served)
{
	served_do(served, answer_waiting);
}

static void look_at_connections(struct served *served)
{
	served->connections = orch_http_server_connections(served->server);
}

void served_wait_for_connections(struct served *served, size_t count)
{
	int tries = PATIENCE_MS;

	do {
		served_do(served, look_at_connections);
		if (served->connections == count)
			return;
		poll(NULL, 0, 1);
	} while (tries-- > 0);
	fail_msg("%zu connections, not %zu", served->connections, count);
}

int peer_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

void peer_connect_with(int fd, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

int peer_connect(uint16_t port)
{
	int fd = peer_socket();

	peer_connect_with(fd, port);
	return fd;
}

bool peer_send(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		ssize_t sent;

		if (poll(&ready, 1, PATIENCE_MS) != 1)
			fail_msg("the server takes no more");
		sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent < 0)
			return false;
		at += sent;
		len -= (size_t)sent;
	}
	return true;
}

bool peer_say(int fd, const char *text)
{
	return peer_send(fd, text, strlen(text));
}

/* 0 at the end of the connection, also by a reset. */
static size_t read_some(int fd, char *bytes, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t len;

	if (poll(&ready, 1, PATIENCE_MS) != 1)
		fail_msg("the server neither answers nor closes");
	len = recv(fd, bytes, size, 0);
	return len < 0 ? 0 : (size_t)len;
}

void peer_read_head(int fd, struct reply *ret_reply)
{
	size_t len = 0;

	memset(ret_reply, 0, sizeof(*ret_reply));
	/* Byte by byte, so that nothing of the next answer is taken. */
	while (len < sizeof(ret_reply->head) - 1 &&
		(len < 4 || memcmp(ret_reply->head + len - 4, "\r\n\r\n", 4) != 0)) {
		if (read_some(fd, ret_reply->head + len, 1) == 0)
			return;
		len++;
	}
	assert_memory_equal(ret_reply->head, "HTTP/1.1 ", 9);
	ret_reply->status = (int)strtol(ret_reply->head + 9, NULL, 10);
}

void peer_read(int fd, struct reply *ret_reply)
{
	const char *length;
	size_t got = 0;

	peer_read_head(fd, ret_reply);
	if (ret_reply->status == 0)
		return;
	length = strcasestr(ret_reply->head, "\r\nContent-Length: ");
	assert_non_null(length);
	ret_reply->body_len = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
	ret_reply->body = calloc(1, ret_reply->body_len + 1);
	assert_non_null(ret_reply->body);
	while (got < ret_reply->body_len) {
		size_t len = read_some(fd, ret_reply->body + got, ret_reply->body_len - got);

		if (len == 0)
			fail_msg("the body ends early");
		got += len;
	}
}

void reply_fini(struct reply *reply)
{
	free(reply->body);
	reply->body = NULL;
}

size_t peer_read_to_end(int fd, char *ret_bytes, size_t size)
{
	size_t len = 0;

	for (;;) {
		char spare[4096];
		bool has_room = len + 1 < size;
		size_t got = has_room ? read_some(fd, ret_bytes + len, size - 1 - len)
				      : read_some(fd, spare, sizeof(spare));

		if (got == 0)
			break;
		len += has_room ? got : 0;
	}
	ret_bytes[len] = '\0';
	return len;
}

void peer_expect_end(int fd)
{
	char bytes[256];

	if (peer_read_to_end(fd, bytes, sizeof(bytes)) > 0)
		fail_msg("no end, but: %s", bytes);
}

void peer_expect_refusal(int fd, int status)
{
	struct reply *reply = calloc(1, sizeof(*reply));

	assert_non_null(reply);
	peer_read(fd, reply);
	if (reply->status != status)
		fail_msg("status %d, not %d", reply->status, status);
	assert_contains(reply->head, "\r\nConnection: close\r\n");
	peer_expect_end(fd);
	reply_fini(reply);
	free(reply);
}
