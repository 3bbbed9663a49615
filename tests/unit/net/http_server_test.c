/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are answered, and connections that come and go. */
#include "net/http_server.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\n"

static int setup(void **state)
{
	struct served *served = calloc(1, sizeof(*served));

	assert_non_null(served);
	served_start(served, NULL);
	*state = served;
	return 0;
}

static int teardown(void **state)
{
	served_stop(*state);
	free(*state);
	return 0;
}

static void expect_answer(int fd, int status, const char *body)
{
	struct reply reply;

	peer_read(fd, &reply);
	assert_int_equal(reply.status, status);
	assert_string_equal(reply.body, body);
	reply_fini(&reply);
}

static void test_a_get_is_answered_with_all_that_an_answer_needs(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	for (int i = 0; i < 3; i++) {
		assert_true(peer_say(fd, GET("/hello?x=y")));
		peer_read(fd, &reply);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, "hello");
		assert_contains(reply.head, "HTTP/1.1 200 OK\r\n");
		assert_contains(reply.head, "\r\nContent-Length: 5\r\n");
		assert_contains(reply.head, "\r\nContent-Type: text/plain\r\n");
		assert_contains(reply.head, "\r\nX-Content-Type-Options: nosniff\r\n");
		assert_contains(reply.head, "\r\nDate: ");
		assert_contains(reply.head, " GMT\r\n");
		assert_lacks(reply.head, "\r\nConnection:");
		reply_fini(&reply);
	}
	close(fd);
}

static void test_head_is_answered_without_a_body(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello")));
	peer_read_head(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_contains(reply.head, "\r\nContent-Length: 5\r\n");
	expect_answer(fd, 200, "hello");
	close(fd);
}

static void test_a_refused_head_request_gets_no_body(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n"));
	peer_read_head(fd, &reply);
	assert_int_equal(reply.status, 404);
	peer_expect_end(fd);
	close(fd);
}

static void test_a_body_is_handed_over_whole(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, POST("/echo") "Content-Length: 5\r\n\r\nhello"));
	peer_read(fd, &reply);
	assert_string_equal(reply.body, "hello");
	assert_contains(reply.head, "\r\nX-Echo: yes\r\n");
	reply_fini(&reply);
	assert_true(peer_say(fd,
		POST("/echo") "Transfer-Encoding: chunked\r\n\r\n"
			      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"));
	expect_answer(fd, 200, "hello");
	assert_true(peer_say(fd, POST("/echo") "\r\n"));
	expect_answer(fd, 200, "");
	close(fd);
}

static void test_a_request_may_come_byte_by_byte(void **state)
{
	const char request[] = POST("/echo") "Transfer-Encoding: chunked\r\n\r\n"
					     "3;x\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n";
	struct served *served = *state;
	int fd = peer_connect(served->port);

	for (size_t i = 0; i < sizeof(request) - 1; i++)
		assert_true(peer_send(fd, request + i, 1));
	expect_answer(fd, 200, "hello");
	close(fd);
}

static void test_the_body_limit_is_the_routes(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, POST("/small") "Content-Length: 10\r\n\r\n0123456789"));
	expect_answer(fd, 200, "0123456789");
	assert_true(peer_say(fd, POST("/small") "Content-Length: 11\r\n\r\n0123456789a"));
	peer_expect_refusal(fd, 413);
	close(fd);
	fd = peer_connect(served->port);
	assert_true(peer_say(fd,
		POST("/small") "Transfer-Encoding: chunked\r\n\r\n"
			       "5\r\n01234\r\n5\r\n56789\r\n1\r\n"));
	peer_expect_refusal(fd, 413);
	close(fd);
	assert_int_equal(served->handled, 1);
}

static void test_a_wrong_method_is_told_the_right_ones(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, POST("/hello") "\r\n"));
	peer_read(fd, &reply);
	assert_int_equal(reply.status, 405);
	assert_contains(reply.head, "\r\nAllow: GET, HEAD\r\n");
	reply_fini(&reply);
	peer_expect_end(fd);
	close(fd);
}

static void test_a_star_at_the_end_matches_a_prefix(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/later/on")));
	served_wait_for_exchange(served);
	served_answer(served);
	expect_answer(fd, 200, "late");
	close(fd);
}

