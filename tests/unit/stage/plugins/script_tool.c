/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_tool: does what the event's field "tool" says, else its setting.
 *
 *   find:GRADE:START:LENGTH   a finding in part 0 (find9: in part 9)
 *   many:N                    N findings of grade 1; all:N minds not whether they are taken
 *   derive:N, blank:N         N records, with and without ids; wide: with a long order key
 *   mark:PART, bare:PART      a part not examined whole, with and without a note
 *   tell:TEXT                 a finding in part 0 with a title, advice, and TEXT as its detail
 *   see                       a finding of grade 0 for each part that has bytes
 *   reject:REASON
 *   hang                      never comes back
 *   log:PATH                  writes a line to that file
 *   ask                       sends a request to api_url; "finds" what its status is
 *   again, denied, invalid, limit
 */
#include <orch/tool.h>

#include <stdio.h>
#include <threads.h>

#include "words.h"

struct settings {
	const char *script;
	const char *api_url;
	const char *file;
};

struct script_tool {
	const struct orch_host *host;
	const struct settings *settings;
	char url[256];
};

static const struct orch_option options[] = {
	{ .name = "script",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, script),
		.fallback = "",
		.help = "What to do." },
	{ .name = "api_url",
		.type = ORCH_OPT_URL,
		.offset = offsetof(struct settings, api_url),
		.fallback = "http://127.0.0.1:9/",
		.help = "Whom to ask." },
	{ .name = "file",
		.type = ORCH_OPT_PATH,
		.offset = offsetof(struct settings, file),
		.fallback = "",
		.help = "Where it may write." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct script_tool *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory");
	self->host = host;
	self->settings = settings;
	if (strcmp(self->settings->script, "unborn") == 0) {
		free(self);
		return orch_fail(err, ORCH_E_INVALID, "it does not want to be");
	}
	*ret_self = self;
	return ORCH_OK;
}

/* The rule that a finding names: the first rule's, else its own. */
static int find(const struct script_tool *self, struct orch_sink *sink, uint32_t part,
	uint32_t grade, uint64_t start, uint64_t length)
{
	const struct orch_finding finding = {
		.size = sizeof(finding),
		.severity = grade,
		.confidence = 100,
		.rule = text_of("scripted"),
		.title = text_of(""),
		.advice = text_of(""),
		.part = part,
		.start = start,
		.length = length,
		.detail = text_of(""),
	};

	return self->host->report(sink, &finding);
}

static int tell(const struct script_tool *self, struct orch_sink *sink, struct orch_text detail)
{
	const struct orch_finding finding = {
		.size = sizeof(finding),
		.severity = ORCH_HIGH,
		.confidence = 100,
		.rule = text_of("told"),
		.title = text_of("A number of a card\033[2J"),
		.advice = text_of("Ask for another card."),
		.length = 1,
		.detail = detail,
	};

	return self->host->report(sink, &finding);
}

static int find_many(
	const struct script_tool *self, struct orch_sink *sink, unsigned count, bool minds)
{
	int rc = ORCH_OK;

	for (unsigned i = 0; i < count && (rc == ORCH_OK || !minds); i++)
		rc = find(self, sink, 0, ORCH_LOW, 0, 1);
	return minds ? rc : ORCH_OK;
}

static int derive(const struct script_tool *self, struct orch_sink *sink, unsigned count,
	bool named, bool wide)
{
	static char order[600];
	int rc = ORCH_OK;

	memset(order, 'o', sizeof(order));
	for (unsigned i = 0; i < count && rc == ORCH_OK; i++) {
		char id[16];
		struct orch_record record = {
			.size = sizeof(record),
			.id = { "", 0 },
			.type = text_of("statistic"),
			.order = { wide ? order : "", wide ? sizeof(order) : 0 },
			.data = text_of("{\"n\":1}"),
		};

		(void)snprintf(id, sizeof(id), "r%u", i);
		if (named)
			record.id = text_of(id);
		rc = self->host->derive(sink, &record);
	}
	return rc;
}

static int see(
	const struct script_tool *self, const struct orch_event *event, struct orch_sink *sink)
{
	int rc = ORCH_OK;

	for (uint32_t i = 0; rc == ORCH_OK && i < event->part_count; i++)
		if (event->parts[i].bytes.len > 0)
			rc = find(self, sink, i, ORCH_INFO, 0, event->parts[i].bytes.len);
	return rc;
}

