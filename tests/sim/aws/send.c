/* SPDX-License-Identifier: Apache-2.0 */
/* SendMessage and SendMessageBatch. */
#include <string.h>

#include "sim/aws/handlers.h"
#include "sim/aws/sqs.h"
#include "sim/aws/traits.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"

#define TOKEN_MAX_CHARS 128 /* of a group or a deduplication id */

struct sending {
	struct aws_queue *queue;
	struct orch_text group, dedup;
	char digest[2 * AWS_SHA256_BYTES + 1]; /* the deduplication id of a body */
	int64_t delay_s;
};

void aws_draw_id(struct aws_cloud *cloud, uint8_t ret[16])
{
	uint64_t drawn[2] = { aws_dice_throw(&cloud->dice), aws_dice_throw(&cloud->dice) };

	memcpy(ret, drawn, sizeof(drawn));
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
}

struct aws_entry *aws_new_entry(struct aws_cloud *cloud, struct aws_tally *tally,
	const struct aws_message *message, struct orch_text group)
{
	struct orch_text body = { message->body, message->body_len };
	struct aws_entry *entry = aws_ledger_add(cloud->ledger, tally);

	if (!entry)
		return NULL;
	aws_digest_sha256(cloud->digest, body, entry->sha256);
	entry->body_len = (uint32_t)body.len;
	entry->head_len = (uint32_t)(body.len < AWS_HEAD_BYTES ? body.len : AWS_HEAD_BYTES);
	memcpy(entry->head, body.ptr, entry->head_len);
	entry->sent_ms = message->sent_ms;
	entry->group = group.len ? orch_strdup(group.ptr) : NULL;
	return entry;
}

static bool is_token(struct orch_text token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
			return false;
	return token.len <= TOKEN_MAX_CHARS;
}

static int check_body(struct aws_call *call, const struct aws_queue *queue, struct orch_text body)
{
	uint32_t bad;

	if (!body.len)
		return aws_refuse_missing(call, "MessageBody");
	if (body.len > queue->attributes.message_bytes)
		return aws_refuse(call, "InvalidParameterValueException",
			"One or more parameters are invalid. Reason: Message must be shorter than "
			"%llu bytes.",
			(unsigned long long)queue->attributes.message_bytes);
	bad = aws_message_bad_character(body);
	if (bad)
		return aws_refuse(call, "InvalidMessageContents",
			"Invalid binary character '#x%x' was found in the message body, the set "
			"of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
			"#xFFFD | #x10000 to #x10FFFF",
			bad);
	return AWS_DONE;
}

static int read_fifo(struct aws_call *call, struct json_object *entry, struct sending *sending)
{
	struct orch_text body = orch_json_text(entry, "MessageBody");
	uint8_t sha256[AWS_SHA256_BYTES];

	if (!sending->group.len)
		return aws_refuse_missing(call, "MessageGroupId");
	if (orch_json_get(entry, "DelaySeconds"))
		return aws_refuse_parameter(call, "DelaySeconds",
			"The request include parameter that is not valid for this queue type.");
	if (sending->dedup.len)
		return AWS_DONE;
	if (!sending->queue->attributes.deduplicates_content)
		return aws_refuse(call, "InvalidParameterValueException",
			"The queue should either have ContentBasedDeduplication enabled or "
			"MessageDeduplicationId provided explicitly");
	aws_digest_sha256(call->cloud->digest, body, sha256);
	orch_hex_encode(sha256, sizeof(sha256), sending->digest);
	sending->dedup = orch_text_from(sending->digest);
	return AWS_DONE;
}

static int read_entry(struct aws_call *call, struct json_object *entry, struct sending *sending)
{
	const struct aws_attributes *attributes = &sending->queue->attributes;

	sending->group = orch_json_text(entry, "MessageGroupId");
	sending->dedup = orch_json_text(entry, "MessageDeduplicationId");
	if (check_body(call, sending->queue, orch_json_text(entry, "MessageBody")) != AWS_DONE)
		return AWS_REFUSED;
	if (!is_token(sending->group) || !is_token(sending->dedup))
		return aws_refuse_parameter(call, "MessageGroupId",
			"It can only include alphanumeric and punctuation characters. 1 to 128 in "
			"length");
	if (aws_call_int(call, entry, "DelaySeconds", 0, 900, (int64_t)attributes->delay_s,
		    &sending->delay_s) != AWS_DONE)
		return AWS_REFUSED;
	if (attributes->is_fifo)
		return read_fifo(call, entry, sending);
	if (sending->dedup.len)
		return aws_refuse_parameter(call, "MessageDeduplicationId",
			"The request include parameter that is not valid for this queue type.");
	return AWS_DONE;
}

static struct json_object *trace_header(struct json_object *entry)
{
	struct json_object *given = orch_json_get(entry, "MessageSystemAttributes");

	return orch_json_get(given, "AWSTraceHeader");
}

static int fill(struct aws_call *call, struct json_object *entry, const struct sending *sending,
	struct aws_message *message)
{
	struct orch_text trace = orch_json_text(trace_header(entry), "StringValue");

	message->sent_ms = aws_cloud_wall(call->cloud);
	message->enqueued_ms = aws_cloud_now(call->cloud);
	message->trace = trace.len ? orch_strdup(trace.ptr) : NULL;
	if (sending->queue->attributes.is_fifo) {
		message->sequence = ++sending->queue->last_sequence;
		message->dedup = orch_strdup(sending->dedup.ptr);
		if (!message->dedup)
			return aws_refuse_no_memory(call);
	}
	if (aws_traits_read(call, entry, message) != AWS_DONE)
		return AWS_REFUSED;
	if (aws_message_bytes(message) > sending->queue->attributes.message_bytes)
		return aws_refuse(call, "InvalidParameterValueException",
			"One or more parameters are invalid. Reason: Message must be shorter than "
			"%llu bytes.",
			(unsigned long long)sending->queue->attributes.message_bytes);
	return AWS_DONE;
}

