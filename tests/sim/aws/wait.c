/* SPDX-License-Identifier: Apache-2.0 */
/* Long polls of testers: they are answered when things are as they wait for. */
#include "sim/args.h"
#include "sim/aws/cloud.h"
#include "sim/aws/kinesis.h"
#include "sim/aws/sqs.h"
#include "base/alloc.h"
#include "sim/reply.h"

#define WAITS_MAX 256
#define WAIT_MS_MAX 600000

struct aws_wait {
	TAILQ_ENTRY(aws_wait) next;
	struct aws_cloud *cloud;
	struct orch_http_exchange *exchange;
	struct json_object *args;
	struct orch_timer timer;
	bool has_timer;
};

enum { NEVER = -1, NOT_YET = 0, NOW = 1 };

static uint64_t number(const struct aws_wait *wait, const char *name, int64_t fallback)
{
	int64_t value = sim_arg_int(wait->args, name, fallback);

	return value > 0 ? (uint64_t)value : 0;
}

static int look_at_action(const struct aws_wait *wait, struct orch_text name)
{
	uint64_t wanted = number(wait, "count", 1);

	for (size_t i = 0; i < aws_actions_count(); i++) {
		const struct aws_count *count = &wait->cloud->counts[i];

		if (orch_text_is(name, aws_action_at(i)->name))
			return (sim_arg_bool(wait->args, "ok") ? count->good : count->calls) >=
				wanted;
	}
	return NEVER;
}

static bool is_at_least(const struct aws_wait *wait, const char *name, uint64_t value)
{
	return !sim_has(wait->args, name) || value >= number(wait, name, 0);
}

static uint64_t left_in(const struct aws_queue *queue)
{
	return aws_queue_count(queue) - queue->tally->ghosts;
}

/* All that are told must be so. */
static int look_at_queue(const struct aws_wait *wait, struct orch_text name)
{
	const struct aws_queue *queue = aws_queue_by_name(wait->cloud, name);
	const struct aws_tally *tally = queue ? queue->tally : NULL;

	if (!queue)
		return NEVER;
	if (sim_has(wait->args, "left") && left_in(queue) > number(wait, "left", 0))
		return NOT_YET;
	return is_at_least(wait, "sent", tally->sent + tally->moved_in) &&
		is_at_least(wait, "deliveries", tally->deliveries) &&
		is_at_least(wait, "deleted", tally->fates[AWS_DELETED]) &&
		is_at_least(wait, "polls", queue->poll_count);
}

static int look_at_stream(const struct aws_wait *wait, struct orch_text name)
{
	const struct aws_stream *stream = aws_stream_by_name(wait->cloud, name);

	return stream ? stream->puts.count >= number(wait, "records", 1) : NEVER;
}

static int look(const struct aws_wait *wait)
{
	struct orch_text action = sim_arg(wait->args, "action");
	struct orch_text queue = sim_arg(wait->args, "queue");
	struct orch_text stream = sim_arg(wait->args, "stream");

	if (action.len)
		return look_at_action(wait, action);
	if (queue.len)
		return look_at_queue(wait, queue);
	if (stream.len)
		return look_at_stream(wait, stream);
	if (sim_has(wait->args, "held"))
		return wait->cloud->held_count >= number(wait, "held", 1);
	return NEVER;
}

static void end(struct aws_wait *wait, int status, const char *problem)
{
	struct json_object *reply = json_object_new_object();

	TAILQ_REMOVE(&wait->cloud->waits, wait, next);
	wait->cloud->wait_count--;
	sim_put_bool(reply, "ok", status == 200);
	if (problem)
		sim_put(reply, "error", problem);
	sim_answer_json(wait->exchange, status, reply);
	if (wait->has_timer)
		orch_timer_fini(&wait->timer);
	json_object_put(wait->args);
	orch_free(wait);
}

static void fire(void *arg)
{
	end(arg, 504, "timeout");
}

static void begin(struct aws_wait *wait)
{
	int is_so = look(wait);
	uint64_t ms = number(wait, "timeout_ms", 10000);

	if (is_so == NEVER) {
		end(wait, 404,
			"wait for what? action=NAME[&count=N][&ok=1]; queue=NAME with left, sent, "
			"deliveries, deleted or polls; stream=NAME&records=N; held=N");
	} else if (is_so == NOW) {
		end(wait, 200, NULL);
	} else if (orch_timer_init(&wait->timer, wait->cloud->lane, fire, wait) != 0) {
		end(wait, 503, "no memory");
	} else {
		wait->has_timer = true;
		orch_timer_set(&wait->timer, ms > WAIT_MS_MAX ? WAIT_MS_MAX : ms);
	}
}

void aws_wait_begin(
	struct aws_cloud *cloud, struct orch_http_exchange *exchange, struct json_object *args)
{
	struct aws_wait *wait = cloud->wait_count < WAITS_MAX ? orch_alloc(sizeof(*wait)) : NULL;

	if (!wait) {
		sim_answer_problem(exchange, 503, "too many wait already");
		return;
	}
	wait->cloud = cloud;
	wait->exchange = exchange;
	wait->args = json_object_get(args);
	TAILQ_INSERT_TAIL(&cloud->waits, wait, next);
	cloud->wait_count++;
	begin(wait);
}

void aws_waits_look(struct aws_cloud *cloud)
{
	struct aws_wait *wait, *after;

	for (wait = TAILQ_FIRST(&cloud->waits); wait; wait = after) {
		after = TAILQ_NEXT(wait, next);
		if (look(wait) == NOW)
			end(wait, 200, NULL);
	}
}

void aws_waits_end(struct aws_cloud *cloud)
{
	while (!TAILQ_EMPTY(&cloud->waits))
		end(TAILQ_FIRST(&cloud->waits), 503, "the cloud was closed or reset");
}
