/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/credentials_search.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#define LOOK_MS 1000 /* a timer does not count the time that the machine slept; this does */

struct orch_aws_keeper {
	struct orch_aws *aws;
	struct orch_aws_search search;
	struct orch_timer timer;
	struct orch_bell bell;
	uint64_t ahead_ms;      /* so long before the expiry there is to be a search, */
	uint64_t not_before_ms; /* but not before this, since the boot */
	struct orch_metric *expiry, *found, *failed;

	pthread_mutex_t lock; /* all below; the lane alone changes CURRENT */
	struct orch_aws_credentials *current;
	struct orch_aws_waiter *waiters;
	uint64_t generation;
	bool is_searching, is_wanted;
	uint64_t forced_ms; /* since the boot: when a refused call last asked; 0: never */
	int code;           /* of the last search */
	struct orch_err problem;
};

/* Until CREDENTIALS count no more; UINT64_MAX: never, 0: they do not, or there are none. */
static uint64_t left_ms(const struct orch_aws *aws, const struct orch_aws_credentials *credentials)
{
	uint64_t now = orch_aws_now_ms(aws);

	if (!credentials)
		return 0;
	if (credentials->expires_ms == 0)
		return UINT64_MAX;
	return credentials->expires_ms > now ? credentials->expires_ms - now : 0;
}

/* After a failure: seldom while the old ones count, often when they do not. */
static uint64_t pause_ms(uint64_t left)
{
	uint64_t pause = ORCH_AWS_AGAIN_MS + orch_random_below(ORCH_AWS_AGAIN_MS + 1);
	uint64_t urgent = ORCH_AWS_URGENT_MS + orch_random_below(2 * ORCH_AWS_URGENT_MS + 1);

	if (left > urgent)
		return pause < left ? pause : left;
	return urgent;
}

static void plan(struct orch_aws_keeper *keeper, bool has_found, uint64_t left)
{
	keeper->ahead_ms = ORCH_AWS_AHEAD_MS + orch_random_below(ORCH_AWS_JITTER_MS + 1);
	keeper->not_before_ms = orch_clock_boot_ms();
	if (!has_found || left <= keeper->ahead_ms)
		keeper->not_before_ms += pause_ms(left);
	if (left < UINT64_MAX)
		orch_timer_set(&keeper->timer, LOOK_MS);
}

static void ring_all(struct orch_aws_keeper *keeper)
{
	for (struct orch_aws_waiter *waiter = keeper->waiters; waiter; waiter = waiter->next)
		orch_bell_ring(&waiter->bell);
}

/* The same again stay what they are, for those whom the service has refused. */
static struct orch_aws_credentials *swap(
	struct orch_aws_keeper *keeper, struct orch_aws_credentials *found)
{
	struct orch_aws_credentials *old = keeper->current;

	if (old && orch_aws_credentials_equal(old, found))
		return found;
	found->generation = ++keeper->generation;
	keeper->current = found;
	return old;
}

static void on_ended(
	void *arg, struct orch_aws_credentials *found, int code, const struct orch_err *err)
{
	struct orch_aws_keeper *keeper = arg;
	struct orch_aws_credentials *spare = NULL;
	uint64_t left;

	(void)pthread_mutex_lock(&keeper->lock);
	if (found)
		spare = swap(keeper, found);
	keeper->code = code;
	keeper->problem = *err;
	keeper->is_searching = keeper->is_wanted = false;
	left = left_ms(keeper->aws, keeper->current);
	orch_metric_set(keeper->expiry,
		keeper->current ? (int64_t)(keeper->current->expires_ms / 1000) : 0);
	ring_all(keeper);
	(void)pthread_mutex_unlock(&keeper->lock);
	orch_metric_add(code == ORCH_OK ? keeper->found : keeper->failed, 1);
	plan(keeper, code == ORCH_OK, left);
	orch_aws_credentials_unref(spare);
}

static void start(struct orch_aws_keeper *keeper)
{
	bool is_free;

	(void)pthread_mutex_lock(&keeper->lock);
	is_free = !keeper->is_searching;
	keeper->is_searching = true;
	(void)pthread_mutex_unlock(&keeper->lock);
	if (is_free)
		orch_aws_search_start(&keeper->search);
}

/* By both clocks anew each time, for either may have been put right. */
static void on_time(void *arg)
{
	struct orch_aws_keeper *keeper = arg;
	uint64_t left = left_ms(keeper->aws, keeper->current);

	if (left <= keeper->ahead_ms && orch_clock_boot_ms() >= keeper->not_before_ms)
		start(keeper);
	else if (left < UINT64_MAX)
		orch_timer_set(&keeper->timer, LOOK_MS);
}

static void on_bell(void *arg)
{
	start(arg);
}

static void name_metrics(struct orch_aws_keeper *keeper)
{
	struct orch_text service = orch_text_from(orch_aws_service_name(keeper->aws->service));
	static const char searches[] = "orchestrator_aws_credentials_searches_total";
	static const char help[] = "Searches for AWS credentials, by what came of them.";

	keeper->expiry = orch_metric(ORCH_METRIC_GAUGE,
		"orchestrator_aws_credentials_expiry_timestamp_seconds",
		"When AWS credentials expire, in seconds since 1970; 0: never, or there are none.",
		{ "service", service });
	keeper->found = orch_metric(ORCH_METRIC_COUNTER, searches, help, { "service", service },
		{ "result", ORCH_TEXT("found") });
	keeper->failed = orch_metric(ORCH_METRIC_COUNTER, searches, help, { "service", service },
		{ "result", ORCH_TEXT("failed") });
}

