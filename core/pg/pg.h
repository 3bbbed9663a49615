/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL from lanes: libpq in pipeline mode on the lane's loop, so that
 * nothing waits.
 *
 * Each lane has a connection of its own.  Work comes as groups of operations
 * (db/group.h); what waits while a batch is under way becomes the next batch:
 * one implicit transaction, one round trip, one flush on the server.  If a
 * statement of it fails, the batch is undone by the server and the group whose
 * statement it was is run once more by itself, those before it and those
 * behind it together.  A group whose outcome got lost with the connection is
 * run again on the next one, so ops are such that a repeat does no harm.
 * Everything happens, and is done, in the order of submission.
 *
 * Statements are always prepared, once a connection, and carry their
 * parameters in binary.  The server's clock counts (now()), not ours.
 *
 * A group fails with the code that its own statements refused it with, with
 * ORCH_E_AGAIN when its patience ended (deadlocks, locks, lost connections and
 * standbys are tried again until then) or a statement took too long,
 * ORCH_E_LIMIT when the server's disk is full or a value is too large,
 * ORCH_E_INVALID for data and constraints, ORCH_E_DENIED without privilege.
 * Errors quote no values.
 */
#ifndef ORCH_PG_H
#define ORCH_PG_H
#include "base/arena.h"
#include "base/check.h"
#include "base/secret.h"
#include "db/group.h"

#define ORCH_PG_QUEUED_GROUPS 4096      /* of one lane, by default */
#define ORCH_PG_BATCH_GROUPS 256        /* of one transaction */
#define ORCH_PG_TRY_MS 60000            /* so long a group without patience waits for the server */
#define ORCH_PG_PARAMETERS 48           /* of one statement */
#define ORCH_PG_VALUE_BYTES (32u << 20) /* of one value */
#define ORCH_PG_GROUP_BYTES (64u << 20) /* of all values of one group; more takes libpq too long */

struct orch_pg;
struct orch_pg_sender; /* takes the statements of one batch */
struct orch_pg_rows;   /* a statement's result */

struct orch_pg_options {
	struct orch_text dsn; /* a libpq connection string or URI; without a password */
	const struct orch_secret *password; /* stays; NULL: whatever else libpq knows of */
	size_t queued_groups;               /* of one lane; 0: ORCH_PG_QUEUED_GROUPS */
	uint32_t connect_ms;                /* for all its addresses; 0: connect_timeout, or 10 s */
	uint32_t statement_ms;  /* the server gives a statement up after that; 0: 60 s */
	bool accepts_fsync_off; /* else a server that runs with it is refused */
};

struct orch_pg_op;

/*
 * Ops of one kind can share statements: what a batch has of them, of all its
 * groups, is sent as one, in the order of submission.  Kinds are told apart by
 * their address.  An op that goes alone has its own functions all the same: for
 * when its batch has failed and every group is run by itself.
 */
struct orch_pg_kind {
	int (*send)(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
		struct orch_err *err);
	/* As an op's; may be NULL. */
	int (*take)(struct orch_pg_op *const *ops, size_t count, unsigned number,
		const struct orch_pg_rows *rows, struct orch_err *err);
};

/* When, among all ops of a batch: a group's own must ask for nothing else. */
enum orch_pg_turn {
	ORCH_PG_LATER = 1,
	ORCH_PG_LAST = 2,
	ORCH_PG_SOON = -1,
	ORCH_PG_FIRST = -2,
	ORCH_PG_TURNS = 5
};

struct orch_pg_op {
	struct orch_db_op base;
	/* The op's statements, each from orch_pg_begin() to orch_pg_end().  May run again. */
	int (*send)(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err);
	/*
	 * The result of its NUMBERth statement, from 0, in their order; may be NULL.
	 * The transaction is not committed yet when it runs and may still fail, then
	 * SEND runs again: so the first one resets what the op gives.  A negative
	 * code becomes the group's, but what the statements did stays: only the
	 * statements themselves can undo the group (orch_require, in schema.c).
	 */
	int (*take)(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
		struct orch_err *err);
	const struct orch_pg_kind *kind; /* NULL: it always goes alone */
	int turn;                        /* enum orch_pg_turn; 0: in between */
	size_t bytes;                    /* about, of its parameters, if they are many */
	struct orch_db_group *group;     /* the database's */
};
/* Within a kind's TAKE: this one has failed; the others have not. */
void orch_pg_op_fail(struct orch_pg_op *op, int code, const char *why);

/*
 * Opens the database, waiting for it as long as connecting may take.  Its schema
 * must be the newest that MIGRATIONS know, or a newer one that says it can serve
 * them (see schema.c); else ORCH_E_INVALID, with words that say what to run.
 */
ORCH_MUST_USE int orch_pg_open(const struct orch_pg_options *options,
	const struct orch_db_migration *migrations, size_t migration_count, struct orch_pg **ret_pg,
	struct orch_err *err);
/* Would that string be taken?  Nobody is asked. */
ORCH_MUST_USE int orch_pg_check_dsn(struct orch_text dsn, struct orch_err *err);
/* After all groups are done, and after the lanes have ended; accepts NULL. */
void orch_pg_close(struct orch_pg *pg);

