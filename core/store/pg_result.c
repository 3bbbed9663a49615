/* SPDX-License-Identifier: Apache-2.0 */
/* Results, the latest of each: one statement. */
#include "store/pg.h"
#include "store/seal.h"

/* What has been decided about a task is not made open again by a repeat of its event. */
#define KEEP_LATEST                                                                            \
	" ON CONFLICT (time, key) DO UPDATE SET state = excluded.state,"                       \
	" outcome = excluded.outcome, detail = excluded.detail, attempts = excluded.attempts," \
	" at = excluded.at, seal = excluded.seal"                                              \
	" WHERE excluded.state <> 'pending' OR result.state = 'pending'"

static const char insert_result[] =
	"INSERT INTO result (" ORCH_STORE_RESULT_COLUMNS ", seal)"
	" VALUES ($1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bytea, $7::bytea,"
	" $8::bytea, $9::bigint, $10::bigint, $11::bigint, $12::bytea)" KEEP_LATEST;

/* Among them too the last decision counts. */
static const char insert_results[] =
	"INSERT INTO result (" ORCH_STORE_RESULT_COLUMNS ", seal)"
	" SELECT DISTINCT ON (time, key) " ORCH_STORE_RESULT_COLUMNS ", seal"
	" FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[],"
	" $7::bytea[], $8::bytea[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[])"
	" WITH ORDINALITY AS given (" ORCH_STORE_RESULT_COLUMNS ", seal, turn)"
	" ORDER BY time, key, state = 'pending', turn DESC" KEEP_LATEST;

/* One that comes alone takes half the time that a list of one would. */
static void send_one(struct orch_pg_sender *sender, const struct orch_store_value *row,
	const struct orch_text *seal)
{
	orch_pg_begin(sender, insert_result);
	orch_store_pg_send(sender, &orch_store_result_table, row);
	orch_pg_bytes(sender, *seal);
}

static int send_many(struct orch_pg_sender *sender, const struct orch_store_value *rows,
	const struct orch_text *seals, size_t count, struct orch_arena *arena, struct orch_err *err)
{
	struct orch_store_pg_columns columns;
	int code = orch_store_pg_turn(&orch_store_result_table, rows, count, arena, &columns, err);

	if (code < 0)
		return code;
	orch_pg_begin(sender, insert_results);
	orch_store_pg_send_columns(sender, &columns);
	orch_pg_byteses(sender, seals, count);
	return ORCH_OK;
}

int orch_store_pg_send_results(struct orch_pg_sender *sender, const struct orch_secret *key,
	const struct orch_store_value *rows, size_t count, struct orch_arena *arena,
	struct orch_err *err)
{
	struct orch_text *seals = orch_arena_alloc_array(arena, count, sizeof(*seals));
	int code;

	if (!seals)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	code = orch_store_pg_seal_rows(
		key, &orch_store_result_table, NULL, rows, count, arena, seals, err);
	if (code == ORCH_OK && count == 1)
		send_one(sender, rows, seals);
	else if (code == ORCH_OK)
		code = send_many(sender, rows, seals, count, arena, err);
	return code < 0 ? code : orch_pg_end(sender, err);
}
