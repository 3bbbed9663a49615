/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of pg/ share.
 *
 * A link is one lane's connection with the groups that wait for it.  It is
 * touched on its lane alone, but for what says so.  The link of orch_pg_run()
 * is on a lane without a thread: whoever runs a group runs its loop meanwhile.
 */
#ifndef ORCH_PG_INTERNAL_H
#define ORCH_PG_INTERNAL_H
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/buf.h"
#include "base/metric.h"
#include "pg/pg.h"

#define ORCH_PG_BATCH_BYTES (4u << 20) /* of parameters; then a batch takes no more groups */
#define ORCH_PG_STATEMENTS 512         /* prepared on one connection */
#define ORCH_PG_STATEMENT_BUCKETS 256  /* a power of two */
#define ORCH_PG_ADDRESSES 16           /* that a connection string may lead to */
#define ORCH_PG_DSN_BYTES 4096
#define ORCH_PG_CONNECT_MS 10000   /* by default, for all addresses together */
#define ORCH_PG_ADDRESS_MS 1000    /* the least for one of them */
#define ORCH_PG_STATEMENT_MS 60000 /* by default */
#define ORCH_PG_LOCK_MS 10000      /* a statement's wait for a lock */
#define ORCH_PG_MARGIN_MS 5000     /* beyond a statement's time: the connection is dead */
#define ORCH_PG_RUN_MS 5000        /* so long orch_pg_run() waits for a connection */
/*
 * Both ends ask one who says nothing whether he is still there, and give him up
 * when what was sent has not arrived after so long: longer than ORCH_PG_LOCK_MS,
 * for a server that waits for a lock may take nothing more meanwhile.
 */
#define ORCH_PG_KEEPALIVE_IDLE_S "10"
#define ORCH_PG_KEEPALIVE_INTERVAL_S "5"
#define ORCH_PG_KEEPALIVE_COUNT "3"
#define ORCH_PG_USER_TIMEOUT_MS "15000"
#define ORCH_PG_RECONNECT_MS 100 /* the first upper bound of a random pause */
#define ORCH_PG_RECONNECT_MAX_MS 10000
#define ORCH_PG_RETRY_MS 20 /* the same for a group that met a conflict */
#define ORCH_PG_RETRY_MAX_MS 1000
#define ORCH_PG_UNHEALTHY_MS 10000 /* without a connection, or an answer, for so long */
#define ORCH_PG_RESULTS 7          /* OK and the errors of orch/abi.h */
#define ORCH_PG_CHANNEL_BYTES 64   /* PostgreSQL's names, with NUL */

/* What PostgreSQL's catalogue calls the types that we send. */
enum {
	ORCH_PG_BOOL = 16,
	ORCH_PG_BYTEA = 17,
	ORCH_PG_INT8 = 20,
	ORCH_PG_INT2 = 21,
	ORCH_PG_INT4 = 23,
	ORCH_PG_TEXT = 25,
	ORCH_PG_BYTEAS = 1001,
	ORCH_PG_TEXTS = 1009,
	ORCH_PG_INT8S = 1016,
};

/* One place that a connection string leads to; HOSTADDR is empty for a socket or a name. */
struct orch_pg_address {
	char *host, *hostaddr, *port;
};

/* What libpq is told, without where and without the password. */
struct orch_pg_dsn {
	char **keywords, **values;
	size_t count;
	struct orch_pg_address addresses[ORCH_PG_ADDRESSES];
	size_t address_count;
	uint32_t connect_ms; /* as written there; 0: nothing */
};

/* An address at which to try, literal or a socket's folder. */
struct orch_pg_target {
	const char *host, *port; /* the connection string's */
	char hostaddr[64];
};

struct orch_pg_targets {
	struct orch_pg_target at[ORCH_PG_ADDRESSES];
	size_t count;
};

