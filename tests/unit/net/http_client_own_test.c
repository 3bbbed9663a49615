/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the core's own: they say what no plugin may. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"
#include "support/text_assert.h"

struct seen {
	const char *status, *headers; /* what is answered */
	char request[4096];           /* what came last */
};

static void serve(struct stand_in_conn *conn)
{
	struct seen *seen = conn->arg;

	while (stand_in_read_request(conn)) {
		(void)snprintf(seen->request, sizeof(seen->request), "%.4000s", conn->request);
		if (!stand_in_answer(conn, seen->status, seen->headers, "body"))
			return;
	}
}

static void send_own(
	struct http_world *world, struct http_answer *answer, const struct orch_request *request)
{
	struct orch_err err = { "" };

	http_expect(world, answer);
	answer->refused = orch_http_client_send_own(
		world->client, &world->egress, request, http_note, answer, &answer->flight, &err);
	assert_int_equal(answer->refused, ORCH_OK);
	http_wait(world);
}

static void test_any_header_may_be_set_and_none_is_added(void **state)
{
	struct seen seen = { .status = "200 OK", .headers = "Date: x\r\n" };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve, &seen);
	struct orch_request request = http_request("POST", server, "/");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	request.headers = ORCH_TEXT("Host: queue.example\nAuthorization: AWS4 x\nX-Y: z\n");
	request.body = ORCH_TEXT("{}");
	send_own(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "body");
	assert_string_equal(seen.request,
		"POST / HTTP/1.1\r\n"
		"Host: queue.example\r\n"
		"User-Agent: orchestrator\r\n"
		"Authorization: AWS4 x\r\n"
		"X-Y: z\r\n"
		"Content-Length: 2\r\n"
		"\r\n{}");
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_header_is_still_one_line(void **state)
{
	struct seen seen = { .status = "200 OK", .headers = "" };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve, &seen);
	struct orch_request request = http_request("GET", server, "/");
	struct http_world world;
	struct orch_err err = { "" };

	(void)state;
	http_world_init(&world, NULL);
	request.headers = ORCH_TEXT("Authorization: a\rX: b\n");
	assert_int_equal(orch_http_client_send_own(world.client, &world.egress, &request, http_note,
				 NULL, NULL, &err),
		ORCH_E_DENIED);
	assert_int_equal(stand_in_requests(server), 0);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_redirect_is_shown_and_not_followed(void **state)
{
	struct seen other = { .status = "200 OK", .headers = "" };
	struct stand_in *elsewhere = stand_in_start("127.0.0.1", NULL, serve, &other);
	struct http_answer answer = { .status = -1 };
	struct orch_request request;
	struct http_world world;
	struct stand_in *server;
	struct seen seen;
	char location[100];

	(void)state;
	(void)snprintf(location, sizeof(location), "Location: http://127.0.0.1:%u/\r\n",
		(unsigned)stand_in_port(elsewhere));
	seen = (struct seen){ .status = "307 Temporary Redirect", .headers = location };
	server = stand_in_start("127.0.0.1", NULL, serve, &seen);
	request = http_request("POST", server, "/");
	request.headers = ORCH_TEXT("Authorization: AWS4 x\n");
	http_world_init(&world, NULL);
	send_own(&world, &answer, &request);
	assert_int_equal(answer.status, 307);
	assert_int_equal(stand_in_connections(elsewhere), 0);
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
	stand_in_stop(elsewhere);
}

static void test_the_egress_guard_judges_them_too(void **state)
{
	struct seen seen = { .status = "200 OK", .headers = "" };
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve, &seen);
	struct orch_request request = http_request("GET", server, "/");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	world.egress.allowed_count = 0;
	send_own(&world, &answer, &request);
	assert_int_equal(answer.status, 0);
	assert_contains(answer.problem, "loopback");
	assert_int_equal(stand_in_connections(server), 0);
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_headers_are_found_by_name_and_dates_are_read(void **state)
{
	const struct orch_text head = ORCH_TEXT("HTTP/1.1 200\nage: 3\nDate:  Sat, 21 Nov 2026 "
						"03:00:00 GMT \nDate: later\n");

	(void)state;
	assert_text(orch_http_find_header(head, "Age"), "3");
	assert_text(orch_http_find_header(head, "Ag"), "");
	assert_int_equal(orch_http_parse_date(orch_http_find_header(head, "date")), 1795230000000);
	assert_int_equal(orch_http_parse_date(ORCH_TEXT("no date")), 0);
	assert_int_equal(orch_http_parse_date(ORCH_TEXT("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_header_may_be_set_and_none_is_added),
		cmocka_unit_test(test_a_header_is_still_one_line),
		cmocka_unit_test(test_a_redirect_is_shown_and_not_followed),
		cmocka_unit_test(test_the_egress_guard_judges_them_too),
		cmocka_unit_test(test_headers_are_found_by_name_and_dates_are_read),
	};

	return cmocka_run_group_tests_name("http_client_own", tests, NULL, NULL);
}
