/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one call of a hook: taken piece by piece, given back whole.
 *
 * A plugin keeps one arena in its instance and resets it whenever a hook is
 * entered, so that what it handed out (a request, an answer) stays good until
 * the core has copied it.
 */
#ifndef KIT_ARENA_H
#define KIT_ARENA_H
#include <stddef.h>

struct kit_arena_block;

struct kit_arena {
	struct kit_arena_block *blocks;
	size_t taken_bytes;
	size_t limit_bytes; /* of all blocks together */
};

void kit_arena_init(struct kit_arena *arena, size_t limit_bytes);
void kit_arena_fini(struct kit_arena *arena);
void kit_arena_reset(struct kit_arena *arena);

/* Zeroed and aligned for anything; NULL: the limit or the memory is at its end. */
void *kit_arena_alloc(struct kit_arena *arena, size_t size);

#endif
