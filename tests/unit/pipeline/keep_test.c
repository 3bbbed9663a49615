/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/keep.h"

#include <pthread.h>

#include "base/file.h"

#include "unit/pipeline/house.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const char *state_path(struct house *h, const char *name)
{
	return orch_arena_printf(h->arena, "%s/var/%s", h->dir, name).ptr;
}

static int open_keep(struct house *h, struct orch_err *err)
{
	return orch_keep_open(h->plan->config, &h->keep, err);
}

static mode_t mode_of(const char *path)
{
	struct stat found;

	assert_int_equal(stat(path, &found), 0);
	return found.st_mode & 0777;
}

static void test_everything_is_made_at_first_and_for_nobody_else(void **state)
{
	struct house *h = *state;

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	assert_int_equal(mode_of(state_path(h, "")), 0700);
	assert_int_equal(mode_of(state_path(h, "store.key")), 0600);
	assert_int_equal(access(state_path(h, "orchestrator.db"), F_OK), 0);
}

static void test_the_key_stays_the_same(void **state)
{
	struct house *h = *state;
	char first[80], second[80];

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	(void)snprintf(first, sizeof(first), "%s", orch_secret_text(h->keep.key).ptr);
	orch_keep_close(&h->keep);
	house_keep(h);
	(void)snprintf(second, sizeof(second), "%s", orch_secret_text(h->keep.key).ptr);
	assert_memory_equal(first, second, 32);
}

static void test_a_lost_key_is_not_replaced(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	orch_keep_close(&h->keep);
	assert_int_equal(unlink(state_path(h, "store.key")), 0);
	assert_int_equal(open_keep(h, &err), ORCH_E_INVALID);
	assert_contains(err.text, "store.key is missing");
	assert_int_equal(access(state_path(h, "store.key"), F_OK), -1);
}

/* Under another key all that the database holds would look damaged. */
static void test_another_key_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	orch_keep_close(&h->keep);
	(void)house_write(h, "var/store.key", KEY);
	assert_int_equal(open_keep(h, &err), ORCH_E_DENIED);
	assert_contains(err.text, "not the one that the database was begun with");
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	orch_keep_close(&h->keep);
	assert_int_equal(chmod(state_path(h, "store.key"), 0640), 0);
	assert_int_equal(open_keep(h, &err), ORCH_E_DENIED);
	assert_contains(err.text, "chmod 600");
}

static void test_a_broken_key_is_refused_without_being_shown(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(mkdir(state_path(h, ""), 0700), 0);
	(void)house_write(h, "var/store.key", "not so secret");
	assert_int_equal(chmod(state_path(h, "store.key"), 0600), 0);
	assert_int_equal(open_keep(h, &err), ORCH_E_INVALID);
	assert_contains(err.text, "64 hex digits");
	assert_lacks(err.text, "not so secret");
}

static void test_a_key_may_end_in_a_newline(void **state)
{
	struct house *h = *state;

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(mkdir(state_path(h, ""), 0700), 0);
	(void)house_write(h, "var/store.key", KEY "\n");
	assert_int_equal(chmod(state_path(h, "store.key"), 0600), 0);
	house_keep(h);
	assert_int_equal(orch_secret_text(h->keep.key).len, 32);
	assert_int_equal(orch_secret_text(h->keep.key).ptr[31], 31);
}

static void test_the_key_may_be_a_credential(void **state)
{
	struct house *h = *state;
	struct orch_config_errors errors;

	assert_int_equal(setenv("TEST_STORE_KEY", KEY, 1), 0);
	house_tools(h,
		HOUSE_TOOL "credentials = ( { name = \"k\"; env = \"TEST_STORE_KEY\"; } ); "
			   "store = { key = \"k\"; };");
	orch_config_errors_init(&errors, h->arena);
	orch_config_load_credentials(h->plan->config, &errors);
	house_keep(h);
	assert_int_equal(access(state_path(h, "store.key"), F_OK), -1);
	assert_int_equal(orch_secret_text(h->keep.key).ptr[1], 1);
}

static void test_a_credential_that_is_not_loaded_is_named(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h,
		HOUSE_TOOL "credentials = ( { name = \"k\"; env = \"NO_SUCH_VARIABLE\"; } ); "
			   "store = { key = \"k\"; };");
	assert_int_equal(open_keep(h, &err), ORCH_E_INVALID);
	assert_contains(err.text, "the credential k is not loaded");
}

static void test_a_state_folder_that_cannot_be_made_is_said(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL "state_dir = \"no/such/folder\";");
	assert_true(open_keep(h, &err) < 0);
	assert_contains(err.text, "no/such/folder");
	assert_null(h->keep.db);
}

static void test_a_state_folder_that_others_write_to_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(mkdir(state_path(h, ""), 0700), 0);
	assert_int_equal(chmod(state_path(h, ""), 0777), 0);
	assert_int_equal(open_keep(h, &err), ORCH_E_DENIED);
}

static void test_a_file_that_is_no_database_is_refused(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(mkdir(state_path(h, ""), 0700), 0);
	(void)house_write(h, "var/store.key", KEY);
	assert_int_equal(chmod(state_path(h, "store.key"), 0600), 0);
	(void)chmod(house_write(h, "var/orchestrator.db",
			    "this is no database at all, but it is long enough"),
		0600);
	assert_true(open_keep(h, &err) < 0);
	assert_contains(err.text, "database");
}

