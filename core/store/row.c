/* SPDX-License-Identifier: Apache-2.0 */
#include "store/row.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/json.h"

#define LIST_BYTES (32 * 1024 * 1024)

#define RULE_KINDS "tittttitittttiii"
#define EVENT_KINDS "tttttttiiiitii"
#define FINDING_KINDS "itttitiittitiiti"
#define RESULT_KINDS "ttttttttiii"

static_assert(sizeof(RULE_KINDS) - 1 == ORCH_STORE_RULE_COUNT, "a kind for each column");
static_assert(sizeof(EVENT_KINDS) - 1 == ORCH_STORE_EVENT_COUNT, "a kind for each column");
static_assert(sizeof(FINDING_KINDS) - 1 == ORCH_STORE_FINDING_COUNT, "a kind for each column");
static_assert(sizeof(RESULT_KINDS) - 1 == ORCH_STORE_RESULT_COUNT, "a kind for each column");

const struct orch_store_table orch_store_rule_table = { "rule", RULE_KINDS };
const struct orch_store_table orch_store_event_table = { "event", EVENT_KINDS };
const struct orch_store_table orch_store_finding_table = { "finding", FINDING_KINDS };
const struct orch_store_table orch_store_result_table = { "result", RESULT_KINDS };

void orch_store_row_add(struct orch_buf *row, char kind, const void *bytes, size_t len)
{
	int64_t size = (int64_t)len;

	orch_buf_add_char(row, kind);
	orch_buf_add(row, &size, sizeof(size));
	orch_buf_add(row, bytes, len);
}

static void add_text(struct orch_buf *row, struct orch_text text)
{
	orch_store_row_add(row, ORCH_STORE_TEXT, text.ptr, text.len);
}

static void write_row(struct orch_buf *buf, const struct orch_store_table *table,
	const struct orch_stored_event *owner, const struct orch_store_value *row)
{
	orch_buf_init(buf, ORCH_STORE_ROW_BYTES);
	add_text(buf, orch_text_from(table->name));
	if (owner) {
		add_text(buf, owner->id);
		add_text(buf, owner->pipeline);
	}
	for (size_t i = 0; table->kinds[i]; i++) {
		if (table->kinds[i] == ORCH_STORE_TEXT)
			add_text(buf, row[i].text);
		else
			orch_store_row_add(
				buf, ORCH_STORE_NUMBER, &row[i].number, sizeof(row[i].number));
	}
}

int orch_store_row_seal(const struct orch_secret *key, const struct orch_store_table *table,
	const struct orch_stored_event *owner, const struct orch_store_value *row,
	char ret_seal[ORCH_SEAL_OVERHEAD], struct orch_err *err)
{
	struct orch_buf buf;
	int code = ORCH_OK;

	if (!key)
		return orch_fail(err, ORCH_E_DENIED, "the store was opened without its key");
	write_row(&buf, table, owner, row);
	if (buf.failed)
		code = orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	else
		orch_seal(key, ORCH_TEXT_NONE, orch_buf_text(&buf), ret_seal);
	orch_buf_fini(&buf);
	return code;
}

int orch_store_row_fits(const struct orch_secret *key, const struct orch_store_table *table,
	const struct orch_stored_event *owner, const struct orch_store_value *row,
	struct orch_text seal, bool *ret_fits, struct orch_err *err)
{
	struct orch_buf buf;
	char nothing[1];
	int code = ORCH_OK;

	*ret_fits = !key;
	if (!key || seal.len != ORCH_SEAL_OVERHEAD)
		return ORCH_OK;
	write_row(&buf, table, owner, row);
	if (buf.failed)
		code = orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	else
		*ret_fits = orch_unseal(key, seal, orch_buf_text(&buf), nothing) == ORCH_OK;
	orch_buf_fini(&buf);
	return code;
}

static struct orch_store_value text(struct orch_text value)
{
	return (struct orch_store_value){ .text = value };
}

static struct orch_store_value number(uint64_t value)
{
	return (struct orch_store_value){ .number = (int64_t)value };
}

