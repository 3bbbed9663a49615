/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed bytes for the slack input as built, and what Slack answers when it
 * gathers the files.  The input is the delivery's body, then answers, with NUL
 * between: an answer's first byte chooses the status, the rest is its body or,
 * for a redirect, where to.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

#define ANSWERS 16
#define STEPS 200 /* more would be a loop */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const options[] = { "signing_secret", "secret", "token", "bot", "api_url",
	"http://127.0.0.1/api/", "scan_own", "true", "scan_deleted", "true", "scan_unshared",
	"true", NULL };

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void fill_reply(struct fake *fake, const char *text, struct orch_reply *reply)
{
	static const int statuses[] = { 200, 0, 200, 302, 404, 429, 500, 200 };
	size_t chosen = (unsigned char)text[0] % 8;
	const char *headers = "Content-Type: application/json\n";

	if (text[0] != '\0')
		text++;
	if (statuses[chosen] == 302)
		headers = fake_json(fake, "Location: %.1000s\n", text);
	else if (chosen == 2)
		headers = "Content-Type: text/html; charset=utf-8\n";
	*reply = (struct orch_reply){ .size = sizeof(*reply),
		.status = statuses[chosen],
		.headers = fake_text(headers),
		.body = fake_text(text),
		.problem = fake_text("no connection"),
		.truncated = chosen == 7,
		.part_bytes = strlen(text) };
}

static void gather(
	struct fake *fake, const struct orch_event *event, char *const *answers, size_t count)
{
	struct orch_reply filled;
	const struct orch_reply *reply = NULL;
	size_t used = 0, steps = 0;

	for (;;) {
		struct orch_request request = { .size = sizeof(request) };
		int rc = fake->plugin->input->gather(fake->self, event, &fake->progress, reply,
			&request, &fake->sink, &fake->err);

		if (rc != ORCH_SEND)
			return;
		require(request.url.len > 0 && request.method.len > 0);
		require(++steps < STEPS);
		fill_reply(fake, used < count ? answers[used++] : "", &filled);
		reply = &filled;
	}
}

static void check(const struct orch_event *event)
{
	require(event->id.len > 0 && event->type.len > 0);
	for (size_t i = 0; i < event->part_count; i++) {
		require(event->parts[i].name.len > 0);
		require(event->parts[i].state <= ORCH_PART_GONE);
		for (size_t k = 0; k < i; k++)
			require(event->parts[i].name.len != event->parts[k].name.len ||
				memcmp(event->parts[i].name.ptr, event->parts[k].name.ptr,
					event->parts[i].name.len) != 0);
	}
}

static void play(const char *body, char *const *answers, size_t count)
{
	struct fake *fake = fake_open("slack", options);
	int rc = fake_receive_signed(fake, body, NULL);

	require(rc == ORCH_OK || rc == ORCH_E_INVALID || rc == ORCH_E_LIMIT);
	for (size_t i = 0; rc == ORCH_OK && i < fake->sink.event_count; i++) {
		check(fake->sink.events[i]);
		gather(fake, fake->sink.events[i], answers, count);
	}
	fake_close(fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1), *answers[ANSWERS];
	size_t count = 0, at;

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	for (at = strlen(text) + 1; at < len && count < ANSWERS; at += strlen(text + at) + 1)
		answers[count++] = text + at;
	play(text, answers, count);
	free(text);
	return 0;
}
