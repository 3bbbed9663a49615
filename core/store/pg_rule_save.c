/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules, changed: the book is read and changed here, and written down if nobody
 * else has changed a rule meanwhile; else all begins anew.  The revision's row,
 * which every change raises, is what all wait for.
 */
#include "base/text.h"
#include "store/book.h"
#include "store/pg.h"
#include "store/shared.h"

#define TRIES 100 /* each means that somebody else has got through */

struct changing {
	struct orch_pg_op op;
	struct orch_store_pg *store;
	struct orch_text by;
	/* of a save */
	const struct orch_stored_rule *rules;
	size_t count;
	struct orch_arena *ret_arena;
	struct orch_stored_rule *ret_rules;
	/* of a removal */
	struct orch_text id;
	bool is_gone; /* a damaged row, which was to go for good */

	/* of one try */
	struct orch_arena *arena;
	struct orch_store_book book;
	int64_t revision;
	struct orch_text *damaged; /* ids of such rows */
	size_t damaged_count, damaged_size;
	struct orch_map *versions;            /* by id; NULL until asked for */
	struct orch_store_pg_columns columns; /* of the changes */
	struct orch_text *seals;
	int64_t *places, *lasts;
	bool is_done;
};

static struct changing *changing_of(void *op)
{
	return op;
}

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

static int run(struct changing *changing,
	int (*send)(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err),
	int (*take)(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
		struct orch_err *err),
	struct orch_err *err)
{
	int code;

	changing->op.send = send;
	changing->op.take = take;
	code = orch_store_pg_run(changing->store->pg, &changing->op, err);
	if (code == ORCH_OK && orch_arena_failed(changing->arena))
		return out_of_memory(err);
	return code;
}

/* The book.  The revision comes first: what is changed behind it is found out. */

static int send_book(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	int code;

	(void)op;
	orch_pg_begin(sender, "SELECT number FROM revision");
	code = orch_pg_end(sender, err);
	if (code < 0)
		return code;
	orch_pg_begin(sender, "SELECT " ORCH_STORE_PG_RULE ", n FROM rule");
	return orch_pg_end(sender, err);
}

static int note_damaged(struct changing *changing, struct orch_text id, struct orch_err *err)
{
	struct orch_text *damaged = orch_store_grow(changing->arena, changing->damaged,
		changing->damaged_count, &changing->damaged_size, sizeof(*damaged));

	if (!damaged)
		return out_of_memory(err);
	changing->damaged = damaged;
	damaged[changing->damaged_count++] = id;
	return ORCH_OK;
}

static int enter(struct changing *changing, const struct orch_pg_rows *rows, size_t number,
	struct orch_err *err)
{
	struct orch_stored_rule rule;
	int code = orch_store_pg_take_rule(
		changing->store->key, rows, number, changing->arena, &rule, err);

	if (code == ORCH_OK && rule.damaged)
		code = note_damaged(changing, rule.rule.id, err);
	return code < 0 ? code
			: orch_store_book_enter(&changing->book, &rule,
				  orch_pg_get_int(rows, number, ORCH_STORE_RULE_COUNT + 1), err);
}

static int find_highest(
	void *arg, struct orch_text id, uint32_t *ret_version, struct orch_err *err);

static int take_book(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct changing *changing = changing_of(op);
	int code = ORCH_OK;

	if (number == 0) {
		changing->revision = orch_pg_count(rows) > 0 ? orch_pg_get_int(rows, 0, 0) : 0;
		changing->damaged_count = 0;
		orch_store_book_close(&changing->book);
		code = orch_store_book_open(&changing->book, changing->arena, err);
		changing->book.highest = find_highest;
		changing->book.arg = changing;
		return code;
	}
	for (size_t i = 0; i < orch_pg_count(rows) && code == ORCH_OK; i++)
		code = enter(changing, rows, i, err);
	return code;
}

/* The history of what is no rule, or none that can be relied on. */

static int send_versions(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct changing *changing = changing_of(op);

	orch_pg_begin(sender,
		"SELECT " ORCH_STORE_PG_RULE " FROM rule_history WHERE id = ANY ($1::bytea[])"
		" OR NOT EXISTS (SELECT FROM rule WHERE rule.id = rule_history.id)"
		" ORDER BY version");
	orch_pg_byteses(sender, changing->damaged, changing->damaged_count);
	return orch_pg_end(sender, err);
}

