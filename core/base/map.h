/* SPDX-License-Identifier: Apache-2.0 */
/* A map from texts to pointers.  Keys are copied; SipHash, so that nobody can choose collisions. */
#ifndef ORCH_MAP_H
#define ORCH_MAP_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_map;

struct orch_map *orch_map_create(void);
/* FINISH (may be NULL) is called on each value that is left. */
void orch_map_destroy(struct orch_map *map, void (*finish)(void *value));

ORCH_MUST_USE int orch_map_set(
	struct orch_map *map, struct orch_text key, void *value);     /* replaces */
void *orch_map_get(const struct orch_map *map, struct orch_text key); /* NULL: not there */
void *orch_map_remove(struct orch_map *map, struct orch_text key);
size_t orch_map_count(const struct orch_map *map);

/* Walks in no order: start with *CURSOR = 0; false at the end.  Only the entry just given may be removed meanwhile. */
bool orch_map_next(
	const struct orch_map *map, size_t *cursor, struct orch_text *ret_key, void **ret_value);

#endif
