/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a part is, told by its bytes alone: what a sender calls it may be wrong.
 *
 * All bytes are searched as they came, whatever they are.  A kind says whether
 * that was enough.  Who teaches the tool to open a kind has it here.
 */
#ifndef KIND_H
#define KIND_H
#include <orch/event.h>
#include "wide.h"

struct kind {
	uint32_t state;     /* ORCH_PART_HERE: as clear as it is; else what the part is marked as */
	const char *note;   /* why */
	enum wide encoding; /* of text that must be decoded to be seen */
};

const struct kind *kind_of(struct orch_text bytes);

/* Of what was decoded once: it is not decoded again, so what would have to be counts as binary. */
const struct kind *kind_of_decoded(struct orch_text text);

#endif
