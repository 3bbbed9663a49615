/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts by which tests tell the plugins here what to do: words, with ':' between their pieces. */
#ifndef WORDS_H
#define WORDS_H
#include <orch/event.h>

#include <stdlib.h>
#include <string.h>

static inline struct orch_text text_of(const char *string)
{
	return (struct orch_text){ string, strlen(string) };
}

/* Cuts the next piece off *REST; false at the end. */
static inline bool cut(struct orch_text *rest, char separator, struct orch_text *ret_piece)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->ptr, separator, rest->len);
	*ret_piece = (struct orch_text){ rest->ptr,
		end == NULL ? rest->len : (size_t)(end - rest->ptr) };
	rest->ptr += end == NULL ? rest->len : ret_piece->len + 1;
	rest->len -= end == NULL ? rest->len : ret_piece->len + 1;
	return true;
}

static inline bool is(struct orch_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static inline unsigned number_of(struct orch_text text)
{
	unsigned number = 0;

	for (size_t i = 0; i < text.len; i++)
		number = number * 10 + (unsigned)(text.ptr[i] - '0');
	return number;
}

/* The event's field NAME, else FALLBACK. */
static inline struct orch_text script_of(
	const struct orch_event *event, const char *name, const char *fallback)
{
	for (size_t i = 0; i < event->field_count; i++)
		if (is(event->fields[i].name, name))
			return event->fields[i].value;
	return text_of(fallback);
}

static inline const char *copy(char *to, size_t size, struct orch_text text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;

	memcpy(to, text.ptr, len);
	to[len] = '\0';
	return to;
}

static inline int code_of(struct orch_text word)
{
	return is(word, "again")      ? ORCH_E_AGAIN
		: is(word, "denied")  ? ORCH_E_DENIED
		: is(word, "invalid") ? ORCH_E_INVALID
		: is(word, "limit")   ? ORCH_E_LIMIT
				      : ORCH_OK;
}

#endif
