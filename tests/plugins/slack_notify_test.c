/* SPDX-License-Identifier: Apache-2.0 */
/* slack_notify: whom it tells, and that it tells them once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_task.h"

#define OK "{\"ok\":true}"

static const char *const channel[] = { "bot_token", "x", "to", "C9", "text",
	"{finding.name} by {event.actor}", NULL };
static const char *const author[] = { "bot_token", "x", "to", "author", NULL };
static const char *const user[] = { "bot_token", "x", "to", "W7", NULL };
static const char *const thread[] = { "bot_token", "x", "to", "channel", "thread", "true", NULL };

static void test_a_channel_is_told(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", channel);
	assert_true(world.fake->plugin->action->passive);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[0].body, "\"channel\":\"C9\""));
	assert_non_null(strstr(world.fake->requests[0].body, "\"text\":\"Visa card by U1\""));
	assert_non_null(strstr(world.fake->requests[0].body, "\"key\":\"key-1\""));
	assert_string_equal(world.fake->requests[0].limit_key, "slack:chat.postMessage:T1:C9");
	assert_string_equal(fake_task_outcome(&world), "notified");
	fake_task_end(&world);
}

static void test_a_person_is_told_directly(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", author);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[0].body, "{\"users\":\"U1\"}");
	assert_non_null(strstr(world.fake->requests[1].body, "\"channel\":\"D5\""));
	fake_task_end(&world);
	fake_task_begin(&world, "slack_notify", user);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[0].body, "{\"users\":\"W7\"}");
	fake_task_end(&world);
}

static void test_the_thread_of_the_message_is_used(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", thread);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[0].body, "\"channel\":\"C1\""));
	assert_non_null(strstr(world.fake->requests[0].body, "\"thread_ts\":\"1.1\""));
	fake_task_end(&world);
}

static void test_an_author_who_is_not_there_is_not_told(void **state)
{
	static const struct fake_reply nothing[] = { { .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", author);
	fake_task_set(&world, "slack.user", "");
	assert_int_equal(fake_task_act(&world, nothing), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "no_recipient");
	fake_task_end(&world);
}

static void test_a_lost_reply_posts_nothing_twice(void **state)
{
	static const struct fake_reply found[] = {
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "channel=D5",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[{\"metadata\":{\"event_type\":"
				"\"orchestrator_notice\",\"event_payload\":{\"key\":\"key-1\"}}}]"
				"}" },
		{ .url = NULL }
	};
	static const struct fake_reply missing[] = {
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "/conversations.history?",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[]}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", author);
	assert_int_equal(fake_task_act(&world, found), ORCH_OK);
	assert_int_equal(fake_task_act(&world, missing), ORCH_OK);
	fake_task_end(&world);
}

static void test_a_failed_post_is_looked_for_before_the_next(void **state)
{
	static const struct fake_reply first[] = { { .url = "/chat.postMessage", .status = 503 },
		{ .url = NULL } };
	static const struct fake_reply second[] = {
		{ .url = "/conversations.history?",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"missing_scope\"}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", channel);
	assert_int_equal(fake_task_act(&world, first), ORCH_E_AGAIN);
	fake_restart(world.fake);
	assert_int_equal(fake_act(world.fake, &world.task, second), ORCH_OK);
	assert_true(fake_alarmed(world.fake, "slack_token"));
	fake_task_end(&world);
}

static void test_a_long_history_ends_the_look(void **state)
{
	struct fake_reply script[13] = { { .url = "/chat.postMessage", .lost = true } };
	struct fake_task world;

	(void)state;
	for (size_t i = 1; i <= 10; i++)
		script[i] = (struct fake_reply){ .url = "/conversations.history?",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[],\"response_metadata\":{"
				"\"next_cursor\":\"c\"}}" };
	script[11] = (struct fake_reply){ .url = "/chat.postMessage", .status = 200, .body = OK };
	fake_task_begin(&world, "slack_notify", channel);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "notified");
	fake_task_end(&world);
}

static void test_a_page_that_is_cut_does_not_keep_the_post_away(void **state)
{
	static const struct fake_reply script[] = { { .url = "/chat.postMessage", .lost = true },
		{ .url = "limit=20", .status = 200, .body = "{\"ok\":tr", .truncated = true },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", channel);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	fake_task_end(&world);
}

static void test_a_token_that_slack_does_not_know_rests(void **state)
{
	static const struct fake_reply wrong[] = {
		{ .url = "/chat.postMessage",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"account_inactive\"}" },
		{ .url = NULL }
	};
	static const struct fake_reply nothing[] = { { .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", channel);
	assert_int_equal(fake_task_act(&world, wrong), ORCH_E_DENIED);
	assert_true(fake_alarmed(world.fake, "slack_token"));
	assert_int_equal(fake_task_act(&world, nothing), ORCH_E_DENIED);
	assert_non_null(strstr(world.fake->err.text, "account_inactive"));
	assert_int_equal(world.fake->alarm_count, 0);
	world.fake->now_ms += 5u * 60u * 1000u;
	assert_int_equal(fake_task_act(&world, wrong), ORCH_E_DENIED);
	assert_int_equal(world.fake->request_count, 1);
	fake_task_end(&world);
}

static void test_a_refusal_is_final(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postMessage",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"is_archived\"}" },
		{ .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_notify", channel);
	assert_int_equal(fake_task_act(&world, script), ORCH_E_DENIED);
	assert_non_null(strstr(world.fake->err.text, "is_archived"));
	fake_task_end(&world);
}

static void test_useless_settings_are_refused(void **state)
{
	static const char *const nobody[] = { "bot_token", "x", "to", "", NULL };
	static const char *const lost[] = { "bot_token", "x", "to", "C1", "thread", "true", NULL };
	struct orch_err err;

	(void)state;
	assert_int_equal(fake_refuse("slack_notify", nobody, &err), ORCH_E_INVALID);
	assert_int_equal(fake_refuse("slack_notify", lost, &err), ORCH_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_channel_is_told),
		cmocka_unit_test(test_a_person_is_told_directly),
		cmocka_unit_test(test_the_thread_of_the_message_is_used),
		cmocka_unit_test(test_an_author_who_is_not_there_is_not_told),
		cmocka_unit_test(test_a_lost_reply_posts_nothing_twice),
		cmocka_unit_test(test_a_failed_post_is_looked_for_before_the_next),
		cmocka_unit_test(test_a_long_history_ends_the_look),
		cmocka_unit_test(test_a_page_that_is_cut_does_not_keep_the_post_away),
		cmocka_unit_test(test_a_token_that_slack_does_not_know_rests),
		cmocka_unit_test(test_a_refusal_is_final),
		cmocka_unit_test(test_useless_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
