/* SPDX-License-Identifier: Apache-2.0 */
/* GetShardIterator and GetRecords. */
#include <string.h>

#include "sim/aws/handlers.h"
#include "sim/aws/kinesis.h"
#include "base/hash.h"
#include "base/text.h"

#define RECORDS_MAX 10000
#define BYTES_MAX (10u * 1024 * 1024) /* of one answer */
#define ITERATOR_SIZE 320

/* "stream/shard/place", as base64: a client must not look into it. */
static void write_iterator(struct aws_call *call, const char *member,
	const struct aws_stream *stream, uint32_t shard, size_t place)
{
	char plain[AWS_STREAM_NAME_SIZE + 48], coded[ITERATOR_SIZE];
	int len = snprintf(plain, sizeof(plain), "%s/%u/%zu", stream->name, shard, place);

	_Static_assert((sizeof(plain) + 2) / 3 * 4 < sizeof(coded), "fits");
	(void)orch_base64_encode(plain, (size_t)len, coded);
	aws_add_string(call, member, coded);
}

static bool read_iterator(struct aws_call *call, struct aws_stream **ret_stream,
	uint32_t *ret_shard, size_t *ret_place)
{
	struct orch_text coded = orch_json_text(call->args, "ShardIterator"), rest, part;
	char plain[ITERATOR_SIZE];
	uint64_t shard, place;
	size_t len;

	if (coded.len >= ITERATOR_SIZE || orch_base64_decode(coded, plain, &len) != 0)
		return false;
	rest = (struct orch_text){ plain, len };
	if (!orch_text_split(&rest, '/', &part) ||
		!(*ret_stream = aws_stream_by_name(call->cloud, part)) ||
		!orch_text_split(&rest, '/', &part) ||
		orch_text_to_uint(part, 0, (*ret_stream)->shards.count - 1, &shard) != 0 ||
		orch_text_to_uint(rest, 0, AWS_PUTS_MAX, &place) != 0)
		return false;
	*ret_shard = (uint32_t)shard;
	*ret_place = place;
	return true;
}

static struct aws_put *put_at(
	const struct aws_call *call, const struct aws_shard *shard, size_t place)
{
	return aws_ledger_find_put(call->cloud->ledger, shard->puts.at[place]);
}