static void copy_state(struct house *h, const char *from, const char *to)
{
	struct orch_text bytes;
	struct orch_err err = { "" };

	assert_int_equal(
		orch_file_read(state_path(h, from), 1 << 24, h->arena, &bytes, &err), ORCH_OK);
	assert_int_equal(orch_file_write(state_path(h, to), bytes, 0600, &err), ORCH_OK);
}

static size_t count_copies(struct house *h)
{
	char *paths[] = { (char *)(uintptr_t)state_path(h, ""), NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t count = 0;
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL)
		count += strncmp(entry->fts_name, "orchestrator.db-wal.damaged-", 28) == 0;
	(void)fts_close(tree);
	return count;
}

/* The database as a kill leaves it, and one byte of its log changed by a bad disk. */
static void kill_and_spoil(struct house *h, long at, int mask)
{
	FILE *log;
	int c;

	copy_state(h, "orchestrator.db", "db.copy");
	copy_state(h, "orchestrator.db-wal", "wal.copy");
	orch_keep_close(&h->keep);
	copy_state(h, "db.copy", "orchestrator.db");
	copy_state(h, "wal.copy", "orchestrator.db-wal");
	log = fopen(state_path(h, "orchestrator.db-wal"), "r+");
	assert_non_null(log);
	assert_int_equal(fseek(log, at, SEEK_SET), 0);
	c = fgetc(log);
	assert_int_equal(fseek(log, at, SEEK_SET), 0);
	assert_int_equal(fputc(c ^ mask, log), c ^ mask);
	assert_int_equal(fclose(log), 0);
}

static void test_the_first_to_open_looks_at_the_log_that_a_kill_left(void **state)
{
	struct house *h = *state;

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	kill_and_spoil(h, 32 + 24 + 100, 4);
	house_keep(h);
	assert_int_equal(count_copies(h), 1);
	kill_and_spoil(h, 32 + 4, 4);
	house_keep(h);
	assert_int_equal(count_copies(h), 2);
}

static void test_who_finds_it_open_leaves_the_log_alone(void **state)
{
	struct house *h = *state;
	struct orch_keep other;
	struct orch_err err = { "" };

	house_tools(h, HOUSE_TOOL);
	house_keep(h);
	assert_int_equal(orch_keep_open(h->plan->config, &other, &err), ORCH_OK);
	assert_int_equal(count_copies(h), 0);
	orch_keep_close(&other);
}

#define OPENERS 8

struct opener {
	pthread_t thread;
	const struct orch_config *config;
	pthread_barrier_t *barrier;
	char key[32];
	char problem[256];
};

static void *open_at_once(void *arg)
{
	struct opener *opener = arg;
	struct orch_keep keep;
	struct orch_err err = { "" };

	(void)pthread_barrier_wait(opener->barrier);
	if (orch_keep_open(opener->config, &keep, &err) != ORCH_OK) {
		(void)snprintf(opener->problem, sizeof(opener->problem), "%s", err.text);
		return NULL;
	}
	memcpy(opener->key, orch_secret_text(keep.key).ptr, sizeof(opener->key));
	orch_keep_close(&keep);
	return NULL;
}

static void test_all_who_begin_at_once_have_one_key(void **state)
{
	struct house *h = *state;
	struct opener openers[OPENERS];
	pthread_barrier_t barrier;

	house_tools(h, HOUSE_TOOL);
	assert_int_equal(mkdir(state_path(h, ""), 0700), 0);
	(void)pthread_barrier_init(&barrier, NULL, OPENERS);
	for (int i = 0; i < OPENERS; i++) {
		openers[i] = (struct opener){ .config = h->plan->config, .barrier = &barrier };
		assert_int_equal(
			pthread_create(&openers[i].thread, NULL, open_at_once, &openers[i]), 0);
	}
	for (int i = 0; i < OPENERS; i++)
		assert_int_equal(pthread_join(openers[i].thread, NULL), 0);
	for (int i = 0; i < OPENERS; i++) {
		assert_string_equal(openers[i].problem, "");
		assert_memory_equal(openers[i].key, openers[0].key, sizeof(openers[0].key));
	}
	(void)pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_everything_is_made_at_first_and_for_nobody_else),
		TEST(test_the_key_stays_the_same),
		TEST(test_a_lost_key_is_not_replaced),
		TEST(test_another_key_is_refused),
		TEST(test_a_key_that_others_can_read_is_refused),
		TEST(test_a_broken_key_is_refused_without_being_shown),
		TEST(test_a_key_may_end_in_a_newline),
		TEST(test_the_key_may_be_a_credential),
		TEST(test_a_credential_that_is_not_loaded_is_named),
		TEST(test_a_state_folder_that_cannot_be_made_is_said),
		TEST(test_a_state_folder_that_others_write_to_is_refused),
		TEST(test_a_file_that_is_no_database_is_refused),
		TEST(test_the_first_to_open_looks_at_the_log_that_a_kill_left),
		TEST(test_who_finds_it_open_leaves_the_log_alone),
		TEST(test_all_who_begin_at_once_have_one_key),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
