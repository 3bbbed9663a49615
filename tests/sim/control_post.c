/* SPDX-License-Identifier: Apache-2.0 */
/* What people do in the workspace, and how it is furnished. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "control.h"
#include "file.h"
#include "message.h"

#define TOKEN_BYTES_MAX 256
#define MEDIA_TYPE_DEFAULT "text/plain"

/* What Slack itself puts into messages of these kinds. */
static const struct special {
	const char *subtype, *user, *text;
	const char *key; /* also holds the text */
} specials[] = {
	{ "ekm_access_denied", "UREVOKEDU",
		"Your organization has suspended access to this content.", NULL },
	{ "tombstone", "USLACKBOT", "This message was deleted.", NULL },
	{ "channel_topic", NULL, NULL, "topic" },
	{ "channel_purpose", NULL, NULL, "purpose" },
	{ "channel_name", NULL, NULL, "name" },
	{ "group_topic", NULL, NULL, "topic" },
};

static const struct special *find_special(struct orch_text subtype)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (orch_text_is(subtype, specials[i].subtype))
			return &specials[i];
	return NULL;
}

/* The members that the kind of message asks for; a new object. */
static struct json_object *make_extra(const struct special *special, struct json_object *args)
{
	struct json_object *extra = json_object_new_object();

	if (special && special->user)
		sim_put(extra, "user", special->user);
	if (special && special->user && !sim_arg(args, "text").len)
		sim_put(extra, "text", special->text);
	if (special && strcmp(special->subtype, "tombstone") == 0)
		sim_put_bool(extra, "hidden", true);
	if (special && special->key)
		sim_put_text(extra, special->key, sim_arg(args, "text"));
	sim_merge(extra, orch_json_get(args, "extra"));
	return extra;
}

/* An array member that is lent; NULL: not there. */
static struct json_object *list_of(struct json_object *args, const char *key)
{
	struct json_object *value = orch_json_get(args, key);

	return json_object_is_type(value, json_type_array) ? value : NULL;
}

/* The file objects of the ids; NULL without ids. */
static struct json_object *find_files(struct sim_control *control)
{
	struct json_object *ids = list_of(control->args, "files"), *files;

	if (!ids)
		return NULL;
	files = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);
		struct sim_file *file = NULL;

		if (json_object_is_type(id, json_type_string))
			file = sim_world_file(
				control->box->world, orch_text_from(json_object_get_string(id)));
		/* What is no id is shown as it was given. */
		sim_push(files, json_object_get(file ? file->body : id));
	}
	return files;
}

static bool is_full(struct sim_control *control)
{
	if (sim_courier_pending(control->box->courier) < SIM_LETTERS_PENDING_MAX)
		return false;
	(void)sim_refuse(control, 503, "too many events wait for their delivery");
	return true;
}

static void put_result(struct sim_control *control, const struct sim_message *message)
{
	sim_put(control->reply, "channel", message->channel->id);
	sim_put(control->reply, "ts", message->ts);
	sim_put(control->reply, "event_id", control->box->world->last_event_id);
}

/* POST is complete but for the files, blocks and the rest that comes straight from the arguments. */
static int post_message(struct sim_control *control, struct sim_post *post)
{
	struct sim_letter_options letter;
	struct json_object *args = control->args;
	struct sim_message *message;

	post->text = sim_arg(args, "text");
	post->thread_ts = sim_arg(args, "thread_ts");
	post->username = sim_arg(args, "username");
	post->blocks = list_of(args, "blocks");
	post->attachments = list_of(args, "attachments");
	post->metadata = orch_json_get(args, "metadata");
	post->is_broadcast =
		sim_arg_bool(args, "broadcast") || orch_text_is(post->subtype, "thread_broadcast");
	if (orch_text_is(post->subtype, "thread_broadcast"))
		post->subtype = ORCH_TEXT_NONE;
	post->without_blocks = sim_has(args, "blocks") && !post->blocks;
	post->through_api = post->author == control->box->world->bot;
	sim_control_letter(control, &letter);
	control->box->next_letter = &letter;
	message = sim_message_post(control->box->world, post);
	control->box->next_letter = NULL;
	if (!message)
		return sim_refuse(control, 500, "out of memory");
	put_result(control, message);
	if (sim_arg_bool(args, "replied_event"))
		sim_message_emit_replied(control->box->world, message);
	return 200;
}

