/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Housekeeping, on the home lane: what should be in SQS and is not is sent
 * again, tallies are summed up, old names forgotten.  Each chore is one group at
 * a time and waits for its turn; every process does it, and they skip each
 * other's rows.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "queue/sqs.h"

#define TICK_MS 500
#define MARK_MS 2000 /* for what is received at once nothing needs to be noted */
#define UNSENT_EVERY_MS 4000
#define UNSENT_MS 10000 /* so long its sender may try */
#define HEADLESS_EVERY_MS 5000
#define FOLD_EVERY_MS 3000
#define FORGET_EVERY_MS 10000
#define ROWS 500 /* of one chore at a time */
#define FORGET_ROWS 20000

enum chore { UNSENT = 0, HEADLESS, FOLD, FORGET, CHORES };

struct chore_state {
	struct orch_pg_tending tending;
	struct orch_db_group group;
	struct orch_sqs_tend *tend;
	struct orch_arena *arena;
	enum chore chore;
	uint64_t due_ms;
	bool is_busy;
};

struct orch_sqs_tend {
	struct orch_queue_sqs *queue;
	struct orch_timer tick;
	struct chore_state chores[CHORES];
	struct orch_sqs_missed *missed;
	struct orch_sqs_aside_look *aside;
};

/* Marks of one lane under way. */
struct marking {
	struct orch_pg_tending tending;
	struct orch_db_group group;
	struct orch_sqs_lane *lane;
	int64_t *rows;
};

static void on_marked(struct orch_db_group *group)
{
	struct marking *marking =
		(struct marking *)(void *)((char *)group - offsetof(struct marking, group));

	marking->lane->under_way--;
	orch_free(marking->rows);
	orch_free(marking);
}

/* A mark that is lost costs a copy too many. */
void orch_sqs_mark_sent(void *arg)
{
	struct orch_sqs_lane *lane = arg;
	struct marking *marking = orch_alloc(sizeof(*marking));
	struct orch_err err;

	lane->is_marking = false;
	if (marking == NULL || lane->sent_count == 0) {
		orch_free(marking);
		lane->sent_count = 0;
		return;
	}
	marking->lane = lane;
	marking->rows = lane->sent;
	marking->tending.rows = lane->sent;
	marking->tending.row_count = lane->sent_count;
	orch_pg_tend_mark_sent(&marking->tending);
	marking->group = (struct orch_db_group){
		.first = &marking->tending.pg_op.base, .lane = lane->lane, .done = on_marked
	};
	lane->sent = NULL;
	lane->sent_count = lane->sent_size = 0;
	if (orch_pg_submit(lane->queue->pg, &marking->group, &err) == ORCH_OK) {
		lane->under_way++;
		return;
	}
	orch_free(marking->rows);
	orch_free(marking);
}

void orch_sqs_note_sent(struct orch_sqs_lane *lane, int64_t row)
{
	if (lane->sent_count == lane->sent_size) {
		size_t size = lane->sent_size > 0 ? 2 * lane->sent_size : 256;
		int64_t *grown = orch_realloc(lane->sent, size * sizeof(*grown));

		if (grown == NULL)
			return;
		lane->sent = grown;
		lane->sent_size = size;
	}
	lane->sent[lane->sent_count++] = row;
	if (!lane->is_marking) {
		lane->is_marking = true;
		orch_timer_set(&lane->mark_timer, MARK_MS);
	}
}

void orch_sqs_send_again(
	struct orch_sqs_lane *home, const struct orch_pg_tending *tending, const char *why)
{
	for (size_t i = 0; i < tending->item_count; i++)
		orch_sqs_send(home, &tending->items[i], NULL);
	if (tending->item_count == 0)
		return;
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_sqs_sent_again_total",
				"Messages that were sent to SQS once more, by why.",
				{ "why", orch_text_from(why) }),
		(int64_t)tending->item_count);
	orch_log(ORCH_LOG_INFO, "queue.sent_again", ORCH_LOG_STRING("why", why),
		ORCH_LOG_INT("messages", tending->item_count));
}

static void on_chore(struct orch_db_group *group)
{
	struct chore_state *state =
		(struct chore_state *)(void *)((char *)group - offsetof(struct chore_state, group));
	struct orch_sqs_lane *home = state->tend->queue->home;

	state->is_busy = false;
	if (group->code == ORCH_OK) {
		orch_sqs_send_again(
			home, &state->tending, state->chore == HEADLESS ? "order" : "unsent");
		/* There is more of it. */
		if (state->tending.item_count == ROWS)
			state->due_ms = 0;
	}
	orch_arena_destroy(state->arena);
	state->arena = NULL;
}

