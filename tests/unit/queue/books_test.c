/* SPDX-License-Identifier: Apache-2.0 */
/* The books of messages in flight, in PostgreSQL, without SQS. */
#include "unit/queue/books.h"

static void a_message_is_put_claimed_opened_and_settled(void **state)
{
	struct books *b = *state;
	int64_t row = put(b, "one", "");
	struct orch_pg_claim *c = claim(b, row, "one", 7);
	struct orch_lease held = lease_of(c, 7);
	struct orch_queue_op settle = { .kind = ORCH_QUEUE_SETTLE, .lease = &held };
	struct orch_buf about;

	assert_true(c->is_ours);
	assert_int_equal(c->receives, 1);
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	assert_int_equal(
		orch_message_open(b->key, &about, c->item.sealed, c->memo, b->arena, &held),
		ORCH_OK);
	orch_buf_fini(&about);
	assert_text(held.message.body, "one");
	assert_int_equal(ledger(b).in_flight, 1);
	assert_int_equal(run_op(b, &settle), ORCH_OK);
	assert_int_equal(ledger(b).done, 1);
	assert_true(claim(b, row, "one", 8)->is_gone);
}

static void a_second_claim_waits_for_the_first(void **state)
{
	struct books *b = *state;
	int64_t row = put(b, "one", "");
	struct orch_pg_claim *second;

	assert_true(claim(b, row, "one", 7)->is_ours);
	second = claim(b, row, "one", 8);
	assert_false(second->is_gone);
	assert_false(second->is_ours);
	assert_true(second->wait_ms > LEASE_MS / 2);
}

static void a_lease_that_ran_out_is_anothers_and_the_first_can_do_nothing_more(void **state)
{
	struct books *b = *state;
	int64_t row = put(b, "one", "");
	struct orch_pg_claim *first = claim_with(b, row, "one", 7, 0);
	struct orch_lease held = lease_of(first, 7);
	struct orch_queue_op ops[] = {
		{ .kind = ORCH_QUEUE_RENEW, .lease = &held, .visibility_ms = 1000 },
		{ .kind = ORCH_QUEUE_RELEASE, .lease = &held },
		{ .kind = ORCH_QUEUE_CHECKPOINT, .lease = &held, .memo = ORCH_TEXT("memo") },
		{ .kind = ORCH_QUEUE_SETTLE, .lease = &held },
		{ .kind = ORCH_QUEUE_BURY, .lease = &held, .reason = ORCH_TEXT("x") },
	};

	assert_true(claim(b, row, "one", 8)->is_ours);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		assert_int_equal(run_op(b, &ops[i]), ORCH_E_DENIED);
	assert_int_equal(ledger(b).in_flight, 1);
}

static void an_id_that_is_there_is_not_put_again(void **state)
{
	struct books *b = *state;

	assert_true(put(b, "one", "") > 0);
	assert_int_equal(put(b, "one", ""), 0);
	assert_int_equal(ledger(b).accepted, 1);
}

static void an_arrival_is_known_by_its_id_and_its_alias(void **state)
{
	struct books *b = *state;
	struct orch_message messages[] = { message("one", ""), message("two", ""),
		message("one", ""), message("three", "") };
	int64_t rows[4];
	size_t duplicates;

	messages[0].alias = messages[1].alias = ORCH_TEXT("same");
	messages[0].alias_time_ms = messages[1].alias_time_ms = 5;
	put_all(b, messages, 4, true, rows, &duplicates);
	assert_int_equal(duplicates, 2);
	assert_true(rows[0] > 0 && rows[3] > 0);
	put_all(b, messages, 4, true, rows, &duplicates);
	assert_int_equal(duplicates, 4);
	assert_int_equal(ledger(b).accepted, 2);
	assert_int_equal(ledger(b).duplicates, 6);
}

