/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store on PostgreSQL share. */
#ifndef ORCH_STORE_PG_H
#define ORCH_STORE_PG_H
#include "pg/pg.h"
#include "store/backend.h"
#include "store/row.h"

#define ORCH_STORE_RULES_CHANNEL "orchestrator_rules"

struct orch_store_pg {
	struct orch_store base;
	struct orch_pg *pg;
	const struct orch_secret *key; /* NULL: what is sealed stays so */
};

/* In op->backend. */
struct orch_store_pg_op {
	struct orch_pg_op pg_op;
	struct orch_db_group group;
	struct orch_store_op *op;
};

static inline struct orch_store_pg *orch_store_pg_of(struct orch_store *store)
{
	return (struct orch_store_pg *)(void *)store;
}

/* Waits for OP, alone. */
ORCH_MUST_USE int orch_store_pg_run(
	struct orch_pg *pg, struct orch_pg_op *op, struct orch_err *err);

/* pg_key.c: ORCH_E_DENIED if the database was begun with another key. */
ORCH_MUST_USE int orch_store_pg_check_key(
	struct orch_pg *pg, const struct orch_secret *key, struct orch_err *err);

/*
 * pg_row.c: a row's columns as a statement's next parameters, and from its
 * result.  Texts are bytea: what came from outside may have NULs, and is kept
 * as it came.
 */
void orch_store_pg_send(struct orch_pg_sender *sender, const struct orch_store_table *table,
	const struct orch_store_value *row);
void orch_store_pg_take(const struct orch_pg_rows *rows, size_t number, int column,
	const struct orch_store_table *table, struct orch_store_value *ret_row);

/* COUNT rows, one behind the other, as an array for each column. */
struct orch_store_pg_columns {
	const struct orch_store_table *table;
	size_t count;
	void *arrays[ORCH_STORE_COLUMNS_MAX];
};
ORCH_MUST_USE int orch_store_pg_turn(const struct orch_store_table *table,
	const struct orch_store_value *rows, size_t count, struct orch_arena *arena,
	struct orch_store_pg_columns *ret_columns, struct orch_err *err);
void orch_store_pg_send_columns(
	struct orch_pg_sender *sender, const struct orch_store_pg_columns *columns);
/* A seal for each row; the seals' bytes are in ARENA. */
ORCH_MUST_USE int orch_store_pg_seal_rows(const struct orch_secret *key,
	const struct orch_store_table *table, const struct orch_stored_event *owner,
	const struct orch_store_value *rows, size_t count, struct orch_arena *arena,
	struct orch_text *ret_seals, struct orch_err *err);

/*
 * By what the index on a name finds it: an index has no room for one of any
 * length.  What is longer than an id can be goes by its digest.
 */
#define ORCH_STORE_PG_NAME_KEY(name) \
	"(CASE WHEN length(" name ") <= 64 THEN " name " ELSE sha256(" name ") END)"
/*
 * pg_query.c: $1 the row before which they are, $2 since when, $3 how many, $4
 * with content?, $5 the id, $6 rule, $7 pipeline, $8 verdict; from $5 NULL: any.
 */
const char *orch_store_pg_query(const struct orch_event_filter *filter);

/* pg_rule.c: the rule's columns, and its seal behind them. */
#define ORCH_STORE_PG_RULE ORCH_STORE_RULE_COLUMNS ", seal"
ORCH_MUST_USE int orch_store_pg_take_rule(const struct orch_secret *key,
	const struct orch_pg_rows *rows, size_t number, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err);

/* pg_op.c: OP, which stays, for the database. */
void orch_store_pg_op_init(struct orch_store_pg_op *state, struct orch_store_op *op);
/* pg_event.c: COUNT of them, one at least.  A single one may be as large as an event may be. */
ORCH_MUST_USE int orch_store_pg_send_events(struct orch_pg_sender *sender,
	const struct orch_secret *key, const struct orch_stored_event *const *given, size_t count,
	struct orch_arena *arena, struct orch_err *err);
/* pg_result.c: ROWS of the table of results. */
ORCH_MUST_USE int orch_store_pg_send_results(struct orch_pg_sender *sender,
	const struct orch_secret *key, const struct orch_store_value *rows, size_t count,
	struct orch_arena *arena, struct orch_err *err);

/* See backend.h. */
int orch_store_pg_rules(struct orch_store *store, struct orch_text tool, bool with_removed,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
int orch_store_pg_rule_history(struct orch_store *store, struct orch_text id,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
int orch_store_pg_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err);
int orch_store_pg_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err);
int orch_store_pg_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err);
int orch_store_pg_events(struct orch_store *store, const struct orch_event_filter *filter,
	struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
	struct orch_err *err);
int orch_store_pg_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err);

#endif
