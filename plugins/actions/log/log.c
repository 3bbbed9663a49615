/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line for each task, to standard error, a file or syslog.
 *
 * A plugin opens nothing itself.  The line goes out as a request with the
 * method LOG, which the core carries out by appending (it opens the file
 * again on SIGHUP, so that log rotation works).  A line tells what was found
 * and where, never the text in which it was found.
 */
#include <orch/action.h>

#include <stdlib.h>
#include <string.h>

#include "kit/text.h"
#include "kit/time.h"

#define ARENA_BYTES ((size_t)1024 * 1024)
#define LINE_BYTES ((size_t)64 * 1024)
#define URL_BYTES 4200
#define PATH_BYTES 4000
#define PROBLEM_BYTES 200
#define FINDINGS_LIMIT 100 /* listed on a line; all are counted */

#define TEXT "{event.time} {verdict} {event.type} {event.id} {findings.count} {finding.name}"

enum format { FORMAT_JSON = 0, FORMAT_TEXT };

struct settings {
	const char *to;
	uint32_t format;
	const struct orch_template *template;
	struct orch_list tags;
};

struct log {
	const struct orch_host *host;
	const struct settings *settings;
	struct kit_arena arena;
};

static const struct orch_option options[] = {
	{ .name = "to",
		.type = ORCH_OPT_PATH,
		.offset = offsetof(struct settings, to),
		.choices = "stderr|syslog",
		.fallback = "stderr",
		.help = "\"stderr\", \"syslog\", or the path of a file to append to." },
	{ .name = "format",
		.type = ORCH_OPT_CHOICE,
		.offset = offsetof(struct settings, format),
		.choices = "json|text",
		.fallback = "json",
		.help = "One JSON object a line, or the template's text." },
	{ .name = "template",
		.type = ORCH_OPT_TEMPLATE,
		.offset = offsetof(struct settings, template),
		.fallback = TEXT,
		.help = "The line with format = \"text\"." },
	{ .name = "tags",
		.type = ORCH_OPT_LIST,
		.offset = offsetof(struct settings, tags),
		.fallback = "",
		.help = "Words that every line carries." },
	{ .name = NULL },
};

static const char *name_of(const char *const *names, size_t count, uint32_t index)
{
	return index < count ? names[index] : "unknown";
}

static const char *severity_name(uint32_t severity)
{
	static const char *const names[] = { "info", "low", "medium", "high", "critical" };

	return name_of(names, sizeof(names) / sizeof(names[0]), severity);
}

static const char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = { "pass", "flag", "block" };

	return name_of(names, sizeof(names) / sizeof(names[0]), verdict);
}

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	const struct settings *given = settings;
	struct log *self;

	if (given->to[0] == '\0' || strlen(given->to) > PATH_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "to must be stderr, syslog or a path");
	self = calloc(1, sizeof(*self));
	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");
	self->host = host;
	self->settings = given;
	kit_arena_init(&self->arena, ARENA_BYTES);
	*ret_self = self;
	return ORCH_OK;
}

static void destroy(void *ptr)
{
	struct log *self = ptr;

	if (self == NULL)
		return;
	kit_arena_fini(&self->arena);
	free(self);
}

static void put_member(struct kit_builder *line, const char *name, struct orch_text value)
{
	kit_printf(line, ",\"%s\":", name);
	kit_put_json(line, value);
}

/* A file's name is its author's text: only its id is told. */
static struct orch_text part_name(const struct orch_event *event, uint32_t part)
{
	struct orch_text name = { "", 0 }, piece;

	if (part >= event->part_count)
		return name;
	name = event->parts[part].name;
	return kit_split(&name, '/', &piece) ? piece : (struct orch_text){ "", 0 };
}

static void put_finding(struct kit_builder *line, const struct orch_event *event,
	const struct orch_finding *finding)
{
	kit_puts(line, "{\"rule\":");
	kit_put_json(line, finding->rule);
	put_member(line, "name", finding->rule_name);
	put_member(line, "severity", kit_text(severity_name(finding->severity)));
	put_member(line, "part", part_name(event, finding->part));
	kit_printf(line, ",\"start\":%llu,\"length\":%llu}", (unsigned long long)finding->start,
		(unsigned long long)finding->length);
}

static void put_findings(struct kit_builder *line, const struct orch_task *task)
{
	size_t count = task->finding_count < FINDINGS_LIMIT ? task->finding_count : FINDINGS_LIMIT;

	kit_printf(line, ",\"finding_count\":%zu,\"findings\":[", task->finding_count);
	for (size_t i = 0; i < count; i++) {
		kit_puts(line, i == 0 ? "" : ",");
		put_finding(line, task->event, &task->findings[i]);
	}
	kit_putc(line, ']');
}

