/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a message: every subtype, every place where text hides, every view of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_message.h"

static const char *const options[] = { "signing_secret", "s", "ignore_bots", "B999 A999 U999",
	NULL };

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

static void test_a_plain_message_is_described(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','text':'hello','ts':'1700000000.000100','thread_ts':'1690000000."
		"000001'");

	assert_non_null(event);
	assert_string_equal(event->id.ptr, "slack:T1:Ev1");
	assert_string_equal(event->type.ptr, "slack.message");
	assert_string_equal(event->tenant.ptr, "T1");
	assert_string_equal(event->actor.ptr, "U1");
	assert_string_equal(event->order.ptr, "T1/C1/1700000000.000100");
	assert_true(event->time_ms == 1700000000000u);
	assert_string_equal(fake_field(event, "slack.team"), "T1");
	assert_string_equal(fake_field(event, "slack.channel"), "C1");
	assert_string_equal(fake_field(event, "slack.channel_type"), "channel");
	assert_string_equal(fake_field(event, "slack.ts"), "1700000000.000100");
	assert_string_equal(fake_field(event, "slack.thread_ts"), "1690000000.000001");
	assert_string_equal(fake_field(event, "slack.user"), "U1");
	assert_string_equal(fake_field(event, "slack.event_id"), "Ev1");
	assert_null(fake_field(event, "slack.subtype"));
	assert_null(fake_field(event, "slack.is_own"));
	assert_int_equal(event->part_count, 1);
	assert_string_equal(fake_part(event, "text"), "hello");
	assert_null(strstr(event->data.ptr, "legacy")); /* the token of old does not travel */
}

static void test_an_event_without_id_gets_one_of_its_body(void **state)
{
	struct fake *fake = *state;
	static const char *const texts[] = { "a", "a", "b" };
	char *first, *again, *other;

	fake_clear(fake);
	for (size_t i = 0; i < 3; i++) {
		const char *body = fake_json(fake,
			"{'team_id':'T1','type':'event_callback','event':"
			"{'type':'message','channel':'C1','user':'U1','text':'%s','ts':'1.2'}}",
			texts[i]);

		assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	}
	first = fake_json(fake, "%s", fake->sink.events[0]->id.ptr);
	again = fake_json(fake, "%s", fake->sink.events[1]->id.ptr);
	other = fake_json(fake, "%s", fake->sink.events[2]->id.ptr);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
}

static void test_a_retry_is_not_dropped(void **state)
{
	struct fake *fake = *state;
	const char *body = fake_json(fake,
		"{'team_id':'T1','type':'event_callback','event_id':'Ev9',"
		"'event':{'type':'message','text':'x','ts':'1.2'}}");
	char mac[68], headers[300];

	fake_clear(fake);
	fake_sign("s", "1700000000", fake_text(body), mac);
	(void)snprintf(headers, sizeof(headers),
		"X-Slack-Request-Timestamp: 1700000000\nX-Slack-Signature: %s\n"
		"X-Slack-Retry-Num: 3\nX-Slack-Retry-Reason: http_timeout\n",
		mac);
	assert_int_equal(fake_receive(fake, headers, fake_text(body), NULL), ORCH_OK);
	assert_int_equal(fake->sink.event_count, 1);
	assert_true(fake_counted(fake, "retried"));
}

static void test_an_edit_is_about_the_message_within(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'subtype':'message_changed','hidden':true,'ts':'1700000009.000900',"
		"'message':{'user':'U1','text':'leak','ts':'1700000000.000100','thread_ts':'5.5'},"
		"'previous_message':{'user':'U1','text':'hi','ts':'1700000000.000100'}");

	assert_non_null(event);
	assert_string_equal(event->type.ptr, "slack.message");
	assert_string_equal(fake_field(event, "slack.ts"), "1700000000.000100");
	assert_string_equal(fake_field(event, "slack.thread_ts"), "5.5");
	assert_string_equal(fake_field(event, "slack.subtype"), "message_changed");
	assert_string_equal(event->order.ptr, "T1/C1/1700000000.000100");
	assert_string_equal(fake_part(event, "text"), "leak");
}

