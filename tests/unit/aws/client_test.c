/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and what they depend on: credentials, cancelling, ends, other lanes. */
#include "base/alloc.h"
#include "calling.h"

#define OK_ANSWER                                            \
	{                                                    \
		.status = "200 OK", .body = "{\"number\":7}" \
	}
#define EXPIRED                                                                               \
	{                                                                                     \
		.status = "403 No", .body = "{\"__type\":\"ExpiredToken\",\"message\":\"m\"}" \
	}
#define LANES 3
#define CALLS 40

static void write_keys(struct caller *caller, const char *key_id)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		"[default]\naws_access_key_id=%s\naws_secret_access_key=canary\n", key_id);
	world_write(&caller->world, "credentials", text);
	world_set("AWS_SHARED_CREDENTIALS_FILE", "~/credentials");
}

static void test_expired_credentials_are_renewed_and_the_call_repeated(void **state)
{
	static const struct world_answer answers[] = { EXPIRED, OK_ANSWER };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_prepare(&caller, answers, 2);
	write_keys(&caller, "AKIDOLD");
	caller_open(&caller);
	write_keys(&caller, "AKIDNEW");
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
	assert_int_equal(outcome.call.attempts, 2);
	assert_contains(world_service_request(&caller.service, 0), "Credential=AKIDOLD/");
	assert_contains(world_service_request(&caller.service, 1), "Credential=AKIDNEW/");
	assert_int_equal(caller.client->quota.tokens, ORCH_AWS_QUOTA);
	caller_fini(&caller);
}

static void test_credentials_that_are_refused_again_are_not_tried_for_ever(void **state)
{
	static const struct world_answer answers[] = { EXPIRED };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_prepare(&caller, answers, 1);
	write_keys(&caller, "AKIDOLD");
	caller_open(&caller);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_CREDENTIALS);
	assert_int_equal(outcome.call.attempts, 1);
	assert_string_equal(outcome.call.error, "ExpiredToken");
	assert_string_equal(outcome.call.err.text,
		"ReceiveMessage: AWS does not accept the credentials of the profile");
	write_keys(&caller, "AKIDNEW");
	orch_clock_shift_ms(ORCH_AWS_FORCED_MS);
	outcome_run(&outcome, &caller);
	orch_clock_shift_ms(0);
	assert_int_equal(outcome.call.failure, ORCH_AWS_CREDENTIALS);
	assert_int_equal(outcome.call.attempts, 2);
	caller_fini(&caller);
}

static void test_a_wrong_signature_with_a_right_clock_is_about_keys(void **state)
{
	static const struct world_answer answers[] = { { .status = "403 No",
		.body = "{\"__type\":\"SignatureDoesNotMatch\"}",
		.has_date = true } };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_CREDENTIALS);
	assert_int_equal(outcome.call.attempts, 1);
	caller_fini(&caller);
}

#define AGENT_KEYS                                                                 \
	"{\"AccessKeyId\":\"AKIDAGENT\",\"SecretAccessKey\":\"canary\",\"Token\":" \
	"\"canary-token\"}"

static void test_calls_wait_for_the_first_credentials(void **state)
{
	static const struct world_answer fine[] = { OK_ANSWER };
	static const struct world_answer keys[] = { { .status = "503 Starting" },
		{ .status = "200 OK", .body = AGENT_KEYS } };
	struct world_service agent;
	struct outcome outcomes[3];
	struct caller caller;
	char url[64];

	(void)state;
	world_service_start(&agent, keys, 2);
	caller_prepare(&caller, fine, 1);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", world_service_url(&agent, url));
	caller_open(&caller);
	for (size_t i = 0; i < 3; i++) {
		outcome_init(&outcomes[i], &caller);
		outcome_begin(&outcomes[i]);
	}
	outcome_wait(&outcomes[0]);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(outcomes[i].call.failure, ORCH_AWS_FINE);
		assert_int_equal(outcomes[i].call.attempts, 1);
		assert_contains(world_service_request(&caller.service, i), "Credential=AKIDAGENT/");
	}
	caller_fini(&caller);
	world_service_stop(&agent);
}

