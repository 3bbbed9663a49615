/* SPDX-License-Identifier: Apache-2.0 */
#include "model/form.h"

#include "base/hash.h"
#include "base/text.h"

#define BASE64_STEP 3072 /* bytes at a time; a multiple of 3, so that the pieces join */

void orch_form_key(struct orch_buf *buf, const char *key)
{
	char last = buf->len > 0 ? buf->ptr[buf->len - 1] : '{';

	if (last != '{' && last != '[')
		orch_buf_add_char(buf, ',');
	if (!key)
		return;
	orch_buf_add_char(buf, '"');
	orch_buf_add_string(buf, key);
	orch_buf_add(buf, "\":", 2);
}

void orch_form_open(struct orch_buf *buf, const char *key, char bracket)
{
	orch_form_key(buf, key);
	orch_buf_add_char(buf, bracket);
}

void orch_form_close(struct orch_buf *buf, char bracket)
{
	orch_buf_add_char(buf, bracket);
}

static void add_base64(struct orch_buf *buf, struct orch_text text)
{
	char code[BASE64_STEP / 3 * 4 + 1];

	orch_buf_add_string(buf, "{\"base64\":\"");
	while (text.len > 0) {
		size_t len = text.len < BASE64_STEP ? text.len : BASE64_STEP;

		orch_buf_add(buf, code, orch_base64_encode(text.ptr, len, code));
		text.ptr += len;
		text.len -= len;
	}
	orch_buf_add_string(buf, "\"}");
}

void orch_form_text(struct orch_buf *buf, const char *key, struct orch_text text)
{
	if (text.len == 0)
		return;
	orch_form_key(buf, key);
	if (orch_text_is_utf8(text))
		orch_buf_add_json(buf, text);
	else
		add_base64(buf, text);
}

void orch_form_number(struct orch_buf *buf, const char *key, uint64_t number)
{
	orch_form_key(buf, key);
	orch_buf_printf(buf, "%llu", (unsigned long long)number);
}

void orch_form_refuse(struct orch_form *form, const char *key, const char *what)
{
	if (form->code == ORCH_OK)
		form->code = orch_fail(form->err, ORCH_E_INVALID, "%s: %s", key, what);
}

static struct orch_text decode(struct orch_form *form, struct orch_text code, const char *key)
{
	char *bytes = orch_arena_alloc(form->arena, code.len / 4 * 3 + 4);
	size_t len;

	if (!bytes)
		return ORCH_TEXT_NONE;
	if (orch_base64_decode(code, bytes, &len) != ORCH_OK) {
		orch_form_refuse(form, key, "not base64");
		return ORCH_TEXT_NONE;
	}
	bytes[len] = '\0';
	return (struct orch_text){ bytes, len };
}

struct orch_text orch_form_get_text(
	struct orch_form *form, struct json_object *object, const char *key)
{
	struct json_object *value = orch_json_get(object, key);

	if (!value || form->code != ORCH_OK)
		return ORCH_TEXT_NONE;
	if (json_object_is_type(value, json_type_string))
		return orch_arena_text(form->arena, orch_json_text(object, key));
	if (json_object_is_type(orch_json_get(value, "base64"), json_type_string))
		return decode(form, orch_json_text(value, "base64"), key);
	orch_form_refuse(form, key, "not a text");
	return ORCH_TEXT_NONE;
}

uint64_t orch_form_get_number(struct orch_form *form, struct json_object *object, const char *key,
	uint64_t max, uint64_t fallback)
{
	struct json_object *value = orch_json_get(object, key);
	uint64_t number;

	if (!value || form->code != ORCH_OK)
		return fallback;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0) {
		orch_form_refuse(form, key, "not a whole number");
		return fallback;
	}
	number = json_object_get_uint64(value);
	if (number > max) {
		orch_form_refuse(form, key, "too large a number");
		return fallback;
	}
	return number;
}

uint32_t orch_form_get_name(struct orch_form *form, struct json_object *object, const char *key,
	int (*from)(struct orch_text name))
{
	int value;

	if (!orch_json_get(object, key))
		return 0;
	value = from(orch_json_text(object, key));
	if (value < 0) {
		orch_form_refuse(form, key, "not a known name");
		return 0;
	}
	return (uint32_t)value;
}

struct json_object *orch_form_get_object(
	struct orch_form *form, struct json_object *object, const char *key)
{
	struct json_object *value = orch_json_get(object, key);

	if (value && !json_object_is_type(value, json_type_object)) {
		orch_form_refuse(form, key, "not an object");
		return NULL;
	}
	return value;
}

void *orch_form_get_array(struct orch_form *form, struct json_object *object, const char *key,
	size_t item, void (*read)(struct orch_form *form, struct json_object *from, void *to),
	size_t *ret_count)
{
	struct json_object *array = orch_json_get(object, key);
	size_t count = 0;
	char *items;

	*ret_count = 0;
	if (array && !json_object_is_type(array, json_type_array))
		orch_form_refuse(form, key, "not an array");
	else if (array)
		count = json_object_array_length(array);
	if (count == 0 || form->code != ORCH_OK)
		return NULL;
	items = orch_arena_alloc_array(form->arena, count, item);
	if (!items)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct json_object *from = json_object_array_get_idx(array, i);

		if (!json_object_is_type(from, json_type_object))
			orch_form_refuse(form, key, "not an array of objects");
		read(form, from, items + i * item);
	}
	*ret_count = count;
	return items;
}

int orch_form_parse(struct orch_text json, struct orch_arena *arena, size_t size,
	void (*read)(struct orch_form *form, struct json_object *from, void *to), void **ret_item,
	struct orch_err *err)
{
	struct orch_form form = { .arena = arena, .err = err };
	struct json_object *object;
	void *item;
	int code;

	code = orch_json_parse(json, &object, err);
	if (code != ORCH_OK)
		return code;
	item = orch_arena_alloc(arena, size);
	if (!json_object_is_type(object, json_type_object))
		form.code = orch_fail(err, ORCH_E_INVALID, "not a JSON object");
	else if (item)
		read(&form, object, item);
	json_object_put(object);
	if (form.code != ORCH_OK)
		return form.code;
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	*ret_item = item;
	return ORCH_OK;
}
