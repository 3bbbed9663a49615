/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libconfig file as a tree of our own: every value with its place, all in
 * one arena, so that nothing of libconfig lives on.
 */
#ifndef ORCH_CONFIG_VALUE_H
#define ORCH_CONFIG_VALUE_H
#include "base/check.h"
#include "config/errors.h"

#define ORCH_CONFIG_FILE_BYTES (4 * 1024 * 1024)
#define ORCH_CONFIG_DEPTH_MAX 16
#define ORCH_CONFIG_VALUES_MAX 100000

enum orch_value_kind {
	ORCH_VALUE_TEXT = 0,
	ORCH_VALUE_INT,
	ORCH_VALUE_FLOAT,
	ORCH_VALUE_BOOL,
	ORCH_VALUE_GROUP,
	ORCH_VALUE_LIST, /* ( … ) and [ … ] */
};

struct orch_value {
	enum orch_value_kind kind;
	struct orch_where where;
	struct orch_text name; /* of a member of a group; empty in lists */
	struct orch_text text;
	int64_t number; /* INT; BOOL: 0 or 1 */
	double real;
	struct orch_value *items;
	size_t count;
	bool is_used; /* set by whoever reads it: what is left is an unknown key */
};

/*
 * Reads FILE with its @include lines (only of its own folder and below).  On a
 * syntax error one entry is added and the code is negative.  RET_DIGEST, which
 * may be NULL, gets 16 digits that stand for the bytes of all the files.
 */
ORCH_MUST_USE int orch_value_read(const char *file, struct orch_arena *arena,
	struct orch_config_errors *errors, struct orch_value **ret_root, char ret_digest[17]);

/* A member by name; marks it used; NULL if not there. */
struct orch_value *orch_value_get(struct orch_value *group, const char *name);
const char *orch_value_kind_name(enum orch_value_kind kind); /* "a string", "a number", … */

#endif
