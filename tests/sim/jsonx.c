/* SPDX-License-Identifier: Apache-2.0 */
#include "jsonx.h"

#include <string.h>

void sim_put(struct json_object *object, const char *key, const char *value)
{
	sim_put_text(object, key, orch_text_from(value));
}

void sim_put_text(struct json_object *object, const char *key, struct orch_text value)
{
	if (object)
		(void)orch_json_add_text(object, key, value);
}

void sim_put_int(struct json_object *object, const char *key, int64_t value)
{
	if (object)
		(void)orch_json_add_int(object, key, value);
}

void sim_put_bool(struct json_object *object, const char *key, bool value)
{
	if (object)
		(void)orch_json_add_bool(object, key, value);
}

void sim_put_null(struct json_object *object, const char *key)
{
	if (object)
		(void)json_object_object_add(object, key, NULL);
}

void sim_put_json(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || json_object_object_add(object, key, value) != 0)
		json_object_put(value);
}

void sim_put_shared(struct json_object *object, const char *key, struct json_object *value)
{
	sim_put_json(object, key, json_object_get(value));
}

void sim_push(struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) != 0)
		json_object_put(value);
}

void sim_push_string(struct json_object *array, const char *value)
{
	sim_push(array, json_object_new_string(value));
}

struct json_object *sim_copy(struct json_object *value)
{
	struct json_object *copy = NULL;

	if (!value || json_object_deep_copy(value, &copy, NULL) != 0)
		return NULL;
	return copy;
}

const char *sim_get(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!object || !json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

bool sim_has(struct json_object *object, const char *key)
{
	struct json_object *value;

	return object && json_object_object_get_ex(object, key, &value) && value;
}

void sim_merge(struct json_object *to, struct json_object *from)
{
	if (!to || !json_object_is_type(from, json_type_object))
		return;
	json_object_object_foreach(from, key, value) sim_put_shared(to, key, value);
}

void sim_keep(char *ret, size_t size, struct orch_text text)
{
	size_t len = text.len < size ? text.len : size - 1;

	if (len)
		memcpy(ret, text.ptr, len);
	ret[len] = '\0';
}
