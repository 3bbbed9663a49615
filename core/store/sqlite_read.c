/* SPDX-License-Identifier: Apache-2.0 */
/* Events with their findings, newest first, and the results of one. */
#include "base/text.h"
#include "store/seal.h"
#include "store/shared.h"
#include "store/sqlite.h"

#define QUERY_BYTES 4096

struct reading {
	struct orch_db_op op;
	struct orch_store_sqlite *store;
	struct orch_arena *arena;
	const struct orch_event_filter *filter;
	struct orch_stored_event *events;
	size_t count;
};

struct result_reading {
	struct orch_db_op op;
	struct orch_arena *arena;
	struct orch_text event_id;
	struct orch_stored_result *results;
	size_t count, size;
};

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

/* Only the conditions that are asked for, so that each finds its index. */
static void write_query(struct orch_buf *sql, const struct orch_event_filter *filter)
{
	orch_buf_add_string(sql,
		"SELECT row, " ORCH_STORE_EVENT_COLUMNS ", fields, content, row_fits(seal,"
		" 'event', " ORCH_STORE_EVENT_COLUMNS ") FROM event WHERE 1");
	if (filter->id.len)
		orch_buf_add_string(sql, " AND id = ?1");
	if (filter->rule.len)
		orch_buf_add_string(sql,
			" AND row IN (SELECT event FROM finding WHERE rule = ?3"
			" UNION SELECT event FROM finding WHERE rule_name = ?3)");
	if (filter->pipeline.len)
		orch_buf_add_string(sql, " AND pipeline = ?4");
	if (filter->verdict >= 0)
		orch_buf_add_string(sql, " AND verdict = ?5");
	if (filter->since_ms)
		orch_buf_add_string(sql, " AND stored >= ?6");
	if (filter->before_row)
		orch_buf_add_string(sql, " AND row < ?7");
	orch_buf_add_string(sql, " ORDER BY row DESC LIMIT ?8");
}

static void bind_query(
	sqlite3_stmt *statement, const struct orch_event_filter *filter, struct orch_text id)
{
	if (filter->id.len)
		orch_db_bind_text(statement, 1, id);
	if (filter->rule.len)
		orch_db_bind_text(statement, 3, filter->rule);
	if (filter->pipeline.len)
		orch_db_bind_text(statement, 4, filter->pipeline);
	if (filter->verdict >= 0)
		orch_db_bind_int(statement, 5, filter->verdict);
	if (filter->since_ms)
		orch_db_bind_int(statement, 6, (int64_t)filter->since_ms);
	if (filter->before_row)
		orch_db_bind_int(statement, 7, (int64_t)filter->before_row);
	orch_db_bind_int(statement, 8, (int64_t)orch_store_limit(filter));
}

static int take_event(struct reading *reading, sqlite3_stmt *statement,
	struct orch_stored_event *event, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_EVENT_COUNT];
	struct orch_text content = orch_db_column_blob(statement, 16);
	int code;

	orch_store_sqlite_take(statement, 1, &orch_store_event_table, row);
	orch_store_event_from_row(row, reading->arena, event);
	event->row = (uint64_t)sqlite3_column_int64(statement, 0);
	code = orch_store_open_event(reading->store->key, orch_db_column_blob(statement, 15),
		reading->filter->with_content ? &content : NULL, reading->arena, event, err);
	orch_store_judge_event(event, sqlite3_column_int(statement, 17) != 0);
	return code;
}

static int take_finding(struct reading *reading, const struct orch_stored_event *event,
	sqlite3_stmt *statement, struct orch_stored_finding *stored, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_FINDING_COUNT];

	orch_store_sqlite_take(statement, 0, &orch_store_finding_table, row);
	orch_store_finding_from_row(
		row, sqlite3_column_int(statement, 17) != 0, reading->arena, stored);
	if (!reading->filter->with_content)
		return ORCH_OK;
	return orch_store_open_detail(reading->store->key, event, (uint64_t)row[0].number,
		orch_db_column_blob(statement, 16), reading->arena, &stored->finding.detail, err);
}

/* How many there are, and whether they are as many as there were. */
static int count_findings(struct orch_db *db, uint64_t event, size_t *ret_count, bool *ret_complete,
	struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT count(*), count(*) = (SELECT findings FROM event WHERE row = ?1)"
		" FROM finding WHERE event = ?1",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)event);
	code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK && row) {
		*ret_count = (size_t)sqlite3_column_int64(statement, 0);
		*ret_complete = sqlite3_column_int(statement, 1) != 0;
	}
	return code;
}

static int read_findings(struct reading *reading, struct orch_db *db,
	struct orch_stored_event *event, struct orch_err *err)
{
	sqlite3_stmt *statement;
	size_t count = 0;
	bool row = false, complete = true;
	int code = count_findings(db, event->row, &count, &complete, err);

