/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens, and whose requests it takes them for. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

static int try_to_listen(const char *listen, struct orch_err *ret_err)
{
	const struct orch_http_server_options options = { .listen = listen };
	struct orch_http_server *server;
	struct orch_lane *lane;
	struct orch_err err;
	int code;

	assert_int_equal(orch_lane_create("listen", &lane, &err), ORCH_OK);
	code = orch_http_server_create(lane, &options, &server, ret_err);
	if (code == ORCH_OK)
		orch_http_server_destroy(server);
	orch_lane_destroy(lane);
	return code;
}

static void test_what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = { "", ":", "8080", ":8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", "127.0.0.1:80 ",
		"::1:8080", "[::1:8080", "[]:8080", "localhost:8080", "300.0.0.1:8080", "**:8080",
		"2001:0db8:0000:0000:0000:0000:0000:0001:0000:0000:0000:0000:80" };
	struct orch_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&err, 0, sizeof(err));
		if (try_to_listen(wrong[i], &err) != ORCH_E_INVALID)
			fail_msg("\"%s\" is accepted", wrong[i]);
		assert_contains(err.text, wrong[i]);
	}
	orch_http_server_destroy(NULL);
}

static void test_a_taken_port_is_told(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[32];
	struct orch_err err;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	assert_int_equal(try_to_listen(text, &err), ORCH_E_INVALID);
	assert_contains(err.text, text);
	assert_contains(err.text, "in use");
	assert_contains(err.text, "another program listens there");
	assert_int_equal(orch_http_server_probe(text, &err), ORCH_E_INVALID);
	close(fd);
	assert_int_equal(orch_http_server_probe(text, &err), ORCH_OK);
}

static void test_an_address_is_checked_and_its_port_is_not(void **state)
{
	static const char *const ours[] = { "127.0.0.1:0", "*:80", "[::1]:1", "127.0.0.2:65535" };
	struct orch_err err = { "" };
	struct served served;
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (orch_http_listen_check(ours[i], &err) != ORCH_OK)
			fail_msg("%s", err.text);
	assert_int_equal(orch_http_listen_check("192.0.2.1:8080", &err), ORCH_E_INVALID);
	assert_contains(err.text, "cannot listen on 192.0.2.1:8080: ");
	assert_int_equal(orch_http_listen_check("localhost:8080", &err), ORCH_E_INVALID);
	served_start(&served, NULL);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)served.port);
	assert_int_equal(orch_http_listen_check(text, &err), ORCH_OK);
	served_stop(&served);
}

