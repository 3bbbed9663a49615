/* SPDX-License-Identifier: Apache-2.0 */
/* Slack's Web API as its plugins use it: requests, and what an answer means. */
#ifndef KIT_SLACK_H
#define KIT_SLACK_H
#include <orch/event.h>
#include "kit/json.h"
#include "kit/text.h"

#define KIT_SLACK_API_URL "https://slack.com/api/"

/* Names our own messages, so that the input knows them again and a repeat finds them. */
#define KIT_SLACK_NOTICE_EVENT "orchestrator_notice"

#define KIT_SLACK_BODY_BYTES ((size_t)64 * 1024)
#define KIT_SLACK_ERROR_BYTES 160
#define KIT_SLACK_NOT_SENT "not sent: " /* the core refuses for good; its reason follows */
#define KIT_SLACK_TEXT_BYTES 8000       /* of a notice; Slack cuts at 40,000 characters */

enum kit_slack_class {
	KIT_SLACK_DONE = 0,
	KIT_SLACK_GONE,    /* what was to be removed is not there: as good as done */
	KIT_SLACK_REFUSED, /* permanent: try the next way */
	KIT_SLACK_CONFIG,  /* a token or scope is wrong: somebody must mend it */
	KIT_SLACK_EXPIRED, /* the token must be renewed */
	KIT_SLACK_AGAIN,   /* later */
};

struct kit_slack_answer {
	enum kit_slack_class class;
	char error
		[KIT_SLACK_ERROR_BYTES]; /* Slack's own word, "http_502", "not sent: …", or empty */
	char scope[128];                 /* with missing_scope: what would be needed */
	struct json_object *body;        /* NULL unless it was JSON */
};

/* To be followed by kit_slack_answer_fini in any case. */
void kit_slack_answer_read(const struct orch_reply *reply, struct kit_slack_answer *ret_answer);
void kit_slack_answer_fini(struct kit_slack_answer *answer);

/* The same for a page of messages; of one that was cut nothing is believed. */
void kit_slack_page_read(const struct orch_reply *reply, struct kit_slack_answer *ret_answer);

/* A sentence's end: what stood in the way. */
void kit_slack_put_error(struct kit_builder *sentence, const char *error);

/* A call of the Web API.  Its texts live in ARENA. */
struct kit_slack_call {
	struct kit_arena *arena;
	const char *api_url; /* with or without the last slash */
	const char *method;
	orch_credential token;
	struct orch_text team;    /* rate limits count by team */
	struct orch_text channel; /* … and for posts by channel */
};

/*
 * Tokens that Slack does not know any more.  They are not sent again for some
 * minutes: each call would fail, and count against the app.
 */
#define KIT_SLACK_PAUSES 4

struct kit_slack_pauses {
	struct {
		orch_credential token;
		uint64_t until_ms;
		const char *error;
	} at[KIT_SLACK_PAUSES];
};

/* Slack's word for it if TOKEN is not to be sent now; else NULL. */
const char *kit_slack_paused(
	const struct kit_slack_pauses *pauses, orch_credential token, uint64_t now_ms);

/* If ANSWER speaks of a wrong token: raises the alarm, once a pause, and begins the pause if it is no good at all. */
void kit_slack_mind(struct kit_slack_pauses *pauses, const struct orch_host *host,
	const struct kit_slack_call *call, const struct kit_slack_answer *answer);

/* POST of a JSON object. */
int kit_slack_post(const struct kit_slack_call *call, struct kit_builder *body,
	struct orch_request *request, struct orch_err *err);

/* GET; QUERY holds "name=value&…", percent-encoded.  May be repeated freely. */
int kit_slack_get(const struct kit_slack_call *call, struct kit_builder *query,
	struct orch_request *request, struct orch_err *err);

/* conversations.open: the answer names the channel of direct messages to USER. */
int kit_slack_open(const struct kit_slack_call *call, struct orch_text user,
	struct orch_request *request, struct orch_err *err);

/* Appends ,"name":"value" to an object that was opened with a first member. */
void kit_slack_member(struct kit_builder *body, const char *name, struct orch_text value);

/* A message of ours.  KEY goes with it as metadata. */
struct kit_slack_notice {
	struct orch_text channel, thread_ts, text, key;
	struct orch_text
		oldest; /* where to look for an earlier copy: Slack's time stamp; may be empty */
};

int kit_slack_post_notice(const struct kit_slack_call *call, const struct kit_slack_notice *notice,
	struct orch_request *request, struct orch_err *err);

/*
 * Asks for the messages among which an earlier copy of NOTICE must be, if its
 * reply was lost.  CURSOR is empty at first.  The call's method is chosen here.
 */
int kit_slack_look_for_notice(struct kit_slack_call *call, const struct kit_slack_notice *notice,
	struct orch_text cursor, struct orch_request *request, struct orch_err *err);

bool kit_slack_has_notice(struct json_object *body, struct orch_text key);
struct orch_text kit_slack_next_cursor(struct json_object *body); /* empty: that was all */

#endif
