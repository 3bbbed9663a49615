/* SPDX-License-Identifier: Apache-2.0 */
/* What /metrics shows of the connections. */
#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

static struct orch_metric *connections(const char *state)
{
	return orch_metric(ORCH_METRIC_GAUGE, "orchestrator_pg_connections",
		"Connections to PostgreSQL, by their state.", { "state", orch_text_from(state) });
}

void orch_pg_counts_init(struct orch_pg_counts *counts)
{
	static const char *const names[ORCH_PG_STATES] = {
		[ORCH_PG_WAITING] = "waiting",
		[ORCH_PG_RESOLVING] = "connecting",
		[ORCH_PG_CONNECTING] = "connecting",
		[ORCH_PG_SETTING_UP] = "connecting",
		[ORCH_PG_READY] = "ready",
	};

	for (size_t i = 0; i < ORCH_PG_STATES; i++)
		counts->connections[i] = connections(names[i]);
	counts->reconnects = orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_reconnects_total",
		"Connections to PostgreSQL that took the place of a lost one.");
	counts->batches = orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_batches_total",
		"Transactions on PostgreSQL, committed or not.");
	counts->batch_seconds = orch_metric(ORCH_METRIC_SECONDS, "orchestrator_pg_batch_seconds",
		"From the first statement of a transaction to its end.");
	for (int i = 0; i < ORCH_PG_RESULTS; i++)
		counts->groups[i] = orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_groups_total",
			"Groups of operations on PostgreSQL that ended, by their result.",
			{ "result", orch_text_from(orch_code_name(-i)) });
}
