/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/scan.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "stage/scan_work.h"

#define RETRY_MS 1000 /* of a receive that failed: nobody else would call again */

/* Works may end while their fellows begin; none of that receives anew before all have begun. */
static void on_received(struct orch_queue_op *op)
{
	struct orch_scan *scan = op->user;
	struct orch_batch *batch = scan->batch;
	size_t count = op->code == ORCH_OK ? op->lease_count : 0;

	scan->batch = NULL;
	/* A full batch means that more may be waiting. */
	if (count == op->max)
		scan->has_more = true;
	for (size_t i = 0; i < count; i++)
		orch_scan_work_begin(scan, &op->leases[i], batch);
	orch_batch_unref(batch);
	scan->is_receiving = false;
	if (op->code != ORCH_OK) {
		orch_log(ORCH_LOG_ERROR, "scan.receive", ORCH_LOG_STRING("error", op->err.text));
		orch_timer_set(&scan->retry, RETRY_MS);
	}
	orch_scan_pull(scan);
}

static void receive(struct orch_scan *scan, size_t places)
{
	struct orch_err err = { "" };

	scan->has_more = false;
	scan->is_receiving = true;
	scan->receive = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RECEIVE,
		.queue = scan->options.queue,
		.lane = scan->options.bench.lane,
		.done = on_received,
		.name = ORCH_TEXT("scan"),
		.max = places,
		.visibility_ms = scan->leases.visibility_ms,
		.arena = scan->batch->arena,
		.user = scan,
	};
	if (orch_queue_submit(scan->options.queue, &scan->receive, &err) == ORCH_OK)
		return;
	orch_log(ORCH_LOG_ERROR, "scan.receive", ORCH_LOG_STRING("error", err.text));
	scan->is_receiving = false;
	orch_batch_unref(scan->batch);
	scan->batch = NULL;
	orch_timer_set(&scan->retry, RETRY_MS);
}

void orch_scan_pull(struct orch_scan *scan)
{
	size_t most = scan->crew->plan->config->scans;

	if (scan->is_receiving || scan->is_draining || !scan->has_more || scan->in_flight >= most)
		return;
	scan->batch = orch_batch_create();
	if (scan->batch == NULL)
		orch_timer_set(&scan->retry, RETRY_MS);
	else
		receive(scan, most - scan->in_flight);
}

static void on_ready(void *arg)
{
	struct orch_scan *scan = arg;

	scan->has_more = true;
	orch_scan_pull(scan);
}

int orch_scan_create(const struct orch_scan_options *options, struct orch_crew *crew,
	struct orch_scan **ret_scan, struct orch_err *err)
{
	struct orch_scan *scan = orch_alloc(sizeof(*scan));

	if (scan == NULL) {
		orch_crew_unref(crew);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a scan lane");
	}
	scan->options = *options;
	scan->crew = crew;
	TAILQ_INIT(&scan->works);
	if (orch_timer_init(&scan->retry, options->bench.lane, on_ready, scan) != ORCH_OK ||
		orch_leases_init(&scan->leases, options->queue, options->bench.lane,
			crew->plan->config->lease_ms) != ORCH_OK) {
		orch_scan_destroy(scan);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a scan lane");
	}
	*ret_scan = scan;
	return ORCH_OK;
}

void orch_scan_start(struct orch_scan *scan)
{
	scan->watch = (struct orch_queue_watch){
		.name = ORCH_TEXT("scan"),
		.lane = scan->options.bench.lane,
		.ready = on_ready,
		.arg = scan,
	};
	if (orch_queue_watch_add(scan->options.queue, &scan->watch) == ORCH_OK)
		scan->is_watching = true;
	else
		orch_log(ORCH_LOG_ERROR, "scan.watch",
			ORCH_LOG_STRING("error", "the queue cannot be watched"));
	on_ready(scan);
}

void orch_scan_set_crew(struct orch_scan *scan, struct orch_crew *crew)
{
	struct orch_crew *old = scan->crew;

	scan->crew = crew;
	orch_leases_set_visibility(&scan->leases, crew->plan->config->lease_ms);
	orch_crew_unref(old);
	orch_scan_pull(scan);
}

void orch_scan_drain(struct orch_scan *scan)
{
	scan->is_draining = true;
	if (scan->is_watching)
		orch_queue_watch_remove(scan->options.queue, &scan->watch);
	scan->is_watching = false;
	orch_timer_clear(&scan->retry);
}

void orch_scan_release(struct orch_scan *scan)
{
	struct orch_scan_work *work, *next;

	for (work = TAILQ_FIRST(&scan->works); work != NULL; work = next) {
		next = TAILQ_NEXT(work, link);
		if (work->handover.group == NULL && work->release.user == NULL &&
			work->recall.user == NULL) {
			orch_run_cancel(&work->run);
			orch_scan_work_release(work, 0, false);
		}
	}
}

bool orch_scan_is_idle(const struct orch_scan *scan)
{
	return scan->in_flight == 0 && !scan->is_receiving;
}

void orch_scan_destroy(struct orch_scan *scan)
{
	if (scan == NULL)
		return;
	orch_scan_drain(scan);
	orch_timer_fini(&scan->retry);
	orch_leases_fini(&scan->leases);
	orch_crew_unref(scan->crew);
	orch_free(scan);
}
