/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches an event's files, one request after another.
 *
 * progress->step is twice the number of the file, plus one while it is being
 * downloaded; memo is what the download must look like.  Without a reply a
 * file is begun anew, so any instance can go on at any time.
 */
#include "slack.h"

#include <string.h>

#include "kit/http.h"
#include "kit/slack.h"

#define TRIES 4u /* then the rest of the event is scanned without the file */

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

/* A file that cannot be had now must not hold up the rest of its message for ever. */
static int put_off(struct gathering *call, const char *why)
{
	if (call->progress->attempt >= TRIES)
		return give_up(call, why);
	return orch_fail(call->err, ORCH_E_AGAIN, "file %.40s: %s", call->id.ptr, why);
}

static int ask_info(struct gathering *call)
{
	const struct kit_slack_call api = { .arena = &call->self->arena,
		.api_url = call->self->settings->api_url,
		.method = "files.info",
		.token = call->self->settings->token,
		.team = call->event->tenant,
		.channel = { "", 0 } };
	struct kit_builder query;

	kit_builder_init(&query, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&query, "file=");
	kit_put_percent(&query, call->id);
	call->progress->step &= ~1u;
	call->progress->memo[0] = '\0';
	return kit_slack_get(&api, &query, call->request, call->err);
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
	expected_write(expected, call->progress->memo, sizeof(call->progress->memo));
	call->progress->step |= 1u;
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

	return url.len > 0 ? url : kit_json_text(file, "url_private");
}

static int ask_download(struct gathering *call, struct json_object *file)
{
	struct expected expected = { .size = size_of(file), .is_html = is_html(file) };
	const char *refusal = files_refusal(file);
	struct orch_text url = kit_copy(&call->self->arena, address_of(file));

	if (refusal != NULL)
		return give_up(call, refusal);
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
		(address_of(file).len == 0 && files_refusal(file) == NULL);
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

/* What files.info says of a file is text too: the event is emitted anew with one part more. */
static int add_description(struct gathering *call, struct json_object *file)
{
	struct orch_event event = *call->event;
	struct orch_part *parts, more;
	size_t count = event.part_count;
	int rc;

	if (!files_describe(&call->self->arena, file, &more) || has_part(&event, more.name))
		return ORCH_OK;
	parts = kit_arena_alloc(&call->self->arena, (count + 1) * sizeof(*parts));
	if (parts == NULL)
		return orch_fail(call->err, ORCH_E_NOMEM, "no memory for the event's parts");
	if (count > 0)
		memcpy(parts, event.parts, count * sizeof(*parts));
	parts[count] = more;
	event.parts = parts;
	event.part_count = count + 1;
	rc = call->self->host->emit(call->sink, &event);
	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the event cannot be replaced");
}

static int refused(struct gathering *call, const struct kit_slack_answer *answer)
{
	const struct orch_host *host = call->self->host;
	char why[KIT_SLACK_ERROR_BYTES + 16];

	if (answer->class == KIT_SLACK_CONFIG || answer->class == KIT_SLACK_EXPIRED)
		host->alarm(host, "slack_token", "files.info: %s%s%s", answer->error,
			answer->scope[0] != '\0' ? ", needed: " : "", answer->scope);
	(void)snprintf(why, sizeof(why), "files.info: %s", answer->error);
	return give_up(call, why);
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
		rc = refused(call, &answer);
	} else if (needs_info(file)) {
		rc = give_up(call, "Slack does not say where the file is");
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
	default:
		if (strstr(why, "sign-in") != NULL)
			host->alarm(
				host, "slack_sign_in_page", "file %.40s: %s", call->id.ptr, why);
		return give_up(call, why);
	}
}

/* Goes from file to file until one needs a request. */
static int go_on(struct gathering *call, const struct orch_reply *reply)
{
	uint32_t number = call->progress->step / 2u;
	bool is_download = (call->progress->step & 1u) != 0;
	int rc;

	while (select_file(call, number)) {
		if (reply == NULL)
			rc = begin_file(call);
		else
			rc = is_download ? take_download(call, reply) : take_info(call, reply);
		if (rc != ORCH_OK)
			return rc;
		reply = NULL;
		number++;
		call->progress->step = number * 2u;
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
