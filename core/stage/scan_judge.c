/* SPDX-License-Identifier: Apache-2.0 */
/* From findings to a verdict, and the hand-over of what follows from it. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "stage/scan_work.h"

#define CONTENT_PART_BYTES 65536 /* of each part, kept with an event */
#define CONTENT_BYTES (16 * 1024 * 1024)
#define RETRY_MS 1000

static void *grow(
	struct orch_arena *arena, void *old, size_t count, size_t *size, size_t more, size_t item)
{
	size_t wanted = count + more;
	void *items;

	if (wanted <= *size)
		return old;
	if (wanted < 2 * *size)
		wanted = 2 * *size;
	items = orch_arena_alloc_array(arena, wanted, item);
	if (items == NULL)
		return NULL;
	if (count > 0)
		memcpy(items, old, count * item);
	*size = wanted;
	return items;
}

static struct orch_text finding_bytes(
	const struct orch_event *event, const struct orch_finding *finding)
{
	struct orch_text bytes;

	if (finding->part >= event->part_count)
		return ORCH_TEXT_NONE;
	bytes = event->parts[finding->part].bytes;
	if (finding->start > bytes.len || finding->length > bytes.len - finding->start)
		return ORCH_TEXT_NONE;
	return (struct orch_text){ bytes.ptr + finding->start, (size_t)finding->length };
}

/* What follows the slash, a file's name say, is its author's text: it stays sealed. */
static struct orch_text name_to_keep(const struct orch_part *part)
{
	struct orch_text rest = part->name, name = part->name;

	(void)orch_text_split(&rest, '/', &name);
	return name;
}

static void describe(struct orch_scan_work *work, const struct orch_plan_instance *tool,
	struct orch_stored_finding *stored)
{
	struct orch_finding *finding = &stored->finding;
	const struct orch_stored_rule *rule = orch_ruleset_rule(work->rules, finding->rule);

	finding->tool = tool->config->name;
	if (rule != NULL) {
		finding->rule_name = orch_arena_text(work->arena, rule->rule.name);
		stored->rule_version = rule->rule.version;
		stored->expression = orch_arena_text(work->arena, rule->rule.expression);
		stored->shadow = rule->state == ORCH_RULE_SHADOW;
	} else {
		finding->rule_name = finding->rule;
		stored->expression = ORCH_TEXT_NONE;
	}
	if (finding->title.len == 0)
		finding->title = finding->rule_name;
	stored->part_name = finding->part < work->event->part_count
		? name_to_keep(&work->event->parts[finding->part])
		: ORCH_TEXT_NONE;
	stored->excerpt = orch_mask_excerpt(work->arena, finding_bytes(work->event, finding));
}

int orch_scan_work_collect(struct orch_scan_work *work, const struct orch_plan_instance *tool)
{
	struct orch_sink *sink = &work->sink;

	if (sink->failed != ORCH_OK && sink->failed != ORCH_E_LIMIT)
		return sink->failed;
	work->findings = grow(work->arena, work->findings, work->finding_count, &work->finding_size,
		sink->finding_count + 1, sizeof(*work->findings));
	work->records = grow(work->arena, work->records, work->record_count, &work->record_size,
		sink->record_count + 1, sizeof(*work->records));
	if (work->findings == NULL || work->records == NULL)
		return ORCH_E_AGAIN;
	for (size_t i = 0; i < sink->finding_count; i++) {
		struct orch_stored_finding *stored = &work->findings[work->finding_count++];

		*stored = (struct orch_stored_finding){ .finding = sink->findings[i] };
		describe(work, tool, stored);
	}
	if (sink->record_count > 0)
		memcpy(&work->records[work->record_count], sink->records,
			sink->record_count * sizeof(*work->records));
	work->record_count += sink->record_count;
	work->findings_left_out += sink->findings_left_out;
	return orch_arena_failed(work->arena) ? ORCH_E_AGAIN : ORCH_OK;
}

/* What could not be looked at, and why.  Such an event is never called clean. */
static enum orch_inspection inspect(struct orch_scan_work *work, struct orch_text *ret_note)
{
	struct orch_buf note;
	size_t unseen = 0, gone = 0;

	orch_buf_init(&note, 4096);
	for (size_t i = 0; i < work->event->part_count; i++) {
		const struct orch_part *part = &work->parts[i];
		struct orch_text name = name_to_keep(part);

		if (part->state == ORCH_PART_HERE)
			continue;
		unseen++;
		gone += part->state == ORCH_PART_UNAVAILABLE;
		orch_buf_printf(&note, "%s%.*s: %.*s", note.len > 0 ? "; " : "",
			ORCH_TEXT_ARG(name), ORCH_TEXT_ARG(part->note));
	}
	if (work->tool_note != NULL)
		orch_buf_printf(&note, "%s%s", note.len > 0 ? "; " : "", work->tool_note);
	*ret_note = orch_arena_text(work->arena, orch_buf_text(&note));
	orch_buf_fini(&note);
	if (unseen == 0 && work->tool_note == NULL)
		return ORCH_INSPECTED;
	if (work->event->part_count > 0 && gone == work->event->part_count)
		return ORCH_UNINSPECTED;
	return ORCH_INSPECTED_PARTLY;
}

