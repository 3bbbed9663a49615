/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_parser.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "support/text_assert.h"

#define LIMIT 1000
#define GET "GET /x HTTP/1.1\r\nHost: a\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* Feeds BYTES in pieces of STEP; the last state, and how many bytes were taken. */
static enum orch_http_state feed(struct orch_http_parser *parser, const char *bytes, size_t len,
	size_t step, size_t *ret_used)
{
	enum orch_http_state state = ORCH_HTTP_NEED_MORE;
	size_t at = 0;

	while (state == ORCH_HTTP_NEED_MORE && at < len) {
		size_t count = len - at < step ? len - at : step, used;

		state = orch_http_parser_feed(parser, bytes + at, count, &used);
		at += used;
		if (state == ORCH_HTTP_HEAD_DONE)
			state = orch_http_parser_limit_body(parser, LIMIT);
	}
	*ret_used = at;
	return state;
}

/* The status of a refusal; 200 if the request is complete, 0 if more is needed. */
static int outcome(const char *bytes, size_t len, size_t step)
{
	struct orch_http_parser *parser = orch_http_parser_create();
	int status = 0;
	size_t used;

	assert_non_null(parser);
	switch (feed(parser, bytes, len, step, &used)) {
	case ORCH_HTTP_DONE:
		status = 200;
		break;
	case ORCH_HTTP_REFUSED:
		status = orch_http_parser_status(parser);
		assert_non_null(orch_http_parser_reason(parser));
		break;
	case ORCH_HTTP_NEED_MORE:
	case ORCH_HTTP_HEAD_DONE:
		break;
	}
	orch_http_parser_destroy(parser);
	return status;
}

static void assert_outcome(const char *bytes, size_t len, int status)
{
	for (size_t step = 1; step <= len; step = step < 4 ? step + 1 : step * 3) {
		int got = outcome(bytes, len, step);

		if (got != status)
			fail_msg("%d, not %d, in steps of %zu: %.60s", got, status, step, bytes);
	}
	assert_int_equal(outcome(bytes, len, len), status);
}

#define assert_request(bytes, status) assert_outcome((bytes), sizeof(bytes) - 1, (status))

static void test_a_request_is_taken_apart(void **state)
{
	const char bytes[] = "POST /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\n"
			     "X-One:  1 2 \t\r\nContent-Length: 5\r\nx-empty:\r\n\r\nhellorest";
	struct orch_http_parser *parser = orch_http_parser_create();
	const struct orch_http_head *head = orch_http_parser_head(parser);
	size_t used;

	(void)state;
	assert_false(orch_http_parser_has_begun(parser));
	assert_int_equal(feed(parser, bytes, sizeof(bytes) - 1, 7, &used), ORCH_HTTP_DONE);
	assert_true(orch_http_parser_has_begun(parser));
	assert_string_equal(bytes + used, "rest");
	assert_text(head->method, "POST");
	assert_text(head->path, "/a/b");
	assert_text(head->query, "c=d&e");
	assert_int_equal(head->header_count, 4);
	assert_text(head->headers[1].name, "X-One");
	assert_text(orch_http_head_get(head, "x-ONE"), "1 2");
	assert_text(orch_http_head_get(head, "X-Empty"), "");
	assert_null(orch_http_head_get(head, "X-None").ptr);
	assert_text(head->header_text,
		"Host: example.com:8080\nX-One: 1 2\n"
		"Content-Length: 5\nx-empty: \n");
	assert_text(orch_http_parser_body(parser), "hello");
	assert_true(head->keep_alive && head->has_body && !head->is_chunked && !head->is_http10);
	assert_int_equal(head->content_length, 5);
	assert_int_equal(head->path.ptr[head->path.len], '\0');
	assert_int_equal(head->headers[1].value.ptr[3], '\0');
	orch_http_parser_destroy(parser);
}

