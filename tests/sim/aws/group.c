/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/group.h"

#include "base/alloc.h"
#include "base/text.h"
#include "sim/jsonx.h"

static struct aws_group *find(struct aws_queue *queue, struct orch_text name)
{
	struct aws_group *group = orch_map_get(queue->groups, name);

	if (group)
		return group;
	group = orch_alloc(sizeof(*group));
	if (!group)
		return NULL;
	TAILQ_INIT(&group->messages);
	sim_keep(group->name, sizeof(group->name), name);
	if (orch_map_set(queue->groups, name, group) != 0) {
		orch_free(group);
		return NULL;
	}
	return group;
}

/* Only a group of which nothing is flying has something to give: its first, unless that is delayed. */
static void list_or_not(struct aws_queue *queue, struct aws_group *group)
{
	const struct aws_message *first = TAILQ_FIRST(&group->messages);
	bool is_ready = first && group->flying == 0 && first->place == AWS_READY;

	if (is_ready && !group->is_ready)
		TAILQ_INSERT_TAIL(&queue->ready_groups, group, next);
	else if (!is_ready && group->is_ready)
		TAILQ_REMOVE(&queue->ready_groups, group, next);
	group->is_ready = is_ready;
}

int aws_group_join(struct aws_queue *queue, struct aws_message *message, const char *name)
{
	struct aws_group *group = find(queue, orch_text_from(name));

	if (!group)
		return ORCH_E_NOMEM;
	message->group = group;
	TAILQ_INSERT_TAIL(&group->messages, message, next);
	return ORCH_OK;
}

void aws_group_part(struct aws_queue *queue, struct aws_message *message)
{
	struct aws_group *group = message->group;

	TAILQ_REMOVE(&group->messages, message, next);
	message->group = NULL;
	list_or_not(queue, group);
	if (!TAILQ_EMPTY(&group->messages))
		return;
	(void)orch_map_remove(queue->groups, orch_text_from(group->name));
	orch_free(group);
}

void aws_group_left(struct aws_message *message)
{
	if (message->place == AWS_FLYING)
		message->group->flying--;
}

void aws_group_entered(struct aws_queue *queue, struct aws_message *message)
{
	if (message->place == AWS_FLYING)
		message->group->flying++;
	list_or_not(queue, message->group);
}

struct aws_message *aws_group_next(struct aws_queue *queue, const struct aws_message *before)
{
	struct aws_message *next = before ? TAILQ_NEXT(before, next) : NULL;
	struct aws_group *group;

	if (next && next->place == AWS_READY)
		return next;
	group = TAILQ_FIRST(&queue->ready_groups);
	return group ? TAILQ_FIRST(&group->messages) : NULL;
}
