/* SPDX-License-Identifier: Apache-2.0 */
/* The outer event of the Events API, and its signature. */
#ifndef SIM_ENVELOPE_H
#define SIM_ENVELOPE_H
#include "world.h"

#define SIM_SIGNATURE_SIZE 68 /* "v0=", 64 digits, NUL */

/*
 * NULL: no memory, or nobody of the app sees CHANNEL and Slack would send
 * nothing (RET_SEEN is false then).  INNER is shared.
 */
struct json_object *sim_envelope_make(const struct sim_world *world, struct sim_channel *channel,
	struct json_object *inner, const char *event_id, bool *ret_seen);

void sim_envelope_sign(struct orch_text secret, struct orch_text timestamp, struct orch_text body,
	char ret[SIM_SIGNATURE_SIZE]);

#endif
