/* SPDX-License-Identifier: Apache-2.0 */
/* One event through the scan stage. */
#ifndef ORCH_TEST_SCAN_WORLD_H
#define ORCH_TEST_SCAN_WORLD_H
#include "stage/scan.h"

#include "unit/stage/world.h"

#define ACTIONS                                                         \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; }, " \
	"{ name = \"tell\"; plugin = \"script_batch\"; api_url = \"http://127.0.0.1:9/\"; } );"
#define TOOL(keys) \
	"{ name = \"tool\"; plugin = \"script_tool\"; api_url = \"http://127.0.0.1:%/\"; " keys " }"
#define TOOLS(keys) "tools = ( " TOOL(keys) " );"
#define BLOCK                                                                                    \
	"{ when = { severity = \"high\"; }; verdict = \"block\"; actions = [ \"act\", \"tell\" " \
	"]; }"
#define PIPELINE(tools, rest) \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ " tools " ]; " rest " } );"
#define PLAIN(keys) ACTIONS TOOLS(keys) PIPELINE("\"tool\"", "policy = ( " BLOCK " );")

static inline bool has_settled(struct world *w)
{
	return world_ledger(w, "scan").in_flight == 0;
}

static inline void scan_one(struct world *w, const char *config, struct put_event event)
{
	if (event.id == NULL)
		event.id = "e1";
	if (event.text == NULL)
		event.text = "some text";
	world_scan(w, config);
	world_put_event(w, event);
	world_until(w, has_settled);
}

#define SCAN(w, config, ...) scan_one((w), (config), (struct put_event){ __VA_ARGS__ })

#endif
