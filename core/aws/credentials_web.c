/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token that somebody else vouches for (Kubernetes, as a rule) is exchanged
 * for credentials of a role.  The file is read anew each time: it is rotated.
 */
#include <string.h>

#include "aws/credentials_search.h"
#include "base/text.h"

#define SESSION_NAME "orchestrator"
#define FORM_BYTES (128 * 1024) /* of the request; a token may be all escapes */
#define CODE_BYTES 64           /* of STS's code that are shown */

static enum orch_aws_look look_at_web(struct orch_aws_search *search, struct orch_err *err)
{
	const struct orch_text *env = search->aws->env.values;

	if (env[ORCH_AWS_ENV_WEB_TOKEN_FILE].len == 0)
		return ORCH_AWS_ABSENT;
	if (env[ORCH_AWS_ENV_ROLE_ARN].len > 0)
		return ORCH_AWS_ASK;
	(void)orch_fail(err, 0, "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not");
	return ORCH_AWS_BROKEN;
}

static void add_field(struct orch_buf *form, const char *name, struct orch_text value)
{
	orch_buf_printf(form, "&%s=", name);
	orch_aws_escape(form, value);
}

static void fill_form(struct orch_aws_search *search, struct orch_text token, struct orch_buf *form)
{
	const struct orch_text *env = search->aws->env.values;
	struct orch_text name = env[ORCH_AWS_ENV_ROLE_SESSION_NAME];

	orch_buf_add_string(form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	add_field(form, "RoleArn", env[ORCH_AWS_ENV_ROLE_ARN]);
	add_field(form, "RoleSessionName", name.len > 0 ? name : ORCH_TEXT(SESSION_NAME));
	add_field(form, "WebIdentityToken", token);
}

static int send_form(struct orch_aws_search *search, struct orch_text form, struct orch_err *err)
{
	struct orch_request request = { .method = ORCH_TEXT("POST"),
		.headers = ORCH_TEXT("Content-Type: application/x-www-form-urlencoded\n"),
		.body = form,
		.timeout_ms = ORCH_AWS_STS_MS };
	char url[512];

	(void)snprintf(url, sizeof(url), "%.*s/", ORCH_TEXT_ARG(search->aws->sts_endpoint));
	request.url = orch_text_from(url);
	return orch_aws_search_send(search, &search->aws->egress, &request, err);
}

static void wipe(struct orch_text text)
{
	if (text.len > 0)
		explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

static int ask_sts(struct orch_aws_search *search, struct orch_err *err)
{
	struct orch_text path = search->aws->env.values[ORCH_AWS_ENV_WEB_TOKEN_FILE];
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_text token = ORCH_TEXT_NONE;
	struct orch_buf form;
	int code;

	if (!arena)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	orch_buf_init(&form, FORM_BYTES);
	code = orch_aws_read_token(path, arena, &token, err);
	if (code == ORCH_OK) {
		fill_form(search, token, &form);
		code = form.failed ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
				   : send_form(search, orch_buf_text(&form), err);
	}
	wipe(token);
	wipe(orch_buf_text(&form));
	orch_buf_fini(&form);
	orch_arena_destroy(arena);
	return code;
}

/* What stands between <NAME> and the next "<"; empty: nothing of the kind. */
static struct orch_text find_element(struct orch_text xml, const char *name)
{
	char tag[32];
	int len = snprintf(tag, sizeof(tag), "<%s>", name);
	const char *start = xml.len > 0 ? memmem(xml.ptr, xml.len, tag, (size_t)len) : NULL;
	const char *end;
	size_t left;

	if (!start)
		return ORCH_TEXT_NONE;
	start += len;
	left = xml.len - (size_t)(start - xml.ptr);
	end = memchr(start, '<', left);
	return end ? orch_text_trim((struct orch_text){ start, (size_t)(end - start) })
		   : ORCH_TEXT_NONE;
}

/* From <Credentials> on. */
static struct orch_text find_credentials(struct orch_text xml)
{
	struct orch_text tag = ORCH_TEXT("<Credentials>");
	const char *start = xml.len > 0 ? memmem(xml.ptr, xml.len, tag.ptr, tag.len) : NULL;

	return start ? (struct orch_text){ start, xml.len - (size_t)(start - xml.ptr) }
		     : ORCH_TEXT_NONE;
}

/* The code is a word; anything else is not shown. */
static int say_refused(const struct orch_reply *reply, struct orch_err *err)
{
	struct orch_text word = find_element(reply->body, "Code");
	bool is_shown = word.len > 0 && word.len <= CODE_BYTES;

	for (size_t i = 0; is_shown && i < word.len; i++)
		is_shown = (word.ptr[i] >= 'A' && word.ptr[i] <= 'Z') ||
			(word.ptr[i] >= 'a' && word.ptr[i] <= 'z');
	if (!is_shown)
		return orch_fail(err, ORCH_E_DENIED, "STS answers status %d", reply->status);
	return orch_fail(err,
		orch_text_is(word, "IDPCommunicationError") ? ORCH_E_AGAIN : ORCH_E_DENIED,
		"STS answers status %d, %.*s", reply->status, ORCH_TEXT_ARG(word));
}

static int take_credentials(
	struct orch_aws_search *search, const struct orch_reply *reply, struct orch_err *err)
{
	struct orch_text xml = find_credentials(reply->body);
	struct orch_aws_raw raw = { .source = "the web identity" };

	orch_aws_observe_clock(search->aws, reply->headers, 0, NULL);
	if (reply->status != 200)
		return say_refused(reply, err);
	raw.access_key_id = find_element(xml, "AccessKeyId");
	raw.secret_access_key = find_element(xml, "SecretAccessKey");
	raw.session_token = find_element(xml, "SessionToken");
	raw.expiration = find_element(xml, "Expiration");
	if (raw.session_token.len == 0 || raw.expiration.len == 0)
		return orch_fail(err, ORCH_E_AGAIN, "STS's answer holds no credentials");
	return orch_aws_search_find(search, &raw, err);
}

const struct orch_aws_source orch_aws_source_web = {
	.name = "the web identity",
	.look = look_at_web,
	.steps = { { .ask = ask_sts, .take = take_credentials } },
	.step_count = 1,
};
