/* SPDX-License-Identifier: Apache-2.0 */
/* One option of a plugin: a value of the file into its place of the settings.  Private to plugin/. */
#ifndef ORCH_PLUGIN_OPTION_H
#define ORCH_PLUGIN_OPTION_H
#include "config/config.h"

#define ORCH_OPTIONS_MAX 256 /* of one plugin */

/* How much room a value of TYPE (enum orch_option_type) takes; 0: there is no such type. */
size_t orch_option_size(uint32_t type);
size_t orch_option_align(uint32_t type);

ORCH_MUST_USE int orch_option_convert(struct orch_config *config, const struct orch_option *option,
	const struct orch_value *value, void *place, struct orch_err *err);
/* The same of the option's fallback.  CONFIG may be NULL: then no origin is added. */
ORCH_MUST_USE int orch_option_fallback(struct orch_config *config, struct orch_arena *arena,
	const struct orch_option *option, void *place, struct orch_err *err);

#endif
