/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"

static void test_memory_is_zeroed(void **state)
{
	unsigned char *bytes = orch_alloc(1000);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(bytes[i], 0);
	orch_free(bytes);
}

static void test_nothing_is_still_memory(void **state)
{
	void *none = orch_alloc(0);
	void *array = orch_alloc_array(0, 8);

	(void)state;
	assert_non_null(none);
	assert_non_null(array);
	none = orch_realloc(none, 0);
	assert_non_null(none);
	orch_free(none);
	orch_free(array);
	orch_free(NULL);
}

static void test_an_array_too_large_to_count_is_refused(void **state)
{
	/* Known only when it runs, or the compiler would refuse it for us. */
	volatile size_t huge = SIZE_MAX / 2;

	(void)state;
	assert_null(orch_alloc_array(huge, 4));
}

static void test_realloc_keeps_the_bytes(void **state)
{
	char *text = orch_strdup("keep me");

	(void)state;
	assert_non_null(text);
	text = orch_realloc(text, 100000);
	assert_non_null(text);
	assert_string_equal(text, "keep me");
	orch_free(text);
}

static void test_the_nth_call_fails_and_only_it(void **state)
{
	void *memory;

	(void)state;
	orch_alloc_fail_at(3, 0);
	memory = orch_alloc(1);
	assert_non_null(memory);
	orch_free(memory);
	memory = orch_strdup("x");
	assert_non_null(memory);
	assert_null(orch_realloc(memory, 10));
	orch_free(memory);
	memory = orch_alloc(1);
	assert_non_null(memory);
	orch_free(memory);
	orch_alloc_fail_at(0, 0);
}

static void test_all_calls_fail_for_ever_until_told_otherwise(void **state)
{
	void *memory;

	(void)state;
	orch_alloc_fail_at(1, 1);
	for (int i = 0; i < 5; i++)
		assert_null(orch_alloc(1));
	orch_alloc_fail_at(0, 0);
	memory = orch_alloc(1);
	assert_non_null(memory);
	orch_free(memory);
}

static void test_every_call_is_counted(void **state)
{
	uint64_t before = orch_alloc_count();
	void *memory = orch_alloc(1);

	(void)state;
	memory = orch_realloc(memory, 2);
	orch_free(memory);
	orch_free(orch_alloc_array(2, 2));
	assert_int_equal(orch_alloc_count() - before, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed),
		cmocka_unit_test(test_nothing_is_still_memory),
		cmocka_unit_test(test_an_array_too_large_to_count_is_refused),
		cmocka_unit_test(test_realloc_keeps_the_bytes),
		cmocka_unit_test(test_the_nth_call_fails_and_only_it),
		cmocka_unit_test(test_all_calls_fail_for_ever_until_told_otherwise),
		cmocka_unit_test(test_every_call_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
