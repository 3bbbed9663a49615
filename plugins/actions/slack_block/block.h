/* SPDX-License-Identifier: Apache-2.0 */
/* slack_block: takes content that must not stay off Slack, by whichever way is open. */
#ifndef BLOCK_H
#define BLOCK_H
#include <orch/action.h>
#include "kit/slack.h"

#define FILES_LIMIT 100u     /* of one message; that there are more is said */
#define FILE_CALLS_A_TRY 20u /* limits.requests is 50 by default, and the rest needs some as well */

#define DIRECT_BYTES 32
#define WHY_BYTES 112
#define FILE_WHY_BYTES 64

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
	struct kit_slack_pauses pauses;
};

/*
 * The steps in their order.  Their numbers are in progress->step and so on
 * disk: a new step goes to the end of a new major version, not in between.
 */
enum step {
	STEP_UPDATE = 0, /* our own message: replace its text */
	STEP_DELETE_OWN, /* our own message: delete it */
	STEP_DELETE,     /* anybody's message, as an admin */
	STEP_FILES,      /* its files, one after another, as far as one try goes */
	STEP_LOOK,       /* did an earlier try post the notice? */
	STEP_NOTICE,
	STEP_WARN, /* nothing helped, or there is no notice: tell the author in the channel … */
	STEP_OPEN, /* … or else directly */
	STEP_LOOK_DIRECT, /* did an earlier try? */
	STEP_DIRECT,
	STEP_MORE_FILES, /* the rest of them, once people know */
	STEP_LOOK_ALERT, /* if anything stays, those who watch are told */
	STEP_ALERT,
	STEP_END,
};

enum rung {
	RUNG_NONE = '-',
	RUNG_UPDATED = 'u',
	RUNG_BOT = 'b',   /* deleted with the bot's token */
	RUNG_ADMIN = 'a', /* … with the admin's */
	RUNG_GONE = 'g',  /* it was not there any more */
};

/* How the file at hand is being tried. */
enum file_try {
	FILE_FIRST = '1', /* ours as the bot, anybody else's as the admin */
	FILE_ADMIN = '2', /* ours, which the bot may not delete */
	FILE_ASK = '?',   /* "not found" is also said of what a token may not see: is it there? */
};

/* What has come of it so far; survives in progress->memo. */
struct state {
	char rung;           /* enum rung */
	uint32_t file;       /* the next one to delete */
	uint32_t files_left; /* those that could not be deleted */
	uint32_t file_calls; /* in this try */
	char file_try;       /* enum file_try */
	bool asked, again;   /* the file's deletion was asked for; … by an earlier try */
	uint32_t pages;      /* looked through for an earlier notice */
	uint32_t last;       /* the step whose answer came last in this try, plus one; 0: none */
	bool look, posted, warned, direct, alerted;
	bool token, rules; /* what refused a removal: a token that is wrong, Slack's own rules */
	char channel[DIRECT_BYTES];    /* of the direct message to the author, once it is open */
	char why[WHY_BYTES];           /* the last refusal, in Slack's word */
	char file_why[FILE_WHY_BYTES]; /* … of one of the message's files */
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
	uint32_t file_count; /* those that are tried */
	uint32_t file_total;
	bool is_message;     /* there is a message that may be deleted */
	bool is_topic;       /* … or a topic, purpose or name, which can only be set anew */
	bool is_file;        /* the event is about a file alone */
	bool is_shared_file; /* … and there is a message that shares it, with a task of its own */
	bool is_own;
	bool was_deleted; /* the event says that somebody deleted it already */
};

struct step_kind {
	const char *method;
	bool (*is_wanted)(const struct call *call);
	orch_credential (*token)(const struct call *call);
	int (*ask)(struct call *call, struct kit_slack_call *api);
	/* Takes the answer in and moves on. */
	void (*judge)(struct call *call, const struct kit_slack_answer *answer);
};

/* state.c */
void state_read(const char *memo, struct state *ret_state);
void state_write(const struct state *state, char *memo, size_t size);

/* remove.c: the message and its files. */
bool is_removed(const struct call *call);
bool wants_update(const struct call *call);
bool wants_delete(const struct call *call);
bool wants_files(const struct call *call);
bool wants_more_files(const struct call *call);
orch_credential admin_token(const struct call *call);
orch_credential file_token(const struct call *call);
const char *file_method(const struct call *call);
int ask_update(struct call *call, struct kit_slack_call *api);
int ask_delete(struct call *call, struct kit_slack_call *api);
int ask_file(struct call *call, struct kit_slack_call *api);
void judge_removal(struct call *call, const struct kit_slack_answer *answer);
void judge_file(struct call *call, const struct kit_slack_answer *answer);

/* tell.c: the author, the channel, those who watch. */
bool is_told(const struct call *call);
bool is_notice_due(const struct call *call); /* something is gone that people will look for */
bool can_post(const struct call *call);
bool wants_look(const struct call *call);
bool wants_notice(const struct call *call);
bool wants_warning(const struct call *call);
bool wants_open(const struct call *call);
bool wants_direct_look(const struct call *call);
bool wants_direct(const struct call *call);
bool wants_alert_look(const struct call *call);
bool wants_alert(const struct call *call);
orch_credential bot_token(const struct call *call);
int ask_look(struct call *call, struct kit_slack_call *api);
int ask_notice(struct call *call, struct kit_slack_call *api);
int ask_warning(struct call *call, struct kit_slack_call *api);
int ask_open(struct call *call, struct kit_slack_call *api);
int ask_direct(struct call *call, struct kit_slack_call *api);
int ask_alert(struct call *call, struct kit_slack_call *api);
int look_further(struct call *call, struct kit_slack_call *api,
	const struct kit_slack_answer *answer); /* ORCH_SEND: there is one more page */
void judge_look(struct call *call, const struct kit_slack_answer *answer);
void judge_notice(struct call *call, const struct kit_slack_answer *answer);
void judge_warning(struct call *call, const struct kit_slack_answer *answer);
void judge_open(struct call *call, const struct kit_slack_answer *answer);
void judge_direct(struct call *call, const struct kit_slack_answer *answer);
void judge_alert(struct call *call, const struct kit_slack_answer *answer);
int render(struct call *call, const struct orch_template *form, struct orch_text *ret_text);

/* steps.c: from step to step until one has something to ask; STEP_END: none has. */
void step_find(struct call *call);
int step_ask(struct call *call); /* fills the request; gives ORCH_SEND */
int step_judge(struct call *call, const struct orch_reply *reply);
const char *step_method(uint32_t step);

/* Notes what stood in the way; of a removal that counts for how the task ends. */
void blame(struct call *call, const struct kit_slack_answer *answer);

/* Does an answer to this step depend on what an earlier try may have posted?  The step before looks. */
bool step_is_post(uint32_t step);
bool step_is_look(uint32_t step);

/* report.c: why nothing was removed, for people. */
void put_reason(const struct call *call, struct kit_builder *sentence);

/* Says how it ended; ORCH_E_DENIED if somebody must mend a token first. */
int block_report(struct call *call);

#endif