/* An SQL text with types for its parameters.  A NULL fits any type. */
struct orch_pg_statement {
	const char *sql;
	struct orch_pg_statement *next; /* of its bucket */
	Oid types[ORCH_PG_PARAMETERS];
	unsigned count;
	char name[12];
	bool is_sent;  /* in the batch under way */
	bool is_known; /* the server has said so */
};

struct orch_pg_parameter {
	Oid type;        /* 0: a NULL */
	const char *ptr; /* NULL: AT of the scratch buffer */
	size_t at, len;
};

struct orch_pg_sender {
	struct orch_pg_link *link;
	struct orch_db_group *group;
	struct orch_pg_op *op;         /* NULL: it is of … */
	struct orch_pg_op *const *ops; /* … these, of one kind */
	size_t op_count;
	unsigned number; /* of the op's next statement */
	size_t bytes;    /* of the group */
	bool has_sent;   /* something of the group */
	const char *sql;
	struct orch_pg_parameter parameters[ORCH_PG_PARAMETERS];
	unsigned count;
	struct orch_buf scratch;
	int code; /* of the first thing that went wrong with the statement */
	struct orch_err err;
};

enum orch_pg_sent_kind {
	ORCH_PG_SENT_PARSE = 0,
	ORCH_PG_SENT_STATEMENT,
	ORCH_PG_SENT_UNDO,
	ORCH_PG_SENT_LISTEN,
	ORCH_PG_SENT_SYNC,
};

/* What the server has yet to answer. */
struct orch_pg_sent {
	enum orch_pg_sent_kind kind;
	struct orch_db_group *group; /* NULL: of none */
	struct orch_pg_op *op;
	struct orch_pg_op *const *ops;
	size_t op_count;
	unsigned number;
	struct orch_pg_statement *statement; /* of a PARSE */
};

struct orch_pg_rows {
	PGresult *result;
	bool *is_misread;
};

/* Why a statement or a connection failed. */
struct orch_pg_failure {
	bool is_set;
	char state[6];               /* SQLSTATE; empty: the connection broke */
	struct orch_db_group *group; /* whose statement it was; NULL: the commit */
	struct orch_err err;
};

enum orch_pg_verdict {
	ORCH_PG_FINAL = 0, /* the group's own fault: it will not get better */
	ORCH_PG_CONFLICT,  /* with others: once more, a little later */
	ORCH_PG_STALE,     /* what was prepared does not fit any more: on a new connection */
	ORCH_PG_LOST,      /* the server goes away or cannot write: on a new connection, later */
};

enum orch_pg_state {
	ORCH_PG_WAITING = 0, /* for the next try */
	ORCH_PG_RESOLVING,
	ORCH_PG_CONNECTING,
	ORCH_PG_SETTING_UP,
	ORCH_PG_READY,
	ORCH_PG_STATES
};

struct orch_pg_link {
	struct orch_pg_link *next; /* under pg->shared->mutex */
	struct orch_pg *pg;
	struct orch_lane *lane;

	enum orch_pg_state state;
	PGconn *conn;
	struct event *start; /* of a batch, when this turn of the loop is over */
	struct event *io;    /* of the connection's socket */
	int io_fd;
	short io_what;
	struct orch_timer timer;    /* the state's end: of a pause, a try, a batch */
	struct orch_timer patience; /* of the groups that wait */
	uint64_t patience_ms;       /* monotonic: when that timer fires; 0: it is not set */
	struct orch_pg_look_up *look_up;
	struct orch_pg_targets targets;
	size_t target;      /* the one being tried */
	unsigned failures;  /* in a row, of connections */
	unsigned conflicts; /* in a row, of the first group */
	bool was_ready;
	uint64_t ready_ms; /* monotonic: since when, or when last */
	bool is_proven;    /* this connection has committed something */
	bool is_paused;    /* after a conflict */
	bool is_broken;    /* something could not be sent */

	struct orch_pg_statement *statements;
	size_t statement_count;
	struct orch_pg_statement *buckets[ORCH_PG_STATEMENT_BUCKETS];

