/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules compiled into a set, and a text matched against it.
 *
 * The seam behind which the engine may be exchanged: a set is immutable and
 * shared by all lanes, a scratch belongs to one instance.
 *
 * A rule is searched for everywhere: "^" and "$" stand at every line, "." stops
 * at a line's end, and a match is never empty.  Texts are taken as UTF-8; a
 * byte that is not counts as the character U+001A.
 */
#ifndef MATCHER_H
#define MATCHER_H
#include <orch/tool.h>

#define MATCHER_RULES 2000
#define MATCHER_EXPRESSION_BYTES 4096
#define MATCHER_RULE_CODE_BYTES ((size_t)1024 * 1024) /* compiled, of one rule */
#define MATCHER_SET_CODE_BYTES ((size_t)64 * 1024 * 1024)
#define MATCHER_JIT_STACK_BYTES ((size_t)1024 * 1024)

/*
 * A search sees at most this many bytes at a time, or an expression of
 * quadratic cost would never end on a large text.  A match may begin in the
 * first part and reach through the second; one that is longer is cut short.
 */
#define MATCHER_STARTS_BYTES ((size_t)32 * 1024)
#define MATCHER_REACH_BYTES ((size_t)32 * 1024)

/*
 * Where a match does not pass its check, another may begin within it.  So many
 * bytes for each byte of the text, and so many besides, a rule may look at
 * once more.
 */
#define MATCHER_AGAIN_TIMES ((size_t)64)
#define MATCHER_AGAIN_BYTES ((size_t)256 * 1024)

struct matcher;
struct matcher_scratch;

struct matcher_hit {
	const struct orch_rule *rule; /* its expression and options are empty */
	uint32_t confidence;
	size_t start, length;
};

/* What a scan tells.  A code other than ORCH_OK ends the scan and is its result. */
struct matcher_listener {
	int (*hit)(void *context, const struct matcher_hit *hit);
	/* The rest of the text was not searched for this rule. */
	int (*incomplete)(void *context, const struct orch_rule *rule, const char *why);
	/* Asked between searches, from the second on: has RULE had all the time it may take? */
	bool (*is_late)(void *context, const struct orch_rule *rule);
	void *context;
};

int matcher_create(const struct orch_rule *rules, size_t count, struct matcher **ret_set,
	size_t *ret_bad, struct orch_err *err);
void matcher_destroy(struct matcher *set);

int matcher_scratch_create(
	uint32_t match_limit, struct matcher_scratch **ret_scratch, struct orch_err *err);
void matcher_scratch_destroy(struct matcher_scratch *scratch);

/* Every match of every rule, rule by rule, the gravest first. */
int matcher_scan(const struct matcher *set, struct matcher_scratch *scratch, struct orch_text text,
	const struct matcher_listener *listener);

#endif
