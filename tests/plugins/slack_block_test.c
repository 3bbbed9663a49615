/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block: each rung, and each class of error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_task.h"

#define OK "{\"ok\":true}"

#define PAUSE_MS (5u * 60u * 1000u) /* of a token that Slack does not know */

enum { ADMIN = 1, BOT = 2 };

static const char *const both[] = { "admin_token", "xoxp", "bot_token", "xoxb", "appeal_url",
	"https://wiki/appeal", NULL };
static void test_a_message_is_deleted_and_a_notice_takes_its_place(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_request *sent;
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	sent = world.fake->requests;
	assert_string_equal(sent[0].method, "POST");
	assert_string_equal(sent[0].url, "https://slack.com/api/chat.delete");
	assert_string_equal(sent[0].headers, "Content-Type: application/json; charset=utf-8\n");
	assert_string_equal(sent[0].body, "{\"channel\":\"C1\",\"ts\":\"1.1\"}");
	assert_string_equal(sent[0].limit_key, "slack:chat.delete:T1");
	assert_int_equal(sent[0].credential, ADMIN);
	assert_int_equal(sent[1].credential, BOT);
	assert_string_equal(sent[1].limit_key, "slack:chat.postMessage:T1:C1");
	assert_non_null(strstr(sent[1].body, "<@U1>"));
	assert_non_null(strstr(sent[1].body, "Visa card"));
	assert_non_null(strstr(sent[1].body, "<https://wiki/appeal|Ask for a review>"));
	assert_non_null(strstr(sent[1].body,
		"\"metadata\":{\"event_type\":\"orchestrator_notice\","
		"\"event_payload\":{\"key\":\"key-1\"}}"));
	assert_null(strstr(sent[1].body, "thread_ts"));
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_int_equal(world.fake->alarm_count, 0);
	fake_task_end(&world);
}

static void test_the_notice_of_a_reply_stands_in_its_thread(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.thread_ts", "0.9");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[1].body, "\"thread_ts\":\"0.9\""));
	fake_task_set(
		&world, "slack.thread_ts", "1.1"); /* the parent itself: its thread goes with it */
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_null(strstr(world.fake->requests[1].body, "thread_ts"));
	fake_task_end(&world);
}

static void test_our_own_message_is_replaced(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.update", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.is_own", "true");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_int_equal(world.fake->requests[0].credential, BOT);
	assert_non_null(strstr(world.fake->requests[0].body, "\"blocks\":[],\"attachments\":[]"));
	assert_string_equal(fake_task_outcome(&world), "updated");
	assert_non_null(strstr(world.fake->sink.detail, "replaced with the bot's token"));
	fake_task_end(&world);
}

static void test_our_own_message_climbs_down_the_whole_ladder(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.update",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"edit_window_closed\"}" },
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"cant_delete_message\"}" },
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK },
		{ .url = NULL },
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.is_own", "true");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_int_equal(world.fake->requests[1].credential, BOT);
	assert_int_equal(world.fake->requests[2].credential, ADMIN);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_string_equal(world.fake->sink.detail,
		"the message was deleted with the admin's token; a notice was posted");
	fake_task_end(&world);
}

static void test_every_permanent_refusal_leads_to_the_last_rung(void **state)
{
	static const char *const errors[] = { "cant_delete_message",
		"compliance_exports_prevent_deletion", "is_archived", "is_inactive",
		"channel_not_found", "not_in_channel", "no_permission", "restricted_action",
		"ekm_access_denied", "delete_failed", "something_new" };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "/chat.delete",
				.status = 200,
				.body = fake_json(
					world.fake, "{'ok':false,'error':'%s'}", errors[i]) },
			{ .url = "/chat.postEphemeral", .status = 200, .body = OK },
			{ .url = NULL },
		};

		assert_int_equal(fake_task_act(&world, script), ORCH_OK);
		assert_non_null(strstr(world.fake->requests[1].body, "\"user\":\"U1\""));
		assert_int_equal(world.fake->requests[1].credential, BOT);
		assert_string_equal(fake_task_outcome(&world), "ephemeral");
		assert_non_null(strstr(world.fake->sink.detail, errors[i]));
		assert_true(fake_alarmed(world.fake, "slack_cannot_block"));
	}
	fake_task_end(&world);
}

