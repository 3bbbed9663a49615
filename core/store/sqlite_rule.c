/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, read. */
#include "base/text.h"
#include "store/shared.h"
#include "store/sqlite.h"

struct reading {
	struct orch_db_op op;
	struct orch_arena *arena;
	struct orch_text tool, id;
	bool with_removed;
	struct orch_stored_rule *rules;
	size_t count, size;
	uint64_t revision;
};

static int take_rule(struct reading *reading, sqlite3_stmt *statement, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RULE_COUNT];
	struct orch_stored_rule *rules = orch_store_grow(
		reading->arena, reading->rules, reading->count, &reading->size, sizeof(*rules));

	if (!rules)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	reading->rules = rules;
	orch_store_sqlite_take(statement, 0, &orch_store_rule_table, row);
	orch_store_rule_from_row(row, sqlite3_column_int(statement, ORCH_STORE_RULE_COUNT) != 0,
		reading->arena, &rules[reading->count]);
	if (reading->id.len > 0 ||
		orch_store_is_wanted(&rules[reading->count], reading->tool, reading->with_removed))
		reading->count++;
	return ORCH_OK;
}

static int collect(struct reading *reading, sqlite3_stmt *statement, struct orch_err *err)
{
	bool row = false;
	int code = ORCH_OK;

	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		code = take_rule(reading, statement, err);
	if (code == ORCH_OK && orch_arena_failed(reading->arena))
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	return code;
}

static int read_rules(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"SELECT " ORCH_STORE_RULE_COLUMNS ", " ORCH_STORE_RULE_FITS " FROM rule ORDER BY n",
		&statement, err);

	return code < 0 ? code : collect(reading, statement, err);
}

static int read_history(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"SELECT " ORCH_STORE_RULE_COLUMNS ", " ORCH_STORE_RULE_FITS
		" FROM rule_history WHERE id = ?1 ORDER BY version DESC",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, reading->id);
	return collect(reading, statement, err);
}

static int read_revision(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT number FROM revision", &statement, err);

	if (code == ORCH_OK)
		code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK && row)
		reading->revision = (uint64_t)sqlite3_column_int64(statement, 0);
	return code;
}

static int read_into(struct orch_store *store, struct reading *reading,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	int code = orch_db_read(store->db, &reading->op, err);

	if (code < 0)
		return code;
	*ret_rules = reading->rules;
	*ret_count = reading->count;
	return ORCH_OK;
}

int orch_store_sqlite_rules(struct orch_store *store, struct orch_text tool, bool with_removed,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	struct reading reading = { .op = { .run = read_rules },
		.arena = arena,
		.tool = tool,
		.with_removed = with_removed };

	return read_into(store, &reading, ret_rules, ret_count, err);
}

int orch_store_sqlite_rule_history(struct orch_store *store, struct orch_text id,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	struct reading reading = { .op = { .run = read_history }, .arena = arena, .id = id };

	return read_into(store, &reading, ret_rules, ret_count, err);
}

int orch_store_sqlite_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err)
{
	struct reading reading = { .op = { .run = read_revision } };
	int code = orch_db_read(store->db, &reading.op, err);

	if (code == ORCH_OK)
		*ret_revision = reading.revision;
	return code;
}
