/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: takes whatever waits as one transaction.
 *
 * At first groups run without savepoints, which is cheap.  Should one fail
 * after it has changed something, the transaction is rolled back and all of
 * it is run once more, each group in a savepoint, so that only that one is
 * undone.
 */
#include "db/internal.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

void orch_db_note_trouble(struct orch_db *db, int code)
{
	enum orch_db_trouble trouble = ORCH_DB_COMMIT_FAILED;

	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		trouble = ORCH_DB_FSYNC_FAILED;
	else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		trouble = ORCH_DB_DAMAGED;
	if ((int)trouble >= atomic_load(&db->trouble)) {
		atomic_store(&db->trouble_code, code);
		atomic_store(&db->trouble, (int)trouble);
	}
}

static bool is_final(const struct orch_db *db)
{
	return atomic_load(&db->trouble) == ORCH_DB_FSYNC_FAILED;
}

static int fail_final(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_INTERNAL,
		"database: a flush to the disk failed; nothing more is written until a restart");
}

static bool in_transaction(const struct orch_db *db)
{
	return sqlite3_get_autocommit(db->connection.handle) == 0;
}

static void roll_back(struct orch_db *db)
{

	orch_db_release_statements(&db->connection);
	orch_db_forget_notes(db);
	orch_db_forget_sums(db);
	if (in_transaction(db))
		orch_db_try(&db->connection, "ROLLBACK");
}

int orch_db_run_statement(struct orch_db *db, const char *sql, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, sql, &statement, err);

	return code < 0 ? code : orch_db_step_done(statement, err);
}

static int run_ops(struct orch_db *db, struct orch_db_group *group)
{
	size_t noted = db->noted_count;

	db->group_number++;
	for (struct orch_db_op *op = group->first; op; op = op->next) {
		int code = op->run(op, db, &group->err);
		int cause = sqlite3_extended_errcode(db->connection.handle);

		if (code < 0) {
			if ((cause & 0xff) == SQLITE_CORRUPT)
				db->met_damage = true;
			db->noted_count = noted;
			orch_db_undo_sums(db);
			return code;
		}
	}
	return ORCH_OK;
}

/* False: it must be undone and run carefully. */
static bool run_freely(struct orch_db *db, struct orch_db_group *groups)
{
	for (struct orch_db_group *group = groups; group; group = group->next) {
		int64_t before = sqlite3_total_changes64(db->connection.handle);

		group->code = run_ops(db, group);
		orch_db_release_statements(&db->connection);
		if (!in_transaction(db) || db->met_damage ||
			(group->code < 0 &&
				sqlite3_total_changes64(db->connection.handle) != before))
			return false;
	}
	return true;
}

static int undo_group(struct orch_db *db, struct orch_err *err)
{
	int code = orch_db_run_statement(db, "ROLLBACK TO one_group", err);

	return code < 0 ? code : orch_db_run_statement(db, "RELEASE one_group", err);
}

static int run_in_savepoint(struct orch_db *db, struct orch_db_group *group, struct orch_err *err)
{
	int code = orch_db_run_statement(db, "SAVEPOINT one_group", err);

	if (code < 0)
		return code;
	group->code = run_ops(db, group);
	orch_db_release_statements(&db->connection);
	if (!in_transaction(db)) {
		/* SQLite gave up the transaction: this group takes the others with it. */
		*err = group->err;
		return group->code < 0 ? group->code : ORCH_E_INTERNAL;
	}
	return group->code < 0 ? undo_group(db, err)
			       : orch_db_run_statement(db, "RELEASE one_group", err);
}

static int run_carefully(struct orch_db *db, struct orch_db_group *groups, struct orch_err *err)
{
	int code = ORCH_OK;

	for (struct orch_db_group *group = groups; group && code == ORCH_OK; group = group->next)
		code = run_in_savepoint(db, group, err);
	return code;
}

static int commit(struct orch_db *db, struct orch_err *err)
{
	int code = orch_db_write_sums(db, err);

	if (code == ORCH_OK)
		code = orch_db_write_notes(db, err);
	orch_db_release_statements(&db->connection);
	if (code == ORCH_OK)
		code = orch_db_run_statement(db, "COMMIT", err);
	if (code < 0) {
		orch_db_note_trouble(db, sqlite3_extended_errcode(db->connection.handle));
		return code;
	}
	if (atomic_load(&db->trouble) == ORCH_DB_COMMIT_FAILED)
		atomic_store(&db->trouble, ORCH_DB_FINE);
	return ORCH_OK;
}

/* ORCH_OK: on the disk. */
static int transact(struct orch_db *db, struct orch_db_group **groups, struct orch_err *err)
{
	int code;

	db->met_damage = false;
	code = orch_db_begin(db, groups, err);
	if (code == ORCH_OK && !run_freely(db, *groups)) {
		roll_back(db);
		if (db->met_damage)
			orch_db_repair(db);
		db->met_damage = false;
		code = orch_db_begin(db, groups, err);
		if (code == ORCH_OK)
			code = run_carefully(db, *groups, err);
	}
	if (code == ORCH_OK)
		code = commit(db, err);
	if (code < 0)
		roll_back(db);
	if (db->met_damage)
		orch_db_note_trouble(db, SQLITE_CORRUPT);
	orch_db_release_statements(&db->connection);
	return code;
}

