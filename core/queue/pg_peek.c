/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as commands show them. */
#include "base/err.h"
#include "base/text.h"
#include "queue/pg.h"

#define WHERE                                                                 \
	" WHERE t.row > $1::bigint AND ($2::text = '' OR t.queue = $2::text)" \
	" AND ($3::bytea = '' OR t.id = $3::bytea) ORDER BY t.row LIMIT $4::bigint"
#define COLUMNS                                                                               \
	"SELECT t.row, t.queue, t.id, t.pipeline, t.tenant, t.trace, t.sequence, t.priority," \
	" t.time, t.put, 0::bigint, sealed, t.receives, t.attempts, "

static const char living_sql[] = COLUMNS
	"'' AS reason, '' AS detail, 0::bigint AS ended,"
	" CASE WHEN state = 3 THEN 'blocked' WHEN state = 0 OR at <= orch_ms() THEN 'waiting'"
	" WHEN state = 1 THEN 'delayed' ELSE 'leased' END"
	" FROM item AS t LEFT JOIN body USING (row)" WHERE;
static const char dead_sql[] = COLUMNS "reason, detail, ended, CASE WHEN " ORCH_DEAD_IS_DAMAGED_SQL
				       " THEN 'damaged' ELSE 'dead' END FROM dead AS t" WHERE;

enum { SEALED = ORCH_PG_ITEM_COLUMN_COUNT, RECEIVES, ATTEMPTS, REASON, DETAIL, ENDED, STATE };

struct peek {
	struct orch_pg_op pg_op;
	struct orch_queue_books *books;
	const struct orch_queue_filter *filter;
	struct orch_arena *arena;
	struct orch_queue_entry *entries;
	size_t count;
};

static int send_peek(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_queue_filter *filter = ((struct peek *)(void *)pg_op)->filter;
	size_t limit = filter->limit > 0 && filter->limit < ORCH_QUEUE_PEEK_MAX
		? filter->limit
		: ORCH_QUEUE_PEEK_MAX;

	orch_pg_begin(sender, filter->dead ? dead_sql : living_sql);
	orch_pg_int(sender, (int64_t)filter->after_row);
	orch_pg_text(sender, filter->queue);
	orch_pg_bytes(sender, filter->id);
	orch_pg_int(sender, (int64_t)limit);
	return orch_pg_end(sender, err);
}

/* Without the key there is no body to show; one that does not open is shown as what it is. */
static int open_body(struct peek *peek, const struct orch_pg_item *item, struct orch_text sealed,
	struct orch_queue_entry *entry, struct orch_err *err)
{
	struct orch_buf about;
	int code;

	if (peek->books->key == NULL)
		return orch_fail(err, ORCH_E_DENIED, "queue: bodies need the store's key");
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	code = orch_message_unseal(peek->books->key, sealed,
		orch_message_about(&about, &item->message, item->put_ms), peek->arena,
		&entry->body);
	orch_buf_fini(&about);
	if (code == ORCH_E_INVALID)
		entry->state = ORCH_TEXT("damaged");
	return code == ORCH_E_NOMEM ? orch_fail(err, code, "queue: out of memory") : ORCH_OK;
}

static struct orch_text copy(
	struct peek *peek, const struct orch_pg_rows *rows, size_t row, int column)
{
	return orch_arena_text(peek->arena, orch_pg_get(rows, row, column));
}

static int take_entry(struct peek *peek, const struct orch_pg_rows *rows, size_t row,
	struct orch_queue_entry *entry, struct orch_err *err)
{
	struct orch_pg_item item;

	orch_pg_take_item(rows, row, peek->arena, &item);
	*entry = (struct orch_queue_entry){
		.row = (uint64_t)item.row,
		.queue = item.message.queue,
		.id = item.message.id,
		.pipeline = item.message.pipeline,
		.tenant = item.message.tenant,
		.trace = item.message.trace,
		.put_ms = item.put_ms,
		.receives = (uint32_t)orch_pg_get_int(rows, row, RECEIVES),
		.attempts = (uint32_t)orch_pg_get_int(rows, row, ATTEMPTS),
		.reason = copy(peek, rows, row, REASON),
		.detail = copy(peek, rows, row, DETAIL),
		.ended_ms = (uint64_t)orch_pg_get_int(rows, row, ENDED),
		.state = copy(peek, rows, row, STATE),
		.is_dead = peek->filter->dead,
		.body = ORCH_TEXT_NONE,
	};
	if (!peek->filter->with_body || orch_pg_is_null(rows, row, SEALED))
		return ORCH_OK;
	return open_body(peek, &item, orch_pg_get(rows, row, SEALED), entry, err);
}

static int take_peek(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct peek *peek = (struct peek *)(void *)pg_op;
	int code = ORCH_OK;

	(void)number;
	peek->count = orch_pg_count(rows);
	peek->entries =
		orch_arena_alloc_array(peek->arena, peek->count + 1, sizeof(*peek->entries));
	for (size_t i = 0; peek->entries != NULL && code == ORCH_OK && i < peek->count; i++)
		code = take_entry(peek, rows, i, &peek->entries[i], err);
	return code == ORCH_OK && orch_arena_failed(peek->arena)
		? orch_fail(err, ORCH_E_NOMEM, "queue: out of memory")
		: code;
}

int orch_queue_pg_peek(struct orch_queue_books *books, const struct orch_queue_filter *filter,
	struct orch_arena *arena, struct orch_queue_entry **ret_entries, size_t *ret_count,
	struct orch_err *err)
{
	struct peek peek = { .pg_op = { .send = send_peek, .take = take_peek },
		.books = books,
		.filter = filter,
		.arena = arena };
	struct orch_db_group group = { .first = &peek.pg_op.base };
	int code = orch_pg_run(books->pg, &group, err);

	if (code < 0)
		return code;
	*ret_entries = peek.entries;
	*ret_count = peek.count;
	return ORCH_OK;
}
