/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes become lines, a body, chunks.  Every decision is taken at a place in
 * the stream, never at the end of what happened to be handed in, so however
 * the bytes are cut the outcome is the same.
 */
#include "net/http_parser.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "net/http_parser_impl.h"

/* Memory that is kept from one request to the next. */
#define ORCH_HTTP_KEPT_BYTES ((size_t)16 * 1024)

typedef enum orch_http_state step(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used);

enum orch_http_state orch_http_parser_refuse(
	struct orch_http_parser *parser, int status, const char *reason)
{
	parser->phase = ORCH_HTTP_PHASE_REFUSED;
	parser->status = status;
	parser->reason = reason;
	return ORCH_HTTP_REFUSED;
}

static enum orch_http_state refuse_for_memory(struct orch_http_parser *parser)
{
	return orch_http_parser_refuse(parser, 503, "out of memory");
}

static struct orch_buf *line_buf(struct orch_http_parser *parser)
{
	return parser->phase == ORCH_HTTP_PHASE_HEAD ? &parser->bytes : &parser->trailer;
}

/* Anything but the control bytes; CR and LF end the span and are looked at one by one. */
static size_t plain_span(const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			break;
	}
	return i;
}

/* LEN plain bytes, or one other, within the limits. */
static enum orch_http_state take_line_bytes(
	struct orch_http_parser *parser, const char *bytes, size_t len, bool is_plain)
{
	struct orch_buf *buf = line_buf(parser);
	bool is_request_line = parser->phase == ORCH_HTTP_PHASE_HEAD && !parser->has_line;

	if (is_request_line && is_plain && parser->head_len + len > ORCH_HTTP_LINE_BYTES)
		return orch_http_parser_refuse(parser, 414, "the request line is too long");
	if (parser->head_len + len > ORCH_HTTP_HEAD_BYTES)
		return orch_http_parser_refuse(parser, 431, "the head is too long");
	parser->head_len += len;
	orch_buf_add(buf, bytes, len);
	return buf->failed ? refuse_for_memory(parser) : ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state finish_lines(struct orch_http_parser *parser)
{
	if (parser->phase == ORCH_HTTP_PHASE_TRAILER) {
		parser->phase = ORCH_HTTP_PHASE_DONE;
		return ORCH_HTTP_DONE;
	}
	return orch_http_head_finish(parser);
}

static enum orch_http_state take_line(struct orch_http_parser *parser, struct orch_text line)
{
	if (parser->phase == ORCH_HTTP_PHASE_HEAD && !parser->has_line) {
		parser->has_line = true;
		return orch_http_head_take_request_line(parser, line);
	}
	if (line.len == 0)
		return finish_lines(parser);
	if (parser->line_count == ORCH_HTTP_HEAD_LINES)
		return orch_http_parser_refuse(parser, 431, "too many header lines");
	parser->line_count++;
	if (parser->phase == ORCH_HTTP_PHASE_HEAD)
		return orch_http_head_take_header(parser, line);
	return orch_http_head_take_trailer(parser, line);
}

/* The LF has been read: the line is what lies before the CRLF. */
static enum orch_http_state end_line(struct orch_http_parser *parser)
{
	struct orch_buf *buf = line_buf(parser);
	struct orch_text line = { buf->ptr + parser->line_start,
		buf->len - parser->line_start - 2 };
	enum orch_http_state state;

