/* SPDX-License-Identifier: Apache-2.0 */
/* A name that no other rule of its tool has; a damaged row has none. */
#include "base/text.h"
#include "store/sqlite.h"

int orch_store_sqlite_has_name(struct orch_db *db, struct orch_text id,
	const struct orch_stored_rule *rule, bool *ret_has, struct orch_err *err)
{
	sqlite3_stmt *statement;
	int code = orch_db_statement(db,
		"SELECT 1 FROM rule WHERE id = ?1 AND tool = ?2 AND name = ?3 AND removed = 0"
		" AND " ORCH_STORE_RULE_FITS,
		&statement, err);

	if (code < 0)
		return code;
	orch_db_bind_text(statement, 1, id);
	orch_db_bind_text(statement, 2, rule->tool);
	orch_db_bind_text(statement, 3, rule->rule.name);
	return orch_db_step(statement, ret_has, err);
}

/* One pass for all of them: there is no index by name. */
int orch_store_sqlite_refuse_taken(struct orch_db *db,
	bool (*is_new)(const void *arg, struct orch_text tool, struct orch_text name,
		struct orch_text *ret_id),
	const void *arg, struct orch_err *err)
{
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db,
		"SELECT tool, name, min(id), max(id) FROM rule WHERE removed = 0"
		" AND " ORCH_STORE_RULE_FITS " GROUP BY tool, name HAVING count(*) > 1",
		&statement, err);

	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		struct orch_text name = orch_db_column_text(statement, 1), id;
		struct orch_text other = orch_db_column_text(statement, 2);

		if (!is_new(arg, orch_db_column_text(statement, 0), name, &id))
			continue;
		if (orch_text_equal(id, other))
			other = orch_db_column_text(statement, 3);
		return orch_fail(err, ORCH_E_INVALID,
			"the name \"%.*s\" is taken by the rule %.*s; change that one, or choose "
			"another name",
			ORCH_TEXT_ARG(name), ORCH_TEXT_ARG(other));
	}
	return code;
}
