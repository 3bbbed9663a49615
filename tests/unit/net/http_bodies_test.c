/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies under way have one measure for all. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/text.h"
#include "net/http_bodies.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#define LIMIT 40000
#define SMALL ORCH_HTTP_BODY_FREE_BYTES
#define NAME "bodies-test"

struct room {
	struct orch_http_bodies *bodies;
	struct served first, second;
};

static int open_room(void **state)
{
	struct room *room = calloc(1, sizeof(*room));
	struct orch_http_server_options options = { .metric_listener = NAME };

	room->bodies = orch_http_bodies_create(LIMIT);
	options.bodies = room->bodies;
	served_start(&room->first, &options);
	served_start(&room->second, &options);
	*state = room;
	return 0;
}

static int64_t held(void)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_GAUGE, "orchestrator_http_bodies_bytes", ""));
}

/* Whatever happened, nothing is left behind. */
static int close_room(void **state)
{
	struct room *room = *state;

	served_wait_for_connections(&room->first, 0);
	served_wait_for_connections(&room->second, 0);
	assert_int_equal(held(), 0);
	served_stop(&room->first);
	served_stop(&room->second);
	orch_http_bodies_destroy(room->bodies);
	free(room);
	return 0;
}

static int64_t refused(void)
{
	return orch_metric_value(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_refused_total",
		"", { "listener", ORCH_TEXT(NAME) }, { "reason", ORCH_TEXT("bodies") }));
}

/* A request for a body of LEN bytes, of which MISSING do not come. */
static int begin(const struct served *served, size_t len, size_t missing)
{
	int fd = peer_connect(served->port);
	char *body = calloc(1, len + 1);
	char head[128];

	(void)snprintf(head, sizeof(head),
		"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
	memset(body, 'x', len);
	assert_true(peer_say(fd, head));
	(void)peer_send(fd, body, len - missing);
	free(body);
	return fd;
}

static void begin_chunked(int fd)
{
	assert_true(peer_say(
		fd, "POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

static void send_chunk(int fd, size_t len)
{
	char *chunk = calloc(1, len + 1), head[32];

	memset(chunk, 'x', len);
	(void)snprintf(head, sizeof(head), "%zx\r\n", len);
	(void)peer_say(fd, head);
	(void)peer_send(fd, chunk, len);
	(void)peer_say(fd, "\r\n");
	free(chunk);
}

static void expect_echo(int fd, size_t len)
{
	struct reply reply;

	peer_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body_len, len);
	reply_fini(&reply);
	close(fd);
}

static void expect_later(int fd)
{
	char bytes[4096];

	(void)peer_read_to_end(fd, bytes, sizeof(bytes));
	assert_memory_equal(bytes, "HTTP/1.1 503 ", 13);
	assert_contains(bytes, "\r\nRetry-After: ");
	assert_contains(bytes, "\r\nConnection: close\r\n");
	close(fd);
}

static void wait_for_held(int64_t bytes)
{
	while (held() != bytes)
		(void)poll(NULL, 0, 1);
}

static void test_all_the_room_can_be_had_and_one_byte_more_cannot(void **state)
{
	struct room *room = *state;
	int64_t before = refused();

	expect_echo(begin(&room->first, LIMIT, 0), LIMIT);
	served_wait_for_connections(&room->first, 0);
	expect_later(begin(&room->first, LIMIT + 1, LIMIT + 1));
	assert_int_equal(refused(), before + 1);
}

static void test_bodies_of_all_lanes_share_the_room(void **state)
{
	struct room *room = *state;
	int slow = begin(&room->first, LIMIT / 2, 10);

	wait_for_held(LIMIT / 2);
	expect_echo(begin(&room->second, LIMIT / 2, 0), LIMIT / 2);
	served_wait_for_connections(&room->second, 0);
	expect_later(begin(&room->second, LIMIT / 2 + 1, LIMIT / 2 + 1));
	/* He who was in first is not troubled by him who was not. */
	assert_true(peer_say(slow, "xxxxxxxxxx"));
	expect_echo(slow, LIMIT / 2);
	served_wait_for_connections(&room->first, 0);
	expect_echo(begin(&room->second, LIMIT, 0), LIMIT);
}

static void test_a_small_body_always_has_room(void **state)
{
	struct room *room = *state;
	int full = begin(&room->first, LIMIT, LIMIT);

	wait_for_held(LIMIT);
	expect_echo(begin(&room->first, SMALL, 0), SMALL);
	expect_later(begin(&room->first, SMALL + 1, SMALL + 1));
	close(full);
}

static void test_a_client_that_goes_makes_room(void **state)
{
	struct room *room = *state;

	for (int i = 0; i < 3; i++) {
		int fd = begin(&room->first, LIMIT, 1);

		wait_for_held(LIMIT);
		close(fd);
		wait_for_held(0);
	}
}

static void test_the_next_request_of_a_connection_begins_anew(void **state)
{
	struct room *room = *state;
	int fd = begin(&room->first, LIMIT, 0);

	for (int i = 0; i < 3; i++) {
		struct reply reply;

		peer_read(fd, &reply);
		assert_int_equal(reply.status, 200);
		reply_fini(&reply);
		wait_for_held(0);
		assert_true(peer_say(
			fd, "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nsmall"));
	}
	expect_echo(fd, 5);
}

static void test_a_chunked_body_grows_until_there_is_no_room(void **state)
{
	struct room *room = *state;
	int fd = peer_connect(room->first.port);

	begin_chunked(fd);
	send_chunk(fd, LIMIT);
	assert_true(peer_say(fd, "0\r\n\r\n"));
	expect_echo(fd, LIMIT);
	served_wait_for_connections(&room->first, 0);
	fd = peer_connect(room->first.port);
	begin_chunked(fd);
	send_chunk(fd, LIMIT / 2);
	wait_for_held(LIMIT / 2);
	expect_echo(begin(&room->second, LIMIT / 2, 0), LIMIT / 2);
	send_chunk(fd, LIMIT / 2 + 1);
	expect_later(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)
		TEST(test_all_the_room_can_be_had_and_one_byte_more_cannot),
		TEST(test_bodies_of_all_lanes_share_the_room),
		TEST(test_a_small_body_always_has_room),
		TEST(test_a_client_that_goes_makes_room),
		TEST(test_the_next_request_of_a_connection_begins_anew),
		TEST(test_a_chunked_body_grows_until_there_is_no_room),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
