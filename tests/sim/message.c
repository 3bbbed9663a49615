/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

/* The text up to 40,000 characters, as Slack cuts it. */
static struct orch_text cut(struct orch_text text)
{
	size_t chars = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (((unsigned char)text.ptr[i] & 0xc0u) == 0x80u)
			continue;
		if (++chars > SIM_TEXT_CHARS_MAX)
			return (struct orch_text){ text.ptr, i };
	}
	return text;
}

static struct json_object *one_of(struct json_object *item)
{
	struct json_object *array = json_object_new_array();

	sim_push(array, item);
	return array;
}

/* The block that a Slack client makes of what a person types. */
static struct json_object *client_blocks(struct sim_world *world, struct orch_text text)
{
	struct json_object *leaf = json_object_new_object(), *section = json_object_new_object();
	struct json_object *block = json_object_new_object();
	char id[SIM_ID_SIZE];

	sim_put(leaf, "type", "text");
	sim_put_text(leaf, "text", text);
	sim_put(section, "type", "rich_text_section");
	sim_put_json(section, "elements", one_of(leaf));
	sim_world_id(world, "", id);
	sim_put(block, "type", "rich_text");
	sim_put(block, "block_id", id);
	sim_put_json(block, "elements", one_of(section));
	return one_of(block);
}

static bool is_plain(struct orch_text text)
{
	return text.len && !memchr(text.ptr, '<', text.len) && !memchr(text.ptr, '&', text.len) &&
		!memchr(text.ptr, '>', text.len);
}

static bool is_typed_plainly(const struct sim_post *post, struct orch_text text)
{
	if (post->through_api || post->blocks || post->without_blocks || post->subtype.len)
		return false;
	return is_plain(text);
}

static void put_app(const struct sim_world *world, struct json_object *body)
{
	struct json_object *profile = json_object_new_object();

	sim_put(profile, "id", world->bot_id);
	sim_put(profile, "app_id", world->app);
	sim_put(profile, "name", world->bot->name);
	sim_put(profile, "team_id", world->team);
	sim_put_bool(profile, "deleted", false);
	sim_put(body, "bot_id", world->bot_id);
	sim_put(body, "app_id", world->app);
	sim_put_json(body, "bot_profile", profile);
}

static void put_author(
	const struct sim_world *world, const struct sim_post *post, struct json_object *body)
{
	if (post->author)
		sim_put(body, "user", post->author->id);
	if (post->author && post->author->is_foreign) {
		sim_put(body, "user_team", post->author->team);
		sim_put(body, "source_team", post->author->team);
	}
	sim_put(body, "team", post->author ? post->author->team : world->team);
	if (post->through_api)
		put_app(world, body);
	else if (!post->author || orch_text_is(post->subtype, "bot_message"))
		sim_put(body, "bot_id", "B0CLASSIC01");
	if (post->username.len)
		sim_put_text(body, "username", post->username);
}

static void put_content(
	struct sim_world *world, const struct sim_post *post, struct json_object *body)
{
	struct orch_text text = cut(post->text);

	sim_put_text(body, "text", text);
	if (post->blocks)
		sim_put_shared(body, "blocks", post->blocks);
	else if (is_typed_plainly(post, text))
		sim_put_json(body, "blocks", client_blocks(world, text));
	if (post->attachments)
		sim_put_shared(body, "attachments", post->attachments);
	if (post->metadata)
		sim_put_shared(body, "metadata", post->metadata);
	if (post->files) {
		sim_put_shared(body, "files", post->files);
		sim_put_bool(body, "upload", true);
	}
}

static void put_thread(const struct sim_message *root, struct json_object *body)
{
	sim_put(body, "thread_ts", root->ts);
	if (root->author[0])
		sim_put(body, "parent_user_id", root->author);
}

static struct json_object *make_body(
	struct sim_world *world, const struct sim_post *post, const struct sim_message *message)
{
	struct json_object *body = json_object_new_object();
	char id[SIM_ID_SIZE];

	sim_put(body, "type", "message");
	if (post->subtype.len)
		sim_put_text(body, "subtype", post->subtype);
	else if (post->is_broadcast && message->root)
		sim_put(body, "subtype", "thread_broadcast");
	put_author(world, post, body);
	put_content(world, post, body);
	sim_put(body, "ts", message->ts);
	if (!post->through_api && post->author && !post->subtype.len) {
		sim_world_id(world, "c", id);
		sim_put(body, "client_msg_id", id);
	}
	if (message->root) {
		put_thread(message->root, body);
		if (orch_text_is(orch_json_text(body, "subtype"), "thread_broadcast"))
			sim_put_shared(body, "root", message->root->body);
	}
	if (message->is_ephemeral)
		sim_put_bool(body, "is_ephemeral", true);
	sim_merge(body, post->extra);
	return body;
}

