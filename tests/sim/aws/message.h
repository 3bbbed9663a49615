/* SPDX-License-Identifier: Apache-2.0 */
/* A message that is in a queue, and what it carries. */
#ifndef AWS_MESSAGE_H
#define AWS_MESSAGE_H
#include <sys/queue.h>
#include "sim/aws/digest.h"
#include "sim/aws/ledger.h"
#include "base/buf.h"

#define AWS_ID_SIZE 37 /* of a message, as text */
#define AWS_GROUP_SIZE 129
#define AWS_TRAITS_MAX 10 /* message attributes; "attributes" are what the service adds */

struct aws_queue;
struct aws_group;

struct aws_trait {
	char *name, *type, *value;
	size_t value_len; /* decoded, if binary */
	bool is_binary;
};

enum aws_place { AWS_READY = 0, AWS_DELAYED, AWS_FLYING };

struct aws_message {
	TAILQ_ENTRY(aws_message) next; /* the ready ones of a queue, or all of a group */
	struct aws_heap_node due;      /* delayed or flying: when it is to be seen again */
	struct aws_heap_node expiry;
	struct aws_queue *queue;
	struct aws_entry *entry;
	struct aws_group *group; /* of a FIFO queue */
	enum aws_place place;

	char *body;
	size_t body_len;
	char md5[AWS_MD5_SIZE];
	struct aws_trait *traits;
	size_t trait_count;
	char *trace;                         /* AWSTraceHeader; NULL: none */
	char *dedup;                         /* of a FIFO queue; NULL: none */
	uint64_t sequence;                   /* of a FIFO queue */
	char *source;                        /* the queue that it died in; NULL: none */
	uint64_t sent_ms, first_received_ms; /* wall clock; 0: not yet received */
	uint64_t enqueued_ms;                /* the cloud's clock: its retention counts from here */
	uint64_t receives;                   /* over all queues */
	uint64_t receives_here;

	uint64_t leased_ms;  /* the cloud's clock: when it was received last */
	uint32_t receipt;    /* of the newest receive */
	uint32_t valid_from; /* older receipts are refused */
	bool is_twin;        /* it is to be delivered to two at once */
	bool is_ghost;       /* deleted already, and yet delivered again */
};
TAILQ_HEAD(aws_messages, aws_message);

/* NULL: no memory. */
struct aws_message *aws_message_create(struct aws_digest *digest, struct orch_text body);
void aws_message_destroy(struct aws_message *message); /* accepts NULL; in no queue any more */
/* The characters that a body may have.  0: all are fine; else the first that is not. */
uint32_t aws_message_bad_character(struct orch_text body);
/* What counts against the limit: body and message attributes. */
size_t aws_message_bytes(const struct aws_message *message);

/* Of those whose NAMED is true; NULL: of all. */
void aws_traits_md5(struct aws_digest *digest, const struct aws_message *message, const bool *named,
	char ret[AWS_MD5_SIZE]);
void aws_id_format(const uint8_t id[16], char ret[AWS_ID_SIZE]);

#endif
