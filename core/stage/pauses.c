/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/pauses.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"

struct pause {
	uint64_t until_ms; /* monotonic */
};

struct orch_pauses {
	pthread_mutex_t lock;
	struct orch_map *map;
};

struct orch_pauses *orch_pauses_create(void)
{
	struct orch_pauses *pauses = orch_alloc(sizeof(*pauses));

	if (pauses == NULL)
		return NULL;
	pauses->map = orch_map_create();
	if (pauses->map == NULL) {
		orch_free(pauses);
		return NULL;
	}
	(void)pthread_mutex_init(&pauses->lock, NULL);
	return pauses;
}

void orch_pauses_destroy(struct orch_pauses *pauses)
{
	if (pauses == NULL)
		return;
	orch_map_destroy(pauses->map, orch_free);
	(void)pthread_mutex_destroy(&pauses->lock);
	orch_free(pauses);
}

/* Forgets pauses that are over. */
static void forget_ended(struct orch_pauses *pauses, uint64_t now)
{
	struct orch_text key;
	size_t cursor = 0;
	void *value;

	while (orch_map_next(pauses->map, &cursor, &key, &value)) {
		struct pause *pause = value;

		if (pause->until_ms <= now)
			orch_free(orch_map_remove(pauses->map, key));
	}
}

/* If all are running, any one of them has to go. */
static void make_room(struct orch_pauses *pauses, uint64_t now)
{
	struct orch_text key;
	size_t cursor = 0;
	void *value;

	forget_ended(pauses, now);
	if (orch_map_count(pauses->map) >= ORCH_PAUSES_MAX &&
		orch_map_next(pauses->map, &cursor, &key, &value))
		orch_free(orch_map_remove(pauses->map, key));
}

static struct pause *get_or_add(struct orch_pauses *pauses, struct orch_text key, uint64_t now)
{
	struct pause *pause = orch_map_get(pauses->map, key);

	if (pause != NULL)
		return pause;
	if (orch_map_count(pauses->map) >= ORCH_PAUSES_MAX)
		make_room(pauses, now);
	pause = orch_alloc(sizeof(*pause));
	if (pause != NULL && orch_map_set(pauses->map, key, pause) != ORCH_OK) {
		orch_free(pause);
		pause = NULL;
	}
	return pause;
}

void orch_pauses_set(struct orch_pauses *pauses, struct orch_text key, uint64_t for_ms)
{
	uint64_t now = orch_clock_mono_ms();
	struct pause *pause;

	pthread_mutex_lock(&pauses->lock);
	pause = get_or_add(pauses, key, now);
	if (pause != NULL && pause->until_ms < now + for_ms)
		pause->until_ms = now + for_ms;
	pthread_mutex_unlock(&pauses->lock);
}

uint64_t orch_pauses_left_ms(struct orch_pauses *pauses, struct orch_text key)
{
	uint64_t now = orch_clock_mono_ms();
	uint64_t left = 0;
	struct pause *pause;

	if (key.len == 0)
		return 0;
	pthread_mutex_lock(&pauses->lock);
	pause = orch_map_get(pauses->map, key);
	if (pause != NULL && pause->until_ms > now)
		left = pause->until_ms - now;
	pthread_mutex_unlock(&pauses->lock);
	return left;
}

size_t orch_pauses_count(struct orch_pauses *pauses)
{
	size_t count;

	pthread_mutex_lock(&pauses->lock);
	forget_ended(pauses, orch_clock_mono_ms());
	count = orch_map_count(pauses->map);
	pthread_mutex_unlock(&pauses->lock);
	return count;
}