static void test_service_and_agent_are_believed_by_the_configured_ca(void **state)
{
	static const struct world_answer fine[] = { OK_ANSWER };
	static const struct world_answer keys[] = { { .status = "200 OK", .body = AGENT_KEYS } };
	struct world_service agent, service;
	struct outcome outcome;
	struct caller caller;
	char pem[128], urls[2][64];

	(void)state;
	caller_prepare(&caller, fine, 1);
	(void)snprintf(pem, sizeof(pem), "%s/token", caller.world.home);
	stand_in_make_certificate(pem);
	world_service_start_with(&agent, pem, keys, 1);
	world_service_start_with(&service, pem, fine, 1);
	(void)snprintf(urls[0], sizeof(urls[0]), "https://localhost:%u/keys",
		(unsigned)stand_in_port(agent.stand_in));
	(void)snprintf(urls[1], sizeof(urls[1]), "https://localhost:%u",
		(unsigned)stand_in_port(service.stand_in));
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[0]);
	caller.world.options.endpoint = orch_text_from(urls[1]);
	caller.world.options.ca_file = pem;
	caller_open(&caller);
	outcome_run(&outcome, &caller);
	assert_int_equal(outcome.call.failure, ORCH_AWS_FINE);
	assert_contains(world_service_request(&service, 0), "\r\nHost: localhost:");
	caller_fini(&caller);
	world_service_stop(&agent);
	world_service_stop(&service);
}

static void test_without_credentials_a_call_says_why(void **state)
{
	static const struct world_answer fine[] = { OK_ANSWER };
	static const struct world_answer none[] = { { .status = "404 Not Found" } };
	struct world_service agent;
	struct outcome outcome;
	struct caller caller;
	char url[64];

	(void)state;
	world_service_start(&agent, none, 1);
	caller_prepare(&caller, fine, 1);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", world_service_url(&agent, url));
	caller_open(&caller);
	for (int i = 0; i < 2; i++) { /* while they are looked for, and after */
		outcome_run(&outcome, &caller);
		assert_int_equal(outcome.call.failure, ORCH_AWS_CREDENTIALS);
		assert_int_equal(outcome.call.attempts, 0);
		assert_int_equal(outcome.call.status, 0);
		assert_string_equal(outcome.call.err.text,
			"ReceiveMessage: the container's credentials: the answer is status 404");
	}
	assert_int_equal(world_service_asked(&caller.service), 0);
	caller_fini(&caller);
	world_service_stop(&agent);
}

/* Begins one call and lets it get to the service. */
static void begin_and_reach(struct outcome *outcome, struct caller *caller)
{
	outcome_init(outcome, caller);
	outcome_begin(outcome);
	world_wait(&caller->world, has_been_called);
}

static void test_a_cancelled_call_is_not_told_of(void **state)
{
	static const struct world_answer hang[] = { { .then = WORLD_HANG } };
	static const struct world_answer fail[] = { { .status = "429 Slow" } };
	struct outcome cancelled, other;
	struct caller caller;

	(void)state;
	caller_init(&caller, hang, 1);
	begin_and_reach(&cancelled, &caller);
	orch_aws_cancel(&cancelled.call);
	orch_aws_cancel(&cancelled.call);
	caller.pending--;
	world_service_say(&caller.service, fail, 1);
	/* While another fails, sleeps and fails, it would have been told of. */
	outcome_run(&other, &caller);
	assert_int_equal(other.call.failure, ORCH_AWS_THROTTLED);
	assert_false(cancelled.is_done);
	orch_aws_cancel(&other.call);
	assert_null(caller.client->calls);
	caller_fini(&caller);
}

static void test_a_call_may_be_cancelled_while_it_sleeps_or_waits(void **state)
{
	static const struct world_answer fail[] = { { .status = "503 Busy",
		.headers = "Retry-After: 5\r\n" } };
	static const struct world_answer hang[] = { { .then = WORLD_HANG } };
	struct world_service agent;
	struct outcome outcome;
	struct caller caller;
	char url[64];

	(void)state;
	caller_init(&caller, fail, 1);
	begin_and_reach(&outcome, &caller);
	while (orch_aws_progress(&outcome.call)->state != ORCH_AWS_SLEEPING)
		world_wait(&caller.world, has_been_called);
	orch_aws_cancel(&outcome.call);
	assert_null(caller.client->calls);
	caller_fini(&caller);

	world_service_start(&agent, hang, 1);
	caller_prepare(&caller, fail, 1);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", world_service_url(&agent, url));
	caller_open(&caller);
	outcome_init(&outcome, &caller);
	outcome_begin(&outcome);
	assert_int_equal(orch_aws_progress(&outcome.call)->state, ORCH_AWS_WAITING);
	orch_aws_cancel(&outcome.call);
	assert_null(caller.client->calls);
	caller_fini(&caller);
	world_service_stop(&agent);
}

