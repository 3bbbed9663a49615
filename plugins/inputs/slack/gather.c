/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches an event's files, one request after another.
 *
 * progress->step is the number of the file and, in its last two bits, what was
 * asked for; memo is what a download must look like.  Without a reply a file is
 * begun anew, so any instance can go on at any time.
 */
#include "slack.h"

#include <string.h>

#include "kit/http.h"
#include "kit/slack.h"

#define TRIES 4u /* then the rest of the event is scanned without the file */
#define CANVAS_BYTES ((uint64_t)8 * 1024 * 1024) /* of the answer that holds its text */
#define NOTE_BYTES (KIT_SLACK_ERROR_BYTES + 64)

enum wanted { WANT_INFO = 0, WANT_DOWNLOAD, WANT_CANVAS };
#define WANTED_BITS 2u

struct gathering {
	struct slack *self;
	const struct orch_event *event;
	struct orch_progress *progress;
	struct orch_request *request;
	struct orch_sink *sink;
	struct orch_err *err;
	struct json_object *envelope;
	const struct orch_part *part; /* the file at hand */
	struct orch_text id;
};

static bool select_file(struct gathering *call, uint32_t number)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < call->event->part_count; i++) {
		const struct orch_part *part = &call->event->parts[i];
		struct orch_text rest = part->name;

		if (!kit_starts(part->name, "file:") || seen++ != number)
			continue;
		rest.ptr += strlen("file:");
		rest.len -= strlen("file:");
		call->part = part;
		return kit_split(&rest, '/', &call->id);
	}
	return false;
}

static int mark(struct gathering *call, uint32_t state, const char *why)
{
	int rc = call->self->host->mark(call->sink, call->part->name, state, why);

	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the part cannot be marked");
}

static int give_up(struct gathering *call, const char *why)
{
	call->self->host->count(call->self->host, "file_unavailable", 1);
	return mark(call, ORCH_PART_UNAVAILABLE, why);
}

/* It may have been inspected with another event, which the core knows. */
static int leave(struct gathering *call, const char *why)
{
	call->self->host->count(call->self->host, "file_gone", 1);
	return mark(call, ORCH_PART_GONE, why);
}

/* A file that cannot be had now must not hold up the rest of its message for ever. */
static int put_off(struct gathering *call, const char *why)
{
	if (call->progress->attempt >= TRIES)
		return give_up(call, why);
	return orch_fail(call->err, ORCH_E_AGAIN, "file %.40s: %s", call->id.ptr, why);
}

static void want(struct gathering *call, enum wanted wanted)
{
	uint32_t number = call->progress->step >> WANTED_BITS;

	call->progress->step = number << WANTED_BITS | (uint32_t)wanted;
	call->progress->memo[0] = '\0';
}

/* METHOD of the Web API, with the file's id as ARGUMENT. */
static int ask_api(struct gathering *call, const char *method, const char *argument)
{
	const struct kit_slack_call api = { .arena = &call->self->arena,
		.api_url = call->self->settings->api_url,
		.method = method,
		.token = call->self->settings->token,
		.team = call->event->tenant,
		.channel = { "", 0 } };
	struct kit_builder query;

	kit_builder_init(&query, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&query, argument);
	kit_putc(&query, '=');
	kit_put_percent(&query, call->id);
	return kit_slack_get(&api, &query, call->request, call->err);
}

static int ask_info(struct gathering *call)
{
	want(call, WANT_INFO);
	return ask_api(call, "files.info", "file");
}

static int ask_canvas(struct gathering *call)
{
	want(call, WANT_CANVAS);
	call->request->max_bytes = CANVAS_BYTES;
	return ask_api(call, "canvases.getContent", "canvas_id");
}

static struct orch_text limit_key(struct gathering *call)
{
	struct kit_builder key;

	kit_builder_init(&key, &call->self->arena, 128);
	kit_puts(&key, "slack:files:");
	kit_put(&key, call->event->tenant);
	return kit_built(&key);
}

static int send_download(struct gathering *call, struct expected *expected, struct orch_text url)
{
	struct orch_request *request = call->request;
	struct kit_url parsed;

	if (!kit_url_parse(url, &parsed))
		return give_up(call, "the file's address cannot be used");
	(void)snprintf(expected->origin, sizeof(expected->origin), "%.*s",
		(int)(url.len - parsed.rest.len < sizeof(expected->origin)
				? url.len - parsed.rest.len
				: 0),
		url.ptr);
	want(call, WANT_DOWNLOAD);
	expected_write(expected, call->progress->memo, sizeof(call->progress->memo));
	request->method = kit_text("GET");
	request->url = url;
	request->credential = call->self->settings->token;
	request->limit_key = limit_key(call);
	request->repeatable = true;
	request->part = kit_copy(&call->self->arena, call->part->name);
	request->max_bytes = call->self->settings->max_file_bytes;
	return ORCH_SEND;
}

