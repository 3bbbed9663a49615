/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder itself: which step comes next, and what any answer means, whatever was asked. */
#include "block.h"

#include <string.h>

static const struct step_kind steps[STEP_END] = {
	[STEP_UPDATE] = { "chat.update", wants_update, bot_token, ask_update, judge_removal },
	[STEP_DELETE_OWN] = { "chat.delete", wants_update, bot_token, ask_delete, judge_removal },
	[STEP_DELETE] = { "chat.delete", wants_delete, admin_token, ask_delete, judge_removal },
	[STEP_FILES] = { "files.delete", wants_files, file_token, ask_file, judge_file },
	[STEP_LOOK] = { "conversations.history", wants_look, bot_token, ask_look, judge_look },
	[STEP_NOTICE] = { "chat.postMessage", wants_notice, bot_token, ask_notice, judge_notice },
	[STEP_WARN] = { "chat.postEphemeral", wants_warning, bot_token, ask_warning,
		judge_warning },
	[STEP_OPEN] = { "conversations.open", wants_open, bot_token, ask_open, judge_open },
	[STEP_LOOK_DIRECT] = { "conversations.history", wants_direct_look, bot_token, ask_look,
		judge_look },
	[STEP_DIRECT] = { "chat.postMessage", wants_direct, bot_token, ask_direct, judge_direct },
	[STEP_MORE_FILES] = { "files.delete", wants_more_files, file_token, ask_file, judge_file },
	[STEP_LOOK_ALERT] = { "conversations.history", wants_alert_look, bot_token, ask_look,
		judge_look },
	[STEP_ALERT] = { "chat.postMessage", wants_alert, bot_token, ask_alert, judge_alert },
};

static bool is_files(uint32_t step)
{
	return step == STEP_FILES || step == STEP_MORE_FILES;
}

bool step_is_post(uint32_t step)
{
	return step == STEP_NOTICE || step == STEP_DIRECT || step == STEP_ALERT;
}

bool step_is_look(uint32_t step)
{
	return steps[step].judge == judge_look;
}

const char *step_method(uint32_t step)
{
	return steps[step].method;
}

static struct kit_slack_call api_call(const struct call *call)
{
	uint32_t step = call->progress->step;

	return (struct kit_slack_call){ .arena = &call->self->arena,
		.api_url = call->self->settings->api_url,
		.method = is_files(step) ? file_method(call) : steps[step].method,
		.token = steps[step].token(call),
		.team = call->team,
		.channel = call->channel };
}

/* A token that Slack does not know any more is not sent: the step ends as if it had been refused again. */
static bool pass_over(struct call *call)
{
	struct block *self = call->self;
	const struct step_kind *kind = &steps[call->progress->step];
	struct kit_slack_answer refusal = { .class = KIT_SLACK_CONFIG };
	const char *why =
		kit_slack_paused(&self->pauses, kind->token(call), self->host->now_ms(self->host));

	if (why == NULL)
		return false;
	(void)snprintf(refusal.error, sizeof(refusal.error), "%s", why);
	kind->judge(call, &refusal);
	return true;
}

void step_find(struct call *call)
{
	struct orch_progress *progress = call->progress;

	do {
		while (progress->step < STEP_END && !steps[progress->step].is_wanted(call))
			progress->step++;
	} while (progress->step < STEP_END && pass_over(call));
}

int step_ask(struct call *call)
{
	struct kit_slack_call api = api_call(call);

	return steps[call->progress->step].ask(call, &api);
}

/* Is the step one that would take the very thing off Slack that the task is about? */
static bool is_rung(const struct call *call, uint32_t step)
{
	return is_files(step) ? call->is_file : step < STEP_FILES;
}

void blame(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;
	struct state *state = &call->state;
	bool is_token = answer->class == KIT_SLACK_CONFIG || answer->class == KIT_SLACK_EXPIRED;
	bool was_rung = is_rung(call, step);

	if (was_rung && is_token)
		state->token = true;
	else if (was_rung)
		state->rules = true;
	if (is_files(step) && !was_rung) /* the message's own end is another matter */
		(void)snprintf(state->file_why, sizeof(state->file_why), "%.*s",
			(int)sizeof(state->file_why) - 1, answer->error);
	else if (was_rung || state->why[0] == '\0') /* a refused warning does not explain it */
		(void)snprintf(state->why, sizeof(state->why), "%.*s", (int)sizeof(state->why) - 1,
			answer->error);
}

static int put_off(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;

	/* The post may have been made all the same: look before it is repeated. */
	if (step_is_post(step)) {
		call->state.look = true;
		call->progress->step--;
	}
	return orch_fail(call->err, ORCH_E_AGAIN, "%s: %s", steps[step].method, answer->error);
}

static int take_answer(struct call *call, const struct kit_slack_answer *answer)
{
	uint32_t step = call->progress->step;
	struct kit_slack_call api = api_call(call);
	int rc = ORCH_OK;

	kit_slack_mind(&call->self->pauses, call->self->host, &api, answer);
	if (step_is_look(step))
		rc = look_further(call, &api, answer);
	if (rc == ORCH_OK)
		steps[step].judge(call, answer);
	return rc;
}

int step_judge(struct call *call, const struct orch_reply *reply)
{
	uint32_t step = call->progress->step;
	struct kit_slack_answer answer;
	int rc;

	call->state.last = step + 1;
	if (step_is_look(step))
		kit_slack_page_read(reply, &answer);
	else
		kit_slack_answer_read(reply, &answer);
	if (answer.class == KIT_SLACK_EXPIRED && call->progress->attempt == 1)
		answer.class = KIT_SLACK_AGAIN; /* the core may have read a renewed token by then */
	rc = answer.class == KIT_SLACK_AGAIN ? put_off(call, &answer) : take_answer(call, &answer);
	kit_slack_answer_fini(&answer);
	return rc;
}
