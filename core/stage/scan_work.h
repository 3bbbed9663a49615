/* SPDX-License-Identifier: Apache-2.0 */
/* One event on its way through the scan stage.  Internal to stage/scan*.c. */
#ifndef ORCH_SCAN_WORK_H
#define ORCH_SCAN_WORK_H
#include "stage/batch.h"
#include "stage/handover.h"
#include "stage/leases.h"
#include "stage/policy.h"
#include "stage/scan.h"

struct orch_scan {
	struct orch_scan_options options;
	struct orch_crew *crew;
	struct orch_leases leases;
	struct orch_queue_watch watch;
	struct orch_queue_op receive;
	struct orch_batch *batch; /* of the receive under way */
	struct orch_timer retry;  /* of a receive that failed */
	TAILQ_HEAD(, orch_scan_work) works;
	size_t in_flight;
	bool is_receiving, is_watching, is_draining, has_more;
};

struct orch_scan_work {
	TAILQ_ENTRY(orch_scan_work) link;
	struct orch_scan *scan;
	struct orch_crew *crew;
	struct orch_batch *batch;
	struct orch_arena *arena;
	struct orch_lease lease;
	struct orch_held held;

	const struct orch_config_pipeline *pipeline;
	struct orch_event *event;
	struct orch_part *parts;      /* the event's, ours to change */
	struct orch_part_mark *marks; /* what tools said of each part; they all see it as it came */
	bool *fetched;                /* of each part: its bytes were downloaded */
	size_t part_size;
	uint64_t gathered_bytes;

	struct orch_run run;
	struct orch_sink sink;
	size_t tool;                /* index within the pipeline */
	struct orch_ruleset *rules; /* of the tool under way */

	struct orch_stored_finding *findings;
	size_t finding_count, finding_size;
	struct orch_record *records;
	size_t record_count, record_size;
	uint64_t findings_left_out;
	size_t blind;            /* tools that had no rules to work by */
	bool is_half_seen;       /* a tool has not looked at all of it, nobody knows at what */
	bool is_unseen;          /* something was not examined, beside what the parts' states say */
	struct orch_text unseen; /* what, and why */

	struct orch_handover handover;
	struct orch_message *messages;      /* the hand-over's */
	struct orch_stored_result *results; /* likewise */
	struct orch_queue_op release;
	struct orch_queue_op recall; /* its user is set as long as it is under way */
	const char *result;          /* for the metrics */
};

/* scan_work.c */
void orch_scan_work_begin(
	struct orch_scan *scan, const struct orch_lease *lease, struct orch_batch *batch);
/* A release that is no failure does not count as a delivery either. */
void orch_scan_work_release(struct orch_scan_work *work, uint64_t delay_ms, bool failed);
void orch_scan_work_bury(struct orch_scan_work *work, const char *reason, const char *detail);
void orch_scan_work_drop(struct orch_scan_work *work, const char *reason);
void orch_scan_work_end(struct orch_scan_work *work);
/* HOST is that of the instance's member of the crew. */
void orch_scan_work_fill_run(struct orch_scan_work *work, const struct orch_plan_instance *instance,
	struct orch_plugin_host *host, const char *hook);
/* Of the event; left out of logs as long as that is not read. */
struct orch_text orch_scan_work_id(const struct orch_scan_work *work);
/* From now on the event is never called clean. */
void orch_scan_work_note_unseen(
	struct orch_scan_work *work, struct orch_text what, const char *why);
/* What follows the slash, a file's name say, is its author's text: it stays sealed. */
struct orch_text orch_scan_work_part_name(struct orch_text name);

/* scan_gather.c */
void orch_scan_work_gather(struct orch_scan_work *work); /* then examines */

/* scan_tool.c */
void orch_scan_work_examine(struct orch_scan_work *work); /* the tools, then recall */

/* scan_recall.c */
/* What became of the parts that are gone; then judges. */
void orch_scan_work_recall(struct orch_scan_work *work);
/* The hand-over's: the parts that need not be inspected again where another event tells of them. */
void orch_scan_work_remember(struct orch_scan_work *work);

/* scan_judge.c */
void orch_scan_work_judge(struct orch_scan_work *work); /* then hands over */

/* scan.c */
void orch_scan_pull(struct orch_scan *scan);

#endif
