/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of an event, written once, with its findings: one statement.
 * Results, the latest: another.
 */
#include "base/text.h"
#include "store/pg.h"
#include "store/seal.h"
#include "store/shared.h"

/*
 * The findings go only where their event is new.  What the finder was told to
 * look for is the same for many of them and may be long, and is sent once.  The
 * content comes as two: in one value there is no room for as much as it may be.
 */
static const char insert_event[] =
	"WITH added AS (INSERT INTO event (" ORCH_STORE_EVENT_COLUMNS ", fields, content, seal)"
	" VALUES ($1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bytea, $7::bytea,"
	" $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::bytea, $13::bigint, $14::bigint,"
	" $15::bytea, $16::bytea || $17::bytea, $18::bytea)"
	" ON CONFLICT (id, pipeline) DO NOTHING RETURNING row)"
	" INSERT INTO finding (" ORCH_STORE_FINDING_COLUMNS ", event, detail, seal)"
	" SELECT number, tool, rule, rule_name, rule_version, ($19::bytea[])[expression::integer],"
	" severity, confidence, title, advice, part, part_name, start, length, excerpt, shadow,"
	" added.row, nullif(detail, ''), seal"
	" FROM added, unnest($20::bigint[], $21::bytea[], $22::bytea[], $23::bytea[],"
	" $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bytea[], $29::bytea[],"
	" $30::bigint[], $31::bytea[], $32::bigint[], $33::bigint[], $34::bytea[], $35::bigint[],"
	" $36::bytea[], $37::bytea[]) AS found (" ORCH_STORE_FINDING_COLUMNS ", detail, seal)";

/* As it is sent: with the number of its expression. */
static const struct orch_store_table sent_finding = { "finding", "itttiiiittitiiti" };
#define EXPRESSION 5

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

struct findings {
	struct orch_store_pg_columns columns;
	struct orch_text *details, *seals;
	struct orch_text *expressions;
	size_t expression_count;
};

/* So many of the last ones are looked at: most findings are of a few rules. */
#define EXPRESSIONS_BACK 32

/* From 1. */
static int64_t number_expression(struct findings *findings, struct orch_text expression)
{
	size_t count = findings->expression_count;

	for (size_t i = count; i > 0 && count - i < EXPRESSIONS_BACK; i--) {
		if (orch_text_equal(findings->expressions[i - 1], expression))
			return (int64_t)i;
	}
	findings->expressions[count] = expression;
	return (int64_t)++findings->expression_count;
}

static int seal_findings(const struct orch_secret *key, const struct orch_stored_event *event,
	struct orch_store_value *rows, struct orch_arena *arena, struct findings *findings,
	struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < event->finding_count && code == ORCH_OK; i++) {
		orch_store_finding_to_row(
			&event->findings[i], i, rows + i * ORCH_STORE_FINDING_COUNT);
		code = orch_store_seal_detail(key, event, i, arena, &findings->details[i], err);
	}
	return code < 0 ? code
			: orch_store_pg_seal_rows(key, &orch_store_finding_table, event, rows,
				  event->finding_count, arena, &findings->seals, err);
}

static int prepare_findings(const struct orch_secret *key, const struct orch_stored_event *event,
	struct orch_arena *arena, struct findings *ret_findings, struct orch_err *err)
{
	size_t count = event->finding_count;
	struct orch_store_value *rows =
		orch_arena_alloc_array(arena, count, ORCH_STORE_FINDING_COUNT * sizeof(*rows));
	struct findings findings = {
		.details = orch_arena_alloc_array(arena, count, sizeof(*findings.details)),
		.expressions = orch_arena_alloc_array(arena, count, sizeof(*findings.expressions))
	};
	int code;

	if (!rows || !findings.details || !findings.expressions)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	code = seal_findings(key, event, rows, arena, &findings, err);
	if (code != ORCH_OK)
		return code;
	for (size_t i = 0; i < count; i++) {
		struct orch_store_value *value = rows + i * ORCH_STORE_FINDING_COUNT + EXPRESSION;

		value->number = number_expression(&findings, value->text);
	}
	*ret_findings = findings;
	return orch_store_pg_turn(&sent_finding, rows, count, arena, &ret_findings->columns, err);
}

static void send_content(struct orch_pg_sender *sender, struct orch_text content)
{
	size_t half = content.len / 2;

	orch_pg_bytes(sender, (struct orch_text){ content.ptr, half });
	orch_pg_bytes(sender, (struct orch_text){ content.ptr + half, content.len - half });
}

