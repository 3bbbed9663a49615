/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_bodies.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/metric.h"

struct orch_http_bodies {
	_Atomic uint64_t limit, held;
	struct orch_metric *metric;
};

struct orch_http_bodies *orch_http_bodies_create(uint64_t limit)
{
	struct orch_http_bodies *bodies = orch_alloc(sizeof(*bodies));

	if (!bodies)
		return NULL;
	atomic_store(&bodies->limit, limit);
	bodies->metric = orch_metric(ORCH_METRIC_GAUGE, "orchestrator_http_bodies_bytes",
		"Bytes of the large bodies under way (limits.bodies_bytes).");
	return bodies;
}

void orch_http_bodies_destroy(struct orch_http_bodies *bodies)
{
	orch_free(bodies);
}

void orch_http_bodies_set_limit(struct orch_http_bodies *bodies, uint64_t limit)
{
	atomic_store(&bodies->limit, limit);
}

static bool take(struct orch_http_bodies *bodies, uint64_t more)
{
	uint64_t held = atomic_load(&bodies->held);
	uint64_t limit = atomic_load(&bodies->limit);

	do {
		if (held > limit || more > limit - held)
			return false;
	} while (!atomic_compare_exchange_weak(&bodies->held, &held, held + more));
	orch_metric_add(bodies->metric, (int64_t)more);
	return true;
}

bool orch_http_bodies_hold(struct orch_http_bodies *bodies, uint64_t len, uint64_t *held)
{
	if (!bodies || len <= ORCH_HTTP_BODY_FREE_BYTES || len <= *held)
		return true;
	if (!take(bodies, len - *held))
		return false;
	*held = len;
	return true;
}

void orch_http_bodies_let_go(struct orch_http_bodies *bodies, uint64_t *held)
{
	if (*held == 0)
		return;
	atomic_fetch_sub(&bodies->held, *held);
	orch_metric_add(bodies->metric, -(int64_t)*held);
	*held = 0;
}