static void test_an_edit_that_says_nothing_new_is_ignored(void **state)
{
	assert_null(fake_message(*state,
		"'subtype':'message_changed',"
		"'message':{'user':'U1','text':'a','ts':'1.1','edited':{'user':'U1','ts':'2.0'},"
		"'blocks':[{'type':'x'}]},"
		"'previous_message':{'user':'U1','text':'a','ts':'1.1','blocks':[{'type':'x'}]}"));
	assert_true(fake_counted(*state, "ignored_unchanged"));
	/* An unfurl changes the attachments only. */
	assert_non_null(fake_message(*state,
		"'subtype':'message_changed',"
		"'message':{'user':'U1','text':'a','ts':'1.1','attachments':[{'text':'more'}]},"
		"'previous_message':{'user':'U1','text':'a','ts':'1.1'}"));
	assert_non_null(fake_message(*state,
		"'subtype':'message_changed','message':{'user':'U1','text':'a','ts':'1.1'}"));
}

static void test_a_deleted_message_is_an_event_of_its_own(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'subtype':'message_deleted','hidden':true,'deleted_ts':'1.1','ts':'9.9',"
		"'previous_message':{'user':'U1','text':'secret','ts':'1.1'}");

	assert_non_null(event);
	assert_string_equal(event->type.ptr, "slack.message_deleted");
	assert_string_equal(fake_field(event, "slack.ts"), "1.1");
	assert_string_equal(fake_part(event, "text"), "secret");
}

static void test_deleted_messages_can_be_left_alone(void **state)
{
	static const char *const quiet[] = { "signing_secret", "s", "scan_deleted", "false", NULL };
	struct fake *fake = fake_open("slack", quiet);

	(void)state;
	assert_null(fake_message(fake,
		"'subtype':'message_deleted','deleted_ts':'1.1',"
		"'previous_message':{'user':'U1','text':'x','ts':'1.1'}"));
	assert_true(fake_counted(fake, "ignored_deleted"));
	fake_close(fake);
}

/* Its alias tells which state of which message an event shows; here against that of a first one. */
static void test_one_state_of_a_message_has_one_alias(void **state)
{
	static const struct {
		const char *members;
		bool is_same;
	} events[] = {
		{ "'user':'U1','text':'a b','ts':'1.1'", true },
		{ "'user':'U1','text':'a b','ts':'1.1','client_msg_id':'x','team':'T1'", true },
		{ "'subtype':'message_deleted','deleted_ts':'1.1',"
		  "'previous_message':{'user':'U1','text':'a b','ts':'1.1'}",
			true },
		{ "'user':'U1','text':'a b','ts':'1.2'", false },
		{ "'user':'U1','text':'a  b','ts':'1.1'", false },
		{ "'user':'U1','text':'a b','ts':'1.1','attachments':[{'text':'c'}]", false },
		{ "'subtype':'message_changed','message':{'user':'U1','text':'a b','ts':'1.1',"
		  "'edited':{'ts':'2.1'}}",
			false },
	};
	struct fake *fake = *state;
	char *first = fake_json(fake, "%s", fake_message(fake, events[0].members)->alias.ptr);

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		const struct orch_event *event = fake_message(fake, events[i].members);

		assert_non_null(event);
		assert_int_equal(strcmp(event->alias.ptr, first) == 0, events[i].is_same);
		assert_true(event->alias_time_ms == 1000 || !events[i].is_same);
	}
}

static void test_subtypes_with_content_are_read(void **state)
{
	static const char *const subtypes[] = { "thread_broadcast", "file_share", "bot_message",
		"me_message", "channel_topic", "channel_purpose", "channel_name", "group_topic",
		"something_of_tomorrow" };

	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++) {
		const struct orch_event *event = fake_message(*state,
			fake_json(*state,
				"'subtype':'%s','user':'U1','ts':'1.1','text':'words',"
				"'root':{'text':'the parent'}",
				subtypes[i]));

		assert_non_null(event);
		assert_string_equal(event->type.ptr, "slack.message");
		assert_string_equal(fake_field(event, "slack.subtype"), subtypes[i]);
		assert_string_equal(fake_part(event, "text"), "words");
	}
}

static void test_a_topic_is_a_part(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'subtype':'channel_topic','user':'U1','ts':'1.1','text':'set it','topic':'t0p'");

	assert_string_equal(fake_part(event, "topic"), "t0p\n");
}

