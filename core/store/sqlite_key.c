/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "store/seal.h"
#include "store/sqlite.h"

struct proving {
	struct orch_db_op op;
	const struct orch_secret *key;
	struct orch_store_proof proof;
};

static int read_proofs(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct proving *proving = (struct proving *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT sealed FROM key_proof", &statement, err);

	proving->proof = (struct orch_store_proof){ 0 };
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row)
		orch_store_read_proof(
			&proving->proof, proving->key, orch_db_column_blob(statement, 0));
	return code;
}

/* Of two processes that begin a database the first one's key is the database's. */
static int write_proofs(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct proving *proving = (struct proving *)(void *)op;
	char sealed[ORCH_STORE_PROOF_BYTES];
	sqlite3_stmt *statement;
	int code = read_proofs(op, db, err);

	for (int64_t number = 1; code == ORCH_OK && proving->proof.count < ORCH_STORE_PROOFS;
		number++) {
		code = orch_db_statement(db,
			"INSERT INTO key_proof (number, sealed) VALUES (?1, ?2)", &statement, err);
		if (code < 0)
			return code;
		orch_store_write_proof(proving->key, sealed);
		orch_db_bind_int(statement, 1, number);
		orch_db_bind_blob(statement, 2, (struct orch_text){ sealed, sizeof(sealed) });
		code = orch_db_step_done(statement, err);
		proving->proof.count++;
		proving->proof.opens = true;
	}
	return code;
}

int orch_store_sqlite_check_key(
	struct orch_db *db, const struct orch_secret *key, struct orch_err *err)
{
	struct proving proving = { .op = { .run = read_proofs }, .key = key };
	struct orch_db_group group = { .first = &proving.op };
	int code = orch_db_read(db, &proving.op, err);

	if (code == ORCH_OK && proving.proof.count == 0 && !orch_db_is_read_only(db)) {
		proving.op.run = write_proofs;
		code = orch_db_run(db, &group, err);
	}
	return code < 0 ? code : orch_store_judge_proof(&proving.proof, err);
}
