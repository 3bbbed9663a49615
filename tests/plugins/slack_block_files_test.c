/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block: files, with their message and alone. */
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

static void test_files_go_with_their_message(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 200, .body = OK },
		{ .url = "/files.delete",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"file_deleted\"}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1,F2");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[1].body, "{\"file\":\"F1\"}");
	assert_string_equal(world.fake->requests[2].body, "{\"file\":\"F2\"}");
	assert_int_equal(world.fake->requests[2].credential, ADMIN);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	assert_non_null(strstr(world.fake->sink.detail, "2 of 2 files"));
	assert_int_equal(world.fake->alarm_count, 0);
	fake_task_end(&world);
}

static void test_a_file_that_stays_is_an_alarm(void **state)
{
	static const char *const errors[] = { "cant_delete_file", "delete_not_allowed",
		"file_deleting_disabled" };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "/chat.delete", .status = 200, .body = OK },
			{ .url = "/files.delete",
				.status = 200,
				.body = fake_json(
					world.fake, "{'ok':false,'error':'%s'}", errors[i]) },
			{ .url = "/chat.postMessage", .status = 200, .body = OK },
			{ .url = NULL },
		};

		assert_int_equal(fake_task_act(&world, script), ORCH_OK);
		assert_string_equal(fake_task_outcome(&world), "deleted");
		assert_true(fake_alarmed(world.fake, "slack_file_not_deleted"));
		assert_non_null(strstr(world.fake->sink.detail, "0 of 1 files"));
	}
	fake_task_end(&world);
}

/* "Not found" is said of what a token may not see, too: files.info with the bot's token tells. */
static void test_a_file_that_another_token_finds_has_stayed(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 200, .body = REFUSED("file_not_found") },
		{ .url = "/files.info?file=F1",
			.status = 200,
			.body = "{\"ok\":true,\"file\":{\"id\":\"F1\",\"mode\":\"hosted\"}}" },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(world.fake->requests[2].method, "GET");
	assert_int_equal(world.fake->requests[2].credential, BOT);
	assert_true(fake_alarmed(world.fake, "slack_file_not_deleted"));
	assert_string_equal(world.fake->sink.detail,
		"the message was deleted with the admin's token; 0 of 1 files deleted (Slack says "
		"file_not_found); a notice was posted");
	fake_task_end(&world);
}

/* The task of the message that shares it, or of another event, was there first. */
static void test_a_file_that_nobody_finds_is_gone(void **state)
{
	static const char *const answers[] = { REFUSED("file_not_found"), REFUSED("file_deleted"),
		"{\"ok\":true,\"file\":{\"id\":\"F1\",\"mode\":\"tombstone\"}}" };
	static const char *const subtypes[] = { "file_shared", "file_change", "file_public" };
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct fake_reply alone[] = { { .url = "/files.delete",
							    .status = 200,
							    .body = REFUSED("file_not_found") },
			{ .url = "/files.info", .status = 200, .body = answers[i] },
			{ .url = NULL } };
		const struct fake_reply shared[] = {
			{ .url = "/chat.delete", .status = 200, .body = OK },
			{ .url = "/files.delete",
				.status = 200,
				.body = REFUSED("file_not_found") },
			{ .url = "/files.info", .status = 200, .body = answers[i] },
			{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
		};

		world.event.type = fake_text("slack.file");
		fake_task_set(&world, "slack.subtype", subtypes[i]);
		assert_int_equal(fake_task_act(&world, alone), ORCH_OK);
		assert_string_equal(fake_task_outcome(&world), "deleted");
		assert_string_equal(world.fake->sink.detail, "the file was gone already");
		assert_int_equal(world.fake->alarm_count, 0);
		world.event.type = fake_text("slack.message");
		fake_task_set(&world, "slack.subtype", "file_share");
		assert_int_equal(fake_task_act(&world, shared), ORCH_OK);
		assert_non_null(strstr(world.fake->sink.detail, "1 of 1 files deleted"));
		assert_int_equal(world.fake->alarm_count, 0);
	}
	fake_task_end(&world);
}

