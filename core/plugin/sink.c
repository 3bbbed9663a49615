/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/sink.h"

#include <string.h>

#include "base/text.h"
#include "plugin/template.h"

#define CONSTANT_BYTES 64
#define NOTE_BYTES 512
#define FINDING_BYTES (64 * 1024) /* of all texts of one finding */

void orch_sink_init(struct orch_sink *sink, enum orch_kind kind,
	const struct orch_sink_limits *limits, struct orch_arena *arena)
{
	*sink = (struct orch_sink){
		.arena = arena,
		.kind = kind,
		.limits = *limits,
		.outcome = ORCH_TEXT_NONE,
		.outcome_detail = ORCH_TEXT_NONE,
	};
}

struct orch_text orch_sink_constant(const char *name)
{
	size_t length = name == NULL ? 0 : strnlen(name, CONSTANT_BYTES + 1);

	if (length == 0 || length > CONSTANT_BYTES ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
			length)
		return ORCH_TEXT("invalid");
	return (struct orch_text){ name, length };
}

/* Keeps the first failure. */
static int end(struct orch_sink *sink, int code)
{
	if (code != ORCH_OK && sink->failed == ORCH_OK)
		sink->failed = code;
	return code;
}

static int end_at_limit(struct orch_sink *sink, const char *limit)
{
	if (sink->limit == NULL)
		sink->limit = limit;
	return end(sink, ORCH_E_LIMIT);
}

/* Room for one more of SIZE bytes each; NULL when there is no memory. */
static void *grow(struct orch_sink *sink, void *items, size_t count, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 8 : *room * 2;
	void *moved;

	if (count < *room)
		return items;
	moved = orch_arena_alloc_array(sink->arena, more, size);
	if (moved == NULL)
		return NULL;
	if (count > 0)
		memcpy(moved, items, count * size);
	*room = more;
	return moved;
}

static bool is_text(struct orch_text text)
{
	return text.ptr != NULL || text.len == 0;
}

/* Of an event that is too much. */
static const char *event_limit(
	const struct orch_event *event, const struct orch_sink_limits *limits)
{
	if (event->part_count > limits->parts)
		return "parts";
	return event->field_count > limits->fields ? "fields" : "body_bytes";
}

int orch_sink_emit(struct orch_sink *sink, const struct orch_event *event)
{
	struct orch_event *events;
	struct orch_event *copy;
	int rc;

	if (sink->kind != ORCH_KIND_INPUT || event == NULL)
		return end(sink, ORCH_E_INVALID);
	if (sink->event_count >= sink->limits.events)
		return end_at_limit(sink, "events");
	rc = orch_event_check(event, &sink->limits);
	if (rc == ORCH_E_LIMIT)
		return end_at_limit(sink, event_limit(event, &sink->limits));
	if (rc != ORCH_OK)
		return end(sink, rc);
	copy = orch_event_copy(sink->arena, event);
	events = grow(sink, sink->events, sink->event_count, &sink->event_size, sizeof(*events));
	if (copy == NULL || events == NULL)
		return end(sink, ORCH_E_NOMEM);
	sink->events = events;
	sink->events[sink->event_count++] = *copy;
	return ORCH_OK;
}

static bool is_part(const struct orch_sink *sink, uint32_t part)
{
	if (part == UINT32_MAX)
		return true;
	if (sink->task != NULL && sink->task->event != NULL)
		return part < sink->task->event->part_count;
	return part < sink->limits.parts;
}

/* Of what the tool was shown: where it is, that is in the part. */
static bool is_place(const struct orch_sink *sink, const struct orch_finding *finding)
{
	uint64_t len = UINT64_MAX;

	if (sink->event != NULL && finding->part < sink->event->part_count)
		len = sink->event->parts[finding->part].bytes.len;
	return finding->start <= len && finding->length <= len - finding->start;
}

static int check_finding(const struct orch_sink *sink, const struct orch_finding *finding)
{
	if (sink->kind != ORCH_KIND_TOOL || finding == NULL || !ORCH_HAS(finding, rule_name))
		return ORCH_E_INVALID;
	if (finding->severity > ORCH_CRITICAL || finding->confidence > 100 ||
		!is_part(sink, finding->part) || !is_place(sink, finding))
		return ORCH_E_INVALID;
	if (finding->rule.len == 0 || !is_text(finding->rule) || !is_text(finding->title) ||
		!is_text(finding->advice) || !is_text(finding->detail))
		return ORCH_E_INVALID;
	if (finding->rule.len > FINDING_BYTES || finding->title.len > FINDING_BYTES ||
		finding->advice.len > FINDING_BYTES || finding->detail.len > FINDING_BYTES)
		return ORCH_E_LIMIT;
	return ORCH_OK;
}

int orch_sink_report(struct orch_sink *sink, const struct orch_finding *finding)
{
	struct orch_finding *findings;
	int rc = check_finding(sink, finding);

	if (rc != ORCH_OK)
		return end(sink, rc);
	if (sink->finding_count >= sink->limits.findings) {
		sink->findings_left_out++;
		return end_at_limit(sink, "findings");
	}
	findings = grow(
		sink, sink->findings, sink->finding_count, &sink->finding_size, sizeof(*findings));
	if (findings == NULL)
		return end(sink, ORCH_E_NOMEM);
	sink->findings = findings;
	findings[sink->finding_count] = (struct orch_finding){
		.size = sizeof(*finding),
		.severity = finding->severity,
		.confidence = finding->confidence,
		.rule = orch_arena_text(sink->arena, finding->rule),
		.title = orch_arena_text(sink->arena, finding->title),
		.advice = orch_arena_text(sink->arena, finding->advice),
		.part = finding->part,
		.start = finding->start,
		.length = finding->length,
		.detail = orch_arena_text(sink->arena, finding->detail),
		.tool = ORCH_TEXT_NONE,
		.rule_name = ORCH_TEXT_NONE,
	};
	if (orch_arena_failed(sink->arena))
		return end(sink, ORCH_E_NOMEM);
	sink->finding_count++;
	return ORCH_OK;
}

