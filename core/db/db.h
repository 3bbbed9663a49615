/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded database: one SQLite file, one writer thread, group commit.
 *
 * Work comes as groups of operations.  A group takes effect as a whole or not
 * at all (a savepoint each); many groups share one transaction and one fsync.
 * A group is done when its transaction is on the disk; then its DONE runs on
 * the lane it came from, in the order of submission.
 *
 * WAL, synchronous=FULL, automatic checkpoints off: the writer checkpoints
 * (PASSIVE) at about 1,000 frames, after it has woken the lanes.  A failed
 * fsync is final: the writer stops, every group fails, and so does the probe.
 * Other processes (commands, other stages) may use the file at the same time.
 */
#ifndef ORCH_DB_H
#define ORCH_DB_H
#include <sqlite3.h>
#include "base/check.h"
#include "db/group.h"

struct orch_db;

struct orch_db_options {
	const char *path;
	uint64_t reserve_bytes; /* of free space: below it groups that add are refused; 0: none */
	size_t queued_groups;   /* bound of the writer's queue; 0: 16384 */
	bool read_only;
};

/* What was wrong with a write-ahead log. */
struct orch_db_log_report {
	uint64_t repaired; /* frames, each with one flipped bit that was put right */
	uint64_t lost;     /* frames up to the last commit that SQLite will not see */
	char copy[4200];   /* where it is kept as it was; empty: nothing was wrong */
};
/*
 * Before orch_db_open() by whoever knows that nobody has DATABASE open: looks
 * for damage in the log that a kill has left, of which SQLite says nothing.
 */
ORCH_MUST_USE int orch_db_mend_log(
	const char *database, struct orch_db_log_report *ret_report, struct orch_err *err);

ORCH_MUST_USE int orch_db_open(const struct orch_db_options *options,
	const struct orch_db_migration *migrations, size_t migration_count, struct orch_db **ret_db,
	struct orch_err *err);
/* Would the file at PATH be opened?  Nothing is changed; not while this process has it open. */
ORCH_MUST_USE int orch_db_check(const char *path, const struct orch_db_migration *migrations,
	size_t migration_count, struct orch_err *err);
void orch_db_close(struct orch_db *db); /* after all groups are done; accepts NULL */
bool orch_db_is_read_only(const struct orch_db *db);

/* GROUP stays the caller's and must stay until done.  An error (ORCH_E_AGAIN: queue full; ORCH_E_LIMIT: disk) means DONE will not run. */
ORCH_MUST_USE int orch_db_submit(
	struct orch_db *db, struct orch_db_group *group, struct orch_err *err);
/* The same, waiting: for commands and for the start.  Not from a lane. */
ORCH_MUST_USE int orch_db_run(
	struct orch_db *db, struct orch_db_group *group, struct orch_err *err);
/*
 * Runs OP beside the writer, on the calling thread, in a read transaction of
 * a connection that can only read.  It waits for other reads, never for the
 * writer, and sees all that was done before.
 */
ORCH_MUST_USE int orch_db_read(struct orch_db *db, struct orch_db_op *op, struct orch_err *err);

/* A prepared statement, kept; reset and unbound when handed out.  Only within run(), on the DB given there. */
ORCH_MUST_USE int orch_db_statement(
	struct orch_db *db, const char *sql, sqlite3_stmt **ret_statement, struct orch_err *err);
ORCH_MUST_USE int orch_db_step_done(
	sqlite3_stmt *statement, struct orch_err *err); /* expects no row */
ORCH_MUST_USE int orch_db_step(sqlite3_stmt *statement, bool *ret_row, struct orch_err *err);
int orch_db_changes(struct orch_db *db);
void orch_db_bind_text(
	sqlite3_stmt *statement, int index, struct orch_text text); /* lent until reset */
void orch_db_bind_blob(sqlite3_stmt *statement, int index, struct orch_text bytes);
void orch_db_bind_int(sqlite3_stmt *statement, int index, int64_t value);
struct orch_text orch_db_column_text(
	sqlite3_stmt *statement, int column); /* lent until the next step */
struct orch_text orch_db_column_blob(sqlite3_stmt *statement, int column);

/*
 * Adds BY to what SQL, a literal, raises by ?3 for the NUMBER ?1 with the NAME
 * ?2: once, at the end of the transaction, with all that its groups add up.
 * Within run().  What reads it in the same transaction does not see it yet.
 */
ORCH_MUST_USE int orch_db_add_up(struct orch_db *db, const char *sql, int64_t number,
	struct orch_text name, int64_t by, struct orch_err *err);

/*
 * Calls CHANGED on LANE (coalesced): once at first, after commits in which
 * TOPIC was noted, here or (within 250 ms) by another process, and at the
 * times asked for by orch_db_wake_at().
 */
struct orch_db_watch {
	const char *topic; /* less than ORCH_DB_TOPIC_BYTES; copied */
	struct orch_lane *lane;
	void (*changed)(void *arg);
	void *arg;
	struct orch_db_watcher *watcher; /* the database's */
};
#define ORCH_DB_TOPIC_BYTES 96
ORCH_MUST_USE int orch_db_watch_add(struct orch_db *db, struct orch_db_watch *watch);
/* On its lane, or after that has ended; CHANGED does not run any more. */
void orch_db_watch_remove(struct orch_db *db, struct orch_db_watch *watch);
void orch_db_note(struct orch_db *db, const char *topic); /* within run(); copied */
/* Wakes the watches of TOPIC in this process at AT_MS of orch_db_now_ms() at the latest.  Within run(). */
void orch_db_wake_at(struct orch_db *db, const char *topic, uint64_t at_ms);

/* About the wall clock's time, but it goes on evenly when that is set; the same in all processes until the next boot. */
uint64_t orch_db_now_ms(const struct orch_db *db);

/* Is the writer alive and the disk writable?  For /readyz and the watchdog. */
bool orch_db_is_healthy(const struct orch_db *db, struct orch_err *err);
bool orch_db_is_full(const struct orch_db *db);

#endif
