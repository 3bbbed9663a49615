/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis: what is put into a call, and what each record of it has come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "fake_task.h"

#define TASKS 4
#define CODE_NOT_SET 77
#define STORED "{'ShardId':'shardId-0','SequenceNumber':'49570','ErrorCode':null}"
#define THROTTLED \
	"{'ErrorCode':'ProvisionedThroughputExceededException','ErrorMessage':'Rate exceeded'}"

/* So many tasks about records "r0", "r1", … of the order keys "o0", "o1", … */
struct batch {
	struct fake_task world;
	struct orch_record records[TASKS];
	struct orch_task tasks[TASKS];
	int codes[TASKS];
	char ids[TASKS][8], orders[TASKS][8];
	struct orch_request request;
	struct json_object *sent; /* records of it */
};

static const char *const plain[] = { "account", "streams", "stream", "events", NULL };

static void begin(struct batch *batch, const char *const *options)
{
	memset(batch, 0, sizeof(*batch));
	fake_task_begin(&batch->world, "kinesis", options);
	for (size_t i = 0; i < TASKS; i++) {
		(void)snprintf(batch->ids[i], sizeof(batch->ids[i]), "r%zu", i);
		(void)snprintf(batch->orders[i], sizeof(batch->orders[i]), "o%zu", i);
		batch->records[i] = (struct orch_record){ .size = sizeof(batch->records[i]),
			.id = fake_text(batch->ids[i]),
			.type = fake_text("test"),
			.order = fake_text(batch->orders[i]),
			.data = fake_text("{}") };
		batch->tasks[i] = batch->world.task;
		batch->tasks[i].record = &batch->records[i];
		batch->codes[i] = CODE_NOT_SET;
	}
}

static void end(struct batch *batch)
{
	json_object_put(batch->sent);
	fake_task_end(&batch->world);
}

static int enter(struct batch *batch, const struct orch_reply *reply)
{
	struct fake *fake = batch->world.fake;

	batch->request = (struct orch_request){ .size = sizeof(batch->request) };
	return fake->plugin->action->act(fake->self, batch->tasks, TASKS, &fake->progress, reply,
		&batch->request, &fake->sink, batch->codes, &fake->err);
}

static void send_all(struct batch *batch)
{
	assert_int_equal(enter(batch, NULL), ORCH_SEND);
	assert_string_equal(batch->request.method.ptr, "AWS");
	assert_string_equal(batch->request.url.ptr, "aws:kinesis/PutRecords");
	assert_int_equal(batch->request.account, 1);
	json_object_put(batch->sent);
	batch->sent = json_tokener_parse(batch->request.body.ptr);
	assert_non_null(batch->sent);
}

static size_t sent_count(struct batch *batch)
{
	return json_object_array_length(json_object_object_get(batch->sent, "Records"));
}

static const char *sent_text(struct batch *batch, size_t record, const char *member)
{
	struct json_object *records = json_object_object_get(batch->sent, "Records");

	return json_object_get_string(
		json_object_object_get(json_object_array_get_idx(records, record), member));
}

static int answer(struct batch *batch, int status, const char *headers, const char *body)
{
	const struct orch_reply reply = { .size = sizeof(reply),
		.status = status,
		.headers = fake_text(headers),
		.body = fake_text(fake_json(batch->world.fake, "%s", body)),
		.problem = fake_text(status == 200 ? "" : "as it was wanted") };

	return enter(batch, &reply);
}

static void assert_codes(struct batch *batch, int a, int b, int c, int d)
{
	const int wanted[TASKS] = { a, b, c, d };

	for (size_t i = 0; i < TASKS; i++)
		assert_int_equal(batch->codes[i], wanted[i]);
}

static void test_each_task_is_a_record_of_its_own_in_its_place(void **state)
{
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	batch.records[1].data = fake_text("{\"n\":1}");
	batch.tasks[2].record = NULL;
	batch.world.event.data = fake_text("foobar");
	batch.world.event.order = fake_text("of the \"event\"");
	send_all(&batch);
	assert_string_equal(
		json_object_get_string(json_object_object_get(batch.sent, "StreamName")), "events");
	assert_int_equal(sent_count(&batch), TASKS);
	assert_string_equal(sent_text(&batch, 0, "Data"), "e30=");
	assert_string_equal(sent_text(&batch, 0, "PartitionKey"), "o0");
	assert_string_equal(sent_text(&batch, 1, "Data"), "eyJuIjoxfQ==");
	assert_string_equal(sent_text(&batch, 2, "Data"), "Zm9vYmFy");
	assert_string_equal(sent_text(&batch, 2, "PartitionKey"), "of the \"event\"");
	end(&batch);
}

static void test_a_stream_may_be_named_by_its_arn(void **state)
{
	static const char *const options[] = { "account", "streams", "stream",
		"arn:aws:kinesis:eu-west-1:1:stream/events", NULL };
	struct batch batch;

	(void)state;
	begin(&batch, options);
	send_all(&batch);
	assert_null(json_object_object_get(batch.sent, "StreamName"));
	assert_string_equal(json_object_get_string(json_object_object_get(batch.sent, "StreamARN")),
		options[3]);
	end(&batch);
}