/* A try before this one may have asked for the first file's deletion, not for the second's. */
static void test_a_later_try_believes_only_of_its_own_file_that_it_is_gone(void **state)
{
	static const struct fake_reply first[] = {
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 503 }, { .url = NULL }
	};
	static const struct fake_reply second[] = {
		{ .url = "/files.delete", .status = 200, .body = REFUSED("file_not_found") },
		{ .url = "/files.delete", .status = 200, .body = REFUSED("file_not_found") },
		{ .url = "/files.info?file=F2", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1,F2");
	assert_int_equal(fake_task_act(&world, first), ORCH_E_AGAIN);
	world.fake->progress.attempt = 2;
	assert_int_equal(fake_act(world.fake, &world.task, second), ORCH_OK);
	assert_non_null(strstr(world.fake->sink.detail, "1 of 2 files deleted"));
	assert_true(fake_alarmed(world.fake, "slack_file_not_deleted"));
	fake_task_end(&world);
}

static void test_our_own_file_is_tried_with_the_admins_token_too(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.update", .status = 200, .body = REFUSED("cant_update_message") },
		{ .url = "/chat.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 200, .body = REFUSED("cant_delete_file") },
		{ .url = "/files.delete", .status = 200, .body = OK },
		{ .url = "/files.delete", .status = 200, .body = REFUSED("cant_delete_file") },
		{ .url = "/files.delete", .status = 200, .body = REFUSED("delete_not_allowed") },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.is_own", "true");
	fake_task_set(&world, "slack.files", "F1,F2");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_int_equal(world.fake->requests[2].credential, BOT);
	assert_int_equal(world.fake->requests[3].credential, ADMIN);
	assert_string_equal(world.fake->requests[3].body, "{\"file\":\"F1\"}");
	assert_string_equal(world.fake->sink.detail,
		"our own message was deleted with the bot's token; 1 of 2 files deleted (Slack "
		"says "
		"delete_not_allowed); a notice was posted");
	fake_task_end(&world);
}

static void test_where_only_the_files_go_that_is_said(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/chat.delete", .status = 200, .body = REFUSED("cant_delete_message") },
		{ .url = "/files.delete", .status = 200, .body = OK },
		{ .url = "/chat.postEphemeral", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", "F1");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "files_only");
	assert_string_equal(world.fake->sink.detail,
		"the message could not be removed; 1 of 1 files deleted; the author was warned by "
		"an "
		"ephemeral message; Slack says cant_delete_message");
	assert_true(fake_alarmed(world.fake, "slack_cannot_block"));
	fake_task_end(&world);
}

#define MANY 120u
#define TRY 20u /* so many calls for files a try; limits.requests is 50 by default */
#define DELETED 100u

/* COUNT deletions that succeed, from AT on. */
static size_t put_deletions(struct fake_reply *script, size_t at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		script[at++] =
			(struct fake_reply){ .url = "/files.delete", .status = 200, .body = OK };
	return at;
}

static void test_many_files_take_several_tries_and_the_notice_does_not_wait(void **state)
{
	struct fake_reply script[TRY + 3] = {
		{ .url = "/chat.delete", .status = 200, .body = OK }
	};
	size_t at = put_deletions(script, 1, TRY);
	char files[MANY * 5] = "";
	struct fake_task world;
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		len += (size_t)snprintf(
			files + len, sizeof(files) - len, "%sF%u", i == 0 ? "" : ",", i);
	script[at++] = (struct fake_reply){ .url = "/chat.postMessage", .status = 200, .body = OK };
	script[at] = (struct fake_reply){ .url = NULL };
	fake_task_begin(&world, "slack_block", both);
	fake_task_set(&world, "slack.files", files);
	assert_int_equal(fake_task_act(&world, script), ORCH_E_AGAIN);
	assert_non_null(strstr(world.fake->err.text, "20 of 120 files"));
	for (unsigned done = TRY; done < DELETED; done += TRY) {
		at = put_deletions(script, 0, TRY);
		script[at] = (struct fake_reply){ .url = NULL };
		fake_restart(world.fake);
		world.fake->request_count = 0;
		world.fake->progress.attempt++;
		assert_int_equal(fake_act(world.fake, &world.task, script),
			done + TRY < DELETED ? ORCH_E_AGAIN : ORCH_OK);
		assert_int_equal(world.fake->request_count, TRY);
	}
	assert_string_equal(world.fake->requests[TRY - 1].body, "{\"file\":\"F99\"}");
	/* What goes beyond the limit is said, by the outcome and by an alarm. */
	assert_string_equal(world.fake->sink.detail,
		"the message was deleted with the admin's token; 100 of 120 files deleted; a "
		"notice "
		"was posted");
	assert_true(fake_alarmed(world.fake, "slack_file_not_deleted"));
	fake_task_end(&world);
}

static void test_a_file_alone_is_deleted(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/files.delete", .status = 200, .body = OK },
		{ .url = "/chat.postMessage", .status = 200, .body = OK }, { .url = NULL }
	};
	static const struct fake_reply silent[] = {
		{ .url = "/files.delete", .status = 200, .body = OK }, { .url = NULL }
	};
	struct fake_task world;

	(void)state;
	fake_task_begin(&world, "slack_block", both);
	world.event.type = fake_text("slack.file");
	fake_task_set(&world, "slack.ts", "");
	fake_task_set(&world, "slack.files", "F1");
	assert_int_equal(fake_task_act(&world, script), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	/* The message that shares it gets the notice. */
	fake_task_set(&world, "slack.subtype", "file_shared");
	assert_int_equal(fake_task_act(&world, silent), ORCH_OK);
	assert_string_equal(fake_task_outcome(&world), "deleted");
	fake_task_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_go_with_their_message),
		cmocka_unit_test(test_a_file_that_stays_is_an_alarm),
		cmocka_unit_test(test_a_file_that_another_token_finds_has_stayed),
		cmocka_unit_test(test_a_file_that_nobody_finds_is_gone),
		cmocka_unit_test(test_a_later_try_believes_only_of_its_own_file_that_it_is_gone),
		cmocka_unit_test(test_our_own_file_is_tried_with_the_admins_token_too),
		cmocka_unit_test(test_where_only_the_files_go_that_is_said),
		cmocka_unit_test(test_many_files_take_several_tries_and_the_notice_does_not_wait),
		cmocka_unit_test(test_a_file_alone_is_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
