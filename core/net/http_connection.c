/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: idle, head, body, answer, flush, and round again.
 *
 * There is one timer, which runs at least once in the shortest deadline's
 * time.  So moving the deadline from phase to phase is an assignment, and the
 * timer itself is touched every few seconds, not with every request.
 *
 * Reading goes on while an answer is pending, because that is how we learn
 * that the client has gone; but the first bytes that come then stop it, and
 * what a greedy client sends more waits in his own socket.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http_connection_impl.h"

static uint64_t bytes_to_ms(const struct orch_http_server *server, size_t bytes)
{
	return (uint64_t)bytes * 1000 / server->limits.body_rate;
}

/* Whoever sends at the minimum rate is given the time that his body needs. */
static uint64_t current_deadline_ms(const struct orch_http_connection *connection)
{
	struct orch_text body;

	if (connection->phase != ORCH_HTTP_CONNECTION_BODY)
		return connection->deadline_ms;
	body = orch_http_parser_body(connection->exchange->parser);
	return connection->deadline_ms + bytes_to_ms(connection->server, body.len);
}

static void arm_timer(struct orch_http_connection *connection, uint64_t now_ms, uint64_t until_ms)
{
	uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;

	if (wait_ms > connection->server->tick_ms)
		wait_ms = connection->server->tick_ms;
	connection->armed_ms = now_ms + wait_ms;
	orch_timer_set(&connection->timer, wait_ms);
}

void orch_http_connection_set_deadline(struct orch_http_connection *connection, uint64_t in_ms)
{
	uint64_t now_ms = orch_clock_mono_ms();

	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD)
		return;
	connection->deadline_ms = now_ms + in_ms;
	if (connection->armed_ms == 0 || connection->deadline_ms < connection->armed_ms)
		arm_timer(connection, now_ms, connection->deadline_ms);
}

void orch_http_connection_kill(struct orch_http_connection *connection)
{
	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD)
		return;
	connection->phase = ORCH_HTTP_CONNECTION_DEAD;
	(void)bufferevent_disable(connection->bev, EV_READ | EV_WRITE);
	if (connection->linger)
		(void)event_del(connection->linger);
	orch_timer_set(&connection->timer, 0);
}

static void destroy(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;

	if (connection->server)
		orch_http_server_forget(connection->server, connection);
	orch_timer_fini(&connection->timer);
	if (connection->linger)
		event_free(connection->linger);
	if (connection->bev) {
		/* The bufferevent closes its socket in the loop's next turn, if there is one;
		 * what is to be reset must not be shut down in order before. */
		if (!connection->is_aborted)
			(void)shutdown(connection->fd, SHUT_RDWR);
		bufferevent_free(connection->bev);
	} else {
		close(connection->fd);
	}
	orch_free(connection);
	if (exchange)
		orch_http_exchange_detach(exchange);
}

void orch_http_connection_detach(struct orch_http_connection *connection)
{
	if (!connection->is_advancing) {
		destroy(connection);
		return;
	}
	orch_http_server_forget(connection->server, connection);
	connection->server = NULL;
	orch_http_connection_kill(connection);
}

/* The peer sees an orderly end. */
static void say_goodbye(const struct orch_http_connection *connection)
{
	if (connection->ssl && SSL_is_init_finished(connection->ssl)) {
		(void)SSL_shutdown(connection->ssl);
		ERR_clear_error(); /* the queue is the thread's: the next connection's call reads it */
	}
	(void)shutdown(connection->fd, SHUT_WR);
}

void orch_http_connection_close(struct orch_http_connection *connection)
{
	say_goodbye(connection);
	orch_http_connection_kill(connection);
}