static struct orch_store_value list(
	const struct orch_list *value, struct orch_arena *arena, bool *is_written)
{
	struct orch_store_value json;
	struct orch_buf buf;

	orch_buf_init(&buf, LIST_BYTES);
	orch_store_write_list(&buf, value);
	json = text(orch_arena_text(arena, orch_buf_text(&buf)));
	*is_written = *is_written && !buf.failed;
	orch_buf_fini(&buf);
	return json;
}

int orch_store_rule_to_row(const struct orch_stored_rule *rule, struct orch_arena *arena,
	struct orch_store_value ret_row[ORCH_STORE_RULE_COUNT], struct orch_err *err)
{
	bool is_written = true;
	const struct orch_store_value row[ORCH_STORE_RULE_COUNT] = {
		text(rule->rule.id),
		number(rule->rule.version),
		text(rule->tool),
		text(rule->rule.name),
		text(rule->description),
		text(rule->rule.expression),
		number(rule->rule.severity),
		text(rule->rule.options),
		number(rule->state),
		list(&rule->matches, arena, &is_written),
		list(&rule->no_matches, arena, &is_written),
		text(rule->created_by),
		text(rule->changed_by),
		number(rule->created_ms),
		number(rule->changed_ms),
		number(rule->removed),
	};

	memcpy(ret_row, row, sizeof(row));
	if (!is_written || orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	return ORCH_OK;
}

void orch_store_event_to_row(const struct orch_stored_event *event,
	struct orch_store_value ret_row[ORCH_STORE_EVENT_COUNT])
{
	const struct orch_store_value row[ORCH_STORE_EVENT_COUNT] = {
		text(event->id),
		text(event->pipeline),
		text(event->trace),
		text(event->source),
		text(event->type),
		text(event->tenant),
		text(event->actor),
		number(event->time_ms),
		number(event->stored_ms ? event->stored_ms : orch_clock_now_ms()),
		number(event->verdict),
		number(event->inspection),
		text(event->inspection_note),
		number(event->enforced),
		number(event->finding_count),
	};

	memcpy(ret_row, row, sizeof(row));
}

void orch_store_finding_to_row(const struct orch_stored_finding *finding, size_t at,
	struct orch_store_value ret_row[ORCH_STORE_FINDING_COUNT])
{
	const struct orch_store_value row[ORCH_STORE_FINDING_COUNT] = {
		number(at),
		text(finding->finding.tool),
		text(finding->finding.rule),
		text(finding->finding.rule_name),
		number(finding->rule_version),
		text(finding->expression),
		number(finding->finding.severity),
		number(finding->finding.confidence),
		text(finding->finding.title),
		text(finding->finding.advice),
		number(finding->finding.part),
		text(finding->part_name),
		number(finding->finding.start),
		number(finding->finding.length),
		text(finding->excerpt),
		number(finding->shadow),
	};

	memcpy(ret_row, row, sizeof(row));
}

void orch_store_result_to_row(const struct orch_stored_result *result,
	struct orch_store_value ret_row[ORCH_STORE_RESULT_COUNT])
{
	const struct orch_store_value row[ORCH_STORE_RESULT_COUNT] = {
		text(result->key),
		text(result->event_id),
		text(result->pipeline),
		text(result->action),
		text(result->record_id),
		text(result->state),
		text(result->outcome),
		text(result->detail),
		number(result->attempts),
		number(result->at_ms ? result->at_ms : orch_clock_now_ms()),
		number(result->time_ms),
	};

