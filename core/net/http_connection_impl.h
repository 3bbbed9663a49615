/* SPDX-License-Identifier: Apache-2.0 */
/* Between http_connection.c (life and deadlines) and http_request.c (reading). */
#ifndef ORCH_HTTP_CONNECTION_IMPL_H
#define ORCH_HTTP_CONNECTION_IMPL_H
#include "net/http_server_impl.h"

#define ORCH_HTTP_ALLOW_BYTES 128

/* Reads as far as there are bytes and nobody owes an answer. */
void orch_http_connection_advance(struct orch_http_connection *connection);
/* Answers, flushes, closes.  HEADERS may be NULL; REASON is one short sentence. */
void orch_http_connection_refuse(struct orch_http_connection *connection,
	enum orch_http_refusal refusal, int status, const char *headers, const char *reason);
/* 503 for a handler that took too long. */
void orch_http_connection_give_up(struct orch_http_connection *connection);

#endif
