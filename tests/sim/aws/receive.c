/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReceiveMessage, and who waits for messages.
 *
 * A long poll is a call that is not finished: it hangs on its queue until a
 * message is there or its time is up.  A client that hangs up in between is
 * not noticed, as with the real service: the next message goes to it, and is
 * invisible for a while.
 */
#include "sim/aws/handlers.h"
#include "sim/aws/sqs.h"
#include "sim/aws/traits.h"
#include "base/alloc.h"
#include "base/text.h"

#define VISIBILITY_MAX_S 43200

struct aws_poll {
	TAILQ_ENTRY(aws_poll) next;
	struct aws_call *call;
	struct aws_queue *queue;
};

struct receiving {
	struct aws_call *call;
	struct aws_queue *queue;
	int64_t most, visibility_s, wait_s;
	int64_t count;
	uint64_t now_ms, wall_ms;
};

static int read_request(struct aws_call *call, struct receiving *receiving)
{
	struct aws_queue *queue = aws_find_queue(call);

	if (!queue)
		return AWS_REFUSED;
	*receiving = (struct receiving){
		.call = call,
		.queue = queue,
		.now_ms = aws_cloud_now(call->cloud),
		.wall_ms = aws_cloud_wall(call->cloud),
	};
	if (aws_call_int(call, call->args, "MaxNumberOfMessages", 1, AWS_BATCH_MAX, 1,
		    &receiving->most) != AWS_DONE ||
		aws_call_int(call, call->args, "VisibilityTimeout", 0, VISIBILITY_MAX_S,
			(int64_t)queue->attributes.visibility_s,
			&receiving->visibility_s) != AWS_DONE)
		return AWS_REFUSED;
	return aws_call_int(call, call->args, "WaitTimeSeconds", 0, 20,
		(int64_t)queue->attributes.wait_s, &receiving->wait_s);
}

static bool is_asked(const struct aws_call *call, const char *name)
{
	static const char *const members[] = { "MessageSystemAttributeNames", "AttributeNames" };

	for (size_t m = 0; m < 2; m++) {
		struct json_object *names = orch_json_get(call->args, members[m]);

		if (!json_object_is_type(names, json_type_array))
			continue;
		for (size_t i = 0; i < json_object_array_length(names); i++) {
			struct orch_text asked = orch_text_from(
				json_object_get_string(json_object_array_get_idx(names, i)));

			if (orch_text_is(asked, name) || orch_text_is(asked, "All"))
				return true;
		}
	}
	return false;
}

static void add_if(struct aws_call *call, const char *name, const char *value)
{
	if (value && is_asked(call, name))
		aws_add_string(call, name, value);
}

static void add_count(struct aws_call *call, const char *name, uint64_t value)
{
	if (is_asked(call, name))
		aws_add_int_text(call, name, value);
}

static void write_attributes(struct aws_call *call, const struct aws_message *message)
{
	char text[256];

	if (!orch_json_get(call->args, "MessageSystemAttributeNames") &&
		!orch_json_get(call->args, "AttributeNames"))
		return;
	aws_add_name(call, "Attributes");
	orch_buf_add_char(&call->answer, '{');
	add_if(call, "SenderId", "AIDAEXAMPLE");
	add_count(call, "SentTimestamp", message->sent_ms);
	add_count(call, "ApproximateReceiveCount", message->receives);
	add_count(call, "ApproximateFirstReceiveTimestamp", message->first_received_ms);
	add_if(call, "MessageGroupId", message->entry->group);
	add_if(call, "MessageDeduplicationId", message->dedup);
	add_if(call, "AWSTraceHeader", message->trace);
	if (message->sequence) {
		(void)snprintf(
			text, sizeof(text), "188%017llu", (unsigned long long)message->sequence);
		add_if(call, "SequenceNumber", text);
	}
	if (message->source) {
		(void)snprintf(text, sizeof(text), AWS_SQS_ARN "%s", aws_cloud_region(call->cloud),
			message->source);
		add_if(call, "DeadLetterQueueSourceArn", text);
	}
	orch_buf_add_char(&call->answer, '}');
}

