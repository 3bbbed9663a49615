/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our parser reads, told to another program.
 *
 * From standard input: streams, each a decimal length, a newline and so many
 * bytes.  To standard output: a line of JSON for each, with the requests that
 * it holds and how it ends.  Bytes are code points 0 to 255, as in Latin-1.
 *
 * With --corpus: the malformed requests of the unit tests, a line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http_parser.h"

#include "http_corpus.h"

#define STREAM_BYTES (1024 * 1024)
#define BODY_LIMIT (64 * 1024)

static void fail(const char *what)
{
	(void)fprintf(stderr, "http_read: %s\n", what);
	exit(1);
}

static void print_text(struct orch_text text)
{
	(void)putchar('"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
			(void)putchar(c);
		else
			(void)printf("\\u%04x", c);
	}
	(void)putchar('"');
}

static void print_member(const char *name, struct orch_text text)
{
	(void)printf("\"%s\": ", name);
	print_text(text);
	(void)printf(", ");
}

static void print_headers(const struct orch_http_head *head)
{
	(void)printf("\"headers\": [");
	for (size_t i = 0; i < head->header_count; i++) {
		(void)fputs(i > 0 ? ", [" : "[", stdout);
		print_text(head->headers[i].name);
		(void)printf(", ");
		print_text(head->headers[i].value);
		(void)printf("]");
	}
	(void)printf("], ");
}

static void print_request(const struct orch_http_parser *parser, size_t used)
{
	const struct orch_http_head *head = orch_http_parser_head(parser);

	(void)printf("{");
	print_member("method", head->method);
	print_member("path", head->path);
	print_member("query", head->query);
	print_headers(head);
	print_member("body", orch_http_parser_body(parser));
	(void)printf("\"is_chunked\": %s, ", head->is_chunked ? "true" : "false");
	(void)printf("\"keep_alive\": %s, ", head->keep_alive ? "true" : "false");
	(void)printf("\"used\": %zu}", used);
}

/* Reads one request of TEXT; how many bytes it took. */
static size_t read_one(
	struct orch_http_parser *parser, struct orch_text text, enum orch_http_state *ret_state)
{
	enum orch_http_state state = ORCH_HTTP_NEED_MORE;
	size_t at = 0, used;

	while (state == ORCH_HTTP_NEED_MORE && at < text.len) {
		state = orch_http_parser_feed(parser, text.ptr + at, text.len - at, &used);
		at += used;
		if (state == ORCH_HTTP_HEAD_DONE)
			state = orch_http_parser_limit_body(parser, BODY_LIMIT);
	}
	*ret_state = state;
	return at;
}

/* As a connection would: request after request, until one is refused or closes it. */
static void print_stream(struct orch_http_parser *parser, struct orch_text text)
{
	enum orch_http_state state = ORCH_HTTP_DONE;
	bool is_open = true;

	(void)printf("{\"requests\": [");
	for (size_t count = 0; is_open && state == ORCH_HTTP_DONE && text.len > 0; count++) {
		size_t used;

		orch_http_parser_reset(parser);
		used = read_one(parser, text, &state);
		text = (struct orch_text){ text.ptr + used, text.len - used };
		if (state != ORCH_HTTP_DONE)
			break;
		(void)fputs(count > 0 ? ", " : "", stdout);
		print_request(parser, used);
		is_open = orch_http_parser_head(parser)->keep_alive;
	}
	(void)printf("], \"end\": \"%s\", \"status\": %d}\n",
		state == ORCH_HTTP_REFUSED        ? "refused"
			: state != ORCH_HTTP_DONE ? "more"
			: is_open                 ? "whole"
						  : "close",
		state == ORCH_HTTP_REFUSED ? orch_http_parser_status(parser) : 0);
}

static void print_streams(struct orch_http_parser *parser)
{
	char *bytes = malloc(STREAM_BYTES), line[32];

	if (!bytes)
		fail("out of memory");
	while (fgets(line, sizeof(line), stdin)) {
		size_t len = strtoul(line, NULL, 10);

		if (len > STREAM_BYTES || fread(bytes, 1, len, stdin) != len)
			fail("a stream is too long or cut off");
		print_stream(parser, (struct orch_text){ bytes, len });
		(void)fflush(stdout);
	}
	free(bytes);
}

static void print_corpus(void)
{
	for (size_t i = 0; i < BAD_REQUEST_COUNT; i++) {
		(void)printf("[");
		print_text(orch_text_from(bad_requests[i].name));
		(void)printf(", ");
		print_text((struct orch_text){ bad_requests[i].bytes, bad_requests[i].len });
		(void)printf("]\n");
	}
}

int main(int argc, char **argv)
{
	struct orch_http_parser *parser = orch_http_parser_create();

	if (!parser)
		fail("out of memory");
	if (argc == 2 && strcmp(argv[1], "--corpus") == 0)
		print_corpus();
	else
		print_streams(parser);
	orch_http_parser_destroy(parser);
	return 0;
}
