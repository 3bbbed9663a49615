/* SPDX-License-Identifier: Apache-2.0 */
/* A block of the configuration as the struct that a plugin declared by its table of options. */
#ifndef ORCH_SETTINGS_H
#define ORCH_SETTINGS_H
#include "config/config.h"

/*
 * Converts INSTANCE's block by PLUGIN's options into a settings struct in the
 * configuration's arena.  Every key that is wrong, missing or unknown is an
 * entry of ERRORS; *ret_settings is written only if there was none.
 */
ORCH_MUST_USE int orch_settings_read(struct orch_config *config,
	struct orch_config_instance *instance, const struct orch_plugin *plugin,
	struct orch_config_errors *errors, void **ret_settings);

/* Does one of the path options of these settings name FILE?  The words that an option knows are no files. */
bool orch_settings_name_file(
	const struct orch_plugin *plugin, const void *settings, struct orch_text file);

/* Is the table itself sound?  For the loader: rows within the struct, types known, fallbacks valid, names unique. */
ORCH_MUST_USE int orch_settings_check_table(const struct orch_plugin *plugin, struct orch_err *err);

/* The core's own keys of a block of this kind, for "did you mean" and for `plugin show`. */
const char *const *orch_settings_core_keys(enum orch_kind kind, size_t *ret_count);

#endif
