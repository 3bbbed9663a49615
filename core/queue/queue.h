/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues between stages, with SQS's meaning: a message is leased for a time,
 * renewed while work goes on, settled when done, and set aside with its
 * reason when it cannot be done.
 *
 * Names: "scan", and "act.<action instance>", so that a slow target holds up
 * only itself.  Bodies are sealed at rest and bound to their row.
 *
 * Every call returns at once; the op's DONE runs on the op's lane when the
 * effect is durable.  An op and all that it points to must stay until then.
 */
#ifndef ORCH_QUEUE_H
#define ORCH_QUEUE_H
#include <orch/abi.h>
#include "base/arena.h"
#include "base/check.h"
#include "net/lane.h"

#define ORCH_QUEUE_NAME_BYTES 64

struct orch_queue;

struct orch_message {
	struct orch_text queue;
	struct orch_text
		id; /* derived; a second put of an id that is still there changes nothing */
	struct orch_text
		alias; /* of a new arrival: seen within a day, it is a repeat; may be empty */
	uint64_t
		alias_time_ms; /* part of the alias; neighbours in time are neighbours there, too; 0: none */
	/*
	 * When that happened which it is about, by its source.  Neighbours in time
	 * are neighbours in the indexes, so a commit touches few of their pages.
	 */
	uint64_t time_ms;
	struct orch_text pipeline;
	struct orch_text tenant; /* may be empty */
	struct orch_text
		order; /* messages of one key are leased one at a time, first in first out; empty: none */
	struct orch_text trace;
	uint32_t priority; /* enum orch_severity: each grade counts as a minute of waiting */
	uint64_t delay_ms;
	struct orch_text body;
};

/* A received message.  In the arena of its receive op. */
struct orch_lease {
	struct orch_message message;
	uint64_t row;             /* the backend's */
	struct orch_text receipt; /* likewise; empty if it has no use for one */
	uint64_t token;           /* proves that the lease is still ours */
	uint32_t receives;        /* 1 the first time */
	uint32_t attempts;        /* times it was tried and failed, as counted by release */
	uint64_t put_ms;          /* wall clock of the put */
	uint32_t step;            /* the progress kept by checkpoint */
	bool step_sent;           /* a request of that step may have gone out */
	struct orch_text memo;
};

/* Why a message that was accepted came to its end. */
enum orch_end { ORCH_END_DONE = 0, ORCH_END_DROPPED, ORCH_END_DEAD };

enum orch_queue_kind {
	ORCH_QUEUE_PUT = 0, /* messages */
	ORCH_QUEUE_RECEIVE, /* up to MAX leases of NAME for VISIBILITY_MS */
	ORCH_QUEUE_RENEW,   /* the lease, for VISIBILITY_MS */
	ORCH_QUEUE_RELEASE, /* the lease: visible again after DELAY_MS; a try that FAILED is counted */
	ORCH_QUEUE_CHECKPOINT, /* the lease keeps STEP, STEP_SENT, MEMO */
	ORCH_QUEUE_SETTLE,     /* the lease ends as END (DONE, DROPPED with REASON) */
	ORCH_QUEUE_BURY,       /* the lease goes to the dead letters with REASON and DETAIL */
	ORCH_QUEUE_REMEMBER,   /* NAMES, beside the messages of NAME, for a day from now */
	ORCH_QUEUE_RECALL,     /* which of NAMES are remembered there: KNOWN */
};

/* One operation.  The code is ORCH_E_DENIED when the lease was lost meanwhile: drop the work, it is another's. */
struct orch_queue_op {
	enum orch_queue_kind kind;
	struct orch_queue *queue;
	struct orch_lane *lane;
	void (*done)(struct orch_queue_op *op);
	int code;
	struct orch_err err;

	const struct orch_message *messages; /* PUT */
	size_t message_count;
	bool is_accepted; /* PUT: these are new arrivals, refuse those whose id or alias was seen within a day and count them */
	size_t duplicates; /* out, of an accepted PUT */

	struct orch_text name; /* RECEIVE, REMEMBER, RECALL */
	size_t max;
	uint64_t visibility_ms;    /* RECEIVE, RENEW */
	struct orch_arena *arena;  /* RECEIVE: where the leases are made */
	struct orch_lease *leases; /* out */
	size_t lease_count;

	const struct orch_lease *lease; /* the others */
	uint64_t delay_ms;
	bool failed;
	bool uncounted; /* RELEASE: this delivery does not count among the receives */
	uint32_t step;
	bool step_sent;
	struct orch_text memo;
	enum orch_end end;
	struct orch_text reason; /* short: "on_error", "bad_json" */
	struct orch_text detail; /* a sentence; no secrets, no message text */
	/* REMEMBER, RECALL.  They share their room with the ids and aliases of arrivals: derived, as those. */
	const struct orch_text *names;
	size_t name_count;
	bool *known; /* out, of RECALL, one for each name; of one that failed nothing is to be believed */

	void *user;        /* the submitter's */
	void *backend[64]; /* the backend's */
};

