/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/build.h"

#include <regex.h>

#include "support/stand_in.h"
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

static void test_a_state_folder_that_cannot_be_made_is_named(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_WHOLE "state_dir = \"orchestrator.cfg/state\";");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, ":1: state_dir: ");
	assert_contains(h->report, "Not a directory");
}

static void test_a_service_that_egress_refuses_is_named(void **state)
{
	struct house *h = *state;

	house_config(h,
		HOUSE_TOOL
		"http = { listen = \"127.0.0.1:0\"; };"
		"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );"
		"actions = ( { name = \"log\"; plugin = \"log\"; } );"
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; policy = "
		"( "
		"{ when = { findings = 1; }; verdict = \"flag\"; actions = [ \"log\" ]; } ); } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "inputs.in.api_url: 127.0.0.1 is a loopback address");
}

static void test_a_credential_that_may_not_go_to_its_service_is_named(void **state)
{
	struct house *h = *state;

	house_config(h,
		HOUSE_TOOL
		"http = { listen = \"127.0.0.1:0\"; };"
		"credentials = ( { name = \"sig\"; env = \"PATH\"; }, { name = \"bot\"; env = "
		"\"PATH\"; scheme = \"bearer\"; hosts = [ \"example.org\" ]; } );"
		"inputs = ( { name = \"in\"; plugin = \"slack\"; path = \"/in\"; signing_secret = "
		"\"sig\"; token = \"bot\"; } );"
		"actions = ( { name = \"log\"; plugin = \"log\"; } );"
		"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; policy = "
		"( "
		"{ when = { findings = 1; }; verdict = \"flag\"; actions = [ \"log\" ]; } ); } );");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(
		h->report, "inputs.in.token: credentials.bot may not go to https://slack.com:443");
}

/* Under a sanitizer a crash is an exit. */
static void assert_matches(const char *text, const char *pattern)
{
	regex_t expression;

	assert_int_equal(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&expression, text, 0, NULL, 0) != 0)
		fail_msg("%s is not in %s", pattern, text);
	regfree(&expression);
}

static void assert_refused(struct house *h, const char *config, const char *why)
{
	house_config(h, config);
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, why);
}

static void test_a_state_folder_is_made_one_level_deep(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_WHOLE "state_dir = \"made\";");
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	orch_plan_unref(h->plan);
	h->plan = NULL;
	assert_refused(h, HOUSE_WHOLE "state_dir = \"not/made\";",
		"/not: No such file or directory; must be a folder");
	assert_lacks(h->report, "expanded");
	assert_refused(h, HOUSE_WHOLE "state_dir = \"$HOME/var\";", "neither variables nor ~");
	assert_refused(h, HOUSE_WHOLE "state_dir = \"~/var\";", "neither variables nor ~");
	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/open", h->dir).ptr, 0700), 0);
	assert_int_equal(chmod(orch_arena_printf(h->arena, "%s/open", h->dir).ptr, 0777), 0);
	assert_refused(h, HOUSE_WHOLE "state_dir = \"open\";", "others may write to it");
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_what_is_kept_is_checked(void **state)
{
	struct house *h = *state;

	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/var", h->dir).ptr, 0700), 0);
	(void)chmod(house_write(h, "var/store.key", "broken"), 0600);
	assert_refused(h, HOUSE_WHOLE, "store.key: the store's key must be 64 hex digits");
	(void)chmod(house_write(h, "var/store.key", KEY), 0644);
	assert_refused(h, HOUSE_WHOLE, "store.key: others may read the store's key");
	(void)chmod(house_write(h, "var/store.key", KEY), 0600);
	(void)chmod(house_write(h, "var/orchestrator.db",
			    "this is no database, but long enough to be one"),
		0600);
	assert_refused(h, HOUSE_WHOLE, "orchestrator.db: database: file is not a database");
	assert_int_equal(unlink(orch_arena_printf(h->arena, "%s/var/store.key", h->dir).ptr), 0);
	assert_refused(h, HOUSE_WHOLE, "store.key is missing, and without it");
}

static void test_a_named_key_is_checked(void **state)
{
	struct house *h = *state;

	assert_int_equal(setenv("HOUSE_KEY", "too short", 1), 0);
	assert_refused(h,
		HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"HOUSE_KEY\"; } );\n"
			    "store = { key = \"k\"; };",
		":2: store.key: the store's key must be 64 hex digits");
	assert_lacks(h->report, "too short");
	assert_int_equal(unsetenv("HOUSE_KEY_UNSET"), 0);
	assert_refused(h,
		HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"HOUSE_KEY_UNSET\"; } );\n"
			    "store = { key = \"k\"; };",
		"HOUSE_KEY_UNSET is not set");
	assert_lacks(h->report, "store.key");
}

