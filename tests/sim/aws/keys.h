/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials that are accepted, and those that were and have expired. */
#ifndef AWS_KEYS_H
#define AWS_KEYS_H
#include "sim/aws/digest.h"
#include "sim/aws/error.h"
#include "base/secret.h"

#define AWS_KEYS_MAX 32
#define AWS_KEY_ID_SIZE 132
#define AWS_SCOPE_SIZE 96
#define AWS_DERIVED_MAX 4 /* keys that are kept for each secret: a day, a service */

/* What a secret becomes for one day, region and service. */
struct aws_derived {
	char scope[AWS_SCOPE_SIZE];
	uint8_t key[AWS_SHA256_BYTES];
};

struct aws_key {
	char id[AWS_KEY_ID_SIZE];
	struct orch_secret *secret;
	struct orch_secret *token; /* NULL: none is needed */
	bool has_expired;
	uint64_t expires_ms; /* wall clock; 0: never */
	struct aws_derived derived[AWS_DERIVED_MAX];
	size_t next_derived;
};

struct aws_keys {
	struct aws_key list[AWS_KEYS_MAX]; /* the newest last */
	size_t count;
	char expired_code[AWS_CODE_SIZE]; /* what an expired one is answered */
};

/* TOKEN may be empty.  One with the same id and token is replaced; the oldest goes when there are too many. */
ORCH_MUST_USE int aws_keys_add(struct aws_keys *keys, struct orch_text id, struct orch_text secret,
	struct orch_text token, struct orch_err *err);
void aws_keys_clear(struct aws_keys *keys);
/* NULL: none has this id and token. */
struct aws_key *aws_keys_find(struct aws_keys *keys, struct orch_text id, struct orch_text token);
/* All, or those of ID; how many. */
size_t aws_keys_expire(struct aws_keys *keys, struct orch_text id, uint64_t at_ms);
bool aws_key_is_over(const struct aws_key *key, uint64_t wall_ms);
/* The signing key for SCOPE: "20261121/eu-west-1/sqs/aws4_request". */
const uint8_t *aws_key_derive(
	struct aws_key *key, struct aws_digest *digest, struct orch_text scope);

#endif
