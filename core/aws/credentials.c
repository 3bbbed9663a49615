/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"

/* Visible ASCII without what separates the parts of a credential scope. */
static bool is_key_id(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("/,=\"", text.ptr[i]))
			return false;
	}
	return text.len > 0 && text.len <= ORCH_AWS_KEY_ID_BYTES;
}

static bool is_visible(struct orch_text text, size_t limit)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	}
	return text.len <= limit;
}

static int check(const struct orch_aws_raw *raw, struct orch_err *err)
{
	if (!is_key_id(raw->access_key_id))
		return orch_fail(
			err, ORCH_E_INVALID, "the access key id is empty, too long or no such id");
	if (raw->secret_access_key.len == 0 ||
		!is_visible(raw->secret_access_key, ORCH_AWS_SECRET_BYTES))
		return orch_fail(err, ORCH_E_INVALID,
			"the secret access key is empty, longer than %d bytes, or has white space "
			"or a control character",
			ORCH_AWS_SECRET_BYTES);
	if (!is_visible(raw->session_token, ORCH_AWS_TOKEN_BYTES))
		return orch_fail(err, ORCH_E_INVALID,
			"the session token is longer than %d bytes, or has white space or a "
			"control character",
			ORCH_AWS_TOKEN_BYTES);
	return ORCH_OK;
}

static int keep_secrets(struct orch_aws_credentials *credentials, const struct orch_aws_raw *raw)
{
	credentials->secret_access_key = orch_secret_create(raw->secret_access_key);
	if (raw->session_token.len > 0)
		credentials->session_token = orch_secret_create(raw->session_token);
	return credentials->secret_access_key &&
			(raw->session_token.len == 0 || credentials->session_token)
		? ORCH_OK
		: ORCH_E_NOMEM;
}

int orch_aws_credentials_create(const struct orch_aws_raw *raw,
	struct orch_aws_credentials **ret_credentials, struct orch_err *err)
{
	struct orch_aws_credentials *credentials;
	uint64_t expires_ms = 0;
	int code = check(raw, err);

	if (code != ORCH_OK)
		return code;
	if (raw->expiration.len > 0 && orch_aws_parse_time(raw->expiration, &expires_ms) != ORCH_OK)
		return orch_fail(
			err, ORCH_E_INVALID, "%s: the expiration is no time in UTC", raw->source);
	credentials = orch_alloc(sizeof(*credentials));
	if (!credentials)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	atomic_init(&credentials->count, 1);
	credentials->source = raw->source;
	credentials->expires_ms = expires_ms;
	memcpy(credentials->access_key_id, raw->access_key_id.ptr, raw->access_key_id.len);
	if (keep_secrets(credentials, raw) != ORCH_OK) {
		orch_aws_credentials_unref(credentials);
		return orch_fail(err, ORCH_E_NOMEM, "no locked memory for AWS's credentials");
	}
	*ret_credentials = credentials;
	return ORCH_OK;
}

struct orch_aws_credentials *orch_aws_credentials_ref(struct orch_aws_credentials *credentials)
{
	atomic_fetch_add_explicit(&credentials->count, 1, memory_order_relaxed);
	return credentials;
}

void orch_aws_credentials_unref(struct orch_aws_credentials *credentials)
{
	if (!credentials ||
		atomic_fetch_sub_explicit(&credentials->count, 1, memory_order_acq_rel) > 1)
		return;
	orch_secret_destroy(credentials->secret_access_key);
	orch_secret_destroy(credentials->session_token);
	orch_free(credentials);
}

static bool are_equal(const struct orch_secret *a, const struct orch_secret *b)
{
	struct orch_text left, right;

	if (!a || !b)
		return a == b;
	left = orch_secret_text(a);
	right = orch_secret_text(b);
	return left.len == right.len && orch_equal_constant_time(left.ptr, right.ptr, left.len);
}

bool orch_aws_credentials_equal(
	const struct orch_aws_credentials *a, const struct orch_aws_credentials *b)
{
	return strcmp(a->access_key_id, b->access_key_id) == 0 && a->expires_ms == b->expires_ms &&
		are_equal(a->secret_access_key, b->secret_access_key) &&
		are_equal(a->session_token, b->session_token);
}

/* Takes COUNT digits and the character behind them. */
static bool take_part(struct orch_text *text, size_t count, char behind, int *ret_value)
{
	uint64_t value;

	if (text->len <= count || text->ptr[count] != behind ||
		orch_text_to_uint((struct orch_text){ text->ptr, count }, 0, 9999, &value) !=
			ORCH_OK)
		return false;
	*ret_value = (int)value;
	text->ptr += count + 1;
	text->len -= count + 1;
	return true;
}

/* Cuts ".123" out of what stands before the Z. */
static size_t fraction_len(struct orch_text seconds)
{
	size_t len = 1;

	if (seconds.len < 4 || seconds.ptr[2] != '.')
		return 0;
	while (2 + len < seconds.len && seconds.ptr[2 + len] >= '0' && seconds.ptr[2 + len] <= '9')
		len++;
	return len > 1 ? len : 0;
}

int orch_aws_parse_time(struct orch_text text, uint64_t *ret_ms)
{
	struct orch_text rest = text;
	struct tm tm = { .tm_isdst = 0 };
	char seconds[4] = "";
	size_t fraction;
	time_t at;

	if (!take_part(&rest, 4, '-', &tm.tm_year) || !take_part(&rest, 2, '-', &tm.tm_mon) ||
		!take_part(&rest, 2, 'T', &tm.tm_mday) || !take_part(&rest, 2, ':', &tm.tm_hour) ||
		!take_part(&rest, 2, ':', &tm.tm_min))
		return ORCH_E_INVALID;
	fraction = fraction_len(rest);
	if (rest.len != 3 + fraction)
		return ORCH_E_INVALID;
	(void)snprintf(seconds, sizeof(seconds), "%.2s%c", rest.ptr, rest.ptr[2 + fraction]);
	rest = orch_text_from(seconds);
	if (!take_part(&rest, 2, 'Z', &tm.tm_sec) || tm.tm_year < 1970 || tm.tm_mon < 1 ||
		tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
		tm.tm_min > 59 || tm.tm_sec > 60)
		return ORCH_E_INVALID;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	at = timegm(&tm);
	*ret_ms = (uint64_t)at * 1000;
	return at > 0 ? ORCH_OK : ORCH_E_INVALID;
}
