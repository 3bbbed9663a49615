/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing.  A removed slot stays marked until the
 * table is rebuilt, so that a walk is not disturbed by a removal.
 */
#include "base/map.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"

#define SLOTS_MIN 16

struct slot {
	char *key; /* NULL: free, or removed */
	size_t len;
	uint64_t hash;
	void *value;
	bool is_removed;
};

struct orch_map {
	struct slot *slots;
	size_t slot_count; /* a power of two, or 0 */
	size_t count;
	size_t taken; /* with the removed ones */
};

struct orch_map *orch_map_create(void)
{
	return orch_alloc(sizeof(struct orch_map));
}

void orch_map_destroy(struct orch_map *map, void (*finish)(void *value))
{
	if (!map)
		return;
	for (size_t i = 0; i < map->slot_count; i++) {
		if (!map->slots[i].key)
			continue;
		if (finish)
			finish(map->slots[i].value);
		orch_free(map->slots[i].key);
	}
	orch_free(map->slots);
	orch_free(map);
}

static struct slot *find(const struct orch_map *map, struct orch_text key, uint64_t hash)
{
	size_t mask = map->slot_count - 1;

	if (map->slot_count == 0)
		return NULL;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &map->slots[i];

		if (!slot->key && !slot->is_removed)
			return NULL;
		if (slot->key && slot->hash == hash &&
			orch_text_equal(key, (struct orch_text){ slot->key, slot->len }))
			return slot;
	}
}

/* There is always a free slot: a quarter of the table is. */
static struct slot *free_slot(struct slot *slots, size_t slot_count, uint64_t hash)
{
	size_t i = hash & (slot_count - 1);

	while (slots[i].key || slots[i].is_removed)
		i = (i + 1) & (slot_count - 1);
	return &slots[i];
}

/* Makes room for one more, forgetting the removed ones. */
static int reserve(struct orch_map *map)
{
	size_t slot_count = SLOTS_MIN;
	struct slot *slots;

	if ((map->taken + 1) * 4 <= map->slot_count * 3)
		return ORCH_OK;
	while (slot_count < (map->count + 1) * 2)
		slot_count *= 2;
	slots = orch_alloc_array(slot_count, sizeof(*slots));
	if (!slots)
		return ORCH_E_NOMEM;
	for (size_t i = 0; i < map->slot_count; i++) {
		if (map->slots[i].key)
			*free_slot(slots, slot_count, map->slots[i].hash) = map->slots[i];
	}
	orch_free(map->slots);
	map->slots = slots;
	map->slot_count = slot_count;
	map->taken = map->count;
	return ORCH_OK;
}

int orch_map_set(struct orch_map *map, struct orch_text key, void *value)
{
	uint64_t hash = orch_siphash(key);
	struct slot *slot = find(map, key, hash);
	char *copy;

	if (slot) {
		slot->value = value;
		return ORCH_OK;
	}
	if (reserve(map) != ORCH_OK)
		return ORCH_E_NOMEM;
	copy = orch_alloc(key.len + 1);
	if (!copy)
		return ORCH_E_NOMEM;
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	slot = free_slot(map->slots, map->slot_count, hash);
	*slot = (struct slot){ .key = copy, .len = key.len, .hash = hash, .value = value };
	map->count++;
	map->taken++;
	return ORCH_OK;
}

void *orch_map_get(const struct orch_map *map, struct orch_text key)
{
	const struct slot *slot = find(map, key, orch_siphash(key));

	return slot ? slot->value : NULL;
}

void *orch_map_remove(struct orch_map *map, struct orch_text key)
{
	struct slot *slot = find(map, key, orch_siphash(key));
	void *value;

	if (!slot)
		return NULL;
	value = slot->value;
	orch_free(slot->key);
	*slot = (struct slot){ .is_removed = true };
	map->count--;
	return value;
}

size_t orch_map_count(const struct orch_map *map)
{
	return map->count;
}

bool orch_map_next(
	const struct orch_map *map, size_t *cursor, struct orch_text *ret_key, void **ret_value)
{
	while (*cursor < map->slot_count) {
		const struct slot *slot = &map->slots[(*cursor)++];

		if (!slot->key)
			continue;
		*ret_key = (struct orch_text){ slot->key, slot->len };
		*ret_value = slot->value;
		return true;
	}
	return false;
}
