/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts that are gone.  What one event has had removed is gone for all others
 * that tell of it; their parts count as inspected if an event that was handed
 * over before had the same bytes, by their alias, and every tool saw them.
 */
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "stage/scan_work.h"

static bool is_named(const struct orch_part *part, enum orch_part_state state)
{
	return part->state == state && part->alias.len > 0;
}

/* Of the parts in STATE that have an alias, in their order; NULL: there is none, or no memory. */
static struct orch_text *name_parts(
	struct orch_scan_work *work, enum orch_part_state state, size_t *ret_count)
{
	struct orch_text *names;
	size_t count = 0;

	for (size_t i = 0; i < work->event->part_count; i++)
		count += is_named(&work->parts[i], state);
	*ret_count = 0;
	if (count == 0)
		return NULL;
	names = orch_arena_alloc_array(work->arena, count, sizeof(*names));
	for (size_t i = 0; names != NULL && i < work->event->part_count; i++)
		if (is_named(&work->parts[i], state))
			names[(*ret_count)++] = orch_event_name(work->arena, ORCH_TEXT("part"),
				work->pipeline->name, work->event->source, work->parts[i].alias);
	return names;
}

/* KNOWN: by the names that were asked for; NULL: nothing is known. */
static void settle_gone(struct orch_scan_work *work, const bool *known)
{
	size_t asked = 0;

	for (size_t i = 0; i < work->event->part_count; i++) {
		struct orch_part *part = &work->parts[i];

		if (part->state != ORCH_PART_GONE)
			continue;
		if (part->alias.len > 0 && known != NULL && known[asked++])
			part->note = ORCH_TEXT("inspected with another event; gone since");
		else
			part->state = ORCH_PART_UNAVAILABLE;
	}
}

static void on_recalled(struct orch_queue_op *op)
{
	struct orch_scan_work *work = op->user;

	op->user = NULL;
	if (op->code != ORCH_OK)
		orch_log(ORCH_LOG_WARN, "event.recall",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_STRING("error", op->err.text));
	settle_gone(work, op->code == ORCH_OK ? op->known : NULL);
	orch_scan_work_judge(work);
}

static int ask(struct orch_scan_work *work, const struct orch_text *names, size_t count,
	struct orch_err *err)
{
	bool *known = orch_arena_alloc_array(work->arena, count, sizeof(*known));
	int rc;

	if (known == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to ask for its parts");
	work->recall = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RECALL,
		.queue = work->scan->options.queue,
		.lane = work->scan->options.bench.lane,
		.done = on_recalled,
		.name = work->lease.message.queue,
		.names = names,
		.name_count = count,
		.known = known,
		.user = work,
	};
	rc = orch_queue_submit(work->scan->options.queue, &work->recall, err);
	if (rc != ORCH_OK)
		work->recall.user = NULL;
	return rc;
}

void orch_scan_work_recall(struct orch_scan_work *work)
{
	size_t count;
	const struct orch_text *names = name_parts(work, ORCH_PART_GONE, &count);
	struct orch_err err = { "" };

	if (names != NULL) {
		if (ask(work, names, count, &err) == ORCH_OK)
			return;
		orch_log(ORCH_LOG_WARN, "event.recall",
			ORCH_LOG_TEXT("trace", work->lease.message.trace),
			ORCH_LOG_TEXT("id", orch_scan_work_id(work)),
			ORCH_LOG_STRING("error", err.text));
	}
	settle_gone(work, NULL);
	orch_scan_work_judge(work);
}

void orch_scan_work_remember(struct orch_scan_work *work)
{
	if (!work->is_half_seen)
		work->handover.names = name_parts(work, ORCH_PART_HERE, &work->handover.name_count);
}