#define REST                                                                                     \
	HOUSE_TOOL "egress = { allow = [ \"127.0.0.0/8\" ]; };"                                  \
		   "inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );" \
		   "actions = ( { name = \"act\"; plugin = \"script_action\"; } );"              \
		   "pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; "    \
		   "policy = ( { when = { findings = 1; }; verdict = \"flag\"; "                 \
		   "actions = [ \"act\" ]; } ); } );"

#define TLS "http = { listen = \"127.0.0.1:0\"; tls = { certificate = \"%s\"; key = \"%s\"; }; };"

static void assert_tls(struct house *h, const char *certificate, const char *key, const char *why)
{
	assert_refused(h, orch_arena_printf(h->arena, REST TLS, certificate, key).ptr, why);
	assert_contains(h->report, ": http.tls: ");
}

static void test_certificates_are_loaded_as_the_listener_does(void **state)
{
	struct house *h = *state;
	const char *a = house_write(h, "a.pem", ""), *b = house_write(h, "b.pem", "");

	stand_in_make_certificate(a);
	stand_in_make_certificate(b);
	(void)house_write(h, "junk.pem", "garbage");
	(void)house_write(h, "none.pem", "");
	house_config(h, orch_arena_printf(h->arena, REST TLS, "a.pem", "a.pem").ptr);
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	assert_non_null(h->plan->tls);
	orch_plan_unref(h->plan);
	h->plan = NULL;
	assert_tls(h, "junk.pem", "a.pem", "/junk.pem: ");
	assert_tls(h, "none.pem", "a.pem", "/none.pem: ");
	assert_tls(h, "a.pem", "junk.pem", "/junk.pem: ");
	assert_tls(h, "a.pem", "b.pem", "/b.pem: key values mismatch");
	assert_tls(h, ".", "a.pem", "not a regular file");
}

static void test_a_ca_file_must_hold_certificates(void **state)
{
	struct house *h = *state;

	(void)house_write(h, "junk.pem", "garbage");
	assert_refused(h, HOUSE_TOOL "egress = { ca_file = \"junk.pem\"; };",
		":1: egress.ca_file: CA file ");
	assert_refused(h, HOUSE_TOOL "egress = { ca_file = \".\"; };", "not a regular file");
}

static void test_an_address_of_another_machine_is_named(void **state)
{
	struct house *h = *state;

	assert_refused(h, REST "http = { listen = \"192.0.2.1:8080\"; health = \"192.0.2.1:1\"; };",
		": http.listen: cannot listen on 192.0.2.1:8080: ");
	assert_contains(h->report, ": http.health: cannot listen on 192.0.2.1:1: ");
}

#define WITH_TOOL(script)                                                                     \
	HOUSE_PATH                                                                            \
	"http = { listen = \"127.0.0.1:0\"; }; egress = { allow = [ \"127.0.0.0/8\" ]; };"    \
	"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );"         \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"                      \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"t\" ]; policy = ( { " \
	"verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"                                \
	"tools = (\n{ name = \"t\"; plugin = \"script_rules\"; script = \"" script "\"; } );"

/* A crash is an error like another, and what follows is looked at all the same. */
static void test_a_plugin_that_crashes_is_named(void **state)
{
	struct house *h = *state;
	const char *crashed = ":2: tools.t.plugin: script_rules: it (crashed|ended the program)";

	assert_refused(h, WITH_TOOL("crash") "rules = [ \"absent.json\" ];",
		":2: tools.t.plugin: script_rules: it ");
	assert_matches(h->report, crashed);
	assert_contains(h->report, " while an instance was made (");
	assert_contains(h->report, "absent.json");
	assert_refused(h, WITH_TOOL("compile"), " while its rules were compiled (");
	assert_matches(h->report, crashed);
	(void)house_write(h, "rules.json",
		"{ \"rules\": [\n { \"tool\": \"t\", \"name\": \"n\", \"expression\": \"a\" } ] }");
	assert_refused(h, WITH_TOOL("rule") "rules = [ \"rules.json\" ];",
		"rules.json:2: rules: rule n: its tool t fails: it ");
	assert_contains(h->report, " while the rule was tried (");
}

