/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that belongs to a unit of work and goes with it.
 *
 * An arena fails softly: after an allocation that could not be had (no memory,
 * or LIMIT reached) it stays failed, allocations give NULL and texts are
 * empty, and the caller asks orch_arena_failed() once at the end.
 */
#ifndef ORCH_ARENA_H
#define ORCH_ARENA_H
#include <orch/abi.h>

struct orch_arena;

/* LIMIT in bytes over all; 0: none.  NULL when there is no memory. */
struct orch_arena *orch_arena_create(size_t limit);
void orch_arena_destroy(struct orch_arena *arena); /* accepts NULL */

void *orch_arena_alloc(struct orch_arena *arena, size_t size); /* zeroed, aligned */
void *orch_arena_alloc_array(struct orch_arena *arena, size_t count, size_t size);
struct orch_text orch_arena_text(
	struct orch_arena *arena, struct orch_text text); /* a copy, NUL behind it */
const char *orch_arena_string(struct orch_arena *arena, struct orch_text text); /* never NULL */
struct orch_text orch_arena_printf(struct orch_arena *arena, const char *fmt, ...)
	ORCH_PRINTF(2, 3);

/* Calls FINISH(ARG) when the arena is destroyed, last registered first.  On failure it is called at once. */
void orch_arena_on_destroy(struct orch_arena *arena, void (*finish)(void *arg), void *arg);

bool orch_arena_failed(const struct orch_arena *arena);
size_t orch_arena_used(const struct orch_arena *arena);

#endif