static void test_a_continue_is_sent_when_the_head_is_accepted(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(
		peer_say(fd, POST("/small") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	peer_read_head(fd, &reply);
	assert_int_equal(reply.status, 100);
	assert_string_equal(reply.head, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_true(peer_say(fd, "ok"));
	expect_answer(fd, 200, "ok");
	/* The final refusal comes at once instead. */
	assert_true(
		peer_say(fd, POST("/small") "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n"));
	peer_expect_refusal(fd, 413);
	close(fd);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	char request[128], body[16];

	for (int i = 0; i < 500; i++) {
		(void)snprintf(
			request, sizeof(request), POST("/echo") "Content-Length: 3\r\n\r\n%03d", i);
		assert_true(peer_say(fd, request));
	}
	for (int i = 0; i < 500; i++) {
		(void)snprintf(body, sizeof(body), "%03d", i);
		expect_answer(fd, 200, body);
	}
	close(fd);
}

static void test_one_request_is_in_flight(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/late") GET("/late") GET("/hello")));
	served_wait_for_exchange(served);
	assert_int_equal(served->handled, 1);
	served_answer(served);
	expect_answer(fd, 200, "late");
	served_wait_for_exchange(served);
	assert_int_equal(served->handled, 2);
	served_answer(served);
	expect_answer(fd, 200, "late");
	expect_answer(fd, 200, "hello");
	close(fd);
}

static void test_a_half_closed_client_gets_his_answers(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/late") GET("/hello")));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	served_wait_for_exchange(served);
	served_answer(served);
	expect_answer(fd, 200, "late");
	expect_answer(fd, 200, "hello");
	peer_expect_end(fd);
	close(fd);
}

static void test_a_request_that_ends_early_is_refused(void **state)
{
	static const char *const starts[] = { "G", "GET /hello HTTP/1.1\r\n",
		POST("/echo") "Content-Length: 5\r\n\r\nhell",
		POST("/echo") "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" };
	struct served *served = *state;

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		int fd = peer_connect(served->port);

		assert_true(peer_say(fd, starts[i]));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		peer_expect_refusal(fd, 400);
		close(fd);
	}
	assert_int_equal(served->handled, 0);
}

static void test_who_says_nothing_gets_nothing(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	peer_expect_end(fd);
	close(fd);
	served_wait_for_connections(served, 0);
}

static void test_the_connection_ends_when_the_client_asks_for_it(void **state)
{
	static const char *const requests[] = {
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"GET /hello HTTP/1.0\r\nHost: a\r\n\r\n",
		"GET /hello HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
	};
	struct served *served = *state;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = peer_connect(served->port);

		assert_true(peer_say(fd, requests[i]));
		peer_expect_refusal(fd, 200); /* an answer that announces the end, and the end */
		close(fd);
	}
}

static void test_a_client_that_goes_leaves_the_exchange_valid(void **state)
{
	struct served *served = *state;
	struct linger reset = { .l_onoff = 1 };
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/late?who=me")));
	served_wait_for_exchange(served);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(fd);
	served_wait_for_connections(served, 0);
	assert_text(orch_http_exchange_head(served->waiting)->query, "who=me");
	served_answer(served);
}

static void test_an_exchange_outlives_the_server(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/late?who=me")));
	served_wait_for_exchange(served);
	orch_lane_stop(served->lane);
	orch_http_server_destroy(served->server);
	served->server = NULL;
	peer_expect_end(fd);
	assert_text(orch_http_exchange_head(served->waiting)->query, "who=me");
	assert_text(orch_http_exchange_peer(served->waiting), "127.0.0.1");
	orch_http_answer(served->waiting, 200, NULL, NULL, ORCH_TEXT("late"));
	served->waiting = NULL;
	close(fd);
}

static void destroy_server(struct served *served)
{
	orch_http_server_destroy(served->server);
	served->server = NULL;
}

static void test_a_server_may_go_while_its_lane_stays(void **state)
{
	struct served *served = *state;
	int idle = peer_connect(served->port), pending = peer_connect(served->port);

	assert_true(peer_say(pending, GET("/late")));
	served_wait_for_exchange(served);
	served_do(served, destroy_server);
	peer_expect_end(idle);
	peer_expect_end(pending);
	served_answer(served);
	close(idle);
	close(pending);
}

/* A greedy client: asks and asks, and reads nothing. */
static void test_unread_answers_stop_the_reading(void **state)
{
	static const char request[] = GET("/big");
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	size_t sent = 0;

	while (sent < 64 * 1024 * 1024 && poll(&ready, 1, 300) == 1) {
		ssize_t len = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += len > 0 ? (size_t)len : 0;
	}
	assert_true(sent < 64 * 1024 * 1024);
	assert_int_equal(served->handled, 1);
	close(fd);
	served_wait_for_connections(served, 0);
}

static void test_a_large_answer_arrives_whole(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, GET("/big") GET("/hello")));
	peer_read(fd, &reply);
	assert_int_equal(reply.body_len, PEER_BIG_BYTES);
	assert_memory_equal(reply.body, served->big, PEER_BIG_BYTES);
	reply_fini(&reply);
	expect_answer(fd, 200, "hello");
	close(fd);
}

