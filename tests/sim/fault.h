/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on request: what is to go wrong with the next calls, deliveries or downloads. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H
#include "jsonx.h"

#define SIM_FAULTS_MAX 256
#define SIM_FAULT_MS_MAX 600000

enum sim_fault_kind {
	SIM_FAULT_NONE = 0,
	SIM_FAULT_STATUS,      /* an HTTP status and no JSON; nothing takes effect */
	SIM_FAULT_RATELIMITED, /* 429 with Retry-After; nothing takes effect */
	SIM_FAULT_ERROR,       /* an error of Slack's; nothing takes effect */
	SIM_FAULT_RESET,       /* the connection breaks; nothing takes effect */
	SIM_FAULT_REDIRECT,    /* 302 to LOCATION; nothing takes effect */
	SIM_FAULT_RESET_AFTER, /* it took effect, then the connection breaks */
	SIM_FAULT_SLOW,        /* it took effect, the answer comes MS later */
	SIM_FAULT_TRUNCATE,    /* it took effect, half of the answer comes */
	SIM_FAULT_GARBAGE,     /* it took effect, the answer is no JSON */
	SIM_FAULT_HOLD,        /* no answer until released; with AFTER it took effect before */
	SIM_FAULT_DUPLICATE,   /* deliveries: sent twice */
	SIM_FAULT_DROP,        /* deliveries: never sent */
	SIM_FAULT_LOGIN,       /* downloads: the sign-in page in spite of a good token */
};

struct sim_fault {
	enum sim_fault_kind kind;
	int64_t left; /* how often it still happens; negative: always */
	int64_t skip; /* so many pass first */
	int status;
	uint64_t retry_after_s;
	uint64_t ms;
	bool after;
	char method[64]; /* a method, "*" for all methods, "events", "files" */
	char error[64];
	char location[256];
};

struct sim_faults {
	struct sim_fault list[SIM_FAULTS_MAX];
	size_t count;
};

/* Reads the members that the control page names; ORCH_E_INVALID or LIMIT with the reason in ERR. */
ORCH_MUST_USE int sim_faults_add(
	struct sim_faults *faults, struct json_object *args, struct orch_err *err);
/* What goes wrong with this one, the oldest fault first; kind NONE: nothing. */
struct sim_fault sim_faults_take(struct sim_faults *faults, struct orch_text method);
void sim_faults_clear(struct sim_faults *faults);
struct json_object *sim_faults_show(const struct sim_faults *faults);
const char *sim_fault_name(enum sim_fault_kind kind);

#endif
