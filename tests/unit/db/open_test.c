/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are opened, and which steps their schema takes. */
#include <dirent.h>

#include "unit/db/fixture.h"

static const struct orch_db_migration steps[] = {
	{ .part = "a", .number = 1, .sql = "CREATE TABLE a1 (n INTEGER)" },
	{ .part = "b",
		.number = 1,
		.sql = "CREATE TABLE b1 (n INTEGER); INSERT INTO b1 VALUES (5)" },
	{ .part = "a", .number = 2, .sql = "CREATE TABLE a2 (n INTEGER)" },
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_dir(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_dir(f);
	free(f);
	return 0;
}

static void make_db(struct fixture *f, size_t count)
{
	orch_db_close(open_db(f, steps, count, 0));
}

static void assert_refused(struct fixture *f, const struct orch_db_migration *migrations,
	size_t count, bool read_only, const char *what)
{
	struct orch_db_options options = { .path = f->path, .read_only = read_only };
	struct orch_err err = { "" };
	struct orch_db *db = NULL;

	assert_true(orch_db_open(&options, migrations, count, &db, &err) < 0);
	assert_null(db);
	assert_non_null(strstr(err.text, f->dir));
	if (!strstr(err.text, what))
		fail_msg("\"%s\" does not say \"%s\"", err.text, what);
}

static void test_only_its_owner_may_read_a_new_file(void **state)
{
	struct fixture *f = *state;
	struct orch_db *db;
	struct stat status;
	char wal[128];

	db = open_db(f, steps, 3, 0);
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	(void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(stat(wal, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	orch_db_close(db);
}

static void test_steps_are_taken_once(void **state)
{
	struct fixture *f = *state;

	make_db(f, 1);
	assert_int_equal(ask(f->path, "SELECT number FROM schema_step WHERE part = 'a'"), 1);
	make_db(f, 3);
	make_db(f, 3);
	assert_int_equal(ask(f->path, "SELECT number FROM schema_step WHERE part = 'a'"), 2);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM b1"), 1);
}

static void test_a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;

	make_db(f, 3);
	assert_refused(f, steps, 1, false, "a newer version has written it");
	assert_refused(f, steps, 2, false, "\"a\" is at step 2 and this program knows 1");
	assert_refused(f, steps, 1, true, "a newer version has written it");
	make_db(f, 3);
}

static size_t count_files(const struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 2;
}

static void assert_check(struct fixture *f, const struct orch_db_migration *migrations,
	size_t count, const char *what)
{
	size_t files = count_files(f);
	struct orch_err err = { "" };
	int rc = orch_db_check(f->path, migrations, count, &err);

	assert_int_equal(count_files(f), files);
	if (what == NULL ? rc != ORCH_OK : rc >= 0 || strstr(err.text, what) == NULL)
		fail_msg("%d: %s", rc, err.text);
}

/* Without a trace: neither the file nor one beside it. */
static void test_a_check_says_what_an_open_would(void **state)
{
	struct fixture *f = *state;
	struct orch_db *db;
	FILE *file;

	assert_check(f, steps, 3, NULL);
	make_db(f, 2);
	assert_check(f, steps, 3, NULL);
	make_db(f, 3);
	assert_check(f, steps, 2, "a newer version has written it");
	db = open_db(f, steps, 3, 0);
	assert_check(f, steps, 3, NULL);
	assert_check(f, steps, 2, "a newer version has written it");
	orch_db_close(db);
	file = fopen(f->path, "w");
	assert_check(f, steps, 3, NULL);
	assert_true(fputs("this is no database, but long enough to be one", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_check(f, steps, 3, "not a database");
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_check(f, steps, 3, "others may read");
}

static void test_a_step_that_fails_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	static const struct orch_db_migration bad[] = {
		{ .part = "a", .number = 1, .sql = "CREATE TABLE a1 (n INTEGER)" },
		{ .part = "a",
			.number = 2,
			.sql = "CREATE TABLE a2 (n INTEGER); CREATE TABLE a1 (n)" },
	};
	static const struct orch_db_migration gap[] = {
		{ .part = "a", .number = 3, .sql = "CREATE TABLE a3 (n INTEGER)" },
	};

	assert_refused(f, bad, 2, false, "schema step 2 of \"a\"");
	assert_int_equal(ask(f->path, "SELECT number FROM schema_step WHERE part = 'a'"), 1);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM sqlite_schema WHERE name = 'a2'"), 0);
	assert_refused(f, gap, 1, false, "schema step 2 of \"a\" is missing");
	make_db(f, 3);
}

static void test_commands_can_open_it_for_reading_only(void **state)
{
	struct fixture *f = *state;
	struct orch_db_options options = { .path = f->path, .read_only = true };
	struct orch_db_group group = { .first = NULL };
	struct orch_err err = { "" };
	struct orch_db *db;

	assert_refused(f, steps, 3, true, "No such file");
	make_db(f, 1);
	assert_refused(f, steps, 3, true, "start the orchestrator once");
	make_db(f, 3);
	assert_int_equal(orch_db_open(&options, steps, 3, &db, &err), ORCH_OK);
	assert_true(orch_db_is_read_only(db));
	assert_int_equal(orch_db_run(db, &group, &err), ORCH_E_DENIED);
	orch_db_close(db);
}

static void test_a_file_that_others_may_read_is_refused(void **state)
{
	struct fixture *f = *state;

	make_db(f, 3);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_refused(f, steps, 3, false, "mode 640");
	assert_int_equal(chmod(f->path, 0600), 0);
	make_db(f, 3);
}

static void test_links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	char path[96], other[128];

	make_db(f, 3);
	(void)snprintf(path, sizeof(path), "%s", f->path);
	(void)snprintf(other, sizeof(other), "%s/link.db", f->dir);
	assert_int_equal(symlink(path, other), 0);
	(void)snprintf(f->path, sizeof(f->path), "%s/link.db", f->dir);
	assert_refused(f, steps, 3, false, "not a regular file");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(path, other), 0);
	assert_refused(f, steps, 3, false, "second name");
}

static void test_a_link_above_the_file_is_the_operators(void **state)
{
	struct fixture *f = *state;
	struct fixture through = *f;
	char link_path[128];

	(void)snprintf(link_path, sizeof(link_path), "%s/link.db", f->dir);
	assert_int_equal(symlink(f->dir, link_path), 0);
	(void)snprintf(through.path, sizeof(through.path), "%s/link.db/orchestrator.db", f->dir);
	make_db(&through, 3);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM b1"), 1);
}

static void test_what_is_not_our_database_is_refused(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	poke(f->path, "CREATE TABLE theirs (n)");
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_refused(f, steps, 3, false, "not a database of this program");
	assert_int_equal(unlink(f->path), 0);

	file = fopen(f->path, "w");
	assert_non_null(file);
	for (unsigned i = 0; i < 1000; i++)
		(void)fputs("this is a text and no database\n", file);
	(void)fclose(file);
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_refused(f, steps, 3, false, "not a database");
	assert_int_equal(unlink(f->path), 0);

	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_refused(f, steps, 3, false, "not a regular file");
	assert_int_equal(rmdir(f->path), 0);
}

static void test_a_folder_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct fixture lost = *f;

	(void)snprintf(lost.path, sizeof(lost.path), "%s/none/x.db", f->dir);
	assert_refused(&lost, steps, 3, false, "No such file");
}

static void test_two_processes_can_create_it_at_once(void **state)
{
	struct fixture *f = *state;
	pid_t children[4];

	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 4; i++) {
			children[i] = fork();
			if (children[i] == 0) {
				make_db(f, 3);
				_exit(0);
			}
		}
		for (unsigned i = 0; i < 4; i++) {
			int status = -1;

			assert_int_equal(waitpid(children[i], &status, 0), children[i]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(ask(f->path, "SELECT count(*) FROM b1"), 1);
		assert_int_equal(unlink(f->path), 0);
	}
}

static void test_opening_copes_without_memory(void **state)
{
	struct fixture *f = *state;
	struct orch_db_options options = { .path = f->path };
	struct orch_err err = { "" };
	struct orch_db *db = NULL;
	uint64_t n = 0;

	do {
		orch_alloc_fail_at(++n, 1);
	} while (orch_db_open(&options, steps, 3, &db, &err) < 0);
	orch_alloc_fail_at(0, 0);
	assert_true(n > 3);
	orch_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_only_its_owner_may_read_a_new_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps_are_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_newer_schema_is_refused_and_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_check_says_what_an_open_would, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_step_that_fails_leaves_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_commands_can_open_it_for_reading_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_others_may_read_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_link_above_the_file_is_the_operators, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_not_our_database_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_folder_that_is_not_there_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_two_processes_can_create_it_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opening_copes_without_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
