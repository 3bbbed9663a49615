/* SPDX-License-Identifier: Apache-2.0 */
/* How a task ends: done, tried again later, or dead with its reason. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "queue/backend.h"
#include "stage/act_work.h"
#include "stage/result.h"

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 300000

/* Of the event; left out of logs where the task could not be read. */
static struct orch_text id_of(const struct orch_act_item *item)
{
	return item->task != NULL ? item->task->event->id : (struct orch_text){ NULL, 0 };
}

static const struct orch_config_instance *action_of(const struct orch_act_item *item)
{
	return item->work->crew->plan->actions[item->work->action].config;
}

static void end_item(struct orch_act_item *item)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_action_total",
				"Tasks that left an action, by what became of them.",
				{ "action", item->work->desk->name },
				{ "result", orch_text_from(item->outcome) }),
		1);
	orch_leases_let_go(&item->held);
}

static void on_released(struct orch_db_group *group)
{
	struct orch_act_item *item = *(struct orch_act_item **)(void *)(group + 1);

	end_item(item);
}

/* A task that was never begun keeps the progress that it came with. */
static struct orch_queue_op progress_of(struct orch_act_item *item)
{
	struct orch_act_work *work = item->work;
	const struct orch_run *run = &work->run;
	struct orch_queue_op op = {
		.kind = ORCH_QUEUE_CHECKPOINT,
		.queue = work->act->options.queue,
		.lease = item->lease,
		.step = item->lease->step,
		.step_sent = orch_act_may_have_been_sent(item->lease),
		.memo = item->lease->memo,
	};

	if (item->task == NULL || work->action == ORCH_ACT_NO_ACTION)
		return op;
	/* A batch has no progress of its own, but it may have been sent. */
	op.step_sent = run->is_unanswered;
	op.step = work->count > 1 ? 0 : run->progress.step;
	op.memo = work->count > 1
		? ORCH_TEXT_NONE
		: orch_arena_text(work->arena, orch_text_from(run->progress.memo));
	return op;
}

/* With the progress that has not been kept yet, as one. */
void orch_act_item_release(struct orch_act_item *item, uint64_t delay_ms, bool failed)
{
	struct orch_act_work *work = item->work;
	struct orch_queue *queue = work->act->options.queue;
	struct orch_db_op *first;
	struct orch_err err = { "" };

	item->is_ended = true;
	item->outcome = failed ? "retry" : "released";
	item->checkpoint = progress_of(item);
	item->release = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RELEASE,
		.queue = queue,
		.lease = item->lease,
		.delay_ms = delay_ms,
		.failed = failed,
		.uncounted = !failed,
	};
	item->group = orch_arena_alloc(
		work->arena, sizeof(*item->group) + sizeof(struct orch_act_item *));
	if (item->group == NULL) {
		end_item(item);
		return;
	}
	*(struct orch_act_item **)(void *)(item->group + 1) = item;
	first = queue->backend->as_db_op(queue, &item->checkpoint);
	first->next = queue->backend->as_db_op(queue, &item->release);
	first->next->next = NULL;
	item->group->first = first;
	item->group->lane = work->act->options.bench.lane;
	item->group->done = on_released;
	if (queue->backend->submit_group(queue, item->group, &err) != ORCH_OK)
		end_item(item);
}

static bool is_stored(const struct orch_act_item *item)
{
	return item->task != NULL &&
		orch_result_is_kept(
			item->task->verdict, item->task->finding_count, item->task->event);
}

static void on_ended(struct orch_handover *handover, int code, const struct orch_err *err)
{
	struct orch_act_item *item = handover->user;
	uint64_t now = orch_clock_now_ms();

	if (code != ORCH_OK) {
		orch_log(code == ORCH_E_DENIED ? ORCH_LOG_WARN : ORCH_LOG_ERROR, "action.settle",
			ORCH_LOG_TEXT("trace", item->lease->message.trace),
			ORCH_LOG_TEXT("id", id_of(item)),
			ORCH_LOG_TEXT("instance", item->work->desk->name),
			ORCH_LOG_STRING("error", err->text));
		item->outcome = "lost";
	}
	orch_metric_observe_ns(
		orch_metric(ORCH_METRIC_SECONDS, "orchestrator_action_duration_seconds",
			"Time from a task's making to its end.",
			{ "action", item->work->desk->name }),
		(now > item->lease->put_ms ? now - item->lease->put_ms : 0) * 1000000);
	end_item(item);
}

static void hand_over(struct orch_act_item *item, enum orch_end end, const char *state,
	struct orch_text outcome, struct orch_text detail)
{
	struct orch_act_work *work = item->work;

