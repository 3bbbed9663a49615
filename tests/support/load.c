/* SPDX-License-Identifier: Apache-2.0 */
#include "support/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 65536
#define ANSWER_BYTES 4096
#define SAMPLES_MAX (8u * 1000 * 1000)

struct connection {
	int fd;
	bool is_busy;
	uint64_t due_ns;
	struct orch_buf out;
	size_t sent;
	char in[ANSWER_BYTES];
	size_t in_len;
};

struct load {
	const struct load_options *options;
	struct load_result *result;
	struct connection *connections;
	int epoll;
	uint64_t begin_ns, end_ns, number;
	unsigned next_idle;
};

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerrorname_np(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void open_connection(struct load *load, struct connection *connection)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(load->options->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	int one = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
		connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		give_up("connect");
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		give_up("epoll_ctl");
	connection->in_len = 0;
	connection->is_busy = false;
}

static void flush(struct connection *connection)
{
	struct orch_text out = orch_buf_text(&connection->out);

	while (connection->sent < out.len) {
		ssize_t done = send(connection->fd, out.ptr + connection->sent,
			out.len - connection->sent, MSG_NOSIGNAL);

		if (done < 0)
			give_up("send");
		connection->sent += (size_t)done;
	}
}

static void send_next(struct load *load, struct connection *connection, uint64_t due_ns)
{
	orch_buf_reset(&connection->out);
	load->options->make(&connection->out, load->number++, due_ns, load->options->arg);
	connection->due_ns = due_ns;
	connection->is_busy = true;
	connection->sent = 0;
	load->result->sent++;
	flush(connection);
}

/* Is a whole answer there?  All answers here have a Content-Length. */
static bool is_complete(struct connection *connection)
{
	char *end, *length;

	connection->in[connection->in_len] = '\0';
	end = strstr(connection->in, "\r\n\r\n");
	length = strcasestr(connection->in, "content-length:");
	if (end == NULL || length == NULL)
		return false;
	return connection->in_len >=
		(size_t)(end + 4 - connection->in) + strtoul(length + 15, NULL, 10);
}

static void take_answer(struct load *load, struct connection *connection)
{
	struct load_result *result = load->result;
	uint64_t now = now_ns();

	if (strncmp(connection->in, "HTTP/1.1 200", 12) == 0) {
		result->good++;
		if (result->count < SAMPLES_MAX)
			result->micros[result->count++] =
				(uint32_t)((now - connection->due_ns) / 1000);
	} else {
		result->bad++;
	}
	connection->in_len = 0;
	connection->is_busy = false;
}

static void on_readable(struct load *load, struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->in + connection->in_len,
		ANSWER_BYTES - 1 - connection->in_len, 0);

	if (got <= 0) {
		load->result->bad += connection->is_busy;
		(void)close(connection->fd);
		open_connection(load, connection);
		return;
	}
	connection->in_len += (size_t)got;
	if (!is_complete(connection))
		return;
	take_answer(load, connection);
	if (load->options->rate == 0 && now_ns() < load->end_ns)
		send_next(load, connection, now_ns());
}

static struct connection *idle_connection(struct load *load)
{
	for (unsigned i = 0; i < load->options->connections; i++) {
		struct connection *connection = &load->connections[load->next_idle];

		load->next_idle = (load->next_idle + 1) % load->options->connections;
		if (!connection->is_busy)
			return connection;
	}
	return NULL;
}

/* What is due is sent; what finds no free connection stays due and counts from then. */
static void send_due(struct load *load)
{
	uint64_t step = 1000000000u / load->options->rate;

	for (;;) {
		uint64_t due = load->begin_ns + load->number * step;
		struct connection *connection;

		if (due > now_ns() || due >= load->end_ns)
			return;
		connection = idle_connection(load);
		if (connection == NULL)
			return;
		send_next(load, connection, due);
	}
}

static bool anything_busy(const struct load *load)
{
	for (unsigned i = 0; i < load->options->connections; i++)
		if (load->connections[i].is_busy)
			return true;
	return false;
}

static void turn(struct load *load)
{
	struct epoll_event events[256];
	struct timespec wait = { .tv_nsec = load->options->rate > 0 ? 50000 : 10000000 };
	int count = epoll_pwait2(load->epoll, events, 256, &wait, NULL);

	for (int i = 0; i < count; i++)
		on_readable(load, events[i].data.ptr);
	if (load->options->rate > 0)
		send_due(load);
}

static void begin(struct load *load)
{
	for (unsigned i = 0; i < load->options->connections; i++) {
		orch_buf_init(&load->connections[i].out, REQUEST_BYTES);
		open_connection(load, &load->connections[i]);
	}
	load->begin_ns = now_ns();
	load->end_ns = load->begin_ns + load->options->seconds * UINT64_C(1000000000);
	for (unsigned i = 0; load->options->rate == 0 && i < load->options->connections; i++)
		send_next(load, &load->connections[i], now_ns());
}

int compare_micros(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void load_run(const struct load_options *options, struct load_result *ret_result)
{
	struct load load = { .options = options, .result = ret_result };

	*ret_result = (struct load_result){ 0 };
	ret_result->micros = malloc(SAMPLES_MAX * sizeof(uint32_t));
	load.connections = calloc(options->connections, sizeof(*load.connections));
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (ret_result->micros == NULL || load.connections == NULL || load.epoll < 0)
		give_up("memory");
	begin(&load);
	while (now_ns() < load.end_ns ||
		(anything_busy(&load) && now_ns() < load.end_ns + UINT64_C(5000000000)))
		turn(&load);
	ret_result->seconds = (double)(now_ns() - load.begin_ns) / 1e9;
	for (unsigned i = 0; i < options->connections; i++) {
		(void)close(load.connections[i].fd);
		orch_buf_fini(&load.connections[i].out);
	}
	(void)close(load.epoll);
	free(load.connections);
	qsort(ret_result->micros, ret_result->count, sizeof(uint32_t), compare_micros);
}

void load_fini(struct load_result *result)
{
	free(result->micros);
	result->micros = NULL;
}

double percentile_ms(const uint32_t *sorted_micros, size_t count, double fraction)
{
	size_t at = (size_t)((double)count * fraction);

	if (count == 0)
		return 0;
	return sorted_micros[at < count ? at : count - 1] / 1000.0;
}

double load_percentile(const struct load_result *result, double fraction)
{
	return percentile_ms(result->micros, result->count, fraction);
}
