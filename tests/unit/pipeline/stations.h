/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_TEST_PIPELINE_STATIONS_H
#define ORCH_TEST_PIPELINE_STATIONS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/station.h"

#define STATIONS_REST_MS 60000 /* only a hang takes so long */

/* One of each stage.  What was asked of the queue has come back by then: a station does not go before. */
static inline void stations_rest(struct orch_station *const *stations)
{
	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++) {
		uint64_t until = orch_clock_mono_ms() + STATIONS_REST_MS;

		orch_station_drain(stations[stage], false);
		orch_station_release(stations[stage]);
		while (!orch_station_is_idle(stations[stage]))
			assert_true(orch_clock_mono_ms() < until);
	}
}

#endif
