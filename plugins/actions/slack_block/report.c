/* SPDX-License-Identifier: Apache-2.0 */
/* How it ended, in a word for the policy's statistics and a sentence for people. */
#include "block.h"

#define SENTENCE_BYTES 400

static const char *outcome_of(const struct call *call)
{
	if (call->was_deleted)
		return "already_deleted";
	switch (call->state.rung) {
	case RUNG_UPDATED:
		return "updated";
	case RUNG_DELETED:
	case RUNG_GONE:
		return "deleted";
	default:
		return call->state.warned ? "ephemeral" : "cannot_block";
	}
}

static const char *what_happened(const struct call *call)
{
	if (call->was_deleted)
		return "the message had been deleted";
	switch (call->state.rung) {
	case RUNG_UPDATED:
		return "our own message was replaced";
	case RUNG_DELETED:
		return call->is_file ? "the file was deleted" : "the message was deleted";
	case RUNG_GONE:
		return "the message was gone already";
	default:
		return call->state.warned ? "nothing could be removed; the author was warned"
					  : "nothing could be removed";
	}
}

static void put_details(const struct call *call, struct kit_builder *sentence)
{
	const struct state *state = &call->state;

	kit_puts(sentence, what_happened(call));
	if (state->file > 0)
		kit_printf(sentence, "; %u of %u files deleted", state->file - state->files_left,
			call->file_count);
	else if (call->file_count > 0)
		kit_puts(sentence, "; its files were not deleted");
	if (state->posted)
		kit_puts(sentence, "; a notice was posted");
	if (state->alerted)
		kit_puts(sentence, "; the alert channel was told");
	if (state->why[0] != '\0') {
		kit_puts(sentence, "; ");
		kit_slack_put_error(sentence, state->why);
	}
}

void put_reason(const struct call *call, struct kit_builder *sentence)
{
	const struct settings *settings = call->self->settings;

	if (call->is_topic)
		kit_puts(sentence, "a topic cannot be deleted, only reset");
	else if (call->state.why[0] != '\0')
		kit_slack_put_error(sentence, call->state.why);
	else if (call->is_file && !settings->delete_files)
		kit_puts(sentence, "delete_files is off");
	else if (settings->admin_token == 0)
		kit_puts(sentence, "no token for it");
	else
		kit_puts(sentence, "the event names nothing that can be deleted");
}

/* What stays on Slack is never passed over in silence. */
static void raise_alarms(const struct call *call)
{
	const struct orch_host *host = call->self->host;
	struct kit_builder reason;
	const char *why;

	kit_builder_init(&reason, &call->self->arena, SENTENCE_BYTES);
	put_reason(call, &reason);
	why = kit_built(&reason).ptr;
	if (call->state.rung == RUNG_NONE && !call->was_deleted)
		host->alarm(host, "slack_cannot_block", "channel %.40s, ts %.40s: %s",
			call->channel.ptr, call->ts.ptr, why);
	else if (call->state.files_left > 0)
		host->alarm(host, "slack_file_not_deleted", "channel %.40s, ts %.40s: %s",
			call->channel.ptr, call->ts.ptr, why);
}

/* No token did anything, and no rule of Slack's forbids it: it can still be done. */
static bool is_to_be_mended(const struct call *call)
{
	const struct state *state = &call->state;

	return state->rung == RUNG_NONE && !call->was_deleted && state->token && !state->rules;
}

/* A redriven task begins anew, but tells nobody twice. */
static int fail_for_good(struct call *call, const char *sentence)
{
	int rc = orch_fail(call->err, ORCH_E_DENIED, "%s", sentence);

	call->state = (struct state){
		.rung = RUNG_NONE, .warned = call->state.warned, .alerted = call->state.alerted
	};
	call->progress->step = 0;
	state_write(&call->state, call->progress->memo, sizeof(call->progress->memo));
	return rc;
}

int block_report(struct call *call)
{
	struct kit_builder sentence;
	int rc;

	kit_builder_init(&sentence, &call->self->arena, SENTENCE_BYTES);
	put_details(call, &sentence);
	raise_alarms(call);
	if (is_to_be_mended(call))
		return fail_for_good(call, kit_built(&sentence).ptr);
	rc = call->self->host->outcome(call->sink, outcome_of(call), kit_built(&sentence).ptr);
	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the outcome cannot be kept");
}
