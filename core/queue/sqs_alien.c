/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries that have no row: such as none of us has sent, and dead letters that AWS's own tools have moved back. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "queue/sqs_source.h"

#define DETAIL_BYTES 256
#define ID_BYTES 128
#define ID_PREFIX "sqs:"

/* What outlasts the haul. */
struct alien {
	struct orch_pg_op pg_op;
	struct orch_db_group group;
	struct orch_sqs_after after;
	struct orch_sqs_lane *lane;
	struct orch_arena *arena;
	struct orch_text queue, id, receipt, text, sealed, reason, detail;
	uint64_t put_ms;
	size_t changed;
	bool was_aside;
};

static struct alien *make_alien(
	struct orch_sqs_source *source, const struct orch_sqs_delivery *delivery)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct alien *alien = arena == NULL ? NULL : orch_arena_alloc(arena, sizeof(*alien));

	if (alien == NULL) {
		orch_arena_destroy(arena);
		return NULL;
	}
	alien->arena = arena;
	alien->lane = source->lane;
	alien->queue = orch_arena_text(arena, orch_text_from(source->name->name));
	alien->receipt = orch_arena_text(arena, delivery->receipt);
	return alien;
}

static void free_alien(struct orch_sqs_after *after)
{
	struct alien *alien =
		(struct alien *)(void *)((char *)after - offsetof(struct alien, after));

	orch_sqs_delete(alien->lane, alien->queue, alien->receipt);
	orch_arena_destroy(alien->arena);
}

static void submit(struct alien *alien, void (*done)(struct orch_db_group *group))
{
	struct orch_err err;

	alien->after = (struct orch_sqs_after){ .waits = 1, .run = free_alien };
	alien->group = (struct orch_db_group){
		.first = &alien->pg_op.base, .lane = alien->lane->lane, .done = done
	};
	if (orch_arena_failed(alien->arena) ||
		orch_pg_submit(alien->lane->queue->pg, &alien->group, &err) != ORCH_OK)
		orch_arena_destroy(alien->arena); /* it comes back */
	else
		alien->lane->under_way++;
}

static struct alien *alien_of(struct orch_db_group *group)
{
	return (struct alien *)(void *)((char *)group - offsetof(struct alien, group));
}

static int take_changed(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)number, (void)err;
	((struct alien *)(void *)pg_op)->changed = (size_t)orch_pg_get_int(rows, 0, 0);
	return ORCH_OK;
}

/* Once, however often it is delivered. */
static int send_burial(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct alien *alien = (struct alien *)(void *)pg_op;

	orch_pg_begin(sender,
		"WITH new AS (INSERT INTO dead (row, queue, alien, step_sent, priority, receives,"
		" attempts, step, ended, time, put, id, pipeline, tenant, trace, reason, detail,"
		" sealed) SELECT nextval(pg_get_serial_sequence('item', 'row')), $1::text, true,"
		" false, 0, 1, 0, 0, orch_ms(), 0, $2::bigint, $3::bytea, '', '', '', $4::text,"
		" $5::text, $6::bytea WHERE NOT EXISTS (SELECT 1 FROM dead WHERE queue = $1::text"
		" AND id = $3::bytea) RETURNING queue),"
		" counted AS (INSERT INTO tally (queue, what, reason, number)"
		" SELECT queue, " ORCH_TALLY_ACCEPTED_SQL ", '', 1 FROM new)"
		" SELECT count(*) FROM new");
	orch_pg_text(sender, alien->queue);
	orch_pg_int(sender, (int64_t)alien->put_ms);
	orch_pg_bytes(sender, alien->id);
	orch_pg_text(sender, alien->reason);
	orch_pg_text(sender, alien->detail);
	orch_pg_bytes(sender, alien->sealed);
	return orch_pg_end(sender, err);
}

static void set_aside(struct alien *alien)
{
	const struct orch_sqs_aside aside = { .queue = alien->queue,
		.id = alien->id,
		.pipeline = ORCH_TEXT_NONE,
		.reason = alien->reason,
		.detail = alien->detail,
		.body = alien->text };

	orch_sqs_set_aside(alien->lane, &aside, &alien->after);
}

static void on_buried(struct orch_db_group *group)
{
	struct alien *alien = alien_of(group);

	alien->lane->under_way--;
	if (group->code != ORCH_OK) {
		orch_arena_destroy(alien->arena); /* it comes back */
		return;
	}
	if (alien->changed > 0)
		orch_log(ORCH_LOG_ALERT, "queue.alien", ORCH_LOG_TEXT("queue", alien->queue),
			ORCH_LOG_TEXT("id", alien->id), ORCH_LOG_TEXT("reason", alien->reason),
			ORCH_LOG_TEXT("detail", alien->detail));
	if (alien->changed > 0 || alien->was_aside)
		set_aside(alien);
	orch_sqs_after_end(&alien->after);
}