	item->is_ended = true;
	item->handover = (struct orch_handover){
		.queue = work->act->options.queue,
		.store = work->act->options.store,
		.lane = work->act->options.bench.lane,
		.done = on_ended,
		.user = item,
		.lease = item->lease,
		.end = end,
		.reason = outcome,
		.detail = detail,
	};
	if (end == ORCH_END_DEAD) {
		struct orch_queue_op progress = progress_of(item);

		item->handover.keeps_progress = true;
		item->handover.step = progress.step;
		item->handover.step_sent = progress.step_sent;
		item->handover.memo = progress.memo;
	}
	if (is_stored(item)) {
		item->result = (struct orch_stored_result){
			.event_id = item->task->event->id,
			.pipeline = item->task->pipeline,
			.action = item->work->desk->name,
			.key = item->task->key,
			.time_ms = item->task->event->time_ms,
			.record_id = item->task->record == NULL ? ORCH_TEXT_NONE
								: item->task->record->id,
			.state = orch_text_from(state),
			.outcome = outcome,
			.detail = detail,
			.attempts = item->lease->attempts + 1,
			.at_ms = orch_clock_now_ms(),
		};
		item->handover.results = &item->result;
		item->handover.result_count = 1;
	}
	orch_handover_submit(&item->handover, work->arena);
}

void orch_act_item_bury(struct orch_act_item *item, const char *reason, const char *detail)
{
	struct orch_arena *arena = item->work->arena;

	item->outcome = "dead";
	orch_log(ORCH_LOG_ALERT, "task.dead", ORCH_LOG_TEXT("trace", item->lease->message.trace),
		ORCH_LOG_TEXT("id", id_of(item)), ORCH_LOG_TEXT("instance", item->work->desk->name),
		ORCH_LOG_STRING("reason", reason),
		ORCH_LOG_STRING("error", item->why != NULL ? item->why : detail));
	hand_over(item, ORCH_END_DEAD, "dead", orch_arena_text(arena, orch_text_from(reason)),
		orch_arena_text(arena, orch_text_from(detail)));
}

static void bury_failed(struct orch_act_item *item, const char *reason)
{
	struct orch_act_work *work = item->work;
	const struct orch_run *run = &work->run;
	struct orch_text detail = orch_text_from(item->why);

	if (run->last_status > 0)
		detail = orch_arena_printf(work->arena, "%s (the last answer was HTTP %d%s%s)",
			item->why, run->last_status, run->last_answer[0] == '\0' ? "" : ": ",
			run->last_answer);
	else if (run->last_answer[0] != '\0')
		detail = orch_arena_printf(work->arena, "%s (%s)", item->why, run->last_answer);
	orch_act_item_bury(item, reason, detail.ptr);
}

static void try_again(struct orch_act_item *item)
{
	const struct orch_run *run = &item->work->run;
	uint32_t attempts = item->lease->attempts + 1;

	if (run->pause_ms > 0) {
		orch_act_item_release(item, run->pause_ms + orch_backoff_ms(0, 1000, 1000), false);
		return;
	}
	orch_log(ORCH_LOG_INFO, "action.retry", ORCH_LOG_TEXT("trace", item->lease->message.trace),
		ORCH_LOG_TEXT("id", id_of(item)), ORCH_LOG_TEXT("instance", item->work->desk->name),
		ORCH_LOG_STRING("error", item->why), ORCH_LOG_INT("attempt", attempts));
	if (attempts < action_of(item)->attempts)
		orch_act_item_release(item,
			orch_backoff_ms(item->lease->attempts, RETRY_BASE_MS, RETRY_CAP_MS), true);
	else
		bury_failed(item, "attempts");
}

void orch_act_item_finish(struct orch_act_item *item, int code, const char *why)
{
	const struct orch_sink *sink = &item->work->sink;
	struct orch_text outcome = sink->outcome.len > 0 ? sink->outcome : ORCH_TEXT("done");

	item->why = why;
	if (code == ORCH_E_AGAIN) {
		try_again(item);
		return;
	}
	if (code != ORCH_OK) {
		bury_failed(item, code == ORCH_E_DENIED ? "denied" : "failed");
		return;
	}
	item->outcome = "done";
	orch_log(ORCH_LOG_INFO, "action.done", ORCH_LOG_TEXT("trace", item->lease->message.trace),
		ORCH_LOG_TEXT("id", id_of(item)), ORCH_LOG_TEXT("instance", item->work->desk->name),
		ORCH_LOG_TEXT("outcome", outcome));
	hand_over(item, ORCH_END_DONE, "done", outcome,
		sink->outcome_detail.ptr == NULL ? ORCH_TEXT_NONE : sink->outcome_detail);
}
