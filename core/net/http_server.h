/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server on one lane: connections, deadlines, answers.
 *
 * Several lanes may listen on one address if all of them say shares_port
 * (SO_REUSEPORT); what they may have in all is counted by the gate that they
 * share.  A connection has one request in flight; the handler answers when it
 * likes, from the lane.
 */
#ifndef ORCH_HTTP_SERVER_H
#define ORCH_HTTP_SERVER_H
#include "net/http_bodies.h"
#include "net/http_gate.h"
#include "net/http_hand.h"
#include "net/http_parser.h"
#include "net/egress.h"
#include "net/lane.h"

struct orch_http_server;
struct orch_http_exchange; /* one request that waits for its answer */

struct orch_http_limits {
	uint64_t head_ms, body_ms, idle_ms, answer_ms; /* 5 s, 10 s, 60 s, 30 s */
	uint64_t body_rate; /* bytes a second that extend body_ms for larger limits; 65536 */
	/* Of a server with a gate of its own: */
	uint32_t connections;             /* in all; 4096 */
	uint32_t connections_per_address; /* without trusted proxies; 1024 */
	uint32_t backlog;                 /* 4096 */
};
void orch_http_limits_default(struct orch_http_limits *ret_limits);

struct orch_http_route {
	const char *method; /* "GET" answers HEAD too */
	const char *path;   /* exact; with a '*' at the end: prefix */
	uint64_t body_limit;
	/* Runs on the lane; answers by orch_http_answer(), now or later. */
	void (*handle)(struct orch_http_exchange *exchange, void *arg);
	void *arg;
};

struct orch_http_server_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0", "*:8080" */
	bool shares_port;   /* others that say so may listen there, too */
	struct orch_http_limits limits;
	struct orch_http_gate *gate;     /* NULL: its own; else it must outlast the server */
	struct orch_http_bodies *bodies; /* NULL: not limited; must outlast the exchanges */
	struct orch_http_sockets
		*sockets;        /* who served there before may have left its own; or NULL */
	const char *certificate; /* PEM files; NULL: no TLS */
	const char *key;
	const struct orch_network *proxies; /* whose X-Forwarded-For is believed */
	size_t proxy_count;
	const struct orch_http_route *routes; /* must stay as long as the server */
	size_t route_count;
	const char *metric_listener; /* label value: "events", "health", "console" */
};

ORCH_MUST_USE int orch_http_server_create(struct orch_lane *lane,
	const struct orch_http_server_options *options, struct orch_http_server **ret_server,
	struct orch_err *err);
/* Is the address of LISTEN one of this machine's?  Whether its port is free is not asked. */
ORCH_MUST_USE int orch_http_listen_check(const char *listen, struct orch_err *err);
/* Does nobody else listen there, not even one who would share? */
ORCH_MUST_USE int orch_http_server_probe(const char *listen, struct orch_err *err);
uint16_t orch_http_server_port(const struct orch_http_server *server);
/* Other routes from now on; running exchanges keep theirs until they are answered. */
void orch_http_server_set_routes(
	struct orch_http_server *server, const struct orch_http_route *routes, size_t count);
/* Another certificate for connections from now on; of a server that has one. */
struct ssl_ctx_st;
void orch_http_server_set_tls(struct orch_http_server *server, struct ssl_ctx_st *tls);
/* The socket that it listens on, for who comes after it; lent. */
int orch_http_server_socket(const struct orch_http_server *server);
/*
 * Accepts no more, closes idle connections, closes the others after their
 * answer.  If somebody else SERVES_ON idle ones are closed only after a while, so
 * that a request that is just on its way to one is answered still.
 */
void orch_http_server_drain(struct orch_http_server *server, bool serves_on);
size_t orch_http_server_connections(const struct orch_http_server *server);
/* On the lane's thread, or after it has ended.  Running exchanges stay valid; answering them does nothing. */
void orch_http_server_destroy(struct orch_http_server *server);

const struct orch_http_head *orch_http_exchange_head(const struct orch_http_exchange *exchange);
struct orch_text orch_http_exchange_body(const struct orch_http_exchange *exchange);
struct orch_text orch_http_exchange_peer(
	const struct orch_http_exchange *exchange); /* address, by trusted proxies */
uint64_t orch_http_exchange_received_ms(const struct orch_http_exchange *exchange); /* wall clock */
void *orch_http_exchange_arg(const struct orch_http_exchange *exchange);

#define ORCH_HTTP_MEDIA_TYPE_BYTES 128

/*
 * Is TEXT "type/subtype", perhaps with "; name=token" behind it?  Anything
 * else could bring lines of its own into the head.
 */
bool orch_http_is_media_type(struct orch_text text);

/*
 * Ends the exchange, which is gone afterwards.  HEADERS: "Name: value\r\n"
 * each, may be NULL.  Content-Length, Connection, Date and nosniff are added.
 */
void orch_http_answer(struct orch_http_exchange *exchange, int status, const char *media_type,
	const char *headers, struct orch_text body);

/* Ends the exchange by resetting the connection (RST), without an answer or in the middle of one. */
void orch_http_abort(struct orch_http_exchange *exchange);

/* A body in pieces (for server-sent events): begin, any number of sends, end.  False: the client is gone. */
void orch_http_stream_begin(struct orch_http_exchange *exchange, int status, const char *media_type,
	const char *headers);
bool orch_http_stream_send(struct orch_http_exchange *exchange, struct orch_text bytes);
void orch_http_stream_end(struct orch_http_exchange *exchange);
/* Called once if the client goes before stream_end(); the exchange must still be ended. */
void orch_http_stream_on_close(
	struct orch_http_exchange *exchange, void (*closed)(void *arg), void *arg);

#endif
