/* SPDX-License-Identifier: Apache-2.0 */
/* Files: announced, looked up, downloaded; and never taken for clean when something else came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_message.h"

#define PART "file:F1/a.txt"
#define QUOTED "[{'id':'F8','name':'q','url_private':'" FILES_URL "'}]"
#define FILES_URL "https://files.slack.com/files-pri/T1-F1/download/a.txt"

static const char *const options[] = { "signing_secret", "s", "token", "xoxb", "max_file_bytes",
	"1k", NULL };

static int open_plugin(void **state)
{
	*state = fake_open("slack", options);
	return 0;
}

static int close_plugin(void **state)
{
	fake_close(*state);
	return 0;
}

/* A message that shares one file with these members. */
static const struct orch_event *share(struct fake *fake, const char *members)
{
	return fake_share(fake, members, "");
}

static const struct orch_event *share_text(struct fake *fake)
{
	return share(fake,
		",'name':'a.txt','mimetype':'text/plain','mode':'hosted','size':5,"
		"'url_private':'https://files.slack.com/other',"
		"'url_private_download':'" FILES_URL "'");
}

static void test_a_file_is_announced_with_its_description(void **state)
{
	const struct orch_event *event = share(*state,
		",'name':'..\\u0001/"
		"a\\nb','title':'t1','alt_txt':'t2','preview':'t3','mimetype':'x/y',"
		"'initial_comment':{'comment':'t4','user':'U1'},'mode':'hosted',"
		"'url_private':'https://files.slack.com/x'");
	const struct orch_part *part = fake_find_part(event, "file:F1/..__a_b");

	assert_non_null(part);
	assert_int_equal(part->state, ORCH_PART_ANNOUNCED);
	assert_string_equal(part->media_type.ptr, "x/y");
	assert_string_equal(fake_field(event, "slack.files"), "F1");
	part = fake_find_part(event, "filename:F1");
	assert_non_null(part);
	assert_non_null(strstr(part->bytes.ptr, "b\nt1\nt2\nt3\nt4\n"));
}

static void test_a_file_is_downloaded_into_its_part(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = FILES_URL,
			.status = 200,
			.headers = "Content-Type: text/plain\n",
			.body = "12345" },
		{ .url = NULL },
	};
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share_text(fake), script), ORCH_OK);
	assert_int_equal(fake->request_count, 1);
	assert_string_equal(fake->requests[0].method, "GET");
	assert_string_equal(fake->requests[0].part, PART);
	assert_string_equal(fake->requests[0].limit_key, "slack:files:T1");
	assert_int_equal(fake->requests[0].credential, 2);
	assert_int_equal(fake->requests[0].max_bytes, 1024);
	assert_true(fake->requests[0].repeatable);
	assert_int_equal(fake->sink.mark_count, 0);
}

static void test_a_sign_in_page_is_no_file(void **state)
{
	static const struct fake_reply replies[][2] = {
		{ { .url = "files",
			.status = 200,
			.headers = "Content-Type: text/html; charset=utf-8\n",
			.body = "12345" } },
		{ { .url = "files",
			.status = 200,
			.headers = "Content-Type: text/plain\n",
			.body = " \n<!DOCTYPE html><title>Sign in</title>" } },
		{ { .url = "files",
			.status = 200,
			.body = "<html",
			.part_bytes = 5 } }, /* the right size */
		{ { .url = "files", .status = 200, .body = "<HTML lang=\"en\">" } },
		{ { .url = "files",
			.status = 302,
			.headers =
				"Location: https://acme.slack.com/?redir=%2Ffiles-pri%2FT1\n" } },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		const char *note;

		assert_int_equal(fake_gather(fake, share_text(fake), replies[i]), ORCH_OK);
		note = fake_note(fake, PART, ORCH_PART_UNAVAILABLE);
		assert_non_null(note);
		assert_non_null(strstr(note, "sign-in page"));
		assert_true(fake_alarmed(fake, "slack_sign_in_page"));
	}
}

