/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/station.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/err.h"

struct orch_station {
	enum orch_stage stage;
	struct orch_lane *lane;
	struct orch_http_client *client;
	struct orch_intake *intake;
	struct orch_scan *scan;
	struct orch_act *act;
	char name[16];
	bool is_running;
};

/* A job that somebody waits for. */
struct call {
	struct orch_job job;
	void (*run)(struct orch_station *station, void *arg);
	struct orch_station *station;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void run_call(struct orch_job *job)
{
	struct call *call = (struct call *)job;

	call->run(call->station, call->arg);
	pthread_mutex_lock(&call->lock);
	call->is_done = true;
	pthread_cond_signal(&call->done);
	pthread_mutex_unlock(&call->lock);
}

static void call_and_wait(struct orch_station *station,
	void (*run)(struct orch_station *station, void *arg), void *arg)
{
	struct call call = {
		.job = { .run = run_call }, .run = run, .station = station, .arg = arg
	};

	if (!station->is_running) {
		run(station, arg);
		return;
	}
	(void)pthread_mutex_init(&call.lock, NULL);
	(void)pthread_cond_init(&call.done, NULL);
	orch_lane_post(station->lane, &call.job);
	pthread_mutex_lock(&call.lock);
	while (!call.is_done)
		(void)pthread_cond_wait(&call.done, &call.lock);
	pthread_mutex_unlock(&call.lock);
	(void)pthread_cond_destroy(&call.done);
	(void)pthread_mutex_destroy(&call.lock);
}

static int create_intake(struct orch_station *station, struct orch_crew *crew,
	const struct orch_station_shared *shared, struct orch_err *err)
{
	struct orch_intake_options options = {
		.lane = station->lane,
		.queue = shared->keep->queue,
		.extra = shared->routes,
		.extra_count = shared->route_count,
	};

	return orch_intake_create(&options, crew, &station->intake, err);
}

static int create_worker(struct orch_station *station, struct orch_crew *crew,
	const struct orch_station_shared *shared, struct orch_err *err)
{
	const struct orch_config *config = crew->plan->config;
	struct orch_http_client_options client = {
		.ca_file = config->ca_file.len > 0 ? config->ca_file.ptr : NULL,
	};
	struct orch_bench bench;
	int rc = orch_http_client_create(station->lane, &client, &station->client, err);

	if (rc != ORCH_OK) {
		orch_crew_unref(crew);
		return rc;
	}
	bench = (struct orch_bench){
		.lane = station->lane,
		.client = station->client,
		.pauses = shared->pauses,
		.outlets = shared->outlets,
		.spool_dir = shared->spool_dir,
	};
	if (station->stage == ORCH_STAGE_SCAN) {
		struct orch_scan_options options = { bench, shared->keep->queue,
			shared->keep->store };

		return orch_scan_create(&options, crew, &station->scan, err);
	}
	return orch_act_create(
		&(struct orch_act_options){ bench, shared->keep->queue, shared->keep->store }, crew,
		&station->act, err);
}

int orch_station_create(enum orch_stage stage, unsigned number, struct orch_plan *plan,
	const struct orch_station_shared *shared, struct orch_station **ret_station,
	struct orch_err *err)
{
	struct orch_station *station = orch_alloc(sizeof(*station));
	struct orch_crew *crew;
	int rc;

	if (station == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a lane");
	station->stage = stage;
	(void)snprintf(
		station->name, sizeof(station->name), "%s-%u", orch_stage_name(stage), number);
	rc = orch_lane_create(station->name, &station->lane, err);
	if (rc == ORCH_OK)
		rc = orch_crew_create(plan, stage, &crew, err);
	if (rc == ORCH_OK)
		rc = stage == ORCH_STAGE_INTAKE ? create_intake(station, crew, shared, err)
						: create_worker(station, crew, shared, err);
	if (rc != ORCH_OK) {
		orch_station_destroy(station);
		return rc;
	}
	*ret_station = station;
	return ORCH_OK;
}

static void start_stage(struct orch_station *station, void *arg)
{
	(void)arg;
	if (station->scan != NULL)
		orch_scan_start(station->scan);
	if (station->act != NULL)
		orch_act_start(station->act);
}

int orch_station_start(struct orch_station *station, struct orch_err *err)
{
	int rc = orch_lane_start(station->lane, err);

	if (rc != ORCH_OK)
		return rc;
	station->is_running = true;
	call_and_wait(station, start_stage, NULL);
	return ORCH_OK;
}

static void set_crew(struct orch_station *station, void *arg)
{
	struct orch_crew *crew = arg;

	if (station->intake != NULL)
		orch_intake_set_crew(station->intake, crew);
	else if (station->scan != NULL)
		orch_scan_set_crew(station->scan, crew);
	else
		orch_act_set_crew(station->act, crew);
}

void orch_station_set_crew(struct orch_station *station, struct orch_crew *crew)
{
	call_and_wait(station, set_crew, crew);
}

static void drain(struct orch_station *station, void *arg)
{
	(void)arg;
	if (station->intake != NULL)
		orch_intake_drain(station->intake);
	if (station->scan != NULL)
		orch_scan_drain(station->scan);
	if (station->act != NULL)
		orch_act_drain(station->act);
}

void orch_station_drain(struct orch_station *station)
{
	call_and_wait(station, drain, NULL);
}

static void release(struct orch_station *station, void *arg)
{
	(void)arg;
	if (station->scan != NULL)
		orch_scan_release(station->scan);
	if (station->act != NULL)
		orch_act_release(station->act);
}

void orch_station_release(struct orch_station *station)
{
	call_and_wait(station, release, NULL);
}

static void ask_idle(struct orch_station *station, void *arg)
{
	bool *is_idle = arg;

	*is_idle = (station->intake == NULL || orch_intake_is_idle(station->intake)) &&
		(station->scan == NULL || orch_scan_is_idle(station->scan)) &&
		(station->act == NULL || orch_act_is_idle(station->act));
}

bool orch_station_is_idle(struct orch_station *station)
{
	bool is_idle = false;

	call_and_wait(station, ask_idle, &is_idle);
	return is_idle;
}

enum orch_stage orch_station_stage(const struct orch_station *station)
{
	return station->stage;
}

uint64_t orch_station_idle_ms(const struct orch_station *station)
{
	return orch_lane_idle_ms(station->lane);
}

void orch_station_destroy(struct orch_station *station)
{
	if (station == NULL)
		return;
	if (station->is_running)
		orch_lane_stop(station->lane);
	station->is_running = false;
	if (station->client != NULL)
		orch_http_client_destroy(station->client);
	orch_intake_destroy(station->intake);
	orch_scan_destroy(station->scan);
	orch_act_destroy(station->act);
	orch_lane_destroy(station->lane);
	orch_free(station);
}
