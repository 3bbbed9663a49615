/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema goes forward only.  Each part counts its own steps in the file;
 * a file that has taken more steps than we know is another version's.
 */
#include "db/internal.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static const struct orch_db_migration own_migrations[] = {
	{ .part = "db",
		.number = 1,
		.sql = "CREATE TABLE change (topic TEXT PRIMARY KEY, number INTEGER NOT NULL)"
		       " STRICT, WITHOUT ROWID" },
	{ .part = "db",
		.number = 2,
		.sql = "CREATE TABLE boot (id TEXT PRIMARY KEY, ahead INTEGER NOT NULL)"
		       " STRICT, WITHOUT ROWID" },
};

static int read_number(
	struct orch_db *db, const char *part, uint32_t *ret_number, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(
		db, "SELECT number FROM schema_step WHERE part = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, orch_text_from(part));
	code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK)
		*ret_number = row ? (uint32_t)sqlite3_column_int64(statement, 0) : 0;
	orch_db_release_statements(&db->connection);
	return code;
}

static int write_number(
	struct orch_db *db, const struct orch_db_migration *step, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO schema_step (part, number) VALUES (?1, ?2)"
		" ON CONFLICT (part) DO UPDATE SET number = excluded.number",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, orch_text_from(step->part));
	orch_db_bind_int(statement, 2, step->number);
	code = orch_db_step_done(statement, err);
	orch_db_release_statements(&db->connection);
	return code;
}

/* Within its transaction; another process may have taken the step meanwhile. */
static int take_step(struct orch_db *db, const struct orch_db_migration *step, struct orch_err *err)
{
	uint32_t number = 0;
	int code = read_number(db, step->part, &number, err);

	if (code < 0 || number >= step->number)
		return code;
	if (number + 1 != step->number)
		return orch_fail(err, ORCH_E_INTERNAL, "schema step %u of \"%s\" is missing",
			number + 1, step->part);
	code = orch_db_exec(&db->connection, step->sql, err);
	if (code == ORCH_OK)
		code = write_number(db, step, err);
	if (code < 0)
		orch_err_prefix(err, "schema step %u of \"%s\"", step->number, step->part);
	return code;
}

static int take_step_alone(
	struct orch_db *db, const struct orch_db_migration *step, struct orch_err *err)
{
	int code = orch_db_exec(&db->connection, "BEGIN IMMEDIATE", err);

	if (code < 0)
		return code;
	code = take_step(db, step, err);
	if (code == ORCH_OK)
		code = orch_db_exec(&db->connection, "COMMIT", err);
	if (code < 0)
		orch_db_try(&db->connection, "ROLLBACK");
	return code;
}

static uint32_t highest(const struct orch_db_migration *migrations, size_t count, const char *part)
{
	uint32_t number = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(migrations[i].part, part) == 0 && migrations[i].number > number)
			number = migrations[i].number;
	}
	return number;
}

/* Too new a file is refused before anything is changed in it. */
static int compare_parts(struct orch_db *db, const struct orch_db_migration *migrations,
	size_t count, struct orch_err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *part = migrations[i].part;
		uint32_t known = highest(migrations, count, part);
		uint32_t number = 0;
		int code = read_number(db, part, &number, err);

		if (code < 0)
			return code;
		if (number > known)
			return orch_fail(err, ORCH_E_INVALID,
				"its schema \"%s\" is at step %u and this program knows %u: a "
				"newer "
				"version has written it; use that version or a backup",
				part, number, known);
		if (number < known && db->read_only)
			return orch_fail(err, ORCH_E_INVALID,
				"its schema \"%s\" is at step %u and this program needs %u: start "
				"the orchestrator once to bring it up to date",
				part, number, known);
	}
	return ORCH_OK;
}

/* A file that has only just been made has no table of steps. */
static int has_steps(struct orch_db *db, bool *ret_has, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(
		db, "SELECT 1 FROM sqlite_schema WHERE name = 'schema_step'", &statement, err);

	if (code == ORCH_OK)
		code = orch_db_step(statement, ret_has, err);
	orch_db_release_statements(&db->connection);
	return code;
}

int orch_db_refuse_newer(struct orch_db *db, const struct orch_db_migration *migrations,
	size_t count, struct orch_err *err)
{
	bool has = false;
	int code = has_steps(db, &has, err);

	if (code == ORCH_OK && has)
		code = compare_parts(db, own_migrations,
			sizeof(own_migrations) / sizeof(own_migrations[0]), err);
	if (code == ORCH_OK && has)
		code = compare_parts(db, migrations, count, err);
	return code;
}

static int take_steps(struct orch_db *db, const struct orch_db_migration *migrations, size_t count,
	struct orch_err *err)
{
	int code = compare_parts(db, migrations, count, err);

	for (size_t i = 0; i < count && code == ORCH_OK && !db->read_only; i++) {
		uint32_t number = 0;

		code = read_number(db, migrations[i].part, &number, err);
		if (code == ORCH_OK && number < migrations[i].number)
			code = take_step_alone(db, &migrations[i], err);
	}
	return code;
}

int orch_db_migrate(struct orch_db *db, const struct orch_db_migration *migrations, size_t count,
	struct orch_err *err)
{
	int code = ORCH_OK;

	if (!db->read_only)
		code = orch_db_exec(&db->connection,
			"CREATE TABLE IF NOT EXISTS schema_step (part TEXT PRIMARY KEY,"
			" number INTEGER NOT NULL) STRICT, WITHOUT ROWID",
			err);
	if (code == ORCH_OK)
		code = take_steps(db, own_migrations,
			sizeof(own_migrations) / sizeof(own_migrations[0]), err);
	if (code == ORCH_OK)
		code = take_steps(db, migrations, count, err);
	return code;
}
