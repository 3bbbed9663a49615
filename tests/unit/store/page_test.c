/* SPDX-License-Identifier: Apache-2.0 */
/* A page of events costs what is on it, however many events there are. */
#include "unit/store/world.h"

#define PAGE 10
#define TIMES 8 /* after five the server may plan for any parameters at once */

/*
 * 20,000 events of ten pipelines with a finding each: of a rule that all have,
 * but for one in 1,000, and few have the verdict 2.
 */
static void make_events(const struct world *w)
{
	poke_store(w,
		"INSERT INTO event (time, stored, findings, verdict, inspection, enforced, id,"
		" pipeline, trace, source, type, tenant, actor, inspection_note, fields, content)"
		" SELECT n, n, 1, CASE WHEN n % 1000 = 0 THEN 2 ELSE 1 END, 0, 1,"
		" sha256(n::text::bytea), ('p' || n % 10)::bytea, '', '', '', '', '', '', '', ''"
		" FROM generate_series(1, 20000) AS n");
	poke_store(w,
		"INSERT INTO finding (event, rule_version, severity, confidence, part, start,"
		" length, number, shadow, tool, rule, rule_name, expression, title, advice,"
		" part_name, excerpt)"
		" SELECT row, 1, 1, 1, 0, 0, 0, 0, 0, 'dlp',"
		" CASE WHEN row % 1000 = 500 THEN 'rare' ELSE 'common' END::bytea,"
		" CASE WHEN row % 1000 = 500 THEN 'Rare' ELSE 'Common' END::bytea,"
		" '', '', '', '', '' FROM event");
	poke_store(w, "ANALYZE event, finding");
	poke_store(w, "SELECT pg_stat_force_next_flush()");
}

/* The rows that were looked at since the last time; what counts them is told when a session ends. */
static int64_t rows_read(struct world *w)
{
	int64_t rows;

	w->engine->close(w);
	while (ask_store(w,
		       "SELECT count(*) FROM pg_stat_activity WHERE usename = 'orchestrator'") > 0)
		orch_clock_pause_us(1000);
	rows = ask_store(w,
		"SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_user_tables"
		" WHERE relname IN ('event', 'finding')");
	poke_store(w, "SELECT pg_stat_reset()");
	w->engine->open(w);
	return rows;
}

static void assert_reads_little(struct world *w, struct orch_event_filter filter, size_t found)
{
	struct orch_stored_event *events;
	struct orch_err err = { "" };
	size_t count = 0;
	int64_t rows;

	filter.limit = PAGE;
	(void)rows_read(w);
	for (size_t i = 0; i < TIMES; i++) {
		if (orch_store_events(w->store, &filter, w->f.arena, &events, &count, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(count, found);
	}
	rows = rows_read(w);
	if (rows < (int64_t)(TIMES * found) || rows > TIMES * 30 * PAGE)
		fail_msg("%lld rows", (long long)rows);
}

static struct orch_event_filter any(void)
{
	return (struct orch_event_filter){ .id = ORCH_TEXT_NONE,
		.rule = ORCH_TEXT_NONE,
		.pipeline = ORCH_TEXT_NONE,
		.verdict = -1 };
}

static void test_the_newest_are_read_and_no_others(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	assert_reads_little(w, filter, PAGE);
	filter.before_row = 10000;
	assert_reads_little(w, filter, PAGE);
	filter.before_row = 5;
	assert_reads_little(w, filter, 4);
}

static void test_those_of_a_pipeline_or_verdict_are_read_and_no_others(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	filter.pipeline = ORCH_TEXT("p3");
	assert_reads_little(w, filter, PAGE);
	filter.pipeline = ORCH_TEXT("none");
	assert_reads_little(w, filter, 0);
	filter = any();
	filter.verdict = ORCH_BLOCK;
	assert_reads_little(w, filter, PAGE);
	filter.verdict = ORCH_PASS;
	assert_reads_little(w, filter, 0);
}

static void test_those_since_a_time_are_read_and_no_others(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	filter.since_ms = 19998;
	assert_reads_little(w, filter, 3);
	filter.since_ms = 5;
	assert_reads_little(w, filter, PAGE);
	filter.since_ms = 20001;
	assert_reads_little(w, filter, 0);
}

static void test_those_of_a_rule_are_read_and_no_others(void **state)
{
	static const struct orch_text rules[] = { ORCH_TEXT("common"), ORCH_TEXT("Common"),
		ORCH_TEXT("rare"), ORCH_TEXT("Rare") };
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		filter.rule = rules[i];
		filter.before_row = 0;
		assert_reads_little(w, filter, PAGE);
		filter.before_row = 15000;
		assert_reads_little(w, filter, PAGE);
	}
	filter.rule = ORCH_TEXT("none");
	assert_reads_little(w, filter, 0);
}

static void test_filters_together_read_what_fits_the_rarest(void **state)
{
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	filter.rule = ORCH_TEXT("common");
	filter.since_ms = 19998;
	assert_reads_little(w, filter, 3);
	filter.since_ms = 0;
	filter.pipeline = ORCH_TEXT("p3");
	assert_reads_little(w, filter, PAGE);
	filter.rule = ORCH_TEXT("Rare");
	assert_reads_little(w, filter, 0);
	filter.pipeline = ORCH_TEXT("p0");
	assert_reads_little(w, filter, PAGE);
}

static void test_an_event_is_found_by_its_beginning_and_no_others_are_read(void **state)
{
	/* SHA-256 of "7" */
	static const char beginning[] = { '\x79', '\x02', '\x69', '\x9b', '\xe4' };
	struct world *w = *state;
	struct orch_event_filter filter = any();

	make_events(w);
	filter.id = (struct orch_text){ beginning, sizeof(beginning) };
	assert_reads_little(w, filter, 1);
	filter.rule = ORCH_TEXT("common");
	assert_reads_little(w, filter, 1);
	filter.verdict = ORCH_BLOCK;
	assert_reads_little(w, filter, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_PG(test_the_newest_are_read_and_no_others),
		ON_PG(test_those_of_a_pipeline_or_verdict_are_read_and_no_others),
		ON_PG(test_those_since_a_time_are_read_and_no_others),
		ON_PG(test_those_of_a_rule_are_read_and_no_others),
		ON_PG(test_filters_together_read_what_fits_the_rarest),
		ON_PG(test_an_event_is_found_by_its_beginning_and_no_others_are_read),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