static void expire(struct orch_http_connection *connection)
{
	switch (connection->phase) {
	case ORCH_HTTP_CONNECTION_HEAD:
	case ORCH_HTTP_CONNECTION_BODY:
		orch_http_connection_refuse(connection, ORCH_HTTP_REFUSAL_SLOW, 408, NULL,
			"the request came too slowly");
		return;
	case ORCH_HTTP_CONNECTION_ANSWER:
		orch_http_connection_give_up(connection);
		return;
	case ORCH_HTTP_CONNECTION_HANDSHAKE:
		orch_http_server_count_refusal(connection->server, ORCH_HTTP_REFUSAL_TLS);
		break;
	case ORCH_HTTP_CONNECTION_STREAM:
	case ORCH_HTTP_CONNECTION_FLUSH:
		orch_http_server_count_refusal(connection->server, ORCH_HTTP_REFUSAL_UNREAD);
		break;
	case ORCH_HTTP_CONNECTION_IDLE:
		say_goodbye(connection);
		break;
	case ORCH_HTTP_CONNECTION_LINGER:
	case ORCH_HTTP_CONNECTION_DEAD:
		break;
	}
	orch_http_connection_kill(connection);
}

static void on_timer(void *arg)
{
	struct orch_http_connection *connection = arg;
	uint64_t now_ms, deadline_ms;

	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD) {
		destroy(connection);
		return;
	}
	now_ms = orch_clock_mono_ms();
	deadline_ms = current_deadline_ms(connection);
	if (deadline_ms > now_ms) {
		arm_timer(connection, now_ms, deadline_ms);
		return;
	}
	connection->armed_ms = 0;
	expire(connection);
}

/* Whatever still comes is read and thrown away: closing with unread bytes would
 * reset the connection, and the peer would lose the answer. */
static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct orch_http_connection *connection = arg;
	char scratch[4096];
	ssize_t len = read(fd, scratch, sizeof(scratch));

	(void)what;
	if (len > 0)
		connection->lingered_bytes += (size_t)len;
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		orch_http_connection_kill(connection);
	if (connection->lingered_bytes > ORCH_HTTP_LINGER_BYTES)
		orch_http_connection_kill(connection);
}

static void linger(struct orch_http_connection *connection)
{
	struct event_base *base = orch_lane_base(connection->server->lane);

	(void)bufferevent_disable(connection->bev, EV_READ | EV_WRITE);
	connection->phase = ORCH_HTTP_CONNECTION_LINGER;
	connection->linger =
		event_new(base, connection->fd, EV_READ | EV_PERSIST, on_linger, connection);
	if (!connection->linger || event_add(connection->linger, NULL) < 0) {
		orch_http_connection_kill(connection);
		return;
	}
	orch_http_connection_set_deadline(connection, ORCH_HTTP_LINGER_MS);
}

/* Everything is sent.  Wait for the peer's end if he may still be sending. */
static void close_softly(struct orch_http_connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bev);
	bool is_quiet = evbuffer_get_length(input) == 0 && !connection->must_linger;

	say_goodbye(connection);
	if (is_quiet || connection->is_peer_done)
		orch_http_connection_kill(connection);
	else
		linger(connection);
}

static void take_next(struct orch_http_connection *connection)
{
	orch_http_exchange_reset(connection->exchange);
	connection->phase = ORCH_HTTP_CONNECTION_IDLE;
	orch_http_connection_set_deadline(connection, connection->server->limits.idle_ms);
	if (connection->is_reading_paused && !connection->is_peer_done) {
		connection->is_reading_paused = false;
		(void)bufferevent_enable(connection->bev, EV_READ);
	}
	orch_http_connection_advance(connection);
}

static void flushed(struct orch_http_connection *connection)
{
	if (connection->is_closing)
		close_softly(connection);
	else
		take_next(connection);
}

void orch_http_connection_answered(struct orch_http_connection *connection, bool keep_alive)
{
	size_t unsent = orch_http_unsent_bytes(connection);

	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD)
		return;
	connection->is_closing = !keep_alive;
	connection->phase = ORCH_HTTP_CONNECTION_FLUSH;
	if (unsent == 0) {
		flushed(connection);
		return;
	}
	orch_http_connection_set_deadline(connection,
		connection->server->limits.answer_ms + bytes_to_ms(connection->server, unsent));
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	orch_http_connection_advance(arg);
}

