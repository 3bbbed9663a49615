/* SPDX-License-Identifier: Apache-2.0 */
/* Region and endpoint come from the first of several places that has them. */
#include <sys/stat.h>

#include "world.h"

struct row {
	const char *option, *env, *value,
		*file; /* what is there besides what stood in rows before */
	const char *wanted;
};

static void make_aws_folder(struct world *world)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/.aws", world->home);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Rows add up: each puts something of more weight over those before. */
static void check_rows(struct world *world, const struct row *rows, size_t count,
	struct orch_text *option, struct orch_text (*get)(const struct orch_aws *aws))
{
	world_use_keys(world);
	make_aws_folder(world);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].file)
			world_write(world, ".aws/config", rows[i].file);
		if (rows[i].env)
			world_set(rows[i].env, rows[i].value);
		*option = orch_text_from(rows[i].option);
		world_must_create(world);
		if (!orch_text_is(get(world->aws), rows[i].wanted))
			fail_msg("row %zu: %s is not %s", i, get(world->aws).ptr, rows[i].wanted);
		orch_aws_destroy(world->aws);
		world->aws = NULL;
	}
}

static void test_the_region_has_its_order(void **state)
{
	static const struct row rows[] = {
		{ .file = "[default]\nregion = eu-north-1\n", .wanted = "eu-north-1" },
		{ .file = "[default]\nregion = eu-north-1\n[profile x]\nregion=eu-south-1\n",
			.env = "AWS_PROFILE",
			.value = "x",
			.wanted = "eu-south-1" },
		{ .env = "AWS_DEFAULT_REGION", .value = "us-east-1", .wanted = "us-east-1" },
		{ .env = "AWS_REGION", .value = "us-west-2", .wanted = "us-west-2" },
		{ .option = "ap-south-1", .wanted = "ap-south-1" },
	};
	struct world world;

	(void)state;
	world_init(&world);
	check_rows(&world, rows, sizeof(rows) / sizeof(rows[0]), &world.options.region,
		orch_aws_region);
	world_fini(&world);
}

#define SERVICES                                                                  \
	"[default]\nendpoint_url = http://all.example:1\nservices = mine\n"       \
	"[services other]\nsqs =\n  endpoint_url = http://other.example\n"        \
	"[services mine]\nkinesis =\n  endpoint_url = http://k.example\nsqs = \n" \
	"\tmax = 3\n\tendpoint_url = http://sqs.example:2 ; not this\n"

static void test_the_endpoint_has_its_order(void **state)
{
	static const struct row rows[] = {
		{ .wanted = "https://sqs.eu-west-1.amazonaws.com" },
		{ .file = "[default]\nendpoint_url = http://all.example:1\n",
			.wanted = "http://all.example:1" },
		{ .file = SERVICES, .wanted = "http://sqs.example:2" },
		{ .env = "AWS_ENDPOINT_URL",
			.value = "http://env.example/",
			.wanted = "http://env.example" },
		{ .env = "AWS_ENDPOINT_URL_SQS",
			.value = "https://own.example:443",
			.wanted = "https://own.example" },
		{ .env = "AWS_ENDPOINT_URL_KINESIS",
			.value = "https://k2.example",
			.wanted = "https://own.example" },
		{ .env = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			.value = "true",
			.wanted = "https://sqs.eu-west-1.amazonaws.com" },
		{ .option = "http://[::1]:9324", .wanted = "http://[::1]:9324" },
	};
	struct world world;

	(void)state;
	world_init(&world);
	check_rows(&world, rows, sizeof(rows) / sizeof(rows[0]), &world.options.endpoint,
		orch_aws_endpoint);
	world_fini(&world);
}

static void test_kinesis_has_its_own_variable_and_section(void **state)
{
	static const struct row rows[] = {
		{ .wanted = "https://kinesis.eu-west-1.amazonaws.com" },
		{ .file = SERVICES, .wanted = "http://k.example" },
		{ .env = "AWS_ENDPOINT_URL_SQS",
			.value = "https://sqs.example",
			.wanted = "http://k.example" },
		{ .env = "AWS_ENDPOINT_URL_KINESIS",
			.value = "https://own.example",
			.wanted = "https://own.example" },
	};
	struct world world;

	(void)state;
	world_init(&world);
	world.options.service = ORCH_AWS_KINESIS;
	check_rows(&world, rows, sizeof(rows) / sizeof(rows[0]), &world.options.endpoint,
		orch_aws_endpoint);
	world_fini(&world);
}

static void test_china_has_a_domain_of_its_own(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	world.options.region = ORCH_TEXT("cn-north-1");
	world_must_create(&world);
	assert_text(orch_aws_endpoint(world.aws), "https://sqs.cn-north-1.amazonaws.com.cn");
	world_fini(&world);
}

static void test_a_region_that_nobody_names_is_asked_for(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	world.options.region = ORCH_TEXT_NONE;
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "AWS_REGION");
	assert_contains(world.err.text, "AWS_DEFAULT_REGION");
	assert_contains(world.err.text, "profile \"default\"");
	assert_contains(world.err.text, "write region = \"eu-west-1\"");
	world_fini(&world);
}

