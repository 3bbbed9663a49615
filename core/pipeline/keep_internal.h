/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to pipeline/keep*.c: what is kept beyond this machine. */
#ifndef ORCH_KEEP_INTERNAL_H
#define ORCH_KEEP_INTERNAL_H
#include "pipeline/keep.h"

bool orch_keep_is_shared(const struct orch_config *config);
/* The key is loaded already. */
ORCH_MUST_USE int orch_keep_open_shared(
	const struct orch_config *config, struct orch_keep *keep, struct orch_err *err);
ORCH_MUST_USE int orch_keep_start_shared(struct orch_keep *keep, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err);
void orch_keep_stop_shared(struct orch_keep *keep, struct orch_lane *lane);
bool orch_keep_is_healthy_shared(const struct orch_keep *keep, struct orch_err *err);
bool orch_keep_accepts_shared(const struct orch_keep *keep, struct orch_err *err);

#endif