static void of_an_order_key_one_is_out_at_a_time(void **state)
{
	struct books *b = *state;
	struct orch_message messages[] = { message("a", "key"), message("b", "key"),
		message("c", "key") };
	int64_t rows[3];
	struct orch_lease held;
	struct orch_queue_op settle = { .kind = ORCH_QUEUE_SETTLE, .lease = &held };
	struct orch_queue_pg_op *op = orch_queue_pg_of(&settle);

	put_all(b, messages, 3, false, rows, NULL);
	assert_false(claim(b, rows[1], "b", 7)->is_ours);
	assert_false(claim(b, rows[2], "c", 7)->is_ours);
	held = lease_of(claim(b, rows[0], "a", 7), 7);
	assert_int_equal(run_first(b, orch_queue_pg_op(b->key, &settle)), ORCH_OK);
	assert_int_equal(op->item_count, 1);
	assert_text(op->items[0].message.id, "b");
	assert_true(op->items[0].sealed.len > 0);
	orch_queue_pg_op_fini(&settle);
	assert_true(claim(b, rows[1], "b", 7)->is_ours);
	assert_false(claim(b, rows[2], "c", 7)->is_ours);
}

static void a_release_says_when_and_counts_the_try(void **state)
{
	struct books *b = *state;
	struct orch_lease held = lease(b, "one");
	struct orch_queue_op release = {
		.kind = ORCH_QUEUE_RELEASE, .lease = &held, .delay_ms = LEASE_MS, .failed = true
	};
	struct orch_pg_claim *c;

	assert_int_equal(run_op(b, &release), ORCH_OK);
	c = claim(b, (int64_t)held.row, "one", 8);
	assert_false(c->is_ours);
	assert_true(c->wait_ms > LEASE_MS / 2 && c->wait_ms <= LEASE_MS);
}

static void progress_is_kept(void **state)
{
	struct books *b = *state;
	struct orch_lease held = lease(b, "one");
	struct orch_queue_op keep = { .kind = ORCH_QUEUE_CHECKPOINT,
		.lease = &held,
		.step = 3,
		.step_sent = true,
		.memo = ORCH_TEXT("memo") };
	struct orch_queue_op release = {
		.kind = ORCH_QUEUE_RELEASE, .lease = &held, .failed = true
	};
	struct orch_pg_claim *c;
	struct orch_buf about;

	assert_int_equal(run_op(b, &keep), ORCH_OK);
	assert_int_equal(run_op(b, &release), ORCH_OK);
	c = claim(b, (int64_t)held.row, "one", 8);
	assert_int_equal(c->attempts, 1);
	assert_int_equal(c->receives, 2);
	held = lease_of(c, 8);
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	assert_int_equal(
		orch_message_open_progress(b->key, &about, c->memo, b->arena, &held), ORCH_OK);
	orch_buf_fini(&about);
	assert_text(held.memo, "memo");
}

static void bury(struct books *b, const char *id)
{
	struct orch_lease held = lease(b, id);
	struct orch_queue_op op = { .kind = ORCH_QUEUE_BURY,
		.lease = &held,
		.reason = ORCH_TEXT("failed"),
		.detail = ORCH_TEXT("it did") };

	assert_int_equal(run_op(b, &op), ORCH_OK);
}

static void the_dead_are_shown_redriven_and_discarded(void **state)
{
	struct books *b = *state;
	struct orch_queue_filter dead = {
		.queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE, .dead = true, .with_body = true
	};
	struct orch_queue_filter one = { .queue = ORCH_TEXT("scan"), .id = ORCH_TEXT("two") };
	struct orch_queue_entry *entries;
	struct orch_queue_swept swept;
	size_t count;

	bury(b, "one");
	bury(b, "two");
	assert_int_equal(ledger(b).dead, 2);
	assert_int_equal(
		orch_queue_pg_peek(&b->books, &dead, b->arena, &entries, &count, &b->err), ORCH_OK);
	assert_int_equal(count, 2);
	assert_text(entries[0].reason, "failed");
	assert_text(entries[0].detail, "it did");
	assert_text(entries[0].body, "one");
	assert_text(entries[0].state, "dead");
	assert_int_equal(orch_queue_pg_redrive(&b->books, &one, &swept, &b->err), ORCH_OK);
	assert_int_equal(swept.changed, 1);
	assert_int_equal(ledger(b).in_flight, 1);
	assert_int_equal(orch_queue_pg_discard(&b->books, &dead, &swept, &b->err), ORCH_OK);
	assert_int_equal(swept.changed, 1);
	assert_int_equal(ledger(b).dropped, 1);
	assert_int_equal(ledger(b).dead, 0);
}

static const char *state_of_the_dead(struct books *b)
{
	struct orch_queue_filter dead = {
		.queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE, .dead = true
	};
	struct orch_queue_entry *entries;
	size_t count;

	assert_int_equal(
		orch_queue_pg_peek(&b->books, &dead, b->arena, &entries, &count, &b->err), ORCH_OK);
	assert_int_equal(count, 1);
	return entries[0].state.ptr;
}

