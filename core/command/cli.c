/* SPDX-License-Identifier: Apache-2.0 */
#include "command/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define INSTALLED_FILE "etc/orchestrator/orchestrator.cfg" /* below the prefix */
#define DEFAULT_FILE "/" INSTALLED_FILE
#define REPORT_BYTES (1024 * 1024)
#define PAGE_COLUMNS 80
#define FAILURE_BYTES 4608 /* a path and a sentence */

static const struct orch_cli_option common[] = {
	{ .name = "config", .takes_value = true },
	{ .name = "json" },
	{ .name = "help" },
	{ 0 },
};

static void print_all_commands(FILE *to, const struct orch_command *commands, size_t count)
{
	fprintf(to,
		"orchestrator: passes events through security tools and acts on what they find.\n\n"
		"  orchestrator check -c orchestrator.cfg     is this configuration right?\n"
		"  orchestrator run -c orchestrator.cfg       run it\n"
		"  orchestrator finding list                  what was found?\n\n"
		"Commands (each has --help with examples):\n");
	for (size_t i = 0; i < count; i++) {
		char name[40];

		(void)snprintf(name, sizeof(name), "%s %s", commands[i].name,
			commands[i].verb == NULL ? "" : commands[i].verb);
		fprintf(to, "  %-18s %s\n", name, commands[i].summary);
	}
	fprintf(to,
		"\nAll take --json and -c FILE; without it the file is $ORCHESTRATOR_CONFIG,\n"
		"else PREFIX/" INSTALLED_FILE " if it is there and the\n"
		"program is PREFIX/bin/orchestrator, else " DEFAULT_FILE ".\n"
		"Exit: as --help says of each; of all 64 wrong usage, 74 the output could not be\n"
		"written.\n");
}

static void print_usage(FILE *to, const struct orch_command *command)
{
	char usage[80];
	int len = snprintf(usage, sizeof(usage), "Usage: orchestrator %s%s%s [-c FILE] [--json]",
		command->name, command->verb == NULL ? "" : " ",
		command->verb == NULL ? "" : command->verb);
	bool fits = (size_t)len + 1 + strlen(command->synopsis) <= PAGE_COLUMNS;

	fprintf(to, "%s%s%s\n", usage,
		command->synopsis[0] == '\0' ? ""
			: fits               ? " "
					     : "\n           ",
		command->synopsis);
}

static void print_help(FILE *to, const struct orch_command *command)
{
	fprintf(to, "%s\n\nExamples:\n%s\n", command->summary, command->examples);
	print_usage(to, command);
	if (command->details != NULL)
		fprintf(to, "\n%s", command->details);
}

/* The first of them, with the lines that go on with it. */
static void print_first_example(FILE *to, const char *examples)
{
	struct orch_text rest = orch_text_from(examples), line;
	bool goes_on = true;

	while (goes_on && orch_text_split(&rest, '\n', &line)) {
		fprintf(to, "    %.*s\n", ORCH_TEXT_ARG(line));
		goes_on = line.len > 0 && line.ptr[line.len - 1] == '\\';
	}
}

static void print_verbs(
	FILE *to, const struct orch_command *commands, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		fprintf(to, "  orchestrator %s %-8s %s\n", name, commands[i].verb,
			commands[i].summary);
		print_first_example(to, commands[i].examples);
	}
}

static bool has_name(const struct orch_command *commands, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return true;
	return false;
}

/* *ret_used: how many words of ARGV name the command. */
static const struct orch_command *find_command(
	int argc, char **argv, const struct orch_command *commands, size_t count, int *ret_used)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		if (commands[i].verb == NULL) {
			*ret_used = 2;
			return &commands[i];
		}
		if (argc > 2 && strcmp(commands[i].verb, argv[2]) == 0) {
			*ret_used = 3;
			return &commands[i];
		}
	}
	return NULL;
}

/* The nearest of the names, or of the verbs of NAME; NULL: none is near. */
static const char *nearest_of(
	const struct orch_command *commands, size_t count, const char *name, const char *word)
{
	const char *nearest = NULL;
	size_t distance = 3;

	for (size_t i = 0; i < count; i++) {
		const char *known = name == NULL              ? commands[i].name
			: strcmp(commands[i].name, name) == 0 ? commands[i].verb
							      : NULL;
		size_t found = known == NULL
			? distance
			: orch_text_distance(orch_text_from(word), orch_text_from(known), 2);

		if (found < distance) {
			distance = found;
			nearest = known;
		}
	}
	return nearest;
}

static void list_verbs(char *text, size_t size, const struct orch_command *commands, size_t count,
	const char *name)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (strcmp(commands[i].name, name) == 0 && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "",
				commands[i].verb);
}

