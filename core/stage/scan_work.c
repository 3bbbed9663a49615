/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/scan_work.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 300000

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
		.user = work,
	};
	/* If even that cannot be said, the lease runs out and the message comes back. */
	if (orch_queue_submit(work->scan->options.queue, &work->release, &err) != ORCH_OK)
		orch_scan_work_end(work);
}

static void on_buried(struct orch_handover *handover, int code, const struct orch_err *err)
{
	struct orch_scan_work *work = handover->user;

	orch_log(ORCH_LOG_ALERT, "event.dead", ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_TEXT("pipeline", work->lease.message.pipeline),
		ORCH_LOG_TEXT("reason", handover->reason),
		ORCH_LOG_TEXT("detail", handover->detail),
		ORCH_LOG_STRING("error", code == ORCH_OK ? "" : err->text));
	orch_scan_work_end(work);
}

void orch_scan_work_bury(struct orch_scan_work *work, const char *reason, const char *detail)
{
	work->result = "dead";
	work->handover = (struct orch_handover){
		.queue = work->scan->options.queue,
		.store = work->scan->options.store,
		.lane = work->scan->options.bench.lane,
		.done = on_buried,
		.user = work,
		.lease = &work->lease,
		.end = ORCH_END_DEAD,
		.reason = orch_arena_text(work->arena, orch_text_from(reason)),
		.detail = orch_arena_text(work->arena, orch_text_from(detail)),
	};
	orch_handover_submit(&work->handover, work->arena);
}

void orch_scan_work_fill_run(
	struct orch_scan_work *work, const struct orch_plan_instance *instance, const char *hook)
{
	const struct orch_config *config = work->crew->plan->config;

	orch_run_fini(&work->run);
	work->run = (struct orch_run){
		.bench = &work->scan->options.bench,
		.egress = &config->egress,
		.instance = instance->config,
		.host = orch_plugin_host_services(instance->host),
		.name = hook,
		.requests_max = config->requests,
		.hook_ms = config->hook_ms,
		.wait_max_ms = config->lease_ms,
		.part_bytes = config->part_bytes,
		.progress = { .attempt = work->lease.attempts + 1,
			.resumed = work->lease.receives > 1 },
		.user = work,
	};
}

/* The tool could not say: what that means is the instance's on_error. */
static void tool_failed(struct orch_scan_work *work, int code)
{
	const struct orch_config_instance *tool = work->run.instance;
	bool again = code == ORCH_E_AGAIN || tool->on_error == ORCH_ON_ERROR_RETRY;
	bool tries_left =
		tool->on_error == ORCH_ON_ERROR_RETRY || work->lease.attempts + 1 < tool->attempts;
	struct orch_text note = orch_arena_printf(
		work->arena, "%.*s: %s", ORCH_TEXT_ARG(tool->name), work->run.err.text);

	if (work->run.pause_ms > 0) {
		orch_scan_work_release(work, work->run.pause_ms, false);
		return;
	}
	orch_log(ORCH_LOG_WARN, "tool.failed", ORCH_LOG_TEXT("trace", work->lease.message.trace),
		ORCH_LOG_TEXT("instance", tool->name), ORCH_LOG_STRING("error", work->run.err.text),
		ORCH_LOG_INT("attempt", work->lease.attempts + 1));
	if (again && tries_left) {
		orch_scan_work_release(work,
			orch_backoff_ms(work->lease.attempts, RETRY_BASE_MS, RETRY_CAP_MS), true);
	} else if (tool->on_error == ORCH_ON_ERROR_PASS) {
		work->tool_note = note.ptr;
		work->tool++;
		orch_scan_work_examine(work);
	} else {
		orch_scan_work_bury(work, "held", note.ptr);
	}
}

static int enter_scan(struct orch_run *run, const struct orch_reply *reply,
	struct orch_request *request, struct orch_err *err)
{
	struct orch_scan_work *work = run->user;
	uint32_t index = work->pipeline->tools[work->tool];
	const struct orch_plan_instance *tool = &work->crew->plan->tools[index];
	int rc = tool->plugin->tool->scan(work->crew->tools[index],
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
	const struct orch_plan_instance *tool =
		&work->crew->plan->tools[work->pipeline->tools[work->tool]];

	if (code == ORCH_OK) {
		orch_scan_work_apply_marks(work);
		code = orch_scan_work_collect(work, tool);
		if (code != ORCH_OK)
			(void)orch_fail(&run->err, code, "no memory for the findings");
	}
	if (code != ORCH_OK) {
		tool_failed(work, code);
		return;
	}
	work->tool++;
	orch_scan_work_examine(work);
}

void orch_scan_work_examine(struct orch_scan_work *work)
{
	struct orch_plan_instance *tool;

	if (work->tool == work->pipeline->tool_count) {
		orch_scan_work_judge(work);
		return;
	}
	tool = &work->crew->plan->tools[work->pipeline->tools[work->tool]];
	orch_ruleset_unref(work->rules);
	work->rules = orch_plan_rules(tool);
	orch_sink_init(&work->sink, ORCH_KIND_TOOL, &work->crew->plan->limits, work->arena);
	orch_scan_work_fill_run(work, tool, "scan");
	work->run.duration = tool->scanned;
	work->run.enter = enter_scan;
	work->run.done = on_scanned;
	orch_run_start(&work->run);
}

static int read_event(struct orch_scan_work *work, struct orch_err *err)
{
	int rc = orch_event_read(work->lease.message.body, work->arena, &work->event, err);

	if (rc != ORCH_OK)
		return rc;
	work->event->attempt = work->lease.attempts + 1;
	work->event->trace = work->lease.message.trace;
	work->part_size = work->crew->plan->config->parts;
	if (work->part_size < work->event->part_count)
		work->part_size = work->event->part_count;
	work->parts =
		orch_arena_alloc_array(work->arena, work->part_size + 1, sizeof(*work->parts));
	if (work->parts == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the event's parts");
	if (work->event->part_count > 0)
		memcpy(work->parts, work->event->parts,
			work->event->part_count * sizeof(*work->parts));
	work->event->parts = work->parts;
	return ORCH_OK;
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
		orch_scan_work_bury(work, "no_pipeline", "its pipeline is not configured any more");
		return;
	}
	work->pipeline = &plan->config->pipelines[pipeline];
	rc = read_event(work, &err);
	if (rc == ORCH_E_NOMEM)
		orch_scan_work_release(work, RETRY_BASE_MS, false);
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
	work->result = "clean";
	TAILQ_INSERT_TAIL(&scan->works, work, link);
	scan->in_flight++;
	orch_leases_hold(&scan->leases, &work->held, &work->lease, free_work, work);
	begin(work);
}
