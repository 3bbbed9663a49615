/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/cloud.h"

#include <string.h>

#include "sim/aws/kinesis.h"
#include "sim/aws/sqs.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define API_BODY_BYTES (32u * 1024 * 1024) /* ten MiB of records as base64, and their keys */
#define CONTROL_BODY_BYTES (1024u * 1024)
#define ANSWER_MS (24u * 3600 * 1000) /* stalls may take long */

uint64_t aws_cloud_now(const struct aws_cloud *cloud)
{
	return orch_clock_mono_ms() + cloud->advanced_ms;
}

uint64_t aws_cloud_wall(const struct aws_cloud *cloud)
{
	(void)cloud;
	return orch_clock_now_ms();
}

/* The HTTP server's Date comes from the same clock. */
void aws_cloud_set_skew(struct aws_cloud *cloud, int64_t skew_ms)
{
	cloud->settings.skew_ms = skew_ms;
	orch_clock_shift_ms(skew_ms);
}

const char *aws_cloud_region(const struct aws_cloud *cloud)
{
	return cloud->options->region;
}

void aws_cloud_changed(struct aws_cloud *cloud)
{
	if (cloud->wait_count)
		aws_waits_look(cloud);
}

void aws_cloud_advance(struct aws_cloud *cloud, uint64_t ms)
{
	size_t cursor = 0;
	struct orch_text name;
	void *queue;

	cloud->advanced_ms += ms;
	while (orch_map_next(cloud->queues, &cursor, &name, &queue)) {
		aws_queue_settle(queue, aws_cloud_now(cloud), aws_cloud_wall(cloud));
		aws_queue_wake(cloud, queue);
	}
}

