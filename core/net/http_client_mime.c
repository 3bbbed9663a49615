/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words (RFC 2047) and quoted-printable (RFC 2045 6.7). */
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "net/http_client_impl.h"

#define LINE_BYTES 998 /* SMTP's limit without CRLF */
#define QUOTED_LINE_BYTES 76
#define WORD_BYTES 39 /* 64 with its frame, which leaves room for a header's name */

static bool is_ascii(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

/* As much of TEXT as fits into one word without cutting a character. */
static size_t word_len(struct orch_text text)
{
	size_t len = text.len < WORD_BYTES ? text.len : WORD_BYTES;

	while (len > 1 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void orch_http_mime_header(struct orch_buf *buf, struct orch_text value)
{
	char word[(WORD_BYTES + 2) / 3 * 4 + 1];

	if (is_ascii(value)) {
		orch_buf_add_text(buf, value);
		return;
	}
	while (value.len > 0) {
		size_t len = word_len(value);

		(void)orch_base64_encode(value.ptr, len, word);
		orch_buf_printf(buf, "=?UTF-8?B?%s?=", word);
		value.ptr += len;
		value.len -= len;
		if (value.len > 0)
			orch_buf_add_string(buf, "\r\n ");
	}
}

bool orch_http_mime_needs_encoding(struct orch_text body)
{
	struct orch_text rest = body, line;

	if (!is_ascii(body) || memchr(body.ptr, '\0', body.len))
		return true;
	while (orch_text_split(&rest, '\n', &line)) {
		if (line.len > LINE_BYTES)
			return true;
	}
	return false;
}

static void add_quoted_line(struct orch_buf *buf, struct orch_text line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		bool is_last_space = (c == ' ' || c == '\t') && i + 1 == line.len;
		bool is_plain = c == '\t' || (c >= ' ' && c <= '~' && c != '=');
		size_t width = is_plain && !is_last_space ? 1 : 3;

		if (column + width > QUOTED_LINE_BYTES - 1) {
			orch_buf_add_string(buf, "=\r\n");
			column = 0;
		}
		if (width == 1)
			orch_buf_add_char(buf, (char)c);
		else
			orch_buf_printf(buf, "=%02X", c);
		column += width;
	}
}

/* Every line ends with CRLF, whatever ended it before. */
void orch_http_mime_body(struct orch_buf *buf, struct orch_text body, bool encode)
{
	struct orch_text rest = body, line;

	while (rest.len > 0 && orch_text_split(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (encode)
			add_quoted_line(buf, line);
		else
			orch_buf_add_text(buf, line);
		orch_buf_add_string(buf, "\r\n");
	}
}
