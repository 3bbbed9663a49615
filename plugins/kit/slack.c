/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/slack.h"

#include <string.h>

#define LIMIT_KEY_BYTES 256
#define URL_BYTES 4096
#define PAGE_MESSAGES "100"

struct meaning {
	const char *error;
	enum kit_slack_class class;
};

static const struct meaning meanings[] = {
	{ "message_not_found", KIT_SLACK_GONE },
	{ "file_deleted", KIT_SLACK_GONE },
	{ "missing_scope", KIT_SLACK_CONFIG },
	{ "not_allowed_token_type", KIT_SLACK_CONFIG },
	{ "token_revoked", KIT_SLACK_CONFIG },
	{ "account_inactive", KIT_SLACK_CONFIG },
	{ "invalid_auth", KIT_SLACK_CONFIG },
	{ "not_authed", KIT_SLACK_CONFIG },
	{ "access_denied", KIT_SLACK_CONFIG },
	{ "accesslimited", KIT_SLACK_CONFIG },
	{ "user_is_bot", KIT_SLACK_CONFIG },
	{ "token_expired", KIT_SLACK_EXPIRED },
	{ "ratelimited", KIT_SLACK_AGAIN },
	{ "rate_limited", KIT_SLACK_AGAIN },
	{ "fatal_error", KIT_SLACK_AGAIN },
	{ "internal_error", KIT_SLACK_AGAIN },
	{ "request_timeout", KIT_SLACK_AGAIN },
	{ "service_unavailable", KIT_SLACK_AGAIN },
	{ "team_added_to_org", KIT_SLACK_AGAIN },
	{ "org_login_required", KIT_SLACK_AGAIN },
};

static void copy_word(char *word, size_t size, struct orch_text text, const char *allowed)
{
	size_t len = 0;

	while (len < text.len && len < size - 1 && text.ptr[len] != '\0' &&
		strchr(allowed, text.ptr[len]) != NULL) {
		word[len] = text.ptr[len];
		len++;
	}
	word[len] = '\0';
}

/* Whatever is not in the table is permanent: cant_delete_message, channel_not_found and the many others. */
static enum kit_slack_class meaning_of(const char *error)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].error, error) == 0)
			return meanings[i].class;
	}
	return KIT_SLACK_REFUSED;
}

static void read_body(struct kit_slack_answer *answer)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.,";

	if (kit_json_is_true(answer->body, "ok"))
		return;
	copy_word(answer->error, sizeof(answer->error), kit_json_text(answer->body, "error"),
		letters);
	copy_word(answer->scope, sizeof(answer->scope), kit_json_text(answer->body, "needed"),
		letters);
	answer->class = answer->error[0] == '\0' ? KIT_SLACK_AGAIN : meaning_of(answer->error);
}

/* A proxy's page, a redirect, an empty answer: not Slack's own words. */
static void judge_status(const struct orch_reply *reply, struct kit_slack_answer *answer)
{
	int status = reply->status;

	if (status < 0) {
		struct orch_text why = kit_prefix(
			reply->problem, sizeof(answer->error) - sizeof(KIT_SLACK_NOT_SENT));

		(void)snprintf(answer->error, sizeof(answer->error), KIT_SLACK_NOT_SENT "%.*s",
			(int)why.len, why.ptr);
		answer->class = KIT_SLACK_CONFIG;
		return;
	}
	(void)snprintf(answer->error, sizeof(answer->error), status == 0 ? "no_answer" : "http_%d",
		status);
	if (status >= 300 && status < 500 && status != 408 && status != 429)
		answer->class = KIT_SLACK_CONFIG;
	else
		answer->class = KIT_SLACK_AGAIN;
}

void kit_slack_answer_read(const struct orch_reply *reply, struct kit_slack_answer *ret_answer)
{
	struct orch_err ignored;

	*ret_answer = (struct kit_slack_answer){ .class = KIT_SLACK_DONE };
	if (reply->status >= 500 || reply->status <= 0 ||
		kit_json_parse(reply->body, &ret_answer->body, &ignored) != ORCH_OK ||
		!json_object_is_type(ret_answer->body, json_type_object))
		judge_status(reply, ret_answer);
	else
		read_body(ret_answer);
}

void kit_slack_put_error(struct kit_builder *sentence, const char *error)
{
	if (!kit_starts(kit_text(error), KIT_SLACK_NOT_SENT))
		kit_puts(sentence, "Slack says ");
	kit_puts(sentence, error);
}

void kit_slack_answer_fini(struct kit_slack_answer *answer)
{
	json_object_put(answer->body);
	answer->body = NULL;
}

static struct orch_text limit_key(const struct kit_slack_call *call)
{
	struct kit_builder key;

