/* SPDX-License-Identifier: Apache-2.0 */
/* Message attributes as they come and go on the wire. */
#ifndef AWS_TRAITS_H
#define AWS_TRAITS_H
#include "sim/aws/call.h"
#include "sim/aws/message.h"

/* Reads the member MessageAttributes of ENTRY into MESSAGE. */
ORCH_MUST_USE int aws_traits_read(
	struct aws_call *call, struct json_object *entry, struct aws_message *message);
/* Writes those that the request asks for, and their MD5, as members of the answer. */
void aws_traits_write(struct aws_call *call, const struct aws_message *message);

#endif
