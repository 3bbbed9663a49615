/* SPDX-License-Identifier: Apache-2.0 */
/* Names: this program's own getaddrinfo() stands before the system's, and answers as a test wants. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"

typedef int (*lookup)(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret_list);

/* What every name leads to; NULL: there is no such name. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *answer;
	bool is_held; /* nobody gets an answer */
	unsigned asked, answered;
} dns = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

ORCH_EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret_list)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST };
	lookup real;
	const char *answer;
	int code = EAI_NONAME;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	(void)node;
	if (hints) {
		numeric = *hints;
		numeric.ai_flags = AI_NUMERICHOST;
		numeric.ai_family = AF_UNSPEC;
	}
	pthread_mutex_lock(&dns.lock);
	dns.asked++;
	pthread_cond_broadcast(&dns.changed);
	while (dns.is_held)
		pthread_cond_wait(&dns.changed, &dns.lock);
	answer = dns.answer;
	pthread_mutex_unlock(&dns.lock);
	if (answer)
		code = real(answer, service, &numeric, ret_list);
	pthread_mutex_lock(&dns.lock);
	dns.answered++;
	pthread_cond_broadcast(&dns.changed);
	pthread_mutex_unlock(&dns.lock);
	return code;
}

static void set_answer(const char *answer)
{
	pthread_mutex_lock(&dns.lock);
	dns.answer = answer;
	pthread_mutex_unlock(&dns.lock);
}

static void hold(bool is_held)
{
	pthread_mutex_lock(&dns.lock);
	dns.is_held = is_held;
	pthread_cond_broadcast(&dns.changed);
	while (!is_held && dns.answered < dns.asked)
		pthread_cond_wait(&dns.changed, &dns.lock);
	pthread_mutex_unlock(&dns.lock);
}

static void serve_close(struct stand_in_conn *conn)
{
	if (stand_in_read_request(conn))
		(void)stand_in_answer(conn, "200 OK", "Connection: close\r\n", "here");
}

static struct orch_request request_to(const char *host, uint16_t port)
{
	static char url[300];

	(void)snprintf(url, sizeof(url), "http://%s:%u/x?token=canary", host, (unsigned)port);
	return (struct orch_request){ .size = sizeof(struct orch_request),
		.method = ORCH_TEXT("GET"),
		.url = orch_text_from(url),
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE };
}

static void test_a_name_that_does_not_exist_is_said_so(void **state)
{
	struct orch_request request = request_to("no.example", 80);
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	set_answer(NULL);
	http_world_init(&world, NULL);
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem, "name not found: no.example");
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
	http_world_fini(&world);
}

static void test_a_name_of_a_private_address_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "10.0.0.1",
			"address 10.0.0.1 of x.example is private; egress.allow does not name it" },
		{ "169.254.169.254",
			"address 169.254.169.254 of x.example is link-local; egress.allow does not "
			"name it" },
		{ "::1", "address ::1 of x.example is loopback; egress.allow does not name it" },
		{ "::ffff:127.0.0.1",
			"address ::ffff:127.0.0.1 of x.example is loopback; egress.allow does not "
			"name it" },
		{ "fd00::1",
			"address fd00::1 of x.example is private; egress.allow does not name it" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_request request = request_to("x.example", 80);
		struct http_answer answer = { .status = -1 };
		struct http_world world;

		set_answer(rows[i][0]);
		http_world_init(&world, NULL);
		world.egress.allowed_count = 0;
		http_send(&world, &answer, &request);
		assert_int_equal(answer.status, 0);
		assert_string_equal(answer.problem, rows[i][1]);
		assert_false(answer.was_sent);
		http_answer_fini(&answer);
		http_world_fini(&world);
	}
}

/* The name leads to an allowed address first, then to the service that it is after. */
static void test_an_answer_that_changes_is_judged_anew(void **state)
{
	struct stand_in *allowed = stand_in_start("127.0.0.2", NULL, serve_close, NULL);
	struct stand_in *victim = stand_in_start("127.0.0.1", NULL, serve_close, NULL);
	struct http_answer answer = { .status = -1 };
	struct orch_request request;
	struct http_world world;
	struct orch_err err;

	(void)state;
	http_world_init(&world, NULL);
	assert_int_equal(
		orch_network_parse(ORCH_TEXT("127.0.0.2/32"), &world.networks[0], &err), ORCH_OK);
	world.egress.allowed_count = 1;
	set_answer("127.0.0.2");
	request = request_to("rebind.example", stand_in_port(allowed));
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 200);
	http_answer_fini(&answer);

	set_answer("127.0.0.1");
	request = request_to("rebind.example", stand_in_port(victim));
	http_send(&world, &answer, &request);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem,
		"address 127.0.0.1 of rebind.example is loopback; egress.allow does not name it");
	assert_false(answer.was_sent);
	assert_int_equal(stand_in_connections(allowed), 1);
	assert_int_equal(stand_in_connections(victim), 0);
	http_answer_fini(&answer);
	http_world_fini(&world);
	stand_in_stop(allowed);
	stand_in_stop(victim);
}

static void test_a_slow_name_server_holds_up_nobody_else(void **state)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_close, NULL);
	struct orch_request request = request_to("slow.example", 80);
	struct http_answer slow = { .status = -1 }, quick = { .status = -1 };
	struct http_world world;

	(void)state;
	hold(true);
	http_world_init(&world, NULL);
	request.timeout_ms = 200;
	http_begin(&world, &slow, &request, NULL);
	request = request_to("127.0.0.1", stand_in_port(server));
	http_begin(&world, &quick, &request, NULL);
	http_wait(&world); /* for both, while the look-up is still held */
	assert_int_equal(quick.status, 200);
	assert_string_equal(slow.problem, "timed out after 200 ms");
	assert_false(slow.was_sent);
	http_answer_fini(&slow);
	http_answer_fini(&quick);
	http_world_fini(&world);
	stand_in_stop(server);
	hold(false);
}

static void cancel(void *arg)
{
	struct http_answer *answer = arg;

	orch_http_client_cancel(answer->flight);
	answer->world->pending--;
	orch_lane_quit(answer->world->lane);
}

static void test_a_request_can_be_cancelled_while_its_name_is_looked_up(void **state)
{
	struct orch_request request = request_to("slow.example", 80);
	struct http_answer answer = { .status = -1 };
	struct orch_timer timer;
	struct http_world world;

	(void)state;
	hold(true);
	http_world_init(&world, NULL);
	http_begin(&world, &answer, &request, NULL);
	assert_int_equal(orch_timer_init(&timer, world.lane, cancel, &answer), ORCH_OK);
	orch_timer_set(&timer, 20);
	http_wait(&world);
	assert_false(answer.is_done);
	assert_int_equal(orch_http_client_in_flight(world.client), 0);
	orch_timer_fini(&timer);
	http_world_fini(&world);
	hold(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_that_does_not_exist_is_said_so),
		cmocka_unit_test(test_a_name_of_a_private_address_is_refused),
		cmocka_unit_test(test_an_answer_that_changes_is_judged_anew),
		cmocka_unit_test(test_a_slow_name_server_holds_up_nobody_else),
		cmocka_unit_test(test_a_request_can_be_cancelled_while_its_name_is_looked_up),
	};

	return cmocka_run_group_tests_name("http_client_dns", tests, NULL, NULL);
}
