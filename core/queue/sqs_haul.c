/* SPDX-License-Identifier: Apache-2.0 */
/* One long poll: what it brings is read, claimed in the books, and what cannot be had is told to SQS. */
#include "queue/sqs_source.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"

#define POLL_MARGIN_MS 10000 /* of a poll beyond its wait */
#define REQUEST_BYTES 2048
#define AGAIN_SPREAD_MS 1000 /* so that copies do not all come back at once */

static void count_delivery(const struct orch_sqs_source *source, const char *result)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_sqs_deliveries_total",
				"Messages that SQS delivered, by what the books said of them.",
				{ "queue", orch_text_from(source->name->name) },
				{ "result", orch_text_from(result) }),
		1);
}

static struct orch_text member(
	struct orch_arena *arena, struct json_object *object, const char *key)
{
	return orch_arena_text(arena, orch_json_text(object, key));
}

/* One whose check sum is wrong comes back by itself. */
static bool is_intact(const struct orch_queue_sqs *queue, struct json_object *message)
{
	struct orch_text told = orch_json_text(message, "MD5OfBody");
	char md5[33];

	orch_sqs_md5(queue, orch_json_text(message, "Body"), md5);
	return told.len == 0 || md5[0] == '\0' || orch_text_is(told, md5);
}

static void open_body(struct orch_sqs_haul *haul, struct orch_sqs_delivery *delivery)
{
	const struct orch_sqs_body *body = &delivery->body;
	struct orch_buf about;

	delivery->plain.ptr = NULL;
	if (body->sealed.len == 0)
		return;
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	if (orch_message_unseal(haul->source->lane->queue->key, body->sealed,
		    orch_message_about(&about, &body->message, body->put_ms), haul->arena,
		    &delivery->plain) != ORCH_OK)
		delivery->plain.ptr = NULL;
	orch_buf_fini(&about);
}

static bool is_twice(const struct orch_sqs_haul *haul, const struct orch_sqs_delivery *delivery)
{
	for (size_t i = 0; i < haul->count; i++)
		if (haul->deliveries[i].reason == NULL &&
			haul->deliveries[i].body.row == delivery->body.row)
			return true;
	return false;
}

/* Until its row may be free. */
static void give_back(const struct orch_sqs_source *source,
	const struct orch_sqs_delivery *delivery, uint64_t wait_ms)
{
	count_delivery(source, "held");
	orch_sqs_change(source->lane, orch_text_from(source->name->name), delivery->receipt,
		wait_ms + orch_random_below(AGAIN_SPREAD_MS), NULL, NULL);
}

static void take_message(struct orch_sqs_haul *haul, struct json_object *message)
{
	struct json_object *attributes = orch_json_get(message, "MessageAttributes");
	struct orch_sqs_delivery delivery = {
		.receipt = member(haul->arena, message, "ReceiptHandle"),
		.text = member(haul->arena, message, "Body"),
		.sqs_id = member(haul->arena, message, "MessageId"),
		.was_aside = orch_json_get(attributes, "reason") != NULL,
		.aside_id = member(haul->arena, orch_json_get(attributes, "id"), "StringValue"),
	};

	haul->received++;
	if (delivery.receipt.len == 0 || delivery.receipt.len > ORCH_SQS_RECEIPT_BYTES ||
		!is_intact(haul->source->lane->queue, message)) {
		count_delivery(haul->source, "damaged");
		return;
	}
	if (orch_sqs_body_read(delivery.text, orch_text_from(haul->source->name->name), haul->arena,
		    &delivery.body, &delivery.reason, &delivery.why)) {
		/* One copy of a haul is enough; when this one comes back that one is known to be held, or gone. */
		if (is_twice(haul, &delivery)) {
			give_back(haul->source, &delivery, 0);
			return;
		}
		delivery.reason = NULL;
		open_body(haul, &delivery);
	}
	haul->deliveries[haul->count++] = delivery;
}

static int read_answer(struct orch_sqs_haul *haul)
{
	struct json_object *messages = orch_json_get(haul->call.json, "Messages");
	size_t count;

	count = json_object_is_type(messages, json_type_array) ? json_object_array_length(messages)
							       : 0;
	if (count > ORCH_SQS_BATCH)
		count = ORCH_SQS_BATCH;
	haul->deliveries =
		orch_arena_alloc_array(haul->arena, count + 1, sizeof(*haul->deliveries));
	for (size_t i = 0; haul->deliveries != NULL && i < count; i++)
		take_message(haul, json_object_array_get_idx(messages, i));
	return orch_arena_failed(haul->arena) ? ORCH_E_NOMEM : ORCH_OK;
}

static void land(struct orch_sqs_haul *haul)
{
	haul->is_flying = false;
	haul->landed_ms = orch_clock_mono_ms();
	orch_sqs_source_landed(haul->source, haul);
}

/* False: neither the copy nor the row opens. */
static bool fill_lease(struct orch_sqs_haul *haul, const struct orch_sqs_delivery *delivery,
	struct orch_lease *lease)
{
	const struct orch_pg_claim *claim = delivery->claim;
	const struct orch_secret *key = haul->source->lane->queue->key;
	struct orch_buf about;
	int code;

