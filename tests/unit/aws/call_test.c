/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a call, attempt by attempt. */
#include "base/metric.h"
#include "calling.h"

#define OK_ANSWER                                                                \
	{                                                                        \
		.status = "200 OK", .body = "{\"number\":7,\"New\":{\"a\":[1]}}" \
	}
#define HOUR_MS (60 * 60 * 1000)
#define ERROR_OF(code) "{\"__type\":\"com.amazonaws.sqs#" code "\",\"message\":\"told\"}"

/* The signature, computed from what came over the wire. */
static void check_signature(const char *request, const char *service, const char *token)
{
	static const char *const names[] = { "Content-Type", "Host", "X-Amz-Date",
		"X-Amz-Security-Token", "X-Amz-Target" };
	struct orch_aws_header headers[5];
	struct orch_aws_scope scope = { "", ORCH_TEXT("eu-west-1"), orch_text_from(service) };
	struct orch_aws_signable signable = { .method = ORCH_TEXT("POST"),
		.path = ORCH_TEXT("/"),
		.query = ORCH_TEXT_NONE,
		.headers = headers,
		.body = orch_text_from(strstr(request, "\r\n\r\n") + 4) };
	uint8_t key[ORCH_SHA256_BYTES];
	struct orch_buf value;
	struct orch_err err;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct orch_text found = header_of(request, names[i]);

		if (found.len > 0)
			found.len -= found.ptr[found.len - 1] == '\r';
		if (i == 3 && !token)
			assert_int_equal(found.len, 0);
		else
			headers[signable.header_count++] =
				(struct orch_aws_header){ orch_text_from(names[i]), found };
	}
	(void)snprintf(scope.date_time, sizeof(scope.date_time), "%.16s",
		header_of(request, "X-Amz-Date").ptr);
	orch_aws_signing_key(ORCH_TEXT(WORLD_SECRET), &scope, key);
	orch_buf_init(&value, ORCH_AWS_AUTHORIZATION_BYTES);
	assert_int_equal(
		orch_aws_sign(&signable, &scope, ORCH_TEXT(WORLD_KEY), key, &value, &err), ORCH_OK);
	assert_memory_equal(header_of(request, "Authorization").ptr, value.ptr, value.len);
	if (token)
		assert_memory_equal(
			header_of(request, "X-Amz-Security-Token").ptr, token, strlen(token));
	orch_buf_fini(&value);
}

static void test_a_call_is_signed_sent_and_answered(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	struct outcome outcome;
	struct caller caller;
	const char *request;

	(void)state;
	caller_init(&caller, answers, 1);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
	assert_int_equal(outcome.call.status, 200);
	assert_int_equal(outcome.call.attempts, 1);
	assert_int_equal(outcome.number, 7);
	assert_string_equal(outcome.answer, answers[0].body);
	request = world_service_request(&caller.service, 0);
	check_signature(request, "sqs", NULL);
	assert_contains(request, "POST / HTTP/1.1\r\n");
	assert_contains(request, "\r\nContent-Type: application/x-amz-json-1.0\r\n");
	assert_contains(request, "\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n");
	assert_contains(request, "\r\nx-amzn-query-mode: true\r\n");
	assert_lacks(request, "Expect");
	assert_lacks(request, "Accept");
	assert_lacks(request, "canary");
	caller_fini(&caller);
}

#define OTHER_KEY "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

static void test_a_days_signing_key_is_kept_for_that_day(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	struct orch_aws_key *kept;
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	outcome_run(&outcome, &caller);
	kept = &caller.world.aws->keys[ORCH_AWS_SQS];
	orch_secret_destroy(kept->key);
	kept->key = orch_secret_create(ORCH_TEXT(OTHER_KEY));
	outcome_run(&outcome, &caller);
	assert_text(orch_secret_text(kept->key), OTHER_KEY);
	orch_clock_shift_ms(24 * HOUR_MS);
	outcome_run(&outcome, &caller);
	check_signature(world_service_request(&caller.service, 2), "sqs", NULL);
	orch_clock_shift_ms(0);
	caller_fini(&caller);
}

