/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/act.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "stage/act_work.h"

#define RETRY_MS 1000  /* of a receive that failed: nobody else would call again */
#define STRAY_TASKS 32 /* of an action that is not there, set aside at once */

static int find_action(const struct orch_act_desk *desk)
{
	return orch_plan_find_action(desk->act->crew->plan, desk->name);
}

/* How many of LEASES go into one work: by the action's number of tasks, and of bytes. */
static size_t cut_batch(
	const struct orch_action_ops *ops, const struct orch_lease *leases, size_t count)
{
	uint64_t most_bytes = ORCH_OPS(ops, max_batch_bytes);
	size_t most = ORCH_OPS(ops, max_batch);
	uint64_t bytes = leases[0].message.body.len;
	size_t taken = 1;

	while (taken < count && taken < most) {
		bytes += leases[taken].message.body.len;
		if (most_bytes > 0 && bytes > most_bytes)
			break;
		taken++;
	}
	return taken;
}

static void begin_works(struct orch_act_desk *desk, struct orch_lease *leases, size_t count,
	struct orch_batch *batch)
{
	int action = find_action(desk);

	if (action < 0 && count > 0) {
		orch_act_work_begin(desk, ORCH_ACT_NO_ACTION, batch, leases, count);
		return;
	}
	for (size_t i = 0; i < count;) {
		size_t taken = cut_batch(desk->act->crew->plan->actions[action].plugin->action,
			&leases[i], count - i);

		orch_act_work_begin(desk, (size_t)action, batch, &leases[i], taken);
		i += taken;
	}
}

/* Works may end while their fellows begin; none of that receives anew before all have begun. */
static void on_received(struct orch_queue_op *op)
{
	struct orch_act_desk *desk = op->user;
	struct orch_batch *batch = desk->batch;

	desk->batch = NULL;
	if (op->code == ORCH_OK) {
		if (op->lease_count == op->max)
			desk->has_more = true;
		begin_works(desk, op->leases, op->lease_count, batch);
	} else {
		orch_log(ORCH_LOG_ERROR, "act.receive", ORCH_LOG_TEXT("instance", desk->name),
			ORCH_LOG_STRING("error", op->err.text));
		orch_timer_set(&desk->retry, RETRY_MS);
	}
	orch_batch_unref(batch);
	desk->is_receiving = false;
	orch_act_pull(desk);
}

bool orch_act_is_given_up(const struct orch_act_desk *desk)
{
	return desk->stray_ms != 0 && orch_clock_mono_ms() - desk->stray_ms >= ORCH_ACT_GRACE_MS;
}

static size_t free_places(const struct orch_act_desk *desk, int action)
{
	const struct orch_plan_instance *instance;
	size_t most = STRAY_TASKS;
	size_t batch = 0;
	size_t at_once, places;

	if (action >= 0) {
		instance = &desk->act->crew->plan->actions[action];
		most = instance->config->in_flight;
		batch = ORCH_OPS(instance->plugin->action, max_batch);
	} else if (!orch_act_is_given_up(desk)) {
		return 0;
	}
	if (most < batch)
		most = batch;
	at_once = batch > ORCH_ACT_TAKEN_AT_ONCE ? batch : ORCH_ACT_TAKEN_AT_ONCE;
	if (desk->in_flight >= most || desk->body_bytes >= ORCH_ACT_BODY_BYTES)
		return 0;
	places = most - desk->in_flight;
	return places < at_once ? places : at_once;
}

static void receive(struct orch_act_desk *desk, size_t places)
{
	struct orch_act *act = desk->act;
	struct orch_err err = { "" };

	desk->has_more = false;
	desk->is_receiving = true;
	desk->receive = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RECEIVE,
		.queue = act->options.queue,
		.lane = act->options.bench.lane,
		.done = on_received,
		.name = orch_text_from(desk->queue),
		.max = places,
		.visibility_ms = act->leases.visibility_ms,
		.arena = desk->batch->arena,
		.user = desk,
	};
	if (orch_queue_submit(act->options.queue, &desk->receive, &err) == ORCH_OK)
		return;
	orch_log(ORCH_LOG_ERROR, "act.receive", ORCH_LOG_TEXT("instance", desk->name),
		ORCH_LOG_STRING("error", err.text));
	desk->is_receiving = false;
	orch_batch_unref(desk->batch);
	desk->batch = NULL;
	orch_timer_set(&desk->retry, RETRY_MS);
}

void orch_act_pull(struct orch_act_desk *desk)
{
	size_t places;

	if (desk->is_receiving || desk->act->is_draining || !desk->has_more)
		return;
	places = free_places(desk, find_action(desk));
	if (places == 0)
		return;
	desk->batch = orch_batch_create();
	if (desk->batch == NULL)
		orch_timer_set(&desk->retry, RETRY_MS);
	else
		receive(desk, places);
}

static void on_ready(void *arg)
{
	struct orch_act_desk *desk = arg;

	desk->has_more = true;
	orch_act_pull(desk);
}

static void watch_desk(struct orch_act_desk *desk)
{
	struct orch_act *act = desk->act;

	desk->stray_ms = 0;
	desk->watch = (struct orch_queue_watch){
		.name = orch_text_from(desk->queue),
		.lane = act->options.bench.lane,
		.ready = on_ready,
		.arg = desk,
	};
	desk->is_watching = orch_queue_watch_add(act->options.queue, &desk->watch) == ORCH_OK;
	if (!desk->is_watching)
		orch_log(ORCH_LOG_ERROR, "act.watch", ORCH_LOG_TEXT("instance", desk->name),
			ORCH_LOG_STRING("error", "the queue cannot be watched"));
	on_ready(desk);
}

