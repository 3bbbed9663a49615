/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_batch: up to 3 tasks, or 20,000 bytes, by one request, whose body is
 * the number of tasks.  Each task fares as its event's field "action" says: ok,
 * again, denied; told: denied, with words of its own.  It is passive.
 */
#include <orch/action.h>

#include <stdio.h>

#include "words.h"

struct settings {
	const char *api_url;
};

struct script_batch {
	const struct settings *settings;
	char body[32];
};

static const struct orch_option options[] = {
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.help = "Where to." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct script_batch *self = calloc(1, sizeof(*self));

	(void)host;
	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory");
	self->settings = settings;
	*ret_self = self;
	return ORCH_OK;
}

static int act(void *self, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	struct script_batch *batch = self;

	(void)progress, (void)sink;
	if (reply == NULL) {
		(void)snprintf(batch->body, sizeof(batch->body), "%zu tasks", count);
		request->url = text_of(batch->settings->api_url);
		request->body = text_of(batch->body);
		return ORCH_SEND;
	}
	for (size_t i = 0; i < count; i++) {
		struct orch_text word = script_of(tasks[i].event, "action", "ok");
		int code = code_of(word);

		if (is(word, "told"))
			code = orch_fail(err, ORCH_E_DENIED, "this one is not welcome");
		if (code != ORCH_OK)
			ret_codes[i] = code;
	}
	if (reply->status != 200)
		return orch_fail(err, ORCH_E_AGAIN, "no answer");
	return ORCH_OK;
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = 3,
	.max_batch_bytes = 20000,
	.passive = true,
	.create = create,
	.act = act,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "script_batch",
	.version = "1",
	.summary = "does several things at once",
	.settings_size = sizeof(struct settings),
	.options = options,
	.action = &ops,
};
