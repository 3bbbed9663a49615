/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts, as one statement: what was seen before is left out, what has an order
 * key with a head is blocked, and each body goes with its row.
 *
 * "heads" meets a head that is there by touching it: then whoever settles that
 * waits for us, or we for him, and none of us misses the other.
 */
#include "base/clock.h"
#include "base/text.h"
#include "queue/pg.h"

#define GIVEN                                                                              \
	"WITH given AS (SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[],"        \
	" $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[]," \
	" $10::bigint[], $11::bigint[], $12::bytea[], $13::bytea[]) WITH ORDINALITY AS g"  \
	" (queue, id, pipeline, tenant, trace, sequence, sealed, priority, time, put,"     \
	" delay, id_key, alias_key, n)), "

#define ANY_FRESH                                                                       \
	"fresh AS (SELECT DISTINCT ON (queue, id) g.* FROM given AS g WHERE"            \
	" NOT EXISTS (SELECT 1 FROM item AS i WHERE i.queue = g.queue AND i.id = g.id)" \
	" ORDER BY queue, id, n), "

#define NOTE_SEEN                                           \
	" ON CONFLICT (key) DO UPDATE SET at = excluded.at" \
	" WHERE seen.at < excluded.at - " ORCH_QUEUE_DAY_SQL " RETURNING key), "

/* Of those that share an id or an alias the first. */
#define UNSEEN_FRESH                                                                             \
	"ids AS (INSERT INTO seen (key, at) SELECT DISTINCT id_key, orch_ms() FROM given"        \
	" ORDER BY 1" NOTE_SEEN "firsts AS (SELECT DISTINCT ON (id_key) g.* FROM given AS g"     \
	" JOIN ids ON ids.key = g.id_key ORDER BY id_key, n), "                                  \
	"aliases AS (INSERT INTO seen (key, at) SELECT DISTINCT alias_key, orch_ms()"            \
	" FROM firsts WHERE alias_key <> '' ORDER BY 1" NOTE_SEEN                                \
	"fresh AS (SELECT DISTINCT ON (CASE WHEN alias_key = '' THEN id_key ELSE alias_key END)" \
	" g.* FROM firsts AS g WHERE (alias_key = ''"                                            \
	" OR alias_key IN (SELECT key FROM aliases))"                                            \
	" AND NOT EXISTS (SELECT 1 FROM item AS i WHERE i.queue = g.queue AND i.id = g.id)"      \
	" ORDER BY CASE WHEN alias_key = '' THEN id_key ELSE alias_key END, n), "

#define INSERT_ITEM                                                                        \
	"INSERT INTO item (queue, state, at, sent, id, sequence, pipeline, tenant, trace," \
	" priority, put, time) SELECT queue, "
#define ITEM_REST ", id, nullif(sequence, ''), pipeline, tenant, trace, priority, put, time FROM "

#define INSERT                                                                           \
	"ranked AS (SELECT f.*, CASE WHEN sequence = '' THEN 1 ELSE"                     \
	" row_number() OVER (PARTITION BY queue, sequence ORDER BY n) END AS place"      \
	" FROM fresh AS f), "                                                            \
	"heads AS (" INSERT_ITEM                                                         \
	"CASE WHEN delay > 0 THEN 1 ELSE 0 END, orch_ms() + delay, -orch_ms()" ITEM_REST \
	"ranked WHERE place = 1 ORDER BY n"                                              \
	" ON CONFLICT (queue, sequence) WHERE sequence IS NOT NULL AND state <> 3"       \
	" DO UPDATE SET sent = item.sent"                                                \
	" RETURNING row, queue, id, xmax = 0 AS is_new), "                               \
	"blocked AS (" INSERT_ITEM "3, orch_ms() + delay, 0" ITEM_REST                   \
	"ranked AS r WHERE NOT EXISTS (SELECT 1 FROM heads AS h WHERE h.is_new"          \
	" AND h.queue = r.queue AND h.id = r.id) ORDER BY n RETURNING row, queue, id), " \
	"made AS (SELECT row, queue, id, true AS is_head FROM heads WHERE is_new"        \
	" UNION ALL SELECT row, queue, id, false FROM blocked), "                        \
	"bodies AS (INSERT INTO body (row, sealed) SELECT made.row, f.sealed"            \
	" FROM made JOIN fresh AS f USING (queue, id)), "                                \
	"counted AS (INSERT INTO tally (queue, what, reason, number)"                    \
	" SELECT queue, " ORCH_TALLY_ACCEPTED_SQL ", '', count(*) FROM made GROUP BY queue)"

