/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_RESULT_H
#define ORCH_RESULT_H
#include <orch/action.h>

/*
 * Does the store keep what becomes of a task?  Scan says "pending" and act the
 * rest by the same rule, or a result would stay pending for ever.
 */
static inline bool orch_result_is_kept(
	uint32_t verdict, size_t finding_count, const struct orch_event *event)
{
	if (verdict != ORCH_PASS || finding_count > 0)
		return true;
	for (size_t i = 0; i < event->part_count; i++)
		if (event->parts[i].state != ORCH_PART_HERE &&
			event->parts[i].state != ORCH_PART_GONE) /* inspected, with another event */
			return true;
	return false;
}

#endif
