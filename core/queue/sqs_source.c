/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving.  A receive op waits here for what long polls bring: one poll while
 * it is quiet, more at once while they come back full, never more than the op
 * has room for.  What comes when nobody waits any more is kept for the next op
 * and goes back if that does not come soon.
 */
#include "queue/sqs_source.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#define RETRY_BASE_MS 200
#define RETRY_CAP_MS 10000
#define SETTING_WAIT_MS 5000 /* for somebody to put it right, and up to twice as long */
#define URL_WAIT_MS 100
#define STALE_EVERY_MS 1000

static void pump(struct orch_sqs_source *source);

static struct orch_sqs_haul *next_leases(struct orch_sqs_source *source)
{
	struct orch_sqs_haul *haul;

	TAILQ_FOREACH(haul, &source->hauls, link)
	if (!haul->is_flying && haul->taken < haul->lease_count)
		return haul;
	return NULL;
}

static void free_spent(struct orch_sqs_source *source)
{
	struct orch_sqs_haul *haul, *next;

	for (haul = TAILQ_FIRST(&source->hauls); haul != NULL; haul = next) {
		next = TAILQ_NEXT(haul, link);
		if (!haul->is_flying && haul->taken == haul->lease_count)
			orch_sqs_haul_free(haul);
	}
}

static void copy_lease(
	struct orch_arena *arena, const struct orch_lease *lease, struct orch_lease *ret_lease)
{
	struct orch_message *message = &ret_lease->message;

	*ret_lease = *lease;
	message->queue = orch_arena_text(arena, lease->message.queue);
	message->id = orch_arena_text(arena, lease->message.id);
	message->pipeline = orch_arena_text(arena, lease->message.pipeline);
	message->tenant = orch_arena_text(arena, lease->message.tenant);
	message->order = orch_arena_text(arena, lease->message.order);
	message->trace = orch_arena_text(arena, lease->message.trace);
	message->body = orch_arena_text(arena, lease->message.body);
	ret_lease->receipt = orch_arena_text(arena, lease->receipt);
	ret_lease->memo = orch_arena_text(arena, lease->memo);
}

static size_t count_leases(const struct orch_sqs_source *source, size_t most)
{
	const struct orch_sqs_haul *haul;
	size_t count = 0;

	TAILQ_FOREACH(haul, &source->hauls, link)
	if (!haul->is_flying)
		count += haul->lease_count - haul->taken;
	return count < most ? count : most;
}

static void hand_out(struct orch_sqs_source *source, struct orch_queue_op *op)
{
	size_t count = count_leases(source, op->max);
	struct orch_sqs_haul *haul;

	op->code = ORCH_OK;
	op->lease_count = 0;
	op->leases = orch_arena_alloc_array(op->arena, count + 1, sizeof(*op->leases));
	while (op->leases != NULL && op->lease_count < count &&
		(haul = next_leases(source)) != NULL)
		copy_lease(op->arena, &haul->leases[haul->taken++], &op->leases[op->lease_count++]);
	/* What could not be copied is out of time before long, and comes back. */
	if (orch_arena_failed(op->arena)) {
		op->lease_count = 0;
		op->code = orch_fail(&op->err, ORCH_E_NOMEM, "queue: out of memory");
	}
	free_spent(source);
}

/* The op ends, and its owner is asked to come again. */
static void finish(struct orch_sqs_source *source)
{
	struct orch_queue_op *op = source->op;

	source->op = NULL;
	hand_out(source, op);
	op->done(op);
	if (source->watch != NULL && source->op == NULL)
		source->watch->ready(source->watch->arg);
}

static bool is_over(const struct orch_sqs_source *source)
{
	return source->watch == NULL && !source->is_asked && source->polls == 0;
}

static void run(struct orch_job *job)
{
	struct orch_sqs_source *source = (struct orch_sqs_source *)(void *)((char *)job -
		offsetof(struct orch_sqs_source, job));

	source->is_posted = false;
	free_spent(source);
	if (source->op != NULL && (next_leases(source) != NULL || is_over(source)))
		finish(source);
	if (source->op == NULL && is_over(source)) {
		struct orch_sqs_haul *haul;

		TAILQ_FOREACH(haul, &source->hauls, link)
		orch_sqs_haul_release(haul);
		free_spent(source);
		return;
	}
	pump(source);
}

static void post(struct orch_sqs_source *source)
{
	if (source->is_posted)
		return;
	source->is_posted = true;
	source->job.run = run;
	orch_lane_post(source->lane->lane, &source->job);
}

static void pause_after(struct orch_sqs_source *source, enum orch_aws_failure failure)
{
	unsigned doublings = source->failures < 8 ? source->failures : 8;
	uint64_t most = (uint64_t)RETRY_BASE_MS << doublings;
	uint64_t wait = 1 + orch_random_below(most < RETRY_CAP_MS ? most : RETRY_CAP_MS);

	source->failures++;
	source->wanted = 1;
	if (failure == ORCH_AWS_SETTING || failure == ORCH_AWS_CREDENTIALS)
		wait = SETTING_WAIT_MS + orch_random_below(SETTING_WAIT_MS);
	if (!orch_timer_is_set(&source->retry))
		orch_timer_set(&source->retry, wait);
}

static void adapt(struct orch_sqs_source *source, const struct orch_sqs_haul *haul)
{
	const struct orch_config_sqs *config = &source->lane->queue->settings.sqs;

	source->failures = 0;
	if (haul->received == 0)
		source->wanted = 1;
	else if (haul->received >= config->batch && source->wanted < config->receivers)
		source->wanted++;
}

