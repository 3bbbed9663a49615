/* SPDX-License-Identifier: Apache-2.0 */
/* Configured limits that were reached: orchestrator_limits_reached_total{limit}. */
#ifndef ORCH_LIMIT_H
#define ORCH_LIMIT_H

/* LIMIT is the key within the configuration's limits: "findings", "part_bytes". */
void orch_limit_note(const char *limit);

#endif
