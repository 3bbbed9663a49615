/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's settings by its table of options, and the simplest of templates. */
#ifndef FAKE_SETTINGS_H
#define FAKE_SETTINGS_H
#include "fake_host.h"

void *fake_alloc(struct fake *fake, size_t size); /* zeroed, freed by fake_close() */
char *fake_keep(struct fake *fake, struct orch_text text);

/* OPTIONS are "key", "value", …, NULL.  A credential's value is the secret itself. */
void *fake_settings(
	struct fake *fake, const struct orch_plugin *plugin, const char *const *options);

/* Knows {event.actor}, {event.id}, {event.type}, {finding.name}, {findings.count} and {field.NAME}. */
struct orch_text fake_render(
	struct fake *fake, const struct orch_template *form, const struct orch_task *task);

#endif
