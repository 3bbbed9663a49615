/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/intake.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "net/egress.h"
#include "stage/limit.h"
#include "stage/receipt.h"

#define ANSWER_BODY_BYTES 4096

/* One input's place in the routes. */
struct entrance {
	struct orch_intake *intake;
	size_t input;
	bool has_told; /* of an answer that is no answer */
};

/* The routes of one crew; freed when it has been replaced and its last arrival is answered. */
struct table {
	struct orch_crew *crew;
	struct orch_http_route *routes;
	struct entrance *entrances;
	size_t count;
	size_t arrivals;
	bool is_current;
};

struct orch_intake {
	struct orch_lane *lane;
	struct orch_queue *queue;
	const struct orch_http_route *extra;
	size_t extra_count;
	struct orch_http_gate *gate;
	struct orch_http_bodies *bodies;
	struct orch_http_server *server;
	struct table *table;
	size_t in_flight;
};

/* One arrival on its way to the queue. */
struct arrival {
	struct orch_intake *intake;
	struct table *table;
	struct orch_http_exchange *exchange;
	struct orch_arena *arena;
	const struct orch_plan_instance *input;
	struct entrance *entrance;
	struct orch_answer answer;
	struct orch_queue_op put;
	const struct orch_event *events;
	size_t event_count;
	uint64_t begin_ns;
};

static void free_table(struct table *table)
{
	if (table == NULL)
		return;
	orch_crew_unref(table->crew);
	orch_free(table->routes);
	orch_free(table->entrances);
	orch_free(table);
}

static void end_arrival(struct arrival *arrival)
{
	struct table *table = arrival->table;

	arrival->intake->in_flight--;
	if (--table->arrivals == 0 && !table->is_current)
		free_table(table);
	orch_arena_destroy(arrival->arena);
}

static void answer(struct arrival *arrival, int status, const char *headers, struct orch_text body)
{
	const char *type = arrival->answer.media_type.len > 0 ? arrival->answer.media_type.ptr
							      : "application/json";

	orch_http_answer(arrival->exchange, status, type, headers, body);
	end_arrival(arrival);
}

/* What the sender hears when nothing was kept, and a repeat is welcome. */
static void answer_unavailable(struct arrival *arrival, unsigned retry_after_s)
{
	char headers[48];

	(void)snprintf(headers, sizeof(headers), "Retry-After: %u\r\n", retry_after_s);
	answer(arrival, 503, headers, ORCH_TEXT("{\"ok\":false}\n"));
}

/* Likewise, when a repeat is pointless.  The plugin may know better what to say. */
static void answer_refusal(struct arrival *arrival, int status)
{
	if (arrival->answer.status != 0)
		answer(arrival, arrival->answer.status, NULL, arrival->answer.body);
	else
		answer(arrival, status, NULL, ORCH_TEXT("{\"ok\":false}\n"));
}

static void answer_success(struct arrival *arrival)
{
	int status = arrival->answer.status != 0 ? arrival->answer.status : 200;

	orch_receipt_note_ack(arrival->input, orch_clock_mono_ns() - arrival->begin_ns);
	if (arrival->answer.body.len > 0 || arrival->answer.status != 0)
		answer(arrival, status, NULL, arrival->answer.body);
	else
		answer(arrival, status, NULL, ORCH_TEXT("{\"ok\":true}\n"));
}

/* The queue tells how many it had already, not which. */
static void log_accepted(const struct arrival *arrival, size_t duplicates)
{
	for (size_t i = 0; orch_log_wants(ORCH_LOG_DEBUG) && i < arrival->event_count; i++)
		orch_log(ORCH_LOG_DEBUG, "event.accepted",
			ORCH_LOG_TEXT("trace", arrival->events[i].trace),
			ORCH_LOG_TEXT("id", arrival->events[i].id),
			ORCH_LOG_TEXT("source", arrival->events[i].source),
			ORCH_LOG_INT("duplicates", duplicates));
}

