/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the books, for metrics and commands. */
#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

#define SURVEY_PATIENCE_MS 1000 /* the next one comes soon enough */

struct report {
	struct orch_pg_op pg_op;
	struct orch_queue_books *books;
	struct orch_arena *arena;
	const struct orch_queue_filter *filter;
	void *made;
	size_t count;
};

static struct report *report_of(struct orch_pg_op *pg_op)
{
	return (struct report *)(void *)pg_op;
}

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
}

static int run(struct report *report, struct orch_err *err)
{
	struct orch_db_group group = { .first = &report->pg_op.base };

	return orch_pg_run(report->books->pg, &group, err);
}

/* Room for a thing of SIZE for each row; *ret_count is set. */
static void *make(struct report *report, const struct orch_pg_rows *rows, size_t size)
{
	report->count = orch_pg_count(rows);
	report->made = orch_arena_alloc_array(report->arena, report->count + 1, size);
	return report->made;
}

static uint64_t number_at(const struct orch_pg_rows *rows, size_t row, int column)
{
	return orch_pg_is_null(rows, row, column) ? 0
						  : (uint64_t)orch_pg_get_int(rows, row, column);
}

static void copy_name(const struct orch_pg_rows *rows, size_t row, char name[ORCH_QUEUE_NAME_BYTES])
{
	(void)snprintf(
		name, ORCH_QUEUE_NAME_BYTES, "%.*s", ORCH_TEXT_ARG(orch_pg_get(rows, row, 0)));
}

#define NAMES                                                                                  \
	"(SELECT queue FROM ledger UNION SELECT queue FROM tally UNION SELECT queue FROM item" \
	" UNION SELECT queue FROM dead)"

static int send_stats(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)pg_op;
	orch_pg_begin(sender,
		"WITH part AS (SELECT queue, state, at <= orch_ms() AS due, count(*) AS n,"
		" min(row) AS first FROM item GROUP BY 1, 2, 3),"
		" sums AS (SELECT queue,"
		" coalesce(sum(n) FILTER (WHERE state IN (0, 3) OR due), 0)::bigint AS waiting,"
		" coalesce(sum(n) FILTER (WHERE state = 2 AND NOT due), 0)::bigint AS leased,"
		" coalesce(sum(n) FILTER (WHERE state = 1 AND NOT due), 0)::bigint AS delayed,"
		" min(first) AS first FROM part GROUP BY queue)"
		" SELECT n.queue, s.waiting, s.leased, s.delayed,"
		" (SELECT count(*) FROM dead AS d WHERE d.queue = n.queue),"
		" (SELECT put FROM item AS i WHERE i.row = s.first)"
		" FROM " NAMES
		" AS n LEFT JOIN sums AS s USING (queue) ORDER BY 1 LIMIT $1::bigint");
	orch_pg_int(sender, ORCH_QUEUE_NAMES);
	return orch_pg_end(sender, err);
}

static int take_stats(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct report *report = report_of(pg_op);
	struct orch_queue_stats *stats = make(report, rows, sizeof(*stats));
	uint64_t now = orch_clock_now_ms();

	(void)number;
	if (stats == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < report->count; i++) {
		uint64_t put = number_at(rows, i, 5);

		copy_name(rows, i, stats[i].name);
		stats[i].waiting = number_at(rows, i, 1);
		stats[i].leased = number_at(rows, i, 2);
		stats[i].delayed = number_at(rows, i, 3);
		stats[i].dead = number_at(rows, i, 4);
		stats[i].oldest_ms = put != 0 && now > put ? now - put : 0;
	}
	return ORCH_OK;
}

int orch_queue_pg_stats(struct orch_queue_books *books, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err)
{
	struct report report = {
		.pg_op = { .send = send_stats, .take = take_stats }, .books = books, .arena = arena
	};
	int code = run(&report, err);

	if (code < 0)
		return code;
	*ret_stats = report.made;
	*ret_count = report.count;
	return ORCH_OK;
}

#define COUNTED                                                                                 \
	"counted AS (SELECT queue,"                                                             \
	" (sum(number) FILTER (WHERE what = " ORCH_TALLY_ACCEPTED_SQL "))::bigint AS accepted," \
	" (sum(number) FILTER (WHERE what = " ORCH_TALLY_DONE_SQL "))::bigint AS done,"         \
	" (sum(number) FILTER (WHERE what = " ORCH_TALLY_DROPPED_SQL "))::bigint AS dropped,"   \
	" (sum(number) FILTER (WHERE what = " ORCH_TALLY_REPEATED_SQL "))::bigint AS repeated"  \
	" FROM (SELECT * FROM ledger UNION ALL SELECT * FROM tally) AS all_of GROUP BY queue)"
