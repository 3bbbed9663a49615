/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of a FIFO queue; for queue.c. */
#ifndef AWS_GROUP_H
#define AWS_GROUP_H
#include "sim/aws/queue.h"

/* MESSAGE is the last of its group from now on. */
ORCH_MUST_USE int aws_group_join(
	struct aws_queue *queue, struct aws_message *message, const char *name);
/* It is in the queue no more; a group without messages goes. */
void aws_group_part(struct aws_queue *queue, struct aws_message *message);
/* Its place changes: called before it has left the old one, and after it is in the new one. */
void aws_group_left(struct aws_message *message);
void aws_group_entered(struct aws_queue *queue, struct aws_message *message);
struct aws_message *aws_group_next(struct aws_queue *queue, const struct aws_message *before);

#endif
