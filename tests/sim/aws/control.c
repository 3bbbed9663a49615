/* SPDX-License-Identifier: Apache-2.0 */
/* Everything under /_sim/aws/. */
#include <string.h>

#include "sim/args.h"
#include "sim/aws/audit.h"
#include "sim/aws/cloud.h"
#include "sim/aws/kinesis.h"
#include "base/text.h"
#include "sim/reply.h"

#define DOWN_MS_MAX 600000
#define ADVANCE_MS_MAX (31ll * 24 * 3600 * 1000)

struct control {
	struct aws_cloud *cloud;
	struct orch_http_exchange *exchange;
	struct json_object *args, *reply;
	struct orch_err err; /* why, when the status is not 200 */
	bool is_taken;       /* it answers by itself, later */
};

static int refuse(struct control *control, int status, const char *why)
{
	(void)orch_fail(&control->err, ORCH_E_INVALID, "%s", why);
	return status;
}

/* False: it is there, and not within its bounds. */
static bool read_int(
	struct control *control, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	int64_t value = sim_arg_int(control->args, name, INT64_MIN);

	if (!sim_has(control->args, name))
		return true;
	if (value < min || value > max) {
		(void)orch_fail(&control->err, ORCH_E_INVALID, "%s must be %lld to %lld", name,
			(long long)min, (long long)max);
		return false;
	}
	*ret = value;
	return true;
}

static int add_fault(struct control *control)
{
	uint64_t number;

	if (aws_faults_add(&control->cloud->faults, control->args, aws_cloud_now(control->cloud),
		    &number, &control->err) != 0)
		return 400;
	sim_put_int(control->reply, "number", (int64_t)number);
	return 200;
}

static int show_faults(struct control *control)
{
	sim_put_json(control->reply, "faults", aws_faults_show(&control->cloud->faults));
	sim_put_json(control->reply, "hits", aws_faults_show_hits(&control->cloud->faults));
	return 200;
}

/* All of them, or number=N. */
static int remove_faults(struct control *control)
{
	int64_t number = sim_arg_int(control->args, "number", 0);
	size_t count = aws_faults_remove(&control->cloud->faults, (uint64_t)number);

	sim_put_int(control->reply, "removed", (int64_t)count);
	return 200;
}

static int release(struct control *control)
{
	size_t count = aws_web_release(control->cloud, sim_arg_bool(control->args, "drop"));

	sim_put_int(control->reply, "released", (int64_t)count);
	return 200;
}

static int set_clock(struct control *control)
{
	struct aws_cloud *cloud = control->cloud;
	int64_t skew_ms = cloud->settings.skew_ms, advance_ms = 0;

	if (!read_int(control, "skew_ms", -AWS_SKEW_MS_MAX, AWS_SKEW_MS_MAX, &skew_ms) ||
		!read_int(control, "advance_ms", 0, ADVANCE_MS_MAX, &advance_ms))
		return 400;
	aws_cloud_set_skew(cloud, skew_ms);
	if (advance_ms)
		aws_cloud_advance(cloud, (uint64_t)advance_ms);
	sim_put_int(control->reply, "skew_ms", skew_ms);
	sim_put_int(control->reply, "now_ms", (int64_t)aws_cloud_now(cloud));
	return 200;
}

static int expire_keys(struct control *control)
{
	struct aws_keys *keys = &control->cloud->keys;
	struct orch_text code = sim_arg(control->args, "code");
	int64_t in_ms = 0;
	uint64_t at_ms;

	if (!read_int(control, "in_ms", 0, ADVANCE_MS_MAX, &in_ms))
		return 400;
	if (code.len)
		sim_keep(keys->expired_code, sizeof(keys->expired_code), code);
	at_ms = in_ms ? aws_cloud_wall(control->cloud) + (uint64_t)in_ms : 0;
	if (!aws_keys_expire(keys, sim_arg(control->args, "access_key"), at_ms))
		return refuse(control, 404, "no such access key");
	return 200;
}

/* {"expire":true[,"access_key":…][,"in_ms":N][,"code":…]} or {"access_key":…,"secret_key":…[,"session_token":…]} */
static int set_keys(struct control *control)
{
	if (sim_arg_bool(control->args, "expire"))
		return expire_keys(control);
	return aws_keys_add(&control->cloud->keys, sim_arg(control->args, "access_key"),
		       sim_arg(control->args, "secret_key"),
		       sim_arg(control->args, "session_token"), &control->err) == 0
		? 200
		: 400;
}

static int configure(struct control *control)
{
	struct aws_settings *settings = &control->cloud->settings;
	int64_t flying = (int64_t)settings->flying_max, deleted = (int64_t)settings->deleted_ms;
	int64_t put_bytes = (int64_t)settings->put_bytes;

	if (!read_int(control, "in_flight_max", 0, 10000000, &flying) ||
		!read_int(control, "deleted_ms", 0, 600000, &deleted) ||
		!read_int(control, "put_bytes", 1, AWS_PUT_BYTES, &put_bytes))
		return 400;
	settings->flying_max = (uint64_t)flying;
	settings->deleted_ms = (uint64_t)deleted;
	settings->put_bytes = (uint64_t)put_bytes;
	if (sim_has(control->args, "shard_limits"))
		settings->has_shard_limits = sim_arg_bool(control->args, "shard_limits");
	if (sim_has(control->args, "auth"))
		settings->takes_unsigned = !sim_arg_bool(control->args, "auth");
	if (sim_has(control->args, "provider"))
		settings->gives_no_credentials = !sim_arg_bool(control->args, "provider");
	return 200;
}