static void emit(struct sim_world *world, struct sim_channel *channel, struct json_object *inner)
{
	world->revision++;
	if (inner && world->emit)
		world->emit(world->emit_arg, channel, inner);
	else
		json_object_put(inner);
}

/* Top-level members are copied, what is below them is shared. */
static struct json_object *shallow(struct json_object *body)
{
	struct json_object *copy = json_object_new_object();

	sim_merge(copy, body);
	return copy;
}

static struct json_object *veil(const char *id)
{
	struct json_object *file = json_object_new_object();

	sim_put(file, "id", id);
	sim_put(file, "mode", "file_access");
	sim_put(file, "file_access", "check_file_info");
	sim_put_int(file, "created", 0);
	sim_put_int(file, "timestamp", 0);
	return file;
}

/* In a channel that is shared with others, events show a file's id and no more. */
static void veil_files(
	struct sim_world *world, const struct sim_message *message, struct json_object *event)
{
	struct json_object *files = orch_json_get(event, "files"), *shown;

	if (!json_object_is_type(files, json_type_array))
		return;
	shown = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *entry = json_object_array_get_idx(files, i);
		struct sim_file *file = sim_world_file(world, orch_json_text(entry, "id"));

		if (message->channel->is_shared || (file && file->is_hidden))
			sim_push(shown, veil(sim_get(entry, "id")));
		else
			sim_push(shown, json_object_get(entry));
	}
	sim_put_json(event, "files", shown);
}

static void put_place(const struct sim_channel *channel, const char *ts, struct json_object *event)
{
	sim_put(event, "channel", channel->id);
	sim_put(event, "channel_type", sim_channel_type(channel));
	sim_put(event, "event_ts", ts);
}

static void emit_posted(struct sim_world *world, const struct sim_message *message)
{
	struct json_object *event = shallow(message->body);

	put_place(message->channel, message->ts, event);
	veil_files(world, message, event);
	emit(world, message->channel, event);
}

static struct json_object *hidden_event(const char *subtype, struct sim_channel *channel,
	const char *target_key, const char *target)
{
	struct json_object *event = json_object_new_object();
	char ts[SIM_TS_SIZE];

	sim_world_stamp(channel, ts);
	sim_put(event, "type", "message");
	sim_put(event, "subtype", subtype);
	sim_put_bool(event, "hidden", true);
	sim_put(event, "ts", ts);
	if (target_key)
		sim_put(event, target_key, target);
	put_place(channel, ts, event);
	return event;
}

static void emit_changed(
	struct sim_world *world, const struct sim_message *message, struct json_object *before)
{
	struct json_object *event = hidden_event("message_changed", message->channel, NULL, NULL);

	sim_put_shared(event, "message", message->body);
	sim_put_shared(event, "previous_message", before);
	emit(world, message->channel, event);
}

void sim_message_emit_replied(struct sim_world *world, const struct sim_message *reply)
{
	struct json_object *event;

	if (!reply->root)
		return;
	event = hidden_event("message_replied", reply->channel, NULL, NULL);
	sim_put_shared(event, "message", reply->root->body);
	sim_put(event, "thread_ts", reply->root->ts);
	emit(world, reply->channel, event);
}

/* The body's thread figures as Slack shows them with a parent. */
static void update_root(struct sim_message *root, const struct sim_message *newest)
{
	struct json_object *body = shallow(root->body);

	sim_put(body, "thread_ts", root->ts);
	sim_put_int(body, "reply_count", (int64_t)root->live_replies);
	if (newest)
		sim_put(body, "latest_reply", newest->ts);
	json_object_put(root->body);
	root->body = body;
}

static void forget_reply(struct sim_message *message)
{
	if (!message->root)
		return;
	TAILQ_REMOVE(&message->root->replies, message, in_thread);
	if (!message->is_deleted && message->root->live_replies)
		message->root->live_replies--;
	message->root = NULL;
}

static size_t make_key(const struct sim_message *message, char *ret, size_t size)
{
	return (size_t)snprintf(ret, size, "%s:%s", message->channel->id, message->ts);
}

