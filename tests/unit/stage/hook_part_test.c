/* SPDX-License-Identifier: Apache-2.0 */
/* What a hook downloads. */
#include "unit/stage/hook_table.h"

static void test_a_part_is_downloaded_into_a_blob(void **state)
{
	struct table *t = *state;
	struct orch_text bytes;
	struct orch_err err;
	static char big[9000];

	memset(big, 'b', sizeof(big) - 1);
	SCRIPT_START(&t->script, { "200 OK", NULL, big });
	set_url(t);
	t->part = "file:1";
	run(t);
	assert_string_equal(t->part_name, "file:1");
	assert_false(t->truncated);
	assert_int_equal(orch_blob_map(t->blob, &bytes, &err), ORCH_OK);
	assert_int_equal(bytes.len, sizeof(big) - 1);
	assert_int_equal(strlen(t->bodies[0]), ORCH_HTTP_CLIENT_SHOWN_BYTES);
}

static void test_a_part_is_cut_at_the_limit(void **state)
{
	struct table *t = *state;
	static char big[9000];

	memset(big, 'b', sizeof(big) - 1);
	SCRIPT_START(&t->script, { "200 OK", NULL, big });
	set_url(t);
	t->part = "file:1";
	t->max_bytes = 1000000;
	t->run.part_bytes = 5000;
	run(t);
	assert_true(t->truncated);
	assert_int_equal(orch_blob_len(t->blob), 5000);
}

static void test_an_answer_is_no_longer_than_a_part_may_be(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "200 OK", NULL, "0123456789" });
	set_url(t);
	t->max_bytes = UINT64_MAX;
	t->run.part_bytes = 4;
	run(t);
	assert_string_equal(t->bodies[0], "0123");
}

static void test_an_error_page_is_no_part(void **state)
{
	struct table *t = *state;

	SCRIPT_START(&t->script, { "404 Not Found", NULL, "no such file" });
	set_url(t);
	t->part = "file:1";
	run(t);
	assert_null(t->blob);
	assert_int_equal(t->statuses[0], 404);
}

static void test_a_part_needs_a_place(void **state)
{
	struct table *t = *state;
	static char big[2 * 1024 * 1024];

	memset(big, 'b', sizeof(big) - 1);
	SCRIPT_START(&t->script, { "200 OK", NULL, big });
	set_url(t);
	t->bench.spool_dir = "/no/such/folder";
	t->part = "file:1";
	t->run.part_bytes = 10000000;
	t->end = ORCH_E_AGAIN;
	run(t);
	assert_int_equal(t->code, ORCH_E_AGAIN);
	assert_null(t->blob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, lay_table, clear_table)
		TEST(test_a_part_is_downloaded_into_a_blob),
		TEST(test_a_part_is_cut_at_the_limit),
		TEST(test_an_answer_is_no_longer_than_a_part_may_be),
		TEST(test_an_error_page_is_no_part),
		TEST(test_a_part_needs_a_place),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
