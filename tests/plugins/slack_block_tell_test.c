/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block: whom it tells when, and which tokens it lets rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_task.h"

#define OK "{\"ok\":true}"
#define REFUSED(error) "{\"ok\":false,\"error\":\"" error "\"}"

enum { ADMIN = 1, BOT = 2 };

static const char *const both[] = { "admin_token", "xoxp", "bot_token", "xoxb", NULL };

static void test_a_refused_notice_does_not_undo_the_deletion(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"not_in_channel\"}" },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_string_equal(world.fake->sink.detail,
		"the message was deleted with the admin's token; the author was told by an "
		"ephemeral "
		"message; Slack says not_in_channel");
	assert_non_null(strstr(world.fake->requests[2].body, "was removed because"));
	assert_int_equal(world.fake->alarm_count, 0);
	fake_task_end(&world);
}

static void test_the_author_is_told_directly_where_nothing_else_is_allowed(void **state)
{
	static const char *const refusals[] = { REFUSED("not_in_channel"),
		REFUSED("restricted_action"), REFUSED("is_archived") };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "/chat.delete", .status = 200, .body = OK },
			{ .url = "/chat.postMessage", .status = 200, .body = refusals[i] },
			{ .url = "/chat.postEphemeral", .status = 200, .body = refusals[i] },
			{ .url = "/conversations.open",
				.status = 200,
				.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
			{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
		};

		assert_int_equal(fake_task_act(&world, script), ORCH_OK);
		assert_string_equal(world.fake->requests[3].body, "{\"users\":\"U1\"}");
		assert_non_null(strstr(world.fake->requests[4].body, "\"channel\":\"D5\""));
		assert_non_null(
			strstr(world.fake->requests[4].body, "In <#C1>: A message by <@U1>"));
		assert_string_equal(
			world.fake->requests[4].limit_key, "slack:chat.postMessage:T1:D5");
		assert_string_equal(fake_task_outcome(&world), "deleted");
		assert_non_null(
			strstr(world.fake->sink.detail, "the author was told by a direct message"));
		assert_int_equal(world.fake->alarm_count, 0);
	}
	fake_task_end(&world);
}

static void test_a_warning_that_is_refused_is_sent_directly(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("cant_delete_message") },
		{ .url = "/chat.postEphemeral",
			.status = 200,
			.body = REFUSED("user_not_in_channel") },
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "/conversations.history?include_all_metadata=true&limit=20&channel=D5",
			.status = 200,
			.body = "{\"ok\":true,\"messages\":[]}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[5].body, "could not be removed"));
	assert_string_equal(fake_task_outcome(&world), "direct");
	assert_string_equal(world.fake->sink.detail,
		"nothing could be removed; the author was warned by a direct message; Slack says "
		"cant_delete_message");
	fake_task_end(&world);
}

static void test_where_nobody_can_be_told_it_is_an_alarm(void **state)
{
	static const struct fake_reply removed[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = REFUSED("not_in_channel") },
		{ .url = "/chat.postEphemeral", .status = 200, .body = REFUSED("not_in_channel") },
		{ .url = "/conversations.open", .status = 200, .body = REFUSED("missing_scope") },
		{ .url = NULL }
	};
	static const struct fake_reply kept[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("cant_delete_message") },
		{ .url = "/chat.postEphemeral", .status = 200, .body = REFUSED("not_in_channel") },
		{ .url = "/conversations.open",
			.status = 200,
			.body = "{\"ok\":true,\"channel\":{\"id\":\"D5\"}}" },
		{ .url = "/chat.postMessage", .status = 200, .body = REFUSED("restricted_action") },
		{ .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, removed), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_non_null(strstr(world.fake->sink.detail, "nobody could be told"));
	assert_true(fake_alarmed(world.fake, "slack_cannot_tell"));
	assert_int_equal(fake_task_act(&world, kept), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "cannot_block");
	assert_true(fake_alarmed(world.fake, "slack_cannot_tell"));
	fake_task_end(&world);
}

/* A page too long to be read tells nothing, and so holds up nothing. */
static void test_a_page_that_is_cut_does_not_keep_the_notice_away(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .lost = true },
		{ .url = "limit=20", .status = 200, .body = "{\"ok\":tr", .truncated = true },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_true(world.fake->requests[2].max_bytes > 2u * 1024u * 1024u);
	assert_non_null(strstr(world.fake->sink.detail, "a notice was posted"));
	fake_task_end(&world);
}

static void test_a_token_that_slack_does_not_know_rests(void **state)
{
	static const struct fake_reply wrong[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("token_revoked") },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	static const struct fake_reply resting[] = {
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	static const struct fake_reply again[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, wrong), ORCH_E_DENIED);
	assert_true(fake_alarmed(world.fake, "slack_token"));
	assert_int_equal(fake_task_act(&world, resting), ORCH_E_DENIED);
	assert_int_equal(world.fake->requests[0].credential, BOT);
	assert_int_equal(world.fake->request_count, 1);
	assert_non_null(strstr(world.fake->err.text, "token_revoked"));
	assert_false(fake_alarmed(world.fake, "slack_token"));
	world.fake->now_ms += 5u * 60u * 1000u;
	assert_int_equal(fake_task_act(&world, again), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_a_scope_that_is_missing_gives_the_token_no_rest(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("missing_scope") },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fake_task_act(&world, script), ORCH_E_DENIED);
		assert_int_equal(world.fake->request_count, 2);
		assert_true(fake_alarmed(world.fake, "slack_token"));
	}
	fake_task_end(&world);
}

/* The core adds the last answer to a dead letter's reason; the name says whose it was. */
static void test_a_dead_letter_names_the_request_that_was_last(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("missing_scope") },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_E_DENIED);
	assert_string_equal(world.fake->err.text,
		"nothing could be removed; the author was warned by an ephemeral message; Slack "
		"says "
		"missing_scope; the last request was chat.postEphemeral");
	fake_task_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refused_notice_does_not_undo_the_deletion),
		cmocka_unit_test(test_the_author_is_told_directly_where_nothing_else_is_allowed),
		cmocka_unit_test(test_a_warning_that_is_refused_is_sent_directly),
		cmocka_unit_test(test_where_nobody_can_be_told_it_is_an_alarm),
		cmocka_unit_test(test_a_page_that_is_cut_does_not_keep_the_notice_away),
		cmocka_unit_test(test_a_token_that_slack_does_not_know_rests),
		cmocka_unit_test(test_a_scope_that_is_missing_gives_the_token_no_rest),
		cmocka_unit_test(test_a_dead_letter_names_the_request_that_was_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
