/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_input: an arrival's body is lines that say what to do.
 *
 *   id ID / tenant T / order O / data JSON / field NAME VALUE / text NAME BYTES / announce NAME
 *   emit              emits the event so far; the next line begins another
 *   ignore            the same, without minding whether it was taken
 *   reject REASON, status N, say TEXT
 *   type TEXT         the answer's media type; a '|' in it is a line break
 *   denied, again, invalid, limit
 *
 * gather() fetches every announced part from api_url + its name; what is
 * answered with 410 is gone, what with another status than 200 not to be had.
 */
#include <orch/input.h>

#include <stdio.h>

#include "words.h"

#define MOST 64

struct settings {
	const char *api_url;
	const char *gather; /* what to do beside: "reject", "again", "fail", "more", "anew" */
};

struct script_input {
	const struct orch_host *host;
	const struct settings *settings;
	char url[512];
	char answer[512], media_type[512];
};

struct draft {
	struct orch_event event;
	struct orch_field fields[MOST];
	struct orch_part parts[MOST];
};

static const struct orch_option options[] = {
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = "http://127.0.0.1:9/",
		.help = "Where parts are fetched." },
	{ .name = "gather",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, gather),
		.fallback = "",
		.help = "What gather does beside." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct script_input *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory");
	self->host = host;
	self->settings = settings;
	*ret_self = self;
	return ORCH_OK;
}

static void reset(struct draft *draft)
{
	const struct orch_text none = { "", 0 };

	*draft = (struct draft){ .event = { .size = sizeof(draft->event),
					 .time_ms = 1700000000000,
					 .id = none,
					 .source = none,
					 .type = text_of("test"),
					 .tenant = none,
					 .actor = none,
					 .order = none,
					 .data = text_of("{}"),
					 .trace = none } };
	draft->event.fields = draft->fields;
	draft->event.parts = draft->parts;
}

static void add_part(
	struct draft *draft, struct orch_text name, struct orch_text bytes, uint32_t state)
{
	if (draft->event.part_count < MOST)
		draft->parts[draft->event.part_count++] = (struct orch_part){ .name = name,
			.media_type = text_of("text/plain"),
			.bytes = bytes,
			.state = state,
			.note = text_of("") };
}

static void add_field(struct draft *draft, struct orch_text rest)
{
	struct orch_text name;

	if (draft->event.field_count < MOST && cut(&rest, ' ', &name))
		draft->fields[draft->event.field_count++] = (struct orch_field){ name, rest };
}

/* False: the word is about the arrival, not about the event. */
static bool draft_line(struct draft *draft, struct orch_text word, struct orch_text rest)
{
	struct orch_text name = { "", 0 };

	if (is(word, "id"))
		draft->event.id = rest;
	else if (is(word, "tenant"))
		draft->event.tenant = rest;
	else if (is(word, "order"))
		draft->event.order = rest;
	else if (is(word, "data"))
		draft->event.data = rest;
	else if (is(word, "field"))
		add_field(draft, rest);
	else if (is(word, "announce"))
		add_part(draft, rest, text_of(""), ORCH_PART_ANNOUNCED);
	else if (is(word, "text") && cut(&rest, ' ', &name))
		add_part(draft, name, rest, ORCH_PART_HERE);
	else
		return false;
	return true;
}

static struct orch_text type_of(struct script_input *self, struct orch_text text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len < sizeof(self->media_type) - 2; i++) {
		if (text.ptr[i] == '|')
			self->media_type[len++] = '\r';
		self->media_type[len++] = (char)(text.ptr[i] == '|' ? '\n' : text.ptr[i]);
	}
	return (struct orch_text){ self->media_type, len };
}

static int receive(void *self, const struct orch_arrival *arrival, struct orch_sink *sink,
	struct orch_answer *answer, struct orch_err *err)
{
	struct script_input *input = self;
	struct orch_text rest = arrival->body, line, word;
	struct draft draft;
	char reason[64];
	int rc = ORCH_OK;

	reset(&draft);
	while (rc == ORCH_OK && cut(&rest, '\n', &line)) {
		if (!cut(&line, ' ', &word) || draft_line(&draft, word, line))
			continue;
		if (is(word, "emit") || is(word, "ignore")) {
			rc = input->host->emit(sink, &draft.event);
			if (is(word, "ignore"))
				rc = ORCH_OK;
			reset(&draft);
		} else if (is(word, "reject")) {
			rc = input->host->reject(sink, copy(reason, sizeof(reason), line));
		} else if (is(word, "status")) {
			answer->status = (int32_t)number_of(line);
		} else if (is(word, "say")) {
			answer->body = text_of(copy(input->answer, sizeof(input->answer), line));
			answer->media_type = text_of("text/plain");
		} else if (is(word, "type")) {
			answer->media_type = type_of(input, line);
		} else {
			rc = orch_fail(err, code_of(word), "as the script wants it");
		}
	}
	return rc;
}

/* A part that the arrival did not tell of. */
static int emit_more(
	struct script_input *self, const struct orch_event *event, struct orch_sink *sink)
{
	struct draft draft;

	reset(&draft);
	draft.event.id = event->id;
	add_part(&draft, text_of("more"), text_of("what gather found"), ORCH_PART_HERE);
	return self->host->emit(sink, &draft.event);
}

static void mark_failed(const struct script_input *self, const struct orch_part *part, int status,
	struct orch_sink *sink)
{
	(void)self->host->mark(sink, part->name,
		status == 410 ? ORCH_PART_GONE : ORCH_PART_UNAVAILABLE,
		status == 410 ? "it is gone" : "not found");
}

static int end_gather(struct script_input *self, const struct orch_event *event,
	struct orch_sink *sink, struct orch_err *err)
{
	const char *how = self->settings->gather;

	if (strcmp(how, "reject") == 0)
		return self->host->reject(sink, "gone");
	if (strcmp(how, "again") == 0)
		return orch_fail(err, ORCH_E_AGAIN, "not yet");
	if (strcmp(how, "fail") == 0)
		return orch_fail(err, ORCH_E_DENIED, "no look at it");
	return strcmp(how, "more") == 0 ? emit_more(self, event, sink) : ORCH_OK;
}

static int gather(void *self, const struct orch_event *event, struct orch_progress *progress,
	const struct orch_reply *reply, struct orch_request *request, struct orch_sink *sink,
	struct orch_err *err)
{
	struct script_input *input = self;
	size_t at = progress->step;

	if (reply == NULL && strcmp(input->settings->gather, "anew") == 0)
		(void)input->host->emit(sink, event);
	if (reply != NULL && reply->status != 200 && at > 0)
		mark_failed(input, &event->parts[at - 1], reply->status, sink);
	while (at < event->part_count && event->parts[at].state != ORCH_PART_ANNOUNCED)
		at++;
	if (at >= event->part_count)
		return end_gather(input, event, sink, err);
	progress->step = (uint32_t)at + 1;
	(void)snprintf(input->url, sizeof(input->url), "%s%.*s", input->settings->api_url,
		(int)event->parts[at].name.len, event->parts[at].name.ptr);
	request->method = text_of("GET");
	request->url = text_of(input->url);
	request->part = event->parts[at].name;
	request->repeatable = true;
	return ORCH_SEND;
}

static const struct orch_input_ops ops = {
	.size = sizeof(ops),
	.transports = ORCH_HTTP,
	.create = create,
	.receive = receive,
	.gather = gather,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "script_input",
	.version = "1",
	.summary = "does what an arrival says",
	.settings_size = sizeof(struct settings),
	.options = options,
	.input = &ops,
};
