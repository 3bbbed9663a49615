/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "queue/backend.h"
#include "stage/act_work.h"

#define CODE_NOT_SET INT_MAX

static int enter_act(struct orch_run *run, const struct orch_reply *reply,
	struct orch_request *request, struct orch_err *err)
{
	struct orch_act_work *work = run->user;
	const struct orch_action_ops *ops = work->crew->plan->actions[work->action].plugin->action;

	return ops->act(work->crew->actions[work->action].self, work->tasks, work->task_count,
		&run->progress, reply, request, &work->sink, work->codes, err);
}

static void on_checkpointed(struct orch_queue_op *op)
{
	struct orch_act_item *item = op->user;
	struct orch_act_work *work = item->work;
	struct orch_run *run = &work->run;

	work->is_checkpointing = false;
	if (work->is_released) {
		orch_act_work_release(work);
		return;
	}
	if (op->code != ORCH_OK)
		run->err = op->err;
	/* A lost lease is another's work now: nothing more is sent. */
	orch_run_go_on(run, op->code == ORCH_OK ? ORCH_OK : ORCH_E_AGAIN);
}

/* A batch has no progress of its own to keep: it is cut anew when it is tried again. */
static void checkpoint(struct orch_run *run)
{
	struct orch_act_work *work = run->user;
	struct orch_act_item *item = &work->items[0];
	int rc;

	if (work->count > 1) {
		orch_run_go_on(run, ORCH_OK);
		return;
	}
	item->checkpoint = (struct orch_queue_op){
		.kind = ORCH_QUEUE_CHECKPOINT,
		.queue = work->act->options.queue,
		.lane = work->act->options.bench.lane,
		.done = on_checkpointed,
		.lease = item->lease,
		.step = run->progress.step,
		.step_sent = true,
		.memo = orch_arena_text(work->arena, orch_text_from(run->progress.memo)),
		.user = item,
	};
	work->is_checkpointing = true;
	rc = orch_queue_submit(work->act->options.queue, &item->checkpoint, &run->err);
	if (rc != ORCH_OK) {
		work->is_checkpointing = false;
		orch_run_go_on(run, ORCH_E_AGAIN);
	}
}

static size_t count_failed(const struct orch_act_work *work, int code)
{
	size_t failed = 0;

	for (size_t i = 0; i < work->task_count; i++)
		failed += (work->codes[i] == CODE_NOT_SET ? code : work->codes[i]) < 0;
	return failed;
}

/* What the hook wrote is about all, or about the only one that failed. */
static const char *why_of(const struct orch_act_work *work, size_t task, size_t failed)
{
	bool is_meant = work->codes[task] == CODE_NOT_SET || failed == 1;

	return is_meant && work->run.err.text[0] != '\0' ? work->run.err.text
							 : orch_code_text(work->codes[task]);
}

static void on_acted(struct orch_run *run, int code)
{
	struct orch_act_work *work = run->user;
	size_t failed = count_failed(work, code), task = 0;

	work->refs++;
	for (size_t i = 0; i < work->count; i++) {
		struct orch_act_item *item = &work->items[i];

		if (item->task == NULL)
			continue;
		orch_act_item_finish(item,
			work->codes[task] == CODE_NOT_SET ? code : work->codes[task],
			why_of(work, task, failed));
		task++;
	}
	orch_act_work_unref(work);
}

static void fill_run(struct orch_act_work *work)
{
	const struct orch_config *config = work->crew->plan->config;
	const struct orch_plan_instance *instance = &work->crew->plan->actions[work->action];
	const struct orch_lease *lease = work->items[0].lease;

	work->run = (struct orch_run){
		.bench = &work->act->options.bench,
		.egress = &config->egress,
		.instance = instance->config,
		.plugin = instance->plugin,
		.settings = instance->settings,
		.callers = &work->crew->callers,
		.host = work->crew->actions[work->action].host,
		.about = { .trace = lease->message.trace },
		.name = "act",
		.duration = instance->acted,
		.requests_max = config->requests,
		.hook_ms = config->hook_ms,
		.part_bytes = config->part_bytes,
		.is_lost = &work->items[0].held.is_lost,
		.progress = { .attempt = lease->attempts + 1,
			.resumed = orch_act_may_have_been_sent(lease) },
		.enter = enter_act,
		.checkpoint = checkpoint,
		.done = on_acted,
		.user = work,
	};
	if (work->count > 1)
		return;
	work->run.progress.step = lease->step;
	(void)snprintf(work->run.progress.memo, sizeof(work->run.progress.memo), "%.*s",
		ORCH_TEXT_ARG(lease->memo));
}

