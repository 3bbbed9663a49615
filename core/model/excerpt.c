/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <string.h>

#include "base/text.h"

#define DOTS "\u2022\u2022\u2022\u2022\u2022\u2022"
#define EXCERPT_BYTES 40
#define SIDE_BYTES ((EXCERPT_BYTES - (sizeof(DOTS) - 1)) / 2)
#define SIDE_CHARS 4
#define SHOWN_OF 3  /* one character of so many may be shown */
#define CHARS_MIN 6 /* of anything shorter nothing is shown */

/* The first or the last few characters. */
struct side {
	size_t count;
	struct orch_text chars[SIDE_CHARS];
};

/*
 * Controls, invisible characters and those that turn the direction of writing
 * would deceive the reader; so would half a character.
 */
static bool is_fit_to_show(const unsigned char *s, size_t len)
{
	if (len == 1)
		return s[0] >= 0x20 && s[0] < 0x7f;
	if (len == 2)
		return !(s[0] == 0xc2 && (s[1] < 0xa0 || s[1] == 0xad));
	if (len == 3 && s[0] == 0xe2 && s[1] == 0x80)
		return s[2] < 0x8b || (s[2] > 0x8f && s[2] < 0xa8) || s[2] > 0xae;
	if (len == 3 && s[0] == 0xe2 && s[1] == 0x81)
		return s[2] < 0xa0 || s[2] > 0xaf;
	if (len == 3 && s[0] == 0xef && s[1] == 0xbb)
		return s[2] != 0xbf;
	return len == 3 || len == 4;
}

/* Cuts the next character off *REST; gives it as it may be shown. */
static struct orch_text take_char(struct orch_text *rest)
{
	size_t len = orch_text_utf8_len(*rest);
	struct orch_text shown = { rest->ptr, len };

	if (!is_fit_to_show((const unsigned char *)rest->ptr, len))
		shown = ORCH_TEXT("\ufffd");
	len += len == 0;
	rest->ptr += len;
	rest->len -= len;
	return shown;
}

/* Takes in all characters: the first stay in HEAD, the last pass through TAIL.  How many they are. */
static size_t walk(struct orch_text text, struct side *head, struct side *tail)
{
	size_t count = 0;

	for (; text.len > 0; count++) {
		struct orch_text c = take_char(&text);

		if (head->count < SIDE_CHARS)
			head->chars[head->count++] = c;
		memmove(tail->chars, tail->chars + 1, sizeof(tail->chars) - sizeof(c));
		tail->chars[SIDE_CHARS - 1] = c;
	}
	return count;
}

static size_t fit(const struct orch_text *chars, size_t count, bool from_end)
{
	size_t room = SIDE_BYTES;
	size_t fits = 0;

	while (fits < count) {
		size_t len = chars[from_end ? SIDE_CHARS - 1 - fits : fits].len;

		if (len > room)
			break;
		room -= len;
		fits++;
	}
	return fits;
}

static struct orch_text join(struct orch_arena *arena, const struct orch_text *chars, size_t count)
{
	struct orch_text joined = ORCH_TEXT_NONE;

	for (size_t i = 0; i < count; i++)
		joined = orch_arena_printf(
			arena, "%.*s%.*s", ORCH_TEXT_ARG(joined), ORCH_TEXT_ARG(chars[i]));
	return joined;
}

struct orch_text orch_mask_excerpt(struct orch_arena *arena, struct orch_text bytes)
{
	struct side head = { .count = 0 };
	struct side tail = { .count = 0 };
	size_t count = walk(bytes, &head, &tail);
	size_t shown = count < CHARS_MIN ? 0 : count / SHOWN_OF;
	struct orch_text left;
	struct orch_text right;

	if (count == 0)
		return ORCH_TEXT_NONE;
	if (shown > 2 * SIDE_CHARS)
		shown = 2 * SIDE_CHARS;
	head.count = fit(head.chars, (shown + 1) / 2, false);
	tail.count = fit(tail.chars, shown / 2, true);
	left = join(arena, head.chars, head.count);
	right = join(arena, tail.chars + SIDE_CHARS - tail.count, tail.count);
	return orch_arena_printf(
		arena, "%.*s" DOTS "%.*s", ORCH_TEXT_ARG(left), ORCH_TEXT_ARG(right));
}
