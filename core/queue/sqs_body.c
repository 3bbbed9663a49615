/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as SQS carries them: {"task": …, "args": [], "kwargs": {…}}, see
 * docs/formats.md.  All of it is ASCII, since SQS refuses some characters; a
 * message with a text that is not comes without its body, which the receiver
 * then takes from the store.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "queue/sqs.h"

#define MD5_BYTES 16

static bool is_ascii(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return false;
	return true;
}

static void add_text(struct orch_buf *buf, const char *key, struct orch_text text)
{
	orch_buf_printf(buf, ",\"%s\":", key);
	orch_buf_add_json(buf, is_ascii(text) ? text : ORCH_TEXT_NONE);
}

static void add_number(struct orch_buf *buf, const char *key, uint64_t number)
{
	orch_buf_printf(buf, ",\"%s\":%llu", key, (unsigned long long)number);
}

static void add_base64(struct orch_buf *buf, struct orch_text bytes)
{
	char chunk[4096 / 3 * 4 + 8];

	for (size_t at = 0; at < bytes.len; at += 3072) {
		size_t len = bytes.len - at < 3072 ? bytes.len - at : 3072;

		orch_buf_add(buf, chunk, orch_base64_encode(bytes.ptr + at, len, chunk));
	}
}

static const char *task_of(struct orch_text queue)
{
	return orch_text_is(queue, "scan") ? "scan" : "act";
}

void orch_sqs_body_write(struct orch_buf *buf, const struct orch_pg_item *item, bool with_body)
{
	const struct orch_message *message = &item->message;

	orch_buf_printf(buf, "{\"task\":\"%s\",\"args\":[],\"kwargs\":{\"row\":%lld",
		task_of(message->queue), (long long)item->row);
	add_text(buf, "queue", message->queue);
	add_text(buf, "id", message->id);
	add_text(buf, "pipeline", message->pipeline);
	add_text(buf, "tenant", message->tenant);
	add_text(buf, "trace", message->trace);
	add_text(buf, "order", message->order);
	add_number(buf, "priority", message->priority);
	add_number(buf, "time_ms", message->time_ms);
	add_number(buf, "put_ms", item->put_ms);
	if (with_body) {
		orch_buf_add_string(buf, ",\"sealed\":\"");
		add_base64(buf, item->sealed);
		orch_buf_add_char(buf, '"');
	}
	orch_buf_add_string(buf, "}}");
}

static struct orch_text copy(struct orch_arena *arena, struct json_object *object, const char *key)
{
	return orch_arena_text(arena, orch_json_text(object, key));
}

static struct orch_text read_sealed(struct orch_arena *arena, struct json_object *kwargs)
{
	struct orch_text base64 = orch_json_text(kwargs, "sealed");
	char *bytes = orch_arena_alloc(arena, base64.len / 4 * 3 + 3);
	size_t len = 0;

	if (bytes == NULL || base64.len == 0 || orch_base64_decode(base64, bytes, &len) != ORCH_OK)
		return ORCH_TEXT_NONE;
	return (struct orch_text){ bytes, len };
}

static void read_kwargs(
	struct json_object *kwargs, struct orch_arena *arena, struct orch_sqs_body *body)
{
	*body = (struct orch_sqs_body){
		.row = orch_json_int(kwargs, "row", 0),
		.message = { .queue = copy(arena, kwargs, "queue"),
			.id = copy(arena, kwargs, "id"),
			.alias = ORCH_TEXT_NONE,
			.pipeline = copy(arena, kwargs, "pipeline"),
			.tenant = copy(arena, kwargs, "tenant"),
			.trace = copy(arena, kwargs, "trace"),
			.order = copy(arena, kwargs, "order"),
			.priority = (uint32_t)orch_json_int(kwargs, "priority", 0),
			.time_ms = (uint64_t)orch_json_int(kwargs, "time_ms", 0),
			.body = ORCH_TEXT_NONE },
		.put_ms = (uint64_t)orch_json_int(kwargs, "put_ms", 0),
		.sealed = read_sealed(arena, kwargs),
	};
}

static bool refuse(
	const char *reason, const char *sentence, const char **ret_reason, struct orch_err *err)
{
	*ret_reason = reason;
	(void)orch_fail(err, ORCH_E_INVALID, "%s", sentence);
	return false;
}

static bool read_object(struct json_object *object, struct orch_text queue,
	struct orch_arena *arena, struct orch_sqs_body *ret_body, const char **ret_reason,
	struct orch_err *err)
{
	struct json_object *kwargs = orch_json_get(object, "kwargs");
	struct orch_text task = orch_json_text(object, "task");

	if (task.len == 0)
		return refuse("no_task", "the message has no \"task\"", ret_reason, err);
	if (!orch_text_is(task, task_of(queue)))
		return refuse("unknown_task", "the message's task is not one of this queue's",
			ret_reason, err);
	if (!json_object_is_type(kwargs, json_type_object))
		return refuse("bad_task", "the task has no \"kwargs\"", ret_reason, err);
	read_kwargs(kwargs, arena, ret_body);
	if (ret_body->row <= 0 || ret_body->message.id.len == 0 ||
		!orch_text_equal(ret_body->message.queue, queue))
		return refuse(
			"bad_task", "the task's kwargs name no row of this queue", ret_reason, err);
	return true;
}

bool orch_sqs_body_read(struct orch_text text, struct orch_text queue, struct orch_arena *arena,
	struct orch_sqs_body *ret_body, const char **ret_reason, struct orch_err *err)
{
	struct json_object *object = NULL;
	bool sound;

	if (orch_json_parse(text, &object, err) != ORCH_OK)
		return refuse("bad_json", "the message is no JSON", ret_reason, err);
	sound = json_object_is_type(object, json_type_object)
		? read_object(object, queue, arena, ret_body, ret_reason, err)
		: refuse("no_task", "the message is no JSON object", ret_reason, err);
	json_object_put(object);
	return sound;
}

/* SQS's own check sum; RET is empty if there is none to be had. */
void orch_sqs_md5(const struct orch_queue_sqs *queue, struct orch_text text, char ret[33])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	ret[0] = '\0';
	if (queue->md5 != NULL &&
		EVP_Digest(text.ptr, text.len, digest, &len, queue->md5, NULL) == 1 &&
		len == MD5_BYTES)
		orch_hex_encode(digest, len, ret);
}