static void test_a_client_takes_its_calls_with_it(void **state)
{
	static const struct world_answer hang[] = { { .then = WORLD_HANG } };
	struct outcome outcomes[4];
	struct caller caller;

	(void)state;
	caller_init(&caller, hang, 1);
	for (size_t i = 0; i < 4; i++)
		begin_and_reach(&outcomes[i], &caller);
	orch_aws_client_destroy(caller.client);
	caller.client = NULL;
	assert_int_equal(orch_http_client_in_flight(caller.http), 0);
	for (size_t i = 0; i < 4; i++)
		assert_false(outcomes[i].is_done);
	caller_fini(&caller);
}

/* Takes the client away, and the account with it. */
static void destroy_all(struct outcome *outcome)
{
	struct caller *caller = outcome->caller;

	orch_aws_client_destroy(caller->client);
	caller->client = NULL;
	orch_aws_destroy(caller->world.aws);
	caller->world.aws = NULL;
	caller->pending = 0;
}

static void test_who_is_told_may_destroy_everything(void **state)
{
	static const struct world_answer answers[] = { { .then = WORLD_HANG }, OK_ANSWER };
	struct outcome hanging, told;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 2);
	begin_and_reach(&hanging, &caller);
	outcome_init(&told, &caller);
	told.then = destroy_all;
	outcome_begin(&told);
	outcome_wait(&told);
	assert_int_equal(told.call.failure, ORCH_AWS_FINE);
	assert_false(hanging.is_done);
	caller_fini(&caller);

	/* The same where the failure is told out of the client's own timer. */
	caller_init(&caller, answers, 1);
	outcome_init(&told, &caller);
	told.then = destroy_all;
	told.call.timeout_ms = 50;
	told.call.is_poll = true;
	caller.client->quota.tokens = 0;
	outcome_begin(&told);
	outcome_wait(&told);
	assert_int_equal(told.call.failure, ORCH_AWS_TRANSIENT);
	caller_fini(&caller);
}

static void call_again(struct outcome *outcome)
{
	if (world_service_asked(&outcome->caller->service) < 5)
		outcome_begin(outcome);
}

static void test_who_is_told_may_make_the_same_call_again(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	struct outcome outcome;
	struct caller caller;

	(void)state;
	caller_init(&caller, answers, 1);
	outcome_init(&outcome, &caller);
	outcome.then = call_again;
	outcome_begin(&outcome);
	outcome_wait(&outcome);
	assert_int_equal(world_service_asked(&caller.service), 5);
	assert_int_equal(outcome.call.attempts, 1);
	assert_int_equal(stand_in_connections(caller.service.stand_in), 1);
	caller_fini(&caller);
}

static void test_any_allocation_may_fail_and_done_still_runs(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER };
	unsigned told[2] = { 0, 0 };
	struct outcome outcome;
	struct caller caller;
	bool is_short = true;

	(void)state;
	for (uint64_t n = 1; is_short; n++) {
		uint64_t before;

		caller_init(&caller, answers, 1);
		outcome_init(&outcome, &caller);
		outcome.call.once = true;
		outcome.call.timeout_ms = 300; /* of a socket that could not be watched */
		before = orch_alloc_count();
		orch_alloc_fail_at(n, 0);
		outcome_begin(&outcome);
		outcome_wait(&outcome);
		orch_alloc_fail_at(0, 0);
		is_short = orch_alloc_count() - before >= n;
		told[outcome.call.failure == ORCH_AWS_FINE]++;
		caller_fini(&caller);
	}
	assert_true(told[0] > 5);
	assert_true(told[1] > 0);
}

/* A lane of its own with a client, which makes one call after the other. */
struct worker {
	struct orch_job job;
	struct caller *caller;
	struct orch_lane *lane;
	struct orch_http_client *http;
	struct orch_aws_client *client;
	struct orch_aws_call call;
	unsigned made, fine;
};