static void fail_all(struct orch_db_group *groups, int code, const struct orch_err *err)
{
	for (struct orch_db_group *group = groups; group; group = group->next) {
		/* A group that failed by itself keeps its own reason. */
		if (group->code >= 0) {
			group->code = code;
			group->err = *err;
		}
	}
}

/* Gives those that are left: the others lost patience, and were handed back. */
static struct orch_db_group *run_groups(struct orch_db *db, struct orch_db_group *groups)
{
	struct orch_err err = { "" };
	int code = is_final(db) ? fail_final(&err) : transact(db, &groups, &err);

	if (code < 0)
		fail_all(groups, code, &err);
	return groups;
}

static void finish(struct orch_job *job)
{
	struct orch_db_group *group =
		(struct orch_db_group *)(void *)((char *)job - offsetof(struct orch_db_group, job));

	group->done(group);
}

/* The one who waits looks at job.run. */
static void finish_waiting(struct orch_db *db, struct orch_db_group *group)
{
	pthread_mutex_lock(&db->mutex);
	group->job.run = finish;
	pthread_cond_broadcast(&db->ran);
	pthread_mutex_unlock(&db->mutex);
}

void orch_db_hand_back(struct orch_db *db, struct orch_db_group *groups)
{
	while (groups) {
		struct orch_db_group *group = groups;

		groups = group->next;
		group->next = NULL;
		if (!group->lane) {
			finish_waiting(db, group);
			continue;
		}
		group->job.run = finish;
		orch_lane_post(group->lane, &group->job);
	}
}

static void checkpoint(struct orch_db *db)
{
	int left = 0;
	int done = 0;
	int code;

	if (db->wal_frames < db->tried_frames)
		db->tried_frames = 0; /* the log has begun anew */
	if (db->wal_frames - db->tried_frames < ORCH_DB_CHECKPOINT_FRAMES)
		return;
	db->tried_frames = db->wal_frames;
	code = sqlite3_wal_checkpoint_v2(
		db->connection.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &left, &done);
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
		orch_db_note_trouble(db, sqlite3_extended_errcode(db->connection.handle));
}

static struct orch_db_group *take_groups(struct orch_db *db)
{
	struct orch_db_group *groups = db->first;
	struct orch_db_group *last = groups;
	size_t count = 1;

	if (!groups)
		return NULL;
	while (last->next && count < ORCH_DB_BATCH_GROUPS) {
		last = last->next;
		count++;
	}
	db->first = last->next;
	if (!db->first)
		db->last = &db->first;
	last->next = NULL;
	db->queued -= count;
	return groups;
}

static void wait_until(struct orch_db *db, uint64_t at_ms)
{
	uint64_t now = orch_db_now_ms(db);
	uint64_t wait = at_ms > now ? at_ms - now : 0;
	struct timespec until;

	/* Not longer, so that others' changes are seen. */
	if (wait > ORCH_DB_POLL_MS)
		wait = ORCH_DB_POLL_MS;
	orch_clock_deadline(wait, &until);
	(void)pthread_cond_timedwait(&db->work, &db->mutex, &until);
}

/* False when there is nothing left and the end was asked for. */
static bool wait_for_work(struct orch_db *db, uint64_t next_ms, struct orch_db_group **ret_groups)
{
	bool goes_on;

	pthread_mutex_lock(&db->mutex);
	if (!db->first && !db->is_stopping) {
		if (db->watchers || atomic_load(&db->locked_ms) != 0)
			wait_until(db, next_ms);
		else
			pthread_cond_wait(&db->work, &db->mutex);
	}
	*ret_groups = take_groups(db);
	goes_on = *ret_groups || !db->is_stopping;
	pthread_mutex_unlock(&db->mutex);
	return goes_on;
}

/* What watches need that no commit of ours has told them. */
static uint64_t look_around(struct orch_db *db)
{
	uint64_t next = orch_db_tell_due(db);
	uint64_t now = orch_clock_mono_ms();

	if (next != 0 && now - db->polled_ms >= ORCH_DB_POLL_MS) {
		db->polled_ms = now;
		orch_db_tell_others_changes(db);
	}
	return next;
}

void *orch_db_write(void *arg)
{
	struct orch_db *db = arg;
	struct orch_db_group *groups = NULL;
	uint64_t next_ms = 0;

	while (wait_for_work(db, next_ms, &groups)) {
		atomic_store(&db->turned_ms, orch_clock_mono_ms());
		if (groups) {
			atomic_store(&db->is_busy, true);
			groups = run_groups(db, groups);
			orch_db_hand_back(db, groups);
			orch_db_tell_noted(db);
			checkpoint(db);
			atomic_store(&db->is_busy, false);
		} else if (atomic_load(&db->locked_ms) != 0) {
			orch_db_probe_lock(db);
		}
		next_ms = look_around(db);
	}
	return NULL;
}