static void test_kinesis_is_called_in_its_own_way_with_a_token(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	struct orch_secret *token = orch_secret_create(ORCH_TEXT(WORLD_TOKEN));
	struct outcome outcome;
	struct caller caller;
	const char *request;

	(void)state;
	caller_prepare(&caller, answers, 1);
	world_use_keys(&caller.world);
	caller.world.options.service = ORCH_AWS_KINESIS;
	caller.world.options.session_token = token;
	caller_open(&caller);
	outcome_init(&outcome, &caller);
	outcome.call.action = "PutRecords";
	outcome_begin(&outcome);
	outcome_wait(&outcome);
	assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
	request = world_service_request(&caller.service, 0);
	check_signature(request, "kinesis", WORLD_TOKEN);
	assert_contains(request, "\r\nContent-Type: application/x-amz-json-1.1\r\n");
	assert_contains(request, "\r\nX-Amz-Target: Kinesis_20131202.PutRecords\r\n");
	assert_lacks(request, "query-mode");
	caller_fini(&caller);
	orch_secret_destroy(token);
}

static void test_answers_have_their_meaning(void **state)
{
	static const struct {
		struct world_answer answer;
		enum orch_aws_failure failure;
		unsigned attempts;
		const char *error, *said;
	} rows[] = {
		{ { .status = "200 OK", .body = "" }, ORCH_AWS_FINE, 1, "", "" },
		{ { .status = "200 OK", .body = "{\"Messages\":[]}" }, ORCH_AWS_FINE, 1, "", "" },
		{ { .status = "200 OK", .body = "[]" }, ORCH_AWS_TRANSIENT, 3, "",
			"ReceiveMessage: the answer is no JSON object" },
		{ { .status = "200 OK", .body = "<html>canary" }, ORCH_AWS_TRANSIENT, 3, "",
			"ReceiveMessage: the answer is not whole JSON" },
		{ { .status = "200 OK", .body = "{\"a\":\"canary" }, ORCH_AWS_TRANSIENT, 3, "",
			"ReceiveMessage: the answer is not whole JSON" },
		{ { .then = WORLD_CUT }, ORCH_AWS_TRANSIENT, 3, "", "broke off after 5 bytes" },
		{ { .then = WORLD_RESET }, ORCH_AWS_TRANSIENT, 3, "", "ReceiveMessage: the con" },
		{ { .status = "500 Oops" }, ORCH_AWS_TRANSIENT, 3, "",
			"ReceiveMessage: (status 500)" },
		{ { .status = "503 Busy", .body = "canary" }, ORCH_AWS_TRANSIENT, 3, "",
			"ReceiveMessage: (status 503)" },
		{ { .status = "400 Bad", .body = ERROR_OF("QueueDoesNotExist") }, ORCH_AWS_SETTING,
			1, "QueueDoesNotExist",
			"ReceiveMessage: QueueDoesNotExist (status 400): told" },
		{ { .status = "400 Bad",
			  .headers = "x-amzn-query-error: "
				     "AWS.SimpleQueueService.NonExistentQueue;"
				     "Sender\r\n" },
			ORCH_AWS_SETTING, 1, "NonExistentQueue",
			"ReceiveMessage: NonExistentQueue (status 400)" },
		{ { .status = "403 No", .body = ERROR_OF("AccessDenied") }, ORCH_AWS_SETTING, 1,
			"AccessDenied", "ReceiveMessage: AccessDenied (status 403): told" },
		{ { .status = "404 No", .body = ERROR_OF("ReceiptHandleIsInvalid") },
			ORCH_AWS_LEASE, 1, "ReceiptHandleIsInvalid",
			"ReceiveMessage: ReceiptHandleIsInvalid (status 404)" },
		{ { .status = "413 Too large" }, ORCH_AWS_PAYLOAD, 1, "",
			"ReceiveMessage: (status 413)" },
		{ { .status = "400 Bad", .body = ERROR_OF("EmptyBatchRequest") }, ORCH_AWS_BUG, 1,
			"EmptyBatchRequest", "ReceiveMessage: EmptyBatchRequest (status 400)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome outcome;
		struct caller caller;

		caller_init(&caller, &rows[i].answer, 1);
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.failure, rows[i].failure);
		assert_int_equal(outcome.call.attempts, rows[i].attempts);
		assert_string_equal(outcome.call.error, rows[i].error);
		assert_contains(outcome.call.err.text, rows[i].said);
		caller_fini(&caller);
	}
}

static void test_an_empty_answer_is_an_empty_object(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK" } };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	outcome_run(&outcome, &caller);
	assert_string_equal(outcome.answer, "{}");
	caller_fini(&caller);
}

