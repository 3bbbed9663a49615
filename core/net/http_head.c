/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lines of a head mean.  Nothing is repaired: what another parser
 * could read otherwise is refused.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "net/http_parser_impl.h"

static enum orch_http_state refuse(struct orch_http_parser *parser, int status, const char *reason)
{
	return orch_http_parser_refuse(parser, status, reason);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token(struct orch_text text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!is_alnum(text.ptr[i]) && !memchr("!#$%&'*+-.^_`|~", text.ptr[i], 15))
			return false;
	return text.len > 0;
}

static struct orch_text slice(struct orch_text text, size_t from, size_t to)
{
	return (struct orch_text){ text.ptr + from, to - from };
}

/* The place of C, or the length. */
static size_t find(struct orch_text text, char c)
{
	const char *found = text.len > 0 ? memchr(text.ptr, c, text.len) : NULL;

	return found ? (size_t)(found - text.ptr) : text.len;
}

static struct orch_http_place place_of(const struct orch_http_parser *parser, struct orch_text text)
{
	return (struct orch_http_place){ .at = (uint16_t)(text.ptr - parser->bytes.ptr),
		.len = (uint16_t)text.len };
}

static enum orch_http_state take_method(struct orch_http_parser *parser, struct orch_text method)
{
	size_t i;

	for (i = 0; i < method.len; i++)
		if (method.ptr[i] < 'A' || method.ptr[i] > 'Z')
			return refuse(parser, 400, "the method is not in capital letters");
	if (method.len == 0 || method.len > ORCH_HTTP_METHOD_BYTES)
		return refuse(parser, 400, "the method is empty or too long");
	if (orch_text_is(method, "CONNECT"))
		return refuse(parser, 400, "no tunnels");
	parser->method = place_of(parser, method);
	return ORCH_HTTP_NEED_MORE;
}

/* Origin form: a path, perhaps a query. */
static enum orch_http_state take_target(struct orch_http_parser *parser, struct orch_text target)
{
	size_t mark = find(target, '?');
	size_t i;

