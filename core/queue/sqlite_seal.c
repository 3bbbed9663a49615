/* SPDX-License-Identifier: Apache-2.0 */
/* Seals, in memory that the writer's thread uses again and again. */
#include "base/alloc.h"
#include "base/text.h"
#include "queue/sqlite.h"

#define ORCH_QUEUE_SCRATCH_KEPT (1 << 20)

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
