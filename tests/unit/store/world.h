/* SPDX-License-Identifier: Apache-2.0 */
/* A store on a database of its own, of either engine: every test is played on both. */
#ifndef ORCH_TEST_STORE_WORLD_H
#define ORCH_TEST_STORE_WORLD_H
#include "store/backend.h"
#include "unit/db/fixture.h"

#define BY ORCH_TEXT("alice")

struct world;

/* What differs. */
struct engine {
	void (*make)(struct world *w); /* a database */
	void (*remove)(struct world *w);
	void (*open)(struct world *w); /* it, and the store on it */
	void (*close)(struct world *w);
	int (*open_store)(struct world *w, const struct orch_secret *key, struct orch_err *err);
	/* As another program would, on a connection of its own. */
	void (*poke)(const struct world *w, const char *sql);
	int64_t (*ask)(const struct world *w, const char *sql);
	/* Can BYTES be read in any of its files? */
	bool (*has_in_files)(const struct world *w, const char *bytes);
	int (*run)(struct world *w, struct orch_db_group *group, struct orch_err *err);
	/* Fails whatever group it is in with ORCH_E_DENIED. */
	struct orch_db_op *(*failing_op)(struct world *w);
};

struct world {
	struct fixture f;
	const struct engine *engine;
	void *database; /* the engine's */
	struct orch_pg *pg;
	struct orch_store *store;
	char problem[256]; /* of the last call that failed */
};

static inline void poke_store(const struct world *w, const char *sql)
{
	w->engine->poke(w, sql);
}

static inline int64_t ask_store(const struct world *w, const char *sql)
{
	return w->engine->ask(w, sql);
}

static inline void reopen_store(struct world *w)
{
	w->engine->close(w);
	w->engine->open(w);
}

static inline int make_world(void **state, const struct engine *engine)
{
	struct world *w = calloc(1, sizeof(*w));

	w->engine = engine;
	make_lane(&w->f);
	make_key(&w->f);
	w->f.arena = orch_arena_create(0);
	engine->make(w);
	engine->open(w);
	*state = w;
	return 0;
}

static inline int remove_world(void **state)
{
	struct world *w = *state;

	w->engine->close(w);
	remove_lane(&w->f);
	orch_secret_destroy(w->f.key);
	orch_arena_destroy(w->f.arena);
	w->engine->remove(w);
	free(w);
	return 0;
}

static inline int check(struct world *w, int code, const struct orch_err *err)
{
	if (code < 0)
		(void)snprintf(w->problem, sizeof(w->problem), "%s", err->text);
	return code;
}

/* Something to be done on the lane's own thread, while the test waits. */
struct errand {
	struct orch_job job;
	void (*run)(void *arg);
	void *arg;
	struct counter done;
};

static inline void run_errand(struct orch_job *job)
{
	struct errand *errand = (struct errand *)(void *)job;

	errand->run(errand->arg);
	counter_add(&errand->done);
}

static inline void on_lane(struct orch_lane *lane, void (*run)(void *arg), void *arg)
{
	struct errand errand = {
		.job = { .run = run_errand }, .run = run, .arg = arg, .done = COUNTER_INIT
	};

	orch_lane_post(lane, &errand.job);
	counter_await(&errand.done, 1);
}

/* Ops, handed over in one turn of the lane. */
struct submission {
	struct orch_store *store;
	struct orch_store_op *ops;
	size_t count;
};

static inline void op_done(struct orch_store_op *op)
{
	counter_add(op->user);
}

static inline void submit_ops(void *arg)
{
	const struct submission *submission = arg;

	for (size_t i = 0; i < submission->count; i++) {
		struct orch_store_op *op = &submission->ops[i];

		op->code = orch_store_submit(submission->store, op, &op->err);
		if (op->code < 0)
			op_done(op);
	}
}

static inline void begin_ops(
	struct world *w, struct orch_store_op *ops, size_t count, struct counter *done)
{
	struct submission submission = { .store = w->store, .ops = ops, .count = count };

	for (size_t i = 0; i < count; i++) {
		ops[i].lane = w->f.lane;
		ops[i].done = op_done;
		ops[i].user = done;
	}
	on_lane(w->f.lane, submit_ops, &submission);
}

static inline int do_op(struct world *w, struct orch_store_op *op)
{
	struct counter done = COUNTER_INIT;

	begin_ops(w, op, 1, &done);
	counter_await(&done, 1);
	return check(w, op->code, &op->err);
}

static inline bool is_in_file(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	char *all;
	size_t len;
	bool found;

	if (!file)
		return false; /* gone meanwhile */
	assert_int_equal(fstat(fileno(file), &status), 0);
	all = malloc((size_t)status.st_size + 1);
	len = fread(all, 1, (size_t)status.st_size, file);
	found = memmem(all, len, bytes, strlen(bytes)) != NULL;
	(void)fclose(file);
	free(all);
	return found;
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

#include "unit/store/engine_pg.h"
#include "unit/store/engine_sqlite.h"

#define ON_SQLITE(test)                                                         \
	{                                                                       \
#test " on SQLite", test, make_sqlite_world, remove_world, NULL \
	}
#define ON_PG(test)                                                             \
	{                                                                       \
#test " on PostgreSQL", test, make_pg_world, remove_world, NULL \
	}
#define ON_BOTH(test) ON_SQLITE(test), ON_PG(test)

#endif
