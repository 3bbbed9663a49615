/* SPDX-License-Identifier: Apache-2.0 */
/* Templates, as orch/event.h tells, checked when the configuration is read. */
#ifndef ORCH_TEMPLATE_H
#define ORCH_TEMPLATE_H
#include <orch/action.h>
#include "base/arena.h"
#include "base/check.h"

#define ORCH_TEMPLATE_BYTES (64 * 1024) /* of what is rendered */

ORCH_MUST_USE int orch_template_parse(struct orch_text source, struct orch_arena *arena,
	const struct orch_template **ret_template, struct orch_err *err);

/* TASK may lack anything but the event.  TARGET: "json", "mrkdwn", "text".  In ARENA. */
ORCH_MUST_USE int orch_template_render(const struct orch_template *form,
	const struct orch_task *task, const char *target, struct orch_arena *arena,
	struct orch_text *ret_text);

#endif