static void expect_hello(int fd)
{
	struct reply reply;

	assert_true(peer_say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
	peer_read(fd, &reply);
	assert_string_equal(reply.body, "hello");
	reply_fini(&reply);
}

static void test_a_star_listens_on_every_address(void **state)
{
	const struct orch_http_server_options options = { .listen = "*:0" };
	struct served served;
	struct reply reply;
	int fd;

	(void)state;
	served_start(&served, &options);
	assert_int_not_equal(served.port, 0);
	fd = peer_connect(served.port);
	expect_hello(fd);
	/* An IPv4 client stays one, also on a socket for both. */
	assert_true(peer_say(fd, "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n"));
	peer_read(fd, &reply);
	assert_string_equal(reply.body, "127.0.0.1");
	reply_fini(&reply);
	close(fd);
	served_stop(&served);
}

static void test_ipv6_is_served(void **state)
{
	const struct orch_http_server_options options = { .listen = "[::1]:0" };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct served served;
	struct orch_err err;
	int fd;

	(void)state;
	if (try_to_listen("[::1]:0", &err) < 0)
		skip(); /* a machine without IPv6 */
	served_start(&served, &options);
	address.sin6_port = htons(served.port);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_hello(fd);
	close(fd);
	served_stop(&served);
}

/* So that each lane has a listener of its own. */
static void test_several_servers_share_one_address(void **state)
{
	struct orch_http_server_options options = { .shares_port = true };
	struct served first, second;
	char listen[32];
	unsigned tries = 0;

	(void)state;
	served_start(&first, &options);
	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", (unsigned)first.port);
	options.listen = listen;
	served_start(&second, &options);
	assert_int_equal(second.port, first.port);
	while (first.handled == 0 || second.handled == 0) {
		int fd = peer_connect(first.port);

		assert_true(tries++ < 1000);
		expect_hello(fd);
		close(fd);
	}
	served_stop(&first);
	served_stop(&second);
}

static void test_who_does_not_share_keeps_others_out(void **state)
{
	const struct orch_http_server_options willing = { .shares_port = true };
	struct orch_http_server_options wanted = { 0 };
	struct orch_http_server *server;
	struct orch_lane *lane;
	struct served served;
	struct orch_err err;
	char listen[32];

	(void)state;
	assert_int_equal(orch_lane_create("listen", &lane, &err), ORCH_OK);
	for (int first_shares = 0; first_shares < 2; first_shares++) {
		served_start(&served, first_shares ? &willing : NULL);
		(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", (unsigned)served.port);
		wanted.listen = listen;
		wanted.shares_port = !first_shares;
		assert_int_equal(
			orch_http_server_create(lane, &wanted, &server, &err), ORCH_E_INVALID);
		assert_contains(err.text, "another program listens there");
		assert_int_equal(orch_http_server_probe(listen, &err), ORCH_E_INVALID);
		served_stop(&served);
	}
	orch_lane_destroy(lane);
}

static void test_no_memory_for_a_server_is_told(void **state)
{
	unsigned failures = 0;
	struct orch_err err;

	(void)state;
	for (uint64_t n = 1;; n++) {
		const struct orch_http_server_options options = { .listen = "127.0.0.1:0" };
		struct orch_http_server *server = NULL;
		struct orch_lane *lane;
		int code;

		assert_int_equal(orch_lane_create("listen", &lane, &err), ORCH_OK);
		orch_alloc_fail_at(n, 1);
		code = orch_http_server_create(lane, &options, &server, &err);
		orch_alloc_fail_at(0, 0);
		orch_http_server_destroy(server);
		orch_lane_destroy(lane);
		if (code == ORCH_OK)
			break;
		assert_int_equal(code, ORCH_E_NOMEM);
		failures++;
	}
	assert_true(failures >= 3);
}

static void fail_soon(struct served *served)
{
	served->fail_at++;
	orch_alloc_fail_at(served->fail_at, 1);
}

static void fail_no_more(struct served *served)
{
	(void)served;
	orch_alloc_fail_at(0, 0);
}

/* Whichever allocation fails, the connection ends or is served; the next one is served. */
static void test_no_memory_for_a_connection_costs_that_connection(void **state)
{
	struct served served;

	(void)state;
	served_start(&served, NULL);
	for (unsigned i = 0; i < 12; i++) {
		char bytes[1024];
		int fd;

		served_do(&served, fail_soon);
		fd = peer_connect(served.port);
		(void)peer_say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
		(void)peer_read_to_end(fd, bytes, sizeof(bytes));
		if (bytes[0] != '\0' && !strstr(bytes, "200 OK") && !strstr(bytes, "503 "))
			fail_msg("%s", bytes);
		close(fd);
		served_do(&served, fail_no_more);
	}
	served_wait_for_connections(&served, 0);
	assert_true(served.handled > 0 && served.handled < 12);
	served_stop(&served);
}

static void drain(struct served *served)
{
	orch_http_server_drain(served->server, false);
}

static void test_a_drained_server_accepts_no_more(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct served served;
	int fd = peer_socket();

	(void)state;
	served_start(&served, NULL);
	served_do(&served, drain);
	served_do(&served, drain);
	address.sin_port = htons(served.port);
	assert_true(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0);
	close(fd);
	served_stop(&served);
}

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static void drain_while_another_serves(struct served *served)
{
	orch_http_server_drain(served->server, true);
}

/* A client that keeps its connections cannot know that the next request must go elsewhere. */
static void test_an_idle_connection_has_a_last_chance_if_another_serves_on(void **state)
{
	struct served served;
	struct reply reply;
	int used, fresh, silent;

	(void)state;
	served_start(&served, NULL);
	used = peer_connect(served.port);
	fresh = peer_connect(served.port);
	silent = peer_connect(served.port);
	assert_true(peer_say(used, HELLO));
	peer_read(used, &reply);
	assert_int_equal(reply.status, 200);
	reply_fini(&reply);
	served_wait_for_connections(&served, 3);
	served_do(&served, drain_while_another_serves);
	assert_true(peer_say(used, HELLO));
	peer_expect_refusal(used, 200); /* with the end announced */
	assert_true(peer_say(fresh, HELLO));
	peer_expect_refusal(fresh, 200);
	assert_int_equal(served.handled, 3);
	peer_expect_end(silent);
	close(used);
	close(fresh);
	close(silent);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
}

struct forwarding {
	const char *headers;
	const char *peer;
};

static void play_forwardings(
	const struct orch_http_server_options *options, const struct forwarding *rows, size_t count)
{
	struct served served;
	int fd;

	served_start(&served, options);
	fd = peer_connect(served.port);
	for (size_t i = 0; i < count; i++) {
		char request[512];
		struct reply reply;

		(void)snprintf(request, sizeof(request), "GET /peer HTTP/1.1\r\nHost: a\r\n%s\r\n",
			rows[i].headers);
		assert_true(peer_say(fd, request));
		peer_read(fd, &reply);
		if (strcmp(reply.body, rows[i].peer) != 0)
			fail_msg("%s: %s", rows[i].headers, reply.body);
		reply_fini(&reply);
	}
	close(fd);
	served_stop(&served);
}

static void test_forwarded_addresses_are_believed_of_proxies_only(void **state)
{
	static const struct forwarding by_proxy[] = {
		{ "", "127.0.0.1" },
		{ "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7" },
		{ "x-forwarded-for:  203.0.113.7 \r\n", "203.0.113.7" },
		/* What stands left of the first foreign address is its own claim. */
		{ "X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\n", "203.0.113.7" },
		{ "X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.0.0.9\r\n", "203.0.113.7" },
		{ "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.7,10.1.2.3\r\n",
			"203.0.113.7" },
		{ "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.1.2.3\r\n", "203.0.113.7" },
		{ "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1" },
		{ "X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7" },
		{ "X-Forwarded-For: 1.1.1.1, nonsense\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: 1.1.1.1, , 10.0.0.9\r\n", "10.0.0.9" },
		{ "X-Forwarded-For: 1.1.1.1,\r\n", "127.0.0.1" },
		{ "X-Forwarded-For: 1.1.1.1:80\r\n", "127.0.0.1" },
		{ "X-Forwarded-For:\r\n", "127.0.0.1" },
	};
	static const struct forwarding by_client[] = {
		{ "X-Forwarded-For: 203.0.113.7\r\n", "127.0.0.1" },
	};
	struct orch_network networks[2];
	struct orch_http_server_options options = { .proxies = networks, .proxy_count = 2 };
	struct orch_err err;

	(void)state;
	assert_int_equal(orch_network_parse(ORCH_TEXT("10.0.0.0/8"), &networks[0], &err), ORCH_OK);
	assert_int_equal(
		orch_network_parse(ORCH_TEXT("127.0.0.1/32"), &networks[1], &err), ORCH_OK);
	play_forwardings(&options, by_proxy, sizeof(by_proxy) / sizeof(by_proxy[0]));
	options.proxy_count = 1;
	play_forwardings(&options, by_client, 1);
	play_forwardings(NULL, by_client, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_address_is_refused),
		cmocka_unit_test(test_a_taken_port_is_told),
		cmocka_unit_test(test_an_address_is_checked_and_its_port_is_not),
		cmocka_unit_test(test_a_star_listens_on_every_address),
		cmocka_unit_test(test_ipv6_is_served),
		cmocka_unit_test(test_several_servers_share_one_address),
		cmocka_unit_test(test_who_does_not_share_keeps_others_out),
		cmocka_unit_test(test_no_memory_for_a_server_is_told),
		cmocka_unit_test(test_no_memory_for_a_connection_costs_that_connection),
		cmocka_unit_test(test_a_drained_server_accepts_no_more),
		cmocka_unit_test(test_an_idle_connection_has_a_last_chance_if_another_serves_on),
		cmocka_unit_test(test_forwarded_addresses_are_believed_of_proxies_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
