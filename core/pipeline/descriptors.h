/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may have how many file descriptors.  Connections that come in are
 * bounded so that there is always one left for those that go out, for the
 * health listener, for files and for the database: a flood on the events' port
 * costs the flood, and nobody else.
 */
#ifndef ORCH_DESCRIPTORS_H
#define ORCH_DESCRIPTORS_H
#include "stage/plan.h"

struct orch_descriptors_need {
	uint32_t connections; /* of the events' listeners, all lanes together */
	uint32_t lanes;
	uint32_t workers; /* those of the lanes that call others: scan and act */
};

struct orch_descriptors_share {
	uint32_t connections; /* at most as many as are wanted */
	uint32_t outbound;    /* connections of one worker */
};

/* So many that nobody has to do with less. */
uint64_t orch_descriptors_wanted(const struct orch_descriptors_need *need);
/* The events get what the rest leaves, and no less than half of what is not spoken for. */
struct orch_descriptors_share orch_descriptors_divide(
	uint64_t limit, const struct orch_descriptors_need *need);

/* Raises the process's soft limit as far as it helps and the hard one allows; logs what came of it. */
struct orch_descriptors_share orch_descriptors_claim(
	const struct orch_config *config, const bool stages[3]);

#endif
