/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/notify.h"
#include "pipeline/build.h"
#include "pipeline/descriptors.h"
#include "pipeline/rulefile.h"
#include "pipeline/service_internal.h"
#include "stage/receipt.h"

#define REPORT_BYTES (1024 * 1024)
#define TICK_MS 1000
#define DRAIN_POLL_MS 20
#define RELEASE_WAIT_MS 2000 /* for what is given back at the end of the drain */
#define LANE_STUCK_MS 10000
#define LOG_WAIT_MS 1000 /* for who reads the log, at the very end */

static int fail_start(const char *what, const struct orch_err *err)
{
	orch_log(ORCH_LOG_ERROR, "start.failed", ORCH_LOG_STRING("what", what),
		ORCH_LOG_STRING("error", err->text));
	return EXIT_FAILURE;
}

static int build_plan(struct orch_service *service)
{
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, REPORT_BYTES);
	rc = orch_build(service->options.file, ORCH_BUILD_WHOLE, &report, &service->plan);
	if (rc != ORCH_OK && service->options.json) {
		orch_log_setup(STDERR_FILENO, ORCH_LOG_JSON, ORCH_LOG_INFO);
		orch_service_log_report(&report);
	} else if (rc != ORCH_OK && report.len > 0) {
		(void)fwrite(report.ptr, 1, report.len, stderr);
	}
	orch_buf_fini(&report);
	return rc == ORCH_OK ? EXIT_SUCCESS : EX_CONFIG;
}

/* What a process that was killed had leased is free at once, unless others are at work here. */
static int take_over(struct orch_service *service, struct orch_err *err)
{
	char path[4096];
	int rc;

	(void)snprintf(path, sizeof(path), "%.*s/running",
		ORCH_TEXT_ARG(service->plan->config->state_dir));
	rc = orch_file_hold(path, &service->hold_fd, &service->is_alone, err);
	if (rc != ORCH_OK || !service->is_alone)
		return rc;
	rc = orch_keep_take_over(&service->keep, err);
	return rc == ORCH_OK ? orch_file_share(service->hold_fd, err) : rc;
}

static int open_keep(struct orch_service *service)
{
	const struct orch_config *config = service->plan->config;
	struct orch_err err = { "" };
	int rc = orch_keep_open(config, &service->keep, &err);

	(void)snprintf(service->spool_dir, sizeof(service->spool_dir), "%.*s/spool",
		ORCH_TEXT_ARG(config->state_dir));
	if (rc == ORCH_OK)
		rc = orch_file_make_dir(service->spool_dir, &err);
	if (rc == ORCH_OK)
		rc = take_over(service, &err);
	if (rc == ORCH_OK)
		rc = orch_rulefile_first_import(service->plan, service->keep.store, &err);
	if (rc == ORCH_OK)
		rc = orch_plan_load_rules(service->plan, service->keep.store, &service->gaps, &err);
	return rc == ORCH_OK ? EXIT_SUCCESS : fail_start("store", &err);
}

static int make_shared(struct orch_service *service)
{
	const struct orch_config_listen *http = &service->plan->config->http;
	struct orch_descriptors_share share =
		orch_descriptors_claim(service->plan->config, service->options.stages);
	struct orch_err err = { "out of memory" };

	service->health = orch_health_create();
	service->shared = (struct orch_station_shared){
		.keep = &service->keep,
		.pauses = orch_pauses_create(),
		.outlets = orch_outlets_create(NULL),
		.spool_dir = service->spool_dir,
		.gate = orch_http_gate_create(share.connections,
			http->proxies.count == 0 ? http->connections_per_address : 0),
		.bodies = orch_http_bodies_create(service->plan->config->bodies_bytes),
		.outbound = share.outbound,
	};
	if (service->health == NULL || service->shared.pauses == NULL ||
		service->shared.outlets == NULL || service->shared.gate == NULL ||
		service->shared.bodies == NULL)
		return fail_start("memory", &err);
	orch_service_note_gaps(service, &service->gaps);
	service->shared.routes = orch_health_routes(service->health, &service->shared.route_count);
	return EXIT_SUCCESS;
}

