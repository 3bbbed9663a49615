/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that come with it: each compiles, finds its examples, and leaves the others alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "fake_host.h"

#define RULES TEST_SOURCE_DIR "/config/rules.json"

static const char *text_of(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value))
		fail_msg("%s is missing", name);
	return json_object_get_string(value);
}

static void compile(struct fake *fake, struct json_object *object)
{
	struct json_object *options = json_object_object_get(object, "options");
	const struct orch_rule rule = { .size = sizeof(rule),
		.severity = ORCH_HIGH,
		.id = fake_text(text_of(object, "id")),
		.name = fake_text(text_of(object, "name")),
		.expression = fake_text(text_of(object, "expression")),
		.options = fake_text(options == NULL ? "" : json_object_to_json_string(options)),
		.version = 1 };
	size_t bad;

	if (fake_compile(fake, &rule, 1, &bad) != ORCH_OK)
		fail_msg("%s: %s", rule.id.ptr, fake->err.text);
}

static void check_examples(struct fake *fake, struct json_object *rule, const char *list, bool must)
{
	struct json_object *examples = json_object_object_get(rule, list);
	size_t count = json_object_array_length(examples);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(examples, i));

		fake_clear(fake);
		assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
		assert_int_equal(fake->sink.mark_count, 0);
		if ((fake->sink.finding_count > 0) != must)
			fail_msg("%s: %s: %s", text_of(rule, "id"), list, text);
	}
}

static void test_every_rule_keeps_to_its_examples(void **state)
{
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	struct json_object *rules = json_object_object_get(root, "rules");
	size_t count;

	(void)state;
	assert_non_null(rules);
	count = json_object_array_length(rules);
	assert_true(count >= 20);
	for (size_t i = 0; i < count; i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		assert_string_equal(text_of(rule, "tool"), "dlp");
		assert_true(strlen(text_of(rule, "description")) > 0);
		compile(fake, rule);
		check_examples(fake, rule, "matches", true);
		check_examples(fake, rule, "no_matches", false);
	}
	json_object_put(root);
	fake_close(fake);
}

static struct json_object *find_rule(struct json_object *rules, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (strcmp(text_of(rule, "id"), id) == 0)
			return rule;
	}
	fail_msg("there is no rule %s", id);
	return NULL;
}

/* FORM with VALUE in place of each "@". */
static const char *fill(char *room, size_t size, const char *form, const char *value)
{
	size_t len = 0;

	for (; *form != '\0'; form++) {
		len += (size_t)snprintf(room + len, size - len, "%.*s",
			*form == '@' ? (int)strlen(value) : 1, *form == '@' ? value : form);
		assert_true(len < size);
	}
	return room;
}

/*
 * In TEXT is found what stands at START, LEN bytes long or, where digits behind it happen to make
 * another number of the same card's kind, longer; nothing if LEN is 0.
 */
static void expect_at(struct fake *fake, const char *id, const char *text, size_t start, size_t len)
{
	fake_clear(fake);
	assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
	assert_int_equal(fake->sink.mark_count, 0);
	for (size_t i = 0; i < fake->sink.finding_count; i++) {
		if (len > 0 && fake->sink.findings[i].start == start &&
			fake->sink.findings[i].length >= len)
			return;
	}
	if (len > 0 || fake->sink.finding_count > 0)
		fail_msg("%s: %zu findings in: %s", id, fake->sink.finding_count, text);
}

static const struct card {
	const char *rule, *number, *grouped;
} cards[] = {
	{ "card-visa", "4111111111111111", "4111 1111 1111 1111" },
	{ "card-visa", "4111111111111111110", "4111 1111 1111 1111 110" },
	{ "card-mastercard", "5555555555554444", "5555 5555 5555 4444" },
	{ "card-mastercard", "2223003122003222", "2223 0031 2200 3222" },
	{ "card-amex", "378282246310005", "3782 822463 10005" },
	{ "card-amex", "378282246310005", "3782 8224 6310 005" },
	{ "card-discover", "6011111111111117", "6011 1111 1111 1117" },
	{ "card-diners", "30569309025904", "3056 930902 5904" },
	{ "card-jcb", "3530111333300000", "3530 1113 3330 0000" },
	{ "card-unionpay", "6200000000000005", "6200 0000 0000 0005" },
	{ "card-maestro", "6759649826438453", "6759 6498 2643 8453" },
	{ "card-maestro", "501812345673", "5018 1234 5673" },
};

