/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: back to their queue, or ended for good.  In chunks, so that the writer is never held up for long. */
#include "base/text.h"
#include "queue/sqlite.h"

struct sweep {
	struct orch_db_op op;
	struct orch_queue_sqlite *queue;
	const struct orch_queue_filter *filter;
	bool redrives; /* else discards */
	size_t max;
	struct orch_queue_swept swept; /* in and out; by chunks that were committed */
	struct orch_queue_swept next;
	size_t rows;
};

static int delete_dead(struct orch_db *db, int64_t row, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "DELETE FROM dead WHERE row = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, row);
	return orch_db_step_done(statement, err);
}

static int insert_again(struct orch_db *db, int64_t row, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO item (queue, state, at, visible, time, id, sequence, pipeline, "
		"tenant, "
		"trace,"
		" priority, put, step, step_sent, memo)"
		" SELECT queue, CASE WHEN sequence IS NOT NULL AND EXISTS (SELECT 1 FROM item"
		" WHERE item.queue = dead.queue AND item.sequence = dead.sequence) THEN 3 ELSE 0 "
		"END,"
		" ?2 - priority * ?3, ?2, time, id, sequence, pipeline, tenant, trace, priority, "
		"put, "
		"step,"
		" step_sent, memo FROM dead WHERE row = ?1"
		" ON CONFLICT (queue, time, id) DO NOTHING",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, row);
	orch_db_bind_int(statement, 2, (int64_t)orch_db_now_ms(db));
	orch_db_bind_int(statement, 3, ORCH_QUEUE_GRADE_MS);
	return orch_db_step_done(statement, err);
}

static void take_lease(sqlite3_stmt *statement, struct orch_lease *lease)
{
	*lease = (struct orch_lease){
		.message = { .queue = orch_db_column_text(statement, 0),
			.id = orch_db_column_blob(statement, 1),
			.pipeline = orch_db_column_blob(statement, 2),
			.order = orch_db_column_blob(statement, 3),
			.tenant = orch_db_column_blob(statement, 4),
			.trace = orch_db_column_blob(statement, 5),
			.priority = (uint32_t)sqlite3_column_int64(statement, 6),
			.time_ms = (uint64_t)sqlite3_column_int64(statement, 7) },
		.put_ms = (uint64_t)sqlite3_column_int64(statement, 8),
		.step = (uint32_t)sqlite3_column_int64(statement, 9),
		.step_sent = sqlite3_column_int64(statement, 10) != 0,
	};
}

/* What was set aside as damaged may be whole: another key was in use then. */
static int look_whether_it_opens(
	struct sweep *sweep, struct orch_db *db, int64_t row, bool *ret_opens, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_lease lease;
	sqlite3_stmt *statement;
	bool found = false;
	int code = orch_db_statement(db,
		"SELECT name, id, pipeline, sequence, tenant, trace, priority, time, put, step,"
		" step_sent, sealed, memo FROM dead JOIN ledger USING (queue) WHERE row = ?1",
		&statement, err);

	if (code == ORCH_OK) {
		orch_db_bind_int(statement, 1, row);
		code = orch_db_step(statement, &found, err);
	}
	*ret_opens = false;
	if (code == ORCH_OK && found && arena != NULL && sweep->queue->key != NULL) {
		take_lease(statement, &lease);
		*ret_opens = orch_message_open(sweep->queue->key, &sweep->queue->about,
				     orch_db_column_blob(statement, 11),
				     orch_db_column_blob(statement, 12), arena, &lease) == ORCH_OK;
	}
	orch_arena_destroy(arena);
	return code;
}

/* One whose id is in the queue again stays where it is. */
static int redrive(
	struct orch_db *db, int64_t row, bool damaged, struct sweep *sweep, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool opens = true;
	int code = damaged ? look_whether_it_opens(sweep, db, row, &opens, err) : ORCH_OK;

	if (code == ORCH_OK && opens)
		code = insert_again(db, row, err);
	if (code < 0 || !opens || orch_db_changes(db) == 0)
		return code;
	code = orch_db_statement(db,
		"INSERT INTO body (row, sealed)"
		" SELECT last_insert_rowid(), sealed FROM dead WHERE row = ?1",
		&statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, row);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK)
		code = delete_dead(db, row, err);
	if (code == ORCH_OK)
		sweep->next.changed++;
	return code;
}

static int discard(
	struct orch_db *db, int64_t row, int64_t queue, struct sweep *sweep, struct orch_err *err)
{
	int code = orch_queue_sqlite_count_dropped(db, queue, ORCH_TEXT("discarded"), err);

	if (code == ORCH_OK)
		code = delete_dead(db, row, err);
	if (code == ORCH_OK)
		sweep->next.changed++;
	return code;
}

static int select_rows(struct orch_db *db, const struct sweep *sweep, sqlite3_stmt **ret_statement,
	struct orch_err *err)
{
	const struct orch_queue_filter *filter = sweep->filter;
	int code = orch_db_statement(db,
		"SELECT dead.row, dead.queue, name, damaged FROM dead"
		" LEFT JOIN ledger USING (queue)"
		" WHERE dead.row > ?1 AND (?2 = '' OR name = ?2) AND (?3 = '' OR id = ?3)"
		" ORDER BY dead.row LIMIT ?4",
		ret_statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(*ret_statement, 1, (int64_t)sweep->swept.after_row);
	orch_db_bind_text(*ret_statement, 2, filter->queue);
	orch_db_bind_text(*ret_statement, 3, filter->id);
	orch_db_bind_int(*ret_statement, 4, (int64_t)sweep->max);
	return ORCH_OK;
}

static int sweep_chunk(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct sweep *sweep = (struct sweep *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = select_rows(db, sweep, &statement, err);

	sweep->next = sweep->swept;
	sweep->rows = 0;
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		int64_t at = sqlite3_column_int64(statement, 0);
		int64_t queue = sqlite3_column_int64(statement, 1);

		bool damaged = sqlite3_column_int64(statement, 3) != 0;

		code = sweep->redrives ? redrive(db, at, damaged, sweep, err)
				       : discard(db, at, queue, sweep, err);
		if (sweep->redrives)
			orch_queue_sqlite_note(db, orch_db_column_text(statement, 2));
		sweep->next.after_row = (uint64_t)at;
		sweep->rows++;
	}
	return code;
}

static int sweep_all(struct orch_queue *queue, const struct orch_queue_filter *filter,
	bool redrives, struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	struct sweep sweep = { .op = { .run = sweep_chunk },
		.queue = orch_queue_sqlite_of(queue),
		.filter = filter,
		.redrives = redrives,
		.swept = { .after_row = filter->after_row } };
	uint64_t limit = filter->limit ? filter->limit : UINT64_MAX;

	do {
		struct orch_db_group group = { .first = &sweep.op };
		uint64_t room = limit - sweep.swept.changed;
		int code;

		sweep.max = room < ORCH_QUEUE_CHUNK_ROWS ? (size_t)room : ORCH_QUEUE_CHUNK_ROWS;
		code = orch_db_run(queue->db, &group, err);
		if (code < 0)
			return code;
		sweep.next.left += sweep.rows - (sweep.next.changed - sweep.swept.changed);
		sweep.next.is_over = sweep.rows < sweep.max;
		sweep.swept = sweep.next;
	} while (!sweep.swept.is_over && sweep.swept.changed < limit);
	*ret_swept = sweep.swept;
	return ORCH_OK;
}

int orch_queue_sqlite_redrive(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return sweep_all(queue, filter, true, ret_swept, err);
}

int orch_queue_sqlite_discard(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return sweep_all(queue, filter, false, ret_swept, err);
}
