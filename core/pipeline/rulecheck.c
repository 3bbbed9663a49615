/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rulecheck.h"

#include "base/err.h"
#include "base/text.h"

static const struct orch_sink_limits example_limits = { .events = 0,
	.parts = 1,
	.fields = 0,
	.findings = 1000,
	.records = 1000,
	.event_bytes = 1 << 20 };

/* Why the text was not examined whole; empty if it was. */
static struct orch_text unseen_of(const struct orch_sink *sink)
{
	if (sink->mark_count > 0)
		return sink->marks[0].note.len > 0 ? sink->marks[0].note
						   : ORCH_TEXT("it could not be examined whole");
	if (sink->findings_left_out > 0)
		return ORCH_TEXT("it has more findings than limits.findings");
	return ORCH_TEXT_NONE;
}

int orch_rulecheck_scan(const struct orch_plan_instance *tool, void *self,
	const struct orch_ruleset *set, struct orch_text name, struct orch_text text,
	const struct orch_sink_limits *limits, struct orch_arena *arena,
	struct orch_finding **ret_findings, size_t *ret_count, struct orch_text *ret_unseen,
	struct orch_err *err)
{
	struct orch_part part = {
		.name = name, .media_type = ORCH_TEXT_NONE, .bytes = text, .note = ORCH_TEXT_NONE
	};
	struct orch_event event = {
		.size = sizeof(event),
		.attempt = 1,
		.id = name,
		.source = ORCH_TEXT("command"),
		.type = ORCH_TEXT("text"),
		.tenant = ORCH_TEXT_NONE,
		.actor = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.data = ORCH_TEXT("{}"),
		.trace = ORCH_TEXT_NONE,
		.parts = &part,
		.part_count = 1,
	};
	struct orch_progress progress = { .size = sizeof(progress), .attempt = 1 };
	struct orch_request request = {
		.size = sizeof(request),
		.method = ORCH_TEXT("POST"),
		.url = ORCH_TEXT_NONE,
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.limit_key = ORCH_TEXT_NONE,
		.part = ORCH_TEXT_NONE,
	};
	struct orch_sink sink;
	int rc;

	orch_sink_init(&sink, ORCH_KIND_TOOL, limits, arena);
	sink.event = &event;
	err->text[0] = '\0';
	rc = tool->plugin->tool->scan(
		self, set == NULL ? NULL : set->set, &event, &progress, NULL, &request, &sink, err);
	if (rc == ORCH_SEND)
		return orch_fail(err, ORCH_E_INVALID,
			"%s examines by the network; it cannot be tried here", tool->plugin->name);
	rc = orch_code_settle(rc, "scan", err);
	if (rc == ORCH_OK && sink.failed != ORCH_OK)
		rc = orch_fail(err, sink.failed, "what it handed over was not taken: %s",
			orch_code_text(sink.failed));
	if (rc != ORCH_OK && !(rc == ORCH_E_LIMIT && sink.findings_left_out > 0))
		return rc;
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	*ret_findings = sink.findings;
	*ret_count = sink.finding_count;
	if (ret_unseen != NULL)
		*ret_unseen = unseen_of(&sink);
	return ORCH_OK;
}

struct trial {
	struct orch_plan_instance *tool;
	struct orch_ruleset *set;
	void *self;
};

static int begin_trial(struct orch_plan_instance *tool, const struct orch_stored_rule *rule,
	struct trial *ret_trial, struct orch_err *err)
{
	const struct orch_host *host = orch_plugin_host_services(tool->host);
	struct orch_stored_rule live = *rule;
	struct trial trial = { .tool = tool };
	int rc;

