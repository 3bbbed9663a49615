/* SPDX-License-Identifier: Apache-2.0 */
/* Groups share transactions, and none suffers by another. */
#include "pg/internal.h"
#include "unit/pg/fixture.h"

#define INSERT "INSERT INTO item (id) VALUES ($1) RETURNING (pg_current_xact_id()::text)::bigint"

static void test_groups_of_one_turn_share_a_transaction(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[50];

	for (int i = 0; i < 50; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	run_all(f, groups, 50);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(groups[i].group.code, ORCH_OK);
		assert_int_equal(groups[i].op.got, groups[0].op.got);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 50);
}

static void test_one_that_fails_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[10];

	for (int i = 0; i < 10; i++)
		make_group(&groups[i], f, &done, INSERT, i == 4 ? 3 : i);
	run_all(f, groups, 10);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(groups[i].group.code, i == 4 ? ORCH_E_INVALID : ORCH_OK);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 9);
}

/* Statements that fail in each way that there is, and what that is to a group. */
static const struct {
	const char *sql;
	int code;
	const char *words;
} failures[] = {
	{ "SELECT orch_require($1 = 0, -4, 'the lease is lost')", ORCH_E_DENIED,
		"the lease is lost" },
	{ "SELECT orch_require(NULL, -1, 'not now') WHERE $1 >= 0", ORCH_E_AGAIN, "not now" },
	{ "SELECT orch_require(false, -77, 'what is that') WHERE $1 >= 0", ORCH_E_INTERNAL,
		"OR077" },
	{ "SELECT $1::bigint / 0", ORCH_E_INVALID, "22012" },
	{ "SELECT ('secret ' || $1::text)::uuid", ORCH_E_INVALID, "22P02" },
	{ "INSERT INTO item (id) SELECT NULL WHERE $1 >= 0", ORCH_E_INVALID, "23502" },
	{ "SELECT no_such_function($1)", ORCH_E_INTERNAL, "42883" },
	{ "SELECT FROM", ORCH_E_INTERNAL, "42601" },
	{ "CREATE ROLE somebody", ORCH_E_DENIED, "42501" },
	{ "SET TRANSACTION READ ONLY", ORCH_OK, "" },
};
#define FAILURES (sizeof(failures) / sizeof(failures[0]))

static void test_each_failure_has_its_code_and_its_words(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[FAILURES];

	for (size_t i = 0; i < FAILURES; i++)
		make_group(&groups[i], f, &done, failures[i].sql, 7);
	run_all(f, groups, FAILURES);
	for (size_t i = 0; i < FAILURES; i++) {
		if (groups[i].group.code != failures[i].code)
			fail_msg("%s: %d, %s", failures[i].sql, groups[i].group.code,
				groups[i].group.err.text);
		if (failures[i].code < 0)
			assert_contains(groups[i].group.err.text, failures[i].words);
	}
}

static void test_no_value_is_quoted_in_an_error(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;

	make_group(&group, f, &done, "SELECT ('secret ' || $1::text)::uuid", 4711);
	run_all(f, &group, 1);
	assert_lacks(group.group.err.text, "secret");
	make_group(&group, f, &done, "INSERT INTO item VALUES ($1), ($1)", 4711);
	run_all(f, &group, 1);
	assert_lacks(group.group.err.text, "4711");
}

/* Only at the end of the transaction does the server find it. */
static void test_a_commit_that_fails_fails_only_its_own_group(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[5];

	postgres_sql(f->postgres, f->database,
		"CREATE TABLE late (id bigint REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED);"
		" ALTER TABLE late OWNER TO orchestrator",
		NULL, 0);
	make_group(&groups[0], f, &done, INSERT, 1);
	make_group(&groups[1], f, &done, "INSERT INTO late VALUES ($1)", 1);
	make_group(&groups[2], f, &done, "INSERT INTO late VALUES ($1)", 2);
	make_group(&groups[3], f, &done, "INSERT INTO late VALUES ($1)", 1);
	make_group(&groups[4], f, &done, INSERT, 3);
	run_all(f, groups, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(groups[i].group.code, i == 2 ? ORCH_E_INVALID : ORCH_OK);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 2);
	assert_int_equal(ask(f, "SELECT count(*) FROM late"), 2);
}

