/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "support/http_world.h"

/* What a server does with the first request of each connection. */
struct script {
	const char *said;
	enum { CLOSE, RESET, STAY } then;
	size_t zeros; /* bytes said after that */
};

static void serve_script(struct stand_in_conn *conn)
{
	static const char zeros[65536];
	const struct script *script = conn->arg;
	size_t left = script->zeros;

	if (!stand_in_read_request(conn) || !stand_in_say(conn, script->said))
		return;
	while (left > 0) {
		size_t len = left < sizeof(zeros) ? left : sizeof(zeros);

		if (!stand_in_write(conn, zeros, len))
			return;
		left -= len;
	}
	if (script->then == RESET)
		stand_in_reset(conn);
	if (script->then == STAY)
		stand_in_wait_for_end(conn);
}

/* Plays SCRIPT for one request; the caller ends ANSWER. */
static void play(const struct script *script, uint64_t max_bytes, struct orch_blob *blob,
	struct http_answer *answer)
{
	struct script copy = *script;
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_script, &copy);
	struct orch_request request = http_request("GET", server, "/x?secret=canary");
	struct http_world world;

	*answer = (struct http_answer){ .status = -1 };
	http_world_init(&world, NULL);
	request.max_bytes = max_bytes;
	request.timeout_ms = script->then == STAY ? 100 : 0;
	http_begin(&world, answer, &request, blob);
	http_wait(&world);
	http_world_fini(&world);
	stand_in_stop(server);
	assert_null(strstr(answer->problem, "canary"));
}

