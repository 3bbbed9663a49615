/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak to the slack input: its signature, and what a sound envelope gets for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define SLACK_SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define SLACK_TIME "1531420618"
#define SLACK_MAC "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
#define SLACK_BODY                                                                         \
	"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"         \
	"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" \
	"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"     \
	"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"                \
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

#define OUR_SECRET "not-a-real-signing-secret"
#define OUR_TIME "1700000000"
#define OUR_BODY "{\"token\":\"x\",\"challenge\":\"c-123\",\"type\":\"url_verification\"}"
#define OUR_MAC "v0=e597aacdcb6c589ad92ab47e47dd3aef1997f861fa160b29c5dff12be6b9cf26"

static const char *const ours[] = { "signing_secret", OUR_SECRET, NULL };

static int receive(struct fake *fake, const char *timestamp, const char *mac, const char *body)
{
	char headers[512];

	(void)snprintf(headers, sizeof(headers),
		"Host: x\nx-slack-request-timestamp: %s\nX-SLACK-SIGNATURE: %s\n", timestamp, mac);
	return fake_receive(fake, headers, fake_text(body), NULL);
}

static void test_slacks_published_vector_is_authentic(void **state)
{
	static const char *const options[] = { "signing_secret", SLACK_SECRET, NULL };
	struct fake *fake = fake_open("slack", options);
	char body[sizeof(SLACK_BODY)];

	(void)state;
	assert_int_equal(strlen(SLACK_BODY), 362);
	fake->now_ms = 1531420618000u;
	/* It is a form, so authentic but nothing that can be read. */
	assert_int_equal(receive(fake, SLACK_TIME, SLACK_MAC, SLACK_BODY), ORCH_OK);
	assert_int_equal(fake->sink.event_count, 1);
	assert_string_equal(fake->sink.events[0]->type.ptr, "slack.unreadable");
	memcpy(body, SLACK_BODY, sizeof(body));
	body[100] ^= 1;
	assert_int_equal(receive(fake, SLACK_TIME, SLACK_MAC, body), ORCH_E_DENIED);
	fake_close(fake);
}

static void test_a_json_body_is_verified_as_it_came(void **state)
{
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	assert_int_equal(receive(fake, OUR_TIME, OUR_MAC, OUR_BODY), ORCH_OK);
	assert_int_equal(
		receive(fake, OUR_TIME, OUR_MAC,
			"{\"challenge\":\"c-123\",\"token\":\"x\",\"type\":\"url_verification\"}"),
		ORCH_E_DENIED);
	assert_int_equal(receive(fake, OUR_TIME, OUR_MAC, OUR_BODY " "), ORCH_E_DENIED);
	fake_close(fake);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
	struct fake *fake = fake_open("slack", ours);
	char body[sizeof(OUR_BODY)], mac[sizeof(OUR_MAC)], time[sizeof(OUR_TIME)];

	(void)state;
	for (size_t i = 0; i < 8 * (sizeof(OUR_BODY) - 1); i++) {
		memcpy(body, OUR_BODY, sizeof(body));
		body[i / 8] = (char)(body[i / 8] ^ (1 << i % 8));
		if (body[i / 8] != '\0')
			assert_int_equal(receive(fake, OUR_TIME, OUR_MAC, body), ORCH_E_DENIED);
	}
	for (size_t i = 0; i < 8 * (sizeof(OUR_MAC) - 1); i++) {
		memcpy(mac, OUR_MAC, sizeof(mac));
		mac[i / 8] = (char)(mac[i / 8] ^ (1 << i % 8));
		assert_int_equal(receive(fake, OUR_TIME, mac, OUR_BODY), ORCH_E_DENIED);
	}
	for (size_t i = 0; i < 8 * (sizeof(OUR_TIME) - 1); i++) {
		memcpy(time, OUR_TIME, sizeof(time));
		time[i / 8] = (char)(time[i / 8] ^ (1 << i % 8));
		assert_int_equal(receive(fake, time, OUR_MAC, OUR_BODY), ORCH_E_DENIED);
	}
	fake_close(fake);
}

