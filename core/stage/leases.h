/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leases that a lane holds: renewed at a third of their time, released on
 * the way out.
 */
#ifndef ORCH_LEASES_H
#define ORCH_LEASES_H
#include <sys/queue.h>
#include "queue/queue.h"

struct orch_held {
	TAILQ_ENTRY(orch_held) link;
	const struct orch_lease *lease;
	uint64_t renewed_ms; /* monotonic */
	bool is_busy;        /* a renewal is under way */
	bool is_lost;        /* it is another's by now: nothing more is to be done with it */
	bool is_gone;        /* the owner has ended; freed when the renewal is back */
	struct orch_queue_op op;
	struct orch_leases *leases;
	void (*freed)(void *owner); /* called when the owner has let go and nothing is under way */
	void *owner;
};

struct orch_leases {
	struct orch_queue *queue;
	struct orch_lane *lane;
	uint64_t visibility_ms;
	TAILQ_HEAD(, orch_held) held;
	size_t count;
	struct orch_timer timer;
};

ORCH_MUST_USE int orch_leases_init(struct orch_leases *leases, struct orch_queue *queue,
	struct orch_lane *lane, uint64_t visibility_ms);
void orch_leases_fini(struct orch_leases *leases);
/* From now on, for those that are held as well. */
void orch_leases_set_visibility(struct orch_leases *leases, uint64_t visibility_ms);
void orch_leases_hold(struct orch_leases *leases, struct orch_held *held,
	const struct orch_lease *lease, void (*freed)(void *owner), void *owner);
/* Ends the holding; FREED runs now or when a renewal under way is back. */
void orch_leases_let_go(struct orch_held *held);

/* Full jitter: a random time up to min(cap, base * 2^attempt). */
uint64_t orch_backoff_ms(uint32_t attempt, uint64_t base_ms, uint64_t cap_ms);

#endif