static int no_such_verb(struct orch_cli *cli, const struct orch_command *commands, size_t count,
	const char *name, const char *verb)
{
	const char *nearest = verb == NULL ? NULL : nearest_of(commands, count, name, verb);
	char verbs[200];

	cli->group = name;
	list_verbs(verbs, sizeof(verbs), commands, count, name);
	if (nearest != NULL)
		(void)orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"there is no \"%s\" (did you mean \"%s\"?); say what to do: %s", verb,
			nearest, verbs);
	else if (verb != NULL)
		(void)orch_cli_fail(cli, ORCH_EXIT_USAGE, "there is no \"%s\"; say what to do: %s",
			verb, verbs);
	else
		(void)orch_cli_fail(cli, ORCH_EXIT_USAGE, "say what to do: %s", verbs);
	print_verbs(stderr, commands, count, name);
	return ORCH_EXIT_USAGE;
}

static int unknown_command(struct orch_cli *cli, int argc, char **argv,
	const struct orch_command *commands, size_t count)
{
	const char *verb = argc > 2 ? argv[2] : NULL, *nearest;

	if (has_name(commands, count, argv[1])) {
		if (verb == NULL || (strcmp(verb, "--help") != 0 && strcmp(verb, "-h") != 0))
			return no_such_verb(cli, commands, count, argv[1],
				verb != NULL && verb[0] != '-' ? verb : NULL);
		printf("orchestrator %s: say what to do:\n", argv[1]);
		print_verbs(stdout, commands, count, argv[1]);
		return ORCH_EXIT_OK;
	}
	nearest = nearest_of(commands, count, NULL, argv[1]);
	if (nearest != NULL)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"there is no command \"%s\" (did you mean \"%s\"?); see orchestrator "
			"--help",
			argv[1], nearest);
	return orch_cli_fail(cli, ORCH_EXIT_USAGE,
		"there is no command \"%s\"; see orchestrator --help", argv[1]);
}

static const struct orch_cli_option *find_option(
	const struct orch_cli_option *options, struct orch_text name)
{
	for (; options != NULL && options->name != NULL; options++)
		if (orch_text_is(name, options->name))
			return options;
	return NULL;
}

/* The nearest of OPTIONS, if it is nearer than *DISTANCE. */
static void look_nearer(const struct orch_cli_option *options, struct orch_text name,
	size_t *distance, const char **nearest)
{
	for (; options != NULL && options->name != NULL; options++) {
		size_t found = orch_text_distance(name, orch_text_from(options->name), 2);

		if (found < *distance && found < name.len) {
			*distance = found;
			*nearest = options->name;
		}
	}
}

static int unknown_option(const struct orch_cli *cli, struct orch_text name)
{
	const char *nearest = NULL;
	size_t distance = 3;

	look_nearer(cli->command->options, name, &distance, &nearest);
	look_nearer(common, name, &distance, &nearest);
	if (nearest != NULL)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"--%.*s is not an option of it (did you mean --%s?)", ORCH_TEXT_ARG(name),
			nearest);
	return orch_cli_fail(cli, ORCH_EXIT_USAGE, "--%.*s is not an option of it; see --help",
		ORCH_TEXT_ARG(name));
}

static int note_option(struct orch_cli *cli, const char *name, const char *value)
{
	if (cli->given_count == ORCH_CLI_GIVEN_MAX)
		return orch_cli_fail(
			cli, ORCH_EXIT_USAGE, "more than %d options", ORCH_CLI_GIVEN_MAX);
	cli->given[cli->given_count].name = name;
	cli->given[cli->given_count++].value = value;
	return ORCH_EXIT_OK;
}

/* "--name value" or "--name=value"; *AT stands on the option and moves over its value. */
static int take_option(struct orch_cli *cli, int argc, char **argv, int *at)
{
	struct orch_text rest = orch_text_from(argv[*at] + 2);
	const char *equals = strchr(argv[*at], '=');
	const struct orch_cli_option *option;
	const char *value = "";

	if (equals != NULL)
		rest.len = (size_t)(equals - argv[*at] - 2);
	option = find_option(common, rest);
	if (option == NULL)
		option = find_option(cli->command->options, rest);
	if (option == NULL)
		return unknown_option(cli, rest);
	if (equals != NULL && !option->takes_value)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "--%s takes no value", option->name);
	if (option->takes_value && equals == NULL && *at + 1 >= argc)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "--%s wants a value", option->name);
	if (option->takes_value)
		value = equals != NULL ? equals + 1 : argv[++*at];
	return note_option(cli, option->name, value);
}

static void name_file(struct orch_cli *cli, const char *file)
{
	cli->file = file;
	cli->is_file_named = true;
}

