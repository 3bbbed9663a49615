/* SPDX-License-Identifier: Apache-2.0 */
/* ECS and EKS hand a container's credentials out at an address beside it. */
#include <string.h>

#include "aws/credentials_search.h"
#include "base/text.h"
#include "net/url.h"

#define RELATIVE_TO "http://169.254.170.2"
#define URL_BYTES (ORCH_AWS_VALUE_BYTES + 64)
#define LINE_BYTES (ORCH_AWS_IDENTITY_BYTES + 64)

static const struct orch_text *env_of(const struct orch_aws_search *search)
{
	return search->aws->env.values;
}

/* Over clear text the token goes to where nobody else can be. */
static enum orch_aws_look check_full(
	const struct orch_aws_search *search, struct orch_text full, struct orch_err *err)
{
	struct orch_err why;
	struct orch_url url;

	if (orch_url_parse(full, &url, &why) != ORCH_OK) {
		(void)orch_fail(err, 0, "AWS_CONTAINER_CREDENTIALS_FULL_URI: %.150s", why.text);
		return ORCH_AWS_BROKEN;
	}
	if (orch_text_is(url.scheme, "https") ||
		(orch_text_is(url.scheme, "http") && orch_aws_search_is_near(search, url.host)))
		return ORCH_AWS_ASK;
	(void)orch_fail(err, 0,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or at a loopback address, "
		"169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
	return ORCH_AWS_BROKEN;
}

static enum orch_aws_look look_at_container(struct orch_aws_search *search, struct orch_err *err)
{
	struct orch_text relative = env_of(search)[ORCH_AWS_ENV_CONTAINER_RELATIVE];
	struct orch_text full = env_of(search)[ORCH_AWS_ENV_CONTAINER_FULL];

	if (relative.len > 0 && relative.ptr[0] == '/')
		return ORCH_AWS_ASK;
	if (relative.len > 0) {
		(void)orch_fail(
			err, 0, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a slash");
		return ORCH_AWS_BROKEN;
	}
	return full.len > 0 ? check_full(search, full, err) : ORCH_AWS_ABSENT;
}

/* The client refuses what is no header; a file is read anew, for it is rotated. */
static int add_token(struct orch_aws_search *search, struct orch_buf *line, struct orch_err *err)
{
	struct orch_text path = env_of(search)[ORCH_AWS_ENV_CONTAINER_TOKEN_FILE];
	const struct orch_secret *secret =
		search->aws->env.secrets[ORCH_AWS_SECRET_CONTAINER_TOKEN];
	struct orch_text token = secret ? orch_secret_text(secret) : ORCH_TEXT_NONE;
	struct orch_arena *arena = orch_arena_create(0);
	int code = arena ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "out of memory");

	if (code == ORCH_OK && path.len > 0)
		code = orch_aws_read_token(path, arena, &token, err);
	if (code == ORCH_OK && memchr(token.ptr, '\n', token.len))
		code = orch_fail(err, ORCH_E_INVALID,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN is more than one line");
	if (code == ORCH_OK && token.len > 0)
		orch_buf_printf(line, "Authorization: %.*s\n", ORCH_TEXT_ARG(token));
	if (path.len > 0 && token.len > 0 && code == ORCH_OK)
		explicit_bzero((char *)(uintptr_t)token.ptr, token.len);
	orch_arena_destroy(arena);
	return code;
}

static int send_get(struct orch_aws_search *search, struct orch_text headers, struct orch_err *err)
{
	struct orch_text relative = env_of(search)[ORCH_AWS_ENV_CONTAINER_RELATIVE];
	struct orch_text full = env_of(search)[ORCH_AWS_ENV_CONTAINER_FULL];
	struct orch_request request = { .method = ORCH_TEXT("GET"),
		.headers = headers,
		.body = ORCH_TEXT_NONE,
		.timeout_ms = ORCH_AWS_NEAR_MS };
	bool is_anywhere = relative.len == 0 && orch_text_starts_with(full, ORCH_TEXT("https"));
	char url[URL_BYTES];

	if (relative.len > 0)
		(void)snprintf(url, sizeof(url), RELATIVE_TO "%s", relative.ptr);
	else
		(void)snprintf(url, sizeof(url), "%s", full.ptr);
	request.url = orch_text_from(url);
	return orch_aws_search_send(
		search, is_anywhere ? &search->aws->egress : &search->near_egress, &request, err);
}

static int ask_container(struct orch_aws_search *search, struct orch_err *err)
{
	struct orch_buf line;
	int code;

	orch_buf_init(&line, LINE_BYTES);
	code = add_token(search, &line, err);
	if (code == ORCH_OK)
		code = line.failed ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
				   : send_get(search, orch_buf_text(&line), err);
	if (line.ptr)
		explicit_bzero(line.ptr, line.size);
	orch_buf_fini(&line);
	return code;
}

static int take_container(
	struct orch_aws_search *search, const struct orch_reply *reply, struct orch_err *err)
{
	if (reply->status != 200)
		return orch_fail(err, ORCH_E_DENIED, "the answer is status %d", reply->status);
	return orch_aws_search_find_json(search, "the container", reply->body, err);
}

const struct orch_aws_source orch_aws_source_container = {
	.name = "the container's credentials",
	.look = look_at_container,
	.steps = { { .ask = ask_container, .take = take_container } },
	.step_count = 1,
};
