/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of a connection, as a test wants it: blocking, a thread a
 * connection, and free to break every rule of its protocol.
 */
#ifndef STAND_IN_H
#define STAND_IN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAND_IN_REQUEST_BYTES (256 * 1024)

struct stand_in;

struct stand_in_conn {
	struct stand_in *owner;
	void *arg; /* as given to start */
	int fd;
	void *tls;                            /* SSL *; NULL without TLS */
	char request[STAND_IN_REQUEST_BYTES]; /* head and body of the last request, NUL behind it */
	char *body;
	size_t len; /* bytes of REQUEST that have come, the next request's perhaps among them */
	size_t request_len;
};

/*
 * Listens on a port of its own at ADDRESS.  SERVE runs for each connection and
 * ends it by returning.  PEM names a file with certificate and key; NULL: no TLS.
 * Never NULL: what cannot be had ends the test.
 */
struct stand_in *stand_in_start(
	const char *address, const char *pem, void (*serve)(struct stand_in_conn *conn), void *arg);
/* Cuts all connections and waits for their threads. */
void stand_in_stop(struct stand_in *stand_in);
uint16_t stand_in_port(const struct stand_in *stand_in);
unsigned stand_in_connections(const struct stand_in *stand_in); /* so far */
unsigned stand_in_open(const struct stand_in *stand_in);        /* now */
unsigned stand_in_open_max(const struct stand_in *stand_in);
unsigned stand_in_requests(const struct stand_in *stand_in);
uint64_t stand_in_bytes(const struct stand_in *stand_in); /* received, over all connections */

/* Reads one request with its body; false at the end of the connection. */
bool stand_in_read_request(struct stand_in_conn *conn);
/* Reads one line into conn->request, without its end. */
bool stand_in_read_line(struct stand_in_conn *conn);
/* False when the other side is gone. */
bool stand_in_write(struct stand_in_conn *conn, const void *bytes, size_t len);
bool stand_in_say(struct stand_in_conn *conn, const char *text);
/* "HTTP/1.1 STATUS\r\n" HEADERS "Content-Length: …\r\n\r\n" BODY */
bool stand_in_answer(
	struct stand_in_conn *conn, const char *status, const char *headers, const char *body);
/* Until the other side closes. */
void stand_in_wait_for_end(struct stand_in_conn *conn);
/* The end will be a reset. */
void stand_in_reset(struct stand_in_conn *conn);

/* Writes a self-signed certificate for 127.0.0.1 and localhost, with its key, to PATH. */
void stand_in_make_certificate(const char *path);

#endif