static void put_tags(struct kit_builder *line, const struct orch_list *tags)
{
	kit_puts(line, ",\"tags\":[");
	for (size_t i = 0; i < tags->count; i++) {
		kit_puts(line, i == 0 ? "" : ",");
		kit_put_json(line, tags->items[i]);
	}
	kit_putc(line, ']');
}

static void put_json_line(struct log *self, const struct orch_task *task, struct kit_builder *line)
{
	const struct orch_event *event = task->event;
	char time[KIT_TIME_BYTES];

	kit_time_format(self->host->now_ms(self->host), time);
	kit_printf(line, "{\"time\":\"%s\",\"event\":\"verdict\"", time);
	put_member(line, "trace", event->trace);
	put_member(line, "id", event->id);
	put_member(line, "pipeline", task->pipeline);
	put_member(line, "type", event->type);
	put_member(line, "tenant", event->tenant);
	put_member(line, "actor", event->actor);
	put_member(line, "verdict", kit_text(verdict_name(task->verdict)));
	if (task->record != NULL)
		put_member(line, "record", task->record->id);
	put_findings(line, task);
	put_tags(line, &self->settings->tags);
	kit_putc(line, '}');
}

static int put_text_line(struct log *self, struct orch_sink *sink, struct kit_builder *line)
{
	const struct orch_list *tags = &self->settings->tags;
	struct orch_text text;
	int rc = self->host->render(sink, self->settings->template, "text", &text);

	if (rc != ORCH_OK)
		return rc;
	for (size_t i = 0; i < tags->count; i++) {
		kit_putc(line, '[');
		kit_put(line, tags->items[i]);
		kit_puts(line, "] ");
	}
	/* One task, one line: nobody forges a second one by a line break in a name. */
	for (size_t i = 0; i < text.len; i++)
		kit_putc(line, (unsigned char)text.ptr[i] < 0x20u ? ' ' : text.ptr[i]);
	return ORCH_OK;
}

static struct orch_text target(struct log *self)
{
	const char *to = self->settings->to;
	bool is_file = strcmp(to, "stderr") != 0 && strcmp(to, "syslog") != 0;
	struct kit_builder url;

	kit_builder_init(&url, &self->arena, URL_BYTES);
	kit_puts(&url, is_file ? "log:file/" : "log:");
	kit_puts(&url, to);
	return kit_built(&url);
}

static int write_line(struct log *self, const struct orch_task *task, struct orch_request *request,
	struct orch_sink *sink, struct orch_err *err)
{
	struct kit_builder line;
	int rc = ORCH_OK;

	kit_builder_init(&line, &self->arena, LINE_BYTES);
	if (self->settings->format == FORMAT_TEXT)
		rc = put_text_line(self, sink, &line);
	else
		put_json_line(self, task, &line);
	if (rc != ORCH_OK)
		return orch_fail(err, rc, "the line cannot be rendered");
	if (line.failed || (line.cut && self->settings->format == FORMAT_JSON))
		return orch_fail(err, ORCH_E_LIMIT, "the line is too long");
	request->method = kit_text("LOG");
	request->url = target(self);
	request->body = kit_built(&line);
	return ORCH_SEND;
}

static int judge(const struct orch_reply *reply, struct orch_err *err)
{
	struct orch_text why = kit_prefix(reply->problem, PROBLEM_BYTES);

	if (reply->status == 200)
		return ORCH_OK;
	if (reply->status >= 400 && reply->status < 500)
		return orch_fail(err, ORCH_E_DENIED, "the line was refused: %d", reply->status);
	return orch_fail(err, ORCH_E_AGAIN, "the line could not be written%s%.*s",
		why.len > 0 ? ": " : "", (int)why.len, why.ptr);
}

static int act(void *ptr, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	struct log *self = ptr;

	(void)progress, (void)ret_codes;
	if (count != 1)
		return orch_fail(err, ORCH_E_INTERNAL, "one task at a time");
	if (reply != NULL)
		return judge(reply, err);
	kit_arena_reset(&self->arena);
	return write_line(self, tasks, request, sink, err);
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = 1,
	.passive = true,
	.create = create,
	.act = act,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "log",
	.version = "1.0",
	.summary = "one line for each task, to standard error, a file or syslog",
	.settings_size = sizeof(struct settings),
	.options = options,
	.action = &ops,
};
