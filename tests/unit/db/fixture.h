/* SPDX-License-Identifier: Apache-2.0 */
/* A database in a folder of its own, a lane, and waiting for both: for the tests of db, queue and store. */
#ifndef ORCH_TEST_DB_FIXTURE_H
#define ORCH_TEST_DB_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "db/db.h"

#define FIXTURE_WAIT_S 20 /* only a hang takes so long */

struct fixture {
	char dir[64];
	char path[96];
	struct orch_db *db;
	struct orch_lane *lane;
	struct orch_secret *key;
	struct orch_arena *arena;
};

/* Something to be counted to, from any thread. */
struct counter {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned count;
};
#define COUNTER_INIT                                                                    \
	{                                                                               \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
	}

static inline void counter_add(struct counter *counter)
{
	pthread_mutex_lock(&counter->mutex);
	counter->count++;
	pthread_cond_broadcast(&counter->changed);
	pthread_mutex_unlock(&counter->mutex);
}

static inline unsigned counter_value(struct counter *counter)
{
	unsigned count;

	pthread_mutex_lock(&counter->mutex);
	count = counter->count;
	pthread_mutex_unlock(&counter->mutex);
	return count;
}

/* False after MS. */
static inline bool counter_reaches(struct counter *counter, unsigned count, unsigned ms)
{
	struct timespec until;
	bool reached;
	int code = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&counter->mutex);
	while (counter->count < count && code == 0)
		code = pthread_cond_clockwait(
			&counter->changed, &counter->mutex, CLOCK_MONOTONIC, &until);
	reached = counter->count >= count;
	pthread_mutex_unlock(&counter->mutex);
	return reached;
}

static inline void counter_await(struct counter *counter, unsigned count)
{
	assert_true(counter_reaches(counter, count, FIXTURE_WAIT_S * 1000));
}

static inline void make_dir(struct fixture *f)
{
	/* In memory if there is such a place: a kill is survived there as well as on a disk. */
	(void)snprintf(f->dir, sizeof(f->dir), "/dev/shm/orch-db-XXXXXX");
	if (!mkdtemp(f->dir)) {
		(void)snprintf(f->dir, sizeof(f->dir), "/tmp/orch-db-XXXXXX");
		assert_non_null(mkdtemp(f->dir));
	}
	(void)snprintf(f->path, sizeof(f->path), "%s/orchestrator.db", f->dir);
}

static inline void remove_dir(struct fixture *f)
{
	static const char *const names[] = { "orchestrator.db", "orchestrator.db-wal",
		"orchestrator.db-shm", "other.db", "other.db-wal", "other.db-shm", "link.db" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
}

static inline void make_lane(struct fixture *f)
{
	struct orch_err err;

	assert_int_equal(orch_lane_create("test", &f->lane, &err), ORCH_OK);
	assert_int_equal(orch_lane_start(f->lane, &err), ORCH_OK);
}

static inline void remove_lane(struct fixture *f)
{
	orch_lane_stop(f->lane);
	orch_lane_destroy(f->lane);
}

static inline void make_key(struct fixture *f)
{
	static const char bytes[ORCH_SEAL_KEY_BYTES] = "not a secret, only for tests";

	f->key = orch_secret_create((struct orch_text){ bytes, sizeof(bytes) });
	assert_non_null(f->key);
}

static inline struct orch_db *open_db(const struct fixture *f,
	const struct orch_db_migration *migrations, size_t count, uint64_t reserve)
{
	struct orch_db_options options = { .path = f->path, .reserve_bytes = reserve };
	struct orch_err err = { "" };
	struct orch_db *db = NULL;

	if (orch_db_open(&options, migrations, count, &db, &err) < 0)
		fail_msg("%s", err.text);
	return db;
}

/* Runs SQL on a connection of its own, as another program would. */
static inline void poke(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(handle, FIXTURE_WAIT_S * 1000), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* The one number or text that SQL gives there. */
static inline int64_t ask(const char *path, const char *sql)
{
	sqlite3 *handle = NULL;
	sqlite3_stmt *statement = NULL;
	int64_t number;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(handle, FIXTURE_WAIT_S * 1000), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	return number;
}

static inline void assert_is_sound(const char *path)
{
	assert_int_equal(ask(path,
				 "SELECT count(*) FROM pragma_integrity_check"
				 " WHERE integrity_check <> 'ok'"),
		0);
}

/* A text as C has it, for what is lent from an arena. */
static inline bool text_is(struct orch_text text, const char *string)
{
	return orch_text_is(text, string);
}

/* Reads until LEN bytes are there. */
static inline void read_fully(int fd, void *bytes, size_t len)
{
	char *at = bytes;

	while (len > 0) {
		ssize_t got = read(fd, at, len);

		if (got < 0 && errno == EINTR)
			continue;
		assert_true(got > 0);
		at += got;
		len -= (size_t)got;
	}
}

#endif
