/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/error.h"

#include <string.h>

#include "base/text.h"

#define QUERY "AWS.SimpleQueueService."

struct spelled {
	const char *code;
	const char *query; /* of SQS; NULL: the same */
	int status;        /* 0: 400 */
	bool is_common;    /* of all services, not of SQS's own model */
	bool is_ours;
};

static const struct spelled table[] = {
	{ .code = "QueueDoesNotExist", .query = QUERY "NonExistentQueue" },
	{ .code = "QueueNameExists", .query = "QueueAlreadyExists" },
	{ .code = "QueueDeletedRecently", .query = QUERY "QueueDeletedRecently" },
	{ .code = "PurgeQueueInProgress", .query = QUERY "PurgeQueueInProgress" },
	{ .code = "TooManyEntriesInBatchRequest", .query = QUERY "TooManyEntriesInBatchRequest" },
	{ .code = "EmptyBatchRequest", .query = QUERY "EmptyBatchRequest" },
	{ .code = "BatchEntryIdsNotDistinct", .query = QUERY "BatchEntryIdsNotDistinct" },
	{ .code = "BatchRequestTooLong", .query = QUERY "BatchRequestTooLong" },
	{ .code = "InvalidBatchEntryId", .query = QUERY "InvalidBatchEntryId" },
	{ .code = "MessageNotInflight", .query = QUERY "MessageNotInflight" },
	{ .code = "UnsupportedOperation", .query = QUERY "UnsupportedOperation" },
	{ .code = "InvalidParameterValueException",
		.query = "InvalidParameterValue",
		.is_common = true },
	{ .code = "MissingRequiredParameterException",
		.query = "MissingParameter",
		.is_common = true },
	{ .code = "AccessDeniedException",
		.query = "AccessDenied",
		.status = 403,
		.is_common = true },
	{ .code = "UnrecognizedClientException",
		.query = "InvalidClientTokenId",
		.status = 403,
		.is_common = true },
	{ .code = "InvalidSignatureException",
		.query = "SignatureDoesNotMatch",
		.status = 403,
		.is_common = true },
	{ .code = "IncompleteSignatureException",
		.query = "IncompleteSignature",
		.is_common = true },
	{ .code = "MissingAuthenticationTokenException",
		.query = "MissingAuthenticationToken",
		.status = 403,
		.is_common = true },
	{ .code = "ExpiredTokenException",
		.query = "ExpiredToken",
		.status = 403,
		.is_common = true },
	{ .code = "ExpiredToken", .status = 403, .is_common = true },
	{ .code = "ThrottlingException", .query = "Throttling", .is_common = true },
	{ .code = "UnknownOperationException", .query = "InvalidAction", .is_common = true },
	{ .code = "SerializationException", .query = "MalformedInput", .is_common = true },
	{ .code = "InternalFailure", .status = 500, .is_common = true, .is_ours = true },
	{ .code = "InternalError", .status = 500, .is_common = true, .is_ours = true },
	{ .code = "ServiceUnavailable", .status = 503, .is_common = true, .is_ours = true },
	{ .code = "OverLimit", .status = 403 },
	{ .code = "RequestThrottled", .status = 403 },
};

static const struct spelled *find(const char *code)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].code, code) == 0)
			return &table[i];
	return NULL;
}

/* Kinesis says 400 to whatever is the caller's fault. */
int aws_error_status(const struct aws_error *error, enum aws_service service)
{
	const struct spelled *found = find(error->code);

	if (error->status)
		return error->status;
	if (found && found->status && (service == AWS_SQS || found->status >= 500))
		return found->status;
	return 400;
}

const char *aws_error_query_code(const char *code)
{
	const struct spelled *found = find(code);

	return found && found->query ? found->query : code;
}

const char *aws_error_entry_code(const char *code)
{
	const struct spelled *found = find(code);

	return found && found->is_common && found->query ? found->query : code;
}

bool aws_error_is_ours(const char *code)
{
	const struct spelled *found = find(code);

	return found && found->is_ours;
}

static const char *name_space(const struct aws_error *error, enum aws_service service)
{
	const struct spelled *found = find(error->code);
	bool is_common = found && found->is_common;

	if (error->spelling == AWS_SPELLING_SHORT || error->spelling == AWS_SPELLING_NEWER)
		return "";
	if (service == AWS_SQS)
		return is_common ? "com.amazon.coral.service#" : "com.amazonaws.sqs#";
	if (error->spelling != AWS_SPELLING_LONG)
		return "";
	return is_common ? "com.amazon.coral.service#" : "com.amazonaws.kinesis.v20131202#";
}

static const char *message_member(enum aws_spelling spelling)
{
	if (spelling == AWS_SPELLING_CAPITAL)
		return "Message";
	if (spelling == AWS_SPELLING_NEWER || spelling == AWS_SPELLING_OLDER)
		return "ErrorMessage";
	return "message";
}

void aws_error_write(const struct aws_error *error, enum aws_service service, struct orch_buf *body)
{
	orch_buf_reset(body);
	if (error->spelling == AWS_SPELLING_OLDER)
		orch_buf_printf(body, "{\"ErrorCode\":\"%s\",\"%s\":", error->code,
			message_member(error->spelling));
	else
		orch_buf_printf(body, "{\"__type\":\"%s%s\",\"%s\":", name_space(error, service),
			error->code, message_member(error->spelling));
	orch_buf_add_json(body, orch_text_from(error->message));
	orch_buf_add_char(body, '}');
}