static void free_message(struct sim_message *message)
{
	json_object_put(message->body);
	json_object_put(message->earlier);
	orch_free(message);
}

static void forget(struct sim_world *world, struct sim_message *message)
{
	char key[SIM_ID_SIZE + SIM_TS_SIZE];
	struct sim_message *reply;

	if (!message->is_ephemeral)
		(void)orch_map_remove(world->message_by_key,
			(struct orch_text){ key, make_key(message, key, sizeof(key)) });
	forget_reply(message);
	while ((reply = TAILQ_FIRST(&message->replies))) {
		TAILQ_REMOVE(&message->replies, reply, in_thread);
		reply->root = NULL;
	}
	TAILQ_REMOVE(&message->channel->messages, message, in_channel);
	TAILQ_REMOVE(&world->messages, message, in_world);
	world->message_count--;
	free_message(message);
}

void sim_messages_clear(struct sim_world *world)
{
	while (!TAILQ_EMPTY(&world->messages))
		forget(world, TAILQ_FIRST(&world->messages));
}

/* The parent, for a reply to a reply as well; NULL when it is gone, and the reply stands alone. */
static struct sim_message *find_root(struct sim_world *world, const struct sim_post *post)
{
	struct sim_message *root;

	if (!post->thread_ts.len)
		return NULL;
	root = sim_world_message(world, orch_text_from(post->channel->id), post->thread_ts);
	if (root && root->root)
		root = root->root;
	return root && !root->is_deleted ? root : NULL;
}

static int insert(struct sim_world *world, struct sim_message *message)
{
	char key[SIM_ID_SIZE + SIM_TS_SIZE];
	int error = ORCH_OK;

	if (!message->is_ephemeral)
		error = orch_map_set(world->message_by_key,
			(struct orch_text){ key, make_key(message, key, sizeof(key)) }, message);
	if (error)
		return error;
	TAILQ_INSERT_TAIL(&message->channel->messages, message, in_channel);
	TAILQ_INSERT_TAIL(&world->messages, message, in_world);
	world->message_count++;
	if (message->root && !message->is_ephemeral) {
		TAILQ_INSERT_TAIL(&message->root->replies, message, in_thread);
		message->root->live_replies++;
		update_root(message->root, message);
	} else {
		message->root = NULL;
	}
	while (world->message_count > world->keep)
		forget(world, TAILQ_FIRST(&world->messages));
	return ORCH_OK;
}

static void note_files(struct sim_world *world, const struct sim_message *message)
{
	struct json_object *files = orch_json_get(message->body, "files");
	char key[SIM_ID_SIZE + SIM_TS_SIZE];

	if (!json_object_is_type(files, json_type_array))
		return;
	(void)make_key(message, key, sizeof(key));
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *entry = json_object_array_get_idx(files, i);
		struct sim_file *file = sim_world_file(world, orch_json_text(entry, "id"));

		if (file)
			sim_push_string(file->shown, key);
	}
}

struct sim_message *sim_message_post(struct sim_world *world, const struct sim_post *post)
{
	struct sim_message *message = orch_alloc(sizeof(*message));

	if (!message)
		return NULL;
	TAILQ_INIT(&message->replies);
	message->channel = post->channel;
	message->is_ephemeral = post->seen_by != NULL;
	message->root = find_root(world, post);
	message->posted_ms = orch_clock_now_ms();
	sim_world_stamp(post->channel, message->ts);
	if (post->author)
		sim_keep(message->author, SIM_ID_SIZE, orch_text_from(post->author->id));
	if (post->seen_by)
		sim_keep(message->seen_by, SIM_ID_SIZE, orch_text_from(post->seen_by->id));
	message->body = make_body(world, post, message);
	if (!message->body || insert(world, message) != 0) {
		free_message(message);
		return NULL;
	}
	world->revision++;
	note_files(world, message);
	if (!message->is_ephemeral)
		emit_posted(world, message);
	return message;
}

static void keep_earlier(struct sim_message *message, struct json_object *before)
{
	if (!message->earlier)
		message->earlier = json_object_new_array();
	if (message->earlier && json_object_array_length(message->earlier) < SIM_EARLIER_MAX)
		sim_push(message->earlier, json_object_get(before));
}

static void apply_edit(
	struct sim_world *world, struct json_object *body, const struct sim_edit *edit)
{
	bool had_blocks = sim_has(body, "blocks");