static void test_chunks_are_put_together_and_trailers_dropped(void **state)
{
	const char bytes[] = CHUNKED "5\r\nhello\r\n00a;name=\"value\"\r\n, world\r\n!\r\n"
				     "0;last\r\nX-Trailer: dropped\r\n\r\nGET";
	struct orch_http_parser *parser = orch_http_parser_create();
	size_t used;

	(void)state;
	for (size_t step = 1; step < sizeof(bytes); step++) {
		assert_int_equal(
			feed(parser, bytes, sizeof(bytes) - 1, step, &used), ORCH_HTTP_DONE);
		assert_string_equal(bytes + used, "GET");
		assert_text(orch_http_parser_body(parser), "hello, world\r\n!");
		assert_int_equal(orch_http_parser_head(parser)->header_count, 2);
		assert_true(orch_http_parser_head(parser)->is_chunked);
		orch_http_parser_reset(parser);
	}
	orch_http_parser_destroy(parser);
}

static void test_pipelined_requests_are_read_one_by_one(void **state)
{
	const char bytes[] = GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" CHUNKED
				 "1\r\nz\r\n0\r\n\r\n" GET "\r\n";
	const char *const bodies[] = { "", "abc", "z", "" };
	struct orch_http_parser *parser = orch_http_parser_create();
	size_t at = 0, used;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(feed(parser, bytes + at, sizeof(bytes) - 1 - at, 1000, &used),
			ORCH_HTTP_DONE);
		assert_string_equal(orch_http_parser_body(parser).ptr, bodies[i]);
		/* Complete is complete. */
		assert_int_equal(orch_http_parser_feed(parser, "x", 1, &used), ORCH_HTTP_DONE);
		assert_int_equal(used, 0);
		at += strlen(bodies[i]) == 0 ? sizeof(GET "\r\n") - 1
			: i == 1             ? sizeof(POST "Content-Length: 3\r\n\r\nabc") - 1
					     : sizeof(CHUNKED "1\r\nz\r\n0\r\n\r\n") - 1;
		orch_http_parser_reset(parser);
	}
	assert_int_equal(at, sizeof(bytes) - 1);
	orch_http_parser_destroy(parser);
}

static void test_connections_are_kept_unless_told_otherwise(void **state)
{
	static const struct {
		const char *bytes;
		bool keep_alive;
	} rows[] = {
		{ GET "\r\n", true },
		{ GET "Connection: keep-alive\r\n\r\n", true },
		{ GET "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", true },
		{ GET "Connection: close\r\n\r\n", false },
		{ GET "connection: TE ,  Close\r\n\r\n", false },
		{ GET "Connection: x\r\nConnection: close\r\n\r\n", false },
		{ "GET /x HTTP/1.0\r\nHost: a\r\n\r\n", false },
		{ "GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", false },
	};
	struct orch_http_parser *parser = orch_http_parser_create();
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(feed(parser, rows[i].bytes, strlen(rows[i].bytes), 9, &used),
			ORCH_HTTP_DONE);
		if (orch_http_parser_head(parser)->keep_alive != rows[i].keep_alive)
			fail_msg("%s", rows[i].bytes);
		orch_http_parser_reset(parser);
	}
	orch_http_parser_destroy(parser);
}

