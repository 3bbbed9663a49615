/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/sigv4.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define STAMP_CHARS 16 /* 20261121T030000Z */
#define DAY_CHARS 8

struct parts { /* of the header Authorization */
	struct orch_text id, scope, headers, signature;
	struct orch_text day, region, service;
};

static const char *refuse(struct orch_err *err, const char *code, const char *why)
{
	(void)orch_fail(err, ORCH_E_DENIED, "%s", why);
	return code;
}

static struct orch_text skip(struct orch_text text, size_t len)
{
	return (struct orch_text){ text.ptr + len, text.len - len };
}

static bool take_field(struct orch_text piece, const char *name, struct orch_text *ret)
{
	struct orch_text prefix = orch_text_from(name);

	if (!orch_text_starts_with(piece, prefix))
		return false;
	*ret = skip(piece, prefix.len);
	return true;
}

static bool read_fields(struct orch_text text, struct parts *parts)
{
	struct orch_text piece;

	while (orch_text_split(&text, ',', &piece)) {
		piece = orch_text_trim(piece);
		if (!take_field(piece, "Credential=", &parts->scope) &&
			!take_field(piece, "SignedHeaders=", &parts->headers) &&
			!take_field(piece, "Signature=", &parts->signature))
			return false;
	}
	return parts->scope.len && parts->headers.len && parts->signature.len;
}

/* "AKID/20261121/eu-west-1/sqs/aws4_request" */
static bool read_scope(struct parts *parts)
{
	struct orch_text rest, end;

	if (!orch_text_split(&parts->scope, '/', &parts->id))
		return false;
	rest = parts->scope;
	return orch_text_split(&rest, '/', &parts->day) &&
		orch_text_split(&rest, '/', &parts->region) &&
		orch_text_split(&rest, '/', &parts->service) && orch_text_split(&rest, '/', &end) &&
		orch_text_is(end, "aws4_request") && rest.len == 0 &&
		parts->scope.len < AWS_SCOPE_SIZE;
}

static const char *read_authorization(
	const struct orch_http_head *head, struct parts *ret_parts, struct orch_err *err)
{
	struct orch_text value = orch_http_head_get(head, "authorization");
	struct orch_text algorithm = ORCH_TEXT(ALGORITHM " ");

	if (!value.ptr)
		return refuse(
			err, "MissingAuthenticationTokenException", "Missing Authentication Token");
	if (!orch_text_starts_with(value, algorithm) ||
		!read_fields(skip(value, algorithm.len), ret_parts) || !read_scope(ret_parts))
		return refuse(err, "IncompleteSignatureException",
			"The Authorization header does not conform to " ALGORITHM ".");
	return NULL;
}

static bool read_number(struct orch_text text, size_t at, size_t len, int *ret)
{
	uint64_t value;

	if (orch_text_to_uint((struct orch_text){ text.ptr + at, len }, 0, 9999, &value) != 0)
		return false;
	*ret = (int)value;
	return true;
}

static bool read_stamp(struct orch_text text, uint64_t *ret_ms)
{
	struct tm tm = { 0 };
	time_t seconds;

	if (text.len != STAMP_CHARS || text.ptr[8] != 'T' || text.ptr[15] != 'Z' ||
		!read_number(text, 0, 4, &tm.tm_year) || !read_number(text, 4, 2, &tm.tm_mon) ||
		!read_number(text, 6, 2, &tm.tm_mday) || !read_number(text, 9, 2, &tm.tm_hour) ||
		!read_number(text, 11, 2, &tm.tm_min) || !read_number(text, 13, 2, &tm.tm_sec))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	seconds = timegm(&tm);
	*ret_ms = (uint64_t)seconds * 1000;
	return seconds >= 0;
}