static void write_answer(struct aws_call *call, const struct aws_message *message)
{
	char id[AWS_ID_SIZE], md5[AWS_MD5_SIZE];

	aws_id_format(message->entry->id, id);
	aws_add_string(call, "MessageId", id);
	aws_add_md5(call, "MD5OfMessageBody", message->md5);
	if (message->trait_count) {
		aws_traits_md5(call->cloud->digest, message, NULL, md5);
		aws_add_string(call, "MD5OfMessageAttributes", md5);
	}
	if (message->sequence) {
		aws_add_name(call, "SequenceNumber");
		orch_buf_printf(
			&call->answer, "\"188%017llu\"", (unsigned long long)message->sequence);
	}
}

static void discard(struct aws_call *call, struct aws_message *message, enum aws_fate fate)
{
	struct aws_entry *entry = message->entry;
	uint64_t wall_ms = message->sent_ms;

	aws_message_destroy(message);
	aws_ledger_end(call->cloud->ledger, entry, fate, wall_ms);
	aws_ledger_step(call->cloud->ledger, AWS_STEP_OVER, entry->number, wall_ms);
}

static int put_in(struct aws_call *call, const struct sending *sending, struct aws_message *message)
{
	struct aws_entry *entry = message->entry;
	uint64_t now_ms = message->enqueued_ms;

	entry->tally->sent++;
	aws_ledger_step(call->cloud->ledger, AWS_STEP_SEND, entry->number, message->sent_ms);
	write_answer(call, message);
	aws_call_touch(call, entry->number);
	if (aws_call_hit(call, AWS_FAULT_LOST, NULL, NULL)) {
		discard(call, message, AWS_LOST);
		return AWS_DONE;
	}
	if ((!message->dedup || aws_queue_add_dedup(sending->queue, message, now_ms) == 0) &&
		aws_queue_add(sending->queue, message, entry->group,
			(uint64_t)sending->delay_s * 1000, now_ms) == 0)
		return AWS_DONE;
	discard(call, message, AWS_DROPPED);
	return aws_refuse_no_memory(call);
}

/* Takes MESSAGE. */
static int put(struct aws_call *call, const struct sending *sending, struct aws_message *message)
{
	struct aws_entry *entry =
		aws_new_entry(call->cloud, sending->queue->tally, message, sending->group);

	if (!entry || (sending->group.len && !entry->group)) {
		aws_message_destroy(message);
		return aws_refuse_no_memory(call);
	}
	aws_draw_id(call->cloud, entry->id);
	message->entry = entry;
	return put_in(call, sending, message);
}

/* The same was sent within five minutes: the answer is the one of then. */
static bool is_repeated(
	struct aws_call *call, const struct sending *sending, struct aws_message *message)
{
	const struct aws_dedup *dedup;

	if (!message->dedup)
		return false;
	dedup = aws_queue_find_dedup(
		sending->queue, orch_text_from(message->dedup), message->enqueued_ms);
	message->entry = dedup ? aws_ledger_entry(call->cloud->ledger, dedup->entry) : NULL;
	if (!message->entry)
		return false;
	message->sequence = dedup->sequence;
	message->entry->tally->repeated++;
	write_answer(call, message);
	aws_call_touch(call, message->entry->number);
	aws_message_destroy(message);
	return true;
}

static int send_one(struct aws_call *call, struct json_object *entry)
{
	struct sending sending = { .queue = aws_find_queue(call) };
	struct aws_message *message;

	if (!sending.queue || read_entry(call, entry, &sending) != AWS_DONE)
		return AWS_REFUSED;
	message = aws_message_create(call->cloud->digest, orch_json_text(entry, "MessageBody"));
	if (!message)
		return aws_refuse_no_memory(call);
	if (fill(call, entry, &sending, message) != AWS_DONE) {
		aws_message_destroy(message);
		return AWS_REFUSED;
	}
	if (is_repeated(call, &sending, message))
		return AWS_DONE;
	return put(call, &sending, message);
}

static void wake(struct aws_call *call)
{
	struct aws_queue *queue = aws_find_queue(call);

	if (queue)
		aws_queue_wake(call->cloud, queue);
}

int aws_send_message(struct aws_call *call)
{
	int code = aws_run_single(call, send_one);

	if (code == AWS_DONE)
		wake(call);
	return code;
}

static size_t bytes_of(struct json_object *entry)
{
	struct json_object *traits = orch_json_get(entry, "MessageAttributes");
	size_t bytes = orch_json_text(entry, "MessageBody").len;

	if (!json_object_is_type(traits, json_type_object))
		return bytes;
	json_object_object_foreach(traits, name, value)
	{
		bytes += strlen(name) + orch_json_text(value, "DataType").len +
			orch_json_text(value, "StringValue").len +
			orch_json_text(value, "BinaryValue").len / 4 * 3;
	}
	return bytes;
}

int aws_send_message_batch(struct aws_call *call)
{
	struct json_object *entries = orch_json_get(call->args, "Entries");
	size_t bytes = 0;
	int code;

	if (!aws_find_queue(call))
		return AWS_REFUSED;
	if (json_object_is_type(entries, json_type_array))
		for (size_t i = 0; i < json_object_array_length(entries); i++)
			bytes += bytes_of(json_object_array_get_idx(entries, i));
	if (bytes > AWS_MESSAGE_BYTES_MAX)
		return aws_refuse(call, "BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
			AWS_MESSAGE_BYTES_MAX, bytes);
	code = aws_run_batch(call, send_one);
	if (code == AWS_DONE)
		wake(call);
	return code;
}