static int take_words(struct orch_cli *cli, int argc, char **argv)
{
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		int rc = ORCH_EXIT_OK;

		if (only_words || argv[i][0] != '-' || argv[i][1] == '\0')
			cli->words[cli->word_count++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (strcmp(argv[i], "-h") == 0)
			rc = note_option(cli, "help", "");
		else if (strcmp(argv[i], "-c") == 0 && i + 1 == argc)
			rc = orch_cli_fail(cli, ORCH_EXIT_USAGE, "-c wants a file");
		else if (strcmp(argv[i], "-c") == 0)
			name_file(cli, argv[++i]);
		else if (argv[i][1] == '-')
			rc = take_option(cli, argc, argv, &i);
		else
			rc = orch_cli_fail(cli, ORCH_EXIT_USAGE,
				"%s is not an option of it; see --help", argv[i]);
		if (rc != ORCH_EXIT_OK)
			return rc;
	}
	return ORCH_EXIT_OK;
}

static int check_words(const struct orch_cli *cli)
{
	if (cli->word_count < cli->command->least)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "something is missing; usage: %s",
			cli->command->synopsis);
	if (cli->word_count > cli->command->most && cli->command->synopsis[0] == '\0')
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "\"%s\" is too much; it takes no words",
			cli->words[cli->command->most]);
	if (cli->word_count > cli->command->most)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "\"%s\" is too much; usage: %s",
			cli->words[cli->command->most], cli->command->synopsis);
	return ORCH_EXIT_OK;
}

static int run_command(struct orch_cli *cli, int argc, char **argv)
{
	int rc;

	cli->words = orch_arena_alloc_array(cli->arena, (size_t)argc + 1, sizeof(char *));
	if (cli->words == NULL)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "out of memory");
	rc = take_words(cli, argc, argv);
	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_cli_get(cli, "help") != NULL) {
		print_help(stdout, cli->command);
		return ORCH_EXIT_OK;
	}
	if (orch_cli_get(cli, "config") != NULL)
		name_file(cli, orch_cli_get(cli, "config"));
	cli->json = orch_cli_get(cli, "json") != NULL;
	rc = check_words(cli);
	return rc == ORCH_EXIT_OK ? cli->command->run(cli) : rc;
}

/* See no-color.org: empty means that it is not set. */
static bool is_color_wanted(void)
{
	const char *no_color = getenv("NO_COLOR");

	return no_color == NULL || no_color[0] == '\0';
}

static size_t terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Results that did not arrive are no success. */
static int end_output(int rc)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return rc;
	fprintf(stderr, "orchestrator: the output could not be written\n");
	return ORCH_EXIT_OUTPUT;
}

/* As it was installed with the program, wherever that may lie by now. */
static const char *installed_file(struct orch_arena *arena)
{
	struct orch_text prefix = orch_file_program_folder(arena);
	const char *file;

	while (prefix.len > 0 && prefix.ptr[prefix.len - 1] != '/')
		prefix.len--;
	file = orch_arena_printf(arena, "%.*s" INSTALLED_FILE, ORCH_TEXT_ARG(prefix)).ptr;
	return prefix.len > 0 && file != NULL && orch_path_access(file, F_OK) == 0 ? file
										   : DEFAULT_FILE;
}

static void find_file(struct orch_cli *cli)
{
	const char *file = getenv("ORCHESTRATOR_CONFIG");

	if (file != NULL && file[0] != '\0')
		name_file(cli, file);
	else
		cli->file = installed_file(cli->arena);
}

