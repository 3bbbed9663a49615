/* SPDX-License-Identifier: Apache-2.0 */
/* Files that no tree can hold: pipes, and what steers a terminal. */
#include "unit/config/reading.h"

/* Reads TEXT as a.cfg. */
static void start_text(struct reading *reading, const char *text)
{
	write_text("a.cfg", text);
	start(reading, "a.cfg");
}

static void test_an_include_of_a_pipe_does_not_wait(void **state)
{
	struct reading reading;

	(void)state;
	assert_int_equal(mkfifo("b.cfg", 0600), 0);
	start_text(&reading, "@include \"b.cfg\"\n");
	assert_string_equal(printed(&reading),
		"a.cfg:1: b.cfg: not a regular file; must be a text file that is there and "
		"readable\n");
	end(&reading);
}

static void test_what_steers_a_terminal_is_not_printed(void **state)
{
	struct reading reading;

	(void)state;
	start_text(&reading, "\"\x1b[31m\xff\" = 1;");
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
		MADE(test_what_steers_a_terminal_is_not_printed),
#undef MADE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
