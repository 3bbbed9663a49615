/* SPDX-License-Identifier: Apache-2.0 */
/* The queue beyond one machine: its lanes, and who does what. */
#include "queue/sqs.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "config/account.h"

struct orch_sqs_lane *orch_sqs_find_lane(struct orch_queue_sqs *queue, struct orch_lane *lane)
{
	struct orch_sqs_lane *found;

	pthread_mutex_lock(&queue->mutex);
	TAILQ_FOREACH(found, &queue->lanes, link)
	if (found->lane == lane)
		break;
	pthread_mutex_unlock(&queue->mutex);
	return found;
}

static void free_desk(struct orch_sqs_desk *desk)
{
	for (int verb = 0; verb < ORCH_SQS_VERBS; verb++)
		orch_sqs_batch_fini(&desk->batches[verb]);
	orch_free(desk);
}

static struct orch_sqs_desk *make_desk(struct orch_sqs_lane *lane, struct orch_text name)
{
	struct orch_sqs_desk *desk = orch_alloc(sizeof(*desk));
	int code = ORCH_OK;

	if (desk == NULL)
		return NULL;
	desk->name = orch_sqs_name_get(lane->queue, name);
	if (desk->name == NULL)
		code = ORCH_E_NOMEM;
	for (int verb = 0; verb < ORCH_SQS_VERBS && code == ORCH_OK; verb++)
		code = orch_sqs_batch_init(
			&desk->batches[verb], lane, desk->name, (enum orch_sqs_verb)verb);
	if (code != ORCH_OK) {
		free_desk(desk);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&lane->desks, desk, link);
	return desk;
}

struct orch_sqs_desk *orch_sqs_desk(struct orch_sqs_lane *lane, struct orch_text name)
{
	struct orch_sqs_desk *desk;

	TAILQ_FOREACH(desk, &lane->desks, link)
	if (orch_text_is(name, desk->name->name))
		return desk;
	return make_desk(lane, name);
}

static void free_lane(struct orch_sqs_lane *lane)
{
	struct orch_sqs_desk *desk;

	orch_sqs_sources_free(lane);
	while ((desk = TAILQ_FIRST(&lane->desks)) != NULL) {
		TAILQ_REMOVE(&lane->desks, desk, link);
		free_desk(desk);
	}
	orch_timer_fini(&lane->mark_timer);
	if (lane->client != NULL)
		orch_aws_client_destroy(lane->client);
	if (lane->http != NULL)
		orch_http_client_destroy(lane->http);
	orch_free(lane->sent);
	orch_free(lane);
}

static int make_lane(struct orch_queue_sqs *queue, struct orch_lane *thread,
	struct orch_sqs_lane **ret_lane, struct orch_err *err)
{
	struct orch_sqs_lane *lane = orch_alloc(sizeof(*lane));
	struct orch_http_client_options http = {
		.ca_file = queue->settings.ca_file,
	};
	int code;

	if (lane == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	lane->queue = queue;
	lane->lane = thread;
	TAILQ_INIT(&lane->desks);
	TAILQ_INIT(&lane->sources);
	code = orch_timer_init(&lane->mark_timer, thread, orch_sqs_mark_sent, lane);
	if (code == ORCH_OK)
		code = orch_http_client_create(thread, &http, &lane->http, err);
	if (code == ORCH_OK)
		code = orch_aws_client_create(
			queue->aws, ORCH_AWS_SQS, thread, lane->http, &lane->client, err);
	if (code != ORCH_OK) {
		free_lane(lane);
		return code;
	}
	*ret_lane = lane;
	return ORCH_OK;
}

static int attach(struct orch_queue *base, struct orch_lane *thread, struct orch_err *err)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);
	struct orch_sqs_lane *lane;
	int code;

	if (queue->aws == NULL)
		return orch_fail(err, ORCH_E_INTERNAL, "queue: not started");
	code = make_lane(queue, thread, &lane, err);
	if (code != ORCH_OK)
		return code;
	pthread_mutex_lock(&queue->mutex);
	TAILQ_INSERT_TAIL(&queue->lanes, lane, link);
	pthread_mutex_unlock(&queue->mutex);
	return ORCH_OK;
}

