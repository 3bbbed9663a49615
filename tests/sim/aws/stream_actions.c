/* SPDX-License-Identifier: Apache-2.0 */
/* Streams themselves: made, shown, resharded and deleted. */
#include <string.h>

#include "sim/aws/handlers.h"
#include "sim/aws/kinesis.h"
#include "base/text.h"

#define SHARDS_AT_FIRST_MAX 1000
#define KIB 1024
#define RECORD_KIB_MAX 10240

int aws_refuse_argument(struct aws_call *call, const char *why)
{
	return aws_refuse(call, "InvalidArgumentException", "%s", why);
}

struct aws_stream *aws_stream_by_name(const struct aws_cloud *cloud, struct orch_text name)
{
	return orch_map_get(cloud->streams, name);
}

struct aws_stream *aws_find_stream(struct aws_call *call)
{
	struct orch_text arn = orch_json_text(call->args, "StreamARN");
	struct orch_text name = orch_json_text(call->args, "StreamName");
	struct aws_stream *stream;

	if (arn.len)
		name = aws_text_after(arn, '/');
	stream = aws_stream_by_name(call->cloud, name);
	if (!name.len)
		(void)aws_refuse_argument(call, "Either StreamName or StreamARN must be given.");
	else if (!stream)
		(void)aws_refuse(call, "ResourceNotFoundException",
			"Stream %.*s under account " AWS_ACCOUNT " not found.",
			name.len < 128 ? (int)name.len : 128, name.ptr);
	return stream;
}

uint32_t aws_find_shard(struct aws_call *call, const struct aws_stream *stream, const char *member)
{
	uint32_t shard = aws_stream_find_shard(stream, orch_json_text(call->args, member));

	if (shard == AWS_NO_SHARD)
		(void)aws_refuse(call, "ResourceNotFoundException",
			"Could not find the shard of %s in stream %s under account " AWS_ACCOUNT
			".",
			member, stream->name);
	return shard;
}

static bool is_stream_name(struct orch_text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!name.ptr[i] ||
			!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
				name.ptr[i]))
			return false;
	return name.len >= 1 && name.len < AWS_STREAM_NAME_SIZE;
}

struct aws_stream *aws_make_stream(struct aws_cloud *cloud, struct orch_text name, uint32_t shards)
{
	struct aws_stream *stream;

	if (!is_stream_name(name) || shards < 1 || shards > SHARDS_AT_FIRST_MAX ||
		aws_stream_by_name(cloud, name) || cloud->all_streams.count >= AWS_STREAMS_MAX)
		return NULL;
	stream = aws_stream_create(name, shards, cloud->ledger);
	if (!stream)
		return NULL;
	stream->created_ms = aws_cloud_wall(cloud);
	stream->record_bytes = AWS_RECORD_BYTES;
	if (aws_rows_add(&cloud->all_streams, stream) != 0) {
		aws_stream_destroy(stream);
		return NULL;
	}
	if (orch_map_set(cloud->streams, name, stream) != 0) {
		cloud->all_streams.count--;
		aws_stream_destroy(stream);
		return NULL;
	}
	return stream;
}

static int answer_empty(struct aws_call *call)
{
	orch_buf_add_string(&call->answer, "{}");
	return AWS_DONE;
}

int aws_create_stream(struct aws_call *call)
{
	struct orch_text name = orch_json_text(call->args, "StreamName");
	int64_t shards, kib;
	struct aws_stream *stream;

	if (aws_call_int(call, call->args, "ShardCount", 1, SHARDS_AT_FIRST_MAX, 4, &shards) !=
			AWS_DONE ||
		aws_call_int(call, call->args, "MaxRecordSizeInKiB", KIB, RECORD_KIB_MAX, KIB,
			&kib) != AWS_DONE)
		return AWS_REFUSED;
	if (aws_stream_by_name(call->cloud, name))
		return aws_refuse(call, "ResourceInUseException",
			"The stream is there already, under account " AWS_ACCOUNT ".");
	stream = aws_make_stream(call->cloud, name, (uint32_t)shards);
	if (!stream)
		return aws_refuse(call, "ValidationException",
			"1 validation error detected: Value at 'streamName' failed to satisfy "
			"constraint");
	stream->record_bytes = (uint64_t)kib * KIB;
	return answer_empty(call);
}

/* The ledger goes on naming it. */
int aws_delete_stream(struct aws_call *call)
{
	struct aws_stream *stream = aws_find_stream(call);

	if (!stream)
		return AWS_REFUSED;
	(void)orch_map_remove(call->cloud->streams, orch_text_from(stream->name));
	stream->is_deleted = true;
	return answer_empty(call);
}

int aws_update_max_record_size(struct aws_call *call)
{
	struct aws_stream *stream = aws_find_stream(call);
	int64_t kib;

	if (!stream ||
		aws_call_int(call, call->args, "MaxRecordSizeInKiB", KIB, RECORD_KIB_MAX, KIB,
			&kib) != AWS_DONE)
		return AWS_REFUSED;
	stream->record_bytes = (uint64_t)kib * KIB;
	return answer_empty(call);
}

static void add_arn(struct aws_call *call, const char *name)
{
	char arn[AWS_STREAM_NAME_SIZE + 128];

	(void)snprintf(arn, sizeof(arn), AWS_STREAM_ARN "%s", aws_cloud_region(call->cloud), name);
	aws_add_string(call, "StreamARN", arn);
}

