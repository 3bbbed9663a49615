/* SPDX-License-Identifier: Apache-2.0 */
/* Text in UTF-16 and UTF-32: recognised with and without its mark, and read as UTF-8. */
#ifndef WIDE_H
#define WIDE_H
#include <orch/abi.h>

enum wide { WIDE_NONE = 0, WIDE_16LE, WIDE_16BE, WIDE_32LE, WIDE_32BE };

enum wide wide_of(struct orch_text bytes);

struct wide_place;

struct wide_text {
	struct orch_text text; /* UTF-8; what is no character became U+001A */
	struct orch_text bytes;
	enum wide encoding;
	struct wide_place *places;
	size_t place_count;
};

/* BYTES are lent until wide_free(). */
int wide_decode(struct orch_text bytes, enum wide encoding, struct wide_text *ret_text);
void wide_free(struct wide_text *text);

/* Where in the bytes the character stands that is at OFFSET in the text. */
size_t wide_find(const struct wide_text *text, size_t offset);

#endif
