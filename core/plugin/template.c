/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/template.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/errors.h"
#include "model/event.h"

#define SOURCE_BYTES (16 * 1024)
#define PIECES_MAX 256
#define FIELD_PREFIX "field."

enum slot {
	LITERAL = 0,
	EVENT_ID,
	EVENT_TYPE,
	EVENT_ACTOR,
	EVENT_TENANT,
	EVENT_SOURCE,
	EVENT_TIME,
	EVENT_TRACE,
	EVENT_DATA,
	FIELD,
	VERDICT,
	PIPELINE,
	TASK_KEY,
	FINDING_RULE,
	FINDING_NAME,
	FINDING_SEVERITY,
	FINDING_TITLE,
	FINDING_ADVICE,
	FINDING_DETAIL,
	FINDINGS_COUNT,
	FINDINGS,
	RECORD_ID,
	RECORD_TYPE,
	RECORD_DATA,
};

static const struct {
	const char *name;
	enum slot slot;
} slots[] = {
	{ "event.id", EVENT_ID },
	{ "event.type", EVENT_TYPE },
	{ "event.actor", EVENT_ACTOR },
	{ "event.tenant", EVENT_TENANT },
	{ "event.source", EVENT_SOURCE },
	{ "event.time", EVENT_TIME },
	{ "event.trace", EVENT_TRACE },
	{ "event.data", EVENT_DATA },
	{ "verdict", VERDICT },
	{ "pipeline", PIPELINE },
	{ "task.key", TASK_KEY },
	{ "finding.rule", FINDING_RULE },
	{ "finding.name", FINDING_NAME },
	{ "finding.severity", FINDING_SEVERITY },
	{ "finding.title", FINDING_TITLE },
	{ "finding.advice", FINDING_ADVICE },
	{ "finding.detail", FINDING_DETAIL },
	{ "findings.count", FINDINGS_COUNT },
	{ "findings", FINDINGS },
	{ "record.id", RECORD_ID },
	{ "record.type", RECORD_TYPE },
	{ "record.data", RECORD_DATA },
};
#define SLOTS (sizeof(slots) / sizeof(*slots))

struct piece {
	enum slot slot;
	struct orch_text text; /* of a literal; of a field: its name */
};

struct orch_template {
	struct piece *pieces;
	size_t count;
};

static int add_piece(
	struct orch_template *form, enum slot slot, struct orch_text text, struct orch_err *err)
{
	if (slot == LITERAL && text.len == 0)
		return ORCH_OK;
	if (form->count >= PIECES_MAX)
		return orch_fail(err, ORCH_E_LIMIT,
			"too many placeholders; a template has at most %d pieces", PIECES_MAX);
	form->pieces[form->count++] = (struct piece){ slot, text };
	return ORCH_OK;
}

static int refuse_placeholder(struct orch_text name, struct orch_arena *arena, struct orch_err *err)
{
	struct orch_text nearest = ORCH_TEXT_NONE;
	const char *names[SLOTS];

	for (size_t i = 0; i < SLOTS; i++)
		names[i] = slots[i].name;
	if (name.len <= 40)
		nearest = orch_config_did_you_mean(arena, name, names, SLOTS);
	return orch_fail(err, ORCH_E_INVALID,
		"unknown placeholder {%.*s}; must be one such as {event.id}, {finding.name} or "
		"{field.NAME}, and a brace itself is \"{{\"%.*s",
		(int)(name.len > 40 ? 40 : name.len), name.ptr, ORCH_TEXT_ARG(nearest));
}

static int add_placeholder(struct orch_template *form, struct orch_text name,
	struct orch_arena *arena, struct orch_err *err)
{
	const size_t prefix = sizeof(FIELD_PREFIX) - 1;

	for (size_t i = 0; i < SLOTS; i++)
		if (orch_text_is(name, slots[i].name))
			return add_piece(form, slots[i].slot, ORCH_TEXT_NONE, err);
	if (name.len > prefix && orch_text_starts_with(name, ORCH_TEXT(FIELD_PREFIX))) {
		struct orch_text field = { name.ptr + prefix, name.len - prefix };

		return add_piece(form, FIELD, orch_arena_text(arena, field), err);
	}
	return refuse_placeholder(name, arena, err);
}

