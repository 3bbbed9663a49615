/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time by which leases and delays are kept.  It goes on evenly while the
 * machine runs, whatever is done to its clock: a lease must not end because
 * somebody set that.  Whoever opens the database first after a boot fixes how
 * far it is from the time since the boot; all others of that boot go by it.
 */
#include "db/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_BYTES 64

static int64_t offset_now(void)
{
	return (int64_t)(orch_clock_now_ms() - orch_clock_boot_ms());
}

/* Empty where the system does not tell. */
static struct orch_text read_boot_id(struct orch_arena *arena)
{
	struct orch_text id;
	struct orch_err err;

	if (orch_file_read(BOOT_ID_FILE, BOOT_ID_BYTES, arena, &id, &err) < 0)
		return ORCH_TEXT_NONE;
	return id;
}

static int read_offset(struct orch_db *db, struct orch_text boot, bool *ret_found,
	int64_t *ret_offset, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "SELECT ahead FROM boot WHERE id = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, boot);
	code = orch_db_step(statement, ret_found, err);
	if (code == ORCH_OK && *ret_found)
		*ret_offset = sqlite3_column_int64(statement, 0);
	orch_db_release_statements(&db->connection);
	return code;
}

static int write_offset(
	struct orch_db *db, struct orch_text boot, int64_t offset, struct orch_err *err)
{
	sqlite3_stmt *statement = NULL;
	int code = orch_db_exec(&db->connection, "DELETE FROM boot", err);

	if (code == ORCH_OK)
		code = orch_db_statement(
			db, "INSERT INTO boot (id, ahead) VALUES (?1, ?2)", &statement, err);
	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, boot);
	orch_db_bind_int(statement, 2, offset);
	code = orch_db_step_done(statement, err);
	orch_db_release_statements(&db->connection);
	return code;
}

/* Within a transaction: another process may be about to do the same. */
static int agree(struct orch_db *db, struct orch_text boot, int64_t *offset, struct orch_err *err)
{
	bool found = false;
	int code = read_offset(db, boot, &found, offset, err);

	return code < 0 || found ? code : write_offset(db, boot, *offset, err);
}

static int agree_alone(
	struct orch_db *db, struct orch_text boot, int64_t *offset, struct orch_err *err)
{
	int code = orch_db_exec(&db->connection, "BEGIN IMMEDIATE", err);

	if (code < 0)
		return code;
	code = agree(db, boot, offset, err);
	if (code == ORCH_OK)
		code = orch_db_exec(&db->connection, "COMMIT", err);
	if (code < 0)
		orch_db_try(&db->connection, "ROLLBACK");
	return code;
}

int orch_db_set_clock(struct orch_db *db, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_text boot = arena ? read_boot_id(arena) : ORCH_TEXT_NONE;
	int64_t offset = offset_now();
	bool found = false;
	int code = ORCH_OK;

	if (boot.len > 0)
		code = read_offset(db, boot, &found, &offset, err);
	if (code == ORCH_OK && boot.len > 0 && !found && !db->read_only)
		code = agree_alone(db, boot, &offset, err);
	orch_arena_destroy(arena);
	db->clock_offset = offset;
	db->reader->clock_offset = offset;
	return code;
}

uint64_t orch_db_now_ms(const struct orch_db *db)
{
	return orch_clock_boot_ms() + (uint64_t)db->clock_offset;
}
