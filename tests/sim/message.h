/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to messages, and the events that tell of it. */
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H
#include "world.h"

#define SIM_TEXT_CHARS_MAX 40000

/* Everything is lent; empty texts and NULL mean "not given". */
struct sim_post {
	struct sim_channel *channel;
	struct sim_user *author; /* NULL: a classic bot that has no user */
	struct orch_text text, thread_ts, subtype, username;
	struct json_object *blocks, *attachments, *metadata, *files;
	struct json_object *extra;      /* members to add or to replace */
	const struct sim_user *seen_by; /* makes it ephemeral */
	bool through_api; /* an app posted it: bot_id, bot_profile and app_id are added */
	bool is_broadcast;
	bool without_blocks; /* do not add the rich_text block that clients add */
};

/*
 * Posts, forgets the oldest message if there are too many, and emits.  As with
 * Slack, a reply to a parent that is gone is posted outside of any thread.
 * NULL: no memory.
 */
struct sim_message *sim_message_post(struct sim_world *world, const struct sim_post *post);

/* What an edit replaces: NULL and an absent TEXT leave what is there. */
struct sim_edit {
	struct orch_text text;
	bool has_text;
	struct json_object *blocks, *attachments, *metadata;
	struct json_object *extra;
	bool drop_blocks;
	bool retype; /* a person edits: the blocks become what a client makes of TEXT */
	const struct sim_user *editor; /* NULL: no "edited" mark, as with unfurls */
};
ORCH_MUST_USE int sim_message_edit(
	struct sim_world *world, struct sim_message *message, const struct sim_edit *edit);

/* A parent with replies becomes a tombstone, everything else is gone. */
ORCH_MUST_USE int sim_message_remove(
	struct sim_world *world, struct sim_message *message, const char *by);

/* message_replied, which Slack sends (hidden) for the parent. */
void sim_message_emit_replied(struct sim_world *world, const struct sim_message *reply);

/* Makes a deleted file a tombstone within the messages that show it; no event. */
void sim_messages_bury_file(struct sim_world *world, const struct sim_file *file);
void sim_messages_clear(struct sim_world *world);

#endif
