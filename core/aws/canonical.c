/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form of a request.  Ours are "POST /" without a query, but the
 * whole of it is here, so that the vectors that AWS publishes can prove it.
 */
#include <string.h>

#include "aws/sign.h"
#include "base/text.h"

#define FAILED_ON_SIZE \
	"the request's path, query or headers have more than %d bytes, or memory is short"

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_' || c == '~';
}

void orch_aws_escape(struct orch_buf *buf, struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_unreserved(text.ptr[i]))
			orch_buf_add_char(buf, text.ptr[i]);
		else
			orch_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
	}
}

static void drop_segment(struct orch_buf *buf, size_t start)
{
	while (buf->len > start && buf->ptr[buf->len - 1] != '/')
		buf->len--;
	if (buf->len > start)
		buf->len--;
}

/* Without empty segments, "." and ".."; what ended in a slash still does. */
static void add_path(struct orch_buf *buf, struct orch_text path)
{
	struct orch_text rest = path, segment = ORCH_TEXT_NONE;
	size_t start = buf->len;

	while (orch_text_split(&rest, '/', &segment)) {
		if (segment.len == 0 || orch_text_is(segment, "."))
			continue;
		if (orch_text_is(segment, "..")) {
			drop_segment(buf, start);
			continue;
		}
		orch_buf_add_char(buf, '/');
		orch_aws_escape(buf, segment);
	}
	if (buf->len == start || orch_text_ends_with(path, ORCH_TEXT("/")))
		orch_buf_add_char(buf, '/');
}

/* Escapes that are there already become those that everybody writes. */
static void add_parameter(struct orch_buf *buf, struct orch_text text)
{
	char byte;

	for (size_t i = 0; i < text.len; i++) {
		struct orch_text rest = { text.ptr + i + 1, text.len - i - 1 };

		byte = text.ptr[i];
		if (byte == '%' && rest.len >= 2 &&
			orch_hex_decode((struct orch_text){ rest.ptr, 2 }, &byte, 1) == ORCH_OK)
			i += 2;
		orch_aws_escape(buf, (struct orch_text){ &byte, 1 });
	}
	orch_buf_add_char(buf, '\0');
}

struct parameters {
	struct orch_buf bytes; /* name NUL value NUL, each escaped */
	struct {
		size_t name, value; /* where in BYTES */
	} at[ORCH_AWS_QUERY_PARAMETERS];
	size_t count;
};

static int compare(const struct parameters *all, size_t a, size_t b)
{
	const char *bytes = all->bytes.ptr;
	int order = strcmp(bytes + all->at[a].name, bytes + all->at[b].name);

	return order ? order : strcmp(bytes + all->at[a].value, bytes + all->at[b].value);
}

static bool split_query(struct parameters *all, struct orch_text query)
{
	struct orch_text rest = query, value = ORCH_TEXT_NONE, name;

	while (orch_text_split(&rest, '&', &value)) {
		if (value.len == 0)
			continue;
		if (all->count == ORCH_AWS_QUERY_PARAMETERS)
			return false;
		(void)orch_text_split(&value, '=', &name);
		all->at[all->count].name = all->bytes.len;
		add_parameter(&all->bytes, name);
		all->at[all->count].value = all->bytes.len;
		add_parameter(&all->bytes, value);
		if (all->bytes.failed)
			return false;
		for (size_t i = all->count++; i > 0 && compare(all, i - 1, i) > 0; i--) {
			__typeof__(all->at[0]) swap = all->at[i];

			all->at[i] = all->at[i - 1];
			all->at[i - 1] = swap;
		}
	}
	return true;
}

