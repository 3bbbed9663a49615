/* SPDX-License-Identifier: Apache-2.0 */
#include "config/errors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define ENTRY_BYTES 1024     /* of one entry's text */
#define PRINTED_BYTES 600000 /* of the whole list */
#define NEAR_ENOUGH 2

void orch_config_errors_init(struct orch_config_errors *errors, struct orch_arena *arena)
{
	*errors = (struct orch_config_errors){ .arena = arena };
}

static bool make_room(struct orch_config_errors *errors)
{
	struct orch_config_error *items;
	size_t size = errors->size == 0 ? 16 : errors->size * 2;

	if (errors->count < errors->size)
		return true;
	items = orch_arena_alloc_array(errors->arena, size, sizeof(*items));
	if (items == NULL)
		return false;
	if (errors->count > 0)
		memcpy(items, errors->items, errors->count * sizeof(*items));
	errors->items = items;
	errors->size = size;
	return true;
}

/* Nobody may take a file for good only because there was no memory to say what is wrong with it. */
static void leave_out(struct orch_config_errors *errors)
{
	if (errors->count > 0) {
		errors->left_out++;
		return;
	}
	errors->spare = (struct orch_config_error){ .path = ORCH_TEXT_NONE,
		.text = ORCH_TEXT("no memory to list what is wrong") };
	errors->items = &errors->spare;
	errors->count = errors->size = 1;
}

void orch_config_errors_add(struct orch_config_errors *errors, struct orch_where where,
	struct orch_text path, const char *fmt, ...)
{
	struct orch_config_error entry = { .where = where };
	char text[ENTRY_BYTES];
	va_list ap;

	if (errors->count >= ORCH_CONFIG_ERRORS_MAX) {
		errors->left_out++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	entry.path = orch_arena_text(errors->arena, path);
	entry.text = orch_arena_text(errors->arena, orch_text_from(text));
	if (where.file != NULL)
		entry.where.file = orch_arena_string(errors->arena, orch_text_from(where.file));
	if (orch_arena_failed(errors->arena) || !make_room(errors)) {
		leave_out(errors);
		return;
	}
	errors->items[errors->count++] = entry;
}

size_t orch_config_errors_total(const struct orch_config_errors *errors)
{
	return errors->count + errors->left_out;
}

static int compare(const void *left, const void *right)
{
	const struct orch_config_error *a = *(const struct orch_config_error *const *)left;
	const struct orch_config_error *b = *(const struct orch_config_error *const *)right;
	int order = strcmp(a->where.file == NULL ? "" : a->where.file,
		b->where.file == NULL ? "" : b->where.file);

	if (order != 0)
		return order;
	if (a->where.line != b->where.line)
		return a->where.line < b->where.line ? -1 : 1;
	return a < b ? -1 : a > b; /* of one line: in the order of finding */
}

static void print_entry(struct orch_buf *buf, const struct orch_config_error *entry)
{
	if (entry->where.file != NULL) {
		orch_buf_add_printable(buf, orch_text_from(entry->where.file));
		if (entry->where.line > 0)
			orch_buf_printf(buf, ":%u", entry->where.line);
		orch_buf_add_string(buf, ": ");
	}
	if (entry->path.len > 0) {
		orch_buf_add_printable(buf, entry->path);
		orch_buf_add_string(buf, ": ");
	}
	orch_buf_add_printable(buf, entry->text);
	orch_buf_add_char(buf, '\n');
}

static void print_all(struct orch_buf *buf, const struct orch_config_errors *errors)
{
	const struct orch_config_error *sorted[ORCH_CONFIG_ERRORS_MAX];

	for (size_t i = 0; i < errors->count; i++)
		sorted[i] = &errors->items[i];
	qsort(sorted, errors->count, sizeof(*sorted), compare);
	for (size_t i = 0; i < errors->count; i++)
		print_entry(buf, sorted[i]);
	if (errors->left_out > 0)
		orch_buf_printf(buf, "and %zu more\n", errors->left_out);
}

struct orch_text orch_config_errors_print(
	struct orch_config_errors *errors, struct orch_arena *arena)
{
	struct orch_text printed;
	struct orch_buf buf;

	orch_buf_init(&buf, PRINTED_BYTES);
	print_all(&buf, errors);
	printed = orch_arena_text(arena, orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return printed;
}

struct orch_text orch_config_did_you_mean(
	struct orch_arena *arena, struct orch_text word, const char *const *names, size_t count)
{
	size_t nearest = NEAR_ENOUGH + 1;
	const char *name = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t distance = orch_text_distance(word, orch_text_from(names[i]), NEAR_ENOUGH);

		if (distance < nearest && distance < word.len) {
			nearest = distance;
			name = names[i];
		}
	}
	if (name == NULL)
		return ORCH_TEXT_NONE;
	return orch_arena_printf(arena, " (did you mean \"%s\"?)", name);
}
