/* SPDX-License-Identifier: Apache-2.0 */
#include "letter.h"

#include <string.h>

#include "base/alloc.h"
#include "envelope.h"

static void forget(struct sim_letter *letter)
{
	letter->is_remembered = false;
	if (!letter->is_pending)
		sim_letter_destroy(letter);
}

static void remember(struct sim_courier *courier, struct sim_letter *letter)
{
	struct sim_letter **slot;

	letter->number = ++courier->added;
	if (!courier->options.keep)
		return;
	slot = &courier->ring[letter->number % courier->options.keep];
	if (*slot)
		forget(*slot);
	*slot = letter;
	letter->is_remembered = true;
}

static void leave_pending(struct sim_letter *letter)
{
	struct sim_courier *courier = letter->courier;

	TAILQ_REMOVE(&courier->pending, letter, next);
	courier->pending_count--;
	if (letter->state == SIM_LETTER_HELD)
		courier->held_count--;
	letter->is_pending = false;
}

void sim_courier_ended(
	struct sim_letter *letter, enum sim_letter_state state, struct orch_text answer)
{
	struct sim_courier *courier = letter->courier;
	void (*done)(void *, const struct sim_letter *, struct orch_text) = letter->done;

	leave_pending(letter);
	letter->state = state;
	if (state == SIM_LETTER_ACCEPTED)
		courier->answered++;
	else if (state == SIM_LETTER_FAILED)
		courier->failed++;
	letter->done = NULL;
	if (done)
		done(letter->arg, letter, answer);
	orch_free(letter->body);
	letter->body = NULL;
	if (!letter->is_remembered)
		sim_letter_destroy(letter);
	courier->options.changed(courier->options.arg);
}

static void allow_everything_local(struct sim_courier *courier)
{
	/* The tester says where events go; there is no secret in them but their signature. */
	memset(courier->networks, 0, sizeof(courier->networks));
	courier->egress.allowed = courier->networks;
	courier->egress.allowed_count = 1;
}

int sim_courier_set_url(struct sim_courier *courier, struct orch_text url, struct orch_err *err)
{
	struct orch_url parsed;
	char *copy = orch_strdup(url.ptr);
	int error = orch_url_parse(url, &parsed, err);

	if (!error && !copy)
		error = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (error) {
		orch_free(copy);
		return error;
	}
	orch_free(courier->url);
	courier->url = copy;
	return ORCH_OK;
}

const char *sim_courier_url(const struct sim_courier *courier)
{
	return courier->url;
}

void sim_courier_set_retries(struct sim_courier *courier, const uint64_t retry_ms[SIM_RETRIES])
{
	memcpy(courier->options.retry_ms, retry_ms, sizeof(courier->options.retry_ms));
}

void sim_courier_set_answer_limit(struct sim_courier *courier, uint64_t ms)
{
	courier->options.answer_ms = ms;
}

int sim_courier_create(const struct sim_courier_options *options, struct sim_courier **ret_courier,
	struct orch_err *err)
{
	const struct orch_http_client_options client = { .max_per_host = 256 };
	struct sim_courier *courier = orch_alloc(sizeof(*courier));
	int error;

	if (!courier)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	courier->options = *options;
	if (!courier->options.answer_ms)
		courier->options.answer_ms = SIM_ANSWER_LIMIT_MS;
	TAILQ_INIT(&courier->pending);
	allow_everything_local(courier);
	courier->ring = orch_alloc_array(options->keep ? options->keep : 1, sizeof(void *));
	error = courier->ring ? sim_courier_set_url(courier, orch_text_from(options->url), err)
			      : orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (!error)
		error = orch_http_client_create(options->lane, &client, &courier->client, err);
	if (error) {
		sim_courier_destroy(courier);
		return error;
	}
	*ret_courier = courier;
	return ORCH_OK;
}

