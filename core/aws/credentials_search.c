/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_search.h"

#include <string.h>

#include "aws/retry.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "net/address.h"

static const struct orch_aws_source *const chain[] = {
	&orch_aws_source_options,
	&orch_aws_source_environment,
	&orch_aws_source_files,
	&orch_aws_source_web,
	&orch_aws_source_container,
	&orch_aws_source_instance,
};

#define CHAIN_COUNT (sizeof(chain) / sizeof(chain[0]))

static const char *const near_networks[] = { "127.0.0.0/8", "::1/128", "169.254.170.2/32",
	"169.254.170.23/32", "fd00:ec2::23/128" };
static const char *const instance_networks[] = { "169.254.169.254/32", "fd00:ec2::254/128" };

static void try_step(struct orch_aws_search *search);

static void end(struct orch_aws_search *search, int code, const struct orch_err *err)
{
	struct orch_aws_credentials *found = code == ORCH_OK ? search->found : NULL;

	if (code != ORCH_OK)
		orch_aws_credentials_unref(search->found);
	search->found = NULL;
	orch_secret_destroy(search->metadata_token);
	search->metadata_token = NULL;
	search->ended(search->arg, found, code, err);
}

static void try_later(struct orch_aws_search *search, int code, const struct orch_err *err)
{
	if (search->tries >= ORCH_AWS_TRIES)
		end(search, code, err);
	else
		orch_timer_set(&search->timer,
			orch_aws_backoff_ms(ORCH_AWS_TRY_MS, (unsigned)search->tries - 1));
}

static void take_answer(struct orch_aws_search *search, const struct orch_reply *reply)
{
	const struct orch_aws_source *source = chain[search->source];
	struct orch_err err = { "" };
	int code;

	if (reply->status == 0)
		code = orch_fail(&err, ORCH_E_AGAIN, "%.200s", reply->problem.ptr);
	else if (reply->status >= 500 || reply->status == 429)
		code = orch_fail(&err, ORCH_E_AGAIN, "the answer is status %d", reply->status);
	else if (reply->truncated)
		code = orch_fail(&err, ORCH_E_DENIED, "the answer is longer than %d bytes",
			ORCH_AWS_FOUND_BYTES);
	else
		code = source->steps[search->step].take(search, reply, &err);
	if (code != ORCH_OK)
		orch_err_prefix(&err, "%s", source->name);
	if (code == ORCH_E_AGAIN) {
		try_later(search, code, &err);
	} else if (code != ORCH_OK || ++search->step == source->step_count) {
		end(search, code, &err);
	} else {
		search->tries = 0;
		try_step(search);
	}
}

static void on_answer(void *arg, const struct orch_http_result *result)
{
	struct orch_aws_search *search = arg;

	search->flight = NULL;
	take_answer(search, &result->reply);
}

static int need_http(struct orch_aws_search *search, struct orch_err *err)
{
	const struct orch_http_client_options options = { .ca_file = search->aws->ca_file };

	if (search->http)
		return ORCH_OK;
	return orch_http_client_create(search->aws->lane, &options, &search->http, err);
}

int orch_aws_search_send(struct orch_aws_search *search, const struct orch_egress *egress,
	struct orch_request *request, struct orch_err *err)
{
	int code;

	if (search->is_check)
		return ORCH_OK;
	code = need_http(search, err);
	if (code != ORCH_OK)
		return code;
	request->size = sizeof(*request);
	request->limit_key = request->part = ORCH_TEXT_NONE;
	request->repeatable = true;
	request->max_bytes = ORCH_AWS_FOUND_BYTES;
	return orch_http_client_send_own(
		search->http, egress, request, on_answer, search, &search->flight, err);
}

static int ask(struct orch_aws_search *search, struct orch_err *err)
{
	const struct orch_aws_source *source = chain[search->source];
	int code = source->steps[search->step].ask(search, err);

	if (code != ORCH_OK)
		orch_err_prefix(err, "%s", source->name);
	return code;
}

static void try_step(struct orch_aws_search *search)
{
	struct orch_err err = { "" };
	int code;

	search->tries++;
	code = ask(search, &err);
	if (code == ORCH_OK)
		return;
	if (code == ORCH_E_AGAIN || code == ORCH_E_NOMEM)
		try_later(search, code, &err);
	else
		end(search, code, &err);
}

static void on_time(void *arg)
{
	try_step(arg);
}

static int fail_without(const struct orch_aws *aws, struct orch_err *err)
{
	return orch_fail(err, ORCH_E_INVALID,
		"no credentials: none in the configuration, in AWS_ACCESS_KEY_ID, in profile "
		"\"%.*s\", by AWS_WEB_IDENTITY_TOKEN_FILE or of a container, and "
		"AWS_EC2_METADATA_DISABLED is set",
		aws->profile.len < 40 ? (int)aws->profile.len : 40, aws->profile.ptr);
}

/* Finds the first source that is configured. */
static int look_along(
	struct orch_aws_search *search, enum orch_aws_look *ret_look, struct orch_err *err)
{
	enum orch_aws_look look = ORCH_AWS_ABSENT;

	for (search->source = 0; search->source < CHAIN_COUNT; search->source++) {
		look = chain[search->source]->look(search, err);
		if (look != ORCH_AWS_ABSENT)
			break;
	}
	*ret_look = look;
	if (look == ORCH_AWS_ABSENT)
		return fail_without(search->aws, err);
	if (look == ORCH_AWS_BROKEN) {
		orch_err_prefix(err, "%s", chain[search->source]->name);
		return ORCH_E_INVALID;
	}
	return ORCH_OK;
}

