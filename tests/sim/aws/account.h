/* SPDX-License-Identifier: Apache-2.0 */
/* The one account, and names within addresses and ARNs. */
#ifndef AWS_ACCOUNT_H
#define AWS_ACCOUNT_H
#include "base/text.h"

#define AWS_ACCOUNT "000000000000"
/* A region's text goes in: printf formats. */
#define AWS_SQS_ARN "arn:aws:sqs:%s:" AWS_ACCOUNT ":"
#define AWS_STREAM_ARN "arn:aws:kinesis:%s:" AWS_ACCOUNT ":stream/"

/* Behind the last SEPARATOR; the whole text if there is none. */
static inline struct orch_text aws_text_after(struct orch_text text, char separator)
{
	size_t start = text.len;

	while (start && text.ptr[start - 1] != separator)
		start--;
	return (struct orch_text){ text.ptr + start, text.len - start };
}

/* "name" of "arn:aws:sqs:region:account:name". */
static inline struct orch_text aws_name_in_arn(struct orch_text arn)
{
	return aws_text_after(arn, ':');
}

#endif
