/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, read.  What a damaged row says of itself is not asked: neither its tool nor whether it was removed. */
#include "base/text.h"
#include "store/sqlite.h"

#define RULES_FIRST 64 /* room for so many at first */

struct reading {
	struct orch_db_op op;
	struct orch_arena *arena;
	struct orch_text tool, id;
	bool with_removed;
	struct orch_stored_rule *rules;
	size_t count, size;
	uint64_t revision;
};

static struct orch_text copy(struct orch_arena *arena, sqlite3_stmt *statement, int column)
{
	return orch_arena_text(arena, orch_db_column_text(statement, column));
}

void orch_store_sqlite_take_rule(
	sqlite3_stmt *statement, struct orch_arena *arena, struct orch_stored_rule *ret_rule)
{
	int state = sqlite3_column_int(statement, 8);

	*ret_rule = (struct orch_stored_rule){
		.rule = { .size = sizeof(struct orch_rule),
			.id = copy(arena, statement, 0),
			.version = (uint32_t)sqlite3_column_int64(statement, 1),
			.name = copy(arena, statement, 3),
			.expression = copy(arena, statement, 5),
			.severity = (uint32_t)sqlite3_column_int64(statement, 6),
			.options = copy(arena, statement, 7) },
		.tool = copy(arena, statement, 2),
		.description = copy(arena, statement, 4),
		.state = ORCH_RULE_OFF,
		.matches = orch_store_sqlite_read_list(arena, orch_db_column_text(statement, 9)),
		.no_matches =
			orch_store_sqlite_read_list(arena, orch_db_column_text(statement, 10)),
		.created_by = copy(arena, statement, 11),
		.changed_by = copy(arena, statement, 12),
		.created_ms = (uint64_t)sqlite3_column_int64(statement, 13),
		.changed_ms = (uint64_t)sqlite3_column_int64(statement, 14),
		.removed = sqlite3_column_int(statement, 15) != 0,
		.damaged = sqlite3_column_int(statement, 16) == 0,
	};
	if (state < ORCH_RULE_LIVE || state > ORCH_RULE_OFF)
		ret_rule->damaged = true;
	else if (!ret_rule->damaged)
		ret_rule->state = (enum orch_rule_state)state;
}

static bool is_wanted(const struct reading *reading, const struct orch_stored_rule *rule)
{
	return rule->damaged || reading->id.len > 0 ||
		((reading->tool.len == 0 || orch_text_equal(reading->tool, rule->tool)) &&
			(reading->with_removed || !rule->removed));
}

static bool make_room(struct reading *reading)
{
	size_t size = reading->size ? reading->size * 2 : RULES_FIRST;
	struct orch_stored_rule *grown;

	if (reading->count < reading->size)
		return true;
	grown = orch_arena_alloc_array(reading->arena, size, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < reading->count; i++)
		grown[i] = reading->rules[i];
	reading->rules = grown;
	reading->size = size;
	return true;
}

static int collect(struct reading *reading, sqlite3_stmt *statement, struct orch_err *err)
{
	bool row = false;
	int code;

	while ((code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		if (!make_room(reading))
			break;
		orch_store_sqlite_take_rule(
			statement, reading->arena, &reading->rules[reading->count]);
		if (is_wanted(reading, &reading->rules[reading->count]))
			reading->count++;
	}
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
