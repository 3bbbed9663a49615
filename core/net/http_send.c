/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/http_server_impl.h"

size_t orch_http_unsent_bytes(const struct orch_http_connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->bev));
}

/*
 * Most answers fit into the socket, and to write them here saves the turn of
 * the loop that a bufferevent takes.  How many bytes went out; false: broken.
 */
static bool send_now(struct orch_http_connection *connection, const struct orch_text *pieces,
	size_t count, size_t *ret_sent)
{
	struct iovec parts[ORCH_HTTP_PIECES];
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
	ssize_t sent;

	for (size_t i = 0; i < count; i++) {
		union {
			const char *from;
			void *to;
		} bytes = { .from = pieces[i].ptr };

		parts[i] = (struct iovec){ .iov_base = bytes.to, .iov_len = pieces[i].len };
	}
	sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	*ret_sent = sent < 0 ? 0 : (size_t)sent;
	return true;
}

/* In one piece, so that TLS makes one record of it. */
static struct evbuffer *gather(
	const struct orch_text *pieces, size_t count, size_t skip, size_t len)
{
	struct evbuffer *rest = evbuffer_new();
	int failed = !rest || evbuffer_expand(rest, len) < 0;

	for (size_t i = 0; i < count && !failed; i++) {
		size_t cut = skip < pieces[i].len ? skip : pieces[i].len;

		failed = evbuffer_add(rest, pieces[i].ptr + cut, pieces[i].len - cut) < 0;
		skip -= cut;
	}
	if (!failed)
		return rest;
	if (rest)
		evbuffer_free(rest);
	return NULL;
}

void orch_http_send(
	struct orch_http_connection *connection, const struct orch_text *pieces, size_t count)
{
	struct evbuffer *rest;
	size_t len = 0, sent = 0;
	bool is_broken = false;

	orch_assert(count <= ORCH_HTTP_PIECES);
	if (connection->phase == ORCH_HTTP_CONNECTION_DEAD)
		return;
	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	if (!connection->ssl && orch_http_unsent_bytes(connection) == 0)
		is_broken = !send_now(connection, pieces, count, &sent);
	if (!is_broken && sent < len) {
		rest = gather(pieces, count, sent, len - sent);
		is_broken = !rest || bufferevent_write_buffer(connection->bev, rest) < 0;
		if (rest)
			evbuffer_free(rest);
	}
	if (is_broken)
		orch_http_connection_kill(connection);
}
