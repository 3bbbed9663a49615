/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nobody else would look after, because the process that should have is
 * gone or SQS has lost its copy.  Any process does it; rows that another one is
 * at are skipped.
 */
#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

/*
 * Whoever sends it says so when it has been sent.  Without the bodies, which the
 * receiver takes from here: a body may be why it was not sent.
 */
#define GIVE_AGAIN " SELECT " ORCH_PG_ITEM_COLUMNS("again") ", ''::bytea FROM again ORDER BY row"
#define SEND_AGAIN                                                                 \
	" UPDATE item AS i SET sent = -orch_ms() FROM late WHERE i.row = late.row" \
	" RETURNING i.*)" GIVE_AGAIN

static struct orch_pg_tending *tending_of(struct orch_pg_op *pg_op)
{
	return (struct orch_pg_tending *)(void *)pg_op;
}

static int take_changed(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)number, (void)err;
	tending_of(pg_op)->changed = orch_pg_changed(rows);
	return ORCH_OK;
}

static int take_items(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct orch_pg_tending *tending = tending_of(pg_op);

	(void)number;
	return orch_pg_take_items(rows, tending->arena, &tending->items, &tending->item_count, err);
}

static int send_mark(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"UPDATE item SET sent = orch_ms() WHERE row = ANY ($1::bigint[]) AND sent < 0");
	orch_pg_ints(sender, tending->rows, tending->row_count);
	return orch_pg_end(sender, err);
}

void orch_pg_tend_mark_sent(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_mark, .take = take_changed };
}

static int send_unsent(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"WITH late AS (SELECT row FROM item WHERE sent < 0"
		" AND sent > $1::bigint - orch_ms() AND queue = ANY ($3::text[])"
		" AND (state IN (0, 1) OR state = 2 AND at < orch_ms())"
		" ORDER BY sent DESC LIMIT $2::bigint FOR UPDATE SKIP LOCKED), again AS "
		"(" SEND_AGAIN);
	orch_pg_int(sender, tending->older_ms);
	orch_pg_int(sender, (int64_t)tending->limit);
	orch_pg_texts(sender, tending->queues, tending->queue_count);
	return orch_pg_end(sender, err);
}

void orch_pg_tend_unsent(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_unsent, .take = take_items };
}

#define IS_LATE                                                           \
	"state IN (0, 1, 2) AND at < orch_ms() - $2::bigint AND sent > 0" \
	" AND sent < orch_ms() - $2::bigint"

/* Only the oldest are looked at: while others come and go these would be the first. */
static int send_late(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"SELECT 1 FROM (SELECT * FROM item WHERE queue = $1::text ORDER BY row LIMIT 1000)"
		" AS oldest WHERE " IS_LATE " LIMIT 1");
	orch_pg_text(sender, tending->queue);
	orch_pg_int(sender, tending->older_ms);
	return orch_pg_end(sender, err);
}

static int take_late(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)number, (void)err;
	tending_of(pg_op)->changed = orch_pg_count(rows);
	return ORCH_OK;
}

void orch_pg_tend_late(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_late, .take = take_late };
}

static int send_missed(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"WITH late AS (SELECT row FROM item WHERE queue = $1::text AND " IS_LATE
		" ORDER BY row LIMIT $3::bigint FOR UPDATE SKIP LOCKED), again AS (" SEND_AGAIN);
	orch_pg_text(sender, tending->queue);
	orch_pg_int(sender, tending->older_ms);
	orch_pg_int(sender, (int64_t)tending->limit);
	return orch_pg_end(sender, err);
}

void orch_pg_tend_missed(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_missed, .take = take_items };
}

static int send_headless(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"WITH late AS (SELECT min(row) AS row FROM item AS b WHERE state = 3"
		" AND NOT EXISTS (SELECT 1 FROM item AS h WHERE h.queue = b.queue"
		" AND h.sequence = b.sequence AND h.state <> 3)"
		" GROUP BY queue, sequence LIMIT $1::bigint), again AS ("
		"UPDATE item AS i SET state = CASE WHEN at > orch_ms() THEN 1 ELSE 0 END,"
		" sent = -orch_ms() FROM late WHERE i.row = late.row AND i.state = 3 RETURNING "
		"i.*)" GIVE_AGAIN);
	orch_pg_int(sender, (int64_t)tending->limit);
	return orch_pg_end(sender, err);
}

void orch_pg_tend_headless(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_headless, .take = take_items };
}

static int send_fold(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)pg_op;
	orch_pg_begin(sender,
		"WITH old AS (DELETE FROM tally WHERE ctid = ANY (ARRAY (SELECT ctid FROM tally"
		" LIMIT 100000 FOR UPDATE SKIP LOCKED)) RETURNING *)"
		" INSERT INTO ledger (queue, what, reason, number)"
		" SELECT queue, what, reason, sum(number) FROM old GROUP BY 1, 2, 3 ORDER BY 1, 2, "
		"3"
		" ON CONFLICT (queue, what, reason) DO UPDATE"
		" SET number = ledger.number + excluded.number");
	return orch_pg_end(sender, err);
}

void orch_pg_tend_fold(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_fold, .take = take_changed };
}

static int send_forget(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_tending *tending = tending_of(pg_op);

	orch_pg_begin(sender,
		"DELETE FROM seen WHERE key = ANY (ARRAY (SELECT key FROM seen"
		" WHERE at < orch_ms() - " ORCH_QUEUE_DAY_SQL
		" ORDER BY at LIMIT $1::bigint FOR UPDATE SKIP LOCKED))");
	orch_pg_int(sender, (int64_t)tending->limit);
	return orch_pg_end(sender, err);
}

void orch_pg_tend_forget(struct orch_pg_tending *tending)
{
	tending->pg_op = (struct orch_pg_op){ .send = send_forget, .take = take_changed };
}
