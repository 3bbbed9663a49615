/* SPDX-License-Identifier: Apache-2.0 */
/* What a service says went wrong. */
#ifndef ORCH_AWS_ERROR_H
#define ORCH_AWS_ERROR_H
#include "aws/aws.h"

#define ORCH_AWS_ERROR_BYTES 96    /* of a code, with its NUL */
#define ORCH_AWS_MESSAGE_BYTES 512 /* of a message that are looked at, with its NUL */

struct orch_aws_error {
	char code[ORCH_AWS_ERROR_BYTES]; /* without its name space; empty: none */
	char message[ORCH_AWS_MESSAGE_BYTES];
};

/*
 * Of an answer that is no success: from the body, else from the headers.
 * Whatever is no such word or text is left out.
 */
void orch_aws_read_error(const struct orch_reply *reply, struct orch_aws_error *ret_error);

/* May such an error be the clock's fault? */
bool orch_aws_may_be_clock(struct orch_text code);

#endif