static void test_a_group_takes_effect_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[3];

	for (int i = 0; i < 3; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	groups[1].op.sql[1] = "SELECT orch_require($1 > 0, -3, 'no')";
	groups[2].op.sql[1] = "SELECT orch_require($1 = 0, -3, 'no')";
	run_all(f, groups, 3);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[1].group.code, ORCH_E_LIMIT);
	assert_int_equal(groups[2].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item WHERE id = 1"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 2);
}

static void test_what_an_op_sent_before_its_send_failed_is_undone(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[4];

	for (int i = 0; i < 4; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	groups[1].op.send_code = ORCH_E_NOMEM;
	groups[2].op.send_code = ORCH_E_LIMIT;
	groups[2].op.sql[0] = NULL; /* nothing was sent of it */
	run_all(f, groups, 4);
	assert_int_equal(groups[0].group.code, ORCH_OK);
	assert_int_equal(groups[1].group.code, ORCH_E_NOMEM);
	assert_int_equal(groups[2].group.code, ORCH_E_LIMIT);
	assert_string_equal(groups[2].group.err.text, "the op's own");
	assert_int_equal(groups[3].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT sum(id) FROM item"), 3);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(groups[i].place, i + 1);
}

static int refuse(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)op, (void)number, (void)rows;
	return orch_fail(err, ORCH_E_DENIED, "not what was wanted");
}

static void test_a_take_that_fails_gives_the_code_and_undoes_nothing(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2];

	make_group(&groups[0], f, &done, INSERT, 1);
	make_group(&groups[1], f, &done, INSERT, 2);
	groups[0].op.op.take = refuse;
	run_all(f, groups, 2);
	assert_int_equal(groups[0].group.code, ORCH_E_DENIED);
	assert_string_equal(groups[0].group.err.text, "not what was wanted");
	assert_int_equal(groups[1].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 2);
}

static void test_a_queue_that_is_full_says_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group *groups = test_calloc(ORCH_PG_QUEUED_GROUPS + 1, sizeof(*groups));

	for (int i = 0; i <= ORCH_PG_QUEUED_GROUPS; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	run_all(f, groups, ORCH_PG_QUEUED_GROUPS + 1);
	/* The one too many was refused at once: before any was done. */
	assert_int_equal(groups[ORCH_PG_QUEUED_GROUPS].group.code, ORCH_E_AGAIN);
	assert_int_equal(groups[ORCH_PG_QUEUED_GROUPS].place, 1);
	for (int i = 0; i < ORCH_PG_QUEUED_GROUPS; i++)
		assert_int_equal(groups[i].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), ORCH_PG_QUEUED_GROUPS);
	assert_int_equal(ask(f, "SELECT count(DISTINCT xmin::text) FROM item"),
		ORCH_PG_QUEUED_GROUPS / ORCH_PG_BATCH_GROUPS);
	test_free(groups);
}

struct heavy {
	struct orch_pg_op op;
	struct orch_text value;
};

static int send_heavy(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender, "INSERT INTO item SELECT count(*) FROM item WHERE $1 IS NOT NULL");
	orch_pg_bytes(sender, ((struct heavy *)(void *)op)->value);
	return orch_pg_end(sender, err);
}

