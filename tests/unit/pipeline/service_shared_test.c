/* SPDX-License-Identifier: Apache-2.0 */
/* The service on SQS and PostgreSQL. */
#include "unit/pipeline/child.h"
#include "unit/pipeline/shared.h"

static void stop_child(const struct child *child)
{
	assert_int_equal(kill(child->pid, SIGTERM), 0);
	assert_int_equal(await_end(child), 0);
}

/* Its lanes have connections of their own, and what is broken by all of it is made anew. */
static void test_events_come_through_after_a_reload_and_lost_connections(void **state)
{
	struct house *h = *state;
	struct child child;
	int held;
	uint16_t port = reserve_port(&held);

	house_config(h, shared_config(h, port, SHARED_MIGRATES, ""));
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	post(port, "id e1\nfield action ok\ntext text x\nemit\n");
	await_log(h, &child, "event=event.judged", 1);
	house_config(h, shared_config(h, port, "", "limits = { events = 7; };"));
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "result=loaded", 1);
	shared_cut_connections();
	post(port, "id e2\nfield action ok\ntext text x\nemit\n");
	await_log(h, &child, "event=event.judged", 2);
	stop_child(&child);
	assert_int_equal(count_in_log(h, &child, "event=stopped"), 1);
	assert_int_equal(count_in_log(h, &child, "canary"), 0);
	(void)close(held);
}

static void test_a_reload_leaves_queue_and_store_where_they_are(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, shared_config(h, 0, SHARED_MIGRATES, ""));
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	house_config(h, HOUSE_WHOLE);
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "queue cannot change while the program runs; restart it", 1);
	await_log(h, &child, "result=refused", 1);
	stop_child(&child);
}

static void test_an_old_schema_is_said_and_1(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, shared_config(h, 0, "", ""));
	start_child(h, &child);
	assert_int_equal(await_end(&child), EXIT_FAILURE);
	assert_int_equal(count_in_log(h, &child, "event=start.failed what=store"), 1);
	assert_int_equal(count_in_log(h, &child, "orchestrator store migrate"), 1);
}

static void test_a_server_that_is_not_there_is_said_and_1(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, shared_config(h, 0, "", ""));
	postgres_do(&shared.postgres, "stop");
	start_child(h, &child);
	assert_int_equal(await_end(&child), EXIT_FAILURE);
	postgres_do(&shared.postgres, "start");
	assert_int_equal(count_in_log(h, &child, "Connection refused"), 1);
}

/* What a start would find only then is a matter of the configuration. */
static void test_what_needs_no_server_is_78(void **state)
{
	struct house *h = *state;
	struct child child;

	assert_int_equal(setenv("SHARED_KEY", "canary", 1), 0);
	house_config(h, shared_config(h, 0, SHARED_MIGRATES, ""));
	start_child(h, &child);
	assert_int_equal(await_end(&child), 78);
	assert_int_equal(count_in_log(h, &child, "the store's key must be 64 hex digits"), 1);
	assert_int_equal(count_in_log(h, &child, "canary"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_open, house_close)
		TEST(test_events_come_through_after_a_reload_and_lost_connections),
		TEST(test_a_reload_leaves_queue_and_store_where_they_are),
		TEST(test_an_old_schema_is_said_and_1),
		TEST(test_a_server_that_is_not_there_is_said_and_1),
		TEST(test_what_needs_no_server_is_78),
#undef TEST
	};

	return cmocka_run_group_tests(tests, shared_start, shared_stop);
}