static int receive_at(struct fake *fake, long long offset_s)
{
	char time[32], mac[68];

	(void)snprintf(time, sizeof(time), "%lld", 1700000000LL + offset_s);
	fake_sign(OUR_SECRET, time, fake_text(OUR_BODY), mac);
	return receive(fake, time, mac, OUR_BODY);
}

static void test_the_window_is_300_seconds_either_way(void **state)
{
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	assert_int_equal(receive_at(fake, -300), ORCH_OK);
	assert_int_equal(receive_at(fake, -301), ORCH_E_DENIED);
	assert_int_equal(receive_at(fake, 300), ORCH_OK);
	assert_int_equal(receive_at(fake, 301), ORCH_E_DENIED);
	assert_int_equal(receive_at(fake, 3600), ORCH_E_DENIED);
	fake_close(fake);
}

static void test_odd_headers_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"X-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: " OUR_TIME "\n",
		"X-Slack-Request-Timestamp: " OUR_TIME "\nX-Slack-Signature: " OUR_MAC
		"\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: " OUR_TIME "\nX-Slack-Request-Timestamp: " OUR_TIME
		"\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: 1700000000x\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: +1700000000\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: -1\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp:\nX-Slack-Signature: " OUR_MAC "\n",
		"X-Slack-Request-Timestamp: 99999999999999999999999\nX-Slack-Signature: " OUR_MAC
		"\n",
	};
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			fake_receive(fake, bad[i], fake_text(OUR_BODY), NULL), ORCH_E_DENIED);
	fake_close(fake);
}

static void test_the_mac_has_one_form_only(void **state)
{
	static const char digits[] =
		"e597aacdcb6c589ad92ab47e47dd3aef1997f861fa160b29c5dff12be6b9cf26";
	struct fake *fake = fake_open("slack", ours);
	char mac[80];

	(void)state;
	assert_int_equal(receive(fake, OUR_TIME, digits, OUR_BODY), ORCH_E_DENIED);
	(void)snprintf(mac, sizeof(mac), "v1=%s", digits);
	assert_int_equal(receive(fake, OUR_TIME, mac, OUR_BODY), ORCH_E_DENIED);
	(void)snprintf(mac, sizeof(mac), "v0=%sff", digits);
	assert_int_equal(receive(fake, OUR_TIME, mac, OUR_BODY), ORCH_E_DENIED);
	(void)snprintf(mac, sizeof(mac), "v0=E%s", digits + 1);
	assert_int_equal(receive(fake, OUR_TIME, mac, OUR_BODY), ORCH_E_DENIED);
	assert_int_equal(receive(fake, OUR_TIME, "v0=", OUR_BODY), ORCH_E_DENIED);
	fake_close(fake);
}

static void test_the_previous_secret_still_counts(void **state)
{
	static const char *const options[] = { "signing_secret", "the-new-one",
		"previous_signing_secret", OUR_SECRET, NULL };
	struct fake *fake = fake_open("slack", options);

	(void)state;
	assert_int_equal(receive(fake, OUR_TIME, OUR_MAC, OUR_BODY), ORCH_OK);
	fake_close(fake);
}

static void test_the_challenge_is_answered_as_text(void **state)
{
	struct fake *fake = fake_open("slack", ours);
	struct orch_answer answer = { .size = sizeof(answer) };

	(void)state;
	assert_int_equal(fake_receive_signed(fake, OUR_BODY, &answer), ORCH_OK);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.media_type.ptr, "text/plain");
	assert_string_equal(answer.body.ptr, "c-123");
	assert_int_equal(fake->sink.event_count, 0);
	fake_close(fake);
}

