/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that fall silent, take too long, have no room or may not be written to. */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "pg/internal.h"
#include "unit/pg/fixture.h"

static struct orch_pg *open_hasty(const struct fixture *f, uint32_t statement_ms)
{
	const struct orch_pg_options options = {
		.dsn = orch_text_from(f->dsn), .statement_ms = statement_ms, .connect_ms = 2000
	};
	struct orch_err err = { "" };
	struct orch_pg *pg = NULL;

	if (orch_pg_open(&options, NULL, 0, &pg, &err) < 0)
		fail_msg("%s", err.text);
	return pg;
}

static void make_hasty(struct fixture *hasty, const struct fixture *f, uint32_t statement_ms)
{
	*hasty = *f;
	hasty->pg = open_hasty(f, statement_ms);
	make_lane(hasty);
}

static void remove_hasty(struct fixture *hasty)
{
	remove_lane(hasty);
	orch_pg_close(hasty->pg);
}

/* Nothing is closed and nothing answers, as after the loss of a cable. */
static void test_a_connection_that_fell_silent_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct fixture hasty;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];
	struct submission submission;

	make_hasty(&hasty, f, 200);
	make_group(&groups[0], &hasty, &done, INSERT_ONCE, 1);
	run_all(&hasty, groups, 1);
	postgres_do(f->postgres, "freeze");
	make_group(&groups[0], &hasty, &done, INSERT_ONCE, 2);
	make_group(&groups[1], &hasty, &done, INSERT_ONCE, 3);
	groups[1].group.patience_ms = 9000;
	groups[0].group.patience_ms = 100;
	submit_all(&submission, &hasty, groups, 2);
	counter_await(&done, 3);
	assert_int_equal(groups[0].group.code, ORCH_E_AGAIN);
	assert_contains(groups[0].group.err.text, "no answer in time");
	assert_int_equal(groups[0].op.sent, 1);
	postgres_do(f->postgres, "thaw");
	counter_await(&done, 3);
	make_group(&groups[0], &hasty, &done, INSERT_ONCE, 2);
	run_all(&hasty, groups, 1);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	counter_await(&done, 4);
	remove_hasty(&hasty);
}

static void test_a_statement_that_takes_too_long_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct fixture hasty;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];

	make_hasty(&hasty, f, 200);
	make_group(&groups[0], &hasty, &done, "SELECT $1 FROM pg_sleep(60)", 1);
	make_group(&groups[1], &hasty, &done, INSERT_ONCE, 2);
	run_all(&hasty, groups, 2);
	assert_int_equal(groups[0].group.code, ORCH_E_AGAIN);
	assert_contains(groups[0].group.err.text, "57014");
	assert_int_equal(groups[1].group.code, ORCH_OK);
	remove_hasty(&hasty);
}

static void test_a_lock_of_others_is_waited_for_again_and_again(void **state)
{
	struct fixture *f = *state;
	struct fixture hasty;
	struct counter done = COUNTER_INIT;
	struct counter held = COUNTER_INIT;
	struct test_group holder, groups[2];
	struct submission submission;

	make_hasty(&hasty, f, 200);
	make_group(&holder, f, &held, INSERT_ONCE, 1);
	holder.op.sql[1] = "SELECT 1 FROM pg_sleep(2)";
	submit_all(&submission, f, &holder, 1);
	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	make_group(&groups[0], &hasty, &done, INSERT_ONCE, 1);
	make_group(&groups[1], &hasty, &done, INSERT_ONCE, 2);
	run_all(&hasty, groups, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(groups[i].group.code, ORCH_OK);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_true(groups[0].op.sent > 2);
	counter_await(&held, 1);
	remove_hasty(&hasty);
}

static void test_a_standby_is_not_used_until_it_is_promoted(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];
	struct submission submission;
	char path[160];
	FILE *file;

	postgres_do(f->postgres, "stop");
	(void)snprintf(path, sizeof(path), "%s/data/standby.signal", f->postgres->folder);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	postgres_do(f->postgres, "start");
	make_group(&groups[0], f, &done, INSERT_ONCE, 1);
	make_group(&groups[1], f, &done, INSERT_ONCE, 2);
	groups[0].group.patience_ms = 1000;
	submit_all(&submission, f, groups, 2);
	counter_await(&done, 1);
	assert_int_equal(groups[0].group.code, ORCH_E_AGAIN);
	assert_contains(groups[0].group.err.text, "read-only");
	postgres_sql(f->postgres, "postgres", "SELECT pg_promote()", NULL, 0);
	counter_await(&done, 2);
	assert_int_equal(groups[1].group.code, ORCH_OK);
}

static void test_a_server_without_room_is_asked_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];
	struct submission submission;

	postgres_sql(
		f->postgres, "postgres", "ALTER ROLE orchestrator CONNECTION LIMIT 0", NULL, 0);
	assert_true(ask(f, CUT_CONNECTIONS) > 0);
	make_group(&groups[0], f, &done, INSERT_ONCE, 1);
	make_group(&groups[1], f, &done, INSERT_ONCE, 2);
	groups[0].group.patience_ms = 500;
	submit_all(&submission, f, groups, 2);
	counter_await(&done, 1);
	assert_int_equal(groups[0].group.code, ORCH_E_AGAIN);
	assert_contains(groups[0].group.err.text, "too many connections");
	postgres_sql(
		f->postgres, "postgres", "ALTER ROLE orchestrator CONNECTION LIMIT -1", NULL, 0);
	counter_await(&done, 2);
	assert_int_equal(groups[1].group.code, ORCH_OK);
}

