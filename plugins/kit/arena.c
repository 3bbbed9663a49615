/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct kit_arena_block {
	struct kit_arena_block *next;
	size_t size, used;
	_Alignas(max_align_t) char bytes[];
};

void kit_arena_init(struct kit_arena *arena, size_t limit_bytes)
{
	*arena = (struct kit_arena){ .limit_bytes = limit_bytes };
}

static void release(struct kit_arena_block *block)
{
	while (block != NULL) {
		struct kit_arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void kit_arena_fini(struct kit_arena *arena)
{
	release(arena->blocks);
	arena->blocks = NULL;
	arena->taken_bytes = 0;
}

void kit_arena_reset(struct kit_arena *arena)
{
	struct kit_arena_block *first = arena->blocks;

	arena->taken_bytes = 0;
	if (first == NULL)
		return;
	release(first->next);
	first->next = NULL;
	first->used = 0;
	if (first->size > BLOCK_BYTES) { /* one large call does not keep its memory for ever */
		free(first);
		arena->blocks = NULL;
	}
}

static struct kit_arena_block *add_block(struct kit_arena *arena, size_t size)
{
	size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
	struct kit_arena_block *block = malloc(sizeof(*block) + room);

	if (block == NULL)
		return NULL;
	block->next = arena->blocks;
	block->size = room;
	block->used = 0;
	arena->blocks = block;
	return block;
}

void *kit_arena_alloc(struct kit_arena *arena, size_t size)
{
	struct kit_arena_block *block = arena->blocks;
	const size_t align = _Alignof(max_align_t);
	char *ptr;

	if (size > SIZE_MAX - align)
		return NULL;
	size = size == 0 ? align : (size + align - 1) / align * align;
	if (size > arena->limit_bytes - arena->taken_bytes)
		return NULL;
	if (block == NULL || size > block->size - block->used)
		block = add_block(arena, size);
	if (block == NULL)
		return NULL;

	ptr = block->bytes + block->used;
	block->used += size;
	arena->taken_bytes += size;
	memset(ptr, 0, size);
	return ptr;
}
