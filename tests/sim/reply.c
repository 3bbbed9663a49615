/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <string.h>

#include "args.h"

struct orch_text sim_path_after(const struct orch_http_exchange *exchange, const char *prefix)
{
	struct orch_text path = orch_http_exchange_head(exchange)->path;
	size_t len = strlen(prefix);

	if (path.len < len)
		return ORCH_TEXT_NONE;
	return (struct orch_text){ path.ptr + len, path.len - len };
}

void sim_answer_json(struct orch_http_exchange *exchange, int status, struct json_object *body)
{
	struct orch_text text = body ? orch_json_print(body) : ORCH_TEXT("{\"ok\":false}");

	orch_http_answer(exchange, status, "application/json; charset=utf-8",
		"Cache-Control: no-store\r\n", text);
	json_object_put(body);
}

void sim_answer_problem(struct orch_http_exchange *exchange, int status, const char *problem)
{
	struct json_object *body = json_object_new_object();

	sim_put_bool(body, "ok", false);
	sim_put(body, "error", problem);
	sim_answer_json(exchange, status, body);
}

/* "127.0.0.1:9100", "localhost:9100", "[::1]" */
static bool is_own_name(struct orch_text host)
{
	return orch_text_starts_with(host, ORCH_TEXT("127.")) ||
		orch_text_starts_with(host, ORCH_TEXT("localhost")) ||
		orch_text_starts_with(host, ORCH_TEXT("[::1]"));
}

/* A page of somebody else's, open in the same browser, must not control what is here. */
bool sim_is_welcome(struct orch_http_exchange *exchange, bool allows_remote)
{
	const struct orch_http_head *head = orch_http_exchange_head(exchange);
	struct orch_text host = orch_http_head_get(head, "host");
	struct orch_text origin = orch_http_head_get(head, "origin");
	char own[300] = "";

	if (host.ptr)
		(void)snprintf(own, sizeof(own), "http://%.*s", ORCH_TEXT_ARG(host));
	if ((allows_remote || (host.ptr && is_own_name(host))) &&
		(!origin.ptr || orch_text_is(origin, own)))
		return true;
	sim_answer_problem(exchange, 403, "only this machine's own pages may ask that");
	return false;
}

static int refuse(struct orch_err *err, int status, const char *why)
{
	(void)orch_fail(err, ORCH_E_INVALID, "%s", why);
	return status;
}

int sim_read_args(
	struct orch_http_exchange *exchange, struct json_object *args, struct orch_err *err)
{
	struct orch_text body = orch_http_exchange_body(exchange);
	struct json_object *value;

	if (sim_args_add_form(args, orch_http_exchange_head(exchange)->query) != 0)
		return refuse(err, 400, "the query is broken");
	if (!body.len)
		return 200;
	if (orch_json_parse(body, &value, err) != 0)
		return 400;
	if (!json_object_is_type(value, json_type_object)) {
		json_object_put(value);
		return refuse(err, 400, "the body must be a JSON object");
	}
	sim_merge(args, value);
	json_object_put(value);
	return 200;
}
