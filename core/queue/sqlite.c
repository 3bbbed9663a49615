/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded queue: its ops are operations of the database's groups. */
#include "queue/sqlite.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"

static_assert(sizeof(struct orch_queue_sqlite_op) <= sizeof(((struct orch_queue_op *)0)->backend),
	"an op has room for its group");

struct watch_state {
	struct orch_db_watch watch;
	char topic[ORCH_DB_TOPIC_BYTES];
};
static_assert(sizeof(struct watch_state) <= sizeof(((struct orch_queue_watch *)0)->backend),
	"a watch has room for the database's");

/* FNV-1a.  Names come from the configuration; two that met would be refused by the ledger. */
int64_t orch_queue_sqlite_number(struct orch_text name)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.ptr[i]) * 0x100000001b3u;
	return (int64_t)(hash >> 1);
}

void orch_queue_sqlite_topic(struct orch_text name, char ret_topic[ORCH_DB_TOPIC_BYTES])
{
	size_t len = name.len < ORCH_QUEUE_NAME_BYTES ? name.len : ORCH_QUEUE_NAME_BYTES;

	(void)snprintf(ret_topic, ORCH_DB_TOPIC_BYTES, "queue.%.*s", (int)len, name.ptr);
}

void orch_queue_sqlite_note(struct orch_db *db, struct orch_text name)
{
	char topic[ORCH_DB_TOPIC_BYTES];

	orch_queue_sqlite_topic(name, topic);
	orch_db_note(db, topic);
}

int orch_queue_sqlite_count(struct orch_db *db, enum orch_queue_count what, struct orch_text name,
	int64_t by, struct orch_err *err)
{
	static const char *const sql[] = {
		[ORCH_QUEUE_ACCEPTED] =
			"INSERT INTO ledger (queue, name, accepted) VALUES (?1, ?2, ?3)"
			" ON CONFLICT (queue) DO UPDATE SET accepted = accepted + "
			"excluded.accepted",
		[ORCH_QUEUE_DONE] =
			"INSERT INTO ledger (queue, name, done) VALUES (?1, ?2, ?3)"
			" ON CONFLICT (queue) DO UPDATE SET done = done + excluded.done",
		[ORCH_QUEUE_DUPLICATES] =
			"INSERT INTO ledger (queue, name, duplicates) VALUES (?1, ?2, ?3)"
			" ON CONFLICT (queue) DO UPDATE SET"
			" duplicates = duplicates + excluded.duplicates",
	};

	return orch_db_add_up(db, sql[what], orch_queue_sqlite_number(name), name, by, err);
}

static struct orch_queue_sqlite_op *state_of(struct orch_queue_op *op)
{
	return (struct orch_queue_sqlite_op *)(void *)op->backend;
}

static int run_op(struct orch_db_op *db_op, struct orch_db *db, struct orch_err *err)
{
	static int (*const run[])(struct orch_queue_sqlite * queue, struct orch_db * db,
		struct orch_queue_op * op, struct orch_err * err) = {
		[ORCH_QUEUE_PUT] = orch_queue_sqlite_put,
		[ORCH_QUEUE_RECEIVE] = orch_queue_sqlite_receive,
		[ORCH_QUEUE_RENEW] = orch_queue_sqlite_renew,
		[ORCH_QUEUE_RELEASE] = orch_queue_sqlite_release,
		[ORCH_QUEUE_CHECKPOINT] = orch_queue_sqlite_checkpoint,
		[ORCH_QUEUE_SETTLE] = orch_queue_sqlite_settle,
		[ORCH_QUEUE_BURY] = orch_queue_sqlite_bury,
		[ORCH_QUEUE_REMEMBER] = orch_queue_sqlite_remember,
		[ORCH_QUEUE_RECALL] = orch_queue_sqlite_recall,
	};
	struct orch_queue_op *op = ((struct orch_queue_sqlite_op *)(void *)db_op)->op;

	return run[op->kind](orch_queue_sqlite_of(op->queue), db, op, err);
}

static struct orch_db_op *as_db_op(struct orch_queue *queue, struct orch_queue_op *op)
{
	struct orch_queue_sqlite_op *state = state_of(op);

	op->queue = queue;
	*state = (struct orch_queue_sqlite_op){ .db_op = { .run = run_op }, .op = op };
	return &state->db_op;
}

static void finish_op(struct orch_db_group *group)
{
	struct orch_queue_sqlite_op *state = (struct orch_queue_sqlite_op *)(void *)((char *)group -
		offsetof(struct orch_queue_sqlite_op, group));
	struct orch_queue_op *op = state->op;

	op->code = group->code;
	if (group->code < 0) {
		op->err = group->err;
		op->lease_count = 0;
	}
	op->done(op);
}