	struct orch_db_group *first, **last;
	size_t queued;
	struct orch_db_group *suspect; /* failed among others: run by itself */
	size_t careful;                /* so many of the first are to be run by themselves */

	struct orch_db_group *batch, **batch_last;
	size_t batch_count;
	bool is_under_way;
	uint64_t begun_ns;
	struct orch_pg_sent *sent;
	size_t sent_count, sent_size, answered;
	struct orch_pg_op **ops; /* of a batch of several groups, by kind */
	size_t ops_size;
	struct orch_pg_failure failure;
	struct orch_pg_sender sender;

	struct orch_pg_watch *watches;
	struct event *tell; /* calls those that are due */
	bool must_listen;   /* to a channel that is new, or on a connection that is */
	bool is_listening;  /* such a batch is under way */

	_Atomic uint64_t lost_ms; /* monotonic; 0: it is connected */
	_Atomic uint64_t
		asked_ms;        /* monotonic: since when it waits for an answer; 0: it does not */
	struct orch_err trouble; /* of the last try; under pg->shared->mutex */
	int trouble_code;
};

/* What /metrics shows. */
struct orch_pg_counts {
	struct orch_metric *connections[ORCH_PG_STATES];
	struct orch_metric *reconnects;
	struct orch_metric *batches, *batch_seconds;
	struct orch_metric *groups[ORCH_PG_RESULTS]; /* by -code */
};

struct orch_pg_shared {
	pthread_mutex_t mutex; /* the links' list, their trouble */
	pthread_mutex_t run_mutex;
};

struct orch_pg {
	struct orch_pg_dsn dsn;
	const struct orch_secret *password;
	size_t queued_max;
	uint32_t connect_ms, statement_ms, lock_ms;
	uint32_t run_ms; /* of orch_pg_run() for an answer */
	bool accepts_unsafe;
	struct orch_pg_counts counts;
	struct orch_pg_shared *shared;
	struct orch_pg_link *links; /* of lanes */
	struct orch_pg_link *run;   /* under shared->run_mutex */
	struct orch_lane *run_lane;
};

/* dsn.c */
ORCH_MUST_USE int orch_pg_dsn_parse(
	struct orch_text text, struct orch_pg_dsn *ret_dsn, struct orch_err *err);
void orch_pg_dsn_fini(struct orch_pg_dsn *dsn);
/* Begins to connect; never NULL unless there is no memory. */
PGconn *orch_pg_dsn_connect(const struct orch_pg *pg, const struct orch_pg_target *target);

/* resolve.c */
/* What needs no look-up.  False: a name is among them. */
bool orch_pg_targets_literal(const struct orch_pg_dsn *dsn, struct orch_pg_targets *ret_targets);
/* Looks names up on a thread of its own, then calls orch_pg_link_resolved() on the lane. */
ORCH_MUST_USE int orch_pg_look_up_start(struct orch_pg_link *link, struct orch_err *err);
void orch_pg_look_up_cancel(struct orch_pg_look_up *look_up); /* accepts NULL */

/* link.c */
ORCH_MUST_USE int orch_pg_link_create(struct orch_pg *pg, struct orch_lane *lane,
	struct orch_pg_link **ret_link, struct orch_err *err);
void orch_pg_link_destroy(struct orch_pg_link *link); /* accepts NULL */
/* The look-up's end, with what it found in LINK's targets. */
void orch_pg_link_resolved(struct orch_pg_link *link, const char *problem);
/* Gives the connection up and tries again later. */
void orch_pg_link_lose(struct orch_pg_link *link, int code, const char *why);
/* Sends what waits in the connection's buffer, and waits for the socket. */
void orch_pg_link_flush(struct orch_pg_link *link);
void orch_pg_link_wait(struct orch_pg_link *link, uint64_t ms); /* sets the state's timer */
/* The same for an answer: it was asked, or something of it has come. */
void orch_pg_link_expect(struct orch_pg_link *link);
/* A random time up to FIRST_MS * 2^N, at most MOST_MS. */
uint64_t orch_pg_jitter(uint64_t first_ms, uint64_t most_ms, unsigned n);

