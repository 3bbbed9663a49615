/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on a lane of its own with a few routes, and a client that sends
 * raw bytes.  Whatever does not come in time ends the test.
 *
 *   GET /hello       "hello"
 *   POST /echo       the body back; at most PEER_BODY_LIMIT bytes
 *   POST /large      as /echo; at most PEER_LARGE_LIMIT bytes
 *   POST /small      as /echo; at most 10 bytes
 *   GET /late*       answered by served_answer()
 *   GET /big         PEER_BIG_BYTES bytes
 *   GET /stream      begins a stream, which the test carries on by served_do()
 *   GET /peer        the client's address
 */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "net/http_server.h"

#define PEER_BODY_LIMIT 1000
#define PEER_LARGE_LIMIT ((size_t)1024 * 1024)
#define PEER_BIG_BYTES ((size_t)8 * 1024 * 1024)
#define PEER_REPLY_BYTES ((size_t)8 * 1024)

struct served {
	struct orch_lane *lane;
	struct orch_http_server *server;
	uint16_t port;
	atomic_uint handled;                /* requests that reached a handler */
	atomic_uint closed;                 /* streams whose client went away */
	struct orch_http_exchange *waiting; /* on the lane only */
	sem_t is_waiting;                   /* posted when a handler keeps an exchange */
	sem_t is_closed;                    /* posted when a stream's client went away */
	char *big;
	struct orch_http_route *routes;
	size_t connections; /* when last looked at */
	uint64_t fail_at;   /* for tests that take memory away */
};

/* OPTIONS may be NULL; its listen and routes are ours if not given.  The lane runs. */
void served_start(struct served *served, const struct orch_http_server_options *options);
void served_stop(struct served *served);
/* Runs WHAT on the lane and waits for it. */
void served_do(struct served *served, void (*what)(struct served *served));
void served_wait_for_exchange(struct served *served);
void served_wait_for_close(struct served *served); /* of a stream's client */
/* Answers the exchange that waits with 200 "late". */
void served_answer(struct served *served);
void served_wait_for_connections(struct served *served, size_t count);

struct reply {
	int status; /* 0: the connection ended without an answer */
	char head[PEER_REPLY_BYTES];
	char *body;
	size_t body_len;
};

int peer_connect(uint16_t port);
int peer_socket(void); /* the first half of it, and the second: */
void peer_connect_with(int fd, uint16_t port);
/* False when the server does not take it any more. */
bool peer_send(int fd, const void *bytes, size_t len);
bool peer_say(int fd, const char *text);
/* One answer with its body; the client may send on.  Freed by reply_fini(). */
void peer_read(int fd, struct reply *ret_reply);
/* An answer to HEAD, or an interim one. */
void peer_read_head(int fd, struct reply *ret_reply);
void reply_fini(struct reply *reply);
/* Up to SIZE bytes until the server closes, NUL behind them; fails on nothing but time. */
size_t peer_read_to_end(int fd, char *ret_bytes, size_t size);
void peer_expect_end(int fd); /* and nothing before it */
/* An answer with STATUS that announces the end, and the end. */
void peer_expect_refusal(int fd, int status);

#endif
