/* SPDX-License-Identifier: Apache-2.0 */
#include "command/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "support/text_assert.h"

#define TEXT_BYTES 8192

/* What the command saw, and what came out. */
static struct {
	int runs, result;
	char file[128], words[256], one[64], many[256];
	bool json, flag;
} seen;
static char out[TEXT_BYTES], told[TEXT_BYTES];

static int probe(struct orch_cli *cli)
{
	const char *value;
	size_t cursor = 0;

	seen.runs++;
	(void)snprintf(seen.file, sizeof(seen.file), "%s", cli->file);
	seen.json = cli->json;
	seen.flag = orch_cli_get(cli, "flag") != NULL;
	(void)snprintf(seen.one, sizeof(seen.one), "%s",
		orch_cli_get(cli, "one") == NULL ? "-" : orch_cli_get(cli, "one"));
	while (orch_cli_next(cli, "one", &cursor, &value))
		(void)snprintf(seen.many + strlen(seen.many), sizeof(seen.many) - strlen(seen.many),
			"<%s>", value);
	for (size_t i = 0; i < cli->word_count; i++)
		(void)snprintf(seen.words + strlen(seen.words),
			sizeof(seen.words) - strlen(seen.words), "<%s>", cli->words[i]);
	return seen.result;
}

static const struct orch_cli_option options[] = {
	{ .name = "one", .takes_value = true },
	{ .name = "flag" },
	{ 0 },
};

static const struct orch_command commands[] = {
	{
		.name = "probe",
		.synopsis = "[--one X] [WORD]...",
		.summary = "looks around",
		.examples = "  orchestrator probe\n",
		.details = "Exit: 0.\n",
		.options = options,
		.most = 3,
		.run = probe,
	},
	{
		.name = "rule",
		.verb = "list",
		.synopsis = "",
		.summary = "lists",
		.examples = "  orchestrator rule list\n",
		.run = probe,
	},
	{
		.name = "rule",
		.verb = "show",
		.synopsis = "RULE",
		.summary = "shows",
		.examples =
			"  orchestrator rule show \\\n      x\n  orchestrator rule show another\n",
		.least = 1,
		.most = 1,
		.run = probe,
	},
};

/* FD goes to a file of its own until it is given back. */
static int divert(int fd, char *path)
{
	int kept = dup(fd), file;

	(void)fflush(stdout);
	(void)fflush(stderr);
	file = mkstemp(path);
	assert_true(file >= 0);
	(void)dup2(file, fd);
	(void)close(file);
	return kept;
}

static void give_back(int fd, int kept, const char *path, char *text)
{
	ssize_t len;
	int file;

	(void)fflush(stdout);
	(void)fflush(stderr);
	(void)dup2(kept, fd);
	(void)close(kept);
	file = open(path, O_RDONLY);
	len = read(file, text, TEXT_BYTES - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	(void)close(file);
	(void)unlink(path);
}

/* As if "orchestrator" and the words were typed; NULL ends them. */
static int type(const char *first, ...)
{
	char out_path[] = "/tmp/orch-out-XXXXXX", told_path[] = "/tmp/orch-told-XXXXXX";
	char *argv[200] = { strdup("orchestrator") };
	int argc = 1, kept_out, kept_told, rc;
	va_list ap;

	memset(&seen, 0, sizeof(seen));
	va_start(ap, first);
	for (const char *word = first; word != NULL; word = va_arg(ap, const char *))
		argv[argc++] = strdup(word);
	va_end(ap);
	kept_out = divert(STDOUT_FILENO, out_path);
	kept_told = divert(STDERR_FILENO, told_path);
	rc = orch_cli_main(argc, argv, commands, sizeof(commands) / sizeof(commands[0]));
	give_back(STDOUT_FILENO, kept_out, out_path, out);
	give_back(STDERR_FILENO, kept_told, told_path, told);
	while (argc-- > 0)
		free(argv[argc]);
	return rc;
}

static void test_words_and_options_mix(void **state)
{
	(void)state;
	assert_int_equal(
		type("probe", "a", "--one", "1", "--flag", "b", "--one=2", (char *)NULL), 0);
	assert_string_equal(seen.words, "<a><b>");
	assert_string_equal(seen.one, "2");
	assert_string_equal(seen.many, "<1><2>");
	assert_true(seen.flag);
	assert_false(seen.json);
}

static void test_the_file_is_the_one_named_last(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("ORCHESTRATOR_CONFIG"), 0);
	assert_int_equal(type("probe", (char *)NULL), 0);
	assert_string_equal(seen.file, "/etc/orchestrator/orchestrator.cfg");
	assert_int_equal(setenv("ORCHESTRATOR_CONFIG", "of-the-environment", 1), 0);
	assert_int_equal(type("probe", (char *)NULL), 0);
	assert_string_equal(seen.file, "of-the-environment");
	assert_int_equal(type("probe", "-c", "a.cfg", (char *)NULL), 0);
	assert_string_equal(seen.file, "a.cfg");
	assert_int_equal(type("probe", "--config=b.cfg", (char *)NULL), 0);
	assert_string_equal(seen.file, "b.cfg");
	assert_int_equal(setenv("ORCHESTRATOR_CONFIG", "", 1), 0);
	assert_int_equal(type("probe", (char *)NULL), 0);
	assert_string_equal(seen.file, "/etc/orchestrator/orchestrator.cfg");
}

