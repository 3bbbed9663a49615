/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queries for events.  Each filter has its own, so that each finds its index
 * and reads no more of it than a page: the newest come first, and there may be
 * millions.  A filter that is not asked for is NULL.
 */
#include "store/pg.h"

#define COLUMNS                                                   \
	"SELECT row, " ORCH_STORE_EVENT_COLUMNS ", seal, fields," \
	" CASE WHEN $4::boolean THEN content END FROM event WHERE "
#define PAGE " ORDER BY row DESC LIMIT $3::bigint"
#define AGE "row < $1::bigint AND stored >= $2::bigint"

#define ANY_RULE " AND $6::bytea IS NULL"
#define ANY_PIPELINE " AND $7::bytea IS NULL"
#define ANY_VERDICT " AND $8::bigint IS NULL"
#define PIPELINE " AND pipeline = $7::bytea"
#define VERDICT " AND verdict = $8::bigint"

#define ALL(conditions) COLUMNS AGE " AND $5::bytea IS NULL" ANY_RULE conditions PAGE

/* Of either column a page's worth: the same event may be in both. */
#define FOUND(column, conditions)                                                             \
	"(SELECT DISTINCT finding.event FROM finding JOIN event ON event.row = finding.event" \
	" WHERE " ORCH_STORE_PG_NAME_KEY(column) " = " ORCH_STORE_PG_NAME_KEY(                \
		"$6::bytea") " AND finding.event < $1::bigint AND " AGE                       \
			     " AND $5::bytea IS NULL" conditions                              \
			     " ORDER BY finding.event DESC LIMIT $3::bigint)"
#define BY_RULE(conditions)                                                        \
	COLUMNS "row = ANY (ARRAY(" FOUND("rule", conditions) " UNION ALL " FOUND( \
		"rule_name", conditions) "))" PAGE

/* Few have one id. */
#define BY_ID                                                                             \
	COLUMNS AGE " AND id = $5::bytea AND ($7::bytea IS NULL OR pipeline = $7::bytea)" \
		    " AND ($8::bigint IS NULL OR verdict = $8::bigint)"                   \
		    " AND ($6::bytea IS NULL OR EXISTS (SELECT FROM finding"              \
		    " WHERE finding.event = event.row"                                    \
		    " AND (rule = $6::bytea OR rule_name = $6::bytea)))" PAGE

const char *orch_store_pg_query(const struct orch_event_filter *filter)
{
	/* by rule, by pipeline, by verdict */
	static const char *const queries[2][2][2] = {
		{ { ALL(ANY_PIPELINE ANY_VERDICT), ALL(ANY_PIPELINE VERDICT) },
			{ ALL(PIPELINE ANY_VERDICT), ALL(PIPELINE VERDICT) } },
		{ { BY_RULE(ANY_PIPELINE ANY_VERDICT), BY_RULE(ANY_PIPELINE VERDICT) },
			{ BY_RULE(PIPELINE ANY_VERDICT), BY_RULE(PIPELINE VERDICT) } },
	};

	if (filter->id.len)
		return BY_ID;
	return queries[filter->rule.len > 0][filter->pipeline.len > 0][filter->verdict >= 0];
}
