/* SPDX-License-Identifier: Apache-2.0 */
/* A hook's calls of Amazon's, with a stand-in that believes any signature. */
#include "base/secret.h"
#include "unit/stage/hook_table.h"

#define PUT "aws:kinesis/PutRecords"

struct world {
	struct table *table;
	struct orch_config config;
	struct orch_config_account account;
	struct orch_config_credential name;
	struct orch_credential_entry credential;
	struct orch_account_book book;
	struct orch_accounts *accounts;
	struct orch_callers callers;
	char endpoint[64];
};

/* An account whose endpoint is the stand-in, which gives ANSWERS. */
static void open_account(
	struct world *world, struct table *t, const struct scripted_answer *answers, size_t count)
{
	struct orch_err err;

	*world = (struct world){ .table = t };
	script_start(&t->script, answers, count);
	(void)snprintf(world->endpoint, sizeof(world->endpoint), "http://127.0.0.1:%u",
		(unsigned)stand_in_port(t->script.stand_in));
	world->name.name = world->credential.name = ORCH_TEXT("secret");
	world->credential.secret = orch_secret_create(ORCH_TEXT("example"));
	world->account = (struct orch_config_account){ .name = ORCH_TEXT("streams"),
		.aws = { .region = ORCH_TEXT("eu-west-1"),
			.endpoint = orch_text_from(world->endpoint),
			.access_key_id = ORCH_TEXT("AKIDEXAMPLE"),
			.secret_access_key = ORCH_TEXT("secret") } };
	world->config = (struct orch_config){ .accounts = &world->account,
		.account_count = 1,
		.credentials = &world->name,
		.credential_count = 1,
		.egress = { .credentials = &world->credential, .credential_count = 1 } };
	TAILQ_INIT(&world->book);
	assert_int_equal(orch_accounts_open(&world->book, &world->config, t->http.lane,
				 &world->accounts, &err),
		ORCH_OK);
	world->callers.accounts = world->accounts;
	t->run.callers = &world->callers;
	t->method = "AWS";
	t->account = 1;
	(void)snprintf(t->url, sizeof(t->url), PUT);
}

/* Another run of the same table. */
static void run_again(struct table *t)
{
	t->ended = t->replied = 0;
	run(t);
}

static void close_account(struct world *world)
{
	orch_callers_fini(&world->callers);
	orch_accounts_sweep(&world->book);
	assert_false(TAILQ_EMPTY(&world->book)); /* its plan is still there */
	orch_accounts_end(world->accounts);
	orch_accounts_sweep(&world->book);
	assert_true(TAILQ_EMPTY(&world->book));
	orch_secret_destroy((struct orch_secret *)(uintptr_t)world->credential.secret);
}

static void test_a_call_is_answered_with_the_services_json(void **state)
{
	static const struct scripted_answer answers[] = { { "200 OK", NULL, "{\"Records\":[]}" } };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	run(t);
	assert_int_equal(t->code, ORCH_OK);
	assert_int_equal(t->statuses[0], 200);
	assert_string_equal(t->bodies[0], "{\"Records\":[]}");
	assert_string_equal(script_body(&t->script, 0), "the body");
	assert_false(t->run.is_unanswered);
	close_account(&world);
}

static void test_a_refusal_comes_back_with_its_code_and_its_words(void **state)
{
	static const struct scripted_answer answers[] = { { "400 Bad Request", NULL,
		"{\"__type\":\"ResourceNotFoundException\",\"message\":\"no such stream\"}" } };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	run(t);
	assert_int_equal(t->statuses[0], 400);
	assert_string_equal(t->bodies[0], "");
	assert_string_equal(t->headers, "X-Amzn-ErrorType: ResourceNotFoundException\n");
	assert_contains(t->problem, "no such stream");
	assert_int_equal(t->script.sent, 1);
	assert_false(t->run.is_unanswered);
	close_account(&world);
}

static void test_what_passes_is_tried_again_before_the_hook_hears_of_it(void **state)
{
	static const struct scripted_answer answers[] = { { "503 Service Unavailable", NULL, "" },
		{ NULL, NULL, NULL }, { "200 OK", NULL, "{}" } };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 3);
	run(t);
	assert_int_equal(t->entered, 2);
	assert_int_equal(t->statuses[0], 200);
	assert_int_equal(t->script.sent, 3);
	close_account(&world);
}