/* Slack switches an app off that answers with errors. */
static void expect_malformed(struct fake *fake, const char *body)
{
	struct orch_answer answer = { .size = sizeof(answer), .body = { "", 0 } };

	fake_clear(fake);
	assert_int_equal(fake_receive_signed(fake, body, &answer), ORCH_OK);
	assert_int_equal(answer.body.len, 0);
	assert_int_equal(fake->sink.event_count, 0);
	assert_true(fake_counted(fake, "ignored_malformed"));
}

static void test_an_odd_challenge_is_not_echoed(void **state)
{
	struct fake *fake = fake_open("slack", ours);
	char body[512], challenge[300];

	(void)state;
	memset(challenge, 'c', sizeof(challenge));
	challenge[257] = '\0';
	(void)snprintf(body, sizeof(body), "{\"type\":\"url_verification\",\"challenge\":\"%s\"}",
		challenge);
	expect_malformed(fake, body);
	expect_malformed(fake, "{\"type\":\"url_verification\",\"challenge\":\"a\\nb\"}");
	expect_malformed(fake, "{\"type\":\"url_verification\"}");
	fake_close(fake);
}

static void test_what_is_signed_but_of_no_interest_is_accepted(void **state)
{
	static const char *const bodies[] = { "{}", "[]", "{\"type\":\"something_new\"}",
		"{\"type\":\"event_callback\"}", "{\"type\":\"event_callback\",\"event\":5}",
		"{\"type\":\"event_callback\",\"event\":{\"type\":\"reaction_added\"}}",
		"{\"type\":\"event_callback\",\"event\":{\"type\":\"message\"}}" };
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		fake_clear(fake);
		assert_int_equal(fake_receive_signed(fake, bodies[i], NULL), ORCH_OK);
		assert_int_equal(fake->sink.event_count, 0);
		assert_true(fake_counted(fake, "ignored"));
	}
	fake_close(fake);
}

/* It may be a message all the same, so it does not pass for clean. */
static void test_what_is_no_strict_json_is_recorded(void **state)
{
	static const char *const bodies[] = { "", "{", "{\"a\":1}x", "payload=%7B%7D", "nul",
		"null", "{\"a\":\"\xff\"}", "\xef\xbb\xbf{}", "{\"a\":1,}" };
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		fake_clear(fake);
		assert_int_equal(fake_receive_signed(fake, bodies[i], NULL), ORCH_OK);
		assert_int_equal(fake->sink.event_count, 1);
		assert_string_equal(fake->sink.events[0]->type.ptr, "slack.unreadable");
		assert_int_equal(fake->sink.events[0]->parts[0].state, ORCH_PART_UNAVAILABLE);
		assert_true(fake_counted(fake, "unreadable"));
	}
	fake_close(fake);
}

/* The core refuses long names, and a refusal is repeated until Slack switches the app off. */
static void test_names_of_any_length_are_taken(void **state)
{
	static const char *const bodies[] = {
		"{'type':'event_callback','event_id':'%s','event':{'type':'message','text':'x','ts'"
		":"
		"'1.1'}}",
		"{'type':'event_callback','team_id':'%s','event_id':'E','event':{'type':'message',"
		"'text':'x','ts':'1.1'}}",
		"{'type':'event_callback','event_id':'E','event':{'type':'message','text':'x',"
		"'channel':'%s','ts':'1.1'}}",
		"{'type':'event_callback','event_id':'E','event':{'type':'message','text':'x','ts':"
		"'%s'}}",
		"{'type':'event_callback','event_id':'E','event':{'type':'file_shared','file_id':"
		"'%s'}}",
	};
	struct fake *fake = fake_open("slack", ours);
	char name[601], body[1024];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const char *gap = strstr(bodies[i], "%s");
		char *names[2];

		for (size_t k = 0; k < 2; k++) {
			const struct orch_event *event;

			name[sizeof(name) - 2] = (char)('a' + k);
			(void)snprintf(body, sizeof(body), "%.*s%s%s", (int)(gap - bodies[i]),
				bodies[i], name, gap + 2);
			fake_clear(fake);
			assert_int_equal(
				fake_receive_signed(fake, fake_json(fake, "%s", body), NULL),
				ORCH_OK);
			assert_int_equal(fake->sink.event_count, 1);
			event = fake->sink.events[0];
			assert_true(event->id.len <= 512 && event->tenant.len <= 512 &&
				event->order.len <= 512);
			names[k] = fake_json(fake, "%s %s", event->id.ptr, event->order.ptr);
		}
		assert_string_not_equal(names[0], names[1]);
	}
	fake_close(fake);
}

