/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "message.h"

#define PREVIEW_BYTES 1024

static void emit(struct sim_world *world, const char *type, const struct sim_file *file,
	struct sim_channel *channel)
{
	struct json_object *event = json_object_new_object(), *inner = json_object_new_object();
	char ts[48];
	uint64_t now_ms = orch_clock_now_ms();

	(void)snprintf(ts, sizeof(ts), "%llu.%06llu", (unsigned long long)(now_ms / 1000),
		(unsigned long long)(now_ms % 1000 * 1000));
	sim_put(inner, "id", file->id);
	sim_put(event, "type", type);
	sim_put(event, "file_id", file->id);
	sim_put(event, "user_id", file->user);
	sim_put_json(event, "file", inner);
	if (channel)
		sim_put(event, "channel_id", channel->id);
	sim_put(event, "event_ts", ts);
	world->revision++;
	if (world->emit && event)
		world->emit(world->emit_arg, channel, event);
	else
		json_object_put(event);
}

static bool is_text(struct orch_text media_type)
{
	return orch_text_starts_with(media_type, ORCH_TEXT("text/")) ||
		orch_text_is(media_type, "application/json");
}

static struct orch_text first_bytes(struct orch_text bytes)
{
	if (bytes.len > PREVIEW_BYTES)
		bytes.len = PREVIEW_BYTES;
	return bytes;
}

/* "pem" of "server.pem"; "binary" for names without a dot. */
static const char *file_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : "binary";
}

static void put_places(
	const struct sim_world *world, const struct sim_upload *upload, struct json_object *body)
{
	char url[512 + SIM_NAME_SIZE];
	const char *id = sim_get(body, "id"), *name = sim_get(body, "name");

	if (upload->external_url.len) {
		sim_put_text(body, "url_private", upload->external_url);
		sim_put_text(body, "external_url", upload->external_url);
		sim_put(body, "external_type", "gdrive");
		return;
	}
	(void)snprintf(url, sizeof(url), "%s/files/%s/%s", world->base_url, id, name);
	sim_put(body, "url_private", url);
	(void)snprintf(url, sizeof(url), "%s/files/%s/download/%s", world->base_url, id, name);
	sim_put(body, "url_private_download", url);
	if (strcmp(sim_get(upload->extra, "mode"), "list") == 0)
		sim_put(body, "list_csv_download_url", url);
}

/* A name within a URL: whatever is not plain becomes an underscore. */
static void put_name(struct json_object *body, struct orch_text name)
{
	char plain[SIM_NAME_SIZE];

	sim_keep(plain, sizeof(plain), name.len ? name : ORCH_TEXT("file.bin"));
	for (char *c = plain; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
			    *c))
			*c = '_';
	sim_put(body, "name", plain);
}

static struct json_object *make_body(
	const struct sim_world *world, const struct sim_file *file, const struct sim_upload *upload)
{
	struct json_object *body = json_object_new_object();
	int64_t now_s = (int64_t)(orch_clock_now_ms() / 1000);
	bool is_external = upload->external_url.len > 0;

	sim_put(body, "id", file->id);
	sim_put_int(body, "created", now_s);
	sim_put_int(body, "timestamp", now_s);
	put_name(body, upload->name);
	sim_put_text(body, "title", upload->title.len ? upload->title : upload->name);
	sim_put_text(body, "mimetype", upload->media_type);
	sim_put(body, "filetype", file_type(sim_get(body, "name")));
	sim_put(body, "user", file->user);
	sim_put(body, "user_team", upload->user->team);
	sim_put_bool(body, "editable", false);
	sim_put_int(body, "size", (int64_t)upload->bytes.len);
	sim_put(body, "mode", is_external ? "external" : "hosted");
	sim_put_bool(body, "is_external", is_external);
	sim_put_bool(body, "is_public", true);
	sim_put_bool(body, "public_url_shared", false);
	sim_put(body, "file_access", "visible");
	put_places(world, upload, body);
	if (!is_external && is_text(upload->media_type))
		sim_put_text(body, "preview", first_bytes(upload->bytes));
	sim_merge(body, upload->extra);
	return body;
}

static void free_file(struct sim_world *world, struct sim_file *file)
{
	world->file_bytes -= file->len;
	json_object_put(file->body);
	json_object_put(file->channels);
	json_object_put(file->shown);
	orch_free(file->bytes);
	orch_free(file);
}

