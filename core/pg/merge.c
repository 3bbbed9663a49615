/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of several groups: their ops in the order of their turns, those of one
 * kind as one statement.  Whatever goes wrong undoes all of it, and then each
 * group is run by itself: it is seldom, and so nobody has to tell whose fault
 * it was.
 */
#include "base/alloc.h"
#include "base/err.h"
#include "pg/internal.h"

static struct orch_pg_op *op_of(struct orch_db_op *op)
{
	return (struct orch_pg_op *)(void *)op;
}

static size_t count_ops(const struct orch_pg_link *link)
{
	size_t count = 0;

	for (const struct orch_db_group *group = link->batch; group; group = group->next)
		for (const struct orch_db_op *op = group->first; op; op = op->next)
			count++;
	return count;
}

/* Room for two lists: all ops, and the same by their kinds. */
static bool make_room(struct orch_pg_link *link, size_t count)
{
	struct orch_pg_op **grown;

	if (2 * count <= link->ops_size)
		return true;
	grown = orch_realloc(link->ops, 2 * count * sizeof(*grown));
	if (!grown)
		return false;
	link->ops = grown;
	link->ops_size = 2 * count;
	return true;
}

static void list_ops(struct orch_pg_link *link, struct orch_pg_op **ops)
{
	size_t count = 0;

	for (int turn = ORCH_PG_FIRST; turn <= ORCH_PG_LAST; turn++)
		for (struct orch_db_group *group = link->batch; group; group = group->next)
			for (struct orch_db_op *op = group->first; op; op = op->next) {
				if (op_of(op)->turn != turn)
					continue;
				op_of(op)->group = group;
				ops[count++] = op_of(op);
			}
}

/* Those of the kind of the FIRST, which are taken off the list. */
static size_t gather(
	struct orch_pg_op **ops, size_t count, size_t first, struct orch_pg_op **ret_ops)
{
	const struct orch_pg_kind *kind = ops[first]->kind;
	size_t gathered = 0;

	for (size_t i = first; i < count; i++) {
		if (!ops[i] || ops[i]->kind != kind)
			continue;
		ret_ops[gathered++] = ops[i];
		ops[i] = NULL;
	}
	return gathered;
}

static int send_alone(struct orch_pg_sender *sender, struct orch_pg_op *op, struct orch_err *err)
{
	sender->group = op->group;
	sender->op = op;
	sender->ops = NULL;
	sender->op_count = 0;
	sender->number = 0;
	return op->send(op, sender, err);
}

static int send_kind(struct orch_pg_sender *sender, struct orch_pg_op *const *ops, size_t count,
	struct orch_err *err)
{
	sender->group = NULL;
	sender->op = NULL;
	sender->ops = ops;
	sender->op_count = count;
	sender->number = 0;
	return ops[0]->kind->send(ops, count, sender, err);
}

bool orch_pg_send_merged(struct orch_pg_link *link)
{
	struct orch_pg_sender *sender = &link->sender;
	size_t count = count_ops(link);
	struct orch_pg_op **ops, **merged;
	struct orch_err err;
	int code = ORCH_OK;

	if (!make_room(link, count))
		return false;
	ops = link->ops;
	merged = link->ops + count;
	list_ops(link, ops);
	sender->bytes = 0;
	sender->has_sent = false;
	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		size_t gathered;

		if (!ops[i])
			continue;
		if (!ops[i]->kind) {
			code = send_alone(sender, ops[i], &err);
			continue;
		}
		gathered = gather(ops, count, i, merged);
		code = send_kind(sender, merged, gathered, &err);
		merged += gathered;
	}
	return code == ORCH_OK;
}

void orch_pg_op_fail(struct orch_pg_op *op, int code, const char *why)
{
	if (op->group->code >= 0)
		op->group->code = orch_fail(&op->group->err, code, "%s", why);
}

void orch_pg_take_merged(const struct orch_pg_sent *sent, const struct orch_pg_rows *rows)
{
	const struct orch_pg_kind *kind = sent->ops[0]->kind;
	struct orch_err err = { "" };
	int code = ORCH_OK;

	if (kind->take)
		code = kind->take(sent->ops, sent->op_count, sent->number, rows, &err);
	if (*rows->is_misread)
		code = orch_fail(&err, ORCH_E_INTERNAL,
			"PostgreSQL: a result has another type or form than was expected");
	for (size_t i = 0; code < 0 && i < sent->op_count; i++)
		orch_pg_op_fail(sent->ops[i], code, err.text);
}