static void detach(struct orch_queue *base, struct orch_lane *thread)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);
	struct orch_sqs_lane *lane = orch_sqs_find_lane(queue, thread);

	if (lane == NULL)
		return;
	pthread_mutex_lock(&queue->mutex);
	TAILQ_REMOVE(&queue->lanes, lane, link);
	pthread_mutex_unlock(&queue->mutex);
	free_lane(lane);
}

/* Entries that cannot be told to SQS for now. */
static size_t count_stuck(const struct orch_sqs_lane *lane)
{
	const struct orch_sqs_desk *desk;
	size_t count = 0;

	TAILQ_FOREACH(desk, &lane->desks, link)
	for (int verb = 0; verb < ORCH_SQS_VERBS; verb++)
		if (orch_sqs_name_fails(desk->name, (enum orch_sqs_verb)verb))
			count += desk->batches[verb].count;
	return count;
}

/*
 * What is left to be noted is noted now: a drain does not wait for the usual
 * moment; nor does it for what SQS refuses, since the books have it.
 */
static bool is_idle(struct orch_queue *base, struct orch_lane *thread)
{
	struct orch_sqs_lane *lane = orch_sqs_find_lane(orch_queue_sqs_of(base), thread);

	if (lane == NULL)
		return true;
	if (lane->under_way == count_stuck(lane) && lane->sent_count > 0)
		orch_sqs_mark_sent(lane);
	return lane->under_way == count_stuck(lane);
}

static int stats(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err)
{
	return orch_queue_pg_stats(
		&orch_queue_sqs_of(queue)->books, arena, ret_stats, ret_count, err);
}

static int ledger(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err)
{
	return orch_queue_pg_ledger(
		&orch_queue_sqs_of(queue)->books, arena, ret_ledgers, ret_count, err);
}

static int survey_all(
	struct orch_queue *queue, struct orch_queue_survey *survey, struct orch_err *err)
{
	return orch_queue_pg_survey(&orch_queue_sqs_of(queue)->books, survey, err);
}

static int peek(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err)
{
	return orch_queue_pg_peek(
		&orch_queue_sqs_of(queue)->books, filter, arena, ret_entries, ret_count, err);
}

static int redrive(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return orch_queue_pg_redrive(&orch_queue_sqs_of(queue)->books, filter, ret_swept, err);
}

static int discard(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return orch_queue_pg_discard(&orch_queue_sqs_of(queue)->books, filter, ret_swept, err);
}

/* The server tends its rows; what SQS has lost is found by the home lane's chores. */
static int tend(struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err)
{
	(void)queue, (void)err;
	*ret_count = 0;
	return ORCH_OK;
}

void orch_queue_sqs_stop(struct orch_queue *base)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);

	orch_sqs_tend_stop(queue);
	for (size_t i = 0; i < queue->name_count; i++)
		orch_sqs_name_free(queue->names[i]);
	queue->name_count = 0;
	if (queue->home != NULL)
		detach(base, queue->home->lane);
	queue->home = NULL;
	orch_aws_destroy(queue->aws);
	queue->aws = NULL;
}

static void close_queue(struct orch_queue *base)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);

	orch_queue_sqs_stop(base);
	(void)pthread_mutex_destroy(&queue->mutex);
	orch_arena_destroy(queue->arena);
	EVP_MD_free(queue->md5);
	orch_free(queue);
}

static const struct orch_queue_backend backend = {
	.submit = orch_sqs_submit,
	.as_db_op = orch_sqs_as_db_op,
	.submit_group = orch_sqs_submit_group,
	.attach = attach,
	.detach = detach,
	.is_idle = is_idle,
	.watch_add = orch_sqs_watch_add,
	.watch_remove = orch_sqs_watch_remove,
	.stats = stats,
	.ledger = ledger,
	.survey = survey_all,
	.peek = peek,
	.redrive = redrive,
	.discard = discard,
	.tend = tend,
	.close = close_queue,
};

