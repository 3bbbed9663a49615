/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KIT_TIME_H
#define KIT_TIME_H
#include <orch/abi.h>

#define KIT_TIME_BYTES 32

/* "2026-01-02T03:04:05.006Z" */
void kit_time_format(uint64_t time_ms, char text[KIT_TIME_BYTES]);

#endif
