/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box around the workspace: one lane with a listener, the courier, the
 * audit, faults and those who wait.
 */
#ifndef SIM_BOX_H
#define SIM_BOX_H
#include "audit.h"
#include "courier.h"
#include "net/http_server.h"
#include "options.h"
#include "reply.h"

#define SIM_WAITS_MAX 256
#define SIM_WAIT_MS_MAX 600000
#define SIM_WATCHERS_MAX 64
#define SIM_HELD_MAX 4096
#define SIM_ROUTES 7

struct sim_wait;
struct sim_watcher;
struct sim_pending;
TAILQ_HEAD(sim_waits, sim_wait);
TAILQ_HEAD(sim_watchers, sim_watcher);
TAILQ_HEAD(sim_pendings, sim_pending);

struct sim_box {
	const struct sim_options *options;
	struct orch_lane *lane;
	struct sim_world *world;
	struct sim_limits *limits;
	struct sim_audit *audit;
	struct sim_courier *courier;
	struct orch_http_server *server;
	struct orch_http_route routes[SIM_ROUTES];
	struct orch_secret *signing_secret;
	struct sim_faults faults;
	struct sim_waits waits;
	size_t wait_count;
	struct sim_watchers watchers;
	size_t watcher_count;
	struct orch_timer tick; /* merges the news for watchers */
	bool has_tick;
	struct sim_pendings pendings; /* calls that are held or slow */
	size_t held_count;
	const struct sim_letter_options *next_letter; /* for what is being emitted; may be NULL */
};

ORCH_MUST_USE int sim_box_open(const struct sim_options *options, struct orch_lane *lane,
	struct sim_box **ret_box, struct orch_err *err);
void sim_box_close(struct sim_box *box);
/* Something changed: those who wait look again, those who watch are told. */
void sim_box_changed(struct sim_box *box);

/* web.c: the Web API and the downloads. */
void sim_web_api(struct orch_http_exchange *exchange, void *box);
void sim_web_file(struct orch_http_exchange *exchange, void *box);
size_t sim_web_release(struct sim_box *box, bool drop);
void sim_web_end(struct sim_box *box); /* breaks off the held and the slow ones */

/* control.c: everything under /sim/. */
void sim_control(struct orch_http_exchange *exchange, void *box);

/* wait.c: answers EXCHANGE when what ARGS ask for is so, or too late. */
void sim_wait_begin(
	struct sim_box *box, struct orch_http_exchange *exchange, struct json_object *args);
void sim_waits_look(struct sim_box *box);
void sim_waits_end(struct sim_box *box);

/* page.c: the page, and news for it. */
void sim_page(struct orch_http_exchange *exchange, void *box);
void sim_page_watch(struct sim_box *box, struct orch_http_exchange *exchange);
void sim_page_news(struct sim_box *box);
void sim_page_end(struct sim_box *box);

/* state.c */
struct json_object *sim_state_show(const struct sim_box *box, struct json_object *args);

#endif
