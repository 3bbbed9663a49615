/* SPDX-License-Identifier: Apache-2.0 */
/* Events as plugins hand them over: judged, then copied. */
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/text.h"
#include "plugin/sink.h"

struct tally {
	uint64_t left; /* bytes that may still come */
	int code;
};

static void add(struct tally *tally, struct orch_text text)
{
	if (tally->code != ORCH_OK)
		return;
	if (text.ptr == NULL && text.len > 0)
		tally->code = ORCH_E_INVALID;
	else if (text.len > tally->left)
		tally->code = ORCH_E_LIMIT;
	else
		tally->left -= text.len;
}

/* Are all the texts texts, and together no longer than LIMIT?  Aliases, of which little is kept, count apart. */
static int check_texts(const struct orch_event *event, uint64_t limit)
{
	struct tally tally = { limit == 0 ? UINT64_MAX : limit, ORCH_OK };

	add(&tally, event->id);
	add(&tally, event->source);
	add(&tally, event->type);
	add(&tally, event->tenant);
	add(&tally, event->actor);
	add(&tally, event->order);
	add(&tally, event->data);
	add(&tally, event->trace);
	for (size_t i = 0; i < event->field_count; i++) {
		add(&tally, event->fields[i].name);
		add(&tally, event->fields[i].value);
	}
	for (size_t i = 0; i < event->part_count; i++) {
		add(&tally, event->parts[i].name);
		add(&tally, event->parts[i].media_type);
		add(&tally, event->parts[i].bytes);
		add(&tally, event->parts[i].note);
	}
	tally.left = limit == 0 ? UINT64_MAX : limit;
	if (ORCH_HAS(event, alias))
		add(&tally, event->alias);
	for (size_t i = 0; i < event->part_count; i++)
		add(&tally, event->parts[i].alias);
	return tally.code;
}

/* Parts are told apart by their names. */
static int check_parts(const struct orch_event *event)
{
	struct orch_map *names = orch_map_create();
	int rc = names == NULL ? ORCH_E_NOMEM : ORCH_OK;

	for (size_t i = 0; rc == ORCH_OK && i < event->part_count; i++) {
		const struct orch_part *part = &event->parts[i];

		if (part->name.len == 0 || part->state > ORCH_PART_GONE ||
			orch_map_get(names, part->name) != NULL)
			rc = ORCH_E_INVALID;
		else
			rc = orch_map_set(names, part->name, names);
	}
	orch_map_destroy(names, NULL);
	return rc;
}

int orch_event_check(const struct orch_event *event, const struct orch_sink_limits *limits)
{
	int rc;

	if (!ORCH_HAS(event, trace) || (event->fields == NULL && event->field_count > 0) ||
		(event->parts == NULL && event->part_count > 0))
		return ORCH_E_INVALID;
	if (event->part_count > limits->parts || event->field_count > limits->fields)
		return ORCH_E_LIMIT;
	rc = check_texts(event, limits->event_bytes);
	if (rc != ORCH_OK || event->part_count == 0)
		return rc;
	return check_parts(event);
}

static void copy_fields(
	struct orch_arena *arena, const struct orch_event *event, struct orch_event *copy)
{
	struct orch_field *fields =
		orch_arena_alloc_array(arena, event->field_count, sizeof(*fields));

	for (size_t i = 0; fields != NULL && i < event->field_count; i++) {
		fields[i].name = orch_arena_text(arena, event->fields[i].name);
		fields[i].value = orch_arena_text(arena, event->fields[i].value);
	}
	copy->fields = fields;
}

/* An alias by its digest: it may repeat all that the event says. */
static struct orch_text digest(struct orch_arena *arena, struct orch_text alias)
{
	char uuid[ORCH_UUID_CHARS + 1];

	if (alias.len == 0)
		return ORCH_TEXT_NONE;
	orch_uuid5(&alias, 1, uuid);
	return orch_arena_text(arena, orch_text_from(uuid));
}

static void copy_parts(
	struct orch_arena *arena, const struct orch_event *event, struct orch_event *copy)
{
	struct orch_part *parts = orch_arena_alloc_array(arena, event->part_count, sizeof(*parts));

	for (size_t i = 0; parts != NULL && i < event->part_count; i++) {
		parts[i].name = orch_arena_text(arena, event->parts[i].name);
		parts[i].media_type = orch_arena_text(arena, event->parts[i].media_type);
		parts[i].bytes = orch_arena_text(arena, event->parts[i].bytes);
		parts[i].note = orch_arena_text(arena, event->parts[i].note);
		parts[i].state = event->parts[i].state;
		parts[i].alias = digest(arena, event->parts[i].alias);
	}
	copy->parts = parts;
}

struct orch_event *orch_event_copy(struct orch_arena *arena, const struct orch_event *event)
{
	struct orch_event *copy = orch_arena_alloc(arena, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = (struct orch_event){
		.size = sizeof(*copy),
		.attempt = event->attempt,
		.time_ms = event->time_ms,
		.id = orch_arena_text(arena, event->id),
		.source = orch_arena_text(arena, event->source),
		.type = orch_arena_text(arena, event->type),
		.tenant = orch_arena_text(arena, event->tenant),
		.actor = orch_arena_text(arena, event->actor),
		.order = orch_arena_text(arena, event->order),
		.data = orch_arena_text(arena, event->data),
		.trace = orch_arena_text(arena, event->trace),
		.alias = ORCH_HAS(event, alias) ? digest(arena, event->alias) : ORCH_TEXT_NONE,
		.alias_time_ms = ORCH_HAS(event, alias_time_ms) ? event->alias_time_ms : 0,
		.field_count = event->field_count,
		.part_count = event->part_count,
	};
	copy_fields(arena, event, copy);
	copy_parts(arena, event, copy);
	return orch_arena_failed(arena) ? NULL : copy;
}
