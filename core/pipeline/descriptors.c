/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/descriptors.h"

#include <sys/resource.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "net/http_client.h"
#include "stage/crew.h"
#include "stage/outlet.h"

#define FEWEST 256     /* what POSIX promises is less, what any system gives is more */
#define OF_PROCESS 128 /* standard streams, database, health listener and its connections */
#define OF_LANE 8      /* its loop and its listener */
#define OF_CALL 3      /* looking an address up, or two attempts to connect; a download's file */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t fixed(const struct orch_descriptors_need *need)
{
	return OF_PROCESS + ORCH_OUTLET_FILES_MAX + OF_LANE * (uint64_t)need->lanes;
}

static uint64_t outbound(const struct orch_descriptors_need *need)
{
	return (uint64_t)need->workers * ORCH_HTTP_CLIENT_CONNECTIONS * OF_CALL;
}

uint64_t orch_descriptors_wanted(const struct orch_descriptors_need *need)
{
	return fixed(need) + outbound(need) + need->connections;
}

struct orch_descriptors_share orch_descriptors_divide(
	uint64_t limit, const struct orch_descriptors_need *need)
{
	uint64_t reserved = smaller(fixed(need), limit / 2);
	uint64_t left = limit - reserved;
	uint64_t out = smaller(outbound(need), left / 2);
	uint64_t in = smaller(need->connections, left - out);
	struct orch_descriptors_share share = { .connections = (uint32_t)in };

	/* What the events do not want is the others'. */
	out = smaller(outbound(need), left - in);
	if (need->workers > 0)
		share.outbound = (uint32_t)(out / OF_CALL / need->workers);
	if (share.connections == 0)
		share.connections = 1;
	if (share.outbound == 0)
		share.outbound = 1;
	return share;
}

/* The soft limit in force afterwards; what cannot be asked for is not there. */
static uint64_t raise_to(uint64_t wanted)
{
	struct rlimit limit;
	rlim_t was;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return FEWEST;
	was = limit.rlim_cur;
	if (was >= wanted)
		return was;
	limit.rlim_cur = smaller(wanted, limit.rlim_max);
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : was;
}

static struct orch_descriptors_need need_of(const struct orch_config *config, const bool stages[3])
{
	struct orch_descriptors_need need = { 0 };

	if (stages[ORCH_STAGE_INTAKE]) {
		need.lanes += config->threads_intake;
		need.connections = config->http.connections;
	}
	if (stages[ORCH_STAGE_SCAN])
		need.workers += config->threads_scan;
	if (stages[ORCH_STAGE_ACT])
		need.workers += config->threads_act;
	need.lanes += need.workers;
	return need;
}

static void report(const struct orch_descriptors_need *need,
	const struct orch_descriptors_share *share, uint64_t limit)
{
	uint32_t connections = need->connections == 0 ? 0 : share->connections;
	uint64_t wanted = orch_descriptors_wanted(need);

	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_http_connections_limit",
				"How many connections the listener takes in all.",
				{ "listener", ORCH_TEXT("events") }),
		connections);
	orch_log(ORCH_LOG_INFO, "descriptors", ORCH_LOG_INT("limit", limit),
		ORCH_LOG_INT("connections", connections),
		ORCH_LOG_INT("outbound_each_lane", share->outbound));
	if (limit < wanted)
		orch_log(ORCH_LOG_WARN, "descriptors.short", ORCH_LOG_INT("wanted", wanted),
			ORCH_LOG_INT("http.connections", need->connections),
			ORCH_LOG_STRING("why",
				"the process may not have so many files open; raise its hard limit "
				"(LimitNOFILE=, ulimit -Hn) or set http.connections lower"));
}

struct orch_descriptors_share orch_descriptors_claim(
	const struct orch_config *config, const bool stages[3])
{
	struct orch_descriptors_need need = need_of(config, stages);
	uint64_t limit = raise_to(orch_descriptors_wanted(&need));
	struct orch_descriptors_share share = orch_descriptors_divide(limit, &need);

	report(&need, &share, limit);
	return share;
}
