/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slack_notify: tells a channel or a person on Slack.
 *
 * A person is reached by a direct message, which has to be opened first.  The
 * post carries the task's key, so that a try whose reply was lost is found
 * again and not repeated.
 */
#include <orch/action.h>

#include <stdlib.h>
#include <string.h>

#include "kit/slack.h"

#define ARENA_BYTES ((size_t)1024 * 1024)
#define PAGES_LIMIT 10 /* of the channel's history, looked through for an earlier post */

#define TEXT                                                                               \
	"{verdict}: {finding.name} ({finding.severity}) in a message by <@{event.actor}> " \
	"in <#{field.slack.channel}>, {findings.count} findings."

struct settings {
	orch_credential bot_token;
	const char *api_url;
	const char *to;
	const struct orch_template *text;
	bool thread;
};

struct notify {
	const struct orch_host *host;
	const struct settings *settings;
	struct kit_arena arena;
	struct kit_slack_pauses pauses;
};

enum step { STEP_OPEN = 0, STEP_LOOK, STEP_POST, STEP_END };

struct call {
	struct notify *self;
	const struct orch_task *task;
	struct orch_progress *
		progress; /* memo: the channel, once it is known; "look" if to be looked at; pages */
	struct orch_request *request;
	struct orch_sink *sink;
	struct orch_err *err;
	struct orch_text channel; /* of the post */
	bool look;
	uint64_t pages; /* looked through */
};

static const struct orch_option options[] = {
	{ .name = "bot_token",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, bot_token),
		.help = "Bot token with chat:write (and im:write for people)." },
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = KIT_SLACK_API_URL,
		.help = "Where Slack's Web API is." },
	{ .name = "to",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, to),
		.help = "Id of a channel or a user, \"author\", or \"channel\" for the event's "
			"own." },
	{ .name = "text",
		.type = ORCH_OPT_TEMPLATE,
		.offset = offsetof(struct settings, text),
		.fallback = TEXT,
		.help = "What is said, in Slack's mrkdwn." },
	{ .name = "thread",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, thread),
		.fallback = "false",
		.help = "With to = \"channel\": answer in the message's thread." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	const struct settings *given = settings;
	struct notify *self;

	if (given->to[0] == '\0')
		return orch_fail(err, ORCH_E_INVALID, "to must name a channel or a person");
	if (given->thread && strcmp(given->to, "channel") != 0)
		return orch_fail(err, ORCH_E_INVALID, "thread needs to = \"channel\"");
	self = calloc(1, sizeof(*self));
	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");
	self->host = host;
	self->settings = given;
	kit_arena_init(&self->arena, ARENA_BYTES);
	*ret_self = self;
	return ORCH_OK;
}

static void destroy(void *ptr)
{
	struct notify *self = ptr;

	if (self == NULL)
		return;
	kit_arena_fini(&self->arena);
	free(self);
}

static struct orch_text field(const struct orch_event *event, const char *name)
{
	for (size_t i = 0; i < event->field_count; i++) {
		if (kit_is(event->fields[i].name, name))
			return event->fields[i].value;
	}
	return (struct orch_text){ "", 0 };
}

static bool is_user(struct orch_text id)
{
	return kit_starts(id, "U") || kit_starts(id, "W");
}

/* The channel's or user's id; empty: the event names nobody. */
static struct orch_text recipient(const struct call *call)
{
	const char *to = call->self->settings->to;

	if (strcmp(to, "author") == 0)
		return field(call->task->event, "slack.user");
	if (strcmp(to, "channel") == 0)
		return field(call->task->event, "slack.channel");
	return kit_text(to);
}

static void read_memo(struct call *call)
{
	struct orch_text memo = kit_copy(&call->self->arena, kit_text(call->progress->memo));
	struct orch_text mark = { "", 0 };

	(void)kit_split(&memo, ' ', &call->channel);
	(void)kit_split(&memo, ' ', &mark);
	call->look = kit_is(mark, "look");
	if (!kit_number(memo, &call->pages))
		call->pages = 0;
}

static void write_memo(struct call *call)
{
	(void)snprintf(call->progress->memo, sizeof(call->progress->memo), "%.*s %s %llu",
		(int)(call->channel.len > 100 ? 100 : call->channel.len), call->channel.ptr,
		call->look ? "look" : "post", (unsigned long long)call->pages);
}

static struct kit_slack_call api_call(const struct call *call, const char *method)
{
	return (struct kit_slack_call){ .arena = &call->self->arena,
		.api_url = call->self->settings->api_url,
		.method = method,
		.token = call->self->settings->bot_token,
		.team = call->task->event->tenant,
		.channel = call->channel };
}

static struct kit_slack_notice notice_of(const struct call *call)
{
	const struct orch_event *event = call->task->event;
	struct orch_text thread = field(event, "slack.thread_ts");

	if (thread.len == 0)
		thread = field(event, "slack.ts");
	return (struct kit_slack_notice){ .channel = call->channel,
		.thread_ts = call->self->settings->thread ? thread : (struct orch_text){ "", 0 },
		.text = { "", 0 },
		.key = call->task->key,
		.oldest = field(event, "slack.ts") };
}

static int ask_open(struct call *call)
{
	struct kit_slack_call api = api_call(call, "conversations.open");

	return kit_slack_open(&api, recipient(call), call->request, call->err);
}

static int ask_look(struct call *call, struct orch_text cursor)
{
	struct kit_slack_call api = api_call(call, "conversations.history");
	struct kit_slack_notice notice = notice_of(call);

	return kit_slack_look_for_notice(&api, &notice, cursor, call->request, call->err);
}

