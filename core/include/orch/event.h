/* SPDX-License-Identifier: Apache-2.0 */
/* What flows: an event, its parts, and what tools say about it; and the services of the core. */
#ifndef ORCH_EVENT_H
#define ORCH_EVENT_H
#include <orch/abi.h>

/* One named value of an event: { "slack.channel", "C0123" }. */
struct orch_field {
	struct orch_text name;
	struct orch_text value;
};

enum orch_part_state {
	ORCH_PART_HERE = 0,    /* bytes are all there */
	ORCH_PART_TRUNCATED,   /* only the first bytes: a limit was reached */
	ORCH_PART_UNAVAILABLE, /* could not be had; why stands in note */
	ORCH_PART_ANNOUNCED, /* emitted without bytes, gather() is to fetch it; what nobody fetched becomes UNAVAILABLE */
	/*
	 * No longer exists at its source: nobody can read it any more.  Said by
	 * inputs.  If its alias was inspected whole within a day, in another event
	 * of the same input in the same pipeline, it counts as inspected; otherwise
	 * it becomes UNAVAILABLE once the tools are done.
	 */
	ORCH_PART_GONE,
};

/* Something to be inspected: the text of a message, a file, a file's name. */
struct orch_part {
	struct orch_text name;       /* "text", "file:F123/report.docx"; unique within the event */
	struct orch_text media_type; /* as claimed by the source; may be wrong */
	struct orch_text bytes;
	uint32_t state; /* enum orch_part_state */
	struct orch_text note;
	/*
	 * Another name of the same bytes, wherever a part holds them: an input gives
	 * it if other events may tell of them too.  Bytes that have changed have
	 * another alias, or none.  Any bytes: the core keeps a digest.  May be empty.
	 */
	struct orch_text alias;
};

struct orch_event {
	uint32_t size;
	uint32_t attempt;        /* 1 on the first try */
	uint64_t time_ms;        /* when it happened, UTC since 1970; the same on every delivery */
	struct orch_text id;     /* the same on every delivery of the same thing; 1 to 512 bytes */
	struct orch_text source; /* the input instance it came in by; set by the core */
	struct orch_text type;   /* "slack.message", "security.notification", … */
	struct orch_text tenant; /* workspace, account, customer; at most 512 bytes, may be empty */
	struct orch_text actor;  /* who did it; may be empty */
	/* Events and records with one key keep their order; at most 512 bytes; empty: none. */
	struct orch_text order;
	struct orch_text data; /* the source's own JSON */
	const struct orch_field *fields;
	size_t field_count;
	const struct orch_part *parts; /* actions see names and states, not the bytes */
	size_t part_count;
	struct orch_text
		trace; /* names the event in every log, from arrival to action; set by the core */
	/*
	 * Another name of the same thing: of two events with one id or one alias
	 * within a day the second is a repeat, counted and not processed again.
	 * Any bytes, however many an event may have: the core keeps a digest.
	 * Empty: none.  Looked at when the input's receive() emits.
	 */
	struct orch_text alias;
	/*
	 * A time that is part of the alias, in ms since 1970: aliases are one only
	 * if their times are.  Those of about one time lie together on the disk,
	 * which makes them cheap; 0: none, the alias lies anywhere.
	 */
	uint64_t alias_time_ms;
};

/* One thing that a tool found.  Each of its texts has 64 KiB at most. */
struct orch_finding {
	uint32_t size;
	uint32_t severity;          /* enum orch_severity */
	uint32_t confidence;        /* 0 … 100 */
	struct orch_text rule;      /* id of the rule, or the tool's own name for it */
	struct orch_text title;     /* one line for people; empty: the rule's name */
	struct orch_text advice;    /* what to do about it; may be empty */
	uint32_t part;              /* index into event->parts; UINT32_MAX: the event as a whole */
	uint64_t start, length;     /* bytes of that part, within those that are here */
	struct orch_text detail;    /* JSON; may be empty */
	struct orch_text tool;      /* the instance that reported it; set by the core */
	struct orch_text rule_name; /* for people; set by the core from the rule */
};

