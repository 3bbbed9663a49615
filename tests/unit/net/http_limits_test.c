/* SPDX-License-Identifier: Apache-2.0 */
/* Slow clients, many clients, and a lack of descriptors. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/text.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\n"
#define SHORT_MS 100
#define NAME "limits-test"

static void start(struct served *served, const struct orch_http_limits *limits)
{
	const struct orch_http_server_options options = { .limits = *limits,
		.metric_listener = NAME };

	served_start(served, &options);
}

static int64_t refused(const char *reason)
{
	return orch_metric_value(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_refused_total",
		"", { "listener", ORCH_TEXT(NAME) }, { "reason", orch_text_from(reason) }));
}

static void expect_answer(int fd, int status, const char *body)
{
	struct reply reply;

	peer_read(fd, &reply);
	assert_int_equal(reply.status, status);
	assert_string_equal(reply.body, body);
	reply_fini(&reply);
}

/* Nothing comes, for long enough that it would have. */
static void expect_silence(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&ready, 1, 3 * SHORT_MS), 0);
}

static void test_a_head_that_does_not_end_is_told_408(void **state)
{
	const struct orch_http_limits limits = { .head_ms = SHORT_MS };
	int64_t before = refused("slow");
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, "GET /hello HTTP/1.1\r\nHo"));
	peer_expect_refusal(fd, 408);
	close(fd);
	served_stop(&served);
	assert_int_equal(refused("slow"), before + 1);
	assert_int_equal(served.handled, 0);
}

/* Never idle, and yet too slow. */
static void test_a_dripping_head_is_told_408(void **state)
{
	const struct orch_http_limits limits = { .head_ms = SHORT_MS };
	struct served served;
	struct pollfd ready = { .events = POLLIN };

	(void)state;
	start(&served, &limits);
	ready.fd = peer_connect(served.port);
	assert_true(peer_say(ready.fd, "GET /hello HTTP/1.1\r\nHost: a\r\nX: "));
	do {
		assert_true(peer_say(ready.fd, "x"));
	} while (poll(&ready, 1, 5) == 0);
	peer_expect_refusal(ready.fd, 408);
	close(ready.fd);
	served_stop(&served);
}

static void test_the_time_for_a_head_is_each_requests_own(void **state)
{
	const struct orch_http_limits limits = { .head_ms = 10 * SHORT_MS };
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	for (int i = 0; i < 3; i++) {
		assert_true(peer_say(fd, "GET /hello HTTP/1.1\r\n"));
		assert_int_equal(poll(NULL, 0, 4 * SHORT_MS), 0);
		assert_true(peer_say(fd, "Host: a\r\n\r\n"));
		expect_answer(fd, 200, "hello");
	}
	close(fd);
	served_stop(&served);
}

static void test_a_body_that_does_not_end_is_told_408(void **state)
{
	static const char *const starts[] = {
		POST("/echo") "Content-Length: 5\r\n\r\nhell",
		POST("/echo") "Transfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n",
	};
	const struct orch_http_limits limits = { .body_ms = SHORT_MS };
	struct served served;

	(void)state;
	start(&served, &limits);
	for (size_t i = 0; i < 2; i++) {
		int fd = peer_connect(served.port);

		assert_true(peer_say(fd, starts[i]));
		peer_expect_refusal(fd, 408);
		close(fd);
	}
	served_stop(&served);
	assert_int_equal(served.handled, 0);
}

static void test_a_body_at_the_least_rate_is_given_its_time(void **state)
{
	const struct orch_http_limits limits = { .body_ms = SHORT_MS, .body_rate = 1 };
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, POST("/small") "Content-Length: 10\r\n\r\n01234567"));
	expect_silence(fd);
	assert_true(peer_say(fd, "89"));
	expect_answer(fd, 200, "0123456789");
	close(fd);
	served_stop(&served);
}

static void test_an_idle_connection_is_closed_without_a_word(void **state)
{
	const struct orch_http_limits limits = { .idle_ms = SHORT_MS };
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	peer_expect_end(fd);
	close(fd);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, GET("/hello")));
	expect_answer(fd, 200, "hello");
	peer_expect_end(fd);
	close(fd);
	served_stop(&served);
}

