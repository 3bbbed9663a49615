/* SPDX-License-Identifier: Apache-2.0 */
/* What an implementation of the store fills in. */
#ifndef ORCH_STORE_BACKEND_H
#define ORCH_STORE_BACKEND_H
#include "base/secret.h"
#include "db/db.h"
#include "store/store.h"

struct orch_store_backend {
	int (*rules)(struct orch_store *store, struct orch_text tool, bool with_removed,
		struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
		struct orch_err *err);
	int (*rule_history)(struct orch_store *store, struct orch_text id, struct orch_arena *arena,
		struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err);
	int (*rules_save)(struct orch_store *store, const struct orch_stored_rule *rules,
		size_t count, struct orch_text by, struct orch_arena *arena,
		struct orch_stored_rule *ret_rules, struct orch_err *err);
	int (*rule_remove)(struct orch_store *store, struct orch_text id, struct orch_text by,
		struct orch_err *err);
	int (*rules_revision)(
		struct orch_store *store, uint64_t *ret_revision, struct orch_err *err);
	int (*watch_add)(struct orch_store *store, struct orch_store_watch *watch);
	void (*watch_remove)(struct orch_store *store, struct orch_store_watch *watch);
	int (*submit)(struct orch_store *store, struct orch_store_op *op, struct orch_err *err);
	/* See queue/backend.h. */
	struct orch_db_op *(*as_db_op)(struct orch_store *store, struct orch_store_op *op);
	int (*events)(struct orch_store *store, const struct orch_event_filter *filter,
		struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
		struct orch_err *err);
	int (*results)(struct orch_store *store, struct orch_text event_id,
		struct orch_arena *arena, struct orch_stored_result **ret_results,
		size_t *ret_count, struct orch_err *err);
	void (*close)(struct orch_store *store);
};

/* Implementations embed this first. */
struct orch_store {
	const struct orch_store_backend *backend;
	struct orch_db *db; /* the embedded database; NULL if there is none */
};

/* The embedded one.  DB and KEY are lent and must outlive it. */
ORCH_MUST_USE int orch_store_sqlite_open(struct orch_db *db, const struct orch_secret *key,
	struct orch_store **ret_store, struct orch_err *err);

/* Its part of the schema. */
extern const struct orch_db_migration orch_store_sqlite_migrations[];
extern const size_t orch_store_sqlite_migration_count;

/*
 * The one on PostgreSQL.  PG and KEY are lent and must outlive it.  The lanes of
 * ops and watches must be attached to PG, and ops are submitted on them; what
 * as_db_op gives is an orch_pg_op.
 */
struct orch_pg;
ORCH_MUST_USE int orch_store_pg_open(struct orch_pg *pg, const struct orch_secret *key,
	struct orch_store **ret_store, struct orch_err *err);

extern const struct orch_db_migration orch_store_pg_migrations[];
extern const size_t orch_store_pg_migration_count;

#endif
