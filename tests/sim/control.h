/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers under /sim/ share. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H
#include "box.h"

struct sim_control {
	struct sim_box *box;
	struct orch_http_exchange *exchange;
	struct json_object *args; /* of the query and the body */
	struct json_object *reply;
	struct orch_err err; /* why, when the status is not 200 */
	bool is_taken;       /* the handler answers by itself, later */
};

/* The status to answer with. */
typedef int sim_control_handler(struct sim_control *control);

struct sim_command {
	const char *method, *name;
	sim_control_handler *handle;
};

extern const struct sim_command sim_post_commands[], sim_event_commands[];

/* Notes why, and gives STATUS. */
ORCH_PRINTF(3, 4)
int sim_refuse(struct sim_control *control, int status, const char *fmt, ...);
/* NULL when not there, and ERR says so. */
struct sim_channel *sim_control_channel(struct sim_control *control);
struct sim_user *sim_control_user(struct sim_control *control, const char *fallback);
/* The members event_id, times, signature, timestamp, timestamp_offset, retry_num, retry_reason, retry. */
void sim_control_letter(struct sim_control *control, struct sim_letter_options *ret);

#endif
