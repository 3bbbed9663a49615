/* SPDX-License-Identifier: Apache-2.0 */
/* Values, their conversion, and the list of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "config/config.h"
#include "config/convert.h"
#include "config/reader.h"

static int setup(void **state)
{
	*state = orch_arena_create(0);
	return *state == NULL;
}

static int teardown(void **state)
{
	orch_arena_destroy(*state);
	return 0;
}

static struct orch_value text_value(const char *text)
{
	return (struct orch_value){ .kind = ORCH_VALUE_TEXT, .text = orch_text_from(text) };
}

static struct orch_value int_value(int64_t number)
{
	return (struct orch_value){ .kind = ORCH_VALUE_INT, .number = number };
}

static void test_ends_of_ranges_belong_to_them(void **state)
{
	struct orch_value value;
	struct orch_err err;
	uint64_t amount;
	int64_t number;

	(void)state;
	value = int_value(-3);
	assert_int_equal(orch_value_to_int(&value, -3, 9, &number, &err), ORCH_OK);
	assert_int_equal(orch_value_to_int(&value, -2, 9, &number, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_int(&value, -9, -3, &number, &err), ORCH_OK);
	assert_int_equal(orch_value_to_int(&value, -9, -4, &number, &err), ORCH_E_INVALID);
	value = text_value("1s");
	assert_int_equal(orch_value_to_ms(&value, 1000, 1000, &amount, &err), ORCH_OK);
	assert_int_equal(orch_value_to_ms(&value, 1001, 9000, &amount, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_ms(&value, 0, 999, &amount, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "is \"1s\", must be \"0ms\" to \"999ms\"");
	value = int_value(1024);
	assert_int_equal(orch_value_to_bytes(&value, 1024, 1024, &amount, &err), ORCH_OK);
	assert_int_equal(orch_value_to_bytes(&value, 1025, 2048, &amount, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "is \"1024\", must be \"1025\" to \"2k\"");
}

static void test_each_kind_is_refused_where_it_does_not_belong(void **state)
{
	const struct orch_value group = { .kind = ORCH_VALUE_GROUP };
	struct orch_err err;
	struct orch_text text;
	struct orch_list list;
	uint64_t amount;
	int64_t number;
	uint32_t index;
	bool flag;

	assert_int_equal(orch_value_to_text(&group, &text, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "is a group { … }, must be a string in quotes");
	assert_int_equal(orch_value_to_bool(&group, &flag, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_int(&group, 0, 1, &number, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_ms(&group, 0, 1, &amount, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_bytes(&group, 0, 1, &amount, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_choice(&group, "a|b", &index, &err), ORCH_E_INVALID);
	assert_int_equal(orch_value_to_texts(&group, *state, &list, &err), ORCH_E_INVALID);
}

static void test_choices_are_whole_words(void **state)
{
	struct orch_value value = text_value("b");
	struct orch_err err;
	uint32_t index;
	char all[64];

	(void)state;
	assert_int_equal(orch_value_to_choice(&value, "a|b|c", &index, &err), ORCH_OK);
	assert_int_equal(index, 1);
	value = text_value("");
	assert_int_equal(orch_value_to_choice(&value, "a|b", &index, &err), ORCH_E_INVALID);
	value = text_value("a|b");
	assert_int_equal(orch_value_to_choice(&value, "a|b", &index, &err), ORCH_E_INVALID);
	orch_value_print_choices("one", all, sizeof(all));
	assert_string_equal(all, "one");
	orch_value_print_choices("one|two|three", all, sizeof(all));
	assert_string_equal(all, "one, two or three");
	orch_value_print_choices("one|two|three", all, 6);
	assert_string_equal(all, "one, ");
}

static void test_values_are_made_of_fallbacks(void **state)
{
	struct orch_value value;
	struct orch_err err;

	assert_int_equal(orch_value_make("-7", ORCH_VALUE_INT, *state, &value, &err), ORCH_OK);
	assert_int_equal(value.number, -7);
	assert_int_equal(
		orch_value_make("7x", ORCH_VALUE_INT, *state, &value, &err), ORCH_E_INVALID);
	assert_int_equal(
		orch_value_make("99999999999999999999", ORCH_VALUE_INT, *state, &value, &err),
		ORCH_E_INVALID);
	assert_int_equal(orch_value_make("true", ORCH_VALUE_BOOL, *state, &value, &err), ORCH_OK);
	assert_int_equal(value.number, 1);
	assert_int_equal(
		orch_value_make("[ \"a\", b ,c]", ORCH_VALUE_LIST, *state, &value, &err), ORCH_OK);
	assert_int_equal(value.count, 3);
	assert_string_equal(value.items[0].text.ptr, "a");
	assert_string_equal(value.items[1].text.ptr, "b");
	assert_string_equal(value.items[2].text.ptr, "c");
	assert_int_equal(orch_value_make("", ORCH_VALUE_LIST, *state, &value, &err), ORCH_OK);
	assert_int_equal(value.count, 0);
}

static void test_getting_marks_as_used(void **state)
{
	struct orch_value items[] = { { .name = ORCH_TEXT("a") }, { .name = ORCH_TEXT("b") } };
	struct orch_value group = { .kind = ORCH_VALUE_GROUP, .items = items, .count = 2 };
	struct orch_value list = { .kind = ORCH_VALUE_LIST, .items = items, .count = 2 };

	(void)state;
	assert_ptr_equal(orch_value_get(&group, "b"), &items[1]);
	assert_false(items[0].is_used);
	assert_true(items[1].is_used);
	assert_null(orch_value_get(&group, "c"));
	assert_null(orch_value_get(&list, "a"));
	assert_null(orch_value_get(NULL, "a"));
}

static void test_only_what_is_near_was_meant(void **state)
{
	static const char *const names[] = { "listen", "tls", "health", "in" };

	assert_string_equal(orch_config_did_you_mean(*state, ORCH_TEXT("lisetn"), names, 4).ptr,
		" (did you mean \"listen\"?)");
	assert_int_equal(orch_config_did_you_mean(*state, ORCH_TEXT("lisssn"), names, 4).len,
		sizeof(" (did you mean \"listen\"?)") - 1);
	assert_int_equal(orch_config_did_you_mean(*state, ORCH_TEXT("lsssn"), names, 4).len, 0);
	assert_int_equal(orch_config_did_you_mean(*state, ORCH_TEXT("xy"), names, 4).len, 0);
	assert_int_equal(orch_config_did_you_mean(*state, ORCH_TEXT("x"), names, 0).len, 0);
}

static void test_errors_are_sorted_and_fit_for_a_terminal(void **state)
{
	struct orch_config_errors errors;

	orch_config_errors_init(&errors, *state);
	orch_config_errors_add(&errors, (struct orch_where){ "b.cfg", 2 }, ORCH_TEXT("x"), "four");
	orch_config_errors_add(&errors, (struct orch_where){ "a.cfg", 10 }, ORCH_TEXT("x"), "two");
	orch_config_errors_add(
		&errors, (struct orch_where){ "a.cfg", 9 }, ORCH_TEXT("x.y"), "one\033[2J%d", 1);
	orch_config_errors_add(&errors, (struct orch_where){ "a.cfg", 10 }, ORCH_TEXT(""), "three");
	orch_config_errors_add(&errors, (struct orch_where){ NULL, 0 }, ORCH_TEXT("z"), "zero");
	assert_string_equal(orch_config_errors_print(&errors, *state).ptr,
		"z: zero\n"
		"a.cfg:9: x.y: one?[2J1\n"
		"a.cfg:10: x: two\n"
		"a.cfg:10: three\n"
		"b.cfg:2: x: four\n");
}

static void test_without_memory_there_still_is_an_error(void **state)
{
	struct orch_arena *small = orch_arena_create(16);
	struct orch_config_errors errors;

	assert_non_null(small);
	orch_config_errors_init(&errors, small);
	orch_config_errors_add(&errors, (struct orch_where){ "a.cfg", 1 }, ORCH_TEXT("x"), "text");
	orch_config_errors_add(&errors, (struct orch_where){ "a.cfg", 2 }, ORCH_TEXT("x"), "text");
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.left_out, 1);
	assert_string_equal(orch_config_errors_print(&errors, *state).ptr,
		"no memory to list what is wrong\nand 1 more\n");
	orch_arena_destroy(small);
}

static void test_addresses_are_numbers_and_a_port(void **state)
{
	static const struct {
		const char *text, *address;
		uint16_t port;
	} good[] = {
		{ "127.0.0.1:0", "127.0.0.1", 0 },
		{ "*:65535", "*", 65535 },
		{ "[::1]:8080", "::1", 8080 },
	};
	static const char *const bad[] = { "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:-1", "::1:80", "[*]:80", "[127.0.0.1]:80", "[]:80", "127.1:80",
		"256.0.0.1:80", "host:80", "127.0.0.1 :80" };
	struct orch_text address;
	struct orch_err err;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(orch_config_parse_listen(
					 orch_text_from(good[i].text), &address, &port, &err),
			ORCH_OK);
		assert_true(orch_text_is(address, good[i].address));
		assert_int_equal(port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			orch_config_parse_listen(orch_text_from(bad[i]), &address, &port, &err),
			ORCH_E_INVALID);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_of_ranges_belong_to_them),
		WITH_ARENA(test_each_kind_is_refused_where_it_does_not_belong),
		cmocka_unit_test(test_choices_are_whole_words),
		WITH_ARENA(test_values_are_made_of_fallbacks),
		cmocka_unit_test(test_getting_marks_as_used),
		WITH_ARENA(test_only_what_is_near_was_meant),
		WITH_ARENA(test_errors_are_sorted_and_fit_for_a_terminal),
		WITH_ARENA(test_without_memory_there_still_is_an_error),
		cmocka_unit_test(test_addresses_are_numbers_and_a_port),
	};

	return cmocka_run_group_tests_name("config/convert", tests, NULL, NULL);
}
