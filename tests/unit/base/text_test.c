/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/text.h"

#define T(literal) ORCH_TEXT(literal)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_null_is_the_empty_text(void **state)
{
	(void)state;
	assert_text(orch_text_from(NULL), "");
	assert_text(orch_text_from("abc"), "abc");
}

static void test_texts_are_equal_byte_by_byte(void **state)
{
	(void)state;
	assert_true(orch_text_equal(T("a\0b"), T("a\0b")));
	assert_false(orch_text_equal(T("a\0b"), T("a\0c")));
	assert_false(orch_text_equal(T("a"), T("ab")));
	assert_true(orch_text_equal(T(""), (struct orch_text){ NULL, 0 }));
	assert_true(orch_text_is(T("abc"), "abc"));
	assert_false(orch_text_is(T("abc\0"), "abc"));
}

static void test_case_is_ignored_in_ascii_only(void **state)
{
	(void)state;
	assert_true(orch_text_equal_nocase(T("Content-Type"), T("cOnTENT-tYPE")));
	assert_false(orch_text_equal_nocase(T("abc"), T("abd")));
	assert_false(orch_text_equal_nocase(T("abc"), T("ab")));
	assert_false(orch_text_equal_nocase(T("\xc3\x84"), T("\xc3\xa4")));
	/* '[' and '{' differ by the bit that makes letters lower-case. */
	assert_false(orch_text_equal_nocase(T("["), T("{")));
}

static void test_prefixes_and_suffixes(void **state)
{
	(void)state;
	assert_true(orch_text_starts_with(T("abc"), T("ab")));
	assert_true(orch_text_starts_with(T("abc"), T("")));
	assert_false(orch_text_starts_with(T("abc"), T("bc")));
	assert_false(orch_text_starts_with(T("a"), T("ab")));
	assert_true(orch_text_ends_with(T("abc"), T("bc")));
	assert_true(orch_text_ends_with(T("abc"), T("")));
	assert_false(orch_text_ends_with(T("abc"), T("ab")));
	assert_false(orch_text_ends_with(T("c"), T("bc")));
}

static void test_the_order_is_of_bytes_then_length(void **state)
{
	(void)state;
	assert_true(orch_text_compare(T("a"), T("b")) < 0);
	assert_true(orch_text_compare(T("b"), T("a")) > 0);
	assert_true(orch_text_compare(T("a"), T("ab")) < 0);
	assert_true(orch_text_compare(T("ab"), T("a")) > 0);
	assert_true(orch_text_compare(T("\xff"), T("a")) > 0);
	assert_int_equal(orch_text_compare(T(""), T("")), 0);
	assert_int_equal(orch_text_compare(T("x"), T("x")), 0);
}

static void test_trim_takes_spaces_and_tabs(void **state)
{
	(void)state;
	assert_text(orch_text_trim(T(" \t a b\t ")), "a b");
	assert_text(orch_text_trim(T("   ")), "");
	assert_text(orch_text_trim(T("\na\r")), "\na\r");
}

static void test_split_gives_every_piece_also_empty_ones(void **state)
{
	struct orch_text rest = T("a,,b,");
	struct orch_text piece;

	(void)state;
	assert_true(orch_text_split(&rest, ',', &piece));
	assert_text(piece, "a");
	assert_true(orch_text_split(&rest, ',', &piece));
	assert_text(piece, "");
	assert_true(orch_text_split(&rest, ',', &piece));
	assert_text(piece, "b");
	assert_true(orch_text_split(&rest, ',', &piece));
	assert_text(piece, "");
	assert_false(orch_text_split(&rest, ',', &piece));
	assert_false(orch_text_split(&rest, ',', &piece));
}

static void test_split_of_nothing_is_one_empty_piece(void **state)
{
	struct orch_text rest = T("");
	struct orch_text piece;

	(void)state;
	assert_true(orch_text_split(&rest, ',', &piece));
	assert_text(piece, "");
	assert_false(orch_text_split(&rest, ',', &piece));
}

