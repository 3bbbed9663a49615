/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters, damaged rows, and what commands see of both. */
#include "unit/queue/world.h"

static const struct orch_queue_filter all = { .queue = { "", 0 }, .id = { "", 0 } };

static void bury_one(struct world *w, const char *queue, const char *id)
{
	struct orch_lease lease;

	put(w, queue, id);
	lease = receive_one(w, queue, id);
	assert_int_equal(checkpoint(w, &lease, 1, true, "memo"), ORCH_OK);
	assert_int_equal(bury(w, &lease, "refused", "the service said no"), ORCH_OK);
}

static uint64_t redrive(struct world *w, struct orch_queue_filter filter)
{
	struct orch_err err = { "" };
	struct orch_queue_swept swept = { .changed = 0 };

	if (orch_queue_redrive(w->queue, &filter, &swept, &err) < 0)
		fail_msg("%s", err.text);
	return swept.changed;
}

static uint64_t discard(struct world *w, struct orch_queue_filter filter)
{
	struct orch_err err = { "" };
	struct orch_queue_swept swept = { .changed = 0 };

	if (orch_queue_discard(w->queue, &filter, &swept, &err) < 0)
		fail_msg("%s", err.text);
	return swept.changed;
}

static void test_a_buried_message_is_kept_with_its_reason(void **state)
{
	struct world *w = *state;
	struct orch_queue_entry *entries;
	size_t count = 0;

	bury_one(w, "act", "a");
	assert_int_equal(receive(w, "act", 1), 0);
	assert_int_equal(ledger(w, "act").dead, 1);
	assert_int_equal(ledger(w, "act").damaged, 0);
	entries = peek(w, true, true, &count);
	assert_int_equal(count, 1);
	assert_true(text_is(entries[0].queue, "act"));
	assert_true(text_is(entries[0].id, "a"));
	assert_true(text_is(entries[0].reason, "refused"));
	assert_true(text_is(entries[0].detail, "the service said no"));
	assert_true(text_is(entries[0].state, "dead"));
	assert_true(text_is(entries[0].body, "a"));
	assert_true(entries[0].is_dead);
	assert_true(entries[0].ended_ms >= entries[0].put_ms);
	entries = peek(w, true, false, &count);
	assert_int_equal(entries[0].body.len, 0);
}

static void test_settling_as_dead_buries(void **state)
{
	struct world *w = *state;
	struct orch_queue_op op = {
		.kind = ORCH_QUEUE_SETTLE, .end = ORCH_END_DEAD, .reason = ORCH_TEXT("attempts")
	};
	struct orch_lease lease;

	put(w, "act", "a");
	lease = receive_one(w, "act", "a");
	op.lease = &lease;
	op.detail = ORCH_TEXT_NONE;
	assert_int_equal(do_op(w, &op), ORCH_OK);
	assert_int_equal(ledger(w, "act").dead, 1);
	assert_int_equal(ledger(w, "act").done, 0);
}

static void test_a_dropped_message_is_counted_with_its_reason(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	for (unsigned i = 0; i < 2; i++) {
		put(w, "scan", "a");
		lease = receive_one(w, "scan", "a");
		assert_int_equal(drop(w, &lease, "bad_json"), ORCH_OK);
	}
	assert_int_equal(ledger(w, "scan").dropped, 2);
	assert_int_equal(ask(w->f.path, "SELECT count FROM dropped WHERE reason = 'bad_json'"), 2);
}

static void test_redriven_letters_start_anew_with_their_progress(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	bury_one(w, "act", "a");
	bury_one(w, "scan", "b");
	assert_int_equal(
		redrive(w,
			(struct orch_queue_filter){ .queue = ORCH_TEXT("act"), .id = { "", 0 } }),
		1);
	lease = receive_one(w, "act", "a");
	assert_int_equal(lease.receives, 1);
	assert_int_equal(lease.attempts, 0);
	assert_int_equal(lease.step, 1);
	assert_true(lease.step_sent);
	assert_true(text_is(lease.memo, "memo"));
	assert_true(text_is(lease.message.body, "a"));
	assert_int_equal(ledger(w, "act").dead, 0);
	assert_int_equal(ledger(w, "scan").dead, 1);
	assert_int_equal(settle(w, &lease), ORCH_OK);
	assert_int_equal(ledger(w, "act").done, 1);
}

static void test_a_letter_whose_id_is_there_again_is_not_redriven(void **state)
{
	struct world *w = *state;

	bury_one(w, "act", "a");
	put(w, "act", "a");
	assert_int_equal(redrive(w, all), 0);
	assert_int_equal(ledger(w, "act").dead, 1);
	assert_int_equal(ledger(w, "act").in_flight, 1);
}

