/* SPDX-License-Identifier: Apache-2.0 */
/* Growing arrays, and a heap of what comes due. */
#ifndef AWS_ROWS_H
#define AWS_ROWS_H
#include <orch/abi.h>
#include "base/check.h"

/* The struct of TYPE whose MEMBER is at AT. */
#define AWS_OF(at, type, member) ((type *)(void *)((char *)(at)-offsetof(type, member)))

struct aws_rows {
	void **at;
	size_t count, room;
};

ORCH_MUST_USE int aws_rows_add(struct aws_rows *rows, void *value);
void aws_rows_fini(struct aws_rows *rows, void (*finish)(void *value)); /* FINISH may be NULL */

struct aws_numbers {
	uint64_t *at;
	size_t count, room;
};

ORCH_MUST_USE int aws_numbers_add(struct aws_numbers *numbers, uint64_t value);
void aws_numbers_fini(struct aws_numbers *numbers);

struct aws_heap_node {
	uint64_t key;
	size_t place; /* from 1; 0: in no heap */
};

struct aws_heap {
	struct aws_heap_node **at;
	size_t count, room;
};

/* Room for COUNT nodes, so that adding them cannot fail. */
ORCH_MUST_USE int aws_heap_reserve(struct aws_heap *heap, size_t count);
void aws_heap_add(struct aws_heap *heap, struct aws_heap_node *node, uint64_t key);
void aws_heap_remove(struct aws_heap *heap, struct aws_heap_node *node); /* if it is in */
/* With the smallest key; NULL: empty. */
struct aws_heap_node *aws_heap_first(const struct aws_heap *heap);
void aws_heap_fini(struct aws_heap *heap);

#endif
