/* SPDX-License-Identifier: Apache-2.0 */
/* Groups, transactions and the disk. */
#include "unit/db/fixture.h"

#include <signal.h>

static const struct orch_db_migration migrations[] = {
	{ .part = "test", .number = 1, .sql = "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT" },
};

/* Inserts NUMBER; then waits, notes or fails as told. */
struct insert {
	struct orch_db_op op;
	int64_t number;
	int code;
	struct counter *entered, *leave;
	const char *topic;
	unsigned runs;
};

static int run_insert(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct insert *insert = (struct insert *)(void *)op;
	sqlite3_stmt *statement;
	int code;

	insert->runs++;
	if (insert->entered)
		counter_add(insert->entered);
	if (insert->leave)
		counter_await(insert->leave, 1);
	code = orch_db_statement(db, "INSERT INTO t (n) VALUES (?1)", &statement, err);
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, insert->number);
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && insert->topic)
		orch_db_note(db, insert->topic);
	if (code == ORCH_OK && insert->code < 0)
		return orch_fail(err, insert->code, "as told");
	return code;
}

#define INSERT(n) ((struct insert){ .op = { .run = run_insert }, .number = (n) })

struct submission {
	struct orch_db_group group;
	struct insert inserts[2];
	struct counter *done;
	unsigned *order;
	unsigned place;
};

static void on_done(struct orch_db_group *group)
{
	struct submission *submission = (struct submission *)(void *)group;

	if (submission->order)
		submission->place = (*submission->order)++;
	counter_add(submission->done);
}

static void submit(struct fixture *f, struct submission *submission, struct counter *done)
{
	struct orch_err err = { "" };

	submission->done = done;
	submission->group.lane = f->lane;
	submission->group.done = on_done;
	submission->group.first = &submission->inserts[0].op;
	if (submission->inserts[1].op.run)
		submission->inserts[0].op.next = &submission->inserts[1].op;
	if (orch_db_submit(f->db, &submission->group, &err) < 0)
		fail_msg("%s", err.text);
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

static void reopen(struct fixture *f)
{
	orch_db_close(f->db);
	f->db = open_db(f, migrations, 1, 0);
}

static int run_one(struct fixture *f, struct insert *insert, bool adds)
{
	struct orch_db_group group = { .first = &insert->op, .adds = adds };
	struct orch_err err;

	return orch_db_run(f->db, &group, &err);
}

static void test_what_is_done_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct insert insert = INSERT(7);

	assert_int_equal(run_one(f, &insert, false), ORCH_OK);
	assert_int_equal(ask(f->path, "SELECT n FROM t"), 7);
	reopen(f);
	assert_int_equal(ask(f->path, "SELECT n FROM t"), 7);
}

/* Submits COUNT groups that are sure to share one transaction. */
static void submit_together(
	struct fixture *f, struct submission *groups, size_t count, struct counter *done)
{
	struct counter entered = COUNTER_INIT;
	struct counter leave = COUNTER_INIT;
	struct submission gate = { .inserts = { INSERT(1000000) } };

	gate.inserts[0].entered = &entered;
	gate.inserts[0].leave = &leave;
	submit(f, &gate, done);
	counter_await(&entered, 1);
	for (size_t i = 0; i < count; i++)
		submit(f, &groups[i], done);
	counter_add(&leave);
	counter_await(done, (unsigned)count + 1);
}

static void test_a_failing_op_undoes_its_group_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct submission groups[] = {
		{ .inserts = { INSERT(1), INSERT(2) } },
		{ .inserts = { INSERT(3), INSERT(4) } },
		{ .inserts = { INSERT(5), INSERT(6) } },
	};

	groups[1].inserts[1].code = ORCH_E_DENIED;
	submit_together(f, groups, 3, &done);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[1].group.code, ORCH_E_DENIED);
	assert_string_equal(groups[1].group.err.text, "as told");
	assert_int_equal(groups[2].group.code, ORCH_OK);
	assert_int_equal(ask(f->path, "SELECT group_concat(n, '') FROM t WHERE n < 10"), 1256);
	assert_int_equal(groups[0].inserts[0].runs, 2);
}

static void test_a_failure_without_a_change_runs_nothing_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct submission groups[] = { { .inserts = { INSERT(1) } }, { .inserts = { INSERT(1) } },
		{ .inserts = { INSERT(2) } } };

	submit_together(f, groups, 3, &done);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[1].group.code, ORCH_E_INTERNAL);
	assert_int_equal(groups[2].group.code, ORCH_OK);
	assert_int_equal(groups[0].inserts[0].runs, 1);
}

static void test_groups_are_done_in_the_order_of_submission(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct submission groups[300];
	unsigned order = 0;

	for (unsigned i = 0; i < 300; i++)
		groups[i] = (struct submission){ .inserts = { INSERT(i) }, .order = &order };
	for (unsigned i = 0; i < 300; i++)
		submit(f, &groups[i], &done);
	counter_await(&done, 300);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(groups[i].place, i);
}

