/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's own keys: converted into its struct, or refused with the option's help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "plugin/loader.h"
#include "plugin/settings.h"
#include "plugin/template.h"

struct settings {
	const char *word;
	const char *url;
	const char *path;
	int64_t number;
	uint64_t bytes, pause_ms;
	uint32_t mode;
	bool flag;
	orch_credential secret;
	orch_account account;
	struct orch_list words;
	const struct orch_template *form;
};

#define ROW(member, kind, ...)                                                     \
	{                                                                          \
		.name = #member, .type = (kind),                                   \
		.offset = (uint32_t)offsetof(struct settings, member), __VA_ARGS__ \
	}

static const struct orch_option options[] = {
	ROW(word, ORCH_OPT_STRING, .help = "The word to look for."),
	ROW(url, ORCH_OPT_URL, .fallback = "https://slack.com/api/"),
	ROW(path, ORCH_OPT_PATH, .fallback = "stderr", .choices = "stderr|syslog"),
	ROW(number, ORCH_OPT_INT, .fallback = "-5", .min = -10, .max = 10, .help = "How many."),
	ROW(bytes, ORCH_OPT_SIZE, .fallback = "64k", .max = 1 << 20),
	ROW(pause_ms, ORCH_OPT_TIME, .fallback = "5s", .min = 1000),
	ROW(mode, ORCH_OPT_CHOICE, .fallback = "b", .choices = "a|b|c"),
	ROW(flag, ORCH_OPT_BOOL, .fallback = "true"),
	ROW(secret, ORCH_OPT_CREDENTIAL, .fallback = ""),
	ROW(account, ORCH_OPT_ACCOUNT, .fallback = ""),
	ROW(words, ORCH_OPT_LIST, .fallback = "x, y"),
	ROW(form, ORCH_OPT_TEMPLATE, .fallback = ""),
	{ .name = NULL },
};

static const struct orch_tool_ops tool_ops = { .size = sizeof(tool_ops) };
static const struct orch_input_ops input_ops = { .size = sizeof(input_ops),
	.transports = ORCH_QUEUE | ORCH_LINES };

static const struct orch_plugin tool = {
	ORCH_ABI,
	.settings_size = sizeof(struct settings),
	.name = "thing",
	.version = "1",
	.summary = "tests",
	.options = options,
	.tool = &tool_ops,
};
static const struct orch_plugin input = {
	ORCH_ABI,
	.name = "thing",
	.version = "1",
	.summary = "tests",
	.input = &input_ops,
};

#define CREDENTIALS                                          \
	"credentials = (\n"                                  \
	"  { name = \"bot\"; env = \"TEST_SECRET\"; },\n"    \
	"  { name = \"admin\"; env = \"TEST_SECRET\"; });\n" \
	"accounts = ( { name = \"streams\"; }, { name = \"logs\"; } );\n"

struct fixture {
	char file[64];
	struct orch_arena *arena;
	struct orch_config_errors errors;
	struct orch_config *config;
	void *settings;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd;

	assert_non_null(fixture);
	(void)snprintf(fixture->file, sizeof(fixture->file), "/tmp/settings_test.XXXXXX");
	fd = mkstemp(fixture->file);
	assert_true(fd >= 0);
	(void)close(fd);
	fixture->arena = orch_arena_create(0);
	*state = fixture;
	return fixture->arena == NULL;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)unlink(fixture->file);
	orch_config_destroy(fixture->config);
	orch_arena_destroy(fixture->arena);
	free(fixture);
	return 0;
}

static void read_file(struct fixture *fixture, const char *text)
{
	struct orch_err err;

	assert_int_equal(orch_file_write(fixture->file, orch_text_from(text), 0600, &err), ORCH_OK);
	orch_config_errors_init(&fixture->errors, fixture->arena);
	fixture->config = orch_config_read(fixture->file, &fixture->errors);
	assert_non_null(fixture->config);
	assert_int_equal(fixture->errors.count, 0);
}

static int read_tool(struct fixture *fixture, const char *keys)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		CREDENTIALS
		"tools = ( { name = \"t\"; plugin = \"thing\"; timeout = \"9s\";\n%s } );\n",
		keys);
	read_file(fixture, text);
	return orch_settings_read(fixture->config, &fixture->config->tools[0], &tool,
		&fixture->errors, &fixture->settings);
}

