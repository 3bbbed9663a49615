/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of each record.  Only its own element of Records tells: some
 * stand-ins for Kinesis count one failure when all have failed.
 */
#include "kinesis.h"

#include "kit/http.h"
#include "kit/json.h"

#define PROBLEM_BYTES 160

/* It stays like that until somebody sees to it. */
static bool is_lasting(const struct orch_reply *reply, struct orch_text code)
{
	static const char *const codes[] = { "ResourceNotFoundException", "AccessDeniedException",
		"InvalidArgumentException", "ValidationException", "KMSAccessDeniedException",
		"KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
		"KMSOptInRequired" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (kit_is(code, codes[i]))
			return true;
	/* A refusal without a reason is as bad. */
	return code.len == 0 && reply->status > 0 && reply->status < 500;
}

/*
 * The whole call failed, or nobody knows what it did: every record is sent
 * again, for none is lost because a stream or a permission is missing for a
 * while.
 */
static int judge_failure(
	const struct kinesis *self, const struct orch_reply *reply, struct orch_err *err)
{
	struct orch_text why = kit_prefix(reply->problem, PROBLEM_BYTES);
	struct orch_text code = { "", 0 };

	(void)kit_header(reply->headers, "X-Amzn-ErrorType", &code);
	if (reply->status < 0)
		return orch_fail(err, ORCH_E_DENIED, "%.*s", (int)why.len, why.ptr);
	self->host->count(self->host, "call_failed", 1);
	if (is_lasting(reply, code))
		self->host->alarm(self->host, "kinesis_refuses",
			"nothing can be published to %.100s: %.*s", self->settings->stream,
			(int)why.len, why.ptr);
	return orch_fail(err, ORCH_E_AGAIN, "%.*s", (int)why.len, why.ptr);
}

static int judge_record(
	const struct kinesis *self, struct json_object *record, struct orch_err *err)
{
	struct orch_text code = kit_json_text(record, "ErrorCode");

	if (code.len == 0 && kit_json_text(record, "SequenceNumber").len > 0)
		return ORCH_OK;
	if (kit_is(code, "ProvisionedThroughputExceededException"))
		self->host->count(self->host, "record_throttled", 1);
	else
		self->host->count(self->host, "record_failed", 1);
	code = kit_prefix(code.len > 0 ? code : kit_text("no answer"), PROBLEM_BYTES);
	return orch_fail(
		err, ORCH_E_AGAIN, "the record was not stored: %.*s", (int)code.len, code.ptr);
}

int kinesis_judge(struct kinesis *self, const struct orch_task *tasks, size_t count,
	const struct orch_reply *reply, struct orch_sink *sink, int *ret_codes,
	struct orch_err *err)
{
	struct json_object *answer = NULL, *records;
	size_t record_count = 0, at = 0, stored = 0;
	struct orch_err ignored;

	if (reply->status != 200)
		return judge_failure(self, reply, err);
	(void)kit_json_parse(reply->body, &answer, &ignored);
	records = kit_json_array(answer, "Records", &record_count);
	for (size_t i = 0; i < count; i++) {
		/* It was not sent, and its code is set. */
		if (!kinesis_takes(self, &tasks[i]))
			continue;
		ret_codes[i] = judge_record(self,
			at < record_count ? json_object_array_get_idx(records, at) : NULL, err);
		stored += ret_codes[i] == ORCH_OK;
		at++;
	}
	json_object_put(answer);
	self->host->count(self->host, "record_stored", stored);
	return self->host->outcome(sink, "published", "");
}
