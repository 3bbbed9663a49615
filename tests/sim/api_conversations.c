/* SPDX-License-Identifier: Apache-2.0 */
/* conversations.*: what can be seen, and by whom. */
#include "api.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_DEFAULT 100
#define PAGE_MAX 999
#define MPIM_USERS_MAX 8

static struct json_object *show_about(const char *value)
{
	struct json_object *about = json_object_new_object();

	sim_put(about, "value", value);
	sim_put(about, "creator", "");
	sim_put_int(about, "last_set", 0);
	return about;
}

static void put_partner(
	struct json_object *shown, const struct sim_channel *channel, const struct sim_user *viewer)
{
	struct orch_text id;
	void *user;
	size_t cursor = 0;

	while (orch_map_next(channel->members, &cursor, &id, &user))
		if (user != viewer)
			sim_put(shown, "user", ((struct sim_user *)user)->id);
}

static struct json_object *show(const struct sim_call *call, const struct sim_channel *channel)
{
	struct json_object *shown = json_object_new_object();

	sim_put(shown, "id", channel->id);
	sim_put_int(shown, "created", channel->created_s);
	sim_put_bool(shown, "is_im", channel->kind == SIM_IM);
	sim_put_bool(shown, "is_archived", channel->is_archived);
	sim_put(shown, "context_team_id", call->world->team);
	if (channel->kind == SIM_IM) {
		put_partner(shown, channel, call->token->owner);
		return shown;
	}
	sim_put(shown, "name", channel->name);
	sim_put_bool(shown, "is_channel", channel->kind == SIM_CHANNEL);
	sim_put_bool(shown, "is_group", channel->kind == SIM_GROUP);
	sim_put_bool(shown, "is_mpim", channel->kind == SIM_MPIM);
	sim_put_bool(shown, "is_private", sim_channel_is_private(channel));
	sim_put_bool(shown, "is_general", strcmp(channel->name, "general") == 0);
	sim_put_bool(shown, "is_shared", channel->is_shared);
	sim_put_bool(shown, "is_ext_shared", channel->is_shared);
	sim_put_bool(shown, "is_org_shared", false);
	sim_put_bool(shown, "is_member", sim_channel_has(channel, call->token->owner));
	sim_put_json(shown, "topic", show_about(""));
	sim_put_json(shown, "purpose", show_about(""));
	sim_put_int(shown, "num_members", (int64_t)orch_map_count(channel->members));
	return shown;
}

static const char *info(struct sim_call *call)
{
	struct sim_channel *channel = sim_call_channel(call);
	const char *error;

	if (!sim_arg(call->args, "channel").len)
		return sim_call_lacks(call, "channel");
	if (!channel)
		return "channel_not_found";
	error = sim_call_needs_for(call, channel, "read");
	if (!error)
		sim_put_json(call->reply, "channel", show(call, channel));
	return error;
}

static int64_t page_size(const struct sim_call *call, int64_t fallback)
{
	int64_t limit = sim_arg_int(call->args, "limit", fallback);

	return limit < 1 ? fallback : limit > PAGE_MAX ? PAGE_MAX : limit;
}

static void put_cursor(struct sim_call *call, const char *cursor)
{
	struct json_object *about = json_object_new_object();

	sim_put(about, "next_cursor", cursor);
	sim_put_json(call->reply, "response_metadata", about);
}

static bool wants_type(struct orch_text types, const struct sim_channel *channel)
{
	static const char *const names[] = { "public_channel", "private_channel", "im", "mpim" };
	struct orch_text piece;

	if (!types.len)
		return channel->kind == SIM_CHANNEL;
	while (orch_text_split(&types, ',', &piece))
		if (orch_text_is(orch_text_trim(piece), names[channel->kind]))
			return true;
	return false;
}

static bool is_listed(const struct sim_call *call, const struct sim_channel *channel)
{
	if (!wants_type(sim_arg(call->args, "types"), channel))
		return false;
	if (channel->is_archived && sim_arg_bool(call->args, "exclude_archived"))
		return false;
	return !sim_channel_is_private(channel) || sim_channel_has(channel, call->token->owner);
}

