/* SPDX-License-Identifier: Apache-2.0 */
#include "config/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define SHOWN_BYTES 60 /* of a value in an error */
#define CHOICE_BYTES 64

static int shown(struct orch_text text)
{
	return (int)(text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len);
}

static int refuse_kind(const struct orch_value *value, const char *wanted, struct orch_err *err)
{
	return orch_fail(err, ORCH_E_INVALID, "is %s, must be %s",
		orch_value_kind_name(value->kind), wanted);
}

int orch_value_to_text(
	const struct orch_value *value, struct orch_text *ret_text, struct orch_err *err)
{
	if (value->kind != ORCH_VALUE_TEXT)
		return refuse_kind(value, "a string in quotes", err);
	*ret_text = value->text;
	return ORCH_OK;
}

int orch_value_to_bool(const struct orch_value *value, bool *ret_bool, struct orch_err *err)
{
	if (value->kind != ORCH_VALUE_BOOL)
		return refuse_kind(value, "true or false, without quotes", err);
	*ret_bool = value->number != 0;
	return ORCH_OK;
}

int orch_value_to_int(const struct orch_value *value, int64_t min, int64_t max, int64_t *ret_number,
	struct orch_err *err)
{
	if (value->kind != ORCH_VALUE_INT)
		return refuse_kind(value, "a number such as 10, without quotes", err);
	if (value->number < min || value->number > max)
		return orch_fail(err, ORCH_E_INVALID,
			"is %" PRId64 ", must be %" PRId64 " to %" PRId64, value->number, min, max);
	*ret_number = value->number;
	return ORCH_OK;
}

static void print_unit(uint64_t amount, const uint64_t *sizes, const char *const *units,
	size_t count, char ret[32])
{
	for (size_t i = 0; i < count; i++) {
		if (amount % sizes[i] != 0 || (amount == 0 && sizes[i] != 1))
			continue;
		(void)snprintf(ret, 32, "%" PRIu64 "%s", amount / sizes[i], units[i]);
		return;
	}
}

static void print_ms(uint64_t ms, char ret[32])
{
	static const uint64_t sizes[] = { 86400000, 3600000, 60000, 1000, 1 };
	static const char *const units[] = { "d", "h", "m", "s", "ms" };

	print_unit(ms, sizes, units, sizeof(sizes) / sizeof(*sizes), ret);
}

static void print_bytes(uint64_t bytes, char ret[32])
{
	static const uint64_t sizes[] = { 1u << 30, 1u << 20, 1u << 10, 1 };
	static const char *const units[] = { "G", "M", "k", "" };

	print_unit(bytes, sizes, units, sizeof(sizes) / sizeof(*sizes), ret);
}

static int refuse_range(struct orch_text text, void (*print)(uint64_t amount, char ret[32]),
	uint64_t min, uint64_t max, struct orch_err *err)
{
	char low[32] = "", high[32] = "";

	print(min, low);
	print(max, high);
	return orch_fail(err, ORCH_E_INVALID, "is \"%.*s\", must be \"%s\" to \"%s\"", shown(text),
		text.ptr, low, high);
}

int orch_value_to_ms(const struct orch_value *value, uint64_t min, uint64_t max, uint64_t *ret_ms,
	struct orch_err *err)
{
	uint64_t ms;

	if (value->kind != ORCH_VALUE_TEXT)
		return refuse_kind(value, "a string such as \"25s\"", err);
	if (orch_text_to_ms(value->text, &ms) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" is not a time; must be such as \"250ms\", \"25s\", \"2m\" or "
			"\"1h\"",
			shown(value->text), value->text.ptr);
	if (ms < min || ms > max)
		return refuse_range(value->text, print_ms, min, max, err);
	*ret_ms = ms;
	return ORCH_OK;
}

static int check_bytes(const struct orch_value *value, uint64_t *ret_bytes, struct orch_err *err)
{
	if (value->kind == ORCH_VALUE_INT && value->number >= 0) {
		*ret_bytes = (uint64_t)value->number;
		return ORCH_OK;
	}
	if (value->kind == ORCH_VALUE_INT)
		return orch_fail(
			err, ORCH_E_INVALID, "is %" PRId64 ", must not be negative", value->number);
	if (value->kind != ORCH_VALUE_TEXT)
		return refuse_kind(value, "a size such as \"64M\" or 65536", err);
	if (orch_text_to_bytes(value->text, ret_bytes) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID,
			"\"%.*s\" is not a size; must be such as \"64k\", \"10M\", \"2G\" or 65536",
			shown(value->text), value->text.ptr);
	return ORCH_OK;
}

int orch_value_to_bytes(const struct orch_value *value, uint64_t min, uint64_t max,
	uint64_t *ret_bytes, struct orch_err *err)
{
	char number[32];
	uint64_t bytes;
	int rc = check_bytes(value, &bytes, err);

	if (rc != ORCH_OK)
		return rc;
	if (bytes < min || bytes > max) {
		(void)snprintf(number, sizeof(number), "%" PRIu64, bytes);
		return refuse_range(
			value->kind == ORCH_VALUE_TEXT ? value->text : orch_text_from(number),
			print_bytes, min, max, err);
	}
	*ret_bytes = bytes;
	return ORCH_OK;
}

