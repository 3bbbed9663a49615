/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept across restarts: database, key, queue and store, opened as the
 * configuration says: SQLite for both on one machine, SQS and PostgreSQL beyond it.
 */
#ifndef ORCH_KEEP_H
#define ORCH_KEEP_H
#include "config/config.h"
#include "db/db.h"
#include "pg/pg.h"
#include "queue/queue.h"
#include "store/store.h"

struct orch_keep {
	struct orch_db *db; /* NULL with PostgreSQL */
	struct orch_pg *pg; /* NULL with SQLite */
	struct orch_secret *key;
	struct orch_secret *password; /* PostgreSQL's; NULL: none */
	struct orch_queue *queue;
	struct orch_store *store;
	int hold_fd; /* held by every process that has the database open; -1: none */
};

/* Creates the state folder, the key and the schema if they are not there yet. */
ORCH_MUST_USE int orch_keep_open(
	const struct orch_config *config, struct orch_keep *ret_keep, struct orch_err *err);
/*
 * For who serves: LANE is the main one, on which connections are looked after.
 * Each lane that works with queue and store is attached, before it runs, and
 * detached after it has ended.
 */
ORCH_MUST_USE int orch_keep_start(struct orch_keep *keep, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err);
ORCH_MUST_USE int orch_keep_attach(
	struct orch_keep *keep, struct orch_lane *lane, struct orch_err *err);
void orch_keep_detach(struct orch_keep *keep, struct orch_lane *lane);
void orch_keep_stop(struct orch_keep *keep, struct orch_lane *lane); /* after all are detached */

/* What a process that was killed had leased is free at once.  Only for who knows that nobody else is at work here. */
ORCH_MUST_USE int orch_keep_take_over(struct orch_keep *keep, struct orch_err *err);

/* From any thread. */
bool orch_keep_is_healthy(const struct orch_keep *keep, struct orch_err *err);
/* Is what is put kept, although others might not learn of it before the queue is well again? */
bool orch_keep_accepts(const struct orch_keep *keep, struct orch_err *err);
bool orch_keep_is_remote(const struct orch_keep *keep); /* beyond this machine */
bool orch_keep_is_full(const struct orch_keep *keep);

/* Has anything been kept yet?  Of a database elsewhere nobody knows, so it is said to be so. */
bool orch_keep_is_there(const struct orch_config *config, struct orch_arena *arena);

/* Would they be opened?  Nothing is made or changed; not while this process has them open. */
ORCH_MUST_USE int orch_keep_check_key(const struct orch_config *config, struct orch_err *err);
ORCH_MUST_USE int orch_keep_check_database(const struct orch_config *config, struct orch_err *err);
/* The same of what is beyond this machine, where nobody is asked: PostgreSQL's connection string, and SQS. */
ORCH_MUST_USE int orch_keep_check_dsn(const struct orch_config *config, struct orch_err *err);
ORCH_MUST_USE int orch_keep_check_queue(const struct orch_config *config, struct orch_err *err);
void orch_keep_close(struct orch_keep *keep);

/* Brings PostgreSQL's schema up to date, or only looks what would be done; RET has room for ORCH_KEEP_PARTS. */
#define ORCH_KEEP_PARTS 4
ORCH_MUST_USE int orch_keep_migrate(const struct orch_config *config, bool only_look,
	struct orch_pg_migrated *ret_parts, size_t *ret_count, struct orch_err *err);

#endif
