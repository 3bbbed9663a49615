/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/error.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define QUERY_PREFIX "AWS.SimpleQueueService."

/* Both spellings of each: of the JSON protocol, and of the older one. */
static const struct {
	const char *code;
	enum orch_aws_failure failure;
} table[] = {
	{ "RequestThrottled", ORCH_AWS_THROTTLED },
	{ "RequestThrottledException", ORCH_AWS_THROTTLED },
	{ "RequestLimitExceeded", ORCH_AWS_THROTTLED },
	{ "BandwidthLimitExceeded", ORCH_AWS_THROTTLED },
	{ "LimitExceededException", ORCH_AWS_THROTTLED },
	{ "ThrottlingException", ORCH_AWS_THROTTLED },
	{ "ThrottledException", ORCH_AWS_THROTTLED },
	{ "Throttling", ORCH_AWS_THROTTLED },
	{ "TooManyRequestsException", ORCH_AWS_THROTTLED },
	{ "ProvisionedThroughputExceededException", ORCH_AWS_THROTTLED },
	{ "KmsThrottled", ORCH_AWS_THROTTLED },
	{ "KMSThrottlingException", ORCH_AWS_THROTTLED },
	{ "KMS.ThrottlingException", ORCH_AWS_THROTTLED },
	{ "PriorRequestNotComplete", ORCH_AWS_THROTTLED },
	{ "SlowDown", ORCH_AWS_THROTTLED },
	{ "OverLimit", ORCH_AWS_THROTTLED },

	{ "InternalFailure", ORCH_AWS_TRANSIENT },
	{ "InternalError", ORCH_AWS_TRANSIENT },
	{ "InternalServerError", ORCH_AWS_TRANSIENT },
	{ "InternalFailureException", ORCH_AWS_TRANSIENT },
	{ "ServiceUnavailable", ORCH_AWS_TRANSIENT },
	{ "ServiceUnavailableException", ORCH_AWS_TRANSIENT },
	{ "RequestTimeout", ORCH_AWS_TRANSIENT },
	{ "RequestTimeoutException", ORCH_AWS_TRANSIENT },

	{ "ExpiredToken", ORCH_AWS_CREDENTIALS },
	{ "ExpiredTokenException", ORCH_AWS_CREDENTIALS },
	{ "InvalidClientTokenId", ORCH_AWS_CREDENTIALS },
	{ "InvalidAccessKeyId", ORCH_AWS_CREDENTIALS },
	{ "UnrecognizedClientException", ORCH_AWS_CREDENTIALS },
	{ "MissingAuthenticationToken", ORCH_AWS_CREDENTIALS },
	{ "MissingAuthenticationTokenException", ORCH_AWS_CREDENTIALS },
	{ "IncompleteSignature", ORCH_AWS_CREDENTIALS },
	{ "IncompleteSignatureException", ORCH_AWS_CREDENTIALS },
	{ "SignatureDoesNotMatch", ORCH_AWS_CREDENTIALS },
	{ "InvalidSignatureException", ORCH_AWS_CREDENTIALS },
	{ "RequestExpired", ORCH_AWS_CREDENTIALS },
	{ "RequestInTheFuture", ORCH_AWS_CREDENTIALS },
	{ "RequestTimeTooSkewed", ORCH_AWS_CREDENTIALS },
	{ "AuthFailure", ORCH_AWS_CREDENTIALS },

	{ "ReceiptHandleIsInvalid", ORCH_AWS_LEASE },
	{ "MessageNotInflight", ORCH_AWS_LEASE },

	{ "QueueDoesNotExist", ORCH_AWS_SETTING },
	{ "NonExistentQueue", ORCH_AWS_SETTING },
	{ "ResourceNotFoundException", ORCH_AWS_SETTING },
	{ "QueueDeletedRecently", ORCH_AWS_SETTING },
	{ "AccessDenied", ORCH_AWS_SETTING },
	{ "AccessDeniedException", ORCH_AWS_SETTING },
	{ "OptInRequired", ORCH_AWS_SETTING },
	{ "NotAuthorized", ORCH_AWS_SETTING },
	{ "UnsupportedOperation", ORCH_AWS_SETTING },
	{ "InvalidSecurity", ORCH_AWS_SETTING },
	{ "InvalidAddress", ORCH_AWS_SETTING },

	{ "InvalidMessageContents", ORCH_AWS_PAYLOAD },
	{ "BatchRequestTooLong", ORCH_AWS_PAYLOAD },
	{ "MessageTooLong", ORCH_AWS_PAYLOAD },
	{ "RequestEntityTooLargeException", ORCH_AWS_PAYLOAD },

	{ "TooManyEntriesInBatchRequest", ORCH_AWS_BUG },
	{ "EmptyBatchRequest", ORCH_AWS_BUG },
	{ "BatchEntryIdsNotDistinct", ORCH_AWS_BUG },
	{ "InvalidBatchEntryId", ORCH_AWS_BUG },
	{ "InvalidAction", ORCH_AWS_BUG },
	{ "UnknownOperationException", ORCH_AWS_BUG },
	{ "SerializationException", ORCH_AWS_BUG },
	{ "MalformedInput", ORCH_AWS_BUG },
	{ "MissingParameter", ORCH_AWS_BUG },
	{ "MissingRequiredParameterException", ORCH_AWS_BUG },
};

