/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that tell people: a notice where the message stood; if that may not
 * be, the author in the channel, or else directly; and those who watch.
 */
#include "block.h"

#include <string.h>

#define PAGES_LIMIT 10 /* looked through for earlier posts of ours */

bool can_post(const struct call *call)
{
	return call->self->settings->notify && call->self->settings->bot_token != 0 &&
		call->channel.len > 0 && !call->was_deleted;
}

orch_credential bot_token(const struct call *call)
{
	return call->self->settings->bot_token;
}

bool is_told(const struct call *call)
{
	const struct state *state = &call->state;

	return state->posted || state->warned || state->direct;
}

/* An updated message says itself what happened to it, and a shared file's message has a notice of its own. */
bool is_notice_due(const struct call *call)
{
	return !call->is_shared_file &&
		(call->state.rung == RUNG_BOT || call->state.rung == RUNG_ADMIN);
}

bool wants_notice(const struct call *call)
{
	return can_post(call) && is_notice_due(call) && !call->state.posted;
}

bool wants_look(const struct call *call)
{
	return wants_notice(call) && call->state.look;
}

bool wants_warning(const struct call *call)
{
	return can_post(call) && call->user.len > 0 && !is_told(call) &&
		(is_notice_due(call) || !is_removed(call));
}

/* We are no person who could be written to. */
static bool wants_directly(const struct call *call)
{
	return wants_warning(call) && !call->is_own;
}

bool wants_open(const struct call *call)
{
	return wants_directly(call) && call->state.channel[0] == '\0';
}

bool wants_direct(const struct call *call)
{
	return wants_directly(call) && call->state.channel[0] != '\0';
}

bool wants_direct_look(const struct call *call)
{
	return wants_direct(call) && call->state.look;
}

bool wants_alert(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	return !is_removed(call) && !call->was_deleted && settings->bot_token != 0 &&
		settings->alert_channel[0] != '\0' && !call->state.alerted;
}

bool wants_alert_look(const struct call *call)
{
	return wants_alert(call) && call->state.look;
}

int render(struct call *call, const struct orch_template *form, struct orch_text *ret_text)
{
	struct block *self = call->self;
	struct orch_text text;
	struct kit_builder whole;
	int rc = self->host->render(call->sink, form, "mrkdwn", &text);

	if (rc != ORCH_OK)
		return orch_fail(call->err, rc, "the text cannot be rendered");
	kit_builder_init(&whole, &self->arena, KIT_SLACK_TEXT_BYTES);
	kit_put(&whole, kit_prefix(text, KIT_SLACK_TEXT_BYTES - 1000));
	if (self->settings->appeal_url[0] != '\0') {
		kit_puts(&whole, "\n<");
		kit_puts(&whole, self->settings->appeal_url);
		kit_puts(&whole, "|Ask for a review>");
	}
	*ret_text = kit_built(&whole);
	return ORCH_OK;
}

/* What the author is told when only the author can be. */
static int render_for_author(struct call *call, struct orch_text *ret_text)
{
	const struct settings *settings = call->self->settings;

	return render(call, is_removed(call) ? settings->notice : settings->warning, ret_text);
}

/* The notice stands where the message stood: in its thread if it was a reply. */
static void fill_notice(const struct call *call, struct kit_slack_notice *notice)
{
	bool is_reply = call->thread_ts.len > 0 && !kit_equal(call->thread_ts, call->ts);

	*notice = (struct kit_slack_notice){ .channel = call->channel,
		.thread_ts = is_reply ? call->thread_ts : (struct orch_text){ "", 0 },
		.text = { "", 0 },
		.key = call->task->key,
		.oldest = call->ts };
}

static void fill_direct(const struct call *call, struct kit_slack_notice *notice)
{
	*notice = (struct kit_slack_notice){ .channel = kit_text(call->state.channel),
		.thread_ts = { "", 0 },
		.text = { "", 0 },
		.key = call->task->key,
		.oldest = call->ts };
}

static void fill_alert(struct call *call, struct kit_slack_notice *notice)
{
	struct kit_builder text;

	kit_builder_init(&text, &call->self->arena, KIT_SLACK_TEXT_BYTES);
	kit_puts(&text, "A message that should be blocked is still there: channel <#");
	kit_put(&text, call->channel);
	kit_puts(&text, ">, ts ");
	kit_put(&text, call->ts);
	kit_puts(&text, ", ");
	put_reason(call, &text);
	kit_putc(&text, '.');
	*notice =
		(struct kit_slack_notice){ .channel = kit_text(call->self->settings->alert_channel),
			.thread_ts = { "", 0 },
			.text = kit_built(&text),
			.key = call->task->key,
			.oldest = call->ts };
}

