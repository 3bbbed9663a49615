/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on borrowed bytes.  None allocates. */
#ifndef ORCH_TEXT_H
#define ORCH_TEXT_H
#include <orch/abi.h>

#define ORCH_TEXT(literal) ((struct orch_text){ (literal), sizeof(literal) - 1 })
#define ORCH_TEXT_NONE ((struct orch_text){ "", 0 })

/* For printf: "%.*s", ORCH_TEXT_ARG(text). */
#define ORCH_TEXT_ARG(text) (int)(text).len, (text).ptr

struct orch_text orch_text_from(const char *string); /* NULL gives the empty text */
bool orch_text_equal(struct orch_text a, struct orch_text b);
bool orch_text_is(struct orch_text text, const char *string);
bool orch_text_equal_nocase(struct orch_text a, struct orch_text b); /* ASCII */
bool orch_text_starts_with(struct orch_text text, struct orch_text prefix);
bool orch_text_ends_with(struct orch_text text, struct orch_text suffix);
int orch_text_compare(struct orch_text a, struct orch_text b); /* as memcmp, then by length */

/* The text without leading and trailing spaces and tabs.  Its end need not be NUL. */
struct orch_text orch_text_trim(struct orch_text text);

/*
 * Cuts the next piece off *REST up to SEPARATOR; false when *REST was exhausted.
 * "a,,b" gives "a", "", "b"; start with *rest = text; a piece need not end in NUL.
 */
bool orch_text_split(struct orch_text *rest, char separator, struct orch_text *ret_piece);

/* All digits, within [min, max].  ORCH_E_INVALID otherwise. */
int orch_text_to_uint(struct orch_text text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* "90s" "2m" "1h" "250ms" "7d"; a bare number is refused.  Milliseconds. */
int orch_text_to_ms(struct orch_text text, uint64_t *ret_ms);

/* "64k" "10M" "2G" "4096"; powers of 1024.  Bytes. */
int orch_text_to_bytes(struct orch_text text, uint64_t *ret_bytes);

/* The length of the well-formed UTF-8 character that TEXT begins with; 0 if it begins with none. */
size_t orch_text_utf8_len(struct orch_text text);

/* Well-formed UTF-8 throughout? */
bool orch_text_is_utf8(struct orch_text text);

/* How many bytes at the start stand as they are in a JSON string: printable ASCII but '"' and '\\'. */
size_t orch_text_plain_run(struct orch_text text);

/* Damerau-Levenshtein distance, for "did you mean"; at most LIMIT + 1. */
size_t orch_text_distance(struct orch_text a, struct orch_text b, size_t limit);

#endif