static int send_event(struct orch_pg_sender *sender, const struct orch_secret *key,
	const struct orch_stored_event *event, struct orch_arena *arena, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_EVENT_COUNT];
	struct orch_text fields, content;
	char seal[ORCH_SEAL_OVERHEAD];
	struct findings findings;
	int code = orch_store_seal_event(key, event, arena, &fields, &content, err);

	orch_store_event_to_row(event, row);
	if (code == ORCH_OK)
		code = orch_store_row_seal(key, &orch_store_event_table, NULL, row, seal, err);
	if (code == ORCH_OK)
		code = prepare_findings(key, event, arena, &findings, err);
	if (code != ORCH_OK)
		return code;
	orch_pg_begin(sender, insert_event);
	orch_store_pg_send(sender, &orch_store_event_table, row);
	orch_pg_bytes(sender, fields);
	send_content(sender, content);
	orch_pg_bytes(sender, (struct orch_text){ seal, sizeof(seal) });
	orch_pg_byteses(sender, findings.expressions, findings.expression_count);
	orch_store_pg_send_columns(sender, &findings.columns);
	orch_pg_byteses(sender, findings.details, event->finding_count);
	orch_pg_byteses(sender, findings.seals, event->finding_count);
	return orch_pg_end(sender, err);
}

/* Most come alone, and then take half the time. */
static int send_result(struct orch_pg_sender *sender, const struct orch_secret *key,
	const struct orch_stored_result *result, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RESULT_COUNT];
	char seal[ORCH_SEAL_OVERHEAD];
	int code;

	orch_store_result_to_row(result, row);
	code = orch_store_row_seal(key, &orch_store_result_table, NULL, row, seal, err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, insert_result);
	orch_store_pg_send(sender, &orch_store_result_table, row);
	orch_pg_bytes(sender, (struct orch_text){ seal, sizeof(seal) });
	return orch_pg_end(sender, err);
}

static const struct orch_store_op *op_of(const struct orch_pg_op *pg_op)
{
	return ((const struct orch_store_pg_op *)(const void *)pg_op)->op;
}

static void fill_results(
	struct orch_pg_op *const *ops, size_t op_count, struct orch_store_value *rows)
{
	for (size_t o = 0; o < op_count; o++) {
		const struct orch_store_op *op = op_of(ops[o]);

		for (size_t i = 0; i < op->result_count; i++, rows += ORCH_STORE_RESULT_COUNT)
			orch_store_result_to_row(&op->results[i], rows);
	}
}

/* Those of all OPS, COUNT of them. */
static int send_results(struct orch_pg_sender *sender, struct orch_pg_op *const *ops,
	size_t op_count, size_t count, struct orch_arena *arena, struct orch_err *err)
{
	const struct orch_secret *key = orch_store_pg_of(op_of(ops[0])->store)->key;
	struct orch_store_value *rows =
		orch_arena_alloc_array(arena, count, ORCH_STORE_RESULT_COUNT * sizeof(*rows));
	struct orch_store_pg_columns columns;
	struct orch_text *seals;
	int code;

	if (!rows)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	fill_results(ops, op_count, rows);
	code = orch_store_pg_seal_rows(
		key, &orch_store_result_table, NULL, rows, count, arena, &seals, err);
	if (code == ORCH_OK)
		code = orch_store_pg_turn(
			&orch_store_result_table, rows, count, arena, &columns, err);
	if (code != ORCH_OK)
		return code;
	orch_pg_begin(sender, insert_results);
	orch_store_pg_send_columns(sender, &columns);
	orch_pg_byteses(sender, seals, count);
	return orch_pg_end(sender, err);
}

int orch_store_pg_send_op(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_store_op *op = ((struct orch_store_pg_op *)(void *)pg_op)->op;
	const struct orch_secret *key = orch_store_pg_of(op->store)->key;
	struct orch_arena *arena = orch_arena_create(0);
	int code = arena ? orch_store_check_op(op, err)
			 : orch_fail(err, ORCH_E_NOMEM, "store: out of memory");

	if (code == ORCH_OK && op->kind == ORCH_STORE_EVENT)
		code = send_event(sender, key, op->event, arena, err);
	if (code == ORCH_OK && op->result_count == 1)
		code = send_result(sender, key, op->results, err);
	if (code == ORCH_OK && op->result_count > 1)
		code = send_results(sender, &pg_op, 1, op->result_count, arena, err);
	orch_arena_destroy(arena);
	return code;
}

static int send_many_results(struct orch_pg_op *const *ops, size_t count,
	struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	int code = arena ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	size_t total = 0;

	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		code = orch_store_check_op(op_of(ops[i]), err);
		total += op_of(ops[i])->result_count;
	}
	if (code == ORCH_OK && total > 0)
		code = send_results(sender, ops, count, total, arena, err);
	orch_arena_destroy(arena);
	return code;
}

const struct orch_pg_kind orch_store_pg_results_kind = { send_many_results, NULL };