static void test_a_card_is_found_whatever_stands_beside_it(void **state)
{
	static const char *const forms[] = { "@", "card:@", "card: @.", "(@)", "[@]", "<@>", "'@'",
		"\"@\"", "{\"pan\":\"@\",\"cvv\":\"123\"}", "https://pay.example/?pan=@&cvv=1",
		"https://pay.example/@/x", "PAN=@", "pan%3D@%26", "<td>@</td>", "&nbsp;@&nbsp;",
		"a\\n@\\nb", "a\\t@", "line\n@\nline", "@\r\n", "@, thanks", "@;12/27;123",
		"@|12|27|123", "@ 123", "@ 737 x", "@-123", "@/123", "@ 12/27", "@ exp 12/27",
		"12/27 @", "123 @", "1 @", "no.@", "...@", "#@", "*@*", "_@_", "card@", "Visa@",
		"@cvv123", "@CVC", "@ 1234 5678 9012 3456", "1234 5678 9012 3456 @", "4000 @",
		"1234-@", "00 @ 01", "\xc2\xa0@\xc2\xa0", "\xe5\x8d\xa1@\xe5\x8f\xb7",
		"\xef\xbb\xbf@", "\xff@\xff", "@ and so on, 3 times" };
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		compile(fake, find_rule(json_object_object_get(root, "rules"), cards[i].rule));
		for (size_t j = 0; j < 2 * sizeof(forms) / sizeof(forms[0]); j++) {
			const char *form = forms[j / 2];
			const char *value = j % 2 == 0 ? cards[i].number : cards[i].grouped;

			expect_at(fake, cards[i].rule, fill(text, sizeof(text), form, value),
				strcspn(form, "@"), strlen(value));
		}
	}
	json_object_put(root);
	fake_close(fake);
}

static void test_two_cards_beside_one_another_are_both_found(void **state)
{
	static const char *const between[] = { " ", "\n", "\r\n", ",", ", ", ";", "|", "/", "-",
		"\t", " 123 ", " - ", "\xc2\xa0" };
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	char text[128];

	(void)state;
	compile(fake, find_rule(json_object_object_get(root, "rules"), "card-visa"));
	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		(void)snprintf(
			text, sizeof(text), "4111111111111111%s4012888888881881", between[i]);
		expect_at(fake, "card-visa", text, 0, 16);
		expect_at(fake, "card-visa", text, 16 + strlen(between[i]), 16);
		(void)snprintf(
			text, sizeof(text), "4111 1111 1111 1111%s4012 8888 8888 1881", between[i]);
		expect_at(fake, "card-visa", text, 0, 19);
		expect_at(fake, "card-visa", text, 19 + strlen(between[i]), 19);
	}
	json_object_put(root);
	fake_close(fake);
}

static void test_a_card_is_found_however_it_is_grouped(void **state)
{
	static const char *const separators[] = { "-", ".", "/", "_", "+", " - ", "\xc2\xa0",
		"\xe2\x80\xaf", "\xe2\x80\x89", "\xe2\x80\x91", "\xe2\x80\x93" };
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);

	(void)state;
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
		const struct card *card = &cards[i];
		char text[128] = "";

		/* Nineteen digits and Amex in fours are grouped by blanks and hyphens only. */
		compile(fake, find_rule(json_object_object_get(root, "rules"), card->rule));
		for (size_t j = 0; j < sizeof(separators) / sizeof(separators[0]); j++) {
			size_t len = 0;

			if (strlen(card->grouped) > 20 ||
				strcmp(card->grouped, "3782 8224 6310 005") == 0)
				continue;
			for (const char *at = card->grouped; *at != '\0'; at++)
				len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s",
					*at == ' ' ? 8 : 1, *at == ' ' ? separators[j] : at);
			expect_at(fake, card->rule, text, 0, len);
		}
	}
	json_object_put(root);
	fake_close(fake);
}

