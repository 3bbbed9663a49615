/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 over TLS, spoken with nginx, and HTTP/1.1 where the server has no more.
 *
 * Behind nginx stands a server that answers nobody until so many requests
 * have come, so what is answered at all was in flight together.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"
#include "support/nginx.h"

#define IN_FLIGHT 50

enum server { HTTP2 = 0, HTTP1 = 1 };

struct gathering {
	pthread_mutex_t lock;
	pthread_cond_t complete;
	unsigned expected, come;
};

struct scene {
	struct nginx nginx;
	struct stand_in *behind;
	struct gathering gathering;
	struct http_world world;
	char pem[96];
};

static void serve_when_all_are_there(struct stand_in_conn *conn)
{
	struct gathering *gathering = conn->arg;

	while (stand_in_read_request(conn)) {
		pthread_mutex_lock(&gathering->lock);
		if (++gathering->come == gathering->expected)
			pthread_cond_broadcast(&gathering->complete);
		while (gathering->come < gathering->expected)
			pthread_cond_wait(&gathering->complete, &gathering->lock);
		pthread_mutex_unlock(&gathering->lock);
		if (!stand_in_answer(conn, "200 OK", "", conn->body))
			return;
	}
}

static void expect(struct scene *scene, unsigned count)
{
	pthread_mutex_lock(&scene->gathering.lock);
	scene->gathering.come = 0;
	scene->gathering.expected = count;
	pthread_mutex_unlock(&scene->gathering.lock);
}

static void start_nginx(struct scene *scene)
{
	char http[2048];

	(void)snprintf(http, sizeof(http),
		"ssl_certificate %s; ssl_certificate_key %s;\n"
		"add_header X-Version $server_protocol;\n"
		"add_header X-Connection $connection;\n"
		"http2_max_concurrent_streams 128;\n"
		"upstream behind { server 127.0.0.1:%u; }\n"
		"server { listen 127.0.0.1:%u ssl http2 reuseport; keepalive_requests 1000;\n"
		"  location / { proxy_pass http://behind; } }\n"
		"server { listen 127.0.0.1:%u ssl reuseport; keepalive_requests 1000;\n"
		"  location / { proxy_pass http://behind; } }\n",
		scene->pem, scene->pem, (unsigned)stand_in_port(scene->behind),
		(unsigned)scene->nginx.port[HTTP2], (unsigned)scene->nginx.port[HTTP1]);
	nginx_start(&scene->nginx, http);
}

static int begin_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct orch_http_client_options options = { .max_per_host = IN_FLIGHT };

	assert_non_null(scene);
	assert_int_equal(pthread_mutex_init(&scene->gathering.lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&scene->gathering.complete, NULL), 0);
	nginx_init(&scene->nginx);
	(void)snprintf(scene->pem, sizeof(scene->pem), "%s/server.pem", scene->nginx.dir);
	stand_in_make_certificate(scene->pem);
	scene->behind =
		stand_in_start("127.0.0.1", NULL, serve_when_all_are_there, &scene->gathering);
	start_nginx(scene);
	options.ca_file = scene->pem;
	http_world_init(&scene->world, &options);
	*state = scene;
	return 0;
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	http_world_fini(&scene->world);
	nginx_stop(&scene->nginx);
	stand_in_stop(scene->behind);
	pthread_cond_destroy(&scene->gathering.complete);
	pthread_mutex_destroy(&scene->gathering.lock);
	free(scene);
	return 0;
}

static void begin_together(
	struct scene *scene, enum server server, struct http_answer *answers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct orch_request request = http_request("POST", scene->behind, "/");
		char url[64], body[16];

		(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/%u",
			(unsigned)scene->nginx.port[server], i);
		(void)snprintf(body, sizeof(body), "body %u", i);
		request.url = orch_text_from(url);
		request.body = orch_text_from(body);
		answers[i] = (struct http_answer){ .status = -1 };
		http_begin(&scene->world, &answers[i], &request, NULL);
	}
}

/* Sends COUNT requests at once and waits for their answers. */
static void send_together(
	struct scene *scene, enum server server, struct http_answer *answers, unsigned count)
{
	expect(scene, count);
	begin_together(scene, server, answers, count);
	http_wait(&scene->world);
}

static long header_number(const struct http_answer *answer, const char *name)
{
	const char *at = strcasestr(answer->headers, name);

	assert_non_null(at);
	return strtol(at + strlen(name), NULL, 10);
}

/* Every answer is right and of VERSION; gives how many connections they came over. */
static unsigned check_answers(
	struct http_answer *answers, unsigned from, unsigned to, const char *version)
{
	long connections[IN_FLIGHT];
	unsigned different = 0;

