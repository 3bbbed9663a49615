/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the queue beyond one machine share (docs/decisions/0012).
 *
 *   sqs.c         opening, lanes, health
 *   sqs_op.c      ops: first the books, then what SQS is to be told
 *   sqs_source.c  receiving: long polls, and claims of what they bring
 *   sqs_haul.c    one poll and what came of it
 *   sqs_batch.c   entries of one kind on their way to one queue, ten a request
 *   sqs_body.c    messages as SQS carries them
 *   sqs_name.c    our queues' names, URLs and settings
 *   sqs_silence.c whether SQS says anything at all
 *   sqs_entry.c   those entries
 *   sqs_alien.c   deliveries that have no row
 *   sqs_tend.c    the books' housekeeping, and what was never sent
 *   sqs_missed.c  what SQS has lost
 *   sqs_aside.c   dead-letter queues
 *   pg_*.c        the books
 */
#ifndef ORCH_QUEUE_SQS_H
#define ORCH_QUEUE_SQS_H
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include "aws/aws.h"
#include "queue/pg.h"

#define ORCH_SQS_NAME_BYTES 81 /* of a queue, as SQS has it, with NUL */
#define ORCH_SQS_URL_BYTES 512
#define ORCH_SQS_BATCH 10
#define ORCH_SQS_BATCH_BYTES (1000 * 1000) /* of one request's messages; SQS takes 1 MiB */
#define ORCH_SQS_QUEUES 256                /* known at most */
#define ORCH_SQS_VISIBILITY_S (12 * 3600)  /* the longest that SQS knows */
#define ORCH_SQS_DELAY_S 900               /* likewise */
#define ORCH_SQS_RECEIPT_BYTES 2048
#define ORCH_SQS_SEND_LINGER_MS 5 /* to fill a batch */
#define ORCH_SQS_MORE_LINGER_MS 20
#define ORCH_SQS_DELETE_LINGER_MS 250
#define ORCH_SQS_WAITING 20000 /* entries of one kind; sends beyond it are left to the sweep */

struct orch_queue_sqs;
struct orch_sqs_lane;

enum orch_sqs_verb {
	ORCH_SQS_SEND = 0,
	ORCH_SQS_DELETE,
	ORCH_SQS_CHANGE,
	ORCH_SQS_ASIDE,
	ORCH_SQS_VERBS
};
/* What else is done with a queue, and can fail while the rest works: another permission is asked for each. */
enum {
	ORCH_SQS_RECEIVE = ORCH_SQS_VERBS,
	ORCH_SQS_SETTLE, /* finding it, making it, looking at it */
	ORCH_SQS_USES
};
#define ORCH_SQS_TROUBLE_BYTES 256

/* One of our queues.  Lives as long as the queue; made by any lane, looked after by the home lane. */
struct orch_sqs_name {
	struct orch_queue_sqs *queue;
	char name[ORCH_QUEUE_NAME_BYTES]; /* ours: "act.block" */
	char sqs_name[ORCH_SQS_NAME_BYTES], dead_name[ORCH_SQS_NAME_BYTES];
	char url[ORCH_SQS_URL_BYTES], dead_url[ORCH_SQS_URL_BYTES]; /* read once IS_KNOWN */
	atomic_bool is_known;
	atomic_bool is_doubted; /* somebody was told that it is not there */
	/* the home lane's */
	struct orch_sqs_settling *settling; /* under way */
	uint64_t due_ms;                    /* monotonic: looked at again */
	unsigned failures;
	/* What is the matter with each use, as it was logged last; under the queue's mutex. */
	char troubles[ORCH_SQS_USES][ORCH_SQS_TROUBLE_BYTES];
	atomic_uint troubled;                      /* a bit for each use that has trouble */
	_Atomic uint64_t failed_ms[ORCH_SQS_USES]; /* monotonic: when it last failed */
};

/* An entry of a batch request.  Lives until DONE has run. */
struct orch_sqs_entry {
	TAILQ_ENTRY(orch_sqs_entry) link;
	struct orch_text json; /* its members but the Id: "\"ReceiptHandle\":…" */
	size_t bytes;          /* that count for the request's limit */
	uint64_t until_ms;     /* monotonic: retried till then; 0: for ever */
	unsigned attempts;
	char md5[33]; /* what SQS must say of the body; empty: not asked */
	void (*done)(
		struct orch_sqs_entry *entry, enum orch_aws_failure failure, const char *error);
};
TAILQ_HEAD(orch_sqs_entries, orch_sqs_entry);

