/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/station.h"

#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define CHANGE_WAIT_MS 10000 /* for what must have happened before we go on */
#define WAIT_MS 200

struct orch_station {
	enum orch_stage stage;
	struct orch_keep *keep;
	bool is_attached;
	struct orch_lane *lane;
	struct orch_http_client *client;
	struct orch_intake *intake;
	struct orch_scan *scan;
	struct orch_act *act;
	char name[16];
	bool is_running;
};

/*
 * A job that somebody waits for, but not for ever: a lane whose plugin hangs
 * must not take the main thread with it.  It belongs to both and goes with
 * the last of them.
 */
struct call {
	struct orch_job job;
	bool (*run)(struct orch_station *station, void *arg);
	struct orch_station *station;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned refs;
	bool is_done, result;
};

static void unref_call(struct call *call)
{
	bool is_last;

	pthread_mutex_lock(&call->lock);
	is_last = --call->refs == 0;
	pthread_mutex_unlock(&call->lock);
	if (!is_last)
		return;
	(void)pthread_cond_destroy(&call->done);
	(void)pthread_mutex_destroy(&call->lock);
	orch_free(call);
}

static void run_call(struct orch_job *job)
{
	struct call *call = (struct call *)job;
	bool result = call->run(call->station, call->arg);

	pthread_mutex_lock(&call->lock);
	call->is_done = true;
	call->result = result;
	pthread_cond_signal(&call->done);
	pthread_mutex_unlock(&call->lock);
	unref_call(call);
}

static struct call *create_call(struct orch_station *station,
	bool (*run)(struct orch_station *station, void *arg), void *arg)
{
	struct call *call = orch_alloc(sizeof(*call));
	pthread_condattr_t attributes;

	if (call == NULL)
		return NULL;
	call->job.run = run_call;
	call->run = run;
	call->station = station;
	call->arg = arg;
	call->refs = 2;
	(void)pthread_mutex_init(&call->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&call->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return call;
}

static bool await_call(struct call *call, uint64_t within_ms)
{
	uint64_t until_ms = orch_clock_mono_ms() + within_ms;
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000 };
	int error = 0;
	bool result;

	pthread_mutex_lock(&call->lock);
	while (!call->is_done && error == 0)
		error = pthread_cond_timedwait(&call->done, &call->lock, &until);
	result = call->is_done && call->result;
	pthread_mutex_unlock(&call->lock);
	return result;
}

/* Without memory RUN is never called: *ret_posted tells, unless it is NULL.  Else false is "not yet". */
static bool call_and_wait(struct orch_station *station,
	bool (*run)(struct orch_station *station, void *arg), void *arg, uint64_t within_ms,
	bool *ret_posted)
{
	struct call *call = station->is_running ? create_call(station, run, arg) : NULL;
	bool result;

	if (ret_posted != NULL)
		*ret_posted = call != NULL || !station->is_running;
	if (call == NULL)
		return !station->is_running && run(station, arg);
	orch_lane_post(station->lane, &call->job);
	result = await_call(call, within_ms);
	unref_call(call);
	return result;
}

static int create_intake(struct orch_station *station, struct orch_crew *crew,
	const struct orch_station_shared *shared, struct orch_err *err)
{
	struct orch_intake_options options = {
		.lane = station->lane,
		.queue = shared->keep->queue,
		.extra = shared->routes,
		.extra_count = shared->route_count,
		.gate = shared->gate,
		.bodies = shared->bodies,
		.sockets = shared->sockets,
	};

	return orch_intake_create(&options, crew, &station->intake, err);
}

