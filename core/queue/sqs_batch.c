/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries gather for a moment and go ten a request, several requests at once.
 * Each ends by what SQS says of its Id; what it says nothing of has failed.  What
 * may be sent again is, for as long as its owner wants.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/text.h"
#include "queue/sqs.h"

#define FLIGHTS 8       /* requests at once */
#define URL_WAIT_MS 100 /* for a queue that is not known yet */
#define RETRY_BASE_MS 50
#define RETRY_CAP_MS 10000
#define SETTING_WAIT_MS 10000   /* for somebody to put it right, and up to twice as long */
#define REQUEST_BYTES (8 << 20) /* more than an entry has */

struct orch_sqs_flight {
	TAILQ_ENTRY(orch_sqs_flight) link;
	struct orch_aws_call call;
	struct orch_sqs_batch *batch;
	struct orch_sqs_entry *entries[ORCH_SQS_BATCH];
	size_t count;
	struct orch_buf body;
};

static const char *const actions[] = {
	[ORCH_SQS_SEND] = "SendMessageBatch",
	[ORCH_SQS_DELETE] = "DeleteMessageBatch",
	[ORCH_SQS_CHANGE] = "ChangeMessageVisibilityBatch",
	[ORCH_SQS_ASIDE] = "SendMessageBatch",
};

static const uint64_t lingers_ms[] = {
	[ORCH_SQS_SEND] = ORCH_SQS_SEND_LINGER_MS,
	[ORCH_SQS_DELETE] = ORCH_SQS_DELETE_LINGER_MS,
	[ORCH_SQS_CHANGE] = ORCH_SQS_MORE_LINGER_MS,
	[ORCH_SQS_ASIDE] = ORCH_SQS_MORE_LINGER_MS,
};

static void pump(struct orch_sqs_batch *batch);

static void count_entry(const struct orch_sqs_batch *batch, const char *result)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_sqs_entries_total",
				"Entries of batch requests, by what came of them.",
				{ "action", orch_text_from(actions[batch->verb]) },
				{ "result", orch_text_from(result) }),
		1);
}

static void end_entry(struct orch_sqs_batch *batch, struct orch_sqs_entry *entry,
	enum orch_aws_failure failure, const char *error)
{
	count_entry(batch, failure == ORCH_AWS_FINE ? "done" : "failed");
	batch->lane->under_way--;
	entry->done(entry, failure, error);
}

static bool may_try_again(const struct orch_sqs_entry *entry, enum orch_aws_failure failure)
{
	if (failure == ORCH_AWS_LEASE || failure == ORCH_AWS_PAYLOAD || failure == ORCH_AWS_BUG)
		return false;
	return entry->until_ms == 0 || orch_clock_mono_ms() < entry->until_ms;
}

/* Entries that are tried again go first: they are the oldest. */
static void judge_entry(struct orch_sqs_batch *batch, struct orch_sqs_entry *entry,
	enum orch_aws_failure failure, const char *error)
{
	if (failure == ORCH_AWS_FINE || !may_try_again(entry, failure)) {
		end_entry(batch, entry, failure, error);
		return;
	}
	count_entry(batch, "retry");
	entry->attempts++;
	TAILQ_INSERT_HEAD(&batch->waiting, entry, link);
	batch->count++;
}

static struct orch_sqs_entry *take_entry(struct orch_sqs_flight *flight, struct json_object *answer)
{
	struct orch_text id = orch_json_text(answer, "Id");
	struct orch_sqs_entry *entry;
	uint64_t n = 0;

	if (orch_text_to_uint(id, 0, ORCH_SQS_BATCH - 1, &n) != ORCH_OK || n >= flight->count)
		return NULL;
	entry = flight->entries[n];
	flight->entries[n] = NULL;
	return entry;
}

static void take_successes(struct orch_sqs_flight *flight, struct json_object *list)
{
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *answer = json_object_array_get_idx(list, i);
		struct orch_sqs_entry *entry = take_entry(flight, answer);
		struct orch_text md5 = orch_json_text(answer, "MD5OfMessageBody");

		if (entry == NULL)
			continue;
		if (entry->md5[0] != '\0' && md5.len > 0 && !orch_text_is(md5, entry->md5))
			judge_entry(flight->batch, entry, ORCH_AWS_TRANSIENT, "MD5");
		else
			judge_entry(flight->batch, entry, ORCH_AWS_FINE, "");
	}
}

static enum orch_aws_failure judge_failed(struct json_object *answer)
{
	enum orch_aws_failure failure = orch_aws_judge_entry(
		orch_json_text(answer, "Code"), orch_json_text(answer, "Message"), 0);

