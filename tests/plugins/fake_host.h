/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core as a plugin sees it, made up: loads a built plugin, gives it
 * settings by its own table of options, plays replies to it and keeps all that
 * it says.  Needs nothing of the core but the public headers.
 *
 * What the plugin hands over is copied; all of it is freed by fake_close().
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H
#include <orch/action.h>
#include <orch/input.h>
#include <orch/tool.h>

#define FAKE_KEPT 512
#define FAKE_REQUESTS 64

/* What hooks said, over all calls since fake_clear(). */
struct orch_sink {
	struct fake *fake;
	struct orch_event *events[FAKE_KEPT];
	struct orch_finding findings[FAKE_KEPT];
	struct {
		char *part, *note;
		uint32_t state;
	} marks[FAKE_KEPT];
	size_t event_count, finding_count, mark_count;
	size_t findings_limit; /* 0: FAKE_KEPT */
	char *outcome, *detail;
	const struct orch_task *task; /* for render */
};

struct fake_request {
	char *method, *url, *headers, *body, *limit_key, *part;
	orch_credential credential;
	uint64_t max_bytes;
	bool repeatable;
};

/* One answer to come; the request must hold URL in its URL. */
struct fake_reply {
	const char *url;
	int status; /* 0: no answer; -1: the core sends it to nobody */
	const char *headers, *body, *problem;
	uint64_t part_bytes; /* 0: the body's length */
	bool truncated;
	bool lost; /* the request went out, the reply never came: the hook is entered anew, "resumed" */
};

struct fake {
	struct orch_host host; /* first */
	const struct orch_plugin *plugin;
	void *settings;
	void *self; /* the instance */
	void *set;
	void *memory; /* all that was copied */
	struct orch_sink sink;
	struct orch_err err;
	uint64_t now_ms;
	uint64_t tick_ms;       /* how far each look at the clock moves it */
	const char *secrets[8]; /* by credential */
	char *alarms[FAKE_KEPT];
	size_t alarm_count;
	char *counted[FAKE_KEPT];
	size_t counted_count;

	struct orch_progress progress;
	struct fake_request requests[FAKE_REQUESTS];
	size_t request_count;
	const struct fake_reply *replies; /* the script; a reply whose url is NULL ends it */
	size_t reply_at;
};

/* NAME is the plugin's; OPTIONS are "key", "value", …, NULL.  Fails the test if it does not load. */
struct fake *fake_open(const char *name, const char *const *options);
/* The same, but create() must fail; gives its code. */
int fake_refuse(const char *name, const char *const *options, struct orch_err *ret_err);
void fake_close(struct fake *fake);

/* Forgets what was said and starts anew at step 0. */
void fake_clear(struct fake *fake);
/* Another instance goes on, as after a crash. */
void fake_restart(struct fake *fake);

int fake_receive(
	struct fake *fake, const char *headers, struct orch_text body, struct orch_answer *answer);
/* With a right signature of now, under the first secret. */
int fake_receive_signed(struct fake *fake, const char *body, struct orch_answer *answer);
void fake_sign(const char *secret, const char *timestamp, struct orch_text body, char mac[68]);

/* Runs the hook to its end, playing SCRIPT. */
int fake_gather(struct fake *fake, const struct orch_event *event, const struct fake_reply *script);
int fake_act(struct fake *fake, const struct orch_task *task, const struct fake_reply *script);

int fake_compile(struct fake *fake, const struct orch_rule *rules, size_t count, size_t *ret_bad);
int fake_scan(struct fake *fake, struct orch_text text);
int fake_scan_parts(struct fake *fake, const struct orch_part *parts, size_t count);

struct orch_text fake_text(const char *string);
/* FMT with every ' become ", so that JSON can be read in a test. */
ORCH_PRINTF(2, 3)
char *fake_json(struct fake *fake, const char *fmt, ...);
/* The part's bytes as a string; NULL: no such part. */
const char *fake_part(const struct orch_event *event, const char *name);
const struct orch_part *fake_find_part(const struct orch_event *event, const char *name);
const char *fake_field(const struct orch_event *event, const char *name); /* NULL: none */
bool fake_counted(const struct fake *fake, const char *metric);
bool fake_alarmed(const struct fake *fake, const char *name);
const char *fake_note(
	const struct fake *fake, const char *part, uint32_t state); /* NULL: no mark */

#endif
