/* SPDX-License-Identifier: Apache-2.0 */
/* What one receive brought: the leases share an arena, which goes with the last of them. */
#ifndef ORCH_BATCH_H
#define ORCH_BATCH_H
#include "base/arena.h"

struct orch_batch {
	struct orch_arena *arena;
	size_t refs; /* counted by one lane */
};

struct orch_batch *orch_batch_create(void); /* NULL: no memory */
struct orch_batch *orch_batch_ref(struct orch_batch *batch);
void orch_batch_unref(struct orch_batch *batch); /* accepts NULL */

#endif
