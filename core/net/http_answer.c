/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/http_server_impl.h"

#define ORCH_HTTP_REPLY_HEAD_BYTES 512

/* "a/b" or "a=b", SEPARATOR between two tokens. */
static bool is_pair(struct orch_text text, char separator)
{
	const char *at = text.len == 0 ? NULL : memchr(text.ptr, separator, text.len);
	size_t len = at == NULL ? 0 : (size_t)(at - text.ptr);

	return at != NULL && orch_egress_is_token((struct orch_text){ text.ptr, len }) &&
		orch_egress_is_token((struct orch_text){ at + 1, text.len - len - 1 });
}

bool orch_http_is_media_type(struct orch_text text)
{
	struct orch_text rest = text, piece;

	if (text.len > ORCH_HTTP_MEDIA_TYPE_BYTES || !orch_text_split(&rest, ';', &piece) ||
		!is_pair(piece, '/'))
		return false;
	/* With a semicolon at the end there is a parameter that is none. */
	if (text.ptr[text.len - 1] == ';')
		return false;
	while (orch_text_split(&rest, ';', &piece)) {
		while (piece.len > 0 && piece.ptr[0] == ' ')
			piece = (struct orch_text){ piece.ptr + 1, piece.len - 1 };
		if (!is_pair(piece, '='))
			return false;
	}
	return true;
}

static bool may_have_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* All of the head but the caller's headers and the empty line. */
static struct orch_text write_head(struct orch_http_server *server,
	const struct orch_http_reply *reply, size_t body_len, char *head, size_t size)
{
	const char *phrase = orch_http_status_phrase(reply->status);
	const char *type = reply->media_type;
	char framing[64] = "";
	int len;

	if (reply->is_chunked)
		(void)snprintf(framing, sizeof(framing), "Transfer-Encoding: chunked\r\n");
	else if (!reply->is_stream && may_have_length(reply->status))
		(void)snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", body_len);
	len = snprintf(head, size,
		"HTTP/1.1 %d %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n%s%.128s%s%s%s",
		reply->status, phrase ? phrase : "Status", orch_http_server_date(server),
		type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", framing,
		reply->keep_alive ? "" : "Connection: close\r\n");
	return (struct orch_text){ head, len < 0 ? 0 : (size_t)len };
}