static void test_a_redriven_letter_joins_the_end_of_its_key(void **state)
{
	struct world *w = *state;
	struct orch_lease lease;

	put_in_order(w, "act", "a1", "a");
	put_in_order(w, "act", "a2", "a");
	lease = receive_one(w, "act", "a1");
	assert_int_equal(bury(w, &lease, "r", "d"), ORCH_OK);
	lease = receive_one(w, "act", "a2");
	assert_int_equal(redrive(w, all), 1);
	assert_int_equal(receive(w, "act", 10), 0);
	assert_int_equal(settle(w, &lease), ORCH_OK);
	(void)receive_one(w, "act", "a1");
}

static void test_discarded_letters_end_as_dropped(void **state)
{
	struct world *w = *state;

	bury_one(w, "act", "a");
	bury_one(w, "act", "b");
	assert_int_equal(
		discard(w, (struct orch_queue_filter){ .queue = { "", 0 }, .id = ORCH_TEXT("b") }),
		1);
	assert_int_equal(ledger(w, "act").dead, 1);
	assert_int_equal(ledger(w, "act").dropped, 1);
	assert_int_equal(ask(w->f.path, "SELECT count FROM dropped WHERE reason = 'discarded'"), 1);
	assert_int_equal(discard(w, all), 1);
	assert_int_equal(ledger(w, "act").dropped, 2);
}

static void test_many_letters_are_redriven_in_pieces(void **state)
{
	struct world *w = *state;
	struct orch_queue_filter filter = all;
	char id[16];

	for (unsigned i = 0; i < 600; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		put(w, "act", id);
	}
	assert_int_equal(receive(w, "act", 600), 600);
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(bury(w, &w->leases[i], "r", "d"), ORCH_OK);
	filter.limit = 300;
	assert_int_equal(redrive(w, filter), 300);
	assert_int_equal(ledger(w, "act").in_flight, 300);
	assert_int_equal(redrive(w, all), 300);
	assert_int_equal(ledger(w, "act").dead, 0);
	assert_int_equal(receive(w, "act", 600), 600);
}

/* In SQL, a byte that does not stand at that place of the sealed body. */
#define OTHER_BYTE(place) "iif(substr(sealed, " place ", 1) = x'00', x'01', x'00')"

/* Three messages, the one in the middle changed by SQL: it goes aside, the others come. */
static void assert_damage_is_found(struct world *w, const char *sql)
{
	struct orch_queue_entry *entries;
	size_t count = 0;

	put(w, "scan", "a");
	put(w, "scan", "b");
	put(w, "scan", "c");
	poke(w->f.path, sql);
	assert_int_equal(receive(w, "scan", 10), 2);
	assert_int_equal(settle(w, &w->leases[0]), ORCH_OK);
	assert_int_equal(settle(w, &w->leases[1]), ORCH_OK);
	assert_int_equal(ledger(w, "scan").dead, 1);
	assert_int_equal(ledger(w, "scan").damaged, 1);
	entries = peek(w, true, true, &count);
	assert_int_equal(count, 1);
	assert_true(text_is(entries[0].reason, "damaged"));
	assert_true(text_is(entries[0].state, "damaged"));
	assert_int_equal(redrive(w, all), 0);
	assert_int_equal(discard(w, all), 1);
	assert_is_sound(w->f.path);
}

static void test_a_changed_row_is_set_aside_and_the_rest_flows_on(void **state)
{
	static const char *const damages[] = {
		"UPDATE body SET sealed = CAST(" OTHER_BYTE("1") " || substr(sealed, 2) AS BLOB)"
								 " WHERE row = 2",
		"UPDATE body SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) "
		"|| " OTHER_BYTE("-1") " AS BLOB) WHERE row = 2",
		"UPDATE body SET sealed = x'01' WHERE row = 2",
		"UPDATE body SET sealed = x'' WHERE row = 2",
		"DELETE FROM body WHERE row = 2",
		"UPDATE body SET sealed = zeroblob(200000) WHERE row = 2",
		"UPDATE item SET id = 'B' WHERE row = 2",
		"UPDATE item SET pipeline = 'other' WHERE row = 2",
		"UPDATE item SET tenant = 'other' WHERE row = 2",
		"UPDATE item SET trace = '' WHERE row = 2",
		"UPDATE item SET sequence = 'key' WHERE row = 2",
		"UPDATE item SET priority = 3 WHERE row = 2",
		"UPDATE item SET priority = -1 WHERE row = 2",
		"UPDATE item SET put = put + 1 WHERE row = 2",
		"UPDATE item SET step = 1 WHERE row = 2",
		"UPDATE item SET step_sent = 1 WHERE row = 2",
		"UPDATE item SET memo = x'00' WHERE row = 2",
		"UPDATE item SET tenant = hex(zeroblob(50000)) WHERE row = 2",
		"UPDATE item SET trace = CAST(x'ff00ff' AS TEXT) WHERE row = 2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		void *w = NULL;

		make_world(&w);
		assert_damage_is_found(w, damages[i]);
		remove_world(&w);
	}
}

