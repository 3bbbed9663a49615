/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the embedded store share. */
#ifndef ORCH_STORE_SQLITE_H
#define ORCH_STORE_SQLITE_H
#include "base/buf.h"
#include "db/db.h"
#include "store/backend.h"

#define ORCH_STORE_TEXT_BYTES (64 * 1024)          /* one text of a rule */
#define ORCH_STORE_SEALED_BYTES (32 * 1024 * 1024) /* content or fields of an event */
#define ORCH_STORE_RULES_TOPIC "rules"
#define ORCH_STORE_EVENTS_MAX 1000 /* given at once */

struct orch_store_sqlite {
	struct orch_store base;
	const struct orch_secret *key; /* NULL: what is sealed stays so */
	bool is_writer_taught;         /* the writer's */
};

/* In op->backend. */
struct orch_store_sqlite_op {
	struct orch_db_op db_op;
	struct orch_db_group group;
	struct orch_store_op *op;
};

static inline struct orch_store_sqlite *orch_store_sqlite_of(struct orch_store *store)
{
	return (struct orch_store_sqlite *)(void *)store;
}

/* sqlite_seal.c: WHAT, the event and a number say what sealed bytes are, so that none can take another's place. */
struct orch_store_about {
	const char *what;
	struct orch_text event_id, pipeline;
	uint64_t number;
};
/* To be freed. */
ORCH_MUST_USE int orch_store_sqlite_seal(const struct orch_secret *key, struct orch_text plain,
	const struct orch_store_about *about, struct orch_text *ret_sealed, struct orch_err *err);
/* In ARENA.  ORCH_E_INVALID: damaged. */
ORCH_MUST_USE int orch_store_sqlite_unseal(const struct orch_secret *key, struct orch_text sealed,
	const struct orch_store_about *about, struct orch_arena *arena,
	struct orch_text *ret_plain);

/* sqlite_key.c: ORCH_E_DENIED if the database was begun with another key. */
ORCH_MUST_USE int orch_store_sqlite_check_key(
	struct orch_db *db, const struct orch_secret *key, struct orch_err *err);

/*
 * sqlite_row.c: row_seal(WHAT, COLUMN, …) and row_fits(SEAL, WHAT, COLUMN, …)
 * for the reader, and seals for rows that are older than theirs.
 */
ORCH_MUST_USE int orch_store_sqlite_begin_seals(
	struct orch_store_sqlite *store, struct orch_err *err);
/* On the writer's thread, before a statement that uses them. */
ORCH_MUST_USE int orch_store_sqlite_teach_writer(
	struct orch_store_sqlite *store, struct orch_db *db, struct orch_err *err);

/* sqlite_json.c: lists and fields as JSON. */
void orch_store_sqlite_write_list(struct orch_buf *buf, const struct orch_list *list);
void orch_store_sqlite_write_fields(
	struct orch_buf *buf, const struct orch_field *fields, size_t count);
struct orch_list orch_store_sqlite_read_list(struct orch_arena *arena, struct orch_text json);
void orch_store_sqlite_read_fields(struct orch_arena *arena, struct orch_text json,
	const struct orch_field **ret_fields, size_t *ret_count);

/* sqlite_event.c: on the writer's thread. */
ORCH_MUST_USE int orch_store_sqlite_write(struct orch_store_sqlite *store, struct orch_db *db,
	const struct orch_store_op *op, struct orch_err *err);

/* See backend.h. */
int orch_store_sqlite_rules(struct orch_store *store, struct orch_text tool, bool with_removed,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
int orch_store_sqlite_rule_history(struct orch_store *store, struct orch_text id,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
int orch_store_sqlite_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err);
int orch_store_sqlite_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err);
int orch_store_sqlite_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err);
int orch_store_sqlite_events(struct orch_store *store, const struct orch_event_filter *filter,
	struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
	struct orch_err *err);
int orch_store_sqlite_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err);

#define ORCH_STORE_RULE_COLUMNS                                                                 \
	"id, version, tool, name, description, expression, severity, options, state, matches, " \
	"no_matches, created_by, changed_by, created, changed, removed"
#define ORCH_STORE_RULE_FITS "row_fits(seal, 'rule', " ORCH_STORE_RULE_COLUMNS ")"
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
/* A row of the rule's columns and whether its seal fits, in ARENA. */
void orch_store_sqlite_take_rule(
	sqlite3_stmt *statement, struct orch_arena *arena, struct orch_stored_rule *ret_rule);

/* sqlite_rule_name.c */
/* Whether the rule of this id stands under RULE's tool and name. */
ORCH_MUST_USE int orch_store_sqlite_has_name(struct orch_db *db, struct orch_text id,
	const struct orch_stored_rule *rule, bool *ret_has, struct orch_err *err);
/*
 * Refuses a name that two rules of a tool have, if one of them got it anew:
 * IS_NEW says so, and which.  What stood so before is let alone.
 */
ORCH_MUST_USE int orch_store_sqlite_refuse_taken(struct orch_db *db,
	bool (*is_new)(const void *arg, struct orch_text tool, struct orch_text name,
		struct orch_text *ret_id),
	const void *arg, struct orch_err *err);

#endif
