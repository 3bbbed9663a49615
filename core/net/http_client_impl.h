/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP client share, and nobody else includes.
 *
 *   http_client.c          clients and the lives of flights
 *   http_client_multi.c    curl's sockets and timer on the lane's loop
 *   http_client_request.c  what is sent: options, headers, body, credential
 *   http_client_mail.c     what is sent as mail
 *   http_client_reply.c    what comes back, and words for what went wrong
 */
#ifndef ORCH_HTTP_CLIENT_IMPL_H
#define ORCH_HTTP_CLIENT_IMPL_H
#include <curl/curl.h>
#include "base/buf.h"
#include "net/address.h"
#include "net/http_client.h"

#define ORCH_HTTP_CLIENT_DOWNLOAD_MS 300000 /* the default for a body that goes to a blob */
#define ORCH_HTTP_CLIENT_TIMEOUT_MAX_MS (60 * 60 * 1000)
#define ORCH_HTTP_CLIENT_SLOW_BYTES 1024 /* a second: a slower download is given up */
#define ORCH_HTTP_CLIENT_DNS_S 60
#define ORCH_HTTP_CLIENT_IDLE_S 45 /* less than most servers keep an idle connection */
#define ORCH_HTTP_CLIENT_RETRY_AFTER_MS (60 * 60 * 1000)
#define ORCH_HTTP_CLIENT_FLIGHTS 10000
#define ORCH_HTTP_CLIENT_REQUEST_HEADERS 64
#define ORCH_HTTP_CLIENT_REQUEST_LINE_BYTES 16384
#define ORCH_HTTP_CLIENT_RECIPIENTS 100
#define ORCH_HTTP_CLIENT_MAIL_ANSWER_S 15 /* of one command */

/* A socket that curl wants watched. */
struct orch_http_socket {
	struct orch_http_socket *prev, *next;
	struct orch_http_client *client;
	struct event *event;
};

struct orch_http_client {
	struct orch_lane *lane;
	CURLM *multi;
	struct orch_timer timer;
	struct orch_http_socket *sockets;
	struct orch_http_flight *flights;
	size_t in_flight;
	CURL **idle; /* handles for the next flights */
	size_t idle_count, idle_size;
	char *ca_file;
	uint32_t connect_ms, slow_s;
	unsigned depth; /* of our own calls of DONE: the client outlasts them */
	bool is_stopping;
	bool is_gone; /* destroyed while DEPTH > 0 */
};

enum orch_http_failure {
	ORCH_HTTP_NO_FAILURE = 0, /* of ours: curl's code counts */
	ORCH_HTTP_STOPPED,
	ORCH_HTTP_HEAD_TOO_LONG,
	ORCH_HTTP_NO_MEMORY,
	ORCH_HTTP_BLOB_FAILED,
};

struct orch_http_flight {
	struct orch_http_flight *prev, *next;
	struct orch_http_client *client;
	CURL *easy;
	const struct orch_egress *egress;
	struct orch_blob *blob; /* the caller's; may be NULL */
	void (*done)(void *arg, const struct orch_http_result *result);
	void *arg;

	struct orch_url url;
	struct orch_buf body; /* of the request */
	size_t body_sent;
	struct curl_slist *headers; /* the last holds the secret if HAS_SECRET */
	struct curl_slist *recipients;
	uint64_t max_bytes, timeout_ms, started_ns;

	struct orch_buf head, shown; /* of the reply */
	uint64_t received;           /* bytes of the body that were kept */
	const char *refused;         /* what kind REFUSED_IP is */
	curl_socket_t opened[2];     /* the last sockets that curl asked for: one for each family */
	curl_socket_t mail_fd;       /* the one that was connected; -1: not known */
	enum orch_http_failure failure;

	bool is_over; /* DONE is running: there is nothing left to cancel */
	bool is_own;  /* the core's, not a plugin's */
	bool is_mail;
	bool is_mail_data; /* the message itself is being sent */
	bool is_repeatable, has_secret;
	bool is_head_over, is_truncated, was_sent;

	char address[ORCH_ADDRESS_CHARS]; /* the one connected to last, with its port */
	char refused_ip[ORCH_ADDRESS_CHARS];
	struct orch_err blob_err;
	char curl_text[CURL_ERROR_SIZE];
};

/* http_client.c: ends FLIGHT, with curl's CODE or the FAILURE set before, and runs its DONE. */
void orch_http_flight_finish(struct orch_http_flight *flight, CURLcode code);
/* The rest of a destroy that a DONE asked for. */
void orch_http_client_free(struct orch_http_client *client);

/* http_client_multi.c */
ORCH_MUST_USE int orch_http_multi_init(struct orch_http_client *client,
	const struct orch_http_client_options *options, struct orch_err *err);
void orch_http_multi_fini(struct orch_http_client *client);

/* http_client_request.c: prepares FLIGHT's easy handle; an error leaves it for flight_destroy(). */
ORCH_MUST_USE int orch_http_request_prepare(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err);
/*
 * Cuts the next "Name: value" off *REST; false at the end or, with *CODE set,
 * at a line that would be no header.
 */
bool orch_http_next_header(struct orch_text *rest, struct orch_text *ret_name,
	struct orch_text *ret_value, int *code, struct orch_err *err);
size_t orch_http_read_body(char *bytes, size_t size, size_t count, void *flight);
/* To orchestrator_egress_refused_total. */
void orch_http_count_refusal(const char *reason);

/* http_client_mail.c: envelope, message and login. */
ORCH_MUST_USE int orch_http_mail_prepare(
	struct orch_http_flight *flight, const struct orch_request *request, struct orch_err *err);
/* The mail connection stands, from this port of ours. */
void orch_http_mail_connected(struct orch_http_flight *flight, int local_port);
/* A line of the mail server. */
void orch_http_mail_take_line(struct orch_http_flight *flight, struct orch_text line);
/* http_client_mime.c: UTF-8 in a header and in a body, for servers that know ASCII only. */
void orch_http_mime_header(struct orch_buf *buf, struct orch_text value);
bool orch_http_mime_needs_encoding(struct orch_text body);
void orch_http_mime_body(struct orch_buf *buf, struct orch_text body, bool encode);

/* http_client_reply.c */
size_t orch_http_take_head(char *bytes, size_t size, size_t count, void *flight);
size_t orch_http_take_body(char *bytes, size_t size, size_t count, void *flight);
/* PROBLEM has room for what goes wrong; the result lends from it and from FLIGHT. */
void orch_http_reply_fill(struct orch_http_flight *flight, CURLcode code, struct orch_err *problem,
	struct orch_http_result *ret_result);
uint64_t orch_http_retry_after_ms(struct orch_text head, uint64_t now_ms);

#endif
