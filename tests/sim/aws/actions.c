/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/actions.h"

#include <string.h>

#include "sim/aws/handlers.h"
#include "base/text.h"

static const struct aws_action actions[] = {
	{ AWS_SQS, "SendMessage", aws_send_message },
	{ AWS_SQS, "SendMessageBatch", aws_send_message_batch },
	{ AWS_SQS, "ReceiveMessage", aws_receive_message },
	{ AWS_SQS, "DeleteMessage", aws_delete_message },
	{ AWS_SQS, "DeleteMessageBatch", aws_delete_message_batch },
	{ AWS_SQS, "ChangeMessageVisibility", aws_change_visibility },
	{ AWS_SQS, "ChangeMessageVisibilityBatch", aws_change_visibility_batch },
	{ AWS_SQS, "CreateQueue", aws_create_queue },
	{ AWS_SQS, "DeleteQueue", aws_delete_queue },
	{ AWS_SQS, "PurgeQueue", aws_purge_queue },
	{ AWS_SQS, "GetQueueUrl", aws_get_queue_url },
	{ AWS_SQS, "ListQueues", aws_list_queues },
	{ AWS_SQS, "ListDeadLetterSourceQueues", aws_list_sources },
	{ AWS_SQS, "GetQueueAttributes", aws_get_queue_attributes },
	{ AWS_SQS, "SetQueueAttributes", aws_set_queue_attributes },
	{ AWS_SQS, "StartMessageMoveTask", aws_start_move },
	{ AWS_SQS, "ListMessageMoveTasks", aws_list_moves },
	{ AWS_SQS, "CancelMessageMoveTask", aws_cancel_move },
	{ AWS_KINESIS, "PutRecord", aws_put_record },
	{ AWS_KINESIS, "PutRecords", aws_put_records },
	{ AWS_KINESIS, "GetRecords", aws_get_records },
	{ AWS_KINESIS, "GetShardIterator", aws_get_shard_iterator },
	{ AWS_KINESIS, "ListShards", aws_list_shards },
	{ AWS_KINESIS, "DescribeStreamSummary", aws_describe_stream },
	{ AWS_KINESIS, "ListStreams", aws_list_streams },
	{ AWS_KINESIS, "CreateStream", aws_create_stream },
	{ AWS_KINESIS, "DeleteStream", aws_delete_stream },
	{ AWS_KINESIS, "UpdateMaxRecordSize", aws_update_max_record_size },
	{ AWS_KINESIS, "SplitShard", aws_split_shard },
	{ AWS_KINESIS, "MergeShards", aws_merge_shards },
};

#define COUNT (sizeof(actions) / sizeof(actions[0]))
_Static_assert(COUNT <= AWS_ACTIONS_MAX, "each action is a bit");

size_t aws_actions_count(void)
{
	return COUNT;
}

const struct aws_action *aws_action_at(size_t i)
{
	return &actions[i];
}

size_t aws_action_place(const struct aws_action *action)
{
	return (size_t)(action - actions);
}

const char *aws_service_name(enum aws_service service)
{
	return service == AWS_SQS ? "sqs" : "kinesis";
}

const struct aws_action *aws_action_find(struct orch_text target)
{
	static const char *const prefixes[] = { "AmazonSQS.", "Kinesis_20131202." };

	for (size_t i = 0; i < COUNT; i++) {
		const char *prefix = prefixes[actions[i].service];
		size_t len = strlen(prefix);

		if (orch_text_starts_with(target, orch_text_from(prefix)) &&
			orch_text_is((struct orch_text){ target.ptr + len, target.len - len },
				actions[i].name))
			return &actions[i];
	}
	return NULL;
}

static bool fits(const struct aws_action *action, struct orch_text name)
{
	return orch_text_is(name, "*") || orch_text_is(name, aws_service_name(action->service)) ||
		orch_text_is(name, action->name);
}

uint64_t aws_actions_match(struct orch_text names)
{
	struct orch_text name;
	uint64_t all = 0;

	while (orch_text_split(&names, ',', &name)) {
		uint64_t found = 0;

		for (size_t i = 0; i < COUNT; i++)
			if (fits(&actions[i], name))
				found |= UINT64_C(1) << i;
		if (!found)
			return 0;
		all |= found;
	}
	return all;
}
