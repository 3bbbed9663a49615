/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of queue and store when they are beyond one machine. */
#include "config/account.h"
#include "unit/config/reading.h"

static void check_sqs(const struct orch_config *config)
{
	const struct orch_config_sqs *sqs = &config->sqs;

	assert_string_equal(config->queue_driver.ptr, "sqs");
	assert_int_equal(config->lease_ms, 120000);
	assert_int_equal(config->receives, 7);
	assert_string_equal(sqs->aws.region.ptr, "eu-west-1");
	assert_string_equal(sqs->aws.endpoint.ptr, "http://127.0.0.1:9324");
	assert_string_equal(sqs->aws.profile.ptr, "orch");
	assert_string_equal(sqs->aws.access_key_id.ptr, "AKIAIOSFODNN7EXAMPLE");
	assert_string_equal(sqs->aws.secret_access_key.ptr, "aws-secret");
	assert_string_equal(sqs->aws.session_token.ptr, "aws-token");
	assert_string_equal(sqs->prefix.ptr, "a2345678901234567890-_Z");
	assert_int_equal(sqs->batch, 5);
	assert_int_equal(sqs->wait_ms, 1500);
	assert_int_equal(sqs->receivers, 32);
	assert_int_equal(sqs->inline_bytes, 180 * 1024);
	assert_true(sqs->create);
	assert_false(sqs->fair);
}

static void test_every_key_of_an_account_is_read(void **state)
{
	const struct orch_config *config;
	struct orch_aws_options options;
	struct reading reading;

	(void)state;
	read_good(&reading, "accounts.cfg");
	config = reading.config;
	assert_int_equal(config->account_count, 2);
	assert_int_equal(orch_config_account(config, ORCH_TEXT("streams")), 1);
	assert_int_equal(orch_config_account(config, ORCH_TEXT("of-the-machine")), 2);
	assert_int_equal(orch_config_account(config, ORCH_TEXT("stream")), 0);
	orch_config_load_credentials(reading.config, &reading.errors);
	options = orch_config_aws_options(config, &config->accounts[0].aws, ORCH_AWS_KINESIS);
	assert_int_equal(options.service, ORCH_AWS_KINESIS);
	assert_string_equal(options.region.ptr, "eu-west-1");
	assert_string_equal(options.endpoint.ptr, "http://127.0.0.1:9324");
	assert_string_equal(options.profile.ptr, "orch");
	assert_string_equal(options.access_key_id.ptr, "AKIAIOSFODNN7EXAMPLE");
	assert_ptr_equal(options.secret_access_key, config->egress.credentials[0].secret);
	assert_ptr_equal(options.session_token, config->egress.credentials[1].secret);
	options = orch_config_aws_options(config, &config->accounts[1].aws, ORCH_AWS_KINESIS);
	assert_int_equal(options.region.len, 0);
	assert_int_equal(options.access_key_id.len, 0);
	assert_null(options.secret_access_key);
	end(&reading);
}

static void test_every_key_of_what_hosts_share_is_read(void **state)
{
	const struct orch_config *config;
	struct reading reading;

	(void)state;
	read_good(&reading, "shared.cfg");
	config = reading.config;
	check_sqs(config);
	assert_string_equal(config->store_driver.ptr, "postgres");
	assert_string_equal(config->postgres.dsn.ptr, "host=db.example.com dbname=orch");
	assert_string_equal(config->postgres.password.ptr, "pg");
	assert_true(config->postgres.migrate);
	assert_string_equal(config->store_key.ptr, "seal");
	end(&reading);
}

static void test_every_key_of_what_hosts_share_has_its_default(void **state)
{
	const struct orch_config *config;
	struct reading reading;

	(void)state;
	read_good(&reading, "shared_least.cfg");
	config = reading.config;
	assert_int_equal(config->sqs.aws.region.len, 0);
	assert_int_equal(config->sqs.aws.endpoint.len, 0);
	assert_int_equal(config->sqs.aws.profile.len, 0);
	assert_int_equal(config->sqs.aws.access_key_id.len, 0);
	assert_int_equal(config->sqs.aws.secret_access_key.len, 0);
	assert_int_equal(config->sqs.aws.session_token.len, 0);
	assert_string_equal(config->sqs.prefix.ptr, "orch-");
	assert_int_equal(config->sqs.batch, 10);
	assert_int_equal(config->sqs.wait_ms, 20000);
	assert_int_equal(config->sqs.receivers, 4);
	assert_int_equal(config->sqs.inline_bytes, 64 * 1024);
	assert_false(config->sqs.create);
	assert_true(config->sqs.fair);
	assert_int_equal(config->lease_ms, 60000);
	assert_int_equal(config->postgres.password.len, 0);
	assert_false(config->postgres.migrate);
	end(&reading);
}

static void test_the_example_for_any_number_of_hosts_is_right(void **state)
{
	struct reading reading;

	(void)state;
	assert_int_equal(chdir(TEST_SOURCE_DIR "/config/examples"), 0);
	start(&reading, "slack-dlp-aws.cfg");
	assert_string_equal(printed(&reading), "");
	assert_string_equal(reading.config->queue_driver.ptr, "sqs");
	assert_string_equal(reading.config->store_driver.ptr, "postgres");
	assert_string_equal(reading.config->postgres.password.ptr, "pg-password");
	assert_true(reading.config->sqs.create);
	orch_config_check_run(reading.config, &reading.errors);
	assert_string_equal(printed(&reading), "");
	end(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_of_an_account_is_read),
		cmocka_unit_test(test_every_key_of_what_hosts_share_is_read),
		cmocka_unit_test(test_every_key_of_what_hosts_share_has_its_default),
		cmocka_unit_test(test_the_example_for_any_number_of_hosts_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
