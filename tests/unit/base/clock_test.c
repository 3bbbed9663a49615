/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "../../support/text_assert.h"
#include "base/clock.h"

static void test_times_are_formatted_to_the_millisecond(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1767323045006, "2026-01-02T03:04:05.006Z" },
		{ 951782400999, "2000-02-29T00:00:00.999Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ UINT64_MAX, "9999-12-31T23:59:59.999Z" },
	};
	char text[25];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		orch_clock_format(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_now_is_the_systems_time_and_can_be_shifted(void **state)
{
	uint64_t before = (uint64_t)time(NULL) * 1000;
	uint64_t now = orch_clock_now_ms();

	(void)state;
	assert_true(now >= before && now < before + 60000);
	orch_clock_shift_ms(3600000);
	assert_true(orch_clock_now_ms() >= now + 3600000);
	orch_clock_shift_ms(-3600000);
	assert_true(orch_clock_now_ms() < now);
	orch_clock_shift_ms(0);
	assert_true(orch_clock_now_ms() >= now);
}

static void test_the_monotonic_clock_does_not_go_back(void **state)
{
	uint64_t last = orch_clock_mono_ns();

	(void)state;
	orch_clock_shift_ms(-3600000);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = orch_clock_mono_ns();

		assert_true(now >= last);
		assert_true(orch_clock_mono_ms() >= now / 1000000);
		last = now;
	}
	orch_clock_shift_ms(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_formatted_to_the_millisecond),
		cmocka_unit_test(test_now_is_the_systems_time_and_can_be_shifted),
		cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
