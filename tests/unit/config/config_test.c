/* SPDX-License-Identifier: Apache-2.0 */
/* Good files mean what they say; bad ones are refused word for word as in bad/NAME.expected. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "unit/config/reading.h"

#define BAD_FILES_MIN 60

static int set_environment(void **state)
{
	(void)state;
	(void)setenv("TEST_SECRET", "s3cret-value", 1);
	(void)setenv("TEST_BASIC", "user:password", 1);
	(void)setenv("TEST_EMPTY", "", 1);
	(void)setenv("TEST_TWO_LINES", "a\nb", 1);
	(void)unsetenv("TEST_UNSET");
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static void compare_bad(const char *file)
{
	struct orch_text expected;
	struct reading reading;
	struct orch_err err;
	char name[256];

	(void)snprintf(name, sizeof(name), "%.*s.expected", (int)strlen(file) - 4, file);
	start(&reading, file);
	if (reading.config != NULL)
		orch_config_load_credentials(reading.config, &reading.errors);
	assert_int_equal(orch_file_read(name, 65536, reading.arena, &expected, &err), ORCH_OK);
	assert_string_equal(printed(&reading), expected.ptr);
	assert_true(reading.errors.count > 0);
	end(&reading);
}

static void test_each_bad_file_is_refused_word_for_word(void **state)
{
	glob_t files;

	(void)state;
	assert_int_equal(chdir(FOLDER "bad"), 0);
	assert_int_equal(glob("*.cfg", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= BAD_FILES_MIN);
	for (size_t i = 0; i < files.gl_pathc; i++)
		compare_bad(files.gl_pathv[i]);
	globfree(&files);
}

static void test_the_documented_example_is_right(void **state)
{
	const struct orch_config *config;
	struct reading reading;

	(void)state;
	read_good(&reading, "architecture.cfg");
	config = reading.config;
	assert_string_equal(config->http.address.ptr, "127.0.0.1:8080");
	assert_string_equal(config->console.address.ptr, "127.0.0.1:8081");
	assert_int_equal(config->egress.allowed_count, 1);
	assert_string_equal(config->rules.items[0].ptr, FOLDER "good/rules.json");
	assert_int_equal(config->credential_count, 3);
	assert_int_equal(orch_config_credential(config, ORCH_TEXT("slack-admin")), 3);
	assert_int_equal(orch_config_credential(config, ORCH_TEXT("nobody")), 0);
	assert_true(config->egress.credentials[1].hosts[1].wildcard);
	assert_string_equal(config->inputs[0].path.ptr, "/slack/events");
	assert_int_equal(config->inputs[0].transport, ORCH_HTTP);
	assert_int_equal(config->pipelines[0].policy_count, 2);
	assert_int_equal(config->pipelines[0].policy[0].verdict, ORCH_BLOCK);
	assert_int_equal(config->pipelines[0].policy[0].when.severity, ORCH_HIGH);
	assert_int_equal(config->pipelines[0].policy[0].actions[1], 1);
	assert_int_equal(config->pipelines[0].policy[1].when.severity, -1);
	assert_int_equal(config->pipelines[0].policy[1].when.findings, 1);
	assert_true(config->pipelines[0].enforce);
	orch_config_check_run(config, &reading.errors);
	assert_string_equal(printed(&reading), "");
	end(&reading);
}

static void test_every_key_has_its_default(void **state)
{
	const struct orch_config *config;
	struct reading reading;

	(void)state;
	read_good(&reading, "empty.cfg");
	config = reading.config;
	assert_string_equal(config->state_dir.ptr, FOLDER "good/var");
	assert_string_equal(config->http.address.ptr, "127.0.0.1:8080");
	assert_int_equal(config->http.connections, 4096);
	assert_int_equal(config->http.connections_per_address, 1024);
	assert_int_equal(config->console.address.len, 0);
	assert_int_equal(config->health_listen.len, 0);
	assert_int_equal(config->threads_intake, 1);
	assert_int_equal(config->threads_scan, 2);
	assert_int_equal(config->threads_act, 1);
	assert_int_equal(config->drain_ms, 25000);
	assert_string_equal(config->queue_driver.ptr, "sqlite");
	assert_string_equal(config->store_driver.ptr, "sqlite");
	assert_int_equal(config->reserve_bytes, 64u << 20);
	assert_int_equal(config->lease_ms, 60000);
	assert_int_equal(config->receives, 20);
	assert_int_equal(config->log_level, ORCH_LOG_INFO);
	assert_false(config->log_json);
	assert_int_equal(config->body_bytes, 1u << 20);
	assert_int_equal(config->bodies_bytes, 64u << 20);
	assert_int_equal(config->part_bytes, 64u << 20);
	assert_int_equal(config->gather_bytes, 256u << 20);
	assert_int_equal(config->events, 100);
	assert_int_equal(config->parts, 200);
	assert_int_equal(config->fields, 200);
	assert_int_equal(config->findings, 1000);
	assert_int_equal(config->records, 1000);
	assert_int_equal(config->requests, 50);
	assert_int_equal(config->hook_ms, 2000);
	assert_int_equal(config->scans, 64);
	assert_int_equal(config->plugin_path.count, 3);
	assert_string_equal(config->plugin_path.items[2].ptr, "/usr/lib/orchestrator/plugins");
	end(&reading);
}

static void check_full_core(const struct orch_config *config)
{
	assert_string_equal(config->state_dir.ptr, "/srv/orchestrator");
	assert_string_equal(config->http.address.ptr, "[::1]:9000");
	assert_string_equal(config->health_listen.ptr, "*:9001");
	assert_int_equal(config->http.proxies.count, 2);
	assert_int_equal(config->http.connections, 100);
	assert_string_equal(config->http.key.ptr, FOLDER "good/full.cfg");
	assert_int_equal(config->console.connections_per_address, 5);
	assert_int_equal(config->threads_act, 5);
	assert_int_equal(config->drain_ms, 60000);
	assert_string_equal(config->ca_file.ptr, FOLDER "good/full.cfg");
	assert_string_equal(config->rules.items[1].ptr, "/b.json");
	assert_int_equal(config->lease_ms, 120000);
	assert_int_equal(config->receives, 7);
	assert_string_equal(config->store_key.ptr, "seal");
	assert_int_equal(config->reserve_bytes, 1048576);
	assert_string_equal(config->plugin_path.items[0].ptr, FOLDER "good/plugins");
	assert_int_equal(config->log_level, ORCH_LOG_DEBUG);
	assert_true(config->log_json);
	assert_int_equal(config->body_bytes, 2u << 20);
	assert_int_equal(config->bodies_bytes, 3u << 20);
	assert_int_equal(config->part_bytes, 1048576);
	assert_int_equal(config->hook_ms, 7);
	assert_int_equal(config->scans, 8);
}

static void check_full_blocks(const struct orch_config *config)
{
	const struct orch_config_policy *policy = config->pipelines[0].policy;

	assert_int_equal(config->egress.credentials[1].scheme, ORCH_SCHEME_BASIC);
	assert_string_equal(config->egress.credentials[2].header.ptr, "X-Api-Key");
	assert_int_equal(config->egress.credentials[2].hosts[0].port, 9000);
	assert_int_equal(config->inputs[0].timeout_ms, 5000);
	assert_int_equal(config->inputs[1].transport, ORCH_QUEUE);
	assert_int_equal(config->inputs[2].transport, ORCH_LINES);
	assert_int_equal(config->inputs[3].transport, ORCH_WEBSOCKET);
	assert_int_equal(config->tools[0].on_error, ORCH_ON_ERROR_RETRY);
	assert_int_equal(config->tools[0].attempts, 3);
	assert_int_equal(config->actions[0].in_flight, 256);
	assert_int_equal(config->actions[1].in_flight, 5);
	assert_false(config->pipelines[0].enforce);
	assert_true(policy[0].go_on);
	assert_string_equal(policy[0].when.rule.ptr, "visa");
	assert_int_equal(policy[0].actions[0], 1);
	assert_int_equal(policy[1].when.equals.count, 2);
	assert_string_equal(policy[2].when.equals.items[0].ptr, "C3");
	assert_true(policy[2].when.uninspected);
	assert_string_equal(policy[3].when.record.ptr, "*");
	assert_int_equal(config->pipelines[1].mode, ORCH_MODE_DIRECT);
	assert_int_equal(config->pipelines[1].inputs[1], 2);
}

static void test_every_key_is_read(void **state)
{
	struct reading reading;

	(void)state;
	read_good(&reading, "full.cfg");
	check_full_core(reading.config);
	check_full_blocks(reading.config);
	orch_config_load_credentials(reading.config, &reading.errors);
	assert_string_equal(printed(&reading), "");
	assert_string_equal(
		orch_secret_text(reading.config->egress.credentials[0].secret).ptr, "s3cret-value");
	orch_config_load_credentials(reading.config, &reading.errors);
	assert_int_equal(reading.errors.count, 0);
	end(&reading);
}

static void test_included_files_name_paths_relative_to_themselves(void **state)
{
	struct reading reading;

	(void)state;
	read_good(&reading, "including.cfg");
	assert_string_equal(reading.config->state_dir.ptr, FOLDER "good/below/data");
	assert_string_equal(reading.config->rules.items[0].ptr, FOLDER "good/below/rules.json");
	assert_int_equal(reading.config->log_level, ORCH_LOG_ERROR);
	assert_true(reading.config->log_json);
	end(&reading);
}

static void test_only_pipelines_make_a_run(void **state)
{
	struct reading reading;

	(void)state;
	read_good(&reading, "empty.cfg");
	orch_config_check_run(reading.config, &reading.errors);
	assert_int_equal(strncmp(printed(&reading), "empty.cfg: pipelines: there is none", 35), 0);
	end(&reading);
}

static void test_a_file_that_is_not_there_is_named_once(void **state)
{
	struct reading reading;

	(void)state;
	start(&reading, "/nowhere/orchestrator.cfg");
	assert_null(reading.config);
	assert_string_equal(printed(&reading),
		"/nowhere/orchestrator.cfg: cannot open: No such file or directory; must be a text "
		"file that is there and readable\n");
	end(&reading);
}

/* ---- files that are made here ---- */