static const char *check_time(
	const struct aws_signed *request, const struct parts *parts, struct orch_err *err)
{
	struct orch_text stamp = orch_http_head_get(request->head, "x-amz-date");
	uint64_t at_ms;

	if (!stamp.ptr || !read_stamp(stamp, &at_ms))
		return refuse(err, "IncompleteSignatureException",
			"Authorization header requires existence of a valid 'X-Amz-Date' header.");
	if (!orch_text_equal((struct orch_text){ stamp.ptr, DAY_CHARS }, parts->day))
		return refuse(err, "InvalidSignatureException",
			"Date in Credential scope does not match the one of X-Amz-Date.");
	if (at_ms + AWS_SKEW_MAX_MS < request->wall_ms)
		return refuse(err, "InvalidSignatureException",
			"Signature expired: its time is more than 5 min ago.");
	if (at_ms > request->wall_ms + AWS_SKEW_MAX_MS)
		return refuse(err, "InvalidSignatureException",
			"Signature not yet current: its time is more than 5 min ahead.");
	return NULL;
}

static const char *check_scope(
	const struct aws_signed *request, const struct parts *parts, struct orch_err *err)
{
	if (!orch_text_is(parts->service, request->service))
		return refuse(err, "InvalidSignatureException",
			"Credential should be scoped to correct service.");
	if (!orch_text_is(parts->region, request->region))
		return refuse(err, "InvalidSignatureException",
			"Credential should be scoped to a valid region.");
	return NULL;
}

static bool must_be_signed(struct orch_text name)
{
	char first[8] = "";

	for (size_t i = 0; i < name.len && i < 6; i++)
		first[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20
									   : name.ptr[i]);
	return strcmp(first, "x-amz-") == 0 || orch_text_equal_nocase(name, ORCH_TEXT("host")) ||
		orch_text_equal_nocase(name, ORCH_TEXT("content-type"));
}

static bool is_listed(struct orch_text list, struct orch_text name)
{
	struct orch_text piece;

	while (orch_text_split(&list, ';', &piece))
		if (orch_text_equal_nocase(piece, name))
			return true;
	return false;
}

/* Lower-case and in order, each once; what must be signed is. */
static bool is_good_list(const struct orch_http_head *head, struct orch_text list)
{
	struct orch_text rest = list, name, before = ORCH_TEXT_NONE;

	while (orch_text_split(&rest, ';', &name)) {
		if (orch_text_compare(before, name) >= 0)
			return false;
		for (size_t i = 0; i < name.len; i++)
			if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
				return false;
		before = name;
	}
	for (size_t i = 0; i < head->header_count; i++)
		if (must_be_signed(head->headers[i].name) &&
			!is_listed(list, head->headers[i].name))
			return false;
	return is_listed(list, ORCH_TEXT("host"));
}

/* Runs of spaces count as one. */
static void add_value(struct orch_buf *buf, struct orch_text value)
{
	value = orch_text_trim(value);
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] != ' ' || value.ptr[i - 1] != ' ')
			orch_buf_add_char(buf, value.ptr[i]);
}

static void add_header(
	struct orch_buf *buf, const struct orch_http_head *head, struct orch_text name)
{
	bool is_first = true;

	orch_buf_add_text(buf, name);
	orch_buf_add_char(buf, ':');
	for (size_t i = 0; i < head->header_count; i++) {
		if (!orch_text_equal_nocase(head->headers[i].name, name))
			continue;
		if (!is_first)
			orch_buf_add_char(buf, ',');
		add_value(buf, head->headers[i].value);
		is_first = false;
	}
	orch_buf_add_char(buf, '\n');
}

static void add_digest(struct orch_buf *buf, struct aws_digest *digest, struct orch_text bytes)
{
	uint8_t sha256[AWS_SHA256_BYTES];
	char hex[2 * AWS_SHA256_BYTES + 1];

	aws_digest_sha256(digest, bytes, sha256);
	orch_hex_encode(sha256, sizeof(sha256), hex);
	orch_buf_add_string(buf, hex);
}