static void test_numbers_are_digits_within_bounds(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a", "a", "1.0",
		"18446744073709551616", "99999999999999999999999" };
	uint64_t value = 7;

	(void)state;
	assert_int_equal(orch_text_to_uint(T("0"), 0, 9, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(orch_text_to_uint(T("18446744073709551615"), 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(orch_text_to_uint(T("0080"), 80, 80, &value), 0);
	assert_int_equal(value, 80);
	assert_int_equal(orch_text_to_uint(T("79"), 80, 90, &value), ORCH_E_INVALID);
	assert_int_equal(orch_text_to_uint(T("91"), 80, 90, &value), ORCH_E_INVALID);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(orch_text_to_uint(orch_text_from(bad[i]), 0, UINT64_MAX, &value),
			ORCH_E_INVALID);
	assert_int_equal(value, 80);
}

static void test_times_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = { { "0s", 0 }, { "250ms", 250 }, { "90s", 90000 }, { "2m", 120000 },
		{ "1h", 3600000 }, { "7d", 604800000 } };
	static const char *const bad[] = { "", "5", "s", "5 s", "5S", "5sec", "1h30m", "-1s",
		"1.5s", "18446744073709551615d" };
	uint64_t ms = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(orch_text_to_ms(orch_text_from(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(orch_text_to_ms(orch_text_from(bad[i]), &ms), ORCH_E_INVALID);
}

static void test_sizes_count_by_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "4096", 4096 }, { "64k", 65536 }, { "64K", 65536 },
		{ "10M", 10485760 }, { "2G", 2147483648 } };
	static const char *const bad[] = { "", "k", "10MB", "10 M", "1.5M", "1T", "10m",
		"18446744073709551615k" };
	uint64_t bytes = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(orch_text_to_bytes(orch_text_from(good[i].text), &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
			orch_text_to_bytes(orch_text_from(bad[i]), &bytes), ORCH_E_INVALID);
}

static void test_well_formed_utf8_is_known(void **state)
{
	static const struct orch_text good[] = { T(""), T("plain, and longer than eight"),
		T("\xc2\x80"), T("\xdf\xbf"), T("\xe0\xa0\x80"), T("\xed\x9f\xbf"),
		T("\xee\x80\x80"), T("\xef\xbf\xbf"), T("\xf0\x90\x80\x80"), T("\xf4\x8f\xbf\xbf"),
		T("a\0b"),
		T("12345678\xe2\x82\xac"
		  "12345678") };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(orch_text_is_utf8(good[i]));
	assert_int_equal(orch_text_utf8_len(T("\xe2\x82\xac"
					      "x")),
		3);
	assert_int_equal(orch_text_utf8_len(T("\xf0\x9f\x98\x80")), 4);
	assert_int_equal(orch_text_utf8_len(T("")), 0);
}

/* Each byte value at each place of more than one eight. */
static void test_what_needs_no_escape_ends_at_the_first_byte_that_does(void **state)
{
	char text[21];

	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		bool stands = value >= 0x20 && value < 0x7f && value != '"' && value != '\\';

		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = (char)value;
			assert_int_equal(
				orch_text_plain_run((struct orch_text){ text, sizeof(text) }),
				stands ? sizeof(text) : at);
		}
	}
	assert_int_equal(orch_text_plain_run(T("")), 0);
	assert_int_equal(orch_text_plain_run((struct orch_text){ "abc\"", 3 }), 3);
}

static void test_broken_utf8_is_refused(void **state)
{
	static const struct orch_text bad[] = { T("\x80"), T("\xbf"), T("\xc0\x80"), T("\xc1\xbf"),
		T("\xc2"), T("\xc2x"), T("\xe0\x9f\xbf"), T("\xe2\x82"), T("\xe2\x82x"),
		T("\xed\xa0\x80"), T("\xf0\x8f\xbf\xbf"), T("\xf4\x90\x80\x80"), T("\xf0\x9f\x98"),
		T("\xf5\x80\x80\x80"), T("\xff"), T("12345678\xff") };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(orch_text_is_utf8(bad[i]));
}

static void test_distance_counts_single_edits(void **state)
{
	char longer[66];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(orch_text_distance(T("listen"), T("listen"), 3), 0);
	assert_int_equal(orch_text_distance(T("listen"), T("lisen"), 3), 1);
	assert_int_equal(orch_text_distance(T("listen"), T("lsiten"), 3), 1);
	assert_int_equal(orch_text_distance(T("kitten"), T("sitting"), 3), 3);
	assert_int_equal(orch_text_distance(T("kitten"), T("sitting"), 2), 3);
	assert_int_equal(orch_text_distance(T(""), T("ab"), 5), 2);
	assert_int_equal(orch_text_distance(T("ab"), T(""), 5), 2);
	assert_int_equal(orch_text_distance(T(""), T(""), 5), 0);
	assert_int_equal(
		orch_text_distance((struct orch_text){ longer, sizeof(longer) }, T("a"), 2), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_is_the_empty_text),
		cmocka_unit_test(test_texts_are_equal_byte_by_byte),
		cmocka_unit_test(test_case_is_ignored_in_ascii_only),
		cmocka_unit_test(test_prefixes_and_suffixes),
		cmocka_unit_test(test_the_order_is_of_bytes_then_length),
		cmocka_unit_test(test_trim_takes_spaces_and_tabs),
		cmocka_unit_test(test_split_gives_every_piece_also_empty_ones),
		cmocka_unit_test(test_split_of_nothing_is_one_empty_piece),
		cmocka_unit_test(test_numbers_are_digits_within_bounds),
		cmocka_unit_test(test_times_have_a_unit),
		cmocka_unit_test(test_sizes_count_by_1024),
		cmocka_unit_test(test_well_formed_utf8_is_known),
		cmocka_unit_test(test_what_needs_no_escape_ends_at_the_first_byte_that_does),
		cmocka_unit_test(test_broken_utf8_is_refused),
		cmocka_unit_test(test_distance_counts_single_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
