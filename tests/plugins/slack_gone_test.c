/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not there any more, and the name by which they are told of elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_message.h"

#define FILES_URL "https://files.slack.com/files-pri/T1-F1/download/a.txt"
#define PART "file:F1/a.txt"

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

/* A message that shares the file F1 with these members, and quotes F8. */
static const struct orch_event *share(struct fake *fake, const char *members)
{
	return fake_share(fake, fake_json(fake, ",'name':'a.txt'%s", members),
		",'attachments':[{'files':[{'id':'F8'}]}]");
}

static void assert_alias(const struct orch_event *event, const char *part, const char *alias)
{
	const struct orch_part *found = fake_find_part(event, part);

	assert_non_null(found);
	assert_string_equal(found->alias.ptr, alias);
}

static void test_a_file_has_one_name_wherever_it_is_told_of(void **state)
{
	struct fake *fake = *state;
	const struct orch_event *event = share(fake, "");

	assert_alias(event, PART, "T1/file/F1");
	assert_alias(event, "file:F8", "T1/file/F8");
	assert_alias(event, "filename:F1", "");
	assert_alias(event, "text", "");
	assert_alias(
		fake_event(fake, "{'type':'file_shared','file_id':'F1'}"), "file:F1", "T1/file/F1");
	assert_alias(fake_event(fake, "{'type':'file_public','file':{'id':'F1'}}"), "file:F1",
		"T1/file/F1");
}

/* What was inspected before does not speak for what it is now. */
static void test_a_changed_file_has_no_other_name(void **state)
{
	assert_alias(fake_event(*state, "{'type':'file_change','file_id':'F1'}"), "file:F1", "");
}

static void test_a_tombstone_is_gone(void **state)
{
	struct fake *fake = *state;
	const struct orch_part *part = fake_find_part(share(fake, ",'mode':'tombstone'"), PART);

	assert_int_equal(part->state, ORCH_PART_GONE);
	assert_string_equal(part->note.ptr, "the file was deleted");
	part = fake_find_part(share(fake, ",'mode':'tombstone','is_external':true"), PART);
	assert_int_equal(part->state, ORCH_PART_GONE);
	part = fake_find_part(share(fake, ",'mode':'hidden_by_limit'"), PART);
	assert_int_equal(part->state, ORCH_PART_UNAVAILABLE);
}

/* How PART is marked when its look-up is answered with BODY. */
static const char *look_up(struct fake *fake, const char *body, uint32_t state)
{
	const struct fake_reply script[] = {
		{ .url = "files.info?file=F1", .status = 200, .body = fake_json(fake, "%s", body) },
		{ .url = "files.info?file=F8",
			.status = 200,
			.body = fake_json(fake, "{'ok':false,'error':'not_visible'}") },
		{ .url = NULL },
	};

	assert_int_equal(fake_gather(fake, share(fake, ""), script), ORCH_OK);
	return fake_note(fake, PART, state);
}

static void test_a_look_up_tells_that_a_file_is_gone(void **state)
{
	struct fake *fake = *state;

	assert_string_equal(look_up(fake, "{'ok':false,'error':'file_deleted'}", ORCH_PART_GONE),
		"files.info: file_deleted");
	assert_true(fake_counted(fake, "file_gone"));
	assert_false(fake_alarmed(fake, "slack_token"));
	assert_string_equal(look_up(fake, "{'ok':false,'error':'file_not_found'}", ORCH_PART_GONE),
		"files.info: file_not_found");
	assert_string_equal(
		look_up(fake, "{'ok':true,'file':{'id':'F1','mode':'tombstone'}}", ORCH_PART_GONE),
		"the file was deleted");
	assert_string_equal(
		look_up(fake, "{'ok':false,'error':'not_visible'}", ORCH_PART_UNAVAILABLE),
		"files.info: not_visible");
}

static void test_a_canvas_that_is_not_found_is_gone(void **state)
{
	struct fake *fake = *state;
	const struct fake_reply script[] = {
		{ .url = "canvases.getContent",
			.status = 200,
			.body = "{\"ok\":false,\"error\":\"canvas_not_found\"}" },
		{ .url = NULL },
	};
	const struct orch_event *event = fake_event(fake,
		"{'type':'message','ts':'1.1','text':'t','files':[{'id':'F1','mode':'canvas'}]}");

	assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
	assert_non_null(strstr(fake_note(fake, "file:F1", ORCH_PART_GONE), "canvas_not_found"));
}

