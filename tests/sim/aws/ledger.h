/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered for the audit, however long its message or queue is gone:
 * each message that was sent, each record that was put, and the order in which
 * things took effect.
 *
 * A message is "acknowledged" if the answer that told of it went out whole;
 * none of those may be lost.  Of what is over, the newest KEEP are remembered.
 */
#ifndef AWS_LEDGER_H
#define AWS_LEDGER_H
#include "sim/aws/digest.h"
#include "sim/aws/rows.h"
#include "base/map.h"

#define AWS_HEAD_BYTES 64 /* of a body that are remembered */
#define AWS_QUEUE_NAME_SIZE 81

struct aws_message;
struct aws_stream;

#define AWS_LIVE_BYTES_MAX (4ull * 1024 * 1024 * 1024) /* of bodies in queues */
#define AWS_PUTS_MAX 50000000                          /* what comes after that is refused */

enum aws_fate {
	AWS_LIVE = 0,
	AWS_DELETED,
	AWS_EXPIRED, /* its retention ran out */
	AWS_PURGED,
	AWS_DROPPED, /* with its queue */
	AWS_MOVED,   /* to a dead-letter queue or back: a new entry there goes on */
	AWS_LOST,    /* by a fault: acknowledged, never to be seen again */
	AWS_FATES,
};

/* What a queue of this name has seen, over all its lives. */
struct aws_tally {
	char name[AWS_QUEUE_NAME_SIZE];
	struct aws_numbers messages; /* of the entries, in the order in which they came */
	uint64_t sent, acknowledged, deliveries, repeated, ghosts, moved_in;
	uint64_t fates[AWS_FATES];
};

struct aws_entry { /* a message in a queue */
	uint64_t number;
	struct aws_tally *tally;
	struct aws_message *message; /* NULL: gone */
	uint8_t id[16];
	uint8_t sha256[AWS_SHA256_BYTES];
	char head[AWS_HEAD_BYTES];
	uint32_t head_len, body_len;
	uint32_t deliveries, deletions;
	uint64_t sent_ms, over_ms; /* wall clock */
	char *group;               /* NULL: none */
	enum aws_fate fate;
	bool is_acknowledged, is_moved;
};

struct aws_key_of_stream { /* a partition key */
	char *text;
	struct aws_numbers puts;
};

struct aws_put {         /* a record of a stream */
	uint64_t number; /* over all streams */
	uint64_t sequence;
	struct aws_stream *stream;
	struct aws_key_of_stream *key;
	uint32_t shard;
	uint32_t data_len; /* of the base64 text */
	char *data;        /* base64 as it came; NULL: forgotten */
	uint8_t sha256[AWS_SHA256_BYTES];
	uint64_t at_ms;
	bool is_acknowledged;
};

enum aws_step_kind {
	AWS_STEP_SEND = 0,
	AWS_STEP_RECEIVE,
	AWS_STEP_DELETE,
	AWS_STEP_HIDE, /* its visibility was changed */
	AWS_STEP_MOVE,
	AWS_STEP_OVER, /* expired, purged, dropped, lost */
	AWS_STEP_PUT,  /* into a stream */
	AWS_STEPS,
};

struct aws_step {
	uint64_t at_ms;
	uint64_t subject; /* of an entry, or of a put */
	enum aws_step_kind kind;
};

struct aws_ledger {
	size_t keep;
	struct aws_rows entries;              /* entry N is at N - 1; NULL: forgotten */
	size_t over_count, forgotten, oldest; /* entries that are over; where to look for one */
	uint64_t live_bytes;                  /* of the bodies that are in queues */
	struct orch_map *tallies;
	struct aws_rows puts; /* put N is at N - 1 */
	size_t data_bytes, oldest_data;
	struct aws_step *steps; /* a ring: step N is at N % step_room */
	uint64_t step_count;
	size_t step_room;
};

/* NULL: no memory. */
struct aws_ledger *aws_ledger_create(size_t keep);
void aws_ledger_destroy(struct aws_ledger *ledger); /* accepts NULL */

/* NULL: no memory. */
struct aws_tally *aws_ledger_tally(struct aws_ledger *ledger, struct orch_text name);
/* The entry's other members are for the caller to set; NULL: no memory. */
struct aws_entry *aws_ledger_add(struct aws_ledger *ledger, struct aws_tally *tally);
/* NULL: no such, or forgotten. */
struct aws_entry *aws_ledger_entry(const struct aws_ledger *ledger, uint64_t number);
void aws_ledger_end(
	struct aws_ledger *ledger, struct aws_entry *entry, enum aws_fate fate, uint64_t wall_ms);
void aws_ledger_step(
	struct aws_ledger *ledger, enum aws_step_kind kind, uint64_t subject, uint64_t wall_ms);
/* Numbers PUT, which has its data already, and keeps it.  ORCH_E_NOMEM or LIMIT: it stays the caller's. */
ORCH_MUST_USE int aws_ledger_put(struct aws_ledger *ledger, struct aws_put *put);
void aws_put_free(void *put); /* accepts NULL */
struct aws_put *aws_ledger_find_put(const struct aws_ledger *ledger, uint64_t number);
const char *aws_fate_name(enum aws_fate fate);
const char *aws_step_name(enum aws_step_kind kind);

#endif
