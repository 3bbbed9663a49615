/* SPDX-License-Identifier: Apache-2.0 */
/* Short forms for building JSON; all accept a NULL object, so that one check at the end is enough. */
#ifndef SIM_JSONX_H
#define SIM_JSONX_H
#include "base/json.h"
#include "base/text.h"

void sim_put(struct json_object *object, const char *key, const char *value);
void sim_put_text(struct json_object *object, const char *key, struct orch_text value);
void sim_put_int(struct json_object *object, const char *key, int64_t value);
void sim_put_bool(struct json_object *object, const char *key, bool value);
void sim_put_null(struct json_object *object, const char *key);
/* Takes VALUE, also when it cannot be added. */
void sim_put_json(struct json_object *object, const char *key, struct json_object *value);
/* Adds a reference to VALUE, which stays the caller's. */
void sim_put_shared(struct json_object *object, const char *key, struct json_object *value);
void sim_push(struct json_object *array, struct json_object *value); /* takes VALUE */
void sim_push_string(struct json_object *array, const char *value);

struct json_object *sim_copy(struct json_object *value); /* deep; NULL gives NULL */
/* The string member, or "" if it is not there. */
const char *sim_get(struct json_object *object, const char *key);
bool sim_has(struct json_object *object, const char *key); /* there and not null */
/* Adds each member of FROM to TO, replacing what is there. */
void sim_merge(struct json_object *to, struct json_object *from);

/* Copies as much of TEXT as fits, with a NUL. */
void sim_keep(char *ret, size_t size, struct orch_text text);

#endif