static int find_by(const struct script_tool *self, struct orch_sink *sink, uint32_t part,
	struct orch_text rest)
{
	struct orch_text pieces[3] = { { "", 0 }, { "", 0 }, { "", 0 } };

	for (int i = 0; i < 3; i++)
		(void)cut(&rest, ':', &pieces[i]);
	return find(
		self, sink, part, number_of(pieces[0]), number_of(pieces[1]), number_of(pieces[2]));
}

/* Without using up the machine. */
static void hang(const struct script_tool *self)
{
	const struct timespec day = { .tv_sec = 86400 };

	self->host->log(self->host, ORCH_LOG_WARN, "hanging");
	for (;;)
		(void)thrd_sleep(&day, NULL);
}

static int do_word(const struct script_tool *self, struct orch_text word,
	const struct orch_event *event, struct orch_sink *sink, struct orch_err *err)
{
	struct orch_text name = { "", 0 };
	char text[64];

	(void)cut(&word, ':', &name);
	if (is(name, "find") || is(name, "find9"))
		return find_by(self, sink, is(name, "find") ? 0 : 9, word);
	if (is(name, "tell"))
		return tell(self, sink, word);
	if (is(name, "many") || is(name, "all"))
		return find_many(self, sink, number_of(word), is(name, "many"));
	if (is(name, "derive") || is(name, "blank") || is(name, "wide"))
		return derive(self, sink, number_of(word), !is(name, "blank"), is(name, "wide"));
	if (is(name, "mark") || is(name, "bare"))
		return self->host->mark(
			sink, word, ORCH_PART_UNAVAILABLE, is(name, "mark") ? "too odd" : "");
	if (is(name, "hang"))
		hang(self);
	if (is(name, "see"))
		return see(self, event, sink);
	if (is(name, "reject"))
		return self->host->reject(sink, copy(text, sizeof(text), word));
	return code_of(name) == ORCH_OK ? ORCH_OK
					: orch_fail(err, code_of(name), "as the script wants it");
}

static int write_line(struct script_tool *self, struct orch_text path,
	const struct orch_reply *reply, struct orch_request *request, struct orch_err *err)
{
	if (reply == NULL) {
		(void)snprintf(
			self->url, sizeof(self->url), "log:file/%.*s", (int)path.len, path.ptr);
		request->method = text_of("LOG");
		request->url = text_of(self->url);
		request->body = text_of("a line");
		return ORCH_SEND;
	}
	return reply->status == 200 ? ORCH_OK
				    : orch_fail(err, ORCH_E_DENIED, "%d: %.*s", reply->status,
					      (int)reply->problem.len, reply->problem.ptr);
}

static int scan(void *self, const void *set, const struct orch_event *event,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, struct orch_err *err)
{
	struct script_tool *tool = self;
	struct orch_text rest = script_of(event, "tool", tool->settings->script), word;
	int rc = ORCH_OK;

	(void)set, (void)progress;
	while (rc == ORCH_OK && cut(&rest, ' ', &word)) {
		if (word.len > 4 && memcmp(word.ptr, "log:", 4) == 0)
			return write_line(tool, (struct orch_text){ word.ptr + 4, word.len - 4 },
				reply, request, err);
		if (!is(word, "ask")) {
			rc = do_word(tool, word, event, sink, err);
			continue;
		}
		if (reply == NULL) {
			request->url = text_of(tool->settings->api_url);
			request->body = event->id;
			request->limit_key = text_of("ask");
			return ORCH_SEND;
		}
		if (reply->status >= 500)
			return orch_fail(err, ORCH_E_AGAIN, "not now");
		rc = find(tool, sink, UINT32_MAX, ORCH_HIGH, 0, (uint64_t)reply->status);
	}
	return rc;
}

static const struct orch_tool_ops ops = {
	.size = sizeof(ops),
	.create = create,
	.scan = scan,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "script_tool",
	.version = "1",
	.summary = "finds what it is told to find",
	.settings_size = sizeof(struct settings),
	.options = options,
	.tool = &ops,
};