static const char *list(struct sim_call *call)
{
	struct json_object *channels = json_object_new_array();
	struct orch_text cursor = sim_arg(call->args, "cursor");
	int64_t left = page_size(call, PAGE_DEFAULT);
	const char *next = "", *error = NULL;
	struct sim_channel *channel;
	bool is_here = !cursor.len;

	TAILQ_FOREACH(channel, &call->world->channels, next)
	{
		is_here = is_here || orch_text_is(cursor, channel->id);
		if (!is_here || !is_listed(call, channel))
			continue;
		error = sim_call_needs_for(call, channel, "read");
		if (error)
			break;
		if (left-- == 0) {
			next = channel->id;
			break;
		}
		sim_push(channels, show(call, channel));
	}
	sim_put_json(call->reply, "channels", channels);
	if (!error)
		put_cursor(call, next);
	return error ? error : is_here ? NULL : "invalid_cursor";
}

/* ts as text compares like the number as long as both have ten digits before the point. */
static bool is_within(const struct sim_call *call, const char *ts)
{
	struct orch_text oldest = sim_arg(call->args, "oldest");
	struct orch_text latest = sim_arg(call->args, "latest");
	bool inclusive = sim_arg_bool(call->args, "inclusive");
	double at = strtod(ts, NULL), bound;

	if (oldest.len) {
		bound = strtod(oldest.ptr, NULL);
		if (at < bound || (!inclusive && strncmp(ts, oldest.ptr, SIM_TS_SIZE) == 0))
			return false;
	}
	if (latest.len) {
		bound = strtod(latest.ptr, NULL);
		if (at > bound || (!inclusive && strncmp(ts, latest.ptr, SIM_TS_SIZE) == 0))
			return false;
	}
	return true;
}

static void push_message(const struct sim_call *call, struct json_object *messages,
	const struct sim_message *message)
{
	struct json_object *copy;

	if (sim_arg_bool(call->args, "include_all_metadata") ||
		!sim_has(message->body, "metadata")) {
		sim_push(messages, json_object_get(message->body));
		return;
	}
	copy = json_object_new_object();
	sim_merge(copy, message->body);
	if (copy)
		json_object_object_del(copy, "metadata");
	sim_push(messages, copy);
}

static void put_page(struct sim_call *call, struct json_object *messages, const char *next)
{
	sim_put_json(call->reply, "messages", messages);
	sim_put_bool(call->reply, "has_more", next[0] != '\0');
	if (next[0])
		put_cursor(call, next);
}

static bool is_in_history(const struct sim_message *message)
{
	if (message->is_deleted || message->is_ephemeral)
		return false;
	return !message->root || strcmp(sim_get(message->body, "subtype"), "thread_broadcast") == 0;
}

static const char *may_read(struct sim_call *call, struct sim_channel *channel)
{
	const char *error;

	if (!sim_arg(call->args, "channel").len)
		return sim_call_lacks(call, "channel");
	if (!channel)
		return "channel_not_found";
	error = sim_call_needs_for(call, channel, "history");
	if (!error && !sim_channel_has(channel, call->token->owner))
		error = "not_in_channel";
	return error;
}

/* Newest first; the cursor is the ts from which the next page goes on. */
static const char *history(struct sim_call *call)
{
	struct sim_channel *channel = sim_call_channel(call);
	const char *error = may_read(call, channel), *next = "";
	struct orch_text cursor = sim_arg(call->args, "cursor");
	int64_t left = page_size(call, PAGE_DEFAULT);
	struct json_object *messages;
	struct sim_message *message;

	if (error)
		return error;
	messages = json_object_new_array();
	TAILQ_FOREACH_REVERSE(message, &channel->messages, sim_messages, in_channel)
	{
		if (!is_in_history(message) || !is_within(call, message->ts) ||
			(cursor.len && strncmp(message->ts, cursor.ptr, SIM_TS_SIZE) > 0))
			continue;
		if (left-- == 0) {
			next = message->ts;
			break;
		}
		push_message(call, messages, message);
	}
	put_page(call, messages, next);
	sim_put_int(call->reply, "pin_count", 0);
	return NULL;
}

