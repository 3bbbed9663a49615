/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that die and connections that are cut: nothing is lost, nothing is done that is not kept. */
#include <dirent.h>

#include "unit/pg/fixture.h"

static void test_groups_wait_for_a_server_that_comes_back(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[20];
	struct submission submission;

	postgres_do(f->postgres, "kill");
	for (int i = 0; i < 20; i++)
		make_group(&groups[i], f, &done, INSERT_ONCE, i);
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
		make_group(&groups[i], f, &done, INSERT_ONCE, i);
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
		make_group(&load.groups[i], f, NULL, INSERT_ONCE, i);
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

static unsigned open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static void test_connections_cut_under_load_lose_nothing(void **state)
{
	struct fixture *f = *state;

	int64_t before = reconnects();
	unsigned files = 0;

	make_load(f, 20000);
	for (unsigned i = 1; i <= 10; i++) {
		counter_await(&load.done, i * 1500);
		files = i == 1 ? open_files() : files;
		postgres_sql(f->postgres, "postgres", CUT_CONNECTIONS, NULL, 0);
	}
	assert_load_arrived();
	assert_true(reconnects() > before + 2);
	assert_int_equal(open_files(), files);
}

static void test_a_group_whose_connection_is_cut_is_run_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];
	struct submission submission;

	make_group(&groups[0], f, &done, INSERT_ONCE, 1);
	groups[0].op.sql[1] = "SELECT 1 FROM pg_sleep(1)";
	make_group(&groups[1], f, &done, INSERT_ONCE, 2);
	submit_all(&submission, f, groups, 2);
	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	assert_true(ask(f, CUT_CONNECTIONS) > 0);
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
		make_group(&groups[i], f, &done, INSERT_ONCE, i);
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
		make_group(&group, f, &done, INSERT_ONCE, i);
		run_all(f, &group, 1);
		assert_int_equal(group.group.code, ORCH_OK);
		assert_true(ask(f, CUT_CONNECTIONS) > 0);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 5);
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
	make_group(&group, &other, &done, INSERT_ONCE, 1);
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
		TEST(test_what_waits_when_its_lane_is_detached_is_given_back),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
