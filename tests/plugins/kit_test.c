/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins' small helpers, each at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/base64.h"
#include "kit/http.h"
#include "kit/json.h"
#include "kit/slack.h"
#include "kit/text.h"
#include "kit/time.h"

static void test_an_arena_keeps_to_its_limit(void **state)
{
	struct kit_arena arena;
	char *small, *large;

	(void)state;
	kit_arena_init(&arena, 100000);
	assert_null(kit_arena_alloc(&arena, 100001));
	assert_null(kit_arena_alloc(&arena, SIZE_MAX));
	small = kit_arena_alloc(&arena, 1);
	large = kit_arena_alloc(&arena, 90000);
	assert_non_null(small);
	assert_non_null(large);
	memset(large, 1, 90000);
	*small = 2;
	assert_null(kit_arena_alloc(&arena, 20000));
	kit_arena_reset(&arena);
	large = kit_arena_alloc(&arena, 99000);
	assert_non_null(large);
	assert_int_equal(large[98999], 0);
	assert_non_null(kit_arena_alloc(&arena, 0));
	kit_arena_fini(&arena);
	kit_arena_fini(&arena);
}

static void test_a_builder_cuts_at_a_character(void **state)
{
	struct kit_arena arena;
	struct kit_builder builder;

	(void)state;
	kit_arena_init(&arena, 100000);
	kit_builder_init(&builder, &arena, 4);
	assert_string_equal(kit_built(&builder).ptr, "");
	kit_puts(&builder, "abc");
	assert_true(kit_is_whole(&builder));
	kit_puts(&builder, "\xc3\xa9");
	assert_false(kit_is_whole(&builder));
	kit_puts(&builder, "d");
	assert_string_equal(kit_built(&builder).ptr, "abc");
	kit_builder_init(&builder, &arena, 1000000);
	for (int i = 0; i < 20; i++)
		kit_put(&builder, (struct orch_text){ "0123456789", 10 });
	assert_int_equal(kit_built(&builder).len, 200);
	kit_arena_fini(&arena);
}

static void test_a_builder_without_memory_says_so(void **state)
{
	struct kit_arena arena;
	struct kit_builder builder;

	(void)state;
	kit_arena_init(&arena, 300);
	kit_builder_init(&builder, &arena, 10000);
	for (int i = 0; i < 100; i++)
		kit_puts(&builder, "0123456789");
	assert_true(builder.failed);
	assert_false(kit_is_whole(&builder));
	kit_arena_fini(&arena);
}

static void test_texts_are_escaped(void **state)
{
	struct kit_arena arena;
	struct kit_builder builder;

	(void)state;
	kit_arena_init(&arena, 100000);
	kit_builder_init(&builder, &arena, 1000);
	kit_put_json(&builder, kit_text("a\"\\\n\r\t\x01\x7f\xed\xa0\x80\xf0\x9f\x98\x80"));
	assert_string_equal(kit_built(&builder).ptr,
		"\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\\ufffd\\ufffd\\ufffd\xf0\x9f\x98\x80\"");
	kit_builder_init(&builder, &arena, 1000);
	kit_put_percent(&builder, kit_text("aZ9-._~ &=+%/\xc3"));
	assert_string_equal(kit_built(&builder).ptr, "aZ9-._~%20%26%3D%2B%25%2F%C3");
	kit_arena_fini(&arena);
}

static void test_texts_are_compared_and_cut(void **state)
{
	struct orch_text rest = kit_text("a,,b"), piece;
	uint64_t number;

	(void)state;
	assert_true(kit_split(&rest, ',', &piece) && kit_is(piece, "a"));
	assert_true(kit_split(&rest, ',', &piece) && kit_is(piece, ""));
	assert_true(kit_split(&rest, ',', &piece) && kit_is(piece, "b"));
	assert_false(kit_split(&rest, ',', &piece));
	assert_true(kit_number(kit_text("123456789012345678"), &number));
	assert_true(number == 123456789012345678u);
	assert_false(kit_number(kit_text("1234567890123456789"), &number));
	assert_false(kit_number(kit_text(""), &number));
	assert_false(kit_number(kit_text("-1"), &number));
	assert_int_equal(kit_find(kit_text("aab"), kit_text("ab")), 1);
	assert_int_equal(kit_find(kit_text("aaba"), kit_text("ba")), 2);
	assert_int_equal(kit_find(kit_text("aa"), kit_text("b")), 2);
	assert_int_equal(kit_find(kit_text("a"), kit_text("aa")), 1);
	assert_true(kit_equal_caseless(kit_text("aZ-"), kit_text("Az-")));
	assert_false(kit_equal_caseless(kit_text("a@"), kit_text("a`")));
	assert_int_equal(kit_prefix(kit_text("\x80\x80\x80\x80\x80\x80"), 5).len, 5);
}