static void test_a_writer_with_too_much_before_it_says_so(void **state)
{
	struct fixture *f = *state;
	struct orch_db_options options = { .path = f->path, .queued_groups = 2 };
	struct counter entered = COUNTER_INIT;
	struct counter leave = COUNTER_INIT;
	struct counter done = COUNTER_INIT;
	struct submission groups[4] = { { .inserts = { INSERT(1) } }, { .inserts = { INSERT(2) } },
		{ .inserts = { INSERT(3) } }, { .inserts = { INSERT(4) } } };
	struct orch_err err;

	orch_db_close(f->db);
	assert_int_equal(orch_db_open(&options, migrations, 1, &f->db, &err), ORCH_OK);
	groups[0].inserts[0].entered = &entered;
	groups[0].inserts[0].leave = &leave;
	submit(f, &groups[0], &done);
	counter_await(&entered, 1);
	submit(f, &groups[1], &done);
	submit(f, &groups[2], &done);
	groups[3].group.lane = f->lane;
	assert_int_equal(orch_db_submit(f->db, &groups[3].group, &err), ORCH_E_AGAIN);
	counter_add(&leave);
	counter_await(&done, 3);
}

static void test_below_the_reserve_only_adding_is_refused(void **state)
{
	struct fixture *f = *state;
	struct insert adds = INSERT(1);
	struct insert other = INSERT(2);

	orch_db_close(f->db);
	f->db = open_db(f, migrations, 1, UINT64_MAX);
	assert_true(orch_db_is_full(f->db));
	assert_int_equal(run_one(f, &adds, true), ORCH_E_LIMIT);
	assert_int_equal(run_one(f, &other, false), ORCH_OK);
	assert_int_equal(ask(f->path, "SELECT n FROM t"), 2);
	reopen(f);
	assert_false(orch_db_is_full(f->db));
	assert_int_equal(run_one(f, &adds, true), ORCH_OK);
}

static void test_it_waits_for_another_process_to_finish_writing(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct submission group = { .inserts = { INSERT(1) } };
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	submit(f, &group, &done);
	assert_false(counter_reaches(&done, 1, 50));
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	counter_await(&done, 1);
	assert_int_equal(group.group.code, ORCH_OK);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

struct count_rows {
	struct orch_db_op op;
	int64_t count;
};

static int run_count(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct count_rows *count = (struct count_rows *)(void *)op;
	/* Other SQL at the same place, as a composed query may stand. */
	static const char *const texts[] = { "SELECT count(*) FROM t",
		"SELECT 10 * count(*) FROM t" };
	char sql[64];

	count->count = 0;
	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *statement;
		bool row = false;
		int code;

		(void)snprintf(sql, sizeof(sql), "%s", texts[i]);
		code = orch_db_statement(db, sql, &statement, err);
		if (code == ORCH_OK)
			code = orch_db_step(statement, &row, err);
		if (code < 0)
			return code;
		count->count += sqlite3_column_int64(statement, 0);
	}
	return ORCH_OK;
}

static void test_reads_see_what_was_done_and_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct count_rows count = { .op = { .run = run_count } };
	struct insert first = INSERT(1);
	struct insert second = INSERT(2);
	struct orch_err err;

	assert_int_equal(run_one(f, &first, false), ORCH_OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(orch_db_read(f->db, &count.op, &err), ORCH_OK);
		assert_int_equal(count.count, 11);
	}
	assert_int_equal(orch_db_read(f->db, &second.op, &err), ORCH_E_DENIED);
	assert_int_equal(orch_db_read(f->db, &count.op, &err), ORCH_OK);
	assert_int_equal(count.count, 11);
}

static void test_the_log_does_not_grow_without_end(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	char wal[128];

	for (unsigned i = 0; i < 2500; i++) {
		struct insert insert = INSERT(i);

		assert_int_equal(run_one(f, &insert, false), ORCH_OK);
	}
	(void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(stat(wal, &status), 0);
	assert_true(status.st_size < 2000 * 4120);
}

/* Inserts without end, telling each number once it is durable. */
static void insert_until_killed(struct fixture *f, int fd)
{
	for (int64_t n = 1;; n++) {
		struct insert insert = INSERT(n);

		if (run_one(f, &insert, false) < 0 || write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* Without threads: a child of a process that has some could not start its own. */
static int setup_place(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_dir(f);
	*state = f;
	return 0;
}

static int teardown_place(void **state)
{
	struct fixture *f = *state;

	remove_dir(f);
	free(f);
	return 0;
}

static void kill_after(struct fixture *f, unsigned inserts)
{
	int64_t told = 0;
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		f->db = open_db(f, migrations, 1, 0);
		insert_until_killed(f, ends[1]);
	}
	close(ends[1]);
	for (unsigned i = 0; i < inserts; i++)
		read_fully(ends[0], &told, sizeof(told));
	kill(child, SIGKILL);
	while (read(ends[0], &told, sizeof(told)) == sizeof(told))
		;
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	orch_db_close(open_db(f, migrations, 1, 0));
	assert_in_range(ask(f->path, "SELECT max(n) FROM t"), told, told + 1);
	assert_int_equal(ask(f->path, "SELECT max(n) = count(*) FROM t"), 1);
	assert_is_sound(f->path);
	poke(f->path, "DELETE FROM t");
}

static void test_what_was_done_survives_a_kill(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 5; round++)
		kill_after(f, 20 + round * 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_done_is_there_after_reopening, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_failing_op_undoes_its_group_and_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_failure_without_a_change_runs_nothing_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_groups_are_done_in_the_order_of_submission, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_writer_with_too_much_before_it_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_below_the_reserve_only_adding_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_it_waits_for_another_process_to_finish_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_reads_see_what_was_done_and_cannot_write, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_log_does_not_grow_without_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_done_survives_a_kill, setup_place, teardown_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
