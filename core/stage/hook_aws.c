/* SPDX-License-Identifier: Apache-2.0 */
/* A hook's call of Amazon's: "aws:kinesis/PutRecords". */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "stage/hook_internal.h"

#define SCHEME "aws:kinesis/"
#define ACTION_BYTES 64

/* In the arena of the request, as what it lends is. */
struct flight {
	struct orch_aws_call call;
	struct orch_run *run;
	char action[ACTION_BYTES];
};

static bool read_action(struct orch_text url, char action[ACTION_BYTES])
{
	size_t length = url.len - strlen(SCHEME);

	if (!orch_text_starts_with(url, ORCH_TEXT(SCHEME)) || length == 0 || length >= ACTION_BYTES)
		return false;
	(void)snprintf(action, ACTION_BYTES, "%s", url.ptr + strlen(SCHEME));
	return strspn(action, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == length;
}

static void on_done(struct orch_aws_call *call)
{
	struct orch_run *run = ((struct flight *)call)->run;
	char headers[sizeof(call->error) + 32];
	struct orch_reply reply = {
		.size = sizeof(reply),
		.status = call->status,
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.problem = ORCH_TEXT_NONE,
	};

	if (call->failure == ORCH_AWS_FINE) {
		reply.body = call->answer;
	} else {
		/* A success that nobody can read is none. */
		if (reply.status >= 200 && reply.status < 300)
			reply.status = 0;
		(void)snprintf(headers, sizeof(headers), "X-Amzn-ErrorType: %s\n", call->error);
		reply.headers = orch_text_from(headers);
		reply.problem = orch_text_from(call->err.text);
	}
	run->call = NULL;
	orch_run_answer(run, &reply, call->attempts > 0);
}

int orch_run_call_aws(struct orch_run *run, struct orch_err *err)
{
	const struct orch_request *request = &run->request;
	struct flight *flight = orch_arena_alloc(run->arena, sizeof(*flight));
	struct orch_aws_client *client;
	int rc;

	if (flight == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a call");
	if (!read_action(request->url, flight->action))
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" is no call; must be such as \"aws:kinesis/PutRecords\"",
			(int)(request->url.len < 100 ? request->url.len : 100), request->url.ptr);
	rc = orch_callers_find(
		run->callers, request->account, run->bench->lane, run->bench->client, &client, err);
	if (rc != ORCH_OK)
		return rc;
	flight->run = run;
	flight->call = (struct orch_aws_call){ .action = flight->action,
		.body = request->body,
		.timeout_ms = request->timeout_ms,
		.done = on_done };
	run->call = &flight->call;
	orch_aws_call(client, &flight->call);
	return ORCH_OK;
}