static void test_the_name_a_bot_gives_itself_is_text(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'subtype':'bot_message','bot_id':'B5','username':'4111 "
		"1111','ts':'1.1','text':'x'");

	assert_string_equal(fake_part(event, "username"), "4111 1111\n");
}

static void test_ids_of_mentions_feed_no_detector(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','ts':'1.1','text':'a <@U04111111> <#C41111111|c 5> "
		"<!subteam^S41111111|@s> <!date^1392734382^x|y> <https://e/7> &lt;@U8&gt; <@U9',"
		"'attachments':[{'text':'b <@U04111111> c'}]");

	assert_string_equal(fake_part(event, "text"),
		"a <@         > <#         |c 5> "
		"<!subteam^         |@s> <!date^1392734382^x|y> <https://e/7> &lt;@U8&gt; <@U9");
	assert_null(strstr(fake_part(event, "attachments"), "4111"));
}

static void test_a_long_text_is_scanned_to_its_end(void **state)
{
	struct fake *fake = *state;
	static const char head[] = "{\"type\":\"event_callback\",\"event_id\":\"Ev1\",\"event\":{"
				   "\"type\":\"message\",\"ts\":\"1.1\",\"text\":\"";
	static const char tail[] = "the-end\"}}";
	size_t size = 1024 * 1024, fill = size - strlen(head) - strlen(tail);
	const struct orch_part *part;
	char *body = malloc(size + 1);

	assert_non_null(body);
	memcpy(body, head, strlen(head));
	memset(body + strlen(head), 'x', fill);
	memcpy(body + strlen(head) + fill, tail, sizeof(tail));
	fake_clear(fake);
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	free(body);
	assert_int_equal(fake->sink.event_count, 1);
	part = fake_find_part(fake->sink.events[0], "text");
	assert_non_null(part);
	assert_int_equal(part->state, ORCH_PART_HERE);
	assert_string_equal(part->bytes.ptr + part->bytes.len - 7, "the-end");
}

static void test_subtypes_without_content_are_ignored(void **state)
{
	static const char *const subtypes[] = { "message_replied", "tombstone", "dlp_tombstone",
		"channel_join", "channel_leave", "channel_archive", "channel_unarchive",
		"channel_posting_permissions" };

	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++) {
		assert_null(fake_message(*state,
			fake_json(*state, "'subtype':'%s','user':'U1','ts':'1.1','text':'words'",
				subtypes[i])));
		assert_true(fake_counted(*state, "ignored"));
	}
}

static void test_a_tombstone_within_is_ignored(void **state)
{
	assert_null(fake_message(*state,
		"'subtype':'message_changed','message':{'subtype':'tombstone','user':'USLACKBOT',"
		"'text':'This message was deleted.','ts':'1.1'},"
		"'previous_message':{'user':'U1','text':'x','ts':'1.1'}"));
	assert_true(fake_counted(*state, "ignored_tombstone"));
}

static void test_withheld_content_is_not_clean(void **state)
{
	const struct orch_event *event = fake_message(
		*state, "'subtype':'ekm_access_denied','user':'UREVOKEDU','ts':'1.1','text':''");

	assert_non_null(event);
	assert_int_equal(fake_find_part(event, "text")->state, ORCH_PART_UNAVAILABLE);
	assert_true(event->parts[0].note.len > 0);
}

static void test_own_messages_make_no_loop(void **state)
{
	static const char *const own[] = {
		"'user':'UBOT','bot_id':'B1','text':'x','ts':'1.1'",
		"'app_id':'A1','bot_id':'B1','text':'x','ts':'1.1'",
		"'bot_profile':{'app_id':'A1'},'bot_id':'B1','text':'x','ts':'1.1'",
		"'user':'U999','text':'x','ts':'1.1'",
		"'bot_id':'B999','text':'x','ts':'1.1'",
		"'app_id':'A999','bot_id':'B2','text':'x','ts':'1.1'",
		"'bot_id':'B1','text':'x','ts':'1.1',"
		"'metadata':{'event_type':'orchestrator_notice','event_payload':{'key':'k'}}",
		"'subtype':'message_changed','message':{'user':'UBOT','text':'new','ts':'1.1'},"
		"'previous_message':{'user':'UBOT','text':'old','ts':'1.1'}",
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		assert_null(fake_message(*state, own[i]));
		assert_true(fake_counted(*state, "ignored_own"));
	}
}

