/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of "orchestrator-sim aws". */
#ifndef AWS_OPTIONS_H
#define AWS_OPTIONS_H
#include <orch/abi.h>
#include "base/check.h"

#define AWS_OPTION_LIST_MAX 64
#define AWS_SKEW_MS_MAX (40ll * 365 * 24 * 3600 * 1000)

struct aws_option_list {
	const char *at[AWS_OPTION_LIST_MAX];
	size_t count;
};

struct aws_options {
	const char *listen, *public_url, *region;
	const char *access_key, *secret_key, *session_token;
	struct aws_option_list faults, queues, streams;
	uint64_t seed, keep;
	int64_t skew_ms;
	bool has_seed, takes_unsigned, has_no_shard_limits, allows_remote, wants_help;
};

/* ORCH_E_INVALID with the reason in ERR. */
ORCH_MUST_USE int aws_options_read(
	int argc, char **argv, struct aws_options *ret_options, struct orch_err *err);
extern const char aws_help[];

#endif
