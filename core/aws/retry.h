/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a call is tried again: the rules of AWS's SDKs of 2026.  Full jitter, a
 * hint of the server within bounds, and a quota that retries draw on and
 * successes fill, so that an outage is not answered by a flood.  Pure.
 */
#ifndef ORCH_AWS_RETRY_H
#define ORCH_AWS_RETRY_H
#include <orch/abi.h>
#include "aws/aws.h"

#define ORCH_AWS_BASE_MS 50             /* the first backoff after a fault, at most, */
#define ORCH_AWS_BASE_THROTTLED_MS 1000 /* and after too many requests; then twice as long each, */
#define ORCH_AWS_BACKOFF_MS (20 * 1000) /* up to this */
#define ORCH_AWS_HINT_MS (5 * 1000)     /* a server may ask for so much more than our backoff */
#define ORCH_AWS_QUOTA 500
#define ORCH_AWS_COST 14
#define ORCH_AWS_COST_THROTTLED 5
#define ORCH_AWS_GAIN 1 /* of a success at the first attempt */

/* Anything from 0 to BASE_MS * 2^RETRIES, capped. */
uint64_t orch_aws_backoff_ms(uint64_t base_ms, unsigned retries);
/* The same for a FAILURE, with the server's hint (0: none). */
uint64_t orch_aws_retry_delay_ms(enum orch_aws_failure failure, unsigned retries, uint64_t hint_ms);

struct orch_aws_quota {
	unsigned tokens;
};

bool orch_aws_is_retried(enum orch_aws_failure failure);
/* Pays for a retry and gives what it cost; 0: there is not enough. */
unsigned orch_aws_quota_pay(struct orch_aws_quota *quota, enum orch_aws_failure failure);
/* A call came through; its last retry cost PAID (0: it needed none). */
void orch_aws_quota_return(struct orch_aws_quota *quota, unsigned paid);

#endif