static void damaged_are_those_that_did_not_open_and_no_strangers(void **state)
{
	struct books *b = *state;

	bury(b, "one");
	assert_int_equal(ledger(b).damaged, 0);
	(void)ask(&b->f, "UPDATE dead SET reason = 'damaged'");
	assert_int_equal(ledger(b).damaged, 1);
	assert_string_equal(state_of_the_dead(b), "damaged");
	(void)ask(&b->f, "UPDATE dead SET reason = 'bad_json', alien = true");
	assert_int_equal(ledger(b).damaged, 0);
	assert_string_equal(state_of_the_dead(b), "dead");
}

static struct orch_pg_tending tend(
	struct books *b, void (*make)(struct orch_pg_tending *tending), int64_t older_ms)
{
	const struct orch_text queues[] = { ORCH_TEXT("scan") };
	struct orch_pg_tending tending = { .queue = ORCH_TEXT("scan"),
		.queues = queues,
		.queue_count = 1,
		.older_ms = older_ms,
		.limit = 100,
		.arena = b->arena };

	make(&tending);
	if (run_first(b, &tending.pg_op.base) != ORCH_OK)
		fail_msg("%s", b->err.text);
	return tending;
}

static void what_was_never_sent_is_found_until_it_is_noted_as_sent(void **state)
{
	struct books *b = *state;
	struct orch_pg_tending found;
	int64_t row = put(b, "one", "");
	struct orch_pg_tending marking = { .rows = &row, .row_count = 1 };

	assert_int_equal(tend(b, orch_pg_tend_unsent, LEASE_MS).item_count, 0);
	(void)ask(&b->f, "UPDATE item SET sent = sent + 700000");
	found = tend(b, orch_pg_tend_unsent, LEASE_MS);
	assert_int_equal(found.item_count, 1);
	assert_int_equal(found.items[0].row, row);
	/* Whoever was given it may be gone before he has sent it. */
	assert_int_equal(tend(b, orch_pg_tend_unsent, LEASE_MS).item_count, 0);
	assert_int_equal(tend(b, orch_pg_tend_unsent, -1).item_count, 1);
	orch_pg_tend_mark_sent(&marking);
	assert_int_equal(run_first(b, &marking.pg_op.base), ORCH_OK);
	assert_int_equal(tend(b, orch_pg_tend_unsent, -1).item_count, 0);
}

static void what_was_missed_and_not_sent_again_is_found_as_unsent(void **state)
{
	struct books *b = *state;
	int64_t row = put(b, "one", "");
	struct orch_pg_tending found;

	assert_true(claim(b, row, "one", 7)->is_ours);
	(void)ask(&b->f, "UPDATE item SET at = 1, sent = 1");
	assert_int_equal(tend(b, orch_pg_tend_missed, LEASE_MS).item_count, 1);
	assert_int_equal(tend(b, orch_pg_tend_missed, -1).item_count, 0);
	found = tend(b, orch_pg_tend_unsent, -1);
	assert_int_equal(found.item_count, 1);
	assert_int_equal(found.items[0].row, row);
}

static void nothing_is_found_for_queues_that_take_nothing(void **state)
{
	struct books *b = *state;
	struct orch_pg_tending tending = { .older_ms = -1, .limit = 100, .arena = b->arena };

	(void)put(b, "one", "");
	orch_pg_tend_unsent(&tending);
	assert_int_equal(run_first(b, &tending.pg_op.base), ORCH_OK);
	assert_int_equal(tending.item_count, 0);
}

static void what_is_noted_as_sent_is_not_found_but_when_it_is_missed(void **state)
{
	struct books *b = *state;
	int64_t row = put(b, "one", "");
	struct orch_pg_tending marking = { .rows = &row, .row_count = 1 };

	orch_pg_tend_mark_sent(&marking);
	assert_int_equal(run_first(b, &marking.pg_op.base), ORCH_OK);
	assert_int_equal(marking.changed, 1);
	assert_int_equal(tend(b, orch_pg_tend_unsent, -1).item_count, 0);
	assert_int_equal(tend(b, orch_pg_tend_late, LEASE_MS).changed, 0);
	assert_int_equal(tend(b, orch_pg_tend_late, -1).changed, 1);
	assert_int_equal(tend(b, orch_pg_tend_missed, -1).item_count, 1);
}

