/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/account.h"

#include <string.h>

#include "aws/credentials_search.h"
#include "base/alloc.h"
#include "base/text.h"

const char *orch_aws_service_name(enum orch_aws_service service)
{
	return service == ORCH_AWS_SQS ? "sqs" : "kinesis";
}

static struct orch_secret *copy_secret(const struct orch_secret *secret, int *code)
{
	struct orch_secret *copy = secret ? orch_secret_create(orch_secret_text(secret)) : NULL;

	if (secret && !copy)
		*code = ORCH_E_NOMEM;
	return copy;
}

static int copy_options(
	struct orch_aws *aws, const struct orch_aws_options *options, struct orch_err *err)
{
	int code = ORCH_OK;

	aws->service = options->service;
	aws->access_key_id = orch_arena_text(aws->arena, options->access_key_id);
	aws->ca_file = options->ca_file
		? orch_arena_string(aws->arena, orch_text_from(options->ca_file))
		: NULL;
	aws->secret_access_key = copy_secret(options->secret_access_key, &code);
	aws->session_token = copy_secret(options->session_token, &code);
	return code == ORCH_OK ? ORCH_OK : orch_fail(err, code, "no locked memory for AWS's keys");
}

static int settle_attempts(struct orch_aws *aws, struct orch_err *err)
{
	struct orch_text value = aws->env.values[ORCH_AWS_ENV_MAX_ATTEMPTS];
	uint64_t attempts = ORCH_AWS_ATTEMPTS;

	if (value.len > 0 &&
		orch_text_to_uint(value, 1, ORCH_AWS_ATTEMPTS_MOST, &attempts) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID, "AWS_MAX_ATTEMPTS must be 1 to %d",
			ORCH_AWS_ATTEMPTS_MOST);
	aws->attempts = (unsigned)attempts;
	return ORCH_OK;
}

static void open_egress(struct orch_aws *aws)
{
	aws->everywhere = (struct orch_network){ .bits = 0 };
	aws->egress = (struct orch_egress){ .allowed = &aws->everywhere,
		.allowed_count = 1,
		.origins = &aws->origin,
		.origin_count = 1 };
}

static void name_oddities(struct orch_aws *aws, const struct orch_aws_options *options)
{
	const struct orch_text *env = aws->env.values;

	aws->warning = ORCH_TEXT_NONE;
	if (options->access_key_id.len == 0 && env[ORCH_AWS_ENV_ACCESS_KEY_ID].len > 0 &&
		aws->is_profile_named)
		aws->warning = ORCH_TEXT("AWS_ACCESS_KEY_ID is set, so the keys of the profile "
					 "that is named are not used");
}

/* What this machine knows, without credentials. */
static int settle(
	struct orch_aws *aws, const struct orch_aws_options *options, struct orch_err *err)
{
	int code = orch_aws_env_read(&aws->env, aws->arena, err);

	if (code == ORCH_OK)
		code = copy_options(aws, options, err);
	if (code == ORCH_OK)
		code = settle_attempts(aws, err);
	if (code == ORCH_OK)
		code = orch_aws_settle_place(aws, options, err);
	return code;
}

static int make(
	const struct orch_aws_options *options, struct orch_aws **ret_aws, struct orch_err *err)
{
	struct orch_aws *aws = orch_alloc(sizeof(*aws));
	int code;

	if (!aws)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	(void)pthread_mutex_init(&aws->key_lock, NULL);
	aws->arena = orch_arena_create(0);
	code = aws->arena ? settle(aws, options, err)
			  : orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (code != ORCH_OK) {
		orch_aws_destroy(aws);
		return code;
	}
	*ret_aws = aws;
	return ORCH_OK;
}

static int start(struct orch_aws *aws, const struct orch_aws_options *options, struct orch_err *err)
{
	open_egress(aws);
	name_oddities(aws, options);
	aws->skew = orch_metric(ORCH_METRIC_GAUGE, "orchestrator_aws_clock_skew_seconds",
		"How far AWS's clock is ahead of ours.",
		{ "service", orch_text_from(orch_aws_service_name(aws->service)) });
	return orch_aws_keeper_create(aws, &aws->keeper, err);
}

int orch_aws_create(const struct orch_aws_options *options, struct orch_lane *lane,
	struct orch_aws **ret_aws, struct orch_err *err)
{
	struct orch_aws *aws;
	int code = make(options, &aws, err);

	if (code != ORCH_OK)
		return code;
	aws->lane = lane;
	code = start(aws, options, err);
	if (code != ORCH_OK) {
		orch_aws_destroy(aws);
		return code;
	}
	*ret_aws = aws;
	return ORCH_OK;
}

int orch_aws_check(const struct orch_aws_options *options, bool place_only, struct orch_err *err)
{
	struct orch_aws *aws;
	int code = make(options, &aws, err);

	if (code != ORCH_OK)
		return code;
	if (!place_only)
		code = orch_aws_search_check(aws, err);
	orch_aws_destroy(aws);
	return code;
}

void orch_aws_destroy(struct orch_aws *aws)
{
	if (!aws)
		return;
	orch_aws_keeper_destroy(aws->keeper);
	for (size_t i = 0; i < ORCH_AWS_SERVICES; i++)
		orch_secret_destroy(aws->keys[i].key);
	orch_secret_destroy(aws->secret_access_key);
	orch_secret_destroy(aws->session_token);
	orch_aws_env_fini(&aws->env);
	orch_arena_destroy(aws->arena);
	(void)pthread_mutex_destroy(&aws->key_lock);
	orch_free(aws);
}

struct orch_text orch_aws_region(const struct orch_aws *aws)
{
	return aws->region;
}

struct orch_text orch_aws_endpoint(const struct orch_aws *aws)
{
	return aws->endpoint;
}

struct orch_text orch_aws_warning(const struct orch_aws *aws)
{
	return aws->warning;
}

bool orch_aws_is_ready(struct orch_aws *aws, struct orch_err *err)
{
	return orch_aws_keeper_is_ready(aws->keeper, err);
}
