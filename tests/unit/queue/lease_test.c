/* SPDX-License-Identifier: Apache-2.0 */
/* What a message goes through: put, leased, renewed, released, settled; and who is told. */
#include "unit/queue/world.h"

static void test_a_message_comes_as_it_was_put(void **state)
{
	struct world *w = *state;
	struct orch_message m = { .queue = ORCH_TEXT("scan"),
		.id = ORCH_TEXT("id"),
		.pipeline = ORCH_TEXT("slack-dlp"),
		.tenant = ORCH_TEXT("T1"),
		.order = ORCH_TEXT("C1"),
		.trace = ORCH_TEXT("0af7"),
		.priority = ORCH_HIGH,
		.body = { "with\0a NUL", 10 } };
	const struct orch_lease *lease;
	uint64_t before = orch_clock_now_ms();

	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	assert_int_equal(receive(w, "scan", 10), 1);
	lease = &w->leases[0];
	assert_true(text_is(lease->message.queue, "scan"));
	assert_true(text_is(lease->message.id, "id"));
	assert_true(text_is(lease->message.pipeline, "slack-dlp"));
	assert_true(text_is(lease->message.tenant, "T1"));
	assert_true(text_is(lease->message.order, "C1"));
	assert_true(text_is(lease->message.trace, "0af7"));
	assert_int_equal(lease->message.priority, ORCH_HIGH);
	assert_int_equal(lease->message.body.len, 10);
	assert_memory_equal(lease->message.body.ptr, "with\0a NUL", 11);
	assert_true(lease->put_ms >= before);
	assert_int_equal(lease->receives, 1);
	assert_int_equal(lease->attempts, 0);
	assert_int_equal(lease->step, 0);
	assert_false(lease->step_sent);
	assert_int_equal(lease->memo.len, 0);
	assert_true(lease->token != 0);
}

static void test_bodies_are_not_readable_at_rest(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "a");

	m.body = ORCH_TEXT("4111 1111 1111 1111");
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	assert_int_equal(
		ask(w->f.path, "SELECT count(*) FROM body WHERE instr(sealed, x'34313131')"), 0);
	assert_int_equal(ask(w->f.path, "SELECT length(sealed) FROM body"), 19 + 40);
}

static void test_a_leased_message_is_nobody_elses(void **state)
{
	struct world *w = *state;

	put(w, "scan", "a");
	assert_int_equal(receive(w, "scan", 10), 1);
	assert_int_equal(receive(w, "scan", 10), 0);
	assert_int_equal(receive(w, "act", 10), 0);
}

static void test_a_settled_message_is_gone(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "scan", "a");
	lease = receive_one(w, "scan", "a");
	assert_int_equal(settle(w, &lease), ORCH_OK);
	assert_int_equal(ledger(w, "scan").done, 1);
	assert_int_equal(ledger(w, "scan").in_flight, 0);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM body"), 0);
	assert_int_equal(settle(w, &lease), ORCH_E_DENIED);
	assert_int_equal(ledger(w, "scan").done, 1);
}

static void test_a_lease_that_ended_is_lost_to_its_holder(void **state)
{
	struct world *w = *state;
	struct orch_lease first, second;

	put(w, "scan", "a");
	first = receive_one(w, "scan", "a");
	orch_clock_shift_ms(VISIBILITY_MS + 1);
	second = receive_one(w, "scan", "a");
	assert_int_equal(second.receives, 2);
	assert_int_equal(settle(w, &first), ORCH_E_DENIED);
	assert_int_equal(renew(w, &first), ORCH_E_DENIED);
	assert_int_equal(release(w, &first, 0, true), ORCH_E_DENIED);
	assert_int_equal(checkpoint(w, &first, 1, true, "memo"), ORCH_E_DENIED);
	assert_int_equal(bury(w, &first, "reason", "detail"), ORCH_E_DENIED);
	assert_int_equal(ledger(w, "").dead, 0);
	assert_int_equal(settle(w, &second), ORCH_OK);
}

