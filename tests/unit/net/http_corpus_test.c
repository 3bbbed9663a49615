/* SPDX-License-Identifier: Apache-2.0 */
/* Every malformed request, played against the parser and against a real server. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_parser.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#include "http_corpus.h"

/* The parser knows no routes: for it, those requests are right. */
static bool concerns_routes(const struct bad_request *bad)
{
	return bad->status == 404 || bad->status == 405;
}

static int parse(const struct bad_request *bad, size_t step)
{
	struct orch_http_parser *parser = orch_http_parser_create();
	enum orch_http_state state = ORCH_HTTP_NEED_MORE;
	size_t at = 0, used;
	int status;

	assert_non_null(parser);
	while (state == ORCH_HTTP_NEED_MORE && at < bad->len) {
		size_t count = bad->len - at < step ? bad->len - at : step;

		state = orch_http_parser_feed(parser, bad->bytes + at, count, &used);
		at += used;
		if (state == ORCH_HTTP_HEAD_DONE)
			state = orch_http_parser_limit_body(parser, PEER_BODY_LIMIT);
	}
	status = state == ORCH_HTTP_REFUSED ? orch_http_parser_status(parser) : 0;
	orch_http_parser_destroy(parser);
	return status;
}

static void test_the_parser_refuses_every_one_however_it_is_cut(void **state)
{
	(void)state;
	assert_true(BAD_REQUEST_COUNT >= 100);
	for (size_t i = 0; i < BAD_REQUEST_COUNT; i++) {
		const struct bad_request *bad = &bad_requests[i];

		if (concerns_routes(bad))
			continue;
		for (size_t step = 1; step <= bad->len; step++) {
			int status = parse(bad, step);

			if (status != bad->status)
				fail_msg("%s: %d, not %d, in steps of %zu", bad->name, status,
					bad->status, step);
		}
	}
}

static void play(const struct served *served, const struct bad_request *bad, size_t step)
{
	int fd = peer_connect(served->port);
	char bytes[4096], status[32];

	for (size_t at = 0; at < bad->len; at += step) {
		size_t count = bad->len - at < step ? bad->len - at : step;

		if (!peer_send(fd, bad->bytes + at, count))
			break;
	}
	(void)peer_read_to_end(fd, bytes, sizeof(bytes));
	close(fd);
	(void)snprintf(status, sizeof(status), "HTTP/1.1 %d ", bad->status);
	if (strncmp(bytes, status, strlen(status)) != 0)
		fail_msg("%s: not %s, but: %s", bad->name, status, bytes);
	if (strstr(bytes, "\nHTTP/1.1 "))
		fail_msg("%s: more than one answer: %s", bad->name, bytes);
	if (!strstr(bytes, "\r\nConnection: close\r\n"))
		fail_msg("%s: the end is not announced: %s", bad->name, bytes);
}

static void test_the_server_answers_every_one_once_and_closes(void **state)
{
	struct served served;

	(void)state;
	served_start(&served, NULL);
	for (size_t i = 0; i < BAD_REQUEST_COUNT; i++) {
		play(&served, &bad_requests[i], bad_requests[i].len);
		play(&served, &bad_requests[i], 1);
	}
	served_wait_for_connections(&served, 0);
	served_stop(&served);
	assert_int_equal(served.handled, 0);
}

/* Behind a good request on the same connection, it is refused all the same. */
static void test_a_good_request_before_it_changes_nothing(void **state)
{
	static const char good[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
	struct served served;

	(void)state;
	served_start(&served, NULL);
	for (size_t i = 0; i < BAD_REQUEST_COUNT; i++) {
		int fd = peer_connect(served.port);
		struct reply reply;

		assert_true(peer_send(fd, good, sizeof(good) - 1));
		(void)peer_send(fd, bad_requests[i].bytes, bad_requests[i].len);
		peer_read(fd, &reply);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body, "ok");
		reply_fini(&reply);
		peer_read_head(fd, &reply);
		if (reply.status != bad_requests[i].status)
			fail_msg("%s: %d", bad_requests[i].name, reply.status);
		close(fd);
	}
	served_stop(&served);
	assert_int_equal(served.handled, BAD_REQUEST_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_parser_refuses_every_one_however_it_is_cut),
		cmocka_unit_test(test_the_server_answers_every_one_once_and_closes),
		cmocka_unit_test(test_a_good_request_before_it_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
