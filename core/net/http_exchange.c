/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/text.h"
#include "net/http_server_impl.h"

struct orch_http_exchange *orch_http_exchange_create(struct orch_http_connection *connection)
{
	struct orch_http_exchange *exchange = orch_alloc(sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->connection = connection;
	exchange->bodies = connection->server->bodies;
	exchange->parser = orch_http_parser_create();
	if (!exchange->parser) {
		orch_free(exchange);
		return NULL;
	}
	return exchange;
}

void orch_http_exchange_destroy(struct orch_http_exchange *exchange)
{
	if (!exchange)
		return;
	orch_http_parser_destroy(exchange->parser);
	orch_http_bodies_let_go(exchange->bodies, &exchange->held);
	orch_free(exchange);
}

void orch_http_exchange_reset(struct orch_http_exchange *exchange)
{
	orch_http_parser_reset(exchange->parser);
	orch_http_bodies_let_go(exchange->bodies, &exchange->held);
	exchange->route = NULL;
	exchange->is_pending = false;
	exchange->is_streaming = false;
	exchange->closed = NULL;
}

void orch_http_exchange_detach(struct orch_http_exchange *exchange)
{
	void (*closed)(void *arg) = exchange->closed;

	if (!exchange->is_pending) {
		orch_http_exchange_destroy(exchange);
		return;
	}
	exchange->connection = NULL;
	exchange->closed = NULL;
	if (closed)
		closed(exchange->closed_arg); /* may end the exchange */
}

const struct orch_http_head *orch_http_exchange_head(const struct orch_http_exchange *exchange)
{
	return orch_http_parser_head(exchange->parser);
}

struct orch_text orch_http_exchange_body(const struct orch_http_exchange *exchange)
{
	return orch_http_parser_body(exchange->parser);
}

struct orch_text orch_http_exchange_peer(const struct orch_http_exchange *exchange)
{
	return orch_text_from(exchange->peer);
}

uint64_t orch_http_exchange_received_ms(const struct orch_http_exchange *exchange)
{
	return exchange->received_ms;
}

void *orch_http_exchange_arg(const struct orch_http_exchange *exchange)
{
	return exchange->arg;
}
