/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are on this machine: options, environment, files. */
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "world.h"

#define FILE_KEYS                                                                    \
	"[default]\naws_access_key_id = AKIDFILE\n"                                  \
	"aws_secret_access_key = canary-of-the-file\n"                               \
	"[work]\naws_access_key_id=AKIDWORK\naws_secret_access_key=canary-of-work\n" \
	"aws_session_token=canary-token-of-work\n"

static void recreate(struct world *world)
{
	orch_aws_destroy(world->aws);
	world->aws = NULL;
	world_must_create(world);
}

static void use_file(struct world *world, const char *text)
{
	world_write(world, "credentials", text);
	world_set("AWS_SHARED_CREDENTIALS_FILE", "~/credentials");
}

static void test_the_sources_have_their_order(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	use_file(&world, FILE_KEYS);
	recreate(&world);
	world_expect_key(&world, "AKIDFILE", "the profile");
	world_set("AWS_PROFILE", "work");
	recreate(&world);
	world_expect_key(&world, "AKIDWORK", "the profile");
	assert_text(orch_aws_warning(world.aws), "");
	world_set("AWS_ACCESS_KEY_ID", "AKIDENV");
	world_set("AWS_SECRET_ACCESS_KEY", "canary-of-the-environment");
	recreate(&world);
	world_expect_key(&world, "AKIDENV", "the environment");
	assert_contains(orch_aws_warning(world.aws).ptr, "the profile that is named are not used");
	world_use_keys(&world);
	recreate(&world);
	world_expect_key(&world, WORLD_KEY, "the configuration");
	assert_text(orch_aws_warning(world.aws), "");
	assert_true(orch_aws_is_ready(world.aws, &world.err));
	world_fini(&world);
}

static void test_secrets_do_not_stay_in_the_environment(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_set("AWS_ACCESS_KEY_ID", "AKIDENV");
	world_set("AWS_SECRET_ACCESS_KEY", "canary-of-the-environment");
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-of-the-container");
	world_must_create(&world);
	assert_null(getenv("AWS_SECRET_ACCESS_KEY"));
	assert_null(getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
	recreate(&world);
	world_expect_key(&world, "AKIDENV", NULL);
	world_fini(&world);
}

static void test_the_config_file_may_have_keys_too(void **state)
{
	struct world world;
	struct orch_aws_credentials *credentials;

	(void)state;
	world_init(&world);
	world_write(&world, "config",
		"[profile both]\naws_access_key_id = AKIDCONFIG\n"
		"aws_secret_access_key = canary-of-config\naws_session_token = canary/t+=\n");
	world_set("AWS_CONFIG_FILE", "~/config");
	world.options.profile = ORCH_TEXT("both");
	world_must_create(&world);
	world_expect_key(&world, "AKIDCONFIG", "the profile");
	assert_int_equal(
		orch_aws_keeper_take(world.aws->keeper, 0, &credentials, &world.err), ORCH_OK);
	assert_text(orch_secret_text(credentials->secret_access_key), "canary-of-config");
	assert_text(orch_secret_text(credentials->session_token), "canary/t+=");
	orch_aws_credentials_unref(credentials);
	use_file(&world, "[both]\naws_access_key_id=AKIDFIRST\naws_secret_access_key=canary-1\n");
	recreate(&world);
	world_expect_key(&world, "AKIDFIRST", "the profile");
	world_fini(&world);
}

static void test_what_a_daemon_does_not_use_is_told_with_what_to_do(void **state)
{
	static const char *const keys[] = { "role_arn = arn:aws:iam::1:role/x",
		"sso_session = corp", "sso_start_url = https://x.example",
		"credential_process = /bin/false" };
	struct world world;

	(void)state;
	world_init(&world);
	world_set("AWS_CONFIG_FILE", "~/config");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char text[128], wanted[64];

		(void)snprintf(text, sizeof(text), "[default]\n%s\n", keys[i]);
		(void)snprintf(wanted, sizeof(wanted), "profile \"default\" has %.*s, which",
			(int)strcspn(keys[i], " "), keys[i]);
		world_write(&world, "config", text);
		assert_int_equal(world_create(&world), ORCH_E_INVALID);
		assert_contains(world.err.text, wanted);
		assert_contains(world.err.text, "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN");
		assert_contains(world.err.text, "another profile");
	}
	world_fini(&world);
}

