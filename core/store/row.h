/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as every engine keeps them: which columns, in which order, and their seal.
 *
 * Columns in clear can be searched, and can rot unseen.  A row of them carries
 * a seal: nothing, sealed, and bound to what the row is and to every column of
 * it, each with its kind and its length.
 */
#ifndef ORCH_STORE_ROW_H
#define ORCH_STORE_ROW_H
#include "base/buf.h"
#include "base/secret.h"
#include "store/store.h"

struct orch_store_table {
	const char *name;  /* in the seal */
	const char *kinds; /* a letter a column: a number or a text */
};
#define ORCH_STORE_NUMBER 'i'
#define ORCH_STORE_TEXT 't'

#define ORCH_STORE_RULE_COLUMNS                                                                 \
	"id, version, tool, name, description, expression, severity, options, state, matches, " \
	"no_matches, created_by, changed_by, created, changed, removed"
#define ORCH_STORE_EVENT_COLUMNS                                                                \
	"id, pipeline, trace, source, type, tenant, actor, time, stored, verdict, inspection, " \
	"inspection_note, enforced, findings"
/* With the event's id and pipeline before them, so that none joins another's event. */
#define ORCH_STORE_FINDING_COLUMNS                                                               \
	"number, tool, rule, rule_name, rule_version, expression, severity, confidence, title, " \
	"advice, part, part_name, start, length, excerpt, shadow"
#define ORCH_STORE_RESULT_COLUMNS                                                        \
	"key, event_id, pipeline, action, record_id, state, outcome, detail, attempts, " \
	"at, time"
enum {
	ORCH_STORE_RULE_COUNT = 16,
	ORCH_STORE_EVENT_COUNT = 14,
	ORCH_STORE_FINDING_COUNT = 16,
	ORCH_STORE_RESULT_COUNT = 11,
	ORCH_STORE_COLUMNS_MAX = 16
};
extern const struct orch_store_table orch_store_rule_table, orch_store_event_table,
	orch_store_finding_table, orch_store_result_table;

/* One column; the table says which of the two it is. */
struct orch_store_value {
	int64_t number;
	struct orch_text text;
};

#define ORCH_STORE_ROW_BYTES (80 << 20) /* more than a row can have */
void orch_store_row_add(struct orch_buf *row, char kind, const void *bytes, size_t len);

/* OWNER is the event of a finding, else NULL. */
ORCH_MUST_USE int orch_store_row_seal(const struct orch_secret *key,
	const struct orch_store_table *table, const struct orch_stored_event *owner,
	const struct orch_store_value *row, char ret_seal[ORCH_SEAL_OVERHEAD],
	struct orch_err *err);
/* Without a key nothing is known to be wrong. */
ORCH_MUST_USE int orch_store_row_fits(const struct orch_secret *key,
	const struct orch_store_table *table, const struct orch_stored_event *owner,
	const struct orch_store_value *row, struct orch_text seal, bool *ret_fits,
	struct orch_err *err);

/* To rows, of what is lent; a rule's lists become JSON in ARENA. */
ORCH_MUST_USE int orch_store_rule_to_row(const struct orch_stored_rule *rule,
	struct orch_arena *arena, struct orch_store_value ret_row[ORCH_STORE_RULE_COUNT],
	struct orch_err *err);
void orch_store_event_to_row(const struct orch_stored_event *event,
	struct orch_store_value ret_row[ORCH_STORE_EVENT_COUNT]);
void orch_store_finding_to_row(const struct orch_stored_finding *finding, size_t number,
	struct orch_store_value ret_row[ORCH_STORE_FINDING_COUNT]);
void orch_store_result_to_row(const struct orch_stored_result *result,
	struct orch_store_value ret_row[ORCH_STORE_RESULT_COUNT]);

/* And from them, into ARENA.  What makes no sense is not shown as if it did. */
void orch_store_rule_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_rule *ret_rule);
void orch_store_event_from_row(const struct orch_store_value *row, struct orch_arena *arena,
	struct orch_stored_event *ret_event);
void orch_store_finding_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_finding *ret_finding);
void orch_store_result_from_row(const struct orch_store_value *row, bool fits,
	struct orch_arena *arena, struct orch_stored_result *ret_result);
/* After what is sealed was opened: FITS is false if the row's seal does not, or findings are gone. */
void orch_store_judge_event(struct orch_stored_event *event, bool fits);

#endif
