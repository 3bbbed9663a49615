/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of texts, and fields as [name, value, name, value …]: names may come twice. */
#include "store/json.h"

#include "base/json.h"
#include "base/text.h"

void orch_store_write_list(struct orch_buf *buf, const struct orch_list *list)
{
	orch_buf_add_char(buf, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			orch_buf_add_char(buf, ',');
		orch_buf_add_json(buf, list->items[i]);
	}
	orch_buf_add_char(buf, ']');
}

void orch_store_write_fields(struct orch_buf *buf, const struct orch_field *fields, size_t count)
{
	orch_buf_add_char(buf, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			orch_buf_add_char(buf, ',');
		orch_buf_add_json(buf, fields[i].name);
		orch_buf_add_char(buf, ',');
		orch_buf_add_json(buf, fields[i].value);
	}
	orch_buf_add_char(buf, ']');
}

static struct orch_text text_at(struct orch_arena *arena, struct json_object *array, size_t index)
{
	struct json_object *value = json_object_array_get_idx(array, index);
	struct orch_text text;

	if (!json_object_is_type(value, json_type_string))
		return ORCH_TEXT_NONE;
	text.ptr = json_object_get_string(value);
	text.len = (size_t)json_object_get_string_len(value);
	return orch_arena_text(arena, text);
}

/* What is not a list gives an empty one: it was ours, and is damaged. */
struct orch_list orch_store_read_list(struct orch_arena *arena, struct orch_text json)
{
	struct json_object *array = NULL;
	struct orch_list list = { NULL, 0 };
	struct orch_text *items = NULL;
	struct orch_err err;
	size_t count = 0;

	if (orch_json_parse(json, &array, &err) < 0)
		return list;
	if (json_object_is_type(array, json_type_array))
		count = json_object_array_length(array);
	if (count > 0)
		items = orch_arena_alloc_array(arena, count, sizeof(*items));
	for (size_t i = 0; items && i < count; i++)
		items[i] = text_at(arena, array, i);
	(void)json_object_put(array);
	list.items = items;
	list.count = items ? count : 0;
	return list;
}

void orch_store_read_fields(struct orch_arena *arena, struct orch_text json,
	const struct orch_field **ret_fields, size_t *ret_count)
{
	struct orch_list list = orch_store_read_list(arena, json);
	struct orch_field *fields;
	size_t count = list.count / 2;

	*ret_fields = NULL;
	*ret_count = 0;
	fields = count ? orch_arena_alloc_array(arena, count, sizeof(*fields)) : NULL;
	if (!fields)
		return;
	for (size_t i = 0; i < count; i++)
		fields[i] = (struct orch_field){ list.items[2 * i], list.items[2 * i + 1] };
	*ret_fields = fields;
	*ret_count = count;
}
