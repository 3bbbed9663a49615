/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other processes write too, and one that hangs in a transaction keeps all
 * others out.  The writer goes on trying; who cannot wait is told so, and so
 * is whoever asks after the writer's health.
 */
#include "base/clock.h"
#include "base/err.h"
#include "db/internal.h"

static int fail_locked(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_AGAIN, "database: it is locked by another process");
}

/* Moves those whose patience has ended from LIST to ENDED.  How many. */
static size_t move_impatient(
	struct orch_db_group **list, uint64_t now, struct orch_db_group ***ended)
{
	size_t count = 0;

	while (*list) {
		struct orch_db_group *group = *list;

		if (group->until_ms == 0 || now < group->until_ms) {
			list = &group->next;
			continue;
		}
		*list = group->next;
		group->next = NULL;
		group->code = fail_locked(&group->err);
		**ended = group;
		*ended = &group->next;
		count++;
	}
	return count;
}

/* Those of the transaction to come, and those that wait behind it. */
static void end_impatient(struct orch_db *db, struct orch_db_group **groups)
{
	struct orch_db_group *first = NULL, **ended = &first;
	uint64_t now = orch_clock_mono_ms();

	(void)move_impatient(groups, now, &ended);
	pthread_mutex_lock(&db->mutex);
	db->queued -= move_impatient(&db->first, now, &ended);
	db->last = &db->first;
	while (*db->last)
		db->last = &(*db->last)->next;
	pthread_mutex_unlock(&db->mutex);
	orch_db_hand_back(db, first);
}

/* ORCH_E_AGAIN: others hold the lock. */
static int try_lock(struct orch_db *db, struct orch_err *err)
{
	uint64_t begun = orch_clock_mono_ms();
	int code;

	atomic_store(&db->turned_ms, begun);
	code = orch_db_run_statement(db, "BEGIN IMMEDIATE", err);
	orch_db_release_statements(&db->connection);
	if (code != ORCH_E_AGAIN)
		atomic_store(&db->locked_ms, 0);
	else if (atomic_load(&db->locked_ms) == 0)
		atomic_store(&db->locked_ms, begun);
	return code;
}

int orch_db_begin(struct orch_db *db, struct orch_db_group **groups, struct orch_err *err)
{
	uint64_t until = orch_clock_mono_ms() + ORCH_DB_LOCKED_MS;
	int code;

	while ((code = try_lock(db, err)) == ORCH_E_AGAIN) {
		end_impatient(db, groups);
		if (!*groups || orch_clock_mono_ms() >= until)
			return fail_locked(err);
	}
	if (code < 0)
		orch_db_note_trouble(db, sqlite3_extended_errcode(db->connection.handle));
	return code;
}

void orch_db_probe_lock(struct orch_db *db)
{
	struct orch_err err;

	if (try_lock(db, &err) == ORCH_OK)
		orch_db_try(&db->connection, "ROLLBACK");
}