static int take_versions(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct changing *changing = changing_of(op);
	int code = ORCH_OK;

	(void)number;
	for (size_t i = 0; i < orch_pg_count(rows) && code == ORCH_OK; i++) {
		struct orch_stored_rule *rule = orch_arena_alloc(changing->arena, sizeof(*rule));

		if (!rule)
			return out_of_memory(err);
		code = orch_store_pg_take_rule(
			changing->store->key, rows, i, changing->arena, rule, err);
		if (code == ORCH_OK && !rule->damaged)
			code = orch_map_set(changing->versions, rule->rule.id, rule);
	}
	return code == ORCH_E_NOMEM ? out_of_memory(err) : code;
}

static int find_highest(void *arg, struct orch_text id, uint32_t *ret_version, struct orch_err *err)
{
	struct changing *changing = arg;
	const struct orch_stored_rule *latest;
	int code = ORCH_OK;

	if (!changing->versions) {
		changing->versions = orch_map_create();
		code = changing->versions ? run(changing, send_versions, take_versions, err)
					  : out_of_memory(err);
	}
	if (code < 0)
		return code;
	latest = orch_map_get(changing->versions, id);
	*ret_version = latest ? latest->rule.version : 0;
	return ORCH_OK;
}

/* The changes. */

#define SET_RULE                                                                           \
	" tool = excluded.tool, name = excluded.name, description = excluded.description," \
	" expression = excluded.expression, severity = excluded.severity,"                 \
	" options = excluded.options, state = excluded.state, matches = excluded.matches," \
	" no_matches = excluded.no_matches, created_by = excluded.created_by,"             \
	" changed_by = excluded.changed_by, created = excluded.created,"                   \
	" changed = excluded.changed, removed = excluded.removed, seal = excluded.seal"

/* If it is still our turn, all of it. */
static const char write_changes[] =
	"WITH turn AS (UPDATE revision SET number = number + 1 WHERE number = $1::bigint"
	" RETURNING number),"
	" given AS (SELECT given.* FROM turn, unnest($2::bytea[], $3::bigint[], $4::bytea[],"
	" $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bytea[], $10::bigint[],"
	" $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bigint[], $16::bigint[],"
	" $17::bigint[], $18::bytea[], $19::bigint[], $20::bigint[])"
	" AS given (" ORCH_STORE_PG_RULE ", n, is_last)),"
	" current AS (INSERT INTO rule (" ORCH_STORE_PG_RULE ", n)"
	" SELECT " ORCH_STORE_PG_RULE ", n FROM given WHERE is_last = 1"
	" ON CONFLICT (id) DO UPDATE SET n = excluded.n, version = excluded.version," SET_RULE "),"
	" past AS (INSERT INTO rule_history (" ORCH_STORE_PG_RULE ")"
	" SELECT " ORCH_STORE_PG_RULE " FROM given"
	" ON CONFLICT (id, version) DO UPDATE SET" SET_RULE "),"
	" gone AS (DELETE FROM rule USING turn WHERE id = $21::bytea)"
	" SELECT pg_notify('" ORCH_STORE_RULES_CHANNEL "', '') IS NULL FROM turn";

/* Once, whatever has to be sent again: a seal is like no other, and so tells what was ours. */
static int prepare(struct changing *changing, struct orch_err *err)
{
	const struct orch_store_change *changes = changing->book.changes;
	struct orch_arena *arena = changing->arena;
	size_t count = changing->book.count;
	struct orch_store_value *rows =
		orch_arena_alloc_array(arena, count, ORCH_STORE_RULE_COUNT * sizeof(*rows));
	int code;

	changing->places = orch_arena_alloc_array(arena, count, sizeof(*changing->places));
	changing->lasts = orch_arena_alloc_array(arena, count, sizeof(*changing->lasts));
	changing->seals = orch_arena_alloc_array(arena, count, sizeof(*changing->seals));
	code = orch_arena_failed(arena) ? out_of_memory(err) : ORCH_OK;
	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		changing->places[i] = changes[i].place;
		changing->lasts[i] = changes[i].is_last;
		code = orch_store_rule_to_row(
			&changes[i].rule, arena, rows + i * ORCH_STORE_RULE_COUNT, err);
	}
	if (code == ORCH_OK)
		code = orch_store_pg_seal_rows(changing->store->key, &orch_store_rule_table, NULL,
			rows, count, arena, changing->seals, err);
	return code < 0 ? code
			: orch_store_pg_turn(&orch_store_rule_table, rows, count, arena,
				  &changing->columns, err);
}

