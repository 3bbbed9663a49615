/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/policy.h"

#include "base/text.h"
#include "model/event.h"

struct subject {
	const struct orch_event *event;
	const struct orch_record *record; /* NULL: the event itself */
	const struct orch_stored_finding *findings;
	size_t finding_count;
	enum orch_inspection inspection;
};

static bool asks_for_findings(const struct orch_config_when *when)
{
	return when->tool.len > 0 || when->rule.len > 0 || when->severity >= 0 ||
		when->findings > 0;
}

static bool finding_fits(
	const struct orch_config_when *when, const struct orch_stored_finding *stored)
{
	const struct orch_finding *finding = &stored->finding;

	if (stored->shadow)
		return false;
	if (when->tool.len > 0 && !orch_text_equal(when->tool, finding->tool))
		return false;
	if (when->rule.len > 0 && !orch_text_equal(when->rule, finding->rule) &&
		!orch_text_equal(when->rule, finding->rule_name))
		return false;
	return when->severity < 0 || finding->severity >= (uint32_t)when->severity;
}

static bool findings_fit(const struct orch_config_when *when, const struct subject *subject)
{
	uint32_t wanted = when->findings > 0 ? when->findings : 1;
	uint32_t seen = 0;

	if (!asks_for_findings(when))
		return true;
	for (size_t i = 0; i < subject->finding_count && seen < wanted; i++)
		if (finding_fits(when, &subject->findings[i]))
			seen++;
	return seen >= wanted;
}

static bool field_fits(const struct orch_config_when *when, const struct orch_event *event)
{
	const struct orch_field *field;

	if (when->field.len == 0)
		return true;
	field = orch_event_field(event, when->field);
	for (size_t i = 0; field != NULL && i < when->equals.count; i++)
		if (orch_text_equal(when->equals.items[i], field->value))
			return true;
	return false;
}

static bool record_fits(const struct orch_config_when *when, const struct orch_record *record)
{
	if (record == NULL)
		return when->record.len == 0;
	return orch_text_is(when->record, "*") ||
		(when->record.len > 0 && orch_text_equal(when->record, record->type));
}

static bool fits(const struct orch_config_when *when, const struct subject *subject)
{
	return record_fits(when, subject->record) &&
		(when->type.len == 0 || orch_text_equal(when->type, subject->event->type)) &&
		(!when->uninspected || subject->inspection != ORCH_INSPECTED) &&
		field_fits(when, subject->event) && findings_fit(when, subject);
}

/* FIRST: the subject's own tasks begin there. */
static void add_task(struct orch_decision *decision, size_t first, uint32_t action,
	const struct orch_record *record, enum orch_verdict verdict)
{
	for (size_t i = first; i < decision->task_count; i++) {
		struct orch_policy_task *task = &decision->tasks[i];

		if (task->action == action) {
			if (task->verdict < verdict)
				task->verdict = verdict;
			return;
		}
	}
	decision->tasks[decision->task_count++] =
		(struct orch_policy_task){ .action = action, .record = record, .verdict = verdict };
}

static void judge(const struct orch_config_pipeline *pipeline, const struct subject *subject,
	struct orch_decision *decision)
{
	size_t first = decision->task_count;

	for (size_t i = 0; i < pipeline->policy_count; i++) {
		const struct orch_config_policy *rule = &pipeline->policy[i];

		if (!fits(&rule->when, subject))
			continue;
		if (rule->verdict > decision->verdict)
			decision->verdict = rule->verdict;
		for (size_t a = 0; a < rule->action_count; a++)
			add_task(decision, first, rule->actions[a], subject->record, rule->verdict);
		if (!rule->go_on)
			return;
	}
}

static size_t most_tasks(const struct orch_config_pipeline *pipeline, size_t record_count)
{
	size_t each = 0;

	for (size_t i = 0; i < pipeline->policy_count; i++)
		each += pipeline->policy[i].action_count;
	return each * (record_count + 1) + 1;
}

int orch_policy_decide(const struct orch_config_pipeline *pipeline, const struct orch_event *event,
	const struct orch_stored_finding *findings, size_t finding_count,
	const struct orch_record *records, size_t record_count, enum orch_inspection inspection,
	struct orch_arena *arena, struct orch_decision *ret_decision)
{
	struct orch_decision decision = { .verdict = ORCH_PASS };
	struct subject subject = {
		.event = event,
		.findings = findings,
		.finding_count = finding_count,
		.inspection = inspection,
	};

	decision.tasks = orch_arena_alloc_array(
		arena, most_tasks(pipeline, record_count), sizeof(*decision.tasks));
	if (decision.tasks == NULL)
		return ORCH_E_NOMEM;
	judge(pipeline, &subject, &decision);
	for (size_t i = 0; i < record_count; i++) {
		subject.record = &records[i];
		judge(pipeline, &subject, &decision);
	}
	*ret_decision = decision;
	return ORCH_OK;
}
