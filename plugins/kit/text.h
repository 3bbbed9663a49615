/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed texts, and texts that are put together within a limit. */
#ifndef KIT_TEXT_H
#define KIT_TEXT_H
#include <orch/abi.h>
#include "kit/arena.h"

struct orch_text kit_text(const char *string);
bool kit_is(struct orch_text text, const char *string);
bool kit_equal(struct orch_text a, struct orch_text b);
bool kit_equal_caseless(struct orch_text a, struct orch_text b); /* ASCII letters only */
bool kit_starts(struct orch_text text, const char *prefix);
bool kit_ends(struct orch_text text, const char *suffix);

/* Where PART begins in TEXT, or TEXT's length if it does not occur. */
size_t kit_find(struct orch_text text, struct orch_text part);

/* Decimal digits only, at most 18 of them. */
bool kit_number(struct orch_text text, uint64_t *ret_number);

/* Cuts the next piece up to SEPARATOR off the front of REST; false: REST is at its end. */
bool kit_split(struct orch_text *rest, char separator, struct orch_text *ret_piece);

/* The longest prefix of at most LIMIT bytes that does not end within a character of UTF-8. */
struct orch_text kit_prefix(struct orch_text text, size_t limit);

/* The length of the UTF-8 character at the start of TEXT; 0: not valid. */
size_t kit_utf8_length(struct orch_text text);

/* A copy that ends in NUL; the empty text if there is no room. */
struct orch_text kit_copy(struct kit_arena *arena, struct orch_text text);

/*
 * A text in the making.  What does not fit LIMIT is left off and sets cut;
 * what finds no memory sets failed.  Either is looked at once, at the end.
 */
struct kit_builder {
	struct kit_arena *arena;
	char *ptr;
	size_t len, size, limit;
	bool cut, failed;
};

void kit_builder_init(struct kit_builder *builder, struct kit_arena *arena, size_t limit);
void kit_put(struct kit_builder *builder, struct orch_text text);
void kit_puts(struct kit_builder *builder, const char *string);
void kit_putc(struct kit_builder *builder, char byte);
ORCH_PRINTF(2, 3)
void kit_printf(struct kit_builder *builder, const char *fmt, ...); /* at most 255 bytes a call */

/* In quotes; bytes that are not UTF-8 become U+FFFD. */
void kit_put_json(struct kit_builder *builder, struct orch_text text);

/* For a query or a form: everything but letters, digits and "-._~" as %XX. */
void kit_put_percent(struct kit_builder *builder, struct orch_text text);

/* What has been put so far, with a NUL behind it; lent by the arena. */
struct orch_text kit_built(struct kit_builder *builder);
bool kit_is_whole(const struct kit_builder *builder); /* neither cut nor failed */

#endif
