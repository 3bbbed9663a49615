/* SPDX-License-Identifier: Apache-2.0 */
/* Files that Slack holds in a form of its own: canvases and lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_message.h"

#define FILES_URL "https://files.slack.com/files-pri/T1-F7/download/plan"

static const char *const options[] = { "signing_secret", "s", "token", "xoxb", NULL };

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

/* The answer of files.info. */
#define OWN_FORM(mode, members)                                                     \
	"{'ok':true,'file':{'id':'F7','name':'plan','mode':'" mode "','size':4000," \
	"'url_private':'" FILES_URL "'" members "}}"

static const struct orch_event *change(struct fake *fake)
{
	return fake_event(fake, "{'type':'file_change','file_id':'F7','file':{'id':'F7'}}");
}

static void test_the_text_of_a_canvas_is_its_part(void **state)
{
	static const char *const modes[] = { "quip", "canvas", "space" };
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "files.info?file=F7",
				.status = 200,
				.body = fake_json(fake, OWN_FORM("%s", ""), modes[i]) },
			{ .url = "https://slack.com/api/canvases.getContent?canvas_id=F7",
				.status = 200,
				.body = "{\"ok\":true,\"content\":\"# Plan\\n**4716**3016\"}" },
			{ .url = NULL },
		};
		const struct orch_part *part;

		assert_int_equal(fake_gather(fake, change(fake), script), ORCH_OK);
		part = fake_find_part(fake->sink.events[fake->sink.event_count - 1], "file:F7");
		assert_non_null(part);
		assert_int_equal(part->state, ORCH_PART_HERE);
		assert_string_equal(part->bytes.ptr, "# Plan\n**4716**3016\n# Plan\n47163016");
		assert_int_equal(fake->requests[1].credential, 2);
		assert_true(fake->requests[1].max_bytes > 1024u * 1024u);
		assert_int_equal(fake->sink.mark_count, 0);
		assert_int_equal(fake->alarm_count, 0);
	}
}

static void test_a_canvas_that_cannot_be_had_is_no_sign_in_page(void **state)
{
	static const struct {
		const char *body, *note;
		bool is_cut, is_alarm;
	} cases[] = {
		{ "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"canvases:read\"}",
			"missing_scope", false, true },
		{ "{\"ok\":false,\"error\":\"access_denied\"}", "access_denied", false, true },
		{ "{\"ok\":true}", "no text", false, false },
		{ "{\"ok\":true,\"cont", "page_too_long", true, false },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = "canvases.getContent",
				.status = 200,
				.body = cases[i].body,
				.truncated = cases[i].is_cut },
			{ .url = NULL },
		};
		const char *note;

		assert_int_equal(fake_gather(fake,
					 fake_event(fake,
						 "{'type':'message','ts':'1.1','text':'t','files':["
						 "{'id':'F1',"
						 "'name':'plan','mode':'quip'}]}"),
					 script),
			ORCH_OK);
		note = fake_note(fake, "file:F1/plan", ORCH_PART_UNAVAILABLE);
		assert_non_null(note);
		assert_non_null(strstr(note, "canvas, not inspected"));
		assert_non_null(strstr(note, cases[i].note));
		assert_false(fake_alarmed(fake, "slack_sign_in_page"));
		assert_int_equal(fake_alarmed(fake, "slack_token"), cases[i].is_alarm);
	}
}

static void test_the_rows_of_a_list_are_fetched(void **state)
{
	static const struct fake_reply rows[] = {
		{ .url = "files.info", .status = 200, .body = NULL },
		{ .url = FILES_URL ".csv",
			.status = 200,
			.headers = "Content-Type: text/csv\n",
			.body = "a,b" },
		{ .url = NULL },
	};
	static const struct fake_reply none[] = {
		{ .url = "files.info", .status = 200, .body = NULL }, { .url = NULL }
	};
	struct fake *fake = *state;
	struct fake_reply script[3];

	memcpy(script, rows, sizeof(rows));
	script[0].body =
		fake_json(fake, OWN_FORM("list", ",'list_csv_download_url':'" FILES_URL ".csv'"));
	assert_int_equal(fake_gather(fake, change(fake), script), ORCH_OK);
	assert_string_equal(fake->requests[1].part, "file:F7");
	assert_int_equal(fake->sink.mark_count, 0);
	memcpy(script, none, sizeof(none));
	script[0].body = fake_json(fake, OWN_FORM("list", ""));
	assert_int_equal(fake_gather(fake, change(fake), script), ORCH_OK);
	assert_non_null(
		strstr(fake_note(fake, "file:F7", ORCH_PART_UNAVAILABLE), "list, not inspected"));
	assert_int_equal(fake->alarm_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_text_of_a_canvas_is_its_part),
		cmocka_unit_test(test_a_canvas_that_cannot_be_had_is_no_sign_in_page),
		cmocka_unit_test(test_the_rows_of_a_list_are_fetched),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
