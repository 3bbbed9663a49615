/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block: takes content that must not stay off Slack, by whichever way is open. */
#ifndef BLOCK_H
#define BLOCK_H
#include <orch/action.h>
#include "kit/slack.h"

struct settings {
	orch_credential admin_token, bot_token;
	const char *api_url;
	const struct orch_template *notice, *warning;
	const char *appeal_url;
	const char *alert_channel;
	bool notify, delete_files;
};

struct block {
	const struct orch_host *host;
	const struct settings *settings;
	struct kit_arena arena;
};

/*
 * The steps in their order.  Their numbers are in progress->step and so on
 * disk: a new step goes to the end of a new major version, not in between.
 */
enum step {
	STEP_UPDATE = 0, /* our own message: replace its text */
	STEP_DELETE_OWN, /* our own message: delete it */
	STEP_DELETE,     /* anybody's message, as an admin */
	STEP_FILES,      /* its files, one after another */
	STEP_LOOK,       /* did an earlier try post the notice? */
	STEP_NOTICE,
	STEP_WARN,       /* nothing helped: tell the author … */
	STEP_LOOK_ALERT, /* … and those who watch */
	STEP_ALERT,
	STEP_END,
};

enum rung { RUNG_NONE = '-', RUNG_UPDATED = 'u', RUNG_DELETED = 'd', RUNG_GONE = 'g' };

/* What has come of it so far; survives in progress->memo. */
struct state {
	char rung;           /* enum rung */
	uint32_t file;       /* the next one to delete */
	uint32_t files_left; /* those that could not be deleted */
	uint32_t pages;      /* looked through for an earlier notice */
	bool look, posted, warned, alerted;
	bool token, rules; /* what refused a removal: a token that is wrong, Slack's own rules */
	char why[KIT_SLACK_ERROR_BYTES]; /* the last refusal, in Slack's word */
};

/* One entry of the hook. */
struct call {
	struct block *self;
	const struct orch_task *task;
	struct orch_progress *progress;
	struct orch_request *request;
	struct orch_sink *sink;
	struct orch_err *err;
	struct state state;
	struct orch_text team, channel, ts, thread_ts, user, files;
	uint32_t file_count;
	bool is_message;     /* there is a message that may be deleted */
	bool is_topic;       /* … or a topic, purpose or name, which can only be set anew */
	bool is_file;        /* the event is about a file alone */
	bool is_shared_file; /* … and there is a message that shares it, with a task of its own */
	bool is_own;
	bool was_deleted; /* the event says that somebody deleted it already */
};

void state_read(const char *memo, struct state *ret_state);
void state_write(const struct state *state, char *memo, size_t size);

/* Is there anything to do at this step? */
bool step_is_wanted(const struct call *call, uint32_t step);

/* Fills the request of the step; gives ORCH_SEND. */
int step_ask(struct call *call);

/* Takes the answer in and moves to the next step. */
int step_judge(struct call *call, const struct orch_reply *reply);

/* Why nothing was removed, for people. */
void put_reason(const struct call *call, struct kit_builder *sentence);

/* Says how it ended; ORCH_E_DENIED if somebody must mend a token first. */
int block_report(struct call *call);

#endif
