/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks as the JSON of PutRecords. */
#include <string.h>

#include "kinesis.h"
#include "kit/base64.h"

#define REQUEST_BYTES ((size_t)16 * 1024 * 1024)

static struct orch_text id_of(const struct orch_task *task)
{
	return task->record != NULL ? task->record->id : task->event->id;
}

static struct orch_text data_of(const struct orch_task *task)
{
	return task->record != NULL ? task->record->data : task->event->data;
}

static struct orch_text partition_of(const struct kinesis *self, const struct orch_task *task)
{
	struct orch_text key = { "", 0 };

	if (self->settings->partition == KINESIS_BY_ORDER)
		key = task->record != NULL ? task->record->order : task->event->order;
	else if (self->settings->partition == KINESIS_BY_TENANT)
		key = task->event->tenant;
	else if (self->settings->partition == KINESIS_BY_ACTOR)
		key = task->event->actor;
	return key.len > 0 ? key : id_of(task);
}

/* Kinesis counts characters.  Of a longer key its beginning is a key as good as any. */
static struct orch_text cut_key(struct orch_text key)
{
	struct orch_text rest = key;
	size_t count = 0;

	while (rest.len > 0 && count < KINESIS_KEY_CHARS) {
		size_t length = kit_utf8_length(rest);

		length = length == 0 ? 1 : length;
		rest = (struct orch_text){ rest.ptr + length, rest.len - length };
		count++;
	}
	return (struct orch_text){ key.ptr, key.len - rest.len };
}

bool kinesis_takes(struct kinesis *self, const struct orch_task *task)
{
	size_t key = cut_key(partition_of(self, task)).len;
	size_t data = data_of(task).len;

	return data > 0 && data + key <= self->settings->record_bytes;
}

static void put_record(
	struct kinesis *self, const struct orch_task *task, struct kit_builder *body, bool is_first)
{
	kit_puts(body, is_first ? "{\"Data\":\"" : ",{\"Data\":\"");
	kit_put_base64(body, data_of(task));
	kit_puts(body, "\",\"PartitionKey\":");
	kit_put_json(body, cut_key(partition_of(self, task)));
	kit_putc(body, '}');
}

static void put_stream(const struct kinesis *self, struct kit_builder *body)
{
	bool is_arn = strncmp(self->settings->stream, "arn:", 4) == 0;

	kit_puts(body, is_arn ? "{\"StreamARN\":" : "{\"StreamName\":");
	kit_put_json(body, kit_text(self->settings->stream));
	kit_puts(body, ",\"Records\":[");
}

static int refuse(const struct kinesis *self, const struct orch_task *task, struct orch_err *err)
{
	if (data_of(task).len == 0)
		return orch_fail(err, ORCH_E_INVALID, "there is no data to be published");
	return orch_fail(err, ORCH_E_LIMIT,
		"the record has %zu bytes, which is more than the stream takes (record_bytes = "
		"%llu)",
		data_of(task).len, (unsigned long long)self->settings->record_bytes);
}

int kinesis_write(struct kinesis *self, const struct orch_task *tasks, size_t count,
	struct orch_request *request, int *ret_codes, struct orch_err *err)
{
	struct kit_builder body;
	size_t taken = 0;
	int rc = ORCH_OK;

	kit_builder_init(&body, &self->arena, REQUEST_BYTES);
	put_stream(self, &body);
	for (size_t i = 0; i < count; i++) {
		if (kinesis_takes(self, &tasks[i]))
			put_record(self, &tasks[i], &body, taken++ == 0);
		else
			rc = ret_codes[i] = refuse(self, &tasks[i], err);
	}
	kit_puts(&body, "]}");
	if (taken == 0)
		return rc;
	if (!kit_is_whole(&body))
		return orch_fail(err, ORCH_E_AGAIN, "no memory for a request");
	request->method = kit_text("AWS");
	request->url = kit_text("aws:kinesis/PutRecords");
	request->body = kit_built(&body);
	request->account = self->settings->account;
	return ORCH_SEND;
}
