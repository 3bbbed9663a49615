/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, lanes that come and go, and handing groups to their links. */
#include "pg/pg.h"

#include <signal.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static int take_options(
	struct orch_pg *pg, const struct orch_pg_options *options, struct orch_err *err)
{
	int code = orch_pg_dsn_parse(options->dsn, &pg->dsn, err);

	if (code < 0)
		return code;
	pg->password = options->password;
	pg->queued_max = options->queued_groups ? options->queued_groups : ORCH_PG_QUEUED_GROUPS;
	pg->connect_ms =
		or_default(options->connect_ms, or_default(pg->dsn.connect_ms, ORCH_PG_CONNECT_MS));
	pg->statement_ms = or_default(options->statement_ms, ORCH_PG_STATEMENT_MS);
	/* So that a lock is what ends a statement that waits for one. */
	pg->lock_ms =
		pg->statement_ms / 2 < ORCH_PG_LOCK_MS ? pg->statement_ms / 2 : ORCH_PG_LOCK_MS;
	pg->accepts_unsafe = options->accepts_fsync_off;
	return ORCH_OK;
}

static int make_run_link(struct orch_pg *pg, struct orch_err *err)
{
	int code = orch_lane_create("pg-run", &pg->run_lane, err);

	return code < 0 ? code : orch_pg_link_create(pg, pg->run_lane, &pg->run, err);
}

int orch_pg_create(
	const struct orch_pg_options *options, struct orch_pg **ret_pg, struct orch_err *err)
{
	struct orch_pg *pg = orch_alloc(sizeof(*pg));
	int code;

	if (pg)
		pg->shared = orch_alloc(sizeof(*pg->shared));
	if (!pg || !pg->shared) {
		orch_free(pg);
		return orch_fail(err, ORCH_E_NOMEM, "PostgreSQL: out of memory");
	}
	(void)pthread_mutex_init(&pg->shared->mutex, NULL);
	(void)pthread_mutex_init(&pg->shared->run_mutex, NULL);
	orch_pg_counts_init(&pg->counts);
	code = take_options(pg, options, err);
	if (code == ORCH_OK)
		code = make_run_link(pg, err);
	if (code < 0) {
		orch_pg_close(pg);
		return code;
	}
	*ret_pg = pg;
	return ORCH_OK;
}

int orch_pg_open(const struct orch_pg_options *options, const struct orch_db_migration *migrations,
	size_t migration_count, struct orch_pg **ret_pg, struct orch_err *err)
{
	struct orch_pg *pg = NULL;
	int code = orch_pg_create(options, &pg, err);

	if (code < 0)
		return code;
	code = orch_pg_schema_check(pg, migrations, migration_count, err);
	if (code < 0) {
		orch_pg_close(pg);
		return code;
	}
	*ret_pg = pg;
	return ORCH_OK;
}

int orch_pg_check_dsn(struct orch_text dsn, struct orch_err *err)
{
	struct orch_pg_dsn parsed;
	int code = orch_pg_dsn_parse(dsn, &parsed, err);

	if (code == ORCH_OK)
		orch_pg_dsn_fini(&parsed);
	return code;
}

void orch_pg_close(struct orch_pg *pg)
{
	if (!pg)
		return;
	orch_assert(!pg->links);
	orch_pg_link_destroy(pg->run);
	orch_lane_destroy(pg->run_lane);
	orch_pg_dsn_fini(&pg->dsn);
	pthread_mutex_destroy(&pg->shared->mutex);
	pthread_mutex_destroy(&pg->shared->run_mutex);
	orch_free(pg->shared);
	orch_free(pg);
}

struct orch_pg_link *orch_pg_link_of(struct orch_pg *pg, const struct orch_lane *lane)
{
	struct orch_pg_link *link;

	pthread_mutex_lock(&pg->shared->mutex);
	link = pg->links;
	while (link && link->lane != lane)
		link = link->next;
	pthread_mutex_unlock(&pg->shared->mutex);
	return link;
}