static bool is_html(struct json_object *file)
{
	return kit_starts(kit_json_text(file, "mimetype"), "text/html");
}

/* Only of these does Slack's size mean the bytes of the download. */
static uint64_t size_of(struct json_object *file)
{
	struct orch_text mode = kit_json_text(file, "mode");
	int64_t size = kit_json_int(file, "size");

	if (size <= 0 || !(mode.len == 0 || kit_is(mode, "hosted") || kit_is(mode, "snippet")))
		return 0;
	return (uint64_t)size;
}

static struct orch_text address_of(struct json_object *file)
{
	struct orch_text url = kit_json_text(file, "url_private_download");

	if (file_kind(file) == FILE_LIST)
		return kit_json_text(file, "list_csv_download_url");
	return url.len > 0 ? url : kit_json_text(file, "url_private");
}

static int ask_download(struct gathering *call, struct json_object *file)
{
	struct expected expected = { .size = size_of(file), .is_html = is_html(file) };
	const char *refusal = files_refusal(file);
	struct orch_text url = kit_copy(&call->self->arena, address_of(file));

	if (refusal != NULL)
		return files_is_gone(file) ? leave(call, refusal) : give_up(call, refusal);
	if (file_kind(file) == FILE_CANVAS)
		return ask_canvas(call);
	if (url.len == 0)
		return give_up(call, "Slack names no address for the file");
	if (!download_may_have_token(call->self, url))
		return give_up(call, "the file's address is not one of Slack's");
	return send_download(call, &expected, url);
}

static bool needs_info(struct json_object *file)
{
	return file == NULL || kit_is(kit_json_text(file, "mode"), "file_access") ||
		kit_is(kit_json_text(file, "file_access"), "check_file_info") ||
		(address_of(file).len == 0 && files_refusal(file) == NULL &&
			file_kind(file) != FILE_CANVAS);
}

static int begin_file(struct gathering *call)
{
	struct json_object *file = files_find(call->envelope, call->id);

	if (call->part->state != ORCH_PART_ANNOUNCED)
		return ORCH_OK;
	if (call->self->settings->token == 0)
		return give_up(call, "no token is configured to fetch files");
	return needs_info(file) ? ask_info(call) : ask_download(call, file);
}

static bool has_part(const struct orch_event *event, struct orch_text name)
{
	for (size_t i = 0; i < event->part_count; i++) {
		if (kit_equal(event->parts[i].name, name))
			return true;
	}
	return false;
}

/* The event is emitted anew, with MORE added or in the place of the announced part of that name. */
static int emit_with(struct gathering *call, const struct orch_part *more)
{
	struct orch_event event = *call->event;
	size_t count = event.part_count, at = 0;
	struct orch_part *parts = kit_arena_alloc(&call->self->arena, (count + 1) * sizeof(*parts));
	int rc;

	if (parts == NULL)
		return orch_fail(call->err, ORCH_E_NOMEM, "no memory for the event's parts");
	if (count > 0)
		memcpy(parts, event.parts, count * sizeof(*parts));
	while (at < count && !kit_equal(parts[at].name, more->name))
		at++;
	parts[at] = *more;
	event.parts = parts;
	event.part_count = at == count ? count + 1 : count;
	rc = call->self->host->emit(call->sink, &event);
	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the event cannot be replaced");
}

/* What files.info says of a file is text too. */
static int add_description(struct gathering *call, struct json_object *file)
{
	struct orch_part more;

	if (!files_describe(&call->self->arena, file, &more) || has_part(call->event, more.name))
		return ORCH_OK;
	return emit_with(call, &more);
}

static bool says_gone(const struct kit_slack_answer *answer)
{
	return strcmp(answer->error, "file_deleted") == 0 ||
		strcmp(answer->error, "file_not_found") == 0 ||
		strcmp(answer->error, "canvas_not_found") == 0;
}

/* HEAD says what was not inspected, and is followed by the refusal. */
static int refused(struct gathering *call, const char *head, const struct kit_slack_answer *answer)
{
	const struct orch_host *host = call->self->host;
	char why[NOTE_BYTES];

	if (answer->class == KIT_SLACK_CONFIG || answer->class == KIT_SLACK_EXPIRED)
		host->alarm(host, "slack_token", "%s%s%s%s", head, answer->error,
			answer->scope[0] != '\0' ? ", needed: " : "", answer->scope);
	(void)snprintf(why, sizeof(why), "%s%s", head, answer->error);
	return says_gone(answer) ? leave(call, why) : give_up(call, why);
}

