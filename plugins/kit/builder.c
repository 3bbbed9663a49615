/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/text.h"

#include <string.h>

#define FIRST_BYTES 256
#define PRINTF_BYTES 256

void kit_builder_init(struct kit_builder *builder, struct kit_arena *arena, size_t limit)
{
	*builder = (struct kit_builder){ .arena = arena, .limit = limit };
}

static bool make_room(struct kit_builder *builder, size_t more)
{
	size_t size = builder->size == 0 ? FIRST_BYTES : builder->size;
	char *ptr;

	if (builder->failed)
		return false;
	if (builder->len + more + 1 <= builder->size)
		return true;
	while (size < builder->len + more + 1)
		size *= 2;
	ptr = kit_arena_alloc(builder->arena, size);
	if (ptr == NULL) {
		builder->failed = true;
		return false;
	}
	if (builder->len > 0)
		memcpy(ptr, builder->ptr, builder->len);
	builder->ptr = ptr;
	builder->size = size;
	return true;
}

void kit_put(struct kit_builder *builder, struct orch_text text)
{
	size_t room = builder->limit - builder->len;

	if (builder->cut)
		return;
	if (text.len > room) {
		text = kit_prefix(text, room);
		builder->cut = true;
	}
	if (text.len == 0 || !make_room(builder, text.len))
		return;
	memcpy(builder->ptr + builder->len, text.ptr, text.len);
	builder->len += text.len;
	builder->ptr[builder->len] = '\0';
}

void kit_puts(struct kit_builder *builder, const char *string)
{
	kit_put(builder, kit_text(string));
}

void kit_putc(struct kit_builder *builder, char byte)
{
	kit_put(builder, (struct orch_text){ &byte, 1 });
}

void kit_printf(struct kit_builder *builder, const char *fmt, ...)
{
	char text[PRINTF_BYTES];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		builder->failed = true;
	else
		kit_put(builder, (struct orch_text){ text, (size_t)len });
}

/* The escape of C in a JSON text, or NULL if it stands for itself. */
static const char *short_escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

void kit_put_json(struct kit_builder *builder, struct orch_text text)
{
	size_t at = 0;

	kit_putc(builder, '"');
	while (at < text.len) {
		struct orch_text rest = { text.ptr + at, text.len - at };
		size_t len = kit_utf8_length(rest);
		const char *escape = short_escape(*rest.ptr);

		if (len == 0)
			kit_puts(builder, "\\ufffd");
		else if (escape != NULL)
			kit_puts(builder, escape);
		else if ((unsigned char)*rest.ptr < 0x20u || *rest.ptr == 0x7f)
			kit_printf(builder, "\\u%04x", (unsigned)(unsigned char)*rest.ptr);
		else
			kit_put(builder, (struct orch_text){ rest.ptr, len });
		at += len == 0 ? 1 : len;
	}
	kit_putc(builder, '"');
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_' || c == '~';
}

void kit_put_percent(struct kit_builder *builder, struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_unreserved(text.ptr[i]))
			kit_putc(builder, text.ptr[i]);
		else
			kit_printf(builder, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
	}
}

struct orch_text kit_built(struct kit_builder *builder)
{
	if (builder->len == 0)
		return (struct orch_text){ "", 0 };
	return (struct orch_text){ builder->ptr, builder->len };
}

bool kit_is_whole(const struct kit_builder *builder)
{
	return !builder->cut && !builder->failed;
}