/* New data that a tool made of an event: a normalised record, a statistic. */
struct orch_record {
	uint32_t size;
	struct orch_text
		id; /* the same whenever it is made again of the same event; at most 512 bytes */
	struct orch_text type;  /* never empty: what a policy rule asks for by when.record */
	struct orch_text order; /* as of an event */
	struct orch_text data;  /* JSON */
};

struct orch_sink; /* where a hook's results go; valid during the hook */

/*
 * A template option, parsed: text with placeholders, each checked when the
 * configuration is read.
 *
 * {event.id} {event.type} {event.actor} {event.tenant} {event.source}
 * {event.time} {event.trace} {event.data} {field.NAME} {verdict} {pipeline} {task.key}
 * {finding.rule} {finding.name} {finding.severity} {finding.title} {finding.advice}
 * {finding.detail} (of the gravest finding), {findings.count}, {findings} (one a
 * line: name and severity), {record.id} {record.type} {record.data}.
 * A field that is not there is empty; "{{" is a brace.
 */
struct orch_template;

/*
 * Services of the core.  Every call is safe from any thread.  Those that
 * return int give ORCH_OK or a negative code; the hook should return that code.
 * A "short constant" is 1 to 64 of A-Z a-z 0-9 _ . - and becomes a metric's
 * label: anything else is counted as "invalid".
 */
struct orch_host {
	uint32_t size;

	/* LEVEL is an enum orch_log_level.  Never log message text. */
	void (*log)(const struct orch_host *host, int level, const char *fmt, ...)
		ORCH_PRINTF(3, 4);

	/* An input's event.  ORCH_E_LIMIT: too many, too large or malformed events of one arrival. */
	int (*emit)(struct orch_sink *sink, const struct orch_event *event);

	/*
	 * A tool's finding.  ORCH_E_LIMIT: the event has as many as are kept; the
	 * rest is counted.  ORCH_E_INVALID: it is not well-formed, or reaches beyond
	 * the bytes of its part; then the tool has failed, whatever it returns.
	 */
	int (*report)(struct orch_sink *sink, const struct orch_finding *finding);

	/* ORCH_E_INVALID: no type; ORCH_E_LIMIT: too many, or too large. */
	int (*derive)(struct orch_sink *sink, const struct orch_record *record);

	/* The event is not valid: it is dropped and counted under REASON (a short constant, "bad_json"). */
	int (*reject)(struct orch_sink *sink, const char *reason);

	/* Is MAC (hex) the HMAC-SHA256 of the pieces under this credential?  Constant time. */
	bool (*verify_hmac)(const struct orch_host *host, orch_credential key,
		const struct orch_text *pieces, size_t count, struct orch_text mac);

	/* Says of a part that it could not be had, or not whole, and why. */
	int (*mark)(
		struct orch_sink *sink, struct orch_text part, uint32_t state, const char *note);

	/*
	 * Renders a template option over what the hook was handed, escaped for
	 * TARGET ("json", "mrkdwn", "text").  The text is lent until the hook returns.
	 */
	int (*render)(struct orch_sink *sink, const struct orch_template *form, const char *target,
		struct orch_text *ret_text);

	/* Adds to orchestrator_plugin_events_total{instance,event=METRIC}; METRIC is a short constant. */
	void (*count)(const struct orch_host *host, const char *metric, uint64_t by);

	uint64_t (*now_ms)(const struct orch_host *host);

	/* Something that people must look at.  NAME is a short constant; logged, counted, repeats folded. */
	void (*alarm)(const struct orch_host *host, const char *name, const char *fmt, ...)
		ORCH_PRINTF(3, 4);

	/* An action's outcome in one word ("deleted", "ephemeral") and a sentence; stored and shown with the event. */
	int (*outcome)(struct orch_sink *sink, const char *name, const char *detail);
};
#endif
