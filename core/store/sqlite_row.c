/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two functions of SQL make a row's seal and tell whether it fits; their
 * arguments are taken as they are.
 */
#include "base/text.h"
#include "store/sqlite.h"

void orch_store_sqlite_bind(sqlite3_stmt *statement, const struct orch_store_table *table,
	const struct orch_store_value *row)
{
	for (int i = 0; table->kinds[i]; i++) {
		if (table->kinds[i] == ORCH_STORE_TEXT)
			orch_db_bind_text(statement, i + 1, row[i].text);
		else
			orch_db_bind_int(statement, i + 1, row[i].number);
	}
}

void orch_store_sqlite_take(sqlite3_stmt *statement, int column,
	const struct orch_store_table *table, struct orch_store_value *ret_row)
{
	for (int i = 0; table->kinds[i]; i++) {
		if (table->kinds[i] == ORCH_STORE_TEXT)
			ret_row[i].text = orch_db_column_text(statement, column + i);
		else
			ret_row[i].number = sqlite3_column_int64(statement, column + i);
	}
}

static void add_value(struct orch_buf *row, sqlite3_value *value)
{
	char kind = 'b';
	const void *bytes;
	int64_t number;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		number = sqlite3_value_int64(value);
		orch_store_row_add(row, ORCH_STORE_NUMBER, &number, sizeof(number));
		return;
	case SQLITE_TEXT:
		kind = ORCH_STORE_TEXT;
		bytes = sqlite3_value_text(value);
		break;
	default:
		bytes = sqlite3_value_blob(value);
	}
	orch_store_row_add(row, kind, bytes, (size_t)sqlite3_value_bytes(value));
}

/* False: no memory. */
static bool write_row(struct orch_buf *row, int count, sqlite3_value **values)
{
	orch_buf_init(row, ORCH_STORE_ROW_BYTES);
	for (int i = 0; i < count; i++)
		add_value(row, values[i]);
	return !row->failed;
}

/* row_seal(WHAT, COLUMN, …) */
static void seal_row(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct orch_secret *key = sqlite3_user_data(context);
	char seal[ORCH_SEAL_OVERHEAD];
	struct orch_buf row;

	if (!write_row(&row, count, values)) {
		sqlite3_result_error_nomem(context);
	} else {
		orch_seal(key, ORCH_TEXT_NONE, orch_buf_text(&row), seal);
		sqlite3_result_blob(context, seal, sizeof(seal), SQLITE_TRANSIENT);
	}
	orch_buf_fini(&row);
}

/* row_fits(SEAL, WHAT, COLUMN, …): 1 or 0 */
static void compare_row(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct orch_secret *key = sqlite3_user_data(context);
	struct orch_text seal;
	struct orch_buf row;
	char nothing[1];

	seal.ptr = sqlite3_value_blob(values[0]);
	seal.len = (size_t)sqlite3_value_bytes(values[0]);
	if (!write_row(&row, count - 1, values + 1))
		sqlite3_result_error_nomem(context);
	else
		sqlite3_result_int(context,
			seal.len == ORCH_SEAL_OVERHEAD &&
				orch_unseal(key, seal, orch_buf_text(&row), nothing) == ORCH_OK);
	orch_buf_fini(&row);
}

/* Without a key nothing can be sealed, and nothing is known to be wrong. */
static void refuse_row(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	sqlite3_result_error(context, "the store was opened without its key", -1);
}

static void believe_row(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	sqlite3_result_int(context, 1);
}

static int teach(struct orch_db *db, const struct orch_secret *key, struct orch_err *err)
{
	union {
		const struct orch_secret *in;
		void *out;
	} user = { .in = key };
	sqlite3_stmt *statement;
	int code = orch_db_statement(db, "SELECT 1", &statement, err);
	sqlite3 *handle;

	if (code < 0)
		return code;
	handle = sqlite3_db_handle(statement);
	code = sqlite3_create_function_v2(handle, "row_seal", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
		user.out, key ? seal_row : refuse_row, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_create_function_v2(handle, "row_fits", -1,
			SQLITE_UTF8 | SQLITE_DIRECTONLY, user.out, key ? compare_row : believe_row,
			NULL, NULL, NULL);
	return code == SQLITE_OK
		? ORCH_OK
		: orch_fail(err, ORCH_E_INTERNAL, "store: %s", sqlite3_errmsg(handle));
}

int orch_store_sqlite_teach_writer(
	struct orch_store_sqlite *store, struct orch_db *db, struct orch_err *err)
{
	int code = store->is_writer_taught ? ORCH_OK : teach(db, store->key, err);

	store->is_writer_taught = code == ORCH_OK;
	return code;
}

struct teaching {
	struct orch_db_op op;
	struct orch_store_sqlite *store;
	bool is_needed; /* some rows are older than their seals */
};

static int teach_reader(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct teaching *teaching = (struct teaching *)(void *)op;
	sqlite3_stmt *statement;
	int code = teach(db, teaching->store->key, err);

	if (code == ORCH_OK)
		code = orch_db_statement(db, "SELECT 1 FROM to_seal", &statement, err);
	return code < 0 ? code : orch_db_step(statement, &teaching->is_needed, err);
}

/* Results were sealed later than all else: what had its seal by then keeps it. */
#define IF_FIRST " WHERE EXISTS (SELECT 1 FROM to_seal WHERE one = 1)"

static int seal_old(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	static const char *const sql[] = {
		"UPDATE rule SET seal = row_seal('rule', " ORCH_STORE_RULE_COLUMNS ")" IF_FIRST,
		"UPDATE rule_history SET seal = row_seal('rule', " ORCH_STORE_RULE_COLUMNS
		")" IF_FIRST,
		"UPDATE event SET seal = row_seal('event', " ORCH_STORE_EVENT_COLUMNS ")" IF_FIRST,
		"UPDATE finding SET seal = (SELECT row_seal('finding', id, pipeline,"
		" " ORCH_STORE_FINDING_COLUMNS
		") FROM event WHERE event.row = finding.event)" IF_FIRST,
		"UPDATE result SET seal = row_seal('result', " ORCH_STORE_RESULT_COLUMNS ")",
		"DELETE FROM to_seal",
	};
	struct teaching *teaching = (struct teaching *)(void *)op;
	sqlite3_stmt *statement;
	int code = orch_store_sqlite_teach_writer(teaching->store, db, err);

	/* Another process may have been quicker. */
	if (code == ORCH_OK)
		code = orch_db_statement(db, "SELECT 1 FROM to_seal", &statement, err);
	if (code == ORCH_OK)
		code = orch_db_step(statement, &teaching->is_needed, err);
	for (size_t i = 0;
		code == ORCH_OK && teaching->is_needed && i < sizeof(sql) / sizeof(sql[0]); i++) {
		code = orch_db_statement(db, sql[i], &statement, err);
		if (code == ORCH_OK)
			code = orch_db_step_done(statement, err);
	}
	return code;
}

int orch_store_sqlite_begin_seals(struct orch_store_sqlite *store, struct orch_err *err)
{
	struct orch_db *db = store->base.db;
	struct teaching teaching = { .op = { .run = teach_reader }, .store = store };
	struct orch_db_group group = { .first = &teaching.op };
	int code = orch_db_read(db, &teaching.op, err);

	if (code < 0 || !teaching.is_needed || store->key == NULL || orch_db_is_read_only(db))
		return code;
	teaching.op.run = seal_old;
	return orch_db_run(db, &group, err);
}