static void unwatch_desk(struct orch_act_desk *desk)
{
	if (desk->is_watching)
		orch_queue_watch_remove(desk->act->options.queue, &desk->watch);
	desk->is_watching = false;
	orch_timer_clear(&desk->retry);
}

static struct orch_act_desk *find_desk(struct orch_act *act, struct orch_text name)
{
	struct orch_act_desk *desk;

	TAILQ_FOREACH(desk, &act->desks, link)
	if (orch_text_equal(desk->name, name))
		return desk;
	return NULL;
}

static int add_desk(struct orch_act *act, struct orch_text name)
{
	struct orch_act_desk *desk = orch_alloc(sizeof(*desk));

	if (desk == NULL)
		return ORCH_E_NOMEM;
	if (orch_timer_init(&desk->retry, act->options.bench.lane, on_ready, desk) != ORCH_OK) {
		orch_free(desk);
		return ORCH_E_NOMEM;
	}
	desk->act = act;
	(void)snprintf(desk->name_buf, sizeof(desk->name_buf), "%.*s", ORCH_TEXT_ARG(name));
	(void)snprintf(desk->queue, sizeof(desk->queue), "act.%.*s", ORCH_TEXT_ARG(name));
	desk->name = orch_text_from(desk->name_buf);
	TAILQ_INSERT_TAIL(&act->desks, desk, link);
	return ORCH_OK;
}

static int add_desks(struct orch_act *act)
{
	const struct orch_config *config = act->crew->plan->config;
	int rc = ORCH_OK;

	for (size_t i = 0; rc == ORCH_OK && i < config->action_count; i++)
		if (find_desk(act, config->actions[i].name) == NULL)
			rc = add_desk(act, config->actions[i].name);
	return rc;
}

int orch_act_create(const struct orch_act_options *options, struct orch_crew *crew,
	struct orch_act **ret_act, struct orch_err *err)
{
	struct orch_act *act = orch_alloc(sizeof(*act));

	if (act == NULL) {
		orch_crew_unref(crew);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for an act lane");
	}
	act->options = *options;
	act->crew = crew;
	TAILQ_INIT(&act->desks);
	TAILQ_INIT(&act->works);
	if (orch_leases_init(&act->leases, options->queue, options->bench.lane,
		    crew->plan->config->lease_ms) != ORCH_OK) {
		orch_crew_unref(crew);
		orch_free(act);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for an act lane");
	}
	if (add_desks(act) != ORCH_OK) {
		orch_act_destroy(act);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for an act lane");
	}
	*ret_act = act;
	return ORCH_OK;
}

void orch_act_start(struct orch_act *act)
{
	struct orch_act_desk *desk;

	TAILQ_FOREACH(desk, &act->desks, link)
	if (!desk->is_watching && find_action(desk) >= 0)
		watch_desk(desk);
}

void orch_act_note_stray(struct orch_act *act, struct orch_text name)
{
	struct orch_act_desk *desk = find_desk(act, name);

	if (act->is_draining)
		return;
	if (desk == NULL && add_desk(act, name) == ORCH_OK)
		desk = find_desk(act, name);
	if (desk == NULL || find_action(desk) >= 0)
		return;
	if (desk->stray_ms == 0) {
		desk->stray_ms = orch_clock_mono_ms();
		orch_log(ORCH_LOG_WARN, "action.missing", ORCH_LOG_TEXT("instance", desk->name),
			ORCH_LOG_INT("grace_ms", ORCH_ACT_GRACE_MS));
	}
	/* Not watched: another process that has the action is quicker. */
	on_ready(desk);
}

void orch_act_set_crew(struct orch_act *act, struct orch_crew *crew)
{
	struct orch_crew *old = act->crew;
	struct orch_act_desk *desk;

	act->crew = crew;
	orch_leases_set_visibility(&act->leases, crew->plan->config->lease_ms);
	orch_crew_unref(old);
	if (add_desks(act) != ORCH_OK)
		orch_log(ORCH_LOG_ERROR, "act.reload", ORCH_LOG_STRING("error", "out of memory"));
	TAILQ_FOREACH(desk, &act->desks, link)
	if (find_action(desk) < 0)
		unwatch_desk(desk);
	if (!act->is_draining)
		orch_act_start(act);
}

void orch_act_drain(struct orch_act *act)
{
	struct orch_act_desk *desk;

	act->is_draining = true;
	TAILQ_FOREACH(desk, &act->desks, link)
	unwatch_desk(desk);
}

void orch_act_release(struct orch_act *act)
{
	struct orch_act_work *work, *next;

	for (work = TAILQ_FIRST(&act->works); work != NULL; work = next) {
		next = TAILQ_NEXT(work, link);
		orch_act_work_release(work);
	}
}

bool orch_act_is_idle(const struct orch_act *act)
{
	const struct orch_act_desk *desk;

	TAILQ_FOREACH(desk, &act->desks, link)
	if (desk->is_receiving)
		return false;
	return act->in_flight == 0;
}

void orch_act_destroy(struct orch_act *act)
{
	struct orch_act_desk *desk;

	if (act == NULL)
		return;
	orch_act_drain(act);
	while ((desk = TAILQ_FIRST(&act->desks)) != NULL) {
		TAILQ_REMOVE(&act->desks, desk, link);
		orch_timer_fini(&desk->retry);
		orch_free(desk);
	}
	orch_leases_fini(&act->leases);
	orch_crew_unref(act->crew);
	orch_free(act);
}