	parser->has_cr = false;
	state = take_line(parser, line);
	if (buf == &parser->trailer)
		orch_buf_reset(buf);
	parser->line_start = buf->len;
	return state;
}

static enum orch_http_state take_control(struct orch_http_parser *parser, const char *byte)
{
	if (*byte != '\r' && *byte != '\n')
		return orch_http_parser_refuse(parser, 400, "a control byte in the head");
	if ((*byte == '\n') != parser->has_cr)
		return orch_http_parser_refuse(parser, 400, "a line does not end in CRLF");
	if (take_line_bytes(parser, byte, 1, false) == ORCH_HTTP_REFUSED)
		return ORCH_HTTP_REFUSED;
	if (*byte == '\n')
		return end_line(parser);
	parser->has_cr = true;
	return ORCH_HTTP_NEED_MORE;
}

/* One span of plain bytes, or one control byte, of the head or the trailers. */
static enum orch_http_state step_lines(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	size_t span = plain_span(bytes, len);

	if (span == 0) {
		*ret_used = 1;
		return take_control(parser, bytes);
	}
	*ret_used = span;
	if (parser->has_cr)
		return orch_http_parser_refuse(parser, 400, "a line does not end in CRLF");
	return take_line_bytes(parser, bytes, span, true);
}

static size_t take_body_bytes(struct orch_http_parser *parser, const char *bytes, size_t len)
{
	size_t count = parser->left < len ? (size_t)parser->left : len;

	orch_buf_add(&parser->body, bytes, count);
	parser->left -= count;
	return count;
}

static enum orch_http_state step_body(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	*ret_used = take_body_bytes(parser, bytes, len);
	if (parser->body.failed)
		return refuse_for_memory(parser);
	if (parser->left > 0)
		return ORCH_HTTP_NEED_MORE;
	parser->phase = ORCH_HTTP_PHASE_DONE;
	return ORCH_HTTP_DONE;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum orch_http_state step_chunk_size(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	int digit = hex_value(bytes[0]);

	(void)len;
	*ret_used = 1;
	if (digit >= 0 && parser->size_digits < ORCH_HTTP_CHUNK_SIZE_DIGITS) {
		parser->left = parser->left << 4 | (unsigned)digit;
		parser->size_digits++;
		return ORCH_HTTP_NEED_MORE;
	}
	if (parser->size_digits > 0 && bytes[0] == '\r') {
		parser->phase = ORCH_HTTP_PHASE_CHUNK_SIZE_LF;
		return ORCH_HTTP_NEED_MORE;
	}
	if (parser->size_digits > 0 && bytes[0] == ';') {
		parser->phase = ORCH_HTTP_PHASE_CHUNK_EXTENSION;
		parser->extension_len = 1;
		return ORCH_HTTP_NEED_MORE;
	}
	return orch_http_parser_refuse(parser, 400, "a chunk's size is not a hexadecimal number");
}

static enum orch_http_state step_chunk_extension(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	size_t span = plain_span(bytes, len);

	parser->extension_len += span;
	*ret_used = span;
	if (parser->extension_len > ORCH_HTTP_CHUNK_EXTENSION_BYTES)
		return orch_http_parser_refuse(parser, 400, "a chunk's extension is too long");
	if (span == len)
		return ORCH_HTTP_NEED_MORE;
	*ret_used = span + 1;
	if (bytes[span] != '\r')
		return orch_http_parser_refuse(
			parser, 400, "a control byte in a chunk's extension");
	parser->phase = ORCH_HTTP_PHASE_CHUNK_SIZE_LF;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state step_chunk_size_lf(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	(void)len;
	*ret_used = 1;
	if (bytes[0] != '\n')
		return orch_http_parser_refuse(parser, 400, "a chunk's size does not end in CRLF");
	if (parser->left > parser->body.limit - parser->body.len)
		return orch_http_parser_refuse(parser, 413, "the body is too long");
	parser->phase = parser->left > 0 ? ORCH_HTTP_PHASE_CHUNK_DATA : ORCH_HTTP_PHASE_TRAILER;
	parser->line_start = 0;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state step_chunk_data(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	*ret_used = take_body_bytes(parser, bytes, len);
	if (parser->body.failed)
		return refuse_for_memory(parser);
	if (parser->left == 0)
		parser->phase = ORCH_HTTP_PHASE_CHUNK_CR;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state step_chunk_end(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	bool at_cr = parser->phase == ORCH_HTTP_PHASE_CHUNK_CR;

	(void)len;
	*ret_used = 1;
	if (bytes[0] != (at_cr ? '\r' : '\n'))
		return orch_http_parser_refuse(parser, 400, "no CRLF behind a chunk");
	parser->phase = at_cr ? ORCH_HTTP_PHASE_CHUNK_LF : ORCH_HTTP_PHASE_CHUNK_SIZE;
	parser->size_digits = 0;
	return ORCH_HTTP_NEED_MORE;
}

static step *const steps[] = {
	[ORCH_HTTP_PHASE_HEAD] = step_lines,
	[ORCH_HTTP_PHASE_BODY] = step_body,
	[ORCH_HTTP_PHASE_CHUNK_SIZE] = step_chunk_size,
	[ORCH_HTTP_PHASE_CHUNK_EXTENSION] = step_chunk_extension,
	[ORCH_HTTP_PHASE_CHUNK_SIZE_LF] = step_chunk_size_lf,
	[ORCH_HTTP_PHASE_CHUNK_DATA] = step_chunk_data,
	[ORCH_HTTP_PHASE_CHUNK_CR] = step_chunk_end,
	[ORCH_HTTP_PHASE_CHUNK_LF] = step_chunk_end,
	[ORCH_HTTP_PHASE_TRAILER] = step_lines,
};

static enum orch_http_state current_state(const struct orch_http_parser *parser)
{
	if (parser->phase == ORCH_HTTP_PHASE_DONE)
		return ORCH_HTTP_DONE;
	if (parser->phase == ORCH_HTTP_PHASE_REFUSED)
		return ORCH_HTTP_REFUSED;
	return ORCH_HTTP_NEED_MORE;
}

enum orch_http_state orch_http_parser_feed(
	struct orch_http_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
	enum orch_http_state state = current_state(parser);
	size_t used = 0;

	while (state == ORCH_HTTP_NEED_MORE && used < len) {
		size_t count = 0;

		state = steps[parser->phase](parser, bytes + used, len - used, &count);
		used += count;
	}
	*ret_used = used;
	return state;
}

enum orch_http_state orch_http_parser_limit_body(struct orch_http_parser *parser, uint64_t limit)
{
	enum orch_http_state state = current_state(parser);

	if (state != ORCH_HTTP_NEED_MORE)
		return state;
	if (parser->head.content_length > limit)
		return orch_http_parser_refuse(parser, 413, "the body is too long");
	parser->body.limit = (size_t)limit;
	return ORCH_HTTP_NEED_MORE;
}

static void init_bufs(struct orch_http_parser *parser)
{
	orch_buf_init(&parser->bytes, ORCH_HTTP_HEAD_BYTES);
	orch_buf_init(&parser->text, ORCH_HTTP_HEAD_BYTES);
	orch_buf_init(&parser->trailer, ORCH_HTTP_HEAD_BYTES);
	orch_buf_init(&parser->body, 0);
}

struct orch_http_parser *orch_http_parser_create(void)
{
	struct orch_http_parser *parser = orch_alloc(sizeof(*parser));

	if (parser)
		init_bufs(parser);
	return parser;
}

void orch_http_parser_destroy(struct orch_http_parser *parser)
{
	if (!parser)
		return;
	orch_buf_fini(&parser->bytes);
	orch_buf_fini(&parser->text);
	orch_buf_fini(&parser->trailer);
	orch_buf_fini(&parser->body);
	orch_free(parser);
}

/* A connection that waits does not sit on the memory of its longest request. */
static void empty_buf(struct orch_buf *buf, size_t limit)
{
	if (buf->size > ORCH_HTTP_KEPT_BYTES)
		orch_buf_fini(buf);
	if (!buf->ptr)
		orch_buf_init(buf, limit);
	orch_buf_reset(buf);
	buf->limit = limit;
}

void orch_http_parser_reset(struct orch_http_parser *parser)
{
	struct orch_buf bytes = parser->bytes, text = parser->text, trailer = parser->trailer,
			body = parser->body;

	empty_buf(&bytes, ORCH_HTTP_HEAD_BYTES);
	empty_buf(&text, ORCH_HTTP_HEAD_BYTES);
	empty_buf(&trailer, ORCH_HTTP_HEAD_BYTES);
	empty_buf(&body, 0);
	/* What lies behind the counts of places and headers is not read. */
	memset(parser, 0, offsetof(struct orch_http_parser, names));
	memset(&parser->head, 0, offsetof(struct orch_http_head, headers));
	parser->head.header_count = 0;
	parser->head.header_text = ORCH_TEXT_NONE;
	parser->bytes = bytes;
	parser->text = text;
	parser->trailer = trailer;
	parser->body = body;
}

const struct orch_http_head *orch_http_parser_head(const struct orch_http_parser *parser)
{
	return &parser->head;
}

struct orch_text orch_http_parser_body(const struct orch_http_parser *parser)
{
	return orch_buf_text(&parser->body);
}

bool orch_http_parser_has_begun(const struct orch_http_parser *parser)
{
	return parser->head_len > 0 || parser->phase != ORCH_HTTP_PHASE_HEAD;
}

int orch_http_parser_status(const struct orch_http_parser *parser)
{
	return parser->status;
}

const char *orch_http_parser_reason(const struct orch_http_parser *parser)
{
	return parser->reason;
}
