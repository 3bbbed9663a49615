/* SPDX-License-Identifier: Apache-2.0 */
/* What became of an event, written once; results, the latest. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/sqlite.h"

#define FIELDS_BYTES (4 * 1024 * 1024)
#define EVENT_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14"
#define FINDING_VALUES EVENT_VALUES ", ?15, ?16"

struct sealed_parts {
	struct orch_text fields, content;
};

static void free_sealed(struct orch_text sealed)
{
	orch_free((void *)(uintptr_t)sealed.ptr);
}

static int seal_fields(struct orch_store_sqlite *store, const struct orch_stored_event *event,
	struct orch_text *ret_sealed, struct orch_err *err)
{
	const struct orch_store_about about = {
		.what = "fields", .event_id = event->id, .pipeline = event->pipeline
	};
	struct orch_buf json;
	int code;

	orch_buf_init(&json, FIELDS_BYTES);
	orch_store_sqlite_write_fields(&json, event->fields, event->field_count);
	if (json.failed)
		code = orch_fail(
			err, ORCH_E_LIMIT, "store: fields of more than %d bytes", FIELDS_BYTES);
	else
		code = orch_store_sqlite_seal(
			store->key, orch_buf_text(&json), &about, ret_sealed, err);
	orch_buf_fini(&json);
	return code;
}

static int seal_parts(struct orch_store_sqlite *store, const struct orch_stored_event *event,
	struct sealed_parts *ret_parts, struct orch_err *err)
{
	const struct orch_store_about about = {
		.what = "content", .event_id = event->id, .pipeline = event->pipeline
	};
	struct sealed_parts parts;
	int code = seal_fields(store, event, &parts.fields, err);

	if (code < 0)
		return code;
	code = orch_store_sqlite_seal(store->key, event->content, &about, &parts.content, err);
	if (code < 0) {
		free_sealed(parts.fields);
		return code;
	}
	*ret_parts = parts;
	return ORCH_OK;
}

static int bind_event(struct orch_db *db, const struct orch_stored_event *event,
	const struct sealed_parts *parts, sqlite3_stmt **ret_statement, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO event (" ORCH_STORE_EVENT_COLUMNS ", fields, content, seal)"
		" VALUES (" EVENT_VALUES ", ?15, ?16, row_seal('event', " EVENT_VALUES "))"
		" ON CONFLICT (id, pipeline) DO NOTHING",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, event->id);
	orch_db_bind_text(statement, 2, event->pipeline);
	orch_db_bind_text(statement, 3, event->trace);
	orch_db_bind_text(statement, 4, event->source);
	orch_db_bind_text(statement, 5, event->type);
	orch_db_bind_text(statement, 6, event->tenant);
	orch_db_bind_text(statement, 7, event->actor);
	orch_db_bind_int(statement, 8, (int64_t)event->time_ms);
	orch_db_bind_int(
		statement, 9, (int64_t)(event->stored_ms ? event->stored_ms : orch_clock_now_ms()));
	orch_db_bind_int(statement, 10, (int64_t)event->verdict);
	orch_db_bind_int(statement, 11, (int64_t)event->inspection);
	orch_db_bind_text(statement, 12, event->inspection_note);
	orch_db_bind_int(statement, 13, event->enforced);
	orch_db_bind_int(statement, 14, (int64_t)event->finding_count);
	orch_db_bind_blob(statement, 15, parts->fields);
	orch_db_bind_blob(statement, 16, parts->content);
	*ret_statement = statement;
	return ORCH_OK;
}

/* *ret_row stays 0 if it is there already. */
static int insert_event(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_stored_event *event, int64_t *ret_row, struct orch_err *err)
{
	struct sealed_parts parts;
	sqlite3_stmt *statement;
	int code = seal_parts(store, event, &parts, err);

	if (code < 0)
		return code;
	code = bind_event(db, event, &parts, &statement, err);
	if (code == ORCH_OK)
		code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && orch_db_changes(db))
		*ret_row = sqlite3_last_insert_rowid(sqlite3_db_handle(statement));
	free_sealed(parts.fields);
	free_sealed(parts.content);
	return code;
}