/* Takes a brace and what belongs to it off *REST. */
static int parse_brace(struct orch_template *form, struct orch_text *rest, struct orch_arena *arena,
	struct orch_err *err)
{
	struct orch_text name;
	const char *end;
	size_t used = 2;
	int rc;

	if (rest->len >= 2 && rest->ptr[1] == '{') {
		rc = add_piece(form, LITERAL, ORCH_TEXT("{"), err);
	} else {
		end = memchr(rest->ptr, '}', rest->len);
		if (end == NULL)
			return orch_fail(err, ORCH_E_INVALID,
				"a \"{\" is never closed; close it with \"}\", or write \"{{\" for "
				"the brace itself");
		name = (struct orch_text){ rest->ptr + 1, (size_t)(end - rest->ptr) - 1 };
		used = name.len + 2;
		rc = add_placeholder(form, name, arena, err);
	}
	*rest = (struct orch_text){ rest->ptr + used, rest->len - used };
	return rc;
}

int orch_template_parse(struct orch_text source, struct orch_arena *arena,
	const struct orch_template **ret_template, struct orch_err *err)
{
	struct orch_template *form = orch_arena_alloc(arena, sizeof(*form));
	struct orch_text rest = source;
	int rc = ORCH_OK;

	if (source.len > SOURCE_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "is %zu bytes long; a template has at most %d",
			source.len, SOURCE_BYTES);
	if (form != NULL)
		form->pieces = orch_arena_alloc_array(arena, PIECES_MAX, sizeof(*form->pieces));
	if (form == NULL || form->pieces == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the template");
	while (rc == ORCH_OK && rest.len > 0) {
		const char *brace = memchr(rest.ptr, '{', rest.len);
		size_t length = brace == NULL ? rest.len : (size_t)(brace - rest.ptr);

		rc = add_piece(form, LITERAL,
			orch_arena_text(arena, (struct orch_text){ rest.ptr, length }), err);
		rest = (struct orch_text){ rest.ptr + length, rest.len - length };
		if (rc == ORCH_OK && rest.len > 0)
			rc = parse_brace(form, &rest, arena, err);
	}
	if (rc == ORCH_OK && orch_arena_failed(arena))
		rc = orch_fail(err, ORCH_E_NOMEM, "no memory for the template");
	if (rc == ORCH_OK)
		*ret_template = form;
	return rc;
}

/* Escapes one value for the target, so that data cannot pass for markup. */
typedef void escape_fn(struct orch_buf *buf, struct orch_text text);

static void escape_json(struct orch_buf *buf, struct orch_text text)
{
	struct orch_buf quoted;

	orch_buf_init(&quoted, ORCH_TEMPLATE_BYTES + 2);
	orch_buf_add_json(&quoted, text);
	if (quoted.failed)
		buf->failed = true;
	else
		orch_buf_add(buf, quoted.ptr + 1, quoted.len - 2);
	orch_buf_fini(&quoted);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void escape_text(struct orch_buf *buf, struct orch_text text)
{
	for (size_t i = 0; i < text.len && !buf->failed; i++)
		orch_buf_add_char(buf, is_control(text.ptr[i]) ? ' ' : text.ptr[i]);
}

static void escape_mrkdwn(struct orch_buf *buf, struct orch_text text)
{
	for (size_t i = 0; i < text.len && !buf->failed; i++) {
		char c = text.ptr[i];

		if (c == '&')
			orch_buf_add_string(buf, "&amp;");
		else if (c == '<')
			orch_buf_add_string(buf, "&lt;");
		else if (c == '>')
			orch_buf_add_string(buf, "&gt;");
		else
			orch_buf_add_char(buf, is_control(c) ? ' ' : c);
	}
}

static escape_fn *find_escape(const char *target)
{
	if (strcmp(target, "json") == 0)
		return escape_json;
	if (strcmp(target, "mrkdwn") == 0)
		return escape_mrkdwn;
	return strcmp(target, "text") == 0 ? escape_text : NULL;
}

static struct orch_text name_of(const struct orch_finding *finding)
{
	return finding->rule_name.len > 0 ? finding->rule_name : finding->rule;
}

static const struct orch_finding *gravest(const struct orch_task *task)
{
	const struct orch_finding *found = NULL;

	for (size_t i = 0; i < task->finding_count; i++)
		if (found == NULL || task->findings[i].severity > found->severity)
			found = &task->findings[i];
	return found;
}

static struct orch_text from_event(const struct orch_event *event, const struct piece *piece)
{
	const struct orch_field *field;

	switch (piece->slot) {
	case EVENT_ID:
		return event->id;
	case EVENT_TYPE:
		return event->type;
	case EVENT_ACTOR:
		return event->actor;
	case EVENT_TENANT:
		return event->tenant;
	case EVENT_SOURCE:
		return event->source;
	case EVENT_TRACE:
		return event->trace;
	case EVENT_DATA:
		return event->data;
	default:
		field = orch_event_field(event, piece->text);
		return field == NULL ? ORCH_TEXT_NONE : field->value;
	}
}

static struct orch_text from_finding(const struct orch_finding *finding, enum slot slot)
{
	if (finding == NULL)
		return ORCH_TEXT_NONE;
	switch (slot) {
	case FINDING_RULE:
		return finding->rule;
	case FINDING_NAME:
		return name_of(finding);
	case FINDING_SEVERITY:
		return orch_text_from(orch_severity_name(finding->severity));
	case FINDING_TITLE:
		return finding->title.len > 0 ? finding->title : name_of(finding);
	case FINDING_ADVICE:
		return finding->advice;
	default:
		return finding->detail;
	}
}

static struct orch_text from_record(const struct orch_record *record, enum slot slot)
{
	if (record == NULL)
		return ORCH_TEXT_NONE;
	if (slot == RECORD_ID)
		return record->id;
	return slot == RECORD_TYPE ? record->type : record->data;
}

static void add_findings(
	struct orch_buf *buf, const struct orch_task *task, escape_fn *escape, bool json)
{
	for (size_t i = 0; i < task->finding_count && !buf->failed; i++) {
		const struct orch_finding *finding = &task->findings[i];

		if (i > 0)
			orch_buf_add_string(buf, json ? "\\n" : "\n");
		escape(buf, name_of(finding));
		orch_buf_printf(buf, " (%s)", orch_severity_name(finding->severity));
	}
}

static void add_time(struct orch_buf *buf, const struct orch_event *event)
{
	char text[25];

	orch_clock_format(event->time_ms, text);
	orch_buf_add_string(buf, text);
}

static void render_piece(struct orch_buf *buf, const struct piece *piece,
	const struct orch_task *task, escape_fn *escape)
{
	switch (piece->slot) {
	case LITERAL:
		orch_buf_add_text(buf, piece->text);
		break;
	case EVENT_TIME:
		add_time(buf, task->event);
		break;
	case VERDICT:
		orch_buf_add_string(buf, orch_verdict_name(task->verdict));
		break;
	case PIPELINE:
		escape(buf, task->pipeline);
		break;
	case TASK_KEY:
		escape(buf, task->key);
		break;
	case FINDINGS_COUNT:
		orch_buf_printf(buf, "%zu", task->finding_count);
		break;
	case FINDINGS:
		add_findings(buf, task, escape, escape == escape_json);
		break;
	case RECORD_ID:
	case RECORD_TYPE:
	case RECORD_DATA:
		escape(buf, from_record(task->record, piece->slot));
		break;
	case FINDING_RULE:
	case FINDING_NAME:
	case FINDING_SEVERITY:
	case FINDING_TITLE:
	case FINDING_ADVICE:
	case FINDING_DETAIL:
		escape(buf, from_finding(gravest(task), piece->slot));
		break;
	default:
		escape(buf, from_event(task->event, piece));
	}
}

int orch_template_render(const struct orch_template *form, const struct orch_task *task,
	const char *target, struct orch_arena *arena, struct orch_text *ret_text)
{
	escape_fn *escape = find_escape(target);
	struct orch_text text;
	struct orch_buf buf;
	bool failed;

	if (escape == NULL)
		return ORCH_E_INVALID;
	orch_buf_init(&buf, ORCH_TEMPLATE_BYTES);
	for (size_t i = 0; form != NULL && i < form->count && !buf.failed; i++)
		render_piece(&buf, &form->pieces[i], task, escape);
	text = orch_arena_text(arena, orch_buf_text(&buf));
	failed = buf.failed;
	orch_buf_fini(&buf);
	if (failed)
		return ORCH_E_LIMIT;
	if (orch_arena_failed(arena))
		return ORCH_E_NOMEM;
	*ret_text = text;
	return ORCH_OK;
}
