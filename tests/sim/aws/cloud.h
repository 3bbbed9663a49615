/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud in the box: queues and streams, who may use them, what goes wrong,
 * and one lane with a listener.  One thread; all state is in memory.
 */
#ifndef AWS_CLOUD_H
#define AWS_CLOUD_H
#include <sys/queue.h>
#include "sim/aws/account.h"
#include "sim/aws/actions.h"
#include "sim/aws/fault.h"
#include "sim/aws/keys.h"
#include "sim/aws/ledger.h"
#include "sim/aws/options.h"
#include "net/http_server.h"
#include "net/lane.h"

#define AWS_FLYING_MAX 120000 /* of a standard queue, then OverLimit */
#define AWS_DELETED_MS 60000  /* in which a deleted queue's name is not free */
#define AWS_RECORD_BYTES 1048576
#define AWS_PUT_BYTES 10485760 /* of one PutRecords */
#define AWS_QUEUES_MAX 10000
#define AWS_STREAMS_MAX 1000
#define AWS_ROUTES_MAX 16
#define AWS_URL_SIZE 256

struct aws_call;
struct aws_wait;
struct aws_move;
TAILQ_HEAD(aws_calls, aws_call);
TAILQ_HEAD(aws_waits, aws_wait);
TAILQ_HEAD(aws_moves, aws_move);

struct aws_settings { /* that control can change */
	uint64_t flying_max, deleted_ms, put_bytes;
	int64_t skew_ms;
	bool takes_unsigned, has_shard_limits;
	bool gives_no_credentials; /* where a machine asks for them; see provider.c */
};

/* How often an action ended in a way: "ok", a code, or "fault: " and a kind. */
struct aws_count {
	uint64_t calls, good; /* arrived; answered 200 */
	struct orch_map *results;
};

struct aws_cloud {
	const struct aws_options *options;
	struct aws_settings settings;
	struct orch_lane *lane;
	struct orch_http_server *server;
	struct orch_http_route routes[AWS_ROUTES_MAX];
	char url[AWS_URL_SIZE]; /* "http://127.0.0.1:4566" */
	char listen[128];       /* with the port that it got, to come back there */

	struct aws_keys keys;
	struct aws_digest *digest;
	struct aws_dice dice;
	struct aws_faults faults;
	struct aws_ledger *ledger;
	struct aws_count counts[AWS_ACTIONS_MAX];
	struct aws_count others; /* of requests that name no action */

	struct orch_map *queues; /* by name */
	struct orch_map
		*deleted; /* names that are not free yet; uint64_t each, of the cloud's clock */
	struct aws_moves moves;
	struct orch_map *streams;    /* by name */
	struct aws_rows all_streams; /* those that were deleted, too: the ledger names them */

	uint64_t advanced_ms; /* of the clock, on command */
	uint64_t request_count;
	struct aws_calls held; /* stalled, or slow */
	size_t held_count;
	struct aws_waits waits;
	size_t wait_count;
	struct orch_timer down; /* while nobody listens */
	uint64_t down_ms;
	bool has_down;
};

ORCH_MUST_USE int aws_cloud_open(const struct aws_options *options, struct orch_lane *lane,
	struct aws_cloud **ret_cloud, struct orch_err *err);
void aws_cloud_close(struct aws_cloud *cloud);
/* Everything as at the start, but the clock. */
ORCH_MUST_USE int aws_cloud_reset(struct aws_cloud *cloud, struct orch_err *err);
/* Something took effect: those who wait look again. */
void aws_cloud_changed(struct aws_cloud *cloud);
/* Milliseconds that never go back; leases, delays and retention count by them. */
uint64_t aws_cloud_now(const struct aws_cloud *cloud);
/* UTC with the skew, as the Date header has it. */
uint64_t aws_cloud_wall(const struct aws_cloud *cloud);
void aws_cloud_set_skew(struct aws_cloud *cloud, int64_t skew_ms);
/* Leases run out, delays end, as if so much time had passed; long polls and stalls take no notice. */
void aws_cloud_advance(struct aws_cloud *cloud, uint64_t ms);
/* Nobody listens for so long; all connections break. */
ORCH_MUST_USE int aws_cloud_go_down(struct aws_cloud *cloud, uint64_t ms);
const char *aws_cloud_region(const struct aws_cloud *cloud);

/* web.c */
void aws_web(struct orch_http_exchange *exchange, void *cloud);
size_t aws_web_release(struct aws_cloud *cloud, bool drop);

/* control.c */
void aws_control(struct orch_http_exchange *exchange, void *cloud);

/* provider.c: credentials as a container and a virtual machine are given them. */
void aws_provider(struct orch_http_exchange *exchange, void *cloud);

/* wait.c: answers EXCHANGE when what ARGS ask for is so, or too late. */
void aws_wait_begin(
	struct aws_cloud *cloud, struct orch_http_exchange *exchange, struct json_object *args);
void aws_waits_look(struct aws_cloud *cloud);
void aws_waits_end(struct aws_cloud *cloud);

#endif
