/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H
#include "courier.h"

#define SIM_SECRET_BYTES 512

struct sim_secret_source {
	const char *env, *file; /* as told; NULL: not told */
	const char *default_env, *demo;
	char value[SIM_SECRET_BYTES];
	char origin[256]; /* where the value came from, for the greeting */
};

struct sim_options {
	const char *listen, *events_url, *public_url;
	struct sim_secret_source signing, bot, admin;
	uint64_t seed, keep;
	uint64_t retry_ms[SIM_RETRIES];
	bool has_page, use_tiers, is_quiet, allows_remote;
	bool wants_help;
};

/* ORCH_E_INVALID with the reason in ERR. */
ORCH_MUST_USE int sim_options_read(
	int argc, char **argv, struct sim_options *ret_options, struct orch_err *err);
void sim_options_wipe(struct sim_options *options);
/* "0,1,2" or "0,500ms,2s" */
ORCH_MUST_USE int sim_options_read_delays(
	struct orch_text text, uint64_t ret_ms[SIM_RETRIES], struct orch_err *err);
extern const char sim_help[];

#endif