/* The first example of each is the bare key. */
static void test_a_key_is_found_whatever_stands_beside_it(void **state)
{
	static const char *const ids[] = { "aws-access-key", "github-token",
		"github-fine-grained-token", "gitlab-token", "slack-token", "slack-webhook",
		"stripe-key", "google-api-key", "google-oauth-secret", "jwt", "iban" };
	static const char *const forms[] = { "@", "\"@\"", "'@'", "`@`", "key:@", "KEY=@",
		"export KEY='@'", "{\"key\":\"@\"}", "https://x.example/?key=@&x=1", "https://@:x",
		"x\\n@\\ny", "x\n@\ny", "(@)", "@.", "@, and", "<@>", "*@*",
		"\xef\xbb\xbf@\xe2\x80\xa6" };
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct json_object *rule = find_rule(json_object_object_get(root, "rules"), ids[i]);
		const char *key = json_object_get_string(
			json_object_array_get_idx(json_object_object_get(rule, "matches"), 0));

		compile(fake, rule);
		for (size_t j = 0; j < sizeof(forms) / sizeof(forms[0]); j++)
			expect_at(fake, ids[i], fill(text, sizeof(text), forms[j], key),
				strcspn(forms[j], "@"), strlen(key));
	}
	json_object_put(root);
	fake_close(fake);
}

/* All live rules at once. */
static void test_ordinary_text_is_left_alone(void **state)
{
	static const char *const texts[] = {
		"order 4500123456789013, no. 51234567890, ticket 300123456789",
		"invoice 2025-0042-118, ISBN 978-3-16-148410-0, EAN 4006381333931",
		"10.0.0.1 192.168.100.254:8080 2001:db8::ff00:42:8329 00:1b:44:11:3a:b7",
		"550e8400-e29b-41d4-a716-446655440000 00000000-4111-1111-1111-111111111111",
		"de89abcd-1234-1234-1234-123456789012 ad12abcd-1234-1234-1234-123456789012",
		"2025-11-28T03:04:05.123456789Z 1763700000 1763700000123 1763700000123456",
		"1763700000123456789 20251128030405123 28/11/2025 03.04.2025 2025/11/28",
		"+49 30 1234567890, +1 (415) 555-2671, 0049 30 12345678 90, +86 138 0013 8000",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709 e3b0c44298fc1c149afbf4c8996fb92427ae41e4",
		"d41d8cd98f00b204e9800998ecf8427e 0x4111111111111111 4111111111111111a4b5",
		"3.14159265358979323846 0.4111111111111111 1.5e-4111 <g d=\"M.4111111111111111\"/>",
		"94111111111111111 41111111111111110 411111111111111100000000 a4111111111111111b",
		"1111 2222 3333 4444 5555 6666 7777 8888 9999",
		"16 17 18 19 20 21 22 23 24 25 26 27",
		"see https://example.com:8080/a/b@c?x=12:30, mailto:a@b.org",
		"akia asia sk_live pk_test_"
	};
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	struct json_object *rules = json_object_object_get(root, "rules");

	(void)state;
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (strcmp(text_of(rule, "state"), "live") != 0)
			continue;
		compile(fake, rule);
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
			expect_at(fake, text_of(rule, "id"), texts[j], 0, 0);
	}
	json_object_put(root);
	fake_close(fake);
}

/* Every hundredth number that begins like the milliseconds of these years. */
static void test_no_live_rule_takes_a_time_stamp_for_a_card(void **state)
{
	struct fake *fake = fake_open("dlp", NULL);
	struct json_object *root = json_object_from_file(RULES);
	struct json_object *rules = json_object_object_get(root, "rules");
	char text[16 * 1024];
	size_t len = 0;

	(void)state;
	for (long long ms = 1763700000000; len + 20 < sizeof(text); ms += 100)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "at %lld\n", ms);
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (strcmp(text_of(rule, "state"), "live") != 0)
			continue;
		compile(fake, rule);
		fake_clear(fake);
		assert_int_equal(fake_scan(fake, fake_text(text)), ORCH_OK);
		assert_int_equal(fake->sink.finding_count, 0);
	}
	json_object_put(root);
	fake_close(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rule_keeps_to_its_examples),
		cmocka_unit_test(test_a_card_is_found_whatever_stands_beside_it),
		cmocka_unit_test(test_two_cards_beside_one_another_are_both_found),
		cmocka_unit_test(test_a_card_is_found_however_it_is_grouped),
		cmocka_unit_test(test_a_key_is_found_whatever_stands_beside_it),
		cmocka_unit_test(test_ordinary_text_is_left_alone),
		cmocka_unit_test(test_no_live_rule_takes_a_time_stamp_for_a_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
