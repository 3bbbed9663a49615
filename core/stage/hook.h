/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a hook to its end: enters it, sends what it wants sent, enters it again
 * with the reply, until it has done or given up.  Nothing waits: the lane goes
 * on with other work between a request and its reply.
 */
#ifndef ORCH_HOOK_H
#define ORCH_HOOK_H
#include <orch/event.h>
#include "base/file.h"
#include "base/metric.h"
#include "config/config.h"
#include "net/http_client.h"
#include "plugin/host.h"
#include "stage/account.h"
#include "stage/answer.h"
#include "stage/outlet.h"
#include "stage/pauses.h"

/* What the hooks of one lane share. */
struct orch_bench {
	struct orch_lane *lane;
	struct orch_http_client *client;
	struct orch_pauses *pauses;
	struct orch_outlets *outlets;
	const char *spool_dir;
};

struct orch_run {
	/* set by the owner */
	struct orch_bench *bench;
	const struct orch_egress *egress;
	const struct orch_config_instance *instance;
	const struct orch_plugin *plugin;
	const void *settings; /* of the instance: they name the files that it may write to */
	struct orch_callers *callers;  /* of the crew; NULL: it calls nobody at Amazon's */
	struct orch_plugin_host *host; /* of this lane */
	struct orch_plugin_about about;
	const char *name;             /* of the hook: "scan", "act" */
	struct orch_metric *duration; /* of one call of the hook */
	uint32_t requests_max;
	uint64_t hook_ms;
	uint64_t
		wait_max_ms; /* how long pauses may be sat out here; longer ends the run with AGAIN */
	uint64_t part_bytes; /* the most that a part, or any answer, may have */
	const bool *is_lost; /* optional: the lease is another's, nothing more is sent */
	struct orch_progress progress;
	int (*enter)(struct orch_run *run, const struct orch_reply *reply,
		struct orch_request *request, struct orch_err *err);
	/* Optional: makes the progress durable, then calls orch_run_go_on(). */
	void (*checkpoint)(struct orch_run *run);
	/* Optional: a part has arrived; takes BLOB. */
	void (*part)(struct orch_run *run, struct orch_text name, struct orch_blob *blob,
		bool truncated);
	/* The end.  PAUSE_MS > 0: not a failure, a limit key is paused. */
	void (*done)(struct orch_run *run, int code);
	void *user;

	/* results */
	struct orch_err err;
	uint64_t pause_ms;
	int last_status;
	char last_answer[ORCH_ANSWER_BYTES]; /* of a hook that failed on it */
	bool is_unanswered; /* a request of this step may have gone out, and nothing came back */

	/* the run's own */
	uint32_t requests;
	uint64_t waited_ms;  /* in pauses */
	bool was_unanswered; /* before the request under way */
	uint32_t kept_step;
	char kept_memo[256];
	struct orch_arena *arena; /* of the request that waits */
	struct orch_request request;
	struct orch_blob *blob;
	struct orch_http_flight *flight;
	struct orch_aws_call *call; /* under way, in ARENA */
	struct orch_timer timer;
	bool has_timer;
};

/* The owner has filled in its part; the rest is zero.  DONE may run before this returns. */
void orch_run_start(struct orch_run *run);
void orch_run_go_on(struct orch_run *run, int code);
/* DONE does not run any more. */
void orch_run_cancel(struct orch_run *run);
/* Frees what the run holds; after DONE or cancel. */
void orch_run_fini(struct orch_run *run);

#endif