/* A classic bot has no user unless one is named. */
static int find_author(struct sim_control *control, struct sim_post *post)
{
	bool is_bot_message = orch_text_is(post->subtype, "bot_message");

	if (is_bot_message && !sim_arg(control->args, "user").len)
		return 200;
	post->author = sim_control_user(control, "alice");
	return post->author ? 200 : 404;
}

static int message(struct sim_control *control)
{
	struct sim_post post = {
		.channel = sim_control_channel(control),
		.subtype = sim_arg(control->args, "subtype"),
	};
	struct json_object *extra, *files;
	int status;

	if (!post.channel)
		return 404;
	status = find_author(control, &post);
	if (status != 200)
		return status;
	if (is_full(control))
		return 503;
	post.extra = extra = make_extra(find_special(post.subtype), control->args);
	post.files = files = find_files(control);
	if (files && !post.subtype.len)
		post.subtype = ORCH_TEXT("file_share");
	status = post_message(control, &post);
	json_object_put(extra);
	json_object_put(files);
	return status;
}

static struct sim_message *find_message(struct sim_control *control)
{
	struct sim_channel *channel = sim_control_channel(control);
	struct sim_message *found;

	if (!channel)
		return NULL;
	found = sim_world_message(
		control->box->world, orch_text_from(channel->id), sim_arg(control->args, "ts"));
	if (found && !found->is_deleted)
		return found;
	(void)sim_refuse(control, 404, "no such message");
	return NULL;
}

/* With "unfurl": Slack adds a preview of a link, which marks nothing as edited. */
static int edit(struct sim_control *control)
{
	struct sim_message *found = find_message(control);
	struct json_object *args = control->args;
	struct sim_edit change = {
		.text = sim_arg(args, "text"),
		.has_text = sim_has(args, "text"),
		.blocks = list_of(args, "blocks"),
		.attachments = list_of(args, "attachments"),
		.metadata = orch_json_get(args, "metadata"),
		.extra = orch_json_get(args, "extra"),
	};
	struct sim_letter_options letter;
	int error;

	if (!found)
		return 404;
	if (is_full(control))
		return 503;
	change.retype = change.has_text && !change.blocks;
	if (!sim_arg_bool(args, "unfurl"))
		change.editor =
			sim_control_user(control, found->author[0] ? found->author : "alice");
	sim_control_letter(control, &letter);
	control->box->next_letter = &letter;
	error = sim_message_edit(control->box->world, found, &change);
	control->box->next_letter = NULL;
	if (error)
		return sim_refuse(control, 500, "out of memory");
	put_result(control, found);
	return 200;
}

static int delete (struct sim_control *control)
{
	struct sim_message *found = find_message(control);
	struct sim_user *user;
	struct sim_letter_options letter;
	int error;

	if (!found)
		return 404;
	user = sim_control_user(control, found->author[0] ? found->author : "alice");
	if (!user)
		return 404;
	sim_control_letter(control, &letter);
	control->box->next_letter = &letter;
	error = sim_message_remove(control->box->world, found, user->id);
	control->box->next_letter = NULL;
	if (error)
		return sim_refuse(control, 500, "out of memory");
	put_result(control, found);
	return 200;
}

/* What goes into a header must be one line. */
static bool is_one_line(struct orch_text text)
{
	return !memchr(text.ptr, '\r', text.len) && !memchr(text.ptr, '\n', text.len);
}

/* The bytes of "content" or "content_base64", in ROOM if they had to be decoded. */
static int read_bytes(struct sim_control *control, char **ret_room, struct orch_text *ret_bytes)
{
	struct orch_text coded = sim_arg(control->args, "content_base64");

	*ret_room = NULL;
	*ret_bytes = sim_arg(control->args, "content");
	if (!coded.len)
		return 200;
	*ret_room = orch_alloc(coded.len / 4 * 3 + 3);
	if (!*ret_room)
		return sim_refuse(control, 500, "out of memory");
	if (orch_base64_decode(coded, *ret_room, &ret_bytes->len) != 0)
		return sim_refuse(control, 400, "content_base64 is not base64");
	ret_bytes->ptr = *ret_room;
	return 200;
}

