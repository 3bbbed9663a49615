/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's metadata service, version 2: a token, the name of the role, and its
 * credentials.  Version 1 is not fallen back to: a request that somebody
 * tricked another service into could read it.
 */
#include <string.h>

#include "aws/credentials_search.h"
#include "base/json.h"
#include "base/text.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TTL_HEADER "x-aws-ec2-metadata-token-ttl-seconds: 21600\n"
#define TOKEN_HEADER "x-aws-ec2-metadata-token: "
#define TOKEN_BYTES 1024
#define URL_BYTES 1024

static enum orch_aws_look look_at_instance(struct orch_aws_search *search, struct orch_err *err)
{
	(void)err;
	return orch_aws_is_true(search->aws->env.values[ORCH_AWS_ENV_METADATA_DISABLED])
		? ORCH_AWS_ABSENT
		: ORCH_AWS_ASK;
}

static int send_to(struct orch_aws_search *search, const char *method, const char *path,
	struct orch_text headers, struct orch_err *err)
{
	const struct orch_aws *aws = search->aws;
	struct orch_request request = { .method = orch_text_from(method),
		.headers = headers,
		.body = ORCH_TEXT_NONE,
		.timeout_ms = ORCH_AWS_NEAR_MS };
	char url[URL_BYTES];

	(void)snprintf(url, sizeof(url), "%s%s", aws->metadata_endpoint.ptr, path);
	request.url = orch_text_from(url);
	return orch_aws_search_send(search,
		aws->is_metadata_named ? &aws->egress : &search->instance_egress, &request, err);
}

static int ask_for_token(struct orch_aws_search *search, struct orch_err *err)
{
	return send_to(search, "PUT", "/latest/api/token", ORCH_TEXT(TTL_HEADER), err);
}

static int check_status(const struct orch_reply *reply, const char *what, struct orch_err *err)
{
	if (reply->status == 200)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_DENIED, "the instance answers status %d when asked for %s",
		reply->status, what);
}

static int take_token(
	struct orch_aws_search *search, const struct orch_reply *reply, struct orch_err *err)
{
	int code = check_status(reply, "a token", err);

	if (code != ORCH_OK)
		return code;
	for (size_t i = 0; i < reply->body.len; i++) {
		if (reply->body.ptr[i] <= ' ' || reply->body.ptr[i] > '~')
			return orch_fail(err, ORCH_E_INVALID,
				"the instance's token has white space or a control character");
	}
	if (reply->body.len == 0 || reply->body.len > TOKEN_BYTES)
		return orch_fail(err, ORCH_E_INVALID,
			"the instance's token is empty or longer than %d bytes", TOKEN_BYTES);
	orch_secret_destroy(search->metadata_token);
	search->metadata_token = orch_secret_create(reply->body);
	return search->metadata_token ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "no locked memory");
}

static int get(struct orch_aws_search *search, const char *role, struct orch_err *err)
{
	struct orch_text token = orch_secret_text(search->metadata_token);
	char header[sizeof(TOKEN_HEADER) + TOKEN_BYTES + 1];
	char path[sizeof(ROLES) + ORCH_AWS_ROLE_BYTES];
	int code;

	(void)snprintf(path, sizeof(path), ROLES "%s", role);
	(void)snprintf(header, sizeof(header), TOKEN_HEADER "%.*s\n", ORCH_TEXT_ARG(token));
	code = send_to(search, "GET", path, orch_text_from(header), err);
	explicit_bzero(header, sizeof(header));
	return code;
}

static int ask_for_role(struct orch_aws_search *search, struct orch_err *err)
{
	return get(search, "", err);
}

static bool is_role(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c != '\0' && strchr("+=,.@_-", c))))
			return false;
	}
	return text.len > 0 && text.len <= ORCH_AWS_ROLE_BYTES;
}

/* One a line; an instance has one at most. */
static int take_role(
	struct orch_aws_search *search, const struct orch_reply *reply, struct orch_err *err)
{
	struct orch_text rest = reply->body, role = ORCH_TEXT_NONE;

	if (reply->status == 404)
		return orch_fail(err, ORCH_E_DENIED, "the instance has no role");
	if (check_status(reply, "its role", err) != ORCH_OK)
		return ORCH_E_DENIED;
	(void)orch_text_split(&rest, '\n', &role);
	role = orch_text_trim(role);
	if (!is_role(role))
		return orch_fail(err, ORCH_E_INVALID, "the instance's role has no such name");
	(void)snprintf(search->role, sizeof(search->role), "%.*s", ORCH_TEXT_ARG(role));
	return ORCH_OK;
}

static int ask_for_credentials(struct orch_aws_search *search, struct orch_err *err)
{
	return get(search, search->role, err);
}

static int take_credentials(
	struct orch_aws_search *search, const struct orch_reply *reply, struct orch_err *err)
{
	int code = check_status(reply, "its credentials", err);

	return code == ORCH_OK ? orch_aws_search_find_json(search, "the instance", reply->body, err)
			       : code;
}

const struct orch_aws_source orch_aws_source_instance = {
	.name = "no credentials elsewhere; the instance's metadata service",
	.look = look_at_instance,
	.steps = { { .ask = ask_for_token, .take = take_token },
		{ .ask = ask_for_role, .take = take_role },
		{ .ask = ask_for_credentials, .take = take_credentials } },
	.step_count = 3,
};
