/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/health.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/text.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

struct clinic {
	struct orch_health *health;
	struct orch_lane *lane;
	struct orch_http_server *server;
	uint16_t port;
};

static int open_clinic(void **state)
{
	struct clinic *c = calloc(1, sizeof(*c));
	struct orch_http_server_options options = { .listen = "127.0.0.1:0",
		.metric_listener = "health" };

	struct orch_err err = { "" };

	c->health = orch_health_create();
	orch_http_limits_default(&options.limits);
	options.routes = orch_health_routes(c->health, &options.route_count);
	assert_int_equal(orch_lane_create("health", &c->lane, &err), ORCH_OK);
	assert_int_equal(orch_http_server_create(c->lane, &options, &c->server, &err), ORCH_OK);
	c->port = orch_http_server_port(c->server);
	assert_int_equal(orch_lane_start(c->lane, &err), ORCH_OK);
	*state = c;
	return 0;
}

static int close_clinic(void **state)
{
	struct clinic *c = *state;

	orch_lane_stop(c->lane);
	orch_http_server_destroy(c->server);
	orch_lane_destroy(c->lane);
	orch_health_destroy(c->health);
	free(c);
	return 0;
}

static void get(struct clinic *c, const char *path, struct reply *ret_reply)
{
	char request[256];
	int fd = peer_connect(c->port);

	(void)snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	assert_true(peer_say(fd, request));
	peer_read(fd, ret_reply);
	(void)close(fd);
}

static void assert_answer(struct clinic *c, const char *path, int status, const char *body)
{
	struct reply reply = { .status = 0 };

	get(c, path, &reply);
	assert_int_equal(reply.status, status);
	assert_int_equal(reply.body_len, strlen(body));
	assert_memory_equal(reply.body, body, reply.body_len);
	reply_fini(&reply);
}

static void test_it_is_alive_and_not_yet_ready(void **state)
{
	assert_answer(*state, "/livez", 200, "live\n");
	assert_answer(*state, "/readyz", 503, "starting\n");
}

static void test_it_is_ready_as_long_as_nothing_is_said_against_it(void **state)
{
	struct clinic *c = *state;

	orch_health_set(c->health, NULL);
	assert_answer(c, "/readyz", 200, "ready\n");
	orch_health_set(c->health, "the disk is nearly full");
	assert_answer(c, "/readyz", 503, "the disk is nearly full\n");
	assert_answer(c, "/livez", 200, "live\n");
	orch_health_set(c->health, NULL);
	assert_answer(c, "/readyz", 200, "ready\n");
}

static void test_a_flaw_is_told_by_one_that_is_ready(void **state)
{
	struct clinic *c = *state;

	orch_health_set(c->health, NULL);
	orch_health_set_flaw(c->health, "rules are left out");
	assert_answer(c, "/readyz", 200, "ready; but rules are left out\n");
	orch_health_set(c->health, "draining");
	assert_answer(c, "/readyz", 503, "draining; and rules are left out\n");
	orch_health_set(c->health, NULL);
	orch_health_set_flaw(c->health, NULL);
	assert_answer(c, "/readyz", 200, "ready\n");
}

static bool is_fit(void *arg, struct orch_err *err)
{
	atomic_int *state = arg;

	return atomic_load(state) == 1 ||
		orch_fail(err, ORCH_E_LIMIT, "the disk is nearly full") == ORCH_OK;
}

static bool is_fit_but(void *arg, struct orch_err *err)
{
	(void)arg;
	(void)orch_fail(err, ORCH_E_AGAIN, "SQS does not answer");
	return true;
}

static void test_what_is_amiss_is_told_by_one_that_is_fit(void **state)
{
	struct clinic *c = *state;

	orch_health_ask(c->health, is_fit_but, NULL);
	orch_health_set(c->health, NULL);
	assert_answer(c, "/readyz", 200, "ready; but SQS does not answer\n");
	orch_health_set_flaw(c->health, "rules are left out");
	assert_answer(
		c, "/readyz", 200, "ready; but SQS does not answer; and rules are left out\n");
}

static void test_how_things_stand_is_asked_at_that_moment(void **state)
{
	struct clinic *c = *state;
	atomic_int fit = 1;

	orch_health_ask(c->health, is_fit, &fit);
	assert_answer(c, "/readyz", 503, "starting\n");
	orch_health_set(c->health, NULL);
	assert_answer(c, "/readyz", 200, "ready\n");
	atomic_store(&fit, 0);
	assert_answer(c, "/readyz", 503, "the disk is nearly full\n");
	atomic_store(&fit, 1);
	assert_answer(c, "/readyz", 200, "ready\n");
}

static void test_a_long_reason_is_cut(void **state)
{
	struct clinic *c = *state;
	struct reply reply = { .status = 0 };
	char why[1000];

	memset(why, 'y', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	orch_health_set(c->health, why);
	get(c, "/readyz", &reply);
	assert_int_equal(reply.status, 503);
	assert_int_equal(reply.body_len, 256);
	reply_fini(&reply);
}

static void test_metrics_are_shown(void **state)
{
	struct reply reply = { .status = 0 };
	char *body;

	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_test_total", "For a test.",
				{ "what", ORCH_TEXT("it") }),
		3);
	get(*state, "/metrics", &reply);
	assert_int_equal(reply.status, 200);
	assert_contains(reply.head, "text/plain; version=0.0.4");
	body = strndup(reply.body, reply.body_len);
	assert_contains(body, "orchestrator_test_total{what=\"it\"} 3\n");
	free(body);
	reply_fini(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_clinic, close_clinic)
		TEST(test_it_is_alive_and_not_yet_ready),
		TEST(test_it_is_ready_as_long_as_nothing_is_said_against_it),
		TEST(test_a_flaw_is_told_by_one_that_is_ready),
		TEST(test_how_things_stand_is_asked_at_that_moment),
		TEST(test_what_is_amiss_is_told_by_one_that_is_fit),
		TEST(test_a_long_reason_is_cut),
		TEST(test_metrics_are_shown),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
