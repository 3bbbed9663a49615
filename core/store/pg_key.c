/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "store/pg.h"
#include "store/seal.h"

struct proving {
	struct orch_pg_op op;
	const struct orch_secret *key;
	struct orch_store_proof proof;
};

static int send_read(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender, "SELECT sealed FROM key_proof");
	return orch_pg_end(sender, err);
}

static int take_proofs(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct proving *proving = (struct proving *)(void *)op;

	(void)number;
	(void)err;
	proving->proof = (struct orch_store_proof){ 0 };
	for (size_t i = 0; i < orch_pg_count(rows); i++)
		orch_store_read_proof(&proving->proof, proving->key, orch_pg_get(rows, i, 0));
	return ORCH_OK;
}

static int send_write(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct proving *proving = (struct proving *)(void *)op;
	char bytes[ORCH_STORE_PROOFS][ORCH_STORE_PROOF_BYTES];
	struct orch_text proofs[ORCH_STORE_PROOFS];

	for (size_t i = 0; i < ORCH_STORE_PROOFS; i++) {
		orch_store_write_proof(proving->key, bytes[i]);
		proofs[i] = (struct orch_text){ bytes[i], sizeof(bytes[i]) };
	}
	orch_pg_begin(sender,
		"INSERT INTO key_proof (number, sealed)"
		" SELECT number, sealed FROM unnest($1::bytea[]) WITH ORDINALITY"
		" AS proof (sealed, number)"
		" ON CONFLICT (number) DO NOTHING");
	orch_pg_byteses(sender, proofs, ORCH_STORE_PROOFS);
	return orch_pg_end(sender, err);
}

/* Of two processes that begin a database the first one's key is the database's. */
int orch_store_pg_check_key(struct orch_pg *pg, const struct orch_secret *key, struct orch_err *err)
{
	struct proving proving = { .op = { .send = send_read, .take = take_proofs }, .key = key };
	struct proving writing = { .op = { .send = send_write }, .key = key };
	int code = orch_store_pg_run(pg, &proving.op, err);

	if (code == ORCH_OK && proving.proof.count == 0) {
		code = orch_store_pg_run(pg, &writing.op, err);
		if (code == ORCH_OK)
			code = orch_store_pg_run(pg, &proving.op, err);
	}
	return code < 0 ? code : orch_store_judge_proof(&proving.proof, err);
}