/* The parent, then the replies, oldest first; the parent comes with each page, as with Slack. */
static const char *replies(struct sim_call *call)
{
	struct sim_channel *channel = sim_call_channel(call);
	const char *error = may_read(call, channel), *next = "";
	struct orch_text ts = sim_arg(call->args, "ts"), cursor = sim_arg(call->args, "cursor");
	int64_t left = page_size(call, PAGE_MAX);
	struct json_object *messages;
	struct sim_message *root, *reply;

	if (error)
		return error;
	root = sim_world_message(call->world, orch_text_from(channel->id), ts);
	if (root && root->root)
		root = root->root;
	if (!root || root->is_deleted)
		return "thread_not_found";
	messages = json_object_new_array();
	push_message(call, messages, root);
	TAILQ_FOREACH(reply, &root->replies, in_thread)
	{
		if (reply->is_deleted || !is_within(call, reply->ts) ||
			(cursor.len && strncmp(reply->ts, cursor.ptr, SIM_TS_SIZE) < 0))
			continue;
		if (left-- == 0) {
			next = reply->ts;
			break;
		}
		push_message(call, messages, reply);
	}
	put_page(call, messages, next);
	return NULL;
}

static struct sim_channel *open_group(struct sim_call *call, struct orch_text ids)
{
	char name[SIM_NAME_SIZE];
	struct sim_user *users[MPIM_USERS_MAX];
	struct orch_text piece;
	struct sim_channel *channel;
	size_t count = 0;
	uint64_t sum = 0;

	while (orch_text_split(&ids, ',', &piece)) {
		struct sim_user *user = sim_world_user(call->world, orch_text_trim(piece));

		if (!user || count == MPIM_USERS_MAX)
			return NULL;
		users[count++] = user;
		for (const char *c = user->id; *c; c++)
			sum = sum * 31 + (unsigned char)*c;
	}
	(void)snprintf(name, sizeof(name), "mpdm-%llx", (unsigned long long)sum);
	channel = sim_world_channel(call->world, orch_text_from(name));
	if (channel)
		return channel;
	channel = sim_world_add_channel(call->world, SIM_MPIM, orch_text_from(name));
	if (!channel || sim_channel_join(channel, call->token->owner) != 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (sim_channel_join(channel, users[i]) != 0)
			return NULL;
	return channel;
}

static const char *open_channel(struct sim_call *call)
{
	struct orch_text ids = sim_arg(call->args, "users");
	bool is_group = memchr(ids.ptr, ',', ids.len) != NULL;
	const char *error = sim_call_needs(call, is_group ? "mpim:write" : "im:write");
	size_t before = call->world->channel_count;
	struct json_object *shown = json_object_new_object();
	struct sim_channel *channel = NULL;
	struct sim_user *user;

	if (!error && !ids.len && !sim_arg(call->args, "channel").len)
		error = "users_list_not_supplied";
	if (!error && !ids.len)
		channel = sim_call_channel(call);
	else if (!error && is_group)
		channel = open_group(call, ids);
	else if (!error && (user = sim_world_user(call->world, ids)) && user != call->token->owner)
		channel = sim_world_im(call->world, user, call->token->owner);
	if (!error && !channel)
		error = ids.len ? "user_not_found" : "channel_not_found";
	if (!error) {
		sim_put(shown, "id", channel->id);
		sim_put_bool(call->reply, "no_op", call->world->channel_count == before);
		sim_put_bool(call->reply, "already_open", call->world->channel_count == before);
	}
	sim_put_json(call->reply, "channel", shown);
	return error;
}

static const char *join(struct sim_call *call)
{
	struct sim_channel *channel = sim_call_channel(call);

	if (!channel)
		return "channel_not_found";
	if (channel->is_archived)
		return "is_archived";
	if (channel->kind != SIM_CHANNEL)
		return "method_not_supported_for_channel_type";
	if (sim_channel_join(channel, call->token->owner) != 0)
		return "internal_error";
	sim_put_json(call->reply, "channel", show(call, channel));
	return NULL;
}

const struct sim_method sim_conversation_methods[] = {
	{ "conversations.history", NULL, 50, true, history },
	{ "conversations.info", NULL, 50, false, info },
	{ "conversations.join", "channels:join", 50, true, join },
	{ "conversations.list", NULL, 20, false, list },
	{ "conversations.open", NULL, 50, true, open_channel },
	{ "conversations.replies", NULL, 50, false, replies },
	{ .name = NULL },
};