static int read_task(struct orch_act_work *work, struct orch_act_item *item, struct orch_err *err)
{
	struct orch_event *event;
	int rc = orch_task_read(item->lease->message.body, work->arena, &item->task, err);

	if (rc != ORCH_OK)
		return rc;
	item->task->key = item->lease->message.id;
	/* The event in the task is ours alone: it was just made of the message. */
	event = orch_event_copy(work->arena, item->task->event);
	if (event == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a task");
	event->trace = item->lease->message.trace;
	event->attempt = item->lease->attempts + 1;
	item->task->event = event;
	return ORCH_OK;
}

/* Items that cannot be carried out end at once; the others become tasks. */
static void read_tasks(struct orch_act_work *work)
{
	const struct orch_config *config = work->crew->plan->config;

	for (size_t i = 0; i < work->count; i++) {
		struct orch_act_item *item = &work->items[i];
		struct orch_err err = { "" };
		int rc = ORCH_OK;

		if (item->lease->receives > config->receives + item->lease->attempts) {
			orch_act_item_bury(item, "receives",
				"it was received too often without coming to an end "
				"(queue.receives)");
			continue;
		}
		rc = read_task(work, item, &err);
		if (rc == ORCH_OK) {
			work->codes[work->task_count] = CODE_NOT_SET;
			work->tasks[work->task_count++] = *item->task;
			continue;
		}
		item->task = NULL;
		if (rc == ORCH_E_NOMEM)
			orch_act_item_release(item, 1000, false);
		else
			orch_act_item_bury(item, "bad_body", err.text);
	}
}

/* 0: it has waited for its action long enough. */
static uint64_t grace_left(const struct orch_act_desk *desk, const struct orch_lease *lease)
{
	uint64_t now = orch_clock_now_ms();
	uint64_t age = now > lease->put_ms ? now - lease->put_ms : 0;

	if (age >= ORCH_ACT_GRACE_MS)
		return orch_act_is_given_up(desk) ? 0 : 1;
	return ORCH_ACT_GRACE_MS - age;
}

/* Nobody can carry them out: what the store knows of them becomes "dead", and a redrive is possible. */
static void set_aside(struct orch_act_work *work)
{
	(void)orch_fail(
		&work->run.err, ORCH_E_INVALID, "no action of that name is configured any more");
	for (size_t i = 0; i < work->count; i++) {
		struct orch_act_item *item = &work->items[i];
		uint64_t left_ms = grace_left(work->desk, item->lease);
		struct orch_err err = { "" };

		if (left_ms > 0) {
			orch_act_item_release(item, left_ms, false);
			continue;
		}
		if (read_task(work, item, &err) != ORCH_OK)
			item->task = NULL;
		orch_act_item_bury(item, "no_action", work->run.err.text);
	}
}

void orch_act_work_unref(struct orch_act_work *work)
{
	if (--work->refs > 0)
		return;
	TAILQ_REMOVE(&work->act->works, work, link);
	orch_run_fini(&work->run);
	orch_crew_unref(work->crew);
	orch_batch_unref(work->batch);
	orch_arena_destroy(work->arena);
}

static void free_item(void *owner)
{
	struct orch_act_item *item = owner;
	struct orch_act_desk *desk = item->work->desk;

	desk->in_flight--;
	desk->body_bytes -= item->lease->message.body.len;
	desk->act->in_flight--;
	orch_act_work_unref(item->work);
	orch_act_pull(desk);
}

static struct orch_act_work *create_work(struct orch_act_desk *desk, size_t count)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_act_work *work = arena == NULL ? NULL : orch_arena_alloc(arena, sizeof(*work));

	if (work != NULL) {
		work->arena = arena;
		work->act = desk->act;
		work->desk = desk;
		work->items = orch_arena_alloc_array(arena, count, sizeof(*work->items));
		work->tasks = orch_arena_alloc_array(arena, count, sizeof(*work->tasks));
		work->codes = orch_arena_alloc_array(arena, count, sizeof(*work->codes));
	}
	if (work == NULL || orch_arena_failed(arena)) {
		orch_arena_destroy(arena);
		return NULL;
	}
	return work;
}

static void begin(struct orch_act_work *work)
{
	if (work->action == ORCH_ACT_NO_ACTION) {
		set_aside(work);
		return;
	}
	fill_run(work);
	orch_sink_init(&work->sink, ORCH_KIND_ACTION, &work->crew->plan->limits, work->arena);
	read_tasks(work);
	if (work->task_count == 0)
		return;
	work->sink.task = &work->tasks[0];
	work->run.about.id = work->tasks[0].event->id;
	orch_run_start(&work->run);
}

void orch_act_work_begin(struct orch_act_desk *desk, size_t action, struct orch_batch *batch,
	struct orch_lease *leases, size_t count)
{
	struct orch_act *act = desk->act;
	struct orch_act_work *work = create_work(desk, count);

	/* Without memory the leases run out, and the tasks come back. */
	if (work == NULL)
		return;
	work->crew = orch_crew_ref(act->crew);
	work->batch = orch_batch_ref(batch);
	work->action = action;
	work->count = count;
	work->refs = count + 1;
	desk->in_flight += count;
	act->in_flight += count;
	TAILQ_INSERT_TAIL(&act->works, work, link);
	for (size_t i = 0; i < count; i++) {
		work->items[i].work = work;
		work->items[i].lease = &leases[i];
		desk->body_bytes += leases[i].message.body.len;
		orch_leases_hold(
			&act->leases, &work->items[i].held, &leases[i], free_item, &work->items[i]);
	}
	/* What a receive brings that was under way when the drain began goes back as it is. */
	if (act->is_draining)
		orch_act_work_release(work);
	else
		begin(work);
	orch_act_work_unref(work);
}

void orch_act_work_release(struct orch_act_work *work)
{
	work->is_released = true;
	if (work->is_checkpointing)
		return;
	work->refs++;
	orch_run_cancel(&work->run);
	for (size_t i = 0; i < work->count; i++)
		if (!work->items[i].is_ended)
			orch_act_item_release(&work->items[i], 0, false);
	orch_act_work_unref(work);
}
