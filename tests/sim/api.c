/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include <string.h>

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"

static const struct sim_method *find_in(const struct sim_method *methods, struct orch_text name)
{
	for (; methods->name; methods++)
		if (orch_text_is(name, methods->name))
			return methods;
	return NULL;
}

static const struct sim_method *find_method(struct orch_text name)
{
	const struct sim_method *method = find_in(sim_chat_methods, name);

	if (!method)
		method = find_in(sim_conversation_methods, name);
	return method ? method : find_in(sim_other_methods, name);
}

static bool is_media(struct orch_text media_type, const char *wanted)
{
	struct orch_text rest = media_type, piece;

	return orch_text_split(&rest, ';', &piece) &&
		orch_text_equal_nocase(orch_text_trim(piece), orch_text_from(wanted));
}

static const char *read_json(struct sim_call *call, struct orch_text body)
{
	struct json_object *value;
	struct orch_err err;

	if (orch_json_parse(body, &value, &err) != 0)
		return "invalid_json";
	if (!json_object_is_type(value, json_type_object)) {
		json_object_put(value);
		return "json_not_object";
	}
	sim_merge(call->args, value);
	json_object_put(value);
	return NULL;
}

static const char *read_args(
	struct sim_call *call, const struct sim_method *method, const struct sim_request *request)
{
	if (sim_args_add_form(call->args, request->query) != 0)
		return "invalid_form_data";
	if (request->is_get || !request->body.len)
		return NULL;
	if (!request->media_type.len)
		return "missing_post_type";
	if (is_media(request->media_type, FORM))
		return sim_args_add_form(call->args, request->body) == 0 ? NULL
									 : "invalid_form_data";
	if (!is_media(request->media_type, JSON))
		return "invalid_post_type";
	if (!memmem(request->media_type.ptr, request->media_type.len, "charset", 7))
		call->warning = "missing_charset";
	return method->reads_json ? read_json(call, request->body) : NULL;
}

/* The bearer's token; a token among the arguments is no token here, and not kept. */
static const char *authenticate(struct sim_call *call, struct orch_text authorization)
{
	static const struct orch_text scheme = { "bearer ", 7 };
	struct orch_text secret;

	json_object_object_del(call->args, "token");
	if (authorization.len < scheme.len ||
		!orch_text_equal_nocase(
			(struct orch_text){ authorization.ptr, scheme.len }, scheme))
		return "not_authed";
	secret = orch_text_trim((struct orch_text){
		authorization.ptr + scheme.len, authorization.len - scheme.len });
	call->token = sim_world_token(call->world, secret);
	if (!call->token)
		return "invalid_auth";
	return call->token->problem[0] ? call->token->problem : NULL;
}

const char *sim_call_needs(struct sim_call *call, const char *scope)
{
	if (!scope || sim_token_has_scope(call->token, scope))
		return NULL;
	call->needed = scope;
	return "missing_scope";
}

const char *sim_call_lacks(struct sim_call *call, const char *argument)
{
	call->missing = argument;
	return "invalid_arguments";
}

const char *sim_call_needs_for(
	struct sim_call *call, const struct sim_channel *channel, const char *kind)
{
	static const char *const scopes[][2] = {
		{ "channels:history", "channels:read" },
		{ "groups:history", "groups:read" },
		{ "im:history", "im:read" },
		{ "mpim:history", "mpim:read" },
	};

	return sim_call_needs(call, scopes[channel->kind][strcmp(kind, "history") != 0]);
}

struct sim_channel *sim_call_channel(const struct sim_call *call)
{
	struct orch_text id = sim_arg(call->args, "channel");
	struct sim_channel *channel = sim_world_channel(call->world, id);

	if (!channel || !orch_text_is(id, channel->id))
		return NULL;
	if (sim_channel_is_private(channel) && !sim_channel_has(channel, call->token->owner))
		return NULL;
	return channel;
}

static void put_missing(struct sim_call *call)
{
	struct json_object *about = json_object_new_object(), *list = json_object_new_array();
	char text[80];

	(void)snprintf(text, sizeof(text), "[ERROR] missing required field: %s", call->missing);
	sim_push_string(list, text);
	sim_put_json(about, "messages", list);
	sim_put_json(call->reply, "response_metadata", about);
}

static void put_warning(struct sim_call *call)
{
	struct json_object *about = orch_json_get(call->reply, "response_metadata");
	struct json_object *list = json_object_new_array();

	sim_push_string(list, call->warning);
	sim_put(call->reply, "warning", call->warning);
	if (about)
		sim_put_json(about, "warnings", list);
	else {
		about = json_object_new_object();
		sim_put_json(about, "warnings", list);
		sim_put_json(call->reply, "response_metadata", about);
	}
}

/* The reply as Slack words it: a failure shows nothing but its error. */
static void finish(struct sim_call *call, const char *error, struct sim_answer *ret)
{
	struct json_object *body = json_object_new_object();

	sim_put_bool(body, "ok", !error);
	if (error)
		sim_put(body, "error", error);
	else
		sim_merge(body, call->reply);
	json_object_put(call->reply);
	call->reply = body;
	if (call->needed) {
		sim_put(body, "needed", call->needed);
		sim_put(body, "provided", call->token->scopes);
	}
	if (call->missing)
		put_missing(call);
	if (call->warning)
		put_warning(call);
	ret->body = body;
	ret->args = call->args;
	ret->token = call->token;
}

static const char *run(struct sim_call *call, struct sim_limits *limits,
	const struct sim_request *request, struct sim_answer *ret)
{
	const struct sim_method *method = find_method(request->method);
	const char *error;

	if (!method)
		return "unknown_method";
	error = read_args(call, method, request);
	if (!error)
		error = authenticate(call, request->authorization);
	if (error)
		return error;
	ret->retry_after_s = sim_limits_take(limits, request->method, method->tier,
		sim_arg(call->args, "channel"), request->now_ms);
	if (ret->retry_after_s) {
		ret->status = 429;
		return "ratelimited";
	}
	error = sim_call_needs(call, method->scope);
	return error ? error : method->handle(call);
}

void sim_api_call(struct sim_world *world, struct sim_limits *limits,
	const struct sim_request *request, struct sim_answer *ret)
{
	struct sim_call call = {
		.world = world,
		.args = json_object_new_object(),
		.reply = json_object_new_object(),
	};
	const char *error;

	*ret = (struct sim_answer){ .status = 200 };
	error = call.args && call.reply ? run(&call, limits, request, ret) : "internal_error";
	if (call.args)
		json_object_object_del(call.args, "token");
	finish(&call, error, ret);
}

void sim_api_look(
	struct sim_world *world, const struct sim_request *request, struct sim_answer *ret)
{
	static const struct sim_method any = { .name = "any", .reads_json = true };
	const struct sim_method *method = find_method(request->method);
	struct sim_call call = { .world = world, .args = json_object_new_object() };

	if (call.args) {
		(void)read_args(&call, method ? method : &any, request);
		(void)authenticate(&call, request->authorization);
	}
	ret->args = call.args;
	ret->token = call.token;
}
