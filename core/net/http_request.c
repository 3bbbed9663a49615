/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes that have come to a request in its handler's hands, or to a refusal. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/http_connection_impl.h"

static bool is_reading(const struct orch_http_connection *connection)
{
	return connection->phase == ORCH_HTTP_CONNECTION_IDLE ||
		connection->phase == ORCH_HTTP_CONNECTION_HEAD ||
		connection->phase == ORCH_HTTP_CONNECTION_BODY;
}

void orch_http_connection_refuse(struct orch_http_connection *connection,
	enum orch_http_refusal refusal, int status, const char *headers, const char *reason)
{
	const struct orch_http_exchange *exchange = connection->exchange;
	const struct orch_http_reply reply = {
		.status = status,
		.media_type = "text/plain",
		.headers = headers,
		.is_head =
			exchange && orch_text_is(orch_http_exchange_head(exchange)->method, "HEAD"),
	};
	char body[128];

	(void)snprintf(body, sizeof(body), "%s\n", reason);
	orch_http_server_count_refusal(connection->server, refusal);
	connection->must_linger = true;
	orch_http_reply_send(connection, &reply, orch_text_from(body));
	orch_http_connection_answered(connection, false);
}

/* The same request may be welcome later. */
static void refuse_for_now(
	struct orch_http_connection *connection, enum orch_http_refusal refusal, const char *reason)
{
	char headers[32];

	(void)snprintf(headers, sizeof(headers), "Retry-After: %d\r\n", ORCH_HTTP_RETRY_AFTER_S);
	orch_http_connection_refuse(connection, refusal, 503, headers, reason);
}

/* The handler keeps the exchange, whose answer will come to nothing. */
void orch_http_connection_give_up(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;

	refuse_for_now(connection, ORCH_HTTP_REFUSAL_UNANSWERED, "no answer in time");
	connection->exchange = NULL;
	orch_http_exchange_detach(exchange);
}

static enum orch_http_refusal refusal_of(int status)
{
	if (status == 413)
		return ORCH_HTTP_REFUSAL_BODY_LIMIT;
	if (status == 414 || status == 431)
		return ORCH_HTTP_REFUSAL_HEAD_LIMIT;
	return status == 503 ? ORCH_HTTP_REFUSAL_MEMORY : ORCH_HTTP_REFUSAL_MALFORMED;
}

static void refuse_by_parser(struct orch_http_connection *connection)
{
	const struct orch_http_parser *parser = connection->exchange->parser;
	int status = orch_http_parser_status(parser);

	orch_http_connection_refuse(
		connection, refusal_of(status), status, NULL, orch_http_parser_reason(parser));
}

static void refuse_route(struct orch_http_connection *connection, int status, const char *allow)
{
	char headers[ORCH_HTTP_ALLOW_BYTES + 16] = "";

	if (status == 405)
		(void)snprintf(headers, sizeof(headers), "Allow: %s\r\n", allow);
	orch_http_connection_refuse(connection, ORCH_HTTP_REFUSAL_ROUTE, status, headers,
		status == 405 ? "not with this method" : "nothing is here");
}

/* False: there is none, and the client was told. */
static bool find_route(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;
	char allow[ORCH_HTTP_ALLOW_BYTES];
	int status;

	exchange->route = orch_http_server_route(connection->server,
		orch_http_exchange_head(exchange), &status, allow, sizeof(allow));
	exchange->route_version = connection->server->route_version;
	if (!exchange->route)
		refuse_route(connection, status, allow);
	return exchange->route != NULL;
}

/* The routes were changed while the body came: those of its head may be gone. */
static bool renew_route(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;

	if (exchange->route_version == connection->server->route_version)
		return true;
	if (!find_route(connection))
		return false;
	if (orch_http_exchange_body(exchange).len <= exchange->route->body_limit)
		return true;
	orch_http_connection_refuse(
		connection, ORCH_HTTP_REFUSAL_BODY_LIMIT, 413, NULL, "the body is too long");
	return false;
}

static void dispatch(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;

	if (!renew_route(connection))
		return;
	orch_http_peer_find(connection, orch_http_exchange_head(exchange), exchange->peer);
	exchange->arg = exchange->route->arg;
	exchange->is_pending = true;
	connection->phase = ORCH_HTTP_CONNECTION_ANSWER;
	orch_http_connection_set_deadline(connection, connection->server->limits.answer_ms);
	exchange->route->handle(exchange, exchange->arg);
}

