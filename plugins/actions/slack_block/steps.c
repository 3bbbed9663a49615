/* SPDX-License-Identifier: Apache-2.0 */
/* Each step of the ladder: when it is wanted, what it asks, what its answer means. */
#include "block.h"

#include <string.h>

#define PAGES_LIMIT 10 /* of a channel's history, looked through for an earlier notice */
#define WORD_BYTES 64

struct step_kind {
	const char *method;
	bool (*is_wanted)(const struct call *call);
	int (*ask)(struct call *call, struct kit_slack_call *api);
	void (*judge)(struct call *call, const struct kit_slack_answer *answer);
};

static const struct step_kind steps[STEP_END];

static bool is_removed(const struct call *call)
{
	return call->state.rung != RUNG_NONE;
}

static struct orch_text nth_file(const struct call *call)
{
	struct orch_text rest = call->files, file = { "", 0 };

	for (uint32_t i = 0; i <= call->state.file; i++) {
		if (!kit_split(&rest, ',', &file))
			return (struct orch_text){ "", 0 };
	}
	return file;
}

static orch_credential remover(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	return call->is_own && settings->bot_token != 0 ? settings->bot_token
							: settings->admin_token;
}

static bool wants_update(const struct call *call)
{
	return call->is_message && call->is_own && !is_removed(call) &&
		call->self->settings->bot_token != 0;
}

static bool wants_delete(const struct call *call)
{
	return call->is_message && !is_removed(call) && call->self->settings->admin_token != 0;
}

static bool wants_files(const struct call *call)
{
	return call->self->settings->delete_files && remover(call) != 0 &&
		call->state.file < call->file_count;
}

static bool can_post(const struct call *call)
{
	return call->self->settings->notify && call->self->settings->bot_token != 0 &&
		call->channel.len > 0 && !call->was_deleted;
}

/* An updated message says itself what happened to it, and a shared file's message has a notice of its own. */
static bool wants_notice(const struct call *call)
{
	return can_post(call) && !call->is_shared_file && !call->state.posted &&
		call->state.rung == RUNG_DELETED;
}

static bool wants_look(const struct call *call)
{
	return wants_notice(call) && call->state.look;
}

static bool wants_warning(const struct call *call)
{
	return can_post(call) && !is_removed(call) && call->user.len > 0 && !call->state.warned;
}

static bool wants_alert(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	return !is_removed(call) && !call->was_deleted && settings->bot_token != 0 &&
		settings->alert_channel[0] != '\0' && !call->state.alerted;
}

static bool wants_alert_look(const struct call *call)
{
	return wants_alert(call) && call->state.look;
}

static int render(struct call *call, const struct orch_template *form, struct orch_text *ret_text)
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

