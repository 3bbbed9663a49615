/* SPDX-License-Identifier: Apache-2.0 */
#include "model/form.h"

#include <string.h>

#include "../../support/text_assert.h"
#include "base/text.h"

struct item {
	struct orch_text text;
	uint64_t number;
	uint32_t color;
	size_t count;
	struct item *items;
};

static int color_from(struct orch_text name)
{
	return orch_text_is(name, "red") ? 1 : orch_text_is(name, "blue") ? 2 : -1;
}

static void read_item(struct orch_form *form, struct json_object *from, void *to)
{
	struct item *item = to;

	item->text = orch_form_get_text(form, from, "text");
	item->number = orch_form_get_number(form, from, "number", 1000, 7);
	item->color = orch_form_get_name(form, from, "color", color_from);
	item->items =
		orch_form_get_array(form, from, "items", sizeof(*item), read_item, &item->count);
}

/* The item that JSON is; or NULL, and ERR says why. */
static const struct item *parse(struct orch_arena *arena, const char *json, struct orch_err *err)
{
	void *item = NULL;

	return orch_form_parse(orch_text_from(json), arena, sizeof(struct item), read_item, &item,
		       err) == ORCH_OK
		? item
		: NULL;
}

static void test_what_is_written_is_one_object_without_empty_members(void **state)
{
	struct orch_buf buf;

	(void)state;
	orch_buf_init(&buf, 1000);
	orch_form_open(&buf, NULL, '{');
	orch_form_text(&buf, "none", ORCH_TEXT_NONE);
	orch_form_text(&buf, "text", ORCH_TEXT("a \"b\""));
	orch_form_number(&buf, "number", 0);
	orch_form_open(&buf, "list", '[');
	orch_form_text(&buf, NULL, ORCH_TEXT("one"));
	orch_form_text(&buf, NULL, ORCH_TEXT("t\xffo"));
	orch_form_close(&buf, ']');
	orch_form_close(&buf, '}');
	assert_text(orch_buf_text(&buf),
		"{\"text\":\"a \\\"b\\\"\",\"number\":0,\"list\":[\"one\",{\"base64\":\"dP9v\"}]}");
	orch_buf_fini(&buf);
}

static void test_bytes_of_any_length_come_back(void **state)
{
	static char bytes[10000];
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };

	(void)state;
	memset(bytes, 0xfe, sizeof(bytes));
	for (size_t len = 1; len <= sizeof(bytes); len = len * 3 + 1) {
		const struct item *item;
		struct orch_buf buf;

		orch_buf_init(&buf, 20000);
		orch_form_open(&buf, NULL, '{');
		orch_form_text(&buf, "text", (struct orch_text){ bytes, len });
		orch_form_close(&buf, '}');
		item = parse(arena, orch_buf_text(&buf).ptr, &err);
		assert_non_null(item);
		assert_int_equal(item->text.len, len);
		assert_memory_equal(item->text.ptr, bytes, len);
		orch_buf_fini(&buf);
	}
	orch_arena_destroy(arena);
}

static void test_what_is_absent_or_null_is_the_fallback(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	const struct item *item =
		parse(arena, "{\"text\":null,\"number\":null,\"other\":[1]}", &err);

	(void)state;
	assert_non_null(item);
	assert_int_equal(item->text.len, 0);
	assert_int_equal(item->number, 7);
	assert_int_equal(item->color, 0);
	assert_int_equal(item->count, 0);
	orch_arena_destroy(arena);
}

static void test_the_member_at_fault_is_named(void **state)
{
	static const char *const faults[][2] = {
		{ "{\"text\":1}", "text: not a text" },
		{ "{\"text\":{\"base64\":\"?\"}}", "text: not base64" },
		{ "{\"number\":\"1\"}", "number: not a whole number" },
		{ "{\"number\":-1}", "number: not a whole number" },
		{ "{\"number\":1.5}", "number: not a whole number" },
		{ "{\"number\":1001}", "number: too large a number" },
		{ "{\"color\":\"green\"}", "color: not a known name" },
		{ "{\"items\":{}}", "items: not an array" },
		{ "{\"items\":[1]}", "items: not an array of objects" },
		{ "{\"items\":[{\"text\":\"a\"},{\"number\":-1}]}", "number: not a whole number" },
		{ "{\"number\":-1,\"color\":\"green\"}", "number: not a whole number" },
		{ "[]", "not a JSON object" },
	};
	struct orch_arena *arena = orch_arena_create(0);

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct orch_err err = { "" };

		assert_null(parse(arena, faults[i][0], &err));
		assert_string_equal(err.text, faults[i][1]);
	}
	orch_arena_destroy(arena);
}

static void test_lists_within_lists_are_read(void **state)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "" };
	const struct item *item = parse(
		arena, "{\"items\":[{\"color\":\"blue\"},{\"items\":[{\"number\":1000}]}]}", &err);

	(void)state;
	assert_non_null(item);
	assert_int_equal(item->count, 2);
	assert_int_equal(item->items[0].color, 2);
	assert_int_equal(item->items[1].items[0].number, 1000);
	orch_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_one_object_without_empty_members),
		cmocka_unit_test(test_bytes_of_any_length_come_back),
		cmocka_unit_test(test_what_is_absent_or_null_is_the_fallback),
		cmocka_unit_test(test_the_member_at_fault_is_named),
		cmocka_unit_test(test_lists_within_lists_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