static void test_only_sound_utf8_has_a_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = { { "a", 1 }, { "\xc3\xa9", 2 }, { "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 }, { "\xc0\x80", 0 }, { "\xc3", 0 }, { "\xe0\x80\x80", 0 },
		{ "\xed\xa0\x80", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
		{ "\x80", 0 }, { "\xc3(", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(kit_utf8_length(kit_text(cases[i].bytes)), cases[i].len);
	assert_int_equal(kit_utf8_length((struct orch_text){ "", 0 }), 0);
}

static void test_headers_are_found_in_any_case(void **state)
{
	struct orch_text headers = kit_text("A: 1\r\nbB:  two \nAA: 3\nno colon\na:4\n"), value;

	(void)state;
	assert_int_equal(kit_header(headers, "Bb", &value), 1);
	assert_true(kit_is(value, "two"));
	assert_int_equal(kit_header(headers, "a", &value), 2);
	assert_true(kit_is(value, "1"));
	assert_false(kit_header_once(headers, "a", &value));
	assert_true(kit_header_once(headers, "aa", &value));
	assert_int_equal(kit_header(headers, "no colon", &value), 0);
	assert_int_equal(kit_header((struct orch_text){ "", 0 }, "a", &value), 0);
}

static void test_urls_with_tricks_are_not_parsed(void **state)
{
	static const char *const bad[] = { "", "http", "ftp://x/", "//x/", "http://", "http:///x",
		"http://u@x/", "http://u:p@x/", "http://x y/", "http://x\\y/", "http://x\ny",
		"http://x:80y/", "http://[::1/", "javascript:http://x/" };
	struct kit_url url, same;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(kit_url_parse(kit_text(bad[i]), &url));
	assert_true(kit_url_parse(kit_text("HTTPS://A.b:443/c?d#e"), &url));
	assert_true(kit_is(url.scheme, "https"));
	assert_true(kit_is(url.host, "A.b"));
	assert_true(kit_is(url.rest, "/c?d#e"));
	assert_true(kit_url_parse(kit_text("https://a.B"), &same));
	assert_true(kit_url_same_origin(&url, &same));
	assert_true(kit_url_parse(kit_text("http://a.b:443/"), &same));
	assert_false(kit_url_same_origin(&url, &same));
	assert_true(kit_url_parse(kit_text("http://[::1]:8080?x"), &url));
	assert_true(kit_is(url.port, "8080"));
}

static void test_json_is_bounded(void **state)
{
	struct json_object *value = NULL;
	struct orch_err err;
	char deep[400];
	size_t count;

	(void)state;
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_int_equal(
		kit_json_parse((struct orch_text){ deep, 400 }, &value, &err), ORCH_E_LIMIT);
	assert_int_equal(kit_json_parse(kit_text("{} {}"), &value, &err), ORCH_E_INVALID);
	assert_int_equal(kit_json_parse((struct orch_text){ "", 0 }, &value, &err), ORCH_E_INVALID);
	assert_int_equal(
		kit_json_parse(kit_text("{\"a\":\"x\\u0000y\",\"n\":5,\"t\":true}"), &value, &err),
		ORCH_OK);
	assert_int_equal(kit_json_text(value, "a").len, 3);
	assert_int_equal(kit_json_text(value, "n").len, 0);
	assert_int_equal(kit_json_int(value, "n"), 5);
	assert_int_equal(kit_json_int(value, "a"), 0);
	assert_true(kit_json_is_true(value, "t"));
	assert_false(kit_json_is_true(value, "n"));
	assert_null(kit_json_array(value, "a", &count));
	assert_int_equal(count, 0);
	assert_null(kit_json_get(NULL, "a"));
	json_object_put(value);
}

static enum kit_slack_class judge(int status, const char *body)
{
	const struct orch_reply reply = { .size = sizeof(reply),
		.status = status,
		.headers = { "", 0 },
		.body = kit_text(body),
		.problem = { "", 0 } };
	struct kit_slack_answer answer;

	kit_slack_answer_read(&reply, &answer);
	kit_slack_answer_fini(&answer);
	return answer.class;
}

static void test_slacks_answers_are_sorted(void **state)
{
	(void)state;
	assert_int_equal(judge(200, "{\"ok\":true,\"warning\":\"x\"}"), KIT_SLACK_DONE);
	assert_int_equal(judge(200, "{\"ok\":false}"), KIT_SLACK_AGAIN);
	assert_int_equal(judge(200, "{\"ok\":\"true\"}"), KIT_SLACK_AGAIN);
	assert_int_equal(judge(200, "[]"), KIT_SLACK_AGAIN);
	assert_int_equal(judge(503, "{\"ok\":true}"), KIT_SLACK_AGAIN);
	/* Success is HTTP 200 and ok. */
	assert_int_equal(judge(201, "{\"ok\":true}"), KIT_SLACK_AGAIN);
	assert_int_equal(judge(302, "{\"ok\":true}"), KIT_SLACK_CONFIG);
	assert_int_equal(judge(403, "{\"ok\":true}"), KIT_SLACK_CONFIG);
	assert_int_equal(judge(404, "{\"ok\":true}"), KIT_SLACK_CONFIG);
	assert_int_equal(
		judge(404, "{\"ok\":false,\"error\":\"not_in_channel\"}"), KIT_SLACK_REFUSED);
	assert_int_equal(judge(0, ""), KIT_SLACK_AGAIN);
	assert_int_equal(judge(-1, ""), KIT_SLACK_CONFIG); /* never sent: waiting mends nothing */
	assert_int_equal(judge(302, ""), KIT_SLACK_CONFIG);
	assert_int_equal(judge(403, "<html>"), KIT_SLACK_CONFIG);
	assert_int_equal(judge(200, "{\"ok\":false,\"error\":\"file_deleted\"}"), KIT_SLACK_GONE);
	assert_int_equal(judge(200, "{\"ok\":false,\"error\":\"new one\"}"), KIT_SLACK_REFUSED);
}

static void test_times_are_written_in_utc(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = { { 0, "1970-01-01T00:00:00.000Z" },
		{ 951782400001, "2000-02-29T00:00:00.001Z" },
		{ 1735689599999, "2024-12-31T23:59:59.999Z" },
		{ UINT64_MAX, "9999-12-31T23:59:59.999Z" } };
	char text[KIT_TIME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kit_time_format(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void assert_base64(struct kit_arena *arena, struct orch_text bytes, const char *wanted)
{
	struct kit_builder builder;

	kit_builder_init(&builder, arena, 100000);
	kit_put_base64(&builder, bytes);
	assert_true(kit_is_whole(&builder));
	assert_string_equal(kit_built(&builder).ptr, wanted);
	assert_int_equal(builder.len, KIT_BASE64_LENGTH(bytes.len));
}

static void test_bytes_are_written_as_base64(void **state)
{
	/* RFC 4648, 10 */
	static const char *const cases[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" } };
	struct kit_arena arena;
	char many[193], wanted[261];

	(void)state;
	kit_arena_init(&arena, 1000000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_base64(&arena, kit_text(cases[i][0]), cases[i][1]);
	assert_base64(&arena, (struct orch_text){ "\0\0", 2 }, "AAA=");
	/* More than is put together at once, and one byte beside. */
	memset(many, 'A', sizeof(many));
	for (size_t i = 0; i < 64; i++)
		memcpy(wanted + 4 * i, "QUFB", 5);
	assert_base64(&arena, (struct orch_text){ many, 192 }, wanted);
	memcpy(wanted + 256, "QQ==", 5);
	assert_base64(&arena, (struct orch_text){ many, 193 }, wanted);
	kit_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_arena_keeps_to_its_limit),
		cmocka_unit_test(test_a_builder_cuts_at_a_character),
		cmocka_unit_test(test_a_builder_without_memory_says_so),
		cmocka_unit_test(test_texts_are_escaped),
		cmocka_unit_test(test_bytes_are_written_as_base64),
		cmocka_unit_test(test_texts_are_compared_and_cut),
		cmocka_unit_test(test_only_sound_utf8_has_a_length),
		cmocka_unit_test(test_headers_are_found_in_any_case),
		cmocka_unit_test(test_urls_with_tricks_are_not_parsed),
		cmocka_unit_test(test_json_is_bounded),
		cmocka_unit_test(test_slacks_answers_are_sorted),
		cmocka_unit_test(test_times_are_written_in_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
