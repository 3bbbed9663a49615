/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlp: looks for what must not leak, by rules that people manage.
 *
 * Every match of every rule is reported with its place.  What could not be
 * looked at whole (a part that is not there, a rule that ran into a limit) is
 * marked, so that it never counts as clean.
 */
#include <orch/tool.h>

#include <stdlib.h>

#include "kind.h"
#include "matcher.h"

struct settings {
	int64_t match_limit;
	uint64_t rule_time_ms;
};

struct dlp {
	const struct orch_host *host;
	const struct settings *settings;
	struct matcher_scratch *scratch;
};

/* One part under examination. */
struct look {
	const struct dlp *self;
	struct orch_sink *sink;
	const struct orch_part *part;
	uint32_t index;
	const struct wide_text *wide; /* what is searched, if it had to be decoded */
	const struct orch_rule *rule; /* the one at work, since … */
	uint64_t since_ms;
};

static const struct orch_option options[] = {
	{ .name = "match_limit",
		.type = ORCH_OPT_INT,
		.offset = offsetof(struct settings, match_limit),
		.fallback = "500000",
		.min = 1000,
		.max = 100000000,
		.help = "Steps that one search of one rule may take before it is given up." },
	{ .name = "rule_time",
		.type = ORCH_OPT_TIME,
		.offset = offsetof(struct settings, rule_time_ms),
		.fallback = "2s",
		.min = 1,
		.max = 3600000,
		.help = "How long one rule may search one part of an event." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	const struct settings *given = settings;
	struct dlp *self = calloc(1, sizeof(*self));
	int rc;

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");
	self->host = host;
	self->settings = given;
	rc = matcher_scratch_create((uint32_t)given->match_limit, &self->scratch, err);
	if (rc != ORCH_OK) {
		free(self);
		return rc;
	}
	*ret_self = self;
	return ORCH_OK;
}

static void destroy(void *ptr)
{
	struct dlp *self = ptr;

	if (self == NULL)
		return;
	matcher_scratch_destroy(self->scratch);
	free(self);
}

static int compile(const struct orch_host *host, const void *settings,
	const struct orch_rule *rules, size_t count, void **ret_set, size_t *ret_bad,
	struct orch_err *err)
{
	struct matcher *set;
	int rc;

	(void)host, (void)settings;
	rc = matcher_create(rules, count, &set, ret_bad, err);
	if (rc == ORCH_OK)
		*ret_set = set;
	return rc;
}

static void release(void *set)
{
	matcher_destroy(set);
}

/* In the part as it came. */
static size_t place_of(const struct look *look, size_t offset)
{
	return look->wide != NULL ? wide_find(look->wide, offset) : offset;
}

static int on_hit(void *context, const struct matcher_hit *hit)
{
	const struct look *look = context;
	size_t start = place_of(look, hit->start);
	const struct orch_finding finding = {
		.size = sizeof(finding),
		.severity = hit->rule->severity,
		.confidence = hit->confidence,
		.rule = hit->rule->id,
		.title = { "", 0 },
		.advice = { "", 0 },
		.part = look->index,
		.start = start,
		.length = place_of(look, hit->start + hit->length) - start,
		.detail = { "", 0 },
	};

	return look->self->host->report(look->sink, &finding);
}

static int on_incomplete(void *context, const struct orch_rule *rule, const char *why)
{
	const struct look *look = context;
	const struct orch_host *host = look->self->host;
	char note[200];

	(void)snprintf(note, sizeof(note), "rule %.100s: %s reached, the rest was not searched",
		rule->id.ptr, why);
	host->count(host, "search_given_up", 1);
	return host->mark(look->sink, look->part->name, ORCH_PART_TRUNCATED, note);
}

static bool is_late(void *context, const struct orch_rule *rule)
{
	struct look *look = context;
	uint64_t now_ms = look->self->host->now_ms(look->self->host);

	if (look->rule != rule) {
		look->rule = rule;
		look->since_ms = now_ms;
	}
	return now_ms - look->since_ms > look->self->settings->rule_time_ms;
}

/* Its state, told once more as this tool's own: it has not seen all of it. */
static int mark_unseen(const struct look *look)
{
	const struct orch_part *part = look->part;
	uint32_t state =
		part->state == ORCH_PART_TRUNCATED ? ORCH_PART_TRUNCATED : ORCH_PART_UNAVAILABLE;
	const char *note = part->note.len > 0 ? part->note.ptr : "it was not fetched";

	return look->self->host->mark(look->sink, part->name, state, note);
}

static int search(const struct matcher *set, struct look *look, struct orch_text text)
{
	const struct matcher_listener listener = {
		.hit = on_hit, .incomplete = on_incomplete, .is_late = is_late, .context = look
	};

	return set == NULL ? ORCH_OK : matcher_scan(set, look->self->scratch, text, &listener);
}

/* Searches the text that the bytes stand for; *ret_kind becomes what that is in turn. */
static int search_decoded(
	const struct matcher *set, struct look *look, const struct kind **ret_kind)
{
	struct wide_text wide;
	int rc = wide_decode(look->part->bytes, (*ret_kind)->encoding, &wide);

	if (rc != ORCH_OK)
		return rc;
	look->wide = &wide;
	rc = search(set, look, wide.text);
	look->wide = NULL;
	*ret_kind = kind_of_decoded(wide.text);
	wide_free(&wide);
	return rc;
}

/* What is told last of a part is what counts, so the kind comes after all that a search says. */
static int look_at(const struct matcher *set, struct look *look)
{
	const struct orch_host *host = look->self->host;
	const struct kind *kind = kind_of(look->part->bytes);
	int rc = ORCH_OK;

	if (look->part->state != ORCH_PART_HERE)
		rc = mark_unseen(look);
	if (rc == ORCH_OK)
		rc = search(set, look, look->part->bytes);
	if (rc == ORCH_OK && kind->encoding != WIDE_NONE)
		rc = search_decoded(set, look, &kind);
	if (rc != ORCH_OK || kind->state == ORCH_PART_HERE)
		return rc;
	host->count(host, "part_not_readable", 1);
	return host->mark(look->sink, look->part->name, kind->state, kind->note);
}

static int scan(void *ptr, const void *set, const struct orch_event *event,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, struct orch_err *err)
{
	const struct dlp *self = ptr;

	(void)progress, (void)reply, (void)request;
	for (uint32_t i = 0; i < event->part_count; i++) {
		struct look look = {
			.self = self, .sink = sink, .part = &event->parts[i], .index = i
		};
		int rc = look_at(set, &look);

		if (rc != ORCH_OK)
			return orch_fail(err, rc, "a part was not examined to its end");
	}
	return ORCH_OK;
}

static const struct orch_tool_ops ops = {
	.size = sizeof(ops),
	.create = create,
	.compile = compile,
	.release = release,
	.scan = scan,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "dlp",
	.version = "1.0",
	.summary = "looks for what must not leak, by rules that people manage",
	.settings_size = sizeof(struct settings),
	.options = options,
	.tool = &ops,
};
