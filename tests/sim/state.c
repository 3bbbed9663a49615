/* SPDX-License-Identifier: Apache-2.0 */
/* GET /sim/state: the whole workspace as one object. */
#include <string.h>

#include "box.h"

static size_t last(struct json_object *args, const char *key)
{
	int64_t count = sim_arg_int(args, key, INT64_MAX);

	return count < 0 ? 0 : (size_t)count;
}

static struct json_object *show_user(const struct sim_user *user)
{
	struct json_object *shown = json_object_new_object();

	sim_put(shown, "id", user->id);
	sim_put(shown, "name", user->name);
	sim_put(shown, "team", user->team);
	sim_put_bool(shown, "is_bot", user->is_bot);
	sim_put_bool(shown, "is_admin", user->is_admin);
	sim_put_bool(shown, "is_foreign", user->is_foreign);
	return shown;
}

static struct json_object *show_users(const struct sim_world *world)
{
	struct json_object *array = json_object_new_array();
	const struct sim_user *user;

	TAILQ_FOREACH(user, &world->users, next)
	sim_push(array, show_user(user));
	return array;
}

static const char *name_state(const struct sim_message *message)
{
	if (message->is_deleted)
		return "deleted";
	if (message->is_ephemeral)
		return "ephemeral";
	return strcmp(sim_get(message->body, "subtype"), "tombstone") == 0 ? "tombstone" : "live";
}

static struct json_object *show_message(const struct sim_message *message)
{
	struct json_object *shown = json_object_new_object();

	sim_put(shown, "ts", message->ts);
	sim_put(shown, "user", message->author);
	sim_put(shown, "state", name_state(message));
	sim_put(shown, "text", sim_get(message->body, "text"));
	if (message->root)
		sim_put(shown, "thread_ts", message->root->ts);
	if (message->deleted_by[0])
		sim_put(shown, "deleted_by", message->deleted_by);
	if (message->is_ephemeral)
		sim_put(shown, "seen_by", message->seen_by);
	sim_put_int(shown, "posted_ms", (int64_t)message->posted_ms);
	if (message->changed_ms)
		sim_put_int(shown, "changed_ms", (int64_t)message->changed_ms);
	sim_put_shared(shown, "body", message->body);
	if (message->earlier)
		sim_put_shared(shown, "earlier", message->earlier);
	return shown;
}

static struct json_object *show_messages(const struct sim_channel *channel, size_t count)
{
	struct json_object *array = json_object_new_array();
	const struct sim_message *message = TAILQ_LAST(&channel->messages, sim_messages);

	while (message && count > 1 && TAILQ_PREV(message, sim_messages, in_channel)) {
		message = TAILQ_PREV(message, sim_messages, in_channel);
		count--;
	}
	for (; message && count > 0; message = TAILQ_NEXT(message, in_channel))
		sim_push(array, show_message(message));
	return array;
}

static struct json_object *show_members(const struct sim_channel *channel)
{
	struct json_object *array = json_object_new_array();
	struct orch_text id;
	void *user;
	size_t cursor = 0;

	while (orch_map_next(channel->members, &cursor, &id, &user))
		sim_push_string(array, ((struct sim_user *)user)->id);
	return array;
}

static struct json_object *show_channels(const struct sim_world *world, size_t count)
{
	struct json_object *array = json_object_new_array();
	const struct sim_channel *channel;

	TAILQ_FOREACH(channel, &world->channels, next)
	{
		struct json_object *shown = json_object_new_object();

		sim_put(shown, "id", channel->id);
		sim_put(shown, "name", channel->name);
		sim_put(shown, "kind", sim_channel_type(channel));
		sim_put_bool(shown, "is_archived", channel->is_archived);
		sim_put_bool(shown, "is_shared", channel->is_shared);
		sim_put_json(shown, "members", show_members(channel));
		sim_put_json(shown, "messages", show_messages(channel, count));
		sim_push(array, shown);
	}
	return array;
}

static struct json_object *show_files(const struct sim_world *world)
{
	struct json_object *array = json_object_new_array();
	const struct sim_file *file;

	TAILQ_FOREACH(file, &world->files, next)
	{
		struct json_object *shown = json_object_new_object();

		sim_put(shown, "id", file->id);
		sim_put(shown, "user", file->user);
		sim_put_bool(shown, "is_deleted", file->is_deleted);
		sim_put_shared(shown, "channels", file->channels);
		sim_put_shared(shown, "body", file->body);
		sim_push(array, shown);
	}
	return array;
}

struct json_object *sim_state_show(const struct sim_box *box, struct json_object *args)
{
	const struct sim_world *world = box->world;
	struct json_object *state = json_object_new_object();

	sim_put_bool(state, "ok", true);
	sim_put_int(state, "revision", (int64_t)world->revision);
	sim_put(state, "team", world->team);
	sim_put(state, "app", world->app);
	sim_put(state, "bot", world->bot->id);
	sim_put(state, "bot_id", world->bot_id);
	sim_put(state, "admin", world->admin->id);
	sim_put(state, "events_url", sim_courier_url(box->courier));
	sim_put_json(state, "users", show_users(world));
	sim_put_json(state, "channels", show_channels(world, last(args, "messages")));
	sim_put_json(state, "files", show_files(world));
	sim_put_json(state, "counts", sim_audit_show_counts(box->audit));
	sim_put_json(state, "calls", sim_audit_show(box->audit, last(args, "calls")));
	sim_put_json(state, "deliveries", sim_courier_show(box->courier, last(args, "deliveries")));
	sim_put_int(state, "deliveries_answered", (int64_t)sim_courier_answered(box->courier));
	sim_put_int(state, "deliveries_pending", (int64_t)sim_courier_pending(box->courier));
	sim_put_int(state, "held", (int64_t)(box->held_count + sim_courier_held(box->courier)));
	sim_put_json(state, "faults", sim_faults_show(&box->faults));
	return state;
}
