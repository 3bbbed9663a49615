/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4: a request in a form on which both sides agree, a key
 * for a day, a region and a service, and a MAC over the one by the other.
 *
 * Pure: no clock, no credentials but those handed in.
 */
#ifndef ORCH_AWS_SIGN_H
#define ORCH_AWS_SIGN_H
#include <orch/abi.h>
#include "base/buf.h"
#include "base/check.h"
#include "base/hash.h"

#define ORCH_AWS_DATE_TIME_CHARS 16          /* "20261121T030000Z", without NUL */
#define ORCH_AWS_DAY_CHARS 8                 /* its first part */
#define ORCH_AWS_SIGNED_HEADERS 32           /* at most */
#define ORCH_AWS_QUERY_PARAMETERS 64         /* at most */
#define ORCH_AWS_CANONICAL_BYTES (64 * 1024) /* of a request in its canonical form */
#define ORCH_AWS_SECRET_BYTES 1024           /* of a secret access key, at most */
#define ORCH_AWS_AUTHORIZATION_BYTES 4096    /* of the header's value, at most */

struct orch_aws_header {
	struct orch_text name, value;
};

struct orch_aws_signable {
	struct orch_text method;
	struct orch_text path;  /* "/" at least; bytes that are to be escaped are not yet */
	struct orch_text query; /* without "?"; escaped or not; may be empty */
	const struct orch_aws_header *headers; /* to be signed: in any order and case */
	size_t header_count;
	struct orch_text body;
};

struct orch_aws_scope {
	char date_time[ORCH_AWS_DATE_TIME_CHARS + 1];
	struct orch_text region, service;
};

/* All but letters, digits and "-._~" becomes %XX. */
void orch_aws_escape(struct orch_buf *buf, struct orch_text text);

void orch_aws_date_time(uint64_t ms, char ret[ORCH_AWS_DATE_TIME_CHARS + 1]);

/*
 * The canonical form of REQUEST, and the list of the headers in it ("host;x-amz-date").
 * ORCH_E_INVALID: a header that could be read as two; ORCH_E_LIMIT: too much of something.
 */
ORCH_MUST_USE int orch_aws_canonicalise(const struct orch_aws_signable *request,
	struct orch_buf *canonical, struct orch_buf *signed_headers, struct orch_err *err);

/* The caller wipes *ret_key.  SECRET has at most ORCH_AWS_SECRET_BYTES. */
void orch_aws_signing_key(struct orch_text secret, const struct orch_aws_scope *scope,
	uint8_t ret_key[ORCH_SHA256_BYTES]);

/* The value of the header Authorization, added to the empty VALUE. */
ORCH_MUST_USE int orch_aws_sign(const struct orch_aws_signable *request,
	const struct orch_aws_scope *scope, struct orch_text access_key_id,
	const uint8_t key[ORCH_SHA256_BYTES], struct orch_buf *value, struct orch_err *err);

#endif