static void test_the_digest_changes_with_every_byte_of_every_file(void **state)
{
	struct reading one, two, three;

	(void)state;
	write_text("a.cfg", "@include \"b.cfg\"\n");
	write_text("b.cfg", "# one\n");
	start(&one, "a.cfg");
	start(&two, "a.cfg");
	write_text("b.cfg", "# two\n");
	start(&three, "a.cfg");
	assert_int_equal(strlen(one.config->digest), 16);
	assert_string_equal(one.config->digest, two.config->digest);
	assert_string_not_equal(one.config->digest, three.config->digest);
	end(&one);
	end(&two);
	end(&three);
}

static void test_a_link_does_not_lead_out_of_the_folder(void **state)
{
	struct reading reading;

	(void)state;
	write_text("a.cfg", "@include \"b.cfg\"\n");
	assert_int_equal(symlink("/etc/passwd", "b.cfg"), 0);
	start(&reading, "a.cfg");
	assert_string_equal(printed(&reading),
		"a.cfg:1: @include \"b.cfg\" leaves the folder of this file; name a file in it or "
		"below it\n");
	end(&reading);
}

static void test_an_include_behind_a_comment_is_not_followed(void **state)
{
	struct reading reading;

	(void)state;
	write_text("a.cfg", "/* x */ @include \"/etc/passwd\"\n");
	start(&reading, "a.cfg");
	assert_null(reading.config);
	assert_int_equal(reading.errors.count, 1);
	end(&reading);
	write_text("a.cfg", "/*\n@include \"nothing.cfg\"\n*/ drain = \"3s\"; // \"\n# \"\n");
	start(&reading, "a.cfg");
	assert_non_null(reading.config);
	assert_int_equal(reading.config->drain_ms, 3000);
	end(&reading);
}

