/* SPDX-License-Identifier: Apache-2.0 */
/* Long polls: a tester asks for a state of things and is answered when it is there. */
#include "base/alloc.h"
#include "box.h"

struct sim_wait {
	TAILQ_ENTRY(sim_wait) next;
	struct sim_box *box;
	struct orch_http_exchange *exchange;
	struct json_object *args;
	struct orch_timer timer;
	bool has_timer;
};

/* The message of "CHANNEL:TS", channel by name or id; RET_KNOWN: was it ever there? */
static bool is_gone(const struct sim_box *box, struct orch_text key, bool *ret_known)
{
	struct orch_text channel_key;
	struct sim_channel *channel;
	struct sim_message *message;

	*ret_known = false;
	if (!orch_text_split(&key, ':', &channel_key))
		return false;
	channel = sim_world_channel(box->world, channel_key);
	if (!channel)
		return false;
	message = sim_world_message(box->world, orch_text_from(channel->id), key);
	*ret_known = message != NULL;
	return message && message->deleted_by[0];
}

/* 1: it is so; 0: not yet; ORCH_E_INVALID: it never will be. */
static int look(const struct sim_wait *wait)
{
	const struct sim_box *box = wait->box;
	struct orch_text call = sim_arg(wait->args, "call");
	struct orch_text gone = sim_arg(wait->args, "message_gone");
	uint64_t count = (uint64_t)sim_arg_int(wait->args, "count", 1);
	bool is_known, is_so;

	if (call.len)
		return sim_audit_count(box->audit, call, sim_arg_bool(wait->args, "ok")) >= count;
	if (gone.len) {
		is_so = is_gone(box, gone, &is_known);
		return is_known ? is_so : ORCH_E_INVALID;
	}
	if (sim_has(wait->args, "deliveries"))
		return sim_courier_answered(box->courier) >=
			(uint64_t)sim_arg_int(wait->args, "deliveries", 1);
	if (sim_has(wait->args, "held"))
		return box->held_count + sim_courier_held(box->courier) >=
			(uint64_t)sim_arg_int(wait->args, "held", 1);
	if (sim_has(wait->args, "idle"))
		return sim_courier_pending(box->courier) == 0 && TAILQ_EMPTY(&box->pendings);
	return ORCH_E_INVALID;
}

static void end(struct sim_wait *wait, int status, const char *problem)
{
	const struct sim_box *box = wait->box;
	struct orch_text call = sim_arg(wait->args, "call");
	struct json_object *reply = json_object_new_object();

	TAILQ_REMOVE(&wait->box->waits, wait, next);
	wait->box->wait_count--;
	sim_put_bool(reply, "ok", status == 200);
	if (problem)
		sim_put(reply, "error", problem);
	if (call.len)
		sim_put_int(reply, "calls", (int64_t)sim_audit_count(box->audit, call, false));
	sim_put_int(reply, "deliveries", (int64_t)sim_courier_answered(box->courier));
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

void sim_wait_begin(
	struct sim_box *box, struct orch_http_exchange *exchange, struct json_object *args)
{
	int64_t ms = sim_arg_int(args, "timeout_ms", 10000);
	struct sim_wait *wait;

	if (box->wait_count >= SIM_WAITS_MAX || !(wait = orch_alloc(sizeof(*wait)))) {
		sim_answer_problem(exchange, 503, "too many wait already");
		return;
	}
	wait->box = box;
	wait->exchange = exchange;
	wait->args = json_object_get(args);
	TAILQ_INSERT_TAIL(&box->waits, wait, next);
	box->wait_count++;
	if (look(wait) < 0)
		end(wait, 404,
			"wait for what? call=METHOD[&count=N][&ok=1], deliveries=N, held=N, idle=1 "
			"or message_gone=CHANNEL:TS of a message that was posted");
	else if (look(wait) > 0)
		end(wait, 200, NULL);
	else if (orch_timer_init(&wait->timer, box->lane, fire, wait) != 0)
		end(wait, 503, "no memory");
	else {
		wait->has_timer = true;
		orch_timer_set(&wait->timer,
			ms < 0                         ? 0
				: ms > SIM_WAIT_MS_MAX ? SIM_WAIT_MS_MAX
						       : (uint64_t)ms);
	}
}

void sim_waits_look(struct sim_box *box)
{
	struct sim_wait *wait, *after;

	for (wait = TAILQ_FIRST(&box->waits); wait; wait = after) {
		after = TAILQ_NEXT(wait, next);
		if (look(wait) > 0)
			end(wait, 200, NULL);
	}
}

void sim_waits_end(struct sim_box *box)
{
	while (!TAILQ_EMPTY(&box->waits))
		end(TAILQ_FIRST(&box->waits), 503, "the workspace was closed or reset");
}
