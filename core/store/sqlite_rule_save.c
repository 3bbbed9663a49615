/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, changed: the book is read, changed and written down within one transaction. */
#include "base/text.h"
#include "store/book.h"
#include "store/sqlite.h"

struct changing {
	struct orch_db_op op;
	struct orch_store_sqlite *store;
	struct orch_db *db; /* within the transaction */
	struct orch_store_book book;
	struct orch_text by;
	/* of a save */
	const struct orch_stored_rule *rules;
	size_t count;
	struct orch_arena *arena;
	struct orch_stored_rule *ret_rules;
	/* of a removal */
	struct orch_text id;
};

static int find_highest(void *arg, struct orch_text id, uint32_t *ret_version, struct orch_err *err)
{
	struct changing *changing = arg;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(changing->db,
		"SELECT coalesce(max(version), 0) FROM rule_history WHERE id = ?1"
		" AND " ORCH_STORE_RULE_FITS,
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, id);
	code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK && row)
		*ret_version = (uint32_t)sqlite3_column_int64(statement, 0);
	return code;
}

static int enter_all(struct changing *changing, struct orch_err *err)
{
	struct orch_store_value values[ORCH_STORE_RULE_COUNT];
	struct orch_stored_rule rule;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(changing->db,
		"SELECT " ORCH_STORE_RULE_COLUMNS ", " ORCH_STORE_RULE_FITS ", n FROM rule",
		&statement, err);

	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		orch_store_sqlite_take(statement, 0, &orch_store_rule_table, values);
		orch_store_rule_from_row(values, sqlite3_column_int(statement, 16) != 0,
			changing->book.arena, &rule);
		code = orch_store_book_enter(
			&changing->book, &rule, sqlite3_column_int64(statement, 17), err);
	}
	if (code == ORCH_OK && orch_arena_failed(changing->book.arena))
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	return code;
}

static int run_with_id(
	struct orch_db *db, const char *sql, struct orch_text id, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, sql, &statement, err);

	if (code < 0)
		return code;
	if (id.len)
		orch_db_bind_text(statement, 1, id);
	return orch_db_step_done(statement, err);
}

#define RULE_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16"

/* In place of what had its id, and of a version that has rotted in the history. */
static int write_change(
	struct changing *changing, const struct orch_store_change *change, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RULE_COUNT];
	sqlite3_stmt *statement;
	int code = orch_store_rule_to_row(&change->rule, changing->book.arena, row, err);

	if (code == ORCH_OK)
		code = orch_db_statement(changing->db,
			"INSERT OR REPLACE INTO rule (" ORCH_STORE_RULE_COLUMNS ", seal, n)"
			" VALUES (" RULE_VALUES ", row_seal('rule', " RULE_VALUES "), ?17)",
			&statement, err);
	if (code != ORCH_OK)
		return code;
	orch_store_sqlite_bind(statement, &orch_store_rule_table, row);
	orch_db_bind_int(statement, 17, change->place);
	code = orch_db_step_done(statement, err);
	return code < 0 ? code
			: run_with_id(changing->db,
				  "INSERT OR REPLACE INTO rule_history (" ORCH_STORE_RULE_COLUMNS
				  ", seal) SELECT " ORCH_STORE_RULE_COLUMNS
				  ", seal FROM rule WHERE id = ?1",
				  change->rule.rule.id, err);
}

static int write_changes(struct changing *changing, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < changing->book.count && code == ORCH_OK; i++)
		code = write_change(changing, &changing->book.changes[i], err);
	if (code == ORCH_OK)
		code = run_with_id(changing->db, "UPDATE revision SET number = number + 1",
			ORCH_TEXT_NONE, err);
	if (code == ORCH_OK)
		orch_db_note(changing->db, ORCH_STORE_RULES_TOPIC);
	return code;
}

static int save(struct changing *changing, struct orch_err *err)
{
	int code = orch_store_book_save(
		&changing->book, changing->rules, changing->count, changing->by, err);

	if (code == ORCH_OK)
		code = write_changes(changing, err);
	return code < 0
		? code
		: orch_store_book_give(&changing->book, changing->arena, changing->ret_rules, err);
}

static int mark_removed(struct changing *changing, struct orch_err *err)
{
	bool gone = false;
	int code = orch_store_book_remove(&changing->book, changing->id, changing->by, &gone, err);

	if (code == ORCH_OK && gone)
		code = run_with_id(
			changing->db, "DELETE FROM rule WHERE id = ?1", changing->id, err);
	return code < 0 ? code : write_changes(changing, err);
}

static int change(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct changing *changing = (struct changing *)(void *)op;
	struct orch_arena *arena = orch_arena_create(0);
	int code = arena ? orch_store_sqlite_teach_writer(changing->store, db, err)
			 : orch_fail(err, ORCH_E_NOMEM, "store: out of memory");

	if (code == ORCH_OK)
		code = orch_store_book_open(&changing->book, arena, err);
	changing->db = db;
	changing->book.highest = find_highest;
	changing->book.arg = changing;
	if (code == ORCH_OK)
		code = enter_all(changing, err);
	if (code == ORCH_OK)
		code = changing->rules ? save(changing, err) : mark_removed(changing, err);
	orch_store_book_close(&changing->book);
	orch_arena_destroy(arena);
	return code;
}

int orch_store_sqlite_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err)
{
	struct changing changing = { .op = { .run = change },
		.store = orch_store_sqlite_of(store),
		.by = by,
		.rules = rules,
		.count = count,
		.arena = arena,
		.ret_rules = ret_rules };
	struct orch_db_group group = { .first = &changing.op };

	return orch_db_run(store->db, &group, err);
}

int orch_store_sqlite_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err)
{
	struct changing changing = {
		.op = { .run = change }, .store = orch_store_sqlite_of(store), .by = by, .id = id
	};
	struct orch_db_group group = { .first = &changing.op };

	return orch_db_run(store->db, &group, err);
}
