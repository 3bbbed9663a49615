/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define CHUNK_BYTES_MIN 4096
#define CHUNK_BYTES_MAX 65536
#define ALIGNMENT alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct finisher {
	struct finisher *next;
	void (*finish)(void *arg);
	void *arg;
};

struct orch_arena {
	struct chunk *chunks; /* the first is the one being filled */
	struct finisher *finishers;
	size_t limit, used;
	size_t next_size;
	bool failed;
};

struct orch_arena *orch_arena_create(size_t limit)
{
	struct orch_arena *arena = orch_alloc(sizeof(*arena));

	if (!arena)
		return NULL;
	arena->limit = limit;
	arena->next_size = CHUNK_BYTES_MIN;
	return arena;
}

void orch_arena_destroy(struct orch_arena *arena)
{
	struct chunk *next;

	if (!arena)
		return;
	for (struct finisher *f = arena->finishers; f; f = f->next)
		f->finish(f->arg);
	for (struct chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		orch_free(chunk);
	}
	orch_free(arena);
}

static void *fail(struct orch_arena *arena)
{
	arena->failed = true;
	return NULL;
}

static struct chunk *add_chunk(struct orch_arena *arena, size_t size)
{
	struct chunk *chunk = orch_alloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

/* A large allocation gets a chunk of its own behind the one being filled. */
static struct chunk *add_large(struct orch_arena *arena, size_t size)
{
	struct chunk *filling = arena->chunks;
	struct chunk *chunk = add_chunk(arena, size);

	if (chunk && filling) {
		arena->chunks = filling;
		chunk->next = filling->next;
		filling->next = chunk;
	}
	return chunk;
}

static struct chunk *chunk_for(struct orch_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t overhead = sizeof(struct chunk);

	if (chunk && chunk->size - chunk->used >= size)
		return chunk;
	if (size > arena->next_size / 4)
		return add_large(arena, size);
	chunk = add_chunk(arena, arena->next_size - overhead);
	if (arena->next_size < CHUNK_BYTES_MAX)
		arena->next_size *= 2;
	return chunk;
}

void *orch_arena_alloc(struct orch_arena *arena, size_t size)
{
	struct chunk *chunk;
	void *memory;

	if (arena->failed)
		return NULL;
	if (size > SIZE_MAX / 2)
		return fail(arena);
	size = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (arena->limit != 0 && size > arena->limit - arena->used)
		return fail(arena);
	chunk = chunk_for(arena, size);
	if (!chunk)
		return fail(arena);
	memory = chunk->bytes + chunk->used;
	chunk->used += size;
	arena->used += size;
	return memory;
}

void *orch_arena_alloc_array(struct orch_arena *arena, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		return fail(arena);
	return orch_arena_alloc(arena, count * size);
}

struct orch_text orch_arena_text(struct orch_arena *arena, struct orch_text text)
{
	char *copy;

	if (text.len == 0)
		return ORCH_TEXT_NONE;
	copy = orch_arena_alloc(arena, text.len + 1);
	if (!copy)
		return ORCH_TEXT_NONE;
	memcpy(copy, text.ptr, text.len);
	return (struct orch_text){ copy, text.len };
}

const char *orch_arena_string(struct orch_arena *arena, struct orch_text text)
{
	return orch_arena_text(arena, text).ptr;
}

struct orch_text orch_arena_printf(struct orch_arena *arena, const char *fmt, ...)
{
	va_list ap;
	int len;
	char *text;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = len < 0 ? fail(arena) : orch_arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return ORCH_TEXT_NONE;
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return (struct orch_text){ text, (size_t)len };
}

void orch_arena_on_destroy(struct orch_arena *arena, void (*finish)(void *arg), void *arg)
{
	struct finisher *finisher = orch_arena_alloc(arena, sizeof(*finisher));

	if (!finisher) {
		finish(arg);
		return;
	}
	*finisher = (struct finisher){ arena->finishers, finish, arg };
	arena->finishers = finisher;
}

bool orch_arena_failed(const struct orch_arena *arena)
{
	return arena->failed;
}

size_t orch_arena_used(const struct orch_arena *arena)
{
	return arena->used;
}