static void on_committed(struct orch_queue_op *op)
{
	struct arrival *arrival = op->user;

	if (op->code != ORCH_OK) {
		orch_receipt_count(arrival->input, "unavailable", arrival->event_count);
		orch_log(ORCH_LOG_ERROR, "intake.unavailable",
			ORCH_LOG_TEXT("instance", arrival->input->config->name),
			ORCH_LOG_STRING("error", op->err.text));
		answer_unavailable(
			arrival, op->code == ORCH_E_LIMIT ? ORCH_INTAKE_RETRY_AFTER_S : 1);
		return;
	}
	orch_receipt_count(arrival->input, "duplicate", op->duplicates);
	orch_receipt_count(arrival->input, "accepted", op->message_count - op->duplicates);
	log_accepted(arrival, op->duplicates);
	answer_success(arrival);
}

static void put(struct arrival *arrival, struct orch_message *messages, size_t count)
{
	struct orch_err err = { "" };
	int rc;

	arrival->put = (struct orch_queue_op){
		.kind = ORCH_QUEUE_PUT,
		.queue = arrival->intake->queue,
		.lane = arrival->intake->lane,
		.done = on_committed,
		.messages = messages,
		.message_count = count,
		.is_accepted = true,
		.user = arrival,
	};
	rc = orch_queue_submit(arrival->intake->queue, &arrival->put, &err);
	if (rc != ORCH_OK) {
		arrival->put.code = rc;
		arrival->put.err = err;
		on_committed(&arrival->put);
	}
}

/* It becomes a line of the head: what is no media type is left out. */
static struct orch_text media_type_of(
	const struct arrival *arrival, const struct orch_answer *given)
{
	if (given->media_type.len == 0 || orch_http_is_media_type(given->media_type))
		return given->media_type;
	if (!arrival->entrance->has_told)
		orch_log(ORCH_LOG_ERROR, "intake.media_type",
			ORCH_LOG_TEXT("instance", arrival->input->config->name),
			ORCH_LOG_TEXT("given", given->media_type),
			ORCH_LOG_STRING("sent", "application/json"));
	arrival->entrance->has_told = true;
	return ORCH_TEXT_NONE;
}

/* The answer's texts are lent by the plugin; keep what is to be sent later. */
static void keep_answer(struct arrival *arrival, const struct orch_answer *given)
{
	struct orch_text body = given->body;

	if (body.len > ANSWER_BODY_BYTES)
		body.len = ANSWER_BODY_BYTES;
	if (given->status >= 200 && given->status <= 599)
		arrival->answer.status = given->status;
	arrival->answer.media_type = orch_arena_text(arrival->arena, media_type_of(arrival, given));
	arrival->answer.body = orch_arena_text(arrival->arena, body);
}

struct refusal {
	const char *result;
	int status; /* 503: the sender may try again */
	int level;
};

static struct refusal refusal_of(int code)
{
	switch (code) {
	case ORCH_E_DENIED:
		return (struct refusal){ "denied", 401, ORCH_LOG_WARN };
	case ORCH_E_INVALID:
		return (struct refusal){ "invalid", 422, ORCH_LOG_WARN };
	case ORCH_E_LIMIT:
		return (struct refusal){ "too_large", 413, ORCH_LOG_WARN };
	default:
		return (struct refusal){ "unavailable", 503, ORCH_LOG_ERROR };
	}
}

static void refuse(struct arrival *arrival, int code, const struct orch_err *err)
{
	struct refusal refusal = refusal_of(code);

	orch_receipt_count(arrival->input, refusal.result, 1);
	orch_log(refusal.level, "intake.refused",
		ORCH_LOG_TEXT("instance", arrival->input->config->name),
		ORCH_LOG_STRING("result", refusal.result),
		ORCH_LOG_TEXT("peer", orch_http_exchange_peer(arrival->exchange)),
		ORCH_LOG_STRING("error", err->text[0] != '\0' ? err->text : orch_code_text(code)));
	if (refusal.status == 503)
		answer_unavailable(arrival, 1);
	else
		answer_refusal(arrival, refusal.status);
}

