/* SPDX-License-Identifier: Apache-2.0 */
/* Groups share transactions, and none suffers by another. */
#include "unit/pg/fixture.h"

#define INSERT "INSERT INTO item (id) VALUES ($1) RETURNING (pg_current_xact_id()::text)::bigint"

static void test_groups_of_one_turn_share_a_transaction(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[50];

	for (int i = 0; i < 50; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	run_all(f, groups, 50);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(groups[i].group.code, ORCH_OK);
		assert_int_equal(groups[i].op.got, groups[0].op.got);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 50);
}

static void test_one_that_fails_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group groups[10];

	for (int i = 0; i < 10; i++)
		make_group(&groups[i], f, &done, INSERT, i == 4 ? 3 : i);
	run_all(f, groups, 10);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(groups[i].group.code, i == 4 ? ORCH_E_INVALID : ORCH_OK);
		assert_int_equal(groups[i].place, i + 1);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_groups_of_one_turn_share_a_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_one_that_fails_leaves_the_others, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
