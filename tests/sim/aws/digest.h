/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by OpenSSL itself: what is checked here must not come from the code that is under test. */
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H
#include <orch/abi.h>
#include "base/check.h"

#define AWS_SHA256_BYTES 32
#define AWS_MD5_BYTES 16
#define AWS_MD5_SIZE 33 /* as hexadecimal text, with its NUL */

struct aws_digest;

/* NULL: no memory, or OpenSSL has not even MD5. */
struct aws_digest *aws_digest_create(void);
void aws_digest_destroy(struct aws_digest *digest); /* accepts NULL */

void aws_digest_md5(struct aws_digest *digest, struct orch_text bytes, uint8_t ret[AWS_MD5_BYTES]);
void aws_digest_md5_text(struct aws_digest *digest, struct orch_text bytes, char ret[AWS_MD5_SIZE]);
void aws_digest_sha256(
	struct aws_digest *digest, struct orch_text bytes, uint8_t ret[AWS_SHA256_BYTES]);
void aws_digest_hmac(struct aws_digest *digest, struct orch_text key, struct orch_text bytes,
	uint8_t ret[AWS_SHA256_BYTES]);

#endif
