/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose request is it?  Each proxy adds to the right of X-Forwarded-For the
 * address that it saw, so the list is read from the right and only as long as
 * the address so far is that of a proxy we were told to trust.
 */
#include <string.h>

#include "base/text.h"
#include "net/http_server_impl.h"

static bool is_proxy(const struct orch_http_server *server, const uint8_t address[16])
{
	for (size_t i = 0; i < server->proxy_count; i++) {
		if (orch_network_has(&server->proxies[i], address))
			return true;
	}
	return false;
}

static bool parse_address(struct orch_text text, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char string[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(string))
		return false;
	memcpy(string, text.ptr, text.len);
	string[text.len] = '\0';
	if (inet_pton(AF_INET, string, &in.sin_addr) == 1)
		memcpy(ret_address, &in, sizeof(in));
	else if (inet_pton(AF_INET6, string, &in6.sin6_addr) == 1)
		memcpy(ret_address, &in6, sizeof(in6));
	else
		return false;
	return true;
}

/* Cuts the last element off *LIST. */
static bool split_last(struct orch_text *list, struct orch_text *ret_piece)
{
	const char *comma;

	if (list->len == 0)
		return false;
	comma = memrchr(list->ptr, ',', list->len);
	if (!comma) {
		*ret_piece = orch_text_trim(*list);
		list->len = 0;
		return true;
	}
	*ret_piece = orch_text_trim(
		(struct orch_text){ comma + 1, list->len - (size_t)(comma - list->ptr) - 1 });
	list->len = (size_t)(comma - list->ptr);
	return true;
}

/* Walks one header line; false when the walk has come to its end. */
static bool walk_line(const struct orch_http_server *server, struct orch_text list,
	char ret_peer[ORCH_ADDRESS_CHARS])
{
	struct sockaddr_storage address;
	struct orch_text piece;
	uint8_t bytes[16];

	while (split_last(&list, &piece)) {
		if (!parse_address(piece, &address) ||
			!orch_address_from((struct sockaddr *)&address, bytes))
			return false;
		orch_address_format((struct sockaddr *)&address, ret_peer);
		if (!is_proxy(server, bytes))
			return false;
	}
	return true;
}

void orch_http_peer_find(const struct orch_http_connection *connection,
	const struct orch_http_head *head, char ret_peer[ORCH_ADDRESS_CHARS])
{
	const struct orch_http_server *server = connection->server;

	memcpy(ret_peer, connection->peer, ORCH_ADDRESS_CHARS);
	if (!is_proxy(server, connection->address))
		return;
	for (size_t i = head->header_count; i > 0; i--) {
		const struct orch_http_header *header = &head->headers[i - 1];

		if (orch_text_equal_nocase(header->name, ORCH_TEXT("X-Forwarded-For")) &&
			!walk_line(server, header->value, ret_peer))
			return;
	}
}