static int create_worker(struct orch_station *station, struct orch_crew *crew,
	const struct orch_station_shared *shared, struct orch_err *err)
{
	const struct orch_config *config = crew->plan->config;
	struct orch_http_client_options client = {
		.ca_file = config->ca_file.len > 0 ? config->ca_file.ptr : NULL,
		.max_connections = shared->outbound,
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
	station->keep = shared->keep;
	rc = orch_lane_create(station->name, &station->lane, err);
	if (rc == ORCH_OK)
		rc = orch_keep_attach(station->keep, station->lane, err);
	station->is_attached = rc == ORCH_OK;
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

static bool start_stage(struct orch_station *station, void *arg)
{
	(void)arg;
	if (station->scan != NULL)
		orch_scan_start(station->scan);
	if (station->act != NULL)
		orch_act_start(station->act);
	return true;
}

int orch_station_start(struct orch_station *station, struct orch_err *err)
{
	int rc = orch_lane_start(station->lane, err);

	if (rc != ORCH_OK)
		return rc;
	station->is_running = true;
	if (!call_and_wait(station, start_stage, NULL, CHANGE_WAIT_MS, NULL))
		return orch_fail(err, ORCH_E_AGAIN, "lane %s does not start", station->name);
	return ORCH_OK;
}

static bool set_crew(struct orch_station *station, void *arg)
{
	struct orch_crew *crew = arg;

	if (station->intake != NULL)
		orch_intake_set_crew(station->intake, crew);
	else if (station->scan != NULL)
		orch_scan_set_crew(station->scan, crew);
	else
		orch_act_set_crew(station->act, crew);
	return true;
}

bool orch_station_set_crew(struct orch_station *station, struct orch_crew *crew)
{
	bool posted, followed;

	followed = call_and_wait(station, set_crew, crew, CHANGE_WAIT_MS, &posted);
	if (!posted)
		orch_crew_unref(crew);
	return followed;
}

static bool note_stray(struct orch_station *station, void *arg)
{
	char *name = arg;

	orch_act_note_stray(station->act, orch_text_from(name));
	orch_free(name);
	return true;
}

void orch_station_note_stray(struct orch_station *station, const char *name)
{
	char *copy = orch_strdup(name);
	bool posted = false;

	if (copy == NULL)
		return;
	(void)call_and_wait(station, note_stray, copy, WAIT_MS, &posted);
	if (!posted)
		orch_free(copy);
}

static void drain(struct orch_station *station, bool serves_on)
{
	if (station->intake != NULL)
		orch_intake_drain(station->intake, serves_on);
	if (station->scan != NULL)
		orch_scan_drain(station->scan);
	if (station->act != NULL)
		orch_act_drain(station->act);
}

static bool drain_at_once(struct orch_station *station, void *arg)
{
	(void)arg;
	drain(station, false);
	return true;
}

static bool drain_and_serve_on(struct orch_station *station, void *arg)
{
	(void)arg;
	drain(station, true);
	return true;
}

void orch_station_drain(struct orch_station *station, bool serves_on)
{
	(void)call_and_wait(
		station, serves_on ? drain_and_serve_on : drain_at_once, NULL, WAIT_MS, NULL);
}

int orch_station_socket(const struct orch_station *station)
{
	return station->intake == NULL ? -1 : orch_intake_socket(station->intake);
}

static bool release(struct orch_station *station, void *arg)
{
	(void)arg;
	if (station->scan != NULL)
		orch_scan_release(station->scan);
	if (station->act != NULL)
		orch_act_release(station->act);
	return true;
}

void orch_station_release(struct orch_station *station)
{
	(void)call_and_wait(station, release, NULL, WAIT_MS, NULL);
}

static bool ask_idle(struct orch_station *station, void *arg)
{
	(void)arg;
	return (station->intake == NULL || orch_intake_is_idle(station->intake)) &&
		(station->scan == NULL || orch_scan_is_idle(station->scan)) &&
		(station->act == NULL || orch_act_is_idle(station->act)) &&
		orch_queue_is_idle(station->keep->queue, station->lane);
}

bool orch_station_is_idle(struct orch_station *station)
{
	return call_and_wait(station, ask_idle, NULL, WAIT_MS, NULL);
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
	if (station->is_attached)
		orch_keep_detach(station->keep, station->lane);
	if (station->client != NULL)
		orch_http_client_destroy(station->client);
	orch_intake_destroy(station->intake);
	orch_scan_destroy(station->scan);
	orch_act_destroy(station->act);
	orch_lane_destroy(station->lane);
	orch_free(station);
}