/* What a migration would do, or has done. */
struct orch_pg_migrated {
	char part[16];
	uint32_t from, to; /* the last number before and after; equal: nothing to do */
};
/*
 * Brings the schema up to date, waiting; one at a time over all hosts.  A step
 * may be several statements.  RET has room for each part and for "pg".
 */
ORCH_MUST_USE int orch_pg_migrate(const struct orch_pg_options *options,
	const struct orch_db_migration *migrations, size_t migration_count, bool only_look,
	struct orch_pg_migrated *ret_parts, size_t *part_count, struct orch_err *err);

/*
 * On LANE's own thread, or while it does not run: makes its connection, in the
 * background, and ends it.  A lane's groups are submitted on its own thread.
 * What still waits when it is detached is given back with ORCH_E_AGAIN, even if
 * it was under way and will be committed.
 */
ORCH_MUST_USE int orch_pg_attach(struct orch_pg *pg, struct orch_lane *lane, struct orch_err *err);
void orch_pg_detach(struct orch_pg *pg, struct orch_lane *lane);

/* An error (ORCH_E_AGAIN: too many wait) means that DONE will not run. */
ORCH_MUST_USE int orch_pg_submit(
	struct orch_pg *pg, struct orch_db_group *group, struct orch_err *err);
/*
 * The same, waiting, on a connection for that: for commands, the start and the
 * main thread, never on a lane.  One at a time.  A group without patience waits
 * 5 s for a connection; then a statement's time and a little more for each answer,
 * or 5 s if runs are hastened: a main thread has signals to heed.
 */
ORCH_MUST_USE int orch_pg_run(
	struct orch_pg *pg, struct orch_db_group *group, struct orch_err *err);
/* From now on; before others use PG. */
void orch_pg_hasten_runs(struct orch_pg *pg);

/*
 * One statement.  SQL is a literal: its address names the prepared statement.
 * Parameters come in the order of their numbers.  The server is told the type
 * that the name says; a NULL has none (write $1::bigint and so on where the
 * server could not tell).  What is lent must stay until end.
 *
 * There is no BEGIN, so what asks for a transaction block (LOCK TABLE, SAVEPOINT,
 * SET LOCAL) is not to be had.  A result is taken whole: its size is bounded by
 * the statement's own LIMIT.
 */
void orch_pg_begin(struct orch_pg_sender *sender, const char *sql);
void orch_pg_null(struct orch_pg_sender *sender);
void orch_pg_int(struct orch_pg_sender *sender, int64_t value); /* bigint */
void orch_pg_bool(struct orch_pg_sender *sender, bool value);
/* text; what is not UTF-8, and NUL, which the server refuses, becomes U+FFFD. */
void orch_pg_text(struct orch_pg_sender *sender, struct orch_text text);
void orch_pg_bytes(struct orch_pg_sender *sender, struct orch_text bytes); /* bytea */
void orch_pg_ints(
	struct orch_pg_sender *sender, const int64_t *values, size_t count); /* bigint[] */
void orch_pg_texts(
	struct orch_pg_sender *sender, const struct orch_text *texts, size_t count); /* text[] */
void orch_pg_byteses(
	struct orch_pg_sender *sender, const struct orch_text *bytes, size_t count); /* bytea[] */
ORCH_MUST_USE int orch_pg_end(struct orch_pg_sender *sender, struct orch_err *err);

/*
 * A result; texts are lent until TAKE returns.  A column of another type than is
 * named here fails the group with ORCH_E_INTERNAL; NULL reads as 0, false and "".
 */
size_t orch_pg_count(const struct orch_pg_rows *rows);   /* of rows */
size_t orch_pg_changed(const struct orch_pg_rows *rows); /* by an INSERT, UPDATE or DELETE */
bool orch_pg_is_null(const struct orch_pg_rows *rows, size_t row, int column);
int64_t orch_pg_get_int(
	const struct orch_pg_rows *rows, size_t row, int column); /* bigint, integer, smallint */
bool orch_pg_get_bool(const struct orch_pg_rows *rows, size_t row, int column);
struct orch_text orch_pg_get(
	const struct orch_pg_rows *rows, size_t row, int column); /* text, bytea */

/*
 * CHANGED runs on LANE, which must be attached: once at first, after each
 * NOTIFY on CHANNEL (coalesced), and after each new connection, since what was
 * said meanwhile is lost.  Added and removed on LANE's own thread, or while it
 * does not run; removed before the lane is detached.
 */
struct orch_pg_watch {
	const char *channel; /* letters, digits and "_", 63 at most; lent */
	struct orch_lane *lane;
	void (*changed)(void *arg);
	void *arg;
	struct orch_pg_watch *next; /* the database's, as is the next */
	bool is_due;
};
ORCH_MUST_USE int orch_pg_watch_add(
	struct orch_pg *pg, struct orch_pg_watch *watch, struct orch_err *err);
void orch_pg_watch_remove(struct orch_pg *pg, struct orch_pg_watch *watch);

/*
 * Are all lanes connected, or were they within the last 10 s, and have they been
 * answered within that time?  From any thread.
 */
bool orch_pg_is_healthy(const struct orch_pg *pg, struct orch_err *err);

#endif
