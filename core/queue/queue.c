/* SPDX-License-Identifier: Apache-2.0 */
/* Every call goes to the implementation that was opened. */
#include "queue/queue.h"

#include "queue/backend.h"

int orch_queue_submit(struct orch_queue *queue, struct orch_queue_op *op, struct orch_err *err)
{
	return queue->backend->submit(queue, op, err);
}

int orch_queue_attach(struct orch_queue *queue, struct orch_lane *lane, struct orch_err *err)
{
	return queue->backend->attach == NULL ? ORCH_OK : queue->backend->attach(queue, lane, err);
}

void orch_queue_detach(struct orch_queue *queue, struct orch_lane *lane)
{
	if (queue->backend->detach != NULL)
		queue->backend->detach(queue, lane);
}

bool orch_queue_is_idle(struct orch_queue *queue, struct orch_lane *lane)
{
	return queue->backend->is_idle == NULL || queue->backend->is_idle(queue, lane);
}

int orch_queue_watch_add(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	return queue->backend->watch_add(queue, watch);
}

void orch_queue_watch_remove(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	queue->backend->watch_remove(queue, watch);
}

int orch_queue_stats(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err)
{
	return queue->backend->stats(queue, arena, ret_stats, ret_count, err);
}

int orch_queue_ledger(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err)
{
	return queue->backend->ledger(queue, arena, ret_ledgers, ret_count, err);
}

static void survey_here(struct orch_queue *queue, struct orch_queue_survey *survey)
{
	survey->code = orch_queue_stats(
		queue, survey->arena, &survey->stats, &survey->stats_count, &survey->err);
	if (survey->code == ORCH_OK)
		survey->code = orch_queue_ledger(queue, survey->arena, &survey->ledgers,
			&survey->ledger_count, &survey->err);
	survey->done(survey);
}

int orch_queue_survey(
	struct orch_queue *queue, struct orch_queue_survey *survey, struct orch_err *err)
{
	if (queue->backend->survey != NULL)
		return queue->backend->survey(queue, survey, err);
	survey_here(queue, survey);
	return ORCH_OK;
}

int orch_queue_peek(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err)
{
	return queue->backend->peek(queue, filter, arena, ret_entries, ret_count, err);
}

int orch_queue_redrive(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return queue->backend->redrive(queue, filter, ret_swept, err);
}

int orch_queue_discard(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return queue->backend->discard(queue, filter, ret_swept, err);
}

int orch_queue_tend(struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err)
{
	return queue->backend->tend(queue, ret_count, err);
}

void orch_queue_close(struct orch_queue *queue)
{
	if (queue)
		queue->backend->close(queue);
}
