/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <string.h>

/* Longer texts are no misspelt names. */
#define DISTANCE_LEN_MAX 64

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 3600 * 1000 },
	{ "d", 24 * 3600 * 1000 },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "k", UINT64_C(1) << 10 },
	{ "K", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 },
	{ "G", UINT64_C(1) << 30 },
	{ NULL, 0 },
};

struct orch_text orch_text_from(const char *string)
{
	if (!string)
		return ORCH_TEXT_NONE;
	return (struct orch_text){ string, strlen(string) };
}

bool orch_text_equal(struct orch_text a, struct orch_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool orch_text_is(struct orch_text text, const char *string)
{
	return orch_text_equal(text, orch_text_from(string));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool orch_text_equal_nocase(struct orch_text a, struct orch_text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	}
	return true;
}

bool orch_text_starts_with(struct orch_text text, struct orch_text prefix)
{
	if (prefix.len > text.len)
		return false;
	return orch_text_equal((struct orch_text){ text.ptr, prefix.len }, prefix);
}

bool orch_text_ends_with(struct orch_text text, struct orch_text suffix)
{
	if (suffix.len > text.len)
		return false;
	if (suffix.len == 0)
		return true;
	return memcmp(text.ptr + text.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

int orch_text_compare(struct orch_text a, struct orch_text b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct orch_text orch_text_trim(struct orch_text text)
{
	while (text.len > 0 && is_blank(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

bool orch_text_split(struct orch_text *rest, char separator, struct orch_text *ret_piece)
{
	const char *end;

	/* The last piece leaves NULL behind, since an empty rest is a piece, too. */
	if (!rest->ptr)
		return false;
	end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
	if (!end) {
		*ret_piece = *rest;
		*rest = (struct orch_text){ NULL, 0 };
		return true;
	}
	*ret_piece = (struct orch_text){ rest->ptr, (size_t)(end - rest->ptr) };
	rest->len -= ret_piece->len + 1;
	rest->ptr = end + 1;
	return true;
}

/* Cuts the digits off *TEXT; false without digits or when they make too large a number. */
static bool take_number(struct orch_text *text, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
		unsigned digit = (unsigned)(text->ptr[i] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (i == 0)
		return false;
	text->ptr += i;
	text->len -= i;
	*ret_value = value;
	return true;
}

int orch_text_to_uint(struct orch_text text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;

	if (!take_number(&text, &value) || text.len != 0 || value < min || value > max)
		return ORCH_E_INVALID;
	*ret_value = value;
	return ORCH_OK;
}

static int to_units(struct orch_text text, const struct unit *units, uint64_t *ret_value)
{
	uint64_t value;

	if (!take_number(&text, &value))
		return ORCH_E_INVALID;
	for (; units->name; units++) {
		if (!orch_text_is(text, units->name))
			continue;
		if (value > UINT64_MAX / units->factor)
			return ORCH_E_INVALID;
		*ret_value = value * units->factor;
		return ORCH_OK;
	}
	return ORCH_E_INVALID;
}

int orch_text_to_ms(struct orch_text text, uint64_t *ret_ms)
{
	return to_units(text, time_units, ret_ms);
}

int orch_text_to_bytes(struct orch_text text, uint64_t *ret_bytes)
{
	return to_units(text, size_units, ret_bytes);
}

static bool are_tails(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

/* Of three bytes: neither overlong nor a surrogate. */
static bool is_three(const unsigned char *s)
{
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return false;
	return are_tails(s + 1, 2);
}

/* Of four bytes: neither overlong nor beyond U+10FFFF. */
static bool is_four(const unsigned char *s)
{
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return false;
	return are_tails(s + 1, 3);
}

size_t orch_text_utf8_len(struct orch_text text)
{
	const unsigned char *s = (const unsigned char *)text.ptr;

	if (text.len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return text.len >= 2 && are_tails(s + 1, 1) ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef)
		return text.len >= 3 && is_three(s) ? 3 : 0;
	if (s[0] >= 0xf0 && s[0] <= 0xf4)
		return text.len >= 4 && is_four(s) ? 4 : 0;
	return 0;
}

/* How many bytes at the start are ASCII, looked at by eights. */
static size_t ascii_run(struct orch_text text)
{
	size_t at = 0;
	uint64_t word;

	for (; at + sizeof(word) <= text.len; at += sizeof(word)) {
		memcpy(&word, text.ptr + at, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

bool orch_text_is_utf8(struct orch_text text)
{
	while (text.len > 0) {
		size_t len = ascii_run(text);

		if (len == 0)
			len = orch_text_utf8_len(text);
		if (len == 0)
			return false;
		text.ptr += len;
		text.len -= len;
	}
	return true;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define TOPS EACH(0x80)

/* Has one of the eight bytes this value?  Then its top bit is set, and perhaps that of one above it. */
static uint64_t has_byte(uint64_t word, uint64_t value)
{
	uint64_t differs = word ^ EACH(value);

	return (differs - EACH(1)) & ~differs & TOPS;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Eights first, and byte by byte through the one that has another. */
size_t orch_text_plain_run(struct orch_text text)
{
	size_t at = 0;
	uint64_t word;

	for (; at + sizeof(word) <= text.len; at += sizeof(word)) {
		memcpy(&word, text.ptr + at, sizeof(word));
		if (((word & TOPS) | ((word - EACH(0x20)) & ~word & TOPS) | has_byte(word, 0x7f) |
			    has_byte(word, '"') | has_byte(word, '\\')) != 0)
			break;
	}
	while (at < text.len && is_plain((unsigned char)text.ptr[at]))
		at++;
	return at;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* One row of the table of distances: ROWS[0] is new, ROWS[1] and ROWS[2] stand above it. */
static void fill_row(struct orch_text a, struct orch_text b, size_t i, size_t *rows[3])
{
	rows[0][0] = i;
	for (size_t j = 1; j <= b.len; j++) {
		size_t differs = a.ptr[i - 1] != b.ptr[j - 1];

		rows[0][j] = min3(rows[1][j] + 1, rows[0][j - 1] + 1, rows[1][j - 1] + differs);
		if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
			rows[0][j] = min3(rows[0][j], rows[2][j - 2] + 1, SIZE_MAX);
	}
}

size_t orch_text_distance(struct orch_text a, struct orch_text b, size_t limit)
{
	size_t space[3][DISTANCE_LEN_MAX + 1] = { { 0 } };
	size_t *rows[3] = { space[0], space[1], space[2] };

	if (a.len > DISTANCE_LEN_MAX || b.len > DISTANCE_LEN_MAX)
		return orch_text_equal(a, b) ? 0 : limit + 1;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *oldest = rows[2];

		rows[2] = rows[1];
		rows[1] = rows[0];
		rows[0] = oldest;
		fill_row(a, b, i, rows);
	}
	return rows[0][b.len] > limit ? limit + 1 : rows[0][b.len];
}