	kit_builder_init(&key, call->arena, LIMIT_KEY_BYTES);
	kit_puts(&key, "slack:");
	kit_puts(&key, call->method);
	kit_putc(&key, ':');
	kit_put(&key, call->team);
	if (strcmp(call->method, "chat.postMessage") == 0) {
		kit_putc(&key, ':');
		kit_put(&key, call->channel);
	}
	return kit_built(&key);
}

static void put_url(const struct kit_slack_call *call, struct kit_builder *url)
{
	kit_builder_init(url, call->arena, URL_BYTES);
	kit_puts(url, call->api_url);
	if (!kit_ends(kit_built(url), "/"))
		kit_putc(url, '/');
	kit_puts(url, call->method);
}

static int fill(const struct kit_slack_call *call, const struct kit_builder *content,
	struct kit_builder *url, struct orch_request *request, struct orch_err *err)
{
	if (!kit_is_whole(content) || !kit_is_whole(url))
		return orch_fail(err, content->failed || url->failed ? ORCH_E_NOMEM : ORCH_E_LIMIT,
			"%s: the request is too large", call->method);
	request->url = kit_built(url);
	request->credential = call->token;
	request->limit_key = limit_key(call);
	return ORCH_SEND;
}

int kit_slack_post(const struct kit_slack_call *call, struct kit_builder *body,
	struct orch_request *request, struct orch_err *err)
{
	struct kit_builder url;

	put_url(call, &url);
	request->method = kit_text("POST");
	request->headers = kit_text("Content-Type: application/json; charset=utf-8\n");
	request->body = kit_built(body);
	return fill(call, body, &url, request, err);
}

int kit_slack_get(const struct kit_slack_call *call, struct kit_builder *query,
	struct orch_request *request, struct orch_err *err)
{
	struct kit_builder url;

	put_url(call, &url);
	kit_putc(&url, '?');
	kit_put(&url, kit_built(query));
	request->method = kit_text("GET");
	request->repeatable = true;
	return fill(call, query, &url, request, err);
}

void kit_slack_member(struct kit_builder *body, const char *name, struct orch_text value)
{
	kit_puts(body, ",\"");
	kit_puts(body, name);
	kit_puts(body, "\":");
	kit_put_json(body, value);
}

int kit_slack_post_notice(const struct kit_slack_call *call, const struct kit_slack_notice *notice,
	struct orch_request *request, struct orch_err *err)
{
	struct kit_builder body;

	kit_builder_init(&body, call->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&body, "{\"channel\":");
	kit_put_json(&body, notice->channel);
	if (notice->thread_ts.len > 0)
		kit_slack_member(&body, "thread_ts", notice->thread_ts);
	kit_slack_member(&body, "text", notice->text);
	kit_puts(&body,
		",\"unfurl_links\":false,\"unfurl_media\":false,\"metadata\":{\"event_type\":"
		"\"" KIT_SLACK_NOTICE_EVENT "\",\"event_payload\":{\"key\":");
	kit_put_json(&body, notice->key);
	kit_puts(&body, "}}}");
	return kit_slack_post(call, &body, request, err);
}

static void put_argument(struct kit_builder *query, const char *name, struct orch_text value)
{
	if (value.len == 0)
		return;
	kit_putc(query, '&');
	kit_puts(query, name);
	kit_putc(query, '=');
	kit_put_percent(query, value);
}

int kit_slack_look_for_notice(struct kit_slack_call *call, const struct kit_slack_notice *notice,
	struct orch_text cursor, struct orch_request *request, struct orch_err *err)
{
	bool in_thread = notice->thread_ts.len > 0;
	struct kit_builder query;

	call->method = in_thread ? "conversations.replies" : "conversations.history";
	kit_builder_init(&query, call->arena, URL_BYTES);
	kit_puts(&query, "include_all_metadata=true&limit=" PAGE_MESSAGES);
	put_argument(&query, "channel", notice->channel);
	put_argument(&query, "ts", notice->thread_ts);
	put_argument(&query, "oldest", notice->oldest);
	put_argument(&query, "cursor", cursor);
	return kit_slack_get(call, &query, request, err);
}

bool kit_slack_has_notice(struct json_object *body, struct orch_text key)
{
	size_t count;
	struct json_object *messages = kit_json_array(body, "messages", &count);

	for (size_t i = 0; i < count; i++) {
		struct json_object *message = json_object_array_get_idx(messages, i);
		struct json_object *metadata = kit_json_get(message, "metadata");
		struct json_object *payload = kit_json_get(metadata, "event_payload");

		if (kit_is(kit_json_text(metadata, "event_type"), KIT_SLACK_NOTICE_EVENT) &&
			kit_equal(kit_json_text(payload, "key"), key))
			return true;
	}
	return false;
}

struct orch_text kit_slack_next_cursor(struct json_object *body)
{
	return kit_json_text(kit_json_get(body, "response_metadata"), "next_cursor");
}
