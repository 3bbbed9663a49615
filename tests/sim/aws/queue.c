/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/queue.h"

#include <string.h>

#include "sim/aws/group.h"
#include "base/alloc.h"
#include "base/text.h"
#include "sim/jsonx.h"

static bool make_parts(struct aws_queue *queue, struct orch_text name)
{
	queue->tally = aws_ledger_tally(queue->ledger, name);
	queue->groups = orch_map_create();
	queue->dedup_by_id = orch_map_create();
	return queue->tally && queue->groups && queue->dedup_by_id;
}

static void free_parts(struct aws_queue *queue)
{
	struct aws_dedup *dedup;

	while ((dedup = TAILQ_FIRST(&queue->dedups))) {
		TAILQ_REMOVE(&queue->dedups, dedup, next);
		orch_free(dedup->id);
		orch_free(dedup);
	}
	orch_map_destroy(queue->groups, orch_free);
	orch_map_destroy(queue->dedup_by_id, NULL);
	aws_heap_fini(&queue->due);
	aws_heap_fini(&queue->expiry);
	orch_free(queue);
}

struct aws_queue *aws_queue_create(
	struct orch_text name, struct aws_attributes *attributes, struct aws_ledger *ledger)
{
	struct aws_queue *queue = orch_alloc(sizeof(*queue));

	if (!queue)
		return NULL;
	queue->ledger = ledger;
	TAILQ_INIT(&queue->ready);
	TAILQ_INIT(&queue->ready_groups);
	TAILQ_INIT(&queue->dedups);
	TAILQ_INIT(&queue->polls);
	sim_keep(queue->name, sizeof(queue->name), name);
	if (!make_parts(queue, name)) {
		free_parts(queue);
		return NULL;
	}
	queue->attributes = *attributes;
	return queue;
}

void aws_queue_destroy(struct aws_queue *queue, enum aws_fate fate, uint64_t wall_ms)
{
	struct aws_heap_node *node;

	if (!queue)
		return;
	orch_assert(TAILQ_EMPTY(&queue->polls));
	while ((node = aws_heap_first(&queue->expiry)))
		aws_queue_remove(AWS_OF(node, struct aws_message, expiry), fate, wall_ms);
	if (queue->has_timer)
		orch_timer_fini(&queue->timer);
	aws_attributes_fini(&queue->attributes);
	free_parts(queue);
}

size_t aws_queue_count(const struct aws_queue *queue)
{
	return queue->expiry.count;
}

static size_t *counter(struct aws_queue *queue, enum aws_place place)
{
	if (place == AWS_READY)
		return &queue->ready_count;
	return place == AWS_DELAYED ? &queue->delayed_count : &queue->flying_count;
}

/* Takes MESSAGE out of where it is. */
static void leave(struct aws_message *message)
{
	struct aws_queue *queue = message->queue;

	--*counter(queue, message->place);
	aws_heap_remove(&queue->due, &message->due);
	if (message->group)
		aws_group_left(message);
	else if (message->place == AWS_READY)
		TAILQ_REMOVE(&queue->ready, message, next);
}

/* UNTIL_MS counts unless PLACE is ready. */
static void enter(struct aws_message *message, enum aws_place place, uint64_t until_ms)
{
	struct aws_queue *queue = message->queue;

	message->place = place;
	++*counter(queue, place);
	if (place != AWS_READY)
		aws_heap_add(&queue->due, &message->due, until_ms);
	if (message->group)
		aws_group_entered(queue, message);
	else if (place == AWS_READY)
		TAILQ_INSERT_TAIL(&queue->ready, message, next);
}

int aws_queue_add(struct aws_queue *queue, struct aws_message *message, const char *group,
	uint64_t delay_ms, uint64_t now_ms)
{
	size_t count = aws_queue_count(queue) + 1;

	if (queue->ledger->live_bytes + message->body_len > AWS_LIVE_BYTES_MAX)
		return ORCH_E_LIMIT;
	if (aws_heap_reserve(&queue->due, count) != 0 ||
		aws_heap_reserve(&queue->expiry, count) != 0)
		return ORCH_E_NOMEM;
	message->queue = queue;
	if (queue->attributes.is_fifo && aws_group_join(queue, message, group) != 0)
		return ORCH_E_NOMEM;
	aws_heap_add(&queue->expiry, &message->expiry,
		message->enqueued_ms + queue->attributes.retention_s * 1000);
	message->entry->message = message;
	queue->ledger->live_bytes += message->body_len;
	enter(message, delay_ms ? AWS_DELAYED : AWS_READY, now_ms + delay_ms);
	return ORCH_OK;
}