static int call_plugin(
	struct arrival *arrival, void *self, struct orch_sink *sink, struct orch_err *err)
{
	const struct orch_http_head *head = orch_http_exchange_head(arrival->exchange);
	struct orch_arrival given = {
		.size = sizeof(given),
		.transport = ORCH_HTTP,
		.method = head->method,
		.path = head->path,
		.headers = head->header_text,
		.body = orch_http_exchange_body(arrival->exchange),
		.received_ms = orch_http_exchange_received_ms(arrival->exchange),
	};
	struct orch_answer reply = {
		.size = sizeof(reply), .media_type = ORCH_TEXT_NONE, .body = ORCH_TEXT_NONE
	};
	uint64_t begin = orch_clock_mono_ns();
	int rc = arrival->input->plugin->input->receive(self, &given, sink, &reply, err);

	orch_metric_observe_ns(arrival->input->received, orch_clock_mono_ns() - begin);
	keep_answer(arrival, &reply);
	if (sink->limit != NULL)
		orch_limit_note(sink->limit);
	if (rc == ORCH_OK && sink->limit != NULL)
		(void)orch_fail(err, sink->failed, "its events are more than limits.%s allows",
			sink->limit);
	return rc == ORCH_OK ? sink->failed : rc;
}

static void receive(struct arrival *arrival, void *self)
{
	const struct orch_plan *plan = arrival->table->crew->plan;
	struct orch_err err = { "" };
	struct orch_message *messages = NULL;
	struct orch_sink sink;
	size_t count = 0;
	int rc;

	orch_sink_init(&sink, ORCH_KIND_INPUT, &plan->limits, arrival->arena);
	rc = call_plugin(arrival, self, &sink, &err);
	if (rc == ORCH_OK)
		rc = orch_receipt_messages(
			plan, arrival->input, &sink, arrival->arena, &messages, &count, &err);
	arrival->events = sink.events;
	arrival->event_count = sink.event_count;
	if (rc != ORCH_OK) {
		refuse(arrival, rc, &err);
		return;
	}
	if (sink.rejected != NULL)
		orch_receipt_note_rejected(arrival->input, sink.rejected);
	else if (sink.event_count == 0)
		orch_receipt_count(arrival->input, "ignored", 1);
	if (count == 0)
		answer_success(arrival);
	else
		put(arrival, messages, count);
}

static void handle(struct orch_http_exchange *exchange, void *arg)
{
	struct entrance *entrance = arg;
	struct orch_intake *intake = entrance->intake;
	struct table *table = intake->table;
	struct orch_arena *arena = orch_arena_create(0);
	struct arrival *arrival = arena == NULL ? NULL : orch_arena_alloc(arena, sizeof(*arrival));

	if (arrival == NULL) {
		orch_arena_destroy(arena);
		orch_http_answer(exchange, 503, "application/json", "Retry-After: 1\r\n",
			ORCH_TEXT("{\"ok\":false}\n"));
		return;
	}
	arrival->intake = intake;
	arrival->table = table;
	arrival->exchange = exchange;
	arrival->arena = arena;
	arrival->entrance = entrance;
	arrival->input = &table->crew->plan->inputs[entrance->input];
	arrival->begin_ns = orch_clock_mono_ns();
	table->arrivals++;
	intake->in_flight++;
	receive(arrival, table->crew->inputs[entrance->input].self);
}

static void fill_routes(struct orch_intake *intake, struct table *table)
{
	const struct orch_config *config = table->crew->plan->config;

	for (size_t i = 0; i < config->input_count; i++) {
		if (config->inputs[i].transport != ORCH_HTTP)
			continue;
		table->entrances[table->count] = (struct entrance){ .intake = intake, .input = i };
		table->routes[table->count] = (struct orch_http_route){
			.method = "POST",
			.path = config->inputs[i].path.ptr,
			.body_limit = config->body_bytes,
			.handle = handle,
			.arg = &table->entrances[table->count],
		};
		table->count++;
	}
	for (size_t i = 0; i < intake->extra_count; i++)
		table->routes[table->count++] = intake->extra[i];
}

