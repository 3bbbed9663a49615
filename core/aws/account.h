/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share about an account, and nobody else includes.
 *
 *   account.c       its life
 *   place.c         region and endpoints
 *   credentials*.c  who we are: the chain of sources, and the one who keeps them fresh
 *   skew.c          how far the service's clock is from ours
 *   key.c           the day's signing key
 */
#ifndef ORCH_AWS_ACCOUNT_H
#define ORCH_AWS_ACCOUNT_H
#include <pthread.h>
#include <stdatomic.h>
#include "aws/aws.h"
#include "aws/env.h"
#include "aws/files.h"
#include "aws/sign.h"
#include "base/metric.h"

#define ORCH_AWS_ATTEMPTS 3       /* the default of AWS_MAX_ATTEMPTS */
#define ORCH_AWS_ATTEMPTS_MOST 20 /* that it may say */
#define ORCH_AWS_REGION_BYTES 64

struct orch_aws_credentials;
struct orch_aws_keeper;

/* The signing keys of today, one a service. */
struct orch_aws_key {
	struct orch_secret *key; /* NULL: none yet */
	char day[ORCH_AWS_DAY_CHARS + 1];
	uint64_t generation; /* of the credentials */
};

#define ORCH_AWS_SERVICES 2

struct orch_aws {
	struct orch_arena *arena; /* of the texts below */
	struct orch_lane *lane;
	enum orch_aws_service service;
	struct orch_aws_env env;
	const char *ca_file;

	struct orch_text profile;
	bool is_profile_named;          /* by somebody: then it must be there */
	struct orch_text access_key_id; /* of the options, as these: */
	struct orch_secret *secret_access_key, *session_token;

	struct orch_text region, endpoint, host, sts_endpoint, metadata_endpoint;
	bool is_metadata_named; /* by its variable: then it may be anywhere */
	struct orch_text warning;
	unsigned attempts;
	struct orch_network everywhere;
	struct orch_origin origin;
	struct orch_egress egress; /* to service endpoints: they are not steered from outside */

	_Atomic int64_t offset_ms; /* the service's clock is so far ahead of ours */
	struct orch_metric *skew;

	pthread_mutex_t key_lock;
	struct orch_aws_key keys[ORCH_AWS_SERVICES];

	struct orch_aws_keeper *keeper;
};

/* "sqs", as in host names and scopes. */
const char *orch_aws_service_name(enum orch_aws_service service);

/* place.c */
ORCH_MUST_USE int orch_aws_settle_place(
	struct orch_aws *aws, const struct orch_aws_options *options, struct orch_err *err);
struct orch_aws_origin {
	struct orch_text endpoint; /* "https://host[:port]" */
	struct orch_text host;     /* "host[:port]", as the header Host has it */
	struct orch_origin origin;
};
/* URL is to be "http[s]://host[:port]" and perhaps a slash.  The texts are in ARENA. */
ORCH_MUST_USE int orch_aws_parse_endpoint(struct orch_arena *arena, struct orch_text url,
	const char *where, struct orch_aws_origin *ret_origin, struct orch_err *err);

/* skew.c: from any thread */
uint64_t orch_aws_now_ms(const struct orch_aws *aws); /* by the service's clock */
int64_t orch_aws_offset_ms(const struct orch_aws *aws);
/* A date that has been read: many answers in a row have the same. */
struct orch_aws_date {
	char text[40];
	uint64_t ms;
};
/* HEADERS of an answer to what took TOOK_MS; LAST is the caller's, zeroed at first; may be NULL. */
void orch_aws_observe_clock(struct orch_aws *aws, struct orch_text headers, uint64_t took_ms,
	struct orch_aws_date *last);

/* key.c: the caller wipes *ret_key.  From any thread. */
ORCH_MUST_USE int orch_aws_key(struct orch_aws *aws, enum orch_aws_service service,
	const struct orch_aws_credentials *credentials, const struct orch_aws_scope *scope,
	uint8_t ret_key[ORCH_SHA256_BYTES], struct orch_err *err);

#endif