static void test_binary_and_huge_files_are_refused(void **state)
{
	char *huge = malloc(ORCH_CONFIG_FILE_BYTES + 1);
	struct reading reading;

	(void)state;
	assert_non_null(huge);
	write_file("a.cfg", "a\0b", 3);
	start(&reading, "a.cfg");
	assert_string_equal(
		printed(&reading), "a.cfg: a.cfg holds a NUL; a configuration is plain text\n");
	end(&reading);
	memset(huge, ' ', ORCH_CONFIG_FILE_BYTES + 1);
	write_file("a.cfg", huge, ORCH_CONFIG_FILE_BYTES + 1);
	start(&reading, "a.cfg");
	assert_string_equal(printed(&reading),
		"a.cfg: too large; a configuration, with all that it includes, has at most "
		"4194304 bytes\n");
	end(&reading);
	free(huge);
}

static void test_too_many_values_are_refused_before_they_are_read(void **state)
{
	size_t length = 2 * ORCH_CONFIG_VALUES_MAX + 6;
	char *text = malloc(length + 16);
	struct reading reading;

	(void)state;
	assert_non_null(text);
	memcpy(text, "a = [1", 6);
	for (size_t i = 6; i < length; i += 2)
		memcpy(text + i, ",1", 2);
	memcpy(text + length, "];", 3);
	write_text("a.cfg", text);
	start(&reading, "a.cfg");
	assert_string_equal(printed(&reading), "a.cfg:1: too many values; at most 100000\n");
	end(&reading);
	free(text);
}