/* The file's look-up adds its description: the event is told anew with all its names. */
static void test_names_stay_when_the_event_is_told_anew(void **state)
{
	struct fake *fake = *state;
	const struct fake_reply script[] = {
		{ .url = "files.info?file=F1",
			.status = 200,
			.body = fake_json(fake,
				"{'ok':true,'file':{'id':'F1','title':'top','mode':'tombstone'}"
				"}") },
		{ .url = NULL },
	};
	const struct orch_event *event = fake_event(fake, "{'type':'file_shared','file_id':'F1'}");

	assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
	assert_int_equal(fake->sink.event_count, 2);
	assert_non_null(fake_find_part(fake->sink.events[1], "filename:F1"));
	assert_alias(fake->sink.events[1], "file:F1", "T1/file/F1");
	assert_string_equal(fake_note(fake, "file:F1", ORCH_PART_GONE), "the file was deleted");
}

static void test_a_download_that_is_not_there_is_gone(void **state)
{
	static const struct {
		int status;
		uint32_t state;
	} cases[] = { { 404, ORCH_PART_GONE }, { 410, ORCH_PART_GONE },
		{ 403, ORCH_PART_UNAVAILABLE }, { 400, ORCH_PART_UNAVAILABLE } };
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fake_reply script[] = {
			{ .url = FILES_URL, .status = cases[i].status },
			{ .url = "files.info?file=F8",
				.status = 200,
				.body = fake_json(fake, "{'ok':false,'error':'not_visible'}") },
			{ .url = NULL },
		};
		const struct orch_event *event =
			share(fake, ",'mode':'hosted','url_private':'" FILES_URL "'");

		assert_int_equal(fake_gather(fake, event, script), ORCH_OK);
		assert_non_null(fake_note(fake, PART, cases[i].state));
	}
}

/* What has become of its files is no new state of a message, that there are others is. */
static void test_a_message_whose_file_went_has_its_alias_still(void **state)
{
#define MESSAGE "'user':'U1','text':'a','ts':'1.1','files':"
	static const struct {
		const char *members;
		bool is_same;
	} events[] = {
		{ MESSAGE "[{'id':'F1','name':'a.txt','title':'t','url_private':'https://s/a'}]",
			true },
		{ MESSAGE "[{'id':'F1','mode':'tombstone'}]", true },
		{ "'subtype':'message_changed','message':{" MESSAGE
		  "[{'id':'F1','mode':'tombstone'}]}",
			true },
		{ "'subtype':'message_deleted','deleted_ts':'1.1','previous_message':{" MESSAGE
		  "[{'id':'F1','mode':'tombstone'}]}",
			true },
		{ MESSAGE "[{'id':'F1','name':'a.txt'},{'id':'F2','name':'a.txt'}]", false },
		{ MESSAGE "[{'id':'F2','name':'a.txt','title':'t'}]", false },
		{ MESSAGE "[]", false },
	};
#undef MESSAGE
	struct fake *fake = *state;
	char *first = fake_json(fake, "%s", fake_message(fake, events[0].members)->alias.ptr);

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		const struct orch_event *event = fake_message(fake, events[i].members);

		assert_non_null(event);
		assert_int_equal(strcmp(event->alias.ptr, first) == 0, events[i].is_same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_whose_file_went_has_its_alias_still),
		cmocka_unit_test(test_a_file_has_one_name_wherever_it_is_told_of),
		cmocka_unit_test(test_a_changed_file_has_no_other_name),
		cmocka_unit_test(test_a_tombstone_is_gone),
		cmocka_unit_test(test_a_look_up_tells_that_a_file_is_gone),
		cmocka_unit_test(test_a_canvas_that_is_not_found_is_gone),
		cmocka_unit_test(test_names_stay_when_the_event_is_told_anew),
		cmocka_unit_test(test_a_download_that_is_not_there_is_gone),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
