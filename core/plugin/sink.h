/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls by which a hook hands over what it found.  Private to plugin/.
 *
 * A plugin may hand over anything: sizes, counts and kinds are checked, and
 * what is taken is copied whole.  The first code that is not OK stays on the
 * sink, so that a hook that ignores it is found out.
 */
#ifndef ORCH_PLUGIN_SINK_H
#define ORCH_PLUGIN_SINK_H
#include "plugin/host.h"

int orch_sink_emit(struct orch_sink *sink, const struct orch_event *event);
int orch_sink_report(struct orch_sink *sink, const struct orch_finding *finding);
int orch_sink_derive(struct orch_sink *sink, const struct orch_record *record);
int orch_sink_reject(struct orch_sink *sink, const char *reason);
int orch_sink_mark(struct orch_sink *sink, struct orch_text part, uint32_t state, const char *note);
int orch_sink_render(struct orch_sink *sink, const struct orch_template *form, const char *target,
	struct orch_text *ret_text);
int orch_sink_outcome(struct orch_sink *sink, const char *name, const char *detail);

/* NAME if it is a short constant ("bad_json"), else "invalid": it becomes a label. */
struct orch_text orch_sink_constant(const char *name);

/* May the event be taken?  ORCH_E_LIMIT or ORCH_E_INVALID if not. */
ORCH_MUST_USE int orch_event_check(
	const struct orch_event *event, const struct orch_sink_limits *limits);

#endif