void aws_queue_settle(struct aws_queue *queue, uint64_t now_ms, uint64_t wall_ms)
{
	struct aws_heap_node *node;

	while ((node = aws_heap_first(&queue->expiry)) && node->key <= now_ms)
		aws_queue_remove(AWS_OF(node, struct aws_message, expiry), AWS_EXPIRED, wall_ms);
	while ((node = aws_heap_first(&queue->due)) && node->key <= now_ms)
		aws_queue_show(AWS_OF(node, struct aws_message, due));
}

uint64_t aws_queue_next_due(const struct aws_queue *queue)
{
	const struct aws_heap_node *node = aws_heap_first(&queue->due);

	return node ? node->key : UINT64_MAX;
}

struct aws_message *aws_queue_next(
	struct aws_queue *queue, const struct aws_message *before, bool newest_first)
{
	if (queue->attributes.is_fifo)
		return aws_group_next(queue, before);
	return newest_first ? TAILQ_LAST(&queue->ready, aws_messages) : TAILQ_FIRST(&queue->ready);
}

void aws_queue_hide(struct aws_message *message, uint64_t until_ms)
{
	leave(message);
	enter(message, AWS_FLYING, until_ms);
}

void aws_queue_show(struct aws_message *message)
{
	leave(message);
	enter(message, AWS_READY, 0);
}

void aws_queue_take(struct aws_message *message)
{
	struct aws_queue *queue = message->queue;

	leave(message);
	if (message->group)
		aws_group_part(queue, message);
	aws_heap_remove(&queue->expiry, &message->expiry);
	queue->ledger->live_bytes -= message->body_len;
	message->entry->message = NULL;
	message->queue = NULL;
}

/* A ghost has met its fate before. */
void aws_queue_remove(struct aws_message *message, enum aws_fate fate, uint64_t wall_ms)
{
	struct aws_ledger *ledger = message->queue->ledger;
	struct aws_entry *entry = message->entry;
	bool is_ghost = message->is_ghost;

	aws_queue_take(message);
	aws_message_destroy(message);
	if (is_ghost) {
		entry->tally->ghosts--;
		return;
	}
	aws_ledger_end(ledger, entry, fate, wall_ms);
	if (fate != AWS_DELETED)
		aws_ledger_step(ledger, AWS_STEP_OVER, entry->number, wall_ms);
}

static void drop_old_dedups(struct aws_queue *queue, uint64_t now_ms)
{
	struct aws_dedup *dedup;

	while ((dedup = TAILQ_FIRST(&queue->dedups)) && dedup->until_ms <= now_ms) {
		TAILQ_REMOVE(&queue->dedups, dedup, next);
		(void)orch_map_remove(queue->dedup_by_id, orch_text_from(dedup->id));
		orch_free(dedup->id);
		orch_free(dedup);
	}
}

struct aws_dedup *aws_queue_find_dedup(
	struct aws_queue *queue, struct orch_text dedup_id, uint64_t now_ms)
{
	drop_old_dedups(queue, now_ms);
	return orch_map_get(queue->dedup_by_id, dedup_id);
}

int aws_queue_add_dedup(struct aws_queue *queue, const struct aws_message *message, uint64_t now_ms)
{
	struct aws_dedup *dedup = orch_alloc(sizeof(*dedup));

	if (!dedup)
		return ORCH_E_NOMEM;
	*dedup = (struct aws_dedup){
		.id = orch_strdup(message->dedup),
		.entry = message->entry->number,
		.sequence = message->sequence,
		.until_ms = now_ms + AWS_DEDUP_MS,
	};
	if (!dedup->id || orch_map_set(queue->dedup_by_id, orch_text_from(dedup->id), dedup) != 0) {
		orch_free(dedup->id);
		orch_free(dedup);
		return ORCH_E_NOMEM;
	}
	TAILQ_INSERT_TAIL(&queue->dedups, dedup, next);
	return ORCH_OK;
}
