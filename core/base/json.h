/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c with limits.  Text from outside is bounded in size, depth and number
 * of values before anything is built of it.
 */
#ifndef ORCH_JSON_H
#define ORCH_JSON_H
#include <json-c/json.h>
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_JSON_DEPTH_MAX 64
#define ORCH_JSON_VALUES_MAX 100000

/* Strict JSON, valid UTF-8, one value, no duplicate keys kept (the last wins).  The caller puts *ret_value. */
ORCH_MUST_USE int orch_json_parse(
	struct orch_text text, struct json_object **ret_value, struct orch_err *err);

/* The same; on failure *ret_at is the byte at which it is no JSON any more, if one is at fault. */
ORCH_MUST_USE int orch_json_parse_at(struct orch_text text, struct json_object **ret_value,
	size_t *ret_at, struct orch_err *err);

/* Lent from OBJECT; the empty text, NULL, or FALLBACK if not there or of another type.  OBJECT may be NULL. */
struct orch_text orch_json_text(struct json_object *object, const char *key);
struct json_object *orch_json_get(struct json_object *object, const char *key);
int64_t orch_json_int(struct json_object *object, const char *key, int64_t fallback);
bool orch_json_bool(struct json_object *object, const char *key, bool fallback);

/* Lent until OBJECT changes or goes. */
struct orch_text orch_json_print(struct json_object *object);

/* Adds a string member; false when there is no memory (or the text is not UTF-8: bytes are replaced). */
bool orch_json_add_text(struct json_object *object, const char *key, struct orch_text text);
bool orch_json_add_int(struct json_object *object, const char *key, int64_t value);
bool orch_json_add_bool(struct json_object *object, const char *key, bool value);
bool orch_json_add(
	struct json_object *object, const char *key, struct json_object *value); /* takes VALUE */

#endif
