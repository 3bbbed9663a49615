/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

#include <string.h>

#include "base/alloc.h"

#define API_BODY_BYTES (4u * 1024 * 1024)
#define CONTROL_BODY_BYTES (96u * 1024 * 1024)
#define ANSWER_MS (24u * 3600 * 1000) /* held calls and streams may take long */

void sim_box_changed(struct sim_box *box)
{
	box->world->revision++;
	sim_waits_look(box);
	sim_page_news(box);
}

static void changed(void *arg)
{
	sim_box_changed(arg);
}

/* An event that cannot be sent for want of room is lost, as it would be with Slack. */
static void emit(void *arg, struct sim_channel *channel, struct json_object *inner)
{
	static const struct sim_letter_options ordinary = { .times = 1 };
	struct sim_box *box = arg;
	const struct sim_letter_options *letter = box->next_letter ? box->next_letter : &ordinary;

	box->next_letter = NULL;
	if (sim_courier_send_event(box->courier, channel, inner, letter) != 0)
		box->world->last_event_id[0] = '\0';
	sim_page_news(box);
}

static void set_base_url(struct sim_box *box)
{
	struct sim_world *world = box->world;
	const char *listen = box->options->listen, *colon = strrchr(listen, ':');
	int host_len = colon ? (int)(colon - listen) : 0;

	if (box->options->public_url)
		sim_keep(world->base_url, sizeof(world->base_url),
			orch_text_from(box->options->public_url));
	else
		(void)snprintf(world->base_url, sizeof(world->base_url), "http://%.*s:%u", host_len,
			listen, (unsigned)orch_http_server_port(box->server));
	for (size_t len = strlen(world->base_url); len && world->base_url[len - 1] == '/'; len--)
		world->base_url[len - 1] = '\0';
}

static const struct {
	const char *method, *path;
	uint64_t body_limit;
	void (*handle)(struct orch_http_exchange *exchange, void *box);
} routes[] = {
	{ "POST", "/api/*", API_BODY_BYTES, sim_web_api },
	{ "GET", "/api/*", 0, sim_web_api },
	{ "GET", "/files/*", 0, sim_web_file },
	{ "GET", "/sim/*", 0, sim_control },
	{ "POST", "/sim/*", CONTROL_BODY_BYTES, sim_control },
	{ "DELETE", "/sim/*", API_BODY_BYTES, sim_control },
	{ "GET", "/*", 0, sim_page },
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

static int listen_on(struct sim_box *box, struct orch_err *err)
{
	struct orch_http_route *own = box->routes;
	struct orch_http_server_options options = {
		.listen = box->options->listen,
		.routes = own,
		.route_count = ROUTE_COUNT,
		.metric_listener = "sim",
	};
	int error;

	_Static_assert(ROUTE_COUNT == SIM_ROUTES, "box.h says how many");
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		own[i] = (struct orch_http_route){
			.method = routes[i].method,
			.path = routes[i].path,
			.body_limit = routes[i].body_limit,
			.handle = routes[i].handle,
			.arg = box,
		};
	orch_http_limits_default(&options.limits);
	options.limits.answer_ms = ANSWER_MS;
	options.limits.connections_per_address = options.limits.connections;
	error = orch_http_server_create(box->lane, &options, &box->server, err);
	if (!error)
		set_base_url(box);
	return error;
}

static int open_courier(struct sim_box *box, struct orch_err *err)
{
	struct sim_courier_options options = {
		.lane = box->lane,
		.world = box->world,
		.faults = &box->faults,
		.signing_secret = box->signing_secret,
		.url = box->options->events_url,
		.keep = box->options->is_quiet ? 0 : (size_t)box->options->keep,
		.changed = changed,
		.arg = box,
	};

	memcpy(options.retry_ms, box->options->retry_ms, sizeof(options.retry_ms));
	return sim_courier_create(&options, &box->courier, err);
}

static int open_parts(struct sim_box *box, struct orch_err *err)
{
	const struct sim_options *options = box->options;
	int error;

	box->signing_secret = orch_secret_create(orch_text_from(options->signing.value));
	box->world = sim_world_create(options->seed, (size_t)options->keep,
		orch_text_from(options->bot.value), orch_text_from(options->admin.value));
	box->limits = sim_limits_create();
	box->audit = sim_audit_create(options->is_quiet ? 0 : (size_t)options->keep);
	if (!box->signing_secret || !box->world || !box->limits || !box->audit)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	sim_limits_use_tiers(box->limits, options->use_tiers);
	box->world->emit = emit;
	box->world->emit_arg = box;
	error = open_courier(box, err);
	return error ? error : listen_on(box, err);
}

int sim_box_open(const struct sim_options *options, struct orch_lane *lane,
	struct sim_box **ret_box, struct orch_err *err)
{
	struct sim_box *box = orch_alloc(sizeof(*box));
	int error;

	if (!box)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	box->options = options;
	box->lane = lane;
	TAILQ_INIT(&box->waits);
	TAILQ_INIT(&box->watchers);
	TAILQ_INIT(&box->pendings);
	error = open_parts(box, err);
	if (error) {
		sim_box_close(box);
		return error;
	}
	*ret_box = box;
	return ORCH_OK;
}

void sim_box_close(struct sim_box *box)
{
	if (!box)
		return;
	sim_web_end(box);
	sim_waits_end(box);
	sim_page_end(box);
	sim_courier_destroy(box->courier);
	if (box->server)
		orch_http_server_destroy(box->server);
	sim_audit_destroy(box->audit);
	sim_limits_destroy(box->limits);
	sim_world_destroy(box->world);
	orch_secret_destroy(box->signing_secret);
	orch_free(box);
}
