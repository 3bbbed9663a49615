/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of SQS share. */
#ifndef AWS_SQS_H
#define AWS_SQS_H
#include "sim/aws/call.h"
#include "sim/aws/queue.h"

#define AWS_BATCH_MAX 10
#define AWS_BATCH_ID_MAX 80

/* The queue of the member QueueUrl, settled; NULL: the error says why. */
struct aws_queue *aws_find_queue(struct aws_call *call);
/* By name; NULL: not there. */
struct aws_queue *aws_queue_by_name(const struct aws_cloud *cloud, struct orch_text name);
/* Makes it; GIVEN are attributes, or NULL.  NULL: ERROR says why. */
struct aws_queue *aws_make_queue(struct aws_cloud *cloud, struct orch_text name,
	struct json_object *given, struct aws_error *error);
/* With all that it holds; who waits is told that it does not exist. */
void aws_unmake_queue(struct aws_cloud *cloud, struct aws_queue *queue, enum aws_fate fate);

/*
 * Does ONE for each entry of the request's batch.  ONE writes the members of
 * its answer, or sets the error, and what it wrote is taken back.
 */
int aws_run_batch(
	struct aws_call *call, int (*one)(struct aws_call *call, struct json_object *entry));
/* The request is the one entry. */
int aws_run_single(
	struct aws_call *call, int (*one)(struct aws_call *call, struct json_object *entry));

/* receive.c: messages may have become ready: those who wait get them. */
void aws_queue_wake(struct aws_cloud *cloud, struct aws_queue *queue);
/* Ends all waiting with a refusal. */
void aws_queue_turn_away(struct aws_queue *queue, const char *code, const char *why);

/* The message goes to another queue, with a new entry, under the same id or a NEW_ID.  ORCH_E_NOMEM: it stays. */
ORCH_MUST_USE int aws_move_message(
	struct aws_cloud *cloud, struct aws_message *message, struct aws_queue *to, bool new_id);
void aws_moves_end(struct aws_cloud *cloud);

/* The entry of a new message. */
struct aws_entry *aws_new_entry(struct aws_cloud *cloud, struct aws_tally *tally,
	const struct aws_message *message, struct orch_text group);
void aws_draw_id(struct aws_cloud *cloud, uint8_t ret[16]);

/* "AQEB…": names one receive of one message.  RET has AWS_RECEIPT_SIZE. */
#define AWS_RECEIPT_SIZE 64
void aws_receipt_write(uint64_t entry, uint32_t receipt, char *ret);
/* False: it is no receipt handle of ours. */
bool aws_receipt_read(struct orch_text handle, uint64_t *ret_entry, uint32_t *ret_receipt);

#endif
