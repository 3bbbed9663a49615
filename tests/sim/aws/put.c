/* SPDX-License-Identifier: Apache-2.0 */
/* PutRecord and PutRecords. */
#include <string.h>

#include "sim/aws/handlers.h"
#include "sim/aws/kinesis.h"
#include "base/alloc.h"
#include "base/text.h"

#define RECORDS_MAX 500
#define KEY_MAX_CHARS 256
#define THROTTLED "ProvisionedThroughputExceededException"

struct putting {
	struct aws_stream *stream;
	struct orch_text key, data; /* base64 */
	size_t bytes;               /* decoded, with the key */
	uint32_t shard;
};

/* The length of what BASE64 stands for; false: it is none. */
static bool decoded_len(struct orch_text base64, size_t *ret_len)
{
	size_t padding = 0;

	if (base64.len % 4)
		return false;
	while (padding < 2 && padding < base64.len && base64.ptr[base64.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < base64.len - padding; i++) {
		char c = base64.ptr[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '+' || c == '/'))
			return false;
	}
	*ret_len = base64.len / 4 * 3 - padding;
	return true;
}

static size_t characters(struct orch_text text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

static int refuse_record(struct aws_call *call, const char *what)
{
	return aws_refuse(call, "ValidationException",
		"1 validation error detected: %s failed to satisfy constraint", what);
}

/* ExplicitHashKey, or the key's MD5. */
static int choose_shard(struct aws_call *call, struct json_object *record, struct putting *putting)
{
	struct orch_text given = orch_json_text(record, "ExplicitHashKey");
	uint8_t md5[AWS_MD5_BYTES];
	aws_hash_key hash_key;

	if (!given.len) {
		aws_digest_md5(call->cloud->digest, putting->key, md5);
		hash_key = aws_hash_key_from(md5);
	} else if (!aws_hash_key_read(given, &hash_key)) {
		return aws_refuse_argument(call, "ExplicitHashKey is not a 128 bit number.");
	}
	putting->shard = aws_stream_shard_for(putting->stream, hash_key);
	return AWS_DONE;
}

static int read_record(struct aws_call *call, struct json_object *record, struct putting *putting)
{
	size_t len;

	putting->key = orch_json_text(record, "PartitionKey");
	putting->data = orch_json_text(record, "Data");
	if (!putting->key.len || characters(putting->key) > KEY_MAX_CHARS)
		return refuse_record(call, "Value at 'partitionKey'");
	if (!json_object_is_type(orch_json_get(record, "Data"), json_type_string))
		return refuse_record(call, "Value at 'data'");
	if (!decoded_len(putting->data, &len))
		return aws_refuse(call, "SerializationException", "Data is not base64.");
	putting->bytes = len + putting->key.len;
	if (putting->bytes > putting->stream->record_bytes)
		return refuse_record(call, "The size of 'data' and its key");
	return choose_shard(call, record, putting);
}

static int refuse_throttled(struct aws_call *call, const struct putting *putting)
{
	const struct aws_shard *shard = aws_stream_shard(putting->stream, putting->shard);

	putting->stream->throttled++;
	return aws_refuse(call, THROTTLED,
		"Rate exceeded for shard %s in stream %s under account " AWS_ACCOUNT ".", shard->id,
		putting->stream->name);
}

static int check_rate(struct aws_call *call, const struct putting *putting)
{
	struct aws_shard *shard = aws_stream_shard(putting->stream, putting->shard);
	bool is_limited = call->cloud->settings.has_shard_limits;

	if (aws_call_hit(call, AWS_FAULT_SHARD, shard->id, NULL))
		return refuse_throttled(call, putting);
	if (is_limited && !aws_shard_take(shard, putting->bytes, aws_cloud_now(call->cloud)))
		return refuse_throttled(call, putting);
	return AWS_DONE;
}

static struct aws_put *new_put(struct aws_call *call, const struct putting *putting)
{
	struct aws_put *put = orch_alloc(sizeof(*put));

	if (!put)
		return NULL;
	put->data = orch_alloc(putting->data.len + 1);
	if (!put->data) {
		orch_free(put);
		return NULL;
	}
	memcpy(put->data, putting->data.ptr, putting->data.len);
	put->data_len = (uint32_t)putting->data.len;
	put->at_ms = aws_cloud_wall(call->cloud);
	aws_digest_sha256(call->cloud->digest, putting->data, put->sha256);
	return put;
}

/* NULL: the error says why. */
static struct aws_put *store(struct aws_call *call, const struct putting *putting)
{
	struct aws_put *put = new_put(call, putting);

	if (put && aws_stream_add(putting->stream, putting->shard, putting->key, put) == 0) {
		aws_ledger_step(call->cloud->ledger, AWS_STEP_PUT, put->number, put->at_ms);
		return put;
	}
	aws_put_free(put);
	(void)aws_refuse(call, "InternalFailure", "The stand-in has no more room.");
	return NULL;
}

static void write_put(struct aws_call *call, const struct aws_put *put)
{
	char sequence[AWS_SEQUENCE_SIZE];

	aws_sequence_format(put->sequence, sequence);
	aws_add_string(call, "ShardId", aws_stream_shard(put->stream, put->shard)->id);
	aws_add_string(call, "SequenceNumber", sequence);
}

/* What was put before must be older than what is put now, and it always is: it must only be real. */
static int check_order(struct aws_call *call, const struct aws_stream *stream)
{
	struct orch_text given = orch_json_text(call->args, "SequenceNumberForOrdering");
	uint64_t sequence;

	if (!given.len)
		return AWS_DONE;
	if (!aws_sequence_read(given, &sequence) || sequence > stream->last_sequence)
		return aws_refuse_argument(call,
			"SequenceNumberForOrdering is larger than any sequence number of the "
			"stream, or none.");
	return AWS_DONE;
}

int aws_put_record(struct aws_call *call)
{
	struct putting putting = { .stream = aws_find_stream(call) };
	const struct aws_put *put;

	if (!putting.stream || read_record(call, call->args, &putting) != AWS_DONE ||
		check_order(call, putting.stream) != AWS_DONE ||
		check_rate(call, &putting) != AWS_DONE)
		return AWS_REFUSED;
	put = store(call, &putting);
	if (!put)
		return AWS_REFUSED;
	orch_buf_add_char(&call->answer, '{');
	write_put(call, put);
	orch_buf_add_char(&call->answer, '}');
	aws_call_touch(call, put->number);
	return AWS_DONE;
}

/* One of PutRecords: what becomes of it, in the order of the request. */
struct outcome {
	struct putting putting;
	struct aws_put *put;    /* NULL: not stored */
	struct aws_error error; /* what its answer says; no code: stored */
};

static void fail(struct aws_call *call, struct outcome *outcome)
{
	outcome->error = call->error;
	call->error = (struct aws_error){ .status = 0 };
}

static bool spoil(struct aws_call *call, const struct outcome *outcome, struct aws_fault *ret_fault)
{
	const struct aws_shard *shard =
		aws_stream_shard(outcome->putting.stream, outcome->putting.shard);

	return aws_call_hit(call, AWS_FAULT_PARTIAL, shard->id, ret_fault);
}

static void set_spoiled(
	struct aws_call *call, struct outcome *outcome, const struct aws_fault *fault)
{
	bool is_internal = strcmp(fault->code, "InternalFailure") == 0;

	if (!fault->code[0])
		(void)refuse_throttled(call, &outcome->putting);
	else
		(void)aws_refuse(call, fault->code, "%s",
			fault->message[0]     ? fault->message
				: is_internal ? "Internal service failure."
					      : "Please try again.");
	fail(call, outcome);
}

static void put_one(struct aws_call *call, struct outcome *outcome)
{
	struct aws_fault fault;
	bool is_spoiled = spoil(call, outcome, &fault);

	if (is_spoiled && !fault.after) {
		set_spoiled(call, outcome, &fault);
		return;
	}
	if (check_rate(call, &outcome->putting) != AWS_DONE ||
		!(outcome->put = store(call, &outcome->putting))) {
		fail(call, outcome);
		return;
	}
	if (is_spoiled)
		set_spoiled(call, outcome, &fault);
	else
		aws_call_touch(call, outcome->put->number);
}

/* In order, unless a fault shuffles them. */
static void put_all(struct aws_call *call, struct outcome *outcomes, size_t count)
{
	bool is_shuffled = aws_call_hit(call, AWS_FAULT_REORDER, NULL, NULL);
	uint32_t order[RECORDS_MAX];

	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	for (size_t i = count; is_shuffled && i > 1; i--) {
		size_t other = aws_dice_below(&call->cloud->dice, i);
		uint32_t kept = order[i - 1];

		order[i - 1] = order[other];
		order[other] = kept;
	}
	for (size_t i = 0; i < count; i++)
		put_one(call, &outcomes[order[i]]);
}

static void write_outcome(struct aws_call *call, const struct outcome *outcome)
{
	orch_buf_add_char(&call->answer, '{');
	if (outcome->error.code[0]) {
		aws_add_string(call, "ErrorCode", outcome->error.code);
		aws_add_string(call, "ErrorMessage", outcome->error.message);
	} else {
		write_put(call, outcome->put);
	}
	orch_buf_add_char(&call->answer, '}');
}

static void write_outcomes(
	struct aws_call *call, const struct outcome *outcomes, size_t count, bool is_honest)
{
	uint64_t failed = 0;

	for (size_t i = 0; i < count; i++)
		failed += outcomes[i].error.code[0] != '\0';
	orch_buf_add_char(&call->answer, '{');
	aws_add_int(call, "FailedRecordCount", is_honest ? failed : 1);
	aws_add_name(call, "Records");
	orch_buf_add_char(&call->answer, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			orch_buf_add_char(&call->answer, ',');
		write_outcome(call, &outcomes[i]);
	}
	orch_buf_add_string(&call->answer, "]}");
}

static int read_records(struct aws_call *call, struct aws_stream *stream,
	struct json_object *records, struct outcome *outcomes)
{
	size_t bytes = 0;

	for (size_t i = 0; i < json_object_array_length(records); i++) {
		outcomes[i].putting.stream = stream;
		if (read_record(call, json_object_array_get_idx(records, i),
			    &outcomes[i].putting) != AWS_DONE)
			return AWS_REFUSED;
		bytes += outcomes[i].putting.bytes;
	}
	if (bytes > call->cloud->settings.put_bytes)
		return aws_refuse_argument(call, "Records size exceeds the limit of a request.");
	return AWS_DONE;
}

static int run_records(struct aws_call *call, struct aws_stream *stream,
	struct json_object *records, struct outcome *outcomes)
{
	size_t count = json_object_array_length(records);
	bool is_dishonest;

	if (read_records(call, stream, records, outcomes) != AWS_DONE)
		return AWS_REFUSED;
	is_dishonest = aws_call_hit(call, AWS_FAULT_DISHONEST, NULL, NULL);
	if (is_dishonest) {
		for (size_t i = 0; i < count; i++) {
			(void)refuse_throttled(call, &outcomes[i].putting);
			fail(call, &outcomes[i]);
		}
	} else {
		put_all(call, outcomes, count);
	}
	write_outcomes(call, outcomes, count, !is_dishonest);
	return AWS_DONE;
}

int aws_put_records(struct aws_call *call)
{
	struct aws_stream *stream = aws_find_stream(call);
	struct json_object *records = orch_json_get(call->args, "Records");
	struct outcome *outcomes;
	int code;

	if (!stream)
		return AWS_REFUSED;
	if (!json_object_is_type(records, json_type_array) ||
		json_object_array_length(records) < 1 ||
		json_object_array_length(records) > RECORDS_MAX)
		return refuse_record(call, "Value at 'records' (length between 1 and 500)");
	outcomes = orch_alloc_array(json_object_array_length(records), sizeof(*outcomes));
	if (!outcomes)
		return aws_refuse_no_memory(call);
	code = run_records(call, stream, records, outcomes);
	orch_free(outcomes);
	return code;
}