static void test_what_goes_wrong_is_said_in_words(void **state)
{
	static const struct {
		struct script script;
		const char *problem;
	} rows[] = {
		{ { .said = "", .then = CLOSE },
			"the connection was closed before an answer came" },
		{ { .said = "", .then = RESET }, "the connection broke off" },
		{ { .said = "", .then = STAY }, "timed out after 100 ms" },
		{ { .said = "HTTP/1.1 200 OK\r\nX-A: 1", .then = STAY }, "timed out after 100 ms" },
		{ { .said = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", .then = STAY },
			"timed out after 100 ms" },
		{ { .said = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", .then = CLOSE },
			"the answer broke off after 5 bytes of its body" },
		{ { .said = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", .then = RESET },
			"the connection broke off" },
		{ { .said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
			  .then = CLOSE },
			"the answer broke off after 5 bytes of its body" },
		{ { .said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
			  .then = CLOSE },
			"the connection broke off" },
		{ { .said = "SSH-2.0-OpenSSH_9.2\r\n", .then = CLOSE }, "the answer is not HTTP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer;

		play(&rows[i].script, 0, NULL, &answer);
		assert_int_equal(answer.status, 0);
		assert_string_equal(answer.problem, rows[i].problem);
		assert_true(answer.was_sent);
		assert_string_equal(answer.headers, "");
		assert_string_equal(answer.body, "");
		http_answer_fini(&answer);
	}
}

static void test_a_refused_connection_names_the_address(void **state)
{
	const struct script script = { .said = "" };
	struct script copy = script;
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_script, &copy);
	struct orch_request request = http_request("GET", server, "/x?secret=canary");
	struct http_answer answer = { .status = -1 };
	struct http_world world;
	char problem[128];

	(void)state;
	(void)snprintf(problem, sizeof(problem), "connection refused by 127.0.0.1:%u",
		(unsigned)stand_in_port(server));
	stand_in_stop(server);
	http_world_init(&world, NULL);
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem, problem);
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
	http_world_fini(&world);
}

static void serve_byte_by_byte(struct stand_in_conn *conn)
{
	const char text[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
	const int on = 1;

	(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!stand_in_read_request(conn))
		return;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		(void)stand_in_write(conn, text + i, 1);
	stand_in_wait_for_end(conn);
}

static void test_an_answer_may_come_byte_by_byte(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_byte_by_byte, NULL);
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "abcdefghijklmnopqrstuvwxyz");
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_body_is_kept_up_to_its_limit_and_no_further(void **state)
{
	static const struct {
		uint64_t max_bytes;
		size_t sent, kept;
	} rows[] = { { 1000, 999, 999 }, { 1000, 1000, 1000 }, { 1000, 1001, 1000 },
		{ 1, 500000, 1 }, { 0, 1024 * 1024, 1024 * 1024 },
		{ 0, 1024 * 1024 + 1, 1024 * 1024 }, { 0, 64 * 1024 * 1024, 1024 * 1024 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct script script = { .said = "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n",
			.then = CLOSE,
			.zeros = rows[i].sent };
		struct http_answer answer;

		play(&script, rows[i].max_bytes, NULL, &answer);
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body_len, rows[i].kept);
		assert_int_equal(answer.truncated, rows[i].kept < rows[i].sent);
		assert_string_equal(answer.headers, "X-A: b\n");
		assert_string_equal(answer.problem, "");
		http_answer_fini(&answer);
	}
}

static void test_a_body_may_go_to_a_blob(void **state)
{
	static const struct {
		uint64_t max_bytes;
		size_t sent, kept, shown;
	} rows[] = { { 0, 0, 0, 0 }, { 0, 4095, 4095, 4095 }, { 0, 4097, 4097, 4096 },
		{ 300000, 300000, 300000, 4096 }, { 300000, 300001, 300000, 4096 },
		{ 10, 300001, 10, 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct script script = {
			.said = "HTTP/1.1 200 OK\r\n\r\n", .then = CLOSE, .zeros = rows[i].sent
		};
		struct orch_blob *blob = orch_blob_create("/tmp", 100000);
		struct http_answer answer;
		struct orch_text bytes;
		struct orch_err err;

		play(&script, rows[i].max_bytes, blob, &answer);
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.part_bytes, rows[i].kept);
		assert_int_equal(answer.body_len, rows[i].shown);
		assert_int_equal(answer.truncated, rows[i].kept < rows[i].sent);
		assert_int_equal(orch_blob_map(blob, &bytes, &err), ORCH_OK);
		assert_int_equal(bytes.len, rows[i].kept);
		orch_blob_destroy(blob);
		http_answer_fini(&answer);
	}
}

static void test_a_blob_that_cannot_be_written_is_said_so(void **state)
{
	const struct script script = {
		.said = "HTTP/1.1 200 OK\r\n\r\n", .then = CLOSE, .zeros = 9000
	};
	struct orch_blob *blob = orch_blob_create("/nonexistent", 10);
	struct http_answer answer;

	(void)state;
	play(&script, 0, blob, &answer);
	assert_int_equal(answer.status, 0);
	assert_non_null(strstr(answer.problem, "the body could not be kept: "));
	http_answer_fini(&answer);
	orch_blob_destroy(blob);
}

/* An answer whose headers, as plugins see them, have LEN bytes. */
static char *answer_with_head(size_t len)
{
	size_t size = len * 2 + 256, at, kept = 0;
	char *text = malloc(size);

	assert_non_null(text);
	at = (size_t)snprintf(text, size, "HTTP/1.1 200 OK\r\n");
	while (kept < len) {
		size_t line = len - kept > 2000 ? 1000 : len - kept; /* with its '\n' */

		memset(text + at, 'v', line - 1);
		text[at] = 'X';
		text[at + 1] = ':';
		at += line - 1;
		memcpy(text + at, "\r\n", 2);
		at += 2;
		kept += line;
	}
	memcpy(text + at, "\r\nbody", sizeof("\r\nbody"));
	return text;
}

static void test_headers_have_a_limit(void **state)
{
	static const size_t rows[] = { 1000, ORCH_HTTP_CLIENT_HEAD_BYTES,
		ORCH_HTTP_CLIENT_HEAD_BYTES + 1, 4 * ORCH_HTTP_CLIENT_HEAD_BYTES };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = answer_with_head(rows[i]);
		const struct script script = { .said = text, .then = CLOSE };
		struct http_answer answer;

		play(&script, 0, NULL, &answer);
		if (rows[i] <= ORCH_HTTP_CLIENT_HEAD_BYTES) {
			assert_int_equal(answer.status, 200);
			assert_int_equal(strlen(answer.headers), rows[i]);
			assert_string_equal(answer.body, "body");
		} else {
			assert_int_equal(answer.status, 0);
			assert_string_equal(
				answer.problem, "the answer's header is longer than 65536 bytes");
		}
		http_answer_fini(&answer);
		free(text);
	}
}

static void test_only_the_final_answers_headers_are_shown(void **state)
{
	const struct script script = {
		.said = "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
			"HTTP/1.1 200 OK\r\nX-Final: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
			"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
		.then = CLOSE,
	};
	struct http_answer answer;

	(void)state;
	play(&script, 0, NULL, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.headers, "X-Final: 1\nTransfer-Encoding: chunked\n");
	assert_string_equal(answer.body, "hello");
	http_answer_fini(&answer);
}

/* Answers the first request of a connection; takes the second and goes. */
static void serve_dying(struct stand_in_conn *conn)
{
	if (stand_in_read_request(conn) && stand_in_answer(conn, "200 OK", "", "first"))
		(void)stand_in_read_request(conn);
}

static void send_two(const char *method, const char *body, bool repeatable, unsigned *ret_requests,
	struct http_answer *second)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_dying, NULL);
	struct orch_request request = http_request(method, server, "/");
	struct http_answer first = { .status = -1 };
	struct http_world world;

	*second = (struct http_answer){ .status = -1 };
	http_world_init(&world, NULL);
	request.body = orch_text_from(body);
	request.repeatable = repeatable;
	http_send(&world, &first, &request);
	assert_int_equal(first.status, 200);
	http_send(&world, second, &request);
	*ret_requests = stand_in_requests(server);
	http_answer_fini(&first);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_kept_connection_that_dies_does_not_repeat_the_request(void **state)
{
	struct http_answer second;
	unsigned requests;

	(void)state;
	send_two("POST", "pay", false, &requests, &second);
	assert_int_equal(requests, 2);
	assert_int_equal(second.status, 0);
	assert_string_equal(
		second.problem, "the connection broke off, and the request must not be sent twice");
	assert_true(second.was_sent);
	http_answer_fini(&second);
}

