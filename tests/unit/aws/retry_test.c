/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"
#include "support/text_assert.h"

#define DRAWS 2000

/* Of many draws. */
struct range {
	uint64_t least, most;
};

static struct range draw(enum orch_aws_failure failure, unsigned retries, uint64_t hint_ms)
{
	struct range range = { UINT64_MAX, 0 };

	for (int i = 0; i < DRAWS; i++) {
		uint64_t ms = orch_aws_retry_delay_ms(failure, retries, hint_ms);

		range.least = ms < range.least ? ms : range.least;
		range.most = ms > range.most ? ms : range.most;
	}
	return range;
}

static void test_backoffs_double_with_full_jitter_up_to_a_cap(void **state)
{
	static const struct {
		enum orch_aws_failure failure;
		unsigned retries;
		uint64_t most;
	} rows[] = { { ORCH_AWS_TRANSIENT, 0, 50 }, { ORCH_AWS_TRANSIENT, 1, 100 },
		{ ORCH_AWS_TRANSIENT, 4, 800 }, { ORCH_AWS_THROTTLED, 0, 1000 },
		{ ORCH_AWS_THROTTLED, 1, 2000 }, { ORCH_AWS_THROTTLED, 5, 20000 },
		{ ORCH_AWS_TRANSIENT, 1000000, 20000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct range range = draw(rows[i].failure, rows[i].retries, 0);

		assert_in_range(range.most, rows[i].most * 9 / 10, rows[i].most);
		assert_true(range.least <= rows[i].most / 10);
	}
}

static void test_a_servers_hint_counts_within_bounds(void **state)
{
	struct range range;

	(void)state;
	range = draw(ORCH_AWS_TRANSIENT, 0, 3000);
	assert_int_equal(range.least, 3000);
	assert_int_equal(range.most, 3000);
	range = draw(ORCH_AWS_TRANSIENT, 0, 3600 * 1000);
	assert_in_range(range.least, ORCH_AWS_HINT_MS, ORCH_AWS_HINT_MS + 5);
	assert_in_range(range.most, ORCH_AWS_HINT_MS + 45, ORCH_AWS_HINT_MS + 50);
	range = draw(ORCH_AWS_TRANSIENT, 0, 1);
	assert_in_range(range.most, 45, 50);
}

static unsigned retries_until_empty(struct orch_aws_quota *quota, enum orch_aws_failure failure)
{
	unsigned count = 0;

	while (orch_aws_quota_pay(quota, failure) > 0)
		count++;
	return count;
}

static void test_the_quota_bounds_retries_and_successes_fill_it(void **state)
{
	struct orch_aws_quota quota = { ORCH_AWS_QUOTA };

	(void)state;
	assert_int_equal(retries_until_empty(&quota, ORCH_AWS_TRANSIENT), 500 / 14);
	assert_int_equal(retries_until_empty(&quota, ORCH_AWS_THROTTLED), 500 % 14 / 5);
	assert_int_equal(quota.tokens, 500 % 14 % 5);
	orch_aws_quota_return(&quota, 14);
	assert_int_equal(orch_aws_quota_pay(&quota, ORCH_AWS_TRANSIENT), 14);
	assert_int_equal(orch_aws_quota_pay(&quota, ORCH_AWS_TRANSIENT), 0);
	for (int i = 0; i < 5; i++)
		orch_aws_quota_return(&quota, 0);
	assert_int_equal(orch_aws_quota_pay(&quota, ORCH_AWS_THROTTLED), 5);
	for (int i = 0; i < 1000; i++)
		orch_aws_quota_return(&quota, 14);
	assert_int_equal(quota.tokens, ORCH_AWS_QUOTA);
}

static void test_only_what_may_pass_is_retried(void **state)
{
	(void)state;
	assert_true(orch_aws_is_retried(ORCH_AWS_THROTTLED));
	assert_true(orch_aws_is_retried(ORCH_AWS_TRANSIENT));
	assert_false(orch_aws_is_retried(ORCH_AWS_LEASE));
	assert_false(orch_aws_is_retried(ORCH_AWS_SETTING));
	assert_false(orch_aws_is_retried(ORCH_AWS_PAYLOAD));
	assert_false(orch_aws_is_retried(ORCH_AWS_BUG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoffs_double_with_full_jitter_up_to_a_cap),
		cmocka_unit_test(test_a_servers_hint_counts_within_bounds),
		cmocka_unit_test(test_the_quota_bounds_retries_and_successes_fill_it),
		cmocka_unit_test(test_only_what_may_pass_is_retried),
	};

	return cmocka_run_group_tests_name("aws_retry", tests, NULL, NULL);
}
