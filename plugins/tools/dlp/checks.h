/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of what an expression caught: is it really a card number, an IBAN?
 *
 * A check is an option of a rule and never the tool's own idea: not every
 * number that matters carries a checksum.
 */
#ifndef CHECKS_H
#define CHECKS_H
#include <orch/abi.h>

typedef bool dlp_check(struct orch_text text);

/* NULL: no check of that name. */
dlp_check *checks_find(struct orch_text name);

extern const char checks_names[]; /* "luhn, card, …", for messages */

#endif