static void test_what_opens_again_can_be_redriven(void **state)
{
	struct world *w = *state;
	struct orch_secret *right = w->f.key;

	put(w, "scan", "a");
	w->f.key = orch_secret_create(ORCH_TEXT("another key of thirty-two bytes."));
	reopen_queue(w, 0);
	assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(redrive(w, all), 0);
	orch_queue_close(w->queue);
	orch_db_close(w->f.db);
	orch_secret_destroy(w->f.key);
	w->f.key = right;
	open_queue(w, 0);
	assert_int_equal(redrive(w, all), 1);
	(void)receive_one(w, "scan", "a");
	assert_int_equal(ledger(w, "scan").damaged, 0);
}

static void test_swapped_bodies_open_for_nobody(void **state)
{
	struct world *w = *state;

	put(w, "scan", "a");
	put(w, "scan", "b");
	poke(w->f.path, "UPDATE body SET row = row + 10; UPDATE body SET row = 13 - row");
	assert_int_equal(receive(w, "scan", 10), 0);
	assert_int_equal(ledger(w, "scan").damaged, 2);
}

static void test_a_damaged_head_does_not_block_its_key(void **state)
{
	struct world *w = *state;

	put_in_order(w, "act", "a1", "a");
	put_in_order(w, "act", "a2", "a");
	poke(w->f.path, "UPDATE body SET sealed = x'00' WHERE row = 1");
	assert_int_equal(receive(w, "act", 1), 0);
	(void)receive_one(w, "act", "a2");

	put_in_order(w, "act", "b1", "b");
	put_in_order(w, "act", "b2", "b");
	poke(w->f.path, "UPDATE item SET sequence = 'x' WHERE id = 'b1'");
	assert_int_equal(receive(w, "act", 1), 0);
	(void)receive_one(w, "act", "b2");

	put_in_order(w, "act", "c1", "c");
	put_in_order(w, "act", "c2", "c");
	poke(w->f.path, "UPDATE item SET queue = 1, id = 'lost' WHERE id = 'c1'");
	assert_int_equal(receive(w, "act", 1), 0);
	reopen_queue(w, 0);
	(void)receive_one(w, "act", "c2");
}