static void test_an_html_file_is_told_from_the_sign_in_page_by_its_length(void **state)
{
	static const struct fake_reply right[] = { { .url = "files",
							   .status = 200,
							   .headers = "Content-Type: text/html\n",
							   .body = "<html>" },
		{ .url = NULL } };
	static const struct fake_reply wrong[] = { { .url = "files",
							   .status = 200,
							   .headers = "Content-Type: text/html\n",
							   .body = "<html><title>Sign in" },
		{ .url = NULL } };
	const char *file = ",'name':'a.txt','mimetype':'text/html','mode':'hosted','size':6,"
			   "'url_private':'https://files.slack.com/x'";
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share(fake, file), right), ORCH_OK);
	assert_int_equal(fake->sink.mark_count, 0);
	assert_int_equal(fake_gather(fake, share(fake, file), wrong), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
}

static void test_what_is_cut_is_marked(void **state)
{
	static const struct fake_reply cut[] = {
		{ .url = "files",
			.status = 200,
			.body = "123",
			.part_bytes = 1024,
			.truncated = true },
		{ .url = NULL },
	};
	static const struct fake_reply shorter[] = {
		{ .url = "files", .status = 200, .body = "123" }, { .url = NULL }
	};
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share_text(fake), cut), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_TRUNCATED));
	assert_int_equal(fake_gather(fake, share_text(fake), shorter), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_TRUNCATED));
}

static void test_a_download_that_is_never_sent_is_an_alarm(void **state)
{
	static const struct fake_reply refused[] = {
		{ .url = "files", .status = -1, .problem = "not among the credential's hosts" },
		{ .url = NULL }
	};
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share_text(fake), refused), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
	assert_true(fake_alarmed(fake, "slack_download"));
}

static void test_redirects_within_slack_are_followed(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = FILES_URL,
			.status = 302,
			.headers = "Location: https://slack-files.com/T1-F1\n" },
		{ .url = "https://slack-files.com/T1-F1",
			.status = 307,
			.headers = "Location: /again\n" },
		{ .url = "https://slack-files.com/again",
			.status = 301,
			.headers = "location: https://x.slack.com:443/y\n" },
		{ .url = "https://x.slack.com:443/y", .status = 200, .body = "12345" },
		{ .url = NULL },
	};
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share_text(fake), script), ORCH_OK);
	assert_int_equal(fake->request_count, 4);
	assert_int_equal(fake->sink.mark_count, 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fake->requests[i].credential, 2);
}

static void test_redirects_end_after_three(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = FILES_URL, .status = 302, .headers = "Location: https://slack.com/1\n" },
		{ .url = "/1", .status = 302, .headers = "Location: https://slack.com/2\n" },
		{ .url = "/2", .status = 302, .headers = "Location: https://slack.com/3\n" },
		{ .url = "/3", .status = 302, .headers = "Location: https://slack.com/4\n" },
		{ .url = NULL },
	};
	struct fake *fake = *state;

	assert_int_equal(fake_gather(fake, share_text(fake), script), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
}

static void test_the_token_goes_to_slack_only(void **state)
{
	static const char *const places[] = { "http://files.slack.com/x", "https://evil.org/x",
		"https://slack.com.evil.org/x", "https://evilslack.com/x",
		"https://notslack-files.com/", "https://files.slack.com@evil.org/x",
		"https://files.slack.com:8443/x", "//evil.org/x",
		"https://evil.org\\\\.slack.com/x", "ftp://slack.com/x", "javascript:x", "" };
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct fake_reply moved[] = {
			{ .url = FILES_URL,
				.status = 302,
				.headers = fake_json(fake, "Location: %s\n", places[i]) },
			{ .url = NULL },
		};
		static const struct fake_reply nothing[] = { { .url = NULL } };

		assert_int_equal(fake_gather(fake, share_text(fake), moved), ORCH_OK);
		assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
		if (places[i][0] == '\0')
			continue;
		assert_int_equal(fake_gather(fake,
					 share(fake,
						 fake_json(fake,
							 ",'name':'a.txt','mode':'hosted','url_"
							 "private':'%s'",
							 places[i])),
					 nothing),
			ORCH_OK);
		assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
		assert_int_equal(fake->request_count, 0);
	}
}

