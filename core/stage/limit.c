/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/limit.h"

#include "base/metric.h"
#include "base/text.h"

void orch_limit_note(const char *limit)
{
	orch_metric_add(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_limits_reached_total",
			"How often a limit of the configuration was reached, by its key in limits.",
			{ "limit", orch_text_from(limit) }),
		1);
}