static int share(struct sim_control *control, struct sim_file *file, struct sim_post *post)
{
	struct json_object *files = json_object_new_array();
	int status;

	sim_file_share(control->box->world, file, post->channel);
	sim_push(files, json_object_get(file->body));
	post->files = files;
	post->subtype = ORCH_TEXT("file_share");
	post->extra = orch_json_get(control->args, "extra");
	status = post_message(control, post);
	json_object_put(files);
	return status;
}

static int file(struct sim_control *control)
{
	struct json_object *args = control->args;
	struct orch_text type = sim_arg(args, "mimetype");
	struct sim_post post = { .author = sim_control_user(control, "alice") };
	struct sim_upload upload = {
		.user = post.author,
		.name = sim_arg(args, "name"),
		.title = sim_arg(args, "title"),
		.media_type = type.len ? type : ORCH_TEXT(MEDIA_TYPE_DEFAULT),
		.external_url = sim_arg(args, "external"),
		.extra = orch_json_get(args, "file_extra"),
		.is_hidden = sim_arg_bool(args, "hidden_info"),
	};
	struct sim_file *added = NULL;
	char *room = NULL;
	int status;

	if (!post.author)
		return 404;
	if (!is_one_line(type))
		return sim_refuse(control, 400, "mimetype must be one line");
	if (sim_arg(args, "channel").len && !(post.channel = sim_control_channel(control)))
		return 404;
	status = read_bytes(control, &room, &upload.bytes);
	if (status == 200 && !(added = sim_file_add(control->box->world, &upload)))
		status = sim_refuse(control, 507, "no room for the file");
	orch_free(room);
	if (status != 200)
		return status;
	sim_put(control->reply, "file", added->id);
	sim_put(control->reply, "url_private", sim_get(added->body, "url_private"));
	sim_put(control->reply, "event_id", control->box->world->last_event_id);
	return post.channel ? share(control, added, &post) : 200;
}

static int change_file(struct sim_control *control)
{
	struct sim_file *found =
		sim_world_file(control->box->world, sim_arg(control->args, "file"));
	struct orch_text bytes;
	char *room;
	int status;

	if (!found || found->is_deleted)
		return sim_refuse(control, 404, "no such file");
	status = read_bytes(control, &room, &bytes);
	if (status == 200 && sim_file_change(control->box->world, found, bytes) != 0)
		status = sim_refuse(control, 507, "no room for the file");
	orch_free(room);
	return status;
}

static int with_file(
	struct sim_control *control, void (*what)(struct sim_world *world, struct sim_file *file))
{
	struct sim_file *found =
		sim_world_file(control->box->world, sim_arg(control->args, "file"));

	if (!found || found->is_deleted)
		return sim_refuse(control, 404, "no such file");
	what(control->box->world, found);
	return 200;
}

static int publish_file(struct sim_control *control)
{
	return with_file(control, sim_file_publish);
}

static int delete_file(struct sim_control *control)
{
	return with_file(control, sim_file_remove);
}

static int join_members(struct sim_control *control, struct sim_channel *found)
{
	struct json_object *names = list_of(control->args, "members");

	if (!names)
		return 200;
	while (orch_map_count(found->members)) {
		struct orch_text id;
		void *user;
		size_t cursor = 0;

		if (!orch_map_next(found->members, &cursor, &id, &user))
			break;
		sim_channel_leave(found, user);
	}
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		struct json_object *name = json_object_array_get_idx(names, i);
		struct sim_user *user = sim_world_user(
			control->box->world, orch_text_from(json_object_get_string(name)));

		if (!user)
			return sim_refuse(
				control, 404, "no user \"%s\"", json_object_get_string(name));
		if (sim_channel_join(found, user) != 0)
			return sim_refuse(control, 500, "out of memory");
	}
	return 200;
}