static void test_the_partition_key_is_what_was_chosen_or_the_id(void **state)
{
	static const char *const choices[][2] = { { "order", "o0" }, { "tenant", "T1" },
		{ "actor", "U1" }, { "id", "r0" } };
	struct batch batch;

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		const char *const options[] = { "account", "streams", "stream", "events",
			"partition", choices[i][0], NULL };

		begin(&batch, options);
		send_all(&batch);
		assert_string_equal(sent_text(&batch, 0, "PartitionKey"), choices[i][1]);
		end(&batch);
	}
	begin(&batch, plain);
	batch.records[0].order = fake_text("");
	send_all(&batch);
	assert_string_equal(sent_text(&batch, 0, "PartitionKey"), "r0");
	end(&batch);
}

static void test_a_key_has_256_characters_at_most(void **state)
{
	char long_key[2 * 257 + 1] = "";
	struct batch batch;

	(void)state;
	for (size_t i = 0; i < 257; i++)
		memcpy(long_key + 2 * i, "\xc3\xa9", 3);
	begin(&batch, plain);
	batch.records[0].order = fake_text(long_key);
	long_key[2 * 256] = '\0';
	batch.records[1].order = fake_text(long_key);
	long_key[2 * 256] = '\xc3';
	send_all(&batch);
	assert_int_equal(strlen(sent_text(&batch, 0, "PartitionKey")), 2 * 256);
	assert_string_equal(
		sent_text(&batch, 0, "PartitionKey"), sent_text(&batch, 1, "PartitionKey"));
	end(&batch);
}

static void test_a_record_that_is_too_large_keeps_no_other_from_being_sent(void **state)
{
	static const char *const options[] = { "account", "streams", "stream", "events",
		"record_bytes", "1k", NULL };
	char data[1024];
	struct batch batch;

	(void)state;
	begin(&batch, options);
	memset(data, 'x', sizeof(data));
	/* With its key of two bytes the first is as large as may be, the second a byte larger. */
	batch.records[0].data = (struct orch_text){ data, 1022 };
	batch.records[1].data = (struct orch_text){ data, 1023 };
	batch.records[2].data = fake_text("");
	send_all(&batch);
	assert_int_equal(sent_count(&batch), 2);
	assert_string_equal(sent_text(&batch, 1, "PartitionKey"), "o3");
	assert_codes(&batch, CODE_NOT_SET, ORCH_E_LIMIT, ORCH_E_INVALID, CODE_NOT_SET);
	/* What comes back is of those that were sent, in their order. */
	assert_int_equal(
		answer(&batch, 200, "", "{'Records':[" STORED "," THROTTLED "]}"), ORCH_OK);
	assert_codes(&batch, ORCH_OK, ORCH_E_LIMIT, ORCH_E_INVALID, ORCH_E_AGAIN);
	end(&batch);
}

static void test_the_largest_record_that_a_stream_can_take_is_sent(void **state)
{
	static const char *const options[] = { "account", "streams", "stream", "events",
		"record_bytes", "10M", NULL };
	static char data[10 * 1024 * 1024];
	struct batch batch;

	(void)state;
	begin(&batch, options);
	memset(data, 'x', sizeof(data));
	batch.records[0].data = (struct orch_text){ data, sizeof(data) - 2 };
	batch.records[1].data = (struct orch_text){ data, sizeof(data) - 1 };
	send_all(&batch);
	assert_int_equal(sent_count(&batch), 3);
	assert_int_equal(strlen(sent_text(&batch, 0, "Data")), (sizeof(data) - 2 + 2) / 3 * 4);
	assert_codes(&batch, CODE_NOT_SET, ORCH_E_LIMIT, CODE_NOT_SET, CODE_NOT_SET);
	end(&batch);
}

static void test_nothing_is_sent_if_nothing_can_be(void **state)
{
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	for (size_t i = 0; i < TASKS; i++)
		batch.records[i].data = fake_text("");
	assert_int_equal(enter(&batch, NULL), ORCH_E_INVALID);
	assert_codes(&batch, ORCH_E_INVALID, ORCH_E_INVALID, ORCH_E_INVALID, ORCH_E_INVALID);
	end(&batch);
}

static void test_each_record_is_judged_by_its_own_element(void **state)
{
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	send_all(&batch);
	assert_int_equal(
		answer(&batch, 200, "",
			"{'FailedRecordCount':2,'Records':[" STORED "," THROTTLED "," STORED
			",{'ErrorCode':'InternalFailure','ErrorMessage':'x'}]}"),
		ORCH_OK);
	assert_codes(&batch, ORCH_OK, ORCH_E_AGAIN, ORCH_OK, ORCH_E_AGAIN);
	assert_string_equal(fake_task_outcome(&batch.world), "published");
	assert_true(fake_counted(batch.world.fake, "record_throttled"));
	assert_true(fake_counted(batch.world.fake, "record_failed"));
	end(&batch);
}

