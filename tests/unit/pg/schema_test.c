/* SPDX-License-Identifier: Apache-2.0 */
/* The schema goes forward, once, over all hosts, and says what does not fit. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg/internal.h"
#include "unit/pg/fixture.h"

/* Two statements in one step; the second wants the first to have happened. */
#define FIRST "CREATE TABLE thing (id bigint); CREATE INDEX thing_id ON thing (id)"
#define SECOND "INSERT INTO thing VALUES (2)"
#define THIRD "INSERT INTO thing VALUES (3)"

static const struct orch_db_migration steps[] = {
	{ .part = "thing", .number = 1, .sql = FIRST },
	{ .part = "thing", .number = 2, .sql = SECOND },
	{ .part = "other", .number = 1, .sql = "CREATE TABLE other (id bigint)" },
	{ .part = "thing", .number = 3, .sql = THIRD },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))
#define PARTS 16

static int set_up_empty(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	make_database(f);
	return 0;
}

static int tear_down_empty(void **state)
{
	test_free(*state);
	return 0;
}

static int try_migrate(const struct fixture *f, const struct orch_db_migration *some, size_t count,
	bool only_look, struct orch_pg_migrated parts[PARTS], struct orch_err *err)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(f->dsn) };
	size_t part_count = 0;
	int code = orch_pg_migrate(&options, some, count, only_look, parts, &part_count, err);

	assert_true(part_count <= PARTS);
	return code;
}

static int try_open(const struct fixture *f, const struct orch_db_migration *some, size_t count,
	struct orch_err *err)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(f->dsn) };
	struct orch_pg *pg = NULL;
	int code = orch_pg_open(&options, some, count, &pg, err);

	orch_pg_close(pg);
	return code;
}

static void assert_opens(
	const struct fixture *f, const struct orch_db_migration *some, size_t count)
{
	struct orch_err err = { "" };

	if (try_open(f, some, count, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_part(
	const struct orch_pg_migrated *part, const char *name, uint32_t from, uint32_t to)
{
	assert_string_equal(part->part, name);
	assert_int_equal(part->from, from);
	assert_int_equal(part->to, to);
}

static void test_a_fresh_database_is_refused_until_it_is_migrated(void **state)
{
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	assert_int_equal(try_open(f, steps, STEPS, &err), ORCH_E_INVALID);
	assert_contains(err.text, "orchestrator store migrate");
	assert_int_equal(try_migrate(f, steps, STEPS, true, parts, &err), ORCH_OK);
	assert_part(&parts[0], "pg", 0, 1);
	assert_part(&parts[1], "thing", 0, 3);
	assert_part(&parts[2], "other", 0, 1);
	assert_int_equal(try_open(f, steps, STEPS, &err), ORCH_E_INVALID);
	assert_int_equal(ask(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);

	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_OK);
	assert_part(&parts[1], "thing", 0, 3);
	assert_opens(f, steps, STEPS);
	assert_int_equal(ask(f, "SELECT sum(id) FROM thing"), 5);
	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_OK);
	assert_part(&parts[1], "thing", 3, 3);
	assert_int_equal(ask(f, "SELECT sum(id) FROM thing"), 5);
}

static void test_an_older_schema_takes_only_what_it_lacks(void **state)
{
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	migrate(f, steps, 2);
	assert_opens(f, steps, 2);
	assert_int_equal(try_open(f, steps, STEPS, &err), ORCH_E_INVALID);
	assert_contains(err.text, "\"thing\" is at step 2 and this program needs 3");
	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_OK);
	assert_part(&parts[0], "pg", 1, 1);
	assert_part(&parts[1], "thing", 2, 3);
	assert_part(&parts[2], "other", 0, 1);
	assert_opens(f, steps, STEPS);
}

static void test_a_step_that_was_changed_afterwards_is_found(void **state)
{
	static const struct orch_db_migration changed[] = {
		{ .part = "thing", .number = 1, .sql = FIRST " " },
	};
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	migrate(f, steps, 1);
	assert_int_equal(try_open(f, changed, 1, &err), ORCH_E_INVALID);
	assert_contains(err.text, "step 1 of the schema \"thing\"");
	assert_int_equal(try_migrate(f, changed, 1, false, parts, &err), ORCH_E_INVALID);
	assert_opens(f, steps, 1);
}

static void test_a_newer_schema_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	migrate(f, steps, STEPS);
	assert_int_equal(try_open(f, steps, 2, &err), ORCH_E_INVALID);
	assert_contains(err.text, "\"thing\" is at step 3 and this program knows 2");
	assert_int_equal(try_migrate(f, steps, 2, false, parts, &err), ORCH_E_INVALID);
	assert_int_equal(try_migrate(f, steps, 2, true, parts, &err), ORCH_E_INVALID);
}

