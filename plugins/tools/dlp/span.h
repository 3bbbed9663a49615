/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of a text, and what an expression caught in it. */
#ifndef SPAN_H
#define SPAN_H
#include <orch/abi.h>

struct span {
	size_t start, end;
};

struct sighting {
	struct orch_text text; /* all of it: what stands around matters */
	struct span match;
	struct span value; /* what the rule is about; the match, if the rule does not say */
	bool is_again;     /* it begins within an earlier match */
};

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A letter or a digit of ASCII. */
static inline bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
