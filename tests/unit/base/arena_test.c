/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/text.h"

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	static const size_t sizes[] = { 0, 1, 7, 16, 100, 1023, 1025, 4096, 20000, 100000, 1 };

	(void)state;
	for (size_t round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned char *bytes = orch_arena_alloc(arena, sizes[i]);

			assert_non_null(bytes);
			assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(bytes[k], 0);
			memset(bytes, 0xff, sizes[i]);
		}
	}
	assert_false(orch_arena_failed(arena));
	orch_arena_destroy(arena);
}

static void test_small_pieces_share_calls_for_memory(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	uint64_t before = orch_alloc_count();

	(void)state;
	for (size_t i = 0; i < 10000; i++)
		assert_non_null(orch_arena_alloc(arena, 32));
	assert_true(orch_alloc_count() - before < 12);
	orch_arena_destroy(arena);
}

static void test_the_limit_holds_to_the_byte(void **state)
{
	struct orch_arena *arena = orch_arena_create(64);

	(void)state;
	assert_non_null(orch_arena_alloc(arena, 32));
	assert_non_null(orch_arena_alloc(arena, 32));
	assert_int_equal(orch_arena_used(arena), 64);
	assert_false(orch_arena_failed(arena));
	assert_null(orch_arena_alloc(arena, 1));
	assert_true(orch_arena_failed(arena));
	orch_arena_destroy(arena);
}

static void test_a_failed_arena_stays_failed_and_gives_empty_texts(void **state)
{
	struct orch_arena *arena = orch_arena_create(64);

	(void)state;
	assert_null(orch_arena_alloc(arena, 65));
	assert_null(orch_arena_alloc(arena, 1));
	assert_text(orch_arena_text(arena, ORCH_TEXT("abc")), "");
	assert_string_equal(orch_arena_string(arena, ORCH_TEXT("abc")), "");
	assert_text(orch_arena_printf(arena, "%d", 1), "");
	assert_true(orch_arena_failed(arena));
	orch_arena_destroy(arena);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);

	(void)state;
	assert_null(orch_arena_alloc(arena, SIZE_MAX));
	orch_arena_destroy(arena);
	arena = orch_arena_create(0);
	assert_null(orch_arena_alloc_array(arena, SIZE_MAX / 2, 4));
	assert_true(orch_arena_failed(arena));
	orch_arena_destroy(arena);
}

static void test_texts_are_copied_with_a_nul_behind(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	char source[] = "abcdef";
	struct orch_text copy = orch_arena_text(arena, (struct orch_text){ source, 3 });

	(void)state;
	source[0] = 'x';
	assert_text(copy, "abc");
	assert_int_equal(copy.ptr[3], '\0');
	assert_string_equal(orch_arena_string(arena, ORCH_TEXT("xyz")), "xyz");
	assert_text(orch_arena_text(arena, ORCH_TEXT("")), "");
	assert_text(orch_arena_text(arena, ORCH_TEXT("a\0b")), "a\0b");
	assert_text(orch_arena_printf(arena, "%s-%d", "a", 12), "a-12");
	assert_text(orch_arena_printf(arena, "%s", ""), "");
	orch_arena_destroy(arena);
}

struct order {
	int values[4];
	size_t count;
};

struct step {
	struct order *order;
	int value;
};

static void note(void *arg)
{
	struct step *step = arg;

	step->order->values[step->order->count++] = step->value;
}

static void test_finishers_run_in_reverse_order(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct order order = { .count = 0 };
	struct step first = { &order, 1 };
	struct step second = { &order, 2 };

	(void)state;
	orch_arena_on_destroy(arena, note, &first);
	orch_arena_on_destroy(arena, note, &second);
	assert_int_equal(order.count, 0);
	orch_arena_destroy(arena);
	assert_int_equal(order.count, 2);
	assert_int_equal(order.values[0], 2);
	assert_int_equal(order.values[1], 1);
}

static void test_a_finisher_that_cannot_be_kept_runs_at_once(void **state)
{
	struct orch_arena *arena = orch_arena_create(8);
	struct order order = { .count = 0 };
	struct step only = { &order, 1 };

	(void)state;
	orch_arena_on_destroy(arena, note, &only);
	assert_int_equal(order.count, 1);
	assert_true(orch_arena_failed(arena));
	orch_arena_destroy(arena);
	assert_int_equal(order.count, 1);
}

static void test_every_failure_of_memory_is_soft(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 4; n++) {
		struct orch_arena *arena;

		orch_alloc_fail_at(n, 0);
		arena = orch_arena_create(0);
		if (arena) {
			(void)orch_arena_alloc(arena, 100);
			(void)orch_arena_alloc(arena, 10000);
			(void)orch_arena_alloc(arena, 100);
			assert_int_equal(orch_arena_failed(arena), n < 4);
		} else {
			assert_int_equal(n, 1);
		}
		orch_alloc_fail_at(0, 0);
		orch_arena_destroy(arena);
	}
	orch_arena_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(test_small_pieces_share_calls_for_memory),
		cmocka_unit_test(test_the_limit_holds_to_the_byte),
		cmocka_unit_test(test_a_failed_arena_stays_failed_and_gives_empty_texts),
		cmocka_unit_test(test_sizes_that_overflow_are_refused),
		cmocka_unit_test(test_texts_are_copied_with_a_nul_behind),
		cmocka_unit_test(test_finishers_run_in_reverse_order),
		cmocka_unit_test(test_a_finisher_that_cannot_be_kept_runs_at_once),
		cmocka_unit_test(test_every_failure_of_memory_is_soft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
