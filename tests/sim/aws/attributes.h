/* SPDX-License-Identifier: Apache-2.0 */
/* What a queue is told to be: its attributes, all of them strings on the wire. */
#ifndef AWS_ATTRIBUTES_H
#define AWS_ATTRIBUTES_H
#include "sim/aws/error.h"
#include "sim/aws/ledger.h"
#include "base/json.h"

#define AWS_MESSAGE_BYTES_MAX 1048576
#define AWS_ATTRIBUTE_BYTES_MAX 65536

struct aws_attributes {
	uint64_t delay_s, message_bytes, retention_s, wait_s, visibility_s;
	uint64_t receives_max;                 /* before a message is dead; 0: no redrive policy */
	char dead_letter[AWS_QUEUE_NAME_SIZE]; /* the queue's name */
	bool is_fifo, deduplicates_content;
	struct json_object *others; /* strings that are only kept: Policy, KmsMasterKeyId, … */
};

/* False: no memory. */
bool aws_attributes_init(struct aws_attributes *attributes);
bool aws_attributes_copy(const struct aws_attributes *attributes, struct aws_attributes *ret);
void aws_attributes_fini(struct aws_attributes *attributes);
/* Sets what GIVEN names.  False: ERROR says why, and ATTRIBUTES may be half changed. */
bool aws_attributes_set(
	struct aws_attributes *attributes, struct json_object *given, struct aws_error *error);
bool aws_attributes_agree(const struct aws_attributes *a, const struct aws_attributes *b);
/* Adds each as NAME: text to SHOWN. */
void aws_attributes_show(
	const struct aws_attributes *attributes, const char *region, struct json_object *shown);
bool aws_attribute_is_known(struct orch_text name);

#endif