/* What the clock is surely or perhaps to blame for. */
static const char *const clock_codes[] = { "RequestTimeTooSkewed", "RequestExpired",
	"RequestInTheFuture", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure",
	"AccessDeniedException" };

static struct orch_text without_prefix(struct orch_text code)
{
	struct orch_text prefix = ORCH_TEXT(QUERY_PREFIX);

	if (!orch_text_starts_with(code, prefix))
		return code;
	return (struct orch_text){ code.ptr + prefix.len, code.len - prefix.len };
}

static bool has(struct orch_text text, const char *part)
{
	return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static enum orch_aws_failure judge_status(int status)
{
	if (status == 0 || status == 408 || status >= 500)
		return ORCH_AWS_TRANSIENT;
	if (status >= 200 && status < 300)
		return ORCH_AWS_FINE;
	if (status == 429)
		return ORCH_AWS_THROTTLED;
	return status == 413 ? ORCH_AWS_PAYLOAD : ORCH_AWS_SETTING;
}

enum orch_aws_failure orch_aws_judge(struct orch_text error, int status)
{
	struct orch_text code = without_prefix(error);

	if (code.len == 0)
		return judge_status(status);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (orch_text_is(code, table[i].code))
			return table[i].failure;
	}
	if (has(code, "Throttl"))
		return ORCH_AWS_THROTTLED;
	/* What is not known is somebody's to look at, unless the status says more. */
	if (status == 429 || status == 413 || status >= 500)
		return judge_status(status);
	return ORCH_AWS_SETTING;
}

/* SQS says with one code that a receipt has run out, and that a message is too long. */
enum orch_aws_failure orch_aws_judge_entry(
	struct orch_text error, struct orch_text message, int status)
{
	struct orch_text code = without_prefix(error);

	if (orch_text_is(code, "InvalidParameterValue") ||
		orch_text_is(code, "InvalidParameterValueException") ||
		orch_text_is(code, "InvalidArgumentException")) {
		if (has(message, "receipt handle") || has(message, "ReceiptHandle"))
			return ORCH_AWS_LEASE;
		if (has(message, "must be shorter") || has(message, "too long"))
			return ORCH_AWS_PAYLOAD;
	}
	return orch_aws_judge(error, status);
}

bool orch_aws_may_be_clock(struct orch_text code)
{
	for (size_t i = 0; i < sizeof(clock_codes) / sizeof(clock_codes[0]); i++) {
		if (orch_text_is(code, clock_codes[i]))
			return true;
	}
	return false;
}

static bool is_word(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return text.len > 0 && text.len < ORCH_AWS_ERROR_BYTES;
}

/* "com.amazonaws.sqs#Code" or "Code:http://…" or "Code;Sender". */
static void keep_code(struct orch_aws_error *error, struct orch_text text)
{
	const char *hash = text.len > 0 ? memrchr(text.ptr, '#', text.len) : NULL;
	struct orch_text code = text;

	if (hash)
		code = (struct orch_text){ hash + 1, text.len - (size_t)(hash + 1 - text.ptr) };
	for (size_t i = 0; i < code.len; i++) {
		if (strchr(":;", code.ptr[i]))
			code.len = i;
	}
	code = without_prefix(code);
	if (error->code[0] == '\0' && is_word(code))
		(void)snprintf(error->code, sizeof(error->code), "%.*s", ORCH_TEXT_ARG(code));
}

static void keep_message(struct orch_aws_error *error, struct orch_text text)
{
	size_t len = text.len < sizeof(error->message) - 1 ? text.len : sizeof(error->message) - 1;

	if (error->message[0] != '\0' || len == 0)
		return;
	for (size_t i = 0; i < len; i++)
		error->message[i] = text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?';
	error->message[len] = '\0';
}

void orch_aws_read_error(const struct orch_reply *reply, struct orch_aws_error *ret_error)
{
	struct json_object *body = NULL;
	struct orch_err ignored;

	*ret_error = (struct orch_aws_error){ .code = "" };
	if (orch_json_parse(reply->body, &body, &ignored) == ORCH_OK) {
		keep_code(ret_error, orch_json_text(body, "__type"));
		keep_code(ret_error, orch_json_text(body, "code"));
		keep_message(ret_error, orch_json_text(body, "message"));
		keep_message(ret_error, orch_json_text(body, "Message"));
		json_object_put(body);
	}
	keep_code(ret_error, orch_http_find_header(reply->headers, "x-amzn-ErrorType"));
	keep_code(ret_error, orch_http_find_header(reply->headers, "x-amzn-query-error"));
}
