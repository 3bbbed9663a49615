/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/client.h"
#include "base/text.h"

#define HEAD_BYTES (32 * 1024)
#define TARGET_BYTES 96
#define URL_BYTES 512

static const struct {
	const char *type, *target, *more;
} services[ORCH_AWS_SERVICES] = {
	/* With query-mode the older codes come, too, in a header of their own. */
	[ORCH_AWS_SQS] = { "application/x-amz-json-1.0", "AmazonSQS", "x-amzn-query-mode: true\n" },
	[ORCH_AWS_KINESIS] = { "application/x-amz-json-1.1", "Kinesis_20131202", "" },
};

/* All that is signed: five headers at most. */
struct head {
	struct orch_aws_scope scope;
	char target[TARGET_BYTES];
	struct orch_aws_header headers[5];
	size_t count;
};

static void add(struct head *head, const char *name, struct orch_text value)
{
	head->headers[head->count++] = (struct orch_aws_header){ orch_text_from(name), value };
}

static void fill(struct head *head, const struct orch_aws_client *client, const char *action,
	const struct orch_aws_credentials *credentials, uint64_t now_ms)
{
	const struct orch_aws *aws = client->aws;

	head->count = 0;
	orch_aws_date_time(now_ms, head->scope.date_time);
	head->scope.region = aws->region;
	head->scope.service = orch_text_from(orch_aws_service_name(client->service));
	(void)snprintf(head->target, sizeof(head->target), "%s.%s",
		services[client->service].target, action);
	add(head, "Content-Type", orch_text_from(services[client->service].type));
	add(head, "Host", aws->host);
	add(head, "X-Amz-Date", orch_text_from(head->scope.date_time));
	if (credentials->session_token)
		add(head, "X-Amz-Security-Token", orch_secret_text(credentials->session_token));
	add(head, "X-Amz-Target", orch_text_from(head->target));
}

static int sign(const struct orch_aws_client *client, const struct head *head,
	struct orch_text body, const struct orch_aws_credentials *credentials,
	struct orch_buf *value, struct orch_err *err)
{
	const struct orch_aws_signable signable = { .method = ORCH_TEXT("POST"),
		.path = ORCH_TEXT("/"),
		.query = ORCH_TEXT_NONE,
		.headers = head->headers,
		.header_count = head->count,
		.body = body };
	uint8_t key[ORCH_SHA256_BYTES];
	int code = orch_aws_key(client->aws, client->service, credentials, &head->scope, key, err);

	if (code == ORCH_OK)
		code = orch_aws_sign(&signable, &head->scope,
			orch_text_from(credentials->access_key_id), key, value, err);
	explicit_bzero(key, sizeof(key));
	return code;
}

static void write_head(const struct orch_aws_client *client, const struct head *head,
	struct orch_text authorization, struct orch_buf *text)
{
	for (size_t i = 0; i < head->count; i++)
		orch_buf_printf(text, "%.*s: %.*s\n", ORCH_TEXT_ARG(head->headers[i].name),
			ORCH_TEXT_ARG(head->headers[i].value));
	orch_buf_printf(text, "Authorization: %.*s\n%s", ORCH_TEXT_ARG(authorization),
		services[client->service].more);
}

static int send_head(struct orch_aws_call *call, struct orch_text head,
	void (*done)(void *call, const struct orch_http_result *result), struct orch_err *err)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);
	struct orch_aws_client *client = progress->client;
	struct orch_request request = { .size = sizeof(request),
		.method = ORCH_TEXT("POST"),
		.headers = head,
		.body = call->body,
		.limit_key = ORCH_TEXT_NONE,
		.part = ORCH_TEXT_NONE,
		/* None does harm when it comes twice: whoever calls has to live with that anyway. */
		.repeatable = true,
		.max_bytes = ORCH_AWS_ANSWER_BYTES,
		.timeout_ms = call->timeout_ms ? call->timeout_ms : ORCH_AWS_TIMEOUT_MS };
	char url[URL_BYTES];

	(void)snprintf(url, sizeof(url), "%s/", client->aws->endpoint.ptr);
	request.url = orch_text_from(url);
	return orch_http_client_send_own(
		client->http, &client->aws->egress, &request, done, call, &progress->flight, err);
}

int orch_aws_request_send(struct orch_aws_call *call,
	const struct orch_aws_credentials *credentials,
	void (*done)(void *call, const struct orch_http_result *result), struct orch_err *err)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);
	const struct orch_aws_client *client = progress->client;
	struct orch_buf authorization, text;
	struct head head;
	int code;

	progress->offset_ms = orch_aws_offset_ms(client->aws);
	fill(&head, client, call->action, credentials, orch_aws_now_ms(client->aws));
	orch_buf_init(&authorization, ORCH_AWS_AUTHORIZATION_BYTES);
	orch_buf_init(&text, HEAD_BYTES);
	code = sign(client, &head, call->body, credentials, &authorization, err);
	if (code == ORCH_OK) {
		write_head(client, &head, orch_buf_text(&authorization), &text);
		code = text.failed ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
				   : send_head(call, orch_buf_text(&text), done, err);
	}
	if (text.ptr)
		explicit_bzero(text.ptr, text.size);
	orch_buf_fini(&text);
	orch_buf_fini(&authorization);
	return code;
}
