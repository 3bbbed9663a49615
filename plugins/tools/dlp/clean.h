/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that is UTF-8 in most places only (a file in Latin-1): the engine would
 * begin anew behind each byte that is not, as if nothing stood before it.
 */
#ifndef CLEAN_H
#define CLEAN_H
#include <orch/abi.h>

bool clean_is_utf8(struct orch_text text);

/* A copy, to be freed, in which each byte that is no UTF-8 is U+001A, so all keep their places; NULL: no memory. */
char *clean_copy(struct orch_text text);

#endif