static void test_what_follows_two_dashes_are_words(void **state)
{
	(void)state;
	assert_int_equal(type("probe", "--", "--flag", "-c", (char *)NULL), 0);
	assert_string_equal(seen.words, "<--flag><-c>");
	assert_false(seen.flag);
	assert_int_equal(type("probe", "-", (char *)NULL), 0);
	assert_string_equal(seen.words, "<->");
}

static void test_wrong_usage_is_64_and_says_why(void **state)
{
	static const struct {
		const char *words[4], *why;
	} rows[] = {
		{ { "probe", "--fleg" }, "--fleg is not an option of it (did you mean --flag?)" },
		{ { "probe", "--jsn" }, "did you mean --json?" },
		{ { "probe", "--confg=x" }, "did you mean --config?" },
		{ { "probe", "--nothing-like-it" }, "see --help" },
		{ { "probe", "-x" }, "-x is not an option of it" },
		{ { "probe", "--one" }, "--one wants a value" },
		{ { "probe", "-c" }, "-c wants a file" },
		{ { "probe", "--flag=1" }, "--flag takes no value" },
		{ { "probe", "--" }, NULL },
		{ { "prube" }, "there is no command \"prube\" (did you mean \"probe\"?)" },
		{ { "xyz" }, "there is no command \"xyz\"; see orchestrator --help" },
		{ { "rule" }, "orchestrator rule: say what to do:" },
		{ { "rule" }, "say what to do: list, show" },
		{ { "rule", "shw" }, "orchestrator rule show" },
		{ { "rule", "shw" },
			"orchestrator rule: there is no \"shw\" (did you mean \"show\"?);" },
		{ { "rule", "zzzz" }, "orchestrator rule: there is no \"zzzz\"; say what to do" },
		{ { "rule", "show" }, "something is missing; usage: RULE" },
		{ { "rule", "list", "x" }, "\"x\" is too much; it takes no words" },
		{ { "rule", "show", "x\033[2J", "y\033[2J" }, "\"y?[2J\" is too much" },
		{ { "x\033[2J" }, "there is no command \"x?[2J\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = type(rows[i].words[0], rows[i].words[1], rows[i].words[2],
			rows[i].words[3], (char *)NULL);

		if (rows[i].why == NULL) {
			assert_int_equal(rc, 0);
			continue;
		}
		assert_int_equal(rc, ORCH_EXIT_USAGE);
		assert_contains(told, rows[i].why);
		assert_string_equal(out, "");
		assert_int_equal(seen.runs, 0);
	}
}

