/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP from a lane: hundreds of requests in flight, none of them waited for.
 *
 * libcurl's multi interface on the lane's loop; keep-alive, HTTP/2 over TLS;
 * certificates always verified; redirects never followed; proxies of the
 * environment ignored; every connection passes the egress guard.  SMTP goes
 * the same way ("MAIL" to smtp:// or smtps://).
 */
#ifndef ORCH_HTTP_CLIENT_H
#define ORCH_HTTP_CLIENT_H
#include "base/file.h"
#include "net/egress.h"
#include "net/lane.h"

#define ORCH_HTTP_CLIENT_TIMEOUT_MS 30000
#define ORCH_HTTP_CLIENT_CONNECT_MS 10000
#define ORCH_HTTP_CLIENT_SLOW_S 30
#define ORCH_HTTP_CLIENT_BODY_BYTES (1024 * 1024)
#define ORCH_HTTP_CLIENT_HEAD_BYTES (64 * 1024)
#define ORCH_HTTP_CLIENT_SHOWN_BYTES 4096 /* of a body that goes to a blob */

#define ORCH_HTTP_CLIENT_CONNECTIONS 1024
#define ORCH_HTTP_CLIENT_PER_HOST 256

struct orch_http_client;
struct orch_http_flight; /* a request under way */

struct orch_http_client_options {
	const char *ca_file;    /* NULL: the system's */
	size_t max_connections; /* 0: CONNECTIONS */
	size_t max_per_host;    /* 0: PER_HOST; more requests wait their turn */
	uint32_t connect_ms;    /* 0: 10 s; for address, connection and TLS together */
	uint32_t slow_s;        /* 0: 30 s; so long a download may crawl */
};

struct orch_http_result {
	struct orch_reply
		reply; /* lent to the callback; status 0: problem says why, without secrets */
	bool was_sent; /* bytes of the request may have reached the other side */
	uint64_t retry_after_ms; /* from Retry-After (seconds or date), at most an hour; 0: none */
	uint64_t took_ms;
};

ORCH_MUST_USE int orch_http_client_create(struct orch_lane *lane,
	const struct orch_http_client_options *options, struct orch_http_client **ret_client,
	struct orch_err *err);
/* Every flight that is left ends with "stopped". */
void orch_http_client_destroy(struct orch_http_client *client);

/*
 * Sends REQUEST; everything in it is copied.  EGRESS must stay until DONE has
 * run.  The body goes to BLOB if one is given (at most request->max_bytes,
 * then TRUNCATED).  An error here means that nothing was sent and DONE will
 * not run: ORCH_E_DENIED for a refused URL or credential.
 */
ORCH_MUST_USE int orch_http_client_send(struct orch_http_client *client,
	const struct orch_egress *egress, const struct orch_request *request,
	struct orch_blob *blob, void (*done)(void *arg, const struct orch_http_result *result),
	void *arg, struct orch_http_flight **ret_flight, struct orch_err *err);
/*
 * The same for what the core itself asks for, and no plugin ever can: HEADERS
 * may be any, Host and Authorization among them, and besides them only
 * User-Agent, Connection and the framing are sent; HTTP/1.1; what was sent and
 * what came is wiped when it has been used.
 */
ORCH_MUST_USE int orch_http_client_send_own(struct orch_http_client *client,
	const struct orch_egress *egress, const struct orch_request *request,
	void (*done)(void *arg, const struct orch_http_result *result), void *arg,
	struct orch_http_flight **ret_flight, struct orch_err *err);
/* DONE does not run any more. */
void orch_http_client_cancel(struct orch_http_flight *flight);
size_t orch_http_client_in_flight(const struct orch_http_client *client);

/* The first header of this NAME in a reply's headers, trimmed; empty: there is none. */
struct orch_text orch_http_find_header(struct orch_text headers, const char *name);
/* Of a date as HTTP writes it, in ms since 1970; 0: it is none. */
uint64_t orch_http_parse_date(struct orch_text date);

#endif
