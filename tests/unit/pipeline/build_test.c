/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/build.h"

#include "unit/pipeline/house.h"

static void test_a_right_configuration_is_built(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_WHOLE);
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	assert_int_equal(h->plan->config->pipeline_count, 1);
	assert_string_equal(h->report, "");
}

/* As the first thing that is wrong is no reason to keep the others for the next try. */
static void test_no_error_hides_another(void **state)
{
	static const char *const all[] = { ":1: drain: ", "NO_SUCH_VARIABLE",
		":3: tools.b: unknown key", ":4: tools.c: it does not want to be",
		":5: actions.log.to: ", "absent1.json", "absent2.json",
		":6: inputs.in.api_url: 127.0.0.1 is a loopback address",
		"http.listen: cannot listen" };
	struct house *h = *state;

	house_config(h,
		"drain = 5; " HOUSE_PATH "rules = [ \"absent1.json\", \"absent2.json\" ]; "
		"http = { listen = \"192.0.2.1:80\"; };\n"
		"credentials = ( { name = \"k\"; env = \"NO_SUCH_VARIABLE\"; } );\ntools = ("
		"{ name = \"b\"; plugin = \"dlp\"; foo = 1; },\n"
		"{ name = \"c\"; plugin = \"script_tool\"; script = \"unborn\"; } );\nactions = ( "
		"{ name = \"log\"; plugin = \"log\"; to = \"/no/such/log\"; } );\ninputs = ( "
		"{ name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );\n"
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; policy = ( { verdict = "
		"\"flag\"; "
		"actions = [ \"log\" ]; } ); } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_contains(h->report, all[i]);
}

/* An instance that is wrong is not tried, nor are its rules. */
static void test_no_error_causes_another(void **state)
{
	struct house *h = *state;
	size_t lines = 0;

	(void)house_write(h, "rules.json",
		"{ \"rules\": [ { \"tool\": \"c\", \"name\": \"n\", \"expression\": \"(\" } ] }");
	house_config(h,
		HOUSE_PATH
		"rules = [ \"rules.json\" ]; http = { listen = \"127.0.0.1:0\"; };"
		"egress = { allow = [ \"10.0.0.0/33\" ]; };\n"
		"credentials = ( { env = \"PATH\"; } ); tools = ("
		"{ name = \"c\"; plugin = \"script_tool\"; script = \"unborn\"; on_error = "
		"\"x\"; } ); inputs = ( { name = \"in\"; plugin = \"slack\"; path = "
		"\"/in\"; signing_secret = \"sig\"; api_url = \"http://127.0.0.1/\"; } ); "
		"actions = ( { name = \"act\"; plugin = \"no/name\"; } ); "
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; policy = ( { verdict = "
		"\"flag\"; actions = [ \"act\" ]; } ); } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	for (const char *at = h->report; *at != '\0'; at++)
		lines += *at == '\n';
	if (lines != 4)
		fail_msg("%s", h->report);
}

static void test_rule_files_are_told_by_file_and_line(void **state)
{
	struct house *h = *state;

	(void)house_write(h, "cut.json", "{ \"rules\": [\n\n { \"id\": ");
	(void)house_write(h, "bom.json", "\xef\xbb\xbf{ \"rules\": [] }");
	(void)house_write(h, "many.json",
		"{ \"about\": { \"rules\": [ 1, 2 ] },\n  \"rules\": [ { \"tool\": \"dlp\", "
		"\"name\": "
		"\"a\", \"expression\": \"(\" },\n5,\n{ \"tool\": \"dlp\",\n \"name\": \"ok ] } "
		"\\\" ,\", \"expression\": \"b\" },\n\n{ \"tool\": \"dlp\", \"nme\": [ \"x\" ] } ] "
		"}");
	house_config(
		h, HOUSE_WHOLE "rules = [ \"cut.json\", \"bom.json\", \"many.json\", \".\" ];");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "/cut.json:3: rules: JSON ends too early\n");
	assert_contains(h->report, "/bom.json:1: rules: it begins with a byte order mark");
	assert_contains(h->report, "/many.json:2: rules: rule a: ");
	assert_contains(h->report, "/many.json:3: rules: rule 2 (): a rule must be an object");
	assert_contains(h->report, "/many.json:7: rules: rule 4 (): the key \"nme\" is not known");
	assert_contains(h->report, "/. is not a regular file");
}

static void test_a_token_that_goes_nowhere_is_named(void **state)
{
	struct house *h = *state;

	house_assert_refused(h,
		HOUSE_TOOL
		"http = { listen = \"127.0.0.1:0\"; };"
		"credentials = ( { name = \"sig\"; env = \"PATH\"; }, { name = \"bot\"; env = "
		"\"PATH\"; } );"
		"inputs = ( { name = \"in\"; plugin = \"slack\"; path = \"/in\"; signing_secret = "
		"\"sig\"; } );"
		"actions = (\n{ name = \"b\"; plugin = \"slack_block\"; bot_token = \"bot\"; } );"
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; policy = "
		"( "
		"{ when = { findings = 1; }; verdict = \"flag\"; actions = [ \"b\" ]; } ); } );",
		":2: actions.b.bot_token: credentials.bot has no hosts, so it would never be sent");
	assert_lacks(h->report, "credentials.sig");
}

/* All that is wrong is said at once, with its place. */
static void test_every_error_is_listed(void **state)
{
	struct house *h = *state;

	house_config(h,
		HOUSE_PATH "\ntools = ( { name = \"a\"; plugin = \"no_such_plugin\"; },\n"
			   "{ name = \"b\"; plugin = \"keyword\"; },\n"
			   "{ name = \"c\"; plugin = \"script_action\"; } );");
	assert_int_equal(house_build(h, ORCH_BUILD_TOOLS), ORCH_E_INVALID);
	assert_contains(h->report, "orchestrator.cfg:2: tools.a: ");
	assert_contains(h->report, "no_such_plugin");
	assert_contains(h->report, "orchestrator.cfg:3: tools.b");
	assert_contains(h->report, "word");
	assert_contains(h->report, "script_action is a plugin for actions");
	assert_null(h->plan);
}

static void test_a_plugin_has_its_say_before_the_start(void **state)
{
	struct house *h = *state;

	house_config(h,
		HOUSE_PATH
		"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );"
		"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"
		"tools = ( { name = \"t\"; plugin = \"script_tool\"; script = \"unborn\"; } );"
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"t\" ]; policy = ( "
		"{ "
		"verdict = \"flag\"; actions = [ \"act\" ]; } ); } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "tools.t: it does not want to be");
}

static void test_a_missing_secret_stops_the_start_and_no_command(void **state)
{
	struct house *h = *state;

	house_config(
		h, HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"NO_SUCH_VARIABLE\"; } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "NO_SUCH_VARIABLE");
	assert_int_equal(house_build(h, ORCH_BUILD_TOOLS), ORCH_OK);
}

static void test_commands_need_no_plugin_but_tools(void **state)
{
	struct house *h = *state;

	house_config(h,
		HOUSE_TOOL
		"inputs = ( { name = \"in\"; plugin = \"no_such_input\"; path = \"/in\"; } );"
		"actions = ( { name = \"act\"; plugin = \"no_such_action\"; } );");
	if (house_build(h, ORCH_BUILD_TOOLS) != ORCH_OK)
		fail_msg("%s", h->report);
}

static void assert_rules_refused(struct house *h, const char *rules, const char *why)
{
	(void)house_write(h, "rules.json", rules);
	house_assert_refused(h, HOUSE_WHOLE "rules = [ \"rules.json\" ];", why);
	assert_contains(h->report, "rules: ");
}

/* As a command that needs WHAT. */
static int use(struct house *h, enum orch_use what)
{
	struct orch_config *config = NULL;
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, sizeof(h->report) - 1);
	rc = orch_build_config(h->file, what, &report, &config);
	house_keep_report(h, &report);
	orch_config_destroy(config);
	return rc;
}

/* An input without its path, which nobody but the start needs. */
#define UNFINISHED "inputs = ( { name = \"in\"; plugin = \"script_input\"; } );\n"

static void test_what_is_wrong_elsewhere_is_counted_and_no_error(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_TOOL UNFINISHED "actions = ( { nme = \"a\"; } );");
	for (int i = ORCH_USE_STORE; i <= ORCH_USE_PLUGINS; i++) {
		assert_int_equal(use(h, (enum orch_use)i), ORCH_OK);
		assert_contains(h->report, "orchestrator.cfg: ");
		assert_contains(h->report, " errors elsewhere, which this command can do without");
	}
	assert_int_equal(house_build(h, ORCH_BUILD_TOOLS), ORCH_OK);
	assert_contains(h->report, " errors elsewhere");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "an input by http needs a path");
	assert_lacks(h->report, "elsewhere");
}

static void test_what_a_command_uses_must_be_right(void **state)
{
	static const struct {
		const char *bytes, *what;
		bool may[3]; /* in the order of enum orch_use */
	} rows[] = {
		{ "tools = ( { name = \"t\"; } );", "tools.t", { true, false, true } },
		{ "plugins = { path = 1; };", "plugins.path", { true, false, false } },
		{ "limits = { events = 0; };", "limits.events", { true, false, true } },
		{ "store = { colour = 1; };", "colour", { false, false, true } },
		{ "state_dir = 1;", "state_dir", { false, false, true } },
		{ "credentials = ( { name = \"k\"; } );", "credentials.k", { true, false, true } },
		{ "store = { key = \"k\"; }; credentials = ( { name = \"k\"; } );", "credentials.k",
			{ false, false, true } },
		{ "tols = ( );", "tols", { false, false, false } },
		{ "inputs = (", "syntax error", { false, false, false } },
	};
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int j = ORCH_USE_STORE; j <= ORCH_USE_PLUGINS; j++) {
			house_config(h, rows[i].bytes);
			assert_int_equal(use(h, (enum orch_use)j),
				rows[i].may[j] ? ORCH_OK : ORCH_E_INVALID);
			assert_contains(h->report, rows[i].may[j] ? "elsewhere" : rows[i].what);
		}
}

/* As the first start would find it. */
static void test_rule_files_are_tried_as_the_start_does(void **state)
{
	struct house *h = *state;

	assert_rules_refused(h, "{ \"rules\": [ {} ] }", "rules.json:1: rules: rule 1 (): ");
	assert_rules_refused(h,
		"{ \"rules\": [ { \"tool\": \"dlp\", \"name\": \"n\", \"expression\": \"(\" } ] }",
		"rule n: ");
	assert_rules_refused(h,
		"{ \"rules\": [ { \"tool\": \"dlp\", \"name\": \"n\", \"expression\": \"a\", "
		"\"matches\": [ \"b\" ] } ] }",
		"its example 1 under \"matches\" is not found");
	assert_rules_refused(h,
		"{ \"rules\": [ { \"tool\": \"other\", \"name\": \"n\", \"expression\": \"a\" } ] "
		"}",
		"there is no tool other");
}

static void test_a_missing_rule_file_is_said(void **state)
{
	struct house *h = *state;

	house_assert_refused(h, HOUSE_WHOLE "rules = [ \"absent.json\" ];", "absent.json");
}

/* What a reload can follow. */

static struct orch_config *config_of(struct house *h, const char *text)
{
	struct orch_config *config;
	struct orch_buf report;

	house_config(h, text);
	orch_buf_init(&report, 8192);
	if (orch_build_config(h->file, ORCH_USE_STORE, &report, &config) != ORCH_OK)
		fail_msg("%s", report.ptr);
	orch_buf_fini(&report);
	return config;
}

/* KEY is the one that is named; NULL: it can be followed. */
static void assert_follows(struct house *h, const char *before, const char *after, const char *key)
{
	struct orch_config *now = config_of(h, before);
	struct orch_config *next = config_of(h, after);
	struct orch_err err = { "" };
	int rc = orch_build_can_follow(now, next, &err);

	if (key == NULL) {
		if (rc != ORCH_OK)
			fail_msg("%s", err.text);
	} else {
		assert_int_equal(rc, ORCH_E_INVALID);
		assert_true(strncmp(err.text, key, strlen(key)) == 0);
		assert_int_equal(err.text[strlen(key)], ' ');
		assert_contains(err.text, "restart it");
	}
	orch_config_destroy(now);
	orch_config_destroy(next);
}

#define SECRET "{ name = \"s\"; env = \"HOUSE_SECRET\"; }"
/* With SQS and PostgreSQL, and more of the queue and of the store. */
#define BEYOND_AT(dsn, queue, store)                                                              \
	"credentials = ( { name = \"k\"; env = \"PATH\"; }, { name = \"other\"; env = \"PATH\"; " \
	"}, " SECRET " ); queue = { driver = \"sqs\"; " queue                                     \
	" }; store = { driver = \"postgres\"; dsn = "                                             \
	"\"" dsn "\"; key = \"k\"; " store " };"
#define BEYOND(queue, store) BEYOND_AT("host=db", queue, store)
#define LOGIN(secret, token)                                             \
	"access_key_id = \"AKID\"; secret_access_key = \"" secret "\"; " \
	"session_token = \"" token "\";"

static void test_what_cannot_change_is_named(void **state)
{
	static const char *const rows[][2] = {
		{ "state_dir = \"other\";", "state_dir" },
		{ "http = { listen = \"127.0.0.1:1\"; };", "http" },
		{ "http = { connections = 7; };", "http" },
		{ "http = { proxies = [ \"10.0.0.0/8\" ]; };", "http" },
		{ "http = { health = \"127.0.0.1:2\"; };", "http.health" },
		{ "threads = { scan = 3; };", "threads" },
		{ "store = { reserve = \"1M\"; };", "store" },
		{ "store = { key = \"k\"; }; credentials = ( { name = \"k\"; env = \"PATH\"; } );",
			"store" },
		{ BEYOND("", ""), "queue" },
	};
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_follows(h, "", rows[i][0], rows[i][1]);
}

static void test_what_is_beyond_this_machine_stays_as_it_was_opened(void **state)
{
	static const char *const queue[] = { "visibility = \"9s\";", "receives = 3;",
		"region = \"eu-west-1\";", "endpoint = \"http://127.0.0.1:1\";",
		"profile = \"other\";", "prefix = \"other-\";", "batch = 9;", "wait = \"1s\";",
		"receivers = 1;", "inline = \"1k\";", "create = true;", "fair = false;",
		"access_key_id = \"AKID\"; secret_access_key = \"k\";" };
	struct house *h = *state;
	const char *text;

	for (size_t i = 0; i < sizeof(queue) / sizeof(queue[0]); i++) {
		text = orch_arena_printf(h->arena, BEYOND("%s", ""), queue[i]).ptr;
		assert_follows(h, BEYOND("", ""), text, "queue");
	}
	assert_follows(
		h, BEYOND("", "password = \"k\";"), BEYOND("", "password = \"other\";"), "store");
	assert_follows(h, BEYOND("", "migrate = false;"), BEYOND("", "migrate = true;"), NULL);
	text = orch_arena_printf(h->arena, BEYOND("%s", ""), LOGIN("k", "k")).ptr;
	assert_follows(h, text,
		orch_arena_printf(h->arena, BEYOND("%s", ""), LOGIN("other", "k")).ptr, "queue");
	assert_follows(h, text,
		orch_arena_printf(h->arena, BEYOND("%s", ""), LOGIN("k", "other")).ptr, "queue");
	assert_follows(h, BEYOND("", ""), BEYOND_AT("host=elsewhere", "", ""), "store");
}

/* As a program does that is told to load its secrets again. */
static void assert_secret_refused(struct house *h, const char *config, const char *key)
{
	struct orch_config_errors errors;
	struct orch_config *now = config_of(h, config);
	struct orch_config *next = config_of(h, config);
	struct orch_err err = { "" };

	orch_config_errors_init(&errors, h->arena);
	assert_int_equal(setenv("HOUSE_SECRET", "one", 1), 0);
	orch_config_load_credentials(now, &errors);
	orch_config_load_credentials(next, &errors);
	assert_int_equal(orch_build_can_follow(now, next, &err), ORCH_OK);
	orch_config_destroy(next);
	next = config_of(h, config);
	assert_int_equal(setenv("HOUSE_SECRET", "another", 1), 0);
	orch_config_load_credentials(next, &errors);
	assert_int_equal(errors.count, 0);
	if (key == NULL) {
		assert_int_equal(orch_build_can_follow(now, next, &err), ORCH_OK);
	} else {
		assert_int_equal(orch_build_can_follow(now, next, &err), ORCH_E_INVALID);
		assert_contains(err.text, key);
		assert_contains(err.text, " cannot change while the program runs; restart it");
		assert_lacks(err.text, "another");
	}
	orch_config_destroy(now);
	orch_config_destroy(next);
}

static void test_a_secret_of_what_stays_open_stays_too(void **state)
{
	struct house *h = *state;

	assert_secret_refused(h, BEYOND("", "password = \"s\";"), "a secret of store");
	assert_secret_refused(h, orch_arena_printf(h->arena, BEYOND("%s", ""), LOGIN("s", "k")).ptr,
		"a secret of queue");
	assert_secret_refused(h, orch_arena_printf(h->arena, BEYOND("%s", ""), LOGIN("k", "s")).ptr,
		"a secret of queue");
	assert_secret_refused(
		h, "credentials = ( " SECRET " ); store = { key = \"s\"; };", "a secret of store");
	assert_secret_refused(h, BEYOND("", ""), NULL);
}

static void test_what_can_change_is_followed(void **state)
{
	static const char *const rows[] = { "", "drain = \"1s\";",
		"queue = { visibility = \"9s\"; receives = 3; };", "limits = { events = 3; };",
		"log = { level = \"debug\"; };" };
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_follows(h, "", rows[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_a_right_configuration_is_built),
		TEST(test_no_error_hides_another),
		TEST(test_no_error_causes_another),
		TEST(test_rule_files_are_told_by_file_and_line),
		TEST(test_a_token_that_goes_nowhere_is_named),
		TEST(test_every_error_is_listed),
		TEST(test_a_plugin_has_its_say_before_the_start),
		TEST(test_a_missing_secret_stops_the_start_and_no_command),
		TEST(test_commands_need_no_plugin_but_tools),
		TEST(test_what_is_wrong_elsewhere_is_counted_and_no_error),
		TEST(test_what_a_command_uses_must_be_right),
		TEST(test_rule_files_are_tried_as_the_start_does),
		TEST(test_a_missing_rule_file_is_said),
		TEST(test_what_cannot_change_is_named),
		TEST(test_what_is_beyond_this_machine_stays_as_it_was_opened),
		TEST(test_a_secret_of_what_stays_open_stays_too),
		TEST(test_what_can_change_is_followed),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
