/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/batch.h"

#include "base/alloc.h"

struct orch_batch *orch_batch_create(void)
{
	struct orch_batch *batch = orch_alloc(sizeof(*batch));

	if (batch == NULL)
		return NULL;
	batch->refs = 1;
	batch->arena = orch_arena_create(0);
	if (batch->arena == NULL) {
		orch_free(batch);
		return NULL;
	}
	return batch;
}

struct orch_batch *orch_batch_ref(struct orch_batch *batch)
{
	batch->refs++;
	return batch;
}

void orch_batch_unref(struct orch_batch *batch)
{
	if (batch == NULL || --batch->refs > 0)
		return;
	orch_arena_destroy(batch->arena);
	orch_free(batch);
}
