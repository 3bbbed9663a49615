/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the structures of the ABI are written as JSON objects and read again:
 * members are named as in the structure, empty texts and lists are left out, a
 * text that is not UTF-8 is {"base64": "…"}.  For the files of model/.
 */
#ifndef ORCH_MODEL_FORM_H
#define ORCH_MODEL_FORM_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

/* Writing.  KEY is NULL within an array; empty texts are left out. */
void orch_form_key(struct orch_buf *buf, const char *key);
void orch_form_open(struct orch_buf *buf, const char *key, char bracket);
void orch_form_close(struct orch_buf *buf, char bracket);
void orch_form_text(struct orch_buf *buf, const char *key, struct orch_text text);
void orch_form_number(struct orch_buf *buf, const char *key, uint64_t number);

/*
 * Reading.  The first failure stays: what is read afterwards is empty, and the
 * caller looks at CODE once at the end.
 */
struct orch_form {
	struct orch_arena *arena;
	struct orch_err *err;
	int code;
};

/* "KEY: WHAT" is the failure, unless there was one before. */
void orch_form_refuse(struct orch_form *form, const char *key, const char *what);

/* Copied into the arena. */
struct orch_text orch_form_get_text(
	struct orch_form *form, struct json_object *object, const char *key);
uint64_t orch_form_get_number(struct orch_form *form, struct json_object *object, const char *key,
	uint64_t max, uint64_t fallback);
/* By the function that knows the names; 0 if the member is not there. */
uint32_t orch_form_get_name(struct orch_form *form, struct json_object *object, const char *key,
	int (*from)(struct orch_text name));
/* NULL if it is not there. */
struct json_object *orch_form_get_object(
	struct orch_form *form, struct json_object *object, const char *key);

/*
 * An array of objects, each read by READ into ITEM bytes of zeroed memory.
 * NULL when there are none.
 */
void *orch_form_get_array(struct orch_form *form, struct json_object *object, const char *key,
	size_t item, void (*read)(struct orch_form *form, struct json_object *from, void *to),
	size_t *ret_count);

/* Parses JSON and reads it by READ into SIZE bytes of ARENA. */
ORCH_MUST_USE int orch_form_parse(struct orch_text json, struct orch_arena *arena, size_t size,
	void (*read)(struct orch_form *form, struct json_object *from, void *to), void **ret_item,
	struct orch_err *err);

/* Of a struct orch_event. */
void orch_event_read_object(struct orch_form *form, struct json_object *from, void *to);

#endif
