/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one rule, as people write them in JSON. */
#ifndef RULE_H
#define RULE_H
#include <orch/abi.h>
#include "checks.h"

#define RULE_WORDS 32
#define RULE_WORD_BYTES 64
#define RULE_CONFIDENCE 75   /* if the rule does not say */
#define RULE_CONTEXT_GAIN 25 /* if one of its words stands near */

struct rule_options {
	const struct check *check; /* NULL: none */
	bool caseless;
	bool context_required; /* without one of the words it is no finding */
	uint32_t confidence;
	size_t word_count;
	char words[RULE_WORDS][RULE_WORD_BYTES];
};

int rule_options_read(
	struct orch_text json, struct rule_options *ret_options, struct orch_err *err);

/* Does one of the words stand near the match? */
bool rule_has_context(
	const struct rule_options *options, struct orch_text text, size_t start, size_t length);

#endif