	if (!orch_plan_uses_rules(tool))
		return orch_fail(err, ORCH_E_INVALID, "the tool %.*s works without rules",
			ORCH_TEXT_ARG(tool->config->name));
	live.state = ORCH_RULE_LIVE;
	live.removed = false;
	/* The store has yet to give it an id, and findings without a rule are refused. */
	if (live.rule.id.len == 0)
		live.rule.id = ORCH_TEXT("new");
	rc = orch_ruleset_create(
		tool->plugin, host, tool->settings, &live, 1, &trial.set, NULL, err);
	if (rc != ORCH_OK)
		return rc;
	rc = orch_code_settle(
		tool->plugin->tool->create(host, tool->settings, &trial.self, err), "create", err);
	if (rc != ORCH_OK) {
		orch_ruleset_unref(trial.set);
		return rc;
	}
	*ret_trial = trial;
	return ORCH_OK;
}

static void end_trial(struct trial *trial)
{
	trial->tool->plugin->tool->destroy(trial->self);
	orch_ruleset_unref(trial->set);
}

static int try_text(struct trial *trial, struct orch_text text, struct orch_arena *arena,
	struct orch_finding **ret_findings, size_t *ret_count, struct orch_text *ret_unseen,
	struct orch_err *err)
{
	return orch_rulecheck_scan(trial->tool, trial->self, trial->set, ORCH_TEXT("text"), text,
		&example_limits, arena, ret_findings, ret_count, ret_unseen, err);
}

int orch_rulecheck_try(struct orch_plan_instance *tool, const struct orch_stored_rule *rule,
	struct orch_text text, struct orch_arena *arena, struct orch_finding **ret_findings,
	size_t *ret_count, struct orch_text *ret_unseen, struct orch_err *err)
{
	struct trial trial;
	int rc = begin_trial(tool, rule, &trial, err);

	if (rc != ORCH_OK)
		return rc;
	rc = try_text(&trial, text, arena, ret_findings, ret_count, ret_unseen, err);
	end_trial(&trial);
	return rc;
}

/* As many findings as there is room for are an answer; other remarks are none. */
static int judge(size_t count, struct orch_text unseen, bool must_match, struct orch_err *err)
{
	if (count > 0 && !must_match)
		return orch_fail(err, ORCH_E_INVALID, "is found");
	if (unseen.len > 0 && count < example_limits.findings)
		return orch_fail(
			err, ORCH_E_INVALID, "cannot be judged: %.*s", ORCH_TEXT_ARG(unseen));
	return count == 0 && must_match ? orch_fail(err, ORCH_E_INVALID, "is not found") : ORCH_OK;
}

/* The example's text may be as secret as what the rule looks for: it is not said. */
static int check_example(
	struct trial *trial, struct orch_text example, bool must_match, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_text unseen = ORCH_TEXT_NONE;
	struct orch_finding *findings;
	size_t count = 0;
	int rc = arena == NULL ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
			       : try_text(trial, example, arena, &findings, &count, &unseen, err);

	if (rc == ORCH_OK)
		rc = judge(count, unseen, must_match, err);
	orch_arena_destroy(arena);
	return rc;
}

static int check_examples(
	struct trial *trial, struct orch_list examples, bool must_match, struct orch_err *err)
{
	for (size_t i = 0; i < examples.count; i++) {
		struct orch_err why = { "" };
		int rc = check_example(trial, examples.items[i], must_match, &why);

		if (rc != ORCH_OK)
			return orch_fail(err, rc, "its example %zu under \"%s\" %s", i + 1,
				must_match ? "matches" : "no_matches", why.text);
	}
	return ORCH_OK;
}

int orch_rulecheck(
	struct orch_plan_instance *tool, const struct orch_stored_rule *rule, struct orch_err *err)
{
	struct trial trial;
	int rc = begin_trial(tool, rule, &trial, err);

	if (rc != ORCH_OK)
		return rc;
	if (rule->state != ORCH_RULE_OFF) {
		rc = check_examples(&trial, rule->matches, true, err);
		if (rc == ORCH_OK)
			rc = check_examples(&trial, rule->no_matches, false, err);
	}
	end_trial(&trial);
	return rc;
}