static void test_half_a_pair_is_an_error_that_does_not_fall_through(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	use_file(&world, FILE_KEYS);
	world.options.access_key_id = ORCH_TEXT("AKID");
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "the configuration: access key id and secret");
	world.options.access_key_id = ORCH_TEXT_NONE;
	use_file(&world, "[default]\naws_access_key_id = AKIDFILE\n");
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "the secret access key is empty");
	world_fini(&world);
}

static void test_nothing_anywhere_names_all_places(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "AWS_ACCESS_KEY_ID");
	assert_contains(world.err.text, "profile \"default\"");
	assert_contains(world.err.text, "AWS_WEB_IDENTITY_TOKEN_FILE");
	assert_contains(world.err.text, "container");
	assert_contains(world.err.text, "AWS_EC2_METADATA_DISABLED");
	world_fini(&world);
}

static struct orch_text repeat(char *bytes, size_t len)
{
	memset(bytes, 'k', len);
	return (struct orch_text){ bytes, len };
}

static void test_what_could_break_a_request_is_refused_unseen(void **state)
{
	static char id[ORCH_AWS_KEY_ID_BYTES + 1], secret[ORCH_AWS_SECRET_BYTES + 1],
		token[ORCH_AWS_TOKEN_BYTES + 1];
	const struct orch_aws_raw good = { repeat(id, ORCH_AWS_KEY_ID_BYTES),
		repeat(secret, ORCH_AWS_SECRET_BYTES), repeat(token, ORCH_AWS_TOKEN_BYTES),
		ORCH_TEXT_NONE, "test" };
	struct orch_aws_raw rows[10];
	struct orch_aws_credentials *credentials;
	struct orch_err err = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		rows[i] = good;
	rows[0].access_key_id = ORCH_TEXT("AKID/canary");
	rows[1].access_key_id = ORCH_TEXT("AKID\ncanary");
	rows[2].access_key_id = repeat(id, sizeof(id));
	rows[3].access_key_id = ORCH_TEXT("AKID, Signature=canary");
	rows[4].secret_access_key = ORCH_TEXT("canary secret");
	rows[5].secret_access_key = repeat(secret, sizeof(secret));
	rows[6].session_token = ORCH_TEXT("canary\r\nHost: evil");
	rows[7].session_token = repeat(token, sizeof(token));
	rows[8].session_token = ORCH_TEXT("canary\0");
	rows[9].expiration = ORCH_TEXT("canary");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			orch_aws_credentials_create(&rows[i], &credentials, &err), ORCH_E_INVALID);
		assert_lacks(err.text, "canary");
		assert_lacks(err.text, "kkkkkkkk");
	}
	assert_int_equal(orch_aws_credentials_create(&good, &credentials, &err), ORCH_OK);
	orch_aws_credentials_unref(credentials);
}