static void test_our_mark_hides_nobody_elses_message(void **state)
{
	assert_non_null(fake_message(*state,
		"'user':'U1','text':'x','ts':'1.1',"
		"'metadata':{'event_type':'orchestrator_notice','event_payload':{'key':'k'}}"));
	assert_non_null(fake_message(*state,
		"'bot_id':'B5','app_id':'A5','text':'x','ts':'1.1',"
		"'metadata':{'event_type':'orchestrator_notice','event_payload':{'key':'k'}}"));
}

static void test_own_messages_can_be_scanned_but_not_the_notices(void **state)
{
	static const char *const all[] = { "signing_secret", "s", "scan_own", "true", NULL };
	struct fake *fake = fake_open("slack", all);
	const struct orch_event *event = fake_message(
		fake, "'user':'UBOT','bot_id':'B1','app_id':'A1','text':'x','ts':'1.1'");

	(void)state;
	assert_non_null(event);
	assert_string_equal(fake_field(event, "slack.is_own"), "true");
	assert_null(fake_message(fake,
		"'user':'UBOT','bot_id':'B1','app_id':'A1','text':'x','ts':'1.1',"
		"'metadata':{'event_type':'orchestrator_notice','event_payload':{'key':'k'}}"));
	fake_close(fake);
}

static void test_partly_bold_digits_are_joined(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','ts':'1.1','text':'fallback','blocks':[{'type':'rich_text','block_id':"
		"'1x',"
		"'elements':[{'type':'rich_text_section','elements':["
		"{'type':'text','text':'4111'},{'type':'text','text':'1111','style':{'bold':true}},"
		"{'type':'text','text':'11111111'},{'type':'user','user_id':'U7777777'},"
		"{'type':'emoji','name':'tada'}]},"
		"{'type':'rich_text_list','style':'bullet','elements':["
		"{'type':'rich_text_section','elements':[{'type':'text','text':'one'}]},"
		"{'type':'rich_text_section','elements':[{'type':'link','url':'https://e.org/"
		"x%2Dy',"
		"'text':'two'}]}]},"
		"{'type':'rich_text_quote','elements':[{'type':'text','text':'quo'},"
		"{'type':'newleaf','words':'ted'}]},"
		"{'type':'rich_text_preformatted','elements':[{'type':'text','text':'pre'}]}]}]");

	assert_string_equal(
		fake_part(event, "blocks"), "4111111111111111\none\ntwo\nquoted\npre\n");
	assert_string_equal(fake_part(event, "links"), "https://e.org/x%2Dy\nhttps://e.org/x-y\n");
}

static void test_every_kind_of_block_is_read(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','ts':'1.1','text':'','blocks':["
		"{'type':'section','text':{'type':'mrkdwn','text':'*bold* b1'},"
		"'fields':[{'type':'plain_text','text':'b2'}],"
		"'accessory':{'type':'button','text':{'type':'plain_text','text':'b3'},"
		"'value':'b4','url':'https://b5','action_id':'no'}},"
		"{'type':'image','alt_text':'b6','title':{'type':'plain_text','text':'b7'}},"
		"{'type':'table','rows':[[{'type':'raw_text','text':'b8'}]]},"
		"{'type':'markdown','text':'b9'},{'type':'hologram','aura':['b10',{'deep':'b11'}]},"
		"{'type':'context','number':123456789012345}]");
	const char *blocks = fake_part(event, "blocks");

	for (int i = 1; i <= 11; i++) {
		char word[8];

		(void)snprintf(word, sizeof(word), "b%d\n", i);
		if (i != 5)
			assert_non_null(strstr(blocks, word));
	}
	assert_non_null(strstr(blocks, "\nbold b1\n"));
	assert_non_null(strstr(blocks, "123456789012345"));
	assert_null(strstr(blocks, "no"));
	assert_string_equal(fake_part(event, "links"), "https://b5\n");
	assert_null(fake_part(event, "text"));
}

