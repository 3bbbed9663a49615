/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include "base/hash.h"
#include "base/text.h"
#include "model/form.h"

static void write_record(struct orch_buf *buf, const struct orch_record *record)
{
	orch_form_open(buf, "record", '{');
	orch_form_text(buf, "id", record->id);
	orch_form_text(buf, "type", record->type);
	orch_form_text(buf, "order", record->order);
	orch_form_text(buf, "data", record->data);
	orch_form_close(buf, '}');
}

static void write_finding(struct orch_buf *buf, const struct orch_finding *finding)
{
	orch_form_open(buf, NULL, '{');
	orch_form_text(buf, "severity", orch_text_from(orch_severity_name(finding->severity)));
	orch_form_number(buf, "confidence", finding->confidence);
	orch_form_text(buf, "rule", finding->rule);
	orch_form_text(buf, "rule_name", finding->rule_name);
	orch_form_text(buf, "title", finding->title);
	orch_form_text(buf, "advice", finding->advice);
	if (finding->part != UINT32_MAX)
		orch_form_number(buf, "part", finding->part);
	orch_form_number(buf, "start", finding->start);
	orch_form_number(buf, "length", finding->length);
	orch_form_text(buf, "detail", finding->detail);
	orch_form_text(buf, "tool", finding->tool);
	orch_form_close(buf, '}');
}

void orch_task_write(struct orch_buf *buf, const struct orch_task *task)
{
	orch_buf_add_char(buf, '{');
	orch_form_text(buf, "verdict", orch_text_from(orch_verdict_name(task->verdict)));
	orch_form_text(buf, "key", task->key);
	orch_form_text(buf, "pipeline", task->pipeline);
	orch_form_key(buf, "event");
	orch_event_write(buf, task->event, false);
	if (task->record)
		write_record(buf, task->record);
	if (task->finding_count > 0) {
		orch_form_open(buf, "findings", '[');
		for (size_t i = 0; i < task->finding_count; i++)
			write_finding(buf, &task->findings[i]);
		orch_form_close(buf, ']');
	}
	orch_form_close(buf, '}');
}

static void read_record(struct orch_form *form, struct json_object *from, struct orch_record *to)
{
	to->size = sizeof(*to);
	to->id = orch_form_get_text(form, from, "id");
	to->type = orch_form_get_text(form, from, "type");
	to->order = orch_form_get_text(form, from, "order");
	to->data = orch_form_get_text(form, from, "data");
}

static void read_finding(struct orch_form *form, struct json_object *from, void *to)
{
	struct orch_finding *finding = to;

	finding->size = sizeof(*finding);
	finding->severity = orch_form_get_name(form, from, "severity", orch_severity_from);
	finding->confidence =
		(uint32_t)orch_form_get_number(form, from, "confidence", UINT32_MAX, 0);
	finding->rule = orch_form_get_text(form, from, "rule");
	finding->rule_name = orch_form_get_text(form, from, "rule_name");
	finding->title = orch_form_get_text(form, from, "title");
	finding->advice = orch_form_get_text(form, from, "advice");
	finding->part = (uint32_t)orch_form_get_number(form, from, "part", UINT32_MAX, UINT32_MAX);
	finding->start = orch_form_get_number(form, from, "start", UINT64_MAX, 0);
	finding->length = orch_form_get_number(form, from, "length", UINT64_MAX, 0);
	finding->detail = orch_form_get_text(form, from, "detail");
	finding->tool = orch_form_get_text(form, from, "tool");
}

/* An action follows a finding to its part, so there must be one. */
static void check_parts(struct orch_form *form, const struct orch_task *task)
{
	for (size_t i = 0; i < task->finding_count; i++) {
		uint32_t part = task->findings[i].part;

		if (part != UINT32_MAX && part >= task->event->part_count)
			orch_form_refuse(form, "findings", "of a part that is not there");
	}
}

static void read_task(struct orch_form *form, struct json_object *from, void *to)
{
	struct json_object *record = orch_form_get_object(form, from, "record");
	struct json_object *event = orch_form_get_object(form, from, "event");
	struct orch_event *own_event = orch_arena_alloc(form->arena, sizeof(*own_event));
	struct orch_task *task = to;

	task->size = sizeof(*task);
	if (!event)
		orch_form_refuse(form, "event", "not there");
	if (!own_event)
		return;
	orch_event_read_object(form, event, own_event);
	task->event = own_event;
	task->verdict = orch_form_get_name(form, from, "verdict", orch_verdict_from);
	task->key = orch_form_get_text(form, from, "key");
	task->pipeline = orch_form_get_text(form, from, "pipeline");
	task->findings = orch_form_get_array(form, from, "findings", sizeof(struct orch_finding),
		read_finding, &task->finding_count);
	check_parts(form, task);
	if (record) {
		struct orch_record *own_record = orch_arena_alloc(form->arena, sizeof(*own_record));

		if (own_record)
			read_record(form, record, own_record);
		task->record = own_record;
	}
}

int orch_task_read(struct orch_text json, struct orch_arena *arena, struct orch_task **ret_task,
	struct orch_err *err)
{
	void *task;
	int code = orch_form_parse(json, arena, sizeof(struct orch_task), read_task, &task, err);

	if (code == ORCH_OK)
		*ret_task = task;
	return code;
}

struct orch_text orch_task_key(struct orch_arena *arena, struct orch_text pipeline,
	struct orch_text action, struct orch_text event_id, struct orch_text record_id)
{
	const struct orch_text pieces[] = { pipeline, action, event_id, record_id };
	char uuid[ORCH_UUID_CHARS + 1];

	orch_uuid5(pieces, sizeof(pieces) / sizeof(pieces[0]), uuid);
	return orch_arena_text(arena, orch_text_from(uuid));
}
