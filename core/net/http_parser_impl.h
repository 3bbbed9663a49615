/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's inside: http_parser.c takes bytes, http_head.c gives lines their meaning. */
#ifndef ORCH_HTTP_PARSER_IMPL_H
#define ORCH_HTTP_PARSER_IMPL_H
#include "net/http_parser.h"

#define ORCH_HTTP_METHOD_BYTES 16
#define ORCH_HTTP_CHUNK_SIZE_DIGITS 16

enum orch_http_phase {
	ORCH_HTTP_PHASE_HEAD = 0,
	ORCH_HTTP_PHASE_BODY, /* of a declared length */
	ORCH_HTTP_PHASE_CHUNK_SIZE,
	ORCH_HTTP_PHASE_CHUNK_EXTENSION,
	ORCH_HTTP_PHASE_CHUNK_SIZE_LF,
	ORCH_HTTP_PHASE_CHUNK_DATA,
	ORCH_HTTP_PHASE_CHUNK_CR,
	ORCH_HTTP_PHASE_CHUNK_LF,
	ORCH_HTTP_PHASE_TRAILER,
	ORCH_HTTP_PHASE_DONE,
	ORCH_HTTP_PHASE_REFUSED,
};

/* A piece of the head by its place, since the bytes move while they grow. */
struct orch_http_place {
	uint16_t at, len;
};

struct orch_http_parser {
	enum orch_http_phase phase;
	int status;
	const char *reason;

	struct orch_buf bytes;   /* the head as it came; NULs are put in when it is complete */
	struct orch_buf text;    /* header_text */
	struct orch_buf trailer; /* the trailer line being read */
	struct orch_buf body;

	size_t head_len;   /* bytes of head and trailers so far */
	size_t line_start; /* in bytes or trailer */
	size_t line_count; /* headers and trailers */
	bool has_line;     /* the request line was read */
	bool has_cr;       /* the last byte was a CR */
	bool has_host;
	bool has_length;
	bool has_coding;
	bool has_expect;
	bool wants_close;

	uint64_t left; /* of the body or chunk */
	unsigned size_digits;
	size_t extension_len;

	struct orch_http_place method, path, query;
	struct orch_http_place names[ORCH_HTTP_HEAD_LINES];
	struct orch_http_place values[ORCH_HTTP_HEAD_LINES];
	struct orch_http_head head;
};

/* Returns ORCH_HTTP_REFUSED.  REASON is a constant. */
enum orch_http_state orch_http_parser_refuse(
	struct orch_http_parser *parser, int status, const char *reason);

/* A line without its CRLF: NEED_MORE, or REFUSED. */
enum orch_http_state orch_http_head_take_request_line(
	struct orch_http_parser *parser, struct orch_text line);
enum orch_http_state orch_http_head_take_header(
	struct orch_http_parser *parser, struct orch_text line);
enum orch_http_state orch_http_head_take_trailer(
	struct orch_http_parser *parser, struct orch_text line);
/* All lines are there: HEAD_DONE, or REFUSED. */
enum orch_http_state orch_http_head_finish(struct orch_http_parser *parser);

#endif
