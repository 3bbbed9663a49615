/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the queues, for metrics and commands: read beside the writer, in one snapshot each. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "queue/sqlite.h"

struct report {
	struct orch_db_op op;
	struct orch_queue_sqlite *queue;
	struct orch_arena *arena;
	const struct orch_queue_filter *filter;
	struct orch_queue_stats *stats;
	struct orch_ledger *ledgers;
	struct orch_queue_entry *entries;
	size_t count;
};

static uint64_t number_at(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
}

static void copy_name(sqlite3_stmt *statement, char name[ORCH_QUEUE_NAME_BYTES])
{
	(void)snprintf(name, ORCH_QUEUE_NAME_BYTES, "%.*s",
		ORCH_TEXT_ARG(orch_db_column_text(statement, 0)));
}

static int read_stats(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct report *report = (struct report *)(void *)op;
	uint64_t now = orch_clock_now_ms();
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"WITH part AS (SELECT queue, state, at <= ?1 AS due, count(*) AS n, min(row) AS "
		"first"
		" FROM item GROUP BY 1, 2, 3)"
		" SELECT name,"
		" (SELECT sum(n) FROM part WHERE queue = l.queue AND (state IN (0, 3) OR due)),"
		" (SELECT sum(n) FROM part WHERE queue = l.queue AND state = 2 AND NOT due),"
		" (SELECT sum(n) FROM part WHERE queue = l.queue AND state = 1 AND NOT due),"
		" (SELECT count(*) FROM dead WHERE queue = l.queue),"
		" (SELECT put FROM item WHERE row = (SELECT min(first) FROM part"
		"   WHERE queue = l.queue))"
		" FROM ledger AS l ORDER BY name LIMIT ?2",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)orch_db_now_ms(db));
	orch_db_bind_int(statement, 2, ORCH_QUEUE_NAMES);
	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		struct orch_queue_stats *stats = &report->stats[report->count++];
		uint64_t put = number_at(statement, 5);

		copy_name(statement, stats->name);
		stats->waiting = number_at(statement, 1);
		stats->leased = number_at(statement, 2);
		stats->delayed = number_at(statement, 3);
		stats->dead = number_at(statement, 4);
		stats->oldest_ms = put && now > put ? now - put : 0;
	}
	return code;
}

static int count_queues(struct orch_db *db, size_t *ret_count, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT count(*) FROM ledger", &statement, err);

	if (code == ORCH_OK)
		code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK)
		*ret_count = row ? (size_t)sqlite3_column_int64(statement, 0) : 0;
	if (*ret_count > ORCH_QUEUE_NAMES)
		*ret_count = ORCH_QUEUE_NAMES;
	return code;
}

static int make_stats(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct report *report = (struct report *)(void *)op;
	size_t count = 0;
	int code = count_queues(db, &count, err);

	if (code < 0)
		return code;
	report->stats = orch_arena_alloc_array(report->arena, count + 1, sizeof(*report->stats));
	return report->stats ? read_stats(op, db, err) : out_of_memory(err);
}

int orch_queue_sqlite_stats(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err)
{
	struct report report = { .op = { .run = make_stats }, .arena = arena };
	int code = orch_db_read(queue->db, &report.op, err);

	if (code < 0)
		return code;
	*ret_stats = report.stats;
	*ret_count = report.count;
	return ORCH_OK;
}

/* The sum counts rows of every queue, even of one that a damaged row has made up. */
static const char ledger_sql[] =
	"SELECT '', sum(accepted), sum(done), (SELECT sum(count) FROM dropped),"
	" (SELECT count(*) FROM dead), (SELECT count(*) FROM item), sum(duplicates),"
	" (SELECT count(*) FROM dead WHERE damaged) FROM ledger "
	"UNION ALL SELECT * FROM (SELECT name, accepted, done,"
	" (SELECT sum(count) FROM dropped WHERE queue = l.queue),"
	" (SELECT count(*) FROM dead WHERE queue = l.queue),"
	" (SELECT count(*) FROM item WHERE queue = l.queue), duplicates,"
	" (SELECT count(*) FROM dead WHERE queue = l.queue AND damaged)"
	" FROM ledger AS l ORDER BY name LIMIT ?1)";

static void take_ledger(sqlite3_stmt *statement, struct orch_ledger *ledger)
{
	copy_name(statement, ledger->name);
	ledger->accepted = number_at(statement, 1);
	ledger->done = number_at(statement, 2);
	ledger->dropped = number_at(statement, 3);
	ledger->dead = number_at(statement, 4);
	ledger->in_flight = number_at(statement, 5);
	ledger->duplicates = number_at(statement, 6);
	ledger->damaged = number_at(statement, 7);
	ledger->imbalance = (int64_t)(ledger->accepted - ledger->done - ledger->dropped -
		ledger->dead - ledger->in_flight);
}

static int make_ledger(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct report *report = (struct report *)(void *)op;
	sqlite3_stmt *statement;
	size_t count = 0;
	bool row = false;
	int code = count_queues(db, &count, err);

	if (code < 0)
		return code;
	report->ledgers =
		orch_arena_alloc_array(report->arena, count + 1, sizeof(*report->ledgers));
	if (!report->ledgers)
		return out_of_memory(err);
	code = orch_db_statement(db, ledger_sql, &statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, ORCH_QUEUE_NAMES);
	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		take_ledger(statement, &report->ledgers[report->count++]);
	return code;
}