static void test_a_stand_in_may_hold_files_too(void **state)
{
	static const char *const own[] = { "signing_secret", "s", "token", "x", "api_url",
		"http://127.0.0.1:9000/api/", NULL };
	static const struct fake_reply script[] = {
		{ .url = "http://127.0.0.1:9000/files/F1", .status = 200, .body = "12345" },
		{ .url = NULL },
	};
	static const struct fake_reply nothing[] = { { .url = NULL } };
	struct fake *fake = fake_open("slack", own);

	(void)state;
	assert_int_equal(
		fake_gather(fake,
			share(fake,
				",'name':'a.txt','url_private':'http://127.0.0.1:9000/files/F1'"),
			script),
		ORCH_OK);
	assert_int_equal(fake->sink.mark_count, 0);
	assert_int_equal(
		fake_gather(fake,
			share(fake,
				",'name':'a.txt','url_private':'http://127.0.0.1:9001/files/F1'"),
			nothing),
		ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
	fake_close(fake);
}

static void test_files_of_others_are_not_asked_for(void **state)
{
	static const char *const files[] = {
		",'is_external':true,'url_private':'https://files.slack.com/x'",
		",'mode':'external','url_private':'https://drive.example/x'",
		",'mode':'hidden_by_limit'"
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct orch_event *event = share(*state, files[i]);

		assert_int_equal(fake_find_part(event, "file:F1")->state, ORCH_PART_UNAVAILABLE);
		assert_true(fake_find_part(event, "file:F1")->note.len > 0);
	}
}

static void test_without_a_token_files_are_unavailable(void **state)
{
	static const char *const bare[] = { "signing_secret", "s", NULL };
	static const struct fake_reply nothing[] = { { .url = NULL } };
	struct fake *fake = fake_open("slack", bare);

	(void)state;
	assert_int_equal(fake_gather(fake, share_text(fake), nothing), ORCH_OK);
	assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
	fake_close(fake);
}

static void test_slack_connect_files_are_looked_up(void **state)
{
	struct fake *fake = *state;
	const struct fake_reply script[] = {
		{ .url = "https://slack.com/api/files.info?file=F1",
			.status = 200,
			.body = fake_json(fake,
				"{'ok':true,'file':{'id':'F1','name':'a.txt','title':'top',"
				"'mode':'hosted','size':3,'url_private':'%s'}}",
				FILES_URL) },
		{ .url = FILES_URL, .status = 200, .body = "abc" },
		{ .url = NULL },
	};
	const struct orch_event *event =
		share(fake, ",'mode':'file_access','file_access':'check_file_info','created':0");

	assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
	assert_string_equal(fake->requests[0].method, "GET");
	assert_string_equal(fake->requests[0].limit_key, "slack:files.info:T1");
	assert_int_equal(fake->requests[0].credential, 2);
	assert_string_equal(fake->requests[1].part, "file:F1");
	assert_int_equal(fake->sink.mark_count, 0);
	/* What the look-up tells is text as well. */
	assert_int_equal(fake->sink.event_count, 2);
	assert_string_equal(fake_part(fake->sink.events[1], "filename:F1"), "a.txt\ntop\n");
	assert_non_null(fake_find_part(fake->sink.events[1], "text"));
}

static void test_a_file_event_holds_only_an_id(void **state)
{
	struct fake *fake = *state;
	const struct fake_reply script[] = {
		{ .url = "files.info?file=F7",
			.status = 200,
			.body = fake_json(fake, "{'ok':true,'file':{'id':'F7','url_private':'%s'}}",
				FILES_URL) },
		{ .url = FILES_URL, .status = 200, .body = "abc" },
		{ .url = NULL },
	};
	const struct orch_event *event = fake_event(fake,
		"{'type':'file_shared','file_id':'F7','user_id':'U1','channel_id':'C1','file':{'id'"
		":'F7'}}");

	assert_non_null(event);
	assert_string_equal(event->type.ptr, "slack.file");
	assert_string_equal(event->actor.ptr, "U1");
	assert_string_equal(fake_field(event, "slack.files"), "F7");
	assert_string_equal(fake_field(event, "slack.channel"), "C1");
	assert_int_equal(fake_find_part(event, "file:F7")->state, ORCH_PART_ANNOUNCED);
	assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
	assert_int_equal(fake->sink.mark_count, 0);
	assert_null(fake_event(fake, "{'type':'file_created','file_id':'F7'}"));
	assert_true(fake_counted(fake, "ignored_unshared"));
	assert_string_equal(event->alias.ptr, "T1/file/F7");
	event = fake_event(fake, "{'type':'file_public','file':{'id':'F7'}}");
	assert_string_equal(event->alias.ptr, "T1/file/F7");
	event = fake_event(fake, "{'type':'file_change','file_id':'F7'}");
	assert_int_equal(event->alias.len, 0); /* other bytes than before: always news */
}

static void test_a_refused_look_up_is_said(void **state)
{
	static const struct {
		const char *error;
		bool is_alarm;
	} cases[] = { { "file_not_visible", false }, { "access_denied", true },
		{ "missing_scope", true }, { "token_revoked", true } };
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "files.info",
				.status = 200,
				.body = fake_json(
					fake, "{'ok':false,'error':'%s'}", cases[i].error) },
			{ .url = NULL },
		};

		assert_int_equal(fake_gather(fake, share(fake, ""), script), ORCH_OK);
		assert_non_null(
			strstr(fake_note(fake, "file:F1", ORCH_PART_UNAVAILABLE), cases[i].error));
		assert_int_equal(fake_alarmed(fake, "slack_token"), cases[i].is_alarm);
	}
}

