/* SPDX-License-Identifier: Apache-2.0 */
/* Events and tasks as queues carry them: what is read, written and read again is the same. */
#include <stdlib.h>

#include "base/text.h"
#include "model/event.h"

#define WRITTEN_BYTES ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Writes what JSON holds to RET; false if it is refused. */
typedef bool rewrite(struct orch_text json, struct orch_arena *arena, struct orch_buf *ret);

static bool rewrite_event(struct orch_text json, struct orch_arena *arena, struct orch_buf *ret)
{
	struct orch_event *event = NULL;
	struct orch_err err = { "" };

	if (orch_event_read(json, arena, &event, &err) != ORCH_OK) {
		require(err.text[0] != '\0');
		return false;
	}
	orch_event_write(ret, event, true);
	return true;
}

static bool rewrite_task(struct orch_text json, struct orch_arena *arena, struct orch_buf *ret)
{
	struct orch_task *task = NULL;
	struct orch_err err = { "" };

	if (orch_task_read(json, arena, &task, &err) != ORCH_OK) {
		require(err.text[0] != '\0');
		return false;
	}
	orch_task_write(ret, task);
	return true;
}

static void check(rewrite *how, struct orch_text json)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_buf once, twice;

	require(arena != NULL);
	orch_buf_init(&once, WRITTEN_BYTES);
	orch_buf_init(&twice, WRITTEN_BYTES);
	if (how(json, arena, &once)) {
		require(!once.failed);
		require(how(orch_buf_text(&once), arena, &twice));
		require(orch_text_equal(orch_buf_text(&once), orch_buf_text(&twice)));
	}
	orch_buf_fini(&once);
	orch_buf_fini(&twice);
	orch_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct orch_text json = { len > 0 ? (const char *)bytes : "", len };

	check(rewrite_event, json);
	check(rewrite_task, json);
	return 0;
}
