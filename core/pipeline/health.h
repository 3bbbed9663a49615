/* SPDX-License-Identifier: Apache-2.0 */
/* Probes and metrics: /livez, /readyz, /metrics. */
#ifndef ORCH_HEALTH_H
#define ORCH_HEALTH_H
#include "net/http_server.h"

struct orch_health;

struct orch_health *orch_health_create(void); /* NULL: no memory */
void orch_health_destroy(struct orch_health *health);

/* Ready while WHY is NULL; else /readyz answers 503 with this sentence.  From any thread. */
void orch_health_set(struct orch_health *health, const char *why_not);
/*
 * Asked whenever /readyz is and nothing else speaks against it, on the thread
 * of the listener: false with what is wrong; true with what is amiss all the
 * same, or with nothing.
 */
void orch_health_ask(
	struct orch_health *health, bool (*is_fit)(void *arg, struct orch_err *err), void *arg);

/* What is amiss although it is ready: stands in the answer of /readyz, which stays 200.  NULL: nothing. */
void orch_health_set_flaw(struct orch_health *health, const char *flaw);

/* Routes for a listener; they live as long as HEALTH. */
const struct orch_http_route *orch_health_routes(struct orch_health *health, size_t *ret_count);

#endif
