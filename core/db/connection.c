/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the file, set up to trust nothing in it: no functions or
 * views of a crafted schema run, damaged cells are noticed, symbolic links
 * are not followed.
 */
#include "db/internal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#define ORCH_DB_MODE_TRIES 100

static const char setup_sql[] = "PRAGMA synchronous = FULL;"
				"PRAGMA wal_autocheckpoint = 0;"
				"PRAGMA journal_size_limit = 16777216;"
				"PRAGMA trusted_schema = OFF;"
				"PRAGMA cell_size_check = ON;"
				"PRAGMA foreign_keys = ON;"
				"PRAGMA temp_store = MEMORY;"
				"PRAGMA cache_size = -8000;";

static int code_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return ORCH_E_LIMIT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ORCH_E_AGAIN;
	case SQLITE_NOMEM:
		return ORCH_E_NOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ORCH_E_DENIED;
	default:
		return ORCH_E_INTERNAL;
	}
}

int orch_db_fail(sqlite3 *handle, int code, struct orch_err *err)
{
	return orch_fail(err, code_of(code), "database: %s (%d)",
		handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code), code);
}

int orch_db_exec(struct orch_db_connection *connection, const char *sql, struct orch_err *err)
{
	int code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return orch_db_fail(
			connection->handle, sqlite3_extended_errcode(connection->handle), err);
	return ORCH_OK;
}

void orch_db_try(struct orch_db_connection *connection, const char *sql)
{
	(void)sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
}

/* The one number that a pragma gives. */
static int ask_number(struct orch_db_connection *connection, const char *sql, int64_t *ret_number,
	struct orch_err *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	if (code != SQLITE_ROW)
		return orch_db_fail(
			connection->handle, sqlite3_extended_errcode(connection->handle), err);
	return ORCH_OK;
}

static int is_wal(void *arg, int columns, char **values, char **names)
{
	(void)names;
	*(bool *)arg = columns == 1 && values[0] && strcmp(values[0], "wal") == 0;
	return 0;
}

static int use_wal(struct orch_db_connection *connection, struct orch_err *err)
{
	bool done = false;
	int code = SQLITE_BUSY;

	/* Two processes that create the file at once: SQLite does not wait by itself here. */
	for (unsigned i = 0; i < ORCH_DB_MODE_TRIES && code == SQLITE_BUSY; i++) {
		if (i > 0)
			orch_clock_pause_us(20000);
		code = sqlite3_exec(connection->handle, "PRAGMA journal_mode = WAL", is_wal, &done,
			       NULL) &
			0xff;
	}
	if (code != SQLITE_OK)
		return orch_db_fail(
			connection->handle, sqlite3_extended_errcode(connection->handle), err);
	if (!done)
		return orch_fail(err, ORCH_E_INVALID,
			"the file system does not allow a write-ahead log (no shared memory)");
	return ORCH_OK;
}

/* A new file becomes ours; another program's database is left alone. */
static int claim_file(struct orch_db_connection *connection, bool read_only, struct orch_err *err)
{
	int64_t application = 0;
	int64_t tables = 0;
	/* In this order: another process that creates the file marks it first. */
	int code = ask_number(connection, "SELECT count(*) FROM sqlite_schema", &tables, err);

	if (code == ORCH_OK)
		code = ask_number(connection, "PRAGMA application_id", &application, err);
	if (code < 0)
		return code;
	if (application == ORCH_DB_APPLICATION)
		return ORCH_OK;
	if (application != 0 || tables != 0 || read_only)
		return orch_fail(err, ORCH_E_INVALID, "not a database of this program");
	return orch_db_exec(connection, "PRAGMA application_id = 0x4f524348", err);
}

static int harden(struct orch_db_connection *connection, struct orch_err *err)
{
	sqlite3 *handle = connection->handle;
	int code = sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_extended_result_codes(handle, 1);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(handle, ORCH_DB_BUSY_MS);
	if (code != SQLITE_OK)
		return orch_db_fail(handle, code, err);
	(void)sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, ORCH_DB_VALUE_BYTES);
	(void)sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	return orch_db_exec(connection, setup_sql, err);
}

/*
 * Once, before SQLite starts: without its memory statistics, which nobody
 * reads and which take a lock at every allocation.
 */
static void configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int orch_db_connect(struct orch_db_connection *connection, const char *path, bool read_only,
	struct orch_err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
		(read_only ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE);
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int code;

	(void)pthread_once(&once, configure);
	code = sqlite3_open_v2(path, &connection->handle, flags, NULL);
	if (code != SQLITE_OK) {
		code = orch_db_fail(connection->handle, code, err);
	} else {
		code = harden(connection, err);
		if (code == ORCH_OK)
			code = claim_file(connection, read_only, err);
		if (code == ORCH_OK && !read_only)
			code = use_wal(connection, err);
	}
	if (code < 0)
		orch_db_disconnect(connection);
	return code;
}

void orch_db_disconnect(struct orch_db_connection *connection)
{
	for (size_t i = 0; i < ORCH_DB_STATEMENTS; i++) {
		(void)sqlite3_finalize(connection->slots[i].statement);
		orch_free(connection->slots[i].sql);
	}
	if (connection->handle)
		orch_assert(sqlite3_close(connection->handle) == SQLITE_OK);
	memset(connection, 0, sizeof(*connection));
}
