/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials are fresh before they must be, and stay when that fails. */
#include "base/metric.h"
#include "world.h"

#define MINUTE_MS (60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define THREADS 8

/* A container's agent whose credentials expire. */
struct agent {
	struct world world;
	struct world_service service;
	struct world_answer answer;
	char bodies[4][512]; /* in turn: one may still be on its way */
	size_t said;
	size_t wanted; /* requests to wait for */
	uint64_t until_ms;
};

static void say_keys(struct agent *agent, const char *key_id, int64_t lifetime_ms)
{
	char *body = agent->bodies[agent->said++ % 4], expires[25];

	orch_clock_format((uint64_t)((int64_t)orch_clock_now_ms() + lifetime_ms), expires);
	pthread_mutex_lock(&agent->service.lock);
	(void)snprintf(body, sizeof(agent->bodies[0]),
		"{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"canary-secret\","
		"\"Token\":\"canary-token\",\"Expiration\":\"%s\"}",
		key_id, expires);
	agent->answer = (struct world_answer){ .status = "200 OK", .body = body };
	pthread_mutex_unlock(&agent->service.lock);
}

static void say_nothing(struct agent *agent)
{
	pthread_mutex_lock(&agent->service.lock);
	agent->answer = (struct world_answer){ .status = "404 Not Found" };
	pthread_mutex_unlock(&agent->service.lock);
}

static void agent_init(struct agent *agent, const char *key_id, int64_t lifetime_ms)
{
	char url[64];

	world_init(&agent->world);
	agent->world.arg = agent;
	world_service_start(&agent->service, &agent->answer, 1);
	say_keys(agent, key_id, lifetime_ms);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", world_service_url(&agent->service, url));
	world_must_create(&agent->world);
	world_wait(&agent->world, world_has_searched);
}

static void agent_fini(struct agent *agent)
{
	world_fini(&agent->world);
	world_service_stop(&agent->service);
}

static uint64_t generation(struct agent *agent)
{
	struct orch_aws_credentials *credentials;
	uint64_t number;

	assert_int_equal(
		orch_aws_keeper_take(agent->world.aws->keeper, 0, &credentials, &agent->world.err),
		ORCH_OK);
	number = credentials->generation;
	orch_aws_credentials_unref(credentials);
	return number;
}

/* And the search that asked has ended. */
static bool has_been_asked(struct world *world)
{
	struct agent *agent = world->arg;
	struct orch_aws_credentials *credentials = NULL;
	int code = orch_aws_keeper_take(
		world->aws->keeper, generation(agent), &credentials, &world->err);

	orch_aws_credentials_unref(credentials);
	return world_service_asked(&agent->service) >= agent->wanted && code != ORCH_E_AGAIN;
}

static void wait_for_request(struct agent *agent, size_t number)
{
	agent->wanted = number;
	world_wait(&agent->world, has_been_asked);
}

static bool is_second_generation(struct world *world)
{
	return generation(world->arg) == 2;
}

static void test_they_are_renewed_before_they_expire(void **state)
{
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	world_expect_key(&agent.world, "AKIDFIRST", "the container");
	orch_clock_shift_ms(HOUR_MS - ORCH_AWS_AHEAD_MS + 1);
	say_keys(&agent, "AKIDSECOND", HOUR_MS);
	world_wait(&agent.world, is_second_generation);
	world_expect_key(&agent.world, "AKIDSECOND", "the container");
	assert_int_equal(world_service_asked(&agent.service), 2);
	agent_fini(&agent);
	orch_clock_shift_ms(0);
}

static void test_old_ones_stay_while_renewing_fails(void **state)
{
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	say_nothing(&agent);
	orch_clock_shift_ms(HOUR_MS - ORCH_AWS_AHEAD_MS + 1);
	wait_for_request(&agent, 2);
	world_expect_key(&agent.world, "AKIDFIRST", "the container");
	assert_true(orch_aws_is_ready(agent.world.aws, &agent.world.err));

	/* Expired, they are asked for more often, and still lent: AWS decides. */
	orch_clock_shift_ms(HOUR_MS + 1);
	wait_for_request(&agent, 3);
	assert_false(orch_aws_is_ready(agent.world.aws, &agent.world.err));
	assert_string_equal(
		agent.world.err.text, "the container's credentials: the answer is status 404");
	world_expect_key(&agent.world, "AKIDFIRST", "the container");
	orch_clock_shift_ms(HOUR_MS + 1 + 3 * ORCH_AWS_URGENT_MS);
	wait_for_request(&agent, 4);

	say_keys(&agent, "AKIDSECOND", HOUR_MS);
	orch_clock_shift_ms(HOUR_MS + 1 + 6 * ORCH_AWS_URGENT_MS);
	world_wait(&agent.world, is_second_generation);
	assert_true(orch_aws_is_ready(agent.world.aws, &agent.world.err));
	agent_fini(&agent);
	orch_clock_shift_ms(0);
}

/* Three looks of the keeper. */
static bool has_looked_around(struct world *world)
{
	struct agent *agent = world->arg;

	return orch_clock_mono_ms() >= agent->until_ms;
}

static void test_a_failure_is_not_followed_by_the_next_at_once(void **state)
{
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	say_nothing(&agent);
	orch_clock_shift_ms(HOUR_MS - ORCH_AWS_AHEAD_MS + 1);
	wait_for_request(&agent, 2);
	orch_clock_shift_ms(HOUR_MS - 2 * MINUTE_MS);
	agent.until_ms = orch_clock_mono_ms() + 3000;
	world_wait(&agent.world, has_looked_around);
	assert_int_equal(world_service_asked(&agent.service), 2);
	agent_fini(&agent);
	orch_clock_shift_ms(0);
}

struct crowd {
	struct orch_aws_keeper *keeper;
	pthread_t threads[THREADS];
};