static void test_attachments_and_metadata_are_read(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','ts':'1.1','text':'t','attachments':[{'id':1,'color':'36a64f',"
		"'fallback':'a1','pretext':'a2','title':'a3','title_link':'https://l','text':'a4',"
		"'author_name':'a5','footer':'a6','fields':[{'title':'a7','value':'a8','short':"
		"true}],"
		"'message_blocks':[{'team':'T1','channel':'C9','ts':'1.2','message':{'blocks':["
		"{'type':'rich_text','elements':[{'type':'rich_text_section','elements':["
		"{'type':'text','text':'a'},{'type':'text','text':'9'}]}]}]}}]}],"
		"'metadata':{'event_type':'m','event_payload':{'card':'m1','n':4111111111111111}}");

	assert_string_equal(
		fake_part(event, "attachments"), "a1\na2\na3\na4\na5\na6\na7\na8\na9\n");
	assert_string_equal(fake_part(event, "links"), "https://l\n");
	assert_string_equal(fake_part(event, "metadata"),
		"event_type\nm\nevent_payload\ncard\nm1\nn\n4111111111111111\n");
}

static void test_blocks_that_repeat_the_text_are_left_out(void **state)
{
	const struct orch_event *event = fake_message(*state,
		"'user':'U1','ts':'1.1','text':'41*11* "
		"&amp;','blocks':[{'type':'rich_text','elements':["
		"{'type':'rich_text_section','elements':[{'type':'text','text':'41'},"
		"{'type':'text','text':'11','style':{'bold':true}},{'type':'text','text':' "
		"&'}]}]}]");

	assert_string_equal(fake_part(event, "displayed"), "4111 &");
	assert_null(fake_part(event, "blocks"));
}

