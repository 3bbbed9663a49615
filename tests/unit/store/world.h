/* SPDX-License-Identifier: Apache-2.0 */
/* A store on a database of its own. */
#ifndef ORCH_TEST_STORE_WORLD_H
#define ORCH_TEST_STORE_WORLD_H
#include "store/backend.h"
#include "unit/db/fixture.h"

#define BY ORCH_TEXT("alice")

struct world {
	struct fixture f;
	struct orch_store *store;
	char problem[256]; /* of the last call that failed */
};

static inline void open_store(struct world *w)
{
	struct orch_err err = { "" };

	w->f.db =
		open_db(&w->f, orch_store_sqlite_migrations, orch_store_sqlite_migration_count, 0);
	if (orch_store_sqlite_open(w->f.db, w->f.key, &w->store, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void reopen_store(struct world *w)
{
	orch_store_close(w->store);
	orch_db_close(w->f.db);
	open_store(w);
}

static inline int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	make_dir(&w->f);
	make_lane(&w->f);
	make_key(&w->f);
	w->f.arena = orch_arena_create(0);
	open_store(w);
	*state = w;
	return 0;
}

static inline int remove_world(void **state)
{
	struct world *w = *state;

	remove_lane(&w->f);
	orch_store_close(w->store);
	orch_db_close(w->f.db);
	orch_secret_destroy(w->f.key);
	orch_arena_destroy(w->f.arena);
	remove_dir(&w->f);
	free(w);
	return 0;
}

static inline int check(struct world *w, int code, const struct orch_err *err)
{
	if (code < 0)
		(void)snprintf(w->problem, sizeof(w->problem), "%s", err->text);
	return code;
}

static inline void op_done(struct orch_store_op *op)
{
	counter_add(op->user);
}

static inline int do_op(struct world *w, struct orch_store_op *op)
{
	struct counter done = COUNTER_INIT;
	struct orch_err err = { "" };

	op->lane = w->f.lane;
	op->done = op_done;
	op->user = &done;
	if (check(w, orch_store_submit(w->store, op, &err), &err) < 0)
		fail_msg("%s", err.text);
	counter_await(&done, 1);
	return check(w, op->code, &op->err);
}

static inline struct orch_stored_rule new_rule(const char *name)
{
	return (struct orch_stored_rule){ .rule = { .size = sizeof(struct orch_rule),
						  .id = ORCH_TEXT_NONE,
						  .name = orch_text_from(name),
						  .expression = ORCH_TEXT("6759\\d+"),
						  .severity = ORCH_HIGH,
						  .options = ORCH_TEXT("{\"check\":\"luhn\"}") },
		.tool = ORCH_TEXT("dlp"),
		.description = ORCH_TEXT("To match cards"),
		.state = ORCH_RULE_SHADOW };
}

#endif
