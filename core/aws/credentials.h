/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are.
 *
 * A chain of sources is asked in the order of AWS's SDKs; the first that is
 * configured answers or fails, and no later one takes its place, so that a
 * fault never makes us somebody else.  What came with an expiry is asked for
 * again before it; until that succeeds the old ones go on being used.
 *
 * The keeper works on the account's lane alone; what it keeps is counted and
 * swapped under its lock, for calls of all lanes.
 */
#ifndef ORCH_AWS_CREDENTIALS_H
#define ORCH_AWS_CREDENTIALS_H
#include "aws/account.h"
#include "net/bell.h"

#define ORCH_AWS_KEY_ID_BYTES 128         /* of an access key id, at most */
#define ORCH_AWS_TOKEN_BYTES 8192         /* of a session token, at most */
#define ORCH_AWS_AHEAD_MS (5 * 60 * 1000) /* so long before their expiry they are refreshed, */
#define ORCH_AWS_JITTER_MS (60 * 1000)    /* or up to this much earlier */
#define ORCH_AWS_AGAIN_MS (5 * 60 * 1000) /* and so long, up to twice, after a failure; */
#define ORCH_AWS_URGENT_MS (5 * 1000)  /* up to three times this when there are none that count */
#define ORCH_AWS_FORCED_MS (30 * 1000) /* between two refreshes that refused calls ask for */

struct orch_aws_credentials {
	atomic_uint count;
	uint64_t generation; /* 1, 2, … of this account */
	uint64_t expires_ms; /* 0: never */
	const char *source;  /* "the environment", "the instance", …; static */
	char access_key_id[ORCH_AWS_KEY_ID_BYTES + 1];
	struct orch_secret *secret_access_key;
	struct orch_secret *session_token; /* NULL: none */
};

/* As a source has them. */
struct orch_aws_raw {
	struct orch_text access_key_id, secret_access_key, session_token;
	struct orch_text expiration; /* "2026-11-21T03:00:00Z"; empty: never */
	const char *source;
};

/* Copies.  What could break a header or a scope is refused, without being shown. */
ORCH_MUST_USE int orch_aws_credentials_create(const struct orch_aws_raw *raw,
	struct orch_aws_credentials **ret_credentials, struct orch_err *err);
struct orch_aws_credentials *orch_aws_credentials_ref(struct orch_aws_credentials *credentials);
void orch_aws_credentials_unref(struct orch_aws_credentials *credentials); /* accepts NULL */
bool orch_aws_credentials_equal(
	const struct orch_aws_credentials *a, const struct orch_aws_credentials *b);
/* RFC 3339 in UTC.  ORCH_E_INVALID otherwise. */
ORCH_MUST_USE int orch_aws_parse_time(struct orch_text text, uint64_t *ret_ms);

/* A client that waits; in the keeper's list for as long as it lives. */
struct orch_aws_waiter {
	struct orch_aws_waiter *prev, *next;
	struct orch_bell bell; /* rung whenever a search has ended */
};

ORCH_MUST_USE int orch_aws_keeper_create(
	struct orch_aws *aws, struct orch_aws_keeper **ret_keeper, struct orch_err *err);
void orch_aws_keeper_destroy(struct orch_aws_keeper *keeper); /* accepts NULL */

/* All from any thread. */
void orch_aws_keeper_add(struct orch_aws_keeper *keeper, struct orch_aws_waiter *waiter);
void orch_aws_keeper_remove(struct orch_aws_keeper *keeper, struct orch_aws_waiter *waiter);
/*
 * The current ones, counted for the caller, unless the service has REFUSED
 * those of this generation (0: none).  ORCH_E_AGAIN: a search is under way and
 * the bells will ring; ORCH_E_DENIED: there are none, and ERR says why.
 */
ORCH_MUST_USE int orch_aws_keeper_take(struct orch_aws_keeper *keeper, uint64_t refused,
	struct orch_aws_credentials **ret_credentials, struct orch_err *err);
/* The service does not accept those of GENERATION: others are looked for, now and then. */
void orch_aws_keeper_refuse(struct orch_aws_keeper *keeper, uint64_t generation);
bool orch_aws_keeper_is_ready(struct orch_aws_keeper *keeper, struct orch_err *err);

#endif