	*lease = (struct orch_lease){
		.message = claim->item.message,
		.row = (uint64_t)claim->row,
		.receipt = delivery->receipt,
		.token = haul->claiming.token,
		.receives = claim->receives,
		.attempts = claim->attempts,
		.put_ms = claim->item.put_ms,
		.step = claim->step,
		.step_sent = claim->step_sent,
	};
	orch_buf_init(&about, ORCH_QUEUE_ABOUT_BYTES);
	if (delivery->plain.ptr != NULL) {
		lease->message.body = delivery->plain;
		code = orch_message_open_progress(key, &about, claim->memo, haul->arena, lease);
	} else {
		code = orch_message_open(
			key, &about, claim->item.sealed, claim->memo, haul->arena, lease);
	}
	orch_buf_fini(&about);
	return code == ORCH_OK;
}

static struct orch_text put(char **at, struct orch_text text)
{
	struct orch_text copy = { *at, text.len };

	memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

/* An op of our own, with its lease and the texts of that. */
struct own {
	struct orch_queue_op op;
	struct orch_lease lease;
	char bytes[];
};

static void on_op_done(struct orch_queue_op *op)
{
	orch_free((struct own *)(void *)op);
}

/* An op of our own on LEASE, with a copy of what it asks of that: the haul may go before it has ended. */
static void submit_own(struct orch_sqs_haul *haul, const struct orch_lease *lease,
	const struct orch_queue_op *what)
{
	struct orch_sqs_lane *lane = haul->source->lane;
	const struct orch_message *message = &lease->message;
	struct own *own = orch_alloc(sizeof(*own) + message->queue.len + message->id.len +
		message->pipeline.len + message->order.len + lease->receipt.len);
	struct orch_err err;
	char *at;

	if (own == NULL)
		return;
	at = own->bytes;
	own->lease = (struct orch_lease){ .row = lease->row,
		.token = lease->token,
		.put_ms = lease->put_ms,
		.message = { .queue = put(&at, message->queue),
			.id = put(&at, message->id),
			.pipeline = put(&at, message->pipeline),
			.order = put(&at, message->order) },
		.receipt = put(&at, lease->receipt) };
	own->op = *what;
	own->op.queue = &lane->queue->base;
	own->op.lane = lane->lane;
	own->op.done = on_op_done;
	own->op.lease = &own->lease;
	if (orch_queue_submit(own->op.queue, &own->op, &err) != ORCH_OK)
		orch_free(own);
}

/* A row that does not open is set aside as it is. */
static void bury_damaged(struct orch_sqs_haul *haul, const struct orch_lease *lease)
{
	submit_own(haul, lease,
		&(struct orch_queue_op){ .kind = ORCH_QUEUE_BURY,
			.end = ORCH_END_DEAD,
			.reason = ORCH_TEXT(ORCH_QUEUE_DAMAGED),
			.detail = ORCH_TEXT("the row was changed or damaged at rest") });
}

static void take_claim(struct orch_sqs_haul *haul, const struct orch_sqs_delivery *delivery)
{
	struct orch_sqs_source *source = haul->source;
	const struct orch_pg_claim *claim = delivery->claim;
	struct orch_text queue = orch_text_from(source->name->name);
	struct orch_lease *lease = &haul->leases[haul->lease_count];

	if (claim->is_gone && delivery->was_aside) {
		count_delivery(source, "redriven");
		orch_sqs_revive(source, delivery);
	} else if (claim->is_gone) {
		count_delivery(source, "settled");
		orch_sqs_delete(source->lane, queue, delivery->receipt);
	} else if (!claim->is_ours) {
		give_back(source, delivery, (uint64_t)claim->wait_ms);
	} else if (fill_lease(haul, delivery, lease)) {
		count_delivery(source, "leased");
		haul->lease_count++;
	} else {
		count_delivery(source, "damaged");
		bury_damaged(haul, lease);
	}
}

static void on_claimed(struct orch_db_group *group)
{
	struct orch_sqs_haul *haul = (struct orch_sqs_haul *)(void *)((char *)group -
		offsetof(struct orch_sqs_haul, group));

	haul->source->lane->under_way--;
	if (group->code == ORCH_OK) {
		for (size_t i = 0; i < haul->count; i++)
			if (haul->deliveries[i].claim != NULL)
				take_claim(haul, &haul->deliveries[i]);
	} else {
		orch_log(ORCH_LOG_WARN, "queue.claim",
			ORCH_LOG_STRING("queue", haul->source->name->name),
			ORCH_LOG_STRING("error", group->err.text));
		haul->failure = ORCH_AWS_TRANSIENT;
	}
	land(haul);
}

/* How many are to be claimed; the others are none of ours. */
static size_t fill_claims(struct orch_sqs_haul *haul)
{
	size_t count = 0;

	for (size_t i = 0; i < haul->count; i++) {
		struct orch_sqs_delivery *delivery = &haul->deliveries[i];

		if (delivery->reason != NULL) {
			count_delivery(haul->source, "alien");
			orch_sqs_bury_alien(haul->source, delivery);
			continue;
		}
		delivery->claim = &haul->claiming.claims[count++];
		*delivery->claim = (struct orch_pg_claim){
			.row = delivery->body.row,
			.id = delivery->body.message.id,
			.wants_body = delivery->plain.ptr == NULL,
			.is_gone = true,
		};
	}
	return count;
}

static void claim(struct orch_sqs_haul *haul)
{
	struct orch_sqs_source *source = haul->source;
	struct orch_err err;

	haul->claiming.claims =
		orch_arena_alloc_array(haul->arena, haul->count + 1, sizeof(struct orch_pg_claim));
	haul->leases = orch_arena_alloc_array(haul->arena, haul->count + 1, sizeof(*haul->leases));
	if (haul->claiming.claims == NULL || haul->leases == NULL) {
		haul->failure = ORCH_AWS_TRANSIENT;
		land(haul);
		return;
	}
	haul->claiming.queue = orch_text_from(source->name->name);
	haul->claiming.visibility_ms = source->lane->queue->settings.lease_ms;
	haul->claiming.token = orch_message_draw_token();
	haul->claiming.arena = haul->arena;
	haul->claiming.count = fill_claims(haul);
	orch_pg_claim_init(&haul->claiming);
	haul->group = (struct orch_db_group){
		.first = &haul->claiming.pg_op.base,
		.lane = source->lane->lane,
		.done = on_claimed,
	};
	if (haul->claiming.count == 0) {
		land(haul);
		return;
	}
	source->lane->under_way++;
	if (orch_pg_submit(source->lane->queue->pg, &haul->group, &err) != ORCH_OK) {
		source->lane->under_way--;
		haul->failure = ORCH_AWS_TRANSIENT;
		land(haul);
	}
}

static void on_polled(struct orch_aws_call *call)
{
	struct orch_sqs_haul *haul = call->user;

	haul->failure = call->failure;
	orch_sqs_name_note(haul->source->name, ORCH_SQS_RECEIVE, call, haul->source->failures);
	if (call->failure == ORCH_AWS_FINE && read_answer(haul) != ORCH_OK)
		haul->failure = ORCH_AWS_TRANSIENT;
	if (haul->failure == ORCH_AWS_FINE && haul->count > 0)
		claim(haul);
	else
		land(haul);
}

/* After a failure it is to be known soon whether all is well again. */
static uint64_t wait_ms_of(const struct orch_sqs_source *source)
{
	return source->failures > 0 ? 0 : source->lane->queue->settings.sqs.wait_ms;
}

static struct orch_text write_request(struct orch_sqs_haul *haul, size_t most)
{
	const struct orch_sqs_settings *settings = &haul->source->lane->queue->settings;
	struct orch_text request;
	struct orch_buf buf;

