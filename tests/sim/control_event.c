/* SPDX-License-Identifier: Apache-2.0 */
/* Events of any shape, right and wrong, and the handshake. */
#include <string.h>

#include "base/alloc.h"
#include "control.h"

/* One who waits for the outcome of a delivery. */
struct listener {
	struct orch_http_exchange *exchange;
	char challenge[SIM_ID_SIZE]; /* empty: an ordinary event */
};

static bool holds_challenge(const struct listener *listener, struct orch_text answer)
{
	struct json_object *value;
	struct orch_err err;
	bool is_equal;

	if (orch_text_is(orch_text_trim(answer), listener->challenge))
		return true;
	if (!answer.len || orch_json_parse(answer, &value, &err) != 0)
		return false;
	is_equal = strcmp(sim_get(value, "challenge"), listener->challenge) == 0;
	json_object_put(value);
	return is_equal;
}

static void answer(void *arg, const struct sim_letter *letter, struct orch_text body)
{
	struct listener *listener = arg;
	struct json_object *reply = json_object_new_object();
	bool is_ok = sim_letter_was_accepted(letter);

	if (listener->challenge[0])
		is_ok = is_ok && holds_challenge(listener, body);
	sim_put_bool(reply, "ok", is_ok);
	sim_put_json(reply, "delivery", sim_letter_show(letter));
	sim_answer_json(listener->exchange, 200, reply);
	orch_free(listener);
}

/* With "wait" the answer comes when the delivery has ended. */
static int listen_to(
	struct sim_control *control, const char *challenge, struct sim_letter_options *options)
{
	struct listener *listener = orch_alloc(sizeof(*listener));

	if (!listener)
		return sim_refuse(control, 500, "out of memory");
	listener->exchange = control->exchange;
	sim_keep(listener->challenge, sizeof(listener->challenge), orch_text_from(challenge));
	options->done = answer;
	options->arg = listener;
	control->is_taken = true;
	return 200;
}

/* The letter could not be written: nobody will call the listener. */
static int give_up(struct sim_control *control, struct sim_letter_options *options, int error)
{
	if (control->is_taken)
		orch_free(options->arg);
	control->is_taken = false;
	if (error == ORCH_E_LIMIT)
		return sim_refuse(control, 503, "too many events wait for their delivery");
	return sim_refuse(control, 500, "out of memory");
}

static int send_letter(struct sim_control *control, struct sim_letter_options *options)
{
	struct sim_box *box = control->box;
	struct json_object *event = orch_json_get(control->args, "event");
	struct json_object *envelope = orch_json_get(control->args, "envelope");
	struct orch_text raw = sim_arg(control->args, "raw");
	struct sim_channel *channel;

	box->world->last_event_id[0] = '\0';
	if (raw.len)
		return sim_courier_send_raw(box->courier, raw, options);
	if (envelope) {
		sim_keep(box->world->last_event_id, SIM_EVENT_ID_SIZE,
			orch_json_text(envelope, "event_id"));
		if (!options->event_id.len)
			options->event_id = orch_json_text(envelope, "event_id");
		return sim_courier_send_raw(box->courier, orch_json_print(envelope), options);
	}
	channel = sim_world_channel(box->world, orch_json_text(event, "channel"));
	return sim_courier_send_event(box->courier, channel, json_object_get(event), options);
}

static int event(struct sim_control *control)
{
	struct sim_letter_options options;
	int error;

	if (!sim_has(control->args, "event") && !sim_has(control->args, "envelope") &&
		!sim_arg(control->args, "raw").len)
		return sim_refuse(control, 400,
			"event (the inner one), envelope (the whole) or raw (any bytes) is "
			"missing");
	sim_control_letter(control, &options);
	if (sim_arg_bool(control->args, "wait") && listen_to(control, "", &options) != 200)
		return 500;
	error = send_letter(control, &options);
	if (error)
		return give_up(control, &options, error);
	if (control->is_taken && !control->box->world->last_event_id[0] &&
		sim_has(control->args, "event")) {
		orch_free(options.arg);
		control->is_taken = false;
		return sim_refuse(control, 409, "neither the bot nor the admin sees that channel");
	}
	sim_put(control->reply, "event_id", control->box->world->last_event_id);
	return 200;
}

static int verify(struct sim_control *control)
{
	struct sim_letter_options options;
	struct json_object *body = json_object_new_object();
	char challenge[SIM_ID_SIZE];
	int error;

	sim_control_letter(control, &options);
	options.no_retry = true;
	sim_world_id(control->box->world, "c", challenge);
	sim_put(body, "token", "legacy-token-to-be-ignored");
	sim_put(body, "challenge", challenge);
	sim_put(body, "type", "url_verification");
	error = listen_to(control, challenge, &options);
	if (error == 200) {
		error = sim_courier_send_raw(
			control->box->courier, orch_json_print(body), &options);
		error = error ? give_up(control, &options, error) : 200;
	}
	json_object_put(body);
	return error;
}

const struct sim_command sim_event_commands[] = {
	{ "POST", "event", event },
	{ "POST", "verify", verify },
	{ .method = NULL },
};