static void test_what_may_be_repeated_is(void **state)
{
	struct http_answer second;
	unsigned requests;

	(void)state;
	send_two("POST", "ask", true, &requests, &second);
	assert_int_equal(second.status, 200);
	assert_int_equal(requests, 3);
	http_answer_fini(&second);
	send_two("GET", "", false, &requests, &second);
	assert_int_equal(second.status, 200);
	assert_int_equal(requests, 3);
	http_answer_fini(&second);
}

static void test_a_request_without_a_body_is_not_repeated_either(void **state)
{
	struct http_answer second;
	unsigned requests;

	(void)state;
	/* It has a connection of its own, whose first request is answered. */
	send_two("DELETE", "", false, &requests, &second);
	assert_int_equal(second.status, 200);
	assert_int_equal(requests, 2);
	http_answer_fini(&second);
}

static void serve_tls(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		if (!stand_in_answer(conn, "200 OK", "", "private"))
			return;
	}
}

static void ask_tls(
	const char *host, const char *ca_file, struct stand_in *server, struct http_answer *answer)
{
	const struct orch_http_client_options options = { .ca_file = ca_file };
	struct orch_request request = http_request("GET", server, "/");
	struct http_world world;
	char url[128];

	*answer = (struct http_answer){ .status = -1 };
	(void)snprintf(url, sizeof(url), "https://%s:%u/", host, (unsigned)stand_in_port(server));
	request.url = orch_text_from(url);
	http_world_init(&world, &options);
	http_send(&world, answer, &request);
	http_world_fini(&world);
}

