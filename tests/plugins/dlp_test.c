/* SPDX-License-Identifier: Apache-2.0 */
/* dlp: what is caught, what is refused, and that a limit never looks like clean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define SEED ".*(5018|5020|5038|6304|6759|6761|6763)[0-9]{8,15}.*"

static struct orch_rule rule(const char *id, const char *expression, const char *options)
{
	return (struct orch_rule){ .size = sizeof(struct orch_rule),
		.severity = ORCH_HIGH,
		.id = fake_text(id),
		.name = fake_text(id),
		.expression = fake_text(expression),
		.options = fake_text(options),
		.version = 1 };
}

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

static void use(struct fake *fake, const char *expression, const char *options)
{
	const struct orch_rule one = rule("r", expression, options);
	size_t bad;

	fake_clear(fake);
	if (fake_compile(fake, &one, 1, &bad) != ORCH_OK)
		fail_msg("%s", fake->err.text);
}

static size_t count(struct fake *fake, const char *text)
{
	fake_clear(fake);
	assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
	return fake->sink.finding_count;
}

static void test_the_seeds_expression_catches_both_of_its_numbers(void **state)
{
	struct fake *fake = *state;

	use(fake, SEED, "");
	assert_int_equal(count(fake, "6759649826438453"), 1);
	assert_int_equal(count(fake, "676100041090"), 1);
	assert_int_equal(count(fake, "5555555555554444"), 0);
}

static void test_a_leak_is_found_on_any_line(void **state)
{
	struct fake *fake = *state;

	use(fake, SEED, "");
	assert_int_equal(count(fake, "hello\nmine is 676100041090, ok?\nbye"), 1);
	assert_int_equal(fake->sink.findings[0].start, 6);
	assert_int_equal(fake->sink.findings[0].length, 25);
	assert_int_equal(count(fake, "a 676100041090\r\nb 6759649826438453\n"), 2);
	assert_int_equal(fake->sink.findings[0].length, 14);
	use(fake, "^\\d{4}$", "");
	assert_int_equal(count(fake, "x\n1234\r\ny\n5678"), 2);
}

static void test_the_check_is_an_option_of_the_rule(void **state)
{
	struct fake *fake = *state;

	use(fake, SEED, "{\"check\":\"luhn\"}");
	assert_int_equal(count(fake, "6759649826438453"), 1);
	assert_int_equal(count(fake, "676100041090"), 0);
	use(fake, "[0-9 -]{12,}", "{\"check\":\"luhn\"}");
	assert_int_equal(count(fake, "4111 1111-1111 1111"), 1);
	assert_int_equal(count(fake, "4111 1111-1111 1112"), 0);
}

static void test_each_check_tells_right_from_wrong(void **state)
{
	static const struct {
		const char *check, *right, *wrong;
	} cases[] = {
		{ "luhn", "49927398716000000", "49927398717000000" },
		{ "card", "378282246310005", "1234567812345670" },
		{ "card", "6759649826438453", "1763700000124" },
		{ "card", "4222222222222", "0000000000000000" },
		{ "card", "2223003122003222", "2221000000000000" },
		{ "iban", "GB82WEST12345698765432", "GB82WEST12345698765433" },
		{ "iban", "NO9386011117947", "NO938601111794" },
		{ "aba", "021000021", "021000022" },
		{ "jwt", "eyJhbGciOiJub25lIn0.e30.", "eyJ4IjoxfQ.e30." },
		{ "secret", "Tr0ub4dor&3", "changeme1" },
		{ "secret", "9f8a7b6c5d", "aaaaaaaaaa" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		use(fake, ".+", fake_json(fake, "{'check':'%s'}", cases[i].check));
		assert_int_equal(count(fake, cases[i].right), 1);
		assert_int_equal(count(fake, cases[i].wrong), 0);
	}
}

static void test_every_match_of_every_rule_is_reported(void **state)
{
	struct orch_rule rules[] = { rule("light", "\\d+", ""), rule("grave", "\\d{4}", ""),
		rule("light2", "12", "") };
	struct fake *fake = *state;
	size_t bad;

	rules[0].severity = rules[2].severity = ORCH_LOW;
	assert_int_equal(fake_compile(fake, rules, 3, &bad), ORCH_OK);
	assert_int_equal(count(fake, "1234 5678 12"), 2 + 3 + 2);
	assert_string_equal(fake->sink.findings[0].rule.ptr, "grave");
	assert_string_equal(fake->sink.findings[2].rule.ptr, "light");
	assert_string_equal(fake->sink.findings[5].rule.ptr, "light2");
	assert_int_equal(fake->sink.findings[6].start, 10);
	assert_int_equal(fake->sink.findings[6].length, 2);
}

static void test_empty_matches_neither_count_nor_stop_the_search(void **state)
{
	struct fake *fake = *state;

	use(fake, "a*", "");
	assert_int_equal(count(fake, "xxaaxa\xc3\xa9"), 2);
	use(fake, "(?=a)|$|^", "");
	assert_int_equal(count(fake, "aaa\naaa"), 0);
	use(fake, "a\\Kb", "");
	assert_int_equal(count(fake, "abab"), 2);
}

static void test_a_named_group_is_what_was_found(void **state)
{
	struct fake *fake = *state;

	use(fake, "pass(?:word)?=(?<value>\\w+)", "{\"check\":\"secret\"}");
	assert_int_equal(count(fake, "password=Xy12345z"), 1);
	assert_int_equal(fake->sink.findings[0].start, 9);
	assert_int_equal(fake->sink.findings[0].length, 8);
}

static void test_context_raises_confidence(void **state)
{
	struct fake *fake = *state;

	use(fake, "\\d{9}", "{\"confidence\":40,\"context\":[\"SSN\",\"tax\"]}");
	assert_int_equal(count(fake, "123456789"), 1);
	assert_int_equal(fake->sink.findings[0].confidence, 40);
	assert_int_equal(count(fake, "my ssn: 123456789"), 1);
	assert_int_equal(fake->sink.findings[0].confidence, 65);
	use(fake, "\\d{9}", "{\"context\":[\"tax\"],\"context_required\":true}");
	assert_int_equal(count(fake, "123456789"), 0);
	assert_int_equal(count(fake, "123456789 is my tax id"), 1);
}

static void test_letters_may_be_of_either_case(void **state)
{
	struct fake *fake = *state;

	use(fake, "straße", "");
	assert_int_equal(count(fake, "STRAßE"), 0);
	use(fake, "straße", "{\"caseless\":true}");
	assert_int_equal(count(fake, "STRAßE"), 1);
}

static void test_bytes_that_are_no_text_hide_nothing(void **state)
{
	static const char bytes[] = "\xff\xfe"
				    "4111111111111111\xc3\x00\x80 \xf0\x9f"
				    "4111111111111111";
	struct fake *fake = *state;

	use(fake, "(?<!\\d)4\\d{15}(?!\\d)", "");
	fake_clear(fake);
	assert_int_equal(fake_scan(fake, (struct orch_text){ bytes, sizeof(bytes) - 1 }), ORCH_OK);
	assert_int_equal(fake->sink.finding_count, 2);
	assert_int_equal(fake->sink.findings[0].start, 2);
	assert_int_equal(fake->sink.mark_count, 0);
}

/* The engine takes ".*" for "at the start of a line", which a byte in Latin-1 must not hide. */
static void test_any_line_is_any_line_in_latin_1_too(void **state)
{
	static const char *const lines[] = { "Ren\xe9 paid with 6761000410906\n",
		"caf\xe9\nRen\xe9\xe9: 6761000410906 \xe9", "\xe9-6761000410906",
		"\xe9\n6761000410906" };
	struct fake *fake = *state;

	use(fake, ".*(5018|5020|5038|6304|6759|6761|6763)[0-9]{8,15}.*", "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(count(fake, lines[i]), 1);
}

/* What is looked at once more begins with a character, or the engine would be misled. */
static void test_characters_are_never_cut(void **state)
{
	struct fake *fake = *state;
	static const char text[] = "\xc3\xa9"
				   "4111 1111 1111 1112"
				   "\xc3\xa9\xe2\x82\xac 4111 1111 1111 1111";

	use(fake, "[\\d é€]{12,60}", "{\"check\":\"card\"}");
	assert_int_equal(count(fake, text), 1);
}

static void test_a_bad_rule_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *expression, *options, *says;
	} cases[] = {
		{ "", "", "1 to 4096" },
		{ "a(b", "", "offset 3" },
		{ "[z-a]", "", "offset" },
		{ "a{65536}", "", "offset" },
		{ "(?:(?:(?:a{1000}){1000}){1000})", "", "too large" },
		{ "\xff", "", "offset 0" },
		{ "\\C", "", "offset" },
		{ "a", "{\"chekc\":\"luhn\"}", "chekc" },
		{ "a", "{\"check\":\"lun\"}", "luhn, card" },
		{ "a", "{\"check\":1}", "check" },
		{ "a", "{\"caseless\":1}", "caseless" },
		{ "a", "{\"confidence\":101}", "confidence" },
		{ "a", "{\"confidence\":\"x\"}", "confidence" },
		{ "a", "{\"context\":[]}", "context" },
		{ "a", "{\"context\":[\"\"]}", "context" },
		{ "a", "{\"context_required\":true}", "context" },
		{ "a", "[1]", "object" },
		{ "a", "{", "object" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct orch_rule rules[] = { rule("good", "a", ""),
			rule("bad", cases[i].expression, cases[i].options),
			rule("good2", "b", "") };
		size_t bad = 99;

		assert_int_equal(fake_compile(fake, rules, 3, &bad), ORCH_E_INVALID);
		assert_int_equal(bad, 1);
		if (strstr(fake->err.text, cases[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", fake->err.text, cases[i].says);
	}
}

static void test_sets_have_limits(void **state)
{
	struct fake *fake = *state;
	struct orch_rule *rules = calloc(2001, sizeof(*rules));
	char *expression = calloc(1, 4098);
	struct orch_rule one;
	size_t bad;

	assert_non_null(rules);
	assert_non_null(expression);
	for (size_t i = 0; i < 2001; i++)
		rules[i] = rule("r", "needle", "");
	assert_int_equal(fake_compile(fake, rules, 2000, &bad), ORCH_OK);
	assert_int_equal(fake_compile(fake, rules, 2001, &bad), ORCH_E_LIMIT);
	memset(expression, 'x', 4097);
	one = rule("long", expression, "");
	assert_int_equal(fake_compile(fake, &one, 1, &bad), ORCH_E_INVALID);
	one.expression.len = 4096;
	assert_int_equal(fake_compile(fake, &one, 1, &bad), ORCH_OK);
	free(rules);
	free(expression);
}

static void test_an_evil_expression_is_given_up_and_said(void **state)
{
	static const char *const evil[] = { "(a+)+$", "(a|a)*b", "(a|aa)+b", "(.*a){20}b",
		"^(([a-z])+.)+[A-Z]([a-z])+$", "(?:a+)+X?!!", "a.*a.*a.*a.*!!" };
	struct fake *fake = *state;
	char text[64 * 1024];

	memset(text, 'a', sizeof(text));
	(void)snprintf(text + sizeof(text) - 5, 5, "!b!a");
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		const struct orch_rule rules[] = { rule("evil", evil[i], ""),
			rule("good", "b!a", "") };
		const char *note;
		size_t bad;

		assert_int_equal(fake_compile(fake, rules, 2, &bad), ORCH_OK);
		(void)count(fake, text);
		note = fake_note(fake, "text", ORCH_PART_TRUNCATED);
		assert_non_null(note);
		assert_non_null(strstr(note, "rule evil"));
		assert_string_equal(
			fake->sink.findings[fake->sink.finding_count - 1].rule.ptr, "good");
	}
}

/* A match is found wherever it stands, also across the places where searches begin. */
static void test_no_place_in_a_large_text_is_blind(void **state)
{
	struct fake *fake = *state;
	size_t size = 200 * 1024;
	char *text = malloc(size + 1);

	assert_non_null(text);
	use(fake, "(?<!\\d)4\\d{15}(?!\\d)", "");
	for (size_t place = 32 * 1024 - 20; place < 32 * 1024 + 5; place++) {
		memset(text, 'x', size);
		text[size] = '\0';
		for (size_t at = place; at + 17 < size; at += 32 * 1024)
			memcpy(text + at, "4111111111111111", 16);
		assert_int_equal(count(fake, text), 6);
		assert_int_equal(fake->sink.findings[0].start, place);
		/* Twice as long, it is no card number any more, wherever it is cut. */
		for (size_t at = place; at + 33 < size; at += 32 * 1024)
			memcpy(text + at + 16, "4111111111111111", 16);
		assert_true(count(fake, text) <= 1);
		assert_int_equal(fake->sink.mark_count, 0);
	}
	free(text);
}

static void test_characters_are_not_cut(void **state)
{
	struct fake *fake = *state;
	char *text = calloc(1, 99 * 1024 + 1);

	assert_non_null(text);
	for (size_t shift = 0; shift < 3; shift++) {
		size_t len = shift;

		memset(text, 'x', shift);
		while (len + 3 <= 99 * 1024 - 3) {
			memcpy(text + len, "\xe2\x82\xac", 3);
			len += 3;
		}
		text[len] = '\0';
		use(fake, "\xe2\x82\xac{400}", "");
		assert_true(count(fake, text) >= 82);
		assert_int_equal(fake->sink.mark_count, 0);
	}
	free(text);
}

static void test_a_rule_that_takes_too_long_is_given_up_and_said(void **state)
{
	struct fake *fake = *state;
	char *text = calloc(1, 256 * 1024);

	assert_non_null(text);
	memset(text, 'x', 256 * 1024 - 1);
	use(fake, "needle", "");
	fake->tick_ms = 1000; /* each look at the clock */
	assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
	fake->tick_ms = 0;
	assert_non_null(strstr(fake_note(fake, "text", ORCH_PART_TRUNCATED), "time limit"));
	free(text);
}

static void test_a_long_line_is_no_evil(void **state)
{
	struct fake *fake = *state;
	char *text = calloc(1, 256 * 1024);

	assert_non_null(text);
	memset(text, 'x', 256 * 1024 - 1);
	memcpy(text + 200 * 1024, "6759649826438453", 16);
	use(fake, SEED, "");
	assert_int_equal(count(fake, text), 1);
	assert_int_equal(fake->sink.mark_count, 0);
	free(text);
}

static void test_what_is_not_there_is_not_clean(void **state)
{
	const struct orch_part parts[] = {
		{ .name = { "gone", 4 },
			.state = ORCH_PART_UNAVAILABLE,
			.bytes = { "", 0 },
			.note = { "no token", 8 } },
		{ .name = { "due", 3 },
			.state = ORCH_PART_ANNOUNCED,
			.bytes = { "", 0 },
			.note = { "", 0 } },
		{ .name = { "half", 4 },
			.state = ORCH_PART_TRUNCATED,
			.bytes = { "a secret", 8 },
			.note = { "too large", 9 } },
	};
	struct fake *fake = *state;

	use(fake, "secret", "");
	assert_int_equal(fake_scan_parts(fake, parts, 3), ORCH_OK);
	assert_string_equal(fake_note(fake, "gone", ORCH_PART_UNAVAILABLE), "no token");
	assert_non_null(fake_note(fake, "due", ORCH_PART_UNAVAILABLE));
	assert_string_equal(fake_note(fake, "half", ORCH_PART_TRUNCATED), "too large");
	assert_int_equal(fake->sink.finding_count, 1);
	assert_int_equal(fake->sink.findings[0].part, 2);
}

static void test_the_limit_of_findings_ends_the_scan(void **state)
{
	struct fake *fake = *state;

	use(fake, "a", "");
	fake->sink.findings_limit = 3;
	assert_int_equal(fake_scan(fake, fake_text("aaaaaa")), ORCH_E_LIMIT);
	assert_int_equal(fake->sink.finding_count, 3);
}

static void test_no_rules_find_nothing(void **state)
{
	struct fake *fake = *state;
	size_t bad;

	assert_int_equal(fake_compile(fake, NULL, 0, &bad), ORCH_OK);
	assert_int_equal(count(fake, "4111111111111111"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_seeds_expression_catches_both_of_its_numbers),
		cmocka_unit_test(test_a_leak_is_found_on_any_line),
		cmocka_unit_test(test_any_line_is_any_line_in_latin_1_too),
		cmocka_unit_test(test_characters_are_never_cut),
		cmocka_unit_test(test_the_check_is_an_option_of_the_rule),
		cmocka_unit_test(test_each_check_tells_right_from_wrong),
		cmocka_unit_test(test_every_match_of_every_rule_is_reported),
		cmocka_unit_test(test_empty_matches_neither_count_nor_stop_the_search),
		cmocka_unit_test(test_a_named_group_is_what_was_found),
		cmocka_unit_test(test_context_raises_confidence),
		cmocka_unit_test(test_letters_may_be_of_either_case),
		cmocka_unit_test(test_bytes_that_are_no_text_hide_nothing),
		cmocka_unit_test(test_a_bad_rule_is_refused_with_its_reason),
		cmocka_unit_test(test_sets_have_limits),
		cmocka_unit_test(test_an_evil_expression_is_given_up_and_said),
		cmocka_unit_test(test_no_place_in_a_large_text_is_blind),
		cmocka_unit_test(test_characters_are_not_cut),
		cmocka_unit_test(test_a_rule_that_takes_too_long_is_given_up_and_said),
		cmocka_unit_test(test_a_long_line_is_no_evil),
		cmocka_unit_test(test_what_is_not_there_is_not_clean),
		cmocka_unit_test(test_the_limit_of_findings_ends_the_scan),
		cmocka_unit_test(test_no_rules_find_nothing),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
