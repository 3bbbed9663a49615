/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of the Web API and every download: who, what, when, and what was answered. */
#ifndef SIM_AUDIT_H
#define SIM_AUDIT_H
#include "api.h"
#include "fault.h"

#define SIM_AUDIT_METHODS_MAX 200

struct sim_audit;

/* The newest KEEP records; 0: only counts. */
struct sim_audit *sim_audit_create(size_t keep);
void sim_audit_destroy(struct sim_audit *audit);
void sim_audit_clear(struct sim_audit *audit);

/* A call has arrived; it may be held before anything happens. */
void sim_audit_arrived(struct sim_audit *audit, struct orch_text method);
/* Keeps a printed copy of ANSWER's bodies; the token itself is not kept. */
void sim_audit_add(struct sim_audit *audit, struct orch_text method, uint64_t received_ms,
	const struct sim_answer *answer, enum sim_fault_kind fault);

/* Of METHOD, or of all for "*"; ONLY_OK: those that were answered with "ok":true. */
uint64_t sim_audit_count(const struct sim_audit *audit, struct orch_text method, bool only_ok);
struct json_object *sim_audit_show(const struct sim_audit *audit, size_t last);
struct json_object *sim_audit_show_counts(const struct sim_audit *audit);

#endif