/* The event as it is kept: its texts whole, its files by their beginning. */
static struct orch_text write_content(struct orch_scan_work *work)
{
	struct orch_event event = *work->event;
	struct orch_part *parts =
		orch_arena_alloc_array(work->arena, event.part_count + 1, sizeof(*parts));
	struct orch_text content = ORCH_TEXT_NONE;
	struct orch_buf buf;

	if (parts == NULL)
		return content;
	for (size_t i = 0; i < event.part_count; i++) {
		parts[i] = work->parts[i];
		if (parts[i].bytes.len > CONTENT_PART_BYTES)
			parts[i].bytes.len = CONTENT_PART_BYTES;
	}
	event.parts = parts;
	orch_buf_init(&buf, CONTENT_BYTES);
	orch_event_write(&buf, &event, true);
	if (buf.failed) {
		orch_buf_reset(&buf);
		buf.failed = false;
		orch_event_write(&buf, &event, false);
	}
	content = orch_arena_text(work->arena, orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return content;
}

static struct orch_stored_event *make_stored(struct orch_scan_work *work,
	const struct orch_decision *decision, enum orch_inspection inspection,
	struct orch_text note)
{
	const struct orch_event *event = work->event;
	struct orch_stored_event *stored = orch_arena_alloc(work->arena, sizeof(*stored));

	if (stored == NULL)
		return NULL;
	*stored = (struct orch_stored_event){
		.id = event->id,
		.trace = event->trace,
		.source = event->source,
		.pipeline = work->pipeline->name,
		.type = event->type,
		.tenant = event->tenant,
		.actor = event->actor,
		.time_ms = event->time_ms,
		.stored_ms = orch_clock_now_ms(),
		.verdict = decision->verdict,
		.inspection = inspection,
		.inspection_note = note,
		.enforced = work->pipeline->enforce,
		.content = write_content(work),
		.fields = event->fields,
		.field_count = event->field_count,
		.findings = work->findings,
		.finding_count = work->finding_count,
	};
	return stored;
}

static uint32_t gravest(const struct orch_scan_work *work)
{
	uint32_t severity = ORCH_INFO;

	for (size_t i = 0; i < work->finding_count; i++)
		if (!work->findings[i].shadow && work->findings[i].finding.severity > severity)
			severity = work->findings[i].finding.severity;
	return severity;
}

static struct orch_finding *plain_findings(struct orch_scan_work *work, size_t *ret_count)
{
	struct orch_finding *plain =
		orch_arena_alloc_array(work->arena, work->finding_count + 1, sizeof(*plain));