static int create_stations(struct orch_service *service, struct orch_err *err)
{
	const struct orch_config *config = service->plan->config;
	uint32_t counts[] = { config->threads_intake, config->threads_scan, config->threads_act };

	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++) {
		if (!service->options.stages[stage])
			continue;
		for (uint32_t i = 0;
			i < counts[stage] && service->station_count < ORCH_STATIONS_MAX; i++) {
			int rc = orch_station_create((enum orch_stage)stage, i, service->plan,
				&service->shared, &service->stations[service->station_count], err);

			if (rc != ORCH_OK)
				return rc;
			service->station_count++;
		}
	}
	return ORCH_OK;
}

static int start_those(struct orch_service *service, bool intake, struct orch_err *err)
{
	for (size_t i = 0; i < service->station_count; i++) {
		struct orch_station *station = service->stations[i];
		bool is_intake = orch_station_stage(station) == ORCH_STAGE_INTAKE;
		int rc = is_intake == intake ? orch_station_start(station, err) : ORCH_OK;

		if (rc != ORCH_OK)
			return rc;
	}
	return ORCH_OK;
}

static int start_stations(struct orch_service *service, struct orch_err *err)
{
	int rc = start_those(service, false, err);

	/* Intake comes last: nothing is accepted before the rest is at work. */
	return rc == ORCH_OK ? start_those(service, true, err) : rc;
}

/* Processes of one state_dir may share their port; with anybody else half of the events would be lost. */
static int probe_port(const struct orch_service *service, struct orch_err *err)
{
	if (!service->is_alone || !service->options.stages[ORCH_STAGE_INTAKE])
		return ORCH_OK;
	return orch_http_server_probe(service->plan->config->http.address.ptr, err);
}

static int open_health_listener(struct orch_service *service, struct orch_err *err)
{
	const struct orch_config *config = service->plan->config;
	struct orch_config_listen listen = { .address = config->health_listen };
	struct orch_http_server_options options;

	if (config->health_listen.len == 0)
		return ORCH_OK;
	listen.connections = 64;
	orch_receipt_server_options(&listen, "health", &options);
	options.sockets = service->shared.sockets;
	options.shares_port = true;
	options.routes = service->shared.routes;
	options.route_count = service->shared.route_count;
	return orch_http_server_create(service->lane, &options, &service->health_server, err);
}

/* Of those that do the same work here: "listen-intake-scan-act". */
static void name_hand(const struct orch_service *service, char name[64])
{
	size_t len = (size_t)snprintf(name, 64, "listen");

	for (int stage = 0; stage < ORCH_STAGE_COUNT; stage++)
		if (service->options.stages[stage])
			len += (size_t)snprintf(name + len, 64 - len, "-%s",
				orch_stage_name((enum orch_stage)stage));
}

/* What the one listens on that serves here now: it may go as soon as we are ready. */
static int fetch_sockets(struct orch_service *service, struct orch_err *err)
{
	char name[64];

	name_hand(service, name);
	return orch_http_sockets_fetch(
		service->plan->config->state_dir.ptr, name, &service->shared.sockets, err);
}

static int offer_sockets(struct orch_service *service, struct orch_err *err)
{
	const struct orch_config *config = service->plan->config;
	char name[64];
	int rc;

	orch_http_sockets_destroy(service->shared.sockets);
	service->shared.sockets = NULL;
	name_hand(service, name);
	rc = orch_http_hand_create(service->lane, config->state_dir.ptr, name, &service->hand, err);
	for (size_t i = 0; service->hand != NULL && i < service->station_count; i++) {
		int fd = orch_station_socket(service->stations[i]);

		if (fd >= 0)
			orch_http_hand_offer(service->hand, config->http.address.ptr, fd);
	}
	if (service->hand != NULL && service->health_server != NULL)
		orch_http_hand_offer(service->hand, config->health_listen.ptr,
			orch_http_server_socket(service->health_server));
	return rc;
}