	if (target.len == 0 || target.ptr[0] != '/')
		return refuse(parser, 400, "the request's target is not a path");
	for (i = 0; i < target.len; i++)
		if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#')
			return refuse(parser, 400, "a character that no path may have");
	parser->path = place_of(parser, slice(target, 0, mark));
	if (mark < target.len)
		parser->query = place_of(parser, slice(target, mark + 1, target.len));
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state take_version(struct orch_http_parser *parser, struct orch_text version)
{
	const char *v = version.ptr;

	if (orch_text_is(version, "HTTP/1.1"))
		return ORCH_HTTP_NEED_MORE;
	if (orch_text_is(version, "HTTP/1.0")) {
		parser->head.is_http10 = true;
		return ORCH_HTTP_NEED_MORE;
	}
	if (version.len == 8 && memcmp(v, "HTTP/", 5) == 0 && v[5] >= '0' && v[5] <= '9' &&
		v[6] == '.' && v[7] >= '0' && v[7] <= '9')
		return refuse(parser, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	return refuse(parser, 400, "the request line has no version");
}

enum orch_http_state orch_http_head_take_request_line(
	struct orch_http_parser *parser, struct orch_text line)
{
	size_t space = find(line, ' ');
	struct orch_text rest = slice(line, space < line.len ? space + 1 : line.len, line.len);
	size_t second = find(rest, ' ');

	if (space == line.len || second == rest.len)
		return refuse(parser, 400, "the request line has not three words");
	if (take_method(parser, slice(line, 0, space)) == ORCH_HTTP_REFUSED)
		return ORCH_HTTP_REFUSED;
	if (take_target(parser, slice(rest, 0, second)) == ORCH_HTTP_REFUSED)
		return ORCH_HTTP_REFUSED;
	return take_version(parser, slice(rest, second + 1, rest.len));
}

/* Digits, five at most. */
static bool is_port(struct orch_text text)
{
	uint64_t port;

	return text.len <= 5 && orch_text_to_uint(text, 0, UINT16_MAX, &port) == ORCH_OK;
}

/* "[::1]" */
static bool is_bracketed(struct orch_text text)
{
	struct in6_addr address;
	char plain[INET6_ADDRSTRLEN];

	if (text.len < 4 || text.len - 2 >= sizeof(plain) || text.ptr[0] != '[' ||
		text.ptr[text.len - 1] != ']')
		return false;
	memcpy(plain, text.ptr + 1, text.len - 2);
	plain[text.len - 2] = '\0';
	return inet_pton(AF_INET6, plain, &address) == 1;
}

static bool is_host(struct orch_text host)
{
	size_t close = find(host, ']');
	size_t from = close < host.len ? close : 0;
	size_t colon = from + find(slice(host, from, host.len), ':');
	struct orch_text name = slice(host, 0, colon);
	size_t i;

	if (colon < host.len && !is_port(slice(host, colon + 1, host.len)))
		return false;
	if (close < host.len)
		return is_bracketed(name);
	for (i = 0; i < name.len; i++) {
		if (!is_alnum(name.ptr[i]) && !memchr("-._", name.ptr[i], 3))
			return false;
		if (i > 0 && name.ptr[i] == '.' && name.ptr[i - 1] == '.')
			return false;
	}
	return name.len > 0 && !orch_text_is(name, ".");
}

static enum orch_http_state take_host(struct orch_http_parser *parser, struct orch_text value)
{
	if (parser->has_host)
		return refuse(parser, 400, "more than one Host");
	if (!is_host(value))
		return refuse(parser, 400, "Host is not a name with an optional port");
	parser->has_host = true;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state take_length(struct orch_http_parser *parser, struct orch_text value)
{
	uint64_t length = 0;
	size_t i;

	if (parser->has_length)
		return refuse(parser, 400, "more than one Content-Length");
	for (i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return refuse(parser, 400, "Content-Length is not a number");
	if (value.len == 0)
		return refuse(parser, 400, "Content-Length is not a number");
	if (orch_text_to_uint(value, 0, UINT64_MAX, &length) < 0)
		return refuse(parser, 413, "the body is too long");
	parser->has_length = true;
	parser->head.content_length = length;
	return ORCH_HTTP_NEED_MORE;
}

/* Anything but "chunked": a coding that we do not know, or one that nobody should send. */
static enum orch_http_state refuse_coding(struct orch_http_parser *parser, struct orch_text value)
{
	struct orch_text piece;

	while (orch_text_split(&value, ',', &piece)) {
		struct orch_text coding = orch_text_trim(piece);

		if (!is_token(coding) || orch_text_equal_nocase(coding, ORCH_TEXT("chunked")))
			return refuse(parser, 400, "Transfer-Encoding is not just chunked");
	}
	return refuse(parser, 501, "only the chunked transfer coding is known here");
}

static enum orch_http_state take_coding(struct orch_http_parser *parser, struct orch_text value)
{
	if (parser->has_coding)
		return refuse(parser, 400, "more than one Transfer-Encoding");
	if (parser->head.is_http10)
		return refuse(parser, 400, "Transfer-Encoding in HTTP/1.0");
	if (!orch_text_equal_nocase(value, ORCH_TEXT("chunked")))
		return refuse_coding(parser, value);
	parser->has_coding = true;
	parser->head.is_chunked = true;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state take_expect(struct orch_http_parser *parser, struct orch_text value)
{
	if (parser->has_expect || !orch_text_equal_nocase(value, ORCH_TEXT("100-continue")))
		return refuse(parser, 417, "only 100-continue can be expected");
	parser->has_expect = true;
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state take_content_encoding(
	struct orch_http_parser *parser, struct orch_text value)
{
	if (!orch_text_equal_nocase(value, ORCH_TEXT("identity")))
		return refuse(parser, 415, "encoded bodies are not accepted");
	return ORCH_HTTP_NEED_MORE;
}

static enum orch_http_state take_connection(struct orch_http_parser *parser, struct orch_text value)
{
	struct orch_text piece;

	while (orch_text_split(&value, ',', &piece))
		if (orch_text_equal_nocase(orch_text_trim(piece), ORCH_TEXT("close")))
			parser->wants_close = true;
	return ORCH_HTTP_NEED_MORE;
}

static const struct {
	const char *name;
	enum orch_http_state (*take)(struct orch_http_parser *parser, struct orch_text value);
	bool is_framing; /* and so never among the trailers */
} known_headers[] = {
	{ "Host", take_host, true },
	{ "Content-Length", take_length, true },
	{ "Transfer-Encoding", take_coding, true },
	{ "Expect", take_expect, false },
	{ "Content-Encoding", take_content_encoding, true },
	{ "Connection", take_connection, false },
};

#define KNOWN_HEADER_COUNT (sizeof(known_headers) / sizeof(known_headers[0]))

/* Its row in the table, or the table's length. */
static size_t find_known(struct orch_text name)
{
	size_t i;

	for (i = 0; i < KNOWN_HEADER_COUNT; i++)
		if (orch_text_equal_nocase(name, orch_text_from(known_headers[i].name)))
			break;
	return i;
}

static enum orch_http_state split_header(struct orch_http_parser *parser, struct orch_text line,
	struct orch_text *ret_name, struct orch_text *ret_value)
{
	size_t colon = find(line, ':');

	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return refuse(parser, 400, "a folded header line");
	if (colon == line.len)
		return refuse(parser, 400, "a header line without a colon");
	if (!is_token(slice(line, 0, colon)))
		return refuse(parser, 400, "a header's name is not a token");
	*ret_name = slice(line, 0, colon);
	*ret_value = orch_text_trim(slice(line, colon + 1, line.len));
	return ORCH_HTTP_NEED_MORE;
}

enum orch_http_state orch_http_head_take_header(
	struct orch_http_parser *parser, struct orch_text line)
{
	struct orch_text name = line, value = line;
	size_t known;

	if (split_header(parser, line, &name, &value) == ORCH_HTTP_REFUSED)
		return ORCH_HTTP_REFUSED;
	parser->names[parser->head.header_count] = place_of(parser, name);
	parser->values[parser->head.header_count] = place_of(parser, value);
	parser->head.header_count++;
	known = find_known(name);
	return known < KNOWN_HEADER_COUNT ? known_headers[known].take(parser, value)
					  : ORCH_HTTP_NEED_MORE;
}

enum orch_http_state orch_http_head_take_trailer(
	struct orch_http_parser *parser, struct orch_text line)
{
	struct orch_text name = line, value = line;
	size_t known;

	if (split_header(parser, line, &name, &value) == ORCH_HTTP_REFUSED)
		return ORCH_HTTP_REFUSED;
	known = find_known(name);
	if (known < KNOWN_HEADER_COUNT && known_headers[known].is_framing)
		return refuse(parser, 400, "a trailer that changes the message");
	return ORCH_HTTP_NEED_MORE;
}

/* A text of the head; a NUL takes the place of the separator behind it. */
static struct orch_text publish(struct orch_http_parser *parser, struct orch_http_place place)
{
	char *at = parser->bytes.ptr + place.at;

	at[place.len] = '\0';
	return (struct orch_text){ at, place.len };
}

static void publish_headers(struct orch_http_parser *parser)
{
	struct orch_http_head *head = &parser->head;
	size_t i;

	for (i = 0; i < head->header_count; i++) {
		struct orch_http_header *header = &head->headers[i];

		header->name = publish(parser, parser->names[i]);
		header->value = publish(parser, parser->values[i]);
		orch_buf_add_text(&parser->text, header->name);
		orch_buf_add(&parser->text, ": ", 2);
		orch_buf_add_text(&parser->text, header->value);
		orch_buf_add(&parser->text, "\n", 1);
	}
	head->header_text = orch_buf_text(&parser->text);
}

static bool may_have_body(struct orch_text method)
{
	return !orch_text_is(method, "GET") && !orch_text_is(method, "HEAD") &&
		!orch_text_is(method, "DELETE") && !orch_text_is(method, "TRACE");
}

static enum orch_http_phase phase_behind_head(const struct orch_http_head *head)
{
	if (head->is_chunked)
		return ORCH_HTTP_PHASE_CHUNK_SIZE;
	return head->has_body ? ORCH_HTTP_PHASE_BODY : ORCH_HTTP_PHASE_DONE;
}

enum orch_http_state orch_http_head_finish(struct orch_http_parser *parser)
{
	struct orch_http_head *head = &parser->head;

	if (!parser->has_host)
		return refuse(parser, 400, "no Host");
	if (parser->has_length && parser->has_coding)
		return refuse(parser, 400, "both Content-Length and Transfer-Encoding");
	head->method = publish(parser, parser->method);
	head->path = publish(parser, parser->path);
	head->query = parser->query.at ? publish(parser, parser->query) : ORCH_TEXT_NONE;
	publish_headers(parser);
	if (parser->text.failed)
		return refuse(parser, 503, "out of memory");
	head->has_body = head->is_chunked || head->content_length > 0;
	if (head->has_body && !may_have_body(head->method))
		return refuse(parser, 400, "a body that this method cannot have");
	head->keep_alive = !head->is_http10 && !parser->wants_close;
	head->expects_continue = parser->has_expect && head->has_body && !head->is_http10;
	parser->left = head->content_length;
	parser->phase = phase_behind_head(head);
	return ORCH_HTTP_HEAD_DONE;
}

struct orch_text orch_http_head_get(const struct orch_http_head *head, const char *name)
{
	struct orch_text wanted = orch_text_from(name);
	size_t i;

	for (i = 0; i < head->header_count; i++)
		if (orch_text_equal_nocase(head->headers[i].name, wanted))
			return head->headers[i].value;
	return (struct orch_text){ NULL, 0 };
}
