/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of db/ share. */
#ifndef ORCH_DB_INTERNAL_H
#define ORCH_DB_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>
#include "db/db.h"

#define ORCH_DB_BATCH_GROUPS 512       /* of one transaction */
#define ORCH_DB_QUEUED_GROUPS 16384    /* the default bound of the writer's queue */
#define ORCH_DB_STATEMENTS 256         /* kept by a connection; a power of two */
#define ORCH_DB_TOPICS 32              /* noted in one transaction before they are written */
#define ORCH_DB_SUMS 64                /* added up in one transaction before they are written */
#define ORCH_DB_CHECKPOINT_FRAMES 1000 /* of the WAL */
#define ORCH_DB_POLL_MS 250            /* how late another process's change may be seen */
#define ORCH_DB_BUSY_MS 5000           /* what SQLite waits for a lock while it is opened */
#define ORCH_DB_TRY_MS 250             /* and the writer's at a time */
#define ORCH_DB_LOCKED_MS 60000        /* so long in all before groups fail */
#define ORCH_DB_UNHEALTHY_MS 10000     /* a lock of others that lasts so long is not healthy */
#define ORCH_DB_SPACE_MS 200           /* between two looks at the free space */
#define ORCH_DB_STUCK_MS 60000         /* a writer that has not turned for so long is not healthy */
#define ORCH_DB_VALUE_BYTES (64 << 20) /* the largest text, blob or row */
#define ORCH_DB_APPLICATION \
	0x4f524348 /* "ORCH": in the file's head, so that we open our own only */

struct orch_db_statement_slot {
	const char *key; /* the address it was asked for by */
	char *sql;       /* what stood there */
	sqlite3_stmt *statement;
	bool in_use;
};

struct orch_db_connection {
	sqlite3 *handle;
	struct orch_db_statement_slot slots[ORCH_DB_STATEMENTS];
	size_t slot_count;
	uint16_t used[ORCH_DB_STATEMENTS]; /* slots to reset at the end of the transaction */
	size_t used_count;
};

/* Free space on the disk, looked at now and then by whoever asks. */
struct orch_db_space {
	const char *path;
	uint64_t reserve_bytes; /* 0: never low */
	_Atomic uint64_t looked_ms;
	atomic_bool is_low;
};

struct orch_db_topic {
	char name[ORCH_DB_TOPIC_BYTES];
	int64_t number; /* after it was written */
};

/* A number on its way to where SQL adds it. */
struct orch_db_sum {
	const char *sql;
	int64_t number, by;
	int64_t before; /* BY without what GROUP has added */
	uint64_t group;
	size_t name_len;
	char name[ORCH_DB_TOPIC_BYTES];
};

/* A watch's other half.  It outlives the watch while its job is under way. */
struct orch_db_watcher {
	struct orch_db_watcher *next; /* under db->mutex */
	char topic[ORCH_DB_TOPIC_BYTES];
	struct orch_lane *lane;
	struct orch_db_watch *watch; /* the lane's; NULL: removed */
	struct orch_job job;
	atomic_bool is_posted;
	int64_t number;   /* of the change last told; under db->mutex, as is the time */
	uint64_t wake_ms; /* by orch_db_now_ms(); 0: none */
};

enum orch_db_trouble {
	ORCH_DB_FINE = 0,
	ORCH_DB_COMMIT_FAILED, /* until the next one that does not */
	ORCH_DB_DAMAGED,
	ORCH_DB_FSYNC_FAILED,
};

struct orch_db {
	struct orch_db_connection
		connection; /* the writer's; of the shell at READER the reading one */
	char *path;
	bool read_only;
	int64_t clock_offset; /* of orch_db_now_ms() from the time since the boot */

	struct orch_db *reader; /* only its connection is used; under read_mutex */
	pthread_mutex_t read_mutex;

	pthread_mutex_t mutex; /* the queue, the watchers, is_stopping */
	pthread_cond_t work;   /* something for the writer */
	pthread_cond_t ran;    /* a waiting group has its code */
	struct orch_db_group *first, **last;
	_Atomic size_t queued; /* changed under the mutex */
	size_t queued_max;
	bool is_stopping;
	struct orch_db_watcher *watchers;
	pthread_t thread;
	bool is_started;

