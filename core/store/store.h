/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: rules, and what became of events.
 *
 * A write is an op that can join a hand-over; reads wait and are for
 * commands, the console and the loading of rules.
 */
#ifndef ORCH_STORE_H
#define ORCH_STORE_H
#include <orch/action.h>
#include <orch/tool.h>
#include "base/arena.h"
#include "base/check.h"
#include "net/lane.h"

struct orch_store;

/* Rules. */

#define ORCH_STORE_RULE_ID_BYTES 64 /* of a new one */

enum orch_rule_state { ORCH_RULE_LIVE = 0, ORCH_RULE_SHADOW, ORCH_RULE_OFF };

struct orch_stored_rule {
	struct orch_rule rule; /* id, name, expression, severity, options, version */
	struct orch_text tool; /* the tool instance that applies it */
	struct orch_text description;
	enum orch_rule_state state;
	struct orch_list matches;    /* examples that must match before the rule can go live */
	struct orch_list no_matches; /* and that must not */
	struct orch_text created_by, changed_by;
	uint64_t created_ms, changed_ms;
	bool removed;
	bool damaged; /* its row was changed by other than us: nothing of it can be relied on */
};

/*
 * In the order of creation; removed ones only if asked for.  TOOL empty: all.
 * Damaged ones always: nobody knows what they were.
 */
ORCH_MUST_USE int orch_store_rules(struct orch_store *store, struct orch_text tool,
	bool with_removed, struct orch_arena *arena, struct orch_stored_rule **ret_rules,
	size_t *ret_count, struct orch_err *err);
/* By id or, if there is just one, by name.  ORCH_E_INVALID: none or several. */
ORCH_MUST_USE int orch_store_rule(struct orch_store *store, struct orch_text id_or_name,
	struct orch_arena *arena, struct orch_stored_rule *ret_rule, struct orch_err *err);
/* Every version, newest first. */
ORCH_MUST_USE int orch_store_rule_history(struct orch_store *store, struct orch_text id,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err);
/* May a new rule have this id?  Older ones keep theirs. */
ORCH_MUST_USE int orch_store_check_rule_id(struct orch_text id, struct orch_err *err);
/*
 * Adds (rule.version 0, and rule.id empty for a derived one) or changes (the
 * version that was read: another's change meanwhile is ORCH_E_AGAIN).  What
 * is saved must have been checked before.  Gives the new version.  In place of
 * a damaged row it is written anew, whatever version that has.
 *
 * ORCH_E_INVALID: a new id is not safe everywhere, or the name is another
 * rule's of the same tool: in a list of findings the two could not be told apart.
 */
ORCH_MUST_USE int orch_store_rule_save(struct orch_store *store,
	const struct orch_stored_rule *rule, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err);
/* The same for COUNT rules: all are saved, or none. */
ORCH_MUST_USE int orch_store_rules_save(struct orch_store *store,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_arena *arena, struct orch_stored_rule *ret_rules, struct orch_err *err);
/* A damaged row goes for good. */
ORCH_MUST_USE int orch_store_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err);
/* Rises with every change of any rule. */
ORCH_MUST_USE int orch_store_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err);

/* CHANGED runs on LANE within a second of a change of rules by anybody. */
struct orch_store_watch {
	struct orch_lane *lane;
	void (*changed)(void *arg);
	void *arg;
	void *backend[32];
};
ORCH_MUST_USE int orch_store_watch_add(struct orch_store *store, struct orch_store_watch *watch);
void orch_store_watch_remove(struct orch_store *store, struct orch_store_watch *watch);

/* What became of events. */

#define ORCH_STORE_KEY_BYTES \
	1024 /* an event's id, a pipeline's name, a result's key; more: ORCH_E_LIMIT */

enum orch_inspection { ORCH_INSPECTED = 0, ORCH_INSPECTED_PARTLY, ORCH_UNINSPECTED };

struct orch_stored_finding {
	struct orch_finding finding; /* rule = id; part is an index into the event's parts */
	uint32_t rule_version;       /* as it stood; 0: not a rule of the store */
	struct orch_text expression; /* of that version */
	bool shadow;                 /* of a rule in shadow: it counted for nothing */
	struct orch_text part_name;
	struct orch_text excerpt; /* masked */
	bool damaged;             /* its row was changed by other than us */
};

/* One event with findings, uninspected parts or actions, as handed over after the scan. */
struct orch_stored_event {
	struct orch_text id, trace, source, pipeline, type, tenant, actor;
	uint64_t time_ms, stored_ms;
	enum orch_verdict verdict;
	enum orch_inspection inspection;
	struct orch_text inspection_note; /* which parts, and why */
	bool enforced;
	struct orch_text
		content; /* the event as JSON with its text parts; sealed at rest, lent in clear to the op */
	const struct orch_field *fields;
	size_t field_count;
	struct orch_stored_finding *findings;
	size_t finding_count;
	uint64_t row;
	bool damaged; /* its row was changed by other than us, or findings of it are gone */
};

/* What became of one task. */
struct orch_stored_result {
	struct orch_text event_id, pipeline, action, key;
	uint64_t time_ms;           /* the event's; with KEY it names the result */
	struct orch_text record_id; /* empty: the event itself */
	struct orch_text state;     /* "pending", "done", "would", "dead" */
	struct orch_text outcome;   /* in a word: the rung that was used */
	struct orch_text detail;
	uint32_t attempts;
	uint64_t at_ms;
	bool damaged; /* its row was changed by other than us */
};

enum orch_store_kind { ORCH_STORE_EVENT = 0, ORCH_STORE_RESULT };

struct orch_store_op {
	enum orch_store_kind kind;
	struct orch_store *store;
	struct orch_lane *lane;
	void (*done)(struct orch_store_op *op);
	int code;
	struct orch_err err;

	const struct orch_stored_event
		*event; /* EVENT: kept once per (id, pipeline); a repeat changes nothing */
	const struct orch_stored_result
		*results; /* RESULT, and the pending ones of EVENT: kept once per key, the latest */
	size_t result_count;

	void *user;
	void *backend[64]; /* the backend's */
};
ORCH_MUST_USE int orch_store_submit(
	struct orch_store *store, struct orch_store_op *op, struct orch_err *err);

struct orch_event_filter {
	struct orch_text id;   /* empty: all; a unique prefix will do */
	struct orch_text rule; /* by rule id or name */
	struct orch_text pipeline;
	int verdict; /* -1: any */
	uint64_t since_ms;
	uint64_t before_row; /* 0: from the newest */
	size_t limit;
	bool with_content; /* opens the sealed content */
};
/* Newest first. */
ORCH_MUST_USE int orch_store_events(struct orch_store *store,
	const struct orch_event_filter *filter, struct orch_arena *arena,
	struct orch_stored_event **ret_events, size_t *ret_count, struct orch_err *err);
ORCH_MUST_USE int orch_store_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err);

void orch_store_close(struct orch_store *store); /* accepts NULL */

#endif
