/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sign.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define PREFIX "AWS4"

void orch_aws_date_time(uint64_t ms, char ret[ORCH_AWS_DATE_TIME_CHARS + 1])
{
	time_t at = (time_t)(ms / 1000);
	struct tm tm = { .tm_year = 70 };

	if (!gmtime_r(&at, &tm) ||
		strftime(ret, ORCH_AWS_DATE_TIME_CHARS + 1, "%Y%m%dT%H%M%SZ", &tm) == 0)
		(void)snprintf(ret, ORCH_AWS_DATE_TIME_CHARS + 1, "19700101T000000Z");
}

static struct orch_text day_of(const struct orch_aws_scope *scope)
{
	return (struct orch_text){ scope->date_time, ORCH_AWS_DAY_CHARS };
}

static void mac(const uint8_t *key, size_t len, struct orch_text text, uint8_t *ret_mac)
{
	orch_hmac_sha256((struct orch_text){ (const char *)key, len }, &text, 1, ret_mac);
}

void orch_aws_signing_key(struct orch_text secret, const struct orch_aws_scope *scope,
	uint8_t ret_key[ORCH_SHA256_BYTES])
{
	uint8_t start[sizeof(PREFIX) - 1 + ORCH_AWS_SECRET_BYTES] = PREFIX;
	uint8_t steps[2][ORCH_SHA256_BYTES];

	orch_assert(secret.len <= ORCH_AWS_SECRET_BYTES);
	memcpy(start + sizeof(PREFIX) - 1, secret.ptr, secret.len);
	mac(start, sizeof(PREFIX) - 1 + secret.len, day_of(scope), steps[0]);
	mac(steps[0], ORCH_SHA256_BYTES, scope->region, steps[1]);
	mac(steps[1], ORCH_SHA256_BYTES, scope->service, steps[0]);
	mac(steps[0], ORCH_SHA256_BYTES, ORCH_TEXT("aws4_request"), ret_key);
	explicit_bzero(start, sizeof(start));
	explicit_bzero(steps, sizeof(steps));
}

static void add_scope(struct orch_buf *buf, const struct orch_aws_scope *scope)
{
	orch_buf_printf(buf, "%.*s/%.*s/%.*s/aws4_request", ORCH_TEXT_ARG(day_of(scope)),
		ORCH_TEXT_ARG(scope->region), ORCH_TEXT_ARG(scope->service));
}

static bool sign_canonical(struct orch_text canonical, const struct orch_aws_scope *scope,
	const uint8_t *key, char ret_hex[ORCH_SHA256_BYTES * 2 + 1])
{
	uint8_t digest[ORCH_SHA256_BYTES];
	struct orch_buf to_sign;

	orch_sha256(canonical, digest);
	orch_hex_encode(digest, sizeof(digest), ret_hex);
	orch_buf_init(&to_sign, ORCH_AWS_AUTHORIZATION_BYTES);
	orch_buf_printf(&to_sign, ALGORITHM "\n%s\n", scope->date_time);
	add_scope(&to_sign, scope);
	orch_buf_printf(&to_sign, "\n%s", ret_hex);
	if (!to_sign.failed) {
		mac(key, ORCH_SHA256_BYTES, orch_buf_text(&to_sign), digest);
		orch_hex_encode(digest, sizeof(digest), ret_hex);
	}
	orch_buf_fini(&to_sign);
	return !to_sign.failed;
}

/* The canonical form holds the session token. */
static void wipe(struct orch_buf *buf)
{
	if (buf->ptr)
		explicit_bzero(buf->ptr, buf->size);
	orch_buf_fini(buf);
}

int orch_aws_sign(const struct orch_aws_signable *request, const struct orch_aws_scope *scope,
	struct orch_text access_key_id, const uint8_t key[ORCH_SHA256_BYTES],
	struct orch_buf *value, struct orch_err *err)
{
	char hex[ORCH_SHA256_BYTES * 2 + 1];
	struct orch_buf canonical, names;
	int code;

	orch_buf_init(&canonical, ORCH_AWS_CANONICAL_BYTES);
	orch_buf_init(&names, ORCH_AWS_AUTHORIZATION_BYTES);
	code = orch_aws_canonicalise(request, &canonical, &names, err);
	if (code == ORCH_OK && !sign_canonical(orch_buf_text(&canonical), scope, key, hex))
		code = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (code == ORCH_OK) {
		orch_buf_printf(value, ALGORITHM " Credential=%.*s/", ORCH_TEXT_ARG(access_key_id));
		add_scope(value, scope);
		orch_buf_printf(
			value, ", SignedHeaders=%s, Signature=%s", orch_buf_text(&names).ptr, hex);
		if (value->failed)
			code = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	}
	wipe(&canonical);
	orch_buf_fini(&names);
	return code;
}