/* The first that is not before: by sequence number, or by time. */
static size_t search(
	const struct aws_call *call, const struct aws_shard *shard, uint64_t wanted, bool by_time)
{
	size_t low = 0, high = shard->puts.count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct aws_put *put = put_at(call, shard, middle);

		if ((by_time ? put->at_ms : put->sequence) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int find_sequence(
	struct aws_call *call, const struct aws_shard *shard, bool after, size_t *ret_place)
{
	struct orch_text given = orch_json_text(call->args, "StartingSequenceNumber");
	uint64_t sequence;

	if (!aws_sequence_read(given, &sequence))
		return aws_refuse_argument(call, "StartingSequenceNumber is invalid.");
	*ret_place = search(call, shard, sequence + after, false);
	return AWS_DONE;
}

static int find_time(struct aws_call *call, const struct aws_shard *shard, size_t *ret_place)
{
	struct json_object *given = orch_json_get(call->args, "Timestamp");
	double seconds = given ? json_object_get_double(given) : -1.0;

	if (!(seconds >= 0.0 && seconds < 1e12))
		return aws_refuse_argument(call, "Timestamp is invalid.");
	*ret_place = search(call, shard, (uint64_t)(seconds * 1000.0), true);
	return AWS_DONE;
}

static int find_place(struct aws_call *call, const struct aws_shard *shard, size_t *ret_place)
{
	struct orch_text type = orch_json_text(call->args, "ShardIteratorType");

	*ret_place = 0;
	if (orch_text_is(type, "TRIM_HORIZON"))
		return AWS_DONE;
	if (orch_text_is(type, "AT_SEQUENCE_NUMBER"))
		return find_sequence(call, shard, false, ret_place);
	if (orch_text_is(type, "AFTER_SEQUENCE_NUMBER"))
		return find_sequence(call, shard, true, ret_place);
	if (orch_text_is(type, "AT_TIMESTAMP"))
		return find_time(call, shard, ret_place);
	*ret_place = shard->puts.count;
	return orch_text_is(type, "LATEST")
		? AWS_DONE
		: aws_refuse_argument(call, "ShardIteratorType is invalid.");
}

int aws_get_shard_iterator(struct aws_call *call)
{
	const struct aws_stream *stream = aws_find_stream(call);
	uint32_t shard;
	size_t place;

	if (!stream)
		return AWS_REFUSED;
	shard = aws_find_shard(call, stream, "ShardId");
	if (shard == AWS_NO_SHARD ||
		find_place(call, aws_stream_shard(stream, shard), &place) != AWS_DONE)
		return AWS_REFUSED;
	orch_buf_add_char(&call->answer, '{');
	write_iterator(call, "ShardIterator", stream, shard, place);
	orch_buf_add_char(&call->answer, '}');
	return AWS_DONE;
}

static void write_record(struct aws_call *call, const struct aws_put *put)
{
	char sequence[AWS_SEQUENCE_SIZE];

	aws_sequence_format(put->sequence, sequence);
	orch_buf_add_char(&call->answer, '{');
	aws_add_string(call, "SequenceNumber", sequence);
	aws_add_string(call, "PartitionKey", put->key->text);
	aws_add_text(call, "Data", (struct orch_text){ put->data, put->data_len });
	aws_add_name(call, "ApproximateArrivalTimestamp");
	orch_buf_printf(&call->answer, "%llu.%03u}", (unsigned long long)put->at_ms / 1000,
		(unsigned)(put->at_ms % 1000));
}

/* Up to MOST from *PLACE on; those whose data are forgotten are passed by. */
static void write_records(
	struct aws_call *call, const struct aws_shard *shard, size_t *place, size_t most)
{
	size_t count = 0, bytes = 0;

	for (; *place < shard->puts.count && count < most; ++*place) {
		const struct aws_put *put = put_at(call, shard, *place);

		if (!put->data)
			continue;
		bytes += put->data_len;
		if (count && bytes > BYTES_MAX)
			break;
		if (count++)
			orch_buf_add_char(&call->answer, ',');
		write_record(call, put);
	}
}

static void write_children(struct aws_call *call, const struct aws_stream *stream, uint32_t number)
{
	bool is_first = true;

	aws_add_name(call, "ChildShards");
	orch_buf_add_char(&call->answer, '[');
	for (size_t i = 0; i < stream->shards.count; i++) {
		const struct aws_shard *child = aws_stream_shard(stream, (uint32_t)i);

		if (child->parent != number && child->other_parent != number)
			continue;
		if (!is_first)
			orch_buf_add_char(&call->answer, ',');
		is_first = false;
		orch_buf_add_char(&call->answer, '{');
		aws_add_string(call, "ShardId", child->id);
		orch_buf_add_char(&call->answer, '}');
	}
	orch_buf_add_char(&call->answer, ']');
}

int aws_get_records(struct aws_call *call)
{
	const struct aws_shard *shard;
	struct aws_stream *stream;
	uint32_t number;
	size_t place;
	int64_t most;

	if (!read_iterator(call, &stream, &number, &place))
		return aws_refuse_argument(call, "Invalid ShardIterator.");
	if (aws_call_int(call, call->args, "Limit", 1, RECORDS_MAX, RECORDS_MAX, &most) != 0)
		return AWS_REFUSED;
	shard = aws_stream_shard(stream, number);
	orch_buf_add_string(&call->answer, "{\"Records\":[");
	write_records(call, shard, &place, (size_t)most);
	orch_buf_add_char(&call->answer, ']');
	if (!shard->closed || place < shard->puts.count)
		write_iterator(call, "NextShardIterator", stream, number, place);
	else
		write_children(call, stream, number);
	aws_add_int(call, "MillisBehindLatest", place < shard->puts.count ? 1000 : 0);
	orch_buf_add_char(&call->answer, '}');
	return AWS_DONE;
}
