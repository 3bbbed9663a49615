/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is told of what changed.
 *
 * A topic that was noted is counted in the table "change" by the transaction
 * that noted it, so that other processes see it: each looks four times a
 * second whether anybody else has written, and only then reads the numbers.
 *
 * A watcher is in the list from add to remove; only the writer posts its job,
 * and only under the mutex.  WATCH is touched on the lane alone.
 */
#include "db/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static void tell(struct orch_job *job)
{
	struct orch_db_watcher *watcher = (struct orch_db_watcher *)(void *)((char *)job -
		offsetof(struct orch_db_watcher, job));
	struct orch_db_watch *watch = watcher->watch;

	/* Before the call: what changes during it is told again. */
	atomic_store(&watcher->is_posted, false);
	if (watch)
		watch->changed(watch->arg);
	else
		orch_free(watcher);
}

/* Under the mutex. */
static void post(struct orch_db_watcher *watcher)
{
	if (!atomic_exchange(&watcher->is_posted, true))
		orch_lane_post(watcher->lane, &watcher->job);
}

int orch_db_watch_add(struct orch_db *db, struct orch_db_watch *watch)
{
	struct orch_db_watcher *watcher = orch_alloc(sizeof(*watcher));

	if (!watcher)
		return ORCH_E_NOMEM;
	orch_assert(strlen(watch->topic) < sizeof(watcher->topic));
	(void)snprintf(watcher->topic, sizeof(watcher->topic), "%s", watch->topic);
	watcher->lane = watch->lane;
	watcher->watch = watch;
	watcher->job.run = tell;
	watcher->number = -1;
	watch->watcher = watcher;
	pthread_mutex_lock(&db->mutex);
	watcher->next = db->watchers;
	db->watchers = watcher;
	post(watcher);
	pthread_cond_signal(&db->work);
	pthread_mutex_unlock(&db->mutex);
	return ORCH_OK;
}

void orch_db_watch_remove(struct orch_db *db, struct orch_db_watch *watch)
{
	struct orch_db_watcher *watcher = watch->watcher;
	struct orch_db_watcher **link;

	pthread_mutex_lock(&db->mutex);
	for (link = &db->watchers; *link != watcher; link = &(*link)->next)
		orch_assert(*link);
	*link = watcher->next;
	pthread_mutex_unlock(&db->mutex);
	watcher->watch = NULL;
	watch->watcher = NULL;
	if (!atomic_load(&watcher->is_posted))
		orch_free(watcher);
}

static struct orch_db_topic *find_noted(struct orch_db *db, const char *topic)
{
	for (size_t i = 0; i < db->noted_count; i++) {
		if (strcmp(db->noted[i].name, topic) == 0)
			return &db->noted[i];
	}
	return NULL;
}

void orch_db_note(struct orch_db *db, const char *topic)
{
	orch_assert(strlen(topic) < ORCH_DB_TOPIC_BYTES);
	if (find_noted(db, topic))
		return;
	/* More topics than are kept: the one for all of them. */
	if (db->noted_count >= ORCH_DB_TOPICS - 1)
		topic = "*";
	if (find_noted(db, topic))
		return;
	(void)snprintf(db->noted[db->noted_count].name, ORCH_DB_TOPIC_BYTES, "%s", topic);
	db->noted_count++;
}

void orch_db_forget_notes(struct orch_db *db)
{
	db->noted_count = 0;
}

static int write_note(struct orch_db *db, struct orch_db_topic *topic, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"INSERT INTO change (topic, number) VALUES (?1, 1)"
		" ON CONFLICT (topic) DO UPDATE SET number = number + 1 RETURNING number",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, orch_text_from(topic->name));
	code = orch_db_step(statement, &row, err);
	if (code < 0)
		return code;
	topic->number = sqlite3_column_int64(statement, 0);
	return orch_db_step_done(statement, err);
}

int orch_db_write_notes(struct orch_db *db, struct orch_err *err)
{
	for (size_t i = 0; i < db->noted_count; i++) {
		int code = write_note(db, &db->noted[i], err);

		if (code < 0)
			return code;
	}
	return ORCH_OK;
}

static bool concerns(const char *topic, const struct orch_db_watcher *watcher)
{
	return strcmp(topic, watcher->topic) == 0 || strcmp(topic, "*") == 0;
}

void orch_db_tell_noted(struct orch_db *db)
{
	if (db->noted_count == 0)
		return;
	pthread_mutex_lock(&db->mutex);
	for (struct orch_db_watcher *w = db->watchers; w; w = w->next) {
		for (size_t i = 0; i < db->noted_count; i++) {
			if (!concerns(db->noted[i].name, w))
				continue;
			if (strcmp(db->noted[i].name, w->topic) == 0)
				w->number = db->noted[i].number;
			post(w);
		}
	}
	pthread_mutex_unlock(&db->mutex);
	orch_db_forget_notes(db);
}

static void tell_change(struct orch_db *db, const char *topic, int64_t number)
{
	pthread_mutex_lock(&db->mutex);
	for (struct orch_db_watcher *w = db->watchers; w; w = w->next) {
		if (strcmp(topic, w->topic) == 0 && number != w->number) {
			w->number = number;
			post(w);
		} else if (strcmp(topic, "*") == 0) {
			post(w); /* rare, and a needless call does no harm */
		}
	}
	pthread_mutex_unlock(&db->mutex);
}

static int read_changes(struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT topic, number FROM change", &statement, err);

	if (code < 0)
		return code;
	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		tell_change(db, orch_db_column_text(statement, 0).ptr,
			sqlite3_column_int64(statement, 1));
	return code;
}

static int read_data_version(struct orch_db *db, int64_t *ret_version, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "PRAGMA data_version", &statement, err);

	if (code == ORCH_OK)
		code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK && row)
		*ret_version = sqlite3_column_int64(statement, 0);
	return code;
}

void orch_db_tell_others_changes(struct orch_db *db)
{
	int64_t version = db->data_version;
	struct orch_err err;

	/* What cannot be read now is read the next time. */
	if (read_data_version(db, &version, &err) == ORCH_OK && version != db->data_version &&
		read_changes(db, &err) == ORCH_OK)
		db->data_version = version;
	orch_db_release_statements(&db->connection);
}

void orch_db_wake_at(struct orch_db *db, const char *topic, uint64_t at_ms)
{
	pthread_mutex_lock(&db->mutex);
	for (struct orch_db_watcher *w = db->watchers; w; w = w->next) {
		if (strcmp(topic, w->topic) == 0 && (w->wake_ms == 0 || at_ms < w->wake_ms))
			w->wake_ms = at_ms;
	}
	pthread_mutex_unlock(&db->mutex);
}

uint64_t orch_db_tell_due(struct orch_db *db)
{
	uint64_t now = orch_db_now_ms(db);
	uint64_t next = 0;

	pthread_mutex_lock(&db->mutex);
	for (struct orch_db_watcher *w = db->watchers; w; w = w->next) {
		if (w->wake_ms != 0 && w->wake_ms <= now) {
			w->wake_ms = 0;
			post(w);
		}
		if (w->wake_ms != 0 && (next == 0 || w->wake_ms < next))
			next = w->wake_ms;
	}
	if (db->watchers && next == 0)
		next = now + ORCH_DB_POLL_MS;
	pthread_mutex_unlock(&db->mutex);
	return next;
}