static void test_what_passes_is_overcome_by_another_attempt(void **state)
{
	static const struct world_answer faults[] = {
		{ .status = "500 Oops" },
		{ .status = "400 Bad", .body = ERROR_OF("RequestThrottled") },
		{ .status = "429 Slow" },
		{ .then = WORLD_RESET },
		{ .then = WORLD_CUT },
		{ .status = "200 OK", .body = "{\"num" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct world_answer answers[] = { faults[i], OK_ANSWER };
		struct outcome outcome;
		struct caller caller;

		caller_init(&caller, answers, 2);
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
		assert_int_equal(outcome.call.attempts, 2);
		assert_int_equal(outcome.number, 7);
		assert_string_equal(outcome.call.error, "");
		/* What it cost has come back. */
		assert_int_equal(caller.client->quota.tokens, ORCH_AWS_QUOTA);
		caller_fini(&caller);
	}
}

static void test_once_is_once(void **state)
{
	static const struct world_answer answers[] = { { .status = "500 Oops" }, OK_ANSWER };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 2);
	outcome_init(&outcome, &caller);
	outcome.call.once = true;
	outcome_begin(&outcome);
	outcome_wait(&outcome);
	assert_int_equal(outcome.call.failure, ORCH_AWS_TRANSIENT);
	assert_int_equal(outcome.call.attempts, 1);
	assert_int_equal(world_service_asked(&caller.service), 1);
	caller_fini(&caller);
}

static void test_the_number_of_attempts_may_be_set(void **state)
{
	static const struct world_answer answers[] = { { .status = "500 Oops" } };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_prepare(&caller, answers, 1);
	world_use_keys(&caller.world);
	world_set("AWS_MAX_ATTEMPTS", "5");
	caller_open(&caller);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.attempts, 5);
	assert_int_equal(caller.client->quota.tokens, ORCH_AWS_QUOTA - 4 * ORCH_AWS_COST);
	caller_fini(&caller);
}

static void test_an_empty_quota_ends_retries(void **state)
{
	static const struct world_answer answers[] = { { .status = "500 Oops" } };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	caller.client->quota.tokens = ORCH_AWS_COST - 1;
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_TRANSIENT);
	assert_int_equal(outcome.call.attempts, 1);
	caller_fini(&caller);
}

static void poll_again(struct outcome *outcome)
{
	if (world_service_asked(&outcome->caller->service) < 30)
		outcome_begin(outcome);
}

static void test_a_poll_does_not_spin_on_an_empty_quota(void **state)
{
	static const struct world_answer answers[] = { { .status = "500 Oops" } };
	uint64_t before = orch_clock_mono_ms();
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	caller.client->quota.tokens = 0;
	outcome_init(&outcome, &caller);
	outcome.call.is_poll = true;
	outcome.then = poll_again;
	outcome_begin(&outcome);
	outcome_wait(&outcome);
	assert_int_equal(outcome.call.attempts, 1);
	/* Thirty pauses of 0 to 50 ms each. */
	assert_true(orch_clock_mono_ms() - before >= 200);
	caller_fini(&caller);
}

static void test_a_servers_hint_is_waited_for(void **state)
{
	static const char *const hints[] = { "Retry-After: 1\r\n", "x-amz-retry-after: 1000\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct world_answer answers[] = {
			{ .status = "503 Busy", .headers = hints[i] }, OK_ANSWER
		};
		uint64_t before = orch_clock_mono_ms();
		struct outcome outcome;
		struct caller caller;

		caller_init(&caller, answers, 2);
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
		assert_true(orch_clock_mono_ms() - before >= 1000);
		caller_fini(&caller);
	}
}

/* How far the request's date is off ours, in seconds. */
static int64_t signed_off_s(const char *request)
{
	struct orch_text date = header_of(request, "X-Amz-Date");
	uint64_t ms;
	char text[32];

	assert_true(date.len >= ORCH_AWS_DATE_TIME_CHARS);
	(void)snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date.ptr, date.ptr + 4,
		date.ptr + 6, date.ptr + 9, date.ptr + 11, date.ptr + 13);
	assert_int_equal(orch_aws_parse_time(orch_text_from(text), &ms), ORCH_OK);
	return ((int64_t)ms - (int64_t)orch_clock_now_ms()) / 1000;
}

static void test_a_clock_that_is_off_is_corrected_by_one_retry(void **state)
{
	static const char *const codes[] = { ERROR_OF("SignatureDoesNotMatch"),
		ERROR_OF("RequestExpired"), ERROR_OF("RequestTimeTooSkewed"),
		ERROR_OF("InvalidSignatureException") };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		int64_t off_ms = i < 4 ? HOUR_MS : -HOUR_MS;
		const struct world_answer answers[] = {
			{ .status = "403 No",
				.body = codes[i % 4],
				.has_date = true,
				.date_ms = off_ms },
			{ .status = "200 OK",
				.body = "{\"number\":7}",
				.has_date = true,
				.date_ms = off_ms },
		};
		struct outcome outcome;
		struct caller caller;
		int64_t off_s;

		caller_init(&caller, answers, 2);
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
		assert_int_equal(outcome.call.attempts, 2);
		off_s = signed_off_s(world_service_request(&caller.service, 0));
		assert_true(off_s > -100 && off_s < 100);
		off_s = signed_off_s(world_service_request(&caller.service, 1)) - off_ms / 1000;
		assert_true(off_s > -100 && off_s < 100);
		assert_int_equal(caller.client->quota.tokens, ORCH_AWS_QUOTA);
		/* It stays known. */
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.attempts, 1);
		caller_fini(&caller);
	}
}