/* Closing on unread bytes would reset the connection and take the answer with it. */
static void test_a_refusal_arrives_though_the_client_sends_on(void **state)
{
	struct served *served = *state;
	size_t len = 512 * 1024;
	char *body = calloc(1, len);
	int fd = peer_connect(served->port);

	assert_non_null(body);
	assert_true(peer_say(fd, POST("/small") "Content-Length: 524288\r\n\r\n"));
	(void)peer_send(fd, body, len);
	peer_expect_refusal(fd, 413);
	free(body);
	close(fd);
}

static void drain_server(struct served *served)
{
	orch_http_server_drain(served->server, false);
}

static void test_draining_closes_idle_connections_and_answers_the_others(void **state)
{
	struct served *served = *state;
	int idle = peer_connect(served->port), pending = peer_connect(served->port),
	    half = peer_connect(served->port);

	assert_true(peer_say(idle, GET("/hello")));
	expect_answer(idle, 200, "hello");
	assert_true(peer_say(half, POST("/echo") "Content-Length: 2\r\n\r\no"));
	assert_true(peer_say(pending, GET("/late")));
	served_wait_for_exchange(served);
	served_wait_for_connections(served, 3);
	served_do(served, drain_server);
	peer_expect_end(idle);
	served_answer(served);
	peer_expect_refusal(pending, 200); /* with the end announced */
	assert_true(peer_say(half, "k"));
	peer_expect_refusal(half, 200);
	close(idle);
	close(pending);
	close(half);
	served_wait_for_connections(served, 0);
}

static void handle_other(struct orch_http_exchange *exchange, void *arg)
{
	orch_http_answer(exchange, 299, NULL, "X-Other: 1\r\n", orch_text_from(arg));
}

static char other_body[] = "other";
static const struct orch_http_route other_routes[] = {
	{ .method = "GET", .path = "/other", .handle = handle_other, .arg = other_body },
};

static void change_routes(struct served *served)
{
	orch_http_server_set_routes(served->server, other_routes, 1);
}

static void test_routes_can_change_while_a_request_is_answered(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET("/late")));
	served_wait_for_exchange(served);
	served_do(served, change_routes);
	served_answer(served);
	expect_answer(fd, 200, "late");
	assert_true(peer_say(fd, GET("/other")));
	expect_answer(fd, 299, "other");
	assert_true(peer_say(fd, GET("/late")));
	peer_expect_refusal(fd, 404);
	close(fd);
}

/* The old ones and what belongs to them are gone. */
static void replace_routes(struct served *served)
{
	change_routes(served);
	memset(served->routes, 0xff, sizeof(*served->routes));
	free(served->routes);
	served->routes = NULL;
}