static void test_errors_are_counted_beyond_their_limit(void **state)
{
	char text[8192] = "";
	struct reading reading;
	size_t at = 0;

	(void)state;
	for (int i = 0; i < ORCH_CONFIG_ERRORS_MAX + 5; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "unknown%d = 1;\n", i);
	write_text("a.cfg", text);
	start(&reading, "a.cfg");
	assert_int_equal(reading.errors.count, ORCH_CONFIG_ERRORS_MAX);
	assert_int_equal(reading.errors.left_out, 5);
	assert_non_null(strstr(printed(&reading), "and 5 more\n"));
	end(&reading);
}

/* ---- secrets in files ---- */

static void load_file_secret(struct reading *reading)
{
	write_text("a.cfg", "credentials = ( { name = \"bot\"; file = \"secret\"; } );\n");
	start(reading, "a.cfg");
	assert_non_null(reading->config);
	orch_config_load_credentials(reading->config, &reading->errors);
}

static void assert_secret_refused(const char *what)
{
	struct reading reading;

	load_file_secret(&reading);
	assert_int_equal(reading.errors.count, 1);
	if (strstr(printed(&reading), what) == NULL)
		fail_msg("%s is not: %s", printed(&reading), what);
	assert_true(reading.config->credentials[0].failed);
	assert_null(reading.config->egress.credentials[0].secret);
	end(&reading);
}

static void test_a_secret_file_loses_its_newline(void **state)
{
	struct reading reading;

	(void)state;
	write_text("secret", "xoxb-1 2\r\n");
	load_file_secret(&reading);
	assert_string_equal(printed(&reading), "");
	assert_string_equal(
		orch_secret_text(reading.config->egress.credentials[0].secret).ptr, "xoxb-1 2");
	end(&reading);
}

static void test_a_secret_file_must_be_ones_own(void **state)
{
	(void)state;
	write_text("secret", "hush");
	assert_int_equal(chmod("secret", 0604), 0);
	assert_secret_refused("secret has mode 0604, so others get at it; try: chmod 600\n");
	assert_int_equal(chmod("secret", 0620), 0);
	assert_secret_refused("secret has mode 0620, so others get at it; try: chmod 600\n");
	assert_int_equal(chmod("secret", 0601), 0);
	assert_secret_refused("secret has mode 0601, so others get at it; try: chmod 600\n");
}

static void test_a_secret_file_must_hold_a_secret(void **state)
{
	char *large = calloc(1, 65 * 1024);

	(void)state;
	assert_non_null(large);
	assert_secret_refused("secret cannot be read: No such file or directory; must be a "
			      "file that holds the secret\n");
	write_text("secret", "\n");
	assert_secret_refused("secret is empty; must hold the secret\n");
	memset(large, 'x', 65 * 1024);
	write_file("secret", large, 64 * 1024 + 1);
	assert_secret_refused("secret is too large; at most 65536 bytes\n");
	assert_int_equal(unlink("secret"), 0);
	assert_int_equal(mkdir("secret", 0700), 0);
	assert_secret_refused(
		"secret is not a regular file; must be a file that holds the secret\n");
	assert_int_equal(rmdir("secret"), 0);
	assert_int_equal(mkfifo("secret", 0600), 0);
	assert_secret_refused(
		"secret is not a regular file; must be a file that holds the secret\n");
	free(large);
}