bool orch_sqs_has_entries(const struct orch_sqs_lane *home, const struct orch_sqs_name *name)
{
	const struct orch_sqs_desk *desk;

	TAILQ_FOREACH(desk, &home->desks, link)
	if (desk->name == name)
		return desk->batches[ORCH_SQS_SEND].count > 0;
	return false;
}

/* To the others nothing would go at once: more and more entries would wait for it. */
static void choose_queues(struct chore_state *state)
{
	struct orch_queue_sqs *queue = state->tend->queue;
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	size_t count = orch_sqs_names(queue, names);
	struct orch_text *queues = orch_arena_alloc_array(state->arena, count + 1, sizeof(*queues));

	state->tending.queues = queues;
	state->tending.queue_count = 0;
	for (size_t i = 0; queues != NULL && i < count; i++)
		if (!orch_sqs_name_fails(names[i], ORCH_SQS_SEND) &&
			!orch_sqs_has_entries(queue->home, names[i]))
			queues[state->tending.queue_count++] = orch_text_from(names[i]->name);
}

static void start_chore(
	struct chore_state *state, void (*make)(struct orch_pg_tending *tending), uint64_t every_ms)
{
	struct orch_queue_sqs *queue = state->tend->queue;
	uint64_t now = orch_clock_mono_ms();
	struct orch_err err;

	if (state->is_busy || now < state->due_ms)
		return;
	state->due_ms = now + every_ms / 2 + orch_random_below(every_ms);
	state->arena = orch_arena_create(0);
	if (state->arena == NULL)
		return;
	state->tending.arena = state->arena;
	state->tending.items = NULL;
	state->tending.item_count = state->tending.changed = 0;
	choose_queues(state);
	make(&state->tending);
	state->group = (struct orch_db_group){
		.first = &state->tending.pg_op.base,
		.patience_ms = TICK_MS,
		.lane = queue->home->lane,
		.done = on_chore,
	};
	state->is_busy = orch_pg_submit(queue->pg, &state->group, &err) == ORCH_OK;
	if (!state->is_busy) {
		orch_arena_destroy(state->arena);
		state->arena = NULL;
	}
}

static void on_tick(void *arg)
{
	struct orch_sqs_tend *tend = arg;
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	size_t count = orch_sqs_names(tend->queue, names);

	for (size_t i = 0; i < count; i++)
		orch_sqs_name_tend(names[i]);
	start_chore(&tend->chores[UNSENT], orch_pg_tend_unsent, UNSENT_EVERY_MS);
	start_chore(&tend->chores[HEADLESS], orch_pg_tend_headless, HEADLESS_EVERY_MS);
	start_chore(&tend->chores[FOLD], orch_pg_tend_fold, FOLD_EVERY_MS);
	start_chore(&tend->chores[FORGET], orch_pg_tend_forget, FORGET_EVERY_MS);
	orch_sqs_missed_tend(tend->missed);
	orch_sqs_aside_tend(tend->aside);
	orch_timer_set(&tend->tick, TICK_MS);
}

int orch_sqs_tend_start(struct orch_queue_sqs *queue, struct orch_err *err)
{
	struct orch_sqs_tend *tend = orch_alloc(sizeof(*tend));

	if (tend == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	tend->queue = queue;
	queue->tend = tend;
	tend->missed = orch_sqs_missed_create(queue);
	tend->aside = orch_sqs_aside_create(queue);
	if (tend->missed == NULL || tend->aside == NULL ||
		orch_timer_init(&tend->tick, queue->home->lane, on_tick, tend) != ORCH_OK)
		return orch_fail(err, ORCH_E_NOMEM, "queue: out of memory");
	for (int i = 0; i < CHORES; i++) {
		tend->chores[i].tend = tend;
		tend->chores[i].chore = (enum chore)i;
		tend->chores[i].tending.limit = i == FORGET ? FORGET_ROWS : ROWS;
		tend->chores[i].tending.older_ms = UNSENT_MS;
	}
	orch_timer_set(&tend->tick, 0);
	return ORCH_OK;
}

void orch_sqs_tend_stop(struct orch_queue_sqs *queue)
{
	struct orch_sqs_tend *tend = queue->tend;

	if (tend == NULL)
		return;
	orch_timer_fini(&tend->tick);
	orch_sqs_missed_destroy(tend->missed);
	orch_sqs_aside_destroy(tend->aside);
	for (int i = 0; i < CHORES; i++)
		orch_arena_destroy(tend->chores[i].arena);
	orch_free(tend);
	queue->tend = NULL;
}
