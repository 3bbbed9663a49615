/* SPDX-License-Identifier: Apache-2.0 */
/* From findings to a verdict, and the hand-over of what follows from it. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "stage/result.h"
#include "stage/scan_work.h"

#define FILE_BYTES 65536 /* of each fetched file, kept with an event */
#define CONTENT_BYTES (16 * 1024 * 1024)
#define TASK_BYTES (15 * 1024 * 1024) /* less than a queue takes */
#define RETRY_MS 1000
#define RETRY_CAP_MS 60000
#define HANDOVER_TRIES 10

/* What tools said of the parts, now that all of them have seen each part as it came; of one that is gone it means nothing. */
static void apply_marks(struct orch_scan_work *work)
{
	for (size_t i = 0; i < work->event->part_count; i++) {
		const struct orch_part_mark *mark = &work->marks[i];

		if (mark->state <= work->parts[i].state)
			continue;
		work->parts[i].state = mark->state;
		work->parts[i].note = mark->note.len > 0
			? mark->note
			: ORCH_TEXT("a tool could not examine it whole");
	}
}

/* What could not be looked at, and why.  Such an event is never called clean.  What is gone by now was inspected. */
static enum orch_inspection inspect(struct orch_scan_work *work, struct orch_text *ret_note)
{
	size_t unseen = 0, lost = 0;

	for (size_t i = 0; i < work->event->part_count; i++) {
		const struct orch_part *part = &work->parts[i];

		if (part->state == ORCH_PART_HERE || part->state == ORCH_PART_GONE)
			continue;
		unseen++;
		lost += part->state == ORCH_PART_UNAVAILABLE;
		orch_scan_work_note_unseen(
			work, orch_scan_work_part_name(part->name), part->note.ptr);
	}
	*ret_note = work->unseen;
	if (unseen == 0 && !work->is_unseen)
		return ORCH_INSPECTED;
	if ((work->event->part_count > 0 && lost == work->event->part_count) ||
		(work->blind > 0 && work->blind == work->pipeline->tool_count))
		return ORCH_UNINSPECTED;
	return ORCH_INSPECTED_PARTLY;
}

/* The event as it is kept: what it came with whole, its files by their beginning. */
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
		if (work->fetched[i] && parts[i].bytes.len > FILE_BYTES)
			parts[i].bytes.len = FILE_BYTES;
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

/* Empty if it cannot be written. */
static struct orch_text try_write_task(struct orch_scan_work *work, const struct orch_task *task)
{
	struct orch_text body = ORCH_TEXT_NONE;
	struct orch_buf buf;

	orch_buf_init(&buf, TASK_BYTES);
	orch_task_write(&buf, task);
	if (!buf.failed)
		body = orch_arena_text(work->arena, orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return body;
}

/* What is to be done matters more than the whole list of why. */
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
	struct orch_text body = try_write_task(work, &task);

	while (body.len == 0 && task.finding_count > 0) {
		task.finding_count /= 2;
		body = try_write_task(work, &task);
	}
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
		.time_ms = work->event->time_ms,
		.record_id = wanted->record == NULL ? ORCH_TEXT_NONE : wanted->record->id,
		.state = would ? ORCH_TEXT("would") : ORCH_TEXT("pending"),
		.outcome = ORCH_TEXT_NONE,
		.detail = would ? ORCH_TEXT("the pipeline only monitors (enforce = false)")
				: ORCH_TEXT_NONE,
		.at_ms = orch_clock_now_ms(),
	};
}

static void fill_message(struct orch_scan_work *work, const struct orch_policy_task *wanted,
	uint32_t priority, struct orch_text key, struct orch_text body,
	struct orch_message *message)
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
		.time_ms = work->event->time_ms,
		.priority = priority,
		.body = body,
	};
}

static int make_task(struct orch_scan_work *work, const struct orch_policy_task *wanted,
	uint32_t priority, const struct orch_finding *findings, size_t count)
{
	struct orch_handover *handover = &work->handover;
	const struct orch_plan_instance *action = &work->crew->plan->actions[wanted->action];
	struct orch_text record = wanted->record == NULL ? ORCH_TEXT_NONE : wanted->record->id;
	struct orch_text key = orch_task_key(work->arena, work->pipeline->name,
		action->config->name, work->lease.message.id, record);
	bool would = !work->pipeline->enforce && !ORCH_OPS(action->plugin->action, passive);
	struct orch_text body;

	if (would || orch_result_is_kept(wanted->verdict, count, work->event))
		fill_result(work, wanted, key, would, &work->results[handover->result_count++]);
	if (would)
		return ORCH_OK;
	body = write_task(work, wanted, key, findings, count);
	if (body.len == 0)
		return ORCH_E_AGAIN;
	fill_message(work, wanted, priority, key, body, &work->messages[handover->message_count++]);
	return ORCH_OK;
}

