/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bit that flips on the disk in an index, or in an indexed column, makes
 * every statement fail that comes across it, and so one row would hold up all
 * the others.  The tables hold all that the indexes do: they are built anew,
 * and the row that was hit is found out when it does not open.
 */
#include "db/internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metric.h"

#define INDEXES_MAX 64
#define NAME_BYTES 128
#define REPAIR_EVERY_MS 60000 /* building anew takes time that the others wait */

static const struct orch_metric_label no_labels = { .name = NULL };

struct names {
	char name[INDEXES_MAX][NAME_BYTES];
	size_t count;
};

static int take_name(void *arg, int columns, char **values, char **titles)
{
	struct names *names = arg;

	(void)titles;
	if (columns == 1 && values[0] && names->count < INDEXES_MAX)
		(void)snprintf(names->name[names->count++], NAME_BYTES, "%s", values[0]);
	return 0;
}

void orch_db_repair(struct orch_db *db)
{
	uint64_t now = orch_clock_mono_ms();
	struct names names = { .count = 0 };
	char sql[NAME_BYTES + 16];

	if (db->repaired_ms && now - db->repaired_ms < REPAIR_EVERY_MS)
		return;
	db->repaired_ms = now;
	(void)sqlite3_exec(db->connection.handle,
		"SELECT name FROM sqlite_schema WHERE type = 'index'", take_name, &names, NULL);
	/* One by one, so that one that cannot be built does not keep the others from it. */
	for (size_t i = 0; i < names.count; i++) {
		(void)snprintf(sql, sizeof(sql), "REINDEX \"%s\"", names.name[i]);
		orch_db_try(&db->connection, sql);
	}
	orch_metric_add(
		orch_metric_get(ORCH_METRIC_COUNTER, "orchestrator_db_repairs_total",
			"Times that damaged indexes of the database were built anew.", &no_labels),
		1);
}
