/* SPDX-License-Identifier: Apache-2.0 */
/* What an implementation of queues fills in. */
#ifndef ORCH_QUEUE_BACKEND_H
#define ORCH_QUEUE_BACKEND_H
#include "base/secret.h"
#include "config/config.h"
#include "db/db.h"
#include "pg/pg.h"
#include "queue/queue.h"

struct orch_queue_backend {
	int (*submit)(struct orch_queue *queue, struct orch_queue_op *op, struct orch_err *err);
	/*
	 * The op as an operation of a database group, so that it can share a
	 * transaction with others; OP's lane and DONE are not used then.
	 */
	struct orch_db_op *(*as_db_op)(struct orch_queue *queue, struct orch_queue_op *op);
	/* A group of such ops, and of the store's; an error means that its DONE will not run. */
	int (*submit_group)(
		struct orch_queue *queue, struct orch_db_group *group, struct orch_err *err);
	/* Optional: see queue.h. */
	int (*attach)(struct orch_queue *queue, struct orch_lane *lane, struct orch_err *err);
	void (*detach)(struct orch_queue *queue, struct orch_lane *lane);
	bool (*is_idle)(struct orch_queue *queue, struct orch_lane *lane);
	int (*watch_add)(struct orch_queue *queue, struct orch_queue_watch *watch);
	void (*watch_remove)(struct orch_queue *queue, struct orch_queue_watch *watch);
	int (*stats)(struct orch_queue *queue, struct orch_arena *arena,
		struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err);
	int (*ledger)(struct orch_queue *queue, struct orch_arena *arena,
		struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err);
	/* Optional: without it, stats and ledger are asked.  They must not wait for others then. */
	int (*survey)(
		struct orch_queue *queue, struct orch_queue_survey *survey, struct orch_err *err);
	int (*peek)(struct orch_queue *queue, const struct orch_queue_filter *filter,
		struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
		struct orch_err *err);
	int (*redrive)(struct orch_queue *queue, const struct orch_queue_filter *filter,
		struct orch_queue_swept *ret_swept, struct orch_err *err);
	int (*discard)(struct orch_queue *queue, const struct orch_queue_filter *filter,
		struct orch_queue_swept *ret_swept, struct orch_err *err);
	int (*tend)(struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err);
	void (*close)(struct orch_queue *queue);
};

/* Implementations embed this first. */
struct orch_queue {
	const struct orch_queue_backend *backend;
	struct orch_db *db; /* the embedded database; NULL if there is none */
};

/* The embedded one.  DB and KEY are lent and must outlive it. */
ORCH_MUST_USE int orch_queue_sqlite_open(struct orch_db *db, const struct orch_secret *key,
	struct orch_queue **ret_queue, struct orch_err *err);

/* Every lease ends now.  Only for who knows that nobody else is at work on the database. */
ORCH_MUST_USE int orch_queue_sqlite_end_leases(struct orch_queue *queue, struct orch_err *err);

/* Its part of the schema. */
extern const struct orch_db_migration orch_queue_sqlite_migrations[];
extern const size_t orch_queue_sqlite_migration_count;

/*
 * The one beyond this machine (docs/decisions/0012).  PG and KEY are lent, of
 * CONFIG a copy is kept.  Until it is started it knows only the books: commands
 * need no more.
 */
ORCH_MUST_USE int orch_queue_sqs_open(struct orch_pg *pg, const struct orch_config *config,
	const struct orch_secret *key, struct orch_queue **ret_queue, struct orch_err *err);
/* From now on it speaks with SQS; LANE, the main one, is attached to the database. */
ORCH_MUST_USE int orch_queue_sqs_start(struct orch_queue *queue, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err);
void orch_queue_sqs_stop(
	struct orch_queue *queue); /* on that lane, or after it; may not have been started */
/* From any thread. */
bool orch_queue_sqs_is_healthy(const struct orch_queue *queue, struct orch_err *err);
/* Has it been before: was each of the queues in SQS found to be as it must be? */
bool orch_queue_sqs_was_found(const struct orch_queue *queue);

extern const struct orch_db_migration orch_queue_pg_migrations[];
extern const size_t orch_queue_pg_migration_count;

#endif