#define GIVE " SELECT f.n, made.row, made.is_head FROM made JOIN fresh AS f USING (queue, id)"

static const char put_any[] = GIVEN ANY_FRESH INSERT GIVE;
static const char put_unseen[] = GIVEN UNSEEN_FRESH INSERT
	", repeated AS (INSERT INTO tally (queue, what, reason, number)"
	" SELECT queue, " ORCH_TALLY_REPEATED_SQL ", '', count(*) FROM given AS g WHERE n NOT IN"
	" (SELECT n FROM fresh) GROUP BY queue)" GIVE;

/* Columns of the messages, each an array. */
struct columns {
	struct orch_text *texts[7]; /* queue, id, pipeline, tenant, trace, order, body */
	int64_t *numbers[4];        /* priority, time, put, delay */
	struct orch_text *keys[2];  /* of id and alias */
};

static bool make_columns(struct orch_arena *arena, size_t count, struct columns *columns)
{
	for (size_t i = 0; i < 7; i++)
		columns->texts[i] =
			orch_arena_alloc_array(arena, count, sizeof(*columns->texts[i]));
	for (size_t i = 0; i < 4; i++)
		columns->numbers[i] =
			orch_arena_alloc_array(arena, count, sizeof(*columns->numbers[i]));
	for (size_t i = 0; i < 2; i++)
		columns->keys[i] = orch_arena_alloc_array(arena, count, sizeof(*columns->keys[i]));
	return !orch_arena_failed(arena);
}

static struct orch_text seen_key(struct orch_arena *arena, const struct orch_message *message,
	struct orch_text name, uint64_t time_ms)
{
	char *key = orch_arena_alloc(arena, ORCH_QUEUE_SEEN_BYTES);

	return key == NULL || name.len == 0
		? ORCH_TEXT_NONE
		: orch_message_seen_key(message->queue, name, time_ms, key);
}

/* The AT-th row of the statement: message I of OP. */
static void fill_row(const struct orch_queue_pg_op *state, size_t i, struct orch_arena *arena,
	struct columns *columns, size_t at)
{
	const struct orch_pg_item *item = &state->items[i];
	const struct orch_message *message = &state->op->messages[i];
	const struct orch_text texts[] = { message->queue, message->id, message->pipeline,
		message->tenant, message->trace, message->order, item->sealed };
	const int64_t numbers[] = { (int64_t)message->priority, (int64_t)message->time_ms,
		(int64_t)item->put_ms, (int64_t)message->delay_ms };

	for (size_t t = 0; t < 7; t++)
		columns->texts[t][at] = texts[t];
	for (size_t t = 0; t < 4; t++)
		columns->numbers[t][at] = numbers[t];
	columns->keys[0][at] = columns->keys[1][at] = ORCH_TEXT_NONE;
	if (!state->op->is_accepted)
		return;
	columns->keys[0][at] = seen_key(arena, message, message->id, 0);
	columns->keys[1][at] = seen_key(arena, message, message->alias, message->alias_time_ms);
}

/* Once, though the statement may be sent again: what is sealed twice would be two messages. */
static int seal_all(struct orch_queue_pg_op *state, struct orch_buf *about, struct orch_err *err)
{
	const struct orch_queue_op *op = state->op;

	for (size_t i = 0; i < op->message_count; i++) {
		const struct orch_message *message = &op->messages[i];
		size_t len = message->body.len + ORCH_SEAL_OVERHEAD;
		char *sealed;
		int code = orch_message_check(message, err);

		if (code < 0)
			return code;
		sealed = orch_arena_alloc(state->arena, len);
		if (sealed == NULL)
			return orch_queue_pg_no_memory(err);
		state->items[i] = (struct orch_pg_item){
			.message = *message,
			.sealed = { sealed, len },
			.put_ms = orch_clock_now_ms(),
			.delay_ms = (int64_t)message->delay_ms,
		};
		orch_seal(state->key, message->body,
			orch_message_about(about, message, state->items[i].put_ms), sealed);
		state->items[i].message.body = ORCH_TEXT_NONE;
	}
	return about->failed ? orch_queue_pg_no_memory(err) : ORCH_OK;
}

