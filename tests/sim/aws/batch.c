/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of up to ten entries, of which each may fail by itself. */
#include <string.h>

#include "sim/aws/sqs.h"
#include "base/text.h"

#define FAILED_BYTES (1024u * 1024)

struct batch {
	struct aws_call *call;
	struct orch_buf failed; /* the list's entries, without its brackets */
};

static bool is_batch_id(struct orch_text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
			    id.ptr[i]) ||
			!id.ptr[i])
			return false;
	return id.len >= 1 && id.len <= AWS_BATCH_ID_MAX;
}

static struct orch_text id_at(struct json_object *entries, size_t i)
{
	return orch_json_text(json_object_array_get_idx(entries, i), "Id");
}

static int check_ids(struct aws_call *call, struct json_object *entries)
{
	size_t count = json_object_array_length(entries);

	for (size_t i = 0; i < count; i++) {
		struct orch_text id = id_at(entries, i);

		if (!is_batch_id(id))
			return aws_refuse(call, "InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, "
				"hyphens and underscores. It can be at most 80 letters long.");
		for (size_t j = 0; j < i; j++)
			if (orch_text_equal(id, id_at(entries, j)))
				return aws_refuse(call, "BatchEntryIdsNotDistinct",
					"Id %.*s repeated.", ORCH_TEXT_ARG(id));
	}
	return AWS_DONE;
}

static int check_batch(struct aws_call *call, struct json_object *entries)
{
	if (!json_object_is_type(entries, json_type_array) || !json_object_array_length(entries))
		return aws_refuse(call, "EmptyBatchRequest",
			"There should be at least one entry in the request.");
	if (json_object_array_length(entries) > AWS_BATCH_MAX)
		return aws_refuse(call, "TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %zu.",
			AWS_BATCH_MAX, json_object_array_length(entries));
	return check_ids(call, entries);
}

/* The call's error becomes the entry's. */
static void add_failed(struct batch *batch, struct orch_text id, bool is_senders)
{
	struct aws_error *error = &batch->call->error;
	struct orch_buf *buf = &batch->failed;

	orch_buf_add_string(buf, buf->len ? ",{\"Id\":" : "{\"Id\":");
	orch_buf_add_json(buf, id);
	orch_buf_printf(buf,
		",\"SenderFault\":%s,\"Code\":\"%s\",\"Message\":", is_senders ? "true" : "false",
		aws_error_entry_code(error->code));
	orch_buf_add_json(buf, orch_text_from(error->message));
	orch_buf_add_char(buf, '}');
	*error = (struct aws_error){ .status = 0 };
}

static void fail_by(struct batch *batch, const struct aws_fault *fault, struct orch_text id)
{
	(void)aws_refuse(batch->call, fault->code[0] ? fault->code : "InternalError", "%s",
		fault->message[0] ? fault->message : "Please try again.");
	add_failed(batch, id, fault->sender_fault);
}

static void cut_back(struct orch_buf *buf, size_t len)
{
	buf->len = len;
	if (buf->ptr)
		buf->ptr[len] = '\0';
}

/* What the answer says of it is taken back: with AFTER it took effect, and yet it failed. */
static bool run_spoiled(struct batch *batch, struct json_object *entry,
	int (*one)(struct aws_call *call, struct json_object *entry))
{
	struct aws_call *call = batch->call;
	struct orch_text id = orch_json_text(entry, "Id");
	size_t len = call->answer.len, touched = call->touched.count;
	struct aws_fault fault;
	bool is_partial = aws_call_hit(call, AWS_FAULT_PARTIAL, NULL, &fault);

	if (!is_partial && !aws_call_hit(call, AWS_FAULT_OMIT, NULL, &fault))
		return false;
	if (fault.after && one(call, entry) != AWS_DONE)
		call->error = (struct aws_error){ .status = 0 };
	cut_back(&call->answer, len);
	call->touched.count = touched;
	if (is_partial)
		fail_by(batch, &fault, id);
	return true;
}

static void run_entry(struct batch *batch, struct json_object *entry,
	int (*one)(struct aws_call *call, struct json_object *entry))
{
	struct aws_call *call = batch->call;
	struct orch_text id = orch_json_text(entry, "Id");
	size_t len = call->answer.len, touched = call->touched.count;

	if (run_spoiled(batch, entry, one))
		return;
	if (call->answer.ptr[len - 1] != '[')
		orch_buf_add_char(&call->answer, ',');
	orch_buf_add_char(&call->answer, '{');
	aws_add_text(call, "Id", id);
	if (one(call, entry) == AWS_DONE) {
		orch_buf_add_char(&call->answer, '}');
		return;
	}
	cut_back(&call->answer, len);
	call->touched.count = touched;
	add_failed(batch, id, !aws_error_is_ours(call->error.code));
}

int aws_run_batch(
	struct aws_call *call, int (*one)(struct aws_call *call, struct json_object *entry))
{
	struct json_object *entries = orch_json_get(call->args, "Entries");
	struct batch batch = { .call = call };
	int code = check_batch(call, entries);

	if (code != AWS_DONE)
		return code;
	orch_buf_init(&batch.failed, FAILED_BYTES);
	orch_buf_add_string(&call->answer, "{\"Successful\":[");
	for (size_t i = 0; i < json_object_array_length(entries) && call->answer.ptr; i++)
		run_entry(&batch, json_object_array_get_idx(entries, i), one);
	orch_buf_add_string(&call->answer, "],\"Failed\":[");
	orch_buf_add_text(&call->answer, orch_buf_text(&batch.failed));
	orch_buf_add_string(&call->answer, "]}");
	orch_buf_fini(&batch.failed);
	return AWS_DONE;
}

int aws_run_single(
	struct aws_call *call, int (*one)(struct aws_call *call, struct json_object *entry))
{
	int code;

	orch_buf_add_char(&call->answer, '{');
	code = one(call, call->args);
	orch_buf_add_char(&call->answer, '}');
	return code;
}