static uint32_t shard_of(
	struct control *control, const struct aws_stream *stream, struct orch_text id)
{
	uint32_t shard = aws_stream_find_shard(stream, id);

	if (shard == AWS_NO_SHARD)
		(void)refuse(control, 404, "no such shard");
	return shard;
}

static int split(struct control *control, struct aws_stream *stream)
{
	uint32_t shard = shard_of(control, stream, sim_arg(control->args, "split"));
	const struct aws_shard *old;

	if (shard == AWS_NO_SHARD)
		return 404;
	old = aws_stream_shard(stream, shard);
	if (aws_stream_split(stream, shard, old->first + (old->last - old->first) / 2 + 1) != 0)
		return refuse(control, 400, "the shard is closed, or cannot be split further");
	return 200;
}

static int merge(struct control *control, struct aws_stream *stream)
{
	uint32_t shard = shard_of(control, stream, sim_arg(control->args, "merge"));
	uint32_t other = shard_of(control, stream, sim_arg(control->args, "with"));

	if (shard == AWS_NO_SHARD || other == AWS_NO_SHARD)
		return 404;
	if (aws_stream_merge(stream, shard, other) != 0)
		return refuse(control, 400, "the shards are no open neighbours");
	return 200;
}

static void show_open(struct control *control, const struct aws_stream *stream)
{
	struct json_object *open = json_object_new_array();

	for (size_t i = 0; i < stream->open.count; i++)
		sim_push_string(open, aws_stream_shard(stream, (uint32_t)stream->open.at[i])->id);
	sim_put_json(control->reply, "open", open);
}

/* {"stream":…,"split":SHARD} or {"stream":…,"merge":SHARD,"with":SHARD}; with neither it shows the open ones. */
static int reshard(struct control *control)
{
	struct aws_stream *stream =
		aws_stream_by_name(control->cloud, sim_arg(control->args, "stream"));
	int status = 200;

	if (!stream)
		return refuse(control, 404, "no such stream");
	if (sim_has(control->args, "split"))
		status = split(control, stream);
	else if (sim_has(control->args, "merge"))
		status = merge(control, stream);
	if (status == 200)
		show_open(control, stream);
	return status;
}

static int go_down(struct control *control)
{
	int64_t ms = 1000;

	if (!read_int(control, "ms", 1, DOWN_MS_MAX, &ms))
		return 400;
	return aws_cloud_go_down(control->cloud, (uint64_t)ms) == 0
		? 200
		: refuse(control, 500, "no memory");
}

static int reset(struct control *control)
{
	return aws_cloud_reset(control->cloud, &control->err) == 0 ? 200 : 500;
}

static int begin_wait(struct control *control)
{
	control->is_taken = true;
	aws_wait_begin(control->cloud, control->exchange, control->args);
	return 200;
}

static int audit(struct control *control)
{
	aws_audit_show(control->cloud, control->reply);
	return 200;
}

static int audit_part(struct control *control,
	bool (*show)(
		const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply))
{
	return show(control->cloud, control->args, control->reply)
		? 200
		: refuse(control, 404, "no queue, stream or key of that name has been seen");
}

static int audit_messages(struct control *control)
{
	return audit_part(control, aws_audit_messages);
}

static int audit_records(struct control *control)
{
	return audit_part(control, aws_audit_records);
}

static int audit_keys(struct control *control)
{
	return audit_part(control, aws_audit_keys);
}

static int audit_log(struct control *control)
{
	return audit_part(control, aws_audit_log);
}

static const struct {
	const char *method, *name;
	int (*handle)(struct control *control); /* the status to answer with */
} commands[] = {
	{ "GET", "audit", audit },
	{ "GET", "audit/messages", audit_messages },
	{ "GET", "audit/records", audit_records },
	{ "GET", "audit/keys", audit_keys },
	{ "GET", "audit/log", audit_log },
	{ "GET", "wait", begin_wait },
	{ "GET", "fault", show_faults },
	{ "POST", "fault", add_fault },
	{ "DELETE", "fault", remove_faults },
	{ "POST", "release", release },
	{ "POST", "clock", set_clock },
	{ "POST", "credentials", set_keys },
	{ "POST", "config", configure },
	{ "POST", "reshard", reshard },
	{ "POST", "down", go_down },
	{ "POST", "reset", reset },
};

static int run(struct control *control)
{
	struct orch_text method = orch_http_exchange_head(control->exchange)->method;
	struct orch_text name = sim_path_after(control->exchange, "/_sim/aws/");
	int status = sim_read_args(control->exchange, control->args, &control->err);

	if (orch_text_is(method, "HEAD"))
		method = ORCH_TEXT("GET");
	if (status != 200)
		return status;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (orch_text_is(method, commands[i].method) &&
			orch_text_is(name, commands[i].name))
			return commands[i].handle(control);
	return refuse(control, 404, "there is no such command; see --help");
}

void aws_control(struct orch_http_exchange *exchange, void *arg)
{
	struct control control = {
		.cloud = arg,
		.exchange = exchange,
		.args = json_object_new_object(),
		.reply = json_object_new_object(),
	};
	int status;

	if (!sim_is_welcome(exchange, control.cloud->options->allows_remote)) {
		json_object_put(control.args);
		json_object_put(control.reply);
		return;
	}
	status = run(&control);
	if (control.is_taken) {
		json_object_put(control.reply);
	} else {
		sim_put_bool(control.reply, "ok", status == 200);
		if (status != 200)
			sim_put(control.reply, "error", control.err.text);
		sim_answer_json(exchange, status, control.reply);
	}
	json_object_put(control.args);
	aws_cloud_changed(arg);
}