int orch_queue_sqlite_ledger(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err)
{
	struct report report = { .op = { .run = make_ledger }, .arena = arena };
	int code = orch_db_read(queue->db, &report.op, err);

	if (code < 0)
		return code;
	*ret_ledgers = report.ledgers;
	*ret_count = report.count;
	return ORCH_OK;
}

#define PEEK_COLUMNS                                                                    \
	"t.row, name, id, pipeline, tenant, trace, priority, put, receives, attempts, " \
	"sequence, sealed, time, "
#define PEEK_WHERE                                                                    \
	" LEFT JOIN ledger USING (queue) WHERE t.row > ?1 AND (?2 = '' OR name = ?2)" \
	" AND (?3 = '' OR id = ?3) ORDER BY t.row LIMIT ?4"

static const char peek_living_sql[] =
	"SELECT " PEEK_COLUMNS "'', '', 0, CASE WHEN state = 3 THEN 'blocked'"
	" WHEN state = 0 OR at <= ?5 THEN 'waiting'"
	" WHEN state = 1 THEN 'delayed' ELSE 'leased' END"
	" FROM item AS t LEFT JOIN body USING (row)" PEEK_WHERE;
static const char peek_dead_sql[] =
	"SELECT " PEEK_COLUMNS "reason, detail, ended,"
	" CASE WHEN damaged OR ?5 < 0 THEN 'damaged' ELSE 'dead' END FROM dead AS t" PEEK_WHERE;

static struct orch_text copy(struct orch_arena *arena, sqlite3_stmt *statement, int column)
{
	return orch_arena_text(arena, orch_db_column_blob(statement, column));
}

/* Without the key there is no body to show; a row that does not open is shown as what it is. */
static int open_body(struct report *report, sqlite3_stmt *statement, struct orch_queue_entry *entry,
	struct orch_err *err)
{
	struct orch_message message = { .queue = entry->queue,
		.id = entry->id,
		.pipeline = entry->pipeline,
		.tenant = entry->tenant,
		.order = copy(report->arena, statement, 10),
		.trace = entry->trace,
		.priority = (uint32_t)sqlite3_column_int64(statement, 6),
		.time_ms = number_at(statement, 12) };
	struct orch_buf about;
	int code;

	if (!report->queue->key)
		return orch_fail(err, ORCH_E_DENIED, "queue: bodies need the store's key");
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	code = orch_message_unseal(report->queue->key, orch_db_column_blob(statement, 11),
		orch_message_about(&about, &message, entry->put_ms), report->arena, &entry->body);
	orch_buf_fini(&about);
	if (code == ORCH_E_INVALID)
		entry->state = ORCH_TEXT("damaged");
	return code == ORCH_E_NOMEM ? out_of_memory(err) : ORCH_OK;
}

static int take_entry(struct report *report, sqlite3_stmt *statement,
	struct orch_queue_entry *entry, struct orch_err *err)
{
	entry->row = number_at(statement, 0);
	entry->queue = copy(report->arena, statement, 1);
	entry->id = copy(report->arena, statement, 2);
	entry->pipeline = copy(report->arena, statement, 3);
	entry->tenant = copy(report->arena, statement, 4);
	entry->trace = copy(report->arena, statement, 5);
	entry->put_ms = number_at(statement, 7);
	entry->receives = (uint32_t)number_at(statement, 8);
	entry->attempts = (uint32_t)number_at(statement, 9);
	entry->reason = copy(report->arena, statement, 13);
	entry->detail = copy(report->arena, statement, 14);
	entry->ended_ms = number_at(statement, 15);
	entry->state = copy(report->arena, statement, 16);
	entry->is_dead = report->filter->dead;
	entry->body = ORCH_TEXT_NONE;
	return report->filter->with_body ? open_body(report, statement, entry, err) : ORCH_OK;
}

static size_t peek_limit(const struct orch_queue_filter *filter)
{
	return filter->limit && filter->limit < ORCH_QUEUE_PEEK_MAX ? filter->limit
								    : ORCH_QUEUE_PEEK_MAX;
}

static int make_entries(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct report *report = (struct report *)(void *)op;
	const struct orch_queue_filter *filter = report->filter;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(
		db, filter->dead ? peek_dead_sql : peek_living_sql, &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)filter->after_row);
	orch_db_bind_text(statement, 2, filter->queue);
	orch_db_bind_text(statement, 3, filter->id);
	orch_db_bind_int(statement, 4, (int64_t)peek_limit(filter));
	orch_db_bind_int(statement, 5, (int64_t)orch_db_now_ms(db));
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		code = take_entry(report, statement, &report->entries[report->count++], err);
	if (code == ORCH_OK && orch_arena_failed(report->arena))
		return out_of_memory(err);
	return code;
}

int orch_queue_sqlite_peek(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err)
{
	struct report report = { .op = { .run = make_entries },
		.queue = orch_queue_sqlite_of(queue),
		.arena = arena,
		.filter = filter };
	int code;

	report.entries = orch_arena_alloc_array(arena, peek_limit(filter), sizeof(*report.entries));
	if (!report.entries)
		return out_of_memory(err);
	code = orch_db_read(queue->db, &report.op, err);
	if (code < 0)
		return code;
	*ret_entries = report.entries;
	*ret_count = report.count;
	return ORCH_OK;
}