void sim_courier_clear(struct sim_courier *courier)
{
	struct sim_letter *letter;

	while ((letter = TAILQ_FIRST(&courier->pending))) {
		void (*done)(void *, const struct sim_letter *, struct orch_text) = letter->done;

		leave_pending(letter);
		letter->state = SIM_LETTER_DROPPED;
		letter->done = NULL;
		if (done)
			done(letter->arg, letter, ORCH_TEXT_NONE);
		if (!letter->is_remembered)
			sim_letter_destroy(letter);
	}
	for (size_t i = 0; i < courier->options.keep; i++) {
		if (courier->ring[i])
			forget(courier->ring[i]);
		courier->ring[i] = NULL;
	}
	courier->added = courier->answered = courier->failed = courier->tries = 0;
}

void sim_courier_destroy(struct sim_courier *courier)
{
	if (!courier)
		return;
	if (courier->ring)
		sim_courier_clear(courier);
	if (courier->client)
		orch_http_client_destroy(courier->client);
	orch_free(courier->ring);
	orch_free(courier->url);
	orch_free(courier);
}

static void hold(struct sim_letter *letter)
{
	letter->state = SIM_LETTER_HELD;
	letter->courier->held_count++;
	letter->courier->options.changed(letter->courier->options.arg);
}

static void dispatch(struct sim_letter *letter, const struct sim_fault *fault)
{
	letter->fault = fault->kind;
	if (fault->kind == SIM_FAULT_DROP)
		sim_courier_ended(letter, SIM_LETTER_DROPPED, ORCH_TEXT_NONE);
	else if (fault->kind == SIM_FAULT_HOLD)
		hold(letter);
	else if (fault->kind == SIM_FAULT_SLOW)
		sim_letter_send_in(letter, fault->ms);
	else
		sim_letter_send(letter);
}

static const char *ts_of(struct json_object *inner)
{
	struct json_object *changed = orch_json_get(inner, "message");
	const char *ts = sim_get(inner, "deleted_ts");

	if (ts[0])
		return ts;
	return sim_get(changed ? changed : inner, "ts");
}

static void describe(struct sim_letter *letter, struct json_object *inner, const char *channel)
{
	const char *what = sim_get(inner, "subtype");

	sim_keep(letter->what, sizeof(letter->what),
		orch_text_from(what[0] ? what : sim_get(inner, "type")));
	sim_keep(letter->channel, sizeof(letter->channel), orch_text_from(channel));
	sim_keep(letter->ts, sizeof(letter->ts), orch_text_from(ts_of(inner)));
}

static int send_all(struct sim_courier *courier, struct orch_text body, struct json_object *inner,
	const char *channel, const struct sim_letter_options *options)
{
	struct sim_fault fault = sim_faults_take(courier->options.faults, ORCH_TEXT("events"));
	uint64_t times = options->times ? options->times : 1;

	if (fault.kind == SIM_FAULT_DUPLICATE)
		times *= 2;
	for (uint64_t i = 0; i < times && i < SIM_TIMES_MAX; i++) {
		struct sim_letter *letter;

		if (courier->pending_count >= SIM_LETTERS_PENDING_MAX)
			return i == 0 ? ORCH_E_LIMIT : ORCH_OK;
		letter = sim_letter_create(courier, body, options);
		if (!letter)
			return i == 0 ? ORCH_E_NOMEM : ORCH_OK;
		letter->done = i == 0 ? options->done : NULL;
		letter->arg = options->arg;
		describe(letter, inner, channel);
		TAILQ_INSERT_TAIL(&courier->pending, letter, next);
		letter->is_pending = true;
		courier->pending_count++;
		remember(courier, letter);
		dispatch(letter, &fault);
	}
	return ORCH_OK;
}

int sim_courier_send_event(struct sim_courier *courier, struct sim_channel *channel,
	struct json_object *inner, const struct sim_letter_options *options)
{
	struct sim_world *world = courier->options.world;
	struct sim_letter_options own = *options;
	struct json_object *envelope;
	bool is_seen;
	int error = ORCH_OK;