static void test_a_handler_that_takes_too_long_is_told_for(void **state)
{
	const struct orch_http_limits limits = { .answer_ms = SHORT_MS };
	int64_t before = refused("unanswered");
	struct served served;
	struct reply reply;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, GET("/late")));
	served_wait_for_exchange(&served);
	peer_read(fd, &reply);
	assert_int_equal(reply.status, 503);
	assert_contains(reply.head, "\r\nRetry-After: ");
	reply_fini(&reply);
	peer_expect_end(fd);
	close(fd);
	served_wait_for_connections(&served, 0);
	served_answer(&served); /* comes to nothing */
	served_stop(&served);
	assert_int_equal(refused("unanswered"), before + 1);
}

static void test_who_does_not_read_his_answer_is_let_go(void **state)
{
	const struct orch_http_limits limits = { .answer_ms = SHORT_MS,
		.body_rate = 1024 * 1024 * 1024 };
	int64_t before = refused("unread");
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, GET("/big")));
	while (served.handled == 0)
		poll(NULL, 0, 1);
	served_wait_for_connections(&served, 0);
	close(fd);
	served_stop(&served);
	assert_int_equal(refused("unread"), before + 1);
}

static void test_a_refused_client_that_stays_is_let_go(void **state)
{
	const struct orch_http_limits limits = { 0 };
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, "nonsense\r\n"));
	peer_expect_refusal(fd, 400);
	served_wait_for_connections(&served, 0);
	close(fd);
	served_stop(&served);
}

static void test_at_the_cap_clients_wait_their_turn(void **state)
{
	const struct orch_http_limits limits = { .connections = 3 };
	int64_t before = refused("connections");
	struct served served;
	int fds[4];

	(void)state;
	start(&served, &limits);
	for (size_t i = 0; i < 4; i++) {
		fds[i] = peer_connect(served.port);
		assert_true(peer_say(fds[i], GET("/hello")));
		if (i < 3)
			expect_answer(fds[i], 200, "hello");
	}
	expect_silence(fds[3]);
	served_wait_for_connections(&served, 3);
	assert_true(refused("connections") > before);
	close(fds[0]);
	expect_answer(fds[3], 200, "hello");
	for (size_t i = 1; i < 4; i++)
		close(fds[i]);
	served_stop(&served);
}

static void test_one_address_gets_its_share_only(void **state)
{
	const struct orch_http_limits limits = { .connections_per_address = 2 };
	int64_t before = refused("address");
	struct served served;
	int fds[3];

	(void)state;
	start(&served, &limits);
	for (size_t i = 0; i < 2; i++) {
		fds[i] = peer_connect(served.port);
		assert_true(peer_say(fds[i], GET("/hello")));
		expect_answer(fds[i], 200, "hello");
	}
	fds[2] = peer_connect(served.port);
	peer_expect_end(fds[2]);
	close(fds[2]);
	assert_int_equal(refused("address"), before + 1);
	close(fds[0]);
	served_wait_for_connections(&served, 1);
	fds[0] = peer_connect(served.port);
	assert_true(peer_say(fds[0], GET("/hello")));
	expect_answer(fds[0], 200, "hello");
	close(fds[0]);
	close(fds[1]);
	served_stop(&served);
}

static void test_behind_a_proxy_all_come_from_one_address(void **state)
{
	struct orch_network proxy;
	struct orch_http_server_options options = {
		.proxies = &proxy, .proxy_count = 1, .limits.connections_per_address = 1
	};
	struct orch_err err;
	struct served served;
	int fds[3];

	(void)state;
	assert_int_equal(orch_network_parse(ORCH_TEXT("127.0.0.0/8"), &proxy, &err), ORCH_OK);
	served_start(&served, &options);
	for (size_t i = 0; i < 3; i++) {
		fds[i] = peer_connect(served.port);
		assert_true(peer_say(fds[i], GET("/hello")));
		expect_answer(fds[i], 200, "hello");
	}
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	served_stop(&served);
}

