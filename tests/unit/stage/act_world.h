/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks through the act stage, for one action. */
#ifndef ORCH_TEST_ACT_WORLD_H
#define ORCH_TEST_ACT_WORLD_H
#include "stage/act_work.h"

#include "unit/stage/world.h"

#define REST                                                                                     \
	"tools = ( { name = \"tool\"; plugin = \"script_tool\"; } );"                            \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; policy = ( { " \
	"when = { severity = \"high\"; }; verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"
#define ACT(keys)                                                         \
	REST "actions = ( { name = \"act\"; plugin = \"script_action\"; " \
	     "api_url = \"http://127.0.0.1:%/\"; " keys " } );"
#define BATCH(keys)                                                      \
	REST "actions = ( { name = \"act\"; plugin = \"script_batch\"; " \
	     "api_url = \"http://127.0.0.1:%/\"; " keys " } );"

static inline bool has_settled(struct world *w)
{
	return world_ledger(w, "act.act").in_flight == 0;
}

static inline struct orch_stored_result only_result(struct world *w, const char *id)
{
	size_t count;
	struct orch_stored_result *results = world_results(w, id, &count);

	assert_int_equal(count, 1);
	return results[0];
}

static inline void put_tasks(struct world *w, int count, const char *text)
{
	for (int i = 0; i < count; i++)
		PUT_TASK(w, "act", .id = orch_arena_printf(w->arena, "t%d", i).ptr, .text = text);
}

#endif
