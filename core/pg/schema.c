/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema goes forward only.  Each part counts its own steps; each step is
 * a transaction of its own under a lock that all hosts share, and is kept with
 * the checksum of what it was, so that a step that was changed afterwards is
 * found.
 *
 * A newer program's schema may still serve older ones: its step's SQL says so by
 *   UPDATE orch_schema_part SET serves = OLDEST WHERE part = 'queue'
 * where OLDEST is the last step that such a program must know.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "pg/internal.h"

#define PARTS 16
#define STEPS_MAX "10000"          /* that are read */
#define MIGRATE_MS 600000          /* for one step, by default */
#define LOCK "8247338199356891503" /* any number, but always the same */
#define CHECKSUM_CHARS (2 * ORCH_SHA256_BYTES)

#define DO_MIGRATE "run \"orchestrator store migrate\""

static const struct orch_db_migration own_steps[] = {
	{ .part = "pg",
		.number = 1,
		.sql = "CREATE FUNCTION orch_require(condition boolean, code bigint, why text)"
		       " RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
		       " IF condition IS NOT TRUE THEN RAISE EXCEPTION USING"
		       " ERRCODE = 'OR0' || lpad((-code)::text, 2, '0'), MESSAGE = why; END IF;"
		       " RETURN true; END $$" },
};

/* What must be there before the first step. */
static const char *const ground[] = {
	"CREATE TABLE IF NOT EXISTS orch_schema_step (part text NOT NULL, number integer NOT NULL,"
	" checksum text NOT NULL, version text NOT NULL, taken_at timestamptz NOT NULL DEFAULT "
	"now(),"
	" PRIMARY KEY (part, number))",
	"CREATE TABLE IF NOT EXISTS orch_schema_part (part text PRIMARY KEY,"
	" serves integer NOT NULL)",
	"CREATE OR REPLACE FUNCTION orch_schema_take(step_part text, step_number bigint,"
	" step_sql text, step_checksum text, step_version text) RETURNS boolean"
	" LANGUAGE plpgsql AS $$ DECLARE last_number bigint; BEGIN"
	" SELECT coalesce(max(number), 0) INTO last_number FROM orch_schema_step"
	"  WHERE part = step_part;"
	" IF last_number >= step_number THEN RETURN false; END IF;"
	" IF last_number + 1 <> step_number THEN"
	"  RAISE EXCEPTION 'step % is missing', last_number + 1; END IF;"
	" INSERT INTO orch_schema_part (part, serves) VALUES (step_part, step_number)"
	"  ON CONFLICT (part) DO UPDATE SET serves = excluded.serves;"
	" EXECUTE step_sql;"
	" INSERT INTO orch_schema_step (part, number, checksum, version)"
	"  VALUES (step_part, step_number, step_checksum, step_version);"
	" RETURN true; END $$",
};

static const char take_lock[] = "SELECT pg_advisory_xact_lock(" LOCK ")";

/* Ours and those that we were given. */
struct known {
	const struct orch_db_migration *steps[2];
	size_t counts[2];
};

struct part {
	char name[16];
	uint32_t known, number, serves;
};

struct look {
	struct orch_pg_op op;
	struct known known;
	bool has_steps;
	struct part parts[PARTS];
	size_t part_count;
};

static struct known all_steps(const struct orch_db_migration *migrations, size_t count)
{
	return (struct known){
		.steps = { own_steps, migrations },
		.counts = { sizeof(own_steps) / sizeof(own_steps[0]), count },
	};
}

static void checksum(const char *sql, char ret_hex[CHECKSUM_CHARS + 1])
{
	uint8_t digest[ORCH_SHA256_BYTES];

	orch_sha256(orch_text_from(sql), digest);
	orch_hex_encode(digest, sizeof(digest), ret_hex);
}

static struct part *find_part(struct look *look, struct orch_text name)
{
	for (size_t i = 0; i < look->part_count; i++) {
		if (orch_text_is(name, look->parts[i].name))
			return &look->parts[i];
	}
	return NULL;
}

static void know_step(struct look *look, const struct orch_db_migration *step)
{
	struct part *part = find_part(look, orch_text_from(step->part));

	if (!part) {
		orch_assert(look->part_count < PARTS);
		part = &look->parts[look->part_count++];
		(void)snprintf(part->name, sizeof(part->name), "%s", step->part);
	}
	orch_assert(step->number == part->known + 1);
	part->known = step->number;
}

