/* SPDX-License-Identifier: Apache-2.0 */
/* chat.*: what may be said, changed and taken down, and by whom. */
#include "api.h"

#include <string.h>

#include "message.h"

#define BLOCKS_MAX 50
#define TEXT_BYTES_UPDATE_MAX 40000

/* What a post or an update carries; the caller drops it. */
struct content {
	struct json_object *blocks, *attachments, *metadata;
};

static void drop_content(struct content *content)
{
	json_object_put(content->blocks);
	json_object_put(content->attachments);
	json_object_put(content->metadata);
}

static const char *read_list(
	struct sim_call *call, const char *key, const char *problem, struct json_object **ret)
{
	*ret = sim_arg_json(call->args, key);
	if (!*ret)
		return sim_has(call->args, key) && sim_arg(call->args, key).len ? problem : NULL;
	return json_object_is_type(*ret, json_type_array) ? NULL : problem;
}

static const char *read_metadata(struct sim_call *call, struct json_object **ret)
{
	*ret = sim_arg_json(call->args, "metadata");
	if (!*ret)
		return sim_has(call->args, "metadata") ? "invalid_metadata_format" : NULL;
	if (!sim_get(*ret, "event_type")[0] ||
		!json_object_is_type(orch_json_get(*ret, "event_payload"), json_type_object))
		return "invalid_metadata_schema";
	return NULL;
}

static const char *read_content(struct sim_call *call, struct content *ret)
{
	const char *error = read_list(call, "blocks", "invalid_blocks_format", &ret->blocks);

	if (!error)
		error = read_list(call, "attachments", "invalid_attachments", &ret->attachments);
	if (!error)
		error = read_metadata(call, &ret->metadata);
	if (!error && ret->blocks && json_object_array_length(ret->blocks) > BLOCKS_MAX)
		error = "invalid_blocks";
	return error;
}

static bool is_empty(const struct content *content, struct orch_text text)
{
	return !text.len && (!content->blocks || json_object_array_length(content->blocks) == 0) &&
		(!content->attachments || json_object_array_length(content->attachments) == 0);
}

static size_t count_chars(struct orch_text text)
{
	size_t chars = 0;

	for (size_t i = 0; i < text.len; i++)
		chars += ((unsigned char)text.ptr[i] & 0xc0u) != 0x80u;
	return chars;
}

/* Where to post: a conversation, "#name", or a person, to whom a direct message is opened. */
static struct sim_channel *find_target(struct sim_call *call)
{
	struct orch_text key = sim_arg(call->args, "channel");
	struct sim_channel *channel;
	struct sim_user *user;

	user = sim_world_user(call->world, key);
	if (user && orch_text_is(key, user->id))
		return user == call->token->owner
			? NULL
			: sim_world_im(call->world, user, call->token->owner);
	channel = sim_world_channel(call->world, key);
	if (channel && sim_channel_is_private(channel) &&
		!sim_channel_has(channel, call->token->owner))
		return NULL;
	return channel;
}

static const char *may_post(const struct sim_call *call, const struct sim_channel *channel)
{
	if (!channel)
		return "channel_not_found";
	if (channel->is_archived)
		return "is_archived";
	if (!sim_channel_has(channel, call->token->owner) &&
		!sim_token_has_scope(call->token, "chat:write.public"))
		return "not_in_channel";
	return NULL;
}

static void put_message(struct sim_call *call, const struct sim_message *message)
{
	sim_put(call->reply, "channel", message->channel->id);
	sim_put(call->reply, "ts", message->ts);
	sim_put_shared(call->reply, "message", message->body);
}

static const char *post(struct sim_call *call, struct sim_channel *channel,
	const struct sim_user *seen_by, struct sim_message **ret)
{
	struct content content = { 0 };
	struct orch_text text = sim_arg(call->args, "text");
	const char *error = read_content(call, &content);
	struct sim_post post = {
		.channel = channel,
		.author = call->token->owner,
		.text = text,
		.thread_ts = sim_arg(call->args, "thread_ts"),
		.blocks = content.blocks,
		.attachments = content.attachments,
		.metadata = content.metadata,
		.seen_by = seen_by,
		.through_api = call->token->is_bot,
		.is_broadcast = sim_arg_bool(call->args, "reply_broadcast"),
		.without_blocks = true,
	};

	if (!error && is_empty(&content, text))
		error = "no_text";
	if (!error && count_chars(text) > SIM_TEXT_CHARS_MAX)
		call->warning = "message_truncated";
	if (!error && !(*ret = sim_message_post(call->world, &post)))
		error = "internal_error";
	drop_content(&content);
	return error;
}

static const char *post_message(struct sim_call *call)
{
	struct sim_channel *channel = find_target(call);
	const char *error = may_post(call, channel);
	struct sim_message *message;

	if (!error)
		error = post(call, channel, NULL, &message);
	if (!error)
		put_message(call, message);
	return error;
}

