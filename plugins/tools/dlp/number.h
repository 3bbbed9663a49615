/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of 12 to 19 digits with a check digit, alone or among other digits.
 *
 * Numbers end where groups of digits end in the text: a part of a longer
 * group is none.  Groups are joined by one separator; several of them make a
 * number if they are all that there is, or if they are of the sizes that cards
 * are printed in, so that a card is told from the digits beside it.
 */
#ifndef NUMBER_H
#define NUMBER_H
#include "span.h"

/* Narrow SPAN to the first such number in it. */
bool number_has_luhn(const struct sighting *seen, struct span *span);
bool number_is_card(const struct sighting *seen, struct span *span);

/* The next group of the digits that the match begins with. */
size_t number_again(const struct sighting *seen, struct span rest);

#endif