static void test_times_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms; /* 0: none */
	} rows[] = {
		{ "2026-11-21T03:00:00Z", 1795230000000 },
		{ "2026-11-21T03:00:00.123Z", 1795230000000 },
		{ "2026-11-21T03:00:60Z", 1795230060000 },
		{ "2026-11-21T03:00:00", 0 },
		{ "2026-11-21T03:00:00+00:00", 0 },
		{ "2026-11-21 03:00:00Z", 0 },
		{ "2026-13-21T03:00:00Z", 0 },
		{ "2026-11-32T03:00:00Z", 0 },
		{ "2026-11-21T24:00:00Z", 0 },
		{ "2026-11-21T03:00:00.Z", 0 },
		{ "2026-11-21T03:00:00Zx", 0 },
		{ "1969-11-21T03:00:00Z", 0 },
		{ "-026-11-21T03:00:00Z", 0 },
		{ "2026-1", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ms = 0;
		int code = orch_aws_parse_time(orch_text_from(rows[i].text), &ms);

		assert_int_equal(code, rows[i].ms > 0 ? ORCH_OK : ORCH_E_INVALID);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void test_any_allocation_may_fail_at_the_start(void **state)
{
	struct world world;
	unsigned failed = 0;
	int code = ORCH_E_NOMEM;

	(void)state;
	world_init(&world);
	use_file(&world, FILE_KEYS);
	world_set("AWS_PROFILE", "work");
	for (uint64_t n = 1; code != ORCH_OK; n++) {
		orch_alloc_fail_at(n, 0);
		code = world_create_alone(&world);
		orch_alloc_fail_at(0, 0);
		failed += code != ORCH_OK;
	}
	assert_in_range(failed, 10, 1000);
	world_expect_key(&world, "AKIDWORK", NULL);
	world_fini(&world);
}

static void test_any_allocation_may_fail_in_the_check(void **state)
{
	struct orch_err err = { "" };
	struct world world;
	int code = ORCH_E_NOMEM;
	unsigned failed = 0;

	(void)state;
	world_init(&world);
	use_file(&world, FILE_KEYS);
	world_set("AWS_PROFILE", "work");
	for (uint64_t n = 1; code != ORCH_OK; n++) {
		orch_alloc_fail_at(n, 0);
		code = orch_aws_check(&world.options, false, &err);
		orch_alloc_fail_at(0, 0);
		failed += code != ORCH_OK;
	}
	assert_in_range(failed, 10, 1000);
	world_fini(&world);
}

static void test_a_check_of_the_place_looks_for_no_credentials(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	assert_int_equal(orch_aws_check(&world.options, false, &world.err), ORCH_E_INVALID);
	assert_contains(world.err.text, "no credentials: ");
	assert_int_equal(orch_aws_check(&world.options, true, &world.err), ORCH_OK);
	world.options.region = ORCH_TEXT_NONE;
	assert_int_equal(orch_aws_check(&world.options, true, &world.err), ORCH_E_INVALID);
	assert_contains(world.err.text, "no region: ");
	world_fini(&world);
}

/* The environment's secrets are kept once taken, so this comes last. */
static void test_a_session_token_of_the_environment_counts(void **state)
{
	struct orch_aws_credentials *credentials;
	struct world world;

	(void)state;
	world_init(&world);
	world_set("AWS_ACCESS_KEY_ID", "AKIDENV");
	world_set("AWS_SECRET_ACCESS_KEY", "canary-of-the-environment");
	world_set("AWS_SESSION_TOKEN", WORLD_TOKEN);
	world_must_create(&world);
	assert_null(getenv("AWS_SESSION_TOKEN"));
	assert_int_equal(
		orch_aws_keeper_take(world.aws->keeper, 0, &credentials, &world.err), ORCH_OK);
	assert_text(orch_secret_text(credentials->session_token), WORLD_TOKEN);
	orch_aws_credentials_unref(credentials);
	world_fini(&world);
}

static void test_a_secret_that_is_too_long_is_refused_unseen(void **state)
{
	static char text[ORCH_AWS_VALUE_BYTES + 2];
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	memset(text, 'c', sizeof(text) - 1);
	world_set("AWS_SESSION_TOKEN", text);
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_string_equal(world.err.text, "AWS_SESSION_TOKEN is longer than 8192 bytes");
	text[ORCH_AWS_VALUE_BYTES] = '\0';
	world_set("AWS_SESSION_TOKEN", text);
	world_must_create(&world);
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sources_have_their_order),
		cmocka_unit_test(test_secrets_do_not_stay_in_the_environment),
		cmocka_unit_test(test_the_config_file_may_have_keys_too),
		cmocka_unit_test(test_what_a_daemon_does_not_use_is_told_with_what_to_do),
		cmocka_unit_test(test_half_a_pair_is_an_error_that_does_not_fall_through),
		cmocka_unit_test(test_nothing_anywhere_names_all_places),
		cmocka_unit_test(test_what_could_break_a_request_is_refused_unseen),
		cmocka_unit_test(test_times_are_read_strictly),
		cmocka_unit_test(test_any_allocation_may_fail_at_the_start),
		cmocka_unit_test(test_any_allocation_may_fail_in_the_check),
		cmocka_unit_test(test_a_check_of_the_place_looks_for_no_credentials),
		cmocka_unit_test(test_a_session_token_of_the_environment_counts),
		cmocka_unit_test(test_a_secret_that_is_too_long_is_refused_unseen),
	};

	return cmocka_run_group_tests_name("aws_credentials", tests, NULL, NULL);
}