static void test_a_batch_takes_no_more_than_so_many_bytes(void **state)
{
	enum { COUNT = 9, BYTES = ORCH_PG_BATCH_BYTES / 3 };
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[COUNT];
	struct heavy heavy[COUNT];
	char *bytes = test_calloc(1, BYTES);

	for (int i = 0; i < COUNT; i++) {
		make_group(&groups[i], f, &done, "", 0);
		heavy[i] = (struct heavy){ .op = { .send = send_heavy, .bytes = BYTES },
			.value = { bytes, BYTES } };
		groups[i].group.first = &heavy[i].op.base;
	}
	run_all(f, groups, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(groups[i].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(DISTINCT xmin::text) FROM item"), COUNT / 3);
	test_free(bytes);
}

/* Ops of one kind: each has a number, and the table takes those that are not negative. */
struct kin {
	struct orch_pg_op op;
	struct test_group group;
	int64_t number;
};

static unsigned kin_statements; /* on the lane */

static int send_kin(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	int64_t numbers[16];

	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++)
		numbers[i] = ((struct kin *)(void *)ops[i])->number;
	kin_statements++;
	orch_pg_begin(sender,
		"WITH g AS (SELECT * FROM unnest($1::bigint[]) AS g (id)), put AS (INSERT INTO"
		" item SELECT id FROM g), ask AS (SELECT min(id) >= 0 AS fine FROM g)"
		" SELECT orch_require(fine, -4, 'a negative one'), id FROM ask, g ORDER BY id");
	orch_pg_ints(sender, numbers, count);
	return orch_pg_end(sender, err);
}

/* Those that are odd fail, and the others do not. */
static int take_kin(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	(void)number, (void)err;
	assert_int_equal(orch_pg_count(rows), count);
	for (size_t i = 0; i < count; i++)
		if (((struct kin *)(void *)ops[i])->number % 2 == 1)
			orch_pg_op_fail(ops[i], ORCH_E_LIMIT, "odd");
	return ORCH_OK;
}

static const struct orch_pg_kind kin_kind = { send_kin, take_kin };

static int send_one_kin(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	return send_kin(&op, 1, sender, err);
}

static int take_one_kin(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	return take_kin(&op, 1, number, rows, err);
}

struct kin_submission {
	struct orch_job job;
	struct fixture *f;
	struct kin *kins;
	size_t count;
};

static void submit_kins(struct orch_job *job)
{
	struct kin_submission *submission = (struct kin_submission *)(void *)job;
	struct orch_err err;

	for (size_t i = 0; i < submission->count; i++)
		assert_int_equal(
			orch_pg_submit(submission->f->pg, &submission->kins[i].group.group, &err),
			ORCH_OK);
}

static void run_kins(struct fixture *f, struct kin *kins, const int64_t *numbers, size_t count)
{
	struct counter done = COUNTER_INIT;
	struct kin_submission submission = {
		.job = { .run = submit_kins }, .f = f, .kins = kins, .count = count
	};

	for (size_t i = 0; i < count; i++) {
		make_group(&kins[i].group, f, &done, "", 0);
		kins[i].op = (struct orch_pg_op){
			.send = send_one_kin, .take = take_one_kin, .kind = &kin_kind
		};
		kins[i].number = numbers[i];
		kins[i].group.group.first = &kins[i].op.base;
	}
	kin_statements = 0;
	orch_lane_post(f->lane, &submission.job);
	counter_await(&done, (unsigned)count);
}

static void test_ops_of_one_kind_share_a_statement_and_fail_by_themselves(void **state)
{
	struct fixture *f = *state;
	static const int64_t numbers[] = { 2, 3, 4, 6 };
	struct kin kins[4];

	run_kins(f, kins, numbers, 4);
	assert_int_equal(kin_statements, 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			kins[i].group.group.code, numbers[i] % 2 == 1 ? ORCH_E_LIMIT : ORCH_OK);
	assert_string_equal(kins[1].group.group.err.text, "odd");
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 4);
}