static atomic_uint workers_ended;

static void next_call(struct orch_aws_call *call)
{
	struct worker *worker = call->user;

	worker->fine += call->failure == ORCH_AWS_FINE;
	if (worker->made++ < CALLS) {
		orch_aws_call(worker->client, call);
		return;
	}
	orch_aws_client_destroy(worker->client);
	orch_http_client_destroy(worker->http);
	atomic_fetch_add(&workers_ended, 1);
}

static void begin_work(struct orch_job *job)
{
	struct worker *worker = (struct worker *)job;
	const struct orch_http_client_options options = { .ca_file = NULL };
	struct orch_err err;

	worker->call = (struct orch_aws_call){ .action = "ReceiveMessage",
		.body = ORCH_TEXT("{}"),
		.done = next_call,
		.user = worker };
	assert_int_equal(
		orch_http_client_create(worker->lane, &options, &worker->http, &err), ORCH_OK);
	assert_int_equal(orch_aws_client_create(worker->caller->world.aws, ORCH_AWS_SQS,
				 worker->lane, worker->http, &worker->client, &err),
		ORCH_OK);
	orch_aws_call(worker->client, &worker->call);
}

static bool have_all_ended(struct world *world)
{
	struct caller *caller = world->arg;
	static unsigned turn;
	char key_id[32];

	/* Keys are changed all the while. */
	(void)snprintf(key_id, sizeof(key_id), "AKID%u", turn++);
	write_keys(caller, key_id);
	orch_aws_keeper_refuse(world->aws->keeper, turn % 7);
	orch_clock_shift_ms((int64_t)turn * ORCH_AWS_FORCED_MS);
	return atomic_load(&workers_ended) == LANES;
}

static void test_lanes_share_an_account(void **state)
{
	static const struct world_answer answers[] = { OK_ANSWER, OK_ANSWER, EXPIRED, OK_ANSWER,
		EXPIRED, OK_ANSWER, { .status = "500 Oops" }, OK_ANSWER };
	struct worker workers[LANES];
	struct caller caller;
	struct orch_err err;

	(void)state;
	atomic_store(&workers_ended, 0);
	caller_prepare(&caller, answers, sizeof(answers) / sizeof(answers[0]));
	write_keys(&caller, "AKIDFIRST");
	caller_open(&caller);
	for (size_t i = 0; i < LANES; i++) {
		workers[i] = (struct worker){ .caller = &caller, .job.run = begin_work };
		assert_int_equal(orch_lane_create("worker", &workers[i].lane, &err), ORCH_OK);
		assert_int_equal(orch_lane_start(workers[i].lane, &err), ORCH_OK);
		orch_lane_post(workers[i].lane, &workers[i].job);
	}
	world_wait(&caller.world, have_all_ended);
	for (size_t i = 0; i < LANES; i++) {
		orch_lane_stop(workers[i].lane);
		orch_lane_destroy(workers[i].lane);
		assert_true(workers[i].fine > CALLS / 2);
	}
	orch_clock_shift_ms(0);
	caller_fini(&caller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expired_credentials_are_renewed_and_the_call_repeated),
		cmocka_unit_test(test_credentials_that_are_refused_again_are_not_tried_for_ever),
		cmocka_unit_test(test_a_wrong_signature_with_a_right_clock_is_about_keys),
		cmocka_unit_test(test_calls_wait_for_the_first_credentials),
		cmocka_unit_test(test_service_and_agent_are_believed_by_the_configured_ca),
		cmocka_unit_test(test_without_credentials_a_call_says_why),
		cmocka_unit_test(test_a_cancelled_call_is_not_told_of),
		cmocka_unit_test(test_a_call_may_be_cancelled_while_it_sleeps_or_waits),
		cmocka_unit_test(test_a_client_takes_its_calls_with_it),
		cmocka_unit_test(test_who_is_told_may_destroy_everything),
		cmocka_unit_test(test_who_is_told_may_make_the_same_call_again),
		cmocka_unit_test(test_any_allocation_may_fail_and_done_still_runs),
		cmocka_unit_test(test_lanes_share_an_account),
	};

	return cmocka_run_group_tests_name("aws_client", tests, NULL, NULL);
}