static void test_a_renewed_lease_lasts(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "scan", "a");
	lease = receive_one(w, "scan", "a");
	orch_clock_shift_ms(VISIBILITY_MS - 1000);
	assert_int_equal(renew(w, &lease), ORCH_OK);
	orch_clock_shift_ms(VISIBILITY_MS + 1000);
	assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(settle(w, &lease), ORCH_OK);
}

static void test_a_released_message_comes_back_after_its_delay(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "scan", "a");
	lease = receive_one(w, "scan", "a");
	assert_int_equal(release(w, &lease, 5000, true), ORCH_OK);
	assert_int_equal(release(w, &lease, 0, true), ORCH_E_DENIED);
	assert_int_equal(receive(w, "scan", 1), 0);
	orch_clock_shift_ms(5000);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(lease.attempts, 1);
	assert_int_equal(release(w, &lease, 0, false), ORCH_OK);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(lease.attempts, 1);
	assert_int_equal(lease.receives, 3);
}

static void test_progress_stays_with_the_message(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "act", "a");
	lease = receive_one(w, "act", "a");
	assert_int_equal(checkpoint(w, &lease, 2, true, "1700000000.000100"), ORCH_OK);
	assert_int_equal(release(w, &lease, 0, true), ORCH_OK);
	reopen_queue(w, 0);
	lease = receive_one(w, "act", "a");
	assert_int_equal(lease.step, 2);
	assert_true(lease.step_sent);
	assert_true(text_is(lease.memo, "1700000000.000100"));
	assert_int_equal(checkpoint(w, &lease, 3, false, ""), ORCH_OK);
	assert_int_equal(release(w, &lease, 0, true), ORCH_OK);
	lease = receive_one(w, "act", "a");
	assert_int_equal(lease.step, 3);
	assert_false(lease.step_sent);
	assert_int_equal(lease.memo.len, 0);
}

static void test_a_put_of_what_is_there_changes_nothing(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "a");

	put(w, "scan", "a");
	m.body = ORCH_TEXT("another body");
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	put(w, "act", "a");
	assert_int_equal(ledger(w, "scan").accepted, 1);
	assert_int_equal(ledger(w, "act").accepted, 1);
	(void)receive_one(w, "scan", "a");
	assert_true(text_is(w->leases[0].message.body, "a"));
}

static void test_an_arrival_is_accepted_once_in_a_day(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "a");
	struct orch_lease lease;

	assert_int_equal(put_message(w, &m, true), ORCH_OK);
	assert_int_equal(w->duplicates, 0);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(settle(w, &lease), ORCH_OK);
	reopen_queue(w, 0);
	assert_int_equal(put_message(w, &m, true), ORCH_OK);
	assert_int_equal(w->duplicates, 1);
	assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(ledger(w, "scan").accepted, 1);
	assert_int_equal(ledger(w, "scan").duplicates, 1);
	orch_clock_shift_ms(24 * 3600 * 1000 + 1000);
	assert_int_equal(put_message(w, &m, true), ORCH_OK);
	assert_int_equal(w->duplicates, 0);
	assert_int_equal(receive(w, "scan", 1), 1);
}

static void test_what_was_seen_is_forgotten_after_a_day(void **state)
{
	struct world *w = *state;
	char id[32];

	for (unsigned day = 0; day < 3; day++) {
		for (unsigned i = 0; i < 200; i++) {
			struct orch_message m;

			(void)snprintf(id, sizeof(id), "%u.%u", day, i);
			m = message("scan", id);
			assert_int_equal(put_message(w, &m, true), ORCH_OK);
		}
		orch_clock_shift_ms((int64_t)(day + 1) * 25 * 3600 * 1000);
	}
	assert_true(ask(w->f.path, "SELECT count(*) FROM seen") <= 200);
}

static void test_several_messages_go_as_one_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct orch_message m[] = { message("scan", "a"), message("act", "b"),
		message("scan", "c") };
	struct orch_queue_op op = { .kind = ORCH_QUEUE_PUT, .messages = m, .message_count = 3 };

	m[2].id = ORCH_TEXT_NONE;
	assert_int_equal(do_op(w, &op), ORCH_E_INVALID);
	assert_int_equal(ledger(w, "").accepted, 0);
	m[2].id = ORCH_TEXT("c");
	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_int_equal(ledger(w, "scan").accepted, 2);
	assert_int_equal(ledger(w, "act").accepted, 1);
}