static void know_all(struct look *look)
{
	for (size_t list = 0; list < 2; list++) {
		for (size_t i = 0; i < look->known.counts[list]; i++)
			know_step(look, &look->known.steps[list][i]);
	}
}

static const struct orch_db_migration *find_step(
	const struct known *known, struct orch_text part, int64_t number)
{
	for (size_t list = 0; list < 2; list++) {
		for (size_t i = 0; i < known->counts[list]; i++) {
			const struct orch_db_migration *step = &known->steps[list][i];

			if (step->number == number && orch_text_is(part, step->part))
				return step;
		}
	}
	return NULL;
}

static int send_has_steps(
	struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender, "SELECT to_regclass('orch_schema_step') IS NOT NULL");
	return orch_pg_end(sender, err);
}

static int take_has_steps(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct look *look = (struct look *)(void *)op;

	(void)number;
	(void)err;
	look->has_steps = orch_pg_count(rows) == 1 && orch_pg_get_bool(rows, 0, 0);
	return ORCH_OK;
}

static int send_look(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	int code;

	(void)op;
	orch_pg_begin(sender,
		"SELECT part, number, checksum FROM orch_schema_step ORDER BY part, number"
		" LIMIT " STEPS_MAX);
	code = orch_pg_end(sender, err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, "SELECT part, serves FROM orch_schema_part LIMIT " STEPS_MAX);
	return orch_pg_end(sender, err);
}

static int compare_step(
	struct look *look, const struct orch_pg_rows *rows, size_t row, struct orch_err *err)
{
	struct orch_text name = orch_pg_get(rows, row, 0);
	int64_t number = orch_pg_get_int(rows, row, 1);
	const struct orch_db_migration *step = find_step(&look->known, name, number);
	struct part *part = find_part(look, name);
	char hex[CHECKSUM_CHARS + 1];

	if (part)
		part->number = (uint32_t)number;
	if (!step)
		return ORCH_OK;
	checksum(step->sql, hex);
	if (orch_text_is(orch_pg_get(rows, row, 2), hex))
		return ORCH_OK;
	return orch_fail(err, ORCH_E_INVALID,
		"step %u of the schema \"%s\" is not the one that this program knows: another "
		"version's program has made it; use that or a backup",
		step->number, step->part);
}

static int take_look(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct look *look = (struct look *)(void *)op;

	for (size_t row = 0; row < orch_pg_count(rows); row++) {
		struct part *part = find_part(look, orch_pg_get(rows, row, 0));
		int code = number == 0 ? compare_step(look, rows, row, err) : ORCH_OK;

		if (code < 0)
			return code;
		if (number == 1 && part)
			part->serves = (uint32_t)orch_pg_get_int(rows, row, 1);
	}
	return ORCH_OK;
}

static int run(struct orch_pg *pg, struct orch_pg_op *op, struct orch_err *err)
{
	struct orch_db_group group = { .first = &op->base };

	return orch_pg_run_within(pg, &group, pg->connect_ms, err);
}

/* How far each part is. */
static int look_at(struct orch_pg *pg, struct look *look, struct orch_err *err)
{
	int code;

	know_all(look);
	look->op = (struct orch_pg_op){ .send = send_has_steps, .take = take_has_steps };
	code = run(pg, &look->op, err);
	if (code < 0 || !look->has_steps)
		return code;
	look->op = (struct orch_pg_op){ .send = send_look, .take = take_look };
	return run(pg, &look->op, err);
}

/* A newer schema is good enough if it says so. */
static int refuse_newer(const struct look *look, struct orch_err *err)
{
	for (size_t i = 0; i < look->part_count; i++) {
		const struct part *part = &look->parts[i];

		if (part->number > part->known && part->serves > part->known)
			return orch_fail(err, ORCH_E_INVALID,
				"its schema \"%s\" is at step %u and this program knows %u: a "
				"newer "
				"version has changed it; use that version or a backup",
				part->name, part->number, part->known);
	}
	return ORCH_OK;
}

/* One that lacks steps; NULL: none. */
static const struct part *find_older(const struct look *look)
{
	for (size_t i = 0; i < look->part_count; i++)
		if (look->parts[i].number < look->parts[i].known)
			return &look->parts[i];
	return NULL;
}