static const struct {
	const char *method, *path;
	uint64_t body_limit;
	void (*handle)(struct orch_http_exchange *exchange, void *cloud);
} routes[] = {
	{ "POST", "/", API_BODY_BYTES, aws_web },
	{ "GET", "/_sim/aws/*", 0, aws_control },
	{ "POST", "/_sim/aws/*", CONTROL_BODY_BYTES, aws_control },
	{ "DELETE", "/_sim/aws/*", CONTROL_BODY_BYTES, aws_control },
	{ "GET", "/credentials", 0, aws_provider },
	{ "PUT", "/latest/*", 0, aws_provider },
	{ "GET", "/latest/*", 0, aws_provider },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static void set_addresses(struct aws_cloud *cloud)
{
	const char *listen = cloud->options->listen, *colon = strrchr(listen, ':');
	int host_len = colon ? (int)(colon - listen) : 0;
	const char *public_url = cloud->options->public_url;

	(void)snprintf(cloud->listen, sizeof(cloud->listen), "%.*s:%u", host_len, listen,
		(unsigned)orch_http_server_port(cloud->server));
	if (public_url)
		sim_keep(cloud->url, sizeof(cloud->url), orch_text_from(public_url));
	else
		(void)snprintf(cloud->url, sizeof(cloud->url), "http://%s", cloud->listen);
	for (size_t len = strlen(cloud->url); len && cloud->url[len - 1] == '/'; len--)
		cloud->url[len - 1] = '\0';
}

static int listen_at(struct aws_cloud *cloud, const char *where, struct orch_err *err)
{
	struct orch_http_server_options options = {
		.listen = where,
		.routes = cloud->routes,
		.route_count = ROUTES,
		.metric_listener = "aws",
	};

	_Static_assert(ROUTES <= AWS_ROUTES_MAX, "cloud.h says how many");
	for (size_t i = 0; i < ROUTES; i++)
		cloud->routes[i] = (struct orch_http_route){
			.method = routes[i].method,
			.path = routes[i].path,
			.body_limit = routes[i].body_limit,
			.handle = routes[i].handle,
			.arg = cloud,
		};
	orch_http_limits_default(&options.limits);
	options.limits.answer_ms = ANSWER_MS;
	options.limits.connections_per_address = options.limits.connections;
	return orch_http_server_create(cloud->lane, &options, &cloud->server, err);
}

static void come_back(void *arg)
{
	struct aws_cloud *cloud = arg;
	struct orch_err err;

	if (cloud->server) {
		orch_http_server_destroy(cloud->server);
		cloud->server = NULL;
		orch_timer_set(&cloud->down, cloud->down_ms);
	} else if (listen_at(cloud, cloud->listen, &err) != 0) {
		orch_timer_set(&cloud->down, 100); /* somebody else has the port for now */
	}
}

/* Only in the loop's next turn, when the one who asked for it has his answer. */
int aws_cloud_go_down(struct aws_cloud *cloud, uint64_t ms)
{
	if (!cloud->has_down && orch_timer_init(&cloud->down, cloud->lane, come_back, cloud) != 0)
		return ORCH_E_NOMEM;
	cloud->has_down = true;
	cloud->down_ms = ms;
	if (cloud->server)
		orch_timer_set(&cloud->down, 0);
	return ORCH_OK;
}

static int refuse_option(struct orch_err *err, const char *flag, const char *text, const char *why)
{
	return orch_fail(err, ORCH_E_INVALID, "%s %s: %s", flag, text, why);
}

/* NAME or NAME,DEAD,N */
static int make_queue(struct aws_cloud *cloud, const char *text, struct orch_err *err)
{
	struct orch_text rest = orch_text_from(text), name, dead, count;
	struct json_object *given = json_object_new_object();
	struct aws_error error = { .status = 0 };
	char policy[256];
	bool is_fine = true;

	(void)orch_text_split(&rest, ',', &name);
	if (orch_text_split(&rest, ',', &dead)) {
		count = rest.ptr ? rest : ORCH_TEXT_NONE;
		(void)snprintf(policy, sizeof(policy),
			"{\"deadLetterTargetArn\":\"" AWS_SQS_ARN "%.*s\","
			"\"maxReceiveCount\":\"%.*s\"}",
			aws_cloud_region(cloud), ORCH_TEXT_ARG(dead), ORCH_TEXT_ARG(count));
		sim_put(given, "RedrivePolicy", policy);
		is_fine =
			aws_queue_by_name(cloud, dead) || aws_make_queue(cloud, dead, NULL, &error);
	}
	if (orch_text_ends_with(name, ORCH_TEXT(".fifo")))
		sim_put(given, "FifoQueue", "true");
	is_fine = is_fine && !aws_queue_by_name(cloud, name) &&
		aws_make_queue(cloud, name, given, &error);
	json_object_put(given);
	return is_fine ? ORCH_OK : refuse_option(err, "--queue", text, error.message);
}

/* NAME or NAME:SHARDS */
static int make_stream(struct aws_cloud *cloud, const char *text, struct orch_err *err)
{
	struct orch_text rest = orch_text_from(text), name;
	uint64_t shards = 2;

	(void)orch_text_split(&rest, ':', &name);
	if ((!rest.ptr || orch_text_to_uint(rest, 1, 1000, &shards) == 0) &&
		aws_make_stream(cloud, name, (uint32_t)shards))
		return ORCH_OK;
	return refuse_option(err, "--stream", text, "it is NAME or NAME:SHARDS, each name once");
}

/* As the command line says. */
static int furnish(struct aws_cloud *cloud, struct orch_err *err)
{
	const struct aws_options *options = cloud->options;
	int code = aws_keys_add(&cloud->keys, orch_text_from(options->access_key),
		orch_text_from(options->secret_key), orch_text_from(options->session_token), err);

	for (size_t i = 0; !code && i < options->queues.count; i++)
		code = make_queue(cloud, options->queues.at[i], err);
	for (size_t i = 0; !code && i < options->streams.count; i++)
		code = make_stream(cloud, options->streams.at[i], err);
	for (size_t i = 0; !code && i < options->faults.count; i++) {
		code = aws_faults_add_text(&cloud->faults, orch_text_from(options->faults.at[i]),
			aws_cloud_now(cloud), err);
		if (code)
			orch_err_prefix(err, "--fault %s", options->faults.at[i]);
	}
	return code;
}

static int set_up(struct aws_cloud *cloud, struct orch_err *err)
{
	const struct aws_options *options = cloud->options;

	cloud->settings = (struct aws_settings){
		.flying_max = AWS_FLYING_MAX,
		.deleted_ms = AWS_DELETED_MS,
		.put_bytes = AWS_PUT_BYTES,
		.takes_unsigned = options->takes_unsigned,
		.has_shard_limits = !options->has_no_shard_limits,
	};
	aws_cloud_set_skew(cloud, options->skew_ms);
	cloud->dice.state = options->seed;
	cloud->faults.dice = &cloud->dice;
	sim_keep(cloud->keys.expired_code, sizeof(cloud->keys.expired_code),
		ORCH_TEXT("ExpiredTokenException"));
	cloud->ledger = aws_ledger_create((size_t)options->keep);
	cloud->queues = orch_map_create();
	cloud->deleted = orch_map_create();
	cloud->streams = orch_map_create();
	if (!cloud->ledger || !cloud->queues || !cloud->deleted || !cloud->streams)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return furnish(cloud, err);
}

static void free_stream(void *stream)
{
	aws_stream_destroy(stream);
}

static void drop_queues(struct aws_cloud *cloud)
{
	size_t cursor = 0;
	struct orch_text name;
	void *queue;

	while (cloud->queues && orch_map_next(cloud->queues, &cursor, &name, &queue))
		aws_unmake_queue(cloud, queue, AWS_DROPPED);
	orch_map_destroy(cloud->queues, NULL);
	orch_map_destroy(cloud->deleted, orch_free);
}

static void drop_counts(struct aws_cloud *cloud)
{
	for (size_t i = 0; i < AWS_ACTIONS_MAX; i++) {
		orch_map_destroy(cloud->counts[i].results, orch_free);
		cloud->counts[i] = (struct aws_count){ .calls = 0 };
	}
	orch_map_destroy(cloud->others.results, orch_free);
	cloud->others = (struct aws_count){ .calls = 0 };
}

static void tear_down(struct aws_cloud *cloud)
{
	(void)aws_web_release(cloud, true);
	aws_waits_end(cloud);
	aws_moves_end(cloud);
	drop_queues(cloud);
	orch_map_destroy(cloud->streams, NULL);
	aws_rows_fini(&cloud->all_streams, free_stream);
	aws_ledger_destroy(cloud->ledger);
	aws_faults_clear(&cloud->faults);
	aws_keys_clear(&cloud->keys);
	drop_counts(cloud);
}

int aws_cloud_reset(struct aws_cloud *cloud, struct orch_err *err)
{
	tear_down(cloud);
	return set_up(cloud, err);
}

static int open_parts(struct aws_cloud *cloud, struct orch_err *err)
{
	int code;

	cloud->digest = aws_digest_create();
	if (!cloud->digest)
		return orch_fail(err, ORCH_E_NOMEM, "OpenSSL gives no MD5 and SHA-256");
	code = set_up(cloud, err);
	if (!code)
		code = listen_at(cloud, cloud->options->listen, err);
	if (!code)
		set_addresses(cloud);
	return code;
}

int aws_cloud_open(const struct aws_options *options, struct orch_lane *lane,
	struct aws_cloud **ret_cloud, struct orch_err *err)
{
	struct aws_cloud *cloud = orch_alloc(sizeof(*cloud));
	int code;

	if (!cloud)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	cloud->options = options;
	cloud->lane = lane;
	TAILQ_INIT(&cloud->held);
	TAILQ_INIT(&cloud->waits);
	TAILQ_INIT(&cloud->moves);
	code = open_parts(cloud, err);
	if (code) {
		aws_cloud_close(cloud);
		return code;
	}
	*ret_cloud = cloud;
	return ORCH_OK;
}

void aws_cloud_close(struct aws_cloud *cloud)
{
	if (!cloud)
		return;
	tear_down(cloud);
	if (cloud->has_down)
		orch_timer_fini(&cloud->down);
	if (cloud->server)
		orch_http_server_destroy(cloud->server);
	aws_digest_destroy(cloud->digest);
	orch_free(cloud);
}
