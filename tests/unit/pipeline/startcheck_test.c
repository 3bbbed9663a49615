/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/build.h"

#include <regex.h>

#include "support/stand_in.h"
#include "unit/pipeline/house.h"

static void test_a_state_folder_that_cannot_be_made_is_named(void **state)
{
	struct house *h = *state;

	house_assert_refused(
		h, HOUSE_WHOLE "state_dir = \"orchestrator.cfg/state\";", ":1: state_dir: ");
	assert_contains(h->report, "Not a directory");
}

/* All that a run needs but an input. */
#define LOGGED                                                                                  \
	HOUSE_TOOL                                                                              \
	"http = { listen = \"127.0.0.1:0\"; };"                                                 \
	"actions = ( { name = \"log\"; plugin = \"log\"; } );"                                  \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; policy = ( { " \
	"when = { findings = 1; }; verdict = \"flag\"; actions = [ \"log\" ]; } ); } );"

static void test_a_service_that_egress_refuses_is_named(void **state)
{
	struct house *h = *state;

	house_assert_refused(h,
		LOGGED
		"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );",
		"inputs.in.api_url: 127.0.0.1 is a loopback address");
}

static void test_a_credential_that_may_not_go_to_its_service_is_named(void **state)
{
	struct house *h = *state;

	house_assert_refused(h,
		LOGGED
		"credentials = ( { name = \"sig\"; env = \"PATH\"; }, { name = \"bot\"; env = "
		"\"PATH\"; scheme = \"bearer\"; hosts = [ \"example.org\" ]; } );"
		"inputs = ( { name = \"in\"; plugin = \"slack\"; path = \"/in\"; signing_secret = "
		"\"sig\"; token = \"bot\"; } );",
		"inputs.in.token: credentials.bot may not go to https://slack.com:443");
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

static void test_a_state_folder_is_made_one_level_deep(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_WHOLE "state_dir = \"made\";");
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	orch_plan_unref(h->plan);
	h->plan = NULL;
	house_assert_refused(h, HOUSE_WHOLE "state_dir = \"not/made\";",
		"/not: No such file or directory; must be a folder");
	assert_lacks(h->report, "expanded");
	house_assert_refused(
		h, HOUSE_WHOLE "state_dir = \"$HOME/var\";", "neither variables nor ~");
	house_assert_refused(h, HOUSE_WHOLE "state_dir = \"~/var\";", "neither variables nor ~");
	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/open", h->dir).ptr, 0700), 0);
	assert_int_equal(chmod(orch_arena_printf(h->arena, "%s/open", h->dir).ptr, 0777), 0);
	house_assert_refused(h, HOUSE_WHOLE "state_dir = \"open\";", "others may write to it");
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_what_is_kept_is_checked(void **state)
{
	struct house *h = *state;

	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/var", h->dir).ptr, 0700), 0);
	(void)chmod(house_write(h, "var/store.key", "broken"), 0600);
	house_assert_refused(h, HOUSE_WHOLE, "store.key: the store's key must be 64 hex digits");
	(void)chmod(house_write(h, "var/store.key", KEY), 0644);
	house_assert_refused(h, HOUSE_WHOLE, "store.key: others may read the store's key");
	(void)chmod(house_write(h, "var/store.key", KEY), 0600);
	(void)chmod(house_write(h, "var/orchestrator.db",
			    "this is no database, but long enough to be one"),
		0600);
	house_assert_refused(h, HOUSE_WHOLE, "orchestrator.db: database: file is not a database");
	assert_int_equal(unlink(orch_arena_printf(h->arena, "%s/var/store.key", h->dir).ptr), 0);
	house_assert_refused(h, HOUSE_WHOLE, "store.key is missing, and without it");
}

static void test_a_named_key_is_checked(void **state)
{
	struct house *h = *state;

	assert_int_equal(setenv("HOUSE_KEY", "too short", 1), 0);
	house_assert_refused(h,
		HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"HOUSE_KEY\"; } );\n"
			    "store = { key = \"k\"; };",
		":2: store.key: the store's key must be 64 hex digits");
	assert_lacks(h->report, "too short");
	assert_int_equal(unsetenv("HOUSE_KEY_UNSET"), 0);
	house_assert_refused(h,
		HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"HOUSE_KEY_UNSET\"; } );\n"
			    "store = { key = \"k\"; };",
		"HOUSE_KEY_UNSET is not set");
	assert_lacks(h->report, "store.key");
}

/* All that a run needs with SQS and PostgreSQL, on lines of their own, with a database at DSN. */
#define BEYOND(dsn, more)                                                                \
	HOUSE_WHOLE                                                                      \
	"credentials = ( { name = \"k\"; env = \"HOUSE_KEY\"; }, { name = \"s\"; env = " \
	"\"HOUSE_SECRET\"; } );\n"                                                       \
	"queue = { driver = \"sqs\"; " more " };\n"                                      \
	"store = { driver = \"postgres\"; key = \"k\"; dsn = \"" dsn "\"; };"
#define LOGIN "access_key_id = \"AKIDEXAMPLE\"; secret_access_key = \"s\";"
#define REGION "region = \"eu-west-1\";"

static void set_up(struct house *h)
{
	house_clear_aws(h);
	assert_int_equal(setenv("HOUSE_KEY", KEY, 1), 0);
	assert_int_equal(setenv("HOUSE_SECRET", "canary-secret", 1), 0);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

/* That is all that is wrong. */
static void assert_alone_refused(struct house *h, const char *config, const char *why)
{
	house_assert_refused(h, config, why);
	if (count_lines(h->report) != 1)
		fail_msg("%s", h->report);
	assert_lacks(h->report, "canary");
}

static void assert_right(struct house *h, const char *config)
{
	house_config(h, config);
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	orch_plan_unref(h->plan);
	h->plan = NULL;
}

static void test_a_connection_string_is_read_as_the_start_does(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_right(h, BEYOND("host=192.0.2.1 dbname=orch", REGION LOGIN));
	assert_right(h, BEYOND("postgresql://orch@192.0.2.1:1/orch", REGION LOGIN));
	assert_alone_refused(h, BEYOND("host=db pasword=canary", REGION LOGIN),
		":3: store.dsn: the connection string: invalid connection option \"pasword\"");
	assert_alone_refused(h, BEYOND("host=db password=canary", REGION LOGIN),
		":3: store.dsn: the connection string holds a password; name it as a credential");
	assert_alone_refused(h, BEYOND("postgresql://orch:canary@db/orch", REGION LOGIN),
		":3: store.dsn: the connection string holds a password; name it as a credential");
	assert_alone_refused(h, BEYOND("db.example.com", REGION LOGIN),
		":3: store.dsn: it is not a connection string; write ");
	assert_alone_refused(h, BEYOND("host=db sslmode=always", REGION LOGIN),
		":3: store.dsn: the connection string: invalid sslmode value");
}

static void test_a_region_must_be_found(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_alone_refused(h, BEYOND("host=db", LOGIN),
		":2: queue: no region: none in the configuration, in AWS_REGION");
	assert_alone_refused(h, BEYOND("host=db", LOGIN "region = \"Ireland\";"),
		":2: queue: region is no region; one looks like \"eu-west-1\"");
	assert_alone_refused(h, BEYOND("host=db", REGION LOGIN "profile = \"orch\";"),
		":2: queue: profile \"orch\" is neither in ");
	assert_alone_refused(h,
		BEYOND("host=db", REGION LOGIN "endpoint = \"http://127.0.0.1/path\";"),
		":2: queue: endpoint: an endpoint is of the form \"https://host:port\"");
	assert_int_equal(setenv("AWS_REGION", "eu-west-1", 1), 0);
	assert_right(h, BEYOND("host=db", LOGIN));
}

static void test_credentials_of_aws_must_be_found_or_asked_for(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_alone_refused(h, BEYOND("host=db", REGION), ":2: queue: no credentials: none in");
	assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1), 0);
	assert_alone_refused(h, BEYOND("host=db", REGION),
		":2: queue: the environment: AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY "
		"is not");
	assert_int_equal(unsetenv("AWS_ACCESS_KEY_ID"), 0);
	/* Who knows what the instance would say. */
	assert_int_equal(unsetenv("AWS_EC2_METADATA_DISABLED"), 0);
	assert_right(h, BEYOND("host=db", REGION));
}

static void test_what_plugins_call_as_must_be_found_too(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_alone_refused(h, HOUSE_WHOLE "accounts = ( { name = \"a\"; } );\n",
		":1: accounts.a: no region: none in the configuration, in AWS_REGION");
	assert_alone_refused(h, HOUSE_WHOLE "accounts = (\n{ name = \"a\"; " REGION " } );\n",
		":2: accounts.a: no credentials: none in");
	assert_right(h,
		HOUSE_WHOLE "credentials = ( { name = \"s\"; env = \"HOUSE_SECRET\"; } );\n"
			    "accounts = ( { name = \"a\"; " REGION LOGIN " } );\n");
}

/* Of what depends on a credential that could not be loaded no more is said, but of all else. */
static void test_a_credential_that_is_not_loaded_is_said_once(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_int_equal(unsetenv("HOUSE_ABSENT"), 0);
	assert_alone_refused(h,
		HOUSE_WHOLE
		"credentials = ( { name = \"k\"; env = \"HOUSE_KEY\"; },\n"
		"{ name = \"s\"; env = \"HOUSE_ABSENT\"; } );"
		"queue = { driver = \"sqs\"; " REGION LOGIN " };"
		"store = { driver = \"postgres\"; key = \"k\"; dsn = \"host=db\"; password = "
		"\"s\"; };",
		":2: credentials.s.env: the environment variable HOUSE_ABSENT is not set");
	house_assert_refused(h,
		HOUSE_WHOLE
		"credentials = ( { name = \"k\"; env = \"HOUSE_ABSENT\"; } );\n"
		"queue = { driver = \"sqs\"; access_key_id = \"A\"; secret_access_key = \"k\"; };\n"
		"store = { driver = \"postgres\"; key = \"k\"; dsn = \"password=canary\"; };",
		"HOUSE_ABSENT is not set");
	assert_contains(h->report, ":2: queue: no region");
	assert_contains(h->report, ":3: store.dsn: the connection string holds a password");
	assert_int_equal(count_lines(h->report), 3);
}

static void test_what_was_read_wrongly_is_said_once(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_alone_refused(h, BEYOND("host=db", LOGIN "batch = 11;"),
		":2: queue.batch: is 11, must be 1 to 10");
	assert_alone_refused(h,
		HOUSE_WHOLE "credentials = ( { name = \"k\"; env = \"HOUSE_KEY\"; }, { name = "
			    "\"s\"; env = \"HOUSE_SECRET\"; } );\nqueue = { driver = "
			    "\"sqs\"; " REGION LOGIN " };\nstore = { driver = \"postgres\"; key = "
			    "\"k\"; };",
		":3: store.dsn: is missing");
}

static void test_a_key_that_hosts_share_is_checked(void **state)
{
	struct house *h = *state;

	set_up(h);
	assert_int_equal(setenv("HOUSE_KEY", "canary", 1), 0);
	assert_alone_refused(h, BEYOND("host=db", REGION LOGIN),
		":3: store.key: the store's key must be 64 hex digits");
}

#define TLS "http = { listen = \"127.0.0.1:0\"; tls = { certificate = \"%s\"; key = \"%s\"; }; };"

static void assert_tls(struct house *h, const char *certificate, const char *key, const char *why)
{
	house_assert_refused(
		h, orch_arena_printf(h->arena, HOUSE_REST TLS, certificate, key).ptr, why);
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
	house_config(h, orch_arena_printf(h->arena, HOUSE_REST TLS, "a.pem", "a.pem").ptr);
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
	house_assert_refused(h, HOUSE_TOOL "egress = { ca_file = \"junk.pem\"; };",
		":1: egress.ca_file: CA file ");
	house_assert_refused(h, HOUSE_TOOL "egress = { ca_file = \".\"; };", "not a regular file");
}

static void test_an_address_of_another_machine_is_named(void **state)
{
	struct house *h = *state;

	house_assert_refused(h,
		HOUSE_REST "http = { listen = \"192.0.2.1:8080\"; health = \"192.0.2.1:1\"; };",
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

	house_assert_refused(h, WITH_TOOL("crash") "rules = [ \"absent.json\" ];",
		":2: tools.t.plugin: script_rules: it ");
	assert_matches(h->report, crashed);
	assert_contains(h->report, " while an instance was made (");
	assert_contains(h->report, "absent.json");
	house_assert_refused(h, WITH_TOOL("compile"), " while its rules were compiled (");
	assert_matches(h->report, crashed);
	(void)house_write(h, "rules.json",
		"{ \"rules\": [\n { \"tool\": \"t\", \"name\": \"n\", \"expression\": \"a\" } ] }");
	house_assert_refused(h, WITH_TOOL("rule") "rules = [ \"rules.json\" ];",
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

	house_assert_refused(
		h, WITH_TOOL("mute"), ": tools.t: the data or the configuration is not valid");
	house_assert_refused(
		h, WITH_TOOL("odd"), ": tools.t: the create hook gave the unknown code 7");
	house_assert_refused(h, WITH_TOOL("dirty"), ": tools.t: red ?[31m and ?\n");
}

static void test_an_example_that_fails_without_a_word_has_a_sentence(void **state)
{
	struct house *h = *state;

	(void)house_write(h, "rules.json",
		"{ \"rules\": [ { \"tool\": \"t\", \"name\": \"n\", \"expression\": \"a\", "
		"\"no_matches\": [ \"b\" ] } ] }");
	house_assert_refused(h, WITH_TOOL("blank") "rules = [ \"rules.json\" ];",
		": rules: rule n: its example 1 under \"no_matches\" the data or the configuration "
		"is not valid");
	house_assert_refused(h, WITH_TOOL("strange") "rules = [ \"rules.json\" ];",
		": rules: rule n: its example 1 under \"no_matches\" the scan hook gave the "
		"unknown "
		"code 7");
}

/* However many there are: the time is that of one. */
static void test_each_rule_has_the_whole_time_of_a_trial(void **state)
{
	struct house *h = *state;

	(void)house_write(h, "rules.json",
		"{ \"rules\": ["
		" { \"tool\": \"t\", \"name\": \"a\", \"expression\": \"a\" },"
		" { \"tool\": \"t\", \"name\": \"b\", \"expression\": \"b\" } ] }");
	house_config(h, WITH_TOOL("timed") "rules = [ \"rules.json\" ];");
	if (house_build(h, ORCH_BUILD_TRIAL) != ORCH_OK)
		fail_msg("%s", h->report);
}

static void test_a_tool_that_wants_rules_must_have_some(void **state)
{
	struct house *h = *state;

	house_assert_refused(h, WITH_TOOL("need"),
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
		WITH_LOG("new.log") };
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		house_config(h, good[i]);
		if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
			fail_msg("%s", h->report);
		orch_plan_unref(h->plan);
		h->plan = NULL;
	}
	house_assert_refused(h, WITH_LOG("none/x.log"),
		"none/x.log cannot be written to: No such file or directory");
	assert_contains(h->report, ":2: actions.log.to: ");
	house_assert_refused(h, WITH_LOG("."), "cannot be written to: Is a directory");
	house_assert_refused(h, WITH_LOG("/dev/null"),
		"/dev/null cannot be written to: it is a pipe, a socket or a device; must be a "
		"file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_a_state_folder_that_cannot_be_made_is_named),
		TEST(test_a_service_that_egress_refuses_is_named),
		TEST(test_a_credential_that_may_not_go_to_its_service_is_named),
		TEST(test_a_state_folder_is_made_one_level_deep),
		TEST(test_what_is_kept_is_checked),
		TEST(test_a_named_key_is_checked),
		TEST(test_a_connection_string_is_read_as_the_start_does),
		TEST(test_a_region_must_be_found),
		TEST(test_credentials_of_aws_must_be_found_or_asked_for),
		TEST(test_what_plugins_call_as_must_be_found_too),
		TEST(test_a_credential_that_is_not_loaded_is_said_once),
		TEST(test_what_was_read_wrongly_is_said_once),
		TEST(test_a_key_that_hosts_share_is_checked),
		TEST(test_certificates_are_loaded_as_the_listener_does),
		TEST(test_a_ca_file_must_hold_certificates),
		TEST(test_an_address_of_another_machine_is_named),
		TEST(test_a_plugin_that_crashes_is_named),
		TEST(test_a_trial_minds_crashes_alone),
		TEST(test_a_plugin_that_fails_without_a_word_has_a_sentence),
		TEST(test_an_example_that_fails_without_a_word_has_a_sentence),
		TEST(test_each_rule_has_the_whole_time_of_a_trial),
		TEST(test_a_tool_that_wants_rules_must_have_some),
		TEST(test_where_an_action_writes_must_be_writable),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
