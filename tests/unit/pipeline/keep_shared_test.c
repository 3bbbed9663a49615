/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beyond this machine: opened, served from, closed. */
#include "pipeline/station.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "unit/pipeline/shared.h"
#include "unit/pipeline/stations.h"

#define PATIENCE_MS 60000

static void build(struct house *h, const char *store)
{
	house_config(h, shared_config(h, 0, store, ""));
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
}

static void expect_refused(struct house *h, int code, const char *why)
{
	struct orch_err err = { "" };

	assert_int_equal(orch_keep_open(h->plan->config, &h->keep, &err), code);
	assert_contains(err.text, why);
	assert_lacks(err.text, "canary");
	assert_null(h->keep.queue);
}

/* A statement on each of them. */
static void expect_answers(struct house *h)
{
	struct orch_ledger *ledgers;
	struct orch_stored_rule *rules;
	struct orch_err err = { "" };
	size_t count;

	if (orch_queue_ledger(h->keep.queue, h->arena, &ledgers, &count, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	if (orch_store_rules(h->keep.store, ORCH_TEXT_NONE, false, h->arena, &rules, &count,
		    &err) != ORCH_OK)
		fail_msg("%s", err.text);
}

static void test_a_schema_that_is_missing_is_not_made_unasked(void **state)
{
	struct house *h = *state;

	build(h, "");
	expect_refused(h, ORCH_E_INVALID, "run \"orchestrator store migrate\"");
}

static void test_a_schema_is_made_if_that_is_asked_for(void **state)
{
	struct house *h = *state;

	build(h, SHARED_MIGRATES);
	for (int i = 0; i < 2; i++) {
		house_keep(h);
		assert_null(h->keep.db);
		assert_non_null(h->keep.pg);
		assert_int_equal(orch_secret_text(h->keep.key).ptr[31], 31);
		expect_answers(h);
		orch_keep_close(&h->keep);
	}
	assert_int_equal(
		access(orch_arena_printf(h->arena, "%s/var/store.key", h->dir).ptr, F_OK), -1);
}

static void test_a_schema_that_was_migrated_is_opened(void **state)
{
	struct orch_pg_migrated parts[ORCH_KEEP_PARTS];
	struct house *h = *state;
	struct orch_err err = { "" };
	size_t count;

	build(h, "");
	assert_int_equal(orch_keep_migrate(h->plan->config, true, parts, &count, &err), ORCH_OK);
	assert_int_equal(count, 3);
	expect_refused(h, ORCH_E_INVALID, "run \"orchestrator store migrate\"");
	assert_int_equal(orch_keep_migrate(h->plan->config, false, parts, &count, &err), ORCH_OK);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(parts[i].from, 0);
		assert_in_range(parts[i].to, 1, 1000);
	}
	house_keep(h);
	expect_answers(h);
}

static void test_another_key_is_refused(void **state)
{
	struct house *h = *state;

	build(h, SHARED_MIGRATES);
	house_keep(h);
	orch_keep_close(&h->keep);
	orch_plan_unref(h->plan);
	assert_int_equal(
		setenv("SHARED_KEY",
			"ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1),
		0);
	build(h, "");
	expect_refused(h, ORCH_E_DENIED, "not the one that the database was begun with");
}

static void test_a_wrong_password_is_said_and_not_shown(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };

	assert_int_equal(setenv("SHARED_PASSWORD", "canary-wrong", 1), 0);
	build(h, SHARED_MIGRATES);
	assert_true(orch_keep_open(h->plan->config, &h->keep, &err) < 0);
	assert_contains(err.text, "password authentication failed");
	assert_lacks(err.text, "canary");
}

/* Connections are made anew when the configuration that named the password is long gone. */
static void test_the_password_outlives_its_configuration(void **state)
{
	struct house *h = *state;

	build(h, SHARED_MIGRATES);
	house_keep(h);
	orch_plan_unref(h->plan);
	h->plan = NULL;
	shared_cut_connections();
	expect_answers(h);
}

static void test_a_password_that_was_not_loaded_is_named(void **state)
{
	struct house *h = *state;
	struct orch_config_errors errors;
	struct orch_pg_migrated parts[ORCH_KEEP_PARTS];
	struct orch_err err = { "" };
	size_t count;

	house_tools(h,
		HOUSE_TOOL "credentials = ( { name = \"k\"; env = \"SHARED_KEY\"; },"
			   " { name = \"pw\"; env = \"SHARED_NOT_SET\"; } );"
			   "queue = { driver = \"sqs\"; };"
			   "store = { driver = \"postgres\"; key = \"k\"; password = \"pw\"; dsn = "
			   "\"host=127.0.0.1\"; };");
	orch_config_errors_init(&errors, h->arena);
	orch_config_load_credentials(h->plan->config, &errors);
	expect_refused(h, ORCH_E_INVALID, "store.password: the credential pw is not loaded");
	assert_int_equal(
		orch_keep_migrate(h->plan->config, true, parts, &count, &err), ORCH_E_INVALID);
	assert_contains(err.text, "store.password: the credential pw is not loaded");
}

/* Where the Nth allocation fails it is opened or it is not, and closed; false: there were fewer. */
static bool open_without_memory(struct house *h, uint64_t n, unsigned *failed)
{
	uint64_t before = orch_alloc_count();
	struct orch_err err = { "" };
	bool is_short;
	int rc;

	orch_alloc_fail_at(n, 0);
	rc = orch_keep_open(h->plan->config, &h->keep, &err);
	orch_alloc_fail_at(0, 0);
	is_short = orch_alloc_count() - before >= n;
	if (rc == ORCH_OK)
		orch_keep_close(&h->keep);
	else
		assert_true(err.text[0] != '\0');
	*failed += rc != ORCH_OK;
	return is_short;
}

static void test_any_allocation_may_fail_while_it_opens(void **state)
{
	struct house *h = *state;
	unsigned failed = 0;
	uint64_t n = 1;

	build(h, SHARED_MIGRATES);
	while (open_without_memory(h, n, &failed))
		n++;
	assert_in_range(failed, 10, n - 1);
	house_keep(h);
	expect_answers(h);
}

/* The main lane, which turns on a thread of its own here. */

static struct orch_lane *start_keep(struct house *h)
{
	struct orch_err err = { "" };
	struct orch_lane *lane;

	assert_int_equal(orch_lane_create("main", &lane, &err), ORCH_OK);
	if (orch_keep_start(&h->keep, h->plan->config, lane, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	assert_int_equal(orch_lane_start(lane, &err), ORCH_OK);
	return lane;
}

static void stop_keep(struct house *h, struct orch_lane *lane)
{
	orch_lane_stop(lane);
	orch_keep_stop(&h->keep, lane);
	orch_lane_destroy(lane);
}

static void await_health(struct house *h)
{
	uint64_t until = orch_clock_mono_ms() + PATIENCE_MS;
	struct orch_err err = { "" };

	while (!orch_keep_is_healthy(&h->keep, &err))
		if (orch_clock_mono_ms() > until)
			fail_msg("%s", err.text);
}

static void test_what_is_started_is_stopped_at_any_moment(void **state)
{
	struct house *h = *state;
	struct orch_err err = { "" };
	struct orch_lane *lane;

	build(h, SHARED_MIGRATES);
	house_keep(h);
	/* Before the lane has turned once. */
	assert_int_equal(orch_lane_create("main", &lane, &err), ORCH_OK);
	assert_int_equal(orch_keep_start(&h->keep, h->plan->config, lane, &err), ORCH_OK);
	orch_keep_stop(&h->keep, lane);
	orch_lane_destroy(lane);
	orch_keep_close(&h->keep);
	/* And when all is at work. */
	house_keep(h);
	lane = start_keep(h);
	await_health(h);
	assert_false(orch_keep_is_full(&h->keep));
	stop_keep(h, lane);
}

struct yard {
	struct orch_station_shared shared;
	struct orch_station *stations[ORCH_STAGE_COUNT];
};

static void open_yard(struct house *h, struct yard *yard)
{
	struct orch_err err = { "" };

	yard->shared = (struct orch_station_shared){ .keep = &h->keep,
		.pauses = orch_pauses_create(),
		.outlets = orch_outlets_create(NULL),
		.spool_dir = h->dir };
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++) {
		int rc = orch_station_create((enum orch_stage)stage, 0, h->plan, &yard->shared,
			&yard->stations[stage], &err);

		if (rc == ORCH_OK)
			rc = orch_station_start(yard->stations[stage], &err);
		if (rc != ORCH_OK)
			fail_msg("%s", err.text);
	}
}

static void close_yard(struct yard *yard)
{
	stations_rest(yard->stations);
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++)
		orch_station_destroy(yard->stations[stage]);
	orch_pauses_destroy(yard->shared.pauses);
	orch_outlets_destroy(yard->shared.outlets);
}

static void test_every_stage_starts_drains_and_comes_to_rest_on_it(void **state)
{
	struct house *h = *state;
	struct orch_lane *lane;
	struct yard yard;

	build(h, SHARED_MIGRATES);
	house_keep(h);
	lane = start_keep(h);
	open_yard(h, &yard);
	await_health(h);
	close_yard(&yard);
	stop_keep(h, lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_open, house_close)
		TEST(test_a_schema_that_is_missing_is_not_made_unasked),
		TEST(test_a_schema_is_made_if_that_is_asked_for),
		TEST(test_a_schema_that_was_migrated_is_opened),
		TEST(test_another_key_is_refused),
		TEST(test_a_wrong_password_is_said_and_not_shown),
		TEST(test_the_password_outlives_its_configuration),
		TEST(test_a_password_that_was_not_loaded_is_named),
		TEST(test_any_allocation_may_fail_while_it_opens),
		TEST(test_what_is_started_is_stopped_at_any_moment),
		TEST(test_every_stage_starts_drains_and_comes_to_rest_on_it),
#undef TEST
	};

	return cmocka_run_group_tests(tests, shared_start, shared_stop);
}
