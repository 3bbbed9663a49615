/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: back to their queue, from where any process sends them, or ended
 * for good.  In chunks, so that no transaction is long.
 */
#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

#define CHUNK_ROWS 256

struct sweep {
	struct orch_pg_op pg_op;
	const struct orch_queue_filter *filter;
	bool redrives; /* else discards */
	size_t max;
	int64_t after, next_after;
	size_t rows, changed; /* of one chunk */
};

#define CHOSEN                                                                            \
	"WITH chosen AS (SELECT * FROM dead WHERE row > $1::bigint"                       \
	" AND ($2::text = '' OR queue = $2::text) AND ($3::bytea = '' OR id = $3::bytea)" \
	" ORDER BY row LIMIT $4::bigint FOR UPDATE), "

/* What is no message of ours cannot go back, nor one whose id is in the queue again. */
static const char redrive_sql[] = CHOSEN
	"able AS (SELECT * FROM chosen AS c WHERE NOT alien AND sealed IS NOT NULL AND NOT EXISTS"
	" (SELECT 1 FROM item AS i WHERE i.queue = c.queue AND i.id = c.id)),"
	" heads AS (INSERT INTO item (row, queue, state, step_sent, priority, step, at, sent,"
	" time, put, id, pipeline, tenant, trace, sequence, memo)"
	" SELECT row, queue, 3, step_sent, priority, step, orch_ms(), 0, time, put, id,"
	" pipeline, tenant, trace, sequence, memo FROM able WHERE sequence IS NOT NULL"
	" RETURNING row),"
	" others AS (INSERT INTO item (row, queue, state, step_sent, priority, step, at, sent,"
	" time, put, id, pipeline, tenant, trace, memo)"
	" SELECT row, queue, 0, step_sent, priority, step, orch_ms(), -1, time, put, id,"
	" pipeline, tenant, trace, memo FROM able WHERE sequence IS NULL RETURNING row),"
	" bodies AS (INSERT INTO body (row, sealed) SELECT row, sealed FROM able),"
	" gone AS (DELETE FROM dead WHERE row IN (SELECT row FROM able) RETURNING row)"
	" SELECT count(*), coalesce(max(row), 0), (SELECT count(*) FROM gone) FROM chosen";

static const char discard_sql[] =
	CHOSEN "counted AS (INSERT INTO tally (queue, what, reason, number)"
	       " SELECT queue, " ORCH_TALLY_DROPPED_SQL
	       ", 'discarded', count(*) FROM chosen GROUP BY queue),"
	       " gone AS (DELETE FROM dead WHERE row IN (SELECT row FROM chosen) RETURNING row)"
	       " SELECT count(*), coalesce(max(row), 0), (SELECT count(*) FROM gone) FROM chosen";

static int send_chunk(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct sweep *sweep = (struct sweep *)(void *)pg_op;

	orch_pg_begin(sender, sweep->redrives ? redrive_sql : discard_sql);
	orch_pg_int(sender, sweep->after);
	orch_pg_text(sender, sweep->filter->queue);
	orch_pg_bytes(sender, sweep->filter->id);
	orch_pg_int(sender, (int64_t)sweep->max);
	return orch_pg_end(sender, err);
}

static int take_chunk(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct sweep *sweep = (struct sweep *)(void *)pg_op;

	(void)number, (void)err;
	sweep->rows = (size_t)orch_pg_get_int(rows, 0, 0);
	sweep->next_after = orch_pg_get_int(rows, 0, 1);
	sweep->changed = (size_t)orch_pg_get_int(rows, 0, 2);
	return ORCH_OK;
}

static int sweep_all(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	bool redrives, struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	struct sweep sweep = { .pg_op = { .send = send_chunk, .take = take_chunk },
		.filter = filter,
		.redrives = redrives,
		.after = (int64_t)filter->after_row };
	uint64_t limit = filter->limit > 0 ? filter->limit : UINT64_MAX;

	*ret_swept = (struct orch_queue_swept){ .after_row = filter->after_row };
	do {
		struct orch_db_group group = { .first = &sweep.pg_op.base };
		uint64_t room = limit - ret_swept->changed;
		int code;

		sweep.max = room < CHUNK_ROWS ? (size_t)room : CHUNK_ROWS;
		code = orch_pg_run(books->pg, &group, err);
		if (code < 0)
			return code;
		ret_swept->changed += sweep.changed;
		ret_swept->left += sweep.rows - sweep.changed;
		ret_swept->is_over = sweep.rows < sweep.max;
		if (sweep.rows > 0)
			ret_swept->after_row = (uint64_t)sweep.next_after;
		sweep.after = (int64_t)ret_swept->after_row;
	} while (!ret_swept->is_over && ret_swept->changed < limit);
	return ORCH_OK;
}

int orch_queue_pg_redrive(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return sweep_all(books, filter, true, ret_swept, err);
}

int orch_queue_pg_discard(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err)
{
	return sweep_all(books, filter, false, ret_swept, err);
}
