/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, read within limits; every look-up copes with what is not there. */
#ifndef KIT_JSON_H
#define KIT_JSON_H
#include <json-c/json.h>
#include <orch/abi.h>

#define KIT_JSON_BYTES ((size_t)16 * 1024 * 1024)
#define KIT_JSON_DEPTH 64

/* The whole of TEXT must be one JSON value in UTF-8.  The caller puts *ret_value with json_object_put.  ORCH_E_LIMIT: too deep or too large; ORCH_E_INVALID: no JSON. */
int kit_json_parse(struct orch_text text, struct json_object **ret_value, struct orch_err *err);

/* NULL: OBJECT is not an object (or NULL), or has no such member. */
struct json_object *kit_json_get(struct json_object *object, const char *name);

/* The same, but only an array; its length is 0 when there is none. */
struct json_object *kit_json_array(struct json_object *object, const char *name, size_t *ret_count);

/* Lent by OBJECT; empty if the member is not there or is not a string. */
struct orch_text kit_json_text(struct json_object *object, const char *name);
struct orch_text kit_json_string(struct json_object *value);

bool kit_json_is_true(struct json_object *object, const char *name);
int64_t kit_json_int(struct json_object *object, const char *name); /* 0: none */

#endif
