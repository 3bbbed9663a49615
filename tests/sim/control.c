/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <string.h>

#include "base/alloc.h"

int sim_refuse(struct sim_control *control, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(control->err.text, sizeof(control->err.text), fmt, ap);
	va_end(ap);
	return status;
}

struct sim_channel *sim_control_channel(struct sim_control *control)
{
	struct orch_text key = sim_arg(control->args, "channel");
	struct sim_channel *channel = sim_world_channel(control->box->world, key);

	if (!channel)
		(void)sim_refuse(control, 404, "no channel \"%.*s\"", ORCH_TEXT_ARG(key));
	return channel;
}

struct sim_user *sim_control_user(struct sim_control *control, const char *fallback)
{
	struct orch_text key = sim_arg(control->args, "user");
	struct sim_user *user;

	if (!key.len)
		key = orch_text_from(fallback);
	user = sim_world_user(control->box->world, key);
	if (!user)
		(void)sim_refuse(control, 404, "no user \"%.*s\"", ORCH_TEXT_ARG(key));
	return user;
}

void sim_control_letter(struct sim_control *control, struct sim_letter_options *ret)
{
	struct json_object *args = control->args;
	int64_t times = sim_arg_int(args, "times", 1);

	*ret = (struct sim_letter_options){
		.event_id = sim_arg(args, "event_id"),
		.signature = sim_arg(args, "signature"),
		.timestamp = sim_arg(args, "timestamp"),
		.timestamp_offset_s = sim_arg_int(args, "timestamp_offset", 0),
		.times = times > 0 ? (uint64_t)times : 1,
		.retry_num = sim_arg_int(args, "retry_num", 0),
		.retry_reason = sim_arg(args, "retry_reason"),
		.no_retry = sim_has(args, "retry") && !sim_arg_bool(args, "retry"),
	};
}

static int show_state(struct sim_control *control)
{
	json_object_put(control->reply);
	control->reply = sim_state_show(control->box, control->args);
	return 200;
}

static int begin_wait(struct sim_control *control)
{
	control->is_taken = true;
	sim_wait_begin(control->box, control->exchange, control->args);
	return 200;
}

static int watch(struct sim_control *control)
{
	control->is_taken = true;
	sim_page_watch(control->box, control->exchange);
	return 200;
}

static int reset(struct sim_control *control)
{
	struct sim_box *box = control->box;

	sim_web_end(box);
	sim_waits_end(box);
	sim_courier_clear(box->courier);
	sim_audit_clear(box->audit);
	sim_faults_clear(&box->faults);
	sim_limits_clear(box->limits);
	sim_limits_use_tiers(box->limits, box->options->use_tiers);
	return sim_world_reset(box->world) == 0 ? 200 : sim_refuse(control, 500, "out of memory");
}

static int fault(struct sim_control *control)
{
	return sim_faults_add(&control->box->faults, control->args, &control->err) == 0 ? 200 : 400;
}

static int clear_faults(struct sim_control *control)
{
	sim_faults_clear(&control->box->faults);
	return 200;
}

static int release(struct sim_control *control)
{
	bool drop = sim_arg_bool(control->args, "drop");
	size_t count = sim_web_release(control->box, drop);

	count += sim_courier_release(control->box->courier, drop);
	sim_put_int(control->reply, "released", (int64_t)count);
	return 200;
}

/* {"tiers":true} or {"method":"chat.delete","count":5,"window_ms":1000} */
static int limits(struct sim_control *control)
{
	struct orch_text method = sim_arg(control->args, "method");
	int64_t count = sim_arg_int(control->args, "count", 0);
	int64_t window_ms = sim_arg_int(control->args, "window_ms", 60000);

	if (sim_has(control->args, "tiers"))
		sim_limits_use_tiers(control->box->limits, sim_arg_bool(control->args, "tiers"));
	if (!method.len)
		return 200;
	if (count < 0 || window_ms < 1)
		return sim_refuse(control, 400, "count and window_ms must be positive");
	return sim_limits_set(control->box->limits, method, (uint64_t)count, (uint64_t)window_ms) ==
			0
		? 200
		: sim_refuse(control, 500, "out of memory");
}

static int config(struct sim_control *control)
{
	struct orch_text url = sim_arg(control->args, "events_url");
	struct orch_text delays = sim_arg(control->args, "retry_delays");
	int64_t answer_ms = sim_arg_int(control->args, "answer_limit_ms", 0);
	uint64_t retry_ms[SIM_RETRIES];

	if (answer_ms > 0)
		sim_courier_set_answer_limit(control->box->courier, (uint64_t)answer_ms);
	if (url.len && sim_courier_set_url(control->box->courier, url, &control->err) != 0)
		return 400;
	if (!delays.len)
		return 200;
	if (sim_options_read_delays(delays, retry_ms, &control->err) != 0)
		return 400;
	sim_courier_set_retries(control->box->courier, retry_ms);
	return 200;
}

static const struct sim_command own_commands[] = {
	{ "GET", "state", show_state },
	{ "GET", "wait", begin_wait },
	{ "GET", "stream", watch },
	{ "POST", "reset", reset },
	{ "POST", "fault", fault },
	{ "DELETE", "fault", clear_faults },
	{ "POST", "release", release },
	{ "POST", "limits", limits },
	{ "POST", "config", config },
	{ .method = NULL },
};

static const struct sim_command *find_in(
	const struct sim_command *commands, struct orch_text method, struct orch_text name)
{
	for (; commands->method; commands++)
		if (orch_text_is(method, commands->method) && orch_text_is(name, commands->name))
			return commands;
	return NULL;
}

static const struct sim_command *find_command(struct orch_text method, struct orch_text name)
{
	const struct sim_command *command = find_in(own_commands, method, name);

	if (!command)
		command = find_in(sim_post_commands, method, name);
	return command ? command : find_in(sim_event_commands, method, name);
}

static int run(struct sim_control *control)
{
	const struct orch_http_head *head = orch_http_exchange_head(control->exchange);
	struct orch_text name = sim_path_after(control->exchange, "/sim/");
	struct orch_text method = head->method;
	const struct sim_command *command;
	int status;

	if (orch_text_is(method, "HEAD"))
		method = ORCH_TEXT("GET");
	command = find_command(method, name);
	if (!control->args || !control->reply)
		return sim_refuse(control, 500, "out of memory");
	if (!command)
		return sim_refuse(control, 404, "no %.*s of /sim/%.*s", ORCH_TEXT_ARG(method),
			ORCH_TEXT_ARG(name));
	status = sim_read_args(control->exchange, control->args, &control->err);
	return status == 200 ? command->handle(control) : status;
}

void sim_control(struct orch_http_exchange *exchange, void *arg)
{
	struct sim_control control = {
		.box = arg,
		.exchange = exchange,
		.args = json_object_new_object(),
		.reply = json_object_new_object(),
	};
	bool is_change = !orch_text_is(orch_http_exchange_head(exchange)->method, "GET");
	int status;

	if (!sim_is_welcome(exchange, control.box->options->allows_remote)) {
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
	if (is_change)
		sim_box_changed(arg);
}
