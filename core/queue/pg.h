/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books: every message in flight beyond one machine, in PostgreSQL.  What
 * is here knows nothing of SQS.
 */
#ifndef ORCH_QUEUE_PG_H
#define ORCH_QUEUE_PG_H
#include "queue/backend.h"
#include "queue/message.h"

/* What a tally counts. */
enum orch_tally {
	ORCH_TALLY_ACCEPTED = 0,
	ORCH_TALLY_DONE,
	ORCH_TALLY_DROPPED,
	ORCH_TALLY_REPEATED
};
#define ORCH_TALLY_ACCEPTED_SQL "0"
#define ORCH_TALLY_DONE_SQL "1"
#define ORCH_TALLY_DROPPED_SQL "2"
#define ORCH_TALLY_REPEATED_SQL "3"

enum orch_item_state {
	ORCH_ITEM_READY = 0,
	ORCH_ITEM_DELAYED,
	ORCH_ITEM_LEASED,
	ORCH_ITEM_BLOCKED
};

#define ORCH_QUEUE_DAY_SQL "86400000"

/* Of the dead, such as did not open. */
#define ORCH_DEAD_IS_DAMAGED_SQL "NOT alien AND reason = '" ORCH_QUEUE_DAMAGED "'"
#define ORCH_QUEUE_DAMAGED "damaged"

/* A row that is to be sent: it was put, has come to the head of its order key, or was missed. */
struct orch_pg_item {
	struct orch_message message; /* without its body */
	struct orch_text sealed;     /* the body, as it is kept */
	uint64_t put_ms;
	int64_t row;
	int64_t delay_ms; /* until it is due */
};

/* What an op of the books keeps between its statement and its end; in op->backend. */
struct orch_queue_pg_op {
	struct orch_pg_op pg_op;
	struct orch_db_group group; /* of an op that is submitted alone */
	const struct orch_queue_pg_kind *kind;
	struct orch_queue_op *op;
	const struct orch_secret *key;
	struct orch_arena *arena;   /* of what follows */
	struct orch_pg_item *items; /* to be sent once it is committed, but … */
	size_t item_count;
	bool *is_new; /* … of a put only those that are new */
};

static inline struct orch_queue_pg_op *orch_queue_pg_of(struct orch_queue_op *op)
{
	return (struct orch_queue_pg_op *)(void *)op->backend;
}

/* The op for a group of the database.  All kinds but RECEIVE. */
struct orch_db_op *orch_queue_pg_op(const struct orch_secret *key, struct orch_queue_op *op);
/* NULL: it is not one of these. */
struct orch_queue_op *orch_queue_pg_op_of(struct orch_db_op *db_op);
/* When nothing of it is needed any more. */
void orch_queue_pg_op_fini(struct orch_queue_op *op);

/* Ops of one kind, of any number of groups, as statements with arrays. */
struct orch_queue_pg_kind {
	struct orch_pg_kind many;
	int turn;
	bool is_alone; /* not with those of other groups */
};
extern const struct orch_queue_pg_kind orch_queue_pg_put, orch_queue_pg_put_unseen,
	orch_queue_pg_renew, orch_queue_pg_release, orch_queue_pg_checkpoint, orch_queue_pg_settle,
	orch_queue_pg_bury, orch_queue_pg_remember, orch_queue_pg_recall;

static inline struct orch_queue_pg_op *orch_queue_pg_state(struct orch_pg_op *op)
{
	return (struct orch_queue_pg_op *)(void *)op;
}
/* Each has its arena from then on.  False: no memory. */
bool orch_queue_pg_ready(struct orch_pg_op *const *ops, size_t count);
/* The arena of the first: for what all of them are sent with. */
static inline struct orch_arena *orch_queue_pg_arena(struct orch_pg_op *const *ops)
{
	return orch_queue_pg_state(ops[0])->arena;
}
int orch_queue_pg_no_memory(struct orch_err *err);

/* The columns of a row that is to be sent, behind "RETURNING" or "SELECT", and what takes them. */
#define ORCH_PG_ITEM_COLUMNS(i)                                                        \
	i ".row, " i ".queue, " i ".id, " i ".pipeline, " i ".tenant, " i ".trace, " i \
	  ".sequence, " i ".priority, " i ".time, " i ".put, greatest(" i ".at - orch_ms(), 0)"
#define ORCH_PG_ITEM_COLUMN_COUNT 11
void orch_pg_take_item(const struct orch_pg_rows *rows, size_t row, struct orch_arena *arena,
	struct orch_pg_item *ret_item); /* all but SEALED, which is its next column */
/* A result of such rows. */
ORCH_MUST_USE int orch_pg_take_items(const struct orch_pg_rows *rows, struct orch_arena *arena,
	struct orch_pg_item **ret_items, size_t *ret_count, struct orch_err *err);

/* One delivery that wants to be a lease. */
struct orch_pg_claim {
	/* in */
	int64_t row;
	struct orch_text id;
	bool wants_body; /* its own copy has none that opens */
	/* out */
	bool is_gone; /* there is no such row: it was settled */
	bool is_ours;
	int64_t wait_ms;          /* of one that is there and not ours */
	struct orch_pg_item item; /* SEALED if it was wanted */
	struct orch_text memo;    /* sealed */
	uint32_t receives, attempts, step;
	bool step_sent;
};
struct orch_pg_claiming {
	struct orch_pg_op pg_op;
	struct orch_text queue;
	uint64_t visibility_ms, token;
	struct orch_pg_claim *claims;
	size_t count;
	struct orch_arena *arena; /* where texts go */
};
void orch_pg_claim_init(struct orch_pg_claiming *claiming);

/* Looks after what nobody looks after: see the functions that make them.  Each is an op for a group. */
struct orch_pg_tending {
	struct orch_pg_op pg_op;
	/* in */
	struct orch_text queue;         /* of late() and missed() */
	const struct orch_text *queues; /* of unsent(): those to which something can be sent */
	size_t queue_count;
	const int64_t *rows; /* of mark_sent() */
	size_t row_count;
	int64_t older_ms;
	size_t limit;
	struct orch_arena *arena;
	/* out */
	struct orch_pg_item *items;
	size_t item_count;
	size_t changed; /* rows; of late(): 1 if there are some */
};
void orch_pg_tend_mark_sent(struct orch_pg_tending *tending); /* ROWS are in SQS */
/* Should have been, for OLDER_MS; that begins anew for those that are given. */
void orch_pg_tend_unsent(struct orch_pg_tending *tending);
void orch_pg_tend_late(
	struct orch_pg_tending *tending); /* are there such as missed() would give? */
void orch_pg_tend_missed(struct orch_pg_tending *tending); /* sent longer ago, due, and not held */
void orch_pg_tend_headless(struct orch_pg_tending *tending); /* blocked behind nobody */
void orch_pg_tend_fold(struct orch_pg_tending *tending);     /* tallies into the ledger */
void orch_pg_tend_forget(struct orch_pg_tending *tending);   /* of "seen", what is too old */

/* Reports, waiting; see backend.h. */
struct orch_queue_books {
	struct orch_pg *pg;
	const struct orch_secret *key;
};
int orch_queue_pg_stats(struct orch_queue_books *books, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err);
int orch_queue_pg_ledger(struct orch_queue_books *books, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err);
/* This one does not wait. */
int orch_queue_pg_survey(
	struct orch_queue_books *books, struct orch_queue_survey *survey, struct orch_err *err);
int orch_queue_pg_peek(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err);
int orch_queue_pg_redrive(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err);
int orch_queue_pg_discard(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err);

#endif
