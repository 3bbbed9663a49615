/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slack: messages and files of Slack workspaces, by the Events API over HTTP.
 *
 * receive() proves that a request is Slack's (signature.c), reads the envelope
 * here, and leaves messages to message.c, which picks what is new and has
 * content.c turn it into parts (mrkdwn.c, walk.c, files.c).  gather() fetches
 * the files (gather.c, download.c).
 *
 * What is validly signed is always accepted: Slack switches an app off whose
 * answers are mostly errors.  What is of no interest is counted.
 */
#include "slack.h"

#include <stdlib.h>
#include <string.h>

#include "kit/http.h"

#define NOTE_BYTES 320
#define ARENA_BYTES ((size_t)32 * 1024 * 1024)

static const struct orch_option options[] = {
	{ .name = "signing_secret",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, signing_secret),
		.help = "The app's signing secret; requests without its signature are refused." },
	{ .name = "previous_signing_secret",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, previous_signing_secret),
		.fallback = "",
		.help = "The one before, accepted too while the secret is being changed." },
	{ .name = "token",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, token),
		.fallback = "",
		.help = "Bot or user token with files:read and, for canvases, canvases:read; "
			"without it no file is fetched." },
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = "https://slack.com/api/",
		.help = "Where Slack's Web API is." },
	{ .name = "max_file_bytes",
		.type = ORCH_OPT_SIZE,
		.offset = offsetof(struct settings, max_file_bytes),
		.fallback = "64M",
		.min = 1,
		.max = (int64_t)1 << 40,
		.help = "Of a larger file only the first bytes are inspected, which is said so." },
	{ .name = "ignore_bots",
		.type = ORCH_OPT_LIST,
		.offset = offsetof(struct settings, ignore_bots),
		.fallback = "",
		.help = "Ids of bots, apps or users whose messages are never inspected." },
	{ .name = "scan_own",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, scan_own),
		.fallback = "false",
		.help = "Whether this app's own messages, its notices apart, are inspected." },
	{ .name = "scan_deleted",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, scan_deleted),
		.fallback = "true",
		.help = "Whether a deleted message is inspected, for the record, if it was not "
			"within the last day." },
	{ .name = "scan_unshared",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, scan_unshared),
		.fallback = "false",
		.help = "Whether files are inspected before their owner has shared them." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct slack *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");
	self->host = host;
	self->settings = settings;
	kit_arena_init(&self->arena, ARENA_BYTES);
	*ret_self = self;
	return ORCH_OK;
}

static void destroy(void *ptr)
{
	struct slack *self = ptr;

	if (self == NULL)
		return;
	kit_arena_fini(&self->arena);
	free(self);
}

static int drop_malformed(const struct envelope *envelope, const char *why)
{
	const struct orch_host *host = envelope->self->host;

	host->log(host, ORCH_LOG_WARN, "a signed request was dropped: %s", why);
	return ignore(envelope, "ignored_malformed");
}

/* What we cannot read is recorded as not inspected, never passed over. */
static int take_unreadable(
	const struct envelope *envelope, const struct orch_arrival *arrival, const char *why)
{
	const struct orch_host *host = envelope->self->host;
	struct draft draft = { .arena = &envelope->self->arena };
	struct kit_builder note;

	kit_builder_init(&note, draft.arena, NOTE_BYTES);
	kit_puts(&note, "the event could not be parsed: ");
	kit_puts(&note, why);
	draft.event.id = envelope_id(envelope);
	if (draft.event.id.len == 0)
		return orch_fail(envelope->err, ORCH_E_NOMEM, "no memory for the event");
	draft.event.type = kit_text("slack.unreadable");
	draft.event.time_ms = arrival->received_ms;
	draft.event.tenant = draft.event.actor = draft.event.order = (struct orch_text){ "", 0 };
	draft.event.data = kit_text("{}");
	draft_part(&draft,
		&(struct orch_part){ .name = kit_text("body"),
			.state = ORCH_PART_UNAVAILABLE,
			.note = kit_built(&note) });
	host->log(host, ORCH_LOG_WARN, "a signed request was not read: %s", why);
	host->count(host, "unreadable", 1);
	return draft_emit(&draft, envelope);
}

static int answer_challenge(struct envelope *envelope, struct orch_answer *answer)
{
	struct orch_text challenge = kit_json_text(envelope->root, "challenge");

	for (size_t i = 0; i < challenge.len; i++) {
		if (challenge.ptr[i] < 0x20 || challenge.ptr[i] > 0x7e)
			return drop_malformed(envelope, "the challenge is not printable");
	}
	if (challenge.len == 0 || challenge.len > CHALLENGE_BYTES)
		return drop_malformed(envelope, "the challenge is empty or too long");
	answer->status = 200;
	answer->media_type = kit_text("text/plain");
	answer->body = kit_copy(&envelope->self->arena, challenge);
	return ORCH_OK;
}

