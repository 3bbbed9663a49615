/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that the engines share. */
#ifndef ORCH_STORE_SHARED_H
#define ORCH_STORE_SHARED_H
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "store/store.h"

#define ORCH_STORE_EVENTS_MAX 1000 /* given at once */
#define ORCH_STORE_ITEMS_FIRST 64  /* room for so many at first */

static inline size_t orch_store_limit(const struct orch_event_filter *filter)
{
	return filter->limit && filter->limit < ORCH_STORE_EVENTS_MAX ? filter->limit
								      : ORCH_STORE_EVENTS_MAX;
}

/* What a damaged row says of itself is not asked: neither its tool nor whether it was removed. */
static inline bool orch_store_is_wanted(
	const struct orch_stored_rule *rule, struct orch_text tool, bool with_removed)
{
	return rule->damaged ||
		((tool.len == 0 || orch_text_equal(tool, rule->tool)) &&
			(with_removed || !rule->removed));
}

/* ARRAY, or a larger copy of it, with room for one item more; NULL: no memory. */
static inline void *orch_store_grow(
	struct orch_arena *arena, void *array, size_t count, size_t *size, size_t item_bytes)
{
	size_t larger = *size ? *size * 2 : ORCH_STORE_ITEMS_FIRST;
	void *grown;

	if (count < *size)
		return array;
	grown = orch_arena_alloc_array(arena, larger, item_bytes);
	if (!grown)
		return NULL;
	if (count)
		memcpy(grown, array, count * item_bytes);
	*size = larger;
	return grown;
}

/* The first bytes behind all that begin with PREFIX; of nothing but 0xff that is only itself. */
struct orch_text orch_store_prefix_end(struct orch_arena *arena, struct orch_text prefix);

/* Is what OP names short enough to be a key?  ORCH_E_LIMIT if not. */
ORCH_MUST_USE int orch_store_check_op(const struct orch_store_op *op, struct orch_err *err);

#endif
