/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that die, fall silent, turn away and come back: nothing is lost, nothing is done that is not kept. */
#include "base/metric.h"
#include "unit/pg/fixture.h"

#define INSERT "INSERT INTO item VALUES ($1) ON CONFLICT DO NOTHING"
#define CUT                                                                              \
	"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = " \
	"'orchestrator'"

static void test_groups_wait_for_a_server_that_comes_back(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[20];
	struct submission submission;

	postgres_do(f->postgres, "kill");
	for (int i = 0; i < 20; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	submit_all(&submission, f, groups, 20);
	postgres_do(f->postgres, "start");
	counter_await(&done, 20);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(groups[i].group.code, ORCH_OK);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 20);
}

static void test_a_group_with_little_patience_ends_before_the_others(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[3];
	struct submission submission;

	postgres_do(f->postgres, "kill");
	for (int i = 0; i < 3; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	groups[1].group.patience_ms = 200;
	submit_all(&submission, f, groups, 3);
	counter_await(&done, 1);
	assert_int_equal(groups[1].group.code, ORCH_E_AGAIN);
	assert_contains(groups[1].group.err.text, "PostgreSQL: ");
	assert_int_equal(groups[1].op.sent, 0);
	postgres_do(f->postgres, "start");
	counter_await(&done, 3);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[2].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT sum(id) FROM item"), 2);
}

/* Each group that is done brings the next, until TOTAL. */
struct load {
	struct orch_job job;
	struct fixture *f;
	struct test_group *groups;
	unsigned total;
	unsigned submitted; /* the lane's */
	struct counter done;
};
static struct load load;

static void submit_next(void)
{
	struct test_group *group = &load.groups[load.submitted++];

	assert_int_equal(orch_pg_submit(load.f->pg, &group->group, &group->group.err), ORCH_OK);
}

static void on_loaded(struct orch_db_group *group)
{
	if (group->code < 0)
		fail_msg("%s", group->err.text);
	if (load.submitted < load.total)
		submit_next();
	counter_add(&load.done);
}

static void begin_load(struct orch_job *job)
{
	(void)job;
	while (load.submitted < 300)
		submit_next();
}

static void make_load(struct fixture *f, unsigned total)
{
	load = (struct load){ .job = { .run = begin_load },
		.f = f,
		.groups = test_calloc(total, sizeof(*load.groups)),
		.total = total,
		.done = COUNTER_INIT };
	for (unsigned i = 0; i < total; i++) {
		make_group(&load.groups[i], f, NULL, INSERT, i);
		load.groups[i].group.done = on_loaded;
	}
	orch_lane_post(f->lane, &load.job);
}

/* A group that is done is never run again: what a kill took from it would be missing at the end. */
static void assert_load_arrived(void)
{
	counter_await(&load.done, load.total);
	assert_int_equal(ask(load.f, "SELECT count(*) FROM item"), load.total);
	test_free(load.groups);
}

static void test_a_server_killed_under_load_loses_nothing(void **state)
{
	struct fixture *f = *state;

	make_load(f, 20000);
	for (unsigned i = 1; i <= 4; i++) {
		counter_await(&load.done, i * 3000);
		postgres_do(f->postgres, "kill");
		postgres_do(f->postgres, "start");
	}
	assert_load_arrived();
}

static int64_t reconnects(void)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_reconnects_total", ""));
}

static void test_connections_cut_under_load_lose_nothing(void **state)
{
	struct fixture *f = *state;

	int64_t before = reconnects();

	make_load(f, 20000);
	for (unsigned i = 1; i <= 10; i++) {
		counter_await(&load.done, i * 1500);
		postgres_sql(f->postgres, "postgres", CUT, NULL, 0);
	}
	assert_load_arrived();
	assert_true(reconnects() > before + 2);
}

static void test_a_group_whose_connection_is_cut_is_run_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];
	struct submission submission;

	make_group(&groups[0], f, &done, INSERT, 1);
	groups[0].op.sql[1] = "SELECT 1 FROM pg_sleep(1)";
	make_group(&groups[1], f, &done, INSERT, 2);
	submit_all(&submission, f, groups, 2);
	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	assert_true(ask(f, CUT) > 0);
	counter_await(&done, 2);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[0].op.sent, 2);
	assert_int_equal(groups[1].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 2);
}