/* Entries of one kind for one queue, on one lane. */
struct orch_sqs_batch {
	struct orch_sqs_lane *lane;
	struct orch_sqs_name *name;
	enum orch_sqs_verb verb;
	struct orch_sqs_entries waiting;
	size_t count; /* of those */
	TAILQ_HEAD(, orch_sqs_flight) flying;
	unsigned flights, most_flights;
	unsigned failures; /* requests in a row */
	struct orch_timer timer;
	bool has_timer;
};

/* One queue as one lane deals with it. */
struct orch_sqs_desk {
	TAILQ_ENTRY(orch_sqs_desk) link;
	struct orch_sqs_name *name;
	struct orch_sqs_batch batches[ORCH_SQS_VERBS];
};

struct orch_sqs_lane {
	TAILQ_ENTRY(orch_sqs_lane) link;
	struct orch_queue_sqs *queue;
	struct orch_lane *lane;
	struct orch_http_client *http;
	struct orch_aws_client *client;
	TAILQ_HEAD(, orch_sqs_desk) desks;
	TAILQ_HEAD(, orch_sqs_source) sources;
	size_t under_way; /* entries and groups of ours that have not ended */
	int64_t *sent;    /* rows that SQS has taken, to be noted in the books */
	size_t sent_count, sent_size;
	struct orch_timer mark_timer;
	bool is_marking;
};

/* A copy: the configuration may go with a reload. */
struct orch_sqs_settings {
	struct orch_config_sqs sqs;
	uint64_t lease_ms;
	uint32_t receives;
	const char *ca_file; /* NULL: the system's */
};

struct orch_queue_sqs {
	struct orch_queue base;
	struct orch_queue_books books;
	struct orch_pg *pg;
	struct orch_sqs_settings settings;
	const struct orch_secret *key;
	struct orch_arena *arena; /* of the settings */
	struct orch_aws *aws;
	EVP_MD *md5;           /* NULL: the library is not allowed to make one */
	pthread_mutex_t mutex; /* of what follows, and of the names' troubles */
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	size_t name_count;
	TAILQ_HEAD(, orch_sqs_lane) lanes;
	char silence[ORCH_SQS_TROUBLE_BYTES]; /* why a call got no answer, the first of those */
	atomic_uint unanswered;               /* so many, in a row */
	_Atomic uint64_t answered_ms;         /* monotonic: when one last got one */
	struct orch_sqs_lane *home;           /* of the main lane; NULL: not started */
	struct orch_sqs_tend *tend;
};

static inline struct orch_queue_sqs *orch_queue_sqs_of(struct orch_queue *queue)
{
	return (struct orch_queue_sqs *)(void *)queue;
}

/* sqs.c */
struct orch_sqs_lane *orch_sqs_find_lane(struct orch_queue_sqs *queue, struct orch_lane *lane);
/* NULL without memory, or with ORCH_SQS_QUEUES already. */
struct orch_sqs_desk *orch_sqs_desk(struct orch_sqs_lane *lane, struct orch_text name);

/* sqs_name.c */
/* It fails lastingly, or nothing is known of it yet. */
static inline bool orch_sqs_name_fails(const struct orch_sqs_name *name, enum orch_sqs_verb verb)
{
	return !atomic_load(&name->is_known) ||
		(atomic_load(&name->troubled) & (1u << verb | 1u << ORCH_SQS_SETTLE)) != 0;
}
struct orch_sqs_name *orch_sqs_name_get(struct orch_queue_sqs *queue, struct orch_text name);
size_t orch_sqs_names(
	struct orch_queue_sqs *queue, struct orch_sqs_name *ret_names[ORCH_SQS_QUEUES]);
void orch_sqs_name_free(struct orch_sqs_name *name);
void orch_sqs_name_tend(struct orch_sqs_name *name); /* on the home lane, now and then */
bool orch_sqs_name_has_trouble(struct orch_sqs_name *name, struct orch_err *err);
/* From any lane: what came of a use, after so many failures in a row.  What lasts is said. */
void orch_sqs_name_note(struct orch_sqs_name *name, unsigned use, const struct orch_aws_call *call,
	unsigned failures);

/* sqs_silence.c: from any lane */
void orch_sqs_silence_begin(struct orch_queue_sqs *queue); /* it was heard just now */
void orch_sqs_silence_note(struct orch_queue_sqs *queue, const struct orch_aws_call *call);
bool orch_sqs_is_silent(struct orch_queue_sqs *queue, struct orch_err *err);

/* sqs_batch.c */
ORCH_MUST_USE int orch_sqs_batch_init(struct orch_sqs_batch *batch, struct orch_sqs_lane *lane,
	struct orch_sqs_name *name, enum orch_sqs_verb verb);
void orch_sqs_batch_fini(
	struct orch_sqs_batch *batch); /* entries that wait are done with TRANSIENT */