/* As if bits had flipped in the table and not in the index, or the other way round. */
static void test_an_index_that_does_not_fit_its_table_is_built_anew(void **state)
{
	struct world *w = *state;
	struct orch_err err;

	put(w, "scan", "a");
	put(w, "scan", "b");
	put(w, "scan", "c");
	close_queue(w);
	poke(w->f.path,
		"CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'item_at';"
		"PRAGMA writable_schema = ON;"
		"DELETE FROM sqlite_schema WHERE name = 'item_at'");
	poke(w->f.path, "UPDATE item SET at = at + 1 WHERE row = 2");
	poke(w->f.path,
		"PRAGMA writable_schema = ON;"
		"INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept");
	assert_int_not_equal(ask(w->f.path,
				     "SELECT count(*) FROM pragma_integrity_check"
				     " WHERE integrity_check <> 'ok'"),
		0);
	open_queue(w, 0);
	assert_int_equal(receive(w, "scan", 10), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(settle(w, &w->leases[i]), ORCH_OK);
	assert_int_equal(ledger(w, "scan").done, 3);
	assert_true(orch_db_is_healthy(w->f.db, &err));
	assert_is_sound(w->f.path);
}

static void test_another_key_opens_nothing(void **state)
{
	struct world *w = *state;
	static const char bytes[ORCH_SEAL_KEY_BYTES] = "another key";
	struct orch_secret *old = w->f.key;

	put(w, "scan", "a");
	w->f.key = orch_secret_create((struct orch_text){ bytes, sizeof(bytes) });
	reopen_queue(w, 0);
	assert_int_equal(receive(w, "scan", 1), 0);
	assert_int_equal(ledger(w, "scan").damaged, 1);
	orch_secret_destroy(old);
}

static struct orch_queue_stats stats_of(struct world *w, const char *name)
{
	struct orch_queue_stats *stats;
	struct orch_err err = { "" };
	size_t count = 0;

	if (orch_queue_stats(w->queue, w->f.arena, &stats, &count, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(stats[i].name, name) == 0)
			return stats[i];
	}
	return (struct orch_queue_stats){ .waiting = 0 };
}

static void test_stats_and_peek_tell_each_state(void **state)
{
	struct world *w = *state;
	static const char *const states[] = { "leased", "blocked", "delayed", "waiting" };
	struct orch_message m = message("act", "c");
	struct orch_queue_entry *entries;
	struct orch_queue_stats stats;
	size_t count = 0;

	put_in_order(w, "act", "a", "key");
	(void)receive_one(w, "act", "a");
	put_in_order(w, "act", "b", "key");
	m.delay_ms = 100000;
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
	put(w, "act", "d");
	bury_one(w, "other", "e");
	stats = stats_of(w, "act");
	assert_int_equal(stats.waiting, 2);
	assert_int_equal(stats.leased, 1);
	assert_int_equal(stats.delayed, 1);
	assert_int_equal(stats.dead, 0);
	assert_int_equal(stats_of(w, "other").dead, 1);
	entries = peek(w, false, true, &count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++) {
		char id[2] = { (char)('a' + i), '\0' };

		assert_true(text_is(entries[i].state, states[i]));
		assert_true(text_is(entries[i].body, id));
	}
	orch_clock_shift_ms(VISIBILITY_MS + 1);
	stats = stats_of(w, "act");
	assert_int_equal(stats.waiting, 4);
	assert_true(stats.oldest_ms > VISIBILITY_MS);
}

static void test_peek_goes_on_where_it_stopped(void **state)
{
	struct world *w = *state;
	struct orch_queue_filter filter = all;
	struct orch_queue_entry *entries;
	struct orch_err err;
	size_t count = 0;
	unsigned seen = 0;
	char id[16];

	for (unsigned i = 0; i < 25; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		put(w, "act", id);
	}
	filter.limit = 10;
	do {
		assert_int_equal(
			orch_queue_peek(w->queue, &filter, w->f.arena, &entries, &count, &err),
			ORCH_OK);
		for (size_t i = 0; i < count; i++) {
			(void)snprintf(id, sizeof(id), "%u", seen++);
			assert_true(text_is(entries[i].id, id));
			filter.after_row = entries[i].row;
		}
	} while (count > 0);
	assert_int_equal(seen, 25);
}

static void test_commands_read_a_queue_without_writing(void **state)
{
	struct world *w = *state;
	struct orch_db_options options = { .path = w->f.path, .read_only = true };
	struct orch_queue *reader;
	struct orch_ledger *ledgers;
	struct orch_db *db;
	struct orch_err err = { "" };
	struct orch_queue_swept swept;
	size_t count = 0;

	bury_one(w, "act", "a");
	assert_int_equal(orch_db_open(&options, orch_queue_sqlite_migrations,
				 orch_queue_sqlite_migration_count, &db, &err),
		ORCH_OK);
	assert_int_equal(orch_queue_sqlite_open(db, NULL, &reader, &err), ORCH_OK);
	assert_int_equal(orch_queue_ledger(reader, w->f.arena, &ledgers, &count, &err), ORCH_OK);
	assert_int_equal(count, 2);
	assert_int_equal(ledgers[0].dead, 1);
	assert_int_equal(orch_queue_redrive(reader, &all, &swept, &err), ORCH_E_DENIED);
	orch_queue_close(reader);
	orch_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_buried_message_is_kept_with_its_reason, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_settling_as_dead_buries, make_world, remove_world),
		cmocka_unit_test_setup_teardown(test_a_dropped_message_is_counted_with_its_reason,
			make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_redriven_letters_start_anew_with_their_progress, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_letter_whose_id_is_there_again_is_not_redriven, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_redriven_letter_joins_the_end_of_its_key, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_discarded_letters_end_as_dropped, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_many_letters_are_redriven_in_pieces, make_world, remove_world),
		cmocka_unit_test(test_a_changed_row_is_set_aside_and_the_rest_flows_on),
		cmocka_unit_test_setup_teardown(
			test_what_opens_again_can_be_redriven, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_swapped_bodies_open_for_nobody, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_head_does_not_block_its_key, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_an_index_that_does_not_fit_its_table_is_built_anew, make_world,
			remove_world),
		cmocka_unit_test_setup_teardown(
			test_another_key_opens_nothing, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_stats_and_peek_tell_each_state, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_peek_goes_on_where_it_stopped, make_world, remove_world),
		cmocka_unit_test_setup_teardown(
			test_commands_read_a_queue_without_writing, make_world, remove_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
