/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"

static char dir[] = "/tmp/orch-file-test-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* The path of NAME; valid until the next call but one. */
static const char *path_of(const char *name)
{
	static char paths[2][128];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static size_t count_files(void)
{
	DIR *open = opendir(dir);
	size_t count = 0;

	assert_non_null(open);
	while (readdir(open))
		count++;
	(void)closedir(open);
	return count - 2;
}

static void test_what_was_written_is_read(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	struct orch_text bytes;
	struct stat found;

	(void)state;
	assert_int_equal(orch_file_write(path_of("f"), ORCH_TEXT("one\0two"), 0640, &err), 0);
	assert_int_equal(orch_file_read(path_of("f"), 7, arena, &bytes, &err), 0);
	assert_text(bytes, "one\0two");
	assert_int_equal(bytes.ptr[7], '\0');
	assert_int_equal(stat(path_of("f"), &found), 0);
	assert_int_equal(found.st_mode & 07777, 0640);
	assert_int_equal(orch_file_write(path_of("f"), ORCH_TEXT(""), 0600, &err), 0);
	assert_int_equal(orch_file_read(path_of("f"), 0, arena, &bytes, &err), 0);
	assert_text(bytes, "");
	assert_int_equal(count_files(), 1);
	assert_int_equal(unlink(path_of("f")), 0);
	orch_arena_destroy(arena);
}

static void test_a_file_over_the_limit_is_refused(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	struct orch_text bytes;
	char *large = calloc(1, 100001);

	(void)state;
	assert_int_equal(
		orch_file_write(path_of("f"), (struct orch_text){ large, 100001 }, 0600, &err), 0);
	assert_int_equal(orch_file_read(path_of("f"), 100001, arena, &bytes, &err), 0);
	assert_int_equal(bytes.len, 100001);
	assert_int_equal(orch_file_read(path_of("f"), 100000, arena, &bytes, &err), ORCH_E_LIMIT);
	assert_contains(err.text, "larger than 100000 bytes");
	assert_int_equal(unlink(path_of("f")), 0);
	free(large);
	orch_arena_destroy(arena);
}

static void test_a_file_without_a_size_is_read_too(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	struct orch_text bytes;

	(void)state;
	assert_int_equal(orch_file_read("/proc/self/stat", 10000, arena, &bytes, &err), 0);
	assert_true(bytes.len > 10);
	orch_arena_destroy(arena);
}

static void test_reading_says_what_is_wrong(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_arena *tiny = orch_arena_create(16);
	struct orch_err err = { "" };
	struct orch_text bytes = ORCH_TEXT("untouched");

	(void)state;
	assert_int_equal(orch_file_read(path_of("none"), 10, arena, &bytes, &err), ORCH_E_INVALID);
	assert_contains(err.text, "/none: cannot open: No such file or directory");
	assert_int_equal(orch_file_read(dir, 10, arena, &bytes, &err), ORCH_E_INVALID);
	assert_contains(err.text, "cannot read: Is a directory");
	assert_int_equal(
		orch_file_read("/proc/self/stat", 10000, tiny, &bytes, &err), ORCH_E_NOMEM);
	orch_alloc_fail_at(1, 1);
	assert_int_equal(
		orch_file_read("/proc/self/stat", 10000, arena, &bytes, &err), ORCH_E_NOMEM);
	orch_alloc_fail_at(0, 0);
	assert_text(bytes, "untouched");
	orch_arena_destroy(arena);
	orch_arena_destroy(tiny);
}

static void test_a_failed_write_leaves_the_old_file_and_nothing_else(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	char longer[5000];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(orch_file_write(longer, ORCH_TEXT("x"), 0600, &err), ORCH_E_INVALID);
	assert_int_equal(mkdir(path_of("d"), 0700), 0);
	assert_int_equal(orch_file_write(path_of("d"), ORCH_TEXT("x"), 0600, &err), ORCH_E_INVALID);
	assert_int_equal(
		orch_file_write(path_of("no/f"), ORCH_TEXT("x"), 0600, &err), ORCH_E_INVALID);
	assert_int_equal(count_files(), 1);
	assert_int_equal(rmdir(path_of("d")), 0);
	orch_arena_destroy(arena);
}

static void test_a_file_without_a_folder_is_written_here(void **state)
{
	struct orch_err err = { "" };
	char here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(orch_file_write("plain", ORCH_TEXT("x"), 0600, &err), 0);
	assert_int_equal(unlink("plain"), 0);
	assert_int_equal(chdir(here), 0);
}

static void test_a_directory_is_made_private_or_must_be(void **state)
{
	struct orch_err err = { "" };
	struct stat found;

	(void)state;
	assert_int_equal(orch_file_make_dir(path_of("d"), &err), 0);
	assert_int_equal(stat(path_of("d"), &found), 0);
	assert_int_equal(found.st_mode & 07777, 0700);
	assert_int_equal(orch_file_make_dir(path_of("d"), &err), 0);
	assert_int_equal(chmod(path_of("d"), 0755), 0);
	assert_int_equal(orch_file_make_dir(path_of("d"), &err), 0);
	assert_int_equal(chmod(path_of("d"), 0770), 0);
	assert_int_equal(orch_file_make_dir(path_of("d"), &err), ORCH_E_DENIED);
	assert_int_equal(chmod(path_of("d"), 0702), 0);
	assert_int_equal(orch_file_make_dir(path_of("d"), &err), ORCH_E_DENIED);
	assert_contains(err.text, "others may write to it");
	assert_int_equal(rmdir(path_of("d")), 0);
	assert_int_equal(orch_file_make_dir(path_of("a/b"), &err), ORCH_E_INVALID);
}

static void test_a_file_is_no_directory(void **state)
{
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_file_write(path_of("f"), ORCH_TEXT("x"), 0600, &err), 0);
	assert_int_equal(orch_file_make_dir(path_of("f"), &err), ORCH_E_INVALID);
	assert_contains(err.text, "not a directory");
	assert_int_equal(unlink(path_of("f")), 0);
}

