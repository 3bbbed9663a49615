/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as the two services spell them. */
#ifndef AWS_ERROR_H
#define AWS_ERROR_H
#include "base/buf.h"

#define AWS_CODE_SIZE 64

enum aws_service { AWS_SQS = 0, AWS_KINESIS };

enum aws_spelling { /* of an error's body */
	AWS_SPELLING_USUAL = 0,
	AWS_SPELLING_SHORT,   /* __type without a name space */
	AWS_SPELLING_LONG,    /* __type with one, in Kinesis too */
	AWS_SPELLING_CAPITAL, /* "Message" */
	AWS_SPELLING_NEWER,   /* __type and ErrorMessage */
	AWS_SPELLING_OLDER,   /* ErrorCode and ErrorMessage, no __type */
	AWS_SPELLINGS,
};

struct aws_error {
	char code[AWS_CODE_SIZE]; /* empty: none */
	char message[256];
	int status; /* 0: what is usual for the code */
	enum aws_spelling spelling;
	uint64_t retry_after_s;
};

/* The HTTP status that goes with it. */
int aws_error_status(const struct aws_error *error, enum aws_service service);
/* The older protocol's code, for the header x-amzn-query-error. */
const char *aws_error_query_code(const char *code);
/* What an entry of a batch says. */
const char *aws_error_entry_code(const char *code);
/* Is it of the service, not of the caller? */
bool aws_error_is_ours(const char *code);
void aws_error_write(
	const struct aws_error *error, enum aws_service service, struct orch_buf *body);

#endif
