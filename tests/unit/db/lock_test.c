/* SPDX-License-Identifier: Apache-2.0 */
/* Another process keeps the database locked. */
#include "db/internal.h"
#include "unit/db/fixture.h"

static const struct orch_db_migration steps[] = {
	{ .part = "test", .number = 1, .sql = "CREATE TABLE t (n INTEGER)" },
};

struct house {
	struct fixture f;
	sqlite3 *other;
};

struct work {
	struct orch_db_op op;
	struct orch_db_group group;
	struct counter done;
};

static int setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	make_dir(&h->f);
	make_lane(&h->f);
	h->f.db = open_db(&h->f, steps, 1, 0);
	assert_int_equal(sqlite3_open(h->f.path, &h->other), SQLITE_OK);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct house *h = *state;

	assert_int_equal(sqlite3_close(h->other), SQLITE_OK);
	remove_lane(&h->f);
	orch_db_close(h->f.db);
	remove_dir(&h->f);
	free(h);
	return 0;
}

static void tell_other(struct house *h, const char *sql)
{
	if (sqlite3_exec(h->other, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(h->other));
}

static int insert(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "INSERT INTO t VALUES (1)", &statement, err);

	(void)op;
	return code < 0 ? code : orch_db_step_done(statement, err);
}

static void on_done(struct orch_db_group *group)
{
	struct work *work = (struct work *)(void *)((char *)group - offsetof(struct work, group));

	counter_add(&work->done);
}

static void submit(struct house *h, struct work *work, uint64_t patience_ms)
{
	struct orch_err err = { "" };

	*work = (struct work){ .op = { .run = insert }, .done = COUNTER_INIT };
	work->group = (struct orch_db_group){
		.first = &work->op, .lane = h->f.lane, .done = on_done, .patience_ms = patience_ms
	};
	if (orch_db_submit(h->f.db, &work->group, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_who_cannot_wait_is_told_and_the_others_wait(void **state)
{
	struct house *h = *state;
	struct work patient, hasty, behind;

	tell_other(h, "BEGIN IMMEDIATE");
	submit(h, &patient, 0);
	submit(h, &hasty, 100);
	counter_await(&hasty.done, 1);
	assert_int_equal(hasty.group.code, ORCH_E_AGAIN);
	assert_non_null(strstr(hasty.group.err.text, "locked by another process"));
	submit(h, &behind, 1);
	counter_await(&behind.done, 1);
	assert_int_equal(behind.group.code, ORCH_E_AGAIN);
	assert_int_equal(counter_value(&patient.done), 0);
	tell_other(h, "COMMIT");
	counter_await(&patient.done, 1);
	assert_int_equal(patient.group.code, ORCH_OK);
	assert_int_equal(ask(h->f.path, "SELECT count(*) FROM t"), 1);
}

static void test_patience_that_is_not_tried_does_not_matter(void **state)
{
	struct house *h = *state;
	struct work work;

	submit(h, &work, 1);
	counter_await(&work.done, 1);
	assert_int_equal(work.group.code, ORCH_OK);
}

static void await_health(struct house *h, bool healthy)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	uint64_t until = orch_clock_mono_ms() + FIXTURE_WAIT_S * 1000;
	struct orch_err err = { "" };

	while (orch_db_is_healthy(h->f.db, &err) != healthy) {
		assert_true(orch_clock_mono_ms() < until);
		(void)nanosleep(&moment, NULL);
	}
	if (!healthy)
		assert_non_null(strstr(err.text, "locked by another process"));
}

static void test_a_lock_that_lasts_is_not_healthy_until_it_has_gone(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };
	struct work work;

	tell_other(h, "BEGIN IMMEDIATE");
	submit(h, &work, 1);
	counter_await(&work.done, 1);
	assert_true(orch_db_is_healthy(h->f.db, &err));
	/* As if it had lasted for so long. */
	assert_true(atomic_load(&h->f.db->locked_ms) > ORCH_DB_UNHEALTHY_MS);
	atomic_fetch_sub(&h->f.db->locked_ms, ORCH_DB_UNHEALTHY_MS);
	await_health(h, false);
	tell_other(h, "COMMIT");
	await_health(h, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_who_cannot_wait_is_told_and_the_others_wait),
		TEST(test_patience_that_is_not_tried_does_not_matter),
		TEST(test_a_lock_that_lasts_is_not_healthy_until_it_has_gone),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