/* Before the words are read: what is wrong with them is told in that way, too. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static int read_and_run(int argc, char **argv, const struct orch_command *commands, size_t count)
{
	struct orch_cli cli = { .file = DEFAULT_FILE, .json = wants_json(argc, argv) };
	int used = 0, rc;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_all_commands(argc < 2 ? stderr : stdout, commands, count);
		return argc < 2 ? ORCH_EXIT_USAGE : ORCH_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = argv[1] + 2;
	cli.command = find_command(argc, argv, commands, count, &used);
	if (cli.command == NULL)
		return unknown_command(&cli, argc, argv, commands, count);
	cli.is_terminal = isatty(STDOUT_FILENO) == 1;
	cli.color = cli.is_terminal && is_color_wanted();
	cli.columns = cli.is_terminal ? terminal_columns() : 0;
	cli.arena = orch_arena_create(0);
	if (cli.arena == NULL)
		return orch_cli_fail(&cli, ORCH_EXIT_FAILED, "out of memory");
	find_file(&cli);
	rc = run_command(&cli, argc - used, argv + used);
	orch_arena_destroy(cli.arena);
	return rc;
}

int orch_cli_main(int argc, char **argv, const struct orch_command *commands, size_t count)
{
	return end_output(read_and_run(argc, argv, commands, count));
}

const char *orch_cli_get(const struct orch_cli *cli, const char *name)
{
	for (size_t i = cli->given_count; i > 0; i--)
		if (strcmp(cli->given[i - 1].name, name) == 0)
			return cli->given[i - 1].value;
	return NULL;
}

bool orch_cli_next(
	const struct orch_cli *cli, const char *name, size_t *cursor, const char **ret_value)
{
	for (; *cursor < cli->given_count; ++*cursor)
		if (strcmp(cli->given[*cursor].name, name) == 0) {
			*ret_value = cli->given[(*cursor)++].value;
			return true;
		}
	return false;
}

/* A line of its own, so that a program that reads the results hears of it too. */
static void print_error_json(struct orch_text text)
{
	struct orch_buf out;

	orch_buf_init(&out, REPORT_BYTES);
	orch_buf_add_string(&out, "{\"error\":");
	orch_buf_add_json(&out, text);
	orch_buf_add_string(&out, "}\n");
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

/* Names, words and what plugins say may be made to steer a terminal. */
static void print_clean(const struct orch_cli *cli, const char *before, struct orch_text line)
{
	const struct orch_cli plain = { .command = cli->command };
	struct orch_buf out;

	orch_buf_init(&out, REPORT_BYTES);
	orch_buf_add_string(&out, before);
	orch_cli_add_styled(&plain, &out, NULL, line);
	orch_buf_add_char(&out, '\n');
	if (out.len > 0)
		(void)fwrite(out.ptr, 1, out.len, stderr);
	orch_buf_fini(&out);
}

static void print_failure(const struct orch_cli *cli, struct orch_text text)
{
	const struct orch_command *command = cli->command;
	const char *verb = command == NULL ? NULL : command->verb;
	const char *name = command == NULL ? cli->group : command->name;
	char before[80];

	(void)snprintf(before, sizeof(before), "orchestrator%s%s%s%s: ", name == NULL ? "" : " ",
		name == NULL ? "" : name, verb == NULL ? "" : " ", verb == NULL ? "" : verb);
	print_clean(cli, before, text);
	if (cli->json)
		print_error_json(text);
}

int orch_cli_fail(const struct orch_cli *cli, int code, const char *fmt, ...)
{
	char text[FAILURE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_failure(cli, orch_text_from(text));
	return code;
}

void orch_cli_hint_file(const struct orch_cli *cli)
{
	if (orch_path_access(cli->file, F_OK) != 0 && errno == ENOENT)
		fprintf(stderr, "name the file that is meant by -c FILE or $ORCHESTRATOR_CONFIG\n");
}

/* If it has FAILED, as errors; else there is just something to be known. */
static void print_report(const struct orch_cli *cli, const struct orch_buf *report, bool failed)
{
	struct orch_text rest = orch_buf_text(report), line;

	while (orch_text_split(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		print_clean(cli, "", line);
		if (cli->json && failed)
			print_error_json(line);
	}
	if (failed)
		orch_cli_hint_file(cli);
}

struct orch_plan *orch_cli_plan(struct orch_cli *cli)
{
	struct orch_plan *plan = NULL;
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, REPORT_BYTES);
	rc = orch_build(cli->file, ORCH_BUILD_TOOLS, &report, &plan);
	print_report(cli, &report, rc != ORCH_OK);
	orch_buf_fini(&report);
	return plan;
}

struct orch_config *orch_cli_config(struct orch_cli *cli, enum orch_use use)
{
	struct orch_config *config = NULL;
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, REPORT_BYTES);
	rc = orch_build_config(cli->file, use, &report, &config);
	print_report(cli, &report, rc != ORCH_OK);
	orch_buf_fini(&report);
	return config;
}

/* The one secret that a command may need; what else cannot be loaded is not its matter. */
static void load_store_key(
	struct orch_cli *cli, struct orch_config *config, struct orch_config_errors *errors)
{
	orch_config_errors_init(errors, cli->arena);
	if (config->store_key.len > 0)
		orch_config_load_credentials(config, errors);
}

int orch_cli_keep(struct orch_cli *cli, struct orch_config *config, struct orch_keep *ret_keep)
{
	struct orch_config_errors errors;
	struct orch_err err = { "" };

	load_store_key(cli, config, &errors);
	if (orch_keep_open(config, ret_keep, &err) == ORCH_OK)
		return ORCH_EXIT_OK;
	if (errors.count > 0)
		fprintf(stderr, "%s", orch_config_errors_print(&errors, cli->arena).ptr);
	return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
}

int orch_cli_with_keep(struct orch_cli *cli,
	int (*work)(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep))
{
	struct orch_config *config = orch_cli_config(cli, ORCH_USE_STORE);
	struct orch_keep keep;
	int rc;

	if (config == NULL)
		return ORCH_EXIT_CONFIG;
	rc = orch_cli_keep(cli, config, &keep);
	if (rc == ORCH_EXIT_OK) {
		rc = work(cli, config, &keep);
		orch_keep_close(&keep);
	}
	orch_config_destroy(config);
	return rc;
}
