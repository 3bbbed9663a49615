/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"

#include "base/hash.h"

#define DOUBLINGS 16 /* beyond these every base is capped */

uint64_t orch_aws_backoff_ms(uint64_t base_ms, unsigned retries)
{
	uint64_t most = base_ms << (retries < DOUBLINGS ? retries : DOUBLINGS);

	return orch_random_below((most < ORCH_AWS_BACKOFF_MS ? most : ORCH_AWS_BACKOFF_MS) + 1);
}

uint64_t orch_aws_retry_delay_ms(enum orch_aws_failure failure, unsigned retries, uint64_t hint_ms)
{
	uint64_t base =
		failure == ORCH_AWS_THROTTLED ? ORCH_AWS_BASE_THROTTLED_MS : ORCH_AWS_BASE_MS;
	uint64_t delay = orch_aws_backoff_ms(base, retries);

	if (hint_ms <= delay)
		return delay;
	return hint_ms < delay + ORCH_AWS_HINT_MS ? hint_ms : delay + ORCH_AWS_HINT_MS;
}

bool orch_aws_is_retried(enum orch_aws_failure failure)
{
	return failure == ORCH_AWS_THROTTLED || failure == ORCH_AWS_TRANSIENT;
}

unsigned orch_aws_quota_pay(struct orch_aws_quota *quota, enum orch_aws_failure failure)
{
	unsigned cost = failure == ORCH_AWS_THROTTLED ? ORCH_AWS_COST_THROTTLED : ORCH_AWS_COST;

	if (quota->tokens < cost)
		return 0;
	quota->tokens -= cost;
	return cost;
}

void orch_aws_quota_return(struct orch_aws_quota *quota, unsigned paid)
{
	unsigned gain = paid > 0 ? paid : ORCH_AWS_GAIN;

	quota->tokens =
		quota->tokens + gain < ORCH_AWS_QUOTA ? quota->tokens + gain : ORCH_AWS_QUOTA;
}
