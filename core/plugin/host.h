/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services that plugins call, and the sink that a hook's results go to.
 *
 * A host belongs to one instance of a plugin on one lane.  That of the plan,
 * for what is done without an instance, all lanes share.
 */
#ifndef ORCH_PLUGIN_HOST_H
#define ORCH_PLUGIN_HOST_H
#include <orch/action.h>
#include "base/arena.h"
#include "base/check.h"
#include "config/config.h"

struct orch_plugin_host; /* its first member is the struct orch_host that plugins see */

/* NAME, EGRESS (for verify_hmac) and what they point to must stay as long as the host. */
struct orch_plugin_host *orch_plugin_host_create(
	struct orch_text name, const struct orch_egress *egress);
void orch_plugin_host_destroy(struct orch_plugin_host *host);
const struct orch_host *orch_plugin_host_services(struct orch_plugin_host *host);

/* What a hook is about. */
struct orch_plugin_about {
	struct orch_text trace, id; /* of the event */
};

/*
 * From now on what the plugin logs on this thread names ABOUT, which is lent
 * until the next call; NULL: nothing in particular.  Accepts NULL for HOST.
 */
void orch_plugin_host_set_about(
	struct orch_plugin_host *host, const struct orch_plugin_about *about);

struct orch_sink_limits {
	uint32_t events, parts, fields, findings, records;
	uint64_t event_bytes; /* of one emitted event, all texts together */
};

struct orch_part_mark {
	struct orch_text part;
	uint32_t state;
	struct orch_text note;
};

/* What one hook said.  Everything in it is copied into ARENA. */
struct orch_sink {
	struct orch_arena *arena;
	enum orch_kind kind; /* decides which calls are in order */
	struct orch_sink_limits limits;
	const struct orch_task *task; /* for render; may be NULL */
	const struct orch_event
		*event; /* the tool's, whose parts its findings are in; may be NULL */

	struct orch_event *events;
	struct orch_finding *findings;
	struct orch_record *records;
	struct orch_part_mark *marks;
	size_t event_count, finding_count, record_count, mark_count;
	size_t event_size, finding_size, record_size, mark_size;
	uint64_t findings_left_out, records_left_out;
	const char
		*limit; /* the configuration's key of the first limit that was reached, or NULL */
	const char *rejected; /* the reason, or NULL */
	struct orch_text outcome, outcome_detail;
	int failed; /* the first code that a call of the sink gave */
};

/* An empty sink; ARENA is lent.  Reused between hooks by init again. */
void orch_sink_init(struct orch_sink *sink, enum orch_kind kind,
	const struct orch_sink_limits *limits, struct orch_arena *arena);

/* A deep copy in ARENA. */
struct orch_event *orch_event_copy(struct orch_arena *arena, const struct orch_event *event);

#endif
