/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers of HTTP share: who may ask, what was asked, and answers in JSON. */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H
#include "jsonx.h"
#include "net/http_server.h"

/* Comes from this machine, or remote ones are allowed; otherwise it has been answered. */
bool sim_is_welcome(struct orch_http_exchange *exchange, bool allows_remote);
/* Adds the members of the query and of the body to ARGS; the status to answer with, and why if not 200. */
ORCH_MUST_USE int sim_read_args(
	struct orch_http_exchange *exchange, struct json_object *args, struct orch_err *err);

/* A JSON answer; takes BODY. */
void sim_answer_json(struct orch_http_exchange *exchange, int status, struct json_object *body);
void sim_answer_problem(struct orch_http_exchange *exchange, int status, const char *problem);
/* The part of the path behind PREFIX, or the empty text. */
struct orch_text sim_path_after(const struct orch_http_exchange *exchange, const char *prefix);

#endif
