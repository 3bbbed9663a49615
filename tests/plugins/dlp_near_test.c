/* SPDX-License-Identifier: Apache-2.0 */
/* dlp: what stands beside a number hides it not, and pieces of other things are no numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOOSE "\\d(?:[ -]?\\d){12,18}"
#define VISA "(?<!\\d)4\\d{3}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}(?:[ -]?\\d{3})?(?!\\d)"

static int open_plugin(void **state)
{
	*state = fake_open("dlp", NULL);
	return 0;
}

static int close_plugin(void **state)
{
	fake_close(*state);
	return 0;
}

static void use(struct fake *fake, const char *expression, const char *check)
{
	const struct orch_rule rule = { .size = sizeof(rule),
		.severity = ORCH_HIGH,
		.id = { "r", 1 },
		.name = { "r", 1 },
		.expression = fake_text(expression),
		.options = fake_text(fake_json(fake, "{'check':'%s'}", check)),
		.version = 1 };
	size_t bad;

	if (fake_compile(fake, &rule, 1, &bad) != ORCH_OK)
		fail_msg("%s", fake->err.text);
}

/* Found in TEXT are exactly the texts in FOUND, which "|" parts; nothing is marked. */
static void expect(struct fake *fake, const char *text, const char *found)
{
	struct orch_text all = fake_text(text);
	char got[512] = "";
	size_t len = 0;

	fake_clear(fake);
	assert_int_equal(fake_scan(fake, all), ORCH_OK);
	for (size_t i = 0; i < fake->sink.finding_count; i++) {
		const struct orch_finding *finding = &fake->sink.findings[i];

		assert_true(finding->start + finding->length <= all.len);
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%.*s", i == 0 ? "" : "|",
			(int)finding->length, text + finding->start);
		assert_true(len < sizeof(got));
	}
	if (strcmp(got, found) != 0)
		fail_msg("in \"%s\" it finds \"%s\" and not \"%s\"", text, got, found);
	assert_int_equal(fake->sink.mark_count, 0);
}

struct row {
	const char *expression, *check, *text, *found;
};

static void expect_all(struct fake *fake, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		use(fake, rows[i].expression, rows[i].check);
		expect(fake, rows[i].text, rows[i].found);
	}
}

static void test_a_card_is_told_from_the_digits_beside_it(void **state)
{
	static const struct row rows[] = {
		{ VISA, "card", "card 4111 1111 1111 1111 123", "4111 1111 1111 1111" },
		{ VISA, "card", "4111111111111111 737", "4111111111111111" },
		{ VISA, "card", "Visa 4111-1111-1111-1111-123", "4111-1111-1111-1111" },
		{ VISA, "card", "id 4000 4111 1111 1111 1111", "4111 1111 1111 1111" },
		{ VISA, "card", "4000-4000-4000-4111-1111-1111-1111-123", "4111-1111-1111-1111" },
		{ "5[1-5]\\d\\d(?: \\d{4}){3}", "card", "5100 5555 5555 5555 4444",
			"5555 5555 5555 4444" },
		{ LOOSE, "luhn", "4716301661318609 12/27", "4716301661318609" },
		{ LOOSE, "luhn", "12 4716 3016 6131 8609", "4716 3016 6131 8609" },
		{ LOOSE, "luhn", "1234 4716301661318609", "4716301661318609" },
		{ LOOSE, "luhn", "12 34 4716301661318609 73", "4716301661318609" },
		{ LOOSE, "luhn", "3782 822463 10005 1234", "3782 822463 10005" },
		{ "id (?<value>\\d[\\d ]+)", "luhn", "id 12 4716301661318609", "4716301661318609" },
		{ "\\d+ (?<value>\\d+)", "luhn", "12 4716301661318609", "4716301661318609" },
		{ "[0-9./]{12,}", "card", "4111.1111.1111.1111", "4111.1111.1111.1111" },
		{ "[0-9./]{12,}", "card", "12/27/4111/1111/1111/1111", "4111/1111/1111/1111" },
		{ ".+", "card",
			"4111\xc2\xa0"
			"1111\xc2\xa0"
			"1111\xc2\xa0"
			"1111",
			"4111\xc2\xa0"
			"1111\xc2\xa0"
			"1111\xc2\xa0"
			"1111" },
	};

	expect_all(*state, rows, COUNT(rows));
}

static void test_every_number_of_one_match_is_found(void **state)
{
	static const struct row rows[] = {
		{ ".*\\d{12}.*", "luhn", "4111111111111111 or 5555555555554444, 1111111111113",
			"4111111111111111|5555555555554444" },
		{ LOOSE, "luhn", "4716301661318609 12 4111111111111111",
			"4716301661318609|4111111111111111" },
		{ VISA, "card", "4111 1111 1111 1111 4012 8888 8888 1881",
			"4111 1111 1111 1111|4012 8888 8888 1881" },
		{ VISA, "card", "4111111111111111-4012888888881881",
			"4111111111111111|4012888888881881" },
		{ "[0-9 ,]+", "card", "4111111111111111, 4012888888881881",
			"4111111111111111|4012888888881881" },
	};

	expect_all(*state, rows, COUNT(rows));
}