static void test_what_is_too_large_is_refused(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "a");
	char *large = calloc(1, (16 << 20) + 1);

	m.body = (struct orch_text){ large, (16 << 20) + 1 };
	assert_int_equal(put_message(w, &m, false), ORCH_E_LIMIT);
	m.body.len--;
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	assert_int_equal(receive(w, "scan", 1), 1);
	assert_int_equal(w->leases[0].message.body.len, 16 << 20);
	m.id = (struct orch_text){ large, 2000 };
	m.body.len = 1;
	assert_int_equal(put_message(w, &m, false), ORCH_E_LIMIT);
	m = message("a name that is longer than any name of a queue has a right to be: no", "a");
	assert_int_equal(put_message(w, &m, false), ORCH_E_INVALID);
	free(large);
}

static void test_receiving_nothing_writes_nothing(void **state)
{
	struct world *w = *state;
	sqlite3_stmt *statement = NULL;
	sqlite3 *other = NULL;
	int version;

	put(w, "scan", "a");
	assert_int_equal(receive(w, "scan", 1), 1);
	assert_int_equal(sqlite3_open(w->f.path, &other), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(other, "PRAGMA data_version", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	version = sqlite3_column_int(statement, 0);
	(void)sqlite3_reset(statement);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), version);
	(void)sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void test_below_the_reserve_arrivals_wait_and_work_goes_on(void **state)
{
	struct world *w = *state;
	struct orch_message m = message("scan", "b");
	struct orch_lease lease;

	put(w, "scan", "a");
	reopen_queue(w, UINT64_MAX);
	assert_int_equal(put_message(w, &m, true), ORCH_E_LIMIT);
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	lease = receive_one(w, "scan", "a");
	assert_int_equal(settle(w, &lease), ORCH_OK);
}

/* A group as a hand-over has it: the lease ends, results are put; then an op that does as told. */
struct failing {
	struct orch_db_op op;
	int code;
};

static int run_failing(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct failing *failing = (struct failing *)(void *)op;

	(void)db;
	return failing->code < 0 ? orch_fail(err, failing->code, "as told") : ORCH_OK;
}

static int hand_over(struct world *w, const struct orch_lease *lease, int code)
{
	struct orch_message tasks[] = { message("act", "t1"), message("act", "t2") };
	struct orch_queue_op end = { .kind = ORCH_QUEUE_SETTLE, .lease = lease };
	struct orch_queue_op puts = {
		.kind = ORCH_QUEUE_PUT, .messages = tasks, .message_count = 2
	};
	struct failing last = { .op = { .run = run_failing }, .code = code };
	struct orch_db_group group = { .first = w->queue->backend->as_db_op(w->queue, &end) };
	struct orch_err err;

	group.first->next = w->queue->backend->as_db_op(w->queue, &puts);
	group.first->next->next = &last.op;
	return orch_db_run(w->queue->db, &group, &err);
}

static void test_a_hand_over_takes_effect_as_one(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put(w, "scan", "a");
	lease = receive_one(w, "scan", "a");
	assert_int_equal(hand_over(w, &lease, ORCH_E_INTERNAL), ORCH_E_INTERNAL);
	assert_int_equal(ledger(w, "act").accepted, 0);
	assert_int_equal(ledger(w, "scan").in_flight, 1);
	assert_int_equal(hand_over(w, &lease, ORCH_OK), ORCH_OK);
	assert_int_equal(ledger(w, "act").in_flight, 2);
	assert_int_equal(ledger(w, "scan").done, 1);
	assert_int_equal(hand_over(w, &lease, ORCH_OK), ORCH_E_DENIED);
	assert_int_equal(ledger(w, "act").accepted, 2);
}

static void on_ready(void *arg)
{
	counter_add(arg);
}

/* Receives only when told to, until ID comes. */
static struct orch_lease await_message(struct world *w, struct counter *ready, const char *id)
{
	for (unsigned told = 1;; told++) {
		counter_await(ready, told);
		if (receive(w, "scan", 2) == 0)
			continue;
		assert_int_equal(w->lease_count, 1);
		assert_true(text_is(w->leases[0].message.id, id));
		return w->leases[0];
	}
}

static void watch_scan(struct world *w, struct orch_queue_watch *watch, struct counter *ready)
{
	*watch = (struct orch_queue_watch){
		.name = ORCH_TEXT("scan"), .lane = w->f.lane, .ready = on_ready, .arg = ready
	};
	assert_int_equal(orch_queue_watch_add(w->queue, watch), ORCH_OK);
	counter_await(ready, 1);
}

static void test_who_waits_is_told_of_puts_and_ends_of_delays(void **state)
{
	struct world *w = *state;
	struct counter ready = COUNTER_INIT;
	struct orch_queue_watch watch;
	struct orch_message m = message("scan", "b");
	struct orch_lease lease;
	uint64_t due;

	watch_scan(w, &watch, &ready);
	put(w, "act", "x");
	put(w, "scan", "a");
	lease = await_message(w, &ready, "a");
	due = orch_clock_boot_ms() + 30;
	assert_int_equal(release(w, &lease, 30, false), ORCH_OK);
	lease = await_message(w, &ready, "a");
	assert_true(orch_clock_boot_ms() >= due);
	assert_int_equal(settle(w, &lease), ORCH_OK);
	m.delay_ms = 30;
	due = orch_clock_boot_ms() + 30;
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	(void)await_message(w, &ready, "b");
	assert_true(orch_clock_boot_ms() >= due);
	orch_lane_stop(w->f.lane);
	orch_queue_watch_remove(w->queue, &watch);
}

static void test_who_waits_is_told_of_the_end_of_a_lease(void **state)
{
	struct world *w = *state;
	struct counter ready = COUNTER_INIT;
	struct orch_queue_watch watch;
	struct orch_lease lease;
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.name = ORCH_TEXT("scan"),
		.max = 2,
		.visibility_ms = 30,
		.arena = w->f.arena };

	put(w, "scan", "a");
	watch_scan(w, &watch, &ready);
	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_int_equal(op.lease_count, 1);
	lease = await_message(w, &ready, "a");
	assert_int_equal(lease.receives, 2);
	orch_lane_stop(w->f.lane);
	orch_queue_watch_remove(w->queue, &watch);
}

