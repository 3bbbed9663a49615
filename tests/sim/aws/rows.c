/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/rows.h"

#include "base/alloc.h"

#define ROOM_MIN 16

/* NULL: no memory, and nothing has changed. */
static void *grow(void *at, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room : ROOM_MIN;
	void *grown;

	while (wanted < count)
		wanted *= 2;
	if (at && wanted == *room)
		return at;
	grown = orch_realloc(at, wanted * size);
	if (grown)
		*room = wanted;
	return grown;
}

int aws_rows_add(struct aws_rows *rows, void *value)
{
	void **at = grow(rows->at, rows->count + 1, &rows->room, sizeof(*at));

	if (!at)
		return ORCH_E_NOMEM;
	rows->at = at;
	rows->at[rows->count++] = value;
	return ORCH_OK;
}

void aws_rows_fini(struct aws_rows *rows, void (*finish)(void *value))
{
	for (size_t i = 0; finish && i < rows->count; i++)
		if (rows->at[i])
			finish(rows->at[i]);
	orch_free(rows->at);
	*rows = (struct aws_rows){ 0 };
}

int aws_numbers_add(struct aws_numbers *numbers, uint64_t value)
{
	uint64_t *at = grow(numbers->at, numbers->count + 1, &numbers->room, sizeof(*at));

	if (!at)
		return ORCH_E_NOMEM;
	numbers->at = at;
	numbers->at[numbers->count++] = value;
	return ORCH_OK;
}

void aws_numbers_fini(struct aws_numbers *numbers)
{
	orch_free(numbers->at);
	*numbers = (struct aws_numbers){ 0 };
}

int aws_heap_reserve(struct aws_heap *heap, size_t count)
{
	struct aws_heap_node **at = grow(heap->at, count, &heap->room, sizeof(*at));

	if (!at)
		return ORCH_E_NOMEM;
	heap->at = at;
	return ORCH_OK;
}

static void put_at(struct aws_heap *heap, size_t place, struct aws_heap_node *node)
{
	heap->at[place - 1] = node;
	node->place = place;
}

static void rise(struct aws_heap *heap, size_t place, struct aws_heap_node *node)
{
	while (place > 1 && heap->at[place / 2 - 1]->key > node->key) {
		put_at(heap, place, heap->at[place / 2 - 1]);
		place /= 2;
	}
	put_at(heap, place, node);
}

static void sink(struct aws_heap *heap, size_t place, struct aws_heap_node *node)
{
	for (size_t child; (child = 2 * place) <= heap->count; place = child) {
		if (child < heap->count && heap->at[child]->key < heap->at[child - 1]->key)
			child++;
		if (heap->at[child - 1]->key >= node->key)
			break;
		put_at(heap, place, heap->at[child - 1]);
	}
	put_at(heap, place, node);
}

void aws_heap_add(struct aws_heap *heap, struct aws_heap_node *node, uint64_t key)
{
	orch_assert(heap->count < heap->room && node->place == 0);
	node->key = key;
	rise(heap, ++heap->count, node);
}

void aws_heap_remove(struct aws_heap *heap, struct aws_heap_node *node)
{
	size_t place = node->place;
	struct aws_heap_node *last;

	if (!place)
		return;
	last = heap->at[--heap->count];
	node->place = 0;
	if (last == node)
		return;
	if (last->key < node->key)
		rise(heap, place, last);
	else
		sink(heap, place, last);
}

struct aws_heap_node *aws_heap_first(const struct aws_heap *heap)
{
	return heap->count ? heap->at[0] : NULL;
}

void aws_heap_fini(struct aws_heap *heap)
{
	orch_free(heap->at);
	*heap = (struct aws_heap){ 0 };
}