static enum sim_kind read_kind(struct json_object *args)
{
	struct orch_text kind = sim_arg(args, "kind");

	if (orch_text_is(kind, "group"))
		return SIM_GROUP;
	if (orch_text_is(kind, "im"))
		return SIM_IM;
	return orch_text_is(kind, "mpim") ? SIM_MPIM : SIM_CHANNEL;
}

/* Makes or changes the channel "name": kind (when new), members, archived, shared. */
static int channel(struct sim_control *control)
{
	struct json_object *args = control->args;
	struct orch_text name = sim_arg(args, "name");
	struct sim_channel *found = sim_world_channel(control->box->world, name);

	if (!found)
		found = sim_world_add_channel(control->box->world, read_kind(args), name);
	if (!found)
		return sim_refuse(control, 400, "name is missing, too long, or one too many");
	if (sim_has(args, "archived"))
		found->is_archived = sim_arg_bool(args, "archived");
	if (sim_has(args, "shared"))
		found->is_shared = sim_arg_bool(args, "shared");
	sim_put(control->reply, "channel", found->id);
	return join_members(control, found);
}

static int user(struct sim_control *control)
{
	struct json_object *args = control->args;
	struct orch_text name = sim_arg(args, "name");
	struct sim_user *found = sim_world_user(control->box->world, name);

	if (!found)
		found = name.len ? sim_world_add_user(control->box->world, name,
					   sim_arg_bool(args, "bot"), sim_arg_bool(args, "foreign"))
				 : NULL;
	if (!found)
		return sim_refuse(control, 400, "name is missing, too long, or one too many");
	if (sim_has(args, "admin"))
		found->is_admin = sim_arg_bool(args, "admin");
	sim_put(control->reply, "user", found->id);
	return 200;
}

static struct sim_token *first_token(struct sim_world *world, bool is_bot)
{
	struct sim_token *found;

	TAILQ_FOREACH(found, &world->tokens, next)
	if (found->is_default && found->is_bot == is_bot)
		return found;
	return NULL;
}

static struct sim_token *new_token(struct sim_control *control)
{
	struct orch_text secret = sim_arg(control->args, "token");
	struct sim_user *owner = sim_control_user(control, "alice");

	if (!owner || secret.len > TOKEN_BYTES_MAX || sim_world_token(control->box->world, secret))
		return NULL;
	return sim_world_add_token(control->box->world, secret, owner, owner->is_bot, "");
}

/*
 * Changes what a token may do: {"which":"bot"|"admin", "scopes":"a,b",
 * "problem":"token_revoked"}, or adds one: {"token":"…","user":"bob","scopes":"…"}.
 */
static int token(struct sim_control *control)
{
	struct json_object *args = control->args;
	struct orch_text which = sim_arg(args, "which");
	struct sim_token *found;
	char *scopes;

	if (sim_arg(args, "token").len)
		found = new_token(control);
	else
		found = first_token(control->box->world, orch_text_is(which, "bot"));
	if (!found)
		return sim_refuse(control, 400, "no such user, or a token that is already there");
	if (!is_one_line(sim_arg(args, "scopes")))
		return sim_refuse(control, 400, "scopes must be one line");
	if (sim_has(args, "scopes")) {
		scopes = orch_strdup(sim_arg(args, "scopes").ptr);
		if (!scopes)
			return sim_refuse(control, 500, "out of memory");
		orch_free(found->scopes);
		found->scopes = scopes;
	}
	if (sim_has(args, "problem"))
		sim_keep(found->problem, sizeof(found->problem), sim_arg(args, "problem"));
	return 200;
}

const struct sim_command sim_post_commands[] = {
	{ "POST", "message", message },
	{ "POST", "edit", edit },
	{ "POST", "delete", delete },
	{ "POST", "file", file },
	{ "POST", "file_change", change_file },
	{ "POST", "file_public", publish_file },
	{ "POST", "file_delete", delete_file },
	{ "POST", "channel", channel },
	{ "POST", "user", user },
	{ "POST", "token", token },
	{ .method = NULL },
};
