/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_TOOL_H
#define ORCH_TOOL_H
#include <orch/event.h>

/* A rule that people manage (in the console, by command, by file) and a tool applies. */
struct orch_rule {
	uint32_t size;
	uint32_t severity; /* enum orch_severity */
	struct orch_text id;
	struct orch_text name;
	struct orch_text expression; /* in the tool's own language */
	struct orch_text options;    /* JSON object, in the tool's own words; may be empty */
	uint32_t version;            /* from 1 */
};

struct orch_tool_ops {
	uint32_t size;

	int (*create)(const struct orch_host *host, const void *settings, void **ret_self,
		struct orch_err *err);

	/*
	 * Optional: the tool works by rules.  Builds an immutable set that all
	 * lanes share while it is current; the core swaps sets and releases the
	 * old one when nobody uses it any more, so a tool needs no lock.  Called
	 * on any thread, without an instance.  On failure *ret_bad is the index
	 * of the rule at fault.
	 */
	int (*compile)(const struct orch_host *host, const void *settings,
		const struct orch_rule *rules, size_t count, void **ret_set, size_t *ret_bad,
		struct orch_err *err);
	void (*release)(void *set);

	/*
	 * Looks at EVENT and reports what it finds.
	 *
	 * A local tool ignores PROGRESS, REPLY and REQUEST.  A remote one fills
	 * REQUEST and returns ORCH_SEND, and is called again with the reply.
	 *
	 * Returns ORCH_OK when the event was examined, whether or not anything
	 * was found; ORCH_E_AGAIN to be given it later; anything else gives up,
	 * and the instance's on_error (pass, hold, retry) decides.  A part that
	 * could not be examined whole is marked, and then never counts as clean.
	 */
	int (*scan)(void *self, const void *set, const struct orch_event *event,
		struct orch_progress *progress, const struct orch_reply *reply,
		struct orch_request *request, struct orch_sink *sink, struct orch_err *err);

	/*
	 * Optional: called every tick_ms, to derive statistics and to forget what
	 * is old.  What it derives and reports belongs to an event of the core's
	 * own, of the type "tick", which goes on to the policy like any other.
	 */
	int (*tick)(void *self, uint64_t now_ms, struct orch_sink *sink, struct orch_err *err);
	uint32_t tick_ms;

	/* One instance for the whole program, on a lane of its own: it remembers across events. */
	bool single;

	void (*destroy)(void *self); /* accepts NULL */
};
#endif
