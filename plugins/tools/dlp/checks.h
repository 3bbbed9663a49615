/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of what an expression caught: is it really a card number, an IBAN?
 *
 * A check is an option of a rule and never the tool's own idea: not every
 * number that matters carries a checksum.
 */
#ifndef CHECKS_H
#define CHECKS_H
#include "span.h"

struct check {
	const char *name;
	/* Does something in SPAN pass?  Then SPAN becomes that; asked again about what is behind it. */
	bool (*passes)(const struct sighting *seen, struct span *span);
	/*
	 * REST does not pass, which is the match's value or what is left of it:
	 * where in the match the expression is to be searched for again; its end
	 * if nothing can come of that.
	 */
	size_t (*again)(const struct sighting *seen, struct span rest);
};

/* NULL: no check of that name. */
const struct check *checks_find(struct orch_text name);

extern const char checks_names[]; /* "luhn, card, …", for messages */

#endif
