/* SPDX-License-Identifier: Apache-2.0 */
/* The audit as JSON: what was promised, and what became of it. */
#ifndef AWS_AUDIT_H
#define AWS_AUDIT_H
#include "sim/aws/cloud.h"

#define AWS_AUDIT_PAGE 1000
#define AWS_AUDIT_PAGE_MAX 100000

/* The summary: each queue, each stream, each action, what went wrong. */
void aws_audit_show(const struct aws_cloud *cloud, struct json_object *reply);

/*
 * The details, in pages: ARGS have from (the place to begin at) and limit, and
 * what each names; REPLY gets next if there is more.  False: what it asks for
 * has never been seen.
 *
 * messages: queue; state ("left", "deleted", …); body=1.
 * records: stream; key; data=1.   keys: stream.   log: nothing more.
 */
bool aws_audit_messages(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply);
bool aws_audit_records(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply);
bool aws_audit_keys(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply);
bool aws_audit_log(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply);

#endif
