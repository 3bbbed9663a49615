/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as a JSON file: { "rules": [ { "id", "tool", "name", "expression", … } ] }. */
#ifndef ORCH_RULEFILE_H
#define ORCH_RULEFILE_H
#include "base/buf.h"
#include "stage/plan.h"

#define ORCH_RULEFILE_BYTES (16 * 1024 * 1024)

const char *orch_rule_state_name(enum orch_rule_state state);
/* The same, or "removed", or "damaged". */
const char *orch_rule_standing(const struct orch_stored_rule *rule);
int orch_rule_state_from(struct orch_text name); /* -1: unknown */

/* One rule of JSON; ERR names the key that is wrong. */
struct json_object;
ORCH_MUST_USE int orch_rulefile_parse_rule(struct json_object *object, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err);

/* An open file of rules. */
struct orch_rulefile {
	struct json_object *root, *array;
	unsigned *lines; /* where each rule begins */
	size_t count;
};

/* On failure *ret_line is the line at fault; 0: it is the file as a whole. */
ORCH_MUST_USE int orch_rulefile_open(const char *path, struct orch_arena *arena,
	struct orch_rulefile *ret_file, unsigned *ret_line, struct orch_err *err);
/* Rule INDEX, in ARENA; ERR begins with which one it is. */
ORCH_MUST_USE int orch_rulefile_take(const struct orch_rulefile *file, size_t index,
	struct orch_arena *arena, struct orch_stored_rule *ret_rule, struct orch_err *err);
void orch_rulefile_close(struct orch_rulefile *file);

/* The line on which each of the COUNT elements of the list "rules" begins; TEXT is right JSON. */
void orch_rulefile_find_lines(struct orch_text text, unsigned *lines, size_t count);

/* All rules of a file's text; ERR begins with NAME, which is what errors call it, and the line. */
ORCH_MUST_USE int orch_rulefile_parse(struct orch_text bytes, const char *name,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
ORCH_MUST_USE int orch_rulefile_read(const char *path, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err);

/* Every file's rules, in the order of the files. */
ORCH_MUST_USE int orch_rulefile_read_all(const struct orch_list *files, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err);

/* By its own tool, and not one of KNOWN, to which it is added; ERR begins with which one it is. */
struct orch_map;
ORCH_MUST_USE int orch_rulefile_check_rule(struct orch_plan *plan,
	const struct orch_stored_rule *rule, struct orch_map *known, struct orch_arena *arena,
	struct orch_err *err);
/*
 * Each rule by its own tool, and none of them twice; ERR names the one that is
 * wrong.  Where nothing is kept yet also what a store would refuse as new.
 */
ORCH_MUST_USE int orch_rulefile_check(struct orch_plan *plan, const struct orch_stored_rule *rules,
	size_t count, struct orch_err *err);

/* A rule as a JSON object, WITH_HISTORY also who changed it and when. */
void orch_rulefile_write_rule(
	struct orch_buf *buf, const struct orch_stored_rule *rule, bool with_history);

struct orch_rulefile_outcome {
	size_t added, changed, unchanged;
};
/*
 * Checks every rule, then saves those that are new or differ, by id (or by tool
 * and name if it has none).  A rule that is wrong stops it before anything is
 * saved; ERR names it.
 */
ORCH_MUST_USE int orch_rulefile_import(struct orch_plan *plan, struct orch_store *store,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_rulefile_outcome *ret_outcome, struct orch_err *err);

/* Imports the configuration's rule files if the store has never had a rule. */
ORCH_MUST_USE int orch_rulefile_first_import(
	struct orch_plan *plan, struct orch_store *store, struct orch_err *err);

#endif
