/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules, changed.  A change names the version that it was made from, so that
 * nobody overwrites what he has not seen; every version stays in the history.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/sqlite.h"

#define RULE_ID_TRIES 10000
#define SLUG_BYTES (ORCH_STORE_RULE_ID_BYTES - 4) /* and "-9999", and NUL */

struct saving {
	struct orch_db_op op;
	struct orch_store_sqlite *store;
	const struct orch_stored_rule *rule;
	struct orch_text id, by;
	struct orch_arena *arena;
	struct orch_buf matches, no_matches;
	char derived[SLUG_BYTES + 16]; /* with a number behind it */
	bool is_named;                 /* it is called now as it was not before */
	struct orch_stored_rule saved;
};

static int check(const struct orch_stored_rule *rule, struct orch_err *err)
{
	const struct orch_text texts[] = { rule->rule.id, rule->rule.name, rule->rule.expression,
		rule->rule.options, rule->tool, rule->description };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].len > ORCH_STORE_TEXT_BYTES)
			return orch_fail(err, ORCH_E_LIMIT,
				"a text of the rule has more than %d bytes", ORCH_STORE_TEXT_BYTES);
	}
	if (rule->rule.name.len == 0 || rule->tool.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "a rule needs a name and a tool");
	return ORCH_OK;
}

/* "To match Maestro (EU)" becomes "to-match-maestro-eu". */
static size_t write_slug(struct orch_text name, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < name.len && len < size - 1; i++) {
		char c = name.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ret[len++] = c;
		else if (len > 0 && ret[len - 1] != '-')
			ret[len++] = '-';
	}
	while (len > 0 && ret[len - 1] == '-')
		len--;
	ret[len] = '\0';
	return len;
}

static int is_taken(struct orch_db *db, struct orch_text id, bool *ret_taken, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "SELECT 1 FROM rule WHERE id = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, id);
	return orch_db_step(statement, ret_taken, err);
}

/* Ids of removed rules stay theirs: findings name them. */
static int derive_id(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	char slug[SLUG_BYTES];
	bool taken = true;
	int code = ORCH_OK;

	if (write_slug(saving->rule->rule.name, slug, sizeof(slug)) == 0)
		(void)snprintf(slug, sizeof(slug), "rule");
	for (unsigned i = 1; i < RULE_ID_TRIES && taken && code == ORCH_OK; i++) {
		if (i == 1)
			(void)snprintf(saving->derived, sizeof(saving->derived), "%s", slug);
		else
			(void)snprintf(saving->derived, sizeof(saving->derived), "%s-%u", slug, i);
		code = is_taken(db, orch_text_from(saving->derived), &taken, err);
	}
	if (code == ORCH_OK && taken)
		return orch_fail(err, ORCH_E_LIMIT, "too many rules are called \"%s\"", slug);
	saving->id = orch_text_from(saving->derived);
	return code;
}

static int insert(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	const struct orch_stored_rule *rule = saving->rule;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"INSERT INTO rule (" ORCH_STORE_RULE_COLUMNS ") VALUES"
		" (?1, (SELECT coalesce(max(version), 0) + 1 FROM rule_history WHERE id = ?1"
		" AND " ORCH_STORE_RULE_FITS "),"
		" ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?12, 0)"
		" ON CONFLICT (id) DO NOTHING",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, saving->id);
	orch_db_bind_text(statement, 2, rule->tool);
	orch_db_bind_text(statement, 3, rule->rule.name);
	orch_db_bind_text(statement, 4, rule->description);
	orch_db_bind_text(statement, 5, rule->rule.expression);
	orch_db_bind_int(statement, 6, rule->rule.severity);
	orch_db_bind_text(statement, 7, rule->rule.options);
	orch_db_bind_int(statement, 8, (int64_t)rule->state);
	orch_db_bind_text(statement, 9, orch_buf_text(&saving->matches));
	orch_db_bind_text(statement, 10, orch_buf_text(&saving->no_matches));
	orch_db_bind_text(statement, 11, saving->by);
	orch_db_bind_int(statement, 12, (int64_t)orch_clock_now_ms());
	code = orch_db_step_done(statement, err);
	if (code == ORCH_OK && orch_db_changes(db) == 0)
		return orch_fail(err, ORCH_E_INVALID, "there is a rule \"%.*s\" already",
			ORCH_TEXT_ARG(saving->id));
	return code;
}

