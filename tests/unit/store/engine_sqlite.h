/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_TEST_STORE_ENGINE_SQLITE_H
#define ORCH_TEST_STORE_ENGINE_SQLITE_H
#include "unit/store/world.h"

static inline void make_sqlite(struct world *w)
{
	make_dir(&w->f);
}

static inline void remove_sqlite(struct world *w)
{
	remove_dir(&w->f);
}

static inline int open_sqlite_store(
	struct world *w, const struct orch_secret *key, struct orch_err *err)
{
	return orch_store_sqlite_open(w->f.db, key, &w->store, err);
}

static inline void open_sqlite(struct world *w)
{
	struct orch_err err = { "" };

	w->f.db =
		open_db(&w->f, orch_store_sqlite_migrations, orch_store_sqlite_migration_count, 0);
	if (open_sqlite_store(w, w->f.key, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void close_sqlite(struct world *w)
{
	orch_store_close(w->store);
	orch_db_close(w->f.db);
}

static inline void poke_sqlite(const struct world *w, const char *sql)
{
	poke(w->f.path, sql);
}

static inline int64_t ask_sqlite(const struct world *w, const char *sql)
{
	return ask(w->f.path, sql);
}

static inline bool sqlite_has_in_files(const struct world *w, const char *bytes)
{
	static const char *const endings[] = { "", "-wal" };
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s%s", w->f.path, endings[i]);
		found |= is_in_file(path, bytes);
	}
	return found;
}

static inline int run_sqlite(struct world *w, struct orch_db_group *group, struct orch_err *err)
{
	return orch_db_run(w->f.db, group, err);
}

static inline int fail_sqlite_op(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	(void)op;
	(void)db;
	return orch_fail(err, ORCH_E_DENIED, "as told");
}

static inline struct orch_db_op *failing_sqlite_op(struct world *w)
{
	static struct orch_db_op op = { .run = fail_sqlite_op };

	(void)w;
	return &op;
}

static const struct engine sqlite_engine = {
	.make = make_sqlite,
	.remove = remove_sqlite,
	.open = open_sqlite,
	.close = close_sqlite,
	.open_store = open_sqlite_store,
	.poke = poke_sqlite,
	.ask = ask_sqlite,
	.has_in_files = sqlite_has_in_files,
	.run = run_sqlite,
	.failing_op = failing_sqlite_op,
};

static inline int make_sqlite_world(void **state)
{
	return make_world(state, &sqlite_engine);
}

#endif