static void test_a_clock_is_not_corrected_without_end(void **state)
{
	static const struct world_answer answers[] = { { .status = "403 No",
		.body = ERROR_OF("SignatureDoesNotMatch"),
		.has_date = true,
		.date_ms = HOUR_MS } };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_prepare(&caller, answers, 1);
	world_use_keys(&caller.world);
	world_set("AWS_MAX_ATTEMPTS", "10");
	caller_open(&caller);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_CREDENTIALS);
	assert_int_equal(outcome.call.attempts, 2);
	assert_string_equal(outcome.call.error, "SignatureDoesNotMatch");
	caller_fini(&caller);
}

static void test_dates_that_say_nothing_are_not_believed(void **state)
{
	static const char *const headers[] = { "Age: 10\r\nDate: Sat, 21 Nov 2026 03:00:00 GMT\r\n",
		"Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n",
		"Date: Fri, 31 Dec 9999 00:00:00 GMT\r\n", "Date: yesterday\r\n", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const struct world_answer answers[] = {
			{ .status = "200 OK", .headers = headers[i], .body = "{}" }
		};
		struct outcome outcome;
		struct caller caller;

		caller_init(&caller, answers, 1);
		outcome_run(&outcome, &caller);
		assert_int_equal(orch_aws_offset_ms(caller.world.aws), 0);
		caller_fini(&caller);
	}
}

static void test_an_answer_that_took_too_long_does_not_tell_the_time(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	const struct orch_text headers = ORCH_TEXT("Date: Sat, 21 Nov 2026 03:00:00 GMT\n");
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	orch_aws_observe_clock(caller.world.aws, headers, 15 * 60 * 1000 + 1, NULL);
	assert_int_equal(orch_aws_offset_ms(caller.world.aws), 0);
	orch_aws_observe_clock(caller.world.aws, headers, 15 * 60 * 1000, NULL);
	assert_int_not_equal(orch_aws_offset_ms(caller.world.aws), 0);
	caller_fini(&caller);
}

static void test_the_longest_answer_is_taken_and_no_longer_one(void **state)
{
	static const char head[] = "{\"number\":7,\"x\":\"";
	char *body = malloc(ORCH_AWS_ANSWER_BYTES + 2);

	(void)state;
	assert_non_null(body);
	for (size_t more = 0; more < 2; more++) {
		size_t len = ORCH_AWS_ANSWER_BYTES + more;
		const struct world_answer answer = { .status = "200 OK", .body = body };
		struct outcome outcome;
		struct caller caller;

		memset(body, 'x', len);
		memcpy(body, head, sizeof(head) - 1);
		(void)snprintf(body + len - 2, 3, "\"}");
		caller_init(&caller, &answer, 1);
		outcome_init(&outcome, &caller);
		outcome.call.once = true;
		outcome_begin(&outcome);
		outcome_wait(&outcome);
		assert_int_equal(outcome.call.failure, more ? ORCH_AWS_TRANSIENT : ORCH_AWS_FINE);
		if (more)
			assert_contains(outcome.call.err.text, "the answer is longer than");
		caller_fini(&caller);
	}
	free(body);
}

static void test_redirects_are_not_followed(void **state)
{
	static const struct world_answer fine[] = { OK_ANSWER };
	struct world_answer redirect = { .status = "307 Temporary Redirect" };
	struct world_service elsewhere;
	struct outcome outcome;
	struct caller caller;
	char url[64], location[128];

	(void)state;
	world_service_start(&elsewhere, fine, 1);
	(void)snprintf(location, sizeof(location), "Location: %s/\r\n",
		world_service_url(&elsewhere, url));
	redirect.headers = location;
	caller_init(&caller, &redirect, 1);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_SETTING);
	assert_string_equal(
		outcome.call.err.text, "ReceiveMessage: (status 307): redirects are not followed");
	assert_int_equal(stand_in_connections(elsewhere.stand_in), 0);
	caller_fini(&caller);
	world_service_stop(&elsewhere);
}

