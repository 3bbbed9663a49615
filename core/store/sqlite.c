/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store: writes are operations of the database's groups, reads go beside the writer. */
#include "store/sqlite.h"

#include <assert.h>

#include "base/alloc.h"

static_assert(sizeof(struct orch_store_sqlite_op) <= sizeof(((struct orch_store_op *)0)->backend),
	"an op has room for its group");
static_assert(sizeof(struct orch_db_watch) <= sizeof(((struct orch_store_watch *)0)->backend),
	"a watch has room for the database's");

static struct orch_store_sqlite_op *state_of(struct orch_store_op *op)
{
	return (struct orch_store_sqlite_op *)(void *)op->backend;
}

static int run_op(struct orch_db_op *db_op, struct orch_db *db, struct orch_err *err)
{
	struct orch_store_op *op = ((struct orch_store_sqlite_op *)(void *)db_op)->op;

	return orch_store_sqlite_write(orch_store_sqlite_of(op->store), db, op, err);
}

static struct orch_db_op *as_db_op(struct orch_store *store, struct orch_store_op *op)
{
	struct orch_store_sqlite_op *state = state_of(op);

	op->store = store;
	*state = (struct orch_store_sqlite_op){ .db_op = { .run = run_op }, .op = op };
	return &state->db_op;
}

static void finish_op(struct orch_db_group *group)
{
	struct orch_store_sqlite_op *state = (struct orch_store_sqlite_op *)(void *)((char *)group -
		offsetof(struct orch_store_sqlite_op, group));
	struct orch_store_op *op = state->op;

	op->code = group->code;
	if (group->code < 0)
		op->err = group->err;
	op->done(op);
}

static int submit(struct orch_store *store, struct orch_store_op *op, struct orch_err *err)
{
	struct orch_db_op *first = as_db_op(store, op);
	struct orch_store_sqlite_op *state = state_of(op);

	state->group =
		(struct orch_db_group){ .first = first, .lane = op->lane, .done = finish_op };
	return orch_db_submit(store->db, &state->group, err);
}

static struct orch_db_watch *watch_of(struct orch_store_watch *watch)
{
	return (struct orch_db_watch *)(void *)watch->backend;
}

static void on_change(void *arg)
{
	struct orch_store_watch *watch = arg;

	watch->changed(watch->arg);
}

static int watch_add(struct orch_store *store, struct orch_store_watch *watch)
{
	*watch_of(watch) = (struct orch_db_watch){ .topic = ORCH_STORE_RULES_TOPIC,
		.lane = watch->lane,
		.changed = on_change,
		.arg = watch };
	return orch_db_watch_add(store->db, watch_of(watch));
}

static void watch_remove(struct orch_store *store, struct orch_store_watch *watch)
{
	orch_db_watch_remove(store->db, watch_of(watch));
}

static void close_store(struct orch_store *store)
{
	orch_free(orch_store_sqlite_of(store));
}

static const struct orch_store_backend backend = {
	.rules = orch_store_sqlite_rules,
	.rule_history = orch_store_sqlite_rule_history,
	.rules_save = orch_store_sqlite_rules_save,
	.rule_remove = orch_store_sqlite_rule_remove,
	.rules_revision = orch_store_sqlite_rules_revision,
	.watch_add = watch_add,
	.watch_remove = watch_remove,
	.submit = submit,
	.as_db_op = as_db_op,
	.events = orch_store_sqlite_events,
	.results = orch_store_sqlite_results,
	.close = close_store,
};

int orch_store_sqlite_open(struct orch_db *db, const struct orch_secret *key,
	struct orch_store **ret_store, struct orch_err *err)
{
	struct orch_store_sqlite *store;
	int code = key ? orch_store_sqlite_check_key(db, key, err) : ORCH_OK;

	if (code < 0)
		return code;
	store = orch_alloc(sizeof(*store));
	if (!store)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	store->base.backend = &backend;
	store->base.db = db;
	store->key = key;
	code = orch_store_sqlite_begin_seals(store, err);
	if (code < 0) {
		orch_free(store);
		return code;
	}
	*ret_store = &store->base;
	return ORCH_OK;
}
