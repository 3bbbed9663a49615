/* SPDX-License-Identifier: Apache-2.0 */
/* Bits that flip at rest: every message comes out, is set aside, or the damage is said. */
#include "unit/queue/world.h"

#define MESSAGES 24
#define KEYS 4
#define ROUNDS 24 /* more than the longest key has messages, before and after the tending */
#define ROUND_MS 3600000
#define IMAGE_BYTES (1 << 20)
#define BITS_APART 1499 /* a prime, so that each bit of a byte has its turn */

struct rot {
	struct world w;
	char image[IMAGE_BYTES];
	size_t len;
};

static void put_messages(struct world *w)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		char id[16], order[16];
		struct orch_message m;

		(void)snprintf(id, sizeof(id), "m%u", i);
		(void)snprintf(order, sizeof(order), "k%u", i % KEYS);
		m = message("scan", id);
		m.time_ms = 1700000000000 + i;
		if (i >= MESSAGES / 3)
			m.order = orch_text_from(order);
		assert_int_equal(put_message(w, &m, true), ORCH_OK);
	}
}

/* Ready, blocked, leased, delayed ones, one with progress. */
static void make_queue(struct world *w)
{
	put_messages(w);
	assert_int_equal(receive(w, "scan", 6), 6);
	assert_int_equal(checkpoint(w, &w->leases[0], 1, true, "memo"), ORCH_OK);
	assert_int_equal(release(w, &w->leases[1], 5000, true), ORCH_OK);
	assert_int_equal(release(w, &w->leases[2], 0, true), ORCH_OK);
}

static void read_image(struct rot *rot)
{
	FILE *file = fopen(rot->w.f.path, "rb");

	assert_non_null(file);
	rot->len = fread(rot->image, 1, sizeof(rot->image), file);
	assert_true(rot->len > 0 && rot->len < sizeof(rot->image));
	assert_int_equal(fclose(file), 0);
}

static void write_image(const struct rot *rot)
{
	FILE *file = fopen(rot->w.f.path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(rot->image, 1, rot->len, file), rot->len);
	assert_int_equal(fclose(file), 0);
}

static bool open_damaged(struct world *w)
{
	struct orch_db_options options = { .path = w->f.path };
	struct orch_err err;

	if (orch_db_open(&options, orch_queue_sqlite_migrations, orch_queue_sqlite_migration_count,
		    &w->f.db, &err) < 0)
		return false;
	if (orch_queue_sqlite_open(w->f.db, w->f.key, &w->queue, &err) == ORCH_OK)
		return true;
	orch_db_close(w->f.db);
	return false;
}

/* Settles what can be received; false: that was refused. */
static bool settle_all(struct world *w, size_t *count)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.name = ORCH_TEXT("scan"),
		.max = MESSAGES,
		.visibility_ms = VISIBILITY_MS,
		.arena = w->f.arena };

	if (do_op(w, &op) < 0)
		return false;
	for (size_t i = 0; i < op.lease_count; i++) {
		if (settle(w, &op.leases[i]) < 0)
			return false;
		(*count)++;
	}
	return true;
}

/* Has it come to light that something is wrong, or is nothing? */
static bool ends_well(struct world *w)
{
	struct orch_ledger *ledgers;
	struct orch_err err;
	size_t settled = 0, count;
	uint64_t mended;

	for (int round = 0; round < ROUNDS; round++) {
		if (!settle_all(w, &settled))
			return true;
		if (round == ROUNDS / 2 && orch_queue_tend(w->queue, &mended, &err) < 0)
			return true;
		orch_clock_shift_ms((round + 1) * ROUND_MS);
	}
	if (orch_queue_ledger(w->queue, w->f.arena, &ledgers, &count, &err) < 0)
		return true;
	return ledgers[0].imbalance != 0 ||
		(ledgers[0].in_flight == 0 && settled + ledgers[0].damaged == MESSAGES);
}

static bool survives(struct rot *rot, size_t bit)
{
	bool well = true;

	rot->image[bit / 8] ^= (char)(1 << (bit % 8));
	write_image(rot);
	if (open_damaged(&rot->w)) {
		well = ends_well(&rot->w);
		close_queue(&rot->w);
	}
	orch_clock_shift_ms(0);
	orch_arena_destroy(rot->w.f.arena);
	rot->w.f.arena = orch_arena_create(0);
	rot->image[bit / 8] ^= (char)(1 << (bit % 8));
	return well;
}