/* As it was written, and without its marks if that differs: some digits may be bold. */
static int add_canvas(struct gathering *call, struct orch_text content)
{
	struct kit_arena *arena = &call->self->arena;
	struct kit_builder text, plain;
	struct orch_part part = *call->part;

	kit_builder_init(&text, arena, CANVAS_BYTES);
	kit_builder_init(&plain, arena, CANVAS_BYTES);
	mrkdwn_plain(&plain, content);
	kit_put(&text, content);
	if (!kit_equal(kit_built(&plain), content)) {
		kit_putc(&text, '\n');
		kit_put(&text, kit_built(&plain));
	}
	part.media_type = kit_text("text/markdown");
	part.bytes = kit_built(&text);
	part.state =
		kit_is_whole(&text) && kit_is_whole(&plain) ? ORCH_PART_HERE : ORCH_PART_TRUNCATED;
	part.note = kit_text(part.state == ORCH_PART_HERE ? "" : "longer than the limit");
	return emit_with(call, &part);
}

static int take_canvas(struct gathering *call, const struct orch_reply *reply)
{
	struct kit_slack_answer answer;
	struct json_object *content;
	int rc;

	kit_slack_page_read(reply, &answer);
	content = kit_json_get(answer.body, "content");
	if (answer.class == KIT_SLACK_AGAIN)
		rc = put_off(call, answer.error);
	else if (answer.class != KIT_SLACK_DONE)
		rc = refused(call, "canvas, not inspected: canvases.getContent: ", &answer);
	else if (!json_object_is_type(content, json_type_string))
		rc = give_up(call, "canvas, not inspected: the answer holds no text");
	else
		rc = add_canvas(call, kit_json_string(content));
	kit_slack_answer_fini(&answer);
	return rc;
}

static int take_info(struct gathering *call, const struct orch_reply *reply)
{
	struct kit_slack_answer answer;
	struct json_object *file;
	int rc;

	kit_slack_answer_read(reply, &answer);
	file = kit_json_get(answer.body, "file");
	if (answer.class == KIT_SLACK_AGAIN) {
		rc = put_off(call, answer.error);
	} else if (answer.class != KIT_SLACK_DONE) {
		rc = refused(call, "files.info: ", &answer);
	} else if (needs_info(file)) {
		rc = give_up(call,
			file_kind(file) == FILE_LIST
				? "list, not inspected: no CSV of it is to be had"
				: "Slack does not say where the file is");
	} else {
		rc = add_description(call, file);
		if (rc == ORCH_OK)
			rc = ask_download(call, file);
	}
	kit_slack_answer_fini(&answer);
	return rc;
}

static int take_download(struct gathering *call, const struct orch_reply *reply)
{
	const struct orch_host *host = call->self->host;
	struct orch_text url = { "", 0 };
	struct expected expected;
	const char *why;

	if (reply->status < 0) { /* the core refuses, and always will */
		host->alarm(host, "slack_download", "file %.40s: %.*s", call->id.ptr,
			(int)kit_prefix(reply->problem, 160).len, reply->problem.ptr);
		return give_up(call, "the download is not allowed by the configuration");
	}
	expected_read(call->progress->memo, &expected);
	switch (download_judge(call->self, &expected, reply, &url, &why)) {
	case DOWNLOAD_GOOD:
		return ORCH_OK;
	case DOWNLOAD_MOVED:
		expected.hops++;
		return send_download(call, &expected, url);
	case DOWNLOAD_CUT:
		return mark(call, ORCH_PART_TRUNCATED, why);
	case DOWNLOAD_LATER:
		return put_off(call, why);
	case DOWNLOAD_GONE:
		return leave(call, why);
	default:
		if (strstr(why, "sign-in") != NULL)
			host->alarm(
				host, "slack_sign_in_page", "file %.40s: %s", call->id.ptr, why);
		return give_up(call, why);
	}
}

static int take(struct gathering *call, const struct orch_reply *reply)
{
	switch (call->progress->step & ((1u << WANTED_BITS) - 1u)) {
	case WANT_DOWNLOAD:
		return take_download(call, reply);
	case WANT_CANVAS:
		return take_canvas(call, reply);
	default:
		return take_info(call, reply);
	}
}

/* Goes from file to file until one needs a request. */
static int go_on(struct gathering *call, const struct orch_reply *reply)
{
	uint32_t number = call->progress->step >> WANTED_BITS;
	int rc;

	while (select_file(call, number)) {
		rc = reply == NULL ? begin_file(call) : take(call, reply);
		if (rc != ORCH_OK)
			return rc;
		reply = NULL;
		number++;
		call->progress->step = number << WANTED_BITS;
		call->progress->memo[0] = '\0';
	}
	return ORCH_OK;
}

int gather(void *self, const struct orch_event *event, struct orch_progress *progress,
	const struct orch_reply *reply, struct orch_request *request, struct orch_sink *sink,
	struct orch_err *err)
{
	struct gathering call = { .self = self,
		.event = event,
		.progress = progress,
		.request = request,
		.sink = sink,
		.err = err,
		.id = { "", 0 } };
	int rc;

	kit_arena_reset(&call.self->arena);
	rc = kit_json_parse(event->data, &call.envelope, err);
	if (rc != ORCH_OK)
		return rc;
	rc = go_on(&call, reply);
	json_object_put(call.envelope);
	return rc;
}