static void test_a_request_that_is_still_coming_meets_the_new_routes(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(
		peer_say(fd, POST("/small") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	peer_read_head(fd, &reply);
	assert_int_equal(reply.status, 100);
	served_do(served, replace_routes);
	assert_true(peer_say(fd, "ok"));
	peer_expect_refusal(fd, 404);
	close(fd);
}

static void handle_the_end(struct orch_http_exchange *exchange, void *arg)
{
	struct served *served = arg;

	orch_http_server_destroy(served->server);
	served->server = NULL;
	orch_http_answer(exchange, 200, NULL, NULL, ORCH_TEXT("never seen"));
}

static void route_to_the_end(struct served *served)
{
	served->routes[0] = (struct orch_http_route){
		.method = "GET", .path = "/end", .handle = handle_the_end, .arg = served
	};
	orch_http_server_set_routes(served->server, served->routes, 1);
}

static void test_a_handler_may_destroy_its_server(void **state)
{
	struct served *served = *state;
	int fd = peer_connect(served->port), other = peer_connect(served->port);

	served_do(served, route_to_the_end);
	assert_true(peer_say(fd, GET("/end") GET("/end")));
	peer_expect_end(fd);
	peer_expect_end(other);
	close(fd);
	close(other);
}

#define SERVED_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_media_types_are_told_from_lines_of_a_head(void **state)
{
	static const char *const right[] = { "text/plain", "application/vnd.api+json",
		"text/html; charset=utf-8", "text/html;charset=utf-8;x=y", "a/b;  c=d" };
	static const char *const wrong[] = { "", "text", "/", "text/", "/plain", "text/plain ",
		" text/plain", "text/plain\r\nX: y", "text/plain\nX: y", "text/plain\r",
		"text/plain;", "text/plain; ", "text/plain; charset",
		"text/plain; charset=", "text/plain; charset=\"utf-8\"",
		"text/plain; charset=utf-8\r\nX: y", "text/plain;; a=b", "text/\xc3\xa4",
		"text/plain, text/html", "a/b/c" };
	char text[ORCH_HTTP_MEDIA_TYPE_BYTES + 2] = "text/";

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (!orch_http_is_media_type(orch_text_from(right[i])))
			fail_msg("%s is refused", right[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (orch_http_is_media_type(orch_text_from(wrong[i])))
			fail_msg("%s is taken", wrong[i]);
	assert_false(orch_http_is_media_type((struct orch_text){ "text/a\0b", 8 }));
	memset(text + 5, 'x', sizeof(text) - 5);
	assert_true(
		orch_http_is_media_type((struct orch_text){ text, ORCH_HTTP_MEDIA_TYPE_BYTES }));
	assert_false(orch_http_is_media_type(
		(struct orch_text){ text, ORCH_HTTP_MEDIA_TYPE_BYTES + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media_types_are_told_from_lines_of_a_head),
		SERVED_TEST(test_a_get_is_answered_with_all_that_an_answer_needs),
		SERVED_TEST(test_head_is_answered_without_a_body),
		SERVED_TEST(test_a_refused_head_request_gets_no_body),
		SERVED_TEST(test_a_body_is_handed_over_whole),
		SERVED_TEST(test_a_request_may_come_byte_by_byte),
		SERVED_TEST(test_the_body_limit_is_the_routes),
		SERVED_TEST(test_a_wrong_method_is_told_the_right_ones),
		SERVED_TEST(test_a_star_at_the_end_matches_a_prefix),
		SERVED_TEST(test_a_continue_is_sent_when_the_head_is_accepted),
		SERVED_TEST(test_pipelined_requests_are_answered_in_order),
		SERVED_TEST(test_one_request_is_in_flight),
		SERVED_TEST(test_a_half_closed_client_gets_his_answers),
		SERVED_TEST(test_a_request_that_ends_early_is_refused),
		SERVED_TEST(test_who_says_nothing_gets_nothing),
		SERVED_TEST(test_the_connection_ends_when_the_client_asks_for_it),
		SERVED_TEST(test_a_client_that_goes_leaves_the_exchange_valid),
		SERVED_TEST(test_an_exchange_outlives_the_server),
		SERVED_TEST(test_a_server_may_go_while_its_lane_stays),
		SERVED_TEST(test_unread_answers_stop_the_reading),
		SERVED_TEST(test_a_large_answer_arrives_whole),
		SERVED_TEST(test_a_refusal_arrives_though_the_client_sends_on),
		SERVED_TEST(test_draining_closes_idle_connections_and_answers_the_others),
		SERVED_TEST(test_routes_can_change_while_a_request_is_answered),
		SERVED_TEST(test_a_request_that_is_still_coming_meets_the_new_routes),
		SERVED_TEST(test_a_handler_may_destroy_its_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