static void test_fallbacks_fill_what_is_not_given(void **state)
{
	struct fixture *fixture = *state;
	const struct settings *settings;

	assert_int_equal(read_tool(fixture, "word = \"w\";"), ORCH_OK);
	settings = fixture->settings;
	assert_string_equal(settings->word, "w");
	assert_string_equal(settings->url, "https://slack.com/api/");
	assert_string_equal(settings->path, "stderr");
	assert_int_equal(settings->number, -5);
	assert_int_equal(settings->bytes, 65536);
	assert_int_equal(settings->pause_ms, 5000);
	assert_int_equal(settings->mode, 1);
	assert_true(settings->flag);
	assert_int_equal(settings->secret, 0);
	assert_int_equal(settings->account, 0);
	assert_int_equal(settings->words.count, 2);
	assert_string_equal(settings->words.items[1].ptr, "y");
	assert_null(settings->form);
	assert_int_equal(fixture->config->egress.origin_count, 1);
	assert_int_equal(fixture->config->egress.origins[0].port, 443);
}

static void assert_path(struct fixture *fixture, const char *given, const char *expected)
{
	char keys[128];

	(void)snprintf(keys, sizeof(keys), "word = \"w\"; path = \"%s\";", given);
	assert_int_equal(read_tool(fixture, keys), ORCH_OK);
	assert_string_equal(((const struct settings *)fixture->settings)->path, expected);
	orch_config_destroy(fixture->config);
	fixture->config = NULL;
}

static void test_a_path_is_relative_to_the_file_that_names_it(void **state)
{
	assert_path(*state, "logs/v.jsonl", "/tmp/logs/v.jsonl");
	assert_path(*state, "/var/log/v.jsonl", "/var/log/v.jsonl");
	assert_path(*state, "syslog", "syslog");
	assert_path(*state, "syslog2", "/tmp/syslog2");
}

static void test_each_type_is_converted(void **state)
{
	struct fixture *fixture = *state;
	const struct settings *settings;

	assert_int_equal(
		read_tool(fixture,
			"word = \"w\"; url = \"http://127.0.0.1:9000/\"; number = 7; bytes = "
			"\"1M\";"
			"pause_ms = \"1m\"; mode = \"c\"; flag = false; secret = \"admin\"; "
			"account = \"logs\";"
			"words = ( \"one\" ); form = \"{event.id}!\";"),
		ORCH_OK);
	settings = fixture->settings;
	assert_string_equal(settings->url, "http://127.0.0.1:9000/");
	assert_int_equal(settings->number, 7);
	assert_int_equal(settings->bytes, 1 << 20);
	assert_int_equal(settings->pause_ms, 60000);
	assert_int_equal(settings->mode, 2);
	assert_false(settings->flag);
	assert_int_equal(settings->secret, 2);
	assert_int_equal(settings->account, 2);
	assert_int_equal(settings->words.count, 1);
	assert_non_null(settings->form);
	assert_string_equal(fixture->config->egress.origins[0].host.ptr, "127.0.0.1");
	assert_int_equal(fixture->config->egress.origins[0].port, 9000);
}

/* The entries behind "FILE:LINE: ", all in one. */
static void assert_entries(struct fixture *fixture, const char *const *entries, size_t count)
{
	struct orch_text rest = orch_config_errors_print(&fixture->errors, fixture->arena);
	struct orch_text line;
	char wanted[1024];

	for (size_t i = 0; i < count; i++) {
		assert_true(orch_text_split(&rest, '\n', &line));
		(void)snprintf(wanted, sizeof(wanted), "%.*s", ORCH_TEXT_ARG(line));
		assert_non_null(strstr(wanted, ": tools.t"));
		assert_string_equal(strstr(wanted, ": tools.t") + 2, entries[i]);
	}
	assert_int_equal(rest.len, 0);
}

