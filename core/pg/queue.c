/* SPDX-License-Identifier: Apache-2.0 */
/* The groups that wait for a link, and their ways back. */
#include "base/clock.h"
#include "base/err.h"
#include "pg/internal.h"

static void expect_patience(struct orch_pg_link *link, uint64_t until_ms)
{
	uint64_t now = orch_clock_mono_ms();

	if (link->patience_ms != 0 && link->patience_ms <= until_ms)
		return;
	link->patience_ms = until_ms;
	orch_timer_set(&link->patience, until_ms > now ? until_ms - now : 0);
}

int orch_pg_enqueue(struct orch_pg_link *link, struct orch_db_group *group, struct orch_err *err)
{
	uint64_t patience = group->patience_ms ? group->patience_ms : ORCH_PG_TRY_MS;

	if (link->queued >= link->pg->queued_max)
		return orch_fail(
			err, ORCH_E_AGAIN, "PostgreSQL: too much is waiting to be written");
	group->next = NULL;
	group->code = ORCH_OK;
	group->until_ms = orch_clock_mono_ms() + patience;
	*link->last = group;
	link->last = &group->next;
	link->queued++;
	expect_patience(link, group->until_ms);
	/* Later, so that what comes in the same turn goes with it. */
	event_active(link->start, EV_TIMEOUT, 1);
	return ORCH_OK;
}

struct orch_db_group *orch_pg_take_first(struct orch_pg_link *link)
{
	struct orch_db_group *group = link->first;

	link->first = group->next;
	if (!link->first)
		link->last = &link->first;
	group->next = NULL;
	link->queued--;
	return group;
}

static void end_batch(struct orch_pg_link *link)
{
	link->batch = NULL;
	link->batch_last = &link->batch;
	link->batch_count = 0;
}

void orch_pg_put_back(struct orch_pg_link *link)
{
	if (!link->batch)
		return;
	*link->batch_last = link->first;
	if (!link->first)
		link->last = link->batch_last;
	link->first = link->batch;
	link->queued += link->batch_count;
	for (struct orch_db_group *group = link->first; group; group = group->next)
		expect_patience(link, group->until_ms);
	end_batch(link);
}

static void finish(struct orch_job *job)
{
	struct orch_db_group *group =
		(struct orch_db_group *)(void *)((char *)job - offsetof(struct orch_db_group, job));

	group->done(group);
}

void orch_pg_hand_back(struct orch_pg_link *link, struct orch_db_group *group)
{
	group->next = NULL;
	if (link->suspect == group)
		link->suspect = NULL;
	orch_assert(group->code <= 0 && -group->code < ORCH_PG_RESULTS);
	orch_metric_add(link->pg->counts.groups[-group->code], 1);
	group->job.run = finish;
	orch_lane_post(group->lane, &group->job);
}

static void hand_back_all(struct orch_pg_link *link, struct orch_db_group *groups)
{
	while (groups) {
		struct orch_db_group *next = groups->next;

		orch_pg_hand_back(link, groups);
		groups = next;
	}
}

void orch_pg_hand_back_batch(struct orch_pg_link *link)
{
	struct orch_db_group *groups = link->batch;

	end_batch(link);
	hand_back_all(link, groups);
}

void orch_pg_fail_queued(struct orch_pg_link *link, int code, const struct orch_err *err)
{
	while (link->first) {
		struct orch_db_group *group = orch_pg_take_first(link);

		group->code = code;
		group->err = *err;
		orch_pg_hand_back(link, group);
	}
}

static void describe_wait(
	struct orch_pg_link *link, const struct orch_db_group *group, struct orch_err *err)
{
	if (link->is_paused && link->suspect == group) {
		*err = link->failure.err;
		return;
	}
	if (link->state == ORCH_PG_READY) {
		(void)orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: it did not come to this in time");
		return;
	}
	pthread_mutex_lock(&link->pg->shared->mutex);
	*err = link->trouble;
	pthread_mutex_unlock(&link->pg->shared->mutex);
	if (!err->text[0])
		(void)orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: there is no connection yet");
}

void orch_pg_on_patience(void *arg)
{
	struct orch_pg_link *link = arg;
	struct orch_db_group *ended = NULL, **last = &ended;
	struct orch_db_group **at = &link->first;
	uint64_t now = orch_clock_mono_ms();

	link->patience_ms = 0;
	while (*at) {
		struct orch_db_group *group = *at;

		if (now < group->until_ms) {
			expect_patience(link, group->until_ms);
			at = &group->next;
			continue;
		}
		*at = group->next;
		group->next = NULL;
		group->code = ORCH_E_AGAIN;
		describe_wait(link, group, &group->err);
		*last = group;
		last = &group->next;
		link->queued--;
	}
	link->last = at;
	hand_back_all(link, ended);
}
