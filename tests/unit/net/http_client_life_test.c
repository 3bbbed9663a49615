/* SPDX-License-Identifier: Apache-2.0 */
/* The lives of requests: waiting for a turn, cancelled, ended with their client. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"

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

static void serve_never(struct stand_in_conn *conn)
{
	if (stand_in_read_request(conn))
		stand_in_wait_for_end(conn);
}

static void test_waiting_for_a_turn_ends_too(void **state)
{
	const struct orch_http_client_options options = { .max_per_host = 2 };
	struct stand_in *mute = stand_in_start("127.0.0.1", NULL, serve_never, NULL);
	struct orch_request request = http_request("GET", mute, "/");
	struct http_answer answers[20] = { { .status = -1 } };
	struct http_world world;

	(void)state;
	http_world_init(&world, &options);
	request.timeout_ms = 100;
	for (size_t i = 0; i < 20; i++)
		http_begin(&world, &answers[i], &request, NULL);
	http_wait(&world);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(answers[i].status, 0);
		assert_string_equal(answers[i].problem, "timed out after 100 ms");
		http_answer_fini(&answers[i]);
	}
	assert_true(stand_in_requests(mute) < 20);
	http_world_fini(&world);
	stand_in_stop(mute);
}

static void serve_mute_at_first(struct stand_in_conn *conn)
{
	if (stand_in_read_request(conn) && strstr(conn->request, "GET /mute"))
		stand_in_wait_for_end(conn);
	else
		(void)stand_in_answer(conn, "200 OK", "", "next");
}

static void cancel_flight(void *arg)
{
	struct http_answer *answer = arg;

	orch_http_client_cancel(answer->flight);
	answer->world->pending--;
}

static void test_a_cancelled_request_makes_room_for_the_next(void **state)
{
	const struct orch_http_client_options options = { .max_per_host = 1 };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_mute_at_first, NULL);
	struct orch_request request = http_request("GET", server, "/mute");
	struct http_answer first = { .status = -1 }, second = { .status = -1 };
	struct orch_timer timer;
	struct http_world world;

	(void)state;
	http_world_init(&world, &options);
	http_begin(&world, &first, &request, NULL);
	request = http_request("GET", server, "/");
	http_begin(&world, &second, &request, NULL);
	assert_int_equal(orch_timer_init(&timer, world.lane, cancel_flight, &first), ORCH_OK);
	orch_timer_set(&timer, 10);
	http_wait(&world);
	assert_false(first.is_done);
	assert_int_equal(second.status, 200);
	assert_string_equal(second.body, "next");
	http_answer_fini(&second);
	orch_timer_fini(&timer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void send_another(struct http_answer *answer)
{
	struct http_answer *next = answer->arg;
	struct stand_in *server = next->arg;
	struct orch_request request = http_request("GET", server, "/next");

	next->arg = NULL;
	http_begin(answer->world, next, &request, NULL);
}

static void test_done_may_send_the_next_request(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct http_answer second = { .arg = server };
	struct http_answer first = { .then = send_another, .arg = &second };
	struct orch_request request = http_request("GET", server, "/first");
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	http_send(&world, &first, &request);
	assert_int_equal(first.status, 200);
	assert_string_equal(second.body, "GET /next HTTP/1.1|");
	http_answer_fini(&first);
	http_answer_fini(&second);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void cancel_other(struct http_answer *answer)
{
	struct http_answer *other = answer->arg;

	orch_http_client_cancel(other->flight);
	orch_http_client_cancel(answer->flight); /* over already: nothing happens */
	answer->world->pending--;
	orch_lane_quit(answer->world->lane);
}

static void test_done_may_cancel_another_request(void **state)
{
	struct stand_in *quick = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct stand_in *mute = stand_in_start("127.0.0.1", NULL, serve_never, NULL);
	struct orch_request request = http_request("GET", mute, "/");
	struct http_answer never = { .status = -1 };
	struct http_answer first = { .then = cancel_other, .arg = &never };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	http_begin(&world, &never, &request, NULL);
	request = http_request("GET", quick, "/");
	http_send(&world, &first, &request);
	assert_int_equal(first.status, 200);
	assert_false(never.is_done);
	assert_int_equal(orch_http_client_in_flight(world.client), 0);
	http_answer_fini(&first);
	http_world_fini(&world);
	stand_in_stop(quick);
	stand_in_stop(mute);
}

static void destroy_client(struct http_answer *answer)
{
	struct orch_http_client *client = answer->world->client;

	answer->world->client = NULL;
	orch_http_client_destroy(client);
}

static void refuse_to_send(struct http_answer *answer)
{
	struct http_answer late = { .status = -1 };
	struct orch_request request = http_request("GET", answer->arg, "/");

	if (!answer->world->client)
		return;
	http_begin(answer->world, &late, &request, NULL);
	assert_int_equal(late.refused, ORCH_E_AGAIN);
}

static void test_done_may_destroy_the_client(void **state)
{
	struct stand_in *quick = stand_in_start("127.0.0.1", NULL, serve_echo, NULL);
	struct stand_in *mute = stand_in_start("127.0.0.1", NULL, serve_never, NULL);
	struct orch_request request = http_request("GET", mute, "/");
	struct http_answer left[3] = { { .status = -1 } };
	struct http_answer first = { .then = destroy_client };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	for (size_t i = 0; i < 3; i++)
		http_begin(&world, &left[i], &request, NULL);
	request = http_request("GET", quick, "/");
	http_send(&world, &first, &request);
	assert_int_equal(first.status, 200);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(left[i].status, 0);
		assert_string_equal(left[i].problem, "stopped");
		http_answer_fini(&left[i]);
	}
	http_answer_fini(&first);
	http_world_fini(&world);
	stand_in_stop(quick);
	stand_in_stop(mute);
}

static void test_destroy_ends_every_flight_and_takes_no_new_one(void **state)
{
	struct stand_in *mute = stand_in_start("127.0.0.1", NULL, serve_never, NULL);
	struct orch_request request = http_request("GET", mute, "/");
	struct http_answer left[3] = { { .then = refuse_to_send, .arg = mute },
		{ .then = refuse_to_send, .arg = mute }, { .then = refuse_to_send, .arg = mute } };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	for (size_t i = 0; i < 3; i++)
		http_begin(&world, &left[i], &request, NULL);
	orch_http_client_destroy(world.client);
	world.client = NULL;
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(left[i].problem, "stopped");
		http_answer_fini(&left[i]);
	}
	assert_int_equal(world.pending, 0);
	http_world_fini(&world);
	stand_in_stop(mute);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_for_a_turn_ends_too),
		cmocka_unit_test(test_a_cancelled_request_makes_room_for_the_next),
		cmocka_unit_test(test_done_may_send_the_next_request),
		cmocka_unit_test(test_done_may_cancel_another_request),
		cmocka_unit_test(test_done_may_destroy_the_client),
		cmocka_unit_test(test_destroy_ends_every_flight_and_takes_no_new_one),
	};

	return cmocka_run_group_tests_name("http_client_life", tests, NULL, NULL);
}