static int bind_finding(struct orch_db *db, const struct orch_stored_event *event, int64_t row,
	size_t number, sqlite3_stmt **ret_statement, struct orch_err *err)
{
	const struct orch_stored_finding *stored = &event->findings[number];
	const struct orch_finding *finding = &stored->finding;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO finding (" ORCH_STORE_FINDING_COLUMNS ", event, detail, seal)"
		" VALUES (" FINDING_VALUES ", ?17, ?18,"
		" row_seal('finding', ?19, ?20, " FINDING_VALUES "))",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)number);
	orch_db_bind_text(statement, 2, finding->tool);
	orch_db_bind_text(statement, 3, finding->rule);
	orch_db_bind_text(statement, 4, finding->rule_name);
	orch_db_bind_int(statement, 5, stored->rule_version);
	orch_db_bind_text(statement, 6, stored->expression);
	orch_db_bind_int(statement, 7, finding->severity);
	orch_db_bind_int(statement, 8, finding->confidence);
	orch_db_bind_text(statement, 9, finding->title);
	orch_db_bind_text(statement, 10, finding->advice);
	orch_db_bind_int(statement, 11, finding->part);
	orch_db_bind_text(statement, 12, stored->part_name);
	orch_db_bind_int(statement, 13, (int64_t)finding->start);
	orch_db_bind_int(statement, 14, (int64_t)finding->length);
	orch_db_bind_text(statement, 15, stored->excerpt);
	orch_db_bind_int(statement, 16, stored->shadow);
	orch_db_bind_int(statement, 17, row);
	orch_db_bind_text(statement, 19, event->id);
	orch_db_bind_text(statement, 20, event->pipeline);
	*ret_statement = statement;
	return ORCH_OK;
}

/* A finding's detail is the tool's JSON, and may quote the message. */
static int insert_finding(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_stored_event *event, int64_t row, size_t number, struct orch_err *err)
{
	const struct orch_stored_finding *stored = &event->findings[number];
	const struct orch_store_about about = { .what = "detail",
		.event_id = event->id,
		.pipeline = event->pipeline,
		.number = number };
	struct orch_text sealed = { NULL, 0 };
	sqlite3_stmt *statement;
	int code = bind_finding(db, event, row, number, &statement, err);

	if (code == ORCH_OK && stored->finding.detail.len)
		code = orch_store_sqlite_seal(
			store->key, stored->finding.detail, &about, &sealed, err);
	if (code < 0)
		return code;
	if (sealed.len)
		orch_db_bind_blob(statement, 18, sealed);
	code = orch_db_step_done(statement, err);
	free_sealed(sealed);
	return code;
}

static int write_event(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_stored_event *event, struct orch_err *err)
{
	int64_t row = 0;
	int code = insert_event(store, db, event, &row, err);

	if (row == 0)
		return code;
	for (size_t i = 0; i < event->finding_count && code == ORCH_OK; i++)
		code = insert_finding(store, db, event, row, i, err);
	return code;
}

#define RESULT_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"

/* What has been decided about a task is not made open again by a repeat of its event. */
static int write_result(
	struct orch_db *db, const struct orch_stored_result *result, struct orch_err *err)
{
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
	orch_db_bind_text(statement, 1, result->key);
	orch_db_bind_text(statement, 2, result->event_id);
	orch_db_bind_text(statement, 3, result->pipeline);
	orch_db_bind_text(statement, 4, result->action);
	orch_db_bind_text(statement, 5, result->record_id);
	orch_db_bind_text(statement, 6, result->state);
	orch_db_bind_text(statement, 7, result->outcome);
	orch_db_bind_text(statement, 8, result->detail);
	orch_db_bind_int(statement, 9, result->attempts);
	orch_db_bind_int(
		statement, 10, (int64_t)(result->at_ms ? result->at_ms : orch_clock_now_ms()));
	orch_db_bind_int(statement, 11, (int64_t)result->time_ms);
	return orch_db_step_done(statement, err);
}

int orch_store_sqlite_write(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_store_op *op, struct orch_err *err)
{
	int code = orch_store_sqlite_teach_writer(store, db, err);

	if (code == ORCH_OK && op->kind == ORCH_STORE_EVENT)
		code = write_event(store, db, op->event, err);
	for (size_t i = 0; i < op->result_count && code == ORCH_OK; i++)
		code = write_result(db, &op->results[i], err);
	return code;
}