static int prepare(struct orch_queue_pg_op *state, struct orch_err *err)
{
	size_t count = state->op->message_count + 1;
	struct orch_pg_item *items;
	struct orch_buf about;
	int code;

	if (state->items != NULL)
		return ORCH_OK;
	if (state->key == NULL)
		return orch_fail(err, ORCH_E_DENIED, "queue: opened without its key");
	items = orch_arena_alloc_array(state->arena, count, sizeof(*items));
	state->is_new = orch_arena_alloc_array(state->arena, count, sizeof(*state->is_new));
	if (items == NULL || state->is_new == NULL)
		return orch_queue_pg_no_memory(err);
	state->items = items;
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	code = seal_all(state, &about, err);
	orch_buf_fini(&about);
	if (code < 0)
		state->items = NULL;
	return code;
}

static int prepare_all(
	struct orch_pg_op *const *ops, size_t count, size_t *ret_total, struct orch_err *err)
{
	int code = orch_queue_pg_ready(ops, count) ? ORCH_OK : orch_queue_pg_no_memory(err);

	*ret_total = 0;
	for (size_t i = 0; code == ORCH_OK && i < count; i++) {
		code = prepare(orch_queue_pg_state(ops[i]), err);
		*ret_total += orch_queue_pg_state(ops[i])->op->message_count;
	}
	return code;
}

static int send_put(struct orch_pg_op *const *ops, size_t count, struct orch_pg_sender *sender,
	struct orch_err *err)
{
	struct orch_arena *arena;
	struct columns columns;
	size_t total, at = 0;
	int code = prepare_all(ops, count, &total, err);

	if (code < 0)
		return code;
	arena = orch_queue_pg_arena(ops);
	if (!make_columns(arena, total + 1, &columns))
		return orch_queue_pg_no_memory(err);
	for (size_t o = 0; o < count; o++) {
		const struct orch_queue_pg_op *state = orch_queue_pg_state(ops[o]);

		for (size_t i = 0; i < state->op->message_count; i++)
			fill_row(state, i, arena, &columns, at++);
	}
	if (orch_arena_failed(arena))
		return orch_queue_pg_no_memory(err);
	orch_pg_begin(sender, orch_queue_pg_state(ops[0])->op->is_accepted ? put_unseen : put_any);
	orch_pg_texts(sender, columns.texts[0], total);
	for (size_t t = 1; t < 7; t++)
		orch_pg_byteses(sender, columns.texts[t], total);
	for (size_t t = 0; t < 4; t++)
		orch_pg_ints(sender, columns.numbers[t], total);
	orch_pg_byteses(sender, columns.keys[0], total);
	orch_pg_byteses(sender, columns.keys[1], total);
	return orch_pg_end(sender, err);
}

static void reset(struct orch_queue_pg_op *state)
{
	struct orch_queue_op *op = state->op;

	for (size_t i = 0; i < op->message_count; i++)
		state->is_new[i] = false;
	state->item_count = op->message_count;
	op->duplicates = op->is_accepted ? op->message_count : 0;
}

/* Of what was put N messages lie before. */
static bool take_row(struct orch_pg_op *const *ops, size_t count, size_t n,
	const struct orch_pg_rows *rows, size_t row)
{
	for (size_t o = 0; o < count; o++) {
		struct orch_queue_pg_op *state = orch_queue_pg_state(ops[o]);

		if (n >= state->op->message_count) {
			n -= state->op->message_count;
			continue;
		}
		state->items[n].row = orch_pg_get_int(rows, row, 1);
		state->is_new[n] = orch_pg_get_bool(rows, row, 2);
		if (state->op->is_accepted)
			state->op->duplicates--;
		return true;
	}
	return false;
}

static int take_put(struct orch_pg_op *const *ops, size_t count, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	(void)number;
	for (size_t o = 0; o < count; o++)
		reset(orch_queue_pg_state(ops[o]));
	for (size_t r = 0; r < orch_pg_count(rows); r++)
		if (!take_row(ops, count, (size_t)orch_pg_get_int(rows, r, 0) - 1, rows, r))
			return orch_fail(err, ORCH_E_INTERNAL, "queue: a put of another's row");
	return ORCH_OK;
}

const struct orch_queue_pg_kind orch_queue_pg_put = { .many = { send_put, take_put },
	.turn = ORCH_PG_LATER };
const struct orch_queue_pg_kind orch_queue_pg_put_unseen = { .many = { send_put, take_put },
	.turn = ORCH_PG_LATER };
