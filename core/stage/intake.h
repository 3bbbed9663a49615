/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake: arrivals become events, and are answered when they are durable.
 */
#ifndef ORCH_INTAKE_H
#define ORCH_INTAKE_H
#include "net/http_server.h"
#include "queue/queue.h"
#include "stage/crew.h"

#define ORCH_INTAKE_RETRY_AFTER_S 30 /* what a sender is told while the disk is full */

struct orch_intake;

struct orch_intake_options {
	struct orch_lane *lane;
	struct orch_queue *queue;
	const struct orch_http_route *extra; /* probes and metrics, served by the same listener */
	size_t extra_count;
	struct orch_http_gate *gate;       /* of all lanes that listen; NULL: this one's own */
	struct orch_http_bodies *bodies;   /* of all arrivals under way; NULL: not limited */
	struct orch_http_sockets *sockets; /* see net/http_server.h; may be NULL */
};

ORCH_MUST_USE int orch_intake_create(const struct orch_intake_options *options,
	struct orch_crew *crew, struct orch_intake **ret_intake, struct orch_err *err);
/* On the lane. */
void orch_intake_set_crew(struct orch_intake *intake, struct orch_crew *crew); /* takes CREW */
void orch_intake_drain(struct orch_intake *intake, bool serves_on);            /* likewise */
int orch_intake_socket(const struct orch_intake *intake);
bool orch_intake_is_idle(const struct orch_intake *intake);
void orch_intake_destroy(struct orch_intake *intake);

#endif