/* setup.c: what a new connection is told and asked before it is used */
ORCH_MUST_USE bool orch_pg_setup_send(const struct orch_pg *pg, PGconn *conn);
ORCH_MUST_USE int orch_pg_setup_check(
	const struct orch_pg *pg, const PGresult *result, struct orch_err *err);

/* queue.c: the groups of a link */
ORCH_MUST_USE int orch_pg_enqueue(
	struct orch_pg_link *link, struct orch_db_group *group, struct orch_err *err);
struct orch_db_group *orch_pg_take_first(struct orch_pg_link *link);
/* What was under way waits again, before all others. */
void orch_pg_put_back(struct orch_pg_link *link);
void orch_pg_hand_back(struct orch_pg_link *link, struct orch_db_group *group);
/* Those that are under way, in their order. */
void orch_pg_hand_back_batch(struct orch_pg_link *link);
void orch_pg_fail_queued(struct orch_pg_link *link, int code, const struct orch_err *err);
void orch_pg_on_patience(void *arg);

/* batch.c */
void orch_pg_batch_begin(struct orch_pg_link *link); /* if there is something to do */
/* Takes what the server has answered.  False: it makes no sense. */
ORCH_MUST_USE bool orch_pg_batch_take(struct orch_pg_link *link);
/* The connection is gone: what was under way is to be run again. */
void orch_pg_batch_lost(struct orch_pg_link *link);

/* merge.c */
/* Sends the batch's ops, those of a kind as one.  False: it did not come to that, and each group has to go alone. */
ORCH_MUST_USE bool orch_pg_send_merged(struct orch_pg_link *link);

/* What a statement of several ops has given. */
void orch_pg_take_merged(const struct orch_pg_sent *sent, const struct orch_pg_rows *rows);

/* send.c */
void orch_pg_sender_fini(struct orch_pg_sender *sender);
ORCH_MUST_USE bool orch_pg_note_sent(struct orch_pg_link *link, const struct orch_pg_sent *sent);

/* statement.c */
struct orch_pg_statement *orch_pg_statement_find(
	struct orch_pg_link *link, const struct orch_pg_sender *sender);
void orch_pg_statements_forget(struct orch_pg_link *link); /* with the connection */

/* failure.c */
void orch_pg_failure_set(
	struct orch_pg_failure *failure, const PGresult *result, struct orch_db_group *group);
enum orch_pg_verdict orch_pg_failure_verdict(const struct orch_pg_failure *failure);
/* The code for the group. */
int orch_pg_failure_code(const struct orch_pg_failure *failure);
/* Why a connection could not be made, and its code. */
int orch_pg_connect_failure(PGconn *conn, struct orch_err *err);

/* watch.c */
/* Sends LISTEN for each channel. */
ORCH_MUST_USE bool orch_pg_watch_listen(struct orch_pg_link *link);
void orch_pg_watch_heard(struct orch_pg_link *link); /* looks for what was notified */
void orch_pg_watch_all(struct orch_pg_link *link);   /* something may have been missed */
void orch_pg_watch_tell(evutil_socket_t fd, short what, void *arg);

/* pg.c */
ORCH_MUST_USE int orch_pg_create(
	const struct orch_pg_options *options, struct orch_pg **ret_pg, struct orch_err *err);
struct orch_pg_link *orch_pg_link_of(struct orch_pg *pg, const struct orch_lane *lane);
/* orch_pg_run() with another patience for groups that have none. */
ORCH_MUST_USE int orch_pg_run_within(struct orch_pg *pg, struct orch_db_group *group,
	uint64_t patience_ms, struct orch_err *err);

/* schema.c */
ORCH_MUST_USE int orch_pg_schema_check(struct orch_pg *pg,
	const struct orch_db_migration *migrations, size_t count, struct orch_err *err);

/* count.c */
void orch_pg_counts_init(struct orch_pg_counts *counts);

#endif
