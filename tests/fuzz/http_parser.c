/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes, the parser reads it the same way however it is cut, keeps
 * its limits, and never takes more than a request.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http_parser.h"

#define BODY_LIMIT 512

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Reads one request in pieces of STEP; how many bytes it took. */
static size_t read_one(struct orch_http_parser *parser, const char *bytes, size_t len, size_t step,
	enum orch_http_state *ret_state)
{
	enum orch_http_state state = ORCH_HTTP_NEED_MORE;
	size_t at = 0;

	while (state == ORCH_HTTP_NEED_MORE && at < len) {
		size_t count = len - at < step ? len - at : step, used;

		state = orch_http_parser_feed(parser, bytes + at, count, &used);
		require(used <= count);
		require(state != ORCH_HTTP_NEED_MORE || used == count);
		at += used;
		if (state == ORCH_HTTP_HEAD_DONE)
			state = orch_http_parser_limit_body(parser, BODY_LIMIT);
	}
	*ret_state = state;
	return at;
}

static void require_lent(struct orch_text text)
{
	require(text.ptr != NULL && text.ptr[text.len] == '\0');
}

static void require_sound(const struct orch_http_parser *parser)
{
	const struct orch_http_head *head = orch_http_parser_head(parser);

	require_lent(head->method);
	require_lent(head->path);
	require_lent(head->query);
	require_lent(head->header_text);
	require(head->path.ptr[0] == '/');
	require(strlen(head->header_text.ptr) == head->header_text.len);
	require(orch_http_head_get(head, "host").len > 0);
	require(!head->is_chunked || !orch_http_head_get(head, "content-length").ptr);
	for (size_t i = 0; i < head->header_count; i++) {
		require_lent(head->headers[i].name);
		require_lent(head->headers[i].value);
		require(!strpbrk(head->headers[i].value.ptr, "\r\n"));
	}
	require_lent(orch_http_parser_body(parser));
	require(orch_http_parser_body(parser).len <= BODY_LIMIT);
	require(head->is_chunked || orch_http_parser_body(parser).len == head->content_length);
}

static void require_equal(const struct orch_http_parser *a, const struct orch_http_parser *b)
{
	const struct orch_http_head *x = orch_http_parser_head(a), *y = orch_http_parser_head(b);

	require(orch_text_equal(x->method, y->method));
	require(orch_text_equal(x->path, y->path));
	require(orch_text_equal(x->query, y->query));
	require(orch_text_equal(x->header_text, y->header_text));
	require(x->keep_alive == y->keep_alive);
	require(orch_text_equal(orch_http_parser_body(a), orch_http_parser_body(b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct orch_http_parser *whole = orch_http_parser_create();
	struct orch_http_parser *pieces = orch_http_parser_create();
	const char *text = (const char *)bytes;
	enum orch_http_state state, other;

	require(whole && pieces);
	do {
		size_t used = read_one(whole, text, len, len, &state);
		size_t step = len % 7 + 1;

		require(read_one(pieces, text, len, step, &other) == used ||
			other != ORCH_HTTP_DONE);
		require(state == other);
		if (state == ORCH_HTTP_REFUSED)
			require(orch_http_parser_status(whole) == orch_http_parser_status(pieces) &&
				orch_http_parser_reason(whole) == orch_http_parser_reason(pieces));
		if (state == ORCH_HTTP_DONE) {
			require_sound(whole);
			require_equal(whole, pieces);
		}
		text += used;
		len -= used;
		orch_http_parser_reset(whole);
		orch_http_parser_reset(pieces);
	} while (state == ORCH_HTTP_DONE && len > 0);
	orch_http_parser_destroy(whole);
	orch_http_parser_destroy(pieces);
	return 0;
}
