/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: a thread with an event loop, an inbox, and nothing shared.
 *
 * Whatever a lane owns is touched by its own thread only.  Others hand it a
 * job; jobs run in the order in which they were posted.
 */
#ifndef ORCH_LANE_H
#define ORCH_LANE_H
#include <event2/event.h>
#include <orch/abi.h>
#include "base/check.h"

struct orch_lane;

/* Part of the one who posts: posting allocates nothing and cannot fail. */
struct orch_job {
	struct orch_job *next;
	void (*run)(struct orch_job *job);
};

ORCH_MUST_USE int orch_lane_create(
	const char *name, struct orch_lane **ret_lane, struct orch_err *err);
void orch_lane_destroy(struct orch_lane *lane); /* after stop; accepts NULL */

ORCH_MUST_USE int orch_lane_start(struct orch_lane *lane, struct orch_err *err);
/* Lets the loop end after the jobs already posted, and waits for the thread. */
void orch_lane_stop(struct orch_lane *lane);
/* Runs the loop on the calling thread until orch_lane_quit(): for the main thread and for tests. */
void orch_lane_run(struct orch_lane *lane);
void orch_lane_quit(struct orch_lane *lane); /* from any thread */

/* From any thread.  JOB must stay until it has run. */
void orch_lane_post(struct orch_lane *lane, struct orch_job *job);
bool orch_lane_is_current(const struct orch_lane *lane);
struct event_base *orch_lane_base(struct orch_lane *lane);
const char *orch_lane_name(const struct orch_lane *lane);
/* Age of the loop's last turn, for the watchdog; a loop turns at least once a second. */
uint64_t orch_lane_idle_ms(const struct orch_lane *lane);

/* One-shot timer on the lane's own thread. */
struct orch_timer {
	struct event *event;
	void (*fire)(void *arg);
	void *arg;
};
ORCH_MUST_USE int orch_timer_init(
	struct orch_timer *timer, struct orch_lane *lane, void (*fire)(void *arg), void *arg);
void orch_timer_fini(struct orch_timer *timer);
void orch_timer_set(struct orch_timer *timer, uint64_t in_ms); /* moves it if it was set */
void orch_timer_clear(struct orch_timer *timer);
bool orch_timer_is_set(const struct orch_timer *timer);

#endif
