/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#define MS_MAX UINT64_C(253402300799999) /* the last millisecond of the year 9999 */

static _Atomic int64_t shift_ms;

static uint64_t read_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t orch_clock_now_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000 + (uint64_t)atomic_load(&shift_ms);
}

uint64_t orch_clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

uint64_t orch_clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t orch_clock_boot_ms(void)
{
	return read_ns(CLOCK_BOOTTIME) / 1000000 + (uint64_t)atomic_load(&shift_ms);
}

void orch_clock_deadline(uint64_t in_ms, struct timespec *ret_until)
{
	uint64_t until_ns = read_ns(CLOCK_MONOTONIC) + in_ms * UINT64_C(1000000);

	ret_until->tv_sec = (time_t)(until_ns / UINT64_C(1000000000));
	ret_until->tv_nsec = (long)(until_ns % UINT64_C(1000000000));
}

void orch_clock_pause_us(uint32_t us)
{
	const struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };

	(void)nanosleep(&pause, NULL);
}

void orch_clock_shift_ms(int64_t by)
{
	atomic_store(&shift_ms, by);
}

static void put_digits(char *at, size_t count, unsigned value)
{
	while (count-- > 0) {
		at[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

void orch_clock_format(uint64_t ms, char ret_text[25])
{
	static const char form[25] = "0000-00-00T00:00:00.000Z";
	struct tm day = { .tm_mday = 1 };
	time_t seconds;

	if (ms > MS_MAX)
		ms = MS_MAX;
	seconds = (time_t)(ms / 1000);
	(void)gmtime_r(&seconds, &day);
	for (size_t i = 0; i < sizeof(form); i++)
		ret_text[i] = form[i];
	put_digits(ret_text, 4, (unsigned)day.tm_year + 1900);
	put_digits(ret_text + 5, 2, (unsigned)day.tm_mon + 1);
	put_digits(ret_text + 8, 2, (unsigned)day.tm_mday);
	put_digits(ret_text + 11, 2, (unsigned)day.tm_hour);
	put_digits(ret_text + 14, 2, (unsigned)day.tm_min);
	put_digits(ret_text + 17, 2, (unsigned)day.tm_sec);
	put_digits(ret_text + 20, 3, (unsigned)(ms % 1000));
}