static bool copy_settings(struct orch_queue_sqs *queue, const struct orch_config *config)
{
	struct orch_sqs_settings *settings = &queue->settings;

	queue->arena = orch_arena_create(0);
	if (queue->arena == NULL)
		return false;
	*settings = (struct orch_sqs_settings){
		.sqs = config->sqs,
		.lease_ms = config->lease_ms,
		.receives = config->receives,
		.ca_file = config->ca_file.len == 0
			? NULL
			: orch_arena_string(queue->arena, config->ca_file),
	};
	settings->sqs.prefix = orch_arena_text(queue->arena, config->sqs.prefix);
	return !orch_arena_failed(queue->arena);
}

int orch_queue_sqs_open(struct orch_pg *pg, const struct orch_config *config,
	const struct orch_secret *key, struct orch_queue **ret_queue, struct orch_err *err)
{
	struct orch_queue_sqs *queue = orch_alloc(sizeof(*queue));

	if (queue == NULL || !copy_settings(queue, config)) {
		if (queue != NULL)
			orch_arena_destroy(queue->arena);
		orch_free(queue);
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	}
	queue->base.backend = &backend;
	queue->books = (struct orch_queue_books){ pg, key };
	queue->pg = pg;
	queue->key = key;
	queue->md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
	TAILQ_INIT(&queue->lanes);
	(void)pthread_mutex_init(&queue->mutex, NULL);
	*ret_queue = &queue->base;
	return ORCH_OK;
}

/* Those that the configuration speaks of, so that what is wrong with them is known before the first message. */
static void name_queues(struct orch_queue_sqs *queue, const struct orch_config *config)
{
	(void)orch_sqs_name_get(queue, ORCH_TEXT("scan"));
	for (size_t i = 0; i < config->action_count; i++) {
		char name[ORCH_QUEUE_NAME_BYTES];

		(void)snprintf(
			name, sizeof(name), "act.%.*s", ORCH_TEXT_ARG(config->actions[i].name));
		(void)orch_sqs_name_get(queue, orch_text_from(name));
	}
}

int orch_queue_sqs_start(struct orch_queue *base, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err)
{
	struct orch_queue_sqs *queue = orch_queue_sqs_of(base);
	struct orch_aws_options options =
		orch_config_aws_options(config, &config->sqs.aws, ORCH_AWS_SQS);
	int code = orch_aws_create(&options, lane, &queue->aws, err);

	if (code == ORCH_OK)
		code = attach(base, lane, err);
	if (code != ORCH_OK)
		return code;
	if (orch_aws_warning(queue->aws).len > 0)
		orch_log(ORCH_LOG_WARN, "aws.credentials",
			ORCH_LOG_TEXT("what", orch_aws_warning(queue->aws)));
	orch_sqs_silence_begin(queue);
	queue->home = orch_sqs_find_lane(queue, lane);
	name_queues(queue, config);
	return orch_sqs_tend_start(queue, err);
}

/* Looking takes a lock, and changes nothing. */
static struct orch_queue_sqs *for_looking(const struct orch_queue *queue)
{
	return orch_queue_sqs_of((struct orch_queue *)(uintptr_t)(const void *)queue);
}

bool orch_queue_sqs_was_found(const struct orch_queue *base)
{
	struct orch_queue_sqs *queue = for_looking(base);
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	size_t count = orch_sqs_names(queue, names);

	for (size_t i = 0; i < count; i++)
		if (!atomic_load(&names[i]->is_known))
			return false;
	return true;
}

bool orch_queue_sqs_is_healthy(const struct orch_queue *base, struct orch_err *err)
{
	struct orch_queue_sqs *queue = for_looking(base);
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	size_t count;

	if (queue->aws == NULL)
		return true;
	if (!orch_aws_is_ready(queue->aws, err))
		return false;
	count = orch_sqs_names(queue, names);
	for (size_t i = 0; i < count; i++)
		if (orch_sqs_name_has_trouble(names[i], err))
			return false;
	return !orch_sqs_is_silent(queue, err);
}