static int update(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	const struct orch_stored_rule *rule = saving->rule;
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"UPDATE rule SET version = version + 1, tool = ?3, name = ?4, description = ?5,"
		" expression = ?6, severity = ?7, options = ?8, state = ?9, matches = ?10,"
		" no_matches = ?11, changed_by = ?12, changed = ?13, removed = 0"
		" WHERE id = ?1 AND version = ?2",
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, saving->id);
	orch_db_bind_int(statement, 2, rule->rule.version);
	orch_db_bind_text(statement, 3, rule->tool);
	orch_db_bind_text(statement, 4, rule->rule.name);
	orch_db_bind_text(statement, 5, rule->description);
	orch_db_bind_text(statement, 6, rule->rule.expression);
	orch_db_bind_int(statement, 7, rule->rule.severity);
	orch_db_bind_text(statement, 8, rule->rule.options);
	orch_db_bind_int(statement, 9, (int64_t)rule->state);
	orch_db_bind_text(statement, 10, orch_buf_text(&saving->matches));
	orch_db_bind_text(statement, 11, orch_buf_text(&saving->no_matches));
	orch_db_bind_text(statement, 12, saving->by);
	orch_db_bind_int(statement, 13, (int64_t)orch_clock_now_ms());
	return orch_db_step_done(statement, err);
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

/* A row of which nothing can be relied on makes way. */
static int drop_damaged(
	struct orch_db *db, struct orch_text id, bool *ret_dropped, struct orch_err *err)
{
	int code = run_with_id(
		db, "DELETE FROM rule WHERE id = ?1 AND NOT " ORCH_STORE_RULE_FITS, id, err);

	*ret_dropped = code == ORCH_OK && orch_db_changes(db) > 0;
	return code;
}

static int change(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	bool exists = false, dropped = false;
	int code = drop_damaged(db, saving->id, &dropped, err);

	if (code == ORCH_OK)
		code = dropped ? insert(saving, db, err) : update(saving, db, err);
	if (code < 0 || dropped || orch_db_changes(db) > 0)
		return code;
	code = is_taken(db, saving->id, &exists, err);
	if (code < 0)
		return code;
	if (!exists)
		return orch_fail(err, ORCH_E_INVALID, "there is no rule \"%.*s\"",
			ORCH_TEXT_ARG(saving->id));
	return orch_fail(err, ORCH_E_AGAIN,
		"rule \"%.*s\" was changed meanwhile: version %u is not the latest",
		ORCH_TEXT_ARG(saving->id), saving->rule->rule.version);
}

static int tell_all(struct orch_db *db, struct orch_err *err)
{
	int code = run_with_id(db, "UPDATE revision SET number = number + 1", ORCH_TEXT_NONE, err);

	if (code == ORCH_OK)
		orch_db_note(db, ORCH_STORE_RULES_TOPIC);
	return code;
}

/* The version as it now is gets its seal and joins the history, in place of one that has rotted there. */
static int record(struct orch_db *db, struct orch_text id, struct orch_err *err)
{
	int code = run_with_id(db,
		"UPDATE rule SET seal = row_seal('rule', " ORCH_STORE_RULE_COLUMNS
		") WHERE id = ?1",
		id, err);

	if (code == ORCH_OK)
		code = run_with_id(db,
			"INSERT OR REPLACE INTO rule_history (" ORCH_STORE_RULE_COLUMNS ", seal)"
			" SELECT " ORCH_STORE_RULE_COLUMNS ", seal FROM rule WHERE id = ?1",
			id, err);
	return code < 0 ? code : tell_all(db, err);
}

static int read_back(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT " ORCH_STORE_RULE_COLUMNS ", 1 FROM rule WHERE id = ?1", &statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, saving->id);
	code = orch_db_step(statement, &row, err);
	if (code == ORCH_OK && row)
		orch_store_sqlite_take_rule(statement, saving->arena, &saving->saved);
	if (code == ORCH_OK && orch_arena_failed(saving->arena))
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	return code;
}

static int choose_id(struct saving *saving, struct orch_db *db, struct orch_err *err)
{
	bool has_name = false;
	int code;

	saving->id = saving->rule->rule.id;
	if (saving->rule->rule.version > 0)
		code = orch_store_sqlite_has_name(db, saving->id, saving->rule, &has_name, err);
	else if (saving->id.len > 0)
		code = orch_store_check_rule_id(saving->id, err);
	else
		code = derive_id(saving, db, err);
	saving->is_named = !has_name;
	return code;
}