static int submit(struct orch_queue *queue, struct orch_queue_op *op, struct orch_err *err)
{
	struct orch_db_op *first = as_db_op(queue, op);
	struct orch_queue_sqlite_op *state = state_of(op);

	state->group = (struct orch_db_group){
		.first = first,
		.adds = op->kind == ORCH_QUEUE_PUT && op->is_accepted,
		.patience_ms =
			op->kind == ORCH_QUEUE_PUT && op->is_accepted ? ORCH_QUEUE_PATIENCE_MS : 0,
		.lane = op->lane,
		.done = finish_op,
	};
	return orch_db_submit(queue->db, &state->group, err);
}

static int submit_group(struct orch_queue *queue, struct orch_db_group *group, struct orch_err *err)
{
	return orch_db_submit(queue->db, group, err);
}

static void on_change(void *arg)
{
	struct orch_queue_watch *watch = arg;

	watch->ready(watch->arg);
}

static int watch_add(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	struct watch_state *state = (struct watch_state *)(void *)watch->backend;

	orch_queue_sqlite_topic(watch->name, state->topic);
	state->watch = (struct orch_db_watch){
		.topic = state->topic, .lane = watch->lane, .changed = on_change, .arg = watch
	};
	return orch_db_watch_add(queue->db, &state->watch);
}

static void watch_remove(struct orch_queue *queue, struct orch_queue_watch *watch)
{
	struct watch_state *state = (struct watch_state *)(void *)watch->backend;

	orch_db_watch_remove(queue->db, &state->watch);
}

static void close_queue(struct orch_queue *base)
{
	struct orch_queue_sqlite *queue = orch_queue_sqlite_of(base);

	orch_buf_fini(&queue->about);
	orch_free(queue->sealed.ptr);
	orch_free(queue);
}

static const struct orch_queue_backend backend = {
	.submit = submit,
	.as_db_op = as_db_op,
	.submit_group = submit_group,
	.watch_add = watch_add,
	.watch_remove = watch_remove,
	.stats = orch_queue_sqlite_stats,
	.ledger = orch_queue_sqlite_ledger,
	.peek = orch_queue_sqlite_peek,
	.redrive = orch_queue_sqlite_redrive,
	.discard = orch_queue_sqlite_discard,
	.tend = orch_queue_sqlite_tend,
	.close = close_queue,
};

static int run_promote_all(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	(void)op;
	return orch_queue_sqlite_promote_all(db, err);
}

/* In case that a damaged head is not in its place any more. */
static int free_blocked(struct orch_db *db, struct orch_err *err)
{
	struct orch_db_op op = { .run = run_promote_all };
	struct orch_db_group group = { .first = &op };

	return orch_db_is_read_only(db) ? ORCH_OK : orch_db_run(db, &group, err);
}

static int run_end_leases(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	sqlite3_stmt *statement = NULL;
	int code = orch_db_statement(
		db, "UPDATE item SET at = ?1 WHERE state = 2 AND at > ?1", &statement, err);

	(void)op;
	if (code < 0)
		return code;
	orch_db_bind_int(statement, 1, (int64_t)orch_db_now_ms(db));
	return orch_db_step_done(statement, err);
}

int orch_queue_sqlite_end_leases(struct orch_queue *queue, struct orch_err *err)
{
	struct orch_db_op op = { .run = run_end_leases };
	struct orch_db_group group = { .first = &op };

	return orch_db_run(queue->db, &group, err);
}

/* All that it will ever need, so that later a text that does not fit tells of damage. */
static bool make_about(struct orch_buf *about)
{
	static const char page[1024];

	orch_buf_init(about, ORCH_QUEUE_ABOUT_BYTES);
	for (size_t i = 0; i < ORCH_QUEUE_ABOUT_BYTES / sizeof(page); i++)
		orch_buf_add(about, page, sizeof(page));
	return !about->failed;
}

int orch_queue_sqlite_open(struct orch_db *db, const struct orch_secret *key,
	struct orch_queue **ret_queue, struct orch_err *err)
{
	struct orch_queue_sqlite *queue = orch_alloc(sizeof(*queue));
	int code = ORCH_E_NOMEM;

	if (!queue)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	queue->base.backend = &backend;
	queue->base.db = db;
	queue->key = key;
	if (make_about(&queue->about))
		code = free_blocked(db, err);
	else
		(void)orch_fail(err, code, "queue: out of memory");
	if (code < 0) {
		close_queue(&queue->base);
		return code;
	}
	*ret_queue = &queue->base;
	return ORCH_OK;
}
