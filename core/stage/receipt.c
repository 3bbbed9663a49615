/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/receipt.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "model/event.h"

#define NAME_BYTES 512 /* of an event's id, tenant and order key: the queue takes no longer ones */

/* The same on every delivery, so that one event has one name in all logs. */
static struct orch_text derive_trace(
	struct orch_arena *arena, struct orch_text source, struct orch_text id)
{
	struct orch_text pieces[] = { ORCH_TEXT("trace"), source, id };
	char uuid[ORCH_UUID_CHARS + 1];

	orch_uuid5(pieces, 3, uuid);
	return orch_arena_printf(arena, "%.8s%.4s%.4s", uuid, uuid + 9, uuid + 14);
}

static bool feeds(const struct orch_plan *plan, const struct orch_config_pipeline *pipeline,
	const struct orch_plan_instance *input)
{
	size_t index = (size_t)(input - plan->inputs);

	for (size_t i = 0; i < pipeline->input_count; i++)
		if (pipeline->inputs[i] == index)
			return true;
	return false;
}

static void fill_message(struct orch_message *message, const struct orch_config_pipeline *pipeline,
	const struct orch_event *event, struct orch_text body, struct orch_arena *arena)
{
	*message = (struct orch_message){
		.queue = ORCH_TEXT("scan"),
		.id = orch_event_name(
			arena, ORCH_TEXT("event"), pipeline->name, event->source, event->id),
		.alias = event->alias.len == 0
			? ORCH_TEXT_NONE
			: orch_event_name(arena, ORCH_TEXT("alias"), pipeline->name, event->source,
				  event->alias),
		.alias_time_ms = event->alias_time_ms,
		.pipeline = pipeline->name,
		.tenant = event->tenant,
		.order = event->order.len == 0
			? ORCH_TEXT_NONE
			: orch_arena_printf(arena, "%.*s/%.*s", ORCH_TEXT_ARG(pipeline->name),
				  ORCH_TEXT_ARG(event->order)),
		.trace = event->trace,
		.time_ms = event->time_ms,
		.priority = ORCH_INFO,
		.body = body,
	};
}

static int name_event(const struct orch_plan_instance *input, struct orch_event *event,
	struct orch_arena *arena, struct orch_err *err)
{
	if (event->id.len == 0 || event->id.len > NAME_BYTES)
		return orch_fail(err, ORCH_E_INVALID,
			"an event's id has %zu bytes; 1 to %d are right", event->id.len,
			NAME_BYTES);
	if (event->tenant.len > NAME_BYTES || event->order.len > NAME_BYTES)
		return orch_fail(err, ORCH_E_INVALID,
			"an event's tenant or order key has more than %d bytes", NAME_BYTES);
	event->source = input->config->name;
	event->trace = derive_trace(arena, event->source, event->id);
	event->attempt = 1;
	return ORCH_OK;
}

static int write_body(const struct orch_plan *plan, const struct orch_event *event,
	struct orch_arena *arena, struct orch_text *ret_body, struct orch_err *err)
{
	struct orch_buf buf;
	int rc = ORCH_OK;

	/* Base64 and JSON's escapes may swell the bytes. */
	orch_buf_init(&buf, 3 * plan->limits.event_bytes);
	orch_event_write(&buf, event, true);
	if (buf.failed)
		rc = orch_fail(err, ORCH_E_LIMIT, "an event is too large");
	else
		*ret_body = orch_arena_text(arena, orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return rc;
}

int orch_receipt_messages(const struct orch_plan *plan, const struct orch_plan_instance *input,
	struct orch_sink *sink, struct orch_arena *arena, struct orch_message **ret_messages,
	size_t *ret_count, struct orch_err *err)
{
	const struct orch_config *config = plan->config;
	struct orch_message *messages = orch_arena_alloc_array(
		arena, sink->event_count * config->pipeline_count + 1, sizeof(*messages));
	size_t count = 0;
	int rc = ORCH_OK;

	if (messages == NULL)
		return orch_fail(err, ORCH_E_AGAIN, "no memory for messages");
	for (size_t e = 0; rc == ORCH_OK && e < sink->event_count; e++) {
		struct orch_event *event = &sink->events[e];
		struct orch_text body = ORCH_TEXT_NONE;

		rc = name_event(input, event, arena, err);
		if (rc == ORCH_OK)
			rc = write_body(plan, event, arena, &body, err);
		for (size_t p = 0; rc == ORCH_OK && p < config->pipeline_count; p++)
			if (feeds(plan, &config->pipelines[p], input))
				fill_message(&messages[count++], &config->pipelines[p], event, body,
					arena);
	}
	if (rc == ORCH_OK && orch_arena_failed(arena))
		rc = orch_fail(err, ORCH_E_AGAIN, "no memory for messages");
	if (rc != ORCH_OK)
		return rc;
	*ret_messages = messages;
	*ret_count = count;
	return ORCH_OK;
}

void orch_receipt_count(const struct orch_plan_instance *input, const char *result, uint64_t by)
{
	if (by > 0)
		orch_metric_add(
			orch_metric(ORCH_METRIC_COUNTER, "orchestrator_events_received_total",
				"Events by the input they came in by and what became of them at "
				"the door.",
				{ "source", input->config->name },
				{ "result", orch_text_from(result) }),
			(int64_t)by);
}

void orch_receipt_note_rejected(const struct orch_plan_instance *input, const char *reason)
{
	orch_receipt_count(input, "rejected", 1);
	orch_metric_add(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_events_rejected_total",
			"Arrivals that an input would not have, by its reason.",
			{ "source", input->config->name }, { "reason", orch_text_from(reason) }),
		1);
}

void orch_receipt_note_ack(const struct orch_plan_instance *input, uint64_t took_ns)
{
	orch_metric_observe_ns(
		orch_metric(ORCH_METRIC_SECONDS, "orchestrator_event_ack_duration_seconds",
			"Time from a complete request to its acknowledgement.",
			{ "source", input->config->name }),
		took_ns);
}

void orch_receipt_server_options(const struct orch_config_listen *listen, const char *name,
	struct orch_http_server_options *ret_options)
{
	*ret_options = (struct orch_http_server_options){
		.listen = listen->address.ptr,
		.certificate = listen->certificate.len > 0 ? listen->certificate.ptr : NULL,
		.key = listen->key.len > 0 ? listen->key.ptr : NULL,
		.metric_listener = name,
	};
	orch_http_limits_default(&ret_options->limits);
	if (listen->connections > 0)
		ret_options->limits.connections = listen->connections;
	if (listen->connections_per_address > 0)
		ret_options->limits.connections_per_address = listen->connections_per_address;
}

const struct orch_network *orch_receipt_proxies(
	const struct orch_config *config, size_t *ret_count, struct orch_err *err)
{
	size_t count = config->http.proxies.count;
	struct orch_network *networks =
		orch_arena_alloc_array(config->arena, count + 1, sizeof(*networks));

	*ret_count = 0;
	for (size_t i = 0; networks != NULL && i < count; i++)
		if (orch_network_parse(config->http.proxies.items[i], &networks[i], err) != ORCH_OK)
			return NULL;
	*ret_count = networks == NULL ? 0 : count;
	return networks;
}