static void who_waits_behind_nobody_becomes_the_head(void **state)
{
	struct books *b = *state;
	struct orch_message messages[] = { message("a", "key"), message("b", "key") };
	int64_t rows[2];
	struct orch_pg_tending found;

	put_all(b, messages, 2, false, rows, NULL);
	assert_int_equal(tend(b, orch_pg_tend_headless, 0).item_count, 0);
	(void)ask(&b->f, "DELETE FROM item WHERE id = 'a'");
	found = tend(b, orch_pg_tend_headless, 0);
	assert_int_equal(found.item_count, 1);
	assert_text(found.items[0].message.id, "b");
	assert_true(claim(b, rows[1], "b", 7)->is_ours);
}

static void tallies_are_folded_and_nothing_changes_by_it(void **state)
{
	struct books *b = *state;
	struct orch_ledger before;

	bury(b, "one");
	(void)put(b, "two", "");
	before = ledger(b);
	(void)tend(b, orch_pg_tend_fold, 0);
	assert_int_equal(ask(&b->f, "SELECT count(*) FROM tally"), 0);
	assert_int_equal(ledger(b).accepted, before.accepted);
	(void)put(b, "three", "");
	(void)tend(b, orch_pg_tend_fold, 0);
	assert_int_equal(ledger(b).accepted, before.accepted + 1);
}

static void names_are_recalled_for_a_day(void **state)
{
	struct books *b = *state;
	const struct orch_text names[] = { ORCH_TEXT("x"), ORCH_TEXT("y") };
	bool known[2] = { true, true };
	struct orch_queue_op remember = { .kind = ORCH_QUEUE_REMEMBER,
		.name = ORCH_TEXT("scan"),
		.names = names,
		.name_count = 1 };
	struct orch_queue_op recall = { .kind = ORCH_QUEUE_RECALL,
		.name = ORCH_TEXT("scan"),
		.names = names,
		.name_count = 2,
		.known = known };

	assert_int_equal(run_op(b, &remember), ORCH_OK);
	assert_int_equal(run_op(b, &recall), ORCH_OK);
	assert_true(known[0]);
	assert_false(known[1]);
	(void)ask(&b->f, "UPDATE seen SET at = at - 86400001");
	assert_int_equal(run_op(b, &recall), ORCH_OK);
	assert_false(known[0]);
	assert_int_equal(tend(b, orch_pg_tend_forget, 0).changed, 1);
}

static void numbers_of_the_queues_are_exact(void **state)
{
	struct books *b = *state;
	struct orch_queue_stats *stats;
	size_t count;

	(void)lease(b, "one");
	(void)put(b, "two", "key");
	(void)put(b, "three", "key");
	bury(b, "four");
	assert_int_equal(
		orch_queue_pg_stats(&b->books, b->arena, &stats, &count, &b->err), ORCH_OK);
	assert_int_equal(count, 1);
	assert_string_equal(stats[0].name, "scan");
	assert_int_equal(stats[0].waiting, 2);
	assert_int_equal(stats[0].leased, 1);
	assert_int_equal(stats[0].delayed, 0);
	assert_int_equal(stats[0].dead, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_books, close_books)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_put_claimed_opened_and_settled),
		TEST(a_second_claim_waits_for_the_first),
		TEST(a_lease_that_ran_out_is_anothers_and_the_first_can_do_nothing_more),
		TEST(an_id_that_is_there_is_not_put_again),
		TEST(an_arrival_is_known_by_its_id_and_its_alias),
		TEST(of_an_order_key_one_is_out_at_a_time),
		TEST(a_release_says_when_and_counts_the_try),
		TEST(progress_is_kept),
		TEST(the_dead_are_shown_redriven_and_discarded),
		TEST(damaged_are_those_that_did_not_open_and_no_strangers),
		TEST(what_was_never_sent_is_found_until_it_is_noted_as_sent),
		TEST(what_was_missed_and_not_sent_again_is_found_as_unsent),
		TEST(nothing_is_found_for_queues_that_take_nothing),
		TEST(what_is_noted_as_sent_is_not_found_but_when_it_is_missed),
		TEST(who_waits_behind_nobody_becomes_the_head),
		TEST(tallies_are_folded_and_nothing_changes_by_it),
		TEST(names_are_recalled_for_a_day),
		TEST(numbers_of_the_queues_are_exact),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