static void test_a_newer_schema_that_says_so_serves_older_programs(void **state)
{
	static const struct orch_db_migration expands[] = {
		{ .part = "thing", .number = 1, .sql = FIRST },
		{ .part = "thing", .number = 2, .sql = SECOND },
		{ .part = "thing",
			.number = 3,
			.sql = "ALTER TABLE thing ADD COLUMN more text; UPDATE orch_schema_part"
			       " SET serves = 2 WHERE part = 'thing'" },
		{ .part = "thing", .number = 4, .sql = "ALTER TABLE thing DROP COLUMN more" },
	};
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	migrate(f, expands, 3);
	assert_opens(f, expands, 2);
	assert_int_equal(try_open(f, expands, 1, &err), ORCH_E_INVALID);
	assert_int_equal(try_migrate(f, expands, 2, false, parts, &err), ORCH_OK);
	assert_part(&parts[1], "thing", 3, 3);
	/* The next one that says nothing serves nobody but its own. */
	migrate(f, expands, 4);
	assert_int_equal(try_open(f, expands, 3, &err), ORCH_E_INVALID);
	assert_opens(f, expands, 4);
}

static void test_a_step_that_fails_leaves_nothing_of_itself(void **state)
{
	static const struct orch_db_migration broken[] = {
		{ .part = "thing", .number = 1, .sql = FIRST },
		{ .part = "thing",
			.number = 2,
			.sql = "CREATE TABLE half (id bigint); SELECT 1/0" },
	};
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };

	assert_int_equal(try_migrate(f, broken, 2, false, parts, &err), ORCH_E_INVALID);
	assert_contains(err.text, "step 2 of the schema \"thing\": ");
	assert_int_equal(ask(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'half'"), 0);
	assert_int_equal(
		ask(f, "SELECT max(number) FROM orch_schema_step WHERE part = 'thing'"), 1);
	assert_opens(f, broken, 1);
}

static void test_a_role_that_may_not_create_is_told_so(void **state)
{
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s OWNER TO postgres", f->database);
	postgres_sql(f->postgres, "postgres", sql, NULL, 0);
	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_E_DENIED);
	assert_contains(err.text, "42501");
}

static void test_a_role_that_may_not_create_is_good_enough_where_nothing_is_to_do(void **state)
{
	const struct fixture *f = *state;
	struct orch_pg_migrated parts[PARTS];
	struct orch_err err = { "" };
	char sql[128];

	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_OK);
	(void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s OWNER TO postgres", f->database);
	postgres_sql(f->postgres, "postgres", sql, NULL, 0);
	assert_int_equal(try_migrate(f, steps, STEPS, false, parts, &err), ORCH_OK);
	assert_int_equal(parts[1].from, parts[1].to);
}

#define SLOW "SELECT pg_sleep(0.3); CREATE TABLE slow (id bigint)"

/* A process of its own, as on another host. */
static pid_t start_migration(
	const struct fixture *f, const struct orch_db_migration *some, size_t count)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct orch_pg_migrated parts[PARTS];
		struct orch_err err = { "" };

		_exit(try_migrate(f, some, count, false, parts, &err) == ORCH_OK ? 0 : 1);
	}
	assert_return_code(pid, errno);
	return pid;
}