/* The place of the message: {"channel":…,"ts":… — to be closed by the caller. */
static void put_place(struct call *call, struct kit_builder *body)
{
	kit_builder_init(body, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(body, "{\"channel\":");
	kit_put_json(body, call->channel);
	kit_slack_member(body, "ts", call->ts);
}

static int ask_update(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;
	struct orch_text text;
	int rc = render(call, call->self->settings->notice, &text);

	if (rc != ORCH_OK)
		return rc;
	put_place(call, &body);
	kit_slack_member(&body, "text", text);
	/* Blocks go when text comes without them; attachments stay unless they are emptied. */
	kit_puts(&body,
		",\"blocks\":[],\"attachments\":[],\"metadata\":{\"event_type\":"
		"\"" KIT_SLACK_NOTICE_EVENT "\",\"event_payload\":{\"key\":");
	kit_put_json(&body, call->task->key);
	kit_puts(&body, "}}}");
	api->token = call->self->settings->bot_token;
	return kit_slack_post(api, &body, call->request, call->err);
}

static int ask_delete(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;

	put_place(call, &body);
	kit_putc(&body, '}');
	api->token = call->progress->step == STEP_DELETE ? call->self->settings->admin_token
							 : call->self->settings->bot_token;
	return kit_slack_post(api, &body, call->request, call->err);
}

static int ask_file(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;

	kit_builder_init(&body, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(&body, "{\"file\":");
	kit_put_json(&body, nth_file(call));
	kit_putc(&body, '}');
	api->token = remover(call);
	return kit_slack_post(api, &body, call->request, call->err);
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

static int ask_look(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;

	fill_notice(call, &notice);
	api->token = call->self->settings->bot_token;
	return kit_slack_look_for_notice(
		api, &notice, (struct orch_text){ "", 0 }, call->request, call->err);
}

static int ask_notice(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;
	int rc;

	fill_notice(call, &notice);
	rc = render(call, call->self->settings->notice, &notice.text);
	if (rc != ORCH_OK)
		return rc;
	api->token = call->self->settings->bot_token;
	return kit_slack_post_notice(api, &notice, call->request, call->err);
}

static int ask_warning(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;
	struct orch_text text;
	int rc = render(call, call->self->settings->warning, &text);

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
	api->token = call->self->settings->bot_token;
	return kit_slack_post(api, &body, call->request, call->err);
}

static void fill_alert(
	struct call *call, struct kit_slack_notice *notice, struct kit_slack_call *api)
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
	api->channel = notice->channel;
	api->token = call->self->settings->bot_token;
}

static int ask_alert_look(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;

	fill_alert(call, &notice, api);
	return kit_slack_look_for_notice(
		api, &notice, (struct orch_text){ "", 0 }, call->request, call->err);
}

static int ask_alert(struct call *call, struct kit_slack_call *api)
{
	struct kit_slack_notice notice;

	fill_alert(call, &notice, api);
	return kit_slack_post_notice(api, &notice, call->request, call->err);
}

static bool is_done(const struct kit_slack_answer *answer)
{
	return answer->class == KIT_SLACK_DONE;
}

/* What is not there any more was perhaps removed by ourselves, by a try whose reply was lost. */
static bool was_tried(const struct call *call)
{
	return call->progress->resumed || call->progress->attempt > 1;
}

static void judge_removal(struct call *call, const struct kit_slack_answer *answer)
{
	if (is_done(answer))
		call->state.rung =
			call->progress->step == STEP_UPDATE ? RUNG_UPDATED : RUNG_DELETED;
	else if (answer->class == KIT_SLACK_GONE)
		call->state.rung = was_tried(call) ? RUNG_DELETED : RUNG_GONE;
	call->progress->step++;
}

/* A token that may not see a file gets file_not_found as well, so that counts only after a try of ours. */
static void judge_file(struct call *call, const struct kit_slack_answer *answer)
{
	bool gone = answer->class == KIT_SLACK_GONE ||
		((was_tried(call) || call->was_deleted) &&
			strcmp(answer->error, "file_not_found") == 0);

	if (!is_done(answer) && !gone)
		call->state.files_left++;
	call->state.file++; /* the step stays until no file is left */
	if (call->is_file && call->state.file == call->file_count && call->state.files_left == 0)
		call->state.rung = RUNG_DELETED;
}

static void judge_look(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.look = false;
	if (is_done(answer) && kit_slack_has_notice(answer->body, call->task->key)) {
		if (call->progress->step == STEP_LOOK)
			call->state.posted = true;
		else
			call->state.alerted = true;
	}
	call->progress->step++;
}

static void judge_notice(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.posted = is_done(answer);
	call->progress->step++;
}

static void judge_warning(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.warned = is_done(answer);
	call->progress->step++;
}

static void judge_alert(struct call *call, const struct kit_slack_answer *answer)
{
	call->state.alerted = is_done(answer);
	call->progress->step++;
}

static const struct step_kind steps[STEP_END] = {
	[STEP_UPDATE] = { "chat.update", wants_update, ask_update, judge_removal },
	[STEP_DELETE_OWN] = { "chat.delete", wants_update, ask_delete, judge_removal },
	[STEP_DELETE] = { "chat.delete", wants_delete, ask_delete, judge_removal },
	[STEP_FILES] = { "files.delete", wants_files, ask_file, judge_file },
	[STEP_LOOK] = { "conversations.history", wants_look, ask_look, judge_look },
	[STEP_NOTICE] = { "chat.postMessage", wants_notice, ask_notice, judge_notice },
	[STEP_WARN] = { "chat.postEphemeral", wants_warning, ask_warning, judge_warning },
	[STEP_LOOK_ALERT] = { "conversations.history", wants_alert_look, ask_alert_look,
		judge_look },
	[STEP_ALERT] = { "chat.postMessage", wants_alert, ask_alert, judge_alert },
};

bool step_is_wanted(const struct call *call, uint32_t step)
{
	return step < STEP_END && steps[step].is_wanted(call);
}

static struct kit_slack_call api_call(const struct call *call)
{
	return (struct kit_slack_call){ .arena = &call->self->arena,
		.api_url = call->self->settings->api_url,
		.method = steps[call->progress->step].method,
		.team = call->team,
		.channel = call->channel };
}

int step_ask(struct call *call)
{
	struct kit_slack_call api = api_call(call);

	return steps[call->progress->step].ask(call, &api);
}

/* A page without the notice is followed by the next one. */
static int look_further(struct call *call, const struct kit_slack_answer *answer)
{
	struct orch_text cursor = kit_slack_next_cursor(answer->body);
	struct kit_slack_call api = api_call(call);
	struct kit_slack_notice notice;

	if (!is_done(answer) || cursor.len == 0 || ++call->state.pages >= PAGES_LIMIT ||
		kit_slack_has_notice(answer->body, call->task->key))
		return ORCH_OK;
	if (call->progress->step == STEP_LOOK)
		fill_notice(call, &notice);
	else
		fill_alert(call, &notice, &api);
	api.token = call->self->settings->bot_token;
	return kit_slack_look_for_notice(&api, &notice, cursor, call->request, call->err);
}

/* Is the step one that would take the very thing off Slack that the task is about? */
static bool is_rung(const struct call *call, uint32_t step)
{
	return step == STEP_FILES ? call->is_file : step < STEP_FILES;
}

/* A wrong token is somebody's to mend; until then the next rung is tried. */
static void tell(struct call *call, const struct kit_slack_answer *answer)
{
	const struct orch_host *host = call->self->host;
	const char *method = steps[call->progress->step].method;

	bool is_token = answer->class == KIT_SLACK_CONFIG || answer->class == KIT_SLACK_EXPIRED;
	bool was_rung = is_rung(call, call->progress->step);

	if (is_token)
		host->alarm(host, "slack_token", "%s: %s%s%s", method, answer->error,
			answer->scope[0] != '\0' ? ", needed: " : "", answer->scope);
	if (was_rung && is_token)
		call->state.token = true;
	else if (was_rung)
		call->state.rules = true;
	if (was_rung || call->state.why[0] == '\0') /* a refused warning does not explain it */
		(void)snprintf(call->state.why, sizeof(call->state.why), "%s", answer->error);
}

static int put_off(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;

	/* The post may have been made all the same: look before it is repeated. */
	if (step == STEP_NOTICE || step == STEP_ALERT) {
		call->state.look = true;
		call->progress->step--;
	}
	return orch_fail(call->err, ORCH_E_AGAIN, "%s: %s", steps[step].method, answer->error);
}

int step_judge(struct call *call, const struct orch_reply *reply)
{
	uint32_t step = call->progress->step;
	struct kit_slack_answer answer;
	int rc = ORCH_OK;

	kit_slack_answer_read(reply, &answer);
	if (answer.class == KIT_SLACK_EXPIRED && call->progress->attempt == 1)
		answer.class = KIT_SLACK_AGAIN; /* the core may have read a renewed token by then */
	if (answer.class == KIT_SLACK_AGAIN) {
		rc = put_off(call, &answer);
	} else {
		if (answer.class != KIT_SLACK_DONE && answer.class != KIT_SLACK_GONE)
			tell(call, &answer);
		if (step == STEP_LOOK || step == STEP_LOOK_ALERT)
			rc = look_further(call, &answer);
		if (rc == ORCH_OK)
			steps[step].judge(call, &answer);
	}
	kit_slack_answer_fini(&answer);
	return rc;
}