static void test_a_failing_server_is_tried_again_but_not_for_ever(void **state)
{
	static const struct fake_reply failures[][2] = {
		{ { .url = "files", .status = 503 } },
		{ { .url = "files", .status = 0 } },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < 2; i++) {
		const struct orch_event *event = share_text(fake);

		assert_int_equal(fake_gather(fake, event, failures[i]), ORCH_E_AGAIN);
		assert_int_equal(fake->sink.mark_count, 0);
		fake->progress =
			(struct orch_progress){ .size = sizeof(fake->progress), .attempt = 4 };
		assert_int_equal(fake_gather(fake, event, failures[i]), ORCH_OK);
		assert_non_null(fake_note(fake, PART, ORCH_PART_UNAVAILABLE));
	}
}

static void test_another_instance_goes_on_with_the_next_file(void **state)
{
	static const struct fake_reply script[] = {
		{ .url = "/one", .status = 200, .body = "1" },
		{ .url = "/two", .lost = true },
		{ .url = "/two", .status = 200, .body = "2" },
		{ .url = NULL },
	};
	struct fake *fake = *state;
	const struct orch_event *event = fake_event(fake,
		"{'type':'message','ts':'1.1','text':'t','files':["
		"{'id':'F1','name':'1','url_private':'https://files.slack.com/one'},"
		"{'id':'F2','name':'2','url_private':'https://files.slack.com/two'}]}");

	assert_string_equal(fake_field(event, "slack.files"), "F1,F2");
	assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
	assert_int_equal(fake->request_count, 3);
	assert_string_equal(fake->requests[2].part, "file:F2/2");
}

