/* SPDX-License-Identifier: Apache-2.0 */
#include "support/slack_load.h"

#include <stdio.h>
#include <time.h>

#include "base/hash.h"
#include "base/text.h"

#define BODY_BYTES 1024 /* messages are padded up to it */

static size_t write_body(
	char *body, size_t size, const struct slack_load *load, uint64_t number, uint64_t due_ns)
{
	unsigned long long seconds = due_ns / 1000000000, micros = due_ns / 1000 % 1000000;
	unsigned long long event = load->first + number, channel = number % 50;
	int len = snprintf(body, size,
		"{\"token\":\"x\",\"team_id\":\"T1\",\"api_app_id\":\"A1\",\"type\":\"event_"
		"callback\","
		"\"event_id\":\"Ev%llu\",\"event_time\":%llu,\"authorizations\":[{\"team_id\":"
		"\"T1\","
		"\"user_id\":\"U0BOT\",\"is_bot\":true}],\"event\":{\"type\":\"message\","
		"\"channel\":\"C%llu\",\"channel_type\":\"channel\",\"user\":\"U1\",\"ts\":\"%llu.%"
		"06llu\",\"event_ts\":\"%llu.%06llu\","
		"\"text\":\"%s\",\"pad\":\"%0*d\"}}",
		event, seconds, channel, seconds, micros, seconds, micros, load->text,
		BODY_BYTES - 432, 0);

	return (size_t)len;
}

void slack_load_make(struct orch_buf *buf, uint64_t number, uint64_t due_ns, void *arg)
{
	const struct slack_load *load = arg;
	char body[4096], stamp[24], mac[2 * ORCH_SHA256_BYTES + 1];
	size_t len = write_body(body, sizeof(body), load, number, due_ns);
	struct orch_text pieces[] = { ORCH_TEXT("v0:"), { stamp, 0 }, ORCH_TEXT(":"),
		{ body, len } };
	uint8_t digest[ORCH_SHA256_BYTES];

	pieces[1].len = (size_t)snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	orch_hmac_sha256(orch_text_from(load->secret), pieces, 4, digest);
	orch_hex_encode(digest, sizeof(digest), mac);
	orch_buf_printf(buf,
		"POST /slack/events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
		"X-Slack-Request-Timestamp: %s\r\nX-Slack-Signature: v0=%s\r\nContent-Length: "
		"%zu\r\n\r\n",
		stamp, mac, len);
	orch_buf_add(buf, body, len);
}
