/* SPDX-License-Identifier: Apache-2.0 */
#include "letter.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "envelope.h"

#define HEADERS_BYTES 2048

struct sim_letter *sim_letter_create(struct sim_courier *courier, struct orch_text body,
	const struct sim_letter_options *options)
{
	struct sim_letter *letter = orch_alloc(sizeof(*letter));

	if (!letter)
		return NULL;
	letter->courier = courier;
	letter->body = orch_alloc(body.len + 1);
	if (!letter->body) {
		orch_free(letter);
		return NULL;
	}
	memcpy(letter->body, body.ptr, body.len);
	letter->len = body.len;
	sim_keep(letter->event_id, sizeof(letter->event_id), options->event_id);
	sim_keep(letter->signature, sizeof(letter->signature), options->signature);
	sim_keep(letter->timestamp, sizeof(letter->timestamp), options->timestamp);
	sim_keep(letter->retry_reason, sizeof(letter->retry_reason), options->retry_reason);
	letter->timestamp_offset_s = options->timestamp_offset_s;
	letter->retry_num = options->retry_num;
	letter->no_retry = options->no_retry;
	return letter;
}

void sim_letter_destroy(struct sim_letter *letter)
{
	if (letter->flight)
		orch_http_client_cancel(letter->flight);
	if (letter->has_timer)
		orch_timer_fini(&letter->timer);
	orch_free(letter->body);
	orch_free(letter);
}

static void fire(void *arg)
{
	sim_letter_send(arg);
}

void sim_letter_send_in(struct sim_letter *letter, uint64_t ms)
{
	letter->state = SIM_LETTER_WAITING;
	if (!letter->has_timer) {
		if (orch_timer_init(&letter->timer, letter->courier->options.lane, fire, letter) !=
			0) {
			sim_courier_ended(letter, SIM_LETTER_FAILED, ORCH_TEXT_NONE);
			return;
		}
		letter->has_timer = true;
	}
	orch_timer_set(&letter->timer, ms);
}

static void add_signature(
	const struct sim_letter *letter, struct orch_text body, struct orch_buf *headers)
{
	char stamp[32], signature[SIM_SIGNATURE_SIZE];
	int64_t now_s = (int64_t)(orch_clock_now_ms() / 1000);

	if (letter->timestamp[0])
		sim_keep(stamp, sizeof(stamp), orch_text_from(letter->timestamp));
	else
		(void)snprintf(
			stamp, sizeof(stamp), "%" PRId64, now_s + letter->timestamp_offset_s);
	sim_envelope_sign(orch_secret_text(letter->courier->options.signing_secret),
		orch_text_from(stamp), body, signature);
	if (strcmp(letter->signature, "wrong") == 0)
		signature[10] = signature[10] == '0' ? '1' : '0';
	else if (strcmp(letter->signature, "prefix") == 0)
		signature[1] = '1';
	for (char *c = signature + 3; strcmp(letter->signature, "uppercase") == 0 && *c; c++)
		*c = (char)toupper((unsigned char)*c);
	orch_buf_printf(headers, "X-Slack-Request-Timestamp: %s\n", stamp);
	if (strcmp(letter->signature, "missing") != 0)
		orch_buf_printf(headers, "X-Slack-Signature: %s\n", signature);
}

static void add_headers(
	const struct sim_letter *letter, struct orch_text body, struct orch_buf *headers)
{
	int64_t number = letter->retry_num + (int64_t)letter->try_count;
	const char *reason = letter->retry_reason;

	if (letter->try_count > 0)
		reason = letter->tries[letter->try_count - 1].reason;
	orch_buf_add_string(headers,
		"Content-Type: application/json\n"
		"Accept: */*\n"
		"User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\n");
	add_signature(letter, body, headers);
	if (number > 0) {
		orch_buf_printf(headers, "x-slack-retry-num: %" PRId64 "\n", number);
		orch_buf_printf(
			headers, "x-slack-retry-reason: %s\n", reason[0] ? reason : "http_timeout");
	}
}

static const char *name_failure(
	const struct sim_letter *letter, const struct orch_http_result *result)
{
	if (result->reply.status >= 200 && result->reply.status < 300)
		return "";
	if (result->reply.status >= 300 && result->reply.status < 400)
		return "too_many_redirects";
	if (result->reply.status)
		return "http_error";
	return result->took_ms + 2 >= letter->courier->options.answer_ms ? "http_timeout"
									 : "connection_failed";
}

static bool forbids_retry(const struct orch_reply *reply)
{
	struct orch_text rest = reply->headers, line;

	while (orch_text_split(&rest, '\n', &line)) {
		struct orch_text name;

		if (!orch_text_split(&line, ':', &name) ||
			!orch_text_equal_nocase(name, ORCH_TEXT("x-slack-no-retry")))
			continue;
		while (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		return orch_text_is(orch_text_trim(line), "1");
	}
	return false;
}

static void decide(struct sim_letter *letter, const struct orch_http_result *result)
{
	const struct sim_try *last = &letter->tries[letter->try_count - 1];

	if (!last->reason[0])
		sim_courier_ended(letter, SIM_LETTER_ACCEPTED, result->reply.body);
	else if (letter->try_count == SIM_TRIES_MAX || letter->no_retry ||
		(result->reply.status && forbids_retry(&result->reply)))
		sim_courier_ended(letter, SIM_LETTER_FAILED, result->reply.body);
	else
		sim_letter_send_in(
			letter, letter->courier->options.retry_ms[letter->try_count - 1]);
}

static void answered(void *arg, const struct orch_http_result *result)
{
	struct sim_letter *letter = arg;
	struct sim_try *attempt = &letter->tries[letter->try_count++];

	letter->flight = NULL;
	attempt->status = result->reply.status;
	attempt->took_ms = result->took_ms;
	sim_keep(attempt->reason, sizeof(attempt->reason),
		orch_text_from(name_failure(letter, result)));
	decide(letter, result);
}

static struct orch_text content(const struct sim_letter *letter)
{
	struct orch_text body = { letter->body, letter->len };

	if (letter->fault == SIM_FAULT_TRUNCATE)
		body.len /= 2;
	if (letter->fault == SIM_FAULT_GARBAGE)
		body = ORCH_TEXT("\x01\xff{\"type\":]]garbage");
	return body;
}

void sim_letter_send(struct sim_letter *letter)
{
	struct sim_courier *courier = letter->courier;
	struct orch_text body = content(letter);
	struct orch_http_result refused = { .reply.size = sizeof(refused.reply) };
	struct orch_request request = { .size = sizeof(request) };
	struct orch_buf headers;
	struct orch_err err;

	orch_buf_init(&headers, HEADERS_BYTES);
	add_headers(letter, body, &headers);
	request.method = ORCH_TEXT("POST");
	request.url = orch_text_from(courier->url);
	request.headers = orch_buf_text(&headers);
	request.body = body;
	request.timeout_ms = courier->options.answer_ms;
	letter->tries[letter->try_count].at_ms = orch_clock_now_ms();
	letter->state = SIM_LETTER_SENT;
	courier->tries++;
	refused.reply.headers = refused.reply.body = refused.reply.problem = ORCH_TEXT_NONE;
	if (headers.failed ||
		orch_http_client_send(courier->client, &courier->egress, &request, NULL, answered,
			letter, &letter->flight, &err) != 0)
		answered(letter, &refused);
	orch_buf_fini(&headers);
}
