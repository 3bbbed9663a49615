/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/json.h"

static int code_of(enum json_tokener_error error)
{
	switch (error) {
	case json_tokener_error_depth:
	case json_tokener_error_size:
		return ORCH_E_LIMIT;
	default:
		return ORCH_E_INVALID;
	}
}

int kit_json_parse(struct orch_text text, struct json_object **ret_value, struct orch_err *err)
{
	struct json_tokener *tokener;
	struct json_object *value;
	enum json_tokener_error error;

	if (text.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "JSON is empty");
	if (text.len > KIT_JSON_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "JSON is too large");
	tokener = json_tokener_new_ex(KIT_JSON_DEPTH);
	if (tokener == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to read JSON");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error != json_tokener_success || value == NULL) {
		json_object_put(value);
		return orch_fail(err, code_of(error), "not read as JSON: %s",
			json_tokener_error_desc(error));
	}
	*ret_value = value;
	return ORCH_OK;
}

struct json_object *kit_json_get(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

struct json_object *kit_json_array(struct json_object *object, const char *name, size_t *ret_count)
{
	struct json_object *value = kit_json_get(object, name);

	if (!json_object_is_type(value, json_type_array))
		value = NULL;
	*ret_count = value == NULL ? 0 : json_object_array_length(value);
	return value;
}

struct orch_text kit_json_string(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return (struct orch_text){ "", 0 };
	return (struct orch_text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

struct orch_text kit_json_text(struct json_object *object, const char *name)
{
	return kit_json_string(kit_json_get(object, name));
}

bool kit_json_is_true(struct json_object *object, const char *name)
{
	struct json_object *value = kit_json_get(object, name);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

int64_t kit_json_int(struct json_object *object, const char *name)
{
	struct json_object *value = kit_json_get(object, name);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}