static _Noreturn void stop_at_once(int status)
{
	orch_log(ORCH_LOG_WARN, "stop.at_once");
	orch_log_finish(LOG_WAIT_MS);
	_exit(status);
}

static void release_stations(struct orch_service *service)
{
	service->is_released = true;
	service->drain_until_ms = orch_clock_mono_ms() + RELEASE_WAIT_MS;
	orch_log(ORCH_LOG_WARN, "drain.release",
		ORCH_LOG_STRING("why", "the drain time is over; what is in flight is given back"));
	for (size_t i = 0; i < service->station_count; i++)
		orch_station_release(service->stations[i]);
}

static void on_drain_timer(void *arg)
{
	struct orch_service *service = arg;
	bool idle = true;

	for (size_t i = 0; i < service->station_count; i++)
		idle = orch_station_is_idle(service->stations[i]) && idle;
	if (idle) {
		orch_lane_quit(service->lane);
		return;
	}
	if (orch_clock_mono_ms() >= service->drain_until_ms) {
		if (service->is_released) {
			/* What is still under way is durable and comes back after its lease. */
			stop_at_once(service->status);
		}
		release_stations(service);
	}
	orch_timer_set(&service->drain_timer, DRAIN_POLL_MS);
}

void orch_service_drain(struct orch_service *service)
{
	bool serves_on = orch_http_hand_was_taken(service->hand);

	if (service->is_draining) {
		stop_at_once(EXIT_SUCCESS);
	}
	service->is_draining = true;
	orch_log(ORCH_LOG_INFO, "drain.begin",
		ORCH_LOG_INT("within_ms", service->plan->config->drain_ms));
	orch_notify("STOPPING=1");
	orch_health_set(service->health, "draining");
	/* What it offers is about to be closed. */
	orch_http_hand_destroy(service->hand);
	service->hand = NULL;
	service->drain_until_ms = orch_clock_mono_ms() + service->plan->config->drain_ms;
	for (size_t i = 0; i < service->station_count; i++)
		orch_station_drain(service->stations[i], serves_on);
	orch_timer_set(&service->drain_timer, 1);
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	orch_service_drain(arg);
}

static void on_reload_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	orch_service_reload(arg);
}

static bool lanes_turn(const struct orch_service *service, struct orch_err *err)
{
	for (size_t i = 0; i < service->station_count; i++) {
		/* No running number: what is said once, and once when it is over, must stay the same. */
		if (orch_station_idle_ms(service->stations[i]) > LANE_STUCK_MS) {
			(void)orch_fail(err, ORCH_E_INTERNAL,
				"a %s lane is stuck for %d ms or more",
				orch_stage_name(orch_station_stage(service->stations[i])),
				LANE_STUCK_MS);
			return false;
		}
	}
	return true;
}

static uint64_t tick_ms(const struct orch_service *service)
{
	return service->watchdog_ms > 0 && service->watchdog_ms < TICK_MS ? service->watchdog_ms
									  : TICK_MS;
}

static bool is_well(const struct orch_service *service, struct orch_err *err)
{
	return orch_keep_is_healthy(&service->keep, err) && lanes_turn(service, err);
}

/* What is wrong elsewhere no restart puts right: systemd would end us until it gives us up. */
static bool is_alive(const struct orch_service *service)
{
	struct orch_err err;

	return lanes_turn(service, &err) &&
		(orch_keep_is_remote(&service->keep) || orch_keep_is_healthy(&service->keep, &err));
}

/*
 * As it is now, on any thread: intake refuses by the same.  Where it takes events
 * it is fit as long as they are kept, whatever is amiss with sending them on.
 */
static bool is_fit(void *arg, struct orch_err *err)
{
	const struct orch_service *service = arg;
	struct orch_err ignored;

	if (orch_keep_is_full(&service->keep)) {
		(void)orch_fail(err, ORCH_E_LIMIT,
			"the disk is nearly full: new events are refused (store.reserve)");
		return false;
	}
	return is_well(service, err) ||
		(service->options.stages[ORCH_STAGE_INTAKE] &&
			orch_keep_accepts(&service->keep, &ignored) &&
			lanes_turn(service, &ignored));
}

