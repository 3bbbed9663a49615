/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block after a crash between its steps: nothing is lost, nothing is posted twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_task.h"

#define OK "{\"ok\":true}"
#define NO_MESSAGES "{\"ok\":true,\"messages\":[]}"

enum { ADMIN = 1, BOT = 2 };

static const char *const both[] = { "admin_token", "xoxp", "bot_token", "xoxb", NULL };
static const char *const bot_only[] = { "bot_token", "xoxb", "alert_channel", "CALERT", NULL };

static void test_a_lost_reply_to_the_deletion_still_gets_its_notice(void **state)
{
	static const struct fake_reply script[] = { { .url = "/chat.delete", .lost = true },
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"message_not_found\"}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_a_lost_reply_to_the_notice_posts_no_second_one(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "/conversations.history?",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[{\"text\":\"x\"},{\"metadata\":{"
				"\"event_type\":"
				"\"orchestrator_notice\",\"event_payload\":{\"key\":\"key-1\"}}}]"
				"}" },
		{ .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[2].method, "GET");
	assert_non_null(strstr(world.fake->requests[2].url, "include_all_metadata=true"));
	assert_non_null(strstr(world.fake->requests[2].url, "channel=C1"));
	assert_non_null(strstr(world.fake->requests[2].url, "oldest=1.1"));
	assert_int_equal(world.fake->requests[2].credential, BOT);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_non_null(strstr(world.fake->sink.detail, "a notice was posted"));
	fake_task_end(&world);
}

static void test_a_notice_that_never_arrived_is_posted_after_all_pages(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "/conversations.replies?",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[{\"metadata\":{\"event_type\":"
				"\"orchestrator_notice\",\"event_payload\":{\"key\":\"other\"}}}],"
				"\"response_metadata\":{\"next_cursor\":\"a=b\"}}" },
		{ .url = "cursor=a%3Db", .status = 200, .body = NO_MESSAGES },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.thread_ts", "0.9");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[2].url, "ts=0.9"));
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_a_notice_whose_server_failed_is_looked_for_first(void **state)
{
	static const struct fake_reply first[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 500 }, { .url = NULL }
	};
	static const struct fake_reply second[] = {
		{ .url = "/conversations.history?", .status = 200, .body = NO_MESSAGES },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, first), ORCH_E_AGAIN);
	fake_restart(world.fake);
	world.fake->progress.attempt = 2;
	assert_int_equal(fake_act(world.fake, &world.task, second), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_a_restart_between_files_repeats_none_that_is_done(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .lost = true },
		{ .url = "/files.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"file_not_found\"}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1,F2");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[3].body, "{\"file\":\"F2\"}");
	assert_non_null(strstr(world.fake->sink.detail, "2 of 2 files"));
	fake_task_end(&world);
}

static void test_where_nothing_helps_the_watchers_are_told(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postEphemeral",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"user_not_in_channel\"}" },
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"cannot_dm_bot\"}" },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "/conversations.history?", .status = 200, .body = NO_MESSAGES },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", bot_only);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "cannot_block");
	assert_non_null(strstr(world.fake->requests[3].url, "channel=CALERT"));
	assert_non_null(strstr(world.fake->requests[4].body, "\"channel\":\"CALERT\""));
	assert_non_null(strstr(world.fake->requests[4].body, "user_not_in_channel"));
	assert_true(fake_alarmed(world.fake, "slack_cannot_block"));
	fake_task_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lost_reply_to_the_deletion_still_gets_its_notice),
		cmocka_unit_test(test_a_lost_reply_to_the_notice_posts_no_second_one),
		cmocka_unit_test(test_a_notice_that_never_arrived_is_posted_after_all_pages),
		cmocka_unit_test(test_a_notice_whose_server_failed_is_looked_for_first),
		cmocka_unit_test(test_a_restart_between_files_repeats_none_that_is_done),
		cmocka_unit_test(test_where_nothing_helps_the_watchers_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
