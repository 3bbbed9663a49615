/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every kind of intake does with the events that an input has emitted:
 * checks them, names them, and makes the messages of each pipeline that wants
 * them.
 */
#ifndef ORCH_RECEIPT_H
#define ORCH_RECEIPT_H
#include "net/http_server.h"
#include "queue/queue.h"
#include "stage/plan.h"

/* A message for each event and each pipeline of INPUT, in ARENA. */
ORCH_MUST_USE int orch_receipt_messages(const struct orch_plan *plan,
	const struct orch_plan_instance *input, struct orch_sink *sink, struct orch_arena *arena,
	struct orch_message **ret_messages, size_t *ret_count, struct orch_err *err);

/* orchestrator_events_received_total{source,result} */
void orch_receipt_count(const struct orch_plan_instance *input, const char *result, uint64_t by);
/* The same as "rejected", and orchestrator_events_rejected_total{source,reason} */
void orch_receipt_note_rejected(const struct orch_plan_instance *input, const char *reason);
/* orchestrator_event_ack_duration_seconds{source} */
void orch_receipt_note_ack(const struct orch_plan_instance *input, uint64_t took_ns);

/* The options of a listener as configured, without routes and proxies. */
void orch_receipt_server_options(const struct orch_config_listen *listen, const char *name,
	struct orch_http_server_options *ret_options);
/* The configured proxies, in the configuration's arena; NULL without any. */
const struct orch_network *orch_receipt_proxies(
	const struct orch_config *config, size_t *ret_count, struct orch_err *err);

#endif
