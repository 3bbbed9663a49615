/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from queue to queue: those that die, and those that are moved back. */
#include <string.h>

#include "sim/aws/handlers.h"
#include "sim/aws/sqs.h"
#include "base/alloc.h"
#include "base/text.h"

#define TICK_MS 100
#define AT_ONCE 10000 /* messages in one turn when no rate is told */
#define RATE_MAX 500
#define SHOWN_MAX 10
#define KEPT_MAX 1000 /* tasks, the running ones not counted */

enum state { RUNNING = 0, DONE, CANCELLED, FAILED };

struct aws_move {
	TAILQ_ENTRY(aws_move) next;
	struct aws_cloud *cloud;
	struct orch_timer timer;
	char source[AWS_QUEUE_NAME_SIZE];
	char target[AWS_QUEUE_NAME_SIZE]; /* empty: where each came from */
	char handle[AWS_ID_SIZE];
	uint64_t rate, moved, wanted, started_ms;
	enum state state;
};

static bool prepare(
	struct aws_message *message, struct aws_entry *entry, const char *from, bool new_id)
{
	char *source = new_id ? NULL : orch_strdup(from);

	if (!new_id && !source)
		return false;
	orch_free(message->source);
	message->source = source;
	message->entry = entry;
	message->receives_here = 0;
	message->is_twin = false;
	return true;
}

static void note_move(
	struct aws_cloud *cloud, struct aws_entry *from, struct aws_entry *entry, bool new_id)
{
	uint64_t wall_ms = aws_cloud_wall(cloud);

	if (new_id)
		aws_draw_id(cloud, entry->id);
	else
		memcpy(entry->id, from->id, sizeof(entry->id));
	entry->is_moved = true;
	entry->is_acknowledged = from->is_acknowledged;
	entry->tally->moved_in++;
	aws_ledger_end(cloud->ledger, from, AWS_MOVED, wall_ms);
	aws_ledger_step(cloud->ledger, AWS_STEP_MOVE, from->number, wall_ms);
}

int aws_move_message(
	struct aws_cloud *cloud, struct aws_message *message, struct aws_queue *to, bool new_id)
{
	struct aws_queue *from = message->queue;
	struct aws_entry *old = message->entry;
	struct aws_entry *entry = aws_new_entry(cloud, to->tally, message,
		old->group ? orch_text_from(old->group) : ORCH_TEXT_NONE);

	if (!entry)
		return ORCH_E_NOMEM;
	aws_queue_take(message);
	note_move(cloud, old, entry, new_id);
	if (!prepare(message, entry, from->name, new_id) ||
		aws_queue_add(to, message, old->group ? old->group : "", 0, aws_cloud_now(cloud)) !=
			0) {
		aws_message_destroy(message);
		aws_ledger_end(cloud->ledger, entry, AWS_DROPPED, aws_cloud_wall(cloud));
		return ORCH_OK;
	}
	aws_queue_wake(cloud, to);
	return ORCH_OK;
}

static struct aws_queue *target_of(const struct aws_move *move, const struct aws_message *message)
{
	const char *name = move->target[0] ? move->target : message->source;

	return name ? aws_queue_by_name(move->cloud, orch_text_from(name)) : NULL;
}

/* False: there is none to move, or nowhere to. */
static bool move_one(struct aws_move *move, struct aws_queue *source)
{
	struct aws_message *message = aws_queue_next(source, NULL, false);
	struct aws_queue *target = message ? target_of(move, message) : NULL;

	if (!target || target == source) {
		move->state = message ? FAILED : DONE;
		return false;
	}
	if (aws_move_message(move->cloud, message, target, true) != 0)
		return false;
	move->moved++;
	return true;
}

/* So many in one turn, so long until the next. */
static uint64_t turn_of(uint64_t rate)
{
	uint64_t most = rate * TICK_MS / 1000;

	return most ? most : 1;
}

static uint64_t pause_of(uint64_t rate)
{
	return turn_of(rate) * 1000 / rate;
}

static void tick(void *arg)
{
	struct aws_move *move = arg;
	struct aws_cloud *cloud = move->cloud;
	struct aws_queue *source = aws_queue_by_name(cloud, orch_text_from(move->source));
	uint64_t most = move->rate ? turn_of(move->rate) : AT_ONCE;

	if (move->state != RUNNING)
		return;
	if (!source) {
		move->state = FAILED;
		return;
	}
	aws_queue_settle(source, aws_cloud_now(cloud), aws_cloud_wall(cloud));
	while (most-- && move_one(move, source))
		;
	if (move->state == RUNNING)
		orch_timer_set(&move->timer, move->rate ? pause_of(move->rate) : 0);
	aws_cloud_changed(cloud);
}

static struct aws_move *find_running(const struct aws_cloud *cloud, const char *source)
{
	struct aws_move *move;

	TAILQ_FOREACH(move, &cloud->moves, next)
	if (move->state == RUNNING && strcmp(move->source, source) == 0)
		return move;
	return NULL;
}

static bool is_grave(const struct aws_cloud *cloud, const struct aws_queue *queue)
{
	size_t cursor = 0;
	struct orch_text name;
	void *other;

	while (orch_map_next(cloud->queues, &cursor, &name, &other)) {
		const struct aws_attributes *attributes = &((struct aws_queue *)other)->attributes;

		if (attributes->receives_max && strcmp(attributes->dead_letter, queue->name) == 0)
			return true;
	}
	return false;
}

/* The queue of an ARN member; NULL: the error says why. */
static struct aws_queue *queue_of_arn(struct aws_call *call, const char *member)
{
	struct orch_text arn = orch_json_text(call->args, member);
	struct aws_queue *queue = aws_queue_by_name(call->cloud, aws_name_in_arn(arn));