/* Tasks for what is to be done, results for what is pending or would have been done. */
static int make_tasks(struct orch_scan_work *work, const struct orch_decision *decision)
{
	size_t most = decision->task_count + 1, count;
	const struct orch_finding *findings = plain_findings(work, &count);
	uint32_t priority = gravest(work);
	int rc = ORCH_OK;

	work->messages = orch_arena_alloc_array(work->arena, most, sizeof(*work->messages));
	work->results = orch_arena_alloc_array(work->arena, most, sizeof(*work->results));
	if (work->messages == NULL || work->results == NULL || findings == NULL)
		return ORCH_E_NOMEM;
	for (size_t i = 0; rc == ORCH_OK && i < decision->task_count; i++)
		rc = make_task(work, &decision->tasks[i], priority, findings, count);
	work->handover.messages = work->messages;
	work->handover.results = work->results;
	return rc;
}

static void report(const struct orch_scan_work *work, const struct orch_decision *decision,
	enum orch_inspection inspection)
{
	bool is_plain = decision->verdict == ORCH_PASS && inspection == ORCH_INSPECTED;

	orch_log(is_plain ? ORCH_LOG_DEBUG : ORCH_LOG_INFO, "event.judged",
		ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_TEXT("id", work->event->id),
		ORCH_LOG_TEXT("pipeline", work->pipeline->name),
		ORCH_LOG_STRING("verdict", orch_verdict_name(decision->verdict)),
		ORCH_LOG_INT("findings", work->finding_count),
		ORCH_LOG_INT("left_out", work->findings_left_out),
		ORCH_LOG_STRING("inspection", work->result),
		ORCH_LOG_INT("tasks", work->handover.message_count));
}

/* It could not be handed over; a message that never can must not go round for ever. */
static void try_again(struct orch_scan_work *work, const struct orch_err *err)
{
	uint32_t attempts = work->lease.attempts;

	if (attempts + 1 < HANDOVER_TRIES)
		orch_scan_work_release(
			work, orch_backoff_ms(attempts, RETRY_MS, RETRY_CAP_MS), true);
	else
		orch_scan_work_bury(work, "handover", err->text);
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
		try_again(work, err);
	}
}

/* Findings of rules in shadow count for nothing here either. */
static const char *result_of(const struct orch_scan_work *work, enum orch_inspection inspection)
{
	bool found = false;

	for (size_t i = 0; i < work->finding_count; i++)
		found = found || !work->findings[i].shadow;
	if (found)
		return inspection == ORCH_INSPECTED ? "found" : "found_partly_inspected";
	if (inspection == ORCH_INSPECTED)
		return "clean";
	return inspection == ORCH_UNINSPECTED ? "uninspected" : "partly_inspected";
}

static int prepare(struct orch_scan_work *work, struct orch_err *err)
{
	struct orch_text note = ORCH_TEXT_NONE;
	enum orch_inspection inspection = inspect(work, &note);
	struct orch_decision decision;
	int rc =
		orch_policy_decide(work->pipeline, work->event, work->findings, work->finding_count,
			work->records, work->record_count, inspection, work->arena, &decision);

	work->result = result_of(work, inspection);
	if (rc == ORCH_OK)
		rc = make_tasks(work, &decision);
	if (rc == ORCH_OK &&
		(work->finding_count > 0 || inspection != ORCH_INSPECTED ||
			decision.verdict != ORCH_PASS))
		work->handover.event = make_stored(work, &decision, inspection, note);
	else
		work->handover.result_count = 0;
	if (rc != ORCH_OK || orch_arena_failed(work->arena))
		return orch_fail(
			err, ORCH_E_AGAIN, "no memory for its tasks, or they are too large");
	report(work, &decision, inspection);
	return ORCH_OK;
}

void orch_scan_work_judge(struct orch_scan_work *work)
{
	struct orch_err err = { "" };

	apply_marks(work);
	work->handover = (struct orch_handover){
		.queue = work->scan->options.queue,
		.store = work->scan->options.store,
		.lane = work->scan->options.bench.lane,
		.done = on_handed_over,
		.user = work,
		.lease = &work->lease,
		.end = ORCH_END_DONE,
	};
	orch_scan_work_remember(work);
	if (prepare(work, &err) == ORCH_OK) {
		orch_handover_submit(&work->handover, work->arena);
		return;
	}
	orch_log(ORCH_LOG_ERROR, "event.handover",
		ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_STRING("error", err.text));
	try_again(work, &err);
}
