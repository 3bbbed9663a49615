/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: in locked memory that core dumps leave out, wiped when they go.
 *
 * Every secret is known to the log, which blots out its value wherever it
 * should turn up.
 */
#ifndef ORCH_SECRET_H
#define ORCH_SECRET_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_secret;

/* Copies; the caller wipes its own copy.  NULL when locked memory is not to be had. */
struct orch_secret *orch_secret_create(struct orch_text value);
void orch_secret_destroy(struct orch_secret *secret); /* accepts NULL */
struct orch_text orch_secret_text(
	const struct orch_secret *secret); /* for the one who sends or signs */

/*
 * Takes the secret out of the environment variable NAME into locked memory, so
 * that /proc does not show it, and gives a copy, for the caller to wipe; the
 * next call gives the same unless the variable was set anew.  ORCH_E_INVALID:
 * not set or empty; ORCH_E_LIMIT: SIZE or more bytes, and left where it is.
 */
ORCH_MUST_USE int orch_secret_take_env(const char *name, char *bytes, size_t size, size_t *ret_len);

/* Overwrites every known secret within LINE by asterisks. */
void orch_secret_blot(char *line, size_t len);

/* No core dumps, no ptrace by others, for the whole process. */
void orch_secret_protect_process(void);

#define ORCH_SEAL_KEY_BYTES 32
#define ORCH_SEAL_OVERHEAD 40 /* nonce and tag */

/*
 * Sealed bytes (XChaCha20-Poly1305, random nonce): unreadable without the key
 * and bound to ABOUT, so that a changed or swapped row does not open.
 * RET has room for plain.len + ORCH_SEAL_OVERHEAD.
 */
void orch_seal(
	const struct orch_secret *key, struct orch_text plain, struct orch_text about, void *ret);
/* RET has room for sealed.len - ORCH_SEAL_OVERHEAD.  ORCH_E_INVALID if it does not open. */
ORCH_MUST_USE int orch_unseal(
	const struct orch_secret *key, struct orch_text sealed, struct orch_text about, void *ret);

#endif