static void test_a_systemd_credential_is_found_in_its_folder(void **state)
{
	struct reading reading;

	(void)state;
	(void)setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_text("secret", "from-systemd\n");
	write_text("a.cfg", "credentials = ( { name = \"bot\"; systemd = \"secret\"; } );\n");
	start(&reading, "a.cfg");
	orch_config_load_credentials(reading.config, &reading.errors);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	assert_string_equal(printed(&reading), "");
	assert_string_equal(
		orch_secret_text(reading.config->egress.credentials[0].secret).ptr, "from-systemd");
	end(&reading);
}

static void test_what_has_hosts_is_a_bearer_unless_told_otherwise(void **state)
{
	const struct orch_credential_entry *credentials;
	struct reading reading;

	(void)state;
	write_text("a.cfg",
		"credentials = ( { name = \"a\"; env = \"A\"; hosts = [ \"slack.com\" ]; },"
		" { name = \"b\"; env = \"B\"; },"
		" { name = \"c\"; env = \"C\"; scheme = \"basic\"; hosts = [ \"a.org\" ]; } );");
	start(&reading, "a.cfg");
	assert_string_equal(printed(&reading), "");
	credentials = reading.config->egress.credentials;
	assert_int_equal(credentials[0].scheme, ORCH_SCHEME_BEARER);
	assert_int_equal(credentials[1].scheme, ORCH_SCHEME_NONE);
	assert_int_equal(credentials[2].scheme, ORCH_SCHEME_BASIC);
	end(&reading);
}

/* ---- the rest ---- */

static void test_origins_are_kept_once(void **state)
{
	struct reading reading;
	struct orch_url url;
	struct orch_err err;

	(void)state;
	read_good(&reading, "empty.cfg");
	assert_int_equal(
		orch_url_parse(ORCH_TEXT("http://127.0.0.1:9000/api/"), &url, &err), ORCH_OK);
	assert_int_equal(orch_config_add_origin(reading.config, &url), ORCH_OK);
	assert_int_equal(orch_config_add_origin(reading.config, &url), ORCH_OK);
	assert_int_equal(reading.config->egress.origin_count, 1);
	assert_int_equal(reading.config->egress.origins[0].port, 9000);
	assert_string_equal(reading.config->egress.origins[0].host.ptr, "127.0.0.1");
	end(&reading);
}

/* Whatever allocation fails, the file is never taken for good. */
static void test_no_memory_is_an_error_and_no_crash(void **state)
{
	struct reading reading;
	uint64_t before, needed;

	(void)state;
	assert_int_equal(chdir(FOLDER "good"), 0);
	before = orch_alloc_count();
	start(&reading, "full.cfg");
	needed = orch_alloc_count() - before;
	end(&reading);
	for (uint64_t n = 2; n <= needed; n++) {
		reading.arena = orch_arena_create(0);
		orch_config_errors_init(&reading.errors, reading.arena);
		orch_alloc_fail_at(n, 1);
		reading.config = orch_config_read("full.cfg", &reading.errors);
		orch_alloc_fail_at(0, 0);
		assert_true(reading.config != NULL || reading.errors.count > 0);
		end(&reading);
	}
}

#define MADE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bad_file_is_refused_word_for_word),
		cmocka_unit_test(test_the_documented_example_is_right),
		cmocka_unit_test(test_every_key_has_its_default),
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(test_included_files_name_paths_relative_to_themselves),
		cmocka_unit_test(test_only_pipelines_make_a_run),
		cmocka_unit_test(test_a_file_that_is_not_there_is_named_once),
		MADE(test_the_digest_changes_with_every_byte_of_every_file),
		MADE(test_a_link_does_not_lead_out_of_the_folder),
		MADE(test_an_include_behind_a_comment_is_not_followed),
		MADE(test_binary_and_huge_files_are_refused),
		MADE(test_too_many_values_are_refused_before_they_are_read),
		MADE(test_errors_are_counted_beyond_their_limit),
		MADE(test_a_secret_file_loses_its_newline),
		MADE(test_a_secret_file_must_be_ones_own),
		MADE(test_a_secret_file_must_hold_a_secret),
		MADE(test_a_systemd_credential_is_found_in_its_folder),
		MADE(test_what_has_hosts_is_a_bearer_unless_told_otherwise),
		cmocka_unit_test(test_origins_are_kept_once),
		cmocka_unit_test(test_no_memory_is_an_error_and_no_crash),
	};

	return cmocka_run_group_tests_name("config/config", tests, set_environment, NULL);
}