static void test_who_waits_is_told_of_the_next_of_a_key(void **state)
{
	struct world *w = *state;
	struct counter ready = COUNTER_INIT;
	struct orch_queue_watch watch;
	struct orch_lease lease;

	put_in_order(w, "scan", "a", "key");
	put_in_order(w, "scan", "b", "key");
	watch_scan(w, &watch, &ready);
	lease = await_message(w, &ready, "a");
	assert_int_equal(settle(w, &lease), ORCH_OK);
	(void)await_message(w, &ready, "b");
	orch_lane_stop(w->f.lane);
	orch_queue_watch_remove(w->queue, &watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_message_comes_as_it_was_put, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_bodies_are_not_readable_at_rest, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_leased_message_is_nobody_elses, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_settled_message_is_gone, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_lease_that_ended_is_lost_to_its_holder, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_renewed_lease_lasts, make_world, remove_world),
		cmocka_unit_test_setup_teardown(test_a_released_message_comes_back_after_its_delay,
			make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_progress_stays_with_the_message, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_put_of_what_is_there_changes_nothing, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_an_arrival_is_accepted_once_in_a_day, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_what_was_seen_is_forgotten_after_a_day, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_several_messages_go_as_one_or_not_at_all, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_what_is_too_large_is_refused, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_receiving_nothing_writes_nothing, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_below_the_reserve_arrivals_wait_and_work_goes_on, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_hand_over_takes_effect_as_one, make_world, remove_world),
		cmocka_unit_test_setup_teardown(test_who_waits_is_told_of_puts_and_ends_of_delays,
			make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_who_waits_is_told_of_the_end_of_a_lease, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_who_waits_is_told_of_the_next_of_a_key, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
