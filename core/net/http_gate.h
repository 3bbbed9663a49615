/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many may be in at once, counted over all servers that share the gate:
 * the lanes of one listener.  Safe from any thread.
 */
#ifndef ORCH_HTTP_GATE_H
#define ORCH_HTTP_GATE_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_http_gate;

/* PER_ADDRESS 0: addresses are not counted.  NULL: no memory. */
struct orch_http_gate *orch_http_gate_create(uint32_t connections, uint32_t per_address);
/* After the last server that shares it; accepts NULL. */
void orch_http_gate_destroy(struct orch_http_gate *gate);

/* A place for one connection more; false: all are taken. */
bool orch_http_gate_take_place(struct orch_http_gate *gate);
void orch_http_gate_give_place(struct orch_http_gate *gate);

/* Counts who has a place by his address.  ORCH_E_LIMIT: there are enough from there. */
ORCH_MUST_USE int orch_http_gate_enter(struct orch_http_gate *gate, const uint8_t address[16]);
void orch_http_gate_leave(struct orch_http_gate *gate, const uint8_t address[16]);

#endif