/* No descriptor can be had from now on.  The limit as it was. */
static struct rlimit use_up_descriptors(void)
{
	struct rlimit was, none;
	int next = dup(0);

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return was;
}

static void test_without_descriptors_clients_wait(void **state)
{
	const struct orch_http_limits limits = { 0 };
	int64_t before = refused("descriptors");
	struct served served;
	struct rlimit was;
	int first, fd;

	(void)state;
	start(&served, &limits);
	first = peer_connect(served.port);
	served_wait_for_connections(&served, 1);
	fd = peer_socket();
	was = use_up_descriptors();
	peer_connect_with(fd, served.port);
	assert_true(peer_say(fd, GET("/hello")));
	expect_silence(fd);
	assert_true(refused("descriptors") > before);
	/* Who is in is served as ever. */
	assert_true(peer_say(first, GET("/hello")));
	expect_answer(first, 200, "hello");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	expect_answer(fd, 200, "hello");
	close(fd);
	close(first);
	served_stop(&served);
}

static void test_connections_and_answers_are_counted(void **state)
{
	const struct orch_http_limits limits = { 0 };
	struct orch_metric *open = orch_metric(ORCH_METRIC_GAUGE, "orchestrator_http_connections",
		"", { "listener", ORCH_TEXT(NAME) });
	struct orch_metric *ok =
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_requests_total", "",
			{ "listener", ORCH_TEXT(NAME) }, { "code", ORCH_TEXT("200") });
	struct orch_metric *lost =
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_requests_total", "",
			{ "listener", ORCH_TEXT(NAME) }, { "code", ORCH_TEXT("404") });
	int64_t ok_before = orch_metric_value(ok), lost_before = orch_metric_value(lost),
		route_before = refused("route");
	struct served served;
	int fd;

	(void)state;
	start(&served, &limits);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, GET("/hello")));
	expect_answer(fd, 200, "hello");
	assert_int_equal(orch_metric_value(open), 1);
	assert_true(peer_say(fd, GET("/nothing")));
	peer_expect_refusal(fd, 404);
	close(fd);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
	assert_int_equal(orch_metric_value(open), 0);
	assert_int_equal(orch_metric_value(ok), ok_before + 1);
	assert_int_equal(orch_metric_value(lost), lost_before + 1);
	assert_int_equal(refused("route"), route_before + 1);
}

static void test_the_limits_are_the_documented_ones(void **state)
{
	struct orch_http_limits limits;

	(void)state;
	orch_http_limits_default(&limits);
	assert_int_equal(limits.head_ms, 5000);
	assert_int_equal(limits.body_ms, 10000);
	assert_int_equal(limits.idle_ms, 60000);
	assert_int_equal(limits.answer_ms, 30000);
	assert_int_equal(limits.body_rate, 65536);
	assert_int_equal(limits.connections, 4096);
	assert_int_equal(limits.connections_per_address, 1024);
	assert_int_equal(limits.backlog, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_head_that_does_not_end_is_told_408),
		cmocka_unit_test(test_a_dripping_head_is_told_408),
		cmocka_unit_test(test_the_time_for_a_head_is_each_requests_own),
		cmocka_unit_test(test_a_body_that_does_not_end_is_told_408),
		cmocka_unit_test(test_a_body_at_the_least_rate_is_given_its_time),
		cmocka_unit_test(test_an_idle_connection_is_closed_without_a_word),
		cmocka_unit_test(test_a_handler_that_takes_too_long_is_told_for),
		cmocka_unit_test(test_who_does_not_read_his_answer_is_let_go),
		cmocka_unit_test(test_a_refused_client_that_stays_is_let_go),
		cmocka_unit_test(test_at_the_cap_clients_wait_their_turn),
		cmocka_unit_test(test_one_address_gets_its_share_only),
		cmocka_unit_test(test_behind_a_proxy_all_come_from_one_address),
		cmocka_unit_test(test_without_descriptors_clients_wait),
		cmocka_unit_test(test_connections_and_answers_are_counted),
		cmocka_unit_test(test_the_limits_are_the_documented_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
