/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/map.h"
#include "base/text.h"

static struct orch_text key_of(char buffer[16], size_t i)
{
	(void)snprintf(buffer, 16, "key-%zu", i);
	return orch_text_from(buffer);
}

static void test_what_was_set_is_got(void **state)
{
	struct orch_map *map = orch_map_create();
	int a = 1;
	int b = 2;

	(void)state;
	assert_null(orch_map_get(map, ORCH_TEXT("a")));
	assert_int_equal(orch_map_set(map, ORCH_TEXT("a"), &a), 0);
	assert_int_equal(orch_map_set(map, ORCH_TEXT(""), &b), 0);
	assert_ptr_equal(orch_map_get(map, ORCH_TEXT("a")), &a);
	assert_ptr_equal(orch_map_get(map, ORCH_TEXT("")), &b);
	assert_null(orch_map_get(map, ORCH_TEXT("a\0")));
	assert_int_equal(orch_map_set(map, ORCH_TEXT("a"), &b), 0);
	assert_ptr_equal(orch_map_get(map, ORCH_TEXT("a")), &b);
	assert_int_equal(orch_map_count(map), 2);
	orch_map_destroy(map, NULL);
}

static void test_keys_are_copied(void **state)
{
	struct orch_map *map = orch_map_create();
	char key[] = "abc";
	int value = 1;

	(void)state;
	assert_int_equal(orch_map_set(map, orch_text_from(key), &value), 0);
	key[0] = 'x';
	assert_ptr_equal(orch_map_get(map, ORCH_TEXT("abc")), &value);
	orch_map_destroy(map, NULL);
}

static void test_thousands_come_and_go(void **state)
{
	struct orch_map *map = orch_map_create();
	static int values[5000];
	char key[16];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 5000; i++)
			assert_int_equal(orch_map_set(map, key_of(key, i), &values[i]), 0);
		for (size_t i = 0; i < 5000; i += 2)
			assert_ptr_equal(orch_map_remove(map, key_of(key, i)), &values[i]);
		assert_int_equal(orch_map_count(map), 2500);
		for (size_t i = 0; i < 5000; i++)
			assert_ptr_equal(
				orch_map_get(map, key_of(key, i)), i % 2 ? &values[i] : NULL);
	}
	assert_null(orch_map_remove(map, ORCH_TEXT("never there")));
	orch_map_destroy(map, NULL);
}

/* A queue of ids is the worst for tombstones: what comes in goes soon, for ever. */
static void test_a_steady_stream_needs_no_growing_memory(void **state)
{
	struct orch_map *map = orch_map_create();
	int value = 1;
	char key[16];

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		assert_int_equal(orch_map_set(map, key_of(key, i), &value), 0);
		assert_ptr_equal(orch_map_remove(map, key_of(key, i)), &value);
		assert_null(orch_map_get(map, key_of(key, i)));
	}
	assert_int_equal(orch_map_count(map), 0);
	orch_map_destroy(map, NULL);
}

static void test_a_walk_meets_each_once_and_may_remove(void **state)
{
	struct orch_map *map = orch_map_create();
	int values[100] = { 0 };
	struct orch_text found;
	size_t cursor = 0;
	size_t met = 0;
	char key[16];
	void *value;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(orch_map_set(map, key_of(key, i), &values[i]), 0);
	while (orch_map_next(map, &cursor, &found, &value)) {
		(*(int *)value)++;
		met++;
		if (met % 2)
			assert_ptr_equal(orch_map_remove(map, found), value);
	}
	assert_int_equal(met, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(values[i], 1);
	assert_int_equal(orch_map_count(map), 50);
	orch_map_destroy(map, NULL);
}

static void count_up(void *value)
{
	(*(int *)value)++;
}

static void test_destroy_finishes_what_is_left(void **state)
{
	struct orch_map *map = orch_map_create();
	int values[3] = { 0 };

	(void)state;
	assert_int_equal(orch_map_set(map, ORCH_TEXT("a"), &values[0]), 0);
	assert_int_equal(orch_map_set(map, ORCH_TEXT("b"), &values[1]), 0);
	assert_int_equal(orch_map_set(map, ORCH_TEXT("c"), &values[2]), 0);
	(void)orch_map_remove(map, ORCH_TEXT("b"));
	orch_map_destroy(map, count_up);
	assert_int_equal(values[0], 1);
	assert_int_equal(values[1], 0);
	assert_int_equal(values[2], 1);
	orch_map_destroy(NULL, count_up);
}

static void test_without_memory_the_map_stays_as_it_was(void **state)
{
	struct orch_map *map = orch_map_create();
	int value = 1;
	char key[16];
	size_t set = 0;

	(void)state;
	orch_alloc_fail_at(10, 1);
	for (size_t i = 0; i < 100; i++)
		set += orch_map_set(map, key_of(key, i), &value) == ORCH_OK;
	orch_alloc_fail_at(0, 0);
	assert_true(set > 0 && set < 100);
	assert_int_equal(orch_map_count(map), set);
	for (size_t i = 0; i < 100; i++)
		assert_ptr_equal(orch_map_get(map, key_of(key, i)), i < set ? &value : NULL);
	orch_map_destroy(map, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_set_is_got),
		cmocka_unit_test(test_keys_are_copied),
		cmocka_unit_test(test_thousands_come_and_go),
		cmocka_unit_test(test_a_steady_stream_needs_no_growing_memory),
		cmocka_unit_test(test_a_walk_meets_each_once_and_may_remove),
		cmocka_unit_test(test_destroy_finishes_what_is_left),
		cmocka_unit_test(test_without_memory_the_map_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
