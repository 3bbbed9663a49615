/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "aws/client.h"
#include "aws/error.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

#define MESSAGE_SHOWN 120 /* bytes of a service's message */

static const char *const failure_names[] = { "fine", "throttled", "transient", "credentials",
	"lease", "setting", "payload", "bug" };

static struct orch_text service_of(struct orch_aws_call *call)
{
	return orch_text_from(orch_aws_service_name(orch_aws_progress(call)->client->service));
}

static void count_request(struct orch_aws_call *call)
{
	orch_metric_add(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_aws_requests_total",
			"Requests to AWS, each attempt by itself, by what came of them.",
			{ "service", service_of(call) }, { "action", orch_text_from(call->action) },
			{ "result", orch_text_from(failure_names[call->failure]) }),
		1);
}

static void count_retry(struct orch_aws_call *call, const char *reason)
{
	orch_metric_add(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_aws_retries_total",
			"Attempts that followed another one, by why.",
			{ "service", service_of(call) }, { "reason", orch_text_from(reason) }),
		1);
}

void orch_aws_call_drop(struct orch_aws_call *call)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);

	if (progress->flight)
		orch_http_client_cancel(progress->flight);
	if (progress->prev)
		orch_aws_progress(progress->prev)->next = progress->next;
	else
		progress->client->calls = progress->next;
	if (progress->next)
		orch_aws_progress(progress->next)->prev = progress->prev;
	progress->client = NULL;
}

/* The call is its caller's again, who may be gone with it when DONE returns. */
void orch_aws_call_finish(struct orch_aws_call *call)
{
	orch_aws_call_drop(call);
	call->done(call);
}

/* A poll without an answer is not begun again at once, whoever repeats it. */
static void fail_later(struct orch_aws_call *call, enum orch_aws_failure failure)
{
	bool must_wait = call->is_poll && !call->once;

	call->failure = failure;
	orch_aws_client_sleep(call, ORCH_AWS_ENDING,
		must_wait ? orch_aws_backoff_ms(
				    ORCH_AWS_BASE_THROTTLED_MS, orch_aws_progress(call)->retries)
			  : 0);
}

static void say_error(struct orch_aws_call *call, const struct orch_aws_error *error)
{
	char message[MESSAGE_SHOWN + 1] = "";

	/* Other messages may show what was signed, or what was sent. */
	if (call->status < 400)
		(void)snprintf(message, sizeof(message), "redirects are not followed");
	else if (call->failure == ORCH_AWS_SETTING)
		(void)snprintf(message, sizeof(message), "%.*s", MESSAGE_SHOWN, error->message);
	orch_secret_blot(message, strlen(message));
	(void)orch_fail(&call->err, 0, "%s: %s%s(status %d)%s%s", call->action, call->error,
		call->error[0] ? " " : "", call->status, message[0] ? ": " : "", message);
}

static void judge_refusal(struct orch_aws_call *call, const struct orch_reply *reply)
{
	struct orch_aws_error error;

	orch_aws_read_error(reply, &error);
	(void)snprintf(call->error, sizeof(call->error), "%s", error.code);
	call->failure = orch_aws_judge_entry(
		orch_text_from(error.code), orch_text_from(error.message), reply->status);
	/* A success it was not. */
	if (call->failure == ORCH_AWS_FINE)
		call->failure = ORCH_AWS_TRANSIENT;
	say_error(call, &error);
}

static void judge_success(struct orch_aws_call *call, const struct orch_reply *reply)
{
	struct orch_err ignored;

	/* An action that has nothing to say says nothing at all. */
	call->answer = reply->body.len > 0 ? reply->body : ORCH_TEXT("{}");
	call->failure = ORCH_AWS_TRANSIENT;
	if (reply->truncated)
		(void)orch_fail(&call->err, 0, "%s: the answer is longer than %d bytes",
			call->action, ORCH_AWS_ANSWER_BYTES);
	else if (orch_json_parse(call->answer, &call->json, &ignored) != ORCH_OK)
		(void)orch_fail(&call->err, 0, "%s: the answer is not whole JSON", call->action);
	else if (!json_object_is_type(call->json, json_type_object))
		(void)orch_fail(&call->err, 0, "%s: the answer is no JSON object", call->action);
	else
		call->failure = ORCH_AWS_FINE;
}

static void judge(struct orch_aws_call *call, const struct orch_reply *reply)
{
	call->status = reply->status;
	call->answer = reply->body;
	call->error[0] = call->err.text[0] = '\0';
	if (reply->status >= 200 && reply->status < 300) {
		judge_success(call, reply);
	} else if (reply->status > 0) {
		judge_refusal(call, reply);
	} else {
		call->failure = ORCH_AWS_TRANSIENT;
		(void)orch_fail(&call->err, 0, "%s: %.180s", call->action, reply->problem.ptr);
	}
	count_request(call);
}

static uint64_t hint_of(const struct orch_http_result *result)
{
	uint64_t ms;

	if (orch_text_to_uint(orch_http_find_header(result->reply.headers, "x-amz-retry-after"), 1,
		    ORCH_AWS_BACKOFF_MS, &ms) == ORCH_OK)
		return ms;
	return result->retry_after_ms;
}