ORCH_MUST_USE int orch_queue_submit(
	struct orch_queue *queue, struct orch_queue_op *op, struct orch_err *err);

/*
 * A lane that submits ops or watches is attached first: before it runs, or on
 * its own thread.  It is detached after its loop has ended.
 */
ORCH_MUST_USE int orch_queue_attach(
	struct orch_queue *queue, struct orch_lane *lane, struct orch_err *err);
void orch_queue_detach(struct orch_queue *queue, struct orch_lane *lane);
/* Has all been said that is to be said after ops were done?  On the lane; a drain waits for it. */
bool orch_queue_is_idle(struct orch_queue *queue, struct orch_lane *lane);

/*
 * READY runs on LANE when NAME may have something to receive: once at first,
 * and after puts, releases, delays, ends of leases.  Who is called receives
 * until less comes than was asked for.
 */
struct orch_queue_watch {
	struct orch_text name;
	struct orch_lane *lane;
	void (*ready)(void *arg);
	void *arg;
	void *backend[32];
};
ORCH_MUST_USE int orch_queue_watch_add(struct orch_queue *queue, struct orch_queue_watch *watch);
void orch_queue_watch_remove(struct orch_queue *queue, struct orch_queue_watch *watch);

struct orch_queue_stats {
	char name[ORCH_QUEUE_NAME_BYTES];
	uint64_t waiting, leased, delayed, dead;
	uint64_t oldest_ms; /* age */
};

/*
 * accepted = done + dropped + dead + in flight, in messages: of one queue, or
 * of all.  The first three are counted in the transactions that change them;
 * dead and in flight are the rows that are really there.
 */
struct orch_ledger {
	char name[ORCH_QUEUE_NAME_BYTES]; /* empty: all queues */
	uint64_t accepted, done, dropped, dead, in_flight;
	uint64_t duplicates; /* arrivals that were answered and not accepted */
	uint64_t damaged;    /* of the dead: rows that did not open */
	int64_t imbalance;   /* accepted - done - dropped - dead - in_flight */
};

/* For commands; these wait.  Not from a lane but the main one. */
ORCH_MUST_USE int orch_queue_stats(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_queue_stats **ret_stats, size_t *ret_count, struct orch_err *err);
/* The sum first, then each queue. */
ORCH_MUST_USE int orch_queue_ledger(struct orch_queue *queue, struct orch_arena *arena,
	struct orch_ledger **ret_ledgers, size_t *ret_count, struct orch_err *err);

/*
 * Both for one who has no time to wait.  DONE runs on LANE, the main one,
 * perhaps before this returns; an error means that it will not run.  What has
 * begun must stay until then, or until LANE is detached.
 */
struct orch_queue_survey {
	struct orch_lane *lane;
	struct orch_arena *arena;
	void (*done)(struct orch_queue_survey *survey);
	int code; /* for DONE, as is what follows */
	struct orch_err err;
	struct orch_queue_stats *stats;
	size_t stats_count;
	struct orch_ledger *ledgers;
	size_t ledger_count;
	void *user;        /* the caller's */
	void *backend[72]; /* the backend's */
};
ORCH_MUST_USE int orch_queue_survey(
	struct orch_queue *queue, struct orch_queue_survey *survey, struct orch_err *err);

/* A dead or waiting message as commands show it.  BODY only on request. */
struct orch_queue_entry {
	struct orch_text queue, id, pipeline, tenant, trace, reason, detail, body;
	uint64_t row, put_ms, ended_ms;
	uint32_t receives, attempts;
	bool is_dead;
	struct orch_text state; /* "waiting", "leased", "delayed", "blocked", "dead", "damaged" */
};
struct orch_queue_filter {
	struct orch_text queue; /* empty: all */
	struct orch_text id;    /* empty: all */
	bool dead;              /* the dead letters instead of the living */
	bool with_body;
	size_t limit;
	uint64_t after_row;
};
ORCH_MUST_USE int orch_queue_peek(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err);
/*
 * Dead letters back to their queue (receives and attempts from 0, progress kept;
 * damaged ones if they open), or ended as dropped ("discarded").  LIMIT is of
 * those that are changed; 0: none.
 */
struct orch_queue_swept {
	uint64_t changed;
	uint64_t left;      /* no message of ours, damaged, or its id is in the queue again */
	uint64_t after_row; /* the last that was looked at; from there it can go on … */
	bool is_over;       /* … unless there is nothing more */
};
ORCH_MUST_USE int orch_queue_redrive(struct orch_queue *queue,
	const struct orch_queue_filter *filter, struct orch_queue_swept *ret_swept,
	struct orch_err *err);
ORCH_MUST_USE int orch_queue_discard(struct orch_queue *queue,
	const struct orch_queue_filter *filter, struct orch_queue_swept *ret_swept,
	struct orch_err *err);

/* Looks for messages that nobody could receive any more, and puts them right; now and then.  How many there were. */
ORCH_MUST_USE int orch_queue_tend(
	struct orch_queue *queue, uint64_t *ret_count, struct orch_err *err);

void orch_queue_close(struct orch_queue *queue); /* accepts NULL */

#endif
