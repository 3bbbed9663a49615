/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to queue/sqs_source.c and sqs_haul.c. */
#ifndef ORCH_QUEUE_SQS_SOURCE_H
#define ORCH_QUEUE_SQS_SOURCE_H
#include "queue/sqs.h"

/* Where one lane receives one queue. */
struct orch_sqs_source {
	TAILQ_ENTRY(orch_sqs_source) link;
	struct orch_sqs_lane *lane;
	struct orch_sqs_name *name;
	struct orch_queue_watch *watch;    /* NULL: removed */
	struct orch_queue_op *op;          /* the receive that waits */
	TAILQ_HEAD(, orch_sqs_haul) hauls; /* under way, and such that have leases left */
	unsigned polls;                    /* of them, those that are under way */
	unsigned wanted;                   /* at once: more while they come back full */
	unsigned failures;                 /* in a row */
	struct orch_job job;
	bool is_posted;
	bool is_asked;           /* without a watch: one poll is due */
	struct orch_timer retry; /* after a poll that failed */
	struct orch_timer stale; /* leases that nobody takes go back */
};

/* One delivery. */
struct orch_sqs_delivery {
	struct orch_text receipt;
	struct orch_sqs_body body;
	struct orch_text text;  /* as SQS carried it */
	struct orch_text plain; /* its body, opened; PTR NULL: it did not open */
	struct orch_text sqs_id;
	bool was_aside;            /* it comes from the dead letters, by AWS's own tools … */
	struct orch_text aside_id; /* … and had this name there */
	const char *reason;        /* not NULL: it is none of ours */
	struct orch_err why;
	struct orch_pg_claim *claim;
};

/* One poll, and what it brought. */
struct orch_sqs_haul {
	TAILQ_ENTRY(orch_sqs_haul) link;
	struct orch_sqs_source *source;
	struct orch_arena *arena;
	struct orch_aws_call call;
	struct orch_sqs_delivery *deliveries;
	size_t count;
	size_t received; /* messages in the answer */
	struct orch_pg_claiming claiming;
	struct orch_db_group group;
	struct orch_lease *leases;
	size_t lease_count, taken;
	uint64_t landed_ms; /* monotonic; 0: under way */
	bool is_flying;     /* the call or the claim is */
	enum orch_aws_failure failure;
};

/* sqs_haul.c */
/* NULL: no memory.  ORCH_SQS_SOURCE_LANDED runs later. */
struct orch_sqs_haul *orch_sqs_haul_begin(struct orch_sqs_source *source, size_t most);
/* Leases that nobody took go back. */
void orch_sqs_haul_release(struct orch_sqs_haul *haul);
void orch_sqs_haul_free(struct orch_sqs_haul *haul);

/* sqs_alien.c: what is none of ours goes to the dead letters, with its reason. */
void orch_sqs_bury_alien(struct orch_sqs_source *source, const struct orch_sqs_delivery *delivery);
/* A dead letter that AWS's own tools have moved back. */
void orch_sqs_revive(struct orch_sqs_source *source, const struct orch_sqs_delivery *delivery);

#endif
