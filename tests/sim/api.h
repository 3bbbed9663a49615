/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slack's Web API over the workspace: a request in, an answer out.
 *
 * Nothing here knows of sockets; faults and delays are the listener's affair.
 */
#ifndef SIM_API_H
#define SIM_API_H
#include "args.h"
#include "world.h"

struct sim_limits; /* how often each method may be called */

struct sim_limits *sim_limits_create(void);
void sim_limits_destroy(struct sim_limits *limits);
/* The published tiers are kept to from now on, or not. */
void sim_limits_use_tiers(struct sim_limits *limits, bool use);
/* At most COUNT calls in WINDOW_MS for this method; 0 takes the rule back. */
ORCH_MUST_USE int sim_limits_set(
	struct sim_limits *limits, struct orch_text method, uint64_t count, uint64_t window_ms);
void sim_limits_clear(struct sim_limits *limits);
/* Seconds to wait, 0: go on.  TIER: calls a minute; PLACE parts the budget (a channel), may be empty. */
uint64_t sim_limits_take(struct sim_limits *limits, struct orch_text method, unsigned tier,
	struct orch_text place, uint64_t now_ms);

/* All texts are lent. */
struct sim_request {
	struct orch_text method; /* "chat.delete" */
	bool is_get;
	struct orch_text query, media_type, body, authorization;
	uint64_t now_ms;
};

struct sim_answer {
	int status;
	uint64_t retry_after_s;        /* 0: none */
	struct json_object *body;      /* the caller puts it */
	struct json_object *args;      /* as they came, without a token; the caller puts it */
	const struct sim_token *token; /* NULL: nobody */
};

struct sim_call {
	struct sim_world *world;
	struct json_object *args;
	const struct sim_token *token;
	struct json_object *reply; /* handlers add to it */
	const char *needed;        /* the scope that was missing */
	const char *missing;       /* the argument that was missing */
	const char *warning;
};

/* NULL: it worked; else Slack's name of the error. */
typedef const char *sim_handler(struct sim_call *call);

struct sim_method {
	const char *name;
	const char *scope; /* NULL: none, or the handler looks itself */
	unsigned tier;     /* calls a minute */
	bool reads_json;   /* otherwise a JSON body is not looked at, as with Slack */
	sim_handler *handle;
};

extern const struct sim_method sim_chat_methods[], sim_conversation_methods[], sim_other_methods[];

/* Fills RET, always. */
void sim_api_call(struct sim_world *world, struct sim_limits *limits,
	const struct sim_request *request, struct sim_answer *ret);

/* The arguments and the owner of a call that is not carried out. */
void sim_api_look(
	struct sim_world *world, const struct sim_request *request, struct sim_answer *ret);

/* For handlers. */
const char *sim_call_needs(struct sim_call *call, const char *scope); /* NULL or "missing_scope" */
const char *sim_call_lacks(struct sim_call *call, const char *argument); /* "invalid_arguments" */
/* The conversation of the argument CHANNEL as far as the token can see it; NULL: channel_not_found. */
struct sim_channel *sim_call_channel(const struct sim_call *call);
/* "channels:history" for KIND "history" and a public channel */
const char *sim_call_needs_for(
	struct sim_call *call, const struct sim_channel *channel, const char *kind);

#endif