static void test_a_piece_of_something_longer_is_no_number(void **state)
{
	static const struct row rows[] = {
		/* 20 digits and more, with a card's in them */
		{ LOOSE, "luhn", "94111111111111111999", "" },
		{ LOOSE, "luhn", "941111111111111110000000", "" },
		{ LOOSE, "luhn", "12 94111111111111111999", "" },
		{ VISA, "card", "4000 94111111111111111", "" },
		{ ".+", "card", "at 411111111111111100000 and 9999994111111111111111", "" },
		/* groups that no card has */
		{ LOOSE, "luhn", "41-111111111-11111 22", "" },
		{ LOOSE, "luhn", "2024-01-02 4222222222222222", "" },
		/* the groups at the end of a number that begins as the rule says */
		{ VISA, "card", "4000 5018 0000 0009", "" },
		{ LOOSE, "card", "1763700000123", "" },
		{ "[^ ]+", "secret", "changeme-Tr0ub4dor", "" },
		{ "(?<value>[^ ]{8,})", "secret", "your/Tr0ub4dor&3", "" },
	};

	expect_all(*state, rows, COUNT(rows));
}

static void test_other_things_are_told_from_what_stands_beside_them(void **state)
{
	static const char iban[] = "[A-Za-z]{2}\\d\\d(?:[ -]?[A-Za-z0-9]{4}){2,7}"
				   "(?:[ -]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])";
	const struct row rows[] = {
		{ iban, "iban", "AT61 1904 3002 3457 3201 BIC", "AT61 1904 3002 3457 3201" },
		{ iban, "iban", "AT611904300234573201 2024 EUR", "AT611904300234573201" },
		{ iban, "iban", "EU00 1234 5678 GB82 WEST 1234 5698 7654 32",
			"GB82 WEST 1234 5698 7654 32" },
		{ iban, "iban", "gb82 west 1234 5698 7654 32", "gb82 west 1234 5698 7654 32" },
		{ iban, "iban", "AT61 1904 3002 3457 32012024", "" },
		{ "pass(?:word)?[:=] ?(?<value>[^ ]{8,})|secret=(?<value2>[^ ]{8,})", "secret",
			"password: changeme1 pass=Tr0ub4dor&3", "Tr0ub4dor&3" },
		{ "(?:password|secret)[:=] ?(?<value>[^ ]{8,})", "secret",
			"password: secret=Tr0ub4dor&3", "Tr0ub4dor&3" },
		{ "eyJ[\\w-]+\\.[\\w.-]*", "jwt", "eyJ4IjoxfQ.eyJhbGciOiJub25lIn0.e30.x",
			"eyJhbGciOiJub25lIn0.e30.x" },
	};

	expect_all(*state, rows, COUNT(rows));
}

/* A line of which each word begins a match of all that follows: there is an end to that. */
static void test_looking_again_has_a_limit_and_it_is_said(void **state)
{
	struct fake *fake = *state;
	size_t size = 64 * 1024;
	char *text = calloc(1, size);

	assert_non_null(text);
	for (size_t i = 0; i + 1 < size; i++)
		text[i] = i % 2 == 0 ? '1' : ' ';
	use(fake, "\\d.*", "luhn");
	fake_clear(fake);
	assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
	assert_non_null(strstr(fake_note(fake, "text", ORCH_PART_TRUNCATED), "retry limit"));
	free(text);
}

static void test_ordinary_numbers_never_reach_that_limit(void **state)
{
	struct fake *fake = *state;
	size_t size = 256 * 1024, len = 0;
	char *text = calloc(1, size);

	assert_non_null(text);
	for (unsigned i = 0; len + 40 < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%u %u-%u%s", i * 7919u % 10000u,
			i % 100u, i * 31u % 100u, i % 20 == 19 ? "\n" : " ");
	memcpy(text + len, "4111 1111 1111 1111", 19);
	for (size_t i = 0; i < 2; i++) {
		use(fake, i == 0 ? LOOSE : ".*\\d{4}.*", "card");
		fake_clear(fake);
		assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
		assert_int_equal(fake->sink.mark_count, 0);
		assert_true(fake->sink.finding_count > 0);
		assert_int_equal(fake->sink.findings[fake->sink.finding_count - 1].start, len);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_card_is_told_from_the_digits_beside_it),
		cmocka_unit_test(test_every_number_of_one_match_is_found),
		cmocka_unit_test(test_a_piece_of_something_longer_is_no_number),
		cmocka_unit_test(test_other_things_are_told_from_what_stands_beside_them),
		cmocka_unit_test(test_looking_again_has_a_limit_and_it_is_said),
		cmocka_unit_test(test_ordinary_numbers_never_reach_that_limit),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
