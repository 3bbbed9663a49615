/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's inside.
 *
 * http_listen.c opens the socket and accepts; http_connection.c reads and
 * keeps the deadlines; http_answer.c writes; tls.c loads certificates;
 * http_peer.c says whose request it is; http_server.c owns it all.
 *
 * A connection dies in its timer's call only, never inside a call from a
 * handler, so nobody up the stack holds a dead one.
 */
#ifndef ORCH_HTTP_SERVER_IMPL_H
#define ORCH_HTTP_SERVER_IMPL_H
#include <arpa/inet.h>
#include <netinet/in.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/ssl.h>
#include "base/metric.h"
#include "net/address.h"
#include "net/http_gate.h"
#include "net/http_server.h"

#define ORCH_HTTP_INPUT_BYTES ((size_t)16 * 1024)   /* unparsed, of one connection */
#define ORCH_HTTP_STREAM_BYTES ((size_t)256 * 1024) /* unsent, of one stream */
#define ORCH_HTTP_LINGER_BYTES ((size_t)1024 * 1024)
#define ORCH_HTTP_LINGER_MS 2000
#define ORCH_HTTP_ACCEPT_BATCH 64
#define ORCH_HTTP_LAST_CHANCE_MS \
	2000 /* for a request on an idle connection of a server that drains */
#define ORCH_HTTP_ACCEPT_PAUSE_MS 100
#define ORCH_HTTP_RETRY_AFTER_S 5
#define ORCH_HTTP_NEVER UINT64_MAX

enum orch_http_refusal {
	ORCH_HTTP_REFUSAL_MALFORMED = 0,
	ORCH_HTTP_REFUSAL_HEAD_LIMIT,
	ORCH_HTTP_REFUSAL_BODY_LIMIT,
	ORCH_HTTP_REFUSAL_ROUTE,
	ORCH_HTTP_REFUSAL_SLOW,
	ORCH_HTTP_REFUSAL_UNANSWERED,
	ORCH_HTTP_REFUSAL_UNREAD,
	ORCH_HTTP_REFUSAL_CONNECTIONS,
	ORCH_HTTP_REFUSAL_ADDRESS,
	ORCH_HTTP_REFUSAL_DESCRIPTORS,
	ORCH_HTTP_REFUSAL_TLS,
	ORCH_HTTP_REFUSAL_MEMORY,
	ORCH_HTTP_REFUSAL_BODIES,
	ORCH_HTTP_REFUSAL_COUNT
};

#define ORCH_HTTP_STATUS_MIN 100
#define ORCH_HTTP_STATUS_COUNT 500

struct orch_http_server {
	struct orch_lane *lane;
	struct orch_http_limits limits;
	uint64_t tick_ms; /* the shortest deadline */
	struct orch_network *proxies;
	size_t proxy_count;
	const struct orch_http_route *routes;
	size_t route_count;
	uint64_t route_version; /* grows with every change */
	char *name;             /* label of the metrics */
	SSL_CTX *tls;

	int fd;
	uint16_t port;
	struct event *accepting;
	struct orch_timer resume;
	bool is_paused;
	bool is_full; /* there was no place, and none has been had since */
	bool is_draining;

	struct orch_http_connection *first;
	size_t connection_count;
	struct orch_http_gate *gate;     /* of all servers of this listener */
	struct orch_http_gate *own_gate; /* NULL: it is another's */
	struct orch_http_bodies *bodies; /* NULL: not limited */

	char date[32];
	uint64_t date_s;

	struct orch_metric *connections;
	struct orch_metric *refusals[ORCH_HTTP_REFUSAL_COUNT];
	struct orch_metric *answers[ORCH_HTTP_STATUS_COUNT];
};

enum orch_http_connection_phase {
	ORCH_HTTP_CONNECTION_HANDSHAKE = 0,
	ORCH_HTTP_CONNECTION_IDLE,
	ORCH_HTTP_CONNECTION_HEAD,
	ORCH_HTTP_CONNECTION_BODY,
	ORCH_HTTP_CONNECTION_ANSWER, /* the handler has the exchange */
	ORCH_HTTP_CONNECTION_STREAM,
	ORCH_HTTP_CONNECTION_FLUSH,  /* the answer is on its way */
	ORCH_HTTP_CONNECTION_LINGER, /* what still comes is thrown away */
	ORCH_HTTP_CONNECTION_DEAD,   /* until its timer runs */
};