	/* What is said to be the service's fault may be sent again, whatever it is called. */
	if (!orch_json_bool(answer, "SenderFault", true) && failure != ORCH_AWS_THROTTLED)
		return ORCH_AWS_TRANSIENT;
	return failure == ORCH_AWS_FINE ? ORCH_AWS_TRANSIENT : failure;
}

static void take_failures(struct orch_sqs_flight *flight, struct json_object *list)
{
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *answer = json_object_array_get_idx(list, i);
		struct orch_sqs_entry *entry = take_entry(flight, answer);
		struct orch_text code = orch_json_text(answer, "Code");
		char error[96];

		if (entry == NULL)
			continue;
		(void)snprintf(error, sizeof(error), "%.*s", ORCH_TEXT_ARG(code));
		judge_entry(flight->batch, entry, judge_failed(answer), error);
		flight->batch->failures++;
	}
}

static void take_answer(struct orch_sqs_flight *flight)
{
	take_successes(flight, orch_json_get(flight->call.json, "Successful"));
	take_failures(flight, orch_json_get(flight->call.json, "Failed"));
}

/* A request that is refused as a whole for what one of its entries is: each is sent alone. */
static bool must_split(const struct orch_sqs_flight *flight)
{
	enum orch_aws_failure failure = flight->call.failure;

	return flight->count > 1 &&
		(failure == ORCH_AWS_PAYLOAD || failure == ORCH_AWS_BUG ||
			failure == ORCH_AWS_LEASE);
}

static void end_rest(struct orch_sqs_flight *flight)
{
	struct orch_sqs_batch *batch = flight->batch;
	enum orch_aws_failure failure = flight->call.failure;

	if (failure == ORCH_AWS_FINE || must_split(flight))
		failure = ORCH_AWS_TRANSIENT;
	for (size_t i = flight->count; i-- > 0;) {
		struct orch_sqs_entry *entry = flight->entries[i];

		if (entry == NULL)
			continue;
		if (must_split(flight))
			entry->bytes = ORCH_SQS_BATCH_BYTES;
		judge_entry(batch, entry, failure, flight->call.error);
	}
}

static void note_outcome(struct orch_sqs_batch *batch, const struct orch_aws_call *call)
{
	enum orch_aws_failure failure = call->failure;

	orch_sqs_name_note(batch->name, batch->verb, call, batch->failures);
	if (failure == ORCH_AWS_THROTTLED)
		batch->most_flights = batch->most_flights > 1 ? batch->most_flights / 2 : 1;
	else if (failure == ORCH_AWS_FINE && batch->most_flights < FLIGHTS)
		batch->most_flights++;
}

static uint64_t pause_ms(const struct orch_sqs_batch *batch, enum orch_aws_failure failure)
{
	uint64_t most = (uint64_t)RETRY_BASE_MS << (batch->failures < 10 ? batch->failures : 10);

	if (failure == ORCH_AWS_SETTING || failure == ORCH_AWS_CREDENTIALS)
		return SETTING_WAIT_MS + orch_random_below(SETTING_WAIT_MS);
	if (failure == ORCH_AWS_THROTTLED)
		most *= 4;
	return 1 + orch_random_below(most < RETRY_CAP_MS ? most : RETRY_CAP_MS);
}

static void free_flight(struct orch_sqs_flight *flight)
{
	TAILQ_REMOVE(&flight->batch->flying, flight, link);
	flight->batch->flights--;
	orch_buf_fini(&flight->body);
	orch_free(flight);
}

static void on_answer(struct orch_aws_call *call)
{
	struct orch_sqs_flight *flight = call->user;
	struct orch_sqs_batch *batch = flight->batch;
	enum orch_aws_failure failure = call->failure;
	unsigned failed_before = batch->failures;

	note_outcome(batch, call);
	if (failure == ORCH_AWS_FINE)
		take_answer(flight);
	end_rest(flight);
	free_flight(flight);
	if (failure != ORCH_AWS_FINE)
		batch->failures++;
	else if (batch->failures == failed_before)
		batch->failures = 0;
	if (batch->failures > 0)
		orch_timer_set(&batch->timer, pause_ms(batch, failure));
	else
		pump(batch);
}

static void write_entry(struct orch_buf *body, size_t n, const struct orch_sqs_entry *entry)
{
	orch_buf_printf(body, "%s{\"Id\":\"%zu\",", n == 0 ? "" : ",", n);
	orch_buf_add_text(body, entry->json);
	orch_buf_add_char(body, '}');
}

static const char *url_of(const struct orch_sqs_batch *batch)
{
	return batch->verb == ORCH_SQS_ASIDE ? batch->name->dead_url : batch->name->url;
}

