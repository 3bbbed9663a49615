/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration that is read, and a folder of its own for its files. */
#ifndef ORCH_TEST_CONFIG_READING_H
#define ORCH_TEST_CONFIG_READING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"

#define FOLDER TEST_SOURCE_DIR "/tests/unit/config/"

struct reading {
	struct orch_arena *arena;
	struct orch_config_errors errors;
	struct orch_config *config;
};

static inline void start(struct reading *reading, const char *file)
{
	reading->arena = orch_arena_create(0);
	assert_non_null(reading->arena);
	orch_config_errors_init(&reading->errors, reading->arena);
	reading->config = orch_config_read(file, &reading->errors);
}

static inline const char *printed(struct reading *reading)
{
	return orch_config_errors_print(&reading->errors, reading->arena).ptr;
}

static inline void end(struct reading *reading)
{
	orch_config_destroy(reading->config);
	orch_arena_destroy(reading->arena);
}

/* NAME of good/, which must be right. */
static inline void read_good(struct reading *reading, const char *name)
{
	assert_int_equal(chdir(FOLDER "good"), 0);
	start(reading, name);
	assert_string_equal(printed(reading), "");
	assert_non_null(reading->config);
	assert_int_equal(reading->errors.count, 0);
}

static char folder[64];

static inline int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/reading.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return chdir(folder);
}

static inline int remove_folder(void **state)
{
	(void)state;
	(void)unlink("a.cfg");
	(void)unlink("b.cfg");
	(void)unlink("secret");
	(void)rmdir("secret");
	assert_int_equal(chdir("/"), 0);
	return rmdir(folder);
}

static inline void write_file(const char *name, const void *bytes, size_t length)
{
	struct orch_err err;

	assert_int_equal(
		orch_file_write(name, (struct orch_text){ bytes, length }, 0600, &err), ORCH_OK);
}

static inline void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

#endif
