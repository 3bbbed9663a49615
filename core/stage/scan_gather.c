/* SPDX-License-Identifier: Apache-2.0 */
/* Completing an event: its input looks up and downloads what the arrival only named. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "stage/limit.h"
#include "stage/scan_work.h"

#define RETRY_BASE_MS 2000
#define RETRY_CAP_MS 60000

static struct orch_part *find_part(struct orch_scan_work *work, struct orch_text name)
{
	for (size_t i = 0; i < work->event->part_count; i++)
		if (orch_text_equal(work->parts[i].name, name))
			return &work->parts[i];
	return NULL;
}

/* NULL: there is no room for it, which is noted. */
static struct orch_part *find_or_add_part(struct orch_scan_work *work, struct orch_text name)
{
	struct orch_part *part = find_part(work, name);

	if (part != NULL)
		return part;
	if (work->event->part_count == work->part_size) {
		orch_limit_note("parts");
		orch_scan_work_note_unseen(work, orch_scan_work_part_name(name),
			"the event has too many parts (limits.parts)");
		return NULL;
	}
	part = &work->parts[work->event->part_count++];
	*part = (struct orch_part){
		.name = orch_arena_text(work->arena, name),
		.media_type = ORCH_TEXT_NONE,
		.bytes = ORCH_TEXT_NONE,
		.state = ORCH_PART_ANNOUNCED,
		.note = ORCH_TEXT_NONE,
		.alias = ORCH_TEXT_NONE,
	};
	return part;
}

static void mark(
	struct orch_scan_work *work, struct orch_part *part, uint32_t state, const char *note)
{
	part->state = state;
	part->note = orch_arena_text(work->arena, orch_text_from(note));
	if (state == ORCH_PART_UNAVAILABLE || state == ORCH_PART_GONE)
		part->bytes = ORCH_TEXT_NONE;
}

static void apply_marks(struct orch_scan_work *work)
{
	for (size_t i = 0; i < work->sink.mark_count; i++) {
		struct orch_part_mark *given = &work->sink.marks[i];
		struct orch_part *part = find_or_add_part(work, given->part);

		if (part != NULL)
			mark(work, part, given->state, given->note.ptr);
	}
	work->sink.mark_count = 0;
}

static void destroy_blob(void *blob)
{
	orch_blob_destroy(blob);
}

/* The rest of what the event's files may have together. */
static uint64_t bytes_left(const struct orch_scan_work *work)
{
	uint64_t most = work->crew->plan->config->gather_bytes;

	return work->gathered_bytes < most ? most - work->gathered_bytes : 0;
}

static void fill_part(
	struct orch_scan_work *work, struct orch_part *part, struct orch_blob *blob, bool truncated)
{
	bool is_last = orch_blob_len(blob) >= bytes_left(work);
	struct orch_err err = { "" };
	struct orch_text bytes;

	if (truncated)
		orch_limit_note(is_last ? "gather_bytes" : "part_bytes");
	work->gathered_bytes += orch_blob_len(blob);
	if (orch_blob_map(blob, &bytes, &err) != ORCH_OK) {
		mark(work, part, ORCH_PART_UNAVAILABLE, err.text);
		return;
	}
	part->bytes = bytes;
	part->state = truncated ? ORCH_PART_TRUNCATED : ORCH_PART_HERE;
	work->fetched[part - work->parts] = true;
	if (truncated)
		part->note = is_last
			? ORCH_TEXT("the event's files are larger than limits.gather_bytes")
			: ORCH_TEXT("it is larger than the limit; the rest was not read");
}

static void take_part(
	struct orch_run *run, struct orch_text name, struct orch_blob *blob, bool truncated)
{
	struct orch_scan_work *work = run->user;
	struct orch_part *part = find_or_add_part(work, name);

	if (part == NULL) {
		orch_blob_destroy(blob);
		return;
	}
	orch_arena_on_destroy(work->arena, destroy_blob, blob);
	/* Without memory it is gone by now; the part stays announced. */
	if (orch_arena_failed(work->arena))
		return;
	fill_part(work, part, blob, truncated);
}

/* An alias that the part came with stays: the input was shown its digest, and that would be digested anew. */
static void replace_part(struct orch_part *part, const struct orch_part *given)
{
	struct orch_text alias = part->alias;

	*part = *given;
	if (alias.len > 0)
		part->alias = alias;
}

