/* SPDX-License-Identifier: Apache-2.0 */
/* What is sealed, and what it is bound to: all of the row that does not change. */
#include "base/alloc.h"
#include "base/text.h"
#include "queue/sqlite.h"

#define ORCH_QUEUE_SCRATCH_KEPT (1 << 20)

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

struct orch_text orch_queue_sqlite_about(
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

struct orch_text orch_queue_sqlite_about_progress(struct orch_buf *about,
	const struct orch_message *message, uint64_t put_ms, uint32_t step, bool step_sent)
{
	(void)orch_queue_sqlite_about(about, message, put_ms);
	add_number(about, step);
	add_number(about, step_sent ? 1 : 0);
	return orch_buf_text(about);
}

static bool make_room(struct orch_queue_scratch *scratch, size_t size)
{
	char *grown;

	if (scratch->size >= size && scratch->size <= ORCH_QUEUE_SCRATCH_KEPT)
		return true;
	grown = orch_realloc(scratch->ptr, size);
	if (!grown)
		return false;
	scratch->ptr = grown;
	scratch->size = size;
	return true;
}

int orch_queue_sqlite_seal(struct orch_queue_sqlite *queue, struct orch_text plain,
	struct orch_text about, struct orch_text *ret_sealed, struct orch_err *err)
{
	size_t len = plain.len + ORCH_SEAL_OVERHEAD;

	if (!queue->key)
		return orch_fail(err, ORCH_E_DENIED, "queue: opened without its key");
	if (queue->about.failed || !make_room(&queue->sealed, len))
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	orch_seal(queue->key, plain, about, queue->sealed.ptr);
	*ret_sealed = (struct orch_text){ queue->sealed.ptr, len };
	return ORCH_OK;
}

int orch_queue_sqlite_unseal(const struct orch_secret *key, struct orch_text sealed,
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

static int open_progress(struct orch_queue_sqlite *queue, struct orch_text memo,
	struct orch_arena *arena, struct orch_lease *lease)
{
	lease->memo = ORCH_TEXT_NONE;
	if (memo.len == 0)
		return lease->step == 0 && !lease->step_sent ? ORCH_OK : ORCH_E_INVALID;
	return orch_queue_sqlite_unseal(queue->key, memo,
		orch_queue_sqlite_about_progress(&queue->about, &lease->message, lease->put_ms,
			lease->step, lease->step_sent),
		arena, &lease->memo);
}

int orch_queue_sqlite_open_row(struct orch_queue_sqlite *queue, struct orch_text body,
	struct orch_text memo, struct orch_arena *arena, struct orch_lease *lease)
{
	int code = orch_queue_sqlite_unseal(queue->key, body,
		orch_queue_sqlite_about(&queue->about, &lease->message, lease->put_ms), arena,
		&lease->message.body);

	return code < 0 ? code : open_progress(queue, memo, arena, lease);
}
