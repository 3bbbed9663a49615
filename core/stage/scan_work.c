/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/scan_work.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"

#define RETRY_MS 1000
#define PIPELINE_TRIES 5  /* half a minute in all */
#define UNSEEN_BYTES 4096 /* of the words about what was not examined */

static void free_work(void *owner)
{
	struct orch_scan_work *work = owner;
	struct orch_scan *scan = work->scan;

	orch_batch_unref(work->batch);
	orch_crew_unref(work->crew);
	orch_arena_destroy(work->arena);
	scan->in_flight--;
	orch_scan_pull(scan);
}

void orch_scan_work_end(struct orch_scan_work *work)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_events_scanned_total",
				"Events that left the scan stage, by what became of them.",
				{ "pipeline", work->lease.message.pipeline },
				{ "result", orch_text_from(work->result) }),
		1);
	TAILQ_REMOVE(&work->scan->works, work, link);
	orch_run_fini(&work->run);
	orch_ruleset_unref(work->rules);
	work->rules = NULL;
	orch_leases_let_go(&work->held);
}

static void on_released(struct orch_queue_op *op)
{
	orch_scan_work_end(op->user);
}

void orch_scan_work_release(struct orch_scan_work *work, uint64_t delay_ms, bool failed)
{
	struct orch_err err = { "" };

	work->result = failed ? "retry" : "released";
	work->release = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RELEASE,
		.queue = work->scan->options.queue,
		.lane = work->scan->options.bench.lane,
		.done = on_released,
		.lease = &work->lease,
		.delay_ms = delay_ms,
		.failed = failed,
		.uncounted = !failed,
		.user = work,
	};
	/* If even that cannot be said, the lease runs out and the message comes back. */
	if (orch_queue_submit(work->scan->options.queue, &work->release, &err) != ORCH_OK)
		orch_scan_work_end(work);
}

/* The message was set aside, or dropped. */
static void on_ended(struct orch_handover *handover, int code, const struct orch_err *err)
{
	struct orch_scan_work *work = handover->user;
	bool is_dead = handover->end == ORCH_END_DEAD;

	if (code == ORCH_OK) {
		orch_log(is_dead ? ORCH_LOG_ALERT : ORCH_LOG_INFO,
			is_dead ? "event.dead" : "event.dropped",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_TEXT("pipeline", work->lease.message.pipeline),
			ORCH_LOG_TEXT("reason", handover->reason),
			ORCH_LOG_TEXT("detail", handover->detail));
	} else {
		orch_log(code == ORCH_E_DENIED ? ORCH_LOG_WARN : ORCH_LOG_ERROR, "event.handover",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_TEXT("reason", handover->reason),
			ORCH_LOG_STRING("error", err->text));
		work->result = "lost";
	}
	orch_scan_work_end(work);
}

static void end_without_tasks(
	struct orch_scan_work *work, enum orch_end end, const char *reason, const char *detail)
{
	work->handover = (struct orch_handover){
		.queue = work->scan->options.queue,
		.store = work->scan->options.store,
		.lane = work->scan->options.bench.lane,
		.done = on_ended,
		.user = work,
		.lease = &work->lease,
		.end = end,
		.reason = orch_arena_text(work->arena, orch_text_from(reason)),
		.detail = orch_arena_text(work->arena, orch_text_from(detail)),
	};
	orch_handover_submit(&work->handover, work->arena);
}

void orch_scan_work_bury(struct orch_scan_work *work, const char *reason, const char *detail)
{
	work->result = "dead";
	end_without_tasks(work, ORCH_END_DEAD, reason, detail);
}

void orch_scan_work_drop(struct orch_scan_work *work, const char *reason)
{
	work->result = "dropped";
	end_without_tasks(work, ORCH_END_DROPPED, reason, NULL);
}

struct orch_text orch_scan_work_id(const struct orch_scan_work *work)
{
	return work->event != NULL ? work->event->id : (struct orch_text){ NULL, 0 };
}

void orch_scan_work_fill_run(struct orch_scan_work *work, const struct orch_plan_instance *instance,
	struct orch_plugin_host *host, const char *hook)
{
	const struct orch_config *config = work->crew->plan->config;

