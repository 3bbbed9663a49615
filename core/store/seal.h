/* SPDX-License-Identifier: Apache-2.0 */
/* What people wrote, sealed before it reaches an engine, and the proof of the key. */
#ifndef ORCH_STORE_SEAL_H
#define ORCH_STORE_SEAL_H
#include "base/secret.h"
#include "store/store.h"

#define ORCH_STORE_SEALED_BYTES (32 * 1024 * 1024) /* content or fields of an event */

/* WHAT, the event and a number say what sealed bytes are, so that none can take another's place. */
struct orch_store_about {
	const char *what;
	struct orch_text event_id, pipeline;
	uint64_t number;
};
/* In ARENA, as is what follows. */
ORCH_MUST_USE int orch_store_seal(const struct orch_secret *key, struct orch_text plain,
	const struct orch_store_about *about, struct orch_arena *arena,
	struct orch_text *ret_sealed, struct orch_err *err);
/* ORCH_E_INVALID: damaged. */
ORCH_MUST_USE int orch_store_unseal(const struct orch_secret *key, struct orch_text sealed,
	const struct orch_store_about *about, struct orch_arena *arena,
	struct orch_text *ret_plain);

ORCH_MUST_USE int orch_store_seal_event(const struct orch_secret *key,
	const struct orch_stored_event *event, struct orch_arena *arena,
	struct orch_text *ret_fields, struct orch_text *ret_content, struct orch_err *err);
/* Of the finding of that number; empty if it has none. */
ORCH_MUST_USE int orch_store_seal_detail(const struct orch_secret *key,
	const struct orch_stored_event *event, size_t number, struct orch_arena *arena,
	struct orch_text *ret_detail, struct orch_err *err);

/*
 * Gives an event its fields, and its content (NULL: not asked for).  What does
 * not open is said so in the event's own note; others are not held up by it.
 */
ORCH_MUST_USE int orch_store_open_event(const struct orch_secret *key, struct orch_text fields,
	const struct orch_text *content, struct orch_arena *arena, struct orch_stored_event *event,
	struct orch_err *err);
/* The empty text if it does not open. */
ORCH_MUST_USE int orch_store_open_detail(const struct orch_secret *key,
	const struct orch_stored_event *event, uint64_t number, struct orch_text sealed,
	struct orch_arena *arena, struct orch_text *ret_detail, struct orch_err *err);

/*
 * Is this the key that a database was begun with?  Under another one every
 * message and finding would look damaged.  The proof is kept twice, so that a
 * flipped bit does not lock anybody out.
 */
#define ORCH_STORE_PROOFS 2
#define ORCH_STORE_PROOF_BYTES (24 + ORCH_SEAL_OVERHEAD)
struct orch_store_proof {
	size_t count; /* that are there */
	bool opens;
};
void orch_store_write_proof(const struct orch_secret *key, char ret[ORCH_STORE_PROOF_BYTES]);
void orch_store_read_proof(
	struct orch_store_proof *proof, const struct orch_secret *key, struct orch_text sealed);
/* ORCH_E_DENIED if there are proofs, and none opens. */
ORCH_MUST_USE int orch_store_judge_proof(
	const struct orch_store_proof *proof, struct orch_err *err);

#endif
