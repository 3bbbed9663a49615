/* SPDX-License-Identifier: Apache-2.0 */
/* A lane with its stage, told what to do from another thread. */
#include "pipeline/station.h"

#include "base/clock.h"
#include "unit/pipeline/house.h"
#include "unit/pipeline/stations.h"

#define PATIENCE_MS 30000

struct yard {
	struct orch_station_shared shared;
	struct orch_station *stations[ORCH_STAGE_COUNT];
	struct orch_err err;
};

static void open_yard(struct house *h, struct yard *yard)
{
	house_config(h, HOUSE_WHOLE);
	if (house_build(h, ORCH_BUILD_WHOLE) != ORCH_OK)
		fail_msg("%s", h->report);
	house_keep(h);
	yard->shared = (struct orch_station_shared){ .keep = &h->keep,
		.pauses = orch_pauses_create(),
		.outlets = orch_outlets_create(NULL),
		.spool_dir = h->dir };
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++)
		if (orch_station_create((enum orch_stage)stage, 0, h->plan, &yard->shared,
			    &yard->stations[stage], &yard->err) != ORCH_OK)
			fail_msg("%s", yard->err.text);
}

static void close_yard(struct yard *yard)
{
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++)
		orch_station_destroy(yard->stations[stage]);
	orch_station_destroy(NULL);
	orch_pauses_destroy(yard->shared.pauses);
	orch_outlets_destroy(yard->shared.outlets);
}

static void start_all(struct yard *yard)
{
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++)
		if (orch_station_start(yard->stations[stage], &yard->err) != ORCH_OK)
			fail_msg("%s", yard->err.text);
}

static void test_every_stage_starts_drains_and_comes_to_rest(void **state)
{
	struct house *h = *state;
	struct yard yard = { .err = { "" } };

	open_yard(h, &yard);
	start_all(&yard);
	stations_rest(yard.stations);
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++) {
		assert_int_equal(orch_station_stage(yard.stations[stage]), stage);
		assert_in_range(orch_station_idle_ms(yard.stations[stage]), 0, PATIENCE_MS);
	}
	close_yard(&yard);
}

static void test_what_never_ran_goes_as_it_is(void **state)
{
	struct house *h = *state;
	struct yard yard = { .err = { "" } };

	open_yard(h, &yard);
	orch_station_drain(yard.stations[ORCH_STAGE_SCAN], false);
	assert_true(orch_station_is_idle(yard.stations[ORCH_STAGE_SCAN]));
	close_yard(&yard);
}

static void test_a_new_crew_takes_over_while_the_lane_runs(void **state)
{
	struct house *h = *state;
	struct yard yard = { .err = { "" } };
	struct orch_crew *crew;

	open_yard(h, &yard);
	start_all(&yard);
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++) {
		assert_int_equal(
			orch_crew_create(h->plan, (enum orch_stage)stage, &crew, &yard.err),
			ORCH_OK);
		assert_true(orch_station_set_crew(yard.stations[stage], crew));
	}
	stations_rest(yard.stations);
	close_yard(&yard);
}

static void test_an_instance_that_cannot_be_made_is_named(void **state)
{
	struct house *h = *state;
	struct yard yard = { .err = { "" } };
	struct orch_station *station = NULL;

	house_tools(h,
		HOUSE_PATH
		"tools = ( { name = \"t\"; plugin = \"script_tool\"; script = \"unborn\"; } );");
	house_keep(h);
	yard.shared.keep = &h->keep;
	assert_int_equal(
		orch_station_create(ORCH_STAGE_SCAN, 0, h->plan, &yard.shared, &station, &yard.err),
		ORCH_E_INVALID);
	assert_string_equal(yard.err.text, "tools.t: it does not want to be");
	assert_null(station);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		TEST(test_an_instance_that_cannot_be_made_is_named),
		TEST(test_what_never_ran_goes_as_it_is),
		TEST(test_every_stage_starts_drains_and_comes_to_rest),
		TEST(test_a_new_crew_takes_over_while_the_lane_runs),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