static void test_free_space_is_told(void **state)
{
	struct orch_err err = { "" };
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(orch_file_free_bytes(dir, &bytes, &err), 0);
	assert_true(bytes > 0);
	assert_int_equal(orch_file_free_bytes(path_of("none"), &bytes, &err), ORCH_E_INVALID);
}

/* Writes LEN bytes in pieces of STEP through a blob, and looks at them again. */
static void check_blob(size_t len, size_t step, size_t spill)
{
	struct orch_blob *blob = orch_blob_create(dir, spill);
	char *bytes = malloc(len + 1);
	struct orch_err err = { "" };
	struct orch_text mapped;

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	for (size_t at = 0; at < len; at += step)
		assert_int_equal(
			orch_blob_write(blob, bytes + at, len - at < step ? len - at : step, &err),
			0);
	assert_int_equal(orch_blob_len(blob), len);
	assert_int_equal(orch_blob_map(blob, &mapped, &err), 0);
	assert_int_equal(mapped.len, len);
	assert_memory_equal(mapped.ptr, bytes, len);
	assert_int_equal(mapped.ptr[len], '\0');
	assert_int_equal(orch_blob_map(blob, &mapped, &err), 0);
	assert_int_equal(mapped.len, len);
	assert_int_equal(count_files(), 0);
	orch_blob_destroy(blob);
	free(bytes);
}

static void test_blobs_give_back_what_was_written(void **state)
{
	static const size_t lens[] = { 0, 1, 4095, 4096, 4097, 8192, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		check_blob(lens[i], 1000, SIZE_MAX);
		check_blob(lens[i], 1000, 4096);
		check_blob(lens[i], 1000, 0);
		check_blob(lens[i], 200000, 4096);
	}
}

static void test_a_blob_spills_at_its_limit_only(void **state)
{
	struct orch_blob *blob = orch_blob_create("/nowhere", 10);
	struct orch_err err = { "" };
	struct orch_text mapped;

	(void)state;
	assert_int_equal(orch_blob_write(blob, "0123456789", 10, &err), 0);
	assert_int_equal(orch_blob_write(blob, "x", 1, &err), ORCH_E_INVALID);
	assert_contains(err.text, "/nowhere");
	/* What was written before is still there. */
	assert_int_equal(orch_blob_map(blob, &mapped, &err), 0);
	assert_text(mapped, "0123456789");
	orch_blob_destroy(blob);
}

static void test_no_memory_is_no_blob(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 2; n++) {
		orch_alloc_fail_at(n, 0);
		assert_null(orch_blob_create(dir, 10));
	}
	orch_alloc_fail_at(0, 0);
	orch_blob_destroy(NULL);
}

static void test_only_a_regular_file_is_read_as_one(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	struct orch_text bytes;

	(void)state;
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(
		orch_file_read_regular(path_of("pipe"), 9, arena, &bytes, &err), ORCH_E_INVALID);
	assert_contains(err.text, "/pipe: not a regular file");
	assert_int_equal(orch_file_read_regular(dir, 9, arena, &bytes, &err), ORCH_E_INVALID);
	assert_contains(err.text, "not a regular file");
	assert_int_equal(
		orch_file_read_regular(path_of("none"), 9, arena, &bytes, &err), ORCH_E_INVALID);
	assert_contains(err.text, "No such file");
	assert_int_equal(orch_file_write(path_of("f"), ORCH_TEXT("abc"), 0600, &err), 0);
	assert_int_equal(orch_file_read_regular(path_of("f"), 3, arena, &bytes, &err), 0);
	assert_string_equal(bytes.ptr, "abc");
	assert_int_equal(unlink(path_of("f")), 0);
	assert_int_equal(unlink(path_of("pipe")), 0);
	orch_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_a_file_over_the_limit_is_refused),
		cmocka_unit_test(test_a_file_without_a_size_is_read_too),
		cmocka_unit_test(test_reading_says_what_is_wrong),
		cmocka_unit_test(test_only_a_regular_file_is_read_as_one),
		cmocka_unit_test(test_a_failed_write_leaves_the_old_file_and_nothing_else),
		cmocka_unit_test(test_a_file_without_a_folder_is_written_here),
		cmocka_unit_test(test_a_directory_is_made_private_or_must_be),
		cmocka_unit_test(test_a_file_is_no_directory),
		cmocka_unit_test(test_free_space_is_told),
		cmocka_unit_test(test_blobs_give_back_what_was_written),
		cmocka_unit_test(test_a_blob_spills_at_its_limit_only),
		cmocka_unit_test(test_no_memory_is_no_blob),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