/* Slack has stopped sending something: from here on messages go by unseen. */
static int raise_alarm(struct envelope *envelope, const char *name, const char *what)
{
	const struct orch_host *host = envelope->self->host;
	struct orch_text team = kit_prefix(envelope->team, 40);

	host->alarm(host, name, "team %.*s: %s", (int)team.len, team.ptr, what);
	host->count(host, name, 1);
	return ORCH_OK;
}

static int take_rate_limit(struct envelope *envelope)
{
	return raise_alarm(envelope, "slack_app_rate_limited",
		"too many events in an hour, Slack leaves messages out");
}

static int take_revocation(struct envelope *envelope)
{
	return raise_alarm(envelope, "slack_tokens_revoked", "tokens were revoked");
}

static int take_uninstall(struct envelope *envelope)
{
	return raise_alarm(envelope, "slack_app_uninstalled", "the app was uninstalled");
}

static int take_file(struct envelope *envelope)
{
	struct json_object *event = envelope->event;
	struct orch_text id = kit_json_text(event, "file_id");
	struct orch_text channel = kit_json_text(event, "channel_id");
	struct orch_text user = kit_json_text(event, "user_id");
	struct draft draft = { .arena = NULL };
	int rc;

	if (id.len == 0)
		id = kit_json_text(kit_json_get(event, "file"), "id");
	if (id.len == 0)
		return ignore(envelope, "ignored_empty");
	rc = envelope_describe(envelope, &draft);
	if (rc != ORCH_OK)
		return rc;
	draft.event.type = kit_text("slack.file");
	draft.event.actor = user;
	draft.event.order = name_within(envelope, id);
	draft_field(&draft, "slack.channel", channel);
	draft_field(&draft, "slack.user", user);
	draft_field(&draft, "slack.subtype", kit_json_text(event, "type"));
	/* Its creation, each of its shares and its public link tell of the same bytes; a change of others. */
	if (!kit_is(kit_json_text(event, "type"), "file_change"))
		draft.event.alias = files_alias(&draft, id);
	files_announce_id(&draft, id);
	return draft_emit(&draft, envelope);
}

static int take_new_file(struct envelope *envelope)
{
	if (!envelope->self->settings->scan_unshared)
		return ignore(envelope, "ignored_unshared");
	return take_file(envelope);
}

static const struct {
	const char *type;
	int (*take)(struct envelope *envelope);
} kinds[] = {
	{ "message", message_receive },
	{ "file_created", take_new_file },
	{ "file_shared", take_file },
	{ "file_change", take_file },
	{ "file_public", take_file },
	{ "app_rate_limited", take_rate_limit },
	{ "tokens_revoked", take_revocation },
	{ "app_uninstalled", take_uninstall },
};

static int take_event(struct envelope *envelope)
{
	struct orch_text type = kit_json_text(envelope->event, "type");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kit_is(type, kinds[i].type))
			return kinds[i].take(envelope);
	}
	return ignore(envelope, "ignored_event_type");
}

static int take_envelope(struct envelope *envelope, struct orch_answer *answer)
{
	struct orch_text type = kit_json_text(envelope->root, "type");

	envelope->event = kit_json_get(envelope->root, "event");
	envelope->team = name_within(envelope, kit_json_text(envelope->root, "team_id"));
	envelope->app = kit_json_text(envelope->root, "api_app_id");
	if (kit_is(type, "url_verification"))
		return answer_challenge(envelope, answer);
	if (kit_is(type, "app_rate_limited"))
		return take_rate_limit(envelope);
	if (kit_is(type, "event_callback"))
		return take_event(envelope);
	return ignore(envelope, "ignored_envelope_type");
}

static int receive(void *ptr, const struct orch_arrival *arrival, struct orch_sink *sink,
	struct orch_answer *answer, struct orch_err *err)
{
	struct slack *self = ptr;
	struct envelope envelope = {
		.self = self, .sink = sink, .err = err, .body = arrival->body
	};
	struct orch_text retry;
	struct orch_err why;
	int rc = signature_check(self, arrival, err);

	if (rc != ORCH_OK)
		return rc;
	kit_arena_reset(&self->arena);
	/* A repeat may be the first copy that reaches us: it is counted, and treated like any other. */
	if (kit_header(arrival->headers, "X-Slack-Retry-Num", &retry) > 0)
		self->host->count(self->host, "retried", 1);
	rc = kit_json_parse(arrival->body, &envelope.root, &why);
	if (rc == ORCH_E_LIMIT || rc == ORCH_E_INVALID)
		return take_unreadable(&envelope, arrival, why.text);
	if (rc != ORCH_OK)
		return orch_fail(err, rc, "%s", why.text);
	rc = take_envelope(&envelope, answer);
	json_object_put(envelope.root);
	return rc;
}

static const struct orch_input_ops ops = {
	.size = sizeof(ops),
	.transports = ORCH_HTTP,
	.create = create,
	.receive = receive,
	.gather = gather,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "slack",
	.version = "1.0",
	.summary = "messages and files of Slack workspaces, by the Events API",
	.settings_size = sizeof(struct settings),
	.options = options,
	.input = &ops,
};
