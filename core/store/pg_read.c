/* SPDX-License-Identifier: Apache-2.0 */
/* Events with their findings, newest first, and the results of one. */
#include "base/text.h"
#include "store/pg.h"
#include "store/seal.h"
#include "store/shared.h"

struct reading {
	struct orch_pg_op op;
	const struct orch_secret *key;
	struct orch_arena *arena;
	const struct orch_event_filter *filter;
	struct orch_text end;    /* of the ids that begin as the filter's */
	struct orch_text ids[2]; /* found so */
	size_t id_count;
	struct orch_stored_event *events;
	int64_t *findings; /* how many each had */
	size_t count;
};

struct result_reading {
	struct orch_pg_op op;
	const struct orch_secret *key;
	struct orch_arena *arena;
	struct orch_text event_id;
	struct orch_stored_result *results;
	size_t count;
};

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

/* Which event. */

static int send_ids(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct reading *reading = (struct reading *)(void *)op;

	orch_pg_begin(sender,
		"SELECT id FROM event WHERE id >= $1::bytea AND id < $2::bytea"
		" GROUP BY id ORDER BY id LIMIT 2");
	orch_pg_bytes(sender, reading->filter->id);
	orch_pg_bytes(sender, reading->end);
	return orch_pg_end(sender, err);
}

static int take_ids(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;

	(void)number;
	(void)err;
	reading->id_count = orch_pg_count(rows);
	for (size_t i = 0; i < reading->id_count && i < 2; i++)
		reading->ids[i] = orch_arena_text(reading->arena, orch_pg_get(rows, i, 0));
	return ORCH_OK;
}

/* The event of that very id, else the only one that begins so. */
static int resolve_id(struct reading *reading, struct orch_pg *pg, struct orch_err *err)
{
	struct orch_text prefix = reading->filter->id;
	int code;

	if (prefix.len == 0)
		return ORCH_OK;
	reading->op.send = send_ids;
	reading->op.take = take_ids;
	reading->end = orch_store_prefix_end(reading->arena, prefix);
	code = orch_store_pg_run(pg, &reading->op, err);
	if (code == ORCH_OK && reading->id_count == 2 && !orch_text_equal(reading->ids[0], prefix))
		return orch_fail(err, ORCH_E_INVALID, "several events begin with \"%.*s\"",
			ORCH_TEXT_ARG(prefix));
	if (reading->id_count == 0)
		reading->ids[0] = prefix;
	return code;
}

/* Events. */

static void send_text(struct orch_pg_sender *sender, struct orch_text text)
{
	if (text.len)
		orch_pg_bytes(sender, text);
	else
		orch_pg_null(sender);
}

static int send_query(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct reading *reading = (struct reading *)(void *)op;
	const struct orch_event_filter *filter = reading->filter;
	int code;

	/* A plan for this filter, not one for any: it matters much how many there are. */
	orch_pg_begin(sender, "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)");
	code = orch_pg_end(sender, err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, orch_store_pg_query(filter));
	orch_pg_int(sender, filter->before_row ? (int64_t)filter->before_row : INT64_MAX);
	orch_pg_int(sender, (int64_t)filter->since_ms);
	orch_pg_int(sender, (int64_t)orch_store_limit(filter));
	orch_pg_bool(sender, filter->with_content);
	send_text(sender, filter->id.len ? reading->ids[0] : filter->id);
	send_text(sender, filter->rule);
	send_text(sender, filter->pipeline);
	if (filter->verdict >= 0)
		orch_pg_int(sender, filter->verdict);
	else
		orch_pg_null(sender);
	return orch_pg_end(sender, err);
}

static int take_event(struct reading *reading, const struct orch_pg_rows *rows, size_t number,
	struct orch_err *err)
{
	struct orch_stored_event *event = &reading->events[number];
	struct orch_store_value row[ORCH_STORE_EVENT_COUNT];
	struct orch_text content = orch_pg_get(rows, number, 17);
	bool fits = false;
	int code;

	orch_store_pg_take(rows, number, 1, &orch_store_event_table, row);
	orch_store_event_from_row(row, reading->arena, event);
	event->row = (uint64_t)orch_pg_get_int(rows, number, 0);
	reading->findings[number] = row[ORCH_STORE_EVENT_COUNT - 1].number;
	code = orch_store_row_fits(reading->key, &orch_store_event_table, NULL, row,
		orch_pg_get(rows, number, 15), &fits, err);
	if (code == ORCH_OK)
		code = orch_store_open_event(reading->key, orch_pg_get(rows, number, 16),
			reading->filter->with_content ? &content : NULL, reading->arena, event,
			err);
	orch_store_judge_event(event, fits);
	return code;
}

static int take_events(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	size_t count = orch_pg_count(rows);
	int code = ORCH_OK;

	if (number == 0)
		return ORCH_OK;
	reading->events = orch_arena_alloc_array(reading->arena, count, sizeof(*reading->events));
	reading->findings =
		orch_arena_alloc_array(reading->arena, count, sizeof(*reading->findings));
	if (!reading->events || !reading->findings)
		return out_of_memory(err);
	reading->count = count;
	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		code = take_event(reading, rows, i, err);
	return code;
}

/* Their findings, of all at once. */

