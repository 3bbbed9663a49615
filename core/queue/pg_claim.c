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

static const char claim_sql[] =
	"WITH want AS (SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])"
	" WITH ORDINALITY AS w (row, id, body, n)),"
	" free AS (SELECT i.row FROM item AS i JOIN want AS w ON w.row = i.row AND w.id = i.id"
	" WHERE i.queue = $4::text AND (i.state = 0 OR i.state IN (1, 2) AND i.at <= orch_ms()"
	" OR i.state = 2 AND i.token = $6::bigint)"
	" ORDER BY i.row FOR UPDATE OF i SKIP LOCKED),"
	" got AS (UPDATE item AS i SET state = 2, at = orch_ms() + $5::bigint,"
	" token = $6::bigint, receives = receives + 1, sent = orch_ms()"
	" FROM free WHERE i.row = free.row RETURNING i.*)"
	" SELECT " ORCH_PG_ITEM_COLUMNS(
		"i") ", b.sealed, w.n, i.row IS NULL, got.row IS NOT NULL,"
		     " i.state, got.receives, got.attempts, got.step, got.step_sent, got.memo"
		     " FROM want AS w LEFT JOIN item AS i ON i.row = w.row AND i.id = w.id"
		     " AND i.queue = $4::text LEFT JOIN got ON got.row = w.row"
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

static int send_claims(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_pg_claiming *claiming = (struct orch_pg_claiming *)(void *)pg_op;
	size_t count = claiming->count;
	int64_t *rows = orch_arena_alloc_array(claiming->arena, count + 1, sizeof(*rows));
	int64_t *bodies = orch_arena_alloc_array(claiming->arena, count + 1, sizeof(*bodies));
	struct orch_text *ids = orch_arena_alloc_array(claiming->arena, count + 1, sizeof(*ids));

	if (rows == NULL || bodies == NULL || ids == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	for (size_t i = 0; i < count; i++) {
		rows[i] = claiming->claims[i].row;
		ids[i] = claiming->claims[i].id;
		bodies[i] = claiming->claims[i].wants_body ? 1 : 0;
	}
	orch_pg_begin(sender, claim_sql);
	orch_pg_ints(sender, rows, count);
	orch_pg_byteses(sender, ids, count);
	orch_pg_ints(sender, bodies, count);
	orch_pg_text(sender, claiming->queue);
	orch_pg_int(sender, (int64_t)claiming->visibility_ms);
	orch_pg_int(sender, (int64_t)claiming->token);
	return orch_pg_end(sender, err);
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

static int take_claims(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct orch_pg_claiming *claiming = (struct orch_pg_claiming *)(void *)pg_op;

	(void)number;
	for (size_t r = 0; r < orch_pg_count(rows); r++) {
		size_t n = (size_t)orch_pg_get_int(rows, r, N) - 1;

		if (n >= claiming->count)
			return orch_fail(err, ORCH_E_INTERNAL, "queue: a claim of another's row");
		take_claim(rows, r, claiming->arena, &claiming->claims[n]);
	}
	return orch_arena_failed(claiming->arena)
		? orch_fail(err, ORCH_E_NOMEM, "queue: out of memory")
		: ORCH_OK;
}

void orch_pg_claim_init(struct orch_pg_claiming *claiming)
{
	claiming->pg_op = (struct orch_pg_op){ .send = send_claims, .take = take_claims };
}