	for (unsigned i = from; i < to; i++) {
		char body[16];
		unsigned k = 0;
		long number;

		if (answers[i].status != 200)
			fail_msg("%u: %d %s", i, answers[i].status, answers[i].problem);
		(void)snprintf(body, sizeof(body), "body %u", i);
		assert_string_equal(answers[i].body, body);
		if (!strcasestr(answers[i].headers, version))
			fail_msg("%u: not %s: %s", i, version, answers[i].headers);
		number = header_number(&answers[i], "x-connection: ");
		while (k < different && connections[k] != number)
			k++;
		if (k == different)
			connections[different++] = number;
		http_answer_fini(&answers[i]);
	}
	return different;
}

static void test_50_requests_are_in_flight_on_one_connection(void **state)
{
	struct http_answer answers[IN_FLIGHT];

	send_together(*state, HTTP2, answers, 1);
	(void)check_answers(answers, 0, 1, "x-version: HTTP/2.0");
	send_together(*state, HTTP2, answers, IN_FLIGHT);
	assert_int_equal(check_answers(answers, 0, IN_FLIGHT, "x-version: HTTP/2.0"), 1);
}

static void test_the_very_first_requests_share_a_connection_too(void **state)
{
	struct http_answer answers[IN_FLIGHT];

	send_together(*state, HTTP2, answers, IN_FLIGHT);
	assert_int_equal(check_answers(answers, 0, IN_FLIGHT, "x-version: HTTP/2.0"), 1);
}

static void test_without_http2_each_has_a_connection(void **state)
{
	struct http_answer answers[IN_FLIGHT];

	send_together(*state, HTTP1, answers, IN_FLIGHT);
	assert_int_equal(check_answers(answers, 0, IN_FLIGHT, "x-version: HTTP/1.1"), IN_FLIGHT);
}

static void test_one_client_speaks_both(void **state)
{
	struct http_answer answers[IN_FLIGHT];

	send_together(*state, HTTP1, answers, 1);
	(void)check_answers(answers, 0, 1, "x-version: HTTP/1.1");
	send_together(*state, HTTP2, answers, 1);
	(void)check_answers(answers, 0, 1, "x-version: HTTP/2.0");
	send_together(*state, HTTP1, answers, 1);
	(void)check_answers(answers, 0, 1, "x-version: HTTP/1.1");
}

/* Between a client and nginx: the first connection is never answered, the others are passed on. */
struct middle {
	pthread_mutex_t lock;
	unsigned count;
	uint16_t port;
};

static bool pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t len = recv(from, bytes, sizeof(bytes), 0);

	return len > 0 && send(to, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

static void serve_in_the_middle(struct stand_in_conn *conn)
{
	struct middle *middle = conn->arg;
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(middle->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd ends[2] = { { .fd = conn->fd, .events = POLLIN }, { .events = POLLIN } };
	bool is_first, is_open = true;

	pthread_mutex_lock(&middle->lock);
	is_first = middle->count++ == 0;
	pthread_mutex_unlock(&middle->lock);
	if (is_first) {
		stand_in_wait_for_end(conn);
		return;
	}
	ends[1].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(ends[1].fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		is_open = false;
	while (is_open && poll(ends, 2, -1) > 0) {
		for (size_t i = 0; is_open && i < 2; i++)
			is_open = !ends[i].revents || pass_on(ends[i].fd, ends[1 - i].fd);
	}
	(void)close(ends[1].fd);
}

/* The others wait for the first one's connection; when it comes to nothing, they get their own. */
static void test_a_first_connection_that_fails_holds_up_nobody(void **state)
{
	const struct orch_http_client_options options = { .connect_ms = 200,
		.ca_file = ((struct scene *)*state)->pem };
	struct scene *scene = *state;
	struct http_answer answers[IN_FLIGHT];
	struct middle middle = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.port = scene->nginx.port[HTTP2] };
	struct stand_in *stand_in;

	http_world_fini(&scene->world);
	http_world_init(&scene->world, &options);
	stand_in = stand_in_start("127.0.0.1", NULL, serve_in_the_middle, &middle);
	scene->nginx.port[HTTP2] = stand_in_port(stand_in);
	expect(scene, IN_FLIGHT - 1);
	begin_together(scene, HTTP2, answers, IN_FLIGHT);
	http_wait(&scene->world);
	assert_int_equal(answers[0].status, 0);
	assert_non_null(strstr(answers[0].problem, "within 200 ms"));
	assert_false(answers[0].was_sent);
	http_answer_fini(&answers[0]);
	assert_int_equal(check_answers(answers, 1, IN_FLIGHT, "x-version: HTTP/2.0"), 1);
	stand_in_stop(stand_in);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_50_requests_are_in_flight_on_one_connection),
		TEST(test_the_very_first_requests_share_a_connection_too),
		TEST(test_a_first_connection_that_fails_holds_up_nobody),
		TEST(test_without_http2_each_has_a_connection),
		TEST(test_one_client_speaks_both),
	};

	return cmocka_run_group_tests_name("http_client_h2", tests, NULL, NULL);
}
