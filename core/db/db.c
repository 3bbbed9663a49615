/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, handing groups to the writer, and reading beside it. */
#include "db/db.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "db/internal.h"

static int on_wal(void *arg, sqlite3 *handle, const char *name, int frames)
{
	struct orch_db *db = arg;

	(void)handle;
	(void)name;
	db->wal_frames = frames;
	return SQLITE_OK;
}

static void init_locks(struct orch_db *db)
{
	pthread_condattr_t monotonic;

	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&db->work, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	(void)pthread_cond_init(&db->ran, NULL);
	(void)pthread_mutex_init(&db->mutex, NULL);
	(void)pthread_mutex_init(&db->read_mutex, NULL);
}

static struct orch_db *create(const struct orch_db_options *options, char *path)
{
	struct orch_db *db = orch_alloc(sizeof(*db));

	if (!db)
		return NULL;
	db->reader = orch_alloc(sizeof(*db->reader));
	if (!db->reader) {
		orch_free(db);
		return NULL;
	}
	db->path = path;
	db->read_only = options->read_only;
	db->last = &db->first;
	db->queued_max = options->queued_groups ? options->queued_groups : ORCH_DB_QUEUED_GROUPS;
	db->space.path = path;
	db->space.reserve_bytes = options->reserve_bytes;
	db->space_ref = &db->space;
	db->reader->read_only = true;
	atomic_store(&db->turned_ms, orch_clock_mono_ms());
	init_locks(db);
	return db;
}

static int start_writer(struct orch_db *db, struct orch_err *err)
{
	sigset_t all, old;
	int code;

	(void)sqlite3_wal_hook(db->connection.handle, on_wal, db);
	(void)sqlite3_busy_timeout(db->connection.handle, ORCH_DB_TRY_MS);
	/* Signals are the main thread's; a fault stays with the one who made it. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = pthread_create(&db->thread, NULL, orch_db_write, db);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code)
		return orch_fail(err, ORCH_E_AGAIN, "no thread: %s", orch_errno_text(code));
	pthread_setname_np(db->thread, "db-writer");
	db->is_started = true;
	return ORCH_OK;
}

static int open_parts(struct orch_db *db, const struct orch_db_migration *migrations, size_t count,
	struct orch_err *err)
{
	int code = orch_db_connect(&db->connection, db->path, db->read_only, err);

	if (code == ORCH_OK)
		code = orch_db_migrate(db, migrations, count, err);
	if (code == ORCH_OK)
		code = orch_db_connect(&db->reader->connection, db->path, true, err);
	if (code == ORCH_OK)
		code = orch_db_set_clock(db, err);
	if (code == ORCH_OK && !db->read_only)
		code = start_writer(db, err);
	return code;
}

int orch_db_open(const struct orch_db_options *options, const struct orch_db_migration *migrations,
	size_t migration_count, struct orch_db **ret_db, struct orch_err *err)
{
	struct orch_db *db;
	char *path = NULL;
	int code = orch_db_prepare_file(options->path, options->read_only, &path, err);

	if (code < 0)
		return code;
	db = create(options, path);
	if (!db) {
		orch_free(path);
		return orch_fail(err, ORCH_E_NOMEM, "%s: out of memory", options->path);
	}
	code = open_parts(db, migrations, migration_count, err);
	if (code < 0) {
		orch_err_prefix(err, "%s", options->path);
		orch_db_close(db);
		return code;
	}
	*ret_db = db;
	return ORCH_OK;
}

void orch_db_close(struct orch_db *db)
{
	if (!db)
		return;
	if (db->is_started) {
		pthread_mutex_lock(&db->mutex);
		db->is_stopping = true;
		pthread_cond_signal(&db->work);
		pthread_mutex_unlock(&db->mutex);
		pthread_join(db->thread, NULL);
	}
	orch_assert(!db->watchers);
	/* The writer last: it can take the log into the file and remove it. */
	orch_db_disconnect(&db->reader->connection);
	orch_db_disconnect(&db->connection);
	orch_free(db->reader);
	pthread_cond_destroy(&db->work);
	pthread_cond_destroy(&db->ran);
	pthread_mutex_destroy(&db->mutex);
	pthread_mutex_destroy(&db->read_mutex);
	orch_free(db->path);
	orch_free(db);
}

bool orch_db_is_read_only(const struct orch_db *db)
{
	return db->read_only;
}