static int add_query(struct orch_buf *buf, struct orch_text query, struct orch_err *err)
{
	struct parameters all = { .count = 0 };
	int code = ORCH_OK;

	orch_buf_init(&all.bytes, ORCH_AWS_CANONICAL_BYTES);
	if (!split_query(&all, query))
		code = orch_fail(err, ORCH_E_LIMIT,
			"the query has more than %d parameters or %d bytes",
			ORCH_AWS_QUERY_PARAMETERS, ORCH_AWS_CANONICAL_BYTES);
	for (size_t i = 0; code == ORCH_OK && i < all.count; i++)
		orch_buf_printf(buf, "%s%s=%s", i > 0 ? "&" : "", all.bytes.ptr + all.at[i].name,
			all.bytes.ptr + all.at[i].value);
	orch_buf_fini(&all.bytes);
	return code;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int compare_names(struct orch_text a, struct orch_text b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return lower(a.ptr[i]) < lower(b.ptr[i]) ? -1 : 1;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* Those of one name stay in their order. */
static void sort_headers(
	const struct orch_aws_signable *request, const struct orch_aws_header **ret_sorted)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const struct orch_aws_header *header = &request->headers[i];
		size_t at = i;

		for (; at > 0 && compare_names(ret_sorted[at - 1]->name, header->name) > 0; at--)
			ret_sorted[at] = ret_sorted[at - 1];
		ret_sorted[at] = header;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Trimmed, and each run of white space is one space. */
static void add_value(struct orch_buf *buf, struct orch_text value)
{
	struct orch_text rest = orch_text_trim(value);

	for (size_t i = 0; i < rest.len; i++) {
		if (!is_space(rest.ptr[i]))
			orch_buf_add_char(buf, rest.ptr[i]);
		else if (!is_space(rest.ptr[i - 1]))
			orch_buf_add_char(buf, ' ');
	}
}

static void add_name(struct orch_buf *buf, struct orch_text name)
{
	for (size_t i = 0; i < name.len; i++)
		orch_buf_add_char(buf, lower(name.ptr[i]));
}

static int check_headers(const struct orch_aws_signable *request, struct orch_err *err)
{
	if (request->header_count > ORCH_AWS_SIGNED_HEADERS)
		return orch_fail(err, ORCH_E_LIMIT, "more than %d headers are to be signed",
			ORCH_AWS_SIGNED_HEADERS);
	for (size_t i = 0; i < request->header_count; i++) {
		struct orch_text name = request->headers[i].name, value = request->headers[i].value;

		for (size_t at = 0; at < value.len; at++) {
			unsigned char c = (unsigned char)value.ptr[at];

			if ((c < ' ' && c != '\t') || c == 0x7f)
				return orch_fail(err, ORCH_E_INVALID,
					"the header %.*s has a control character",
					ORCH_TEXT_ARG(name));
		}
	}
	return ORCH_OK;
}

static void add_headers(const struct orch_aws_signable *request, struct orch_buf *canonical,
	struct orch_buf *signed_headers)
{
	const struct orch_aws_header *sorted[ORCH_AWS_SIGNED_HEADERS];

	sort_headers(request, sorted);
	for (size_t i = 0; i < request->header_count; i++) {
		bool is_next = i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0;

		if (i > 0)
			orch_buf_add_char(canonical, is_next ? ',' : '\n');
		if (!is_next) {
			add_name(canonical, sorted[i]->name);
			orch_buf_add_char(canonical, ':');
			orch_buf_add_string(signed_headers, i > 0 ? ";" : "");
			add_name(signed_headers, sorted[i]->name);
		}
		add_value(canonical, sorted[i]->value);
	}
}

int orch_aws_canonicalise(const struct orch_aws_signable *request, struct orch_buf *canonical,
	struct orch_buf *signed_headers, struct orch_err *err)
{
	uint8_t digest[ORCH_SHA256_BYTES];
	char hex[ORCH_SHA256_BYTES * 2 + 1];
	int code = check_headers(request, err);

	if (code != ORCH_OK)
		return code;
	orch_buf_add_text(canonical, request->method);
	orch_buf_add_char(canonical, '\n');
	add_path(canonical, request->path);
	orch_buf_add_char(canonical, '\n');
	code = add_query(canonical, request->query, err);
	if (code != ORCH_OK)
		return code;
	orch_buf_add_char(canonical, '\n');
	add_headers(request, canonical, signed_headers);
	orch_buf_add_string(canonical, "\n\n");
	orch_buf_add_text(canonical, orch_buf_text(signed_headers));
	orch_sha256(request->body, digest);
	orch_hex_encode(digest, sizeof(digest), hex);
	orch_buf_printf(canonical, "\n%s", hex);
	if (canonical->failed || signed_headers->failed)
		return orch_fail(err, ORCH_E_LIMIT, FAILED_ON_SIZE, ORCH_AWS_CANONICAL_BYTES);
	return ORCH_OK;
}
