/* SPDX-License-Identifier: Apache-2.0 */
#include "wide.h"

#include <stdlib.h>
#include <string.h>

#define SUBSTITUTE 0x1au
#define MARK 0xfeffu
#define STEP_BYTES 4096 /* of the text, between two places that are kept */
#define CHARACTER_BYTES 4

/* The same place in both. */
struct wide_place {
	size_t in_bytes, in_text;
};

static bool begins(struct orch_text bytes, const char *mark, size_t len)
{
	return bytes.len >= len && memcmp(bytes.ptr, mark, len) == 0;
}

static enum wide by_mark(struct orch_text bytes)
{
	if (begins(bytes, "\xff\xfe\0\0", 4))
		return WIDE_32LE;
	if (begins(bytes, "\0\0\xfe\xff", 4))
		return WIDE_32BE;
	if (begins(bytes, "\xff\xfe", 2))
		return WIDE_16LE;
	return begins(bytes, "\xfe\xff", 2) ? WIDE_16BE : WIDE_NONE;
}

/* Are there many zeros here, and next to none there? */
static bool outweighs(size_t here, size_t there, size_t units)
{
	return here * 8 >= units && here >= there * 8;
}

/* Is the first byte of each character zero, the second mostly, the last hardly ever? */
static bool is_long(size_t first, size_t second, size_t last, size_t characters)
{
	return characters > 0 && first >= characters && second * 2 >= characters &&
		last * 8 <= second;
}

/*
 * Digits, blanks and letters of ASCII leave zeros in the same place of each
 * unit, and in UTF-32 each character leaves one or two.
 */
static enum wide by_zeros(struct orch_text bytes)
{
	size_t zeros[4] = { 0 };
	size_t units = bytes.len / 2;

	if (bytes.len < 2 || memchr(bytes.ptr, '\0', bytes.len) == NULL)
		return WIDE_NONE;
	for (size_t i = 0; i < bytes.len; i++)
		zeros[i % 4] += bytes.ptr[i] == '\0';
	if (is_long(zeros[3], zeros[2], zeros[0], bytes.len / 4))
		return WIDE_32LE;
	if (is_long(zeros[0], zeros[1], zeros[3], bytes.len / 4))
		return WIDE_32BE;
	if (outweighs(zeros[1] + zeros[3], zeros[0] + zeros[2], units))
		return WIDE_16LE;
	return outweighs(zeros[0] + zeros[2], zeros[1] + zeros[3], units) ? WIDE_16BE : WIDE_NONE;
}

enum wide wide_of(struct orch_text bytes)
{
	enum wide encoding = by_mark(bytes);

	return encoding != WIDE_NONE ? encoding : by_zeros(bytes);
}

static size_t unit_bytes(enum wide encoding)
{
	return encoding == WIDE_32LE || encoding == WIDE_32BE ? 4 : 2;
}

/* The next unit; a rest of less bytes counts as if zeros followed. */
static uint32_t take_unit(const struct wide_text *text, size_t *at)
{
	bool is_little = text->encoding == WIDE_16LE || text->encoding == WIDE_32LE;
	size_t size = unit_bytes(text->encoding);
	uint32_t unit = 0;

	for (size_t i = 0; i < size; i++) {
		size_t shift = 8 * (is_little ? i : size - 1 - i);

		if (*at + i < text->bytes.len)
			unit |= (uint32_t)(unsigned char)text->bytes.ptr[*at + i] << shift;
	}
	*at = text->bytes.len - *at < size ? text->bytes.len : *at + size;
	return unit;
}

static uint32_t take_character(const struct wide_text *text, size_t *at)
{
	uint32_t high = take_unit(text, at), low;
	size_t next = *at;

	if (high >= 0x110000u || (high >= 0xdc00u && high < 0xe000u))
		return SUBSTITUTE;
	if (high < 0xd800u || high >= 0xe000u)
		return high;
	if (unit_bytes(text->encoding) == 4 || next >= text->bytes.len)
		return SUBSTITUTE;
	low = take_unit(text, &next);
	if (low < 0xdc00u || low >= 0xe000u)
		return SUBSTITUTE;
	*at = next;
	return 0x10000u + ((high - 0xd800u) << 10) + (low - 0xdc00u);
}

static size_t put_utf8(uint32_t c, char *out)
{
	size_t more = c < 0x80u ? 0 : c < 0x800u ? 1 : c < 0x10000u ? 2 : 3;
	static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };

	out[0] = (char)(unsigned char)(first[more] | (c >> (6 * more)));
	for (size_t i = 1; i <= more; i++)
		out[i] = (char)(unsigned char)(0x80u | ((c >> (6 * (more - i))) & 0x3fu));
	return more + 1;
}

static void fill(struct wide_text *text, char *out)
{
	size_t at = 0, len = 0, start;

	while (at < text->bytes.len) {
		uint32_t c;

		start = at;
		if (len >= text->place_count * STEP_BYTES)
			text->places[text->place_count++] = (struct wide_place){ start, len };
		c = take_character(text, &at);
		if (start > 0 || c != MARK)
			len += put_utf8(c, out + len);
	}
	out[len] = '\0';
	text->text = (struct orch_text){ out, len };
}

int wide_decode(struct orch_text bytes, enum wide encoding, struct wide_text *ret_text)
{
	/* Two bytes become three at most, four become four, and a rest one character. */
	size_t most = bytes.len + bytes.len / 2 + CHARACTER_BYTES;
	char *out = malloc(most + 1);
	struct wide_text text = { .bytes = bytes, .encoding = encoding };

	text.places = calloc(most / STEP_BYTES + 1, sizeof(*text.places));
	if (out == NULL || text.places == NULL) {
		free(out);
		free(text.places);
		return ORCH_E_NOMEM;
	}
	fill(&text, out);
	*ret_text = text;
	return ORCH_OK;
}

void wide_free(struct wide_text *text)
{
	union {
		const char *lent;
		void *own;
	} ptr = { .lent = text->text.ptr };

	free(ptr.own);
	free(text->places);
}

size_t wide_find(const struct wide_text *text, size_t offset)
{
	size_t index = offset / STEP_BYTES;
	struct wide_place place;
	char ignored[CHARACTER_BYTES];

	if (index >= text->place_count)
		index = text->place_count - 1;
	if (text->places[index].in_text > offset)
		index--;
	place = text->places[index];
	while (place.in_text < offset && place.in_bytes < text->bytes.len) {
		size_t start = place.in_bytes;
		uint32_t c = take_character(text, &place.in_bytes);

		if (start > 0 || c != MARK)
			place.in_text += put_utf8(c, ignored);
	}
	return place.in_bytes;
}
