/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/text.h"

#include <string.h>

#define NUMBER_DIGITS 18

struct orch_text kit_text(const char *string)
{
	return (struct orch_text){ string == NULL ? "" : string,
		string == NULL ? 0 : strlen(string) };
}

bool kit_equal(struct orch_text a, struct orch_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool kit_is(struct orch_text text, const char *string)
{
	return kit_equal(text, kit_text(string));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool kit_equal_caseless(struct orch_text a, struct orch_text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	}
	return true;
}

bool kit_starts(struct orch_text text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.ptr, prefix, len) == 0;
}

bool kit_ends(struct orch_text text, const char *suffix)
{
	size_t len = strlen(suffix);

	return text.len >= len && memcmp(text.ptr + text.len - len, suffix, len) == 0;
}

size_t kit_find(struct orch_text text, struct orch_text part)
{
	for (size_t at = 0; part.len > 0 && at + part.len <= text.len; at++) {
		const char *hit = memchr(text.ptr + at, part.ptr[0], text.len - part.len - at + 1);

		if (hit == NULL)
			return text.len;
		at = (size_t)(hit - text.ptr);
		if (memcmp(hit, part.ptr, part.len) == 0)
			return at;
	}
	return text.len;
}

bool kit_number(struct orch_text text, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.len == 0 || text.len > NUMBER_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*ret_number = number;
	return true;
}

bool kit_split(struct orch_text *rest, char separator, struct orch_text *ret_piece)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->ptr, separator, rest->len);
	if (end == NULL) {
		*ret_piece = *rest;
		rest->ptr += rest->len;
		rest->len = 0;
		return true;
	}
	*ret_piece = (struct orch_text){ rest->ptr, (size_t)(end - rest->ptr) };
	rest->len -= ret_piece->len + 1;
	rest->ptr = end + 1;
	return true;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0u) == 0x80u;
}

struct orch_text kit_prefix(struct orch_text text, size_t limit)
{
	size_t len = limit;

	if (text.len <= limit)
		return text;
	while (len > 0 && limit - len < 4 && is_continuation(text.ptr[len]))
		len--;
	if (is_continuation(text.ptr[len])) /* not UTF-8 at all */
		len = limit;
	return (struct orch_text){ text.ptr, len };
}

static size_t claimed_length(unsigned char first)
{
	if (first < 0x80u)
		return 1;
	if (first >= 0xc2u && first <= 0xdfu)
		return 2;
	if (first >= 0xe0u && first <= 0xefu)
		return 3;
	return first >= 0xf0u && first <= 0xf4u ? 4 : 0;
}

size_t kit_utf8_length(struct orch_text text)
{
	size_t len = text.len == 0 ? 0 : claimed_length((unsigned char)text.ptr[0]);
	unsigned char first, second;

	if (len < 2)
		return len;
	if (len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (!is_continuation(text.ptr[i]))
			return 0;
	}
	first = (unsigned char)text.ptr[0];
	second = (unsigned char)text.ptr[1];
	/* Overlong forms, surrogates and what lies beyond U+10FFFF. */
	if ((first == 0xe0u && second < 0xa0u) || (first == 0xedu && second > 0x9fu) ||
		(first == 0xf0u && second < 0x90u) || (first == 0xf4u && second > 0x8fu))
		return 0;
	return len;
}

struct orch_text kit_copy(struct kit_arena *arena, struct orch_text text)
{
	char *ptr = kit_arena_alloc(arena, text.len + 1);

	if (ptr == NULL)
		return (struct orch_text){ "", 0 };
	if (text.len > 0)
		memcpy(ptr, text.ptr, text.len);
	return (struct orch_text){ ptr, text.len };
}
