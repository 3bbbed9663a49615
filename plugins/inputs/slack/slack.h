/* SPDX-License-Identifier: Apache-2.0 */
/* slack: the Events API as events; see slack.c for how the files divide the work. */
#ifndef SLACK_H
#define SLACK_H
#include <orch/input.h>
#include "kit/json.h"
#include "kit/text.h"

#define CHALLENGE_BYTES 256
#define PARTS_LIMIT 128
#define FIELDS_LIMIT 24
#define FILES_LIMIT 50 /* of one message; more are said to be unavailable */
#define TEXT_BYTES \
	((size_t)1024 * 1024) /* of one part made of a message; what is more is cut and said so */

#define LINES_BYTES (2 * TEXT_BYTES) /* of a part that holds its texts in two views */

struct settings {
	orch_credential signing_secret, previous_signing_secret, token;
	const char *api_url;
	uint64_t max_file_bytes;
	struct orch_list ignore_bots;
	bool scan_own, scan_deleted, scan_unshared;
};

struct slack {
	const struct orch_host *host;
	const struct settings *settings;
	struct kit_arena arena;
};

/* One delivery of the Events API.  Texts are lent by ROOT. */
struct envelope {
	struct slack *self;
	struct orch_sink *sink;
	struct orch_err *err;
	struct json_object *root, *event;
	struct orch_text body;
	struct orch_text team, app;
};

/* signature.c: is the request from Slack, and of the last minutes?  ORCH_E_DENIED if not. */
int signature_check(
	const struct slack *self, const struct orch_arrival *arrival, struct orch_err *err);

/* draft.c: an event in the making. */
struct draft {
	struct kit_arena *arena;
	struct orch_event event;
	struct orch_field fields[FIELDS_LIMIT];
	struct orch_part parts[PARTS_LIMIT];
	bool full; /* a part found no room */
};

void draft_field(struct draft *draft, const char *name, struct orch_text value);
void draft_part(struct draft *draft, const struct orch_part *part);
void draft_text(struct draft *draft, const char *name, struct kit_builder *text);
int draft_emit(struct draft *draft, const struct envelope *envelope);

/* message.c: events of the type "message". */
int message_receive(struct envelope *envelope);
int ignore(const struct envelope *envelope, const char *reason);

/* NAME, or a digest of it if it is longer than any of Slack's: the core refuses those. */
struct orch_text name_within(const struct envelope *envelope, struct orch_text name);

/* By the event's id, or by its body if it has none; empty: no memory. */
struct orch_text envelope_id(const struct envelope *envelope);

/* The event's id, time, team and raw JSON, alike for all types. */
int envelope_describe(const struct envelope *envelope, struct draft *draft);

/* content.c: everything that MESSAGE says, as parts. */
void content_read(struct draft *draft, struct json_object *message);

/* fold.c: puts the first character of TEXT as it is seen; gives its length. */
size_t fold_put(struct kit_builder *out, struct orch_text text);

/* mrkdwn.c: the text as its reader sees it, and where its links lead. */
void mrkdwn_display(struct kit_builder *displayed, struct orch_text text);
void mrkdwn_plain(struct kit_builder *plain, struct orch_text text); /* CommonMark, without marks */
void mrkdwn_blank_ids(char *text, size_t len); /* of users, channels and groups, in place */
void mrkdwn_links(struct kit_builder *links, struct orch_text text);
void link_put(struct kit_builder *links, struct orch_text target);

/* walk.c: every text of blocks and attachments, one a line. */
#define WALK_KNOWN 64

struct walk {
	struct kit_arena *arena;
	struct kit_builder *lines, *links;
	struct orch_text known[WALK_KNOWN]; /* not to be repeated */
	size_t known_count;
	bool everything; /* below metadata: names too, and nothing is left out */
};

void walk_value(struct walk *walk, const char *key, struct json_object *value);

/* files.c: files as announced parts, and what their descriptions say; only its own are in "slack.files". */
#define FILES_DESCRIBED "filename:" /* begins the name of a part that holds a file's description */

void files_announce(struct draft *draft, struct json_object *message);
/* The one file that the event is about: what names the event names the file. */
void files_announce_id(struct draft *draft, struct orch_text id);
struct orch_text files_alias(const struct draft *draft, struct orch_text id); /* empty: none */
struct json_object *files_find(struct json_object *envelope, struct orch_text id);
bool files_describe(struct kit_arena *arena, struct json_object *file, struct orch_part *ret_part);
/* What Slack holds in a form of its own is asked for in another way than by its address. */
enum file_kind { FILE_BYTES, FILE_CANVAS, FILE_LIST };
enum file_kind file_kind(struct json_object *file);
const char *files_refusal(struct json_object *file); /* why it cannot be had; NULL: it can */
bool files_is_gone(struct json_object *file);

/* message.c: the message that the event is about: the event itself, or the one within it. */
struct json_object *message_of(struct json_object *event);

/* gather.c: the hook. */
int gather(void *self, const struct orch_event *event, struct orch_progress *progress,
	const struct orch_reply *reply, struct orch_request *request, struct orch_sink *sink,
	struct orch_err *err);

/* download.c: what came when a file was asked for. */
struct expected {
	uint64_t size;    /* 0: not known */
	bool is_html;     /* a sign-in page could not be told from it by its look alone */
	uint32_t hops;    /* redirects followed so far */
	char origin[128]; /* of the last request */
};

enum verdict {
	DOWNLOAD_GOOD,
	DOWNLOAD_MOVED, /* *ret_url is where to */
	DOWNLOAD_CUT,   /* the part holds less than the file */
	DOWNLOAD_LOST,
	DOWNLOAD_GONE, /* the file is not there any more */
	DOWNLOAD_LATER,
};

bool download_may_have_token(const struct slack *self, struct orch_text url);
void expected_read(const char *memo, struct expected *ret_expected);
void expected_write(const struct expected *expected, char *memo, size_t size);
enum verdict download_judge(struct slack *self, const struct expected *expected,
	const struct orch_reply *reply, struct orch_text *ret_url, const char **ret_why);

#endif
