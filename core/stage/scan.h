/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scan: events are completed, examined, judged, and handed over.
 */
#ifndef ORCH_SCAN_H
#define ORCH_SCAN_H
#include "queue/queue.h"
#include "stage/crew.h"
#include "stage/hook.h"

struct orch_scan;

struct orch_scan_options {
	struct orch_bench bench;
	struct orch_queue *queue;
	struct orch_store *store;
};

ORCH_MUST_USE int orch_scan_create(const struct orch_scan_options *options, struct orch_crew *crew,
	struct orch_scan **ret_scan, struct orch_err *err);
/* On the lane. */
void orch_scan_set_crew(struct orch_scan *scan, struct orch_crew *crew); /* takes CREW */
void orch_scan_start(struct orch_scan *scan);
void orch_scan_drain(struct orch_scan *scan);   /* receives no more */
void orch_scan_release(struct orch_scan *scan); /* gives back what is in flight */
bool orch_scan_is_idle(const struct orch_scan *scan);
void orch_scan_destroy(struct orch_scan *scan);

#endif