/* Everything in the bufferevent has gone out. */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct orch_http_connection *connection = arg;

	(void)bev;
	if (orch_http_unsent_bytes(connection) > 0)
		return;
	if (connection->phase == ORCH_HTTP_CONNECTION_STREAM)
		connection->deadline_ms = ORCH_HTTP_NEVER;
	else if (connection->phase == ORCH_HTTP_CONNECTION_FLUSH)
		flushed(connection);
}

static void end_of_input(struct orch_http_connection *connection)
{
	connection->is_peer_done = true;
	/* Who watches a stream and shuts down has gone; for a single answer he may still wait. */
	if (connection->phase == ORCH_HTTP_CONNECTION_STREAM ||
		connection->phase == ORCH_HTTP_CONNECTION_HANDSHAKE)
		orch_http_connection_kill(connection);
	else
		orch_http_connection_advance(connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct orch_http_connection *connection = arg;

	(void)bev;
	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		connection->phase = ORCH_HTTP_CONNECTION_IDLE;
		orch_http_connection_set_deadline(connection, connection->server->limits.idle_ms);
	} else if (what & BEV_EVENT_EOF) {
		end_of_input(connection);
	} else {
		if (connection->phase == ORCH_HTTP_CONNECTION_HANDSHAKE)
			orch_http_server_count_refusal(connection->server, ORCH_HTTP_REFUSAL_TLS);
		orch_http_connection_kill(connection);
	}
}

static struct bufferevent *wrap_tls(struct orch_http_connection *connection)
{
	struct event_base *base = orch_lane_base(connection->server->lane);
	SSL *ssl = SSL_new(connection->server->tls);
	struct bufferevent *bev;

	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(
		base, connection->fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	connection->ssl = ssl;
	return bev;
}

static int start(struct orch_http_connection *connection)
{
	struct orch_http_server *server = connection->server;
	struct event_base *base = orch_lane_base(server->lane);

	if (orch_timer_init(&connection->timer, server->lane, on_timer, connection) < 0)
		return ORCH_E_NOMEM;
	connection->exchange = orch_http_exchange_create(connection);
	if (!connection->exchange)
		return ORCH_E_NOMEM;
	connection->bev = server->tls
		? wrap_tls(connection)
		: bufferevent_socket_new(base, connection->fd, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->bev)
		return ORCH_E_NOMEM;
	bufferevent_setcb(connection->bev, on_read, on_write, on_event, connection);
	bufferevent_setwatermark(connection->bev, EV_READ, 0, ORCH_HTTP_INPUT_BYTES);
	if (bufferevent_enable(connection->bev, EV_READ | EV_WRITE) < 0)
		return ORCH_E_NOMEM;
	connection->phase =
		server->tls ? ORCH_HTTP_CONNECTION_HANDSHAKE : ORCH_HTTP_CONNECTION_IDLE;
	orch_http_connection_set_deadline(
		connection, server->tls ? server->limits.head_ms : server->limits.idle_ms);
	return ORCH_OK;
}

/* An IPv4 client of a socket for both families is shown as one. */
static void format_peer(const struct sockaddr *address, char ret_peer[ORCH_ADDRESS_CHARS])
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6;

	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
			address = (const struct sockaddr *)&in;
		}
	}
	orch_address_format(address, ret_peer);
}

void orch_http_connection_open(
	struct orch_http_server *server, int fd, const struct sockaddr *address)
{
	struct orch_http_connection *connection = orch_alloc(sizeof(*connection));

	if (!connection) {
		orch_http_server_count_refusal(server, ORCH_HTTP_REFUSAL_MEMORY);
		orch_http_gate_give_place(server->gate);
		close(fd);
		return;
	}
	connection->fd = fd;
	(void)orch_address_from(address, connection->address);
	format_peer(address, connection->peer);
	if (!orch_http_server_admit(server, connection)) {
		orch_http_gate_give_place(server->gate);
		close(fd);
		orch_free(connection);
		return;
	}
	connection->server = server;
	if (start(connection) < 0) {
		orch_http_server_count_refusal(server, ORCH_HTTP_REFUSAL_MEMORY);
		destroy(connection);
	}
}
