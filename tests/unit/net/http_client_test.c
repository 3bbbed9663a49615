/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/text.h"
#include "support/http_world.h"

#define MANY 300

/* Says back what came in: the request's first line and body. */
static void serve_echo(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		char text[8192];

		(void)snprintf(text, sizeof(text), "%.*s|%.4000s",
			(int)strcspn(conn->request, "\r"), conn->request, conn->body);
		if (!stand_in_answer(conn, "200 OK", "X-One: 1\r\nX-Two:two\r\n", text))
			return;
	}
}

/* Gives the whole request back as the body. */
static void serve_mirror(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		char text[16384];

		(void)snprintf(text, sizeof(text), "%.16000s", conn->request);
		if (!stand_in_answer(conn, "200 OK", "", text))
			return;
	}
}

static void test_an_answer_arrives_whole(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct http_answer answer = { .status = -1 };
	struct orch_request request = http_request("POST", server, "/a/../b?c=%20d");
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	request.headers = ORCH_TEXT("Content-Type: application/json\n");
	request.body = ORCH_TEXT("{\"x\":1}");
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.problem, "");
	assert_string_equal(answer.body, "POST /a/../b?c=%20d HTTP/1.1|{\"x\":1}");
	assert_non_null(strstr(answer.headers, "X-One: 1\nX-Two:two\nContent-Length: "));
	assert_true(answer.was_sent);
	assert_false(answer.truncated);
	assert_int_equal(orch_http_client_in_flight(world.client), 0);
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_what_is_sent_is_what_was_asked_for(void **state)
{
	static const struct {
		const char *method, *body, *wanted, *unwanted;
	} rows[] = {
		{ "GET", "", "GET /x HTTP/1.1\r\n", "Content-" },
		{ "GET", "q", "Content-Length: 1\r\n", "Content-Type" },
		{ "POST", "", "Content-Length: 0\r\n", "Content-Type" },
		{ "PUT", "", "PUT /x HTTP/1.1\r\n", "Expect" },
		{ "PUT", "abc", "Content-Length: 3\r\n", "Expect" },
		{ "PATCH", "abc", "PATCH /x HTTP/1.1\r\n", "chunked" },
		{ "DELETE", "", "DELETE /x HTTP/1.1\r\n", "Content-" },
		{ "DELETE", "abc", "Content-Length: 3\r\n", "form" },
	};
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_mirror, NULL);
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_request request = http_request(rows[i].method, server, "/x");
		struct http_answer answer = { .status = -1 };
		char host[64];

		(void)snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n",
			(unsigned)stand_in_port(server));
		request.body = orch_text_from(rows[i].body);
		request.headers = ORCH_TEXT("X-Empty:\nX-Full: a b\n");
		http_send(&world, &answer, &request);
		assert_int_equal(answer.status, 200);
		assert_non_null(strstr(answer.body, rows[i].wanted));
		assert_null(strstr(answer.body, rows[i].unwanted));
		assert_non_null(strstr(answer.body, host));
		assert_non_null(strstr(answer.body, "\r\nX-Empty:\r\nX-Full: a b\r\n"));
		assert_null(strstr(answer.body, "Accept-Encoding"));
		http_answer_fini(&answer);
	}
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_head_request_has_no_body(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct orch_request request = http_request("HEAD", server, "/");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body_len, 0);
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_large_body_is_sent_without_waiting_for_100_continue(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_mirror, NULL);
	struct orch_request request = http_request("POST", server, "/");
	struct http_answer answer = { .status = -1 };
	size_t len = 200 * 1024;
	char *body = malloc(len + 1);
	struct http_world world;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', len);
	body[len] = '\0';
	http_world_init(&world, NULL);
	request.body = (struct orch_text){ body, len };
	http_begin(&world, &answer, &request, NULL);
	memset(body, 'y', len); /* everything was copied */
	http_wait(&world);
	assert_int_equal(answer.status, 200);
	assert_null(strstr(answer.body, "Expect"));
	assert_non_null(strstr(answer.body, "xxxx"));
	assert_null(strchr(answer.body, 'y'));
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
	free(body);
}

