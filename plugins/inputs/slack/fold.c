/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader sees of characters: those that take no room are dropped, blanks
 * of any width and digits of full width become those of ASCII.
 */
#include "slack.h"

struct range {
	uint32_t first, last;
};

/* Unicode's Default_Ignorable_Code_Point. */
static const struct range ignorable[] = {
	{ 0xad, 0xad },
	{ 0x34f, 0x34f },
	{ 0x61c, 0x61c },
	{ 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x200b, 0x200f },
	{ 0x202a, 0x202e },
	{ 0x2060, 0x206f },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfff8 },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static const struct range blanks[] = {
	{ 0xa0, 0xa0 },
	{ 0x2000, 0x200a },
	{ 0x202f, 0x202f },
	{ 0x205f, 0x205f },
	{ 0x3000, 0x3000 },
};

#define WIDE_0 0xff10u
#define WIDE_9 0xff19u

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

/* The code point of the sound UTF-8 character at BYTES. */
static uint32_t decode(const char *bytes, size_t len)
{
	static const unsigned char marks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)bytes[0] & marks[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3fu);
	return code;
}

size_t fold_put(struct kit_builder *out, struct orch_text text)
{
	size_t len = kit_utf8_length(text);
	uint32_t code;

	if (len < 2) { /* a byte that is no UTF-8 stands for itself */
		kit_putc(out, *text.ptr);
		return 1;
	}
	code = decode(text.ptr, len);
	if (is_in(ignorable, sizeof(ignorable) / sizeof(ignorable[0]), code))
		return len;
	if (is_in(blanks, sizeof(blanks) / sizeof(blanks[0]), code))
		kit_putc(out, ' ');
	else if (code >= WIDE_0 && code <= WIDE_9)
		kit_putc(out, (char)('0' + (code - WIDE_0)));
	else
		kit_put(out, (struct orch_text){ text.ptr, len });
	return len;
}