static void test_one_that_its_statement_refuses_goes_alone_and_the_others_come_through(void **state)
{
	struct fixture *f = *state;
	static const int64_t numbers[] = { 2, -1, 4, 6 };
	struct kin kins[4];

	run_kins(f, kins, numbers, 4);
	assert_int_equal(kins[1].group.group.code, ORCH_E_DENIED);
	for (size_t i = 0; i < 4; i++)
		if (numbers[i] >= 0)
			assert_int_equal(kins[i].group.group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 3);
	assert_int_equal(kin_statements, 5);
}

/* Writes down in which order the server got them. */
struct turn_op {
	struct orch_pg_op op;
	struct test_group group;
	int64_t number;
};

static int send_turn(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender, "INSERT INTO item SELECT $1 * 1000 + count(*) FROM item");
	orch_pg_int(sender, ((struct turn_op *)(void *)op)->number);
	return orch_pg_end(sender, err);
}

static void test_ops_go_by_their_turn_and_then_as_they_came(void **state)
{
	static const int turns[] = { 0, ORCH_PG_LAST, ORCH_PG_FIRST, ORCH_PG_LATER, ORCH_PG_SOON,
		0 };
	/* The place of each among those six. */
	static const int64_t places[] = { 2, 5, 0, 4, 1, 3 };
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct turn_op ops[6];
	struct test_group groups[6];

	for (size_t i = 0; i < 6; i++) {
		make_group(&groups[i], f, &done, "", 0);
		ops[i] = (struct turn_op){ .op = { .send = send_turn, .turn = turns[i] },
			.number = (int64_t)i + 1 };
		groups[i].group.first = &ops[i].op.base;
	}
	run_all(f, groups, 6);
	for (size_t i = 0; i < 6; i++) {
		char sql[96];

		(void)snprintf(sql, sizeof(sql),
			"SELECT id %% 1000 FROM item WHERE id / 1000 = %zu", i + 1);
		assert_int_equal(ask(f, sql), places[i]);
	}
}

static int64_t counted(const char *result)
{
	return orch_metric_value(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_groups_total",
		"", { "result", orch_text_from(result) }));
}

static int64_t batches(void)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_batches_total", ""));
}

static void test_batches_and_groups_are_counted(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[5];
	int64_t ok = counted("OK");
	int64_t invalid = counted("INVALID");
	int64_t before = batches();

	for (int i = 0; i < 5; i++)
		make_group(&groups[i], f, &done, INSERT, i == 2 ? 1 : i);
	run_all(f, groups, 5);
	assert_int_equal(counted("OK"), ok + 4);
	assert_int_equal(counted("INVALID"), invalid + 1);
	/* All, the two before the one that failed, that one, and the two behind it. */
	assert_int_equal(batches(), before + 4);
	assert_int_equal(
		orch_metric_value(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_pg_connections", "",
			{ "state", ORCH_TEXT("ready") })),
		2); /* the lane's, and that of orch_pg_run() */
}

/* Each allocation fails once: nothing is lost by it. */
static void test_groups_without_memory_fail_or_come_through(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	int64_t inserted = 0;

	for (uint64_t n = 1; n <= 12; n++) {
		struct test_group groups[100];

		for (int i = 0; i < 100; i++)
			make_group(&groups[i], f, &done, INSERT, (int64_t)n * 100 + i);
		orch_alloc_fail_at(n, 0);
		run_all(f, groups, 100);
		orch_alloc_fail_at(0, 0);
		for (int i = 0; i < 100; i++)
			inserted += groups[i].group.code == ORCH_OK ? 1 : 0;
		postgres_sql(f->postgres, "postgres", CUT_CONNECTIONS, NULL, 0);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), inserted);
	assert_true(inserted >= 1100);
}

/* As another version's migration does under our feet. */
static void test_a_result_that_changed_its_type_is_asked_for_anew(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;

	make_group(&group, f, &done, "INSERT INTO item (id) VALUES ($1) RETURNING *", 1);
	run_all(f, &group, 1);
	assert_int_equal(group.group.code, ORCH_OK);
	postgres_sql(f->postgres, f->database, "ALTER TABLE item ADD COLUMN more text", NULL, 0);
	group.op.number[0] = 2;
	run_all(f, &group, 1);
	assert_int_equal(group.group.code, ORCH_OK);
	assert_int_equal(group.op.got, 2);
}