static void test_a_connection_serves_one_request_after_the_other(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	for (int i = 0; i < 20; i++) {
		struct orch_request request = http_request(i % 2 ? "GET" : "POST", server, "/");
		struct http_answer answer = { .status = -1 };

		request.body = i % 2 ? ORCH_TEXT_NONE : ORCH_TEXT("body");
		http_send(&world, &answer, &request);
		assert_int_equal(answer.status, 200);
		http_answer_fini(&answer);
	}
	assert_int_equal(stand_in_requests(server), 20);
	assert_int_equal(stand_in_connections(server), 1);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_kept_connection_is_judged_by_the_egress_of_each_request(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer first = { .status = -1 }, second = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	http_send(&world, &first, &request);
	assert_int_equal(first.status, 200);
	world.egress.allowed_count = 0;
	http_send(&world, &second, &request);
	assert_int_equal(second.status, 0);
	assert_string_equal(
		second.problem, "address 127.0.0.1 is loopback; egress.allow does not name it");
	assert_false(second.was_sent);
	assert_int_equal(stand_in_requests(server), 1);
	http_answer_fini(&first);
	http_answer_fini(&second);
	http_world_fini(&world);
	stand_in_stop(server);
}

/* Lets nobody through before WANTED have come, and somebody has opened it. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting, wanted, ticks;
};

static void serve_gate(struct stand_in_conn *conn)
{
	struct gate *gate = conn->arg;

	while (stand_in_read_request(conn)) {
		pthread_mutex_lock(&gate->lock);
		gate->waiting++;
		pthread_cond_broadcast(&gate->changed);
		while (gate->waiting < gate->wanted || gate->ticks < 10)
			pthread_cond_wait(&gate->changed, &gate->lock);
		pthread_mutex_unlock(&gate->lock);
		if (!stand_in_answer(conn, "200 OK", "", "late"))
			return;
	}
}

struct ticker {
	struct orch_timer timer;
	struct gate *gate;
};

/* Counts only the turns that the lane makes while all requests wait for their answers. */
static void tick(void *arg)
{
	struct ticker *ticker = arg;

	pthread_mutex_lock(&ticker->gate->lock);
	ticker->gate->ticks += ticker->gate->waiting >= ticker->gate->wanted;
	pthread_cond_broadcast(&ticker->gate->changed);
	pthread_mutex_unlock(&ticker->gate->lock);
	orch_timer_set(&ticker->timer, 1);
}

static void test_300_requests_wait_on_one_thread_that_goes_on_working(void **state)
{
	const struct orch_http_client_options options = { .max_connections = MANY,
		.max_per_host = MANY };
	struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.wanted = MANY };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_gate, &gate);
	struct ticker ticker = { .gate = &gate };
	struct http_answer *answers = calloc(MANY, sizeof(*answers));
	struct orch_request request = http_request("GET", server, "/");
	struct http_world world;

	(void)state;
	assert_non_null(answers);
	http_world_init(&world, &options);
	assert_int_equal(orch_timer_init(&ticker.timer, world.lane, tick, &ticker), ORCH_OK);
	orch_timer_set(&ticker.timer, 1);
	for (size_t i = 0; i < MANY; i++)
		http_begin(&world, &answers[i], &request, NULL);
	assert_int_equal(orch_http_client_in_flight(world.client), MANY);
	http_wait(&world);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(answers[i].status, 200);
		http_answer_fini(&answers[i]);
	}
	assert_int_equal(stand_in_open_max(server), MANY);
	assert_true(gate.ticks >= 10);
	orch_timer_fini(&ticker.timer);
	http_world_fini(&world);
	stand_in_stop(server);
	free(answers);
}

static void test_more_requests_than_connections_wait_their_turn(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct http_answer *answers = calloc(MANY, sizeof(*answers));
	struct orch_request request = http_request("GET", server, "/");
	struct http_world world;

	(void)state;
	assert_non_null(answers);
	http_world_init(&world, NULL);
	for (size_t i = 0; i < MANY; i++)
		http_begin(&world, &answers[i], &request, NULL);
	http_wait(&world);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(answers[i].status, 200);
		http_answer_fini(&answers[i]);
	}
	assert_int_equal(stand_in_requests(server), MANY);
	assert_true(stand_in_open_max(server) <= ORCH_HTTP_CLIENT_PER_HOST);
	http_world_fini(&world);
	stand_in_stop(server);
	free(answers);
}