/* They are other people's: inspected, but the message's deletion must not take them along. */
static void test_files_that_are_only_quoted_are_inspected(void **state)
{
	static const char *const quoted[] = {
		"'attachments':[{'files':" QUOTED "}]",
		"'attachments':[{'message_blocks':[{'message':{'files':" QUOTED "}}]}]",
		"'root':{'files':" QUOTED "}",
	};
	static const struct fake_reply script[] = {
		{ .url = FILES_URL, .status = 200, .body = "abc" }, { .url = NULL }
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
		const struct orch_event *event = fake_event(fake,
			fake_json(fake, "{'type':'message','ts':'1.1','text':'t',%s}", quoted[i]));

		assert_non_null(event);
		assert_non_null(fake_find_part(event, "filename:F8"));
		assert_null(fake_field(event, "slack.files"));
		assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
		assert_string_equal(fake->requests[0].part, "file:F8/q");
		event = fake_event(fake,
			fake_json(fake,
				"{'type':'message','ts':'1.1','files':[{'id':'F1'},{'id':'F2'}],%"
				"s}",
				quoted[i]));
		assert_string_equal(fake_field(event, "slack.files"), "F1,F2");
	}
}

static void test_all_that_a_description_says_is_read(void **state)
{
	static const char *const members[] = {
		"'vtt':'WEBVTT 4716'",
		"'list_metadata':{'schema':[{'name':'4716'}]}",
		"'transcription':{'preview':{'content':'4716'}}",
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert_non_null(
			strstr(fake_part(share(*state, fake_json(*state, ",%s", members[i])),
				       "filename:F1"),
				"4716"));
}

static void test_more_files_than_the_limit_are_said(void **state)
{
	struct fake *fake = *state;
	char files[4096] = "";
	size_t len = 0;
	const struct orch_event *event;

	for (int i = 0; i < 51; i++)
		len += (size_t)snprintf(files + len, sizeof(files) - len,
			"%s{'id':'F%d','name':'n'}", i == 0 ? "" : ",", i);
	event = fake_event(
		fake, fake_json(fake, "{'type':'message','ts':'1.1','files':[%s]}", files));
	assert_non_null(event);
	assert_int_equal(fake_find_part(event, "files")->state, ORCH_PART_UNAVAILABLE);
	assert_non_null(fake_find_part(event, "file:F49/n"));
	assert_null(fake_find_part(event, "file:F50/n"));
	/* Where the message is blocked it goes all the same. */
	assert_non_null(strstr(fake_field(event, "slack.files"), ",F49,F50"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_announced_with_its_description),
		cmocka_unit_test(test_a_file_is_downloaded_into_its_part),
		cmocka_unit_test(test_a_sign_in_page_is_no_file),
		cmocka_unit_test(test_an_html_file_is_told_from_the_sign_in_page_by_its_length),
		cmocka_unit_test(test_what_is_cut_is_marked),
		cmocka_unit_test(test_a_download_that_is_never_sent_is_an_alarm),
		cmocka_unit_test(test_redirects_within_slack_are_followed),
		cmocka_unit_test(test_redirects_end_after_three),
		cmocka_unit_test(test_the_token_goes_to_slack_only),
		cmocka_unit_test(test_a_stand_in_may_hold_files_too),
		cmocka_unit_test(test_files_of_others_are_not_asked_for),
		cmocka_unit_test(test_without_a_token_files_are_unavailable),
		cmocka_unit_test(test_slack_connect_files_are_looked_up),
		cmocka_unit_test(test_a_file_event_holds_only_an_id),
		cmocka_unit_test(test_a_refused_look_up_is_said),
		cmocka_unit_test(test_a_failing_server_is_tried_again_but_not_for_ever),
		cmocka_unit_test(test_another_instance_goes_on_with_the_next_file),
		cmocka_unit_test(test_files_that_are_only_quoted_are_inspected),
		cmocka_unit_test(test_all_that_a_description_says_is_read),
		cmocka_unit_test(test_more_files_than_the_limit_are_said),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
