/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS's environment variables say, read once: the environment is nobody's
 * while threads run, and secrets do not stay in it.
 */
#ifndef ORCH_AWS_ENV_H
#define ORCH_AWS_ENV_H
#include <orch/abi.h>
#include "base/arena.h"
#include "base/check.h"
#include "base/secret.h"

#define ORCH_AWS_VALUE_BYTES 8192 /* of one variable, at most */

#define ORCH_AWS_VARIABLES(X)                                             \
	X(REGION, "AWS_REGION")                                           \
	X(DEFAULT_REGION, "AWS_DEFAULT_REGION")                           \
	X(ENDPOINT, "AWS_ENDPOINT_URL")                                   \
	X(ENDPOINT_SQS, "AWS_ENDPOINT_URL_SQS")                           \
	X(ENDPOINT_KINESIS, "AWS_ENDPOINT_URL_KINESIS")                   \
	X(ENDPOINT_STS, "AWS_ENDPOINT_URL_STS")                           \
	X(IGNORE_ENDPOINTS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")        \
	X(ACCESS_KEY_ID, "AWS_ACCESS_KEY_ID")                             \
	X(PROFILE, "AWS_PROFILE")                                         \
	X(CREDENTIALS_FILE, "AWS_SHARED_CREDENTIALS_FILE")                \
	X(CONFIG_FILE, "AWS_CONFIG_FILE")                                 \
	X(HOME, "HOME")                                                   \
	X(WEB_TOKEN_FILE, "AWS_WEB_IDENTITY_TOKEN_FILE")                  \
	X(ROLE_ARN, "AWS_ROLE_ARN")                                       \
	X(ROLE_SESSION_NAME, "AWS_ROLE_SESSION_NAME")                     \
	X(CONTAINER_RELATIVE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")   \
	X(CONTAINER_FULL, "AWS_CONTAINER_CREDENTIALS_FULL_URI")           \
	X(CONTAINER_TOKEN_FILE, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") \
	X(METADATA_DISABLED, "AWS_EC2_METADATA_DISABLED")                 \
	X(METADATA_ENDPOINT, "AWS_EC2_METADATA_SERVICE_ENDPOINT")         \
	X(METADATA_MODE, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")        \
	X(MAX_ATTEMPTS, "AWS_MAX_ATTEMPTS")

/* Taken out of the environment. */
#define ORCH_AWS_SECRETS(X)                           \
	X(SECRET_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY") \
	X(SESSION_TOKEN, "AWS_SESSION_TOKEN")         \
	X(CONTAINER_TOKEN, "AWS_CONTAINER_AUTHORIZATION_TOKEN")

enum orch_aws_variable {
#define X(name, text) ORCH_AWS_ENV_##name,
	ORCH_AWS_VARIABLES(X)
#undef X
		ORCH_AWS_ENV_COUNT
};

enum orch_aws_secret {
#define X(name, text) ORCH_AWS_SECRET_##name,
	ORCH_AWS_SECRETS(X)
#undef X
		ORCH_AWS_SECRET_COUNT
};

struct orch_aws_env {
	struct orch_text values[ORCH_AWS_ENV_COUNT];        /* empty: not set */
	struct orch_secret *secrets[ORCH_AWS_SECRET_COUNT]; /* NULL: not set */
};

/* The texts are in ARENA.  On failure there is nothing to fini. */
ORCH_MUST_USE int orch_aws_env_read(
	struct orch_aws_env *env, struct orch_arena *arena, struct orch_err *err);
void orch_aws_env_fini(struct orch_aws_env *env);
const char *orch_aws_env_name(enum orch_aws_variable variable);
/* "true", as AWS's SDKs read it. */
bool orch_aws_is_true(struct orch_text value);

#endif
