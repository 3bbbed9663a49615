/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen within a day: arrivals that may come again, and names that others are to recall. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "queue/sqlite.h"

#define ORCH_QUEUE_PURGE_EVERY 64 /* names; each time twice as many are looked at */
#define ORCH_QUEUE_PURGE_ROWS (2 * ORCH_QUEUE_PURGE_EVERY)

/* The last of the next hashes after FROM; *ret_found stays false if they reach the end. */
static int find_place(struct orch_db *db, const char *from, char *ret_place, bool *ret_found,
	struct orch_err *err)
{
	sqlite3_stmt *statement = NULL;
	struct orch_text hash;
	int code = orch_db_statement(db,
		"SELECT hash FROM seen WHERE hash > ?1 ORDER BY hash LIMIT 1 OFFSET ?2", &statement,
		err);

	if (code < 0)
		return code;
	orch_db_bind_blob(statement, 1, (struct orch_text){ from, ORCH_QUEUE_SEEN_BYTES });
	orch_db_bind_int(statement, 2, ORCH_QUEUE_PURGE_ROWS - 1);
	code = orch_db_step(statement, ret_found, err);
	if (code < 0 || !*ret_found)
		return code;
	hash = orch_db_column_blob(statement, 0);
	memset(ret_place, 0, ORCH_QUEUE_SEEN_BYTES);
	memcpy(ret_place, hash.ptr,
		hash.len < ORCH_QUEUE_SEEN_BYTES ? hash.len : ORCH_QUEUE_SEEN_BYTES);
	return ORCH_OK;
}

/* Forgets the old ones among the next hashes, round and round. */
static int purge_seen(
	struct orch_queue_sqlite *queue, struct orch_db *db, uint64_t now, struct orch_err *err)
{
	char end[ORCH_QUEUE_SEEN_BYTES];
	sqlite3_stmt *statement = NULL;
	bool found = false;
	int code;

	memset(end, 0xff, sizeof(end));
	code = find_place(db, queue->purged, end, &found, err);
	if (code == ORCH_OK)
		code = orch_db_statement(db,
			"DELETE FROM seen WHERE hash > ?1 AND hash <= ?2 AND at < ?3", &statement,
			err);
	if (code < 0)
		return code;
	orch_db_bind_blob(statement, 1, (struct orch_text){ queue->purged, sizeof(queue->purged) });
	orch_db_bind_blob(statement, 2, (struct orch_text){ end, sizeof(end) });
	orch_db_bind_int(statement, 3, (int64_t)now - ORCH_QUEUE_SEEN_MS);
	code = orch_db_step_done(statement, err);
	if (found)
		memcpy(queue->purged, end, sizeof(end));
	else
		memset(queue->purged, 0, sizeof(queue->purged));
	return code;
}

/* Notes that NAME is seen now; *ret_noted is false if that stands there already, not before SINCE. */
static int note_name(struct orch_queue_sqlite *queue, struct orch_db *db, struct orch_text scope,
	struct orch_text name, uint64_t time_ms, uint64_t since, bool *ret_noted,
	struct orch_err *err)
{
	uint64_t now = orch_db_now_ms(db);
	char key[ORCH_QUEUE_SEEN_BYTES];
	sqlite3_stmt *statement = NULL;
	int code = ORCH_OK;

	if (queue->seen_since_purge++ % ORCH_QUEUE_PURGE_EVERY == 0)
		code = purge_seen(queue, db, now, err);
	if (code == ORCH_OK)
		code = orch_db_statement(db,
			"INSERT INTO seen (hash, at) VALUES (?1, ?2)"
			" ON CONFLICT (hash) DO UPDATE SET at = excluded.at WHERE at < ?3",
			&statement, err);
	if (code < 0)
		return code;
	orch_db_bind_blob(statement, 1, orch_message_seen_key(scope, name, time_ms, key));
	orch_db_bind_int(statement, 2, (int64_t)now);
	orch_db_bind_int(statement, 3, (int64_t)since);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK)
		*ret_noted = orch_db_changes(db) != 0;
	return code;
}

int orch_queue_sqlite_look_back(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_text scope, struct orch_text name, uint64_t time_ms, bool *ret_seen,
	struct orch_err *err)
{
	bool noted = false;
	int code = note_name(queue, db, scope, name, time_ms,
		orch_db_now_ms(db) - ORCH_QUEUE_SEEN_MS, &noted, err);

	*ret_seen = code == ORCH_OK && !noted;
	return code;
}

int orch_queue_sqlite_remember(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	int code = orch_message_check_names(op, err);
	bool noted;

	/* The day counts from the last time, hence whatever stands there is too old. */
	for (size_t i = 0; i < op->name_count && code == ORCH_OK; i++)
		code = note_name(
			queue, db, op->name, op->names[i], 0, orch_db_now_ms(db), &noted, err);
	return code;
}

static int recall_name(struct orch_db *db, struct orch_text scope, struct orch_text name,
	bool *ret_known, struct orch_err *err)
{
	char key[ORCH_QUEUE_SEEN_BYTES];
	sqlite3_stmt *statement = NULL;
	int code = orch_db_statement(
		db, "SELECT 1 FROM seen WHERE hash = ?1 AND at >= ?2", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_blob(statement, 1, orch_message_seen_key(scope, name, 0, key));
	orch_db_bind_int(statement, 2, (int64_t)orch_db_now_ms(db) - ORCH_QUEUE_SEEN_MS);
	return orch_db_step(statement, ret_known, err);
}

int orch_queue_sqlite_recall(struct orch_queue_sqlite *queue, struct orch_db *db,
	struct orch_queue_op *op, struct orch_err *err)
{
	int code = orch_message_check_names(op, err);

	(void)queue;
	for (size_t i = 0; i < op->name_count && code == ORCH_OK; i++)
		code = recall_name(db, op->name, op->names[i], &op->known[i], err);
	return code;
}
