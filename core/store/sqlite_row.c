/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns in clear can be searched, and can rot unseen.  A row of them carries
 * a seal: nothing, sealed, and bound to what the row is and to every column of
 * it.  Two functions of SQL make it and tell whether it fits; their arguments
 * are taken as they are, each with its kind and its length.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "store/sqlite.h"

#define ROW_BYTES (80 << 20) /* more than a row can have */

static void add_sized(struct orch_buf *row, char kind, const void *bytes, int len)
{
	int64_t size = len;

	orch_buf_add_char(row, kind);
	orch_buf_add(row, &size, sizeof(size));
	orch_buf_add(row, bytes != NULL ? bytes : "", (size_t)len);
}

static void add_value(struct orch_buf *row, sqlite3_value *value)
{
	int64_t number;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		number = sqlite3_value_int64(value);
		add_sized(row, 'i', &number, sizeof(number));
		break;
	case SQLITE_TEXT:
		add_sized(row, 't', sqlite3_value_text(value), sqlite3_value_bytes(value));
		break;
	default:
		add_sized(row, 'b', sqlite3_value_blob(value), sqlite3_value_bytes(value));
		break;
	}
}

/* False: no memory. */
static bool write_row(struct orch_buf *row, int count, sqlite3_value **values)
{
	orch_buf_init(row, ROW_BYTES);
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
