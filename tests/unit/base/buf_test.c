/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

static void test_an_empty_buffer_is_an_empty_text(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 10);
	assert_text(orch_buf_text(&buf), "");
	orch_buf_add(&buf, "", 0);
	assert_null(buf.ptr);
	orch_buf_fini(&buf);
}

static void test_what_is_added_stands_in_order_with_a_nul_behind(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 1000);
	orch_buf_add_string(&buf, "one");
	orch_buf_add_char(&buf, ' ');
	orch_buf_add_text(&buf, ORCH_TEXT("t\0o"));
	orch_buf_printf(&buf, " %05d", 42);
	assert_text(orch_buf_text(&buf), "one t\0o 00042");
	assert_int_equal(buf.ptr[buf.len], '\0');
	orch_buf_fini(&buf);
}

static void test_it_grows_over_many_sizes(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 100000);
	for (int i = 0; i < 20000; i++)
		orch_buf_printf(&buf, "%05d", i);
	assert_false(buf.failed);
	assert_int_equal(buf.len, 100000);
	assert_memory_equal(buf.ptr + 5 * 12345, "12345", 5);
	orch_buf_fini(&buf);
}

static void test_the_limit_holds_to_the_byte(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 5);
	orch_buf_add_string(&buf, "12345");
	assert_false(buf.failed);
	orch_buf_add_char(&buf, '6');
	assert_true(buf.failed);
	assert_text(orch_buf_text(&buf), "12345");
	orch_buf_fini(&buf);
}

static void test_after_a_failure_nothing_more_is_taken(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 5);
	orch_buf_add_string(&buf, "12");
	orch_buf_printf(&buf, "%s", "3456");
	assert_true(buf.failed);
	orch_buf_add_char(&buf, '3');
	orch_buf_printf(&buf, "%d", 3);
	assert_text(orch_buf_text(&buf), "12");
	orch_buf_fini(&buf);
}

static void test_reset_empties_and_keeps_the_memory(void **state)
{
	struct orch_buf buf;
	const char *memory;

	(void)state;
	orch_buf_init(&buf, 5);
	orch_buf_add_string(&buf, "12345");
	orch_buf_add_string(&buf, "6");
	memory = buf.ptr;
	orch_buf_reset(&buf);
	assert_text(orch_buf_text(&buf), "");
	assert_false(buf.failed);
	orch_buf_add_string(&buf, "abc");
	assert_text(orch_buf_text(&buf), "abc");
	assert_ptr_equal(buf.ptr, memory);
	orch_buf_fini(&buf);
	assert_text(orch_buf_text(&buf), "");
}

static void test_no_memory_is_a_failure_that_keeps_what_is_there(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 1000);
	orch_buf_add_string(&buf, "kept");
	orch_alloc_fail_at(1, 0);
	for (int i = 0; i < 100; i++)
		orch_buf_add_string(&buf, "more");
	orch_alloc_fail_at(0, 0);
	assert_true(buf.failed);
	assert_memory_equal(buf.ptr, "keptmore", 8);
	orch_buf_fini(&buf);
}

#define assert_json(bytes, written)                          \
	do {                                                 \
		struct orch_buf json_;                       \
		orch_buf_init(&json_, 1000);                 \
		orch_buf_add_json(&json_, ORCH_TEXT(bytes)); \
		assert_text(orch_buf_text(&json_), written); \
		orch_buf_fini(&json_);                       \
	} while (0)

static void test_json_escapes_quotes_and_controls(void **state)
{
	(void)state;
	assert_json("", "\"\"");
	assert_json("plain /text/ '<&>'", "\"plain /text/ '<&>'\"");
	assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
	assert_json("\n\r\t\b\f", "\"\\n\\r\\t\\u0008\\u000c\"");
	assert_json("a\0b", "\"a\\u0000b\"");
	assert_json("\x1b[31m\x7f", "\"\\u001b[31m\\u007f\"");
	assert_json("\xc2\x9b"
		    "31m",
		"\"\\u009b31m\"");
	assert_json("\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"");
}

static void test_json_keeps_utf8_and_replaces_what_is_not(void **state)
{
	(void)state;
	assert_json(
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	assert_json("a\xff"
		    "b",
		"\"a\xef\xbf\xbd"
		"b\"");
	assert_json("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_json("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_json_of_every_byte_can_be_read_again(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char bytes[3] = { 'a', (char)c, 'b' };
		struct json_object *value;
		struct orch_buf buf;

		orch_buf_init(&buf, 100);
		orch_buf_add_json(&buf, (struct orch_text){ bytes, 3 });
		value = json_tokener_parse(buf.ptr);
		assert_true(json_object_is_type(value, json_type_string));
		if (c < 0x80) {
			assert_int_equal(json_object_get_string_len(value), 3);
			assert_memory_equal(json_object_get_string(value), bytes, 3);
		} else {
			assert_int_equal(json_object_get_string_len(value), 5);
		}
		json_object_put(value);
		orch_buf_fini(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_buffer_is_an_empty_text),
		cmocka_unit_test(test_what_is_added_stands_in_order_with_a_nul_behind),
		cmocka_unit_test(test_it_grows_over_many_sizes),
		cmocka_unit_test(test_the_limit_holds_to_the_byte),
		cmocka_unit_test(test_after_a_failure_nothing_more_is_taken),
		cmocka_unit_test(test_reset_empties_and_keeps_the_memory),
		cmocka_unit_test(test_no_memory_is_a_failure_that_keeps_what_is_there),
		cmocka_unit_test(test_json_escapes_quotes_and_controls),
		cmocka_unit_test(test_json_keeps_utf8_and_replaces_what_is_not),
		cmocka_unit_test(test_json_of_every_byte_can_be_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
