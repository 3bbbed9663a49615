/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the embedded store share. */
#ifndef ORCH_STORE_SQLITE_H
#define ORCH_STORE_SQLITE_H
#include "db/db.h"
#include "store/backend.h"
#include "store/row.h"

#define ORCH_STORE_RULES_TOPIC "rules"

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

/* A row to a statement's first parameters, and from its columns. */
void orch_store_sqlite_bind(sqlite3_stmt *statement, const struct orch_store_table *table,
	const struct orch_store_value *row);
void orch_store_sqlite_take(sqlite3_stmt *statement, int column,
	const struct orch_store_table *table, struct orch_store_value *ret_row);

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

#define ORCH_STORE_RULE_FITS "row_fits(seal, 'rule', " ORCH_STORE_RULE_COLUMNS ")"

#endif