void orch_sqs_batch_add(struct orch_sqs_batch *batch, struct orch_sqs_entry *entry);

/* sqs_entry.c: each copies what it needs; nothing is said of a failure but by the metrics. */
/* Called, if not NULL, when all that counted on it is over. */
struct orch_sqs_after {
	size_t waits;
	void (*run)(struct orch_sqs_after *after);
};
void orch_sqs_after_begin(struct orch_sqs_after *after);
void orch_sqs_after_end(struct orch_sqs_after *after);
void orch_sqs_send(
	struct orch_sqs_lane *lane, const struct orch_pg_item *item, struct orch_sqs_after *after);
void orch_sqs_delete(struct orch_sqs_lane *lane, struct orch_text queue, struct orch_text receipt);
/* DONE may be NULL. */
void orch_sqs_change(struct orch_sqs_lane *lane, struct orch_text queue, struct orch_text receipt,
	uint64_t visibility_ms, void (*done)(void *user, enum orch_aws_failure failure),
	void *user);
/* To the dead-letter queue, with why. */
struct orch_sqs_aside {
	struct orch_text queue, id, pipeline, reason, detail, body;
};
void orch_sqs_set_aside(struct orch_sqs_lane *lane, const struct orch_sqs_aside *aside,
	struct orch_sqs_after *after);

/* sqs_body.c */
void orch_sqs_body_write(struct orch_buf *buf, const struct orch_pg_item *item, bool with_body);
struct orch_sqs_body {
	int64_t row;
	struct orch_message message; /* without its body */
	uint64_t put_ms;
	struct orch_text sealed; /* empty: it stayed in the store */
};
/* In ARENA.  False: it is none of ours, *ret_reason says why in a word, ERR in a sentence. */
bool orch_sqs_body_read(struct orch_text text, struct orch_text queue, struct orch_arena *arena,
	struct orch_sqs_body *ret_body, const char **ret_reason, struct orch_err *err);
void orch_sqs_md5(const struct orch_queue_sqs *queue, struct orch_text text, char ret[33]);

/* sqs_source.c */
struct orch_sqs_source;
struct orch_sqs_haul;
ORCH_MUST_USE int orch_sqs_watch_add(struct orch_queue *queue, struct orch_queue_watch *watch);
void orch_sqs_watch_remove(struct orch_queue *queue, struct orch_queue_watch *watch);
ORCH_MUST_USE int orch_sqs_receive(
	struct orch_sqs_lane *lane, struct orch_queue_op *op, struct orch_err *err);
void orch_sqs_sources_free(struct orch_sqs_lane *lane);
/* A poll has come back and what it brought was claimed: RECEIVED messages, PROBLEM if it failed. */
void orch_sqs_source_landed(struct orch_sqs_source *source, struct orch_sqs_haul *haul);

/* sqs_op.c */
struct orch_db_op *orch_sqs_as_db_op(struct orch_queue *queue, struct orch_queue_op *op);
ORCH_MUST_USE int orch_sqs_submit(
	struct orch_queue *queue, struct orch_queue_op *op, struct orch_err *err);
ORCH_MUST_USE int orch_sqs_submit_group(
	struct orch_queue *queue, struct orch_db_group *group, struct orch_err *err);

/* sqs_tend.c: on the home lane. */
ORCH_MUST_USE int orch_sqs_tend_start(struct orch_queue_sqs *queue, struct orch_err *err);
void orch_sqs_tend_stop(struct orch_queue_sqs *queue);
void orch_sqs_send_again(
	struct orch_sqs_lane *home, const struct orch_pg_tending *tending, const char *why);
/* Does anything wait there to be sent? */
bool orch_sqs_has_entries(const struct orch_sqs_lane *home, const struct orch_sqs_name *name);
/* Notes that ROW is in SQS, soon. */
void orch_sqs_note_sent(struct orch_sqs_lane *lane, int64_t row);
void orch_sqs_mark_sent(void *lane); /* those that are to be noted, now */

/* sqs_missed.c: on the home lane, now and then. */
struct orch_sqs_missed;
struct orch_sqs_missed *orch_sqs_missed_create(struct orch_queue_sqs *queue); /* NULL: no memory */
void orch_sqs_missed_tend(struct orch_sqs_missed *missed);
void orch_sqs_missed_destroy(struct orch_sqs_missed *missed); /* accepts NULL */

/* sqs_aside.c: likewise. */
struct orch_sqs_aside_look;
struct orch_sqs_aside_look *orch_sqs_aside_create(
	struct orch_queue_sqs *queue); /* NULL: no memory */
void orch_sqs_aside_tend(struct orch_sqs_aside_look *look);
void orch_sqs_aside_destroy(struct orch_sqs_aside_look *look); /* accepts NULL */

#endif