static void test_a_count_that_says_one_is_not_believed_when_all_have_failed(void **state)
{
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	send_all(&batch);
	assert_int_equal(answer(&batch, 200, "",
				 "{'FailedRecordCount':1,'Records':[" THROTTLED "," THROTTLED
				 "," THROTTLED "," THROTTLED "]}"),
		ORCH_OK);
	assert_codes(&batch, ORCH_E_AGAIN, ORCH_E_AGAIN, ORCH_E_AGAIN, ORCH_E_AGAIN);
	end(&batch);
}

static void test_what_the_answer_does_not_speak_of_was_not_stored(void **state)
{
	static const char *const bodies[] = { "{}", "{'FailedRecordCount':0,'Records':[]}",
		"{'Records':null}", "[]", "", "{'Records':[{},null,7,{'SequenceNumber':''}]}" };
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		send_all(&batch);
		assert_int_equal(answer(&batch, 200, "", bodies[i]), ORCH_OK);
		assert_codes(&batch, ORCH_E_AGAIN, ORCH_E_AGAIN, ORCH_E_AGAIN, ORCH_E_AGAIN);
	}
	/* A number with an error is none: some stand-ins give both. */
	send_all(&batch);
	assert_int_equal(
		answer(&batch, 200, "",
			"{'Records':[{'SequenceNumber':'1','ErrorCode':'InternalFailure'}," STORED
			"," STORED "," STORED "]}"),
		ORCH_OK);
	assert_codes(&batch, ORCH_E_AGAIN, ORCH_OK, ORCH_OK, ORCH_OK);
	end(&batch);
}

static void test_a_call_that_fails_is_made_again_with_all_of_it(void **state)
{
	static const struct {
		int status, code;
		const char *headers;
		bool is_alarming;
	} cases[] = {
		{ 0, ORCH_E_AGAIN, "", false },
		{ 503, ORCH_E_AGAIN, "X-Amzn-ErrorType: ServiceUnavailable\n", false },
		{ 400, ORCH_E_AGAIN, "X-Amzn-ErrorType: ProvisionedThroughputExceededException\n",
			false },
		{ 400, ORCH_E_AGAIN, "X-Amzn-ErrorType: ResourceNotFoundException\n", true },
		{ 400, ORCH_E_AGAIN, "X-Amzn-ErrorType: AccessDeniedException\n", true },
		{ 400, ORCH_E_AGAIN, "X-Amzn-ErrorType: KMSDisabledException\n", true },
		{ 404, ORCH_E_AGAIN, "", true },
		{ -1, ORCH_E_DENIED, "", false },
	};
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_clear(batch.world.fake);
		send_all(&batch);
		assert_int_equal(
			answer(&batch, cases[i].status, cases[i].headers, ""), cases[i].code);
		assert_codes(&batch, CODE_NOT_SET, CODE_NOT_SET, CODE_NOT_SET, CODE_NOT_SET);
		assert_int_equal(
			fake_alarmed(batch.world.fake, "kinesis_refuses"), cases[i].is_alarming);
	}
	end(&batch);
}

static void test_a_call_takes_five_hundred_records_and_less_than_5_mib(void **state)
{
	const struct orch_action_ops *ops;
	struct batch batch;

	(void)state;
	begin(&batch, plain);
	ops = batch.world.fake->plugin->action;
	assert_int_equal(ops->max_batch, 500);
	/* As base64, with 500 keys of 256 characters of four bytes each. */
	assert_true(ops->max_batch_bytes / 3 * 4 + (uint64_t)500 * (256 * 4 + 40) <
		(uint64_t)5 * 1024 * 1024);
	assert_false(ops->passive);
	end(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_task_is_a_record_of_its_own_in_its_place),
		cmocka_unit_test(test_a_stream_may_be_named_by_its_arn),
		cmocka_unit_test(test_the_partition_key_is_what_was_chosen_or_the_id),
		cmocka_unit_test(test_a_key_has_256_characters_at_most),
		cmocka_unit_test(test_a_record_that_is_too_large_keeps_no_other_from_being_sent),
		cmocka_unit_test(test_the_largest_record_that_a_stream_can_take_is_sent),
		cmocka_unit_test(test_nothing_is_sent_if_nothing_can_be),
		cmocka_unit_test(test_each_record_is_judged_by_its_own_element),
		cmocka_unit_test(test_a_count_that_says_one_is_not_believed_when_all_have_failed),
		cmocka_unit_test(test_what_the_answer_does_not_speak_of_was_not_stored),
		cmocka_unit_test(test_a_call_that_fails_is_made_again_with_all_of_it),
		cmocka_unit_test(test_a_call_takes_five_hundred_records_and_less_than_5_mib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
