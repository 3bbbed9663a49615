/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the embedded queue share. */
#ifndef ORCH_QUEUE_SQLITE_H
#define ORCH_QUEUE_SQLITE_H
#include "base/buf.h"
#include "db/db.h"
#include "queue/backend.h"
#include "queue/message.h"

#define ORCH_QUEUE_EXPIRE_MAX 1024 /* leases and delays ended by one receive */
#define ORCH_QUEUE_CHUNK_ROWS 256  /* redriven or discarded in one transaction */

enum item_state { ITEM_READY = 0, ITEM_DELAYED, ITEM_LEASED, ITEM_BLOCKED };

/* Memory that is used again and again by the writer's thread. */
struct orch_queue_scratch {
	char *ptr;
	size_t size;
};

struct orch_queue_sqlite {
	struct orch_queue base;
	const struct orch_secret *key; /* NULL: messages can be counted, not read */
	struct orch_buf about;         /* the writer's, as is what follows */
	struct orch_queue_scratch sealed;
	unsigned seen_since_purge;
	char purged[ORCH_QUEUE_SEEN_BYTES]; /* where the last purge of "seen" ended */
};

/* In op->backend. */
struct orch_queue_sqlite_op {
	struct orch_db_op db_op;
	struct orch_db_group group;
	struct orch_queue_op *op;
};

static inline struct orch_queue_sqlite *orch_queue_sqlite_of(struct orch_queue *queue)
{
	return (struct orch_queue_sqlite *)(void *)queue;
}

/* The number by which rows name their queue: made of the name, so it needs no look-up. */
int64_t orch_queue_sqlite_number(struct orch_text name);
void orch_queue_sqlite_topic(struct orch_text name, char ret_topic[ORCH_DB_TOPIC_BYTES]);
void orch_queue_sqlite_note(struct orch_db *db, struct orch_text name);

/* Adds to a column of the ledger; written with all that the transaction adds to it. */
enum orch_queue_count { ORCH_QUEUE_ACCEPTED = 0, ORCH_QUEUE_DONE, ORCH_QUEUE_DUPLICATES };
ORCH_MUST_USE int orch_queue_sqlite_count(struct orch_db *db, enum orch_queue_count what,
	struct orch_text name, int64_t by, struct orch_err *err);

/* Lent until the next call. */
ORCH_MUST_USE int orch_queue_sqlite_seal(struct orch_queue_sqlite *queue, struct orch_text plain,
	struct orch_text about, struct orch_text *ret_sealed, struct orch_err *err);

/* sqlite_seen.c: has this name of that time, which may be 0, been seen before, within a day?  If not it has now. */
ORCH_MUST_USE int orch_queue_sqlite_look_back(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_text scope, struct orch_text name, uint64_t time_ms, bool *ret_seen,
	struct orch_err *err);

/* Ops: on the writer's thread. */
ORCH_MUST_USE int orch_queue_sqlite_put(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_receive(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_renew(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_release(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_checkpoint(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_settle(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_bury(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_remember(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_recall(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err);

/* Sets a row that does not open aside as it is. */
ORCH_MUST_USE int orch_queue_sqlite_bury_damaged(
	struct orch_db *db, const struct orch_lease *lease, struct orch_err *err);
/* The next of an order key, once its head is gone. */
ORCH_MUST_USE int orch_queue_sqlite_promote(
	struct orch_db *db, struct orch_text name, struct orch_text order, struct orch_err *err);
/* The same for every key that has lost its head otherwise. */
ORCH_MUST_USE int orch_queue_sqlite_promote_all(struct orch_db *db, struct orch_err *err);
ORCH_MUST_USE int orch_queue_sqlite_count_dropped(
	struct orch_db *db, int64_t queue, struct orch_text reason, struct orch_err *err);

/* sqlite_report.c, sqlite_dead.c, sqlite_tend.c: see backend.h */
int orch_queue_sqlite_stats(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err);
int orch_queue_sqlite_ledger(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err);
int orch_queue_sqlite_peek(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err);
int orch_queue_sqlite_redrive(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err);
int orch_queue_sqlite_tend(struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err);
int orch_queue_sqlite_discard(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err);

#endif
