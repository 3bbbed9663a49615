/* SPDX-License-Identifier: Apache-2.0 */
/* What became of events, written once, with their findings: one statement. */
#include "base/text.h"
#include "store/pg.h"
#include "store/seal.h"

#define EVENT_VALUES ORCH_STORE_EVENT_COLUMNS ", fields, content, seal"

/*
 * The findings of all, each with the number of its event, from 1.  What the
 * finder was told to look for is the same for many of them and may be long, and
 * is sent once.
 */
#define INSERT_FINDINGS                                                                          \
	" INSERT INTO finding (" ORCH_STORE_FINDING_COLUMNS ", event, detail, seal)"             \
	" SELECT number, tool, rule, rule_name, rule_version, ($1::bytea[])[expression::int],"   \
	" severity, confidence, title, advice, part, part_name, start, length, excerpt, shadow," \
	" added.row, nullif(detail, ''), found.seal"                                             \
	" FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[],"        \
	" $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[], $11::bytea[], $12::bigint[],"  \
	" $13::bytea[], $14::bigint[], $15::bigint[], $16::bytea[], $17::bigint[],"              \
	" $18::bytea[], $19::bytea[], $20::bigint[])"                                            \
	" AS found (" ORCH_STORE_FINDING_COLUMNS ", detail, seal, turn)"

/*
 * They go only where their event is new.  The content comes as two: in one value
 * there is no room for as much as it may be.
 */
static const char insert_event[] =
	"WITH added AS (INSERT INTO event (" EVENT_VALUES ")"
	" VALUES ($21::bytea, $22::bytea, $23::bytea, $24::bytea, $25::bytea, $26::bytea,"
	" $27::bytea, $28::bigint, $29::bigint, $30::bigint, $31::bigint, $32::bytea, $33::bigint,"
	" $34::bigint, $35::bytea, $36::bytea || $37::bytea, $38::bytea)"
	" ON CONFLICT (id, pipeline) DO NOTHING RETURNING row)" INSERT_FINDINGS " CROSS JOIN added";

/* Of two of one name the first is kept, and whoever writes the same waits in the same order. */
static const char insert_events[] =
	"WITH given AS MATERIALIZED (SELECT DISTINCT ON (id, pipeline) " EVENT_VALUES ", turn"
	" FROM unnest($21::bytea[], $22::bytea[], $23::bytea[], $24::bytea[], $25::bytea[],"
	" $26::bytea[], $27::bytea[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[],"
	" $32::bytea[], $33::bigint[], $34::bigint[], $35::bytea[], $36::bytea[], $37::bytea[])"
	" WITH ORDINALITY AS sent (" EVENT_VALUES ", turn)"
	" ORDER BY id, pipeline, turn),"
	" inserted AS (INSERT INTO event (" EVENT_VALUES ") SELECT " EVENT_VALUES " FROM given"
	" ON CONFLICT (id, pipeline) DO NOTHING RETURNING row, id, pipeline),"
	" added AS (SELECT row, turn FROM inserted JOIN given USING (id, pipeline))" INSERT_FINDINGS
	" JOIN added USING (turn)";

/* As a finding is sent: with the number of its expression. */
static const struct orch_store_table sent_finding = { "finding", "itttiiiittitiiti" };
#define EXPRESSION 5

struct findings {
	size_t count;
	struct orch_store_value *rows;
	struct orch_store_pg_columns columns;
	struct orch_text *details, *seals;
	int64_t *turns; /* of their events */
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

static int make_room(
	struct findings *findings, size_t count, struct orch_arena *arena, struct orch_err *err)
{
	*findings = (struct findings){ .rows = orch_arena_alloc_array(arena, count,
					       ORCH_STORE_FINDING_COUNT * sizeof(*findings->rows)),
		.details = orch_arena_alloc_array(arena, count, sizeof(*findings->details)),
		.seals = orch_arena_alloc_array(arena, count, sizeof(*findings->seals)),
		.turns = orch_arena_alloc_array(arena, count, sizeof(*findings->turns)),
		.expressions =
			orch_arena_alloc_array(arena, count, sizeof(*findings->expressions)) };
	return orch_arena_failed(arena) ? orch_fail(err, ORCH_E_NOMEM, "store: out of memory")
					: ORCH_OK;
}

/* Those of one event, behind those that are there. */
static int add_findings(struct findings *findings, const struct orch_secret *key,
	const struct orch_stored_event *event, int64_t turn, struct orch_arena *arena,
	struct orch_err *err)
{
	struct orch_store_value *rows = findings->rows + findings->count * ORCH_STORE_FINDING_COUNT;
	struct orch_text *details = findings->details + findings->count;
	int code = ORCH_OK;