void orch_http_reply_send(struct orch_http_connection *connection,
	const struct orch_http_reply *reply, struct orch_text body)
{
	char head[ORCH_HTTP_REPLY_HEAD_BYTES];
	bool has_body = !reply->is_head && may_have_length(reply->status);
	const struct orch_text pieces[] = {
		write_head(connection->server, reply, body.len, head, sizeof(head)),
		orch_text_from(reply->headers),
		ORCH_TEXT("\r\n"),
		has_body ? body : ORCH_TEXT_NONE,
	};

	orch_http_server_count_answer(connection->server, reply->status);
	orch_http_send(connection, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

static bool is_alive(const struct orch_http_connection *connection)
{
	return connection && connection->phase != ORCH_HTTP_CONNECTION_DEAD;
}

/* The handler gives the exchange back.  False: nobody waits for an answer. */
static bool take_back(struct orch_http_exchange *exchange)
{
	struct orch_http_connection *connection = exchange->connection;

	exchange->closed = NULL;
	exchange->is_pending = false;
	if (!connection)
		orch_http_exchange_destroy(exchange);
	return is_alive(connection);
}

static struct orch_http_reply reply_to(const struct orch_http_exchange *exchange, int status,
	const char *media_type, const char *headers)
{
	const struct orch_http_head *head = orch_http_exchange_head(exchange);
	const struct orch_http_connection *connection = exchange->connection;

	return (struct orch_http_reply){
		.status = status >= 200 && status <= 599 ? status : 500,
		.media_type = media_type,
		.headers = headers,
		.keep_alive = head->keep_alive && !connection->server->is_draining,
		.is_head = orch_text_is(head->method, "HEAD"),
	};
}

void orch_http_answer(struct orch_http_exchange *exchange, int status, const char *media_type,
	const char *headers, struct orch_text body)
{
	struct orch_http_connection *connection = exchange->connection;
	struct orch_http_reply reply;

	if (!take_back(exchange))
		return;
	reply = reply_to(exchange, status, media_type, headers);
	orch_http_reply_send(connection, &reply, body);
	connection->must_linger = orch_http_exchange_head(exchange)->keep_alive;
	orch_http_connection_answered(connection, reply.keep_alive);
}

void orch_http_abort(struct orch_http_exchange *exchange)
{
	struct orch_http_connection *connection = exchange->connection;
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (!take_back(exchange))
		return;
	(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	connection->is_aborted = true;
	orch_http_connection_kill(connection);
}

/* A stream that nobody reads does not wait for ever. */
static void watch_reader(struct orch_http_connection *connection)
{
	if (orch_http_unsent_bytes(connection) == 0)
		connection->deadline_ms = ORCH_HTTP_NEVER;
	else if (connection->deadline_ms == ORCH_HTTP_NEVER)
		orch_http_connection_set_deadline(connection, connection->server->limits.answer_ms);
}

void orch_http_stream_begin(struct orch_http_exchange *exchange, int status, const char *media_type,
	const char *headers)
{
	struct orch_http_connection *connection = exchange->connection;
	struct orch_http_reply reply;

	orch_assert(!exchange->is_streaming);
	exchange->is_streaming = true;
	if (!is_alive(connection))
		return;
	reply = reply_to(exchange, status, media_type, headers);
	reply.is_stream = true;
	/* HTTP/1.0 knows no chunks: there the end of the connection ends the body. */
	reply.is_chunked = !orch_http_exchange_head(exchange)->is_http10;
	exchange->is_chunked = reply.is_chunked && !reply.is_head;
	exchange->is_mute = reply.is_head;
	exchange->keep_alive = reply.keep_alive;
	connection->phase = ORCH_HTTP_CONNECTION_STREAM;
	connection->deadline_ms = ORCH_HTTP_NEVER;
	orch_http_reply_send(connection, &reply, ORCH_TEXT_NONE);
	watch_reader(connection);
}

bool orch_http_stream_send(struct orch_http_exchange *exchange, struct orch_text bytes)
{
	struct orch_http_connection *connection = exchange->connection;
	size_t unsent;
	char size[24];

	if (!is_alive(connection))
		return false;
	if (bytes.len == 0 || exchange->is_mute)
		return true;
	unsent = orch_http_unsent_bytes(connection);
	if (unsent > 0 && unsent + bytes.len > ORCH_HTTP_STREAM_BYTES) {
		orch_http_server_count_refusal(connection->server, ORCH_HTTP_REFUSAL_UNREAD);
		orch_http_connection_kill(connection);
		return true;
	}
	if (exchange->is_chunked) {
		(void)snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
		orch_http_send(connection,
			(const struct orch_text[]){
				orch_text_from(size), bytes, ORCH_TEXT("\r\n") },
			3);
	} else {
		orch_http_send(connection, &bytes, 1);
	}
	watch_reader(connection);
	return true;
}

void orch_http_stream_end(struct orch_http_exchange *exchange)
{
	struct orch_http_connection *connection = exchange->connection;

	if (!take_back(exchange))
		return;
	if (exchange->is_chunked)
		orch_http_send(connection, &ORCH_TEXT("0\r\n\r\n"), 1);
	connection->must_linger = orch_http_exchange_head(exchange)->keep_alive;
	orch_http_connection_answered(connection, exchange->keep_alive);
}

void orch_http_stream_on_close(
	struct orch_http_exchange *exchange, void (*closed)(void *arg), void *arg)
{
	exchange->closed = closed;
	exchange->closed_arg = arg;
}
