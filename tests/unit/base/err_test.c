/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "../../support/text_assert.h"
#include "base/err.h"

static void test_context_is_put_before(void **state)
{
	struct orch_err err;

	(void)state;
	assert_int_equal(orch_fail(&err, ORCH_E_INVALID, "no such %s", "file"), ORCH_E_INVALID);
	orch_err_prefix(&err, "tools.%s", "dlp");
	orch_err_prefix(&err, "orchestrator.cfg:%d", 41);
	assert_string_equal(err.text, "orchestrator.cfg:41: tools.dlp: no such file");
}

static void test_too_long_a_text_is_cut(void **state)
{
	struct orch_err err;
	char longer[2 * sizeof(err.text)];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	(void)orch_fail(&err, ORCH_E_INVALID, "inner");
	orch_err_prefix(&err, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);

	(void)orch_fail(&err, ORCH_E_INVALID, "%s", longer);
	orch_err_prefix(&err, "outer");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "outer: xxx", 10);
}

static void test_codes_have_names_and_texts(void **state)
{
	(void)state;
	assert_string_equal(orch_code_name(ORCH_OK), "OK");
	assert_string_equal(orch_code_name(ORCH_E_AGAIN), "AGAIN");
	assert_string_equal(orch_code_name(ORCH_E_INTERNAL), "INTERNAL");
	assert_string_equal(orch_code_text(ORCH_E_AGAIN), "try again later");
	assert_string_equal(orch_code_name(-99), "UNKNOWN");
	assert_non_null(orch_code_text(-99));
}

static void test_what_a_hook_leaves_unsaid_is_said(void **state)
{
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_code_settle(ORCH_OK, "create", &err), ORCH_OK);
	assert_int_equal(orch_code_settle(ORCH_E_DENIED, "create", &err), ORCH_E_DENIED);
	assert_string_equal(err.text, orch_code_text(ORCH_E_DENIED));
	assert_int_equal(orch_code_settle(ORCH_E_AGAIN, "create", &err), ORCH_E_AGAIN);
	assert_string_equal(err.text, orch_code_text(ORCH_E_DENIED));
	assert_int_equal(orch_code_settle(7, "create", &err), ORCH_E_INTERNAL);
	assert_string_equal(err.text, "the create hook gave the unknown code 7");
	(void)memset(err.text, 'x', sizeof(err.text));
	assert_int_equal(orch_code_settle(-99, "create", &err), -99);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_errnos_have_texts(void **state)
{
	(void)state;
	assert_string_equal(orch_errno_text(ENOENT), "No such file or directory");
	assert_string_equal(orch_errno_text(99999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_context_is_put_before),
		cmocka_unit_test(test_too_long_a_text_is_cut),
		cmocka_unit_test(test_codes_have_names_and_texts),
		cmocka_unit_test(test_what_a_hook_leaves_unsaid_is_said),
		cmocka_unit_test(test_errnos_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
