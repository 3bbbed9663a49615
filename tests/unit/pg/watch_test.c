/* SPDX-License-Identifier: Apache-2.0 */
/* What was notified is heard, and what may have been missed is asked for. */
#include "unit/pg/fixture.h"

/* A watch that is added and removed on its lane. */
struct heard {
	struct orch_job job;
	struct orch_pg *pg;
	struct orch_pg_watch watch;
	struct counter changed, moved;
	int code;
	struct orch_err err;
};

static void on_changed(void *arg)
{
	struct heard *heard = arg;

	assert_true(orch_lane_is_current(heard->watch.lane));
	counter_add(&heard->changed);
}

static void add(struct orch_job *job)
{
	struct heard *heard = (struct heard *)(void *)job;

	heard->code = orch_pg_watch_add(heard->pg, &heard->watch, &heard->err);
	counter_add(&heard->moved);
}

static void drop(struct orch_job *job)
{
	struct heard *heard = (struct heard *)(void *)job;

	orch_pg_watch_remove(heard->pg, &heard->watch);
	counter_add(&heard->moved);
}

static void move(struct heard *heard, void (*run)(struct orch_job *job))
{
	unsigned before = counter_value(&heard->moved);

	heard->job.run = run;
	orch_lane_post(heard->watch.lane, &heard->job);
	counter_await(&heard->moved, before + 1);
}

static void listen_to(struct heard *heard, const struct fixture *f, const char *channel)
{
	*heard = (struct heard){
		.pg = f->pg,
		.watch = { .channel = channel,
			.lane = f->lane,
			.changed = on_changed,
			.arg = heard },
		.changed = COUNTER_INIT,
		.moved = COUNTER_INIT,
	};
	move(heard, add);
}

/* Once at first, and once when the server listens. */
static void start_listening(struct heard *heard, const struct fixture *f, const char *channel)
{
	listen_to(heard, f, channel);
	assert_int_equal(heard->code, ORCH_OK);
	counter_await(&heard->changed, 2);
}

static void notify(const struct fixture *f, const char *channel)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "NOTIFY \"%s\"", channel);
	postgres_sql(f->postgres, f->database, sql, NULL, 0);
}

static void test_a_notification_is_heard(void **state)
{
	const struct fixture *f = *state;
	struct heard heard, other;

	start_listening(&heard, f, "one");
	start_listening(&other, f, "other");
	counter_await(&heard.changed, 3); /* LISTEN is said anew for all */
	for (unsigned i = 1; i <= 5; i++) {
		notify(f, "one");
		counter_await(&heard.changed, 3 + i);
	}
	assert_int_equal(counter_value(&other.changed), 2);
	notify(f, "other");
	counter_await(&other.changed, 3);
	move(&heard, drop);
	move(&other, drop);
}

static void test_two_watches_of_one_channel_both_hear(void **state)
{
	const struct fixture *f = *state;
	struct heard first, second;

	start_listening(&first, f, "one");
	start_listening(&second, f, "one");
	counter_await(&first.changed, 3);
	notify(f, "one");
	counter_await(&first.changed, 4);
	counter_await(&second.changed, 3);
	move(&first, drop);
	notify(f, "one");
	counter_await(&second.changed, 4);
	assert_int_equal(counter_value(&first.changed), 4);
	move(&second, drop);
}

static void test_what_a_group_notifies_is_heard_by_other_lanes(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	struct counter done = COUNTER_INIT;
	struct test_group group;
	struct heard heard;

	make_lane(&other);
	start_listening(&heard, &other, "one");
	make_group(&group, f, &done, "SELECT count(pg_notify('one', '')) WHERE $1 > 0", 1);
	run_all(f, &group, 1);
	assert_int_equal(group.group.code, ORCH_OK);
	counter_await(&heard.changed, 3);
	move(&heard, drop);
	remove_lane(&other);
}

static void test_after_a_new_connection_a_watch_is_called_and_hears_again(void **state)
{
	const struct fixture *f = *state;
	struct heard heard;

	start_listening(&heard, f, "one");
	for (unsigned i = 0; i < 3; i++) {
		unsigned before = counter_value(&heard.changed);

		postgres_sql(f->postgres, "postgres", CUT_CONNECTIONS, NULL, 0);
		counter_await(&heard.changed, before + 1);
		notify(f, "one");
		counter_await(&heard.changed, before + 2);
	}
	postgres_do(f->postgres, "kill");
	postgres_do(f->postgres, "start");
	counter_await(&heard.changed, 9);
	notify(f, "one");
	counter_await(&heard.changed, 10);
	move(&heard, drop);
}

static void test_a_watch_that_was_removed_is_not_called(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct test_group group;
	struct heard heard;
	unsigned before;

	start_listening(&heard, f, "one");
	move(&heard, drop);
	before = counter_value(&heard.changed);
	make_group(&group, f, &done, "SELECT count(pg_notify('one', '')) WHERE $1 > 0", 1);
	run_all(f, &group, 1);
	/* What it notified came with its own answer. */
	run_all(f, &group, 1);
	assert_int_equal(counter_value(&heard.changed), before);
}

static void test_a_channel_with_a_strange_name_is_refused(void **state)
{
	static const char *const names[] = { "", "a b", "a\"b", "a;b", "gr\xc3\xbc\xc3\x9f",
		"a123456789012345678901234567890123456789012345678901234567890123" };
	const struct fixture *f = *state;
	struct heard heard;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		listen_to(&heard, f, names[i]);
		assert_int_equal(heard.code, ORCH_E_INVALID);
		assert_int_equal(counter_value(&heard.changed), 0);
	}
	start_listening(&heard, f, &names[5][1]); /* 63 characters */
	notify(f, &names[5][1]);
	counter_await(&heard.changed, 3);
	move(&heard, drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_notification_is_heard),
		TEST(test_two_watches_of_one_channel_both_hear),
		TEST(test_what_a_group_notifies_is_heard_by_other_lanes),
		TEST(test_after_a_new_connection_a_watch_is_called_and_hears_again),
		TEST(test_a_watch_that_was_removed_is_not_called),
		TEST(test_a_channel_with_a_strange_name_is_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
