/* SPDX-License-Identifier: Apache-2.0 */
/* Others that make us wait: until connected, and for a download that crawls. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"

#define FILLERS 8

/* A listener that accepts nobody and whose queue is full: the kernel answers no more. */
struct full_listener {
	int fd, fillers[FILLERS];
	uint16_t port;
};

static void full_listener_init(struct full_listener *full)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	full->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(full->fd, (struct sockaddr *)&address, size), 0);
	assert_return_code(listen(full->fd, 0), 0);
	assert_return_code(getsockname(full->fd, (struct sockaddr *)&address, &size), 0);
	full->port = ntohs(address.sin_port);
	for (size_t i = 0; i < FILLERS; i++) {
		full->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(full->fillers[i], (struct sockaddr *)&address, size);
	}
}

static void full_listener_fini(struct full_listener *full)
{
	for (size_t i = 0; i < FILLERS; i++)
		(void)close(full->fillers[i]);
	(void)close(full->fd);
}

static struct orch_request request_to(const char *url)
{
	return (struct orch_request){ .size = sizeof(struct orch_request),
		.method = ORCH_TEXT("GET"),
		.url = orch_text_from(url),
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.limit_key = ORCH_TEXT_NONE,
		.part = ORCH_TEXT_NONE };
}

static void assert_no_connection(struct http_world *world, const char *scheme, uint16_t port)
{
	struct http_answer answer = { .status = -1 };
	struct orch_request request;
	char url[64], problem[128];

	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", scheme, (unsigned)port);
	(void)snprintf(problem, sizeof(problem), "no connection to 127.0.0.1:%u within 100 ms",
		(unsigned)port);
	request = request_to(url);
	http_send(world, &answer, &request);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem, problem);
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
}

static void test_a_host_that_does_not_answer_is_given_up(void **state)
{
	const struct orch_http_client_options options = { .connect_ms = 100 };
	struct full_listener full;
	struct http_world world;

	(void)state;
	full_listener_init(&full);
	http_world_init(&world, &options);
	assert_no_connection(&world, "http", full.port);
	http_world_fini(&world);
	full_listener_fini(&full);
}

static void serve_nothing(struct stand_in_conn *conn)
{
	stand_in_wait_for_end(conn);
}

static void test_the_time_to_connect_is_for_tls_too(void **state)
{
	const struct orch_http_client_options options = { .connect_ms = 100 };
	struct stand_in *mute = stand_in_start("127.0.0.1", NULL, serve_nothing, NULL);
	struct http_world world;

	(void)state;
	http_world_init(&world, &options);
	assert_no_connection(&world, "https", stand_in_port(mute));
	http_world_fini(&world);
	stand_in_stop(mute);
}

static void serve_after_a_while(struct stand_in_conn *conn)
{
	const struct timespec pause = { .tv_nsec = 300000000 };

	if (stand_in_read_request(conn)) {
		(void)nanosleep(&pause, NULL);
		(void)stand_in_answer(conn, "200 OK", "", "late");
	}
}

static void test_the_time_to_connect_ends_with_the_connection(void **state)
{
	const struct orch_http_client_options options = { .connect_ms = 100 };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_after_a_while, NULL);
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, &options);
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "late");
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void serve_a_crawl(struct stand_in_conn *conn)
{
	if (stand_in_read_request(conn) &&
		stand_in_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nfew"))
		stand_in_wait_for_end(conn);
}

static void test_a_download_that_crawls_is_given_up(void **state)
{
	const struct orch_http_client_options options = { .slow_s = 1 };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_a_crawl, NULL);
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer answer = { .status = -1 };
	struct orch_blob *blob = orch_blob_create("/tmp", 1024);
	struct http_world world;

	(void)state;
	http_world_init(&world, &options);
	assert_non_null(blob);
	http_begin(&world, &answer, &request, blob);
	http_wait(&world);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem, "slower than 1024 bytes a second for 1 s");
	assert_true(answer.was_sent);
	http_answer_fini(&answer);
	orch_blob_destroy(blob);
	http_world_fini(&world);
	stand_in_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_host_that_does_not_answer_is_given_up),
		cmocka_unit_test(test_the_time_to_connect_is_for_tls_too),
		cmocka_unit_test(test_the_time_to_connect_ends_with_the_connection),
		cmocka_unit_test(test_a_download_that_crawls_is_given_up),
	};

	return cmocka_run_group_tests_name("http_client_slow", tests, NULL, NULL);
}
