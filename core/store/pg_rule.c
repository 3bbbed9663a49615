/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, read. */
#include "base/text.h"
#include "store/pg.h"
#include "store/shared.h"

struct reading {
	struct orch_pg_op op;
	const struct orch_secret *key;
	struct orch_arena *arena;
	struct orch_text tool, id;
	bool with_removed;
	struct orch_stored_rule *rules;
	size_t count;
	uint64_t revision;
};

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

int orch_store_pg_take_rule(const struct orch_secret *key, const struct orch_pg_rows *rows,
	size_t number, struct orch_arena *arena, struct orch_stored_rule *ret_rule,
	struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RULE_COUNT];
	bool fits = false;
	int code;

	orch_store_pg_take(rows, number, 0, &orch_store_rule_table, row);
	code = orch_store_row_fits(key, &orch_store_rule_table, NULL, row,
		orch_pg_get(rows, number, ORCH_STORE_RULE_COUNT), &fits, err);
	orch_store_rule_from_row(row, fits, arena, ret_rule);
	return code;
}

static int take_rules(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;
	size_t count = orch_pg_count(rows);
	int code = ORCH_OK;

	(void)number;
	reading->count = 0;
	reading->rules = orch_arena_alloc_array(reading->arena, count, sizeof(*reading->rules));
	if (!reading->rules)
		return out_of_memory(err);
	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		struct orch_stored_rule *rule = &reading->rules[reading->count];

		code = orch_store_pg_take_rule(reading->key, rows, i, reading->arena, rule, err);
		if (reading->id.len > 0 ||
			orch_store_is_wanted(rule, reading->tool, reading->with_removed))
			reading->count++;
	}
	if (code == ORCH_OK && orch_arena_failed(reading->arena))
		return out_of_memory(err);
	return code;
}

static int send_rules(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender, "SELECT " ORCH_STORE_PG_RULE " FROM rule ORDER BY n");
	return orch_pg_end(sender, err);
}

static int send_history(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender,
		"SELECT " ORCH_STORE_PG_RULE " FROM rule_history WHERE id = $1::bytea"
		" ORDER BY version DESC");
	orch_pg_bytes(sender, ((struct reading *)(void *)op)->id);
	return orch_pg_end(sender, err);
}

static int send_revision(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender, "SELECT number FROM revision");
	return orch_pg_end(sender, err);
}

static int take_revision(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct reading *reading = (struct reading *)(void *)op;

	(void)number;
	(void)err;
	if (orch_pg_count(rows) > 0)
		reading->revision = (uint64_t)orch_pg_get_int(rows, 0, 0);
	return ORCH_OK;
}

static int read_into(struct orch_store *store, struct reading *reading,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	int code;

	reading->key = orch_store_pg_of(store)->key;
	code = orch_store_pg_run(orch_store_pg_of(store)->pg, &reading->op, err);
	if (code < 0)
		return code;
	*ret_rules = reading->rules;
	*ret_count = reading->count;
	return ORCH_OK;
}

int orch_store_pg_rules(struct orch_store *store, struct orch_text tool, bool with_removed,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	struct reading reading = { .op = { .send = send_rules, .take = take_rules },
		.arena = arena,
		.tool = tool,
		.with_removed = with_removed };

	return read_into(store, &reading, ret_rules, ret_count, err);
}

int orch_store_pg_rule_history(struct orch_store *store, struct orch_text id,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	struct reading reading = {
		.op = { .send = send_history, .take = take_rules }, .arena = arena, .id = id
	};

	return read_into(store, &reading, ret_rules, ret_count, err);
}

int orch_store_pg_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err)
{
	struct reading reading = { .op = { .send = send_revision, .take = take_revision } };
	int code = orch_store_pg_run(orch_store_pg_of(store)->pg, &reading.op, err);

	if (code == ORCH_OK)
		*ret_revision = reading.revision;
	return code;
}