	/* the writer's own */
	struct orch_db_topic noted[ORCH_DB_TOPICS];
	size_t noted_count;
	struct orch_db_sum sums[ORCH_DB_SUMS];
	size_t sum_count;
	uint64_t group_number;        /* of the one under way */
	int wal_frames, tried_frames; /* in the WAL; when a checkpoint was last tried */
	uint64_t polled_ms;           /* monotonic */
	int64_t data_version;
	bool met_damage;      /* in the transaction under way */
	uint64_t repaired_ms; /* monotonic; 0: never */

	struct orch_db_space space;
	struct orch_db_space *space_ref; /* a look is not a change of the database */
	_Atomic uint64_t turned_ms;      /* monotonic */
	_Atomic uint64_t locked_ms; /* monotonic; since when others hold the lock; 0: they do not */
	atomic_bool is_busy;        /* with a transaction */
	atomic_int trouble, trouble_code;
};

/* connection.c */
/* PATH may be a URI if READ_ONLY. */
ORCH_MUST_USE int orch_db_connect(struct orch_db_connection *connection, const char *path,
	bool read_only, struct orch_err *err);
void orch_db_disconnect(struct orch_db_connection *connection);
ORCH_MUST_USE int orch_db_exec(
	struct orch_db_connection *connection, const char *sql, struct orch_err *err);
/* For an undoing that cannot be helped if it fails. */
void orch_db_try(struct orch_db_connection *connection, const char *sql);
/* Our code for SQLite's, with its words. */
int orch_db_fail(sqlite3 *handle, int code, struct orch_err *err);
/* Resets and unbinds what was used since the last call. */
void orch_db_release_statements(struct orch_db_connection *connection);

/* file.c */
ORCH_MUST_USE int orch_db_prepare_file(
	const char *path, bool read_only, char **ret_path, struct orch_err *err);

/* migrate.c */
/* Is the schema that the file has one that we know? */
ORCH_MUST_USE int orch_db_refuse_newer(struct orch_db *db,
	const struct orch_db_migration *migrations, size_t count, struct orch_err *err);
ORCH_MUST_USE int orch_db_migrate(struct orch_db *db, const struct orch_db_migration *migrations,
	size_t count, struct orch_err *err);

/* clock.c */
ORCH_MUST_USE int orch_db_set_clock(struct orch_db *db, struct orch_err *err);

/* writer.c */
void *orch_db_write(void *arg);

/* lock.c: on the writer's thread.  Begins a transaction for GROUPS, of which those go that lose patience. */
ORCH_MUST_USE int orch_db_begin(
	struct orch_db *db, struct orch_db_group **groups, struct orch_err *err);
/* Is it still locked? */
void orch_db_probe_lock(struct orch_db *db);

/* writer.c: GROUPS are their owners' again, one by one. */
void orch_db_hand_back(struct orch_db *db, struct orch_db_group *groups);
void orch_db_note_trouble(struct orch_db *db, int code);
ORCH_MUST_USE int orch_db_run_statement(struct orch_db *db, const char *sql, struct orch_err *err);

/* repair.c: on the writer's thread, outside of a transaction. */
void orch_db_repair(struct orch_db *db);

/* space.c */
bool orch_db_space_is_low(struct orch_db_space *space);

/* sum.c: on the writer's thread */
ORCH_MUST_USE int orch_db_write_sums(struct orch_db *db, struct orch_err *err);
void orch_db_undo_sums(struct orch_db *db); /* of the group under way */
void orch_db_forget_sums(struct orch_db *db);

/* watch.c: on the writer's thread */
ORCH_MUST_USE int orch_db_write_notes(struct orch_db *db, struct orch_err *err);
void orch_db_forget_notes(struct orch_db *db);
void orch_db_tell_noted(struct orch_db *db); /* after the commit */
void orch_db_tell_others_changes(struct orch_db *db);
/* Posts what is due; gives the time of the next, 0 without watchers. */
uint64_t orch_db_tell_due(struct orch_db *db);

#endif