static int init(struct orch_aws_keeper *keeper, struct orch_err *err)
{
	int code = orch_aws_search_init(&keeper->search, keeper->aws, on_ended, keeper, err);

	if (code == ORCH_OK)
		code = orch_bell_init(&keeper->bell, keeper->aws->lane, on_bell, keeper, err);
	if (code == ORCH_OK &&
		orch_timer_init(&keeper->timer, keeper->aws->lane, on_time, keeper) != ORCH_OK)
		code = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return code;
}

int orch_aws_keeper_create(
	struct orch_aws *aws, struct orch_aws_keeper **ret_keeper, struct orch_err *err)
{
	struct orch_aws_keeper *keeper = orch_alloc(sizeof(*keeper));
	int code;

	if (!keeper)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	keeper->aws = aws;
	(void)pthread_mutex_init(&keeper->lock, NULL);
	name_metrics(keeper);
	code = init(keeper, err);
	if (code == ORCH_OK) {
		start(keeper);
		/* What can never serve is told at the start. */
		if (!keeper->current && keeper->code == ORCH_E_INVALID)
			code = orch_fail(err, ORCH_E_INVALID, "%s", keeper->problem.text);
	}
	if (code != ORCH_OK) {
		orch_aws_keeper_destroy(keeper);
		return code;
	}
	*ret_keeper = keeper;
	return ORCH_OK;
}

void orch_aws_keeper_destroy(struct orch_aws_keeper *keeper)
{
	if (!keeper)
		return;
	orch_assert(!keeper->waiters);
	orch_aws_search_fini(&keeper->search);
	orch_bell_fini(&keeper->bell);
	orch_timer_fini(&keeper->timer);
	orch_aws_credentials_unref(keeper->current);
	(void)pthread_mutex_destroy(&keeper->lock);
	orch_free(keeper);
}

void orch_aws_keeper_add(struct orch_aws_keeper *keeper, struct orch_aws_waiter *waiter)
{
	(void)pthread_mutex_lock(&keeper->lock);
	waiter->prev = NULL;
	waiter->next = keeper->waiters;
	if (waiter->next)
		waiter->next->prev = waiter;
	keeper->waiters = waiter;
	(void)pthread_mutex_unlock(&keeper->lock);
}

void orch_aws_keeper_remove(struct orch_aws_keeper *keeper, struct orch_aws_waiter *waiter)
{
	(void)pthread_mutex_lock(&keeper->lock);
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		keeper->waiters = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	(void)pthread_mutex_unlock(&keeper->lock);
}

int orch_aws_keeper_take(struct orch_aws_keeper *keeper, uint64_t refused,
	struct orch_aws_credentials **ret_credentials, struct orch_err *err)
{
	int code = ORCH_E_DENIED;

	(void)pthread_mutex_lock(&keeper->lock);
	if (keeper->current && keeper->current->generation != refused) {
		*ret_credentials = orch_aws_credentials_ref(keeper->current);
		code = ORCH_OK;
	} else if (keeper->is_searching || keeper->is_wanted) {
		code = ORCH_E_AGAIN;
	} else if (keeper->code != ORCH_OK) {
		(void)orch_fail(err, code, "%s", keeper->problem.text);
	} else {
		(void)orch_fail(err, code, "AWS does not accept the credentials of %s",
			keeper->current ? keeper->current->source : "nobody");
	}
	(void)pthread_mutex_unlock(&keeper->lock);
	return code;
}

static bool may_force(const struct orch_aws_keeper *keeper, uint64_t generation, uint64_t now)
{
	return keeper->current && keeper->current->generation == generation &&
		!keeper->is_searching && !keeper->is_wanted &&
		(keeper->forced_ms == 0 || now - keeper->forced_ms >= ORCH_AWS_FORCED_MS);
}

void orch_aws_keeper_refuse(struct orch_aws_keeper *keeper, uint64_t generation)
{
	uint64_t now = orch_clock_boot_ms();

	(void)pthread_mutex_lock(&keeper->lock);
	if (may_force(keeper, generation, now)) {
		keeper->is_wanted = true;
		keeper->forced_ms = now;
		orch_bell_ring(&keeper->bell);
	}
	(void)pthread_mutex_unlock(&keeper->lock);
}

bool orch_aws_keeper_is_ready(struct orch_aws_keeper *keeper, struct orch_err *err)
{
	bool is_ready;

	(void)pthread_mutex_lock(&keeper->lock);
	is_ready = left_ms(keeper->aws, keeper->current) > 0;
	if (!is_ready && keeper->problem.text[0])
		(void)orch_fail(err, 0, "%s", keeper->problem.text);
	else if (!is_ready)
		(void)orch_fail(err, 0,
			keeper->current ? "AWS's credentials have expired"
					: "AWS's credentials are being looked for");
	(void)pthread_mutex_unlock(&keeper->lock);
	return is_ready;
}
