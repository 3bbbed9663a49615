/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol: READY=1, RELOADING=1, STOPPING=1, WATCHDOG=1, STATUS=… */
#ifndef ORCH_NOTIFY_H
#define ORCH_NOTIFY_H
#include <stdint.h>

/* Sends STATE to $NOTIFY_SOCKET; nothing happens without one. */
void orch_notify(const char *state);
void orch_notify_reloading(void);       /* with MONOTONIC_USEC */
uint64_t orch_notify_watchdog_ms(void); /* half of what systemd wants; 0: no watchdog */

#endif
