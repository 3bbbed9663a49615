/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a configuration, all of it at once.
 *
 * Each entry reads "file:line: where: what is wrong; what would be right".
 */
#ifndef ORCH_CONFIG_ERRORS_H
#define ORCH_CONFIG_ERRORS_H
#include "base/arena.h"

#define ORCH_CONFIG_ERRORS_MAX 200 /* then one entry says how many more */

/* A place in a file.  FILE is NULL for things that stand in none. */
struct orch_where {
	const char *file;
	unsigned line;
};

struct orch_config_error {
	struct orch_where where;
	struct orch_text path; /* "actions.block.api_url" */
	struct orch_text text;
};

struct orch_config_errors {
	struct orch_arena *arena; /* the owner's */
	struct orch_config_error *items;
	size_t count, size, left_out;
	struct orch_config_error spare; /* so that without memory there still is one entry */
};

void orch_config_errors_init(struct orch_config_errors *errors, struct orch_arena *arena);
void orch_config_errors_add(struct orch_config_errors *errors, struct orch_where where,
	struct orch_text path, const char *fmt, ...) ORCH_PRINTF(4, 5);
/* How many there are; that it grew tells that something was wrong in between. */
size_t orch_config_errors_total(const struct orch_config_errors *errors);
/* Sorted by file and line, one line each, as people see them. */
struct orch_text orch_config_errors_print(
	struct orch_config_errors *errors, struct orch_arena *arena);

/* " (did you mean \"NAME\"?)" for the nearest of NAMES within distance 2, or the empty text. */
struct orch_text orch_config_did_you_mean(
	struct orch_arena *arena, struct orch_text word, const char *const *names, size_t count);

#endif
