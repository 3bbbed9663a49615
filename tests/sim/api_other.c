/* SPDX-License-Identifier: Apache-2.0 */
/* auth.*, canvases.*, files.*, team.*, users.* */
#include "api.h"

#include <string.h>

#include "file.h"

#define CONTENT_BYTES_MAX 65536 /* of a text file that files.info shows at once */

static const char *auth_test(struct sim_call *call)
{
	const struct sim_token *token = call->token;

	sim_put(call->reply, "url", call->world->base_url);
	sim_put(call->reply, "team", "Workspace in a box");
	sim_put(call->reply, "user", token->owner->name);
	sim_put(call->reply, "team_id", call->world->team);
	sim_put(call->reply, "user_id", token->owner->id);
	if (token->is_bot)
		sim_put(call->reply, "bot_id", call->world->bot_id);
	sim_put_bool(call->reply, "is_enterprise_install", false);
	return NULL;
}

static const char *find_file(struct sim_call *call, struct sim_file **ret)
{
	struct orch_text id = sim_arg(call->args, "file");

	if (!id.len)
		return sim_call_lacks(call, "file");
	*ret = sim_world_file(call->world, id);
	if (!*ret)
		return "file_not_found";
	return (*ret)->is_deleted ? "file_deleted" : NULL;
}

static void put_text(struct sim_call *call, const struct sim_file *file)
{
	struct orch_text text = { file->bytes, file->len };
	bool is_long = text.len > CONTENT_BYTES_MAX;

	if (!orch_text_starts_with(orch_json_text(file->body, "mimetype"), ORCH_TEXT("text/")))
		return;
	if (is_long)
		text.len = CONTENT_BYTES_MAX;
	sim_put_text(call->reply, "content", text);
	sim_put_bool(call->reply, "is_truncated", is_long);
}

static const char *files_info(struct sim_call *call)
{
	struct sim_file *file;
	const char *error = find_file(call, &file);

	if (!error && !sim_file_is_visible(call->world, file, call->token->owner))
		error = "file_not_found";
	if (error)
		return error;
	sim_put_shared(call->reply, "file", file->body);
	put_text(call, file);
	return NULL;
}

static const char *canvases_get_content(struct sim_call *call)
{
	struct orch_text id = sim_arg(call->args, "canvas_id");
	struct sim_file *file = sim_world_file(call->world, id);

	if (!id.len)
		return sim_call_lacks(call, "canvas_id");
	if (!file || file->is_deleted || !sim_file_is_canvas(file) ||
		!sim_file_is_visible(call->world, file, call->token->owner))
		return "canvas_not_found";
	sim_put_text(call->reply, "content", (struct orch_text){ file->bytes, file->len });
	return NULL;
}

static const char *files_delete(struct sim_call *call)
{
	struct sim_file *file;
	const char *error = find_file(call, &file);

	if (!error && !sim_file_is_visible(call->world, file, call->token->owner))
		error = "file_not_found";
	if (error)
		return error;
	if (strcmp(file->user, call->token->owner->id) != 0 &&
		(call->token->is_bot || !call->token->owner->is_admin))
		return "cant_delete_file";
	sim_file_remove(call->world, file);
	return NULL;
}

static const char *users_info(struct sim_call *call)
{
	struct orch_text id = sim_arg(call->args, "user");
	struct sim_user *user = sim_world_user(call->world, id);
	struct json_object *shown, *profile;

	if (!id.len)
		return sim_call_lacks(call, "user");
	if (!user || !orch_text_is(id, user->id))
		return "user_not_found";
	shown = json_object_new_object();
	profile = json_object_new_object();
	sim_put(profile, "real_name", user->name);
	sim_put(profile, "display_name", user->name);
	sim_put(shown, "id", user->id);
	sim_put(shown, "team_id", user->team);
	sim_put(shown, "name", user->name);
	sim_put(shown, "real_name", user->name);
	sim_put_bool(shown, "deleted", false);
	sim_put_bool(shown, "is_bot", user->is_bot);
	sim_put_bool(shown, "is_admin", user->is_admin);
	sim_put_bool(shown, "is_owner", user->is_admin);
	sim_put_bool(shown, "is_stranger", user->is_foreign);
	sim_put_json(shown, "profile", profile);
	sim_put_json(call->reply, "user", shown);
	return NULL;
}

static const char *team_info(struct sim_call *call)
{
	struct json_object *team = json_object_new_object();

	sim_put(team, "id", call->world->team);
	sim_put(team, "name", "Workspace in a box");
	sim_put(team, "domain", "workspace-in-a-box");
	sim_put(team, "url", call->world->base_url);
	sim_put_json(call->reply, "team", team);
	return NULL;
}

const struct sim_method sim_other_methods[] = {
	{ "auth.test", NULL, 100, true, auth_test },
	{ "canvases.getContent", "canvases:read", 50, false, canvases_get_content },
	{ "files.delete", "files:write", 50, true, files_delete },
	{ "files.info", "files:read", 100, false, files_info },
	{ "team.info", "team:read", 50, false, team_info },
	{ "users.info", "users:read", 100, false, users_info },
	{ .name = NULL },
};