/* Once, and once more when it is over. */
static void report_health(struct orch_service *service, const char *trouble)
{
	if (strncmp(service->trouble, trouble, sizeof(service->trouble) - 1) == 0)
		return;
	(void)snprintf(service->trouble, sizeof(service->trouble), "%s", trouble);
	if (trouble[0] != '\0')
		orch_log(ORCH_LOG_ALERT, "health.bad", ORCH_LOG_STRING("error", trouble));
	else
		orch_log(ORCH_LOG_INFO, "health.good");
}

/* The gauges, the watchdog. */
static void on_tick(void *arg)
{
	struct orch_service *service = arg;
	struct orch_err err = { "" };
	bool healthy = is_well(service, &err);

	orch_service_refresh_gauges(service);
	orch_service_tend_queue(service);
	orch_accounts_sweep(&service->accounts);
	orch_http_hand_tend(service->hand);
	orch_log_flush();
	report_health(service, healthy ? "" : err.text);
	if (service->are_rules_due && healthy)
		orch_service_rules_changed(service);
	if (service->watchdog_ms > 0 && is_alive(service))
		orch_notify("WATCHDOG=1");
	orch_timer_set(&service->tick, tick_ms(service));
}

static int add_signal(struct orch_service *service, size_t slot, int number, event_callback_fn fire)
{
	struct event *event = evsignal_new(orch_lane_base(service->lane), number, fire, service);

	service->signals[slot] = event;
	return event != NULL && event_add(event, NULL) == 0 ? ORCH_OK : ORCH_E_NOMEM;
}

static int watch_all(struct orch_service *service, struct orch_err *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int rc = ORCH_OK;

	if (sigaction(SIGPIPE, &ignore, NULL) != 0 ||
		add_signal(service, 0, SIGTERM, on_stop_signal) != ORCH_OK ||
		add_signal(service, 1, SIGINT, on_stop_signal) != ORCH_OK ||
		add_signal(service, 2, SIGHUP, on_reload_signal) != ORCH_OK ||
		orch_timer_init(&service->tick, service->lane, on_tick, service) != ORCH_OK ||
		orch_timer_init(&service->drain_timer, service->lane, on_drain_timer, service) !=
			ORCH_OK)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	service->rules_watch = (struct orch_store_watch){
		.lane = service->lane,
		.changed = orch_service_rules_changed,
		.arg = service,
	};
	rc = orch_store_watch_add(service->keep.store, &service->rules_watch);
	service->is_watching_rules = rc == ORCH_OK;
	return rc == ORCH_OK ? ORCH_OK : orch_fail(err, rc, "rules cannot be watched");
}

static void note_start(struct orch_service *service)
{
	const struct orch_config *config = service->plan->config;

	orch_service_note_config(config);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_config_last_reload_successful",
				"1 if the last reload (or the start) took effect."),
		1);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_build_info", "What this is.",
				{ "version", ORCH_TEXT(ORCH_VERSION) }),
		1);
	orch_log(ORCH_LOG_INFO, "started", ORCH_LOG_STRING("version", ORCH_VERSION),
		ORCH_LOG_STRING("config", config->digest), ORCH_LOG_STRING("file", config->file),
		ORCH_LOG_TEXT("listen", config->http.address));
	if (config->console.address.len > 0)
		orch_log(ORCH_LOG_WARN, "console.absent",
			ORCH_LOG_STRING("why", "the console is not in this version yet"));
	on_tick(service);
	orch_health_ask(service->health, is_fit, service);
	orch_health_set(service->health, NULL);
	orch_notify("READY=1");
}

