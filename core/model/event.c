/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include "base/hash.h"
#include "base/text.h"
#include "model/form.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const severities[] = { "info", "low", "medium", "high", "critical" };
static const char *const verdicts[] = { "pass", "flag", "block" };
static const char *const part_states[] = { "here", "truncated", "unavailable", "announced",
	"gone" };

static const char *name_of(const char *const *names, size_t count, uint32_t value)
{
	return value < count ? names[value] : "unknown";
}

static int value_of(const char *const *names, size_t count, struct orch_text name)
{
	for (size_t i = 0; i < count; i++) {
		if (orch_text_is(name, names[i]))
			return (int)i;
	}
	return -1;
}

const char *orch_severity_name(uint32_t severity)
{
	return name_of(severities, COUNT(severities), severity);
}

int orch_severity_from(struct orch_text name)
{
	return value_of(severities, COUNT(severities), name);
}

const char *orch_verdict_name(uint32_t verdict)
{
	return name_of(verdicts, COUNT(verdicts), verdict);
}

int orch_verdict_from(struct orch_text name)
{
	return value_of(verdicts, COUNT(verdicts), name);
}

const char *orch_part_state_name(uint32_t state)
{
	return name_of(part_states, COUNT(part_states), state);
}

static int part_state_from(struct orch_text name)
{
	return value_of(part_states, COUNT(part_states), name);
}

const struct orch_field *orch_event_field(const struct orch_event *event, struct orch_text name)
{
	for (size_t i = 0; i < event->field_count; i++) {
		if (orch_text_equal(event->fields[i].name, name))
			return &event->fields[i];
	}
	return NULL;
}

struct orch_text orch_event_name(struct orch_arena *arena, struct orch_text kind,
	struct orch_text pipeline, struct orch_text source, struct orch_text name)
{
	const struct orch_text pieces[] = { kind, pipeline, source, name };
	char uuid[ORCH_UUID_CHARS + 1];

	orch_uuid5(pieces, sizeof(pieces) / sizeof(pieces[0]), uuid);
	return orch_arena_text(arena, orch_text_from(uuid));
}

static void write_fields(struct orch_buf *buf, const struct orch_event *event)
{
	orch_form_open(buf, "fields", '[');
	for (size_t i = 0; i < event->field_count; i++) {
		orch_form_open(buf, NULL, '{');
		orch_form_text(buf, "name", event->fields[i].name);
		orch_form_text(buf, "value", event->fields[i].value);
		orch_form_close(buf, '}');
	}
	orch_form_close(buf, ']');
}

static void write_parts(struct orch_buf *buf, const struct orch_event *event, bool with_bytes)
{
	orch_form_open(buf, "parts", '[');
	for (size_t i = 0; i < event->part_count; i++) {
		const struct orch_part *part = &event->parts[i];

		orch_form_open(buf, NULL, '{');
		orch_form_text(buf, "name", part->name);
		orch_form_text(buf, "media_type", part->media_type);
		if (with_bytes)
			orch_form_text(buf, "bytes", part->bytes);
		if (part->state != ORCH_PART_HERE)
			orch_form_text(
				buf, "state", orch_text_from(orch_part_state_name(part->state)));
		orch_form_text(buf, "note", part->note);
		orch_form_text(buf, "alias", part->alias);
		orch_form_close(buf, '}');
	}
	orch_form_close(buf, ']');
}

void orch_event_write(struct orch_buf *buf, const struct orch_event *event, bool with_bytes)
{
	orch_buf_add_char(buf, '{');
	orch_form_text(buf, "id", event->id);
	orch_form_text(buf, "trace", event->trace);
	orch_form_text(buf, "source", event->source);
	orch_form_text(buf, "type", event->type);
	orch_form_number(buf, "time_ms", event->time_ms);
	orch_form_number(buf, "attempt", event->attempt);
	orch_form_text(buf, "tenant", event->tenant);
	orch_form_text(buf, "actor", event->actor);
	orch_form_text(buf, "order", event->order);
	orch_form_text(buf, "data", event->data);
	if (event->field_count > 0)
		write_fields(buf, event);
	if (event->part_count > 0)
		write_parts(buf, event, with_bytes);
	orch_form_close(buf, '}');
}

static void read_field(struct orch_form *form, struct json_object *from, void *to)
{
	struct orch_field *field = to;

	field->name = orch_form_get_text(form, from, "name");
	field->value = orch_form_get_text(form, from, "value");
}

static void read_part(struct orch_form *form, struct json_object *from, void *to)
{
	struct orch_part *part = to;

	part->name = orch_form_get_text(form, from, "name");
	part->media_type = orch_form_get_text(form, from, "media_type");
	part->bytes = orch_form_get_text(form, from, "bytes");
	part->state = orch_form_get_name(form, from, "state", part_state_from);
	part->note = orch_form_get_text(form, from, "note");
	part->alias = orch_form_get_text(form, from, "alias");
}

void orch_event_read_object(struct orch_form *form, struct json_object *from, void *to)
{
	struct orch_event *event = to;

	event->size = sizeof(*event);
	event->attempt = (uint32_t)orch_form_get_number(form, from, "attempt", UINT32_MAX, 0);
	event->time_ms = orch_form_get_number(form, from, "time_ms", UINT64_MAX, 0);
	event->id = orch_form_get_text(form, from, "id");
	event->source = orch_form_get_text(form, from, "source");
	event->type = orch_form_get_text(form, from, "type");
	event->tenant = orch_form_get_text(form, from, "tenant");
	event->actor = orch_form_get_text(form, from, "actor");
	event->order = orch_form_get_text(form, from, "order");
	event->data = orch_form_get_text(form, from, "data");
	event->trace = orch_form_get_text(form, from, "trace");
	event->fields = orch_form_get_array(
		form, from, "fields", sizeof(struct orch_field), read_field, &event->field_count);
	event->parts = orch_form_get_array(
		form, from, "parts", sizeof(struct orch_part), read_part, &event->part_count);
}

int orch_event_read(struct orch_text json, struct orch_arena *arena, struct orch_event **ret_event,
	struct orch_err *err)
{
	void *event;
	int code = orch_form_parse(
		json, arena, sizeof(struct orch_event), orch_event_read_object, &event, err);

	if (code == ORCH_OK)
		*ret_event = event;
	return code;
}
