/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as shared objects: found, checked, refused in one precise sentence, loaded for good. */
#ifndef ORCH_LOADER_H
#define ORCH_LOADER_H
#include <orch/action.h>
#include <orch/input.h>
#include <orch/tool.h>
#include "base/arena.h"
#include "base/check.h"
#include "config/config.h"

/*
 * Loads FILE.  A loaded object is never unloaded (threads and atexit handlers
 * may need its code), and a file that was loaded already gives the same.
 */
ORCH_MUST_USE int orch_plugin_load(
	const char *file, const struct orch_plugin **ret_plugin, struct orch_err *err);

/* NAME.so in the folders of PATH, the first that has it. */
ORCH_MUST_USE int orch_plugin_find(struct orch_list path, struct orch_text name,
	struct orch_arena *arena, const char **ret_file, struct orch_err *err);

enum orch_kind orch_plugin_kind(const struct orch_plugin *plugin);
const char *orch_kind_name(enum orch_kind kind); /* "input", "tool", "action" */

/* Field of the plugin's ops that its own copy may be too short to have: NULL or 0 then. */
#define ORCH_OPS(ops, field) (ORCH_HAS((ops), field) ? (ops)->field : 0)

#endif