static struct orch_text seal(const struct alien *alien)
{
	const struct orch_secret *key = alien->lane->queue->key;
	struct orch_message message = { .queue = alien->queue,
		.id = alien->id,
		.pipeline = ORCH_TEXT_NONE,
		.tenant = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT_NONE };
	size_t len = alien->text.len + ORCH_SEAL_OVERHEAD;
	char *sealed = orch_arena_alloc(alien->arena, len);
	struct orch_buf about;

	if (sealed == NULL)
		return ORCH_TEXT_NONE;
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	orch_seal(key, alien->text, orch_message_about(&about, &message, alien->put_ms), sealed);
	orch_buf_fini(&about);
	return (struct orch_text){ sealed, len };
}

/* One that was moved back keeps its name, so that it is no other one. */
static struct orch_text name_of(struct orch_arena *arena, const struct orch_sqs_delivery *delivery)
{
	if (delivery->was_aside && orch_text_starts_with(delivery->aside_id, ORCH_TEXT(ID_PREFIX)))
		return orch_arena_text(arena, orch_message_cut(delivery->aside_id, ID_BYTES));
	return orch_arena_printf(arena, ID_PREFIX "%.*s",
		ORCH_TEXT_ARG(
			orch_message_cut(delivery->sqs_id, ID_BYTES - (sizeof(ID_PREFIX) - 1))));
}

void orch_sqs_bury_alien(struct orch_sqs_source *source, const struct orch_sqs_delivery *delivery)
{
	struct alien *alien = make_alien(source, delivery);

	if (alien == NULL)
		return;
	alien->pg_op = (struct orch_pg_op){ .send = send_burial, .take = take_changed };
	alien->id = name_of(alien->arena, delivery);
	alien->was_aside = delivery->was_aside;
	alien->text = orch_arena_text(alien->arena, delivery->text);
	alien->reason = orch_arena_text(alien->arena, orch_text_from(delivery->reason));
	alien->detail = orch_arena_text(
		alien->arena, orch_message_cut(orch_text_from(delivery->why.text), DETAIL_BYTES));
	alien->put_ms = orch_clock_now_ms();
	alien->sealed = seal(alien);
	submit(alien, on_buried);
}

static int send_revival(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct alien *alien = (struct alien *)(void *)pg_op;

	orch_pg_begin(sender,
		"WITH gone AS (DELETE FROM dead AS d WHERE queue = $1::text AND id = $2::bytea"
		" AND NOT alien AND sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM item AS i"
		" WHERE i.queue = d.queue AND i.id = d.id) RETURNING *),"
		" back AS (INSERT INTO item (row, queue, state, step_sent, priority, step, at, "
		"sent,"
		" time, put, id, pipeline, tenant, trace, sequence, memo)"
		" SELECT row, queue, CASE WHEN sequence IS NULL THEN 0 ELSE 3 END, step_sent,"
		" priority, step, orch_ms(), CASE WHEN sequence IS NULL THEN orch_ms() ELSE 0 END,"
		" time, put, id, pipeline, tenant, trace, sequence, memo FROM gone),"
		" bodies AS (INSERT INTO body (row, sealed) SELECT row, sealed FROM gone)"
		" SELECT count(*) FROM gone");
	orch_pg_text(sender, alien->queue);
	orch_pg_bytes(sender, alien->id);
	return orch_pg_end(sender, err);
}

/* If it is back its copy may be delivered again; else it was discarded or redriven otherwise. */
static void on_revived(struct orch_db_group *group)
{
	struct alien *alien = alien_of(group);

	alien->lane->under_way--;
	if (group->code == ORCH_OK && alien->changed == 0) {
		orch_sqs_after_end(&alien->after);
		return;
	}
	if (group->code == ORCH_OK)
		orch_sqs_change(alien->lane, alien->queue, alien->receipt, 0, NULL, NULL);
	orch_arena_destroy(alien->arena);
}

void orch_sqs_revive(struct orch_sqs_source *source, const struct orch_sqs_delivery *delivery)
{
	struct alien *alien = make_alien(source, delivery);

	if (alien == NULL)
		return;
	alien->pg_op = (struct orch_pg_op){ .send = send_revival, .take = take_changed };
	alien->id = orch_arena_text(alien->arena, delivery->body.message.id);
	submit(alien, on_revived);
}
