/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets go to the process that comes next; here both are one. */
#include "unit/net/hand.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "support/http_peer.h"

#define LISTEN_MOST 63 /* characters of a listener's name */
#define PATIENCE_MS 30000

/* The elder notes it when all have been sent, which may be after the last has come. */
static void expect_taken(const struct elder *elder)
{
	uint64_t until = orch_clock_mono_ms() + PATIENCE_MS;

	while (!orch_http_hand_was_taken(elder->hand))
		assert_true(orch_clock_mono_ms() < until);
}

/* FD accepts who connects to PORT. */
static void expect_accepts(int fd, uint16_t port)
{
	int client = peer_connect(port);
	int server = accept(fd, NULL, NULL);

	assert_true(server >= 0);
	(void)close(server);
	(void)close(client);
}

static void test_sockets_arrive_and_accept(void **state)
{
	int fd = listen_somewhere(), got;
	struct orch_http_sockets *sockets;
	struct elder elder;

	(void)state;
	elder_start(&elder, fd);
	assert_false(orch_http_hand_was_taken(elder.hand));
	sockets = fetch();
	assert_non_null(sockets);
	assert_int_equal(orch_http_sockets_take(sockets, "127.0.0.1:8081"), -1);
	got = orch_http_sockets_take(sockets, LISTEN);
	assert_true(got >= 0 && got != fd);
	assert_int_equal(orch_http_sockets_take(sockets, LISTEN), -1);
	orch_http_sockets_destroy(sockets);
	expect_taken(&elder);
	elder_stop(&elder);
	expect_accepts(got, port_of(fd));
	(void)close(fd);
	expect_accepts(got, port_of(got));
	assert_true((fcntl(got, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(got);
}

/* As several lanes do that share an address. */
static void test_each_of_several_on_one_address_is_given_once(void **state)
{
	int one = listen_somewhere(), two = listen_somewhere(), got[2];
	struct orch_http_sockets *sockets;
	struct elder elder;

	(void)state;
	elder_make(&elder, folder, NAME);
	orch_http_hand_offer(elder.hand, LISTEN, one);
	orch_http_hand_offer(elder.hand, LISTEN, two);
	elder_run(&elder);
	sockets = fetch();
	for (size_t i = 0; i < 2; i++)
		got[i] = orch_http_sockets_take(sockets, LISTEN);
	assert_int_equal(port_of(got[0]), port_of(one));
	assert_int_equal(port_of(got[1]), port_of(two));
	assert_int_equal(orch_http_sockets_take(sockets, LISTEN), -1);
	orch_http_sockets_destroy(sockets);
	elder_stop(&elder);
	for (size_t i = 0; i < 2; i++)
		(void)close(got[i]);
	(void)close(one);
	(void)close(two);
}

static void test_where_nobody_serves_there_is_nothing(void **state)
{
	(void)state;
	assert_null(fetch());
	assert_null(fetch_from("/no/such/folder", NAME));
	assert_int_equal(orch_http_sockets_take(NULL, LISTEN), -1);
	orch_http_sockets_destroy(NULL);
	orch_http_hand_destroy(NULL);
	assert_false(orch_http_hand_was_taken(NULL));
}

static void test_another_name_and_another_folder_are_others(void **state)
{
	int fd = listen_somewhere();
	struct orch_http_sockets *sockets;
	struct elder elder;

	(void)state;
	elder_start(&elder, fd);
	assert_int_equal(mkdir(path_of("other"), 0700), 0);
	assert_null(fetch_from(folder, "listen-intake-scan"));
	assert_null(fetch_from(path_of("other"), NAME));
	assert_false(orch_http_hand_was_taken(elder.hand));
	sockets = fetch();
	assert_non_null(sockets);
	orch_http_sockets_destroy(sockets);
	elder_stop(&elder);
	assert_int_equal(rmdir(path_of("other")), 0);
	(void)close(fd);
}

/* Whether the elder was asked or not: he does not take a name away that is not his any more. */
static void test_the_younger_one_takes_the_name(void **state)
{
	int fds[2] = { listen_somewhere(), listen_somewhere() };
	struct elder elder, younger;

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		elder_start(&elder, fds[0]);
		if (asked)
			expect_port(port_of(fds[0]));
		elder_start(&younger, fds[1]);
		expect_port(port_of(fds[1]));
		elder_stop(&elder);
		expect_port(port_of(fds[1]));
		elder_stop(&younger);
		assert_null(fetch());
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void test_a_name_goes_with_who_was_asked_by_one_that_never_served(void **state)
{
	int fd = listen_somewhere();
	struct elder elder;

	(void)state;
	elder_start(&elder, fd);
	expect_port(port_of(fd));
	elder_stop(&elder);
	assert_int_equal(access(path_of(NAME), F_OK), -1);
	(void)close(fd);
}

static void test_what_is_too_much_is_left_out(void **state)
{
	int fd = listen_somewhere();
	struct orch_http_sockets *sockets;
	struct elder elder;
	char name[32];

	(void)state;
	elder_make(&elder, folder, NAME);
	for (int i = 0; i < ORCH_HTTP_HAND_SOCKETS + 1; i++) {
		(void)snprintf(name, sizeof(name), "[::1]:%d", i);
		orch_http_hand_offer(elder.hand, name, fd);
	}
	elder_run(&elder);
	sockets = fetch();
	for (int i = 0; i < ORCH_HTTP_HAND_SOCKETS + 1; i++) {
		int got;

		(void)snprintf(name, sizeof(name), "[::1]:%d", i);
		got = orch_http_sockets_take(sockets, name);
		assert_int_equal(got >= 0, i < ORCH_HTTP_HAND_SOCKETS);
		if (got >= 0)
			(void)close(got);
	}
	orch_http_sockets_destroy(sockets);
	expect_taken(&elder);
	elder_stop(&elder);
	(void)close(fd);
}

static void test_a_name_that_is_too_long_is_left_out(void **state)
{
	char name[LISTEN_MOST + 2];
	int fd = listen_somewhere(), got;
	struct orch_http_sockets *sockets;
	struct elder elder;

	(void)state;
	elder_make(&elder, folder, NAME);
	memset(name, '1', sizeof(name));
	name[LISTEN_MOST + 1] = '\0';
	orch_http_hand_offer(elder.hand, name, fd);
	name[LISTEN_MOST] = '\0';
	orch_http_hand_offer(elder.hand, name, fd);
	elder_run(&elder);
	sockets = fetch();
	got = orch_http_sockets_take(sockets, name);
	assert_true(got >= 0);
	(void)close(got);
	name[LISTEN_MOST] = '1';
	assert_int_equal(orch_http_sockets_take(sockets, name), -1);
	orch_http_sockets_destroy(sockets);
	elder_stop(&elder);
	(void)close(fd);
}

/* Longer than a socket's address may be. */
static void test_a_folder_may_have_a_long_name(void **state)
{
	char deep[512], name[201];
	int fd = listen_somewhere(), got;
	struct orch_http_sockets *sockets;
	struct elder elder;

	(void)state;
	memset(name, 'f', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(deep, sizeof(deep), "%s/%s", folder, name);
	assert_int_equal(mkdir(deep, 0700), 0);
	elder_make(&elder, deep, NAME);
	orch_http_hand_offer(elder.hand, LISTEN, fd);
	elder_run(&elder);
	sockets = fetch_from(deep, NAME);
	got = orch_http_sockets_take(sockets, LISTEN);
	assert_true(got >= 0);
	(void)close(got);
	orch_http_sockets_destroy(sockets);
	elder_stop(&elder);
	assert_int_equal(rmdir(deep), 0);
	(void)close(fd);
}

/* Two servers, the younger one on what it was handed. */

static void drain(struct served *served)
{
	orch_http_server_drain(served->server, true);
}

static void expect_hello(int fd)
{
	struct reply reply;

	peer_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	reply_fini(&reply);
	(void)close(fd);
}

static void test_the_younger_server_goes_on_where_the_elder_ends(void **state)
{
	struct orch_http_server_options options = { .listen = "127.0.0.1:0" };
	struct served before, after;
	struct elder elder;
	int fd;

	(void)state;
	served_start(&before, NULL);
	elder_make(&elder, folder, NAME);
	orch_http_hand_offer(elder.hand, options.listen, orch_http_server_socket(before.server));
	elder_run(&elder);
	options.sockets = fetch();
	served_start(&after, &options);
	orch_http_sockets_destroy(options.sockets);
	assert_int_equal(after.port, before.port);
	served_do(&before, drain);
	for (int i = 0; i < 10; i++) {
		fd = peer_connect(before.port);
		assert_true(peer_say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
		expect_hello(fd);
	}
	assert_int_equal(atomic_load(&before.handled), 0);
	assert_int_equal(atomic_load(&after.handled), 10);
	elder_stop(&elder);
	served_stop(&before);
	served_stop(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
		TEST(test_sockets_arrive_and_accept),
		TEST(test_each_of_several_on_one_address_is_given_once),
		TEST(test_where_nobody_serves_there_is_nothing),
		TEST(test_another_name_and_another_folder_are_others),
		TEST(test_the_younger_one_takes_the_name),
		TEST(test_a_name_goes_with_who_was_asked_by_one_that_never_served),
		TEST(test_what_is_too_much_is_left_out),
		TEST(test_a_name_that_is_too_long_is_left_out),
		TEST(test_a_folder_may_have_a_long_name),
		TEST(test_the_younger_server_goes_on_where_the_elder_ends),
#undef TEST
	};

	return cmocka_run_group_tests_name("http_hand", tests, NULL, NULL);
}