int aws_describe_stream(struct aws_call *call)
{
	const struct aws_stream *stream = aws_find_stream(call);

	if (!stream)
		return AWS_REFUSED;
	orch_buf_add_string(&call->answer, "{\"StreamDescriptionSummary\":{");
	aws_add_string(call, "StreamName", stream->name);
	add_arn(call, stream->name);
	aws_add_string(call, "StreamStatus", "ACTIVE");
	aws_add_int(call, "RetentionPeriodHours", 24);
	aws_add_name(call, "StreamCreationTimestamp");
	orch_buf_printf(&call->answer, "%llu.%03u", (unsigned long long)stream->created_ms / 1000,
		(unsigned)(stream->created_ms % 1000));
	aws_add_int(call, "OpenShardCount", stream->open.count);
	aws_add_int(call, "MaxRecordSizeInKiB", stream->record_bytes / KIB);
	orch_buf_add_string(&call->answer,
		",\"StreamModeDetails\":{\"StreamMode\":\"PROVISIONED\"},"
		"\"EnhancedMonitoring\":[{\"ShardLevelMetrics\":[]}],"
		"\"EncryptionType\":\"NONE\",\"ConsumerCount\":0}}");
	return AWS_DONE;
}

int aws_list_streams(struct aws_call *call)
{
	size_t cursor = 0;
	struct orch_text name;
	void *stream;

	orch_buf_add_string(&call->answer, "{\"HasMoreStreams\":false,\"StreamNames\":[");
	while (orch_map_next(call->cloud->streams, &cursor, &name, &stream)) {
		if (call->answer.ptr && call->answer.ptr[call->answer.len - 1] != '[')
			orch_buf_add_char(&call->answer, ',');
		orch_buf_add_json(&call->answer, name);
	}
	orch_buf_add_string(&call->answer, "]}");
	return AWS_DONE;
}

static void add_parent(
	struct aws_call *call, const struct aws_stream *stream, const char *name, uint32_t parent)
{
	if (parent != AWS_NO_SHARD)
		aws_add_string(call, name, aws_stream_shard(stream, parent)->id);
}

static void write_shard(
	struct aws_call *call, const struct aws_stream *stream, const struct aws_shard *shard)
{
	char text[AWS_SEQUENCE_SIZE];

	orch_buf_add_char(&call->answer, '{');
	aws_add_string(call, "ShardId", shard->id);
	add_parent(call, stream, "ParentShardId", shard->parent);
	add_parent(call, stream, "AdjacentParentShardId", shard->other_parent);
	orch_buf_add_string(&call->answer, ",\"HashKeyRange\":{");
	aws_hash_key_format(shard->first, text);
	aws_add_string(call, "StartingHashKey", text);
	aws_hash_key_format(shard->last, text);
	aws_add_string(call, "EndingHashKey", text);
	orch_buf_add_string(&call->answer, "},\"SequenceNumberRange\":{");
	aws_sequence_format(shard->opened, text);
	aws_add_string(call, "StartingSequenceNumber", text);
	if (shard->closed) {
		aws_sequence_format(shard->closed, text);
		aws_add_string(call, "EndingSequenceNumber", text);
	}
	orch_buf_add_string(&call->answer, "}}");
}

int aws_list_shards(struct aws_call *call)
{
	const struct aws_stream *stream = aws_find_stream(call);

	if (!stream)
		return AWS_REFUSED;
	orch_buf_add_string(&call->answer, "{\"Shards\":[");
	for (size_t i = 0; i < stream->shards.count; i++) {
		if (i)
			orch_buf_add_char(&call->answer, ',');
		write_shard(call, stream, aws_stream_shard(stream, (uint32_t)i));
	}
	orch_buf_add_string(&call->answer, "]}");
	return AWS_DONE;
}

int aws_split_shard(struct aws_call *call)
{
	struct aws_stream *stream = aws_find_stream(call);
	struct orch_text at = orch_json_text(call->args, "NewStartingHashKey");
	aws_hash_key hash_key;
	uint32_t shard;

	if (!stream)
		return AWS_REFUSED;
	shard = aws_find_shard(call, stream, "ShardToSplit");
	if (shard == AWS_NO_SHARD)
		return AWS_REFUSED;
	if (!aws_hash_key_read(at, &hash_key) || aws_stream_split(stream, shard, hash_key) != 0)
		return aws_refuse_argument(call,
			"NewStartingHashKey is not within the shard, or the shard is closed.");
	return answer_empty(call);
}

int aws_merge_shards(struct aws_call *call)
{
	struct aws_stream *stream = aws_find_stream(call);
	uint32_t shard, other;

	if (!stream)
		return AWS_REFUSED;
	shard = aws_find_shard(call, stream, "ShardToMerge");
	if (shard == AWS_NO_SHARD)
		return AWS_REFUSED;
	other = aws_find_shard(call, stream, "AdjacentShardToMerge");
	if (other == AWS_NO_SHARD)
		return AWS_REFUSED;
	if (aws_stream_merge(stream, shard, other) != 0)
		return aws_refuse_argument(call, "The shards are no open neighbours.");
	return answer_empty(call);
}