/* Was it signed by a clock that is known better now, or never was right? */
static bool is_clock_wrong(struct orch_aws_call *call)
{
	const struct orch_aws_progress *progress = orch_aws_progress(call);
	int64_t offset = orch_aws_offset_ms(progress->client->aws);

	return orch_aws_may_be_clock(orch_text_from(call->error)) && !progress->has_corrected &&
		(llabs(offset) >= ORCH_AWS_SKEW_MS ||
			llabs(offset - progress->offset_ms) >= ORCH_AWS_SKEW_STEP_MS);
}

static void retry_with_others(struct orch_aws_call *call)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);

	progress->has_refreshed = true;
	progress->refused = progress->generation;
	orch_aws_keeper_refuse(progress->client->aws->keeper, progress->refused);
	orch_aws_call_attempt(call);
}

/*
 * Is there to be another attempt?  Then it is on its way.  A poll that gets
 * none sleeps all the same before its failure is told.
 */
static bool retry(struct orch_aws_call *call, uint64_t hint_ms)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);
	uint64_t delay_ms = orch_aws_retry_delay_ms(call->failure, progress->retries, hint_ms);
	bool is_last = call->attempts >= progress->client->aws->attempts;
	unsigned cost;

	if (call->once)
		return false;
	if (!is_last && is_clock_wrong(call)) {
		progress->has_corrected = true;
		count_retry(call, "clock");
		orch_aws_client_sleep(call, ORCH_AWS_SLEEPING, 0);
		return true;
	}
	if (!is_last && call->failure == ORCH_AWS_CREDENTIALS && !progress->has_refreshed) {
		count_retry(call, "credentials");
		retry_with_others(call);
		return true;
	}
	if (!orch_aws_is_retried(call->failure))
		return false;
	cost = is_last ? 0 : orch_aws_quota_pay(&progress->client->quota, call->failure);
	if (cost == 0 && !call->is_poll)
		return false;
	if (cost > 0)
		count_retry(call, failure_names[call->failure]);
	progress->paid = cost;
	progress->retries++;
	orch_aws_client_sleep(call, cost > 0 ? ORCH_AWS_SLEEPING : ORCH_AWS_ENDING, delay_ms);
	return true;
}

static void on_answer(void *arg, const struct orch_http_result *result)
{
	struct orch_aws_call *call = arg;
	struct orch_aws_progress *progress = orch_aws_progress(call);
	struct orch_aws_client *client = progress->client;
	struct json_object *json;

	progress->flight = NULL;
	orch_aws_client_enter(client);
	orch_aws_observe_clock(client->aws, result->reply.headers, result->took_ms, &client->date);
	judge(call, &result->reply);
	json = call->json;
	if (call->failure == ORCH_AWS_FINE)
		orch_aws_quota_return(&client->quota, progress->paid);
	else
		call->json = NULL;
	if (call->failure == ORCH_AWS_FINE || !retry(call, hint_of(result)))
		orch_aws_call_finish(call);
	else
		call->answer = ORCH_TEXT_NONE;
	json_object_put(json);
	orch_aws_client_leave(client);
}

void orch_aws_call_attempt(struct orch_aws_call *call)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);
	struct orch_aws_credentials *credentials = NULL;
	int code = orch_aws_keeper_take(
		progress->client->aws->keeper, progress->refused, &credentials, &call->err);

	progress->state = ORCH_AWS_WAITING;
	if (code == ORCH_E_AGAIN)
		return;
	if (code != ORCH_OK) {
		orch_err_prefix(&call->err, "%s", call->action);
		fail_later(call, ORCH_AWS_CREDENTIALS);
		return;
	}
	progress->state = ORCH_AWS_FLYING;
	progress->generation = credentials->generation;
	call->attempts++;
	code = orch_aws_request_send(call, credentials, on_answer, &call->err);
	orch_aws_credentials_unref(credentials);
	if (code == ORCH_OK)
		return;
	orch_err_prefix(&call->err, "%s", call->action);
	call->failure = ORCH_AWS_TRANSIENT;
	if (!retry(call, 0))
		fail_later(call, ORCH_AWS_TRANSIENT);
}

void orch_aws_call(struct orch_aws_client *client, struct orch_aws_call *call)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);

	orch_assert(!client->is_gone && !progress->client);
	*progress = (struct orch_aws_progress){ .client = client, .next = client->calls };
	if (progress->next)
		orch_aws_progress(progress->next)->prev = call;
	client->calls = call;
	call->failure = ORCH_AWS_TRANSIENT;
	call->status = 0;
	call->answer = ORCH_TEXT_NONE;
	call->json = NULL;
	call->error[0] = call->err.text[0] = '\0';
	call->attempts = 0;
	orch_aws_call_attempt(call);
}

void orch_aws_cancel(struct orch_aws_call *call)
{
	if (orch_aws_progress(call)->client)
		orch_aws_call_drop(call);
}
