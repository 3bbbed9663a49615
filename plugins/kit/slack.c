/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/slack.h"

#include <string.h>

#define LIMIT_KEY_BYTES 256
#define URL_BYTES 4096
#define PAGE_MESSAGES "20" /* each may hold 40,000 characters, and as much again in blocks */
#define PAGE_BYTES ((uint64_t)8 * 1024 * 1024)
#define PAUSE_MS ((uint64_t)5 * 60 * 1000)

struct meaning {
	const char *error;
	enum kit_slack_class class;
	bool ends_token; /* none of its calls can succeed */
};

static const struct meaning meanings[] = {
	{ "message_not_found", KIT_SLACK_GONE, false },
	{ "file_deleted", KIT_SLACK_GONE, false },
	{ "missing_scope", KIT_SLACK_CONFIG, false },
	{ "not_allowed_token_type", KIT_SLACK_CONFIG, false },
	{ "token_revoked", KIT_SLACK_CONFIG, true },
	{ "account_inactive", KIT_SLACK_CONFIG, true },
	{ "invalid_auth", KIT_SLACK_CONFIG, true },
	{ "not_authed", KIT_SLACK_CONFIG, true },
	{ "access_denied", KIT_SLACK_CONFIG, false },
	{ "accesslimited", KIT_SLACK_CONFIG, false },
	{ "user_is_bot", KIT_SLACK_CONFIG, false },
	{ "token_expired", KIT_SLACK_EXPIRED, false },
	{ "ratelimited", KIT_SLACK_AGAIN, false },
	{ "rate_limited", KIT_SLACK_AGAIN, false },
	{ "fatal_error", KIT_SLACK_AGAIN, false },
	{ "internal_error", KIT_SLACK_AGAIN, false },
	{ "request_timeout", KIT_SLACK_AGAIN, false },
	{ "service_unavailable", KIT_SLACK_AGAIN, false },
	{ "team_added_to_org", KIT_SLACK_AGAIN, false },
	{ "org_login_required", KIT_SLACK_AGAIN, false },
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
static const struct meaning *meaning_of(const char *error)
{
	static const struct meaning other = { "", KIT_SLACK_REFUSED, false };

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].error, error) == 0)
			return &meanings[i];
	}
	return &other;
}

static void read_body(struct kit_slack_answer *answer)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.,";

	copy_word(answer->error, sizeof(answer->error), kit_json_text(answer->body, "error"),
		letters);
	copy_word(answer->scope, sizeof(answer->scope), kit_json_text(answer->body, "needed"),
		letters);
	answer->class =
		answer->error[0] == '\0' ? KIT_SLACK_AGAIN : meaning_of(answer->error)->class;
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
	bool is_ok;

	*ret_answer = (struct kit_slack_answer){ .class = KIT_SLACK_DONE };
	if (reply->status > 0 && reply->status < 500)
		(void)kit_json_parse(reply->body, &ret_answer->body, &ignored);
	is_ok = kit_json_is_true(ret_answer->body, "ok");
	if (json_object_is_type(ret_answer->body, json_type_object) && !is_ok)
		read_body(ret_answer);
	else if (!is_ok || reply->status != 200)
		judge_status(reply, ret_answer);
}

void kit_slack_page_read(const struct orch_reply *reply, struct kit_slack_answer *ret_answer)
{
	kit_slack_answer_read(reply, ret_answer);
	if (!reply->truncated)
		return;
	(void)snprintf(ret_answer->error, sizeof(ret_answer->error), "page_too_long");
	ret_answer->class = KIT_SLACK_REFUSED;
}

const char *kit_slack_paused(
	const struct kit_slack_pauses *pauses, orch_credential token, uint64_t now_ms)
{
	for (size_t i = 0; i < KIT_SLACK_PAUSES; i++) {
		if (pauses->at[i].token == token && now_ms < pauses->at[i].until_ms)
			return pauses->at[i].error;
	}
	return NULL;
}

/* Takes the place of its own earlier pause, or of the one that ends first. */
static void pause_token(struct kit_slack_pauses *pauses, orch_credential token, const char *error,
	uint64_t until_ms)
{
	size_t place = 0;

	for (size_t i = 0; i < KIT_SLACK_PAUSES; i++) {
		if (pauses->at[i].token == token) {
			place = i;
			break;
		}
		if (pauses->at[i].until_ms < pauses->at[place].until_ms)
			place = i;
	}
	pauses->at[place].token = token;
	pauses->at[place].until_ms = until_ms;
	pauses->at[place].error = error;
}

void kit_slack_mind(struct kit_slack_pauses *pauses, const struct orch_host *host,
	const struct kit_slack_call *call, const struct kit_slack_answer *answer)
{
	const struct meaning *meaning = meaning_of(answer->error);
	uint64_t now_ms = host->now_ms(host);

	if (answer->class != KIT_SLACK_CONFIG && answer->class != KIT_SLACK_EXPIRED)
		return;
	if (meaning->ends_token) {
		if (kit_slack_paused(pauses, call->token, now_ms) != NULL)
			return;
		pause_token(pauses, call->token, meaning->error, now_ms + PAUSE_MS);
	}
	host->alarm(host, "slack_token", "%s: %s%s%s", call->method, answer->error,
		answer->scope[0] != '\0' ? ", needed: " : "", answer->scope);
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

int kit_slack_open(const struct kit_slack_call *call, struct orch_text user,
	struct orch_request *request, struct orch_err *err)
{
	struct kit_builder body;

	kit_builder_init(&body, call->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&body, "{\"users\":");
	kit_put_json(&body, user);
	kit_putc(&body, '}');
	request->repeatable = true;
	return kit_slack_post(call, &body, request, err);
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
	request->max_bytes = PAGE_BYTES;
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