	if (code == ORCH_OK && !complete)
		orch_store_judge_event(event, false);
	if (code < 0 || count == 0)
		return code;
	event->findings = orch_arena_alloc_array(reading->arena, count, sizeof(*event->findings));
	if (!event->findings)
		return out_of_memory(err);
	code = orch_db_statement(db,
		"SELECT " ORCH_STORE_FINDING_COLUMNS ", detail, row_fits(seal, 'finding', ?2, ?3,"
		" " ORCH_STORE_FINDING_COLUMNS ") FROM finding WHERE event = ?1 ORDER BY number",
		&statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)event->row);
	orch_db_bind_text(statement, 2, event->id);
	orch_db_bind_text(statement, 3, event->pipeline);
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		code = take_finding(
			reading, event, statement, &event->findings[event->finding_count++], err);
	return code;
}

static int read_rows(struct reading *reading, struct orch_db *db, const char *sql,
	struct orch_text id, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, sql, &statement, err);

	if (code < 0)
		return code;
	bind_query(statement, reading->filter, id);
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		code = take_event(reading, statement, &reading->events[reading->count++], err);
	return code;
}

/* Two ids that begin with PREFIX, in their order, so that the very id comes first. */
static int find_ids(struct reading *reading, struct orch_db *db, struct orch_text ret_ids[2],
	size_t *ret_count, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT id FROM event WHERE id >= ?1 AND id < ?2 GROUP BY id ORDER BY id LIMIT 2",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, reading->filter->id);
	orch_db_bind_text(statement, 2, orch_store_prefix_end(reading->arena, reading->filter->id));
	*ret_count = 0;
	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row && *ret_count < 2)
		ret_ids[(*ret_count)++] =
			orch_arena_text(reading->arena, orch_db_column_text(statement, 0));
	return code;
}

/* The event of that very id, else the only one that begins so. */
static int resolve_id(
	struct reading *reading, struct orch_db *db, struct orch_text *ret_id, struct orch_err *err)
{
	struct orch_text prefix = reading->filter->id;
	struct orch_text ids[2];
	size_t count = 0;
	int code;

	*ret_id = prefix;
	if (prefix.len == 0)
		return ORCH_OK;
	code = find_ids(reading, db, ids, &count, err);
	if (code < 0 || count == 0)
		return code;
	if (count == 2 && !orch_text_equal(ids[0], prefix))
		return orch_fail(err, ORCH_E_INVALID, "several events begin with \"%.*s\"",
			ORCH_TEXT_ARG(prefix));
	*ret_id = ids[0];
	return ORCH_OK;
}

static int read_events(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	struct orch_text id;
	struct orch_buf sql;
	int code = resolve_id(reading, db, &id, err);

	if (code < 0)
		return code;
	orch_buf_init(&sql, QUERY_BYTES);
	write_query(&sql, reading->filter);
	code = sql.failed ? out_of_memory(err) : read_rows(reading, db, sql.ptr, id, err);
	for (size_t i = 0; i < reading->count && code == ORCH_OK; i++)
		code = read_findings(reading, db, &reading->events[i], err);
	orch_buf_fini(&sql);
	if (code == ORCH_OK && orch_arena_failed(reading->arena))
		return out_of_memory(err);
	return code;
}

int orch_store_sqlite_events(struct orch_store *store, const struct orch_event_filter *filter,
	struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
	struct orch_err *err)
{
	struct reading reading = { .op = { .run = read_events },
		.store = orch_store_sqlite_of(store),
		.arena = arena,
		.filter = filter };
	int code;

	reading.events =
		orch_arena_alloc_array(arena, orch_store_limit(filter), sizeof(*reading.events));
	if (!reading.events)
		return out_of_memory(err);
	code = orch_db_read(store->db, &reading.op, err);
	if (code < 0)
		return code;
	*ret_events = reading.events;
	*ret_count = reading.count;
	return ORCH_OK;
}

static int take_result(
	struct result_reading *reading, sqlite3_stmt *statement, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RESULT_COUNT];
	struct orch_stored_result *results = orch_store_grow(
		reading->arena, reading->results, reading->count, &reading->size, sizeof(*results));

	if (!results)
		return out_of_memory(err);
	reading->results = results;
	orch_store_sqlite_take(statement, 0, &orch_store_result_table, row);
	orch_store_result_from_row(row, sqlite3_column_int(statement, 11) != 0, reading->arena,
		&results[reading->count++]);
	return ORCH_OK;
}

static int read_results(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct result_reading *reading = (struct result_reading *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT " ORCH_STORE_RESULT_COLUMNS
		", row_fits(seal, 'result', " ORCH_STORE_RESULT_COLUMNS ") FROM result"
		" WHERE event_id = ?1 ORDER BY pipeline, action, record_id, key",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, reading->event_id);
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		code = take_result(reading, statement, err);
	if (code == ORCH_OK && orch_arena_failed(reading->arena))
		return out_of_memory(err);
	return code;
}

int orch_store_sqlite_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err)
{
	struct result_reading reading = {
		.op = { .run = read_results }, .arena = arena, .event_id = event_id
	};
	int code = orch_db_read(store->db, &reading.op, err);

	if (code < 0)
		return code;
	*ret_results = reading.results;
	*ret_count = reading.count;
	return ORCH_OK;
}