static void test_what_is_unusual_but_right_is_accepted(void **state)
{
	(void)state;
	assert_request(GET "Content-Length: 0\r\n\r\n", 200);
	assert_request(POST "\r\n", 200);
	assert_request(POST "Content-Length: 0005\r\n\r\nhello", 200);
	assert_request(POST "Content-Length:5\t \r\n\r\nhello", 200);
	assert_request(POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200);
	assert_request(POST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200);
	assert_request(POST "X-Text: caf\xc3\xa9\tau lait\r\nContent-Length: 1\r\n\r\nx", 200);
	assert_request("PROPFIND /x HTTP/1.1\r\nHost: a\r\n\r\n", 200);
	assert_request("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200);
	assert_request("GET /?a=b?c%00 HTTP/1.1\r\nHost: a_b.example-1\r\n\r\n", 200);
	assert_request("ABCDEFGHIJKLMNOP /x HTTP/1.1\r\nHost: a\r\n\r\n", 200);
}

static void test_only_a_body_to_come_expects_a_continue(void **state)
{
	const char with[] = POST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n";
	const char without[] = POST "Expect: 100-continue\r\n\r\n";
	struct orch_http_parser *parser = orch_http_parser_create();
	size_t used;

	(void)state;
	assert_int_equal(feed(parser, with, sizeof(with) - 1, 3, &used), ORCH_HTTP_NEED_MORE);
	assert_true(orch_http_parser_head(parser)->expects_continue);
	orch_http_parser_reset(parser);
	assert_int_equal(feed(parser, without, sizeof(without) - 1, 3, &used), ORCH_HTTP_DONE);
	assert_false(orch_http_parser_head(parser)->expects_continue);
	orch_http_parser_destroy(parser);
}

/* BEFORE, FILLER bytes of 'a', BEHIND. */
static int outcome_filled(const char *before, size_t filler, const char *behind)
{
	size_t first = strlen(before), last = strlen(behind), len = first + filler + last;
	char *bytes = malloc(len + 1);
	int whole, one;

	assert_non_null(bytes);
	memcpy(bytes, before, first);
	memset(bytes + first, 'a', filler);
	memcpy(bytes + first + filler, behind, last + 1);
	whole = outcome(bytes, len, len);
	one = outcome(bytes, len, 1);
	free(bytes);
	assert_int_equal(whole, one);
	return whole;
}

static void test_the_request_line_has_a_limit(void **state)
{
	const char behind[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t fits = ORCH_HTTP_LINE_BYTES - strlen("GET / HTTP/1.1");

	(void)state;
	assert_int_equal(outcome_filled("GET /", fits, behind), 200);
	assert_int_equal(outcome_filled("GET /", fits + 1, behind), 414);
	/* It is told without waiting for the line's end. */
	assert_int_equal(outcome_filled("GET /", 2 * ORCH_HTTP_LINE_BYTES, ""), 414);
	assert_int_equal(outcome_filled("", 2 * ORCH_HTTP_LINE_BYTES, ""), 414);
}

static void test_the_head_has_a_limit(void **state)
{
	size_t fits = ORCH_HTTP_HEAD_BYTES - strlen(GET "X: \r\n\r\n");

	(void)state;
	assert_int_equal(outcome_filled(GET "X: ", fits, "\r\n\r\n"), 200);
	assert_int_equal(outcome_filled(GET "X: ", fits + 1, "\r\n\r\n"), 431);
	assert_int_equal(outcome_filled(GET "X: ", 2 * ORCH_HTTP_HEAD_BYTES, ""), 431);
}

static void test_trailers_count_with_the_head(void **state)
{
	const char before[] = CHUNKED "0\r\nX: ";
	size_t fits = ORCH_HTTP_HEAD_BYTES - strlen(CHUNKED "X: \r\n\r\n");

	(void)state;
	assert_int_equal(outcome_filled(before, fits, "\r\n\r\n"), 200);
	assert_int_equal(outcome_filled(before, fits + 1, "\r\n\r\n"), 431);
}

/* HEADERS lines in the head, TRAILERS behind the last chunk. */
static int outcome_lines(size_t headers, size_t trailers)
{
	struct orch_buf buf;
	int status;

	orch_buf_init(&buf, 1 << 20);
	orch_buf_add_string(&buf, POST "Transfer-Encoding: chunked\r\n");
	for (size_t i = 2; i < headers; i++)
		orch_buf_printf(&buf, "x-%zu: y\r\n", i);
	orch_buf_add_string(&buf, "\r\n0\r\n");
	for (size_t i = 0; i < trailers; i++)
		orch_buf_printf(&buf, "x-%zu: y\r\n", i);
	orch_buf_add_string(&buf, "\r\n");
	assert_false(buf.failed);
	status = outcome(buf.ptr, buf.len, buf.len);
	assert_int_equal(outcome(buf.ptr, buf.len, 1), status);
	orch_buf_fini(&buf);
	return status;
}

static void test_the_lines_have_a_limit(void **state)
{
	(void)state;
	assert_int_equal(outcome_lines(ORCH_HTTP_HEAD_LINES, 0), 200);
	assert_int_equal(outcome_lines(ORCH_HTTP_HEAD_LINES + 1, 0), 431);
	assert_int_equal(outcome_lines(ORCH_HTTP_HEAD_LINES - 4, 4), 200);
	assert_int_equal(outcome_lines(ORCH_HTTP_HEAD_LINES - 4, 5), 431);
}

static void test_the_body_has_a_limit(void **state)
{
	(void)state;
	assert_int_equal(outcome_filled(POST "Content-Length: 1000\r\n\r\n", LIMIT, ""), 200);
	/* A declared length is refused before its first byte. */
	assert_request(POST "Content-Length: 1001\r\n\r\n", 413);
	assert_request(POST "Content-Length: 18446744073709551615\r\n\r\n", 413);
	assert_request(POST "Content-Length: 18446744073709551616\r\n\r\n", 413);
	assert_int_equal(outcome_filled(CHUNKED "3e8\r\n", LIMIT, "\r\n0\r\n\r\n"), 200);
	assert_int_equal(outcome_filled(CHUNKED "3e9\r\n", 0, ""), 413);
	assert_int_equal(
		outcome_filled(CHUNKED "3e7\r\n", LIMIT - 1, "\r\n1\r\nb\r\n0\r\n\r\n"), 200);
	assert_int_equal(outcome_filled(CHUNKED "3e7\r\n", LIMIT - 1, "\r\n2\r\n"), 413);
	assert_request(CHUNKED "ffffffffffffffff\r\n", 413);
}

static void test_a_chunks_extension_has_a_limit(void **state)
{
	size_t fits = ORCH_HTTP_CHUNK_EXTENSION_BYTES - 1;

	(void)state;
	assert_int_equal(outcome_filled(CHUNKED "1;", fits, "\r\nx\r\n0\r\n\r\n"), 200);
	assert_int_equal(outcome_filled(CHUNKED "1;", fits + 1, "\r\nx\r\n0\r\n\r\n"), 400);
	assert_int_equal(outcome_filled(CHUNKED "0;", fits + 1, ""), 400);
}

static void test_a_refusal_is_final(void **state)
{
	struct orch_http_parser *parser = orch_http_parser_create();
	size_t used;

	(void)state;
	assert_int_equal(orch_http_parser_feed(parser, "\n", 1, &used), ORCH_HTTP_REFUSED);
	assert_int_equal(orch_http_parser_feed(parser, GET "\r\n", sizeof(GET) + 1, &used),
		ORCH_HTTP_REFUSED);
	assert_int_equal(used, 0);
	assert_int_equal(orch_http_parser_limit_body(parser, 10), ORCH_HTTP_REFUSED);
	assert_int_equal(orch_http_parser_status(parser), 400);
	orch_http_parser_reset(parser);
	assert_int_equal(feed(parser, GET "\r\n", sizeof(GET) + 1, 5, &used), ORCH_HTTP_DONE);
	orch_http_parser_destroy(parser);
	orch_http_parser_destroy(NULL);
}

/* Whichever allocation fails, the request is refused with 503 or not begun at all. */
static void test_no_memory_is_a_refusal(void **state)
{
	const char bytes[] = CHUNKED "5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n";
	unsigned failures = 0;

	(void)state;
	for (uint64_t n = 1;; n++) {
		struct orch_http_parser *parser;
		size_t used;

		orch_alloc_fail_at(n, 1);
		parser = orch_http_parser_create();
		if (parser && feed(parser, bytes, sizeof(bytes) - 1, 10, &used) == ORCH_HTTP_DONE) {
			orch_alloc_fail_at(0, 0);
			orch_http_parser_destroy(parser);
			break;
		}
		orch_alloc_fail_at(0, 0);
		failures++;
		if (parser)
			assert_int_equal(orch_http_parser_status(parser), 503);
		orch_http_parser_destroy(parser);
	}
	assert_true(failures > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_taken_apart),
		cmocka_unit_test(test_chunks_are_put_together_and_trailers_dropped),
		cmocka_unit_test(test_pipelined_requests_are_read_one_by_one),
		cmocka_unit_test(test_connections_are_kept_unless_told_otherwise),
		cmocka_unit_test(test_what_is_unusual_but_right_is_accepted),
		cmocka_unit_test(test_only_a_body_to_come_expects_a_continue),
		cmocka_unit_test(test_the_request_line_has_a_limit),
		cmocka_unit_test(test_the_head_has_a_limit),
		cmocka_unit_test(test_trailers_count_with_the_head),
		cmocka_unit_test(test_the_lines_have_a_limit),
		cmocka_unit_test(test_the_body_has_a_limit),
		cmocka_unit_test(test_a_chunks_extension_has_a_limit),
		cmocka_unit_test(test_a_refusal_is_final),
		cmocka_unit_test(test_no_memory_is_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
