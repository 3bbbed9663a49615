/* SPDX-License-Identifier: Apache-2.0 */
/* One server for the program, a database for each test. */
#ifndef ORCH_TEST_STORE_ENGINE_PG_H
#define ORCH_TEST_STORE_ENGINE_PG_H
#include <ftw.h>
#include <libpq-fe.h>

#include "pg/pg.h"
#include "support/postgres.h"
#include "unit/store/world.h"

static struct postgres postgres;

static inline int start_postgres(void **state)
{
	(void)state;
	postgres_open(&postgres, TEST_BINARY_DIR "/postgres-template");
	return 0;
}

static inline int stop_postgres(void **state)
{
	(void)state;
	postgres_close(&postgres);
	return 0;
}

struct pg_database {
	char dsn[256];
	PGconn *superuser;
	struct orch_pg_options options;
};

static inline const struct pg_database *pg_database_of(const struct world *w)
{
	return w->database;
}

/* The one value that SQL gives, if any. */
static inline void run_pg_sql(const struct world *w, const char *sql, char *ret, size_t size)
{
	PGresult *result = PQexec(pg_database_of(w)->superuser, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(result));
	if (ret)
		(void)snprintf(
			ret, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
}

static inline void poke_pg(const struct world *w, const char *sql)
{
	run_pg_sql(w, sql, NULL, 0);
}

static inline int64_t ask_pg(const struct world *w, const char *sql)
{
	char answer[32];

	run_pg_sql(w, sql, answer, sizeof(answer));
	return strtoll(answer, NULL, 10);
}

static inline void make_pg(struct world *w)
{
	struct pg_database *database = calloc(1, sizeof(*database));
	struct orch_pg_migrated parts[4];
	char superuser[320];
	struct orch_err err = { "" };
	size_t count = 0;

	w->database = database;
	postgres_database(&postgres, database->dsn, sizeof(database->dsn));
	database->options = (struct orch_pg_options){ .dsn = orch_text_from(database->dsn) };
	if (orch_pg_migrate(&database->options, orch_store_pg_migrations,
		    orch_store_pg_migration_count, false, parts, &count, &err) < 0)
		fail_msg("%s", err.text);
	(void)snprintf(superuser, sizeof(superuser), "%s user=postgres", database->dsn);
	database->superuser = PQconnectdb(superuser);
	assert_int_equal(PQstatus(database->superuser), CONNECTION_OK);
	/* So that both engines can be told the same. */
	poke_pg(w,
		"CREATE FUNCTION zeroblob(integer) RETURNS bytea LANGUAGE sql AS"
		" $$ SELECT decode(repeat('00', $1), 'hex') $$");
}

static inline void remove_pg(struct world *w)
{
	struct pg_database *database = w->database;

	PQfinish(database->superuser);
	free(database);
}

static inline int open_pg_store(
	struct world *w, const struct orch_secret *key, struct orch_err *err)
{
	return orch_store_pg_open(w->pg, key, &w->store, err);
}

static inline void attach_pg(void *arg)
{
	struct world *w = arg;
	struct orch_err err = { "" };

	if (orch_pg_attach(w->pg, w->f.lane, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void detach_pg(void *arg)
{
	struct world *w = arg;

	orch_pg_detach(w->pg, w->f.lane);
}

static inline void open_pg(struct world *w)
{
	struct orch_err err = { "" };

	if (orch_pg_open(&pg_database_of(w)->options, orch_store_pg_migrations,
		    orch_store_pg_migration_count, &w->pg, &err) < 0 ||
		open_pg_store(w, w->f.key, &err) < 0)
		fail_msg("%s", err.text);
	on_lane(w->f.lane, attach_pg, w);
}

static inline void close_pg(struct world *w)
{
	on_lane(w->f.lane, detach_pg, w);
	orch_store_close(w->store);
	orch_pg_close(w->pg);
}

/* See nftw(), which has no argument for us. */
static const char *pg_searched_for;
static bool pg_has_found;

static inline int search_pg_file(
	const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)place;
	if (kind == FTW_F && is_in_file(path, pg_searched_for))
		pg_has_found = true;
	return 0;
}

static inline bool pg_has_in_files(const struct world *w, const char *bytes)
{
	char path[128];

	poke_pg(w, "CHECKPOINT");
	(void)snprintf(path, sizeof(path), "%s/data", postgres.folder);
	pg_searched_for = bytes;
	pg_has_found = false;
	assert_int_equal(nftw(path, search_pg_file, 8, FTW_PHYS), 0);
	return pg_has_found;
}

static inline int run_pg(struct world *w, struct orch_db_group *group, struct orch_err *err)
{
	return orch_pg_run(w->pg, group, err);
}

static inline int send_refusal(
	struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender, "SELECT orch_require(false, $1, 'as told')");
	orch_pg_int(sender, ORCH_E_DENIED);
	return orch_pg_end(sender, err);
}

static inline struct orch_db_op *failing_pg_op(struct world *w)
{
	static struct orch_pg_op op = { .send = send_refusal };

	(void)w;
	op.base.next = NULL;
	return &op.base;
}

static const struct engine pg_engine = {
	.make = make_pg,
	.remove = remove_pg,
	.open = open_pg,
	.close = close_pg,
	.open_store = open_pg_store,
	.poke = poke_pg,
	.ask = ask_pg,
	.has_in_files = pg_has_in_files,
	.run = run_pg,
	.failing_op = failing_pg_op,
};

static inline int make_pg_world(void **state)
{
	return make_world(state, &pg_engine);
}

#endif