	memcpy(ret_row, row, sizeof(row));
}

void orch_store_rule_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_rule *ret_rule)
{
	int64_t state = row[8].number;

	*ret_rule = (struct orch_stored_rule){
		.rule = { .size = sizeof(struct orch_rule),
			.id = orch_arena_text(arena, row[0].text),
			.version = (uint32_t)row[1].number,
			.name = orch_arena_text(arena, row[3].text),
			.expression = orch_arena_text(arena, row[5].text),
			.severity = (uint32_t)row[6].number,
			.options = orch_arena_text(arena, row[7].text) },
		.tool = orch_arena_text(arena, row[2].text),
		.description = orch_arena_text(arena, row[4].text),
		.state = ORCH_RULE_OFF,
		.matches = orch_store_read_list(arena, row[9].text),
		.no_matches = orch_store_read_list(arena, row[10].text),
		.created_by = orch_arena_text(arena, row[11].text),
		.changed_by = orch_arena_text(arena, row[12].text),
		.created_ms = (uint64_t)row[13].number,
		.changed_ms = (uint64_t)row[14].number,
		.removed = row[15].number != 0,
		.damaged = !fits,
	};
	if (state < ORCH_RULE_LIVE || state > ORCH_RULE_OFF)
		ret_rule->damaged = true;
	else if (!ret_rule->damaged)
		ret_rule->state = (enum orch_rule_state)state;
}

void orch_store_event_from_row(const struct orch_store_value *row, struct orch_arena *arena,
	struct orch_stored_event *ret_event)
{
	*ret_event = (struct orch_stored_event){
		.id = orch_arena_text(arena, row[0].text),
		.pipeline = orch_arena_text(arena, row[1].text),
		.trace = orch_arena_text(arena, row[2].text),
		.source = orch_arena_text(arena, row[3].text),
		.type = orch_arena_text(arena, row[4].text),
		.tenant = orch_arena_text(arena, row[5].text),
		.actor = orch_arena_text(arena, row[6].text),
		.time_ms = (uint64_t)row[7].number,
		.stored_ms = (uint64_t)row[8].number,
		.verdict = (enum orch_verdict)row[9].number,
		.inspection = (enum orch_inspection)row[10].number,
		.inspection_note = orch_arena_text(arena, row[11].text),
		.enforced = row[12].number != 0,
	};
}

void orch_store_judge_event(struct orch_stored_event *event, bool fits)
{
	bool has_sense = (unsigned)event->verdict <= ORCH_BLOCK &&
		(unsigned)event->inspection <= ORCH_UNINSPECTED;

	if (fits && has_sense)
		return;
	event->damaged = true;
	event->inspection_note = ORCH_TEXT("damaged: its row was changed on the disk");
	if ((unsigned)event->verdict > ORCH_BLOCK)
		event->verdict = ORCH_PASS;
	if ((unsigned)event->inspection > ORCH_UNINSPECTED)
		event->inspection = ORCH_UNINSPECTED;
}

void orch_store_finding_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_finding *ret_finding)
{
	*ret_finding = (struct orch_stored_finding){
		.finding = { .size = sizeof(struct orch_finding),
			.tool = orch_arena_text(arena, row[1].text),
			.rule = orch_arena_text(arena, row[2].text),
			.rule_name = orch_arena_text(arena, row[3].text),
			.severity = (uint32_t)row[6].number,
			.confidence = (uint32_t)row[7].number,
			.title = orch_arena_text(arena, row[8].text),
			.advice = orch_arena_text(arena, row[9].text),
			.part = (uint32_t)row[10].number,
			.start = (uint64_t)row[12].number,
			.length = (uint64_t)row[13].number,
			.detail = ORCH_TEXT_NONE },
		.rule_version = (uint32_t)row[4].number,
		.expression = orch_arena_text(arena, row[5].text),
		.part_name = orch_arena_text(arena, row[11].text),
		.excerpt = orch_arena_text(arena, row[14].text),
		.shadow = row[15].number != 0,
		.damaged = !fits,
	};
}

void orch_store_result_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_result *ret_result)
{
	*ret_result = (struct orch_stored_result){
		.key = orch_arena_text(arena, row[0].text),
		.event_id = orch_arena_text(arena, row[1].text),
		.pipeline = orch_arena_text(arena, row[2].text),
		.action = orch_arena_text(arena, row[3].text),
		.record_id = orch_arena_text(arena, row[4].text),
		.state = orch_arena_text(arena, row[5].text),
		.outcome = orch_arena_text(arena, row[6].text),
		.detail = orch_arena_text(arena, row[7].text),
		.attempts = (uint32_t)row[8].number,
		.at_ms = (uint64_t)row[9].number,
		.time_ms = (uint64_t)row[10].number,
		.damaged = !fits,
	};
}