static void test_a_wrong_token_is_an_alarm_the_next_rung_and_a_failure(void **state)
{
	static const char *const errors[] = { "missing_scope", "not_allowed_token_type",
		"token_revoked", "account_inactive", "invalid_auth", "not_authed", "access_denied",
		"accesslimited", "user_is_bot" };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "/chat.delete",
				.status = 200,
				.body = fake_json(world.fake,
					"{'ok':false,'error':'%s','needed':'chat:write'}",
					errors[i]) },
			{ .url = "/chat.postEphemeral", .status = 200, .body = OK },
			{ .url = NULL },
		};

		assert_int_equal(fake_task_act(&world, script), ORCH_E_DENIED);
		assert_int_equal(world.fake->request_count, 2);
		assert_non_null(strstr(world.fake->err.text, errors[i]));
		assert_non_null(strstr(world.fake->err.text, "the author was warned"));
		assert_true(fake_alarmed(world.fake, "slack_token"));
		assert_true(fake_alarmed(world.fake, "slack_cannot_block"));
		world.fake->now_ms += PAUSE_MS;
	}
	fake_task_end(&world);
}

/* A dead letter keeps its progress. */
static void test_a_mended_token_finishes_what_failed(void **state)
{
	static const struct fake_reply wrong[] = {
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"invalid_auth\"}" },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	static const struct fake_reply still[] = {
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"not_authed\"}" },
		{ .url = NULL }
	};
	static const struct fake_reply mended[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, wrong), ORCH_E_DENIED);
	world.fake->now_ms += PAUSE_MS;
	assert_int_equal(fake_act(world.fake, &world.task, still), ORCH_E_DENIED);
	assert_int_equal(world.fake->request_count, 3); /* nobody is warned twice */
	world.fake->now_ms += PAUSE_MS;
	assert_int_equal(fake_act(world.fake, &world.task, mended), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_a_rule_of_slacks_outweighs_a_wrong_token(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.update",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"missing_scope\"}" },
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"missing_scope\"}" },
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"cant_delete_message\"}" },
		{ .url = "/chat.postEphemeral",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"missing_scope\"}" },
		{ .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.is_own", "true");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "cannot_block");
	assert_non_null(strstr(world.fake->sink.detail, "cant_delete_message"));
	fake_task_end(&world);
}

static void test_what_the_core_never_sends_fails_for_good(void **state)
{
	static const char problem[] = "the credential's hosts do not name slack.com";
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = -1, .problem = problem },
		{ .url = "/chat.postEphemeral", .status = -1, .problem = problem },
		{ .url = "/conversations.open", .status = -1, .problem = problem }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_E_DENIED);
	assert_non_null(strstr(world.fake->err.text, problem));
	assert_null(strstr(world.fake->err.text, "Slack says"));
	assert_true(fake_alarmed(world.fake, "slack_token"));
	fake_task_end(&world);
}

static void test_what_may_pass_is_tried_again(void **state)
{
	static const struct fake_reply replies[][2] = {
		{ { .url = "/chat.delete", .status = 502, .body = "<html>" } },
		{ { .url = "/chat.delete", .status = 0 } },
		{ { .url = "/chat.delete", .status = 200, .body = "<html>proxy</html>" } },
		{ { .url = "/chat.delete", .status = 200, .body = "" } },
		{ { .url = "/chat.delete",
			.status = 429,
			.body = "{\"ok\":false,\"error\":\"ratelimited\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"fatal_error\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"internal_error\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"request_timeout\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"service_unavailable\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"team_added_to_org\"}" } },
		{ { .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"org_login_required\"}" } },
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		assert_int_equal(fake_task_act(&world, replies[i]), ORCH_E_AGAIN);
		assert_int_equal(world.fake->progress.step, 2);
		assert_string_equal(fake_task_outcome(&world), "");
	}
	fake_task_end(&world);
}

static void test_an_expired_token_is_tried_once_more(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"token_expired\"}" },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK },
		{ .url = NULL },
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_E_AGAIN);
	world.fake->progress.attempt = 2;
	assert_int_equal(fake_act(world.fake, &world.task, script), ORCH_E_DENIED);
	assert_true(fake_alarmed(world.fake, "slack_token"));
	fake_task_end(&world);
}

static void test_a_message_that_is_gone_is_a_success(void **state)
{
	static const struct fake_reply gone[] = {
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"message_not_found\"}" },
		{ .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, gone), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_int_equal(world.fake->alarm_count, 0);
	fake_task_end(&world);
}

