/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

static int decode(struct orch_text text, char *ret, size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte;

		if (text.ptr[i] == '+') {
			ret[len++] = ' ';
		} else if (text.ptr[i] != '%') {
			ret[len++] = text.ptr[i];
		} else {
			if (text.len - i < 3 ||
				orch_hex_decode(
					(struct orch_text){ text.ptr + i + 1, 2 }, &byte, 1) != 0)
				return ORCH_E_INVALID;
			ret[len++] = (char)byte;
			i += 2;
		}
	}
	ret[len] = '\0';
	*ret_len = len;
	return ORCH_OK;
}

static int add_pair(struct json_object *object, struct orch_text pair)
{
	struct orch_text name = { pair.ptr, 0 }, value;
	char *room;
	size_t name_len, value_len;
	int error;

	while (name.len < pair.len && pair.ptr[name.len] != '=')
		name.len++;
	value = (struct orch_text){ pair.ptr + name.len, pair.len - name.len };
	if (value.len)
		value = (struct orch_text){ value.ptr + 1, value.len - 1 };
	room = orch_alloc(pair.len + 2);
	if (!room)
		return ORCH_E_NOMEM;
	error = decode(name, room, &name_len);
	if (!error)
		error = decode(value, room + name_len + 1, &value_len);
	if (!error)
		sim_put_text(object, room, (struct orch_text){ room + name_len + 1, value_len });
	orch_free(room);
	return error;
}

int sim_args_add_form(struct json_object *object, struct orch_text form)
{
	struct orch_text pair;
	int error, count = 0;

	while (form.len && orch_text_split(&form, '&', &pair)) {
		if (!pair.len)
			continue;
		if (++count > SIM_ARGS_MAX)
			return ORCH_E_LIMIT;
		error = add_pair(object, pair);
		if (error)
			return error;
	}
	return ORCH_OK;
}

struct orch_text sim_arg(struct json_object *args, const char *key)
{
	struct json_object *value = orch_json_get(args, key);

	if (json_object_is_type(value, json_type_string))
		return orch_json_text(args, key);
	if (json_object_is_type(value, json_type_int) ||
		json_object_is_type(value, json_type_double))
		return orch_json_print(value);
	return ORCH_TEXT_NONE;
}

bool sim_arg_bool(struct json_object *args, const char *key)
{
	struct json_object *value = orch_json_get(args, key);
	struct orch_text text = sim_arg(args, key);

	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value);
	return orch_text_is(text, "1") || orch_text_is(text, "true");
}

int64_t sim_arg_int(struct json_object *args, const char *key, int64_t fallback)
{
	struct orch_text text = sim_arg(args, key);
	uint64_t value;
	bool is_negative = text.len && text.ptr[0] == '-';

	if (is_negative)
		text = (struct orch_text){ text.ptr + 1, text.len - 1 };
	if (orch_text_to_uint(text, 0, INT64_MAX, &value) != 0)
		return fallback;
	return is_negative ? -(int64_t)value : (int64_t)value;
}

struct json_object *sim_arg_json(struct json_object *args, const char *key)
{
	struct json_object *value = orch_json_get(args, key), *parsed;
	struct orch_err err;

	if (!json_object_is_type(value, json_type_string))
		return json_object_get(value);
	if (orch_json_parse(orch_json_text(args, key), &parsed, &err) != 0)
		return NULL;
	return parsed;
}