static int save(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct saving *saving = (struct saving *)(void *)op;
	bool is_new = saving->rule->rule.version == 0;
	int code = orch_store_sqlite_teach_writer(saving->store, db, err);

	if (code == ORCH_OK)
		code = choose_id(saving, db, err);
	if (code == ORCH_OK)
		code = is_new ? insert(saving, db, err) : change(saving, db, err);
	if (code == ORCH_OK)
		code = record(db, saving->id, err);
	return code < 0 ? code : read_back(saving, db, err);
}

/* The last of a group: two rules may have changed their names with each other. */
struct naming {
	struct orch_db_op op;
	const struct saving *savings;
	size_t count;
};

static bool is_named_anew(
	const void *arg, struct orch_text tool, struct orch_text name, struct orch_text *ret_id)
{
	const struct naming *naming = arg;

	for (size_t i = 0; i < naming->count; i++) {
		const struct saving *saving = &naming->savings[i];

		if (saving->is_named && orch_text_equal(saving->rule->tool, tool) &&
			orch_text_equal(saving->rule->rule.name, name)) {
			*ret_id = saving->id;
			return true;
		}
	}
	return false;
}

static int check_names(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	return orch_store_sqlite_refuse_taken(db, is_named_anew, op, err);
}

static int prepare(struct saving *saving, struct orch_err *err)
{
	int code = check(saving->rule, err);

	if (code < 0)
		return code;
	saving->op.run = save;
	orch_buf_init(&saving->matches, ORCH_STORE_SEALED_BYTES);
	orch_buf_init(&saving->no_matches, ORCH_STORE_SEALED_BYTES);
	orch_store_sqlite_write_list(&saving->matches, &saving->rule->matches);
	orch_store_sqlite_write_list(&saving->no_matches, &saving->rule->no_matches);
	if (saving->matches.failed || saving->no_matches.failed)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	return ORCH_OK;
}

static int prepare_all(struct orch_store *store, struct saving *savings, struct orch_db_op *last,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_arena *arena, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; code == ORCH_OK && i < count; i++) {
		savings[i].store = orch_store_sqlite_of(store);
		savings[i].rule = &rules[i];
		savings[i].by = by;
		savings[i].arena = arena;
		savings[i].op.next = i + 1 < count ? &savings[i + 1].op : last;
		code = prepare(&savings[i], err);
	}
	return code;
}

int orch_store_sqlite_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err)
{
	struct saving *savings = orch_alloc_array(count, sizeof(*savings));
	struct naming naming = { .op = { .run = check_names }, .savings = savings, .count = count };
	struct orch_db_group group = { 0 };
	int code;

	if (savings == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	code = prepare_all(store, savings, &naming.op, rules, count, by, arena, err);
	group.first = &savings[0].op;
	if (code == ORCH_OK)
		code = orch_db_run(store->db, &group, err);
	for (size_t i = 0; i < count; i++) {
		orch_buf_fini(&savings[i].matches);
		orch_buf_fini(&savings[i].no_matches);
		if (code == ORCH_OK)
			ret_rules[i] = savings[i].saved;
	}
	orch_free(savings);
	return code;
}

static int mark_removed(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct saving *saving = (struct saving *)(void *)op;
	sqlite3_stmt *statement;
	bool dropped = false;
	int code = orch_store_sqlite_teach_writer(saving->store, db, err);

	if (code == ORCH_OK)
		code = drop_damaged(db, saving->id, &dropped, err);
	if (code < 0 || dropped)
		return code < 0 ? code : tell_all(db, err);
	code = orch_db_statement(db,
		"UPDATE rule SET version = version + 1, removed = 1, changed_by = ?2, changed = ?3"
		" WHERE id = ?1 AND removed = 0",
		&statement, err);
	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, saving->id);
	orch_db_bind_text(statement, 2, saving->by);
	orch_db_bind_int(statement, 3, (int64_t)orch_clock_now_ms());
	code = orch_db_step_done(statement, err);
	if (code < 0)
		return code;
	if (orch_db_changes(db) == 0)
		return orch_fail(err, ORCH_E_INVALID, "there is no rule \"%.*s\"",
			ORCH_TEXT_ARG(saving->id));
	return record(db, saving->id, err);
}

int orch_store_sqlite_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err)
{
	struct saving saving = { .op = { .run = mark_removed },
		.store = orch_store_sqlite_of(store),
		.id = id,
		.by = by };
	struct orch_db_group group = { .first = &saving.op };

	return orch_db_run(store->db, &group, err);
}
