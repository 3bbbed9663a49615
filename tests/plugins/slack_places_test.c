/* SPDX-License-Identifier: Apache-2.0 */
/* Places and spellings that a leak could hide in: each must reach the tools as people read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_message.h"

#define CARD "4716301661318609"
#define WIDE                                                                                   \
	"\\uff14\\uff17\\uff11\\uff16\\uff13\\uff10\\uff11\\uff16\\uff16\\uff11\\uff13\\uff11" \
	"\\uff18\\uff16\\uff10\\uff19"

static const char *const options[] = { "signing_secret", "s", NULL };

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

/* The part of an event whose message has MEMBERS beside a harmless text; "": no such part. */
static const char *read_part(struct fake *fake, const char *part, const char *members)
{
	const struct orch_event *event = fake_message(
		fake, fake_json(fake, "'user':'U1','ts':'1.1','text':'hi',%s", members));
	const char *bytes = event == NULL ? NULL : fake_part(event, part);

	return bytes == NULL ? "" : bytes;
}

static void expect_part(struct fake *fake, const char *part, const char *members, const char *holds)
{
	const char *bytes = read_part(fake, part, members);

	if (strstr(bytes, holds) == NULL)
		fail_msg("\"%s\" is not in the part %s of %s, which is \"%s\"", holds, part,
			members, bytes);
}

static void test_metadata_has_no_names_that_are_left_out(void **state)
{
	static const char *const names[] = { "x", "id", "user", "channel", "team", "hash", "mode",
		"type", "color", "ts", "style", "url_private", "permalink", "files", "thumb_x",
		"app_id", "callback_id", "subtype", "metadata" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fake *fake = *state;
		const char *members = fake_json(fake,
			"'metadata':{'event_type':'e','event_payload':{'a':{'%s':['" CARD "']}}}",
			names[i]);

		expect_part(fake, "metadata", members, CARD);
	}
	expect_part(*state, "metadata",
		"'metadata':{'event_type':'e','event_payload':{'" CARD "':1}}", CARD);
	expect_part(*state, "metadata", "'metadata':{'event_type':'" CARD "','event_payload':{}}",
		CARD);
	expect_part(*state, "attachments", "'attachments':[{'metadata':{'id':'" CARD "'}}]", CARD);
	assert_string_equal(
		read_part(*state, "attachments", "'attachments':[{'id':'" CARD "'}]"), "");
}

static void test_leaves_of_rich_text_are_folded(void **state)
{
	static const char *const spelled[] = { "47163016\\u200b61318609",
		"4716\\u00ad3016\\u00ad61318609", "4716\\u034f301661318609", WIDE };

	for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++)
		expect_part(*state, "blocks",
			fake_json(*state,
				"'blocks':[{'type':'rich_text','elements':[{'type':'rich_text_"
				"section',"
				"'elements':[{'type':'text','text':'%s'}]}]}]",
				spelled[i]),
			CARD);
	expect_part(*state, "blocks",
		"'blocks':[{'type':'rich_text','elements':[{'type':'rich_text_quote','elements':["
		"{'type':'text','text':'4716\\u00a03016\\u202f6131\\u30008609'}]}]}]",
		"4716 3016 6131 8609");
}

static void test_rich_text_of_tomorrow_is_joined(void **state)
{
	static const char *const elements[] = {
		"{'type':'rich_zork','elements':[{'type':'text','text':'47163016'},"
		"{'type':'text','text':'61318609'}]}",
		"{'type':'rich_text_section','elements':[{'type':'zork','content':{'text':'" CARD
		"'}}]}",
		"{'type':'rich_text_section','elements':[{'type':'zork','items':['" CARD "']}]}",
		"{'type':'rich_text_section','elements':[{'type':'text','text':'47163016'},"
		"{'type':'span','elements':[{'type':'text','text':'6131'}]},"
		"{'type':'text','text':'8609'}]}",
		"{'type':'rich_text_section','elements':[{'type':'text','text':'47163016'},"
		"{'type':'emoji','name':'tada','unicode':'1f389'},"
		"{'type':'text','text':'61318609'}]}",
		"{'type':'rich_text_section','elements':[{'type':'date','timestamp':1,"
		"'format':'{date} " CARD "','fallback':'x'}]}",
	};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		expect_part(*state, "blocks",
			fake_json(*state, "'blocks':[{'type':'rich_text','elements':[%s]}]",
				elements[i]),
			CARD);
}

static void test_markdown_blocks_are_read_without_marks(void **state)
{
	static const char *const spelled[] = { "**4716**301661318609", "__4716__3016*6131*8609",
		"4716`3016`61318609", "4716***3016***_61318609_", "~~4716~~301661318609",
		"4716\\\\*\\u200b3016**61318609**" };

	for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]) - 1; i++)
		expect_part(*state, "blocks",
			fake_json(*state, "'blocks':[{'type':'markdown','text':'%s'}]", spelled[i]),
			CARD);
	/* What is escaped is shown. */
	expect_part(*state, "blocks",
		fake_json(*state, "'blocks':[{'type':'markdown','text':'%s'}]", spelled[5]),
		"4716*301661318609");
}

