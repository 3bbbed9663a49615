/* SPDX-License-Identifier: Apache-2.0 */
/* How it ended, in a word for the policy's statistics and a sentence for people. */
#include "block.h"

#define SENTENCE_BYTES 400

static uint32_t files_removed(const struct call *call)
{
	return call->state.file - call->state.files_left;
}

static const char *outcome_of(const struct call *call)
{
	const struct state *state = &call->state;

	if (call->was_deleted)
		return "already_deleted";
	if (state->rung == RUNG_UPDATED)
		return "updated";
	if (is_removed(call))
		return "deleted";
	if (files_removed(call) > 0)
		return "files_only";
	if (state->warned)
		return "ephemeral";
	return state->direct ? "direct" : "cannot_block";
}

static const char *what_happened(const struct call *call)
{
	if (call->was_deleted)
		return "the message had been deleted";
	switch (call->state.rung) {
	case RUNG_UPDATED:
		return "our own message was replaced with the bot's token";
	case RUNG_BOT:
		return call->is_file ? "the file was deleted with the bot's token"
				     : "our own message was deleted with the bot's token";
	case RUNG_ADMIN:
		return call->is_file ? "the file was deleted with the admin's token"
				     : "the message was deleted with the admin's token";
	case RUNG_GONE:
		return call->is_file ? "the file was gone already" : "the message was gone already";
	default:
		return files_removed(call) > 0 ? "the message could not be removed"
					       : "nothing could be removed";
	}
}

/* Nobody knows of it who ought to. */
static bool is_untold(const struct call *call)
{
	if (!can_post(call) || is_told(call))
		return false;
	return is_notice_due(call) ||
		(!is_removed(call) && call->user.len > 0 && !call->state.alerted);
}

static void put_files(const struct call *call, struct kit_builder *sentence)
{
	const struct state *state = &call->state;

	if (call->is_file || call->file_total == 0)
		return;
	if (state->file == 0) {
		kit_puts(sentence, "; its files were not deleted");
		return;
	}
	kit_printf(sentence, "; %u of %u files deleted", files_removed(call), call->file_total);
	if (state->files_left > 0 && state->file_why[0] != '\0') {
		kit_puts(sentence, " (");
		kit_slack_put_error(sentence, state->file_why);
		kit_putc(sentence, ')');
	}
}

static void put_telling(const struct call *call, struct kit_builder *sentence)
{
	const struct state *state = &call->state;
	const char *verb = is_removed(call) ? "told" : "warned";

	if (state->posted)
		kit_puts(sentence, "; a notice was posted");
	if (state->warned)
		kit_printf(sentence, "; the author was %s by an ephemeral message", verb);
	if (state->direct)
		kit_printf(sentence, "; the author was %s by a direct message", verb);
	if (state->alerted)
		kit_puts(sentence, "; the alert channel was told");
	if (is_untold(call))
		kit_puts(sentence, "; nobody could be told");
}

static void put_details(const struct call *call, struct kit_builder *sentence)
{
	kit_puts(sentence, what_happened(call));
	put_files(call, sentence);
	put_telling(call, sentence);
	if (call->state.why[0] != '\0') {
		kit_puts(sentence, "; ");
		kit_slack_put_error(sentence, call->state.why);
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

static void put_file_reason(const struct call *call, struct kit_builder *sentence)
{
	if (call->state.files_left == 0)
		kit_printf(sentence, "%u files, of which %u at most are deleted", call->file_total,
			FILES_LIMIT);
	else
		kit_slack_put_error(sentence, call->state.file_why);
}

static bool is_file_left(const struct call *call)
{
	return call->state.files_left > 0 ||
		(call->state.file > 0 && call->file_total > call->file_count);
}

/* What stays on Slack, and what nobody is told of, is never passed over in silence. */
static void raise_alarms(const struct call *call)
{
	const struct orch_host *host = call->self->host;
	bool is_left = !is_removed(call) && !call->was_deleted;
	struct kit_builder reason;

	kit_builder_init(&reason, &call->self->arena, SENTENCE_BYTES);
	if (is_left)
		put_reason(call, &reason);
	else if (is_file_left(call))
		put_file_reason(call, &reason);
	if (kit_built(&reason).len > 0)
		host->alarm(host, is_left ? "slack_cannot_block" : "slack_file_not_deleted",
			"channel %.40s, ts %.40s: %s", call->channel.ptr, call->ts.ptr,
			kit_built(&reason).ptr);
	if (is_untold(call))
		host->alarm(host, "slack_cannot_tell", "channel %.40s, ts %.40s: %s",
			call->channel.ptr, call->ts.ptr,
			call->state.why[0] != '\0' ? call->state.why : "nobody to tell");
}

/* No token did anything, and no rule of Slack's forbids it: it can still be done. */
static bool is_to_be_mended(const struct call *call)
{
	const struct state *state = &call->state;

	return state->rung == RUNG_NONE && !call->was_deleted && state->token && !state->rules;
}

/* The core adds what the last request was answered; without its name that would seem the refusal's. */
static void put_last(const struct call *call, struct kit_builder *sentence)
{
	if (call->state.last == 0 || call->state.last > STEP_END)
		return;
	kit_puts(sentence, "; the last request was ");
	kit_puts(sentence, step_method(call->state.last - 1));
}

/* A redriven task begins anew, but tells nobody twice. */
static int fail_for_good(struct call *call, const char *sentence)
{
	int rc = orch_fail(call->err, ORCH_E_DENIED, "%s", sentence);

	call->state = (struct state){ .rung = RUNG_NONE,
		.file_try = FILE_FIRST,
		.warned = call->state.warned,
		.direct = call->state.direct,
		.alerted = call->state.alerted };
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
	if (is_to_be_mended(call)) {
		put_last(call, &sentence);
		return fail_for_good(call, kit_built(&sentence).ptr);
	}
	rc = call->self->host->outcome(call->sink, outcome_of(call), kit_built(&sentence).ptr);
	return rc == ORCH_OK ? ORCH_OK : orch_fail(call->err, rc, "the outcome cannot be kept");
}