	if (own.event_id.len)
		sim_keep(world->last_event_id, SIM_EVENT_ID_SIZE, own.event_id);
	else
		sim_world_id(world, "Ev", world->last_event_id);
	own.event_id = orch_text_from(world->last_event_id);
	envelope = sim_envelope_make(world, channel, inner, world->last_event_id, &is_seen);
	if (envelope)
		error = send_all(courier, orch_json_print(envelope), inner,
			channel ? channel->id : "", &own);
	else if (is_seen)
		error = ORCH_E_NOMEM;
	else
		world->last_event_id[0] = '\0';
	json_object_put(envelope);
	json_object_put(inner);
	return error;
}

int sim_courier_send_raw(struct sim_courier *courier, struct orch_text body,
	const struct sim_letter_options *options)
{
	struct json_object *value = NULL;
	struct orch_err err;
	int error = ORCH_OK;

	if (orch_json_parse(body, &value, &err) != 0)
		value = NULL;
	error = send_all(courier, body, value, "", options);
	json_object_put(value);
	return error;
}

size_t sim_courier_release(struct sim_courier *courier, bool drop)
{
	struct sim_letter *letter, *after;
	size_t count = 0;

	for (letter = TAILQ_FIRST(&courier->pending); letter; letter = after) {
		after = TAILQ_NEXT(letter, next);
		if (letter->state != SIM_LETTER_HELD)
			continue;
		count++;
		if (drop) {
			sim_courier_ended(letter, SIM_LETTER_DROPPED, ORCH_TEXT_NONE);
			continue;
		}
		courier->held_count--;
		sim_letter_send_in(letter, 0);
	}
	return count;
}

size_t sim_courier_pending(const struct sim_courier *courier)
{
	return courier->pending_count;
}

size_t sim_courier_held(const struct sim_courier *courier)
{
	return courier->held_count;
}

uint64_t sim_courier_answered(const struct sim_courier *courier)
{
	return courier->answered;
}

bool sim_letter_was_accepted(const struct sim_letter *letter)
{
	return letter->state == SIM_LETTER_ACCEPTED;
}

static struct json_object *show_try(const struct sim_try *attempt)
{
	struct json_object *shown = json_object_new_object();

	sim_put_int(shown, "at_ms", (int64_t)attempt->at_ms);
	sim_put_int(shown, "took_ms", (int64_t)attempt->took_ms);
	sim_put_int(shown, "status", attempt->status);
	sim_put(shown, "reason", attempt->reason);
	return shown;
}

struct json_object *sim_letter_show(const struct sim_letter *letter)
{
	static const char *const states[] = { "waiting", "held", "sent", "accepted", "failed",
		"dropped" };
	struct json_object *shown = json_object_new_object(), *tries = json_object_new_array();

	sim_put_int(shown, "number", (int64_t)letter->number);
	sim_put(shown, "event_id", letter->event_id);
	sim_put(shown, "what", letter->what);
	sim_put(shown, "channel", letter->channel);
	sim_put(shown, "ts", letter->ts);
	sim_put(shown, "state", states[letter->state]);
	sim_put(shown, "fault", sim_fault_name(letter->fault));
	for (size_t i = 0; i < letter->try_count; i++)
		sim_push(tries, show_try(&letter->tries[i]));
	sim_put_json(shown, "tries", tries);
	return shown;
}

struct json_object *sim_courier_show(const struct sim_courier *courier, size_t last)
{
	struct json_object *array = json_object_new_array();
	size_t keep = courier->options.keep;
	uint64_t count = courier->added < keep ? courier->added : keep;

	if (count > last)
		count = last;
	for (uint64_t number = courier->added - count + 1; count > 0; number++, count--)
		if (courier->ring[number % keep])
			sim_push(array, sim_letter_show(courier->ring[number % keep]));
	return array;
}
