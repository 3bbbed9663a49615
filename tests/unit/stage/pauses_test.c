/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/pauses.h"

#include "../../support/text_assert.h"
#include "base/text.h"
#include "stage/leases.h"

static void test_a_pause_holds_only_its_own_key(void **state)
{
	struct orch_pauses *pauses = orch_pauses_create();

	(void)state;
	assert_non_null(pauses);
	orch_pauses_set(pauses, ORCH_TEXT("a"), 60000);
	assert_in_range(orch_pauses_left_ms(pauses, ORCH_TEXT("a")), 1, 60000);
	assert_int_equal(orch_pauses_left_ms(pauses, ORCH_TEXT("b")), 0);
	assert_int_equal(orch_pauses_left_ms(pauses, ORCH_TEXT_NONE), 0);
	orch_pauses_destroy(pauses);
}

static void test_a_shorter_pause_does_not_end_a_longer_one(void **state)
{
	struct orch_pauses *pauses = orch_pauses_create();

	(void)state;
	orch_pauses_set(pauses, ORCH_TEXT("a"), 60000);
	orch_pauses_set(pauses, ORCH_TEXT("a"), 1);
	assert_in_range(orch_pauses_left_ms(pauses, ORCH_TEXT("a")), 50000, 60000);
	orch_pauses_destroy(pauses);
}

static void test_the_keys_are_bounded(void **state)
{
	struct orch_pauses *pauses = orch_pauses_create();
	char key[16];

	(void)state;
	for (int i = 0; i < ORCH_PAUSES_MAX + 1; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		orch_pauses_set(pauses, orch_text_from(key), 60000);
	}
	assert_in_range(orch_pauses_count(pauses), ORCH_PAUSES_MAX - 1, ORCH_PAUSES_MAX);
	assert_in_range(orch_pauses_left_ms(pauses, orch_text_from(key)), 1, 60000);
	orch_pauses_destroy(pauses);
}

static void test_backoff_is_at_least_a_moment_and_at_most_the_cap(void **state)
{
	(void)state;
	for (uint32_t attempt = 0; attempt < 100; attempt++)
		assert_in_range(orch_backoff_ms(attempt, 1000, 5000), 1, 5000);
	for (int i = 0; i < 100; i++)
		assert_in_range(orch_backoff_ms(0, 1000, 300000), 1, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pause_holds_only_its_own_key),
		cmocka_unit_test(test_a_shorter_pause_does_not_end_a_longer_one),
		cmocka_unit_test(test_the_keys_are_bounded),
		cmocka_unit_test(test_backoff_is_at_least_a_moment_and_at_most_the_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
