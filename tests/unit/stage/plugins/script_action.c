/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_action: does what the task's event's field "action" says, else its setting.
 *
 *   ok              nothing to send
 *   steps:N         a POST to api_url for each of N steps: "STEP ATTEMPT RESUMED ID"
 *   again, denied, invalid
 *
 * A 5xx or no answer is tried again, a 4xx is for good.
 */
#include <orch/action.h>

#include <stdio.h>

#include "words.h"

struct settings {
	const char *script;
	const char *api_url;
};

struct script_action {
	const struct orch_host *host;
	const struct settings *settings;
	char body[1024];
};

static const struct orch_option options[] = {
	{ .name = "script",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, script),
		.fallback = "ok",
		.help = "What to do." },
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = "http://127.0.0.1:9/",
		.help = "Where to." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct script_action *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory");
	self->host = host;
	self->settings = settings;
	*ret_self = self;
	return ORCH_OK;
}

static int judge(
	const struct orch_reply *reply, struct orch_progress *progress, struct orch_err *err)
{
	if (reply->status == 0 || reply->status >= 500)
		return orch_fail(err, ORCH_E_AGAIN, "no answer");
	if (reply->status < 0 || reply->status >= 400)
		return orch_fail(err, ORCH_E_DENIED, "it refused");
	progress->step++;
	(void)snprintf(progress->memo, sizeof(progress->memo), "memo of step %u", progress->step);
	return ORCH_OK;
}

static int act(void *self, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	struct script_action *action = self;
	struct orch_text rest = script_of(tasks[0].event, "action", action->settings->script);
	struct orch_text word = { "", 0 };
	int rc = ORCH_OK;

	(void)ret_codes;
	if (count != 1)
		return orch_fail(err, ORCH_E_INTERNAL, "one task at a time");
	if (reply != NULL)
		rc = judge(reply, progress, err);
	if (rc != ORCH_OK || !cut(&rest, ':', &word))
		return rc;
	if (!is(word, "steps"))
		return code_of(word) == ORCH_OK
			? ORCH_OK
			: orch_fail(err, code_of(word), "as the script wants it");
	if (progress->step >= number_of(rest))
		return action->host->outcome(sink, "stepped", progress->memo);
	(void)snprintf(action->body, sizeof(action->body), "%u %u %d %.*s", progress->step,
		progress->attempt, progress->resumed ? 1 : 0, (int)tasks[0].event->id.len,
		tasks[0].event->id.ptr);
	request->url = text_of(action->settings->api_url);
	request->body = text_of(action->body);
	request->limit_key = text_of("steps");
	return ORCH_SEND;
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = 1,
	.create = create,
	.act = act,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "script_action",
	.version = "1",
	.summary = "does what it is told to do",
	.settings_size = sizeof(struct settings),
	.options = options,
	.action = &ops,
};