void orch_value_print_choices(const char *choices, char *ret, size_t size)
{
	struct orch_text rest = orch_text_from(choices), piece;
	size_t at = 0;

	if (size > 0)
		ret[0] = '\0';
	while (orch_text_split(&rest, '|', &piece) && at < size) {
		bool last = piece.ptr + piece.len == choices + strlen(choices);
		const char *between = at == 0 ? "" : last ? " or " : ", ";
		int length = snprintf(ret + at, size - at, "%s%.*s", between, ORCH_TEXT_ARG(piece));

		at += length < 0 ? 0 : (size_t)length;
	}
}

/* " (did you mean …)" among "a|b|c", without an arena. */
static void print_nearest(struct orch_text word, const char *choices, char ret[CHOICE_BYTES])
{
	struct orch_text rest = orch_text_from(choices), piece;
	size_t nearest = 3;

	ret[0] = '\0';
	while (orch_text_split(&rest, '|', &piece)) {
		size_t distance = orch_text_distance(word, piece, 2);

		if (distance >= nearest || distance >= word.len)
			continue;
		nearest = distance;
		(void)snprintf(
			ret, CHOICE_BYTES, " (did you mean \"%.*s\"?)", shown(piece), piece.ptr);
	}
}

int orch_value_to_choice(const struct orch_value *value, const char *choices, uint32_t *ret_index,
	struct orch_err *err)
{
	struct orch_text rest = orch_text_from(choices), piece;
	char all[160], nearest[CHOICE_BYTES];
	uint32_t index = 0;

	orch_value_print_choices(choices, all, sizeof(all));
	if (value->kind != ORCH_VALUE_TEXT)
		return orch_fail(err, ORCH_E_INVALID, "is %s, must be one of the strings %s",
			orch_value_kind_name(value->kind), all);
	for (; orch_text_split(&rest, '|', &piece); index++) {
		if (!orch_text_equal(piece, value->text))
			continue;
		*ret_index = index;
		return ORCH_OK;
	}
	print_nearest(value->text, choices, nearest);
	return orch_fail(err, ORCH_E_INVALID, "\"%.*s\" is not known; must be %s%s",
		shown(value->text), value->text.ptr, all, nearest);
}

int orch_value_to_texts(const struct orch_value *value, struct orch_arena *arena,
	struct orch_list *ret_list, struct orch_err *err)
{
	struct orch_text *items;

	if (value->kind != ORCH_VALUE_LIST)
		return refuse_kind(value, "a list of strings such as [ \"a\", \"b\" ]", err);
	items = orch_arena_alloc_array(arena, value->count + 1, sizeof(*items));
	if (items == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to read it");
	for (size_t i = 0; i < value->count; i++) {
		if (value->items[i].kind != ORCH_VALUE_TEXT)
			return orch_fail(err, ORCH_E_INVALID,
				"item %zu is %s, must be a string in quotes", i + 1,
				orch_value_kind_name(value->items[i].kind));
		items[i] = value->items[i].text;
	}
	*ret_list = (struct orch_list){ items, value->count };
	return ORCH_OK;
}

static int make_int(const char *text, struct orch_value *ret_value, struct orch_err *err)
{
	char *end = NULL;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return orch_fail(err, ORCH_E_INVALID, "\"%.60s\" is not a number", text);
	ret_value->number = number;
	return ORCH_OK;
}

static int make_bool(const char *text, struct orch_value *ret_value, struct orch_err *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return orch_fail(err, ORCH_E_INVALID, "\"%.60s\" is neither true nor false", text);
	ret_value->number = strcmp(text, "true") == 0;
	return ORCH_OK;
}

static struct orch_text strip(struct orch_text text, char first, char last)
{
	if (text.len >= 2 && text.ptr[0] == first && text.ptr[text.len - 1] == last)
		return orch_text_trim((struct orch_text){ text.ptr + 1, text.len - 2 });
	return text;
}

static int make_list(const char *text, struct orch_arena *arena, struct orch_value *ret_value,
	struct orch_err *err)
{
	struct orch_text rest = strip(orch_text_trim(orch_text_from(text)), '[', ']');
	struct orch_text piece;
	size_t room = 1;

	for (size_t i = 0; i < rest.len; i++)
		room += rest.ptr[i] == ',';
	ret_value->items = orch_arena_alloc_array(arena, room, sizeof(*ret_value->items));
	if (ret_value->items == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to read it");
	while (rest.len > 0 && ret_value->count < room && orch_text_split(&rest, ',', &piece)) {
		struct orch_value *item = &ret_value->items[ret_value->count++];

		item->kind = ORCH_VALUE_TEXT;
		item->text = orch_arena_text(arena, strip(orch_text_trim(piece), '"', '"'));
	}
	return ORCH_OK;
}

int orch_value_make(const char *text, enum orch_value_kind kind, struct orch_arena *arena,
	struct orch_value *ret_value, struct orch_err *err)
{
	struct orch_value value = { .kind = kind, .name = ORCH_TEXT_NONE, .text = ORCH_TEXT_NONE };
	int rc = ORCH_OK;

	if (kind == ORCH_VALUE_INT)
		rc = make_int(text, &value, err);
	else if (kind == ORCH_VALUE_BOOL)
		rc = make_bool(text, &value, err);
	else if (kind == ORCH_VALUE_LIST)
		rc = make_list(text, arena, &value, err);
	else
		value.text = orch_arena_text(arena, orch_text_from(text));
	if (rc == ORCH_OK)
		*ret_value = value;
	return rc;
}
