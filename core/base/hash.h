/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, MACs, encodings and names derived from content. */
#ifndef ORCH_HASH_H
#define ORCH_HASH_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_SHA256_BYTES 32
#define ORCH_UUID_CHARS 36 /* without NUL */

void orch_sha256(struct orch_text bytes, uint8_t ret_digest[ORCH_SHA256_BYTES]);

/* Over the pieces as if they were one. */
void orch_hmac_sha256(struct orch_text key, const struct orch_text *pieces, size_t count,
	uint8_t ret_mac[ORCH_SHA256_BYTES]);

/* Lower-case; RET has room for 2 * LEN + 1. */
void orch_hex_encode(const void *bytes, size_t len, char *ret);
/* Both cases.  ORCH_E_INVALID unless exactly 2 * LEN digits. */
ORCH_MUST_USE int orch_hex_decode(struct orch_text hex, void *ret, size_t len);

/* Standard alphabet with padding.  RET has room for (LEN + 2) / 3 * 4 + 1; gives the length. */
size_t orch_base64_encode(const void *bytes, size_t len, char *ret);
/* RET has room for LEN / 4 * 3 + 3. */
ORCH_MUST_USE int orch_base64_decode(struct orch_text text, void *ret, size_t *ret_len);

/* Equal, in time that depends on LEN alone. */
bool orch_equal_constant_time(const void *a, const void *b, size_t len);

/* UUIDv5 (RFC 9562 5.5) of the pieces, each preceded by its length, in our own namespace. */
void orch_uuid5(const struct orch_text *pieces, size_t count, char ret[ORCH_UUID_CHARS + 1]);

void orch_random_bytes(void *ret, size_t len);
uint64_t orch_random_below(uint64_t bound);   /* BOUND > 0 */
uint64_t orch_siphash(struct orch_text text); /* keyed afresh in each process */

#endif