static const char *post_ephemeral(struct sim_call *call)
{
	struct sim_user *user = sim_world_user(call->world, sim_arg(call->args, "user"));
	struct sim_channel *channel = find_target(call);
	const char *error = may_post(call, channel);
	struct sim_message *message;

	if (!sim_arg(call->args, "user").len)
		return sim_call_lacks(call, "user");
	if (!error && (!user || !sim_channel_has(channel, user)))
		error = "user_not_in_channel";
	if (!error)
		error = post(call, channel, user, &message);
	if (!error)
		sim_put(call->reply, "message_ts", message->ts);
	return error;
}

static const char *find_message(struct sim_call *call, struct sim_message **ret)
{
	struct sim_channel *channel = sim_call_channel(call);
	struct orch_text ts = sim_arg(call->args, "ts");

	if (!sim_arg(call->args, "channel").len)
		return sim_call_lacks(call, "channel");
	if (!ts.len)
		return sim_call_lacks(call, "ts");
	if (!channel)
		return "channel_not_found";
	*ret = sim_world_message(call->world, orch_text_from(channel->id), ts);
	return *ret && !(*ret)->is_deleted ? NULL : "message_not_found";
}

static bool is_own(const struct sim_call *call, const struct sim_message *message)
{
	return strcmp(message->author, call->token->owner->id) == 0;
}

static bool is_notice_of_channel(const char *subtype)
{
	return strncmp(subtype, "channel_", 8) == 0 || strncmp(subtype, "group_", 6) == 0;
}

static const char *may_delete(const struct sim_call *call, const struct sim_message *message)
{
	const struct sim_channel *channel = message->channel;
	const char *subtype = sim_get(message->body, "subtype");

	if (strcmp(subtype, "ekm_access_denied") == 0)
		return "ekm_access_denied";
	if (strcmp(subtype, "tombstone") == 0 || is_notice_of_channel(subtype))
		return "cant_delete_message";
	if (channel->is_archived)
		return "is_archived";
	if (is_own(call, message))
		return NULL;
	if (call->token->is_bot || !call->token->owner->is_admin || channel->is_shared ||
		channel->kind == SIM_IM || channel->kind == SIM_MPIM)
		return "cant_delete_message";
	return NULL;
}

static const char *delete_message(struct sim_call *call)
{
	struct sim_message *message;
	const char *error = find_message(call, &message);

	if (!error)
		error = may_delete(call, message);
	if (error)
		return error;
	sim_put(call->reply, "channel", message->channel->id);
	sim_put(call->reply, "ts", message->ts);
	return sim_message_remove(call->world, message, call->token->owner->id) == 0
		? NULL
		: "internal_error";
}

static const char *may_update(const struct sim_call *call, const struct sim_message *message)
{
	if (message->channel->is_archived)
		return "is_inactive";
	if (!is_own(call, message) || strcmp(sim_get(message->body, "subtype"), "tombstone") == 0)
		return "cant_update_message";
	return NULL;
}

static const char *update(
	struct sim_call *call, struct sim_message *message, const struct content *content)
{
	struct orch_text text = sim_arg(call->args, "text");
	struct sim_edit edit = {
		.text = text,
		.has_text = sim_has(call->args, "text"),
		.blocks = content->blocks,
		.attachments = content->attachments,
		.metadata = content->metadata,
	};

	if (!edit.has_text && !edit.blocks && !edit.attachments)
		return "no_text";
	if (count_chars(text) > TEXT_BYTES_UPDATE_MAX)
		return "msg_too_long";
	edit.drop_blocks = edit.has_text && !edit.blocks;
	if (edit.has_text && !orch_text_equal(text, orch_json_text(message->body, "text")))
		edit.editor = call->token->owner;
	return sim_message_edit(call->world, message, &edit) == 0 ? NULL : "internal_error";
}

static const char *update_message(struct sim_call *call)
{
	struct content content = { 0 };
	struct sim_message *message;
	const char *error = find_message(call, &message);

	if (!error)
		error = may_update(call, message);
	if (error)
		return error;
	error = read_content(call, &content);
	if (!error)
		error = update(call, message, &content);
	drop_content(&content);
	if (error)
		return error;
	put_message(call, message);
	sim_put_shared(call->reply, "text", orch_json_get(message->body, "text"));
	return NULL;
}

const struct sim_method sim_chat_methods[] = {
	{ "chat.delete", "chat:write", 50, true, delete_message },
	{ "chat.postEphemeral", "chat:write", 100, true, post_ephemeral },
	{ "chat.postMessage", "chat:write", 60, true, post_message },
	{ "chat.update", "chat:write", 50, true, update_message },
	{ .name = NULL },
};