static void fill_deep(char *body, size_t depth, char inmost)
{
	memset(body, '[', depth);
	body[depth] = inmost;
	memset(body + depth + 1, ']', depth);
	body[2 * depth + 1] = '\0';
}

static void test_what_cannot_be_parsed_is_recorded(void **state)
{
	struct fake *fake = fake_open("slack", ours);
	const struct orch_event *const *events;
	char body[512];

	(void)state;
	fill_deep(body, 100, '1');
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	fill_deep(body, 100, '2');
	assert_int_equal(fake_receive_signed(fake, body, NULL), ORCH_OK);
	assert_int_equal(fake->sink.event_count, 3);
	events = (const struct orch_event *const *)fake->sink.events;
	assert_string_equal(events[0]->type.ptr, "slack.unreadable");
	assert_true(events[0]->id.len > strlen("slack::"));
	assert_string_equal(events[0]->id.ptr, events[1]->id.ptr);
	assert_string_not_equal(events[0]->id.ptr, events[2]->id.ptr);
	assert_int_equal(events[0]->part_count, 1);
	assert_string_equal(events[0]->parts[0].name.ptr, "body");
	assert_int_equal(events[0]->parts[0].state, ORCH_PART_UNAVAILABLE);
	assert_non_null(strstr(events[0]->parts[0].note.ptr, "the event could not be parsed: "));
	assert_true(fake_counted(fake, "unreadable"));
	fake_close(fake);
}

static void test_what_silences_slack_raises_an_alarm(void **state)
{
	static const struct {
		const char *body, *alarm;
	} cases[] = {
		{ "{'type':'app_rate_limited','team_id':'T1','minute_rate_limited':1,'token':'x'}",
			"slack_app_rate_limited" },
		{ "{'type':'event_callback','team_id':'T1','event':{'type':'app_rate_limited'}}",
			"slack_app_rate_limited" },
		{ "{'type':'event_callback','event':{'type':'tokens_revoked','tokens':{'bot':['U']}"
		  "}}",
			"slack_tokens_revoked" },
		{ "{'type':'event_callback','event':{'type':'app_uninstalled'}}",
			"slack_app_uninstalled" },
	};
	struct fake *fake = fake_open("slack", ours);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_clear(fake);
		assert_int_equal(
			fake_receive_signed(fake, fake_json(fake, "%s", cases[i].body), NULL),
			ORCH_OK);
		assert_true(fake_alarmed(fake, cases[i].alarm));
		assert_true(fake_counted(fake, cases[i].alarm));
	}
	fake_close(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slacks_published_vector_is_authentic),
		cmocka_unit_test(test_a_json_body_is_verified_as_it_came),
		cmocka_unit_test(test_every_flipped_bit_is_noticed),
		cmocka_unit_test(test_the_window_is_300_seconds_either_way),
		cmocka_unit_test(test_odd_headers_are_refused),
		cmocka_unit_test(test_the_mac_has_one_form_only),
		cmocka_unit_test(test_the_previous_secret_still_counts),
		cmocka_unit_test(test_the_challenge_is_answered_as_text),
		cmocka_unit_test(test_an_odd_challenge_is_not_echoed),
		cmocka_unit_test(test_what_is_signed_but_of_no_interest_is_accepted),
		cmocka_unit_test(test_what_is_no_strict_json_is_recorded),
		cmocka_unit_test(test_names_of_any_length_are_taken),
		cmocka_unit_test(test_what_cannot_be_parsed_is_recorded),
		cmocka_unit_test(test_what_silences_slack_raises_an_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
