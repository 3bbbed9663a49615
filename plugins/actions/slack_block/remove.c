/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that take something off Slack: when each is wanted, what it asks, what its answer means. */
#include "block.h"

#include <string.h>

bool is_removed(const struct call *call)
{
	return call->state.rung != RUNG_NONE;
}

orch_credential admin_token(const struct call *call)
{
	return call->self->settings->admin_token;
}

bool wants_update(const struct call *call)
{
	return call->is_message && call->is_own && !is_removed(call) &&
		call->self->settings->bot_token != 0;
}

bool wants_delete(const struct call *call)
{
	return call->is_message && !is_removed(call) && call->self->settings->admin_token != 0;
}

static orch_credential first_token(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	return call->is_own && settings->bot_token != 0 ? settings->bot_token
							: settings->admin_token;
}

orch_credential file_token(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	switch (call->state.file_try) {
	case FILE_ADMIN:
		return settings->admin_token;
	case FILE_ASK:
		return settings->bot_token != 0 ? settings->bot_token : settings->admin_token;
	default:
		return first_token(call);
	}
}

bool wants_more_files(const struct call *call)
{
	return call->self->settings->delete_files && first_token(call) != 0 &&
		call->state.file < call->file_count;
}

bool wants_files(const struct call *call)
{
	return wants_more_files(call) && call->state.file_calls < FILE_CALLS_A_TRY;
}

/* The place of the message: {"channel":…,"ts":… — to be closed by the caller. */
static void put_place(struct call *call, struct kit_builder *body)
{
	kit_builder_init(body, &call->self->arena, KIT_SLACK_BODY_BYTES);
	kit_puts(body, "{\"channel\":");
	kit_put_json(body, call->channel);
	kit_slack_member(body, "ts", call->ts);
}

int ask_update(struct call *call, struct kit_slack_call *api)
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
	return kit_slack_post(api, &body, call->request, call->err);
}

int ask_delete(struct call *call, struct kit_slack_call *api)
{
	struct kit_builder body;

	put_place(call, &body);
	kit_putc(&body, '}');
	return kit_slack_post(api, &body, call->request, call->err);
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

const char *file_method(const struct call *call)
{
	return call->state.file_try == FILE_ASK ? "files.info" : "files.delete";
}

int ask_file(struct call *call, struct kit_slack_call *api)
{
	struct orch_text file = nth_file(call);
	struct kit_builder builder;

	call->state.file_calls++;
	kit_builder_init(&builder, &call->self->arena, KIT_SLACK_BODY_BYTES);
	if (call->state.file_try == FILE_ASK) {
		kit_puts(&builder, "file=");
		kit_put_percent(&builder, file);
		return kit_slack_get(api, &builder, call->request, call->err);
	}
	call->state.asked = true;
	kit_puts(&builder, "{\"file\":");
	kit_put_json(&builder, file);
	kit_putc(&builder, '}');
	return kit_slack_post(api, &builder, call->request, call->err);
}

static bool is_done(const struct kit_slack_answer *answer)
{
	return answer->class == KIT_SLACK_DONE;
}

static void rise(struct call *call, enum rung rung)
{
	call->state.rung = (char)rung;
	call->state.why[0] = '\0'; /* the rungs that were refused before matter no more */
}

/* What is not there any more was perhaps removed by ourselves, by a try whose reply was lost. */
static bool was_tried(const struct call *call)
{
	return call->progress->resumed || call->progress->attempt > 1;
}

void judge_removal(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;
	bool is_ours = is_done(answer) || (answer->class == KIT_SLACK_GONE && was_tried(call));

	if (is_ours && step == STEP_UPDATE)
		rise(call, is_done(answer) ? RUNG_UPDATED : RUNG_BOT);
	else if (is_ours)
		rise(call, step == STEP_DELETE ? RUNG_ADMIN : RUNG_BOT);
	else if (answer->class == KIT_SLACK_GONE)
		rise(call, RUNG_GONE);
	else
		blame(call, answer);
	call->progress->step++;
}

/* The step stays until no file is left. */
static void next_file(struct call *call)
{
	call->state.file++;
	call->state.file_try = FILE_FIRST;
	call->state.asked = call->state.again = false;
}

static void file_is_gone(struct call *call, enum rung rung)
{
	if (call->is_file)
		rise(call, rung);
	next_file(call);
}

static void file_stays(struct call *call, const struct kit_slack_answer *answer)
{
	blame(call, answer);
	call->state.files_left++;
	next_file(call);
}

static bool is_not_found(const struct kit_slack_answer *answer)
{
	return strcmp(answer->error, "file_not_found") == 0;
}

/* What files.info says of a file that a token did not find. */
static void judge_info(struct call *call, const struct kit_slack_answer *answer)
{
	static const struct kit_slack_answer unseen = { .class = KIT_SLACK_REFUSED,
		.error = "file_not_found" };
	struct orch_text mode = kit_json_text(kit_json_get(answer->body, "file"), "mode");

	if (answer->class == KIT_SLACK_GONE || is_not_found(answer) || kit_is(mode, "tombstone"))
		file_is_gone(call, RUNG_GONE);
	else
		file_stays(call, &unseen);
}

static bool is_admins_turn(const struct call *call)
{
	const struct settings *settings = call->self->settings;

	return call->state.file_try == FILE_FIRST && settings->admin_token != 0 &&
		file_token(call) != settings->admin_token;
}

static enum rung rung_of(const struct call *call)
{
	return file_token(call) == call->self->settings->bot_token ? RUNG_BOT : RUNG_ADMIN;
}

/* REFUSAL is what ended the way before; NULL: that is not settled yet. */
static void try_next(struct call *call, enum file_try next, const struct kit_slack_answer *refusal)
{
	if (refusal != NULL)
		blame(call, refusal);
	call->state.file_try = (char)next;
	call->state.asked = call->state.again = false;
}

void judge_file(struct call *call, const struct kit_slack_answer *answer)
{
	bool is_gone = answer->class == KIT_SLACK_GONE || is_not_found(answer);

	if (call->state.file_try == FILE_ASK)
		judge_info(call, answer);
	else if (is_done(answer) || (call->state.again && is_gone))
		file_is_gone(call, rung_of(call));
	else if (answer->class == KIT_SLACK_GONE)
		file_is_gone(call, RUNG_GONE);
	else if (is_admins_turn(call))
		try_next(call, FILE_ADMIN, answer);
	else if (is_not_found(answer))
		try_next(call, FILE_ASK, NULL);
	else
		file_stays(call, answer);
}