	if (!arn.len)
		(void)aws_refuse_missing(call, member);
	else if (!queue)
		(void)aws_refuse(call, "ResourceNotFoundException",
			"The resource that you specified for the %s parameter doesn't exist.",
			member);
	return queue;
}

static void drop(struct aws_cloud *cloud, struct aws_move *move)
{
	TAILQ_REMOVE(&cloud->moves, move, next);
	orch_timer_fini(&move->timer);
	orch_free(move);
}

/* The oldest of those that are over, if there are many. */
static void forget_one(struct aws_cloud *cloud)
{
	struct aws_move *move, *oldest = NULL;
	size_t count = 0;

	TAILQ_FOREACH(move, &cloud->moves, next)
	if (move->state != RUNNING && ++count)
		oldest = move;
	if (count > KEPT_MAX)
		drop(cloud, oldest);
}

static int begin(struct aws_call *call, const char *source, const char *target, uint64_t rate)
{
	struct aws_cloud *cloud = call->cloud;
	struct aws_move *move = orch_alloc(sizeof(*move));
	uint8_t id[16];

	if (!move || orch_timer_init(&move->timer, cloud->lane, tick, move) != 0) {
		orch_free(move);
		return aws_refuse_no_memory(call);
	}
	forget_one(cloud);
	aws_draw_id(cloud, id);
	aws_id_format(id, move->handle);
	move->cloud = cloud;
	move->rate = rate;
	move->started_ms = aws_cloud_wall(cloud);
	move->wanted = aws_queue_by_name(cloud, orch_text_from(source))->ready_count;
	sim_keep(move->source, sizeof(move->source), orch_text_from(source));
	sim_keep(move->target, sizeof(move->target), orch_text_from(target));
	TAILQ_INSERT_HEAD(&cloud->moves, move, next);
	orch_timer_set(&move->timer, 0);
	orch_buf_add_char(&call->answer, '{');
	aws_add_string(call, "TaskHandle", move->handle);
	orch_buf_add_char(&call->answer, '}');
	return AWS_DONE;
}

int aws_start_move(struct aws_call *call)
{
	struct aws_queue *source = queue_of_arn(call, "SourceArn"), *target = NULL;
	int64_t rate;

	if (!source)
		return AWS_REFUSED;
	if (orch_json_get(call->args, "DestinationArn") &&
		!(target = queue_of_arn(call, "DestinationArn")))
		return AWS_REFUSED;
	if (aws_call_int(call, call->args, "MaxNumberOfMessagesPerSecond", 1, RATE_MAX, 0, &rate) !=
		AWS_DONE)
		return AWS_REFUSED;
	if (!is_grave(call->cloud, source))
		return aws_refuse_parameter(call, "SourceArn",
			"Source queue must be configured as a Dead Letter Queue.");
	if (find_running(call->cloud, source->name))
		return aws_refuse(call, "UnsupportedOperation",
			"There is already a task running. Only one active task is allowed for a "
			"source queue arn at a given time.");
	return begin(call, source->name, target ? target->name : "", (uint64_t)rate);
}

static void show(struct aws_call *call, const struct aws_move *move)
{
	static const char *const states[] = { "RUNNING", "COMPLETED", "CANCELLED", "FAILED" };
	char arn[AWS_QUEUE_NAME_SIZE + 128];

	(void)snprintf(
		arn, sizeof(arn), AWS_SQS_ARN "%s", aws_cloud_region(call->cloud), move->source);
	orch_buf_add_char(&call->answer, '{');
	if (move->state == RUNNING)
		aws_add_string(call, "TaskHandle", move->handle);
	aws_add_string(call, "Status", states[move->state]);
	aws_add_string(call, "SourceArn", arn);
	aws_add_int(call, "ApproximateNumberOfMessagesMoved", move->moved);
	aws_add_int(call, "ApproximateNumberOfMessagesToMove", move->wanted);
	aws_add_int(call, "StartedTimestamp", move->started_ms);
	orch_buf_add_char(&call->answer, '}');
}

int aws_list_moves(struct aws_call *call)
{
	const struct aws_queue *source = queue_of_arn(call, "SourceArn");
	const struct aws_move *move;
	int64_t most, count = 0;

	if (!source || aws_call_int(call, call->args, "MaxResults", 1, SHOWN_MAX, 1, &most) != 0)
		return AWS_REFUSED;
	orch_buf_add_string(&call->answer, "{\"Results\":[");
	TAILQ_FOREACH(move, &call->cloud->moves, next)
	{
		if (strcmp(move->source, source->name) != 0 || count == most)
			continue;
		if (count++)
			orch_buf_add_char(&call->answer, ',');
		show(call, move);
	}
	orch_buf_add_string(&call->answer, "]}");
	return AWS_DONE;
}

int aws_cancel_move(struct aws_call *call)
{
	struct orch_text handle = orch_json_text(call->args, "TaskHandle");
	struct aws_move *move;

	TAILQ_FOREACH(move, &call->cloud->moves, next)
	{
		if (move->state != RUNNING || !orch_text_is(handle, move->handle))
			continue;
		move->state = CANCELLED;
		orch_timer_clear(&move->timer);
		orch_buf_add_char(&call->answer, '{');
		aws_add_int(call, "ApproximateNumberOfMessagesMoved", move->moved);
		orch_buf_add_char(&call->answer, '}');
		return AWS_DONE;
	}
	return aws_refuse(call, "ResourceNotFoundException",
		"The task that you specified doesn't exist or is not running.");
}

void aws_moves_end(struct aws_cloud *cloud)
{
	struct aws_move *move;

	while ((move = TAILQ_FIRST(&cloud->moves)))
		drop(cloud, move);
}
