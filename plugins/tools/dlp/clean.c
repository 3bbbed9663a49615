/* SPDX-License-Identifier: Apache-2.0 */
#include "clean.h"

#include <stdlib.h>
#include <string.h>

#include "kit/text.h"

#define SUBSTITUTE '\x1a'

static bool is_ascii(const char *eight)
{
	uint64_t word;

	memcpy(&word, eight, sizeof(word));
	return (word & 0x8080808080808080u) == 0;
}

/* The length of what stands at AT and is UTF-8; 0: nothing is. */
static size_t valid_at(struct orch_text text, size_t at)
{
	struct orch_text rest = { text.ptr + at, text.len - at };

	return rest.len >= 8 && is_ascii(rest.ptr) ? 8 : kit_utf8_length(rest);
}

bool clean_is_utf8(struct orch_text text)
{
	for (size_t at = 0; at < text.len;) {
		size_t len = valid_at(text, at);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

char *clean_copy(struct orch_text text)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	for (size_t at = 0; at < text.len;) {
		size_t len = valid_at(text, at);

		if (len == 0)
			copy[at] = SUBSTITUTE;
		at += len == 0 ? 1 : len;
	}
	return copy;
}