static void test_no_flipped_bit_loses_a_message_silently(void **state)
{
	struct rot *rot = *state;

	make_queue(&rot->w);
	close_queue(&rot->w);
	read_image(rot);
	for (size_t bit = 0; bit < rot->len * 8; bit += BITS_APART)
		if (!survives(rot, bit))
			fail_msg("bit %zu", bit);
	write_image(rot);
	open_queue(&rot->w, 0);
}

static void test_what_is_whole_needs_no_mending(void **state)
{
	struct rot *rot = *state;
	struct orch_err err;
	uint64_t count = 1;

	make_queue(&rot->w);
	assert_int_equal(orch_queue_tend(rot->w.queue, &count, &err), ORCH_OK);
	assert_int_equal(count, 0);
	assert_int_equal(receive(&rot->w, "scan", MESSAGES), 7);
}

/* What each does to one ready message; it must come out all the same, or be set aside. */
static void test_rows_that_no_receive_would_find_are_put_right(void **state)
{
	static const char *const damage[] = { "state = 7", "state = -1", "state = NULL",
		"state = 'x'", "state = 2, at = 9e18", "state = 1, at = 'x'",
		"state = 2, at = NULL", "state = 3", "priority = 9000000000000000000",
		"priority = 'x'", "at = NULL" };
	struct rot *rot = *state;
	struct world *w = &rot->w;
	char sql[128], id[16];
	struct orch_err err;
	uint64_t count;

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		(void)snprintf(id, sizeof(id), "m%zu", i);
		put(w, "scan", id);
		(void)snprintf(sql, sizeof(sql), "UPDATE item SET %s", damage[i]);
		poke(w->f.path, sql);
		assert_int_equal(orch_queue_tend(w->queue, &count, &err), ORCH_OK);
		if (receive(w, "scan", 1) == 1)
			assert_int_equal(settle(w, &w->leases[0]), ORCH_OK);
		if (ledger(w, "").in_flight != 0)
			fail_msg("%s", damage[i]);
	}
	assert_int_equal(ledger(w, "").damaged, 1); /* another priority than was sealed */
}

static void test_a_row_of_no_queue_is_set_aside(void **state)
{
	struct rot *rot = *state;
	struct world *w = &rot->w;
	struct orch_err err;
	uint64_t count;

	put(w, "scan", "a");
	put(w, "scan", "b");
	poke(w->f.path, "UPDATE item SET queue = 5 WHERE id = 'a'");
	assert_int_equal(orch_queue_tend(w->queue, &count, &err), ORCH_OK);
	assert_int_equal(count, 1);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM dead WHERE damaged"), 1);
	assert_int_equal(ask(w->f.path, "SELECT count(*) FROM body"), 1);
	(void)receive_one(w, "scan", "b");
}

static void test_a_ledger_that_lost_its_queue_gets_it_back(void **state)
{
	struct rot *rot = *state;
	struct world *w = &rot->w;
	struct orch_err err;
	uint64_t count;

	put(w, "scan", "a");
	poke(w->f.path, "UPDATE ledger SET queue = 5");
	assert_int_equal(orch_queue_tend(w->queue, &count, &err), ORCH_OK);
	assert_int_equal(count, 1);
	(void)receive_one(w, "scan", "a");
	assert_int_equal(ledger(w, "scan").in_flight, 1);
}

static int make_rot(void **state)
{
	struct rot *rot = calloc(1, sizeof(*rot));
	void *world;

	make_world(&world);
	rot->w = *(struct world *)world;
	free(world);
	*state = rot;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_rot, remove_world)
		TEST(test_no_flipped_bit_loses_a_message_silently),
		TEST(test_what_is_whole_needs_no_mending),
		TEST(test_rows_that_no_receive_would_find_are_put_right),
		TEST(test_a_row_of_no_queue_is_set_aside),
		TEST(test_a_ledger_that_lost_its_queue_gets_it_back),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