static struct table *make_table(struct orch_intake *intake, struct orch_crew *crew)
{
	struct table *table = orch_alloc(sizeof(*table));
	size_t most = crew->plan->config->input_count + intake->extra_count + 1;

	if (table == NULL)
		return NULL;
	table->routes = orch_alloc_array(most, sizeof(*table->routes));
	table->entrances = orch_alloc_array(most, sizeof(*table->entrances));
	if (table->routes == NULL || table->entrances == NULL) {
		free_table(table);
		return NULL;
	}
	table->crew = crew;
	table->is_current = true;
	fill_routes(intake, table);
	return table;
}

static int open_server(
	struct orch_intake *intake, struct orch_http_sockets *sockets, struct orch_err *err)
{
	const struct orch_config *config = intake->table->crew->plan->config;
	struct orch_http_server_options options;

	orch_receipt_server_options(&config->http, "events", &options);
	options.proxies = orch_receipt_proxies(config, &options.proxy_count, err);
	if (options.proxies == NULL && config->http.proxies.count > 0)
		return ORCH_E_INVALID;
	options.gate = intake->gate;
	options.bodies = intake->bodies;
	options.sockets = sockets;
	/* With our other lanes, and with who takes over: nobody else was here at the start. */
	options.shares_port = true;
	options.routes = intake->table->routes;
	options.route_count = intake->table->count;
	return orch_http_server_create(intake->lane, &options, &intake->server, err);
}

int orch_intake_create(const struct orch_intake_options *options, struct orch_crew *crew,
	struct orch_intake **ret_intake, struct orch_err *err)
{
	struct orch_intake *intake = orch_alloc(sizeof(*intake));
	int rc;

	if (intake == NULL) {
		orch_crew_unref(crew);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the intake");
	}
	intake->lane = options->lane;
	intake->queue = options->queue;
	intake->extra = options->extra;
	intake->extra_count = options->extra_count;
	intake->gate = options->gate;
	intake->bodies = options->bodies;
	intake->table = make_table(intake, crew);
	if (intake->table == NULL) {
		orch_crew_unref(crew);
		orch_free(intake);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the intake");
	}
	rc = open_server(intake, options->sockets, err);
	if (rc != ORCH_OK) {
		orch_intake_destroy(intake);
		return rc;
	}
	*ret_intake = intake;
	return ORCH_OK;
}

void orch_intake_set_crew(struct orch_intake *intake, struct orch_crew *crew)
{
	struct table *old = intake->table;
	struct table *table = make_table(intake, crew);

	if (table == NULL) {
		orch_log(
			ORCH_LOG_ERROR, "intake.reload", ORCH_LOG_STRING("error", "out of memory"));
		orch_crew_unref(crew);
		return;
	}
	intake->table = table;
	orch_http_server_set_routes(intake->server, table->routes, table->count);
	if (intake->bodies != NULL)
		orch_http_bodies_set_limit(intake->bodies, table->crew->plan->config->bodies_bytes);
	if (crew->plan->tls != NULL)
		orch_http_server_set_tls(intake->server, crew->plan->tls);
	old->is_current = false;
	if (old->arrivals == 0)
		free_table(old);
}

void orch_intake_drain(struct orch_intake *intake, bool serves_on)
{
	orch_http_server_drain(intake->server, serves_on);
}

int orch_intake_socket(const struct orch_intake *intake)
{
	return orch_http_server_socket(intake->server);
}

bool orch_intake_is_idle(const struct orch_intake *intake)
{
	return intake->in_flight == 0 && orch_http_server_connections(intake->server) == 0;
}

void orch_intake_destroy(struct orch_intake *intake)
{
	if (intake == NULL)
		return;
	if (intake->server != NULL)
		orch_http_server_destroy(intake->server);
	free_table(intake->table);
	orch_free(intake);
}