static int start(struct orch_service *service)
{
	struct orch_err err = { "" };
	int rc = orch_lane_create("main", &service->lane, &err);

	if (rc == ORCH_OK)
		rc = orch_keep_start(&service->keep, service->plan->config, service->lane, &err);
	if (rc == ORCH_OK)
		rc = orch_accounts_open(&service->accounts, service->plan->config, service->lane,
			&service->plan->accounts, &err);
	if (rc == ORCH_OK)
		rc = watch_all(service, &err);
	if (rc == ORCH_OK)
		rc = probe_port(service, &err);
	if (rc == ORCH_OK)
		rc = fetch_sockets(service, &err);
	if (rc == ORCH_OK)
		rc = open_health_listener(service, &err);
	if (rc == ORCH_OK)
		rc = create_stations(service, &err);
	if (rc == ORCH_OK)
		rc = offer_sockets(service, &err);
	if (rc != ORCH_OK)
		return fail_start("stages", &err);
	rc = start_stations(service, &err);
	if (rc != ORCH_OK) {
		/* Some may be at work already: what they hold is brought to its end. */
		service->status = fail_start("stages", &err);
		orch_service_drain(service);
		orch_lane_run(service->lane);
		return service->status;
	}
	service->watchdog_ms = orch_notify_watchdog_ms();
	note_start(service);
	return EXIT_SUCCESS;
}

/* The stations are gone, and with them who calls. */
static void close_accounts(struct orch_service *service)
{
	if (service->plan != NULL) {
		orch_accounts_end(service->plan->accounts);
		service->plan->accounts = NULL;
	}
	orch_accounts_sweep(&service->accounts);
}

static void stop(struct orch_service *service)
{
	orch_http_hand_destroy(service->hand);
	orch_http_sockets_destroy(service->shared.sockets);
	for (size_t i = 0; i < service->station_count; i++)
		orch_station_destroy(service->stations[i]);
	if (service->is_watching_rules)
		orch_store_watch_remove(service->keep.store, &service->rules_watch);
	/* What was posted to us meanwhile, and nothing else: the loop does not turn any more. */
	if (service->lane != NULL) {
		orch_lane_quit(service->lane);
		orch_lane_run(service->lane);
	}
	for (size_t i = 0; i < 3; i++)
		if (service->signals[i] != NULL)
			event_free(service->signals[i]);
	if (service->health_server != NULL)
		orch_http_server_destroy(service->health_server);
	if (service->lane != NULL) {
		close_accounts(service);
		orch_keep_stop(&service->keep, service->lane);
		orch_arena_destroy(service->survey.arena);
		orch_timer_fini(&service->tick);
		orch_timer_fini(&service->drain_timer);
	}
	orch_lane_destroy(service->lane);
	if (service->keep.queue != NULL)
		orch_keep_close(&service->keep);
	if (service->hold_fd >= 0)
		(void)close(service->hold_fd);
	orch_plan_unref(service->plan);
	orch_pauses_destroy(service->shared.pauses);
	orch_outlets_destroy(service->shared.outlets);
	orch_http_gate_destroy(service->shared.gate);
	orch_http_bodies_destroy(service->shared.bodies);
	orch_health_destroy(service->health);
}

void orch_service_setup_log(const struct orch_service *service, const struct orch_config *config)
{
	bool json = config->log_json || service->options.json;

	orch_log_setup(
		STDERR_FILENO, json ? ORCH_LOG_JSON : ORCH_LOG_LOGFMT, (int)config->log_level);
}

int orch_service_run(const struct orch_service_options *options)
{
	struct orch_service *service = orch_alloc(sizeof(*service));
	int status;

	if (service == NULL)
		return EXIT_FAILURE;
	orch_secret_protect_process();
	service->options = *options;
	service->hold_fd = -1;
	TAILQ_INIT(&service->accounts);
	status = build_plan(service);
	if (status == EXIT_SUCCESS) {
		orch_service_setup_log(service, service->plan->config);
		orch_log_never_wait();
		status = open_keep(service);
	}
	if (status == EXIT_SUCCESS)
		status = make_shared(service);
	if (status == EXIT_SUCCESS)
		status = start(service);
	if (status == EXIT_SUCCESS) {
		orch_lane_run(service->lane);
		orch_log(ORCH_LOG_INFO, "stopped");
	}
	stop(service);
	orch_free(service);
	orch_log_finish(LOG_WAIT_MS);
	return status;
}
