/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

void orch_reader_error(struct orch_reader *reader, struct orch_where where, struct orch_text path,
	const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	orch_config_errors_add(reader->errors, where, path, "%s", text);
}

struct orch_text orch_reader_path(
	struct orch_reader *reader, struct orch_text path, const char *name)
{
	if (path.len == 0)
		return orch_text_from(name);
	return orch_arena_printf(reader->arena, "%.*s.%s", ORCH_TEXT_ARG(path), name);
}

static const struct orch_value *peek(const struct orch_value *group, const char *name)
{
	for (size_t i = 0; group != NULL && i < group->count; i++)
		if (orch_text_is(group->items[i].name, name))
			return &group->items[i];
	return NULL;
}

struct orch_text orch_reader_block_path(
	struct orch_reader *reader, const char *list, const struct orch_value *block, size_t index)
{
	const struct orch_value *name = peek(block, "name");

	if (name == NULL || name->kind != ORCH_VALUE_TEXT || name->text.len == 0)
		return orch_arena_printf(reader->arena, "%s[%zu]", list, index);
	return orch_arena_printf(reader->arena, "%s.%.*s", list,
		(int)(name->text.len > 64 ? 64 : name->text.len), name->text.ptr);
}

struct orch_where orch_reader_where(const struct orch_value *group, const char *name)
{
	const struct orch_value *member = peek(group, name);

	return member == NULL ? group->where : member->where;
}

/* The folder of FILE without links, so that it stays right when somebody changes folder. */
static struct orch_text folder_of(struct orch_arena *arena, const char *file)
{
	const char *slash = file == NULL ? NULL : strrchr(file, '/');
	struct orch_text folder = ORCH_TEXT(".");
	char real[PATH_MAX];

	if (slash != NULL)
		folder = (struct orch_text){ file, slash == file ? 1 : (size_t)(slash - file) };
	if (realpath(orch_arena_string(arena, folder), real) == NULL)
		return folder;
	return orch_arena_text(arena, orch_text_from(real));
}

struct orch_text orch_config_file(
	struct orch_arena *arena, struct orch_where where, struct orch_text file)
{
	struct orch_text folder;

	if (file.len > 0 && file.ptr[0] == '/')
		return file;
	folder = folder_of(arena, where.file);
	if (orch_text_is(folder, "/"))
		folder = ORCH_TEXT_NONE;
	return orch_arena_printf(arena, "%.*s/%.*s", ORCH_TEXT_ARG(folder), ORCH_TEXT_ARG(file));
}

struct orch_text orch_reader_file(
	struct orch_reader *reader, struct orch_where where, struct orch_text file)
{
	return orch_config_file(reader->arena, where, file);
}

void orch_reader_check_name(struct orch_reader *reader, struct orch_where where,
	struct orch_text path, struct orch_text name)
{
	if (name.len > ORCH_CONFIG_NAME_BYTES) {
		orch_reader_error(reader, where, path, "is %zu characters long; must be at most %d",
			name.len, ORCH_CONFIG_NAME_BYTES);
		return;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			(i > 0 && (c == '-' || c == '_')))
			continue;
		orch_reader_error(reader, where, path,
			"\"%.*s\" is not a name; must be letters, digits, \"-\" and \"_\", such as "
			"\"slack-dlp\"",
			ORCH_TEXT_ARG(name));
		return;
	}
}

static struct orch_text name_of(struct orch_value *block)
{
	const struct orch_value *name = orch_value_get(block, "name");

	return name == NULL || name->kind != ORCH_VALUE_TEXT ? ORCH_TEXT_NONE : name->text;
}

void orch_reader_check_double(
	struct orch_reader *reader, struct orch_value *list, const char *key, size_t index)
{
	struct orch_value *block = &list->items[index];
	struct orch_text name = name_of(block);

	for (size_t i = 0; i < index; i++) {
		if (name.len == 0 || !orch_text_equal(name_of(&list->items[i]), name))
			continue;
		orch_reader_error(reader, orch_reader_where(block, "name"),
			orch_reader_block_path(reader, key, block, index),
			"there is one of this name already, on line %u; must be another name",
			list->items[i].where.line);
		return;
	}
}

struct orch_value *orch_reader_group(struct orch_reader *reader, struct orch_value *parent,
	struct orch_text path, const char *name, const char *example)
{
	struct orch_value *value = orch_value_get(parent, name);

	if (value == NULL || value->kind == ORCH_VALUE_GROUP)
		return value;
	orch_reader_error(reader, value->where, orch_reader_path(reader, path, name),
		"is %s, must be a group such as %s", orch_value_kind_name(value->kind), example);
	return NULL;
}

static struct orch_value *check_blocks(
	struct orch_reader *reader, struct orch_value *value, struct orch_text path)
{
	if (value->kind != ORCH_VALUE_LIST) {
		orch_reader_error(reader, value->where, path,
			"is %s, must be a list of groups such as ( { … }, { … } )",
			orch_value_kind_name(value->kind));
		return NULL;
	}
	if (value->count > ORCH_CONFIG_ITEMS_MAX) {
		orch_reader_error(reader, value->where, path, "has %zu entries; at most %d",
			value->count, ORCH_CONFIG_ITEMS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < value->count; i++) {
		if (value->items[i].kind == ORCH_VALUE_GROUP)
			continue;
		orch_reader_error(reader, value->items[i].where, path,
			"entry %zu is %s, must be a group { … }", i + 1,
			orch_value_kind_name(value->items[i].kind));
		return NULL;
	}
	return value;
}

struct orch_value *orch_reader_blocks(struct orch_reader *reader, struct orch_value *parent,
	struct orch_text path, const char *name, bool *ret_failed)
{
	struct orch_value *value = orch_value_get(parent, name);
	struct orch_value *list = value == NULL
		? NULL
		: check_blocks(reader, value, orch_reader_path(reader, path, name));

	if (ret_failed != NULL)
		*ret_failed = value != NULL && list == NULL;
	return list;
}