static int refuse_older(const struct look *look, struct orch_err *err)
{
	const struct part *part = find_older(look);

	return part == NULL ? ORCH_OK
			    : orch_fail(err, ORCH_E_INVALID,
				      "its schema \"%s\" is at step %u and this program needs "
				      "%u: " DO_MIGRATE,
				      part->name, part->number, part->known);
}

int orch_pg_schema_check(struct orch_pg *pg, const struct orch_db_migration *migrations,
	size_t count, struct orch_err *err)
{
	struct look look = { .known = all_steps(migrations, count) };
	int code = look_at(pg, &look, err);

	if (code == ORCH_OK)
		code = refuse_newer(&look, err);
	return code < 0 ? code : refuse_older(&look, err);
}

static int send_ground(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	int code;

	(void)op;
	orch_pg_begin(sender, take_lock);
	code = orch_pg_end(sender, err);
	for (size_t i = 0; code == ORCH_OK && i < sizeof(ground) / sizeof(ground[0]); i++) {
		orch_pg_begin(sender, ground[i]);
		code = orch_pg_end(sender, err);
	}
	return code;
}

struct taking {
	struct orch_pg_op op;
	const struct orch_db_migration *step;
};

static int send_step(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_db_migration *step = ((struct taking *)(void *)op)->step;
	char hex[CHECKSUM_CHARS + 1];
	int code;

	orch_pg_begin(sender, take_lock);
	code = orch_pg_end(sender, err);
	if (code < 0)
		return code;
	checksum(step->sql, hex);
	orch_pg_begin(sender, "SELECT orch_schema_take($1, $2, $3, $4, $5)");
	orch_pg_text(sender, orch_text_from(step->part));
	orch_pg_int(sender, step->number);
	orch_pg_text(sender, orch_text_from(step->sql));
	orch_pg_text(sender, orch_text_from(hex));
	orch_pg_text(sender, orch_text_from(ORCH_VERSION));
	return orch_pg_end(sender, err);
}

static int take_steps(struct orch_pg *pg, struct look *look, struct orch_err *err)
{
	for (size_t list = 0; list < 2; list++) {
		for (size_t i = 0; i < look->known.counts[list]; i++) {
			struct taking taking = { .op = { .send = send_step },
				.step = &look->known.steps[list][i] };
			struct part *part = find_part(look, orch_text_from(taking.step->part));
			int code = taking.step->number > part->number ? run(pg, &taking.op, err)
								      : ORCH_OK;

			if (code < 0) {
				orch_err_prefix(err, "step %u of the schema \"%s\"",
					taking.step->number, taking.step->part);
				return code;
			}
		}
	}
	return ORCH_OK;
}

static int take_all(struct orch_pg *pg, struct look *look, struct orch_err *err)
{
	struct orch_pg_op op = { .send = send_ground };
	int code = run(pg, &op, err);

	return code < 0 ? code : take_steps(pg, look, err);
}

static void report(const struct look *look, struct orch_pg_migrated *ret_parts, size_t *part_count)
{
	for (size_t i = 0; i < look->part_count; i++) {
		const struct part *part = &look->parts[i];

		memcpy(ret_parts[i].part, part->name, sizeof(ret_parts[i].part));
		ret_parts[i].from = part->number;
		ret_parts[i].to = part->number > part->known ? part->number : part->known;
	}
	*part_count = look->part_count;
}

int orch_pg_migrate(const struct orch_pg_options *options,
	const struct orch_db_migration *migrations, size_t migration_count, bool only_look,
	struct orch_pg_migrated *ret_parts, size_t *part_count, struct orch_err *err)
{
	struct look look = { .known = all_steps(migrations, migration_count) };
	struct orch_pg_options patient = *options;
	struct orch_pg *pg = NULL;
	int code;

	if (patient.statement_ms == 0)
		patient.statement_ms = MIGRATE_MS;
	code = orch_pg_create(&patient, &pg, err);
	if (code < 0)
		return code;
	/* Another host's step may take long. */
	pg->lock_ms = pg->statement_ms / 2;
	code = look_at(pg, &look, err);
	if (code == ORCH_OK)
		code = refuse_newer(&look, err);
	/* Where there is nothing to do, a role that may create nothing is good enough. */
	if (code == ORCH_OK && !only_look && find_older(&look) != NULL)
		code = take_all(pg, &look, err);
	if (code == ORCH_OK)
		report(&look, ret_parts, part_count);
	orch_pg_close(pg);
	return code;
}