static void write_message(struct aws_call *call, const struct aws_message *message)
{
	char id[AWS_ID_SIZE], handle[AWS_RECEIPT_SIZE];

	aws_id_format(message->entry->id, id);
	aws_receipt_write(message->entry->number, message->receipt, handle);
	orch_buf_add_char(&call->answer, '{');
	aws_add_string(call, "MessageId", id);
	aws_add_string(call, "ReceiptHandle", handle);
	aws_add_md5(call, "MD5OfBody", message->md5);
	aws_add_text(call, "Body", (struct orch_text){ message->body, message->body_len });
	write_attributes(call, message);
	aws_traits_write(call, message);
	orch_buf_add_char(&call->answer, '}');
}

static void note_receive(struct receiving *receiving, struct aws_message *message)
{
	message->receives++;
	message->receives_here++;
	message->receipt++;
	message->leased_ms = receiving->now_ms;
	if (!message->is_twin)
		message->valid_from = message->receipt;
	message->is_twin = false;
	if (!message->first_received_ms)
		message->first_received_ms = receiving->wall_ms;
	message->entry->deliveries++;
	message->entry->tally->deliveries++;
	aws_ledger_step(receiving->call->cloud->ledger, AWS_STEP_RECEIVE, message->entry->number,
		receiving->wall_ms);
}

static void deliver(struct receiving *receiving, struct aws_message *message)
{
	uint64_t hidden_ms = (uint64_t)receiving->visibility_s * 1000;
	struct aws_fault fault;

	note_receive(receiving, message);
	if (aws_call_hit(receiving->call, AWS_FAULT_EARLY, NULL, &fault) && fault.ms < hidden_ms)
		hidden_ms = fault.ms;
	aws_queue_hide(message, receiving->now_ms + hidden_ms);
	if (receiving->count++)
		orch_buf_add_char(&receiving->call->answer, ',');
	write_message(receiving->call, message);
}

/* It stays where it is: the next who asks gets it, too, and both receipts count. */
static void twin(struct aws_message *message)
{
	message->is_twin = true;
	aws_queue_show(message);
}

/* True: it had been received too often, and is where the dead are. */
static bool bury(struct receiving *receiving, struct aws_message *message)
{
	struct aws_cloud *cloud = receiving->call->cloud;
	const struct aws_attributes *attributes = &receiving->queue->attributes;
	struct aws_queue *dead;

	if (!attributes->receives_max || message->receives_here < attributes->receives_max)
		return false;
	dead = aws_queue_by_name(cloud, orch_text_from(attributes->dead_letter));
	return dead && dead != receiving->queue &&
		aws_move_message(cloud, message, dead, false) == 0;
}

/* Twins come last, so that one receive does not get both. */
static void collect(struct receiving *receiving)
{
	struct aws_call *call = receiving->call;
	struct aws_message *twins[AWS_BATCH_MAX], *message, *before = NULL;
	size_t twin_count = 0;

	while (receiving->count < receiving->most) {
		message = aws_queue_next(receiving->queue, before,
			aws_call_hit(call, AWS_FAULT_DISORDER, NULL, NULL));
		if (!message)
			break;
		if (bury(receiving, message)) {
			before = NULL;
			continue;
		}
		deliver(receiving, message);
		if (aws_call_hit(call, AWS_FAULT_DUPLICATE, NULL, NULL))
			twins[twin_count++] = message;
		before = message;
	}
	while (twin_count)
		twin(twins[--twin_count]);
}

/* Writes what there is; false: nothing. */
static bool receive(struct receiving *receiving)
{
	struct aws_call *call = receiving->call;

	if (receiving->queue->flying_count >= call->cloud->settings.flying_max)
		return false;
	orch_buf_reset(&call->answer);
	orch_buf_add_string(&call->answer, "{\"Messages\":[");
	collect(receiving);
	if (receiving->count) {
		orch_buf_add_string(&call->answer, "]}");
		return true;
	}
	return false;
}