static void test_hosts_that_migrate_at_once_take_each_step_once(void **state)
{
	enum { HOSTS = 5 };
	static const struct orch_db_migration slow[] = {
		{ .part = "thing", .number = 1, .sql = FIRST },
		{ .part = "thing", .number = 2, .sql = SLOW },
		{ .part = "thing", .number = 3, .sql = THIRD },
	};
	const struct fixture *f = *state;
	pid_t hosts[HOSTS];
	int status;

	for (int i = 0; i < HOSTS; i++)
		hosts[i] = start_migration(f, slow, 3);
	for (int i = 0; i < HOSTS; i++) {
		assert_int_equal(waitpid(hosts[i], &status, 0), hosts[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(ask(f, "SELECT sum(id) FROM thing"), 3);
	assert_int_equal(ask(f, "SELECT count(*) FROM orch_schema_step"), 4);
}

static void test_a_migration_killed_in_a_step_is_taken_up_there(void **state)
{
	static const struct orch_db_migration slow[] = {
		{ .part = "thing", .number = 1, .sql = FIRST },
		{ .part = "thing",
			.number = 2,
			.sql = "CREATE TABLE slow (id bigint);"
			       " SELECT pg_sleep(CASE WHEN (SELECT count(*) FROM thing) = 0"
			       " THEN 60 ELSE 0 END)" },
		{ .part = "thing", .number = 3, .sql = THIRD },
	};
	const struct fixture *f = *state;
	pid_t host = start_migration(f, slow, 3);

	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	assert_return_code(kill(host, SIGKILL), errno);
	assert_int_equal(waitpid(host, NULL, 0), host);
	/* What it left on the server: the statement goes on until somebody ends it. */
	postgres_sql(f->postgres, "postgres",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = "
		"'PgSleep'",
		NULL, 0);
	assert_int_equal(
		ask(f, "SELECT max(number) FROM orch_schema_step WHERE part = 'thing'"), 1);
	postgres_sql(f->postgres, f->database, "INSERT INTO thing VALUES (4)", NULL, 0);
	migrate(f, slow, 3);
	assert_opens(f, slow, 3);
	assert_int_equal(ask(f, "SELECT sum(id) FROM thing"), 7);
}

static void test_a_server_killed_in_a_step_leaves_it_whole_or_not_at_all(void **state)
{
	static const struct orch_db_migration slow[] = {
		{ .part = "thing", .number = 1, .sql = FIRST },
		{ .part = "thing", .number = 2, .sql = SECOND "; SELECT pg_sleep(1)" },
	};
	const struct fixture *f = *state;
	pid_t host = start_migration(f, slow, 2);
	int status;

	while (ask(f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
		;
	postgres_do(f->postgres, "kill");
	postgres_do(f->postgres, "start");
	/* It goes on by itself. */
	assert_int_equal(waitpid(host, &status, 0), host);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_opens(f, slow, 2);
	assert_int_equal(ask(f, "SELECT sum(id) FROM thing"), 2);
}

static void test_everything_lies_in_the_schema_that_the_connection_says(void **state)
{
	struct fixture *f = *state;
	size_t len = strlen(f->dsn);

	postgres_sql(
		f->postgres, f->database, "CREATE SCHEMA own AUTHORIZATION orchestrator", NULL, 0);
	(void)snprintf(f->dsn + len, sizeof(f->dsn) - len, " options='-c search_path=own'");
	migrate(f, steps, STEPS);
	assert_opens(f, steps, STEPS);
	assert_int_equal(ask(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM own.thing"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_empty, tear_down_empty)
		TEST(test_a_fresh_database_is_refused_until_it_is_migrated),
		TEST(test_an_older_schema_takes_only_what_it_lacks),
		TEST(test_a_step_that_was_changed_afterwards_is_found),
		TEST(test_a_newer_schema_is_refused),
		TEST(test_a_newer_schema_that_says_so_serves_older_programs),
		TEST(test_a_step_that_fails_leaves_nothing_of_itself),
		TEST(test_a_role_that_may_not_create_is_told_so),
		TEST(test_a_role_that_may_not_create_is_good_enough_where_nothing_is_to_do),
		TEST(test_hosts_that_migrate_at_once_take_each_step_once),
		TEST(test_a_migration_killed_in_a_step_is_taken_up_there),
		TEST(test_a_server_killed_in_a_step_leaves_it_whole_or_not_at_all),
		TEST(test_everything_lies_in_the_schema_that_the_connection_says),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