static void test_wrong_usage_is_json_where_that_is_asked_for(void **state)
{
	static const struct {
		const char *words[3], *told;
	} rows[] = {
		{ { "probe", "--json", "--fleg" },
			"{\"error\":\"--fleg is not an option of it (did you mean --flag?)\"}\n" },
		{ { "probe", "--one", "--json" }, NULL },
		{ { "prube", "--json" },
			"{\"error\":\"there is no command \\\"prube\\\" (did you mean "
			"\\\"probe\\\"?); see orchestrator --help\"}\n" },
		{ { "rule", "--json" }, "{\"error\":\"say what to do: list, show\"}\n" },
		{ { "rule", "show", "--json" },
			"{\"error\":\"something is missing; usage: RULE\"}\n" },
		{ { "probe", "-x", "--json" },
			"{\"error\":\"-x is not an option of it; see --help\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = type(rows[i].words[0], rows[i].words[1], rows[i].words[2], (char *)NULL);

		if (rows[i].told == NULL) { /* it is the value of an option */
			assert_int_equal(rc, 0);
			assert_false(seen.json);
			continue;
		}
		assert_int_equal(rc, ORCH_EXIT_USAGE);
		assert_string_equal(out, rows[i].told);
		assert_true(strlen(told) > 0);
	}
}

static void test_help_goes_to_standard_output_examples_first(void **state)
{
	static const char *const words[] = { "--help", "-h" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(type("probe", words[i], (char *)NULL), 0);
		assert_int_equal(seen.runs, 0);
		assert_string_equal(told, "");
		assert_true(strstr(out, "Examples:") < strstr(out, "Usage:"));
		assert_contains(out, "Exit: 0.");
	}
	assert_int_equal(type("rule", "--help", (char *)NULL), 0);
	assert_contains(out, "orchestrator rule list");
	assert_contains(out, "      orchestrator rule show \\\n          x\n");
	assert_lacks(out, "another");
	assert_int_equal(type("--help", (char *)NULL), 0);
	assert_contains(out, "probe");
	assert_int_equal(type(NULL, (char *)NULL), ORCH_EXIT_USAGE);
	assert_string_equal(out, "");
}

static void test_more_options_than_there_is_room_for_are_refused(void **state)
{
	char *words[ORCH_CLI_GIVEN_MAX + 3] = { NULL };
	char path[] = "/tmp/orch-told-XXXXXX";
	int kept, rc, argc = 0;

	(void)state;
	words[argc++] = strdup("orchestrator");
	words[argc++] = strdup("probe");
	while (argc < ORCH_CLI_GIVEN_MAX + 3)
		words[argc++] = strdup("-h");
	kept = divert(STDERR_FILENO, path);
	rc = orch_cli_main(argc, words, commands, sizeof(commands) / sizeof(commands[0]));
	give_back(STDERR_FILENO, kept, path, told);
	assert_int_equal(rc, ORCH_EXIT_USAGE);
	assert_contains(told, "more than 64 options");
	while (argc-- > 0)
		free(words[argc]);
}

static int print_much(struct orch_cli *cli)
{
	(void)cli;
	printf("a result\n");
	return ORCH_EXIT_OK;
}

static void test_output_that_is_lost_is_no_success(void **state)
{
	static const struct orch_command print[] = { { .name = "print",
		.synopsis = "",
		.summary = "",
		.examples = "",
		.run = print_much } };
	char name[] = "orchestrator", word[] = "print";
	char *argv[] = { name, word, NULL };
	char path[] = "/tmp/orch-told-XXXXXX";
	int kept_out, kept, full = open("/dev/full", O_WRONLY), rc;

	(void)state;
	(void)fflush(stdout);
	kept_out = dup(STDOUT_FILENO);
	kept = divert(STDERR_FILENO, path);
	(void)dup2(full, STDOUT_FILENO);
	rc = orch_cli_main(2, argv, print, 1);
	(void)dup2(kept_out, STDOUT_FILENO);
	give_back(STDERR_FILENO, kept, path, told);
	(void)close(kept_out);
	(void)close(full);
	clearerr(stdout);
	assert_int_equal(rc, ORCH_EXIT_OUTPUT);
	assert_contains(told, "could not be written");
}

/* What people see. */

static const char *styled(bool color, const char *style, struct orch_text text)
{
	static char shown[512];
	const struct orch_cli cli = { .color = color };
	struct orch_buf buf;

	orch_buf_init(&buf, sizeof(shown) - 1);
	orch_cli_add_styled(&cli, &buf, style, text);
	(void)snprintf(shown, sizeof(shown), "%s", buf.len > 0 ? buf.ptr : "");
	orch_buf_fini(&buf);
	return shown;
}

static void test_colours_are_for_terminals(void **state)
{
	(void)state;
	assert_string_equal(styled(false, ORCH_CLI_RED, ORCH_TEXT("x")), "x");
	assert_string_equal(styled(true, ORCH_CLI_RED, ORCH_TEXT("x")), "\033[31mx\033[0m");
	assert_string_equal(styled(true, NULL, ORCH_TEXT("x")), "x");
}

/* A right-to-left override, byte by byte, so that it disturbs no reader of this file. */
static const char override[] = { '\xe2', '\x80', '\xae', 'g', 'p', 'j', '.', 'e', 'x', 'e', '\0' };

static void test_nothing_in_a_text_steers_the_terminal(void **state)
{
	static const struct {
		struct orch_text text;
		const char *shown;
	} rows[] = {
		{ ORCH_TEXT("\033[2J"), "?[2J" },
		{ ORCH_TEXT("a\tb\nc\rd\be"), "a?b?c?d?e" },
		{ ORCH_TEXT("\x7f\0"), "??" },
		{ ORCH_TEXT("\xc2\x9b"
			    "31m"),
			"?31m" }, /* CSI as one character */
		{ ORCH_TEXT("\x9b"
			    "31m"),
			"?31m" }, /* and as one byte */
		{ ORCH_TEXT("\xff\xc3"), "??" },
		{ { override, sizeof(override) - 1 }, "?gpj.exe" },
		{ ORCH_TEXT("\xe2\x81\xa6x\xe2\x81\xa9"), "?x?" },
		{ ORCH_TEXT("\xe2\x80\xa8"), "?" },
		{ ORCH_TEXT("Stra\xc3\x9f"
			    "e \xe6\x97\xa5 \xf0\x9f\x98\x80 \xc2\xa0"),
			"Stra\xc3\x9f"
			"e \xe6\x97\xa5 \xf0\x9f\x98\x80 \xc2\xa0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(styled(false, NULL, rows[i].text), rows[i].shown);
}

static const char *table_of(size_t columns, bool color, const char *cells)
{
	static char shown[512];
	const struct orch_cli cli = { .color = color, .columns = columns };
	struct orch_buf buf;

	orch_buf_init(&buf, sizeof(shown) - 1);
	orch_cli_add_table(&cli, &buf, orch_text_from(cells));
	(void)snprintf(shown, sizeof(shown), "%s", buf.len > 0 ? buf.ptr : "");
	orch_buf_fini(&buf);
	return shown;
}

static const char *table(bool color, const char *cells)
{
	return table_of(0, color, cells);
}

static void test_what_does_not_fit_a_terminal_is_folded(void **state)
{
	(void)state;
	assert_string_equal(
		table_of(40, false, "ID\tTEXT\nx\tone two three four five six seven nine\n"),
		"ID  TEXT\nx   one two three four five six seven\n    nine\n");
	assert_string_equal(
		table_of(40, true,
			"ID\tTEXT\nx\t\033[2mone two three four five six seven nine\033[0m\n"),
		"\033[1mID  TEXT\033[0m\nx   \033[2mone two three four five six seven\n    "
		"nine\033[0m\n");
	assert_string_equal(
		table_of(40, false, "ID\tTEXT\na-rather-long-id\ta text that is too wide\n"),
		"ID                TEXT\na-rather-long-id\n    a text that is too wide\n");
	assert_string_equal(table_of(24, false, "ID\tTEXT\nx\tone-word-that-is-wider-than-all\n"),
		"ID  TEXT\nx\n    one-word-that-is-wider-than-all\n");
	assert_string_equal(table_of(40, false, "ID\tTEXT\nx\tfits\n"), "ID  TEXT\nx   fits\n");
}

static void test_columns_stand_below_each_other(void **state)
{
	(void)state;
	assert_string_equal(table(false, "ID\tNAME\nlonger\tx\n"), "ID      NAME\nlonger  x\n");
	assert_string_equal(table(false, "A\tB\tC\n1\t\t3\n"), "A  B  C\n1     3\n");
	assert_string_equal(table(false, "A\tB\tC\n1\t\t\n"), "A  B  C\n1\n");
	assert_string_equal(table(false, ""), "");
}

/* Neither colours nor the bytes of a character count. */
static void test_columns_are_as_wide_as_they_look(void **state)
{
	(void)state;
	assert_string_equal(
		table(false, "\xc3\xa4\xc3\xb6\tx\nab\ty\n"), "\xc3\xa4\xc3\xb6  x\nab  y\n");
	assert_string_equal(table(true, "H\tI\n\033[31mred\033[0m\tx\n"),
		"\033[1mH    I\033[0m\n\033[31mred\033[0m  x\n");
}

static void test_ages_and_times_are_short(void **state)
{
	struct orch_cli cli = { .arena = orch_arena_create(0) };

	(void)state;
	assert_text(orch_cli_age(&cli, 59999), "59s");
	assert_text(orch_cli_age(&cli, 60000), "1m");
	assert_text(orch_cli_age(&cli, 7200000), "2h");
	assert_text(orch_cli_age(&cli, 86400000), "1d");
	assert_text(orch_cli_time(&cli, 0), "-");
	assert_int_equal(orch_cli_time(&cli, 1700000000000).len, 19);
	orch_arena_destroy(cli.arena);
}

/* What is on the screen of a terminal that standard error is. */
static void look_at(int leader, char *text, size_t size)
{
	ssize_t len = read(leader, text, size - 1);

	text[len < 0 ? 0 : len] = '\0';
}

static void test_progress_is_shown_once_it_takes_its_time_and_cleared(void **state)
{
	struct orch_cli cli = { 0 };
	char text[256];
	int leader = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), follower, kept;

	(void)state;
	assert_true(leader >= 0 && grantpt(leader) == 0 && unlockpt(leader) == 0);
	follower = open(ptsname(leader), O_RDWR | O_NOCTTY);
	(void)fflush(stderr);
	kept = dup(STDERR_FILENO);
	(void)dup2(follower, STDERR_FILENO);
	orch_cli_progress(&cli, "files", 1, 0);
	orch_cli_progress_end(&cli);
	look_at(leader, text, sizeof(text));
	assert_string_equal(text, "");
	orch_clock_shift_ms(600);
	orch_cli_progress(&cli, "files", 2, 9);
	look_at(leader, text, sizeof(text));
	assert_string_equal(text, "\r\033[Kfiles: 2 of 9");
	orch_cli_progress_end(&cli);
	orch_cli_progress_end(&cli);
	look_at(leader, text, sizeof(text));
	assert_string_equal(text, "\r\033[K");
	(void)dup2(kept, STDERR_FILENO);
	(void)close(kept);
	(void)close(follower);
	(void)close(leader);
}

static void test_progress_is_for_terminals(void **state)
{
	struct orch_cli cli = { 0 };
	char path[] = "/tmp/orch-told-XXXXXX";
	int kept = divert(STDERR_FILENO, path);

	(void)state;
	orch_cli_progress(&cli, "files", 1, 0);
	orch_clock_shift_ms(600);
	orch_cli_progress(&cli, "files", 2, 0);
	orch_cli_progress_end(&cli);
	give_back(STDERR_FILENO, kept, path, told);
	assert_string_equal(told, "");
}

static void test_lines_begin_with_a_name(void **state)
{
	const struct orch_cli cli = { .color = false };
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 512);
	orch_cli_add_line(&cli, &buf, "id", ORCH_TEXT("e\0331"));
	orch_cli_add_line(&cli, &buf, "slack\033channel", ORCH_TEXT("C1"));
	assert_string_equal(buf.ptr, "id           e?1\nslack?channel C1\n");
	orch_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_options_mix),
		cmocka_unit_test(test_the_file_is_the_one_named_last),
		cmocka_unit_test(test_what_follows_two_dashes_are_words),
		cmocka_unit_test(test_wrong_usage_is_64_and_says_why),
		cmocka_unit_test(test_wrong_usage_is_json_where_that_is_asked_for),
		cmocka_unit_test(test_help_goes_to_standard_output_examples_first),
		cmocka_unit_test(test_more_options_than_there_is_room_for_are_refused),
		cmocka_unit_test(test_output_that_is_lost_is_no_success),
		cmocka_unit_test(test_colours_are_for_terminals),
		cmocka_unit_test(test_nothing_in_a_text_steers_the_terminal),
		cmocka_unit_test(test_what_does_not_fit_a_terminal_is_folded),
		cmocka_unit_test(test_progress_is_shown_once_it_takes_its_time_and_cleared),
		cmocka_unit_test(test_progress_is_for_terminals),
		cmocka_unit_test(test_columns_stand_below_each_other),
		cmocka_unit_test(test_columns_are_as_wide_as_they_look),
		cmocka_unit_test(test_ages_and_times_are_short),
		cmocka_unit_test(test_lines_begin_with_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
