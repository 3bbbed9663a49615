/* SPDX-License-Identifier: Apache-2.0 */
/* A queue on a database of its own, with ops that are waited for. */
#ifndef ORCH_TEST_QUEUE_WORLD_H
#define ORCH_TEST_QUEUE_WORLD_H
#include "queue/backend.h"
#include "unit/db/fixture.h"

#define VISIBILITY_MS 1000000 /* far longer than a test takes */

struct world {
	struct fixture f;
	struct orch_queue *queue;
	struct orch_lease *leases; /* of the last receive */
	size_t lease_count;
	size_t duplicates; /* of the last put */
	char problem[256]; /* of the last op that failed */
};

static inline void open_queue(struct world *w, uint64_t reserve)
{
	struct orch_err err = { "" };

	w->f.db = open_db(
		&w->f, orch_queue_sqlite_migrations, orch_queue_sqlite_migration_count, reserve);
	if (orch_queue_sqlite_open(w->f.db, w->f.key, &w->queue, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void close_queue(struct world *w)
{
	orch_queue_close(w->queue);
	orch_db_close(w->f.db);
}

static inline void reopen_queue(struct world *w, uint64_t reserve)
{
	close_queue(w);
	open_queue(w, reserve);
}

static inline int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	make_dir(&w->f);
	make_lane(&w->f);
	make_key(&w->f);
	w->f.arena = orch_arena_create(0);
	open_queue(w, 0);
	*state = w;
	return 0;
}

static inline int remove_world(void **state)
{
	struct world *w = *state;

	orch_clock_shift_ms(0);
	remove_lane(&w->f);
	close_queue(w);
	orch_secret_destroy(w->f.key);
	orch_arena_destroy(w->f.arena);
	remove_dir(&w->f);
	free(w);
	return 0;
}

static inline void op_done(struct orch_queue_op *op)
{
	counter_add(op->user);
}

static inline int do_op(struct world *w, struct orch_queue_op *op)
{
	struct counter done = COUNTER_INIT;
	struct orch_err err;
	int code;

	op->lane = w->f.lane;
	op->done = op_done;
	op->user = &done;
	code = orch_queue_submit(w->queue, op, &err);
	if (code < 0) {
		(void)snprintf(w->problem, sizeof(w->problem), "%s", err.text);
		return code;
	}
	counter_await(&done, 1);
	if (op->code < 0)
		(void)snprintf(w->problem, sizeof(w->problem), "%s", op->err.text);
	return op->code;
}

static inline struct orch_text arena_text(struct world *w, const char *string)
{
	return orch_arena_text(w->f.arena, orch_text_from(string));
}

static inline struct orch_message message(const char *queue, const char *id)
{
	return (struct orch_message){ .queue = orch_text_from(queue),
		.id = orch_text_from(id),
		.pipeline = ORCH_TEXT("pipeline"),
		.tenant = ORCH_TEXT("tenant"),
		.trace = ORCH_TEXT("trace"),
		.body = orch_text_from(id) };
}

static inline int put_message(struct world *w, const struct orch_message *m, bool accepted)
{
	struct orch_queue_op op = {
		.kind = ORCH_QUEUE_PUT, .messages = m, .message_count = 1, .is_accepted = accepted
	};
	int code = do_op(w, &op);

	w->duplicates = op.duplicates;
	return code;
}

static inline void put(struct world *w, const char *queue, const char *id)
{
	struct orch_message m = message(queue, id);

	assert_int_equal(put_message(w, &m, false), ORCH_OK);
}

static inline void put_in_order(
	struct world *w, const char *queue, const char *id, const char *order)
{
	struct orch_message m = message(queue, id);

	m.order = orch_text_from(order);
	assert_int_equal(put_message(w, &m, false), ORCH_OK);
}

static inline size_t receive(struct world *w, const char *queue, size_t max)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_RECEIVE,
		.name = orch_text_from(queue),
		.max = max,
		.visibility_ms = VISIBILITY_MS,
		.arena = w->f.arena };

	if (do_op(w, &op) < 0)
		fail_msg("%s", w->problem);
	w->leases = op.leases;
	w->lease_count = op.lease_count;
	return op.lease_count;
}

/* The one that is received, which must be ID. */
static inline struct orch_lease receive_one(struct world *w, const char *queue, const char *id)
{
	assert_int_equal(receive(w, queue, 1), 1);
	if (!text_is(w->leases[0].message.id, id))
		fail_msg("%s came instead of %s", w->leases[0].message.id.ptr, id);
	return w->leases[0];
}

static inline int settle(struct world *w, const struct orch_lease *lease)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_SETTLE, .lease = lease };

	return do_op(w, &op);
}

static inline int drop(struct world *w, const struct orch_lease *lease, const char *reason)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_SETTLE,
		.lease = lease,
		.end = ORCH_END_DROPPED,
		.reason = orch_text_from(reason) };

	return do_op(w, &op);
}

static inline int release(
	struct world *w, const struct orch_lease *lease, uint64_t delay_ms, bool failed)
{
	struct orch_queue_op op = {
		.kind = ORCH_QUEUE_RELEASE, .lease = lease, .delay_ms = delay_ms, .failed = failed
	};

	return do_op(w, &op);
}

static inline int renew(struct world *w, const struct orch_lease *lease)
{
	struct orch_queue_op op = {
		.kind = ORCH_QUEUE_RENEW, .lease = lease, .visibility_ms = VISIBILITY_MS
	};

	return do_op(w, &op);
}

static inline int checkpoint(struct world *w, const struct orch_lease *lease, uint32_t step,
	bool step_sent, const char *memo)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_CHECKPOINT,
		.lease = lease,
		.step = step,
		.step_sent = step_sent,
		.memo = orch_text_from(memo) };

	return do_op(w, &op);
}

static inline int bury(
	struct world *w, const struct orch_lease *lease, const char *reason, const char *detail)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_BURY,
		.lease = lease,
		.reason = orch_text_from(reason),
		.detail = orch_text_from(detail) };

	return do_op(w, &op);
}

/* Of QUEUE; "" for the sum.  Always balanced. */
static inline struct orch_ledger ledger(struct world *w, const char *queue)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_ledger *ledgers, found = { .accepted = 0 };
	struct orch_err err = { "" };
	size_t count;

	if (orch_queue_ledger(w->queue, arena, &ledgers, &count, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(ledgers[i].imbalance, 0);
		if (strcmp(ledgers[i].name, queue) == 0)
			found = ledgers[i];
	}
	orch_arena_destroy(arena);
	return found;
}

static inline struct orch_queue_entry *peek(
	struct world *w, bool dead, bool with_body, size_t *ret_count)
{
	struct orch_queue_filter filter = {
		.queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE, .dead = dead, .with_body = with_body
	};
	struct orch_queue_entry *entries;
	struct orch_err err = { "" };

	if (orch_queue_peek(w->queue, &filter, w->f.arena, &entries, ret_count, &err) < 0)
		fail_msg("%s", err.text);
	return entries;
}

#endif
