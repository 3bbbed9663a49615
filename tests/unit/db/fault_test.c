/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails: a layer under SQLite that lets writes or flushes fail when told. */
#include "unit/db/fixture.h"

#include <stdatomic.h>

static const struct orch_db_migration migrations[] = {
	{ .part = "test", .number = 1, .sql = "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT" },
};

#define METHOD_SETS 8

/* SQLite's own methods, and a copy of them in which two are ours. */
static struct methods {
	const sqlite3_io_methods *original;
	sqlite3_io_methods ours;
} sets[METHOD_SETS];

static sqlite3_vfs layer;
static sqlite3_vfs *below;
static atomic_int write_code, sync_code;
static pthread_mutex_t sets_mutex = PTHREAD_MUTEX_INITIALIZER;

static const sqlite3_io_methods *original_of(const sqlite3_file *file)
{
	for (size_t i = 0; i < METHOD_SETS; i++) {
		if (file->pMethods == &sets[i].ours)
			return sets[i].original;
	}
	fail_msg("a file that was not opened here");
	return NULL;
}

static int write_or_fail(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	int code = atomic_load(&write_code);

	return code ? code : original_of(file)->xWrite(file, bytes, len, at);
}

static int sync_or_fail(sqlite3_file *file, int flags)
{
	int code = atomic_load(&sync_code);

	return code ? code : original_of(file)->xSync(file, flags);
}

static void replace_methods(sqlite3_file *file)
{
	size_t i = 0;

	pthread_mutex_lock(&sets_mutex);
	while (i < METHOD_SETS - 1 && sets[i].original && sets[i].original != file->pMethods)
		i++;
	if (!sets[i].original) {
		sets[i].original = file->pMethods;
		sets[i].ours = *file->pMethods;
		sets[i].ours.xWrite = write_or_fail;
		sets[i].ours.xSync = sync_or_fail;
	}
	pthread_mutex_unlock(&sets_mutex);
	file->pMethods = &sets[i].ours;
}

static int open_file(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int code = below->xOpen(below, name, file, flags, ret_flags);

	(void)vfs;
	if (code == SQLITE_OK && file->pMethods)
		replace_methods(file);
	return code;
}

static int run_insert(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "INSERT INTO t DEFAULT VALUES", &statement, err);

	(void)op;
	return code < 0 ? code : orch_db_step_done(statement, err);
}

static int insert(struct orch_db *db, struct orch_err *err)
{
	struct orch_db_op op = { .run = run_insert };
	struct orch_db_group group = { .first = &op };

	return orch_db_run(db, &group, err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_dir(f);
	f->db = open_db(f, migrations, 1, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	atomic_store(&write_code, 0);
	atomic_store(&sync_code, 0);
	orch_db_close(f->db);
	remove_dir(f);
	free(f);
	return 0;
}

static void test_a_full_disk_fails_groups_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct orch_err err;

	assert_int_equal(insert(f->db, &err), ORCH_OK);
	atomic_store(&write_code, SQLITE_FULL);
	assert_int_equal(insert(f->db, &err), ORCH_E_LIMIT);
	assert_false(orch_db_is_healthy(f->db, &err));
	assert_non_null(strstr(err.text, "full"));
	atomic_store(&write_code, 0);
	assert_int_equal(insert(f->db, &err), ORCH_OK);
	assert_true(orch_db_is_healthy(f->db, &err));
	assert_int_equal(ask(f->path, "SELECT count(*) FROM t"), 2);
}

static void test_a_failed_write_fails_the_group_alone(void **state)
{
	struct fixture *f = *state;
	struct orch_err err;

	atomic_store(&write_code, SQLITE_IOERR_WRITE);
	assert_int_equal(insert(f->db, &err), ORCH_E_INTERNAL);
	atomic_store(&write_code, 0);
	assert_int_equal(insert(f->db, &err), ORCH_OK);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM t"), 1);
	assert_is_sound(f->path);
}

static void test_a_failed_flush_is_final(void **state)
{
	struct fixture *f = *state;
	struct orch_err err;

	assert_int_equal(insert(f->db, &err), ORCH_OK);
	atomic_store(&sync_code, SQLITE_IOERR_FSYNC);
	assert_int_equal(insert(f->db, &err), ORCH_E_INTERNAL);
	atomic_store(&sync_code, 0);
	assert_int_equal(insert(f->db, &err), ORCH_E_INTERNAL);
	assert_non_null(strstr(err.text, "flush"));
	assert_false(orch_db_is_healthy(f->db, &err));
	assert_non_null(strstr(err.text, "restarted"));
	orch_db_close(f->db);
	f->db = open_db(f, migrations, 1, 0);
	assert_int_equal(insert(f->db, &err), ORCH_OK);
}

static int use_layer(void **state)
{
	(void)state;
	below = sqlite3_vfs_find(NULL);
	layer = *below;
	layer.pNext = NULL;
	layer.zName = "failing";
	layer.xOpen = open_file;
	return sqlite3_vfs_register(&layer, 1) == SQLITE_OK ? 0 : -1;
}

static int drop_layer(void **state)
{
	(void)state;
	return sqlite3_vfs_unregister(&layer) == SQLITE_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_full_disk_fails_groups_until_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_failed_write_fails_the_group_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_failed_flush_is_final, setup, teardown),
	};

	return cmocka_run_group_tests(tests, use_layer, drop_layer);
}