	orch_buf_init(&buf, REQUEST_BYTES);
	orch_buf_add_string(&buf, "{\"QueueUrl\":");
	orch_buf_add_json(&buf, orch_text_from(haul->source->name->url));
	orch_buf_printf(&buf,
		",\"MaxNumberOfMessages\":%zu,\"WaitTimeSeconds\":%llu,\"VisibilityTimeout\":%llu,"
		"\"MessageAttributeNames\":[\"reason\",\"id\"]}",
		most, (unsigned long long)(wait_ms_of(haul->source) / 1000),
		(unsigned long long)((settings->lease_ms + 999) / 1000));
	request = orch_arena_text(haul->arena, orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return request;
}

struct orch_sqs_haul *orch_sqs_haul_begin(struct orch_sqs_source *source, size_t most)
{
	struct orch_sqs_haul *haul = orch_alloc(sizeof(*haul));

	if (haul == NULL)
		return NULL;
	haul->arena = orch_arena_create(0);
	if (haul->arena == NULL) {
		orch_free(haul);
		return NULL;
	}
	haul->source = source;
	haul->is_flying = true;
	haul->call = (struct orch_aws_call){
		.action = "ReceiveMessage",
		.body = write_request(haul, most),
		.timeout_ms = wait_ms_of(source) + POLL_MARGIN_MS,
		.is_poll = true,
		.once = true,
		.done = on_polled,
		.user = haul,
	};
	TAILQ_INSERT_TAIL(&source->hauls, haul, link);
	orch_aws_call(source->lane->client, &haul->call);
	return haul;
}

void orch_sqs_haul_release(struct orch_sqs_haul *haul)
{
	while (haul->taken < haul->lease_count)
		submit_own(haul, &haul->leases[haul->taken++],
			&(struct orch_queue_op){ .kind = ORCH_QUEUE_RELEASE, .uncounted = true });
}

void orch_sqs_haul_free(struct orch_sqs_haul *haul)
{
	TAILQ_REMOVE(&haul->source->hauls, haul, link);
	orch_arena_destroy(haul->arena);
	orch_free(haul);
}