static void write_canonical(struct orch_buf *buf, struct aws_digest *digest,
	const struct aws_signed *request, struct orch_text names)
{
	struct orch_text rest = names, name;

	orch_buf_add_text(buf, request->head->method);
	orch_buf_add_string(buf, "\n/\n\n");
	while (orch_text_split(&rest, ';', &name))
		add_header(buf, request->head, name);
	orch_buf_add_char(buf, '\n');
	orch_buf_add_text(buf, names);
	orch_buf_add_char(buf, '\n');
	add_digest(buf, digest, request->body);
}

static void write_to_sign(struct orch_buf *buf, struct aws_digest *digest,
	const struct aws_signed *request, const struct parts *parts, struct orch_text canonical)
{
	orch_buf_add_string(buf, ALGORITHM "\n");
	orch_buf_add_text(buf, orch_http_head_get(request->head, "x-amz-date"));
	orch_buf_add_char(buf, '\n');
	orch_buf_add_text(buf, parts->scope);
	orch_buf_add_char(buf, '\n');
	add_digest(buf, digest, canonical);
}

static bool is_signature(struct aws_key *key, struct aws_digest *digest,
	const struct aws_signed *request, const struct parts *parts)
{
	const uint8_t *derived = aws_key_derive(key, digest, parts->scope);
	struct orch_buf canonical, to_sign;
	uint8_t wanted[AWS_SHA256_BYTES], given[AWS_SHA256_BYTES];
	bool is_whole;

	orch_buf_init(&canonical, AWS_CANONICAL_BYTES);
	orch_buf_init(&to_sign, AWS_CANONICAL_BYTES);
	write_canonical(&canonical, digest, request, parts->headers);
	write_to_sign(&to_sign, digest, request, parts, orch_buf_text(&canonical));
	aws_digest_hmac(digest, (struct orch_text){ (const char *)derived, AWS_SHA256_BYTES },
		orch_buf_text(&to_sign), wanted);
	is_whole = !canonical.failed && !to_sign.failed;
	orch_buf_fini(&canonical);
	orch_buf_fini(&to_sign);
	return is_whole && orch_hex_decode(parts->signature, given, sizeof(given)) == 0 &&
		orch_equal_constant_time(wanted, given, sizeof(given));
}

static const char *check_signature(struct aws_key *key, struct aws_digest *digest,
	const struct aws_signed *request, const struct parts *parts, struct orch_err *err)
{
	if (!is_good_list(request->head, parts->headers))
		return refuse(err, "InvalidSignatureException",
			"SignedHeaders must name host, content-type and each x-amz- header, in "
			"order "
			"and in lower case.");
	if (request->head->query.len)
		return refuse(err, "InvalidSignatureException", "A query is not part of this.");
	if (!is_signature(key, digest, request, parts))
		return refuse(err, "InvalidSignatureException",
			"The request signature we calculated does not match the signature you "
			"provided. Check your AWS Secret Access Key and signing method.");
	return NULL;
}

const char *aws_sigv4_check(struct aws_keys *keys, struct aws_digest *digest,
	const struct aws_signed *request, struct orch_err *err)
{
	struct orch_text token = orch_http_head_get(request->head, "x-amz-security-token");
	struct parts parts = { .id = ORCH_TEXT_NONE };
	const char *code = read_authorization(request->head, &parts, err);
	struct aws_key *key;

	if (code)
		return code;
	key = aws_keys_find(keys, parts.id, token.ptr ? token : ORCH_TEXT_NONE);
	if (!key)
		return refuse(err, "UnrecognizedClientException",
			"The security token included in the request is invalid.");
	code = check_scope(request, &parts, err);
	if (!code)
		code = check_time(request, &parts, err);
	if (!code)
		code = check_signature(key, digest, request, &parts, err);
	if (!code && aws_key_is_over(key, request->wall_ms))
		return refuse(err, keys->expired_code,
			"The security token included in the request is expired");
	return code;
}
