/* SPDX-License-Identifier: Apache-2.0 */
/* The tools, one after the other: what each has found, and what it means when one fails. */
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "stage/limit.h"
#include "stage/scan_work.h"

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 300000
#define RECORD_ID_BYTES 512 /* of id and order key: the queue takes no longer ones */

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
	/* A part that is not there cannot be followed; the finding counts all the same. */
	if (finding->part >= work->event->part_count)
		finding->part = UINT32_MAX;
	stored->part_name = finding->part == UINT32_MAX
		? ORCH_TEXT_NONE
		: orch_scan_work_part_name(work->event->parts[finding->part].name);
	stored->excerpt = orch_mask_excerpt(work->arena, finding_bytes(work->event, finding));
}

/* Tasks are told apart by their records' ids, so a record without one is given one. */
static void name_record(struct orch_scan_work *work, const struct orch_plan_instance *tool,
	struct orch_record *record, size_t number)
{
	struct orch_text pieces[] = { ORCH_TEXT("record"), work->lease.message.id,
		tool->config->name, orch_arena_printf(work->arena, "%zu", number) };
	char uuid[ORCH_UUID_CHARS + 1];

	if (record->id.len > 0)
		return;
	orch_uuid5(pieces, sizeof(pieces) / sizeof(pieces[0]), uuid);
	record->id = orch_arena_text(work->arena, orch_text_from(uuid));
}

static int collect(struct orch_scan_work *work, const struct orch_plan_instance *tool)
{
	struct orch_sink *sink = &work->sink;

	work->findings = grow(work->arena, work->findings, work->finding_count, &work->finding_size,
		sink->finding_count + 1, sizeof(*work->findings));
	work->records = grow(work->arena, work->records, work->record_count, &work->record_size,
		sink->record_count + 1, sizeof(*work->records));
	if (work->findings == NULL || work->records == NULL) {
		work->finding_count = work->record_count = 0;
		return ORCH_E_NOMEM;
	}
	for (size_t i = 0; i < sink->finding_count; i++) {
		struct orch_stored_finding *stored = &work->findings[work->finding_count++];

		*stored = (struct orch_stored_finding){ .finding = sink->findings[i] };
		describe(work, tool, stored);
	}
	for (size_t i = 0; i < sink->record_count; i++) {
		name_record(work, tool, &sink->records[i], i);
		work->records[work->record_count++] = sink->records[i];
	}
	return orch_arena_failed(work->arena) ? ORCH_E_NOMEM : ORCH_OK;
}

static size_t find_part(const struct orch_scan_work *work, struct orch_text name)
{
	size_t i = 0;

	while (i < work->event->part_count && !orch_text_equal(work->parts[i].name, name))
		i++;
	return i;
}

/* The gravest that any tool has said of a part is what stands. */
static void take_marks(struct orch_scan_work *work)
{
	for (size_t i = 0; i < work->sink.mark_count; i++) {
		const struct orch_part_mark *mark = &work->sink.marks[i];
		size_t part = find_part(work, mark->part);

		if (part == work->event->part_count)
			orch_scan_work_note_unseen(
				work, orch_scan_work_part_name(mark->part), mark->note.ptr);
		else if (mark->state > work->marks[part].state)
			work->marks[part] = *mark;
	}
	work->sink.mark_count = 0;
}

/* It may be any part that TOOL has not looked at. */
static void note_half_seen(
	struct orch_scan_work *work, const struct orch_config_instance *tool, const char *why)
{
	work->is_half_seen = true;
	orch_scan_work_note_unseen(work, tool->name, why);
}

static int take_results(struct orch_scan_work *work, const struct orch_plan_instance *tool)
{
	uint64_t left_out = work->sink.findings_left_out;
	char why[80];

	take_marks(work);
	if (left_out > 0) {
		(void)snprintf(why, sizeof(why), "%llu findings were left out (limits.findings)",
			(unsigned long long)left_out);
		note_half_seen(work, tool->config, why);
		work->findings_left_out += left_out;
	}
	return collect(work, tool);
}

/* What was not taken makes the tool fail, whatever it says itself. */
static int check_sink(const struct orch_scan_work *work, struct orch_err *err)
{
	const struct orch_sink *sink = &work->sink;

	if (sink->records_left_out > 0)
		return orch_fail(err, ORCH_E_LIMIT,
			"it derived more than %u records "
			"(limits.records)",
			sink->limits.records);
	for (size_t i = 0; i < sink->record_count; i++)
		if (sink->records[i].id.len > RECORD_ID_BYTES ||
			sink->records[i].order.len > RECORD_ID_BYTES)
			return orch_fail(err, ORCH_E_INVALID,
				"a record's id or order has more than %d bytes", RECORD_ID_BYTES);
	if (sink->failed == ORCH_OK ||
		(sink->failed == ORCH_E_LIMIT && sink->findings_left_out > 0))
		return ORCH_OK;
	if (sink->limit != NULL)
		return orch_fail(err, ORCH_E_LIMIT, "its results are more than limits.%s allows",
			sink->limit);
	return orch_fail(err, sink->failed, "what it handed over was not taken: %s",
		orch_code_text(sink->failed));
}

