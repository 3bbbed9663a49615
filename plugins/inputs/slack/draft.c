/* SPDX-License-Identifier: Apache-2.0 */
#include "slack.h"

#include <string.h>

#define BUDGET_BYTES_LEAST ((size_t)192 * 1024)
#define BUDGET_BYTES_OTHER ((size_t)32 * 1024) /* fields, names, notes */

void draft_field(struct draft *draft, const char *name, struct orch_text value)
{
	if (value.len == 0 || draft->event.field_count == FIELDS_LIMIT)
		return;
	draft->fields[draft->event.field_count++] =
		(struct orch_field){ .name = kit_text(name), .value = value };
}

static bool has_part(const struct draft *draft, struct orch_text name)
{
	for (size_t i = 0; i < draft->event.part_count; i++) {
		if (kit_equal(draft->parts[i].name, name))
			return true;
	}
	return false;
}

void draft_part(struct draft *draft, const struct orch_part *part)
{
	struct orch_part *place = &draft->parts[draft->event.part_count];

	if (has_part(draft, part->name))
		return;
	if (draft->event.part_count == PARTS_LIMIT) {
		draft->full = true;
		return;
	}
	*place = *part;
	if (place->media_type.ptr == NULL)
		place->media_type = (struct orch_text){ "", 0 };
	if (place->bytes.ptr == NULL)
		place->bytes = (struct orch_text){ "", 0 };
	if (place->note.ptr == NULL)
		place->note = (struct orch_text){ "", 0 };
	if (place->alias.ptr == NULL)
		place->alias = (struct orch_text){ "", 0 };
	draft->event.part_count++;
}

void draft_text(struct draft *draft, const char *name, struct kit_builder *text)
{
	struct orch_part part = { .name = kit_text(name),
		.media_type = kit_text("text/plain"),
		.bytes = kit_built(text) };

	if (kit_is_whole(text) && part.bytes.len == 0)
		return;
	if (text->cut || text->failed) {
		part.state = ORCH_PART_TRUNCATED;
		part.note = kit_text(
			text->failed ? "no memory for all of it" : "longer than the limit");
	}
	draft_part(draft, &part);
}

/*
 * The core takes events of four times the largest body.  One part of that is
 * the event's JSON; views and links that would swell the rest are cut.
 */
static void cut_to_budget(struct draft *draft, size_t body_bytes)
{
	size_t left = 3 * body_bytes;

	left = left > BUDGET_BYTES_LEAST + BUDGET_BYTES_OTHER ? left - BUDGET_BYTES_OTHER
							      : BUDGET_BYTES_LEAST;
	for (size_t i = 0; i < draft->event.part_count; i++) {
		struct orch_part *part = &draft->parts[i];

		if (part->bytes.len > left) {
			part->bytes = kit_prefix(part->bytes, left);
			part->state = ORCH_PART_TRUNCATED;
			part->note = kit_text("longer than the limit");
		}
		left -= part->bytes.len;
	}
}

int draft_emit(struct draft *draft, const struct envelope *envelope)
{
	struct orch_part *last = &draft->parts[PARTS_LIMIT - 1];
	int rc;

	if (draft->full) /* what found no room must not pass for clean */
		*last = (struct orch_part){ .name = kit_text("more"),
			.media_type = { "", 0 },
			.bytes = { "", 0 },
			.state = ORCH_PART_UNAVAILABLE,
			.note = kit_text("more parts than are looked at"),
			.alias = { "", 0 } };
	cut_to_budget(draft, envelope->body.len);
	draft->event.size = sizeof(draft->event);
	draft->event.fields = draft->fields;
	draft->event.parts = draft->parts;
	rc = envelope->self->host->emit(envelope->sink, &draft->event);
	return rc == ORCH_OK ? ORCH_OK : orch_fail(envelope->err, rc, "the event cannot be taken");
}
