/* SPDX-License-Identifier: Apache-2.0 */
/* The books in a database of their own, with ops that are waited for. */
#ifndef ORCH_TEST_QUEUE_BOOKS_H
#define ORCH_TEST_QUEUE_BOOKS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/secret.h"
#include "queue/pg.h"
#include "unit/pg/fixture.h"

#define LEASE_MS 600000

struct books {
	struct fixture f;
	struct orch_secret *key;
	struct orch_arena *arena;
	struct orch_queue_books books;
	struct orch_err err;
};

static inline int open_books(void **state)
{
	struct books *b = test_calloc(1, sizeof(*b));
	struct orch_pg_options given = { .accepts_fsync_off = true };

	make_database(&b->f);
	given.dsn = orch_text_from(b->f.dsn);
	migrate(&b->f, orch_queue_pg_migrations, orch_queue_pg_migration_count);
	if (orch_pg_open(&given, orch_queue_pg_migrations, orch_queue_pg_migration_count, &b->f.pg,
		    &b->err) < 0)
		fail_msg("%s", b->err.text);
	b->key = orch_secret_create(ORCH_TEXT("0123456789abcdef0123456789abcdef"));
	b->arena = orch_arena_create(0);
	b->books = (struct orch_queue_books){ b->f.pg, b->key };
	*state = b;
	return 0;
}

static inline int close_books(void **state)
{
	struct books *b = *state;

	orch_pg_close(b->f.pg);
	orch_secret_destroy(b->key);
	orch_arena_destroy(b->arena);
	test_free(b);
	return 0;
}

static inline int run_first(struct books *b, struct orch_db_op *first)
{
	struct orch_db_group group = { .first = first };

	b->err.text[0] = '\0';
	return orch_pg_run(b->f.pg, &group, &b->err);
}

static inline int run_op(struct books *b, struct orch_queue_op *op)
{
	int code = run_first(b, orch_queue_pg_op(b->key, op));

	if (op->kind != ORCH_QUEUE_PUT)
		orch_queue_pg_op_fini(op);
	return code;
}

static inline struct orch_message message(const char *id, const char *order)
{
	return (struct orch_message){ .queue = ORCH_TEXT("scan"),
		.id = orch_text_from(id),
		.alias = ORCH_TEXT_NONE,
		.pipeline = ORCH_TEXT("pipeline"),
		.tenant = ORCH_TEXT("tenant"),
		.order = orch_text_from(order),
		.trace = ORCH_TEXT("trace"),
		.body = orch_text_from(id) };
}

/* The rows of what was put; 0: nothing new. */
static inline void put_all(struct books *b, const struct orch_message *messages, size_t count,
	bool accepted, int64_t *ret_rows, size_t *ret_duplicates)
{
	struct orch_queue_op op = { .kind = ORCH_QUEUE_PUT,
		.messages = messages,
		.message_count = count,
		.is_accepted = accepted };
	const struct orch_queue_pg_op *state = orch_queue_pg_of(&op);

	if (run_op(b, &op) != ORCH_OK)
		fail_msg("%s", b->err.text);
	for (size_t i = 0; i < count; i++)
		ret_rows[i] = state->items[i].row;
	if (ret_duplicates != NULL)
		*ret_duplicates = op.duplicates;
	orch_queue_pg_op_fini(&op);
}

static inline int64_t put(struct books *b, const char *id, const char *order)
{
	struct orch_message m = message(id, order);
	int64_t row;

	put_all(b, &m, 1, false, &row, NULL);
	return row;
}

static inline struct orch_pg_claim *claim_with(
	struct books *b, int64_t row, const char *id, uint64_t token, uint64_t visibility_ms)
{
	struct orch_pg_claim *claim = orch_arena_alloc(b->arena, sizeof(*claim));
	struct orch_pg_claiming claiming = { .queue = ORCH_TEXT("scan"),
		.visibility_ms = visibility_ms,
		.token = token,
		.claims = claim,
		.count = 1,
		.arena = b->arena };

	*claim = (struct orch_pg_claim){
		.row = row, .id = orch_text_from(id), .wants_body = true, .is_gone = true
	};
	orch_pg_claim_init(&claiming);
	if (run_first(b, &claiming.pg_op.base) != ORCH_OK)
		fail_msg("%s", b->err.text);
	return claim;
}

static inline struct orch_pg_claim *claim(
	struct books *b, int64_t row, const char *id, uint64_t token)
{
	return claim_with(b, row, id, token, LEASE_MS);
}

static inline struct orch_lease lease_of(const struct orch_pg_claim *claim, uint64_t token)
{
	return (struct orch_lease){ .message = claim->item.message,
		.row = (uint64_t)claim->row,
		.token = token,
		.put_ms = claim->item.put_ms,
		.step = claim->step,
		.step_sent = claim->step_sent };
}

static inline struct orch_lease lease(struct books *b, const char *id)
{
	int64_t row = put(b, id, "");
	struct orch_pg_claim *c = claim(b, row, id, 7);

	assert_true(c->is_ours);
	return lease_of(c, 7);
}

static inline struct orch_ledger ledger(struct books *b)
{
	struct orch_ledger *ledgers;
	size_t count;

	if (orch_queue_pg_ledger(&b->books, b->arena, &ledgers, &count, &b->err) != ORCH_OK)
		fail_msg("%s", b->err.text);
	assert_string_equal(ledgers[0].name, "");
	assert_int_equal(ledgers[0].imbalance, 0);
	return ledgers[0];
}

#endif
