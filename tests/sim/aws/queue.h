/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue: what is ready, what is on its way, and when it is to be seen again.
 *
 * Pure state; no socket, no timer.  NOW_MS is the cloud's clock, which never
 * goes back.  A message is ready, delayed or flying (received and not yet
 * deleted); the two last are in a heap by when they come due, and all are in
 * one by when their retention ends, so that nothing here takes longer the more
 * messages there are.
 */
#ifndef AWS_QUEUE_H
#define AWS_QUEUE_H
#include "sim/aws/attributes.h"
#include "sim/aws/message.h"
#include "base/map.h"
#include "net/lane.h"

#define AWS_DEDUP_MS (5 * 60 * 1000)

struct aws_group { /* of a FIFO queue: only the first of it that is not flying may go */
	TAILQ_ENTRY(aws_group) next;
	char name[AWS_GROUP_SIZE];
	struct aws_messages messages; /* in order; flying ones, too */
	size_t flying;
	bool is_ready; /* in the queue's list */
};
TAILQ_HEAD(aws_groups, aws_group);

struct aws_dedup { /* what was sent lately to a FIFO queue */
	TAILQ_ENTRY(aws_dedup) next;
	char *id;
	uint64_t entry, sequence, until_ms;
};
TAILQ_HEAD(aws_dedups, aws_dedup);

struct aws_poll;
TAILQ_HEAD(aws_polls, aws_poll);

struct aws_queue {
	char name[AWS_QUEUE_NAME_SIZE];
	struct aws_attributes attributes;
	struct aws_ledger *ledger;
	struct aws_tally *tally;
	struct aws_messages ready; /* of a standard queue, the oldest first */
	struct aws_heap due, expiry;
	size_t ready_count, delayed_count, flying_count;
	struct orch_map *groups; /* of a FIFO queue */
	struct aws_groups ready_groups;
	struct orch_map *dedup_by_id;
	struct aws_dedups dedups; /* the oldest first */
	uint64_t last_sequence;
	uint64_t created_ms, changed_ms; /* wall clock */
	uint64_t purged_ms;              /* the cloud's; 0: never */
	/* Who waits for messages; see receive.c. */
	struct aws_polls polls;
	size_t poll_count;
	struct orch_timer timer; /* for what comes due while somebody waits */
	bool has_timer;
};

/* NULL: no memory.  Takes ATTRIBUTES over if it succeeds. */
struct aws_queue *aws_queue_create(
	struct orch_text name, struct aws_attributes *attributes, struct aws_ledger *ledger);
/* Its messages meet FATE.  Nobody may wait any more. */
void aws_queue_destroy(struct aws_queue *queue, enum aws_fate fate, uint64_t wall_ms);

size_t aws_queue_count(const struct aws_queue *queue);
/* MESSAGE has its entry and times, and for a FIFO queue GROUP is its name; ORCH_E_NOMEM or LIMIT: it is not in. */
ORCH_MUST_USE int aws_queue_add(struct aws_queue *queue, struct aws_message *message,
	const char *group, uint64_t delay_ms, uint64_t now_ms);
/* What is due becomes ready, what is too old goes. */
void aws_queue_settle(struct aws_queue *queue, uint64_t now_ms, uint64_t wall_ms);
/* When the next one comes due; UINT64_MAX: none will. */
uint64_t aws_queue_next_due(const struct aws_queue *queue);

/*
 * The next one to be received, NULL: none is ready.  BEFORE is the last one
 * that the same receive took, or NULL: of a FIFO group several may go at once.
 */
struct aws_message *aws_queue_next(
	struct aws_queue *queue, const struct aws_message *before, bool newest_first);
/* A ready one goes out, until UNTIL_MS; a flying one stays out until then. */
void aws_queue_hide(struct aws_message *message, uint64_t until_ms);
/* It is to be seen again at once. */
void aws_queue_show(struct aws_message *message);
/* Out of the queue, and destroyed. */
void aws_queue_remove(struct aws_message *message, enum aws_fate fate, uint64_t wall_ms);
/* Out of the queue, to be added elsewhere. */
void aws_queue_take(struct aws_message *message);

/* NULL: DEDUP_ID was not sent within the last five minutes. */
struct aws_dedup *aws_queue_find_dedup(
	struct aws_queue *queue, struct orch_text dedup_id, uint64_t now_ms);
ORCH_MUST_USE int aws_queue_add_dedup(
	struct aws_queue *queue, const struct aws_message *message, uint64_t now_ms);

#endif