/* The parser belongs to the exchange, which may outlive its connection. */
struct orch_http_exchange {
	struct orch_http_connection *connection; /* NULL: the client is gone */
	struct orch_http_parser *parser;
	const struct orch_http_route *route; /* until it is dispatched */
	uint64_t route_version;
	void *arg;
	uint64_t received_ms;
	struct orch_http_bodies *bodies; /* the server's, who may be gone */
	uint64_t held;                   /* of them, by our body */
	char peer[ORCH_ADDRESS_CHARS];
	bool is_pending; /* the handler has it */
	bool is_streaming;
	bool is_chunked; /* the stream's framing */
	bool is_mute;    /* a stream without a body, to HEAD */
	bool keep_alive; /* behind the stream */
	void (*closed)(void *arg);
	void *closed_arg;
};

struct orch_http_connection {
	struct orch_http_server *server; /* NULL: destroyed before us */
	struct orch_http_connection *prev, *next;
	struct orch_http_exchange *exchange; /* NULL: it went its own way, and we are closing */
	struct bufferevent *bev;
	SSL *ssl; /* the bufferevent's; NULL: clear text */
	int fd;
	enum orch_http_connection_phase phase;
	struct orch_timer timer;
	uint64_t deadline_ms;
	uint64_t armed_ms; /* when the timer runs; never behind the deadline */
	uint64_t begun_ms; /* of the body */
	struct event *linger;
	size_t lingered_bytes;
	uint8_t address[16];
	char peer[ORCH_ADDRESS_CHARS];
	bool is_advancing;
	bool is_reading_paused;
	bool is_peer_done; /* the peer sends no more */
	bool is_closing;   /* after the answer under way */
	bool must_linger;  /* closing comes as a surprise to the peer */
	bool is_aborted;   /* the peer is to see a reset */
};

/* http_listen.c */
ORCH_MUST_USE int orch_http_listen_open(struct orch_http_server *server,
	const struct orch_http_server_options *options, struct orch_err *err);
void orch_http_listen_close(struct orch_http_server *server);
void orch_http_listen_resume(struct orch_http_server *server);

/* http_peer.c: the client's address, by X-Forwarded-For as far as it is to be believed. */
void orch_http_peer_find(const struct orch_http_connection *connection,
	const struct orch_http_head *head, char ret_peer[ORCH_ADDRESS_CHARS]);

/* http_server.c */
/* NULL if there is none: *ret_status is 404, or 405 with the methods in RET_ALLOW. */
const struct orch_http_route *orch_http_server_route(const struct orch_http_server *server,
	const struct orch_http_head *head, int *ret_status, char *ret_allow, size_t allow_size);
void orch_http_server_count_refusal(struct orch_http_server *server, enum orch_http_refusal reason);
void orch_http_server_count_answer(struct orch_http_server *server, int status);
const char *orch_http_server_date(struct orch_http_server *server);
/* Counts in who has a place; false: too many from its address, or no memory. */
bool orch_http_server_admit(
	struct orch_http_server *server, struct orch_http_connection *connection);
void orch_http_server_forget(
	struct orch_http_server *server, struct orch_http_connection *connection);

/* http_connection.c */
/* Takes FD over, and a place at the gate, also on failure. */
void orch_http_connection_open(
	struct orch_http_server *server, int fd, const struct sockaddr *address);
/* The server goes. */
void orch_http_connection_detach(struct orch_http_connection *connection);
/* The end, without a word, or with the good-bye of TLS and TCP. */
void orch_http_connection_kill(struct orch_http_connection *connection);
void orch_http_connection_close(struct orch_http_connection *connection);
void orch_http_connection_set_deadline(struct orch_http_connection *connection, uint64_t in_ms);
/* The answer was handed over: flush it, then take the next request or close. */
void orch_http_connection_answered(struct orch_http_connection *connection, bool keep_alive);

/* http_exchange.c */
struct orch_http_exchange *orch_http_exchange_create(struct orch_http_connection *connection);
void orch_http_exchange_destroy(struct orch_http_exchange *exchange);
void orch_http_exchange_reset(struct orch_http_exchange *exchange);
/* The connection goes: whoever has the exchange keeps it, else it goes too. */
void orch_http_exchange_detach(struct orch_http_exchange *exchange);

/* http_answer.c */
struct orch_http_reply {
	int status;
	const char *media_type; /* NULL: none */
	const char *headers;    /* NULL: none */
	bool keep_alive;
	bool is_head;   /* an answer to HEAD: no body */
	bool is_stream; /* no length is known */
	bool is_chunked;
};
void orch_http_reply_send(struct orch_http_connection *connection,
	const struct orch_http_reply *reply, struct orch_text body);

/* http_send.c */
#define ORCH_HTTP_PIECES 4
/* What the socket does not take at once waits in the bufferevent. */
void orch_http_send(
	struct orch_http_connection *connection, const struct orch_text *pieces, size_t count);
size_t orch_http_unsent_bytes(const struct orch_http_connection *connection);

/* http_status.c */
const char *orch_http_status_phrase(int status); /* NULL: not a known one */

#endif