int orch_pg_attach(struct orch_pg *pg, struct orch_lane *lane, struct orch_err *err)
{
	struct orch_pg_link *link = NULL;
	int code;

	orch_assert(!orch_pg_link_of(pg, lane));
	code = orch_pg_link_create(pg, lane, &link, err);
	if (code < 0)
		return code;
	pthread_mutex_lock(&pg->shared->mutex);
	link->next = pg->links;
	pg->links = link;
	pthread_mutex_unlock(&pg->shared->mutex);
	return ORCH_OK;
}

void orch_pg_detach(struct orch_pg *pg, struct orch_lane *lane)
{
	struct orch_pg_link *link = orch_pg_link_of(pg, lane);
	struct orch_pg_link **at;

	if (!link)
		return;
	orch_assert(!link->watches);
	pthread_mutex_lock(&pg->shared->mutex);
	for (at = &pg->links; *at != link; at = &(*at)->next)
		;
	*at = link->next;
	pthread_mutex_unlock(&pg->shared->mutex);
	orch_pg_link_destroy(link);
}

int orch_pg_submit(struct orch_pg *pg, struct orch_db_group *group, struct orch_err *err)
{
	struct orch_pg_link *link = orch_pg_link_of(pg, group->lane);

	orch_assert(link);
	return orch_pg_enqueue(link, group, err);
}

struct run {
	struct orch_db_group group;
	bool is_done;
};

static void end_run(struct orch_db_group *group)
{
	((struct run *)(void *)group)->is_done = true;
	orch_lane_quit(group->lane);
}

/* A lane keeps SIGPIPE from its thread; ours is only lent. */
static void run_lane(struct orch_lane *lane)
{
	sigset_t before;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	orch_lane_run(lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int orch_pg_run_within(
	struct orch_pg *pg, struct orch_db_group *group, uint64_t patience_ms, struct orch_err *err)
{
	struct run run = { .group = { .first = group->first,
				   .patience_ms =
					   group->patience_ms ? group->patience_ms : patience_ms,
				   .lane = pg->run_lane,
				   .done = end_run } };
	int code;

	pthread_mutex_lock(&pg->shared->run_mutex);
	code = orch_pg_enqueue(pg->run, &run.group, err);
	if (code == ORCH_OK) {
		run_lane(pg->run_lane);
		orch_assert(run.is_done);
		code = run.group.code;
		if (code < 0)
			*err = run.group.err;
	}
	pthread_mutex_unlock(&pg->shared->run_mutex);
	group->code = code;
	return code;
}

int orch_pg_run(struct orch_pg *pg, struct orch_db_group *group, struct orch_err *err)
{
	return orch_pg_run_within(pg, group, ORCH_PG_RUN_MS, err);
}

void orch_pg_hasten_runs(struct orch_pg *pg)
{
	pg->run_ms = ORCH_PG_RUN_MS;
}

static bool is_long_ago(uint64_t then, uint64_t now)
{
	return then != 0 && now > then && now - then >= ORCH_PG_UNHEALTHY_MS;
}

/* No running number: what is said once, and once when it is over, must stay the same. */
static bool is_well(const struct orch_pg_link *link, uint64_t now, struct orch_err *err)
{
	bool is_lost = is_long_ago(atomic_load(&link->lost_ms), now);

	if (!is_lost && !is_long_ago(atomic_load(&link->asked_ms), now))
		return true;
	if (link->trouble.text[0])
		*err = link->trouble;
	else if (is_lost)
		(void)orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: there is no connection yet");
	else
		(void)orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: no answer for %d s or more",
			ORCH_PG_UNHEALTHY_MS / 1000);
	return false;
}

bool orch_pg_is_healthy(const struct orch_pg *pg, struct orch_err *err)
{
	uint64_t now = orch_clock_mono_ms();
	const struct orch_pg_link *link;

	pthread_mutex_lock(&pg->shared->mutex);
	link = pg->links;
	while (link && is_well(link, now, err))
		link = link->next;
	pthread_mutex_unlock(&pg->shared->mutex);
	return !link;
}