static void test_what_was_signed_or_sent_is_in_no_error(void **state)
{
	static const struct world_answer answers[] = {
		{ .status = "403 No",
			.body = "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"should have "
				"been "
				"'POST x-amz-security-token:" WORLD_TOKEN "'\"}" },
		{ .status = "400 Bad",
			.body = "{\"__type\":\"InvalidMessageContents\",\"message\":\"canary\"}" },
		{ .status = "403 No",
			.body = "{\"__type\":\"AccessDenied\",\"message\":\"for " WORLD_SECRET
				" no\"}" },
	};
	struct outcome outcome;
	struct caller caller;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		caller_init(&caller, &answers[i], 1);
		outcome_run(&outcome, &caller); /* which looks for canaries */
		assert_int_not_equal(outcome.call.failure, ORCH_AWS_FINE);
		caller_fini(&caller);
	}
	assert_contains(outcome.call.err.text, "for ************************ no");
}

static void test_a_call_that_hangs_is_timed_out(void **state)
{
	static const struct world_answer answers[] = { { .then = WORLD_HANG }, OK_ANSWER };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 2);
	outcome_init(&outcome, &caller);
	outcome.call.timeout_ms = 200;
	outcome.call.once = true;
	outcome_begin(&outcome);
	outcome_wait(&outcome);
	assert_int_equal(outcome.call.failure, ORCH_AWS_TRANSIENT);
	assert_string_equal(outcome.call.err.text, "ReceiveMessage: timed out after 200 ms");
	caller_fini(&caller);
}

static int64_t counted(const char *name, const char *key, const char *value)
{
	struct orch_text action = ORCH_TEXT("ReceiveMessage");

	if (strcmp(key, "reason") == 0)
		return orch_metric_value(orch_metric(ORCH_METRIC_COUNTER, name, "",
			{ "service", ORCH_TEXT("sqs") }, { key, orch_text_from(value) }));
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, name, "", { "service", ORCH_TEXT("sqs") },
			{ "action", action }, { key, orch_text_from(value) }));
}

static void test_attempts_and_retries_are_counted(void **state)
{
	static const struct world_answer answers[] = { { .status = "500 Oops" },
		{ .status = "400 Bad", .body = ERROR_OF("Throttling") }, OK_ANSWER };
	static const char requests[] = "orchestrator_aws_requests_total";
	static const char retries[] = "orchestrator_aws_retries_total";
	int64_t fine = counted(requests, "result", "fine");
	int64_t transient = counted(retries, "reason", "transient");
	int64_t throttled = counted(retries, "reason", "throttled");
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 3);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.attempts, 3);
	assert_int_equal(counted(requests, "result", "fine"), fine + 1);
	assert_int_equal(counted(retries, "reason", "transient"), transient + 1);
	assert_int_equal(counted(retries, "reason", "throttled"), throttled + 1);
	caller_fini(&caller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_signed_sent_and_answered),
		cmocka_unit_test(test_a_days_signing_key_is_kept_for_that_day),
		cmocka_unit_test(test_kinesis_is_called_in_its_own_way_with_a_token),
		cmocka_unit_test(test_answers_have_their_meaning),
		cmocka_unit_test(test_an_empty_answer_is_an_empty_object),
		cmocka_unit_test(test_what_passes_is_overcome_by_another_attempt),
		cmocka_unit_test(test_once_is_once),
		cmocka_unit_test(test_the_number_of_attempts_may_be_set),
		cmocka_unit_test(test_an_empty_quota_ends_retries),
		cmocka_unit_test(test_a_poll_does_not_spin_on_an_empty_quota),
		cmocka_unit_test(test_a_servers_hint_is_waited_for),
		cmocka_unit_test(test_a_clock_that_is_off_is_corrected_by_one_retry),
		cmocka_unit_test(test_a_clock_is_not_corrected_without_end),
		cmocka_unit_test(test_dates_that_say_nothing_are_not_believed),
		cmocka_unit_test(test_an_answer_that_took_too_long_does_not_tell_the_time),
		cmocka_unit_test(test_the_longest_answer_is_taken_and_no_longer_one),
		cmocka_unit_test(test_redirects_are_not_followed),
		cmocka_unit_test(test_what_was_signed_or_sent_is_in_no_error),
		cmocka_unit_test(test_a_call_that_hangs_is_timed_out),
		cmocka_unit_test(test_attempts_and_retries_are_counted),
	};

	return cmocka_run_group_tests_name("aws_call", tests, NULL, NULL);
}