void orch_sqs_source_landed(struct orch_sqs_source *source, struct orch_sqs_haul *haul)
{
	source->polls--;
	if (haul->failure == ORCH_AWS_FINE)
		adapt(source, haul);
	else
		pause_after(source, haul->failure);
	if (haul->lease_count > 0 && !orch_timer_is_set(&source->stale))
		orch_timer_set(&source->stale, STALE_EVERY_MS);
	post(source);
}

/* Room for what the polls under way may bring is spoken for. */
static size_t places(const struct orch_sqs_source *source)
{
	size_t batch = source->lane->queue->settings.sqs.batch;
	size_t spoken = source->polls * batch;

	if (source->op == NULL || source->op->max <= spoken)
		return source->op != NULL && source->polls == 0 ? source->op->max : 0;
	return source->op->max - spoken < batch ? source->op->max - spoken : batch;
}

static void pump(struct orch_sqs_source *source)
{
	size_t most;

	if (source->op == NULL || orch_timer_is_set(&source->retry) ||
		(source->watch == NULL && !source->is_asked))
		return;
	if (!atomic_load(&source->name->is_known)) {
		orch_timer_set(&source->retry, URL_WAIT_MS);
		return;
	}
	while (source->polls < source->wanted && (most = places(source)) > 0) {
		if (orch_sqs_haul_begin(source, most) == NULL) {
			pause_after(source, ORCH_AWS_TRANSIENT);
			return;
		}
		source->polls++;
	}
	source->is_asked = false;
}

static void on_retry(void *arg)
{
	pump(arg);
}

/* SQS and the books hold what is kept here for somebody else's lease time: not for long. */
static void on_stale(void *arg)
{
	struct orch_sqs_source *source = arg;
	uint64_t oldest = orch_clock_mono_ms() - source->lane->queue->settings.lease_ms / 3;
	struct orch_sqs_haul *haul;

	TAILQ_FOREACH(haul, &source->hauls, link)
	if (!haul->is_flying && haul->landed_ms <= oldest)
		orch_sqs_haul_release(haul);
	free_spent(source);
	if (next_leases(source) != NULL)
		orch_timer_set(&source->stale, STALE_EVERY_MS);
}

static struct orch_sqs_source *find_source(struct orch_sqs_lane *lane, struct orch_text name)
{
	struct orch_sqs_source *source;

	TAILQ_FOREACH(source, &lane->sources, link)
	if (orch_text_is(name, source->name->name))
		return source;
	return NULL;
}

static struct orch_sqs_source *make_source(struct orch_sqs_lane *lane, struct orch_text name)
{
	struct orch_sqs_source *source = orch_alloc(sizeof(*source));

	if (source == NULL)
		return NULL;
	source->lane = lane;
	source->wanted = 1;
	TAILQ_INIT(&source->hauls);
	source->name = orch_sqs_name_get(lane->queue, name);
	if (source->name == NULL ||
		orch_timer_init(&source->retry, lane->lane, on_retry, source) != ORCH_OK ||
		orch_timer_init(&source->stale, lane->lane, on_stale, source) != ORCH_OK) {
		orch_timer_fini(&source->retry);
		orch_free(source);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&lane->sources, source, link);
	return source;
}

int orch_sqs_watch_add(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	struct orch_sqs_lane *lane = orch_sqs_find_lane(orch_queue_sqs_of(queue), watch->lane);
	struct orch_sqs_source *source = lane == NULL ? NULL : find_source(lane, watch->name);

	if (lane != NULL && source == NULL)
		source = make_source(lane, watch->name);
	if (source == NULL)
		return ORCH_E_NOMEM;
	source->watch = watch;
	watch->ready(watch->arg);
	return ORCH_OK;
}

void orch_sqs_watch_remove(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	struct orch_sqs_lane *lane = orch_sqs_find_lane(orch_queue_sqs_of(queue), watch->lane);
	struct orch_sqs_source *source = lane == NULL ? NULL : find_source(lane, watch->name);

	if (source == NULL)
		return;
	source->watch = NULL;
	orch_timer_clear(&source->retry);
	post(source);
}

int orch_sqs_receive(struct orch_sqs_lane *lane, struct orch_queue_op *op, struct orch_err *err)
{
	struct orch_sqs_source *source = find_source(lane, op->name);

	if (lane->queue->key == NULL)
		return orch_fail(err, ORCH_E_DENIED, "queue: opened without its key");
	if (source == NULL)
		source = make_source(lane, op->name);
	if (source == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	if (source->op != NULL)
		return orch_fail(err, ORCH_E_INTERNAL, "queue: two receives at once");
	op->lease_count = 0;
	source->op = op;
	source->is_asked = source->watch == NULL;
	post(source);
	return ORCH_OK;
}

void orch_sqs_sources_free(struct orch_sqs_lane *lane)
{
	struct orch_sqs_source *source;
	struct orch_sqs_haul *haul;

	while ((source = TAILQ_FIRST(&lane->sources)) != NULL) {
		TAILQ_REMOVE(&lane->sources, source, link);
		while ((haul = TAILQ_FIRST(&source->hauls)) != NULL) {
			if (haul->is_flying)
				orch_aws_cancel(&haul->call);
			orch_sqs_haul_free(haul);
		}
		orch_timer_fini(&source->retry);
		orch_timer_fini(&source->stale);
		orch_free(source);
	}
}
