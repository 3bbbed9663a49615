/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workspace: people, channels, messages, files and the tokens that may
 * touch them.
 *
 * Pure state: no socket and no thread.  What happens in it is told to the one
 * EMIT hook as the inner event that Slack would send.  The newest KEEP
 * messages are kept; lookups go through maps, so that a workspace with many
 * messages is as fast as an empty one.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H
#include <sys/queue.h>
#include "base/map.h"
#include "base/secret.h"
#include "jsonx.h"

#define SIM_ID_SIZE 16
#define SIM_EVENT_ID_SIZE 64
#define SIM_TS_SIZE 24
#define SIM_NAME_SIZE 80
#define SIM_USERS_MAX 10000
#define SIM_CHANNELS_MAX 10000
#define SIM_TOKENS_MAX 64
#define SIM_FILES_MAX 10000
#define SIM_FILE_BYTES_MAX (256u * 1024 * 1024) /* of all files together */
#define SIM_EARLIER_MAX 10                      /* versions of an edited message that are kept */

enum sim_kind { SIM_CHANNEL = 0, SIM_GROUP, SIM_IM, SIM_MPIM };

struct sim_user {
	TAILQ_ENTRY(sim_user) next;
	char id[SIM_ID_SIZE];
	char team[SIM_ID_SIZE];
	char name[SIM_NAME_SIZE];
	bool is_bot;
	bool is_admin;
	bool is_foreign; /* of another organisation, in shared channels only */
};

struct sim_message;
TAILQ_HEAD(sim_messages, sim_message);
TAILQ_HEAD(sim_users, sim_user);

struct sim_channel {
	TAILQ_ENTRY(sim_channel) next;
	char id[SIM_ID_SIZE];
	char name[SIM_NAME_SIZE];
	enum sim_kind kind;
	bool is_archived;
	bool is_shared;           /* with another organisation (Slack Connect) */
	struct orch_map *members; /* by id; users are lent */
	struct sim_messages messages;
	uint64_t last_us; /* of the newest ts */
	int64_t created_s;
};
TAILQ_HEAD(sim_channels, sim_channel);

struct sim_message {
	TAILQ_ENTRY(sim_message) in_channel;
	TAILQ_ENTRY(sim_message) in_world;
	TAILQ_ENTRY(sim_message) in_thread;
	struct sim_messages replies;
	size_t live_replies;
	struct sim_message *root; /* NULL: not a reply, or the root is forgotten */
	struct sim_channel *channel;
	char ts[SIM_TS_SIZE];
	char author[SIM_ID_SIZE]; /* empty: a classic bot */
	struct json_object
		*body; /* as conversations.history shows it; never changed, only replaced */
	struct json_object *earlier; /* array of bodies before edits; may be NULL */
	bool is_deleted;
	bool is_ephemeral;
	char deleted_by[SIM_ID_SIZE];
	char seen_by[SIM_ID_SIZE]; /* ephemeral: the only reader */
	uint64_t posted_ms;
	uint64_t changed_ms;
};

struct sim_file {
	TAILQ_ENTRY(sim_file) next;
	char id[SIM_ID_SIZE];
	char user[SIM_ID_SIZE];
	struct json_object *body;     /* as files.info shows it; never changed, only replaced */
	struct json_object *channels; /* array of ids */
	struct json_object *shown;    /* keys of the messages that show it, "C…:ts" each */
	char *bytes;
	size_t len;
	bool is_deleted;
	bool is_hidden; /* events show only {"file_access":"check_file_info"} */
};
TAILQ_HEAD(sim_files, sim_file);

struct sim_token {
	TAILQ_ENTRY(sim_token) next;
	struct orch_secret *secret;
	struct sim_user *owner;
	bool is_bot;
	bool is_default;  /* stays over a reset */
	char *scopes;     /* "a,b,c" */
	char problem[32]; /* what each call with it answers, as in token_revoked; empty: it works */
};
TAILQ_HEAD(sim_tokens, sim_token);

struct sim_world {
	uint64_t seed;
	uint64_t random;
	size_t keep; /* messages */
	char team[SIM_ID_SIZE], foreign_team[SIM_ID_SIZE], app[SIM_ID_SIZE], bot_id[SIM_ID_SIZE];
	char base_url[256]; /* where files are to be had; no slash at the end */
	struct sim_user *bot, *admin;
	struct sim_users users;
	struct sim_channels channels;
	struct sim_messages messages; /* oldest first */
	struct sim_files files;
	struct sim_tokens tokens;
	size_t user_count, channel_count, message_count, file_count, token_count, file_bytes;
	struct orch_map *user_by_key;    /* id and name */
	struct orch_map *channel_by_key; /* id, name, and "U…:U…" of direct messages */
	struct orch_map *message_by_key; /* "C…:ts" */
	struct orch_map *file_by_id;
	/* Takes INNER; CHANNEL may be NULL.  Notes the event's id in last_event_id. */
	void (*emit)(void *arg, struct sim_channel *channel, struct json_object *inner);
	void *emit_arg;
	char last_event_id[SIM_EVENT_ID_SIZE];
	uint64_t revision; /* raised by each change, for those who watch */
};

/* BOT and ADMIN are copied.  NULL: no memory. */
struct sim_world *sim_world_create(
	uint64_t seed, size_t keep, struct orch_text bot_token, struct orch_text admin_token);
void sim_world_destroy(struct sim_world *world);
/* Back to how it began; other tokens than the two first are forgotten. */
ORCH_MUST_USE int sim_world_reset(struct sim_world *world);

/* "C" gives something like "C0K3V9Q2ZXA". */
void sim_world_id(struct sim_world *world, const char *prefix, char ret[SIM_ID_SIZE]);
/* The next free ts of the channel, also for events that are no messages. */
void sim_world_stamp(struct sim_channel *channel, char ret[SIM_TS_SIZE]);

/* By id or name (a channel's with or without '#'); NULL: no such. */
struct sim_user *sim_world_user(const struct sim_world *world, struct orch_text key);
struct sim_channel *sim_world_channel(const struct sim_world *world, struct orch_text key);
struct sim_message *sim_world_message(
	const struct sim_world *world, struct orch_text channel, struct orch_text ts);
struct sim_file *sim_world_file(const struct sim_world *world, struct orch_text id);
struct sim_token *sim_world_token(const struct sim_world *world, struct orch_text secret);

/* NULL: no memory, too many, or the name is taken. */
struct sim_user *sim_world_add_user(
	struct sim_world *world, struct orch_text name, bool is_bot, bool is_foreign);
struct sim_channel *sim_world_add_channel(
	struct sim_world *world, enum sim_kind kind, struct orch_text name);
struct sim_token *sim_world_add_token(struct sim_world *world, struct orch_text secret,
	struct sim_user *owner, bool is_bot, const char *scopes);
/* The direct message of the two, made if it is not there. */
struct sim_channel *sim_world_im(struct sim_world *world, struct sim_user *a, struct sim_user *b);

ORCH_MUST_USE int sim_channel_join(struct sim_channel *channel, struct sim_user *user);
void sim_channel_leave(struct sim_channel *channel, const struct sim_user *user);
bool sim_channel_has(const struct sim_channel *channel, const struct sim_user *user);
const char *sim_channel_type(
	const struct sim_channel *channel); /* "channel", "group", "im", "mpim" */
bool sim_channel_is_private(const struct sim_channel *channel);
bool sim_token_has_scope(const struct sim_token *token, const char *scope);

#endif