	for (size_t i = 0; i < event->finding_count && code == ORCH_OK; i++) {
		orch_store_finding_to_row(
			&event->findings[i], i, rows + i * ORCH_STORE_FINDING_COUNT);
		code = orch_store_seal_detail(key, event, i, arena, &details[i], err);
		findings->turns[findings->count + i] = turn;
	}
	if (code == ORCH_OK)
		code = orch_store_pg_seal_rows(key, &orch_store_finding_table, event, rows,
			event->finding_count, arena, findings->seals + findings->count, err);
	findings->count += event->finding_count;
	return code;
}

static int prepare_findings(const struct orch_secret *key,
	const struct orch_stored_event *const *events, size_t count, struct orch_arena *arena,
	struct findings *findings, struct orch_err *err)
{
	size_t total = 0;
	int code;

	for (size_t i = 0; i < count; i++)
		total += events[i]->finding_count;
	code = make_room(findings, total, arena, err);
	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		code = add_findings(findings, key, events[i], (int64_t)i + 1, arena, err);
	if (code < 0)
		return code;
	for (size_t i = 0; i < total; i++) {
		struct orch_store_value *value =
			findings->rows + i * ORCH_STORE_FINDING_COUNT + EXPRESSION;

		value->number = number_expression(findings, value->text);
	}
	return orch_store_pg_turn(
		&sent_finding, findings->rows, total, arena, &findings->columns, err);
}

static void send_findings(struct orch_pg_sender *sender, const struct findings *findings)
{
	orch_pg_byteses(sender, findings->expressions, findings->expression_count);
	orch_store_pg_send_columns(sender, &findings->columns);
	orch_pg_byteses(sender, findings->details, findings->count);
	orch_pg_byteses(sender, findings->seals, findings->count);
	orch_pg_ints(sender, findings->turns, findings->count);
}

/* Columns of the rows and, sealed, what is not in them. */
struct events {
	struct orch_store_value *rows;
	struct orch_store_pg_columns columns;
	struct orch_text *fields, *contents, *seals;
};

static int seal_events(const struct orch_secret *key, const struct orch_stored_event *const *given,
	size_t count, struct orch_arena *arena, struct events *events, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		orch_store_event_to_row(given[i], events->rows + i * ORCH_STORE_EVENT_COUNT);
		code = orch_store_seal_event(
			key, given[i], arena, &events->fields[i], &events->contents[i], err);
	}
	return code < 0 ? code
			: orch_store_pg_seal_rows(key, &orch_store_event_table, NULL, events->rows,
				  count, arena, events->seals, err);
}

static int prepare_events(const struct orch_secret *key,
	const struct orch_stored_event *const *given, size_t count, struct orch_arena *arena,
	struct events *events, struct orch_err *err)
{
	int code;

	*events = (struct events){ .rows = orch_arena_alloc_array(arena, count,
					   ORCH_STORE_EVENT_COUNT * sizeof(*events->rows)),
		.fields = orch_arena_alloc_array(arena, count, sizeof(*events->fields)),
		.contents = orch_arena_alloc_array(arena, count, sizeof(*events->contents)),
		.seals = orch_arena_alloc_array(arena, count, sizeof(*events->seals)) };
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	code = seal_events(key, given, count, arena, events, err);
	return code < 0 ? code
			: orch_store_pg_turn(&orch_store_event_table, events->rows, count, arena,
				  &events->columns, err);
}

static void send_event(struct orch_pg_sender *sender, const struct events *events)
{
	struct orch_text content = events->contents[0];
	size_t half = content.len / 2;

	orch_store_pg_send(sender, &orch_store_event_table, events->rows);
	orch_pg_bytes(sender, events->fields[0]);
	orch_pg_bytes(sender, (struct orch_text){ content.ptr, half });
	orch_pg_bytes(sender, (struct orch_text){ content.ptr + half, content.len - half });
	orch_pg_bytes(sender, events->seals[0]);
}

static void send_many(struct orch_pg_sender *sender, const struct events *events, size_t count)
{
	orch_store_pg_send_columns(sender, &events->columns);
	orch_pg_byteses(sender, events->fields, count);
	orch_pg_byteses(sender, events->contents, count);
	orch_pg_byteses(sender, events->seals, count);
}

int orch_store_pg_send_events(struct orch_pg_sender *sender, const struct orch_secret *key,
	const struct orch_stored_event *const *given, size_t count, struct orch_arena *arena,
	struct orch_err *err)
{
	struct events events;
	struct findings findings = { .count = 0 };
	int code = prepare_events(key, given, count, arena, &events, err);

	if (code == ORCH_OK)
		code = prepare_findings(key, given, count, arena, &findings, err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, count == 1 ? insert_event : insert_events);
	send_findings(sender, &findings);
	if (count == 1)
		send_event(sender, &events);
	else
		send_many(sender, &events, count);
	return orch_pg_end(sender, err);
}