	orch_run_fini(&work->run);
	work->run = (struct orch_run){
		.bench = &work->scan->options.bench,
		.egress = &config->egress,
		.instance = instance->config,
		.plugin = instance->plugin,
		.settings = instance->settings,
		.callers = &work->crew->callers,
		.host = host,
		.about = { work->lease.message.trace, orch_scan_work_id(work) },
		.name = hook,
		.requests_max = config->requests,
		.hook_ms = config->hook_ms,
		.wait_max_ms = config->lease_ms,
		.part_bytes = config->part_bytes,
		.is_lost = &work->held.is_lost,
		.progress = { .attempt = work->lease.attempts + 1,
			.resumed = work->lease.receives > work->lease.attempts + 1 },
		.user = work,
	};
}

struct orch_text orch_scan_work_part_name(struct orch_text name)
{
	struct orch_text rest = name, first = name;

	(void)orch_text_split(&rest, '/', &first);
	return first;
}

void orch_scan_work_note_unseen(struct orch_scan_work *work, struct orch_text what, const char *why)
{
	const char *joint = work->unseen.len > 0 ? "; " : "";

	work->is_unseen = true;
	if (work->unseen.len + what.len + strlen(why) < UNSEEN_BYTES)
		work->unseen = orch_arena_printf(work->arena, "%.*s%s%.*s: %s",
			ORCH_TEXT_ARG(work->unseen), joint, ORCH_TEXT_ARG(what), why);
}

static int read_event(struct orch_scan_work *work, struct orch_err *err)
{
	int rc = orch_event_read(work->lease.message.body, work->arena, &work->event, err);
	size_t size;

	if (rc != ORCH_OK)
		return rc;
	work->event->attempt = work->lease.attempts + 1;
	work->event->trace = work->lease.message.trace;
	work->part_size = work->crew->plan->config->parts;
	if (work->part_size < work->event->part_count)
		work->part_size = work->event->part_count;
	size = work->part_size + 1;
	work->parts = orch_arena_alloc_array(work->arena, size, sizeof(*work->parts));
	work->marks = orch_arena_alloc_array(work->arena, size, sizeof(*work->marks));
	work->fetched = orch_arena_alloc_array(work->arena, size, sizeof(*work->fetched));
	if (work->parts == NULL || work->marks == NULL || work->fetched == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the event's parts");
	if (work->event->part_count > 0)
		memcpy(work->parts, work->event->parts,
			work->event->part_count * sizeof(*work->parts));
	work->event->parts = work->parts;
	return ORCH_OK;
}

/* Lanes and processes take a new configuration one after the other: this one may not have it yet. */
static void await_pipeline(struct orch_scan_work *work)
{
	if (work->lease.attempts < PIPELINE_TRIES)
		orch_scan_work_release(work, (uint64_t)RETRY_MS << work->lease.attempts, true);
	else
		orch_scan_work_bury(
			work, "no_pipeline", "no pipeline of that name is configured any more");
}

static void begin(struct orch_scan_work *work)
{
	struct orch_plan *plan = work->crew->plan;
	int pipeline = orch_plan_find_pipeline(plan, work->lease.message.pipeline);
	struct orch_err err = { "" };
	int rc;

	if (work->lease.receives > plan->config->receives + work->lease.attempts) {
		orch_scan_work_bury(work, "receives",
			"it was received too often without coming to an end (queue.receives)");
		return;
	}
	if (pipeline < 0) {
		await_pipeline(work);
		return;
	}
	work->pipeline = &plan->config->pipelines[pipeline];
	rc = read_event(work, &err);
	if (rc == ORCH_E_NOMEM)
		orch_scan_work_release(work, RETRY_MS, false);
	else if (rc != ORCH_OK)
		orch_scan_work_bury(work, "bad_body", err.text);
	else
		orch_scan_work_gather(work);
}

void orch_scan_work_begin(
	struct orch_scan *scan, const struct orch_lease *lease, struct orch_batch *batch)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_scan_work *work = arena == NULL ? NULL : orch_arena_alloc(arena, sizeof(*work));

	/* Without memory the lease runs out, and the message comes back. */
	if (work == NULL) {
		orch_arena_destroy(arena);
		return;
	}
	work->scan = scan;
	work->crew = orch_crew_ref(scan->crew);
	work->batch = orch_batch_ref(batch);
	work->arena = arena;
	work->lease = *lease;
	work->unseen = ORCH_TEXT_NONE;
	work->result = "clean";
	TAILQ_INSERT_TAIL(&scan->works, work, link);
	scan->in_flight++;
	orch_leases_hold(&scan->leases, &work->held, &work->lease, free_work, work);
	/* What a receive brings that was under way when the drain began goes back as it is. */
	if (scan->is_draining)
		orch_scan_work_release(work, 0, false);
	else
		begin(work);
}