static int send_findings(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct reading *reading = (struct reading *)(void *)op;
	int64_t rows[ORCH_STORE_EVENTS_MAX];

	for (size_t i = 0; i < reading->count; i++)
		rows[i] = (int64_t)reading->events[i].row;
	orch_pg_begin(sender,
		"SELECT event, " ORCH_STORE_FINDING_COLUMNS ", seal,"
		" CASE WHEN $2::boolean THEN detail END"
		" FROM finding WHERE event = ANY ($1::bigint[]) ORDER BY event DESC, number");
	orch_pg_ints(sender, rows, reading->count);
	orch_pg_bool(sender, reading->filter->with_content);
	return orch_pg_end(sender, err);
}

static int take_finding(struct reading *reading, const struct orch_stored_event *event,
	const struct orch_pg_rows *rows, size_t number, struct orch_stored_finding *finding,
	struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_FINDING_COUNT];
	bool fits = false;
	int code;

	orch_store_pg_take(rows, number, 1, &orch_store_finding_table, row);
	code = orch_store_row_fits(reading->key, &orch_store_finding_table, event, row,
		orch_pg_get(rows, number, 17), &fits, err);
	orch_store_finding_from_row(row, fits, reading->arena, finding);
	if (code == ORCH_OK && reading->filter->with_content)
		code = orch_store_open_detail(reading->key, event, (uint64_t)row[0].number,
			orch_pg_get(rows, number, 18), reading->arena, &finding->finding.detail,
			err);
	return code;
}

/* Those of EVENT begin at *NUMBER, which goes behind them. */
static int take_findings_of(struct reading *reading, struct orch_stored_event *event,
	const struct orch_pg_rows *rows, size_t *number, struct orch_err *err)
{
	size_t first = *number, end = first;
	int code = ORCH_OK;

	while (end < orch_pg_count(rows) && (uint64_t)orch_pg_get_int(rows, end, 0) == event->row)
		end++;
	*number = end;
	event->finding_count = end - first;
	event->findings = orch_arena_alloc_array(
		reading->arena, event->finding_count, sizeof(*event->findings));
	if (!event->findings)
		return out_of_memory(err);
	for (size_t i = first; i < end && code == ORCH_OK; i++)
		code = take_finding(reading, event, rows, i, &event->findings[i - first], err);
	return code;
}

static int take_findings(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	int code = ORCH_OK;
	size_t row = 0;

	(void)number;
	for (size_t i = 0; i < reading->count && code == ORCH_OK; i++) {
		struct orch_stored_event *event = &reading->events[i];

		code = take_findings_of(reading, event, rows, &row, err);
		if (event->finding_count != (uint64_t)reading->findings[i])
			orch_store_judge_event(event, false);
	}
	return code;
}

int orch_store_pg_events(struct orch_store *store, const struct orch_event_filter *filter,
	struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
	struct orch_err *err)
{
	struct orch_store_pg *pg = orch_store_pg_of(store);
	struct reading reading = { .key = pg->key, .arena = arena, .filter = filter };
	int code = resolve_id(&reading, pg->pg, err);

	reading.op = (struct orch_pg_op){ .send = send_query, .take = take_events };
	if (code == ORCH_OK)
		code = orch_store_pg_run(pg->pg, &reading.op, err);
	reading.op = (struct orch_pg_op){ .send = send_findings, .take = take_findings };
	if (code == ORCH_OK && reading.count > 0)
		code = orch_store_pg_run(pg->pg, &reading.op, err);
	if (code == ORCH_OK && orch_arena_failed(arena))
		code = out_of_memory(err);
	if (code < 0)
		return code;
	*ret_events = reading.events;
	*ret_count = reading.count;
	return ORCH_OK;
}

/* Results. */

static int send_results(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender,
		"SELECT " ORCH_STORE_RESULT_COLUMNS ", seal FROM result WHERE event_id = $1::bytea"
		" ORDER BY pipeline, action, record_id, key");
	orch_pg_bytes(sender, ((struct result_reading *)(void *)op)->event_id);
	return orch_pg_end(sender, err);
}

static int take_results(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct result_reading *reading = (struct result_reading *)(void *)op;
	struct orch_store_value row[ORCH_STORE_RESULT_COUNT];
	size_t count = orch_pg_count(rows);
	int code = ORCH_OK;

	(void)number;
	reading->results = orch_arena_alloc_array(reading->arena, count, sizeof(*reading->results));
	if (!reading->results)
		return out_of_memory(err);
	reading->count = count;
	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		bool fits = false;

		orch_store_pg_take(rows, i, 0, &orch_store_result_table, row);
		code = orch_store_row_fits(reading->key, &orch_store_result_table, NULL, row,
			orch_pg_get(rows, i, ORCH_STORE_RESULT_COUNT), &fits, err);
		orch_store_result_from_row(row, fits, reading->arena, &reading->results[i]);
	}
	if (code == ORCH_OK && orch_arena_failed(reading->arena))
		return out_of_memory(err);
	return code;
}

int orch_store_pg_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err)
{
	struct result_reading reading = { .op = { .send = send_results, .take = take_results },
		.key = orch_store_pg_of(store)->key,
		.arena = arena,
		.event_id = event_id };
	int code = orch_store_pg_run(orch_store_pg_of(store)->pg, &reading.op, err);

	if (code < 0)
		return code;
	*ret_results = reading.results;
	*ret_count = reading.count;
	return ORCH_OK;
}