static void serve_retry_after(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		char headers[256];

		(void)snprintf(headers, sizeof(headers), "retry-after: %s\r\n", conn->body);
		if (!stand_in_answer(conn, "429 Too Many Requests", headers, ""))
			return;
	}
}

static uint64_t ask_retry_after(
	struct http_world *world, struct stand_in *server, const char *value)
{
	struct orch_request request = http_request("POST", server, "/");
	struct http_answer answer = { .status = -1 };
	uint64_t ms;

	request.body = orch_text_from(value);
	http_send(world, &answer, &request);
	assert_int_equal(answer.status, 429);
	ms = answer.retry_after_ms;
	http_answer_fini(&answer);
	return ms;
}

static void test_retry_after_in_all_its_forms(void **state)
{
	static const struct {
		const char *value;
		uint64_t ms;
	} rows[] = { { "0", 0 }, { "1", 1000 }, { "30", 30000 }, { " 30 ", 30000 },
		{ "3600", 3600000 }, { "3601", 3600000 }, { "99999999999999999999999", 3600000 },
		{ "-1", 0 }, { "1.5", 0 }, { "soon", 0 }, { "", 0 },
		{ "Wed, 21 Oct 2015 07:28:00 GMT", 0 },
		{ "Fri, 31 Dec 2100 23:59:59 GMT", 3600000 } };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_retry_after, NULL);
	time_t soon = (time_t)(orch_clock_now_ms() / 1000) + 120;
	char date[64];
	struct http_world world;
	struct tm tm;
	uint64_t ms;

	(void)state;
	http_world_init(&world, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ask_retry_after(&world, server, rows[i].value), rows[i].ms);
	assert_true(strftime(date, sizeof(date), "%a, %d %b %Y %T GMT", gmtime_r(&soon, &tm)) > 0);
	ms = ask_retry_after(&world, server, date);
	assert_in_range(ms, 1, 120000);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_durations_are_counted_by_configured_host_and_class(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	const struct orch_origin origin = { ORCH_TEXT("http"), ORCH_TEXT("127.0.0.1"), 1 };
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer answer = { .status = -1 };
	struct orch_metric *named, *other;
	int64_t named_before, other_before;
	struct http_world world;

	(void)state;
	named = orch_metric(ORCH_METRIC_SECONDS, "orchestrator_upstream_request_duration_seconds",
		"x", { "upstream", ORCH_TEXT("127.0.0.1") }, { "code", ORCH_TEXT("2xx") });
	other = orch_metric(ORCH_METRIC_SECONDS, "orchestrator_upstream_request_duration_seconds",
		"x", { "upstream", ORCH_TEXT("other") }, { "code", ORCH_TEXT("2xx") });
	named_before = orch_metric_value(named);
	other_before = orch_metric_value(other);
	http_world_init(&world, NULL);
	http_send(&world, &answer, &request);
	http_answer_fini(&answer);
	assert_int_equal(orch_metric_value(other), other_before + 1);
	world.egress.origins = &origin;
	world.egress.origin_count = 1;
	http_send(&world, &answer, &request);
	http_answer_fini(&answer);
	assert_int_equal(orch_metric_value(named), named_before + 1);
	http_world_fini(&world);
	stand_in_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_arrives_whole),
		cmocka_unit_test(test_what_is_sent_is_what_was_asked_for),
		cmocka_unit_test(test_a_head_request_has_no_body),
		cmocka_unit_test(test_a_large_body_is_sent_without_waiting_for_100_continue),
		cmocka_unit_test(test_a_connection_serves_one_request_after_the_other),
		cmocka_unit_test(test_a_kept_connection_is_judged_by_the_egress_of_each_request),
		cmocka_unit_test(test_300_requests_wait_on_one_thread_that_goes_on_working),
		cmocka_unit_test(test_more_requests_than_connections_wait_their_turn),
		cmocka_unit_test(test_retry_after_in_all_its_forms),
		cmocka_unit_test(test_durations_are_counted_by_configured_host_and_class),
	};

	return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