static int ask_post(struct call *call)
{
	const struct notify *self = call->self;
	struct kit_slack_call api = api_call(call, "chat.postMessage");
	struct kit_slack_notice notice = notice_of(call);
	int rc = self->host->render(call->sink, self->settings->text, "mrkdwn", &notice.text);

	if (rc != ORCH_OK)
		return orch_fail(call->err, rc, "the text cannot be rendered");
	notice.text = kit_prefix(notice.text, KIT_SLACK_TEXT_BYTES);
	return kit_slack_post_notice(&api, &notice, call->request, call->err);
}

static int end(struct call *call, const char *outcome, const char *detail)
{
	int rc = call->self->host->outcome(call->sink, outcome, detail);

	call->progress->step = STEP_END;
	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the outcome cannot be kept");
}

/* Asks what the step asks, passing over steps that are not needed. */
static int go_on(struct call *call)
{
	const struct orch_host *host = call->self->host;
	const char *paused = kit_slack_paused(
		&call->self->pauses, call->self->settings->bot_token, host->now_ms(host));
	struct orch_text to = recipient(call);
	int rc;

	if (paused != NULL && call->progress->step != STEP_END)
		return orch_fail(call->err, ORCH_E_DENIED,
			"the notice was not sent: a moment ago Slack said %s to the token", paused);
	if (call->progress->step == STEP_OPEN && to.len == 0)
		return end(call, "no_recipient", "the event names nobody to tell");
	if (call->progress->step == STEP_OPEN && is_user(to))
		return ask_open(call);
	if (call->progress->step == STEP_OPEN)
		call->channel = to;
	if (call->progress->step == STEP_OPEN || (call->progress->step == STEP_LOOK && !call->look))
		call->progress->step = call->look ? STEP_LOOK : STEP_POST;
	if (call->progress->step == STEP_END)
		return ORCH_OK;
	rc = call->progress->step == STEP_LOOK ? ask_look(call, (struct orch_text){ "", 0 })
					       : ask_post(call);
	write_memo(call);
	return rc;
}

static int judge_open(struct call *call, const struct kit_slack_answer *answer)
{
	struct orch_text id = kit_json_text(kit_json_get(answer->body, "channel"), "id");

	if (id.len == 0)
		return orch_fail(call->err, ORCH_E_INVALID, "conversations.open gave no channel");
	call->channel = kit_copy(&call->self->arena, id);
	call->progress->step = STEP_POST;
	return go_on(call);
}

static int judge_look(struct call *call, const struct kit_slack_answer *answer)
{
	struct orch_text cursor = kit_slack_next_cursor(answer->body);

	if (kit_slack_has_notice(answer->body, call->task->key))
		return end(call, "notified", "an earlier try had told them");
	if (cursor.len > 0 && ++call->pages < PAGES_LIMIT) {
		write_memo(call);
		return ask_look(call, cursor);
	}
	call->look = false;
	call->progress->step = STEP_POST;
	return go_on(call);
}

static int put_off(struct call *call, const struct kit_slack_answer *answer)
{
	if (call->progress->step == STEP_POST) { /* it may have been posted all the same */
		call->look = true;
		call->progress->step = STEP_LOOK;
	}
	write_memo(call);
	return orch_fail(call->err, ORCH_E_AGAIN, "Slack: %s", answer->error);
}

static const char *method_of(uint32_t step)
{
	static const char *const methods[] = { "conversations.open", "conversations.history",
		"chat.postMessage" };

	return methods[step];
}

static int refused(struct call *call, const struct kit_slack_answer *answer)
{
	if (call->progress->step ==
		STEP_LOOK) { /* nothing can be said of an earlier try: tell them */
		call->look = false;
		call->progress->step = STEP_POST;
		return go_on(call);
	}
	return orch_fail(call->err, ORCH_E_DENIED, "the notice was refused: %s", answer->error);
}

static int judge(struct call *call, const struct kit_slack_answer *answer)
{
	enum kit_slack_class class = answer->class;

	if (class == KIT_SLACK_AGAIN ||
		(class == KIT_SLACK_EXPIRED && call->progress->attempt == 1))
		return put_off(call, answer);
	if (class != KIT_SLACK_DONE) {
		struct kit_slack_call api = api_call(call, method_of(call->progress->step));

		kit_slack_mind(&call->self->pauses, call->self->host, &api, answer);
		return refused(call, answer);
	}
	switch (call->progress->step) {
	case STEP_OPEN:
		return judge_open(call, answer);
	case STEP_LOOK:
		return judge_look(call, answer);
	default:
		return end(call, "notified", "a message was posted");
	}
}

static int act(void *self, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	struct call call = { .self = self,
		.task = tasks,
		.progress = progress,
		.request = request,
		.sink = sink,
		.err = err,
		.channel = { "", 0 } };
	struct kit_slack_answer answer;
	int rc;

	(void)ret_codes;
	if (count != 1 || progress->step > STEP_END)
		return orch_fail(err, ORCH_E_INTERNAL, "one task at a time, and no such step");
	kit_arena_reset(&call.self->arena);
	read_memo(&call);
	if (reply == NULL) {
		if (progress->resumed && progress->step == STEP_POST) {
			call.look = true;
			progress->step = STEP_LOOK;
		}
		return go_on(&call);
	}
	if (progress->step == STEP_LOOK)
		kit_slack_page_read(reply, &answer);
	else
		kit_slack_answer_read(reply, &answer);
	rc = judge(&call, &answer);
	kit_slack_answer_fini(&answer);
	return rc;
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = 1,
	.passive = true,
	.create = create,
	.act = act,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "slack_notify",
	.version = "1.0",
	.summary = "tells a channel or a person on Slack",
	.settings_size = sizeof(struct settings),
	.options = options,
	.action = &ops,
};
