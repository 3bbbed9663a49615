/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define SIZE_MIN 256
#define LIMIT_MAX (SIZE_MAX / 4) /* so that sizes can be added and doubled */

void orch_buf_init(struct orch_buf *buf, size_t limit)
{
	*buf = (struct orch_buf){ .limit = limit < LIMIT_MAX ? limit : LIMIT_MAX };
}

void orch_buf_fini(struct orch_buf *buf)
{
	orch_free(buf->ptr);
	orch_buf_init(buf, buf->limit);
}

void orch_buf_reset(struct orch_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->ptr)
		buf->ptr[0] = '\0';
}

/* Room for LEN more bytes and a NUL, or FAILED. */
static bool make_room(struct orch_buf *buf, size_t len)
{
	size_t size = buf->size;
	char *ptr;

	if (buf->failed || len > buf->limit - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->len + len < size)
		return true;
	size = size < SIZE_MIN / 2 ? SIZE_MIN : size > buf->limit / 2 ? buf->limit + 1 : size * 2;
	if (size <= buf->len + len)
		size = buf->len + len + 1;
	ptr = orch_realloc(buf->ptr, size);
	if (!ptr) {
		buf->failed = true;
		return false;
	}
	buf->ptr = ptr;
	buf->size = size;
	return true;
}

void orch_buf_add(struct orch_buf *buf, const void *bytes, size_t len)
{
	if (len == 0 || !make_room(buf, len))
		return;
	memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
	buf->ptr[buf->len] = '\0';
}

void orch_buf_add_text(struct orch_buf *buf, struct orch_text text)
{
	orch_buf_add(buf, text.ptr, text.len);
}

void orch_buf_add_string(struct orch_buf *buf, const char *string)
{
	orch_buf_add(buf, string, strlen(string));
}

void orch_buf_add_char(struct orch_buf *buf, char c)
{
	if (buf->failed || buf->len >= buf->limit || buf->len + 1 >= buf->size) {
		orch_buf_add(buf, &c, 1);
		return;
	}
	buf->ptr[buf->len++] = c;
	buf->ptr[buf->len] = '\0';
}

void orch_buf_printf(struct orch_buf *buf, const char *fmt, ...)
{
	size_t room = buf->ptr && !buf->failed ? buf->size - buf->len : 0;
	va_list ap;
	int len;

	/* Mostly there is room already, and once is enough. */
	va_start(ap, fmt);
	len = vsnprintf(room > 0 ? buf->ptr + buf->len : NULL, room, fmt, ap);
	va_end(ap);
	if (len == 0)
		return;
	if (len < 0 || !make_room(buf, (size_t)len)) {
		buf->failed = true;
		if (room > 0)
			buf->ptr[buf->len] = '\0';
		return;
	}
	if ((size_t)len >= room) {
		va_start(ap, fmt);
		(void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, ap);
		va_end(ap);
	}
	buf->len += (size_t)len;
}

/*
 * The code point to be written as \uXXXX: C0 and C1 controls, DEL, and the two
 * separators that end a line for some readers.  0: the character may stand as
 * it is.  U+0000 itself is 1 byte long and caught before.
 */
static unsigned code_to_escape(const unsigned char *s, size_t len)
{
	if (len == 1 && (s[0] < 0x20 || s[0] == 0x7f))
		return s[0];
	if (len == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		return s[1];
	if (len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
		return 0x2000u | (s[2] & 0x3fu);
	return 0;
}

static void add_escape(struct orch_buf *buf, unsigned code)
{
	switch (code) {
	case '\n':
		orch_buf_add(buf, "\\n", 2);
		break;
	case '\r':
		orch_buf_add(buf, "\\r", 2);
		break;
	case '\t':
		orch_buf_add(buf, "\\t", 2);
		break;
	default:
		orch_buf_printf(buf, "\\u%04x", code);
	}
}

/* How many bytes at the start need no escape and are whole characters. */
static size_t plain_run(struct orch_text text)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	size_t at = 0;

	for (;;) {
		size_t len;

		at += orch_text_plain_run((struct orch_text){ text.ptr + at, text.len - at });
		if (at == text.len || s[at] == '"' || s[at] == '\\')
			return at;
		len = orch_text_utf8_len((struct orch_text){ text.ptr + at, text.len - at });
		if (len < 2 || code_to_escape(s + at, len))
			return at;
		at += len;
	}
}

/* Adds the one character, or broken byte, that stopped a plain run; gives its length. */
static size_t add_special(struct orch_buf *buf, struct orch_text text)
{
	size_t len;

	if (*text.ptr == '"' || *text.ptr == '\\') {
		orch_buf_add(buf, *text.ptr == '"' ? "\\\"" : "\\\\", 2);
		return 1;
	}
	len = orch_text_utf8_len(text);
	if (len == 0) {
		orch_buf_add(buf, "\xef\xbf\xbd", 3);
		return 1;
	}
	add_escape(buf, code_to_escape((const unsigned char *)text.ptr, len));
	return len;
}

void orch_buf_add_json(struct orch_buf *buf, struct orch_text text)
{
	orch_buf_add_char(buf, '"');
	while (text.len > 0 && !buf->failed) {
		size_t len = plain_run(text);

		orch_buf_add(buf, text.ptr, len);
		if (len < text.len) {
			struct orch_text rest = { text.ptr + len, text.len - len };

			len += add_special(buf, rest);
		}
		text.ptr += len;
		text.len -= len;
	}
	orch_buf_add_char(buf, '"');
}

struct orch_text orch_buf_text(const struct orch_buf *buf)
{
	return buf->ptr ? (struct orch_text){ buf->ptr, buf->len } : ORCH_TEXT_NONE;
}

/* The code point of a well-formed character of LEN bytes. */
static uint32_t decode(const unsigned char *at, size_t len)
{
	uint32_t point = len == 1 ? at[0] : at[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		point = point << 6 | (at[i] & 0x3fu);
	return point;
}

static bool is_harmless(uint32_t point)
{
	if (point < ' ' || (point >= 0x7f && point < 0xa0))
		return false;
	/* Marks, embeddings, overrides and isolates of direction; line and paragraph ends. */
	return point != 0x061c && !(point >= 0x200e && point <= 0x200f) &&
		!(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069) &&
		point != 0xfeff;
}

void orch_buf_add_printable(struct orch_buf *buf, struct orch_text text)
{
	for (size_t i = 0; i < text.len;) {
		struct orch_text rest = { text.ptr + i, text.len - i };
		size_t len = orch_text_utf8_len(rest);

		if (len > 0 && is_harmless(decode((const unsigned char *)rest.ptr, len)))
			orch_buf_add(buf, rest.ptr, len);
		else
			orch_buf_add_char(buf, '?');
		i += len > 0 ? len : 1;
	}
}
