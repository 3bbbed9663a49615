/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked of the two services. */
#ifndef AWS_ACTIONS_H
#define AWS_ACTIONS_H
#include "sim/aws/error.h"

struct aws_call;

/* How a handler ended. */
enum { AWS_REFUSED = -1, AWS_DONE = 0, AWS_LATER = 1 };

struct aws_action {
	enum aws_service service;
	const char *name;
	/* Writes the answer's JSON, or sets the error; LATER: it will finish the call by itself. */
	int (*run)(struct aws_call *call);
};

#define AWS_ACTIONS_MAX 64 /* each is a bit */

size_t aws_actions_count(void);
const struct aws_action *aws_action_at(size_t i);
/* "AmazonSQS.SendMessage", "Kinesis_20131202.PutRecord"; NULL: no such. */
const struct aws_action *aws_action_find(struct orch_text target);
size_t aws_action_place(const struct aws_action *action);
/* "*", "sqs", "kinesis", or names with commas: a bit for each.  0: one of them is none. */
uint64_t aws_actions_match(struct orch_text names);
const char *aws_service_name(enum aws_service service); /* as in a scope */

#endif