static int send_changes(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct changing *changing = changing_of(op);
	size_t count = changing->book.count;

	orch_pg_begin(sender, write_changes);
	orch_pg_int(sender, changing->revision);
	orch_store_pg_send_columns(sender, &changing->columns);
	orch_pg_byteses(sender, changing->seals, count);
	orch_pg_ints(sender, changing->places, count);
	orch_pg_ints(sender, changing->lasts, count);
	if (changing->is_gone)
		orch_pg_bytes(sender, changing->id);
	else
		orch_pg_null(sender);
	return orch_pg_end(sender, err);
}

/* Were they written by a try whose answer got lost with its connection? */
static int send_question(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct changing *changing = changing_of(op);
	const struct orch_rule *rule = &changing->book.changes[0].rule.rule;

	orch_pg_begin(sender,
		"SELECT 1 FROM rule_history WHERE id = $1::bytea AND version = $2::bigint"
		" AND seal = $3::bytea");
	orch_pg_bytes(sender, rule->id);
	orch_pg_int(sender, rule->version);
	orch_pg_bytes(sender, changing->seals[0]);
	return orch_pg_end(sender, err);
}

static int take_done(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)number;
	(void)err;
	changing_of(op)->is_done = orch_pg_count(rows) > 0;
	return ORCH_OK;
}

static int write_down(struct changing *changing, struct orch_err *err)
{
	int code = prepare(changing, err);

	if (code == ORCH_OK)
		code = run(changing, send_changes, take_done, err);
	if (code == ORCH_OK && !changing->is_done && changing->book.count > 0)
		code = run(changing, send_question, take_done, err);
	return code;
}

static int change_book(struct changing *changing, struct orch_err *err)
{
	const struct orch_store_entry *entry;

	if (changing->rules)
		return orch_store_book_save(
			&changing->book, changing->rules, changing->count, changing->by, err);
	entry = orch_map_get(changing->book.entries, changing->id);
	changing->is_done = changing->is_gone && !entry;
	if (changing->is_done)
		return ORCH_OK;
	return orch_store_book_remove(
		&changing->book, changing->id, changing->by, &changing->is_gone, err);
}

/* What is given comes before what is written: it may find no memory. */
static int try_once(struct changing *changing, struct orch_err *err)
{
	int code = run(changing, send_book, take_book, err);

	if (code == ORCH_OK)
		code = change_book(changing, err);
	if (code == ORCH_OK && changing->rules)
		code = orch_store_book_give(
			&changing->book, changing->ret_arena, changing->ret_rules, err);
	if (code == ORCH_OK && !changing->is_done)
		code = write_down(changing, err);
	return code;
}

static int begin_try(struct changing *changing, struct orch_err *err)
{
	changing->arena = orch_arena_create(0);
	changing->book = (struct orch_store_book){ 0 };
	changing->damaged_count = changing->damaged_size = 0;
	changing->damaged = NULL;
	changing->versions = NULL;
	changing->is_done = false;
	return changing->arena ? ORCH_OK : out_of_memory(err);
}

static void end_try(struct changing *changing)
{
	orch_store_book_close(&changing->book);
	orch_map_destroy(changing->versions, NULL);
	orch_arena_destroy(changing->arena);
}

static int change(struct changing *changing, struct orch_err *err)
{
	int code = ORCH_OK;

	for (unsigned i = 0; i < TRIES && code == ORCH_OK && !changing->is_done; i++) {
		code = begin_try(changing, err);
		if (code == ORCH_OK)
			code = try_once(changing, err);
		end_try(changing);
	}
	if (code == ORCH_OK && !changing->is_done)
		return orch_fail(err, ORCH_E_AGAIN, "store: others change rules all the time");
	return code;
}

int orch_store_pg_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err)
{
	struct changing changing = { .store = orch_store_pg_of(store),
		.by = by,
		.rules = rules,
		.count = count,
		.ret_arena = arena,
		.ret_rules = ret_rules };

	return change(&changing, err);
}

int orch_store_pg_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err)
{
	struct changing changing = { .store = orch_store_pg_of(store), .by = by, .id = id };

	return change(&changing, err);
}
