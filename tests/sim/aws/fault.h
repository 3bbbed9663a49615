/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to go wrong: rules, each of one kind, for some actions, with a
 * probability, and perhaps only so often or for so long.
 *
 * The first group decides over a whole request, and one of them at most hits
 * it.  The second group is asked at its own place, some of it once for each
 * entry of a batch; those add up.
 */
#ifndef AWS_FAULT_H
#define AWS_FAULT_H
#include "sim/aws/dice.h"
#include "sim/aws/error.h"
#include "sim/jsonx.h"

#define AWS_FAULTS_MAX 256
#define AWS_FAULT_MS_MAX 3600000
#define AWS_FAULT_NAME_SIZE 132

enum aws_fault_kind {
	AWS_FAULT_NONE = 0,
	/* Of the whole request; with "after" when it has taken effect. */
	AWS_FAULT_HTTP,
	AWS_FAULT_ERROR,
	AWS_FAULT_THROTTLE,
	AWS_FAULT_DENIED,
	AWS_FAULT_GONE,
	AWS_FAULT_OVER_LIMIT,
	AWS_FAULT_EXPIRED,
	AWS_FAULT_RESET,
	AWS_FAULT_STALL,
	AWS_FAULT_SLOW,
	AWS_FAULT_TRUNCATE,
	AWS_FAULT_HALF,
	AWS_FAULT_CUT,
	AWS_FAULT_GARBAGE,
	AWS_FAULT_OF_REQUEST_LAST = AWS_FAULT_GARBAGE,
	/* Of a part of it. */
	AWS_FAULT_SHUFFLE,
	AWS_FAULT_EMPTY,
	AWS_FAULT_DISHONEST,
	AWS_FAULT_REORDER,
	AWS_FAULT_PARTIAL,
	AWS_FAULT_OMIT,
	AWS_FAULT_MD5,
	AWS_FAULT_DUPLICATE,
	AWS_FAULT_UNDEAD,
	AWS_FAULT_EARLY,
	AWS_FAULT_LEASE,
	AWS_FAULT_LOST,
	AWS_FAULT_DISORDER,
	AWS_FAULT_SHARD,
	AWS_FAULT_KINDS,
};

struct aws_fault {
	uint64_t number;
	enum aws_fault_kind kind;
	uint64_t actions;                 /* a bit for each, by its place in the table */
	char action[AWS_FAULT_NAME_SIZE]; /* as it was told */
	char on[AWS_FAULT_NAME_SIZE];     /* a queue or a stream; empty: any */
	char shard[32];                   /* the shard's id; empty: any */
	uint64_t threshold;               /* hits if a throw is not above it */
	int64_t left;                     /* how often it still happens; negative: always */
	int64_t skip;                     /* so many pass first */
	uint64_t until_ms;                /* of the cloud's clock; 0: no end */
	uint64_t hits;
	int status; /* 0: what is usual */
	char code[AWS_CODE_SIZE];
	char message[128];
	uint64_t ms;
	uint64_t retry_after_s;
	enum aws_spelling spelling;
	bool after, sender_fault;
};

struct aws_faults {
	struct aws_fault list[AWS_FAULTS_MAX];
	size_t count;
	size_t rules[AWS_FAULT_KINDS];  /* how many of each kind there are */
	uint64_t hits[AWS_FAULT_KINDS]; /* since the start or the last reset */
	uint64_t last_number;
	struct aws_dice *dice;
};

/* Whom a rule may hit. */
struct aws_target {
	uint64_t action;     /* its one bit */
	struct orch_text on; /* the queue or the stream; empty: none */
	const char *shard;   /* NULL: this is not about one */
	uint64_t now_ms;
};

/* Reads the members that the README names.  ORCH_E_INVALID or LIMIT with the reason in ERR. */
ORCH_MUST_USE int aws_faults_add(struct aws_faults *faults, struct json_object *args,
	uint64_t now_ms, uint64_t *ret_number, struct orch_err *err);
/* "http,p=0.1,status=503": a kind and its members, as on the command line. */
ORCH_MUST_USE int aws_faults_add_text(
	struct aws_faults *faults, struct orch_text text, uint64_t now_ms, struct orch_err *err);
/* NUMBER 0: all.  How many went. */
size_t aws_faults_remove(struct aws_faults *faults, uint64_t number);
void aws_faults_clear(struct aws_faults *faults); /* the hits, too */
/* What hits the whole request; kind NONE: nothing. */
struct aws_fault aws_faults_take(struct aws_faults *faults, const struct aws_target *target);
/* Does one of KIND hit?  RET_FAULT may be NULL. */
bool aws_faults_hit(struct aws_faults *faults, enum aws_fault_kind kind,
	const struct aws_target *target, struct aws_fault *ret_fault);
struct json_object *aws_faults_show(const struct aws_faults *faults);
struct json_object *aws_faults_show_hits(const struct aws_faults *faults);
const char *aws_fault_name(enum aws_fault_kind kind);

#endif
