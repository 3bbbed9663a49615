/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse(struct orch_text text)
{
	struct json_object *value = NULL;
	struct orch_err err = { "" };
	int code = orch_json_parse(text, &value, &err);

	if (code == ORCH_OK)
		json_object_put(value);
	else
		assert_true(err.text[0] != '\0');
	return code;
}

static void test_json_is_read(void **state)
{
	static const struct orch_text good[] = { ORCH_TEXT("{}"), ORCH_TEXT("[]"), ORCH_TEXT("0"),
		ORCH_TEXT("-0.5e+10"), ORCH_TEXT("10"), ORCH_TEXT("1E5"), ORCH_TEXT("\"\""),
		ORCH_TEXT("true"), ORCH_TEXT("false"), ORCH_TEXT("null"),
		ORCH_TEXT(" \t\r\n[1, 2 ,3] \n"), ORCH_TEXT("{\"a\":{\"b\":[{},[],null]}}"),
		ORCH_TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\""),
		ORCH_TEXT("\"\xc3\xa4\"") };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(parse(good[i]), ORCH_OK);
}

static void test_what_is_not_strict_json_is_refused(void **state)
{
	static const struct orch_text bad[] = { ORCH_TEXT(""), ORCH_TEXT(" "), ORCH_TEXT("{"),
		ORCH_TEXT("}"), ORCH_TEXT("]"), ORCH_TEXT("[1"), ORCH_TEXT("[1,]"),
		ORCH_TEXT("[,1]"), ORCH_TEXT("[1 2]"), ORCH_TEXT("{\"a\"}"), ORCH_TEXT("{\"a\":}"),
		ORCH_TEXT("{\"a\":1,}"), ORCH_TEXT("{a:1}"), ORCH_TEXT("{'a':1}"), ORCH_TEXT("'a'"),
		ORCH_TEXT("[1]x"), ORCH_TEXT("[1][2]"), ORCH_TEXT("1 2"), ORCH_TEXT("{} {}"),
		ORCH_TEXT("[1}"), ORCH_TEXT("NaN"), ORCH_TEXT("[NaN]"), ORCH_TEXT("-Infinity"),
		ORCH_TEXT("Infinity"), ORCH_TEXT("True"), ORCH_TEXT("nul"), ORCH_TEXT("nulll"),
		ORCH_TEXT("01"), ORCH_TEXT("-"), ORCH_TEXT("+1"), ORCH_TEXT(".5"), ORCH_TEXT("1."),
		ORCH_TEXT("1e"), ORCH_TEXT("1e+"), ORCH_TEXT("0x10"), ORCH_TEXT("-01"),
		ORCH_TEXT("/* c */ 1"), ORCH_TEXT("// c\n1"), ORCH_TEXT("\"abc"),
		ORCH_TEXT("\"a\\"), ORCH_TEXT("\"a\\x\""), ORCH_TEXT("\"\\u12\""),
		ORCH_TEXT("\"\\u12g4\""), ORCH_TEXT("\"a\nb\""), ORCH_TEXT("\"a\x01\""),
		ORCH_TEXT("\"a\0b\""), ORCH_TEXT("1\0"), ORCH_TEXT("[1]\0[2]"),
		ORCH_TEXT("\xef\xbb\xbf{}"), ORCH_TEXT("[\"a\":1]"), ORCH_TEXT("{1:2}"),
		ORCH_TEXT(":"), ORCH_TEXT(","), ORCH_TEXT("truefalse"), ORCH_TEXT("[1true]"),
		ORCH_TEXT("\"a\"\"b\"") };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i]) != ORCH_E_INVALID)
			fail_msg("accepted: %s", bad[i].ptr);
	}
}

