/* SPDX-License-Identifier: Apache-2.0 */
/* What a bench needs to make figures of machines comparable. */
#ifndef ORCH_TEST_YARDSTICK_H
#define ORCH_TEST_YARDSTICK_H

/* Of this process, with all its threads. */
double own_cpu_seconds(void);
/* How long this machine takes, now, for what every one has to do: an HMAC-SHA256 of 1 KB. */
double yardstick_us(void);
void print_yardstick(void);

#endif
