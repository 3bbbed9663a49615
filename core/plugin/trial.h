/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin does may end the process, so it does it to a child first.
 *
 * Only while the process has no threads: what they hold, a child holds for ever.
 */
#ifndef ORCH_PLUGIN_TRIAL_H
#define ORCH_PLUGIN_TRIAL_H
#include <orch/abi.h>
#include "base/check.h"

/*
 * Runs WORK in a child; ORCH_E_INVALID if it does not return there.  *DOING is
 * asked for afterwards ("it was loaded"); it may lie in memory that the child
 * writes to, as ARG may.
 */
ORCH_MUST_USE int orch_trial_run(
	void (*work)(void *arg), void *arg, const char *const *doing, struct orch_err *err);

/* In WORK, within the child: from now on it has the whole time again. */
void orch_trial_begin_anew(void);

/* Does loading FILE come back?  Whether it can be loaded is not asked. */
ORCH_MUST_USE int orch_trial_load(const char *file, struct orch_err *err);

/* Memory that a child shares with us, zeroed; NULL: there is none. */
void *orch_trial_share(size_t size);
void orch_trial_unshare(void *shared, size_t size); /* accepts NULL */

#endif