void orch_aws_search_start(struct orch_aws_search *search)
{
	struct orch_err err = { "" };
	enum orch_aws_look look;
	int code = look_along(search, &look, &err);

	if (code != ORCH_OK || look == ORCH_AWS_FOUND) {
		end(search, code, &err);
	} else {
		search->step = search->tries = 0;
		try_step(search);
	}
}

static void allow(const char *const *texts, size_t count, struct orch_network *networks,
	struct orch_egress *ret_egress)
{
	struct orch_err err;

	for (size_t i = 0; i < count; i++) {
		int code = orch_network_parse(orch_text_from(texts[i]), &networks[i], &err);

		orch_assert(code == ORCH_OK);
	}
	*ret_egress = (struct orch_egress){ .allowed = networks, .allowed_count = count };
}

static void allow_all(struct orch_aws_search *search)
{
	allow(near_networks, sizeof(near_networks) / sizeof(near_networks[0]), search->near,
		&search->near_egress);
	allow(instance_networks, sizeof(instance_networks) / sizeof(instance_networks[0]),
		search->instance, &search->instance_egress);
}

int orch_aws_search_check(struct orch_aws *aws, struct orch_err *err)
{
	struct orch_aws_search search = { .aws = aws, .is_check = true };
	enum orch_aws_look look;
	int code;

	allow_all(&search);
	code = look_along(&search, &look, err);
	if (code == ORCH_OK && look == ORCH_AWS_ASK)
		code = ask(&search, err);
	orch_aws_credentials_unref(search.found);
	/* What may be there at the next try is no error. */
	return code == ORCH_E_INVALID ? code : ORCH_OK;
}

int orch_aws_search_init(struct orch_aws_search *search, struct orch_aws *aws,
	void (*ended)(void *arg, struct orch_aws_credentials *found, int code,
		const struct orch_err *err),
	void *arg, struct orch_err *err)
{
	*search = (struct orch_aws_search){ .aws = aws, .ended = ended, .arg = arg };
	allow_all(search);
	if (orch_timer_init(&search->timer, aws->lane, on_time, search) != ORCH_OK)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return ORCH_OK;
}

void orch_aws_search_fini(struct orch_aws_search *search)
{
	if (search->flight)
		orch_http_client_cancel(search->flight);
	orch_http_client_destroy(search->http);
	orch_timer_fini(&search->timer);
	orch_secret_destroy(search->metadata_token);
	orch_aws_credentials_unref(search->found);
}

int orch_aws_search_find(
	struct orch_aws_search *search, const struct orch_aws_raw *raw, struct orch_err *err)
{
	struct orch_aws_credentials *found;
	int code = orch_aws_credentials_create(raw, &found, err);

	if (code != ORCH_OK)
		return code;
	orch_aws_credentials_unref(search->found);
	search->found = found;
	return ORCH_OK;
}

static void wipe_member(struct json_object *object, const char *key)
{
	struct orch_text text = orch_json_text(object, key);

	if (text.len > 0)
		explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

int orch_aws_search_find_json(struct orch_aws_search *search, const char *source,
	struct orch_text body, struct orch_err *err)
{
	struct orch_aws_raw raw = { .source = source };
	struct json_object *object;
	struct orch_err ignored;
	int code;

	if (orch_json_parse(body, &object, &ignored) != ORCH_OK)
		return orch_fail(err, ORCH_E_AGAIN, "the answer is not whole JSON");
	raw.access_key_id = orch_json_text(object, "AccessKeyId");
	raw.secret_access_key = orch_json_text(object, "SecretAccessKey");
	raw.session_token = orch_json_text(object, "Token");
	raw.expiration = orch_json_text(object, "Expiration");
	code = orch_aws_search_find(search, &raw, err);
	wipe_member(object, "SecretAccessKey");
	wipe_member(object, "Token");
	json_object_put(object);
	return code;
}

bool orch_aws_search_is_near(const struct orch_aws_search *search, struct orch_text host)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	uint8_t bytes[16];

	if (orch_text_is(host, "localhost"))
		return true;
	if (!orch_address_parse(host.ptr, 0, &address) ||
		!orch_address_from((const struct sockaddr *)&address, bytes))
		return false;
	for (size_t i = 0; i < search->near_egress.allowed_count; i++) {
		if (orch_network_has(&search->near[i], bytes))
			return true;
	}
	return false;
}

int orch_aws_read_token(struct orch_text path, struct orch_arena *arena,
	struct orch_text *ret_token, struct orch_err *err)
{
	struct orch_text token;
	int code = orch_file_read_regular(path.ptr, ORCH_AWS_IDENTITY_BYTES, arena, &token, err);

	if (code != ORCH_OK)
		return code;
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] < ' ' || token.ptr[i] > '~') {
			explicit_bzero((char *)(uintptr_t)token.ptr, token.len);
			return orch_fail(err, ORCH_E_INVALID,
				"%.100s: a token is one line of visible characters, without its "
				"end",
				path.ptr);
		}
	}
	if (token.len == 0)
		return orch_fail(err, ORCH_E_AGAIN, "%.100s: the token is empty", path.ptr);
	*ret_token = token;
	return ORCH_OK;
}
