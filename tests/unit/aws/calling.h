/* SPDX-License-Identifier: Apache-2.0 */
/* A world with a service, a client of it, and calls whose ends are noted. */
#ifndef AWS_CALLING_H
#define AWS_CALLING_H
#include "aws/client.h"
#include "base/json.h"
#include "world.h"

struct caller {
	struct world world;
	struct world_service service;
	char url[64];
	struct orch_http_client *http;
	struct orch_aws_client *client;
	size_t pending;
};

struct outcome {
	struct orch_aws_call call;
	struct caller *caller;
	bool is_done;
	char answer[256];
	int64_t number; /* of the answer's "number" */
	void (*then)(struct outcome *outcome);
};

/* Account and client; the world's options and environment are set by then. */
static inline void caller_open(struct caller *caller)
{
	const struct orch_http_client_options options = { .ca_file =
								  caller->world.options.ca_file };

	world_must_create(&caller->world);
	assert_int_equal(orch_http_client_create(
				 caller->world.lane, &options, &caller->http, &caller->world.err),
		ORCH_OK);
	assert_int_equal(
		orch_aws_client_create(caller->world.aws, caller->world.options.service,
			caller->world.lane, caller->http, &caller->client, &caller->world.err),
		ORCH_OK);
}

static inline void caller_prepare(
	struct caller *caller, const struct world_answer *answers, size_t count)
{
	*caller = (struct caller){ .pending = 0 };
	world_init(&caller->world);
	caller->world.arg = caller;
	world_service_start(&caller->service, answers, count);
	caller->world.options.endpoint =
		orch_text_from(world_service_url(&caller->service, caller->url));
}

/* With keys of the options. */
static inline void caller_init(
	struct caller *caller, const struct world_answer *answers, size_t count)
{
	caller_prepare(caller, answers, count);
	world_use_keys(&caller->world);
	caller_open(caller);
}

static inline void caller_fini(struct caller *caller)
{
	orch_aws_client_destroy(caller->client);
	orch_http_client_destroy(caller->http);
	world_fini(&caller->world);
	world_service_stop(&caller->service);
}

static inline void note_outcome(struct orch_aws_call *call)
{
	struct outcome *outcome = call->user;

	assert_false(outcome->is_done);
	outcome->is_done = true;
	outcome->caller->pending--;
	(void)snprintf(outcome->answer, sizeof(outcome->answer), "%.*s",
		(int)(call->answer.len < 255 ? call->answer.len : 255), call->answer.ptr);
	assert_int_equal(call->json != NULL, call->failure == ORCH_AWS_FINE);
	outcome->number = orch_json_int(call->json, "number", -1);
	assert_lacks(call->err.text, "canary");
	assert_int_equal(call->err.text[0] != '\0', call->failure != ORCH_AWS_FINE);
	if (outcome->then)
		outcome->then(outcome);
}

static inline void outcome_init(struct outcome *outcome, struct caller *caller)
{
	*outcome = (struct outcome){ .caller = caller,
		.call = { .action = "ReceiveMessage",
			.body = ORCH_TEXT("{\"QueueUrl\":\"q\"}"),
			.done = note_outcome } };
	outcome->call.user = outcome;
}

static inline void outcome_begin(struct outcome *outcome)
{
	outcome->is_done = false;
	outcome->caller->pending++;
	orch_aws_call(outcome->caller->client, &outcome->call);
	assert_false(outcome->is_done);
}

static inline bool has_none_pending(struct world *world)
{
	return ((struct caller *)world->arg)->pending == 0;
}

static inline void outcome_wait(struct outcome *outcome)
{
	world_wait(&outcome->caller->world, has_none_pending);
	assert_true(outcome->is_done);
}

/* A whole call. */
static inline void outcome_run(struct outcome *outcome, struct caller *caller)
{
	outcome_init(outcome, caller);
	outcome_begin(outcome);
	outcome_wait(outcome);
}

/* Has the Nth request of the service been made? */
static inline bool has_been_called(struct world *world)
{
	return world_service_asked(&((struct caller *)world->arg)->service) > 0;
}

/* The value of a header of REQUEST; empty: there is none. */
static inline struct orch_text header_of(const char *request, const char *name)
{
	return orch_http_find_header(orch_text_from(request), name);
}

#endif