static void test_statements_that_were_forgotten_are_prepared_again(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[3];

	make_group(&groups[0], f, &done, INSERT, 1);
	make_group(&groups[1], f, &done, "DEALLOCATE ALL", 0);
	make_group(&groups[2], f, &done, INSERT, 2);
	for (int i = 0; i < 3; i++) {
		run_all(f, &groups[i], 1);
		assert_int_equal(groups[i].group.code, ORCH_OK);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 2);
}

/* Locks one row, waits for the other lane to have the other, and wants that too. */
static void make_rivals(struct test_group *groups, size_t count, const struct fixture *f,
	struct counter *done, int64_t first, int64_t second)
{
	for (size_t i = 0; i < count; i++) {
		make_group(&groups[i], f, done, "UPDATE item SET id = id WHERE id = $1", first);
		groups[i].op.sql[1] = "SELECT 1::bigint FROM pg_sleep(0.2)";
		groups[i].op.sql[2] = "UPDATE item SET id = id WHERE id = $1";
		groups[i].op.number[2] = second;
	}
}

static void test_two_lanes_that_meet_in_a_deadlock_both_get_through(void **state)
{
	enum { EACH = 3 };
	struct fixture *f = *state;
	struct fixture other = *f;
	struct counter done = COUNTER_INIT;
	struct test_group groups[2][EACH], first[2];
	struct submission submissions[2];
	unsigned sent = 0;

	make_lane(&other);
	make_group(&first[0], f, &done, INSERT, 1);
	make_group(&first[1], &other, &done, INSERT, 2);
	run_all(f, &first[0], 1);
	run_all(&other, &first[1], 1);
	make_rivals(groups[0], EACH, f, &done, 1, 2);
	make_rivals(groups[1], EACH, &other, &done, 2, 1);
	submit_all(&submissions[0], f, groups[0], EACH);
	submit_all(&submissions[1], &other, groups[1], EACH);
	counter_await(&done, 2 + 2 * EACH);
	remove_lane(&other);
	for (size_t i = 0; i < (size_t)2 * EACH; i++) {
		assert_int_equal(groups[i / EACH][i % EACH].group.code, ORCH_OK);
		sent += groups[i / EACH][i % EACH].op.sent;
	}
	assert_true(sent > 2 * EACH); /* some more than once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_groups_of_one_turn_share_a_transaction),
		TEST(test_one_that_fails_leaves_the_others),
		TEST(test_each_failure_has_its_code_and_its_words),
		TEST(test_no_value_is_quoted_in_an_error),
		TEST(test_a_commit_that_fails_fails_only_its_own_group),
		TEST(test_a_group_takes_effect_whole_or_not_at_all),
		TEST(test_what_an_op_sent_before_its_send_failed_is_undone),
		TEST(test_a_take_that_fails_gives_the_code_and_undoes_nothing),
		TEST(test_a_queue_that_is_full_says_again),
		TEST(test_a_batch_takes_no_more_than_so_many_bytes),
		TEST(test_ops_of_one_kind_share_a_statement_and_fail_by_themselves),
		TEST(test_one_that_its_statement_refuses_goes_alone_and_the_others_come_through),
		TEST(test_ops_go_by_their_turn_and_then_as_they_came),
		TEST(test_batches_and_groups_are_counted),
		TEST(test_groups_without_memory_fail_or_come_through),
		TEST(test_a_result_that_changed_its_type_is_asked_for_anew),
		TEST(test_statements_that_were_forgotten_are_prepared_again),
		TEST(test_two_lanes_that_meet_in_a_deadlock_both_get_through),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
