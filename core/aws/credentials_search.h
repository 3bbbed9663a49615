/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk along the chain of sources, on the account's lane.
 *
 * A source that is on this machine is looked at; one that is beyond it is
 * asked in steps, each a request, tried a few times.
 *
 *   credentials_local.c      options, environment, files
 *   credentials_web.c        a web identity, exchanged at STS
 *   credentials_container.c  what ECS and EKS run beside us
 *   credentials_instance.c   EC2's metadata service, version 2 only
 */
#ifndef ORCH_AWS_CREDENTIALS_SEARCH_H
#define ORCH_AWS_CREDENTIALS_SEARCH_H
#include <json-c/json.h>
#include "aws/credentials.h"

#define ORCH_AWS_STEPS 3      /* of a source, at most */
#define ORCH_AWS_TRIES 4      /* of a step */
#define ORCH_AWS_TRY_MS 100   /* the first pause between them, at most; then twice as long */
#define ORCH_AWS_NEAR_MS 1000 /* for an answer of the container or the instance */
#define ORCH_AWS_STS_MS 10000 /* for one of STS */
#define ORCH_AWS_FOUND_BYTES (64 * 1024)    /* of such an answer, at most */
#define ORCH_AWS_IDENTITY_BYTES (20 * 1024) /* of a token in a file, at most */
#define ORCH_AWS_ROLE_BYTES 64              /* of an instance's role, at most */

enum orch_aws_look {
	ORCH_AWS_ABSENT = 0, /* not configured: the next one is looked at */
	ORCH_AWS_FOUND,      /* search->found is set */
	ORCH_AWS_ASK,        /* by its steps */
	ORCH_AWS_BROKEN,     /* configured, and ERR says why it cannot serve */
};

struct orch_aws_search;

struct orch_aws_step {
	/* Sends a request by orch_aws_search_send(). */
	int (*ask)(struct orch_aws_search *search, struct orch_err *err);
	/*
	 * Any answer.  ORCH_OK: on to the next step or, after the last, search->found
	 * is set; ORCH_E_AGAIN: the step is tried again.
	 */
	int (*take)(struct orch_aws_search *search, const struct orch_reply *reply,
		struct orch_err *err);
};

struct orch_aws_source {
	const char *name;
	enum orch_aws_look (*look)(struct orch_aws_search *search, struct orch_err *err);
	struct orch_aws_step steps[ORCH_AWS_STEPS];
	size_t step_count;
};

extern const struct orch_aws_source orch_aws_source_options, orch_aws_source_environment,
	orch_aws_source_files, orch_aws_source_web, orch_aws_source_container,
	orch_aws_source_instance;

struct orch_aws_search {
	struct orch_aws *aws;
	/* FOUND is moved; NULL: CODE and ERR say why. */
	void (*ended)(void *arg, struct orch_aws_credentials *found, int code,
		const struct orch_err *err);
	void *arg;

	bool is_check;                 /* nothing is sent */
	struct orch_http_client *http; /* NULL until it is needed */
	struct orch_timer timer;
	struct orch_http_flight *flight;
	size_t source, step, tries;
	struct orch_aws_credentials *found;
	struct orch_network near[5];     /* where a container's source may be in clear text, */
	struct orch_network instance[2]; /* and where the metadata service is */
	struct orch_egress near_egress, instance_egress;

	struct orch_secret *metadata_token;
	char role[ORCH_AWS_ROLE_BYTES + 1];
};

ORCH_MUST_USE int orch_aws_search_init(struct orch_aws_search *search, struct orch_aws *aws,
	void (*ended)(void *arg, struct orch_aws_credentials *found, int code,
		const struct orch_err *err),
	void *arg, struct orch_err *err);
void orch_aws_search_fini(struct orch_aws_search *search);
/* ENDED may run before this returns. */
void orch_aws_search_start(struct orch_aws_search *search);

/* Would a walk find credentials, or somebody to ask?  Nothing is sent; ERR says why not. */
ORCH_MUST_USE int orch_aws_search_check(struct orch_aws *aws, struct orch_err *err);

/* For steps.  REQUEST lacks what all have in common. */
ORCH_MUST_USE int orch_aws_search_send(struct orch_aws_search *search,
	const struct orch_egress *egress, struct orch_request *request, struct orch_err *err);
/* For sources: sets search->found. */
ORCH_MUST_USE int orch_aws_search_find(
	struct orch_aws_search *search, const struct orch_aws_raw *raw, struct orch_err *err);
/* The same of AccessKeyId, SecretAccessKey, Token and Expiration in JSON; BODY is wiped by its owner. */
ORCH_MUST_USE int orch_aws_search_find_json(struct orch_aws_search *search, const char *source,
	struct orch_text body, struct orch_err *err);
/* Is HOST an address or name within search->near? */
bool orch_aws_search_is_near(const struct orch_aws_search *search, struct orch_text host);
/* The whole file, which must be one line of visible characters; the caller wipes *ret_token and destroys the arena. */
ORCH_MUST_USE int orch_aws_read_token(struct orch_text path, struct orch_arena *arena,
	struct orch_text *ret_token, struct orch_err *err);

#endif