static void test_every_wrong_key_is_listed_with_its_help(void **state)
{
	static const char *const entries[] = {
		"tools.t: word is missing; add it (The word to look for.)",
		"tools.t.url: the URL must begin with http://, https://, smtp:// or smtps://",
		"tools.t.number: is 11, must be -10 to 10 (number: How many.)",
		"tools.t.bytes: is \"2M\", must be \"0\" to \"1M\"",
		"tools.t.pause_ms: is a number, must be a string such as \"25s\"",
		"tools.t.mode: \"d\" is not known; must be a, b or c",
		"tools.t.flag: is a string, must be true or false, without quotes",
		"tools.t.secret: there is no credential \"bto\"; must be one of bot, admin (did "
		"you mean \"bot\"?)",
		"tools.t.account: there is no account \"stream\"; must be one of streams, logs "
		"(did you mean \"streams\"?)",
		"tools.t.words: is a string, must be a list of strings such as [ \"a\", \"b\" ]",
		"tools.t.form: a \"{\" is never closed; close it with \"}\", or write \"{{\" for "
		"the brace itself",
		"tools.t: unknown key \"wrod\" (did you mean \"word\"?)",
		"tools.t: unknown key \"time_out\" (did you mean \"timeout\"?)",
	};
	struct fixture *fixture = *state;

	assert_int_equal(
		read_tool(fixture,
			"url = \"slack.com\";\nnumber = 11;\nbytes = \"2M\";\npause_ms = 5;\n"
			"mode = \"d\";\nflag = \"yes\";\nsecret = \"bto\";\naccount = "
			"\"stream\";\nwords = \"one\";\n"
			"form = \"{event.id\";\nwrod = \"w\";\ntime_out = 1;\n"),
		ORCH_E_INVALID);
	assert_null(fixture->settings);
	assert_entries(fixture, entries, sizeof(entries) / sizeof(*entries));
}

static void test_what_must_be_filled_in_is_not_empty(void **state)
{
	static const char *const entries[] = {
		"tools.t.word: is empty; must be filled in (word: The word to look for.)",
		"tools.t.url: is empty; must be filled in",
	};
	struct fixture *fixture = *state;

	assert_int_equal(
		read_tool(fixture, "word = \"\";\nurl = \"\"; secret = \"\"; form = \"\";"),
		ORCH_E_INVALID);
	assert_entries(fixture, entries, 2);
}

static void test_another_kind_of_plugin_is_refused(void **state)
{
	static const char *const entries[] = {
		"tools.t.plugin: \"thing\" is a plugin of kind input; must be one of kind tool, or "
		"stand among the inputs",
	};
	struct fixture *fixture = *state;

	read_file(fixture, "tools = ( { name = \"t\"; plugin = \"thing\"; } );\n");
	assert_int_equal(orch_settings_read(fixture->config, &fixture->config->tools[0], &input,
				 &fixture->errors, &fixture->settings),
		ORCH_E_INVALID);
	assert_entries(fixture, entries, 1);
}

static void test_a_transport_that_the_plugin_does_not_know_is_refused(void **state)
{
	struct fixture *fixture = *state;

	read_file(fixture, "inputs = ( { name = \"i\"; plugin = \"thing\"; path = \"/i\"; } );\n");
	assert_int_equal(orch_settings_read(fixture->config, &fixture->config->inputs[0], &input,
				 &fixture->errors, &fixture->settings),
		ORCH_E_INVALID);
	assert_non_null(strstr(orch_config_errors_print(&fixture->errors, fixture->arena).ptr,
		":1: inputs.i.transport: plugin \"thing\" does not understand it; must be "
		"\"queue\" or \"lines\"\n"));
}

static void test_a_plugin_without_options_needs_none(void **state)
{
	struct fixture *fixture = *state;

	read_file(fixture,
		"inputs = ( { name = \"i\"; plugin = \"thing\"; transport = \"lines\"; } );\n");
	assert_int_equal(orch_settings_read(fixture->config, &fixture->config->inputs[0], &input,
				 &fixture->errors, &fixture->settings),
		ORCH_OK);
	assert_non_null(fixture->settings);
}

static void test_the_cores_keys_are_told(void **state)
{
	size_t count;
	const char *const *keys = orch_settings_core_keys(ORCH_KIND_ACTION, &count);

	(void)state;
	assert_int_equal(count, 5);
	assert_string_equal(keys[0], "name");
	assert_string_equal(keys[4], "in_flight");
}

#define FIXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXED(test_fallbacks_fill_what_is_not_given),
		FIXED(test_a_path_is_relative_to_the_file_that_names_it),
		FIXED(test_each_type_is_converted),
		FIXED(test_every_wrong_key_is_listed_with_its_help),
		FIXED(test_what_must_be_filled_in_is_not_empty),
		FIXED(test_another_kind_of_plugin_is_refused),
		FIXED(test_a_transport_that_the_plugin_does_not_know_is_refused),
		FIXED(test_a_plugin_without_options_needs_none),
		cmocka_unit_test(test_the_cores_keys_are_told),
	};

	return cmocka_run_group_tests_name("plugin/settings", tests, NULL, NULL);
}
