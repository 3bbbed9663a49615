/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a plugin before anything of it runs.  Private to plugin/. */
#ifndef ORCH_PLUGIN_CHECK_H
#define ORCH_PLUGIN_CHECK_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_PLUGIN_SETTINGS_BYTES (64 * 1024)

/* The open file FD: regular, ours or root's, nobody else's to write to, a whole ELF object for this machine. */
ORCH_MUST_USE int orch_plugin_check_file(int fd, struct orch_err *err);

/* The exported struct, of which BYTES bytes are there.  NAME is the file's, without ".so". */
ORCH_MUST_USE int orch_plugin_check_descriptor(const struct orch_plugin *plugin, size_t bytes,
	struct orch_text name, struct orch_err *err);

/* The one table of hooks, by its kind. */
ORCH_MUST_USE int orch_plugin_check_ops(const struct orch_plugin *plugin, struct orch_err *err);

#endif
