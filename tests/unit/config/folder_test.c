/* SPDX-License-Identifier: Apache-2.0 */
/* Files that no tree can hold: pipes, and what steers a terminal. */
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

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/folder_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return chdir(folder);
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink("a.cfg");
	(void)unlink("b.cfg");
	assert_int_equal(chdir("/"), 0);
	return rmdir(folder);
}

struct reading {
	struct orch_arena *arena;
	struct orch_config_errors errors;
	struct orch_config *config;
};

/* Reads TEXT as a.cfg. */
static void start(struct reading *reading, const char *text)
{
	struct orch_err err;

	assert_int_equal(orch_file_write("a.cfg", orch_text_from(text), 0600, &err), ORCH_OK);
	reading->arena = orch_arena_create(0);
	assert_non_null(reading->arena);
	orch_config_errors_init(&reading->errors, reading->arena);
	reading->config = orch_config_read("a.cfg", &reading->errors);
}

static const char *printed(struct reading *reading)
{
	return orch_config_errors_print(&reading->errors, reading->arena).ptr;
}

static void end(struct reading *reading)
{
	orch_config_destroy(reading->config);
	orch_arena_destroy(reading->arena);
}

static void test_an_include_of_a_pipe_does_not_wait(void **state)
{
	struct reading reading;

	(void)state;
	assert_int_equal(mkfifo("b.cfg", 0600), 0);
	start(&reading, "@include \"b.cfg\"\n");
	assert_string_equal(printed(&reading),
		"a.cfg:1: b.cfg: not a regular file; must be a text file that is there and "
		"readable\n");
	end(&reading);
}

static void test_what_has_hosts_is_a_bearer_unless_told_otherwise(void **state)
{
	const struct orch_credential_entry *credentials;
	struct reading reading;

	(void)state;
	start(&reading,
		"credentials = ( { name = \"a\"; env = \"A\"; hosts = [ \"slack.com\" ]; },"
		" { name = \"b\"; env = \"B\"; },"
		" { name = \"c\"; env = \"C\"; scheme = \"basic\"; hosts = [ \"a.org\" ]; } );");
	assert_string_equal(printed(&reading), "");
	credentials = reading.config->egress.credentials;
	assert_int_equal(credentials[0].scheme, ORCH_SCHEME_BEARER);
	assert_int_equal(credentials[1].scheme, ORCH_SCHEME_NONE);
	assert_int_equal(credentials[2].scheme, ORCH_SCHEME_BASIC);
	end(&reading);
}

static void test_what_steers_a_terminal_is_not_printed(void **state)
{
	struct reading reading;

	(void)state;
	start(&reading, "\"\x1b[31m\xff\" = 1;");
	orch_config_errors_add(&reading.errors, (struct orch_where){ "\x1b.cfg", 9 },
		ORCH_TEXT("tools.\xc2\x9b"), "ä \xff \r\n \xe2\x80\xa8 end");
	assert_non_null(strstr(printed(&reading), "?.cfg:9: tools.?: \xc3\xa4 ? ?? ? end\n"));
	end(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define MADE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
		MADE(test_an_include_of_a_pipe_does_not_wait),
		MADE(test_what_has_hosts_is_a_bearer_unless_told_otherwise),
		MADE(test_what_steers_a_terminal_is_not_printed),
#undef MADE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