static struct orch_plan_instance *tool_of(const struct orch_scan_work *work)
{
	return &work->crew->plan->tools[work->pipeline->tools[work->tool]];
}

static void next_tool(struct orch_scan_work *work)
{
	work->tool++;
	orch_scan_work_examine(work);
}

/* The tool could not say: what that means is the instance's on_error. */
static void tool_failed(struct orch_scan_work *work, int code)
{
	const struct orch_config_instance *tool = work->run.instance;
	bool again = code == ORCH_E_AGAIN || tool->on_error == ORCH_ON_ERROR_RETRY;
	bool tries_left =
		tool->on_error == ORCH_ON_ERROR_RETRY || work->lease.attempts + 1 < tool->attempts;

	if (work->run.pause_ms > 0) {
		orch_scan_work_release(work, work->run.pause_ms, false);
		return;
	}
	orch_log(ORCH_LOG_WARN, "tool.failed", ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_TEXT("id", orch_scan_work_id(work)), ORCH_LOG_TEXT("instance", tool->name),
		ORCH_LOG_STRING("error", work->run.err.text),
		ORCH_LOG_INT("attempt", work->lease.attempts + 1));
	if (again && tries_left) {
		orch_scan_work_release(work,
			orch_backoff_ms(work->lease.attempts, RETRY_BASE_MS, RETRY_CAP_MS), true);
	} else if (tool->on_error == ORCH_ON_ERROR_PASS) {
		/*
		 * What it had found by then was found, its records may be half of
		 * the truth.  Without memory the judge gives the event back.
		 */
		work->sink.record_count = 0;
		(void)take_results(work, tool_of(work));
		note_half_seen(work, tool, work->run.err.text);
		next_tool(work);
	} else {
		orch_scan_work_bury(work, "held",
			orch_arena_printf(work->arena, "%.*s: %s", ORCH_TEXT_ARG(tool->name),
				work->run.err.text)
				.ptr);
	}
}

static int enter_scan(struct orch_run *run, const struct orch_reply *reply,
	struct orch_request *request, struct orch_err *err)
{
	struct orch_scan_work *work = run->user;
	uint32_t index = work->pipeline->tools[work->tool];
	const struct orch_plan_instance *tool = &work->crew->plan->tools[index];
	int rc = tool->plugin->tool->scan(work->crew->tools[index].self,
		work->rules == NULL ? NULL : work->rules->set, work->event, &run->progress, reply,
		request, &work->sink, err);

	/* More findings than are kept is no failure: what is there decides. */
	if (rc == ORCH_E_LIMIT && work->sink.findings_left_out > 0)
		rc = ORCH_OK;
	return rc;
}

static void on_scanned(struct orch_run *run, int code)
{
	struct orch_scan_work *work = run->user;

	if (work->sink.limit != NULL)
		orch_limit_note(work->sink.limit);
	if (code == ORCH_OK || (code == ORCH_E_LIMIT && work->sink.limit != NULL))
		code = check_sink(work, &run->err);
	if (code == ORCH_OK && work->sink.rejected != NULL) {
		orch_scan_work_drop(work, work->sink.rejected);
		return;
	}
	if (code == ORCH_OK && take_results(work, tool_of(work)) != ORCH_OK)
		code = orch_fail(&run->err, ORCH_E_AGAIN, "no memory for the findings");
	if (code == ORCH_OK)
		next_tool(work);
	else
		tool_failed(work, code);
}

void orch_scan_work_examine(struct orch_scan_work *work)
{
	struct orch_plan_instance *tool;

	if (work->tool == work->pipeline->tool_count) {
		orch_scan_work_recall(work);
		return;
	}
	tool = tool_of(work);
	orch_ruleset_unref(work->rules);
	work->rules = orch_plan_rules(tool);
	if (orch_plan_is_blind(tool, work->rules)) {
		work->blind++;
		note_half_seen(work, tool->config, "it has no rules");
	}
	orch_sink_init(&work->sink, ORCH_KIND_TOOL, &work->crew->plan->limits, work->arena);
	work->sink.event = work->event;
	orch_scan_work_fill_run(
		work, tool, work->crew->tools[work->pipeline->tools[work->tool]].host, "scan");
	work->run.duration = tool->scanned;
	work->run.enter = enter_scan;
	work->run.done = on_scanned;
	orch_run_start(&work->run);
}