/* What another process is asked before a reload: nothing that only this one can know. */
static void test_a_trial_minds_crashes_alone(void **state)
{
	struct house *h = *state;

	house_config(h,
		WITH_TOOL("mute") "state_dir = \"/no/such\"; credentials = ( { name = \"k\"; env = "
				  "\"NO_SUCH_VARIABLE\"; } );");
	assert_int_equal(house_build(h, ORCH_BUILD_TRIAL), ORCH_OK);
	orch_plan_unref(h->plan);
	h->plan = NULL;
	house_config(h, WITH_TOOL("crash"));
	assert_int_equal(house_build(h, ORCH_BUILD_TRIAL), ORCH_E_INVALID);
	assert_contains(h->report, ":2: tools.t.plugin: script_rules: it ");
}

static void test_a_plugin_that_fails_without_a_word_has_a_sentence(void **state)
{
	struct house *h = *state;

	assert_refused(
		h, WITH_TOOL("mute"), ": tools.t: the data or the configuration is not valid");
	assert_refused(h, WITH_TOOL("odd"), ": tools.t: the create hook gave the unknown code 7");
	assert_refused(h, WITH_TOOL("dirty"), ": tools.t: red ?[31m and ?\n");
}

static void test_a_tool_that_wants_rules_must_have_some(void **state)
{
	struct house *h = *state;

	assert_refused(h, WITH_TOOL("need"),
		":2: tools.t: it does not start without a rule: it wants a rule");
	(void)house_write(h, "rules.json",
		"{ \"rules\": [ { \"tool\": \"t\", \"name\": \"n\", \"expression\": \"a\" } ] }");
	house_config(h, WITH_TOOL("need") "rules = [ \"rules.json\" ];");
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
}

#define WITH_LOG(to)                                                                           \
	HOUSE_TOOL                                                                             \
	"http = { listen = \"127.0.0.1:0\"; }; egress = { allow = [ \"127.0.0.0/8\" ]; };"     \
	"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );"          \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; policy = ( { verdict = \"flag\"; " \
	"actions = [ \"log\" ]; } ); } );"                                                     \
	"actions = (\n{ name = \"log\"; plugin = \"log\"; to = \"" to "\"; } );"

static void test_where_an_action_writes_must_be_writable(void **state)
{
	static const char *const good[] = { WITH_LOG("stderr"), WITH_LOG("syslog"),
		WITH_LOG("new.log"), WITH_LOG("/dev/null") };
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		house_config(h, good[i]);
		if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
			fail_msg("%s", h->report);
		orch_plan_unref(h->plan);
		h->plan = NULL;
	}
	assert_refused(h, WITH_LOG("none/x.log"),
		"none/x.log cannot be written to: No such file or directory");
	assert_contains(h->report, ":2: actions.log.to: ");
	assert_refused(h, WITH_LOG("."), "cannot be written to: Is a directory");
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

	assert_refused(h,
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
	house_config(h, HOUSE_WHOLE "rules = [ \"rules.json\" ];");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "rules: ");
	assert_contains(h->report, why);
}

/* As the first start would find it. */
static int use(struct house *h, enum orch_use what)
{
	struct orch_config *config = NULL;
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, sizeof(h->report) - 1);
	rc = orch_build_config(h->file, what, &report, &config);
	(void)snprintf(h->report, sizeof(h->report), "%s", report.len > 0 ? report.ptr : "");
	orch_buf_fini(&report);
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

	house_config(h, HOUSE_WHOLE "rules = [ \"absent.json\" ];");
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, "absent.json");
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
	};
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_follows(h, "", rows[i][0], rows[i][1]);
}

static void test_what_can_change_is_followed(void **state)
{
	static const char *const rows[] = { "", "drain = \"1s\";",
		"queue = { visibility = \"9s\"; };", "limits = { events = 3; };",
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
		TEST(test_a_state_folder_that_cannot_be_made_is_named),
		TEST(test_a_service_that_egress_refuses_is_named),
		TEST(test_a_credential_that_may_not_go_to_its_service_is_named),
		TEST(test_a_state_folder_is_made_one_level_deep),
		TEST(test_what_is_kept_is_checked),
		TEST(test_a_named_key_is_checked),
		TEST(test_certificates_are_loaded_as_the_listener_does),
		TEST(test_a_ca_file_must_hold_certificates),
		TEST(test_an_address_of_another_machine_is_named),
		TEST(test_a_plugin_that_crashes_is_named),
		TEST(test_a_trial_minds_crashes_alone),
		TEST(test_a_plugin_that_fails_without_a_word_has_a_sentence),
		TEST(test_a_tool_that_wants_rules_must_have_some),
		TEST(test_where_an_action_writes_must_be_writable),
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
		TEST(test_what_can_change_is_followed),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