	*ret_count = 0;
	for (size_t i = 0; plain != NULL && i < work->finding_count; i++)
		if (!work->findings[i].shadow)
			plain[(*ret_count)++] = work->findings[i].finding;
	return plain;
}

static struct orch_text write_task(struct orch_scan_work *work,
	const struct orch_policy_task *wanted, struct orch_text key,
	const struct orch_finding *findings, size_t count)
{
	struct orch_task task = {
		.size = sizeof(task),
		.verdict = wanted->verdict,
		.key = key,
		.event = work->event,
		.record = wanted->record,
		.findings = findings,
		.finding_count = count,
		.pipeline = work->pipeline->name,
	};
	struct orch_text body;
	struct orch_buf buf;

	orch_buf_init(&buf, CONTENT_BYTES);
	orch_task_write(&buf, &task);
	body = orch_arena_text(work->arena, buf.failed ? ORCH_TEXT_NONE : orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return body;
}

static void fill_result(struct orch_scan_work *work, const struct orch_policy_task *wanted,
	struct orch_text key, bool would, struct orch_stored_result *result)
{
	*result = (struct orch_stored_result){
		.event_id = work->event->id,
		.pipeline = work->pipeline->name,
		.action = work->crew->plan->config->actions[wanted->action].name,
		.key = key,
		.record_id = wanted->record == NULL ? ORCH_TEXT_NONE : wanted->record->id,
		.state = would ? ORCH_TEXT("would") : ORCH_TEXT("pending"),
		.outcome = ORCH_TEXT_NONE,
		.detail = would ? ORCH_TEXT("the pipeline only monitors (enforce = false)")
				: ORCH_TEXT_NONE,
		.at_ms = orch_clock_now_ms(),
	};
}

static void fill_message(struct orch_scan_work *work, const struct orch_policy_task *wanted,
	struct orch_text key, struct orch_text body, struct orch_message *message)
{
	struct orch_text order =
		wanted->record != NULL ? wanted->record->order : work->event->order;

	*message = (struct orch_message){
		.queue = orch_arena_printf(work->arena, "act.%.*s",
			ORCH_TEXT_ARG(work->crew->plan->config->actions[wanted->action].name)),
		.id = key,
		.pipeline = work->pipeline->name,
		.tenant = work->event->tenant,
		.order = order,
		.trace = work->event->trace,
		.priority = gravest(work),
		.body = body,
	};
}

/* Tasks for what is to be done, results for what is pending or would have been done. */
static int make_tasks(struct orch_scan_work *work, const struct orch_decision *decision)
{
	struct orch_handover *handover = &work->handover;
	struct orch_message *messages =
		orch_arena_alloc_array(work->arena, decision->task_count + 1, sizeof(*messages));
	struct orch_stored_result *results =
		orch_arena_alloc_array(work->arena, decision->task_count + 1, sizeof(*results));
	size_t finding_count;
	struct orch_finding *findings = plain_findings(work, &finding_count);

	if (messages == NULL || results == NULL || findings == NULL)
		return ORCH_E_NOMEM;
	for (size_t i = 0; i < decision->task_count; i++) {
		const struct orch_policy_task *wanted = &decision->tasks[i];
		const struct orch_plan_instance *action =
			&work->crew->plan->actions[wanted->action];
		struct orch_text record =
			wanted->record == NULL ? ORCH_TEXT_NONE : wanted->record->id;
		struct orch_text key = orch_task_key(work->arena, work->pipeline->name,
			action->config->name, work->lease.message.id, record);
		bool would = !work->pipeline->enforce && !ORCH_OPS(action->plugin->action, passive);

		fill_result(work, wanted, key, would, &results[handover->result_count++]);
		if (!would)
			fill_message(work, wanted, key,
				write_task(work, wanted, key, findings, finding_count),
				&messages[handover->message_count++]);
	}
	handover->messages = messages;
	handover->results = results;
	return ORCH_OK;
}

static void report(const struct orch_scan_work *work, const struct orch_decision *decision,
	enum orch_inspection inspection)
{
	bool is_plain = decision->verdict == ORCH_PASS && inspection == ORCH_INSPECTED;

	orch_log(is_plain ? ORCH_LOG_DEBUG : ORCH_LOG_INFO, "event.judged",
		ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_TEXT("pipeline", work->pipeline->name),
		ORCH_LOG_STRING("verdict", orch_verdict_name(decision->verdict)),
		ORCH_LOG_INT("findings", work->finding_count),
		ORCH_LOG_INT("left_out", work->findings_left_out),
		ORCH_LOG_STRING("inspection", work->result),
		ORCH_LOG_INT("tasks", work->handover.message_count));
}

static void on_handed_over(struct orch_handover *handover, int code, const struct orch_err *err)
{
	struct orch_scan_work *work = handover->user;
	uint64_t now = orch_clock_now_ms();

	if (code == ORCH_OK) {
		orch_metric_observe_ns(orch_metric(ORCH_METRIC_SECONDS,
					       "orchestrator_event_verdict_duration_seconds",
					       "Time from an event's acceptance to its hand-over.",
					       { "pipeline", work->pipeline->name }),
			(now > work->lease.put_ms ? now - work->lease.put_ms : 0) * 1000000);
		orch_scan_work_end(work);
		return;
	}
	orch_log(code == ORCH_E_DENIED ? ORCH_LOG_WARN : ORCH_LOG_ERROR, "event.handover",
		ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_STRING("error", err->text));
	if (code == ORCH_E_DENIED) {
		work->result = "lost";
		orch_scan_work_end(work);
	} else {
		orch_scan_work_release(work, RETRY_MS, false);
	}
}

static const char *result_of(const struct orch_scan_work *work, enum orch_inspection inspection)
{
	if (work->finding_count > 0)
		return inspection == ORCH_INSPECTED ? "found" : "found_partly_inspected";
	if (inspection == ORCH_INSPECTED)
		return "clean";
	return inspection == ORCH_UNINSPECTED ? "uninspected" : "partly_inspected";
}

void orch_scan_work_judge(struct orch_scan_work *work)
{
	struct orch_text note = ORCH_TEXT_NONE;
	enum orch_inspection inspection = inspect(work, &note);
	struct orch_decision decision;
	int rc =
		orch_policy_decide(work->pipeline, work->event, work->findings, work->finding_count,
			work->records, work->record_count, inspection, work->arena, &decision);

	work->result = result_of(work, inspection);
	work->handover = (struct orch_handover){
		.queue = work->scan->options.queue,
		.store = work->scan->options.store,
		.lane = work->scan->options.bench.lane,
		.done = on_handed_over,
		.user = work,
		.lease = &work->lease,
		.end = ORCH_END_DONE,
	};
	if (rc == ORCH_OK)
		rc = make_tasks(work, &decision);
	if (rc == ORCH_OK &&
		(work->finding_count > 0 || inspection != ORCH_INSPECTED ||
			decision.verdict != ORCH_PASS))
		work->handover.event = make_stored(work, &decision, inspection, note);
	else
		work->handover.result_count = 0;
	if (rc != ORCH_OK || orch_arena_failed(work->arena)) {
		work->handover.group = NULL;
		orch_scan_work_release(work, RETRY_MS, false);
		return;
	}
	report(work, &decision, inspection);
	orch_handover_submit(&work->handover, work->arena);
}