static bool is_healthy(const struct fixture *f)
{
	struct orch_err err = { "" };
	bool healthy = orch_pg_is_healthy(f->pg, &err);

	if (!healthy)
		assert_contains(err.text, "PostgreSQL: ");
	return healthy;
}

static void await_health(const struct fixture *f, bool wanted)
{
	uint64_t until = orch_clock_mono_ms() + WAIT_S * 1000;

	while (is_healthy(f) != wanted) {
		assert_true(orch_clock_mono_ms() < until);
		orch_clock_pause_us(10000);
	}
}

static void test_health_follows_the_connections(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;
	int64_t before;

	make_group(&group, f, &done, INSERT_ONCE, 1);
	run_all(f, &group, 1);
	before = reconnects();
	assert_true(is_healthy(f));
	postgres_do(f->postgres, "kill");
	assert_true(is_healthy(f)); /* a moment is forgiven */
	await_health(f, false);
	postgres_do(f->postgres, "start");
	await_health(f, true);
	assert_int_equal(reconnects(), before + 1);
}

/* Its connection stands, and what was asked is not answered. */
static void test_health_follows_the_answers(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;
	struct submission submission;
	struct orch_err err = { "" };

	make_group(&group, f, &done, INSERT_ONCE, 1);
	run_all(f, &group, 1);
	postgres_do(f->postgres, "freeze");
	assert_true(is_healthy(f)); /* it was not asked anything */
	make_group(&group, f, &done, INSERT_ONCE, 2);
	submit_all(&submission, f, &group, 1);
	await_health(f, false);
	assert_false(orch_pg_is_healthy(f->pg, &err));
	assert_contains(err.text, "no answer for 10 s");
	postgres_do(f->postgres, "thaw");
	counter_await(&done, 2);
	assert_true(is_healthy(f));
	assert_int_equal(group.op.sent, 1);
}

static int run_now(const struct fixture *f, struct orch_err *err)
{
	struct test_op op = TEST_OP(INSERT_ONCE);
	struct orch_db_group group = { .first = &op.op.base };

	return orch_pg_run(f->pg, &group, err);
}

static void test_runs_that_are_hastened_wait_for_no_statement(void **state)
{
	struct fixture *f = *state;
	struct orch_err err = { "" };
	uint64_t begun;

	orch_pg_hasten_runs(f->pg);
	assert_int_equal(run_now(f, &err), ORCH_OK);
	postgres_do(f->postgres, "freeze");
	begun = orch_clock_mono_ms();
	assert_int_equal(run_now(f, &err), ORCH_E_AGAIN);
	assert_contains(err.text, "no answer in time");
	assert_true(orch_clock_mono_ms() - begun < ORCH_PG_STATEMENT_MS / 2);
	postgres_do(f->postgres, "thaw");
	assert_int_equal(run_now(f, &err), ORCH_OK);
}

static int user_timeout_ms(const struct orch_pg *pg)
{
	int value = 0;
	socklen_t len = sizeof(value);

	assert_return_code(
		getsockopt(PQsocket(pg->run->conn), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len),
		errno);
	return value;
}

/* Who is cut off notices, and the server lets go of what he has locked, before others lose their patience. */
static void test_both_ends_give_a_dead_peer_up_soon_unless_another_time_is_chosen(void **state)
{
	struct fixture *f = *state;
	struct fixture far = *f;
	static const char *const chosen[] = { "", " tcp_user_timeout=40000" };
	struct test_op op = TEST_OP("SELECT setting::bigint FROM pg_catalog.pg_settings"
				    " WHERE name = 'tcp_user_timeout'");
	struct orch_db_group group = { .first = &op.op.base };
	struct orch_err err = { "" };

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(far.dsn, sizeof(far.dsn),
			"host=127.0.0.1 port=%u dbname=%s user=orchestrator%s", f->postgres->port,
			f->database, chosen[i]);
		far.pg = open_pg(&far);
		assert_int_equal(orch_pg_run(far.pg, &group, &err), ORCH_OK);
		assert_in_range(op.got, ORCH_PG_LOCK_MS + 1, 20000);
		assert_int_equal(user_timeout_ms(far.pg), i == 0 ? op.got : 40000);
		orch_pg_close(far.pg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_connection_that_fell_silent_is_given_up),
		TEST(test_a_statement_that_takes_too_long_is_given_up),
		TEST(test_a_lock_of_others_is_waited_for_again_and_again),
		TEST(test_a_standby_is_not_used_until_it_is_promoted),
		TEST(test_a_server_without_room_is_asked_again),
		TEST(test_health_follows_the_connections),
		TEST(test_health_follows_the_answers),
		TEST(test_runs_that_are_hastened_wait_for_no_statement),
		TEST(test_both_ends_give_a_dead_peer_up_soon_unless_another_time_is_chosen),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
