/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that reads a clock. */
#ifndef ORCH_CLOCK_H
#define ORCH_CLOCK_H
#include <stdint.h>
#include <time.h>
#include <orch/abi.h>

uint64_t orch_clock_now_ms(void);  /* UTC since 1970; may jump */
uint64_t orch_clock_mono_ms(void); /* never goes back */
uint64_t orch_clock_mono_ns(void);
uint64_t orch_clock_boot_ms(void); /* since the boot, with the time that the machine slept */

/* A point of CLOCK_MONOTONIC in so many milliseconds, and a short wait without an event to wait for. */
void orch_clock_deadline(uint64_t in_ms, struct timespec *ret_until);
void orch_clock_pause_us(uint32_t us);

/* Added to orch_clock_now_ms() and orch_clock_boot_ms(), for tests. */
void orch_clock_shift_ms(int64_t by);

/* "2026-01-02T03:04:05.006Z", 24 characters and NUL. */
void orch_clock_format(uint64_t ms, char ret_text[25]);

#endif