static void *refuse_often(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < 100; i++) {
		struct orch_aws_credentials *credentials = NULL;
		struct orch_err err;

		orch_aws_keeper_refuse(crowd->keeper, 1);
		if (orch_aws_keeper_take(crowd->keeper, 0, &credentials, &err) == ORCH_OK)
			orch_aws_credentials_unref(credentials);
	}
	return NULL;
}

static void test_many_who_are_refused_cause_one_search(void **state)
{
	struct crowd crowd;
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	say_keys(&agent, "AKIDSECOND", HOUR_MS);
	crowd.keeper = agent.world.aws->keeper;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&crowd.threads[i], NULL, refuse_often, &crowd), 0);
	world_wait(&agent.world, is_second_generation);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(crowd.threads[i], NULL), 0);
	assert_int_equal(world_service_asked(&agent.service), 2);
	agent_fini(&agent);
}

static void test_refusals_cause_searches_now_and_then_only(void **state)
{
	struct orch_aws_credentials *none = NULL;
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	say_keys(&agent, "AKIDFIRST", HOUR_MS);
	orch_aws_keeper_refuse(agent.world.aws->keeper, 1);
	assert_int_equal(orch_aws_keeper_take(agent.world.aws->keeper, 1, &none, &agent.world.err),
		ORCH_E_AGAIN);
	wait_for_request(&agent, 2);
	orch_aws_keeper_refuse(agent.world.aws->keeper, generation(&agent));
	assert_int_equal(orch_aws_keeper_take(agent.world.aws->keeper, generation(&agent), &none,
				 &agent.world.err),
		ORCH_E_DENIED);
	assert_string_equal(
		agent.world.err.text, "AWS does not accept the credentials of the container");
	orch_clock_shift_ms(ORCH_AWS_FORCED_MS);
	orch_aws_keeper_refuse(agent.world.aws->keeper, generation(&agent));
	wait_for_request(&agent, 3);
	agent_fini(&agent);
	orch_clock_shift_ms(0);
}

static bool has_other_key(struct world *world)
{
	struct orch_aws_credentials *credentials = NULL;
	int code = orch_aws_keeper_take(world->aws->keeper, 1, &credentials, &world->err);

	orch_aws_credentials_unref(credentials);
	return code == ORCH_OK;
}

static bool is_refused(struct world *world)
{
	struct orch_aws_credentials *credentials = NULL;
	int code = orch_aws_keeper_take(world->aws->keeper, 1, &credentials, &world->err);

	return code == ORCH_E_DENIED;
}

static void test_the_same_again_are_no_new_ones(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_write(&world, "credentials",
		"[default]\naws_access_key_id=AKIDA\naws_secret_access_key=canary-a\n");
	world_set("AWS_SHARED_CREDENTIALS_FILE", "~/credentials");
	world_must_create(&world);
	orch_aws_keeper_refuse(world.aws->keeper, 1);
	world_wait(&world, is_refused);
	world_expect_key(&world, "AKIDA", NULL);

	world_write(&world, "credentials",
		"[default]\naws_access_key_id=AKIDB\naws_secret_access_key=canary-b\n");
	orch_clock_shift_ms(ORCH_AWS_FORCED_MS);
	orch_aws_keeper_refuse(world.aws->keeper, 1);
	orch_clock_shift_ms(0);
	world_wait(&world, has_other_key);
	world_expect_key(&world, "AKIDB", NULL);
	world_fini(&world);
}

static void test_expiry_is_judged_by_the_services_clock(void **state)
{
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", 30 * MINUTE_MS);
	assert_true(orch_aws_is_ready(agent.world.aws, &agent.world.err));
	say_nothing(&agent);
	atomic_store(&agent.world.aws->offset_ms, HOUR_MS);
	assert_false(orch_aws_is_ready(agent.world.aws, &agent.world.err));
	assert_string_equal(agent.world.err.text, "AWS's credentials have expired");
	wait_for_request(&agent, 2);
	agent_fini(&agent);
}

static int64_t searches(const char *result)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_aws_credentials_searches_total", "",
			{ "service", ORCH_TEXT("sqs") }, { "result", orch_text_from(result) }));
}

static void test_searches_and_expiry_are_measured(void **state)
{
	int64_t found = searches("found"), failed = searches("failed");
	struct agent agent;

	(void)state;
	agent_init(&agent, "AKIDFIRST", HOUR_MS);
	assert_int_equal(searches("found"), found + 1);
	assert_in_range(orch_metric_value(orch_metric(ORCH_METRIC_GAUGE,
				"orchestrator_aws_credentials_expiry_timestamp_seconds", "",
				{ "service", ORCH_TEXT("sqs") })),
		(int64_t)(orch_clock_now_ms() / 1000) + 3000,
		(int64_t)(orch_clock_now_ms() / 1000) + 3600);
	say_nothing(&agent);
	orch_aws_keeper_refuse(agent.world.aws->keeper, 1);
	wait_for_request(&agent, 2);
	assert_int_equal(searches("failed"), failed + 1);
	agent_fini(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_are_renewed_before_they_expire),
		cmocka_unit_test(test_old_ones_stay_while_renewing_fails),
		cmocka_unit_test(test_a_failure_is_not_followed_by_the_next_at_once),
		cmocka_unit_test(test_many_who_are_refused_cause_one_search),
		cmocka_unit_test(test_refusals_cause_searches_now_and_then_only),
		cmocka_unit_test(test_the_same_again_are_no_new_ones),
		cmocka_unit_test(test_expiry_is_judged_by_the_services_clock),
		cmocka_unit_test(test_searches_and_expiry_are_measured),
	};

	return cmocka_run_group_tests_name("aws_credentials_keep", tests, NULL, NULL);
}
