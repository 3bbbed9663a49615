/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slack_block: takes a message and its files off Slack after they were posted.
 *
 * Slack cannot stop a message before it is posted, and no one token may remove
 * everything.  So this climbs down a ladder: our own message is replaced;
 * anybody else's is deleted with an admin's token and a notice takes its place;
 * where neither is allowed, the author is warned and people are alerted.  Where
 * no notice may be posted, the author is told in the channel or else directly.
 * The outcome names the rung.  Every step survives a restart.
 */
#include "block.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1024 * 1024)

#define NOTICE                                                                          \
	"A message by <@{event.actor}> was removed because it seems to hold protected " \
	"data: {finding.name}."

#define WARNING                                                                                 \
	"Your message seems to hold protected data ({finding.name}) and could not be removed. " \
	"Please delete it yourself."

static const struct orch_option options[] = {
	{ .name = "admin_token",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, admin_token),
		.fallback = "",
		.help = "User token of a workspace admin; only it may delete other people's "
			"messages." },
	{ .name = "bot_token",
		.type = ORCH_OPT_CREDENTIAL,
		.offset = offsetof(struct settings, bot_token),
		.fallback = "",
		.help = "Bot token; posts the notices and changes our own messages." },
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = KIT_SLACK_API_URL,
		.help = "Where Slack's Web API is." },
	{ .name = "notify",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, notify),
		.fallback = "true",
		.help = "Whether a notice takes the place of what was removed." },
	{ .name = "notice",
		.type = ORCH_OPT_TEMPLATE,
		.offset = offsetof(struct settings, notice),
		.fallback = NOTICE,
		.help = "The notice's text, in Slack's mrkdwn." },
	{ .name = "warning",
		.type = ORCH_OPT_TEMPLATE,
		.offset = offsetof(struct settings, warning),
		.fallback = WARNING,
		.help = "What only the author sees when nothing could be removed, in mrkdwn." },
	{ .name = "appeal_url",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, appeal_url),
		.fallback = "",
		.help = "Where the author can ask for a review; becomes a link in the notice." },
	{ .name = "delete_files",
		.type = ORCH_OPT_BOOL,
		.offset = offsetof(struct settings, delete_files),
		.fallback = "true",
		.help = "Whether the message's files are deleted too; Slack keeps them "
			"otherwise." },
	{ .name = "alert_channel",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, alert_channel),
		.fallback = "",
		.help = "Id of the channel that is told when nothing could be removed." },
	{ .name = NULL },
};

static int check(const struct settings *settings, struct orch_err *err)
{
	const char *url = settings->appeal_url;

	if (settings->admin_token == 0 && settings->bot_token == 0)
		return orch_fail(err, ORCH_E_INVALID, "admin_token or bot_token must be given");
	if (url[0] != '\0' && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return orch_fail(err, ORCH_E_INVALID, "appeal_url must begin with https://");
	if (strpbrk(url, "<>| \n") != NULL)
		return orch_fail(
			err, ORCH_E_INVALID, "appeal_url must not hold '<', '>', '|' or blanks");
	return ORCH_OK;
}

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct block *self;
	int rc = check(settings, err);

	if (rc != ORCH_OK)
		return rc;
	self = calloc(1, sizeof(*self));
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
	struct block *self = ptr;

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

/* A topic, a purpose or a name can only be set anew, never deleted. */
static bool is_topic(struct orch_text subtype)
{
	return kit_ends(subtype, "_topic") || kit_ends(subtype, "_purpose") ||
		kit_ends(subtype, "_name");
}

static void read_event(struct call *call)
{
	const struct orch_event *event = call->task->event;
	struct orch_text rest, file;

	call->team = event->tenant;
	call->channel = field(event, "slack.channel");
	call->ts = field(event, "slack.ts");
	call->thread_ts = field(event, "slack.thread_ts");
	call->user = field(event, "slack.user");
	call->files = field(event, "slack.files");
	call->is_own = kit_is(field(event, "slack.is_own"), "true");
	call->is_file = kit_is(event->type, "slack.file");
	call->is_shared_file =
		call->is_file && kit_is(field(event, "slack.subtype"), "file_shared");
	call->was_deleted = kit_is(event->type, "slack.message_deleted");
	call->is_topic = is_topic(field(event, "slack.subtype"));
	call->is_message = !call->is_file && !call->was_deleted && call->channel.len > 0 &&
		call->ts.len > 0 && !call->is_topic;

	rest = call->files;
	while (kit_split(&rest, ',', &file))
		call->file_total++;
	call->file_count = call->file_total < FILES_LIMIT ? call->file_total : FILES_LIMIT;
}

static void save(struct call *call)
{
	state_write(&call->state, call->progress->memo, sizeof(call->progress->memo));
}

/* The notice is out by now; what is left takes a try of its own, lest limits.requests ends this one. */
static bool is_enough(const struct call *call)
{
	return call->progress->step == STEP_MORE_FILES &&
		call->state.file_calls >= FILE_CALLS_A_TRY;
}

static int go_on(struct call *call)
{
	int rc;

	step_find(call);
	save(call);
	if (call->progress->step >= STEP_END)
		return block_report(call);
	if (is_enough(call))
		return orch_fail(call->err, ORCH_E_AGAIN,
			"%u of %u files are done, the next try goes on with the rest",
			call->state.file, call->file_total);
	rc = step_ask(call);
	save(call);
	return rc;
}

/* An earlier try may have posted already: the step before looks for it. */
static void enter_anew(struct call *call)
{
	call->state.file_calls = 0;
	call->state.last = 0;
	call->state.again = call->state.asked;
	if (call->progress->resumed && step_is_post(call->progress->step)) {
		call->state.look = true;
		call->progress->step--;
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
		.err = err };
	int rc = ORCH_OK;

	(void)ret_codes;
	if (count != 1 || progress->step > STEP_END)
		return orch_fail(err, ORCH_E_INTERNAL, "one task at a time, and no such step");
	kit_arena_reset(&call.self->arena);
	read_event(&call);
	state_read(progress->memo, &call.state);
	if (reply != NULL && progress->step < STEP_END)
		rc = step_judge(&call, reply);
	else if (reply == NULL)
		enter_anew(&call);
	save(&call);
	return rc == ORCH_OK ? go_on(&call) : rc;
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = 1,
	.create = create,
	.act = act,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "slack_block",
	.version = "1.0",
	.summary = "removes messages and files from Slack, or says that it cannot",
	.settings_size = sizeof(struct settings),
	.options = options,
	.action = &ops,
};
