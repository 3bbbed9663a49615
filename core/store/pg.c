/* SPDX-License-Identifier: Apache-2.0 */
/* The store on PostgreSQL: writes are operations of the database's groups, reads wait. */
#include "store/pg.h"

#include <assert.h>

#include "base/alloc.h"

static_assert(sizeof(struct orch_store_pg_op) <= sizeof(((struct orch_store_op *)0)->backend),
	"an op has room for its group");
static_assert(sizeof(struct orch_pg_watch) <= sizeof(((struct orch_store_watch *)0)->backend),
	"a watch has room for the database's");

int orch_store_pg_run(struct orch_pg *pg, struct orch_pg_op *op, struct orch_err *err)
{
	struct orch_db_group group = { .first = &op->base };

	return orch_pg_run(pg, &group, err);
}

static struct orch_store_pg_op *state_of(struct orch_store_op *op)
{
	return (struct orch_store_pg_op *)(void *)op->backend;
}

static struct orch_db_op *as_db_op(struct orch_store *store, struct orch_store_op *op)
{
	op->store = store;
	orch_store_pg_op_init(state_of(op), op);
	return &state_of(op)->pg_op.base;
}

static void finish_op(struct orch_db_group *group)
{
	struct orch_store_pg_op *state = (struct orch_store_pg_op *)(void *)((char *)group -
		offsetof(struct orch_store_pg_op, group));
	struct orch_store_op *op = state->op;

	op->code = group->code;
	if (group->code < 0)
		op->err = group->err;
	op->done(op);
}

static int submit(struct orch_store *store, struct orch_store_op *op, struct orch_err *err)
{
	struct orch_db_op *first = as_db_op(store, op);
	struct orch_store_pg_op *state = state_of(op);

	state->group =
		(struct orch_db_group){ .first = first, .lane = op->lane, .done = finish_op };
	return orch_pg_submit(orch_store_pg_of(store)->pg, &state->group, err);
}

static struct orch_pg_watch *watch_of(struct orch_store_watch *watch)
{
	return (struct orch_pg_watch *)(void *)watch->backend;
}

static void on_change(void *arg)
{
	struct orch_store_watch *watch = arg;

	watch->changed(watch->arg);
}

static int watch_add(struct orch_store *store, struct orch_store_watch *watch)
{
	struct orch_err err;

	*watch_of(watch) = (struct orch_pg_watch){ .channel = ORCH_STORE_RULES_CHANNEL,
		.lane = watch->lane,
		.changed = on_change,
		.arg = watch };
	return orch_pg_watch_add(orch_store_pg_of(store)->pg, watch_of(watch), &err);
}

static void watch_remove(struct orch_store *store, struct orch_store_watch *watch)
{
	orch_pg_watch_remove(orch_store_pg_of(store)->pg, watch_of(watch));
}

static void close_store(struct orch_store *store)
{
	orch_free(orch_store_pg_of(store));
}

static const struct orch_store_backend backend = {
	.rules = orch_store_pg_rules,
	.rule_history = orch_store_pg_rule_history,
	.rules_save = orch_store_pg_rules_save,
	.rule_remove = orch_store_pg_rule_remove,
	.rules_revision = orch_store_pg_rules_revision,
	.watch_add = watch_add,
	.watch_remove = watch_remove,
	.submit = submit,
	.as_db_op = as_db_op,
	.events = orch_store_pg_events,
	.results = orch_store_pg_results,
	.close = close_store,
};

int orch_store_pg_open(struct orch_pg *pg, const struct orch_secret *key,
	struct orch_store **ret_store, struct orch_err *err)
{
	struct orch_store_pg *store;
	int code = key ? orch_store_pg_check_key(pg, key, err) : ORCH_OK;

	if (code < 0)
		return code;
	store = orch_alloc(sizeof(*store));
	if (!store)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	store->base.backend = &backend;
	store->pg = pg;
	store->key = key;
	*ret_store = &store->base;
	return ORCH_OK;
}
