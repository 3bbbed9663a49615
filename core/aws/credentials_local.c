/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/credentials_search.h"
#include "base/text.h"

static struct orch_text text_of(const struct orch_secret *secret)
{
	return secret ? orch_secret_text(secret) : ORCH_TEXT_NONE;
}

/* An empty key id was checked before. */
static enum orch_aws_look find(
	struct orch_aws_search *search, const struct orch_aws_raw *raw, struct orch_err *err)
{
	return orch_aws_search_find(search, raw, err) == ORCH_OK ? ORCH_AWS_FOUND : ORCH_AWS_BROKEN;
}

static enum orch_aws_look look_at_options(struct orch_aws_search *search, struct orch_err *err)
{
	const struct orch_aws *aws = search->aws;
	const struct orch_aws_raw raw = { .access_key_id = aws->access_key_id,
		.secret_access_key = text_of(aws->secret_access_key),
		.session_token = text_of(aws->session_token),
		.expiration = ORCH_TEXT_NONE,
		.source = "the configuration" };

	if (aws->access_key_id.len > 0 && aws->secret_access_key)
		return find(search, &raw, err);
	if (aws->access_key_id.len == 0 && !aws->secret_access_key)
		return ORCH_AWS_ABSENT;
	(void)orch_fail(err, 0,
		"access key id and secret access key belong together, and one is not there");
	return ORCH_AWS_BROKEN;
}

const struct orch_aws_source orch_aws_source_options = {
	.name = "the configuration",
	.look = look_at_options,
};

static enum orch_aws_look look_at_environment(struct orch_aws_search *search, struct orch_err *err)
{
	const struct orch_aws_env *env = &search->aws->env;
	const struct orch_aws_raw raw = { .access_key_id = env->values[ORCH_AWS_ENV_ACCESS_KEY_ID],
		.secret_access_key = text_of(env->secrets[ORCH_AWS_SECRET_SECRET_ACCESS_KEY]),
		.session_token = text_of(env->secrets[ORCH_AWS_SECRET_SESSION_TOKEN]),
		.expiration = ORCH_TEXT_NONE,
		.source = "the environment" };

	if (raw.access_key_id.len == 0)
		return ORCH_AWS_ABSENT;
	if (raw.secret_access_key.len > 0)
		return find(search, &raw, err);
	(void)orch_fail(err, 0, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not");
	return ORCH_AWS_BROKEN;
}

const struct orch_aws_source orch_aws_source_environment = {
	.name = "the environment",
	.look = look_at_environment,
};

/* What leads to credentials for a person at a terminal. */
static const char *const not_for_daemons[] = { "role_arn", "sso_session", "sso_start_url",
	"credential_process", "credential_source", "web_identity_token_file", "login_session" };

static enum orch_aws_look look_at_others(
	const struct orch_aws_files *files, struct orch_text profile, struct orch_err *err)
{
	for (size_t i = 0; i < sizeof(not_for_daemons) / sizeof(not_for_daemons[0]); i++) {
		if (orch_aws_files_find(files, profile, not_for_daemons[i]).len == 0)
			continue;
		(void)orch_fail(err, 0,
			"profile \"%.*s\" has %s, which a daemon does not use: give it keys, or a "
			"role "
			"by AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, its container or its "
			"instance, and another profile",
			profile.len < 40 ? (int)profile.len : 40, profile.ptr, not_for_daemons[i]);
		return ORCH_AWS_BROKEN;
	}
	return ORCH_AWS_ABSENT;
}

static enum orch_aws_look look_at_profile(
	struct orch_aws_search *search, const struct orch_aws_files *files, struct orch_err *err)
{
	struct orch_text profile = search->aws->profile;
	const struct orch_aws_raw raw = {
		.access_key_id = orch_aws_files_find(files, profile, "aws_access_key_id"),
		.secret_access_key = orch_aws_files_find(files, profile, "aws_secret_access_key"),
		.session_token = orch_aws_files_find(files, profile, "aws_session_token"),
		.expiration = ORCH_TEXT_NONE,
		.source = "the profile",
	};

	if (raw.access_key_id.len == 0 && raw.secret_access_key.len == 0)
		return look_at_others(files, profile, err);
	return find(search, &raw, err);
}

static enum orch_aws_look look_at_files(struct orch_aws_search *search, struct orch_err *err)
{
	struct orch_aws_files files;
	enum orch_aws_look look;

	if (orch_aws_files_read(&files, &search->aws->env, err) != ORCH_OK)
		return ORCH_AWS_BROKEN;
	look = look_at_profile(search, &files, err);
	orch_aws_files_fini(&files);
	return look;
}

const struct orch_aws_source orch_aws_source_files = {
	.name = "AWS's files",
	.look = look_at_files,
};
