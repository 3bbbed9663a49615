/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of a call, whether they came as a query, a form or JSON: one object. */
#ifndef SIM_ARGS_H
#define SIM_ARGS_H
#include "jsonx.h"

#define SIM_ARGS_MAX 200

/* "a=1&b=%20" becomes members of OBJECT; ORCH_E_INVALID for broken escapes or too many. */
ORCH_MUST_USE int sim_args_add_form(struct json_object *object, struct orch_text form);

/* A string, or a number as it was written; empty if not there. */
struct orch_text sim_arg(struct json_object *args, const char *key);
/* true, "true", "1" */
bool sim_arg_bool(struct json_object *args, const char *key);
int64_t sim_arg_int(struct json_object *args, const char *key, int64_t fallback);
/* A value that a form carries as JSON text and JSON carries as it is.  The caller puts it; NULL: not there or broken. */
struct json_object *sim_arg_json(struct json_object *args, const char *key);

#endif