/* Is there room for a body of LEN bytes?  If not, the client was told. */
static bool hold_body(struct orch_http_connection *connection, uint64_t len)
{
	struct orch_http_exchange *exchange = connection->exchange;

	if (orch_http_bodies_hold(exchange->bodies, len, &exchange->held))
		return true;
	refuse_for_now(connection, ORCH_HTTP_REFUSAL_BODIES, "too many bodies are under way");
	return false;
}

static void begin_body(struct orch_http_connection *connection, bool expects_continue)
{
	connection->phase = ORCH_HTTP_CONNECTION_BODY;
	orch_http_connection_set_deadline(connection, connection->server->limits.body_ms);
	if (expects_continue)
		orch_http_send(connection, &ORCH_TEXT("HTTP/1.1 100 Continue\r\n\r\n"), 1);
}

static void take_head(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = connection->exchange;
	const struct orch_http_head *head = orch_http_exchange_head(exchange);
	char allow[ORCH_HTTP_ALLOW_BYTES];
	int status;

	exchange->route =
		orch_http_server_route(connection->server, head, &status, allow, sizeof(allow));
	if (!exchange->route) {
		refuse_route(connection, status, allow);
		return;
	}
	exchange->arg = exchange->route->arg;
	switch (orch_http_parser_limit_body(exchange->parser, exchange->route->body_limit)) {
	case ORCH_HTTP_REFUSED:
		refuse_by_parser(connection);
		break;
	case ORCH_HTTP_DONE:
		dispatch(connection);
		break;
	case ORCH_HTTP_NEED_MORE:
	case ORCH_HTTP_HEAD_DONE:
		if (hold_body(connection, head->content_length))
			begin_body(connection, head->expects_continue);
		break;
	}
}

/* Nothing is left to read, and nothing more will come. */
static void end_early(struct orch_http_connection *connection)
{
	if (connection->phase == ORCH_HTTP_CONNECTION_IDLE)
		orch_http_connection_close(connection);
	else
		orch_http_connection_refuse(connection, ORCH_HTTP_REFUSAL_MALFORMED, 400, NULL,
			"the request ends early");
}

/* So far: it is only news if the length was not declared. */
static size_t body_len(const struct orch_http_connection *connection)
{
	return orch_http_exchange_body(connection->exchange).len;
}

static void feed(struct orch_http_connection *connection, const struct evbuffer_iovec *bytes)
{
	struct evbuffer *input = bufferevent_get_input(connection->bev);
	enum orch_http_state state;
	size_t used;

	if (connection->phase == ORCH_HTTP_CONNECTION_IDLE) {
		connection->phase = ORCH_HTTP_CONNECTION_HEAD;
		connection->exchange->received_ms = orch_clock_now_ms();
		orch_http_connection_set_deadline(connection, connection->server->limits.head_ms);
	}
	state = orch_http_parser_feed(
		connection->exchange->parser, bytes->iov_base, bytes->iov_len, &used);
	(void)evbuffer_drain(input, used);
	if (state != ORCH_HTTP_REFUSED && !hold_body(connection, body_len(connection)))
		return;
	switch (state) {
	case ORCH_HTTP_NEED_MORE:
		break;
	case ORCH_HTTP_HEAD_DONE:
		take_head(connection);
		break;
	case ORCH_HTTP_DONE:
		dispatch(connection);
		break;
	case ORCH_HTTP_REFUSED:
		refuse_by_parser(connection);
		break;
	}
}

/* False: no more can be done now. */
static bool step(struct orch_http_connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bev);
	struct evbuffer_iovec bytes;

	if (evbuffer_get_length(input) == 0) {
		if (connection->is_peer_done && is_reading(connection))
			end_early(connection);
		return false;
	}
	if (!is_reading(connection)) {
		(void)bufferevent_disable(connection->bev, EV_READ);
		connection->is_reading_paused = true;
		return false;
	}
	if (evbuffer_peek(input, -1, NULL, &bytes, 1) < 1)
		return false;
	feed(connection, &bytes);
	return true;
}

void orch_http_connection_advance(struct orch_http_connection *connection)
{
	/* An answer from within the handler leads back here; the loop below goes on with it. */
	if (connection->is_advancing)
		return;
	connection->is_advancing = true;
	while (step(connection))
		;
	connection->is_advancing = false;
}
