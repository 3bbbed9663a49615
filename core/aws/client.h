/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a lane's client share, and nobody else includes.
 *
 *   client.c   its life, and the calls that wait or sleep
 *   call.c     one call: its attempts, what they come to, and whether there is another
 *   request.c  what is sent
 */
#ifndef ORCH_AWS_CLIENT_H
#define ORCH_AWS_CLIENT_H
#include "aws/credentials.h"
#include "aws/retry.h"

#define ORCH_AWS_SKEW_MS \
	(4 * 60 * 1000) /* from here on the clock may be what is wrong with a signature */
#define ORCH_AWS_SKEW_STEP_MS \
	(60 * 1000) /* or if it turned out that far from what was signed with */

struct orch_aws_client {
	struct orch_aws *aws;
	enum orch_aws_service service;
	struct orch_lane *lane;
	struct orch_http_client *http;
	struct orch_timer timer; /* of the call that is to be woken first */
	struct orch_aws_waiter waiter;
	struct orch_aws_call *calls; /* all that are under way */
	struct orch_aws_quota quota;
	struct orch_aws_date date; /* of the last answer */
	unsigned depth;            /* of our own calls of DONE: the client outlasts them */
	bool is_gone;              /* destroyed while DEPTH > 0 */
};

enum orch_aws_state {
	ORCH_AWS_WAITING = 0, /* for credentials */
	ORCH_AWS_SLEEPING,    /* until the next attempt */
	ORCH_AWS_FLYING,
	ORCH_AWS_ENDING, /* it has failed, and sleeps until that is told */
};

/* A call's private part. */
struct orch_aws_progress {
	struct orch_aws_client *client; /* NULL: not under way */
	struct orch_aws_call *prev, *next;
	enum orch_aws_state state;
	uint64_t wake_ms;
	struct orch_http_flight *flight;
	uint64_t generation,
		refused;   /* of the credentials that it was signed with; that AWS refused */
	int64_t offset_ms; /* of the clock that it was signed by */
	unsigned retries, paid;
	bool has_refreshed, has_corrected;
};

static inline struct orch_aws_progress *orch_aws_progress(struct orch_aws_call *call)
{
	return (struct orch_aws_progress *)(void *)call->private_part;
}

/* client.c */
void orch_aws_client_enter(struct orch_aws_client *client);
void orch_aws_client_leave(struct orch_aws_client *client); /* it may be gone then */
/* Wakes CALL, which is in STATE until then, in the loop's next turn at the earliest. */
void orch_aws_client_sleep(
	struct orch_aws_call *call, enum orch_aws_state state, uint64_t delay_ms);

/* call.c */
void orch_aws_call_attempt(struct orch_aws_call *call);
void orch_aws_call_finish(struct orch_aws_call *call);
void orch_aws_call_drop(struct orch_aws_call *call); /* without its DONE */

/* request.c: signed with CREDENTIALS, now. */
ORCH_MUST_USE int orch_aws_request_send(struct orch_aws_call *call,
	const struct orch_aws_credentials *credentials,
	void (*done)(void *call, const struct orch_http_result *result), struct orch_err *err);

#endif