static void test_the_views_of_mrkdwn(void **state)
{
	static const struct {
		const char *text, *displayed, *links; /* NULL: no such part */
	} cases[] = {
		{ "plain", NULL, NULL },
		{ "a &amp; b &lt;c&gt; &quot;", "a & b <c> &quot;", NULL },
		{ "&amp;lt;", "&lt;", NULL },
		{ "&lt;https://x&gt;", "<https://x>", NULL },
		{ "see <https://e.org/a_b_c?x=1&amp;y=2|the page>", "see the page",
			"https://e.org/a_b_c?x=1&y=2\n" },
		{ "<https://e.org/%34%31>", "https://e.org/%34%31",
			"https://e.org/%34%31\nhttps://e.org/41\n" },
		{ "<tel:+15551234567|555-123-4567>", "555-123-4567", "tel:+15551234567\n" },
		{ "<tel:+15551234567>", "+15551234567", "tel:+15551234567\n" },
		{ "<mailto:a@b.org|a@b.org>!", "a@b.org!", "mailto:a@b.org\n" },
		{ "<@U0123456789> hi", " hi", NULL },
		{ "<@U0123|ann> <#C0123|general>", "ann general", NULL },
		{ "<#C0123456789>x", "x", NULL },
		{ "<!here> <!channel> <!everyone>", "@here @channel @everyone", NULL },
		{ "<!subteam^S0123456789>x", "x", NULL },
		{ "<!date^1392734382^{date}^https://l|Feb 18>", "Feb 18", NULL },
		{ "*bold* _it_ ~gone~ `code`", "bold it gone code", NULL },
		{ "4111*1111*1111*1111*", "4111111111111111", NULL },
		{ "5 * 3 * 2", NULL, NULL },
		{ "a_b", NULL, NULL },
		{ "*a\\nb*", NULL, NULL },
		{ "`*a*`", "*a*", NULL },
		{ "```*a*\\n_b_```", "*a*\n_b_", NULL },
		{ "it`s 4*1*", "it`s 41", NULL },
		{ "1 < 2 > 1", NULL, NULL },
		{ "<unfinished", NULL, NULL },
		{ "<>", NULL, NULL },
		{ "41\\u200b11\\u00ad11", "411111", NULL },
		{ "a\\u00a0b", "a b", NULL },
		{ "\\uff14\\uff11", "41", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct orch_event *event = fake_message(*state,
			fake_json(*state, "'user':'U1','ts':'1.1','text':'%s'", cases[i].text));

		assert_non_null(event);
		if (cases[i].displayed == NULL)
			assert_null(fake_part(event, "displayed"));
		else
			assert_string_equal(fake_part(event, "displayed"), cases[i].displayed);
		if (cases[i].links == NULL)
			assert_null(fake_part(event, "links"));
		else
			assert_string_equal(fake_part(event, "links"), cases[i].links);
	}
}

/* Unclosed markers, brackets and backticks cost one pass, not one a piece. */
static void test_text_full_of_markers_is_read_through(void **state)
{
	static const char *const pieces[] = { "*a ", "<a", "`a ", "_a *", "```", "&am", "*a*" };
	struct fake *fake = *state;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char text[32 * 1024] = "";
		size_t len = 0;

		while (len + 16 < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", pieces[i]);
		assert_non_null(fake_message(
			fake, fake_json(fake, "'user':'U1','ts':'1.1','text':'%s'", text)));
	}
}

static size_t bytes_of(const struct orch_event *event)
{
	size_t bytes = event->data.len;

	for (size_t i = 0; i < event->part_count; i++)
		bytes += event->parts[i].bytes.len;
	return bytes;
}

/* Links stand in the text, in what is displayed, and twice among the links. */
static void test_what_is_too_long_is_said_to_be(void **state)
{
	static const char head[] = "{\"type\":\"event_callback\",\"event_id\":\"E\",\"event\":{"
				   "\"type\":\"message\",\"ts\":\"1.1\",\"text\":\"";
	static const char link[] = "<https://example.org/a%2Da-long-way-to-go/and-a-longer-one> ";
	struct fake *fake = *state;
	size_t size = 1024 * 1024, len = strlen(head);
	char *body = malloc(size + 1);

	assert_non_null(body);
	memcpy(body, head, len);
	for (; len + sizeof(link) + 8 < size; len += strlen(link))
		memcpy(body + len, link, strlen(link));
	(void)snprintf(body + len, size - len, "\"}}");
	fake_clear(fake);
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	free(body);
	assert_int_equal(fake->sink.event_count, 1);
	assert_int_equal(fake_find_part(fake->sink.events[0], "text")->state, ORCH_PART_HERE);
	assert_int_equal(fake_find_part(fake->sink.events[0], "links")->state, ORCH_PART_TRUNCATED);
	assert_true(bytes_of(fake->sink.events[0]) < 4 * size); /* the core refuses more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plain_message_is_described),
		cmocka_unit_test(test_an_event_without_id_gets_one_of_its_body),
		cmocka_unit_test(test_a_retry_is_not_dropped),
		cmocka_unit_test(test_an_edit_is_about_the_message_within),
		cmocka_unit_test(test_an_edit_that_says_nothing_new_is_ignored),
		cmocka_unit_test(test_a_deleted_message_is_an_event_of_its_own),
		cmocka_unit_test(test_deleted_messages_can_be_left_alone),
		cmocka_unit_test(test_one_state_of_a_message_has_one_alias),
		cmocka_unit_test(test_subtypes_with_content_are_read),
		cmocka_unit_test(test_a_topic_is_a_part),
		cmocka_unit_test(test_the_name_a_bot_gives_itself_is_text),
		cmocka_unit_test(test_ids_of_mentions_feed_no_detector),
		cmocka_unit_test(test_a_long_text_is_scanned_to_its_end),
		cmocka_unit_test(test_subtypes_without_content_are_ignored),
		cmocka_unit_test(test_a_tombstone_within_is_ignored),
		cmocka_unit_test(test_withheld_content_is_not_clean),
		cmocka_unit_test(test_own_messages_make_no_loop),
		cmocka_unit_test(test_our_mark_hides_nobody_elses_message),
		cmocka_unit_test(test_own_messages_can_be_scanned_but_not_the_notices),
		cmocka_unit_test(test_partly_bold_digits_are_joined),
		cmocka_unit_test(test_every_kind_of_block_is_read),
		cmocka_unit_test(test_attachments_and_metadata_are_read),
		cmocka_unit_test(test_blocks_that_repeat_the_text_are_left_out),
		cmocka_unit_test(test_the_views_of_mrkdwn),
		cmocka_unit_test(test_text_full_of_markers_is_read_through),
		cmocka_unit_test(test_what_is_too_long_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
