/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/leases.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/metric.h"

static void end_holding(struct orch_held *held)
{
	held->freed(held->owner);
}

static void on_renewed(struct orch_queue_op *op)
{
	struct orch_held *held = op->user;

	held->is_busy = false;
	if (held->is_gone) {
		end_holding(held);
		return;
	}
	if (op->code == ORCH_OK)
		held->renewed_ms = orch_clock_mono_ms();
	held->is_lost = op->code == ORCH_E_DENIED;
	if (held->is_lost)
		orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_leases_lost_total",
					"Leases that ran out while work went on."),
			1);
}

static void renew(struct orch_leases *leases, struct orch_held *held)
{
	struct orch_err err;

	held->op = (struct orch_queue_op){
		.kind = ORCH_QUEUE_RENEW,
		.queue = leases->queue,
		.lane = leases->lane,
		.done = on_renewed,
		.lease = held->lease,
		.visibility_ms = leases->visibility_ms,
		.user = held,
	};
	held->is_busy = orch_queue_submit(leases->queue, &held->op, &err) == ORCH_OK;
}

static void on_timer(void *arg)
{
	struct orch_leases *leases = arg;
	uint64_t now = orch_clock_mono_ms();
	struct orch_held *held;

	TAILQ_FOREACH(held, &leases->held, link)
	if (!held->is_busy && !held->is_lost && now - held->renewed_ms >= leases->visibility_ms / 3)
		renew(leases, held);
	orch_timer_set(&leases->timer, leases->visibility_ms / 6);
}

int orch_leases_init(struct orch_leases *leases, struct orch_queue *queue, struct orch_lane *lane,
	uint64_t visibility_ms)
{
	int rc = orch_timer_init(&leases->timer, lane, on_timer, leases);

	if (rc != ORCH_OK)
		return rc;
	leases->queue = queue;
	leases->lane = lane;
	leases->visibility_ms = visibility_ms;
	leases->count = 0;
	TAILQ_INIT(&leases->held);
	return ORCH_OK;
}

void orch_leases_fini(struct orch_leases *leases)
{
	orch_timer_fini(&leases->timer);
}

void orch_leases_set_visibility(struct orch_leases *leases, uint64_t visibility_ms)
{
	leases->visibility_ms = visibility_ms;
	if (leases->count > 0)
		orch_timer_set(&leases->timer, 0);
}

void orch_leases_hold(struct orch_leases *leases, struct orch_held *held,
	const struct orch_lease *lease, void (*freed)(void *owner), void *owner)
{
	*held = (struct orch_held){
		.lease = lease,
		.renewed_ms = orch_clock_mono_ms(),
		.leases = leases,
		.freed = freed,
		.owner = owner,
	};
	TAILQ_INSERT_TAIL(&leases->held, held, link);
	if (leases->count++ == 0)
		orch_timer_set(&leases->timer, leases->visibility_ms / 6);
}

void orch_leases_let_go(struct orch_held *held)
{
	TAILQ_REMOVE(&held->leases->held, held, link);
	if (--held->leases->count == 0)
		orch_timer_clear(&held->leases->timer);
	held->is_gone = true;
	if (!held->is_busy)
		end_holding(held);
}

uint64_t orch_backoff_ms(uint32_t attempt, uint64_t base_ms, uint64_t cap_ms)
{
	uint64_t most = attempt < 20 ? base_ms << attempt : cap_ms;

	if (most > cap_ms || most == 0)
		most = cap_ms;
	return orch_random_below(most) + 1;
}