static int check_record(const struct orch_sink *sink, const struct orch_record *record)
{
	uint64_t limit = sink->limits.event_bytes == 0 ? UINT64_MAX : sink->limits.event_bytes;

	if (sink->kind != ORCH_KIND_TOOL || record == NULL || !ORCH_HAS(record, data))
		return ORCH_E_INVALID;
	if (record->type.len == 0 || !is_text(record->id) || !is_text(record->type) ||
		!is_text(record->order) || !is_text(record->data))
		return ORCH_E_INVALID;
	if (record->id.len > limit || record->type.len > limit || record->order.len > limit ||
		record->data.len > limit)
		return ORCH_E_LIMIT;
	return ORCH_OK;
}

int orch_sink_derive(struct orch_sink *sink, const struct orch_record *record)
{
	struct orch_record *records;
	int rc = check_record(sink, record);

	if (rc != ORCH_OK)
		return end(sink, rc);
	if (sink->record_count >= sink->limits.records) {
		sink->records_left_out++;
		return end_at_limit(sink, "records");
	}
	records =
		grow(sink, sink->records, sink->record_count, &sink->record_size, sizeof(*records));
	if (records == NULL)
		return end(sink, ORCH_E_NOMEM);
	sink->records = records;
	records[sink->record_count] = (struct orch_record){
		.size = sizeof(*record),
		.id = orch_arena_text(sink->arena, record->id),
		.type = orch_arena_text(sink->arena, record->type),
		.order = orch_arena_text(sink->arena, record->order),
		.data = orch_arena_text(sink->arena, record->data),
	};
	if (orch_arena_failed(sink->arena))
		return end(sink, ORCH_E_NOMEM);
	sink->record_count++;
	return ORCH_OK;
}

int orch_sink_reject(struct orch_sink *sink, const char *reason)
{
	if (sink->kind == ORCH_KIND_ACTION)
		return end(sink, ORCH_E_INVALID);
	sink->rejected = orch_arena_string(sink->arena, orch_sink_constant(reason));
	return orch_arena_failed(sink->arena) ? end(sink, ORCH_E_NOMEM) : ORCH_OK;
}

static struct orch_part_mark *find_mark(struct orch_sink *sink, struct orch_text part)
{
	for (size_t i = 0; i < sink->mark_count; i++)
		if (orch_text_equal(sink->marks[i].part, part))
			return &sink->marks[i];
	return NULL;
}

static struct orch_text copy_words(struct orch_sink *sink, const char *words)
{
	size_t length = words == NULL ? 0 : strnlen(words, NOTE_BYTES);

	if (length == 0)
		return ORCH_TEXT_NONE;
	return orch_arena_text(sink->arena, (struct orch_text){ words, length });
}

/* Only who has asked its source knows that a part is gone. */
static bool may_mark(const struct orch_sink *sink, uint32_t state)
{
	return state == ORCH_PART_TRUNCATED || state == ORCH_PART_UNAVAILABLE ||
		(state == ORCH_PART_GONE && sink->kind == ORCH_KIND_INPUT);
}

int orch_sink_mark(struct orch_sink *sink, struct orch_text part, uint32_t state, const char *note)
{
	struct orch_part_mark *mark;
	struct orch_part_mark *marks;

	if (sink->kind == ORCH_KIND_ACTION || part.ptr == NULL || part.len == 0 ||
		!may_mark(sink, state))
		return end(sink, ORCH_E_INVALID);
	mark = find_mark(sink, part);
	if (mark == NULL) {
		if (sink->mark_count >= sink->limits.parts)
			return end_at_limit(sink, "parts");
		marks = grow(sink, sink->marks, sink->mark_count, &sink->mark_size, sizeof(*marks));
		if (marks == NULL)
			return end(sink, ORCH_E_NOMEM);
		sink->marks = marks;
		mark = &marks[sink->mark_count++];
		mark->part = orch_arena_text(sink->arena, part);
	}
	mark->state = state;
	mark->note = copy_words(sink, note);
	return orch_arena_failed(sink->arena) ? end(sink, ORCH_E_NOMEM) : ORCH_OK;
}

int orch_sink_render(struct orch_sink *sink, const struct orch_template *form, const char *target,
	struct orch_text *ret_text)
{
	if (sink->task == NULL || sink->task->event == NULL || target == NULL || ret_text == NULL)
		return end(sink, ORCH_E_INVALID);
	return end(sink, orch_template_render(form, sink->task, target, sink->arena, ret_text));
}

int orch_sink_outcome(struct orch_sink *sink, const char *name, const char *detail)
{
	if (sink->kind != ORCH_KIND_ACTION)
		return end(sink, ORCH_E_INVALID);
	sink->outcome = orch_arena_text(sink->arena, orch_sink_constant(name));
	sink->outcome_detail = copy_words(sink, detail);
	return orch_arena_failed(sink->arena) ? end(sink, ORCH_E_NOMEM) : ORCH_OK;
}
