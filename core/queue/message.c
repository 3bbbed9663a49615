/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/message.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"

#define TIME_BYTES 8
#define HASH_BYTES 16

int orch_message_check(const struct orch_message *message, struct orch_err *err)
{
	const struct orch_text texts[] = { message->id, message->alias, message->order,
		message->pipeline, message->tenant, message->trace };

	if (message->queue.len == 0 || message->queue.len >= ORCH_QUEUE_NAME_BYTES ||
		message->id.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "queue: a message without queue or id");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].len > ORCH_QUEUE_TEXT_BYTES)
			return orch_fail(err, ORCH_E_LIMIT,
				"queue: an id or name of more than %d bytes",
				ORCH_QUEUE_TEXT_BYTES);
	}
	if (message->body.len > ORCH_QUEUE_BODY_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "queue: a message of more than %d bytes",
			ORCH_QUEUE_BODY_BYTES);
	return ORCH_OK;
}

int orch_message_check_names(const struct orch_queue_op *op, struct orch_err *err)
{
	if (op->name.len == 0 || op->name.len >= ORCH_QUEUE_NAME_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "queue: names without a queue");
	for (size_t i = 0; i < op->name_count; i++) {
		if (op->names[i].len > ORCH_QUEUE_TEXT_BYTES)
			return orch_fail(err, ORCH_E_LIMIT, "queue: a name of more than %d bytes",
				ORCH_QUEUE_TEXT_BYTES);
	}
	return ORCH_OK;
}

struct orch_text orch_message_cut(struct orch_text text, size_t limit)
{
	return (struct orch_text){ text.ptr, text.len < limit ? text.len : limit };
}

/* With its length, so that no two rows give the same bytes. */
static void add_text(struct orch_buf *about, struct orch_text text)
{
	uint32_t len = (uint32_t)text.len;

	orch_buf_add(about, &len, sizeof(len));
	orch_buf_add_text(about, text);
}

static void add_number(struct orch_buf *about, uint64_t number)
{
	orch_buf_add(about, &number, sizeof(number));
}

struct orch_text orch_message_about(
	struct orch_buf *about, const struct orch_message *message, uint64_t put_ms)
{
	orch_buf_reset(about);
	add_text(about, message->queue);
	add_text(about, message->id);
	add_text(about, message->pipeline);
	add_text(about, message->order);
	add_text(about, message->tenant);
	add_text(about, message->trace);
	add_number(about, message->priority);
	add_number(about, message->time_ms);
	add_number(about, put_ms);
	return orch_buf_text(about);
}

struct orch_text orch_message_about_progress(struct orch_buf *about,
	const struct orch_message *message, uint64_t put_ms, uint32_t step, bool step_sent)
{
	(void)orch_message_about(about, message, put_ms);
	add_number(about, step);
	add_number(about, step_sent ? 1 : 0);
	return orch_buf_text(about);
}

int orch_message_unseal(const struct orch_secret *key, struct orch_text sealed,
	struct orch_text about, struct orch_arena *arena, struct orch_text *ret_plain)
{
	size_t len;
	char *plain;

	if (sealed.len < ORCH_SEAL_OVERHEAD)
		return ORCH_E_INVALID;
	len = sealed.len - ORCH_SEAL_OVERHEAD;
	plain = orch_arena_alloc(arena, len + 1);
	if (!plain)
		return ORCH_E_NOMEM;
	if (orch_unseal(key, sealed, about, plain) < 0)
		return ORCH_E_INVALID;
	plain[len] = '\0';
	*ret_plain = (struct orch_text){ plain, len };
	return ORCH_OK;
}

int orch_message_open_progress(const struct orch_secret *key, struct orch_buf *about,
	struct orch_text memo, struct orch_arena *arena, struct orch_lease *lease)
{
	lease->memo = ORCH_TEXT_NONE;
	if (memo.len == 0)
		return lease->step == 0 && !lease->step_sent ? ORCH_OK : ORCH_E_INVALID;
	return orch_message_unseal(key, memo,
		orch_message_about_progress(
			about, &lease->message, lease->put_ms, lease->step, lease->step_sent),
		arena, &lease->memo);
}

int orch_message_open(const struct orch_secret *key, struct orch_buf *about, struct orch_text body,
	struct orch_text memo, struct orch_arena *arena, struct orch_lease *lease)
{
	int code = orch_message_unseal(key, body,
		orch_message_about(about, &lease->message, lease->put_ms), arena,
		&lease->message.body);

	return code < 0 ? code : orch_message_open_progress(key, about, memo, arena, lease);
}

struct orch_text orch_message_seen_key(struct orch_text queue, struct orch_text name,
	uint64_t time_ms, char key[ORCH_QUEUE_SEEN_BYTES])
{
	char text[ORCH_QUEUE_NAME_BYTES + ORCH_QUEUE_TEXT_BYTES + 1];
	int len = snprintf(text, sizeof(text), "%.*s", ORCH_TEXT_ARG(queue));
	uint8_t hash[ORCH_SHA256_BYTES];
	size_t at = 0;

	/* The NUL between the two is part of it. */
	memcpy(text + len + 1, name.ptr, name.len);
	orch_sha256((struct orch_text){ text, (size_t)len + 1 + name.len }, hash);
	while (time_ms != 0 && at < TIME_BYTES) {
		key[at] = (char)(time_ms >> (8 * (TIME_BYTES - 1 - at)) & 0xffu);
		at++;
	}
	memcpy(key + at, hash, HASH_BYTES);
	return (struct orch_text){ key, at + HASH_BYTES };
}

uint64_t orch_message_draw_token(void)
{
	uint64_t token = 0;

	orch_random_bytes(&token, sizeof(token));
	return (token >> 1) | 1;
}
