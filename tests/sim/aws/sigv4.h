/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks Signature Version 4 as the service does, from the request as it came.
 *
 * Written apart from the code that signs, on OpenSSL alone, so that a mistake
 * in one does not agree with itself in the other.  Only "POST /" without a
 * query is signed in this way.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H
#include "sim/aws/keys.h"
#include "net/http_parser.h"

#define AWS_SKEW_MAX_MS (5 * 60 * 1000) /* between the request's time and ours */
#define AWS_CANONICAL_BYTES 65536

struct aws_signed {
	const struct orch_http_head *head;
	struct orch_text body;
	const char *service, *region; /* that its scope must name */
	uint64_t wall_ms;
};

/* NULL: it is right.  Else the service's code, and why in ERR; no secret is in it. */
const char *aws_sigv4_check(struct aws_keys *keys, struct aws_digest *digest,
	const struct aws_signed *request, struct orch_err *err);

#endif
