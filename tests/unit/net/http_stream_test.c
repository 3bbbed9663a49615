/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in pieces, for server-sent events. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static int open_stream(struct served *served, const char *request)
{
	int fd = peer_connect(served->port);
	struct reply reply;

	assert_true(peer_say(fd, request));
	served_wait_for_exchange(served);
	peer_read_head(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_contains(reply.head, "\r\nContent-Type: text/event-stream\r\n");
	assert_contains(reply.head, "\r\nCache-Control: no-store\r\n");
	assert_lacks(reply.head, "Content-Length");
	return fd;
}

static void read_exactly(int fd, const char *expected)
{
	char bytes[256];
	size_t len = strlen(expected);

	assert_true(len < sizeof(bytes));
	assert_int_equal(recv(fd, bytes, len, MSG_WAITALL), (ssize_t)len);
	assert_memory_equal(bytes, expected, len);
}

static void send_one(struct served *served)
{
	assert_true(orch_http_stream_send(served->waiting, ORCH_TEXT("data: one\n\n")));
	assert_true(orch_http_stream_send(served->waiting, ORCH_TEXT_NONE));
}

static void end_stream(struct served *served)
{
	struct orch_http_exchange *exchange = served->waiting;

	served->waiting = NULL;
	orch_http_stream_end(exchange);
}

static void test_each_piece_arrives_when_it_is_sent(void **state)
{
	struct served served;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, GET("/stream"));
	for (int i = 0; i < 3; i++) {
		served_do(&served, send_one);
		read_exactly(fd, "b\r\ndata: one\n\n\r\n");
	}
	served_do(&served, end_stream);
	read_exactly(fd, "0\r\n\r\n");
	close(fd);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
	assert_int_equal(served.closed, 0);
}

static void test_the_connection_serves_on_behind_a_stream(void **state)
{
	struct served served;
	struct reply reply;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, GET("/stream") GET("/hello"));
	served_do(&served, end_stream);
	read_exactly(fd, "0\r\n\r\n");
	peer_read(fd, &reply);
	assert_string_equal(reply.body, "hello");
	reply_fini(&reply);
	close(fd);
	served_stop(&served);
}

static void test_an_old_client_gets_no_chunks(void **state)
{
	struct served served;
	char bytes[64];
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, "GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
	served_do(&served, send_one);
	served_do(&served, end_stream);
	(void)peer_read_to_end(fd, bytes, sizeof(bytes));
	assert_string_equal(bytes, "data: one\n\n");
	close(fd);
	served_stop(&served);
}

static void test_head_of_a_stream_has_no_body(void **state)
{
	struct served served;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, "HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	served_do(&served, send_one);
	served_do(&served, end_stream);
	peer_expect_end(fd);
	close(fd);
	served_stop(&served);
}

static void send_to_nobody(struct served *served)
{
	assert_false(orch_http_stream_send(served->waiting, ORCH_TEXT("data: one\n\n")));
}

static void test_the_end_of_the_client_is_told_once(void **state)
{
	struct served served;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, GET("/stream"));
	close(fd);
	served_wait_for_close(&served);
	served_do(&served, send_to_nobody);
	served_do(&served, end_stream);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
	assert_int_equal(served.closed, 1);
}

static void test_the_end_of_the_server_is_told_too(void **state)
{
	struct served served;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, GET("/stream"));
	orch_lane_stop(served.lane);
	orch_http_server_destroy(served.server);
	served.server = NULL;
	assert_int_equal(served.closed, 1);
	peer_expect_end(fd);
	close(fd);
	served_stop(&served); /* ends the exchange */
}

static void send_without_end(struct served *served)
{
	struct orch_text piece = { served->big, 64 * 1024 };
	size_t sent = 0;

	/* The sockets take some, the server keeps a little, and no more. */
	while (orch_http_stream_send(served->waiting, piece) && sent < 64 * 1024 * 1024)
		sent += piece.len;
	assert_true(sent < 64 * 1024 * 1024);
}

static void test_who_does_not_read_is_dropped_at_the_limit(void **state)
{
	struct served served;
	int fd;

	(void)state;
	served_start(&served, NULL);
	fd = open_stream(&served, GET("/stream"));
	served_do(&served, send_without_end);
	served_wait_for_close(&served);
	served_do(&served, end_stream);
	served_wait_for_connections(&served, 0);
	close(fd);
	served_stop(&served);
}

static void send_much(struct served *served)
{
	assert_true(orch_http_stream_send(
		served->waiting, (struct orch_text){ served->big, PEER_BIG_BYTES }));
}

static void test_who_does_not_read_is_dropped_in_time(void **state)
{
	const struct orch_http_server_options options = { .limits.answer_ms = 100 };
	struct served served;
	int fd;

	(void)state;
	served_start(&served, &options);
	fd = open_stream(&served, GET("/stream"));
	served_do(&served, send_much);
	served_wait_for_close(&served);
	served_do(&served, end_stream);
	close(fd);
	served_stop(&served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_piece_arrives_when_it_is_sent),
		cmocka_unit_test(test_the_connection_serves_on_behind_a_stream),
		cmocka_unit_test(test_an_old_client_gets_no_chunks),
		cmocka_unit_test(test_head_of_a_stream_has_no_body),
		cmocka_unit_test(test_the_end_of_the_client_is_told_once),
		cmocka_unit_test(test_the_end_of_the_server_is_told_too),
		cmocka_unit_test(test_who_does_not_read_is_dropped_at_the_limit),
		cmocka_unit_test(test_who_does_not_read_is_dropped_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
