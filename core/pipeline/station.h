/* SPDX-License-Identifier: Apache-2.0 */
/* A station: a lane with the stage that works on it and all that this stage needs. */
#ifndef ORCH_STATION_H
#define ORCH_STATION_H
#include "pipeline/keep.h"
#include "stage/act.h"
#include "stage/intake.h"
#include "stage/scan.h"

/* What all stations of the program share. */
struct orch_station_shared {
	struct orch_keep *keep;
	struct orch_pauses *pauses;
	struct orch_outlets *outlets;
	const char *spool_dir;
	const struct orch_http_route *routes; /* probes and metrics, for intake's listener */
	size_t route_count;
	struct orch_http_gate *gate; /* of all intake lanes */
	struct orch_http_bodies *bodies;
	struct orch_http_sockets *sockets; /* of who served before us; may be NULL */
	uint32_t outbound;                 /* connections of one scan or act lane */
};

struct orch_station;

/* Makes lane, client and stage; nothing runs yet. */
ORCH_MUST_USE int orch_station_create(enum orch_stage stage, unsigned number,
	struct orch_plan *plan, const struct orch_station_shared *shared,
	struct orch_station **ret_station, struct orch_err *err);
ORCH_MUST_USE int orch_station_start(struct orch_station *station, struct orch_err *err);

/*
 * These have the lane do it and wait until it has, or for a while: a lane that
 * hangs does it when it comes back.
 */
/* Takes CREW.  False: the lane still works with the old one. */
bool orch_station_set_crew(struct orch_station *station, struct orch_crew *crew);
/* Of a station of act: tasks wait for NAME, which the configuration does not have. */
void orch_station_note_stray(struct orch_station *station, const char *name);
void orch_station_drain(struct orch_station *station, bool serves_on); /* see net/http_server.h */
void orch_station_release(struct orch_station *station);
bool orch_station_is_idle(struct orch_station *station);

/* What a station of intake listens on, lent; -1: another's. */
int orch_station_socket(const struct orch_station *station);
enum orch_stage orch_station_stage(const struct orch_station *station);
uint64_t orch_station_idle_ms(const struct orch_station *station); /* since the lane's last turn */
/* Ends the lane's thread, then everything on it. */
void orch_station_destroy(struct orch_station *station); /* accepts NULL */

#endif
