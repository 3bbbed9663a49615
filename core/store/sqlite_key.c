/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this the key that the database was begun with?  Under another one every
 * message and finding would look damaged.  The proof is kept twice, so that a
 * flipped bit does not lock anybody out.
 */
#include "base/text.h"
#include "store/sqlite.h"

#define PROOFS 2

static const struct orch_text plain = { "the key of this database", 24 };

struct proof {
	struct orch_db_op op;
	const struct orch_secret *key;
	size_t count; /* that are there */
	bool opens;
};

static bool opens(const struct orch_secret *key, struct orch_text sealed)
{
	char bytes[64];

	return sealed.len == plain.len + ORCH_SEAL_OVERHEAD &&
		orch_unseal(key, sealed, plain, bytes) == ORCH_OK;
}

static int read_proofs(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct proof *proof = (struct proof *)(void *)op;
	sqlite3_stmt *statement;
	bool row = false;
	int code = orch_db_statement(db, "SELECT sealed FROM key_proof", &statement, err);

	proof->count = 0;
	proof->opens = false;
	while (code == ORCH_OK && (code = orch_db_step(statement, &row, err)) == ORCH_OK && row) {
		proof->count++;
		if (opens(proof->key, orch_db_column_blob(statement, 0)))
			proof->opens = true;
	}
	return code;
}

/* Of two processes that begin a database the first one's key is the database's. */
static int write_proofs(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct proof *proof = (struct proof *)(void *)op;
	char sealed[64];
	sqlite3_stmt *statement;
	int code = read_proofs(op, db, err);

	for (int64_t number = 1; code == ORCH_OK && proof->count < PROOFS; number++) {
		code = orch_db_statement(db,
			"INSERT INTO key_proof (number, sealed) VALUES (?1, ?2)", &statement, err);
		if (code < 0)
			return code;
		orch_seal(proof->key, plain, plain, sealed);
		orch_db_bind_int(statement, 1, number);
		orch_db_bind_blob(
			statement, 2, (struct orch_text){ sealed, plain.len + ORCH_SEAL_OVERHEAD });
		code = orch_db_step_done(statement, err);
		proof->count++;
		proof->opens = true;
	}
	return code;
}

int orch_store_sqlite_check_key(
	struct orch_db *db, const struct orch_secret *key, struct orch_err *err)
{
	struct proof proof = { .op = { .run = read_proofs }, .key = key };
	struct orch_db_group group = { .first = &proof.op };
	int code = orch_db_read(db, &proof.op, err);

	if (code == ORCH_OK && proof.count == 0 && !orch_db_is_read_only(db)) {
		proof.op.run = write_proofs;
		code = orch_db_run(db, &group, err);
	}
	if (code < 0 || proof.count == 0 || proof.opens)
		return code;
	return orch_fail(err, ORCH_E_DENIED,
		"the store's key is not the one that the database was begun with; give it that "
		"one, or move the database away to begin anew");
}
