/* SPDX-License-Identifier: Apache-2.0 */
/* What became of an event, written once; results, the latest. */
#include "base/text.h"
#include "store/seal.h"
#include "store/shared.h"
#include "store/sqlite.h"

#define EVENT_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14"
#define FINDING_VALUES EVENT_VALUES ", ?15, ?16"
#define RESULT_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"

struct writing {
	struct orch_db *db;
	const struct orch_secret *key;
	struct orch_arena *arena;
	const struct orch_stored_event *event;
	int64_t row; /* the event's; 0: it was there already */
};

static int insert_event(struct writing *writing, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_EVENT_COUNT];
	struct orch_text fields, content;
	sqlite3_stmt *statement;
	int code = orch_store_seal_event(
		writing->key, writing->event, writing->arena, &fields, &content, err);

	if (code == ORCH_OK)
		code = orch_db_statement(writing->db,
			"INSERT INTO event (" ORCH_STORE_EVENT_COLUMNS ", fields, content, seal)"
			" VALUES (" EVENT_VALUES ", ?15, ?16, row_seal('event', " EVENT_VALUES "))"
			" ON CONFLICT (id, pipeline) DO NOTHING",
			&statement, err);
	if (code != ORCH_OK)
		return code;
	orch_store_event_to_row(writing->event, row);
	orch_store_sqlite_bind(statement, &orch_store_event_table, row);
	orch_db_bind_blob(statement, 15, fields);
	orch_db_bind_blob(statement, 16, content);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && orch_db_changes(writing->db))
		writing->row = sqlite3_last_insert_rowid(sqlite3_db_handle(statement));
	return code;
}

static int insert_finding(struct writing *writing, size_t number, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_FINDING_COUNT];
	struct orch_text detail;
	sqlite3_stmt *statement;
	int code = orch_store_seal_detail(
		writing->key, writing->event, number, writing->arena, &detail, err);

	if (code == ORCH_OK)
		code = orch_db_statement(writing->db,
			"INSERT INTO finding (" ORCH_STORE_FINDING_COLUMNS ", event, detail, seal)"
			" VALUES (" FINDING_VALUES ", ?17, ?18,"
			" row_seal('finding', ?19, ?20, " FINDING_VALUES "))",
			&statement, err);
	if (code != ORCH_OK)
		return code;
	orch_store_finding_to_row(&writing->event->findings[number], number, row);
	orch_store_sqlite_bind(statement, &orch_store_finding_table, row);
	orch_db_bind_int(statement, 17, writing->row);
	if (detail.len)
		orch_db_bind_blob(statement, 18, detail);
	orch_db_bind_text(statement, 19, writing->event->id);
	orch_db_bind_text(statement, 20, writing->event->pipeline);
	return orch_db_step_done(statement, err);
}

static int write_event(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_stored_event *event, struct orch_err *err)
{
	struct writing writing = {
		.db = db, .key = store->key, .arena = orch_arena_create(0), .event = event
	};
	int code;

	if (!writing.arena)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	code = insert_event(&writing, err);
	for (size_t i = 0; i < event->finding_count && code == ORCH_OK && writing.row; i++)
		code = insert_finding(&writing, i, err);
	orch_arena_destroy(writing.arena);
	return code;
}

/* What has been decided about a task is not made open again by a repeat of its event. */
static int write_result(
	struct orch_db *db, const struct orch_stored_result *result, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RESULT_COUNT];
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO result (" ORCH_STORE_RESULT_COLUMNS ", seal)"
		" VALUES (" RESULT_VALUES ", row_seal('result', " RESULT_VALUES "))"
		" ON CONFLICT (time, key) DO UPDATE SET state = excluded.state,"
		" outcome = excluded.outcome, detail = excluded.detail,"
		" attempts = excluded.attempts, at = excluded.at, seal = excluded.seal"
		" WHERE excluded.state <> 'pending' OR state = 'pending'",
		&statement, err);

	if (code < 0)
		return code;
	orch_store_result_to_row(result, row);
	orch_store_sqlite_bind(statement, &orch_store_result_table, row);
	return orch_db_step_done(statement, err);
}

int orch_store_sqlite_write(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_store_op *op, struct orch_err *err)
{
	int code = orch_store_check_op(op, err);

	if (code == ORCH_OK)
		code = orch_store_sqlite_teach_writer(store, db, err);
	if (code == ORCH_OK && op->kind == ORCH_STORE_EVENT)
		code = write_event(store, db, op->event, err);
	for (size_t i = 0; i < op->result_count && code == ORCH_OK; i++)
		code = write_result(db, &op->results[i], err);
	return code;
}