#define BURIED                                                        \
	"buried AS (SELECT queue, count(*) AS dead, count(*) FILTER " \
	"(WHERE " ORCH_DEAD_IS_DAMAGED_SQL ") AS damaged FROM dead GROUP BY queue)"
#define FLYING "flying AS (SELECT queue, count(*) AS flying FROM item GROUP BY queue)"

/* One statement sees everything at one moment; the sum is the row without a name. */
static const char ledger_sql[] =
	"WITH " COUNTED ", " BURIED ", " FLYING ", lines AS (SELECT n.queue, accepted, done,"
	" dropped, dead, flying, repeated, damaged FROM " NAMES " AS n"
	" LEFT JOIN counted USING (queue) LEFT JOIN buried USING (queue)"
	" LEFT JOIN flying USING (queue))"
	" SELECT '' AS queue, sum(accepted)::bigint, sum(done)::bigint, sum(dropped)::bigint,"
	" sum(dead)::bigint, sum(flying)::bigint, sum(repeated)::bigint, sum(damaged)::bigint"
	" FROM lines UNION ALL SELECT * FROM (SELECT * FROM lines ORDER BY queue"
	" LIMIT $1::bigint) AS named ORDER BY queue";

static int send_ledger(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)pg_op;
	orch_pg_begin(sender, ledger_sql);
	orch_pg_int(sender, ORCH_QUEUE_NAMES);
	return orch_pg_end(sender, err);
}

static int take_ledger(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct report *report = report_of(pg_op);
	struct orch_ledger *ledgers = make(report, rows, sizeof(*ledgers));

	(void)number;
	if (ledgers == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < report->count; i++) {
		struct orch_ledger *ledger = &ledgers[i];

		copy_name(rows, i, ledger->name);
		ledger->accepted = number_at(rows, i, 1);
		ledger->done = number_at(rows, i, 2);
		ledger->dropped = number_at(rows, i, 3);
		ledger->dead = number_at(rows, i, 4);
		ledger->in_flight = number_at(rows, i, 5);
		ledger->duplicates = number_at(rows, i, 6);
		ledger->damaged = number_at(rows, i, 7);
		ledger->imbalance = (int64_t)(ledger->accepted - ledger->done - ledger->dropped -
			ledger->dead - ledger->in_flight);
	}
	return ORCH_OK;
}

int orch_queue_pg_ledger(struct orch_queue_books *books, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err)
{
	struct report report = { .pg_op = { .send = send_ledger, .take = take_ledger },
		.books = books,
		.arena = arena };
	int code = run(&report, err);

	if (code < 0)
		return code;
	*ret_ledgers = report.made;
	*ret_count = report.count;
	return ORCH_OK;
}

/* In survey->backend. */
struct surveying {
	struct report stats, ledger;
	struct orch_db_group group;
	struct orch_queue_survey *survey;
};
static_assert(sizeof(struct surveying) <= sizeof(((struct orch_queue_survey *)0)->backend),
	"a survey has room for its group");

static void on_surveyed(struct orch_db_group *group)
{
	struct surveying *surveying =
		(struct surveying *)(void *)((char *)group - offsetof(struct surveying, group));
	struct orch_queue_survey *survey = surveying->survey;

	survey->code = group->code;
	survey->err = group->err;
	survey->stats = surveying->stats.made;
	survey->stats_count = surveying->stats.count;
	survey->ledgers = surveying->ledger.made;
	survey->ledger_count = surveying->ledger.count;
	survey->done(survey);
}

int orch_queue_pg_survey(
	struct orch_queue_books *books, struct orch_queue_survey *survey, struct orch_err *err)
{
	struct surveying *surveying = (struct surveying *)(void *)survey->backend;

	*surveying = (struct surveying){
		.stats = { .pg_op = { .send = send_stats, .take = take_stats },
			.arena = survey->arena },
		.ledger = { .pg_op = { .send = send_ledger, .take = take_ledger },
			.arena = survey->arena },
		.group = { .patience_ms = SURVEY_PATIENCE_MS,
			.lane = survey->lane,
			.done = on_surveyed },
		.survey = survey,
	};
	surveying->group.first = &surveying->stats.pg_op.base;
	surveying->stats.pg_op.base.next = &surveying->ledger.pg_op.base;
	return orch_pg_submit(books->pg, &surveying->group, err);
}
