/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/text.h"
#include "model/event.h"

#define DOTS "\u2022\u2022\u2022\u2022\u2022\u2022"

#define assert_masked(bytes, excerpt) \
	assert_text(orch_mask_excerpt(*state, ORCH_TEXT(bytes)), excerpt)

static int make_arena(void **state)
{
	*state = orch_arena_create(0);
	return *state ? 0 : -1;
}

static int drop_arena(void **state)
{
	orch_arena_destroy(*state);
	return 0;
}

static void test_of_a_card_number_both_ends_are_shown(void **state)
{
	assert_masked("6759649826438453", "675" DOTS "53");
	assert_masked("676100041090", "67" DOTS "90");
	assert_masked("012345678901234567890123456789", "0123" DOTS "6789");
}

static void test_never_more_than_a_third_is_shown(void **state)
{
	static const char digits[] = "0123456789012345678901234567890123456789";

	for (size_t len = 1; len < sizeof(digits); len++) {
		struct orch_text excerpt =
			orch_mask_excerpt(*state, (struct orch_text){ digits, len });

		assert_true((excerpt.len - strlen(DOTS)) * 3 <= len);
		assert_true(excerpt.len - strlen(DOTS) <= 8);
	}
}

static void test_of_short_values_little_or_nothing_is_shown(void **state)
{
	assert_masked("", "");
	assert_masked("a", DOTS);
	assert_masked("abcde", DOTS);
	assert_masked("abcdef", "a" DOTS "f");
	assert_masked("abcdefghi", "ab" DOTS "i");
}

static void test_the_length_is_not_told(void **state)
{
	char longer[1000];
	struct orch_text excerpt;

	memset(longer, 'x', sizeof(longer));
	excerpt = orch_mask_excerpt(*state, (struct orch_text){ longer, 30 });
	assert_true(orch_text_equal(
		excerpt, orch_mask_excerpt(*state, (struct orch_text){ longer, sizeof(longer) })));
}

static void test_characters_are_shown_whole(void **state)
{
	assert_masked("\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u00e0\u00e7\u00f1\u00f8\u00e5\u00e6",
		"\u00e4\u00f6" DOTS "\u00e5\u00e6");
	/* Of the widest no more are shown than fit into 40 bytes. */
	assert_masked("\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605"
		      "\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605"
		      "\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605"
		      "\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605",
		"\U0001f600\U0001f601" DOTS "\U0001f604\U0001f605");
}

static void test_what_would_deceive_the_reader_is_replaced(void **state)
{
	assert_masked("\n\x1b"
		      "abcdefgh\0\x7f",
		"\ufffd\ufffd" DOTS "\ufffd\ufffd");
	assert_masked("\u200b\u00ad"
		      "abcdefgh\ufeff\u200f",
		"\ufffd\ufffd" DOTS "\ufffd\ufffd");
	assert_masked("\xc2\x9b\xff"
		      "abcdefgh\xe2\x82",
		"\ufffd\ufffd" DOTS "\ufffd\ufffd");
	assert_masked("\u2014\u20ac"
		      "abcdefgh\u2070\u2020",
		"\u2014\u20ac" DOTS "\u2070\u2020");
}

static void test_marks_of_direction_are_replaced(void **state)
{
	/* U+202E, six letters, U+2066: not as a literal, which would deceive whoever reads it. */
	const char bytes[] = { '\xe2', '\x80', '\xae', 'a', 'b', 'c', 'd', 'e', 'f', '\xe2', '\x81',
		'\xa6' };

	assert_text(orch_mask_excerpt(*state, (struct orch_text){ bytes, sizeof(bytes) }),
		"\ufffd" DOTS "\ufffd");
}

static void test_an_excerpt_is_short_and_utf8_whatever_comes(void **state)
{
	uint32_t seed = 1;
	char bytes[64];

	for (int round = 0; round < 20000; round++) {
		struct orch_text excerpt;
		size_t len;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (char)(seed >> 24);
		}
		len = (seed >> 8) % (sizeof(bytes) + 1);
		excerpt = orch_mask_excerpt(*state, (struct orch_text){ bytes, len });
		assert_true(excerpt.len <= 40);
		assert_true(orch_text_is_utf8(excerpt));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_card_number_both_ends_are_shown),
		cmocka_unit_test(test_never_more_than_a_third_is_shown),
		cmocka_unit_test(test_of_short_values_little_or_nothing_is_shown),
		cmocka_unit_test(test_the_length_is_not_told),
		cmocka_unit_test(test_characters_are_shown_whole),
		cmocka_unit_test(test_what_would_deceive_the_reader_is_replaced),
		cmocka_unit_test(test_marks_of_direction_are_replaced),
		cmocka_unit_test(test_an_excerpt_is_short_and_utf8_whatever_comes),
	};

	return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
