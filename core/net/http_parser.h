/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests, read strictly: bytes in, a request or a refusal out.
 *
 * Pure: no socket, no clock.  What could be read in two ways is refused, so
 * that a proxy in front and we are always of one mind.
 */
#ifndef ORCH_HTTP_PARSER_H
#define ORCH_HTTP_PARSER_H
#include <orch/abi.h>
#include "base/buf.h"
#include "base/check.h"

#define ORCH_HTTP_LINE_BYTES 8192
#define ORCH_HTTP_HEAD_BYTES 16384
#define ORCH_HTTP_HEAD_LINES 64
#define ORCH_HTTP_CHUNK_EXTENSION_BYTES 256

struct orch_http_header {
	struct orch_text name, value;
};

/* Texts are lent from the parser until it is reset; each is NUL-terminated. */
struct orch_http_head {
	struct orch_text method, path, query; /* query without the '?' */
	bool is_http10;
	bool keep_alive;
	bool expects_continue;
	bool is_chunked;
	uint64_t content_length; /* 0 if chunked or none */
	bool has_body;
	struct orch_http_header headers[ORCH_HTTP_HEAD_LINES];
	size_t header_count;
	struct orch_text header_text; /* "Name: value\n" each, as plugins see them */
};

enum orch_http_state {
	ORCH_HTTP_NEED_MORE = 0,
	ORCH_HTTP_HEAD_DONE, /* stop and look: set the body limit, then go on feeding */
	ORCH_HTTP_DONE,      /* head and body are complete */
	ORCH_HTTP_REFUSED,   /* answer with STATUS and close */
};

struct orch_http_parser;

struct orch_http_parser *orch_http_parser_create(void); /* NULL: no memory */
void orch_http_parser_destroy(struct orch_http_parser *parser);
void orch_http_parser_reset(
	struct orch_http_parser *parser); /* for the next request of the connection */

/* Takes up to LEN bytes, says in *ret_used how many; stops behind the head and behind the body. */
enum orch_http_state orch_http_parser_feed(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used);

/* After HEAD_DONE.  A longer body is refused with 413: at once if declared, while counting if chunked. */
enum orch_http_state orch_http_parser_limit_body(struct orch_http_parser *parser, uint64_t limit);

const struct orch_http_head *orch_http_parser_head(const struct orch_http_parser *parser);
struct orch_text orch_http_parser_body(const struct orch_http_parser *parser); /* after DONE */
bool orch_http_parser_has_begun(
	const struct orch_http_parser *parser); /* any byte of a request seen? */

/* After REFUSED: the status to answer with and why, a constant sentence. */
int orch_http_parser_status(const struct orch_http_parser *parser);
const char *orch_http_parser_reason(const struct orch_http_parser *parser);

/* The value of a header by its name; ptr NULL if not there. */
struct orch_text orch_http_head_get(const struct orch_http_head *head, const char *name);

#endif
