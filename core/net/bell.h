/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bell on a lane: anybody rings it, the lane hears it.
 *
 * Unlike a job it can be taken away at any time, whoever has rung it by then.
 * Rings that were not heard yet are heard as one.
 */
#ifndef ORCH_BELL_H
#define ORCH_BELL_H
#include "net/lane.h"

struct orch_bell {
	int fd;
	struct event *event; /* NULL: there is no bell */
	void (*heard)(void *arg);
	void *arg;
};

/* On the lane's own thread, as fini.  HEARD may take the bell away. */
ORCH_MUST_USE int orch_bell_init(struct orch_bell *bell, struct orch_lane *lane,
	void (*heard)(void *arg), void *arg, struct orch_err *err);
/* Accepts a bell that is zeroed.  Nobody may ring it any more. */
void orch_bell_fini(struct orch_bell *bell);
void orch_bell_ring(const struct orch_bell *bell); /* from any thread */

#endif
