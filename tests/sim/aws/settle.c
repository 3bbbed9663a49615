/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a receipt: deleting, and changing the visibility. */
#include "sim/aws/handlers.h"
#include "sim/aws/sqs.h"
#include "base/text.h"

#define VISIBILITY_MAX_S 43200
#define LEASE_MAX_MS (43200ull * 1000 + 999) /* from the receive on; it counts in whole seconds */

struct receipt {
	struct aws_queue *queue;
	struct aws_entry *entry;     /* NULL: long gone */
	struct aws_message *message; /* NULL: gone */
};

static int refuse_handle(struct aws_call *call, struct orch_text handle)
{
	return aws_refuse(call, "ReceiptHandleIsInvalid",
		"The input receipt handle \"%.*s\" is not a valid receipt handle.",
		handle.len < 80 ? (int)handle.len : 80, handle.ptr);
}

/* An older receipt than the newest is refused, unless two have the message by a fault. */
static int read_receipt(
	struct aws_call *call, struct json_object *entry, struct receipt *ret_receipt)
{
	struct orch_text handle = orch_json_text(entry, "ReceiptHandle");
	struct aws_queue *queue = aws_find_queue(call);
	uint64_t number;
	uint32_t receipt;

	if (!queue)
		return AWS_REFUSED;
	if (!handle.len)
		return aws_refuse_missing(call, "ReceiptHandle");
	if (!aws_receipt_read(handle, &number, &receipt) ||
		aws_call_hit(call, AWS_FAULT_LEASE, NULL, NULL))
		return refuse_handle(call, handle);
	*ret_receipt = (struct receipt){ .queue = queue };
	ret_receipt->entry = aws_ledger_entry(call->cloud->ledger, number);
	if (!ret_receipt->entry)
		return AWS_DONE;
	ret_receipt->message = ret_receipt->entry->message;
	if (ret_receipt->entry->tally != queue->tally)
		return refuse_handle(call, handle);
	if (ret_receipt->message && receipt < ret_receipt->message->valid_from)
		return refuse_handle(call, handle);
	return AWS_DONE;
}

static bool has_expired(const struct aws_message *message)
{
	return message->place != AWS_FLYING && !message->is_twin;
}

static void note_delete(struct aws_call *call, struct aws_entry *entry)
{
	entry->deletions++;
	aws_ledger_step(
		call->cloud->ledger, AWS_STEP_DELETE, entry->number, aws_cloud_wall(call->cloud));
}

/* Deleted, and yet it will be delivered once more. */
static void make_ghost(
	struct aws_call *call, struct aws_message *message, const struct aws_fault *fault)
{
	message->is_ghost = true;
	message->entry->tally->ghosts++;
	aws_ledger_end(
		call->cloud->ledger, message->entry, AWS_DELETED, aws_cloud_wall(call->cloud));
	aws_queue_hide(message, aws_cloud_now(call->cloud) + fault->ms);
	aws_queue_wake(call->cloud, message->queue);
}

static int delete_one(struct aws_call *call, struct json_object *args)
{
	struct receipt receipt;
	struct aws_fault fault;

	if (read_receipt(call, args, &receipt) != AWS_DONE)
		return AWS_REFUSED;
	if (!receipt.message) {
		if (receipt.entry)
			note_delete(call, receipt.entry);
		return AWS_DONE;
	}
	if (receipt.queue->attributes.is_fifo && has_expired(receipt.message))
		return aws_refuse_parameter(
			call, "ReceiptHandle", "The receipt handle has expired.");
	note_delete(call, receipt.entry);
	if (!receipt.message->is_ghost && aws_call_hit(call, AWS_FAULT_UNDEAD, NULL, &fault))
		make_ghost(call, receipt.message, &fault);
	else
		aws_queue_remove(receipt.message, AWS_DELETED, aws_cloud_wall(call->cloud));
	return AWS_DONE;
}

static int hide_one(struct aws_call *call, struct json_object *args)
{
	uint64_t now_ms = aws_cloud_now(call->cloud);
	struct receipt receipt;
	int64_t seconds;

	if (!orch_json_get(args, "VisibilityTimeout"))
		return aws_refuse_missing(call, "VisibilityTimeout");
	if (aws_call_int(call, args, "VisibilityTimeout", 0, VISIBILITY_MAX_S, 0, &seconds) !=
			AWS_DONE ||
		read_receipt(call, args, &receipt) != AWS_DONE)
		return AWS_REFUSED;
	if (!receipt.message)
		return aws_refuse_parameter(call, "ReceiptHandle",
			"Message does not exist or is not available for visibility timeout "
			"change.");
	if (receipt.message->place != AWS_FLYING)
		return aws_refuse(
			call, "MessageNotInflight", "The specified message isn't in flight.");
	if (now_ms + (uint64_t)seconds * 1000 > receipt.message->leased_ms + LEASE_MAX_MS)
		return aws_refuse_parameter(call, "VisibilityTimeout",
			"Total VisibilityTimeout for the message is beyond the limit [43200 "
			"seconds]");
	aws_ledger_step(call->cloud->ledger, AWS_STEP_HIDE, receipt.entry->number,
		aws_cloud_wall(call->cloud));
	if (seconds)
		aws_queue_hide(receipt.message, now_ms + (uint64_t)seconds * 1000);
	else
		aws_queue_show(receipt.message);
	return AWS_DONE;
}

/* A FIFO group may have become free, a message visible. */
static int end(struct aws_call *call, int code)
{
	struct aws_queue *queue = code == AWS_DONE ? aws_find_queue(call) : NULL;

	if (queue)
		aws_queue_wake(call->cloud, queue);
	return code;
}

static int run_batch(
	struct aws_call *call, int (*one)(struct aws_call *call, struct json_object *entry))
{
	if (!aws_find_queue(call))
		return AWS_REFUSED;
	return end(call, aws_run_batch(call, one));
}

int aws_delete_message(struct aws_call *call)
{
	return end(call, aws_run_single(call, delete_one));
}

int aws_delete_message_batch(struct aws_call *call)
{
	return run_batch(call, delete_one);
}

int aws_change_visibility(struct aws_call *call)
{
	return end(call, aws_run_single(call, hide_one));
}

int aws_change_visibility_batch(struct aws_call *call)
{
	return run_batch(call, hide_one);
}