/* The event as the input now tells it; bytes that were fetched stay. */
static void replace_event(struct orch_scan_work *work, const struct orch_event *given)
{
	struct orch_event *event = work->event;

	if (given->field_count > 0) {
		event->fields = given->fields;
		event->field_count = given->field_count;
	}
	if (given->data.len > 0)
		event->data = given->data;
	for (size_t i = 0; i < given->part_count; i++) {
		struct orch_part *part = find_or_add_part(work, given->parts[i].name);

		if (part != NULL && part->state == ORCH_PART_ANNOUNCED && part->bytes.len == 0)
			replace_part(part, &given->parts[i]);
	}
}

static int enter_gather(struct orch_run *run, const struct orch_reply *reply,
	struct orch_request *request, struct orch_err *err)
{
	struct orch_scan_work *work = run->user;
	int input = orch_plan_find_input(work->crew->plan, work->event->source);
	const struct orch_input_ops *ops = work->crew->plan->inputs[input].plugin->input;
	int rc;

	orch_sink_init(&work->sink, ORCH_KIND_INPUT, &work->crew->plan->limits, work->arena);
	rc = ops->gather(work->crew->inputs[input].self, work->event, &run->progress, reply,
		request, &work->sink, err);
	if (work->sink.limit != NULL)
		orch_limit_note(work->sink.limit);
	if (rc >= 0) {
		if (work->sink.event_count > 0)
			replace_event(work, &work->sink.events[0]);
		apply_marks(work);
	}
	/* At least one byte: no limit at all would be the default. */
	run->part_bytes = work->crew->plan->config->part_bytes;
	if (run->part_bytes > bytes_left(work))
		run->part_bytes = bytes_left(work) > 0 ? bytes_left(work) : 1;
	return rc == ORCH_OK ? work->sink.failed : rc;
}

static void give_up_announced(struct orch_scan_work *work, const char *why)
{
	for (size_t i = 0; i < work->event->part_count; i++)
		if (work->parts[i].state == ORCH_PART_ANNOUNCED)
			mark(work, &work->parts[i], ORCH_PART_UNAVAILABLE, why);
}

static void on_gathered(struct orch_run *run, int code)
{
	struct orch_scan_work *work = run->user;

	if (run->pause_ms > 0) {
		orch_scan_work_release(work, run->pause_ms, false);
		return;
	}
	if (code == ORCH_E_AGAIN && work->lease.attempts + 1 < run->instance->attempts) {
		orch_log(ORCH_LOG_INFO, "gather.retry",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_TEXT("instance", run->instance->name),
			ORCH_LOG_STRING("error", run->err.text));
		orch_scan_work_release(work,
			orch_backoff_ms(work->lease.attempts, RETRY_BASE_MS, RETRY_CAP_MS), true);
		return;
	}
	if (code == ORCH_OK && work->sink.rejected != NULL) {
		orch_scan_work_drop(work, work->sink.rejected);
		return;
	}
	if (code != ORCH_OK) {
		orch_log(ORCH_LOG_WARN, "gather.failed",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_TEXT("instance", run->instance->name),
			ORCH_LOG_STRING("error", run->err.text));
		orch_scan_work_note_unseen(work, run->instance->name, run->err.text);
	}
	give_up_announced(work, code == ORCH_OK ? "it was not fetched" : run->err.text);
	orch_scan_work_examine(work);
}

static bool is_complete(const struct orch_scan_work *work)
{
	for (size_t i = 0; i < work->event->part_count; i++)
		if (work->parts[i].state == ORCH_PART_ANNOUNCED)
			return false;
	return true;
}

void orch_scan_work_gather(struct orch_scan_work *work)
{
	int input = orch_plan_find_input(work->crew->plan, work->event->source);
	const struct orch_plan_instance *instance;

	if (is_complete(work)) {
		orch_scan_work_examine(work);
		return;
	}
	instance = input < 0 ? NULL : &work->crew->plan->inputs[input];
	if (instance == NULL || ORCH_OPS(instance->plugin->input, gather) == NULL) {
		give_up_announced(work, "its input cannot fetch it");
		orch_scan_work_examine(work);
		return;
	}
	orch_scan_work_fill_run(work, instance, work->crew->inputs[input].host, "gather");
	work->run.duration = instance->gathered;
	work->run.enter = enter_gather;
	work->run.part = take_part;
	work->run.done = on_gathered;
	orch_run_start(&work->run);
}