static void test_a_success_that_nobody_can_read_is_no_answer(void **state)
{
	static const struct scripted_answer answers[] = { { "200 OK", NULL, "{\"Records\":[" } };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	run(t);
	assert_int_equal(t->statuses[0], 0);
	assert_string_equal(t->bodies[0], "");
	assert_contains(t->problem, "not whole JSON");
	assert_true(t->run.is_unanswered);
	close_account(&world);
}

static void test_what_is_no_call_is_refused_and_never_sent(void **state)
{
	static const struct scripted_answer answers[] = { { "200 OK", NULL, "{}" } };
	static const char *const urls[] = { "", "aws:kinesis/", "aws:sqs/SendMessage",
		"aws:kinesis/Put Records", "aws:kinesis/PutRecords\nX: y", "https://example.com/",
		"aws:kinesis/ActionActionActionActionActionActionActionActionActionActionActi" };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		(void)snprintf(t->url, sizeof(t->url), "%s", urls[i]);
		run_again(t);
		assert_int_equal(t->statuses[0], -1);
		assert_contains(t->problem, "is no call");
		assert_false(t->run.is_unanswered);
	}
	assert_int_equal(t->script.sent, 0);
	close_account(&world);
}

static void test_only_accounts_of_the_configuration_are_called_as(void **state)
{
	static const struct scripted_answer answers[] = { { "200 OK", NULL, "{}" } };
	static const orch_account accounts[] = { 0, 2, UINT32_MAX };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	for (size_t i = 0; i < 3; i++) {
		t->account = accounts[i];
		run_again(t);
		assert_int_equal(t->statuses[0], -1);
		assert_contains(t->problem, "names no account");
	}
	t->account = 1;
	t->run.callers = NULL;
	run_again(t);
	assert_int_equal(t->statuses[0], -1);
	assert_int_equal(t->script.sent, 0);
	close_account(&world);
}

static void test_accounts_are_opened_all_or_none(void **state)
{
	static const struct scripted_answer answers[] = { { "200 OK", NULL, "{}" } };
	struct table *t = *state;
	struct orch_accounts *accounts = NULL;
	struct orch_config_account two[2];
	struct orch_err err;
	struct world world;

	open_account(&world, t, answers, 1);
	two[0] = two[1] = world.account;
	two[1].name = ORCH_TEXT("elsewhere");
	two[1].aws.region = ORCH_TEXT("Ireland");
	world.config.accounts = two;
	world.config.account_count = 2;
	assert_int_equal(
		orch_accounts_open(&world.book, &world.config, t->http.lane, &accounts, &err),
		ORCH_E_INVALID);
	assert_contains(err.text, "accounts.elsewhere: region is no region");
	assert_null(accounts);
	orch_accounts_sweep(&world.book);
	assert_ptr_equal(TAILQ_FIRST(&world.book), world.accounts);
	assert_null(TAILQ_NEXT(world.accounts, link));
	close_account(&world);
}

static void test_a_call_that_is_cancelled_never_comes_back(void **state)
{
	static const struct scripted_answer answers[] = { { "", NULL, NULL } };
	struct table *t = *state;
	struct world world;

	open_account(&world, t, answers, 1);
	orch_run_start(&t->run);
	assert_int_equal(t->entered, 1);
	orch_run_cancel(&t->run);
	close_account(&world);
	assert_int_equal(t->ended, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, lay_table, clear_table)
	const struct CMUnitTest tests[] = {
		ROW(test_a_call_is_answered_with_the_services_json),
		ROW(test_a_refusal_comes_back_with_its_code_and_its_words),
		ROW(test_what_passes_is_tried_again_before_the_hook_hears_of_it),
		ROW(test_a_success_that_nobody_can_read_is_no_answer),
		ROW(test_what_is_no_call_is_refused_and_never_sent),
		ROW(test_only_accounts_of_the_configuration_are_called_as),
		ROW(test_accounts_are_opened_all_or_none),
		ROW(test_a_call_that_is_cancelled_never_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
