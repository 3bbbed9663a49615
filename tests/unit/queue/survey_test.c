/* SPDX-License-Identifier: Apache-2.0 */
/* Depths and ledgers of the books in PostgreSQL for one who must not wait. */
#include "queue/pg.h"
#include "unit/pg/fixture.h"

struct world {
	struct fixture f;
	struct orch_arena *arena;
	struct orch_queue_books books;
	struct orch_err err;
};

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	make_database(&w->f);
	migrate(&w->f, orch_queue_pg_migrations, orch_queue_pg_migration_count);
	w->f.pg = open_pg(&w->f);
	w->arena = orch_arena_create(0);
	w->books.pg = w->f.pg;
	*state = w;
	return 0;
}

static int remove_world(void **state)
{
	struct world *w = *state;

	orch_pg_close(w->f.pg);
	orch_arena_destroy(w->arena);
	test_free(w);
	return 0;
}

static void put(struct world *w, const char *id)
{
	const struct orch_message message = { .queue = ORCH_TEXT("scan"),
		.id = orch_text_from(id),
		.pipeline = ORCH_TEXT("pipeline"),
		.body = ORCH_TEXT("body") };
	struct orch_secret *key = orch_secret_create(ORCH_TEXT("0123456789abcdef0123456789abcdef"));
	struct orch_queue_op op = { .kind = ORCH_QUEUE_PUT,
		.messages = &message,
		.message_count = 1,
		.is_accepted = true };
	struct orch_db_group group = { .first = orch_queue_pg_op(key, &op) };

	if (orch_pg_run(w->f.pg, &group, &w->err) < 0)
		fail_msg("%s", w->err.text);
	orch_queue_pg_op_fini(&op);
	orch_secret_destroy(key);
}

static void on_surveyed(struct orch_queue_survey *survey)
{
	orch_lane_quit(survey->lane);
}

/* On our own thread, with a lane that runs for it alone. */
static struct orch_queue_survey survey(struct world *w)
{
	struct orch_queue_survey survey = { .arena = w->arena, .done = on_surveyed };

	assert_int_equal(orch_lane_create("test", &survey.lane, &w->err), ORCH_OK);
	assert_int_equal(orch_pg_attach(w->f.pg, survey.lane, &w->err), ORCH_OK);
	assert_int_equal(orch_queue_pg_survey(&w->books, &survey, &w->err), ORCH_OK);
	assert_null(survey.ledgers); /* it has not waited */
	orch_lane_run(survey.lane);
	orch_pg_detach(w->f.pg, survey.lane);
	orch_lane_destroy(survey.lane);
	return survey;
}

static void test_a_survey_says_what_stats_and_ledger_say(void **state)
{
	struct world *w = *state;
	struct orch_queue_survey found;
	struct orch_queue_stats *stats;
	struct orch_ledger *ledgers;
	size_t count;

	put(w, "one");
	put(w, "two");
	found = survey(w);
	assert_int_equal(found.code, ORCH_OK);
	assert_int_equal(
		orch_queue_pg_stats(&w->books, w->arena, &stats, &count, &w->err), ORCH_OK);
	assert_int_equal(found.stats_count, count);
	assert_string_equal(found.stats[0].name, "scan");
	assert_int_equal(found.stats[0].waiting, 2);
	assert_int_equal(stats[0].waiting, 2);
	assert_int_equal(
		orch_queue_pg_ledger(&w->books, w->arena, &ledgers, &count, &w->err), ORCH_OK);
	assert_int_equal(found.ledger_count, count);
	assert_memory_equal(found.ledgers, ledgers, count * sizeof(*ledgers));
	assert_int_equal(found.ledgers[0].in_flight, 2);
}

static void test_a_survey_of_a_server_that_is_away_fails_soon(void **state)
{
	struct world *w = *state;
	struct orch_queue_survey found;
	uint64_t begun = orch_clock_mono_ms();

	postgres_do(w->f.postgres, "kill");
	found = survey(w);
	assert_true(orch_clock_mono_ms() - begun < ORCH_PG_TRY_MS);
	postgres_do(w->f.postgres, "start");
	assert_int_equal(found.code, ORCH_E_AGAIN);
	assert_contains(found.err.text, "PostgreSQL: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)
		TEST(test_a_survey_says_what_stats_and_ledger_say),
		TEST(test_a_survey_of_a_server_that_is_away_fails_soon),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
