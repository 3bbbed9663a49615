/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/error.h"
#include "base/text.h"
#include "support/text_assert.h"

static void test_codes_have_their_classes(void **state)
{
	static const struct {
		const char *code;
		int status;
		enum orch_aws_failure failure;
	} rows[] = {
		{ "", 200, ORCH_AWS_FINE },
		{ "", 0, ORCH_AWS_TRANSIENT },
		{ "RequestThrottled", 400, ORCH_AWS_THROTTLED },
		{ "ThrottlingException", 400, ORCH_AWS_THROTTLED },
		{ "Throttling", 400, ORCH_AWS_THROTTLED },
		{ "TooManyRequestsException", 400, ORCH_AWS_THROTTLED },
		{ "ProvisionedThroughputExceededException", 0, ORCH_AWS_THROTTLED },
		{ "SomeNewThrottledThing", 400, ORCH_AWS_THROTTLED },
		{ "KmsThrottled", 400, ORCH_AWS_THROTTLED },
		{ "OverLimit", 403, ORCH_AWS_THROTTLED },
		{ "", 429, ORCH_AWS_THROTTLED },
		{ "", 500, ORCH_AWS_TRANSIENT },
		{ "", 502, ORCH_AWS_TRANSIENT },
		{ "", 503, ORCH_AWS_TRANSIENT },
		{ "", 504, ORCH_AWS_TRANSIENT },
		{ "", 408, ORCH_AWS_TRANSIENT },
		{ "Unheard", 500, ORCH_AWS_TRANSIENT },
		{ "InternalFailure", 0, ORCH_AWS_TRANSIENT },
		{ "ServiceUnavailable", 400, ORCH_AWS_TRANSIENT },
		{ "RequestTimeout", 400, ORCH_AWS_TRANSIENT },
		{ "ExpiredToken", 403, ORCH_AWS_CREDENTIALS },
		{ "ExpiredTokenException", 400, ORCH_AWS_CREDENTIALS },
		{ "InvalidClientTokenId", 403, ORCH_AWS_CREDENTIALS },
		{ "UnrecognizedClientException", 400, ORCH_AWS_CREDENTIALS },
		{ "MissingAuthenticationToken", 403, ORCH_AWS_CREDENTIALS },
		{ "SignatureDoesNotMatch", 403, ORCH_AWS_CREDENTIALS },
		{ "RequestExpired", 400, ORCH_AWS_CREDENTIALS },
		{ "ReceiptHandleIsInvalid", 404, ORCH_AWS_LEASE },
		{ "MessageNotInflight", 400, ORCH_AWS_LEASE },
		{ "QueueDoesNotExist", 400, ORCH_AWS_SETTING },
		{ "AWS.SimpleQueueService.NonExistentQueue", 400, ORCH_AWS_SETTING },
		{ "AccessDenied", 403, ORCH_AWS_SETTING },
		{ "AccessDeniedException", 400, ORCH_AWS_SETTING },
		{ "KmsDisabled", 400, ORCH_AWS_SETTING },
		{ "InvalidAttributeName", 400, ORCH_AWS_SETTING },
		{ "Unheard", 400, ORCH_AWS_SETTING },
		{ "Unheard", 0, ORCH_AWS_SETTING },
		{ "", 307, ORCH_AWS_SETTING },
		{ "", 404, ORCH_AWS_SETTING },
		{ "InvalidMessageContents", 400, ORCH_AWS_PAYLOAD },
		{ "BatchRequestTooLong", 400, ORCH_AWS_PAYLOAD },
		{ "", 413, ORCH_AWS_PAYLOAD },
		{ "TooManyEntriesInBatchRequest", 400, ORCH_AWS_BUG },
		{ "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400, ORCH_AWS_BUG },
		{ "UnknownOperationException", 404, ORCH_AWS_BUG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum orch_aws_failure failure =
			orch_aws_judge(orch_text_from(rows[i].code), rows[i].status);

		if (failure != rows[i].failure)
			fail_msg("%s (%d) is %d", rows[i].code, rows[i].status, (int)failure);
	}
}

static void test_a_message_tells_a_lease_from_a_payload(void **state)
{
	const struct orch_text code = ORCH_TEXT("InvalidParameterValue");

	(void)state;
	assert_int_equal(orch_aws_judge_entry(code,
				 ORCH_TEXT("Value x for parameter ReceiptHandle is invalid. "
					   "Reason: The receipt handle has expired."),
				 400),
		ORCH_AWS_LEASE);
	assert_int_equal(
		orch_aws_judge_entry(code,
			ORCH_TEXT("Reason: Message must be shorter than 1048576 bytes."), 400),
		ORCH_AWS_PAYLOAD);
	assert_int_equal(
		orch_aws_judge_entry(code, ORCH_TEXT("something else"), 400), ORCH_AWS_SETTING);
	assert_int_equal(orch_aws_judge_entry(ORCH_TEXT("AccessDenied"),
				 ORCH_TEXT("about a receipt handle"), 403),
		ORCH_AWS_SETTING);
}

static void test_only_some_codes_may_be_the_clocks_fault(void **state)
{
	(void)state;
	assert_true(orch_aws_may_be_clock(ORCH_TEXT("SignatureDoesNotMatch")));
	assert_true(orch_aws_may_be_clock(ORCH_TEXT("RequestTimeTooSkewed")));
	assert_true(orch_aws_may_be_clock(ORCH_TEXT("AccessDeniedException")));
	assert_false(orch_aws_may_be_clock(ORCH_TEXT("ExpiredToken")));
	assert_false(orch_aws_may_be_clock(ORCH_TEXT("")));
}

static void test_errors_are_read_from_body_or_headers(void **state)
{
	static const struct {
		const char *body, *headers, *code, *message;
	} rows[] = {
		{ "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}", "",
			"QueueDoesNotExist", "gone" },
		{ "{\"__type\":\"ExpiredToken\",\"Message\":\"old\"}", "", "ExpiredToken", "old" },
		{ "{\"code\":\"AccessDenied\"}", "", "AccessDenied", "" },
		{ "{\"__type\":\"a#A\"}", "x-amzn-query-error: B;Sender\n", "A", "" },
		{ "", "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\n",
			"NonExistentQueue", "" },
		{ "<html>no JSON</html>", "X-Amzn-ErrorType: Throttling:http://x/\n", "Throttling",
			"" },
		{ "", "", "", "" },
		{ "[1]", "", "", "" },
		{ "{\"__type\":7,\"message\":{}}", "", "", "" },
		{ "{\"__type\":\"a b\"}", "", "", "" },
		{ "{\"__type\":\"a#\"}", "", "", "" },
		{ "{\"__type\":\"A\",\"message\":\"line\\nof \\u001b[2Jtwo\"}", "", "A",
			"line?of ?[2Jtwo" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct orch_reply reply = { .status = 400,
			.body = orch_text_from(rows[i].body),
			.headers = orch_text_from(rows[i].headers),
			.problem = ORCH_TEXT_NONE };
		struct orch_aws_error error;

		orch_aws_read_error(&reply, &error);
		assert_string_equal(error.code, rows[i].code);
		assert_string_equal(error.message, rows[i].message);
	}
}

static void test_codes_and_messages_have_limits(void **state)
{
	char body[4096], code[ORCH_AWS_ERROR_BYTES + 1] = "", message[2000] = "";
	struct orch_reply reply = {
		.status = 400, .headers = ORCH_TEXT_NONE, .problem = ORCH_TEXT_NONE
	};
	struct orch_aws_error error;

	(void)state;
	memset(code, 'c', ORCH_AWS_ERROR_BYTES - 1);
	memset(message, 'm', sizeof(message) - 1);
	(void)snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"%s\"}", code, message);
	reply.body = orch_text_from(body);
	orch_aws_read_error(&reply, &error);
	assert_string_equal(error.code, code);
	assert_int_equal(strlen(error.message), ORCH_AWS_MESSAGE_BYTES - 1);

	code[ORCH_AWS_ERROR_BYTES - 1] = 'c';
	(void)snprintf(body, sizeof(body), "{\"__type\":\"%s\"}", code);
	reply.body = orch_text_from(body);
	orch_aws_read_error(&reply, &error);
	assert_string_equal(error.code, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_have_their_classes),
		cmocka_unit_test(test_a_message_tells_a_lease_from_a_payload),
		cmocka_unit_test(test_only_some_codes_may_be_the_clocks_fault),
		cmocka_unit_test(test_errors_are_read_from_body_or_headers),
		cmocka_unit_test(test_codes_and_messages_have_limits),
	};

	return cmocka_run_group_tests_name("aws_error", tests, NULL, NULL);
}
