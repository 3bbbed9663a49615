/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to pipeline/service*.c. */
#ifndef ORCH_SERVICE_INTERNAL_H
#define ORCH_SERVICE_INTERNAL_H
#include "pipeline/health.h"
#include "pipeline/service.h"
#include "pipeline/station.h"

#define ORCH_STATIONS_MAX 192

struct orch_service {
	struct orch_service_options options;
	struct orch_plan *plan;
	struct orch_keep keep;
	struct orch_station_shared shared;
	struct orch_health *health;
	struct orch_lane *lane; /* the main thread's */
	struct orch_account_book accounts;
	struct orch_http_server *health_server;
	struct orch_http_hand *hand; /* for who comes after us */
	struct orch_station *stations[ORCH_STATIONS_MAX];
	size_t station_count;
	char spool_dir[4096];
	struct event *signals[4];
	struct orch_timer tick, drain_timer;
	struct orch_store_watch rules_watch;
	bool is_watching_rules, is_draining, is_released;
	bool are_rules_due;      /* they have changed and could not be had */
	uint64_t drain_until_ms; /* monotonic */
	uint64_t watchdog_ms;    /* half of its time; 0: none */
	uint64_t damaged;        /* rows that have been reported */
	struct orch_queue_survey survey;
	bool is_surveying;
	uint64_t survey_begun_ms, survey_rest_ms;
	uint64_t survey_at_ms;      /* monotonic; when the queues are counted next */
	uint64_t tend_at_ms;        /* monotonic; when the queue is looked over next */
	struct orch_rule_gaps gaps; /* of the rules in force */
	int hold_fd;   /* state_dir/running: held by every process that works here; -1: not yet */
	bool is_alone; /* at the start nobody else worked here */
	char trouble[256]; /* what is wrong, as it was logged; empty: nothing */
	int status;
};

/* service.c */
void orch_service_drain(struct orch_service *service);
void orch_service_setup_log(const struct orch_service *service, const struct orch_config *config);
void orch_service_log_report(const struct orch_buf *report); /* a line for each of its lines */

/* service_reload.c */
void orch_service_reload(struct orch_service *service);
void orch_service_rules_changed(void *service);
void orch_service_note_config(const struct orch_config *config);

/* service_trial.c */
/* Do the plugins of the configuration come through it in a process of its own?  What is wrong is logged. */
ORCH_MUST_USE int orch_service_try_next(const struct orch_service *service);

/* service_gauges.c */
void orch_service_note_gaps(struct orch_service *service, const struct orch_rule_gaps *gaps);
void orch_service_refresh_gauges(struct orch_service *service);
void orch_service_tend_queue(struct orch_service *service);

#endif