static void test_the_place_of_a_fault_is_told(void **state)
{
	static const struct {
		struct orch_text text;
		size_t at;
		const char *says;
	} rows[] = {
		{ ORCH_TEXT("{ \"rules\": [ { \"id\": "), 21, "ends too early" },
		{ ORCH_TEXT("[1,"), 3, "ends too early" },
		{ ORCH_TEXT("[1, }"), 4, "at byte 4" },
		{ ORCH_TEXT("[1, nul]"), 4, "at byte 4" },
		{ ORCH_TEXT(""), 0, "ends too early" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *value = NULL;
		struct orch_err err = { "" };
		size_t at = 99;

		assert_int_equal(
			orch_json_parse_at(rows[i].text, &value, &at, &err), ORCH_E_INVALID);
		assert_int_equal(at, rows[i].at);
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

static void test_broken_utf8_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse(ORCH_TEXT("\"\xff\"")), ORCH_E_INVALID);
	assert_int_equal(parse(ORCH_TEXT("\"\xc3\"")), ORCH_E_INVALID);
	assert_int_equal(parse(ORCH_TEXT("\"\xed\xa0\x80\"")), ORCH_E_INVALID);
}

static int parse_nested(size_t depth, const char *open, const char *close, const char *core)
{
	struct orch_buf buf;
	int code;

	orch_buf_init(&buf, 1 << 20);
	for (size_t i = 0; i < depth; i++)
		orch_buf_add_string(&buf, open);
	orch_buf_add_string(&buf, core);
	for (size_t i = 0; i < depth; i++)
		orch_buf_add_string(&buf, close);
	code = parse(orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return code;
}

static void test_depth_is_limited(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(ORCH_JSON_DEPTH_MAX, "[", "]", "1"), ORCH_OK);
	assert_int_equal(parse_nested(ORCH_JSON_DEPTH_MAX, "[", "]", ""), ORCH_OK);
	assert_int_equal(parse_nested(ORCH_JSON_DEPTH_MAX, "{\"a\":", "}", "\"x\""), ORCH_OK);
	assert_int_equal(parse_nested(ORCH_JSON_DEPTH_MAX + 1, "[", "]", ""), ORCH_E_LIMIT);
	assert_int_equal(parse_nested(100000, "[", "]", ""), ORCH_E_LIMIT);
	/* Brackets in strings are no depth. */
	assert_int_equal(parse_nested(0, "", "",
				 "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
				 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\""),
		ORCH_OK);
}

/* COUNT members between brackets: COUNT + 1 values. */
static int parse_many(size_t count, const char *open, const char *member, const char *close)
{
	struct orch_buf buf;
	int code;

	orch_buf_init(&buf, 16 << 20);
	orch_buf_add_string(&buf, open);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			orch_buf_add_char(&buf, ',');
		orch_buf_add_string(&buf, member);
	}
	orch_buf_add_string(&buf, close);
	code = parse(orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return code;
}

static void test_the_number_of_values_is_limited(void **state)
{
	size_t max = ORCH_JSON_VALUES_MAX - 1;

	(void)state;
	assert_int_equal(parse_many(max, "[", "1", "]"), ORCH_OK);
	assert_int_equal(parse_many(max + 1, "[", "1", "]"), ORCH_E_LIMIT);
	assert_int_equal(parse_many(max, "[", "\"a\"", "]"), ORCH_OK);
	assert_int_equal(parse_many(max + 1, "[", "{}", "]"), ORCH_E_LIMIT);
	assert_int_equal(parse_many(max, "{", "\"k\":1", "}"), ORCH_OK);
	assert_int_equal(parse_many(max + 1, "{", "\"k\":1", "}"), ORCH_E_LIMIT);
}

static void test_nuls_pass_in_strings_but_not_in_keys(void **state)
{
	struct json_object *object;
	struct orch_err err;

	(void)state;
	assert_int_equal(
		orch_json_parse(ORCH_TEXT("{\"a\":\"x\\u0000y\"}"), &object, &err), ORCH_OK);
	assert_text(orch_json_text(object, "a"), "x\0y");
	json_object_put(object);
	assert_int_equal(parse(ORCH_TEXT("{\"a\\u0000b\":1}")), ORCH_E_INVALID);
	assert_int_equal(parse(ORCH_TEXT("{\"a\\\\u0000b\":1}")), ORCH_OK);
}

static void test_members_are_got_by_type(void **state)
{
	struct json_object *object;
	struct orch_err err;

	(void)state;
	assert_int_equal(orch_json_parse(ORCH_TEXT("{\"t\":\"x\",\"i\":-5,\"b\":true,\"n\":null,"
						   "\"d\":1.5,\"o\":{\"t\":\"y\"},\"t\":\"z\"}"),
				 &object, &err),
		ORCH_OK);
	assert_text(orch_json_text(object, "t"), "z");
	assert_text(orch_json_text(object, "i"), "");
	assert_text(orch_json_text(object, "none"), "");
	assert_int_equal(orch_json_int(object, "i", 7), -5);
	assert_int_equal(orch_json_int(object, "t", 7), 7);
	assert_int_equal(orch_json_int(object, "d", 7), 7);
	assert_true(orch_json_bool(object, "b", false));
	assert_true(orch_json_bool(object, "i", true));
	assert_text(orch_json_text(orch_json_get(object, "o"), "t"), "y");
	assert_null(orch_json_get(object, "n"));
	assert_null(orch_json_get(orch_json_get(object, "t"), "x"));
	assert_text(orch_json_text(NULL, "t"), "");
	assert_null(orch_json_get(NULL, "t"));
	assert_int_equal(orch_json_int(NULL, "t", 7), 7);
	assert_false(orch_json_bool(NULL, "t", false));
	json_object_put(object);
}

static void test_what_is_added_is_printed(void **state)
{
	struct json_object *object = json_object_new_object();

	(void)state;
	assert_true(orch_json_add_text(object, "t", ORCH_TEXT("a/b\0c")));
	assert_true(orch_json_add_text(object, "bad", ORCH_TEXT("a\xff\xe2\x82z")));
	assert_true(orch_json_add_int(object, "i", -1));
	assert_true(orch_json_add_bool(object, "b", true));
	assert_true(orch_json_add(object, "o", json_object_new_array()));
	assert_false(orch_json_add(object, "x", NULL));
	assert_text(orch_json_print(object),
		"{\"t\":\"a/b\\u0000c\",\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\","
		"\"i\":-1,\"b\":true,\"o\":[]}");
	json_object_put(object);
	assert_text(orch_json_print(NULL), "null");
	/* Taken also when there is nothing to add it to. */
	assert_false(orch_json_add(NULL, "x", json_object_new_int(1)));
}

static void test_a_repair_without_memory_adds_nothing(void **state)
{
	struct json_object *object = json_object_new_object();

	(void)state;
	orch_alloc_fail_at(1, 1);
	assert_false(orch_json_add_text(object, "t", ORCH_TEXT("\xff")));
	orch_alloc_fail_at(0, 0);
	assert_text(orch_json_print(object), "{}");
	json_object_put(object);
}

/* Every short string over the characters that matter: none may crash or be read beyond its end. */
static void test_every_short_text_is_survived(void **state)
{
	static const char alphabet[] = "{}[]:,\"\\u0-1.eEtn ";
	const size_t letters = sizeof(alphabet) - 1;

	(void)state;
	for (size_t n = 0; n < letters * letters * letters * letters; n++) {
		size_t rest = n;
		char *exact = orch_alloc(4);

		for (size_t i = 0; i < 4; i++, rest /= letters)
			exact[i] = alphabet[rest % letters];
		(void)parse((struct orch_text){ exact, 4 });
		orch_free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_is_read),
		cmocka_unit_test(test_what_is_not_strict_json_is_refused),
		cmocka_unit_test(test_the_place_of_a_fault_is_told),
		cmocka_unit_test(test_broken_utf8_is_refused),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_the_number_of_values_is_limited),
		cmocka_unit_test(test_nuls_pass_in_strings_but_not_in_keys),
		cmocka_unit_test(test_members_are_got_by_type),
		cmocka_unit_test(test_what_is_added_is_printed),
		cmocka_unit_test(test_a_repair_without_memory_adds_nothing),
		cmocka_unit_test(test_every_short_text_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