static void test_what_is_no_region_or_endpoint_is_refused(void **state)
{
	static const struct {
		const char *region, *endpoint, *said;
	} rows[] = {
		{ "eu-west-1.evil.example/", NULL, "region is no region" },
		{ "-eu", NULL, "region is no region" },
		{ "EU-WEST-1", NULL, "region is no region" },
		{ "a23456789012345678901234567890123456789012345678901234567890123456", NULL,
			"region is no region" },
		{ "eu-west-1", "https://x.example/path", "without a path" },
		{ "eu-west-1", "https://x.example/?a=b", "without a path" },
		{ "eu-west-1", "ftp://x.example", "endpoint: the URL's scheme" },
		{ "eu-west-1", "smtp://x.example", "an endpoint is of the form" },
		{ "eu-west-1", "https://user:canary@x.example", "user name or password" },
	};
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world.options.region = orch_text_from(rows[i].region);
		world.options.endpoint = orch_text_from(rows[i].endpoint);
		assert_int_equal(world_create(&world), ORCH_E_INVALID);
		assert_contains(world.err.text, rows[i].said);
		assert_lacks(world.err.text, "canary");
	}
	world_fini(&world);
}

static void test_a_profile_that_is_named_must_be_there(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	make_aws_folder(&world);
	world_write(&world, ".aws/credentials", "[there]\n");
	world.options.profile = ORCH_TEXT("there");
	world_must_create(&world);
	orch_aws_destroy(world.aws);
	world.aws = NULL;
	world.options.profile = ORCH_TEXT("elsewhere");
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "profile \"elsewhere\" is neither in ");
	assert_contains(world.err.text, "/.aws/config nor in ");
	world_fini(&world);
}

static void test_files_elsewhere_are_read_where_the_environment_says(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	world.options.region = ORCH_TEXT_NONE;
	world_write(&world, "config", "[profile default]\r\nRegion = sa-east-1\r\n");
	world_set("AWS_CONFIG_FILE", "~/config");
	world_must_create(&world);
	assert_text(orch_aws_region(world.aws), "sa-east-1");
	world_fini(&world);
}

static void test_a_file_that_is_named_and_unusable_stops_the_start(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	world_set("AWS_CONFIG_FILE", world.home);
	assert_int_not_equal(world_create(&world), ORCH_OK);
	assert_contains(world.err.text, world.home);
	world_fini(&world);
}

static void test_files_and_variables_have_limits(void **state)
{
	struct world world;
	char *text = malloc(ORCH_AWS_FILE_BYTES + 2);

	(void)state;
	assert_non_null(text);
	world_init(&world);
	world_use_keys(&world);
	memset(text, '#', ORCH_AWS_FILE_BYTES + 1);
	text[ORCH_AWS_FILE_BYTES] = '\0';
	world_write(&world, "config", text);
	world_set("AWS_CONFIG_FILE", "~/config");
	world_must_create(&world);
	orch_aws_destroy(world.aws);
	world.aws = NULL;
	text[ORCH_AWS_FILE_BYTES] = '#';
	text[ORCH_AWS_FILE_BYTES + 1] = '\0';
	world_write(&world, "config", text);
	assert_int_equal(world_create(&world), ORCH_E_LIMIT);
	world_set("AWS_CONFIG_FILE", NULL);

	text[ORCH_AWS_VALUE_BYTES + 1] = '\0';
	world_set("AWS_ROLE_ARN", text);
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "AWS_ROLE_ARN is longer than");
	text[ORCH_AWS_VALUE_BYTES] = '\0';
	world_set("AWS_ROLE_ARN", text);
	world_must_create(&world);
	world_fini(&world);
	free(text);
}

static void test_the_number_of_attempts_is_checked(void **state)
{
	static const char *const bad[] = { "0", "21", "-1", "many" };
	struct world world;

	(void)state;
	world_init(&world);
	world_use_keys(&world);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_set("AWS_MAX_ATTEMPTS", bad[i]);
		assert_int_equal(world_create(&world), ORCH_E_INVALID);
		assert_string_equal(world.err.text, "AWS_MAX_ATTEMPTS must be 1 to 20");
	}
	world_set("AWS_MAX_ATTEMPTS", "5");
	world_must_create(&world);
	assert_int_equal(world.aws->attempts, 5);
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_region_has_its_order),
		cmocka_unit_test(test_the_endpoint_has_its_order),
		cmocka_unit_test(test_kinesis_has_its_own_variable_and_section),
		cmocka_unit_test(test_china_has_a_domain_of_its_own),
		cmocka_unit_test(test_a_region_that_nobody_names_is_asked_for),
		cmocka_unit_test(test_what_is_no_region_or_endpoint_is_refused),
		cmocka_unit_test(test_a_profile_that_is_named_must_be_there),
		cmocka_unit_test(test_files_elsewhere_are_read_where_the_environment_says),
		cmocka_unit_test(test_a_file_that_is_named_and_unusable_stops_the_start),
		cmocka_unit_test(test_files_and_variables_have_limits),
		cmocka_unit_test(test_the_number_of_attempts_is_checked),
	};

	return cmocka_run_group_tests_name("aws_place", tests, NULL, NULL);
}