/* Under the mutex. */
static int enqueue(struct orch_db *db, struct orch_db_group *group, struct orch_err *err)
{
	if (db->is_stopping || db->queued >= db->queued_max)
		return orch_fail(err, ORCH_E_AGAIN, "database: too much is waiting to be written");
	group->until_ms = group->patience_ms == 0 ? 0 : orch_clock_mono_ms() + group->patience_ms;
	if (!db->first) {
		pthread_cond_signal(&db->work);
		if (!atomic_load(&db->is_busy))
			atomic_store(&db->turned_ms, orch_clock_mono_ms());
	}
	*db->last = group;
	db->last = &group->next;
	db->queued++;
	return ORCH_OK;
}

static int check_group(struct orch_db *db, const struct orch_db_group *group, struct orch_err *err)
{
	if (db->read_only)
		return orch_fail(err, ORCH_E_DENIED, "database: opened for reading only");
	if (group->adds && orch_db_space_is_low(&db->space))
		return orch_fail(err, ORCH_E_LIMIT,
			"database: less than %llu bytes are free on the disk",
			(unsigned long long)db->space.reserve_bytes);
	return ORCH_OK;
}

int orch_db_submit(struct orch_db *db, struct orch_db_group *group, struct orch_err *err)
{
	int code = check_group(db, group, err);

	if (code < 0)
		return code;
	orch_assert(group->lane);
	group->next = NULL;
	group->code = ORCH_OK;
	pthread_mutex_lock(&db->mutex);
	code = enqueue(db, group, err);
	pthread_mutex_unlock(&db->mutex);
	return code;
}

int orch_db_run(struct orch_db *db, struct orch_db_group *group, struct orch_err *err)
{
	int code = check_group(db, group, err);

	if (code < 0)
		return code;
	group->next = NULL;
	group->code = ORCH_OK;
	group->lane = NULL;
	group->job.run = NULL;
	pthread_mutex_lock(&db->mutex);
	code = enqueue(db, group, err);
	while (code == ORCH_OK && !group->job.run)
		pthread_cond_wait(&db->ran, &db->mutex);
	pthread_mutex_unlock(&db->mutex);
	if (code < 0)
		return code;
	if (group->code < 0)
		*err = group->err;
	return group->code;
}

static int read_once(struct orch_db *reader, struct orch_db_op *op, struct orch_err *err)
{
	int code = orch_db_exec(&reader->connection, "BEGIN", err);

	if (code < 0)
		return code;
	code = op->run(op, reader, err);
	orch_db_release_statements(&reader->connection);
	orch_db_try(&reader->connection, "COMMIT");
	return code;
}

int orch_db_read(struct orch_db *db, struct orch_db_op *op, struct orch_err *err)
{
	int code;

	pthread_mutex_lock(&db->read_mutex);
	code = read_once(db->reader, op, err);
	pthread_mutex_unlock(&db->read_mutex);
	return code;
}

static bool is_stuck(const struct orch_db *db)
{
	uint64_t turned = atomic_load(&db->turned_ms);
	uint64_t now = orch_clock_mono_ms();

	return (atomic_load(&db->queued) > 0 || atomic_load(&db->is_busy)) && now > turned &&
		now - turned > ORCH_DB_STUCK_MS;
}

static bool is_locked_out(const struct orch_db *db)
{
	uint64_t since = atomic_load(&db->locked_ms);
	uint64_t now = orch_clock_mono_ms();

	return since != 0 && now > since && now - since >= ORCH_DB_UNHEALTHY_MS;
}

bool orch_db_is_healthy(const struct orch_db *db, struct orch_err *err)
{
	int code = atomic_load(&db->trouble_code);

	switch ((enum orch_db_trouble)atomic_load(&db->trouble)) {
	case ORCH_DB_FSYNC_FAILED:
		(void)orch_fail(err, ORCH_E_INTERNAL,
			"database: a flush to the disk failed (%s); it must be restarted",
			sqlite3_errstr(code));
		return false;
	case ORCH_DB_DAMAGED:
		(void)orch_fail(err, ORCH_E_INTERNAL,
			"database: the file is damaged (%s); restore it or look into it with "
			"\"PRAGMA integrity_check\"",
			sqlite3_errstr(code));
		return false;
	case ORCH_DB_COMMIT_FAILED:
		(void)orch_fail(err, ORCH_E_INTERNAL, "database: the last commit failed: %s",
			sqlite3_errstr(code));
		return false;
	case ORCH_DB_FINE:
		break;
	}
	if (is_locked_out(db)) {
		(void)orch_fail(err, ORCH_E_AGAIN, "database: it is locked by another process");
		return false;
	}
	if (is_stuck(db)) {
		(void)orch_fail(err, ORCH_E_INTERNAL, "database: the writer is stuck");
		return false;
	}
	return true;
}
