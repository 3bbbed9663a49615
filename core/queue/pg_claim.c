/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of what SQS has delivered, who may work on it: he who leases the row.  In the
 * order of the rows, so that hosts that claim the same ones do not lock each
 * other out; one that somebody else is about to claim is skipped.
 */
#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

#define HELD_ELSEWHERE_MS 1000 /* somebody was about to claim it at that moment */

/* Of two copies in one statement the first one gets it. */
static const char claim_sql[] =
	"WITH want AS (SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::text[],"
	" $5::bigint[], $6::bigint[]) WITH ORDINALITY AS w (row, id, body, queue, ms, token, n)),"
	" once AS (SELECT DISTINCT ON (row) * FROM want ORDER BY row, n),"
	" free AS (SELECT i.row, w.ms, w.token FROM item AS i JOIN once AS w"
	" ON w.row = i.row AND w.id = i.id AND w.queue = i.queue"
	" WHERE i.state = 0 OR i.state IN (1, 2) AND i.at <= orch_ms()"
	" OR i.state = 2 AND i.token = w.token ORDER BY i.row FOR UPDATE OF i SKIP LOCKED),"
	" got AS (UPDATE item AS i SET state = 2, at = orch_ms() + free.ms,"
	" token = free.token, receives = receives + 1, sent = orch_ms()"
	" FROM free WHERE i.row = free.row RETURNING i.*)"
	" SELECT " ORCH_PG_ITEM_COLUMNS(
		"i") ", b.sealed, w.n, i.row IS NULL, coalesce(got.token = w.token, false),"
		     " i.state, got.receives, got.attempts, got.step, got.step_sent, got.memo"
		     " FROM want AS w LEFT JOIN item AS i ON i.row = w.row AND i.id = w.id"
		     " AND i.queue = w.queue LEFT JOIN got ON got.row = w.row"
		     " LEFT JOIN body AS b ON b.row = got.row AND w.body = 1";

/* The columns behind those of the item and its body. */
enum {
	N = ORCH_PG_ITEM_COLUMN_COUNT + 1,
	IS_GONE,
	IS_OURS,
	STATE,
	RECEIVES,
	ATTEMPTS,
	STEP,
	STEP_SENT,
	MEMO
};

static struct orch_pg_claiming *claiming_of(struct orch_pg_op *op)
{
	return (struct orch_pg_claiming *)(void *)op;
}

struct columns {
	int64_t *rows, *bodies, *ms, *tokens;
	struct orch_text *ids, *queues;
};

static bool make_columns(struct orch_arena *arena, size_t count, struct columns *columns)
{
	columns->rows = orch_arena_alloc_array(arena, count, sizeof(*columns->rows));
	columns->bodies = orch_arena_alloc_array(arena, count, sizeof(*columns->bodies));
	columns->ms = orch_arena_alloc_array(arena, count, sizeof(*columns->ms));
	columns->tokens = orch_arena_alloc_array(arena, count, sizeof(*columns->tokens));
	columns->ids = orch_arena_alloc_array(arena, count, sizeof(*columns->ids));
	columns->queues = orch_arena_alloc_array(arena, count, sizeof(*columns->queues));
	return !orch_arena_failed(arena);
}

static size_t fill(struct columns *columns, size_t at, const struct orch_pg_claiming *claiming)
{
	for (size_t i = 0; i < claiming->count; i++, at++) {
		columns->rows[at] = claiming->claims[i].row;
		columns->ids[at] = claiming->claims[i].id;
		columns->bodies[at] = claiming->claims[i].wants_body ? 1 : 0;
		columns->queues[at] = claiming->queue;
		columns->ms[at] = (int64_t)claiming->visibility_ms;
		columns->tokens[at] = (int64_t)claiming->token;
	}
	return at;
}

static int send_claims(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	struct columns columns;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		total += claiming_of(ops[i])->count;
	if (!make_columns(claiming_of(ops[0])->arena, total + 1, &columns))
		return orch_queue_pg_no_memory(err);
	for (size_t i = 0; i < count; i++)
		at = fill(&columns, at, claiming_of(ops[i]));
	orch_pg_begin(sender, claim_sql);
	orch_pg_ints(sender, columns.rows, total);
	orch_pg_byteses(sender, columns.ids, total);
	orch_pg_ints(sender, columns.bodies, total);
	orch_pg_texts(sender, columns.queues, total);
	orch_pg_ints(sender, columns.ms, total);
	orch_pg_ints(sender, columns.tokens, total);
	return orch_pg_end(sender, err);
}

static int send_alone(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	return send_claims(&op, 1, sender, err);
}

static void take_claim(const struct orch_pg_rows *rows, size_t r, struct orch_arena *arena,
	struct orch_pg_claim *claim)
{
	claim->is_gone = orch_pg_get_bool(rows, r, IS_GONE);
	claim->is_ours = orch_pg_get_bool(rows, r, IS_OURS);
	if (claim->is_gone)
		return;
	orch_pg_take_item(rows, r, arena, &claim->item);
	claim->wait_ms = claim->item.delay_ms > 0 ? claim->item.delay_ms : HELD_ELSEWHERE_MS;
	if (!claim->is_ours)
		return;
	if (!orch_pg_is_null(rows, r, ORCH_PG_ITEM_COLUMN_COUNT))
		claim->item.sealed =
			orch_arena_text(arena, orch_pg_get(rows, r, ORCH_PG_ITEM_COLUMN_COUNT));
	claim->receives = (uint32_t)orch_pg_get_int(rows, r, RECEIVES);
	claim->attempts = (uint32_t)orch_pg_get_int(rows, r, ATTEMPTS);
	claim->step = (uint32_t)orch_pg_get_int(rows, r, STEP);
	claim->step_sent = orch_pg_get_bool(rows, r, STEP_SENT);
	claim->memo = orch_pg_is_null(rows, r, MEMO)
		? ORCH_TEXT_NONE
		: orch_arena_text(arena, orch_pg_get(rows, r, MEMO));
}

/* Of what is claimed N lie before. */
static bool take_row(struct orch_pg_op *const *ops, size_t count, size_t n,
	const struct orch_pg_rows *rows, size_t row)
{
	for (size_t i = 0; i < count; i++) {
		struct orch_pg_claiming *claiming = claiming_of(ops[i]);

		if (n < claiming->count) {
			take_claim(rows, row, claiming->arena, &claiming->claims[n]);
			return true;
		}
		n -= claiming->count;
	}
	return false;
}

static int take_claims(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	(void)number;
	for (size_t r = 0; r < orch_pg_count(rows); r++)
		if (!take_row(ops, count, (size_t)orch_pg_get_int(rows, r, N) - 1, rows, r))
			return orch_fail(err, ORCH_E_INTERNAL, "queue: a claim of another's row");
	for (size_t i = 0; i < count; i++)
		if (orch_arena_failed(claiming_of(ops[i])->arena))
			orch_pg_op_fail(ops[i], ORCH_E_NOMEM, "queue: out of memory");
	return ORCH_OK;
}

static int take_alone(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	return take_claims(&op, 1, number, rows, err);
}

void orch_pg_claim_init(struct orch_pg_claiming *claiming)
{
	static const struct orch_pg_kind kind = { send_claims, take_claims };

	claiming->pg_op = (struct orch_pg_op){
		.send = send_alone, .take = take_alone, .kind = &kind, .turn = ORCH_PG_SOON
	};
}