/* The post that the step is about, or looks for; without its text, but for the alert. */
static void fill_post(
	struct call *call, struct kit_slack_notice *notice, struct kit_slack_call *api)
{
	uint32_t step = call->progress->step;

	if (step == STEP_LOOK || step == STEP_NOTICE)
		fill_notice(call, notice);
	else if (step == STEP_LOOK_DIRECT || step == STEP_DIRECT)
		fill_direct(call, notice);
	else
		fill_alert(call, notice);
	api->channel = notice->channel;
}

int ask_look(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;

	fill_post(call, &notice, api);
	return kit_slack_look_for_notice(
		api, &notice, (struct orch_text){ "", 0 }, call->request, call->err);
}

int ask_notice(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;
	int rc;

	fill_post(call, &notice, api);
	rc = render(call, call->self->settings->notice, &notice.text);
	return rc == ORCH_OK ? kit_slack_post_notice(api, &notice, call->request, call->err) : rc;
}

int ask_warning(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;
	struct orch_text text;
	int rc = render_for_author(call, &text);

	if (rc != ORCH_OK)
		return rc;
	kit_builder_init(&body, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&body, "{\"channel\":");
	kit_put_json(&body, call->channel);
	kit_slack_member(&body, "user", call->user);
	if (call->thread_ts.len > 0)
		kit_slack_member(&body, "thread_ts", call->thread_ts);
	kit_slack_member(&body, "text", text);
	kit_putc(&body, '}');
	return kit_slack_post(api, &body, call->request, call->err);
}

int ask_open(struct call *call, struct kit_slack_call *api)
{
	return kit_slack_open(api, call->user, call->request, call->err);
}

/* The author does not see from its place which message is meant. */
int ask_direct(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;
	struct kit_builder whole;
	int rc;

	fill_post(call, &notice, api);
	rc = render_for_author(call, &notice.text);
	if (rc != ORCH_OK)
		return rc;
	kit_builder_init(&whole, &call->self->arena, KIT_SLACK_TEXT_BYTES);
	kit_puts(&whole, "In <#");
	kit_put(&whole, call->channel);
	kit_puts(&whole, ">: ");
	kit_put(&whole, notice.text);
	notice.text = kit_built(&whole);
	return kit_slack_post_notice(api, &notice, call->request, call->err);
}

int ask_alert(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;

	fill_post(call, &notice, api);
	return kit_slack_post_notice(api, &notice, call->request, call->err);
}

int look_further(
	struct call *call, struct kit_slack_call *api, const struct kit_slack_answer *answer)
{
	struct orch_text cursor = kit_slack_next_cursor(answer->body);
	struct kit_slack_notice notice;

	if (answer->class != KIT_SLACK_DONE || cursor.len == 0 ||
		++call->state.pages >= PAGES_LIMIT ||
		kit_slack_has_notice(answer->body, call->task->key))
		return ORCH_OK;
	fill_post(call, &notice, api);
	return kit_slack_look_for_notice(api, &notice, cursor, call->request, call->err);
}

/* Moves on; true: the answer was no refusal. */
static bool move_on(struct call *call, const struct kit_slack_answer *answer)
{
	if (answer->class != KIT_SLACK_DONE)
		blame(call, answer);
	call->progress->step++;
	return answer->class == KIT_SLACK_DONE;
}

void judge_look(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;

	call->state.look = false;
	if (!move_on(call, answer) || !kit_slack_has_notice(answer->body, call->task->key))
		return;
	if (step == STEP_LOOK)
		call->state.posted = true;
	else if (step == STEP_LOOK_DIRECT)
		call->state.direct = true;
	else
		call->state.alerted = true;
}

void judge_notice(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.posted = move_on(call, answer);
}

void judge_warning(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.warned = move_on(call, answer);
}

void judge_open(struct call *call, const struct kit_slack_answer *answer)
{
	struct orch_text id = kit_json_text(kit_json_get(answer->body, "channel"), "id");

	if (move_on(call, answer) && id.len < sizeof(call->state.channel))
		(void)snprintf(call->state.channel, sizeof(call->state.channel), "%.*s",
			(int)id.len, id.ptr);
}

void judge_direct(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.direct = move_on(call, answer);
}

void judge_alert(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.alerted = move_on(call, answer);
}