static int answer_none(struct aws_call *call)
{
	orch_buf_reset(&call->answer);
	orch_buf_add_string(&call->answer, "{}");
	return AWS_DONE;
}

static void leave(struct aws_poll *poll)
{
	TAILQ_REMOVE(&poll->queue->polls, poll, next);
	poll->queue->poll_count--;
	poll->call->poll = NULL;
	orch_free(poll);
}

static void time_out(void *arg)
{
	struct aws_call *call = arg;

	leave(call->poll);
	aws_call_finish(call, answer_none(call));
}

static void set_timer(struct aws_cloud *cloud, struct aws_queue *queue)
{
	uint64_t due_ms = aws_queue_next_due(queue), now_ms = aws_cloud_now(cloud);

	if (TAILQ_EMPTY(&queue->polls) || due_ms == UINT64_MAX)
		orch_timer_clear(&queue->timer);
	else
		orch_timer_set(&queue->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void come_due(void *arg)
{
	struct aws_queue *queue = arg;
	struct aws_poll *first = TAILQ_FIRST(&queue->polls);

	if (first)
		aws_queue_wake(first->call->cloud, queue);
}

/* One more who waits. */
static int wait_for_some(struct receiving *receiving)
{
	struct aws_call *call = receiving->call;
	struct aws_queue *queue = receiving->queue;
	struct orch_lane *lane = call->cloud->lane;

	if (!queue->has_timer)
		queue->has_timer = orch_timer_init(&queue->timer, lane, come_due, queue) == 0;
	call->poll = queue->has_timer ? orch_alloc(sizeof(*call->poll)) : NULL;
	if (!call->poll)
		return aws_refuse_no_memory(call);
	if (!aws_call_set_timer(call, time_out, (uint64_t)receiving->wait_s * 1000)) {
		orch_free(call->poll);
		call->poll = NULL;
		return aws_refuse_no_memory(call);
	}
	*call->poll = (struct aws_poll){ .call = call, .queue = queue };
	TAILQ_INSERT_TAIL(&queue->polls, call->poll, next);
	queue->poll_count++;
	set_timer(call->cloud, queue);
	return AWS_LATER;
}

int aws_receive_message(struct aws_call *call)
{
	struct receiving receiving;

	if (read_request(call, &receiving) != AWS_DONE)
		return AWS_REFUSED;
	if (!receiving.wait_s && !receiving.queue->attributes.is_fifo &&
		receiving.queue->flying_count >= call->cloud->settings.flying_max)
		return aws_refuse(call, "OverLimit",
			"Too many messages are in flight: delete some before you receive more.");
	if (aws_call_hit(call, AWS_FAULT_EMPTY, NULL, NULL))
		return answer_none(call);
	if (receive(&receiving))
		return AWS_DONE;
	return receiving.wait_s ? wait_for_some(&receiving) : answer_none(call);
}

/* False: there is nothing for it. */
static bool serve(struct aws_poll *poll)
{
	struct aws_call *call = poll->call;
	struct receiving receiving;
	int code = read_request(call, &receiving);

	if (code == AWS_DONE && !receive(&receiving))
		return false;
	orch_timer_clear(&call->timer);
	leave(poll);
	aws_call_finish(call, code);
	return true;
}

void aws_queue_wake(struct aws_cloud *cloud, struct aws_queue *queue)
{
	struct aws_poll *first;

	if (TAILQ_EMPTY(&queue->polls))
		return;
	aws_queue_settle(queue, aws_cloud_now(cloud), aws_cloud_wall(cloud));
	while ((first = TAILQ_FIRST(&queue->polls)) && serve(first))
		;
	set_timer(cloud, queue);
}

void aws_queue_turn_away(struct aws_queue *queue, const char *code, const char *why)
{
	struct aws_poll *poll;

	while ((poll = TAILQ_FIRST(&queue->polls))) {
		struct aws_call *call = poll->call;

		leave(poll);
		aws_call_finish(call, aws_refuse(call, code, "%s", why));
	}
}