	if (edit->has_text)
		sim_put_text(body, "text", cut(edit->text));
	if (edit->drop_blocks || edit->retype)
		json_object_object_del(body, "blocks");
	if (edit->retype && had_blocks && is_plain(edit->text))
		sim_put_json(body, "blocks", client_blocks(world, cut(edit->text)));
	if (edit->blocks)
		sim_put_shared(body, "blocks", edit->blocks);
	if (edit->attachments && json_object_array_length(edit->attachments) == 0)
		json_object_object_del(body, "attachments");
	else if (edit->attachments)
		sim_put_shared(body, "attachments", edit->attachments);
	if (edit->metadata)
		sim_put_shared(body, "metadata", edit->metadata);
	sim_merge(body, edit->extra);
}

int sim_message_edit(
	struct sim_world *world, struct sim_message *message, const struct sim_edit *edit)
{
	struct json_object *before = message->body, *body = shallow(before);
	char ts[SIM_TS_SIZE];

	if (!body)
		return ORCH_E_NOMEM;
	apply_edit(world, body, edit);
	if (edit->editor) {
		struct json_object *edited = json_object_new_object();

		sim_world_stamp(message->channel, ts);
		sim_put(edited, "user", edit->editor->id);
		sim_put(edited, "ts", ts);
		sim_put_json(body, "edited", edited);
	}
	message->body = body;
	message->changed_ms = orch_clock_now_ms();
	keep_earlier(message, before);
	emit_changed(world, message, before);
	json_object_put(before);
	return ORCH_OK;
}

static struct json_object *make_tombstone(const struct sim_message *message)
{
	struct json_object *body = json_object_new_object();

	sim_put(body, "type", "message");
	sim_put(body, "subtype", "tombstone");
	sim_put(body, "text", "This message was deleted.");
	sim_put(body, "user", "USLACKBOT");
	sim_put_bool(body, "hidden", true);
	sim_put(body, "ts", message->ts);
	sim_put(body, "thread_ts", message->ts);
	sim_put_int(body, "reply_count", (int64_t)message->live_replies);
	return body;
}

static int bury(struct sim_world *world, struct sim_message *message)
{
	struct json_object *before = message->body, *body = make_tombstone(message);

	if (!body)
		return ORCH_E_NOMEM;
	message->body = body;
	keep_earlier(message, before);
	emit_changed(world, message, before);
	json_object_put(before);
	return ORCH_OK;
}

static void unlink_from_thread(struct sim_message *message)
{
	if (!message->root)
		return;
	if (message->root->live_replies)
		message->root->live_replies--;
	update_root(message->root, NULL);
}

int sim_message_remove(struct sim_world *world, struct sim_message *message, const char *by)
{
	struct json_object *event;

	message->changed_ms = orch_clock_now_ms();
	sim_keep(message->deleted_by, SIM_ID_SIZE, orch_text_from(by));
	if (message->live_replies > 0)
		return bury(world, message);
	message->is_deleted = true;
	unlink_from_thread(message);
	if (message->is_ephemeral)
		return ORCH_OK;
	event = hidden_event("message_deleted", message->channel, "deleted_ts", message->ts);
	sim_put_shared(event, "previous_message", message->body);
	emit(world, message->channel, event);
	return ORCH_OK;
}

static struct json_object *without_file(struct json_object *files, const char *file_id)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);
		struct json_object *tombstone;

		if (strcmp(sim_get(file, "id"), file_id) != 0) {
			sim_push(array, json_object_get(file));
			continue;
		}
		tombstone = json_object_new_object();
		sim_put(tombstone, "id", file_id);
		sim_put(tombstone, "mode", "tombstone");
		sim_push(array, tombstone);
	}
	return array;
}

void sim_messages_bury_file(struct sim_world *world, const struct sim_file *file)
{
	for (size_t i = 0; i < json_object_array_length(file->shown); i++) {
		const char *key = json_object_get_string(json_object_array_get_idx(file->shown, i));
		struct sim_message *message =
			orch_map_get(world->message_by_key, orch_text_from(key));
		struct json_object *files = message ? orch_json_get(message->body, "files") : NULL;
		struct json_object *body;

		if (!json_object_is_type(files, json_type_array))
			continue;
		body = shallow(message->body);
		sim_put_json(body, "files", without_file(files, file->id));
		json_object_put(message->body);
		message->body = body;
	}
}