static void test_labels_are_folded(void **state)
{
	static const char *const starts[] = { "<https://x.y|", "<tel:1|", "<mailto:a@b|",
		"<tel:", "<@U1|", "<!date^1^{date}|" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		assert_string_equal(
			read_part(*state, "displayed",
				fake_json(*state, "'text':'%s4716\\u200b30166131\\u00ad8609>'",
					starts[i])),
			CARD);
}

static void test_what_takes_no_room_is_dropped(void **state)
{
	static const char *const unseen[] = { "\\u00ad", "\\u034f", "\\u061c", "\\u115f", "\\u1160",
		"\\u17b4", "\\u17b5", "\\u180b", "\\u180e", "\\u180f", "\\u200b", "\\u200e",
		"\\u200f", "\\u202a", "\\u202e", "\\u2060", "\\u2062", "\\u2063", "\\u2066",
		"\\u206f", "\\u3164", "\\ufe00", "\\ufe0f", "\\ufeff", "\\uffa0", "\\ufff0",
		"\\ufff8", "\\ud82f\\udca0", "\\ud834\\udd73", "\\udb40\\udc20", "\\udb43\\udfff" };
	static const char *const blanks[] = { "\\u00a0", "\\u2000", "\\u2007", "\\u2009", "\\u200a",
		"\\u202f", "\\u205f", "\\u3000" };

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		assert_string_equal(
			read_part(*state, "displayed",
				fake_json(*state, "'text':'47163016%s61318609'", unseen[i])),
			CARD);
	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		assert_string_equal(read_part(*state, "displayed",
					    fake_json(*state, "'text':'a%sb'", blanks[i])),
			"a b");
	/* What is seen stays. */
	assert_string_equal(
		read_part(*state, "displayed", "'text':'*\\u00e9\\u2010\\u3001\\ud83d\\ude00*'"),
		"\xc3\xa9\xe2\x80\x90\xe3\x80\x81\xf0\x9f\x98\x80");
}

static void test_the_parent_of_a_broadcast_is_read(void **state)
{
	expect_part(*state, "root",
		"'subtype':'thread_broadcast','root':{'text':'*" CARD "*','user':'U2'}", CARD);
	expect_part(*state, "root_displayed",
		"'subtype':'thread_broadcast','root':{'text':'4716*3016*61318609'}", CARD);
	expect_part(*state, "root_blocks",
		"'subtype':'thread_broadcast','root':{'text':'x','blocks':[{'type':'header',"
		"'text':{'text':'" CARD "'}}]}",
		CARD);
	expect_part(*state, "root_attachments",
		"'subtype':'thread_broadcast','root':{'attachments':[{'text':'" CARD "'}]}", CARD);
	expect_part(*state, "filename:F5",
		"'subtype':'thread_broadcast','root':{'files':[{'id':'F5','title':'" CARD "'}]}",
		CARD);
}

static void test_a_change_of_what_is_unseen_is_a_change(void **state)
{
	assert_non_null(fake_message(*state,
		"'subtype':'message_changed','previous_message':{'text':'a','ts':'1.1'},"
		"'message':{'text':'a','ts':'1.1','metadata':{'event_type':'e','event_payload':"
		"{'x':'" CARD "'}}}"));
	assert_non_null(fake_message(*state,
		"'subtype':'message_changed','message':{'text':'a','ts':'1.1','username':'" CARD
		"'},'previous_message':{'text':'a','ts':'1.1','username':'x'}"));
}

static void test_the_parent_of_a_reply_is_read_and_known_again(void **state)
{
	struct fake *fake = *state;
	const struct orch_event *event = fake_message(fake,
		"'subtype':'message_replied','hidden':true,'ts':'9.9','message':{'user':'U1',"
		"'text':'" CARD "','ts':'1.1','thread_ts':'1.1','reply_count':1}");
	char *alias;

	assert_non_null(event);
	assert_string_equal(event->type.ptr, "slack.message");
	assert_string_equal(fake_part(event, "text"), CARD);
	assert_string_equal(fake_field(event, "slack.ts"), "1.1");
	alias = fake_json(fake, "%s", event->alias.ptr);
	event = fake_message(fake, "'user':'U1','text':'" CARD "','ts':'1.1'");
	assert_string_equal(event->alias.ptr, alias);
	assert_null(fake_message(fake, "'subtype':'message_replied','ts':'9.9'"));
	assert_true(fake_counted(fake, "ignored_empty"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metadata_has_no_names_that_are_left_out),
		cmocka_unit_test(test_leaves_of_rich_text_are_folded),
		cmocka_unit_test(test_rich_text_of_tomorrow_is_joined),
		cmocka_unit_test(test_markdown_blocks_are_read_without_marks),
		cmocka_unit_test(test_labels_are_folded),
		cmocka_unit_test(test_what_takes_no_room_is_dropped),
		cmocka_unit_test(test_the_parent_of_a_broadcast_is_read),
		cmocka_unit_test(test_a_change_of_what_is_unseen_is_a_change),
		cmocka_unit_test(test_the_parent_of_a_reply_is_read_and_known_again),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