static void test_certificates_are_verified(void **state)
{
	const char pem[] = TEST_BINARY_DIR "/http_client_fault.pem";
	struct http_answer answer;
	struct stand_in *server;

	(void)state;
	stand_in_make_certificate(pem);
	server = stand_in_start("0.0.0.0", pem, serve_tls, NULL);
	ask_tls("127.0.0.1", NULL, server, &answer);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem, "certificate: self-signed certificate");
	assert_false(answer.was_sent);
	http_answer_fini(&answer);

	ask_tls("127.0.0.2", pem, server, &answer);
	assert_int_equal(answer.status, 0);
	assert_memory_equal(answer.problem, "certificate: ", strlen("certificate: "));
	assert_false(answer.was_sent);
	assert_int_equal(stand_in_requests(server), 0);
	http_answer_fini(&answer);

	ask_tls("127.0.0.1", pem, server, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "private");
	http_answer_fini(&answer);
	stand_in_stop(server);
	(void)unlink(pem);
}

static void serve_no_tls(struct stand_in_conn *conn)
{
	(void)stand_in_say(conn, "HTTP/1.1 400 Bad Request\r\n\r\n");
	stand_in_wait_for_end(conn);
}

static void test_a_server_without_tls_is_not_spoken_to(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_no_tls, NULL);
	struct http_answer answer;

	(void)state;
	ask_tls("127.0.0.1", NULL, server, &answer);
	assert_int_equal(answer.status, 0);
	assert_memory_equal(
		answer.problem, "no TLS with 127.0.0.1: ", strlen("no TLS with 127.0.0.1: "));
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
	stand_in_stop(server);
}

static void test_a_ca_file_that_is_not_there_stops_the_start(void **state)
{
	const struct orch_http_client_options options = { .ca_file = "/nonexistent/ca.pem" };
	struct orch_http_client *client;
	struct orch_lane *lane;
	struct orch_err err = { "" };

	(void)state;
	assert_int_equal(orch_lane_create("test", &lane, &err), ORCH_OK);
	assert_int_not_equal(orch_http_client_create(lane, &options, &client, &err), ORCH_OK);
	assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
	orch_lane_destroy(lane);
}

static void test_every_allocation_may_fail(void **state)
{
	const struct script script = { .said = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nbody",
		.then = CLOSE };
	unsigned ends[3] = { 0, 0, 0 }; /* refused, failed, answered */
	struct script copy = script;
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_script, &copy);

	(void)state;
	for (uint64_t n = 1; ends[2] < 3 && n < 200; n++) {
		struct orch_request request = http_request("POST", server, "/");
		struct http_answer answer = { .status = -1 };
		struct http_world world;

		request.headers = ORCH_TEXT("X-A: b\nX-C: d\n");
		request.body = ORCH_TEXT("body");
		request.timeout_ms = 200; /* of a socket that could not be watched */
		http_world_init(&world, NULL);
		orch_alloc_fail_at(n, 0);
		http_send(&world, &answer, &request);
		orch_alloc_fail_at(0, 0);
		if (answer.refused == ORCH_OK)
			assert_true(answer.is_done);
		ends[answer.refused ? 0 : answer.status == 0 ? 1 : 2]++;
		http_answer_fini(&answer);
		http_world_fini(&world);
	}
	assert_true(ends[0] > 0);
	assert_true(ends[1] > 0);
	assert_int_equal(ends[2], 3);
	stand_in_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_wrong_is_said_in_words),
		cmocka_unit_test(test_a_refused_connection_names_the_address),
		cmocka_unit_test(test_an_answer_may_come_byte_by_byte),
		cmocka_unit_test(test_a_body_is_kept_up_to_its_limit_and_no_further),
		cmocka_unit_test(test_a_body_may_go_to_a_blob),
		cmocka_unit_test(test_a_blob_that_cannot_be_written_is_said_so),
		cmocka_unit_test(test_headers_have_a_limit),
		cmocka_unit_test(test_only_the_final_answers_headers_are_shown),
		cmocka_unit_test(test_a_kept_connection_that_dies_does_not_repeat_the_request),
		cmocka_unit_test(test_what_may_be_repeated_is),
		cmocka_unit_test(test_a_request_without_a_body_is_not_repeated_either),
		cmocka_unit_test(test_certificates_are_verified),
		cmocka_unit_test(test_a_server_without_tls_is_not_spoken_to),
		cmocka_unit_test(test_a_ca_file_that_is_not_there_stops_the_start),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("http_client_fault", tests, NULL, NULL);
}
