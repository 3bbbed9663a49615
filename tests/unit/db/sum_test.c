/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that many groups raise and one statement writes. */
#include "unit/db/fixture.h"

#define MANY 200 /* more numbers than are kept */

static const struct orch_db_migration migrations[] = {
	{ .part = "test",
		.number = 1,
		.sql = "CREATE TABLE sum (number INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		       " total INTEGER NOT NULL, times INTEGER NOT NULL) STRICT" },
};
static const char raise_sql[] = "INSERT INTO sum (number, name, total, times)"
				" VALUES (?1, ?2, ?3, 1) ON CONFLICT (number) DO UPDATE"
				" SET total = total + excluded.total, times = times + 1";

/* Adds BY to COUNT numbers from FIRST on, waits if told, fails if told. */
struct raising {
	struct orch_db_op op;
	struct orch_db_group group;
	int64_t first, count, by;
	int code;
	struct counter *entered, *leave, *done;
};

static int run_raising(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct raising *raising = (struct raising *)(void *)op;
	int code = ORCH_OK;

	if (raising->entered) {
		counter_add(raising->entered);
		counter_await(raising->leave, 1);
	}
	for (int64_t i = 0; i < raising->count && code == ORCH_OK; i++)
		code = orch_db_add_up(
			db, raise_sql, raising->first + i, ORCH_TEXT("name"), raising->by, err);
	return code < 0 ? code : raising->code;
}

static void on_done(struct orch_db_group *group)
{
	struct raising *raising =
		(struct raising *)(void *)((char *)group - offsetof(struct raising, group));

	counter_add(raising->done);
}

static void submit(struct fixture *f, struct raising *raising, struct counter *done)
{
	struct orch_err err = { "" };

	raising->op.run = run_raising;
	raising->done = done;
	raising->group =
		(struct orch_db_group){ .first = &raising->op, .lane = f->lane, .done = on_done };
	if (orch_db_submit(f->db, &raising->group, &err) < 0)
		fail_msg("%s", err.text);
}

/* In one transaction: they wait behind a group that lets them gather. */
static void submit_together(struct fixture *f, struct raising *raisings, size_t count)
{
	struct counter entered = COUNTER_INIT;
	struct counter leave = COUNTER_INIT;
	struct counter done = COUNTER_INIT;
	struct raising gate = { .entered = &entered, .leave = &leave };

	submit(f, &gate, &done);
	counter_await(&entered, 1);
	for (size_t i = 0; i < count; i++)
		submit(f, &raisings[i], &done);
	counter_add(&leave);
	counter_await(&done, (unsigned)count + 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_dir(f);
	make_lane(f);
	f->db = open_db(f, migrations, 1, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_lane(f);
	orch_db_close(f->db);
	remove_dir(f);
	free(f);
	return 0;
}

static void test_what_groups_add_up_is_written_once(void **state)
{
	struct fixture *f = *state;
	struct raising raisings[] = { { .first = 1, .count = 1, .by = 1 },
		{ .first = 1, .count = 2, .by = 10 }, { .first = 1, .count = 1, .by = 100 } };

	submit_together(f, raisings, 3);
	assert_int_equal(ask(f->path, "SELECT total FROM sum WHERE number = 1"), 111);
	assert_int_equal(ask(f->path, "SELECT times FROM sum WHERE number = 1"), 1);
	assert_int_equal(ask(f->path, "SELECT total FROM sum WHERE number = 2"), 10);
	submit_together(f, raisings, 1);
	assert_int_equal(ask(f->path, "SELECT total FROM sum WHERE number = 1"), 112);
}

static void test_a_group_that_fails_has_added_nothing(void **state)
{
	struct fixture *f = *state;
	struct raising raisings[] = { { .first = 1, .count = 1, .by = 1 },
		{ .first = 1, .count = 2, .by = 10, .code = ORCH_E_INVALID },
		{ .first = 1, .count = 1, .by = 100 },
		{ .first = 1, .count = MANY, .by = 1000, .code = ORCH_E_INVALID } };

	submit_together(f, raisings, 4);
	assert_int_equal(raisings[1].group.code, ORCH_E_INVALID);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM sum"), 1);
	assert_int_equal(ask(f->path, "SELECT total FROM sum"), 101);
}

static void test_more_numbers_than_are_kept_are_all_written(void **state)
{
	struct fixture *f = *state;
	struct raising raisings[] = { { .first = 1, .count = MANY, .by = 1 },
		{ .first = 1, .count = MANY, .by = 2 } };

	submit_together(f, raisings, 2);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM sum WHERE total = 3"), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_groups_add_up_is_written_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_group_that_fails_has_added_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_numbers_than_are_kept_are_all_written, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
