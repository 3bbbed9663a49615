/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/outlet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

static char dir[] = "/tmp/outlet-XXXXXX";
static struct orch_outlets *outlets;
static struct orch_arena *arena;

static int open_outlets(void **state)
{
	(void)state;
	outlets = orch_outlets_create(NULL);
	arena = orch_arena_create(0);
	return outlets == NULL || arena == NULL ? -1 : 0;
}

static int close_outlets(void **state)
{
	(void)state;
	orch_outlets_destroy(outlets);
	orch_arena_destroy(arena);
	return 0;
}

static const char *path_of(const char *name)
{
	return orch_arena_printf(arena, "%s/%s", dir, name).ptr;
}

static int say(const char *path, const char *line)
{
	struct orch_err err;

	return orch_outlets_write(
		outlets, orch_arena_printf(arena, "log:file/%s", path), orch_text_from(line), &err);
}

static struct orch_text content(const char *path)
{
	struct orch_text bytes;
	struct orch_err err;

	assert_int_equal(orch_file_read(path, 4096, arena, &bytes, &err), ORCH_OK);
	return bytes;
}

static void test_lines_are_appended_one_by_one(void **state)
{
	const char *path = path_of("append");

	(void)state;
	assert_int_equal(say(path, "one"), ORCH_OK);
	assert_int_equal(say(path, "two"), ORCH_OK);
	assert_text(content(path), "one\ntwo\n");
}

static void test_a_file_that_was_moved_away_is_left_alone_after_reopening(void **state)
{
	const char *path = path_of("rotate"), *old = path_of("rotate.1");

	(void)state;
	assert_int_equal(say(path, "before"), ORCH_OK);
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(say(path, "still the old one"), ORCH_OK);
	orch_outlets_reopen(outlets);
	assert_int_equal(say(path, "after"), ORCH_OK);
	assert_text(content(old), "before\nstill the old one\n");
	assert_text(content(path), "after\n");
}

static void test_what_cannot_be_opened_is_tried_again_later(void **state)
{
	(void)state;
	assert_int_equal(say(path_of("no/such/folder"), "line"), ORCH_E_AGAIN);
}

static void test_a_link_to_a_file_is_followed(void **state)
{
	const char *path = path_of("link");

	(void)state;
	assert_int_equal(symlink(path_of("behind"), path), 0);
	assert_int_equal(say(path, "line"), ORCH_OK);
	assert_text(content(path_of("behind")), "line\n");
}

/* Opening a pipe without a reader would wait for one. */
static void test_what_is_no_file_is_refused(void **state)
{
	const char *pipe = path_of("pipe");
	const char *const paths[] = { dir, "/dev/null", pipe, pipe };
	struct orch_err err;
	int reader = -1;

	(void)state;
	assert_int_equal(mkfifo(pipe, 0600), 0);
	for (size_t i = 0; i < 4; i++) {
		if (i == 3) /* and with one it would fill */
			reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assert_int_equal(orch_outlets_write(outlets,
					 orch_arena_printf(arena, "log:file/%s", paths[i]),
					 ORCH_TEXT("line"), &err),
			ORCH_E_INVALID);
		assert_contains(err.text, paths[i]);
		assert_contains(err.text, "must be a file");
	}
	(void)close(reader);
}