static void test_a_group_that_ends_its_connection_harms_no_other(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[5];

	for (int i = 0; i < 5; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	groups[2].op.sql[1] = "SELECT 1 FROM pg_terminate_backend(pg_backend_pid())";
	groups[2].group.patience_ms = 1000;
	run_all(f, groups, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(groups[i].group.code, i == 2 ? ORCH_E_AGAIN : ORCH_OK);
	assert_contains(groups[2].group.err.text, "57P01");
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 4);
}

static void test_an_idle_connection_that_is_cut_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;

	for (int i = 0; i < 5; i++) {
		make_group(&group, f, &done, INSERT, i);
		run_all(f, &group, 1);
		assert_int_equal(group.group.code, ORCH_OK);
		assert_true(ask(f, CUT) > 0);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 5);
}

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
	make_group(&groups[0], &hasty, &done, INSERT, 1);
	run_all(&hasty, groups, 1);
	postgres_do(f->postgres, "freeze");
	make_group(&groups[0], &hasty, &done, INSERT, 2);
	make_group(&groups[1], &hasty, &done, INSERT, 3);
	groups[1].group.patience_ms = 9000;
	groups[0].group.patience_ms = 100;
	submit_all(&submission, &hasty, groups, 2);
	counter_await(&done, 3);
	assert_int_equal(groups[0].group.code, ORCH_E_AGAIN);
	assert_contains(groups[0].group.err.text, "no answer in time");
	assert_int_equal(groups[0].op.sent, 1);
	postgres_do(f->postgres, "thaw");
	counter_await(&done, 3);
	make_group(&groups[0], &hasty, &done, INSERT, 2);
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
	make_group(&groups[1], &hasty, &done, INSERT, 2);
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
	make_group(&holder, f, &held, INSERT, 1);
	holder.op.sql[1] = "SELECT 1 FROM pg_sleep(2)";
	submit_all(&submission, f, &holder, 1);
	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	make_group(&groups[0], &hasty, &done, INSERT, 1);
	make_group(&groups[1], &hasty, &done, INSERT, 2);
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
	make_group(&groups[0], f, &done, INSERT, 1);
	make_group(&groups[1], f, &done, INSERT, 2);
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
	assert_true(ask(f, CUT) > 0);
	make_group(&groups[0], f, &done, INSERT, 1);
	make_group(&groups[1], f, &done, INSERT, 2);
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

	make_group(&group, f, &done, INSERT, 1);
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

static void test_what_waits_when_its_lane_is_detached_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	struct counter done = COUNTER_INIT;
	struct test_group group;
	struct orch_err err = { "" };

	assert_int_equal(orch_lane_create("other", &other.lane, &err), ORCH_OK);
	assert_int_equal(orch_pg_attach(f->pg, other.lane, &err), ORCH_OK);
	make_group(&group, &other, &done, INSERT, 1);
	assert_int_equal(orch_pg_submit(f->pg, &group.group, &err), ORCH_OK);
	orch_pg_detach(f->pg, other.lane);
	assert_int_equal(orch_lane_start(other.lane, &err), ORCH_OK);
	counter_await(&done, 1);
	assert_int_equal(group.group.code, ORCH_E_AGAIN);
	orch_lane_stop(other.lane);
	orch_lane_destroy(other.lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_groups_wait_for_a_server_that_comes_back),
		TEST(test_a_group_with_little_patience_ends_before_the_others),
		TEST(test_a_server_killed_under_load_loses_nothing),
		TEST(test_connections_cut_under_load_lose_nothing),
		TEST(test_a_group_whose_connection_is_cut_is_run_again),
		TEST(test_a_group_that_ends_its_connection_harms_no_other),
		TEST(test_an_idle_connection_that_is_cut_is_replaced),
		TEST(test_a_connection_that_fell_silent_is_given_up),
		TEST(test_a_statement_that_takes_too_long_is_given_up),
		TEST(test_a_lock_of_others_is_waited_for_again_and_again),
		TEST(test_a_standby_is_not_used_until_it_is_promoted),
		TEST(test_a_server_without_room_is_asked_again),
		TEST(test_health_follows_the_connections),
		TEST(test_what_waits_when_its_lane_is_detached_is_given_back),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