static int set_bytes(struct sim_world *world, struct sim_file *file, struct orch_text bytes)
{
	char *copy;

	if (bytes.len > SIM_FILE_BYTES_MAX - (world->file_bytes - file->len))
		return ORCH_E_LIMIT;
	copy = orch_alloc(bytes.len + 1);
	if (!copy)
		return ORCH_E_NOMEM;
	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	orch_free(file->bytes);
	world->file_bytes += bytes.len - file->len;
	file->bytes = copy;
	file->len = bytes.len;
	return ORCH_OK;
}

struct sim_file *sim_file_add(struct sim_world *world, const struct sim_upload *upload)
{
	struct sim_file *file;

	if (world->file_count >= SIM_FILES_MAX || !(file = orch_alloc(sizeof(*file))))
		return NULL;
	sim_world_id(world, "F", file->id);
	sim_keep(file->user, sizeof(file->user), orch_text_from(upload->user->id));
	file->is_hidden = upload->is_hidden;
	file->body = make_body(world, file, upload);
	file->channels = json_object_new_array();
	file->shown = json_object_new_array();
	if (!file->body || !file->channels || !file->shown ||
		set_bytes(world, file, upload->bytes) != 0 ||
		orch_map_set(world->file_by_id, orch_text_from(file->id), file) != 0) {
		free_file(world, file);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&world->files, file, next);
	world->file_count++;
	emit(world, "file_created", file, NULL);
	return file;
}

static void replace_body(struct sim_file *file, const char *key, struct json_object *value)
{
	struct json_object *body = json_object_new_object();

	sim_merge(body, file->body);
	sim_put_json(body, key, value);
	if (!body)
		return;
	json_object_put(file->body);
	file->body = body;
}

int sim_file_change(struct sim_world *world, struct sim_file *file, struct orch_text bytes)
{
	int error = set_bytes(world, file, bytes);

	if (error)
		return error;
	replace_body(file, "size", json_object_new_int64((int64_t)bytes.len));
	replace_body(file, "updated", json_object_new_int64((int64_t)(orch_clock_now_ms() / 1000)));
	if (is_text(orch_json_text(file->body, "mimetype")))
		sim_put_text(file->body, "preview", first_bytes(bytes));
	emit(world, "file_change", file, NULL);
	return ORCH_OK;
}

void sim_file_share(struct sim_world *world, struct sim_file *file, struct sim_channel *channel)
{
	sim_push_string(file->channels, channel->id);
	replace_body(file, sim_channel_is_private(channel) ? "groups" : "channels",
		sim_copy(file->channels));
	emit(world, "file_shared", file, channel);
}

void sim_file_publish(struct sim_world *world, struct sim_file *file)
{
	replace_body(file, "public_url_shared", json_object_new_boolean(true));
	emit(world, "file_public", file, NULL);
}

void sim_file_remove(struct sim_world *world, struct sim_file *file)
{
	struct json_object *event = json_object_new_object();

	file->is_deleted = true;
	sim_messages_bury_file(world, file);
	sim_put(event, "type", "file_deleted");
	sim_put(event, "file_id", file->id);
	sim_put_json(event, "channel_ids", sim_copy(file->channels));
	world->revision++;
	if (world->emit && event)
		world->emit(world->emit_arg, NULL, event);
	else
		json_object_put(event);
}

bool sim_file_is_visible(
	const struct sim_world *world, const struct sim_file *file, const struct sim_user *user)
{
	if (strcmp(file->user, user->id) == 0)
		return true;
	for (size_t i = 0; i < json_object_array_length(file->channels); i++) {
		struct json_object *id = json_object_array_get_idx(file->channels, i);
		struct sim_channel *channel =
			sim_world_channel(world, orch_text_from(json_object_get_string(id)));

		if (channel && (!sim_channel_is_private(channel) || sim_channel_has(channel, user)))
			return true;
	}
	return false;
}

bool sim_file_is_canvas(const struct sim_file *file)
{
	const char *mode = sim_get(file->body, "mode");

	return strcmp(mode, "quip") == 0 || strcmp(mode, "canvas") == 0;
}

void sim_files_clear(struct sim_world *world)
{
	struct sim_file *file;

	while ((file = TAILQ_FIRST(&world->files))) {
		TAILQ_REMOVE(&world->files, file, next);
		free_file(world, file);
	}
	world->file_count = 0;
}