/* Standard error as a pipe that nobody reads. */
static void test_a_line_that_nobody_reads_is_tried_again_later(void **state)
{
	struct orch_text url = ORCH_TEXT("log:stderr"), line;
	struct orch_err err = { "" };
	char bytes[4096];
	int ends[2], written = 0;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	line = (struct orch_text){ bytes, sizeof(bytes) };
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	orch_log_setup(ends[1], ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	orch_log_never_wait();
	while (orch_outlets_write(outlets, url, line, &err) == ORCH_OK)
		written++;
	assert_true(written > 0);
	assert_contains(err.text, "stderr: nobody reads it");
	/* Diagnostics are kept meanwhile, and nobody waits. */
	orch_log(ORCH_LOG_INFO, "kept");
	assert_int_equal(orch_outlets_write(outlets, url, line, &err), ORCH_E_AGAIN);
	while (orch_outlets_write(outlets, url, line, &err) != ORCH_OK) {
		assert_true(read(ends[0], bytes, sizeof(bytes)) > 0);
		memset(bytes, 'x', sizeof(bytes));
	}
	orch_log_setup(STDERR_FILENO, ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* The system's log in the test's folder. */
static int open_syslog(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void expect_entry(int fd, const char *line)
{
	char entry[256] = "";

	assert_true(recv(fd, entry, sizeof(entry) - 1, 0) > 0);
	assert_memory_equal(entry, "<13>", 4);
	assert_contains(entry, orch_arena_printf(arena, " orchestrator[%d]: ", (int)getpid()).ptr);
	assert_string_equal(strstr(entry, "]: ") + 3, line);
}

static void test_syslog_is_written_to_when_it_is_there(void **state)
{
	const char *path = path_of("syslog");
	struct orch_outlets *own =
		orch_outlets_create(&(struct orch_outlets_options){ .syslog = path });
	struct orch_text url = ORCH_TEXT("log:syslog");
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_outlets_write(own, url, ORCH_TEXT("lost"), &err), ORCH_E_AGAIN);
	assert_contains(err.text, path);
	/* It comes, goes, and comes back. */
	for (int i = 0; i < 2; i++) {
		int fd = open_syslog(path);

		assert_int_equal(orch_outlets_write(own, url, ORCH_TEXT("kept"), &err), ORCH_OK);
		expect_entry(fd, "kept");
		(void)close(fd);
		assert_int_equal(
			orch_outlets_write(own, url, ORCH_TEXT("lost"), &err), ORCH_E_AGAIN);
		assert_int_equal(unlink(path), 0);
	}
	orch_outlets_destroy(own);
}

static void test_a_full_syslog_is_tried_again_and_a_long_line_is_not(void **state)
{
	const size_t long_bytes = (size_t)64 << 20;
	const char *path = path_of("full");
	int fd = open_syslog(path);
	struct orch_outlets *own =
		orch_outlets_create(&(struct orch_outlets_options){ .syslog = path });
	struct orch_text url = ORCH_TEXT("log:syslog");
	char *line = calloc(1, long_bytes);
	struct orch_err err = { "" };
	int written = 0;

	(void)state;
	assert_int_equal(orch_outlets_write(own, url, (struct orch_text){ line, long_bytes }, &err),
		ORCH_E_LIMIT);
	while (orch_outlets_write(own, url, ORCH_TEXT("line"), &err) == ORCH_OK)
		written++;
	assert_true(written > 0);
	assert_int_equal(orch_outlets_write(own, url, ORCH_TEXT("line"), &err), ORCH_E_AGAIN);
	expect_entry(fd, "line");
	assert_int_equal(orch_outlets_write(own, url, ORCH_TEXT("line"), &err), ORCH_OK);
	orch_outlets_destroy(own);
	free(line);
	(void)close(fd);
}

static void test_other_places_are_refused(void **state)
{
	struct orch_err err;

	(void)state;
	assert_int_equal(
		orch_outlets_write(outlets, ORCH_TEXT("log:file/"), ORCH_TEXT("line"), &err),
		ORCH_E_INVALID);
	assert_int_equal(orch_outlets_write(outlets, ORCH_TEXT("log:tcp"), ORCH_TEXT("line"), &err),
		ORCH_E_INVALID);
}

static void test_the_files_are_bounded(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < ORCH_OUTLET_FILES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "many-%d", i);
		assert_int_equal(say(path_of(name), "line"), ORCH_OK);
	}
	assert_int_equal(say(path_of("one-more"), "line"), ORCH_E_LIMIT);
}

#define outlet_test(test) cmocka_unit_test_setup_teardown(test, open_outlets, close_outlets)

int main(void)
{
	const struct CMUnitTest tests[] = {
		outlet_test(test_lines_are_appended_one_by_one),
		outlet_test(test_a_file_that_was_moved_away_is_left_alone_after_reopening),
		outlet_test(test_what_cannot_be_opened_is_tried_again_later),
		outlet_test(test_a_link_to_a_file_is_followed),
		outlet_test(test_what_is_no_file_is_refused),
		outlet_test(test_a_line_that_nobody_reads_is_tried_again_later),
		outlet_test(test_syslog_is_written_to_when_it_is_there),
		outlet_test(test_a_full_syslog_is_tried_again_and_a_long_line_is_not),
		outlet_test(test_other_places_are_refused),
		outlet_test(test_the_files_are_bounded),
	};

	if (mkdtemp(dir) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