static void test_a_deleted_message_gets_no_notice(void **state)
{
	static const struct fake_reply nothing[] = { { .url = NULL } };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	world.event.type = fake_text("slack.message_deleted");
	assert_int_equal(fake_task_act(&world, nothing), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "already_deleted");
	assert_int_equal(world.fake->alarm_count, 0);
	fake_task_end(&world);
}

static void test_a_topic_cannot_be_deleted(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.subtype", "channel_topic");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "ephemeral");
	assert_true(fake_alarmed(world.fake, "slack_cannot_block"));
	fake_task_end(&world);
}

static void test_the_warning_never_says_that_it_was_removed(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"cant_delete_message\"}" },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[1].body,
		"Your message seems to hold protected data (Visa card) and could not be removed. "
		"Please delete it yourself."));
	assert_null(strstr(world.fake->requests[1].body, "was removed"));
	fake_task_end(&world);
}

static void test_the_warning_can_be_worded(void **state)
{
	static const char *const worded[] = { "bot_token", "y", "warning", "Oh {finding.name}",
		NULL };
	static const struct fake_reply script[] = {
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", worded);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[0].body, "\"text\":\"Oh Visa card\""));
	fake_task_end(&world);
}

/* The alert's text for an event of SUBTYPE that no step could do anything about. */
static void expect_alert(const char *const *options, const char *subtype, const char *says)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	fake_task_begin(&world, "slack_block", options);
	fake_task_set(&world, "slack.subtype", subtype);
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_non_null(strstr(world.fake->requests[0].body, says));
	fake_task_end(&world);
}

static void test_the_alert_says_why_nothing_was_tried(void **state)
{
	static const char *const all[] = { "admin_token", "x", "bot_token", "y", "notify", "false",
		"alert_channel", "CALERT", NULL };
	static const char *const bot[] = { "bot_token", "y", "notify", "false", "alert_channel",
		"CALERT", NULL };
	static const char only_reset[] = "a topic cannot be deleted, only reset.";

	(void)state;
	expect_alert(all, "channel_topic", only_reset);
	expect_alert(all, "group_purpose", only_reset);
	expect_alert(bot, "channel_name", only_reset);
	expect_alert(bot, "", "no token for it.");
}

static void test_a_quiet_configuration_posts_nothing(void **state)
{
	static const char *const quiet[] = { "admin_token", "x", "bot_token", "y", "notify",
		"false", "delete_files", "false", NULL };
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", quiet);
	fake_task_set(&world, "slack.files", "F1");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

static void test_useless_settings_are_refused(void **state)
{
	static const char *const none[] = { "notify", "true", NULL };
	static const char *const bad_url[] = { "bot_token", "x", "appeal_url", "javascript:1",
		NULL };
	static const char *const odd_url[] = { "bot_token", "x", "appeal_url", "https://a|b",
		NULL };
	struct orch_err err;

	(void)state;
	assert_int_equal(fake_refuse("slack_block", none, &err), ORCH_E_INVALID);
	assert_int_equal(fake_refuse("slack_block", bad_url, &err), ORCH_E_INVALID);
	assert_int_equal(fake_refuse("slack_block", odd_url, &err), ORCH_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_is_deleted_and_a_notice_takes_its_place),
		cmocka_unit_test(test_the_notice_of_a_reply_stands_in_its_thread),
		cmocka_unit_test(test_our_own_message_is_replaced),
		cmocka_unit_test(test_our_own_message_climbs_down_the_whole_ladder),
		cmocka_unit_test(test_every_permanent_refusal_leads_to_the_last_rung),
		cmocka_unit_test(test_a_wrong_token_is_an_alarm_the_next_rung_and_a_failure),
		cmocka_unit_test(test_a_mended_token_finishes_what_failed),
		cmocka_unit_test(test_a_rule_of_slacks_outweighs_a_wrong_token),
		cmocka_unit_test(test_what_the_core_never_sends_fails_for_good),
		cmocka_unit_test(test_what_may_pass_is_tried_again),
		cmocka_unit_test(test_an_expired_token_is_tried_once_more),
		cmocka_unit_test(test_a_message_that_is_gone_is_a_success),
		cmocka_unit_test(test_a_deleted_message_gets_no_notice),
		cmocka_unit_test(test_a_topic_cannot_be_deleted),
		cmocka_unit_test(test_the_warning_never_says_that_it_was_removed),
		cmocka_unit_test(test_the_warning_can_be_worded),
		cmocka_unit_test(test_the_alert_says_why_nothing_was_tried),
		cmocka_unit_test(test_a_quiet_configuration_posts_nothing),
		cmocka_unit_test(test_useless_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
