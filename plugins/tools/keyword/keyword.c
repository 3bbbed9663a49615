/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyword: reports every occurrence of one word.
 *
 * The smallest useful tool; copy it to start your own.
 */
#include <orch/tool.h>

#include <stdlib.h>
#include <string.h>

struct settings {
	const char *word;
	uint32_t severity;
};

struct keyword {
	const struct orch_host *host;
	const struct settings *settings;
	size_t len;
};

static const struct orch_option options[] = {
	{ .name = "word",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, word),
		.help = "The word to look for." },
	{ .name = "severity",
		.type = ORCH_OPT_CHOICE,
		.offset = offsetof(struct settings, severity),
		.choices = "info|low|medium|high|critical",
		.fallback = "medium",
		.help = "How grave a hit is." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	const struct settings *given = settings;
	struct keyword *self;

	if (given->word[0] == '\0')
		return orch_fail(err, ORCH_E_INVALID, "word must not be empty");
	self = calloc(1, sizeof(*self));
	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");

	self->host = host;
	self->settings = given;
	self->len = strlen(given->word);
	*ret_self = self;
	return ORCH_OK;
}

/* The next occurrence in the SIZE bytes at TEXT, or NULL. */
static const char *find(const struct keyword *self, const char *text, size_t size)
{
	while (size >= self->len) {
		const char *hit = memchr(text, self->settings->word[0], size - self->len + 1);

		if (hit == NULL || memcmp(hit, self->settings->word, self->len) == 0)
			return hit;
		size -= (size_t)(hit - text) + 1;
		text = hit + 1;
	}
	return NULL;
}

static int scan_part(const struct keyword *self, const struct orch_part *part, uint32_t index,
	struct orch_sink *sink)
{
	const char *end = part->bytes.ptr + part->bytes.len;
	const char *hit = find(self, part->bytes.ptr, part->bytes.len);
	int rc = ORCH_OK;

	while (rc == ORCH_OK && hit != NULL) {
		const struct orch_finding finding = {
			.size = sizeof(finding),
			.severity = self->settings->severity,
			.confidence = 100,
			.rule = { "keyword", 7 },
			.part = index,
			.start = (uint64_t)(hit - part->bytes.ptr),
			.length = self->len,
		};

		rc = self->host->report(sink, &finding);
		hit += self->len;
		hit = find(self, hit, (size_t)(end - hit));
	}
	return rc;
}

/* It needs no network, so it has no use for PROGRESS, REPLY and REQUEST; and it knows no rules. */
static int scan(void *self, const void *set, const struct orch_event *event,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, struct orch_err *err)
{
	(void)set, (void)progress, (void)reply, (void)request;

	for (uint32_t i = 0; i < event->part_count; i++) {
		int rc = scan_part(self, &event->parts[i], i, sink);

		if (rc != ORCH_OK)
			return orch_fail(err, rc, "the finding was not taken");
	}
	return ORCH_OK;
}

static const struct orch_tool_ops ops = {
	.size = sizeof(ops),
	.create = create,
	.scan = scan,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "keyword",
	.version = "1.0",
	.summary = "reports every occurrence of a word",
	.settings_size = sizeof(struct settings),
	.options = options,
	.tool = &ops,
};