static void fill(struct orch_sqs_flight *flight)
{
	struct orch_sqs_batch *batch = flight->batch;
	size_t most = batch->lane->queue->settings.sqs.batch;
	size_t bytes = 0;
	struct orch_sqs_entry *entry;

	orch_buf_init(&flight->body, REQUEST_BYTES);
	orch_buf_add_string(&flight->body, "{\"QueueUrl\":");
	orch_buf_add_json(&flight->body, orch_text_from(url_of(batch)));
	orch_buf_add_string(&flight->body, ",\"Entries\":[");
	while ((entry = TAILQ_FIRST(&batch->waiting)) != NULL && flight->count < most &&
		(flight->count == 0 || bytes + entry->bytes <= ORCH_SQS_BATCH_BYTES)) {
		TAILQ_REMOVE(&batch->waiting, entry, link);
		batch->count--;
		bytes += entry->bytes;
		write_entry(&flight->body, flight->count, entry);
		flight->entries[flight->count++] = entry;
	}
	orch_buf_add_string(&flight->body, "]}");
}

static void give_back(struct orch_sqs_flight *flight)
{
	for (size_t i = flight->count; i-- > 0;) {
		TAILQ_INSERT_HEAD(&flight->batch->waiting, flight->entries[i], link);
		flight->batch->count++;
	}
	free_flight(flight);
}

/* False: no memory; later. */
static bool launch(struct orch_sqs_batch *batch)
{
	struct orch_sqs_flight *flight = orch_alloc(sizeof(*flight));

	if (flight == NULL)
		return false;
	flight->batch = batch;
	TAILQ_INSERT_TAIL(&batch->flying, flight, link);
	batch->flights++;
	fill(flight);
	if (flight->body.failed) {
		give_back(flight);
		return false;
	}
	flight->call = (struct orch_aws_call){
		.action = actions[batch->verb],
		.body = orch_buf_text(&flight->body),
		.once = true,
		.done = on_answer,
		.user = flight,
	};
	orch_aws_call(batch->lane->client, &flight->call);
	return true;
}

/* Sends what makes whole requests, and what has waited long enough if that is NOW. */
static void send_ready(struct orch_sqs_batch *batch, bool now)
{
	size_t most = batch->lane->queue->settings.sqs.batch;
	/* Until one has succeeded again they go one by one. */
	unsigned flights = batch->failures > 0 ? 1 : batch->most_flights;

	if (!atomic_load(&batch->name->is_known)) {
		orch_timer_set(&batch->timer, URL_WAIT_MS);
		return;
	}
	while (batch->flights < flights && (batch->count >= most || (now && batch->count > 0)))
		if (!launch(batch)) {
			orch_timer_set(&batch->timer, URL_WAIT_MS);
			return;
		}
	if (batch->count > 0 && batch->flights < flights && !orch_timer_is_set(&batch->timer))
		orch_timer_set(&batch->timer, lingers_ms[batch->verb]);
}

static void pump(struct orch_sqs_batch *batch)
{
	if (batch->failures == 0)
		send_ready(batch, false);
	else if (batch->count > 0 && !orch_timer_is_set(&batch->timer))
		orch_timer_set(&batch->timer, lingers_ms[batch->verb]);
}

static void on_timer(void *arg)
{
	send_ready(arg, true);
}

void orch_sqs_batch_add(struct orch_sqs_batch *batch, struct orch_sqs_entry *entry)
{
	batch->lane->under_way++;
	TAILQ_INSERT_TAIL(&batch->waiting, entry, link);
	batch->count++;
	pump(batch);
}

int orch_sqs_batch_init(struct orch_sqs_batch *batch, struct orch_sqs_lane *lane,
	struct orch_sqs_name *name, enum orch_sqs_verb verb)
{
	*batch = (struct orch_sqs_batch){
		.lane = lane, .name = name, .verb = verb, .most_flights = FLIGHTS
	};
	TAILQ_INIT(&batch->waiting);
	TAILQ_INIT(&batch->flying);
	if (orch_timer_init(&batch->timer, lane->lane, on_timer, batch) != ORCH_OK)
		return ORCH_E_NOMEM;
	batch->has_timer = true;
	return ORCH_OK;
}

void orch_sqs_batch_fini(struct orch_sqs_batch *batch)
{
	struct orch_sqs_flight *flight;
	struct orch_sqs_entry *entry;

	if (!batch->has_timer)
		return;
	orch_timer_fini(&batch->timer);
	while ((flight = TAILQ_FIRST(&batch->flying)) != NULL) {
		orch_aws_cancel(&flight->call);
		give_back(flight);
	}
	while ((entry = TAILQ_FIRST(&batch->waiting)) != NULL) {
		TAILQ_REMOVE(&batch->waiting, entry, link);
		batch->count--;
		end_entry(batch, entry, ORCH_AWS_TRANSIENT, "stopped");
	}
}
