/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed windows, a window a key: simple, and as coarse as Slack's own. */
#include <stdio.h>

#include "api.h"
#include "base/alloc.h"

#define KEYS_MAX 20000
#define MINUTE_MS 60000u

struct window {
	uint64_t began_ms;
	uint64_t used;
};

struct rule {
	uint64_t count, window_ms;
};

struct sim_limits {
	bool use_tiers;
	struct orch_map *rules;   /* by method */
	struct orch_map *windows; /* by method and place */
};

struct sim_limits *sim_limits_create(void)
{
	struct sim_limits *limits = orch_alloc(sizeof(*limits));

	if (!limits)
		return NULL;
	limits->rules = orch_map_create();
	limits->windows = orch_map_create();
	if (!limits->rules || !limits->windows) {
		sim_limits_destroy(limits);
		return NULL;
	}
	return limits;
}

static void empty(struct orch_map *map)
{
	struct orch_text key;
	void *value;
	size_t cursor = 0;

	while (map && orch_map_next(map, &cursor, &key, &value)) {
		(void)orch_map_remove(map, key);
		orch_free(value);
	}
}

void sim_limits_destroy(struct sim_limits *limits)
{
	if (!limits)
		return;
	sim_limits_clear(limits);
	if (limits->rules)
		orch_map_destroy(limits->rules, NULL);
	if (limits->windows)
		orch_map_destroy(limits->windows, NULL);
	orch_free(limits);
}

void sim_limits_use_tiers(struct sim_limits *limits, bool use)
{
	limits->use_tiers = use;
}

void sim_limits_clear(struct sim_limits *limits)
{
	empty(limits->rules);
	empty(limits->windows);
}

int sim_limits_set(
	struct sim_limits *limits, struct orch_text method, uint64_t count, uint64_t window_ms)
{
	struct rule *rule = orch_map_get(limits->rules, method);

	if (!count) {
		orch_free(orch_map_remove(limits->rules, method));
		return ORCH_OK;
	}
	if (!rule) {
		rule = orch_alloc(sizeof(*rule));
		if (!rule)
			return ORCH_E_NOMEM;
		if (orch_map_set(limits->rules, method, rule) != 0) {
			orch_free(rule);
			return ORCH_E_NOMEM;
		}
	}
	*rule = (struct rule){ count, window_ms ? window_ms : MINUTE_MS };
	return ORCH_OK;
}

static struct window *find_window(
	struct sim_limits *limits, struct orch_text method, struct orch_text place)
{
	char key[192];
	int len = snprintf(
		key, sizeof(key), "%.*s %.*s", ORCH_TEXT_ARG(method), ORCH_TEXT_ARG(place));
	struct orch_text text = { key, len > 0 ? (size_t)len : 0 };
	struct window *window;

	if (text.len >= sizeof(key))
		text.len = sizeof(key) - 1;
	window = orch_map_get(limits->windows, text);
	if (window)
		return window;
	if (orch_map_count(limits->windows) >= KEYS_MAX)
		empty(limits->windows);
	window = orch_alloc(sizeof(*window));
	if (window && orch_map_set(limits->windows, text, window) != 0) {
		orch_free(window);
		window = NULL;
	}
	return window;
}

static uint64_t take(struct sim_limits *limits, struct orch_text method, struct orch_text place,
	const struct rule *rule, uint64_t now_ms)
{
	struct window *window = find_window(limits, method, place);

	if (!window)
		return 0;
	if (!window->used || now_ms - window->began_ms >= rule->window_ms)
		*window = (struct window){ now_ms, 0 };
	if (window->used >= rule->count)
		return (window->began_ms + rule->window_ms - now_ms + 999) / 1000;
	window->used++;
	return 0;
}

uint64_t sim_limits_take(struct sim_limits *limits, struct orch_text method, unsigned tier,
	struct orch_text place, uint64_t now_ms)
{
	const struct rule *rule = orch_map_get(limits->rules, method);
	struct rule by_tier = { tier, MINUTE_MS }, by_channel = { 1, 1000 };

	if (rule)
		return take(limits, method, ORCH_TEXT_NONE, rule, now_ms);
	if (!limits->use_tiers || !tier)
		return 0;
	if (orch_text_is(method, "chat.postMessage"))
		return take(limits, method, place, &by_channel, now_ms);
	return take(limits, method, ORCH_TEXT_NONE, &by_tier, now_ms);
}
